//! What a start finds in the log beyond the tree.

use std::{collections::BTreeMap, path::Path};

use super::{
    blobs::Blobs,
    bucket::Noted,
    envelope::{self, Content},
    memtable::Memtable,
    staging::Staging,
};
use crate::store::{KeyRange, StoreError, log::replay, record};

/// What the log has beyond what the tree holds, and the number of the last commit.
pub(super) fn replayed(log: &Path, held: u64, blobs: &Blobs) -> Result<(Memtable, u64), StoreError> {
    let mut table = Memtable::default();
    let number = replay(log, held, |_, batch| {
        for (key, value) in batch {
            table.apply(key, value.map(Into::into), false);
        }
        Ok(())
    })?;
    for (key, slot) in table.iter() {
        let Some(bytes) = &slot.envelope else { continue };
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

/// What the live part says about the buckets of the history.
pub(super) fn notes(staging: &Staging) -> Result<BTreeMap<String, Noted>, StoreError> {
    let mut notes = BTreeMap::new();
    for (key, bytes) in staging.own_envelopes(&KeyRange::prefix(Noted::key("")))? {
        if let (Some(name), Content::Inline(note)) = (Noted::name(&key), envelope::open(&key, &bytes)?) {
            notes.insert(name.to_owned(), record::decode(&key, note)?);
        }
    }
    Ok(notes)
}
