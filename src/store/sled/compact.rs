//! Compaction of the live database: a copy takes its place.
//!
//! sled gives little of its space back under steady inserts and deletes. The checkpoint's thread, which alone writes,
//! copies the live pairs to a new folder, makes them durable, reads them again, and names the folder as the
//! current one in one step. A crash at any moment leaves one complete state that is named; the next start
//! removes the other. The old folder stays until the first checkpoint on the new one.

use std::{fs, ops::Bound, path::Path, time::Instant};

use sled::Db;

pub(super) use super::moment::{Hook, Moment};
use super::{
    check,
    checkpoint::Checkpointer,
    commits::Commits,
    failure::from_sled,
    folder::{self, next_state, room},
    live::{Opening, open_sled, sync_new_files},
    tally::{Tally, Weight},
};
use crate::store::StoreError;

/// Pairs that one batch of the copy holds.
const CHUNK: usize = 1_000;

impl Checkpointer {
    /// Compacts if that pays and was not looked at a while ago. Failures but that of the disk's sync leave all
    /// as it was.
    pub(super) fn compact_if_due(&mut self) {
        // Before everything is counted nobody knows whether it pays.
        let Some(tally) = &self.tally else { return };
        if self.looked.is_some_and(|looked| looked.elapsed() < self.compaction.every) {
            return;
        }
        self.looked = Some(Instant::now());
        let (size, live) = (check::size_of(&self.state), tally.bytes);
        if size <= live.saturating_mul(4).saturating_add(self.compaction.slack) {
            return;
        }
        let room = room(&self.staging.folder, self.staging.reserve);
        if room < live.saturating_mul(3) {
            tracing::warn!(size, live, room, "the store would be compacted, but there is no room for a copy");
            return;
        }
        let begun = Instant::now();
        let new = next_state(&self.state);
        match self.compact(&new) {
            Ok(()) => {
                let now = check::size_of(&self.state);
                let took_ms = begun.elapsed().as_millis() as u64;
                tracing::info!(before = size, now, took_ms, "compacted the store");
            }
            // A test's end of the work, or a sync that failed.
            Err(error @ StoreError::Failed { .. }) => drop(self.poison(error)),
            Err(error) => {
                tracing::warn!(%error, "the store was not compacted");
                let _ = fs::remove_dir_all(&new);
            }
        }
    }

    fn compact(&mut self, new: &Path) -> Result<(), StoreError> {
        let _ = fs::remove_dir_all(new);
        folder::create_private(new)?;
        self.reached(Moment::Begun)?;
        let db = open_sled(new, Opening::live(self.compaction.cache))?;
        let copied = copy(&self.db, &db)?;
        self.reached(Moment::Copied)?;
        db.flush().map_err(|error| from_sled(error, "flush"))?;
        let db_file = sync_new_files(new)?;
        for tally in [copied, count(&db)?] {
            if (tally.keys, tally.sum) != (self.commits.keys, self.commits.sum) {
                return Err(StoreError::corrupt(new.display(), "the copy is not what was copied"));
            }
        }
        self.reached(Moment::Verified)?;
        // From here on it is open which of the two the next start finds.
        let failed = |error: StoreError| StoreError::Failed { reason: error.to_string() };
        folder::name_state(new).map_err(failed)?;
        self.reached(Moment::Named)?;
        self.live.replace(db.clone());
        (self.db, self.db_file) = (db, db_file);
        self.old = Some(std::mem::replace(&mut self.state, new.to_owned()));
        Ok(())
    }

    /// Removes the folder before the last compaction, now that the new one has a checkpoint.
    pub(super) fn remove_old_state(&mut self) -> Result<(), StoreError> {
        let Some(old) = self.old.take() else { return Ok(()) };
        self.reached(Moment::Committed)?;
        if let Err(error) = fs::remove_dir_all(&old) {
            tracing::warn!(%error, folder = %old.display(), "the next start removes this folder");
        }
        Ok(())
    }
}

/// Copies everything, counters too; gives the count of what they count.
fn copy(from: &Db, to: &Db) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    let mut last: Option<sled::IVec> = None;
    loop {
        let start = last.as_ref().map_or(Bound::Unbounded, |last| Bound::Excluded(last.clone()));
        let (mut batch, mut copied) = (sled::Batch::default(), 0);
        for pair in from.range((start, Bound::Unbounded)).take(CHUNK) {
            let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
            if key != Commits::key().as_bytes() {
                tally.change(None, Some(&Weight::of(&key, &bytes)));
            }
            batch.insert(key.clone(), bytes);
            copied += 1;
            last = Some(key);
        }
        if copied == 0 {
            return Ok(tally);
        }
        to.apply_batch(batch).map_err(|error| from_sled(error, "write"))?;
    }
}

fn count(db: &Db) -> Result<Tally, StoreError> {
    let mut tally = Tally::default();
    for pair in db.iter() {
        let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
        if key != Commits::key().as_bytes() {
            tally.change(None, Some(&Weight::of(&key, &bytes)));
        }
    }
    Ok(tally)
}
