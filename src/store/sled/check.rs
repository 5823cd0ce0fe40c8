//! Is all that was acknowledged there, and unchanged?
//!
//! At each start the number of the last commit, in the tree or in the log, is compared with the watermark. Every key of the tree is read: its checksum,
//! the file that it refers to, and in the end number and sum of all. sled's recovery can skip a damaged part
//! in the middle of its log without a word, and only this finds it. A small store is read before it opens;
//! of a large one the checkpoint's thread reads a little whenever it has nothing to write.

use std::{fs, ops::Bound, path::Path};

use sled::Db;

use super::{
    blobs::Blobs,
    commits::Commits,
    envelope::{self, Content},
    failure::from_sled,
    tally::{Tally, Weight},
};
use crate::store::{Key, StoreError};

/// Keys that one step reads; a millisecond or less from memory.
const STEP: usize = 256;

/// What a database says of itself.
pub(super) fn commits(db: &Db) -> Result<Commits, StoreError> {
    match db.get(Commits::key()).map_err(|error| from_sled(error, "read"))? {
        Some(bytes) => Commits::open(&bytes),
        None => Ok(Commits::default()),
    }
}

/// Compares the number of the last commit that is there with what was answered before.
pub(super) fn answered(number: u64, watermark: u64) -> Result<(), StoreError> {
    if number < watermark {
        let what = format!("it ends at commit {number} of {watermark} that were answered");
        return Err(StoreError::corrupt("the state", what));
    }
    Ok(())
}

/// Reads everything before anything is written.
pub(super) fn everything(db: &Db, blobs: &Blobs, commits: &Commits) -> Result<Tally, StoreError> {
    let mut audit = Audit::default();
    while !audit.step(db, blobs, commits)? {}
    Ok(audit.tally)
}

/// Removes large values that nothing refers to.
pub(super) fn sweep(blobs: &Blobs, tally: &Tally) -> Result<(), StoreError> {
    match blobs.sweep(|hash| tally.refers_to(hash))? {
        0 => {}
        removed => tracing::info!(removed, "removed files of large values that nothing refers to"),
    }
    Ok(())
}

/// A reading of the whole tree, in steps between which the one writer may write.
#[derive(Debug, Default)]
pub(super) struct Audit {
    /// The last key that was read.
    read: Option<Key>,
    /// What was read so far, as it is now.
    pub(super) tally: Tally,
}

impl Audit {
    /// Reads some keys. At the end compares with the counters and gives true.
    ///
    /// # Errors
    /// `StoreError::Corrupt` when a stored value cannot be read.
    pub(super) fn step(&mut self, db: &Db, blobs: &Blobs, commits: &Commits) -> Result<bool, StoreError> {
        let start = self.read.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let mut pairs = db.range::<&[u8], _>((start, Bound::Unbounded));
        let mut last = None;
        for pair in pairs.by_ref().take(STEP) {
            let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
            if key != Commits::key().as_bytes() {
                if let Content::Blob(blob) = envelope::open(&key, &bytes)?
                    && !blobs.is_there(&blob)
                {
                    let file = hex::encode(blob.hash);
                    let what = format!("its file {file} is missing or has another length");
                    return Err(StoreError::corrupt(Key::from(&*key), what));
                }
                self.tally.change(None, Some(&Weight::of(&key, &bytes)));
            }
            last = Some(key);
        }
        let Some(last) = last else { return self.compare(commits).map(|()| true) };
        self.read = Some(Key::from(&*last));
        Ok(false)
    }

    /// Takes note of a write.
    pub(super) fn written(&mut self, key: &Key, before: Option<&Weight>, after: Option<&Weight>) {
        if self.read.as_ref().is_some_and(|read| key <= read) {
            self.tally.change(before, after);
        }
    }

    fn compare(&self, commits: &Commits) -> Result<(), StoreError> {
        let what = match (self.tally.keys == commits.keys, self.tally.sum == commits.sum) {
            (true, true) => return Ok(()),
            (true, false) => format!("some of its {} keys are not as they were last written", commits.keys),
            (false, _) => format!("{} of {} keys are there", self.tally.keys, commits.keys),
        };
        Err(StoreError::corrupt("the state", what))
    }
}

/// Bytes of the files directly in a folder.
pub(super) fn size_of(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|entry| entry.metadata().ok()).filter(|meta| meta.is_file()).map(|meta| meta.len()).sum()
}
