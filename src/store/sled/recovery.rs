//! What a start finds in the log beyond the tree.

use std::{collections::BTreeMap, path::Path};

use sled::{Db, IVec};

use super::{
    blobs::Blobs,
    bucket::{Holds, Note},
    envelope::{self, Content},
    failure::from_sled,
    history::Notes,
    memtable::Memtable,
    old_bucket::Noted,
};
use crate::store::{
    Key, KeyRange, Order, StoreError,
    log::{Change, replay},
    record,
};

/// What the log has beyond what the tree holds, and the number of the last commit.
pub(super) fn replayed(log: &Path, held: u64, blobs: &Blobs) -> Result<(Memtable, u64), StoreError> {
    let mut table = Memtable::default();
    let number = replay(log, held, |number, batch| {
        for (key, change) in batch {
            match change {
                Change::Put(envelope) => drop(table.apply(key, Some((envelope.into(), None)), false)),
                Change::Until(end, envelope) => {
                    table.apply(key, Some((envelope.into(), Some(end))), false);
                }
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

/// What the tree notes of the history, and of what lapses. In the format before there were such notes in the log too, so `table`
/// may have some.
pub(super) fn notes(db: &Db, table: &Memtable) -> Result<(Notes, Notes), StoreError> {
    let (mut history, mut lapsing) = (Notes::default(), Notes::default());
    for (key, bytes) in own(db, table, &Noted::prefix())? {
        if let (Some(name), Content::Inline(note)) = (Noted::name(&key), envelope::open(&key, &bytes)?) {
            history.old.insert(name.to_owned(), record::decode(&key, note)?);
        }
    }
    for (holds, notes) in [(Holds::Ended, &mut history), (Holds::Lapsing, &mut lapsing)] {
        for (key, bytes) in own(db, table, &Note::prefix(holds))? {
            if let (Some((name, number)), Content::Inline(note)) =
                (Note::parse(holds, &key), envelope::open(&key, &bytes)?)
            {
                let bucket = notes.shelves.entry(name.to_owned()).or_default();
                bucket.insert(number, record::decode(&key, note)?);
            }
        }
    }
    Ok((history, lapsing))
}

/// What begins so, with the table's word over the tree's.
fn own(db: &Db, table: &Memtable, prefix: &Key) -> Result<BTreeMap<Key, IVec>, StoreError> {
    let mut found = BTreeMap::new();
    for pair in db.scan_prefix(prefix) {
        let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
        found.insert(Key::from(&*key), bytes);
    }
    for (key, slot) in table.range(&KeyRange::prefix(prefix), Order::Ascending) {
        match &slot.envelope {
            Some(bytes) => found.insert(key.clone(), bytes.clone()),
            None => found.remove(key),
        };
    }
    Ok(found)
}
