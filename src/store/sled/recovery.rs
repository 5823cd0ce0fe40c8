//! What a start finds in the log beyond the tree.

use std::path::Path;

use super::{
    blobs::Blobs,
    bucket::Note,
    envelope::{self, Content},
    history::Notes,
    memtable::Memtable,
    old_bucket::Noted,
    staging::Staging,
};
use crate::store::{
    KeyRange, StoreError,
    log::{Change, replay},
    record,
};

/// What the log has beyond what the tree holds, and the number of the last commit.
pub(super) fn replayed(log: &Path, held: u64, blobs: &Blobs) -> Result<(Memtable, u64), StoreError> {
    let mut table = Memtable::default();
    let number = replay(log, held, |number, batch| {
        for (key, change) in batch {
            match change {
                Change::Put(envelope) => drop(table.apply(key, Some(envelope.into()), false)),
                Change::Delete => drop(table.apply(key, None, false)),
                Change::Keep(end, envelope) => drop(table.retire(end, key, envelope.into())),
                Change::Move(end) => match table.apply(key.clone(), None, false) {
                    Some(envelope) => drop(table.retire(end, key, envelope)),
                    None => {
                        let what = format!("commit {number} moves it, and no commit before gives it a value");
                        return Err(StoreError::corrupt(key, what));
                    }
                },
            }
        }
        Ok(())
    })?;
    let live = table.iter().filter_map(|(key, slot)| Some((key, slot.envelope.as_ref()?)));
    let retired = table.retired().values().flat_map(|retired| &retired.keys);
    for (key, bytes) in live.chain(retired) {
        if let Content::Blob(blob) = envelope::open(key, bytes)? {
            if !blobs.is_there(&blob) {
                let file = hex::encode(blob.hash);
                let what = format!("its file {file} is missing or has another length");
                return Err(StoreError::corrupt(key, what));
            }
            blobs.hold(blob.hash);
        }
    }
    if number > held {
        tracing::info!(
            commits = number - held,
            keys = table.iter().count(),
            "read the log since the last checkpoint"
        );
    }
    Ok((table, number))
}

/// What the live part notes of the history.
pub(super) fn notes(staging: &Staging) -> Result<Notes, StoreError> {
    let mut notes = Notes::default();
    for (key, bytes) in staging.own_envelopes(&KeyRange::prefix(Noted::prefix()))? {
        if let (Some(name), Content::Inline(note)) = (Noted::name(&key), envelope::open(&key, &bytes)?) {
            notes.old.insert(name.to_owned(), record::decode(&key, note)?);
        }
    }
    for (key, bytes) in staging.own_envelopes(&KeyRange::prefix(Note::prefix()))? {
        if let (Some((name, number)), Content::Inline(note)) =
            (Note::parse(&key), envelope::open(&key, &bytes)?)
        {
            let bucket = notes.shelves.entry(name.to_owned()).or_default();
            bucket.insert(number, record::decode(&key, note)?);
        }
    }
    Ok(notes)
}
