//! How a checkpoint changes the history.
//!
//! All of it counts from the last batch of the checkpoint on, which notes it in the tree. Shelves are written before that,
//! and what goes is removed after it; what a crash leaves in between is not noted, and the next start removes it.

use std::{sync::Arc, time::Duration};

use super::{
    bucket::Shelved,
    checkpoint::Checkpointer,
    memtable::{Memtable, Retired},
    moment::Moment,
    shelving::Shelving,
};
use crate::store::StoreError;

/// How often a full disk is asked again.
const FULL_PAUSE: Duration = Duration::from_millis(100);

impl Checkpointer {
    /// Writes the shelves of what moved in a table, durable; waits while the disk is full.
    pub(super) fn shelve(&self, table: &Memtable, shelving: &mut Shelving) -> Result<(), StoreError> {
        let all = self.history.all();
        let there = |shelf: &Arc<Shelved>| all.iter().any(|part| part.is_shelf(shelf));
        // A bucket may have gone while its shelves were merged.
        let Shelving { replaced, dropped, .. } = shelving;
        replaced.retain(|replaced| {
            !dropped.contains(&replaced.merged.bucket().end_ms()) && replaced.inputs.iter().all(there)
        });
        let inputs = replaced.iter().flat_map(|replaced| &replaced.inputs).map(|input| input.note().0);
        let parts = all.iter().filter(|part| dropped.contains(&part.end_ms()));
        shelving.gone = parts.map(|part| part.note_key()).chain(inputs).collect();
        for (end, retired) in table.retired() {
            if !shelving.dropped.contains(end) {
                shelving.new.push(self.shelved(*end, retired)?);
            }
        }
        // From here on they may be noted.
        shelving.new.iter().for_each(|shelf| shelf.keep_file());
        shelving.replaced.iter().for_each(|replaced| replaced.merged.keep_file());
        if !shelving.replaced.is_empty() {
            self.reached(Moment::Merged)?;
        }
        self.reached(Moment::Shelved)
    }

    fn shelved(&self, end_ms: u64, retired: &Retired) -> Result<Arc<Shelved>, StoreError> {
        let bucket = self.patient(|| self.history.bucket(end_ms))?;
        self.patient(|| bucket.shelve(&retired.keys, &self.blobs))
    }

    /// Tries again while the disk is full. The log has all of it meanwhile; after the end the next start tries again.
    fn patient<T>(&self, work: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        loop {
            match work() {
                Err(StoreError::Full { .. }) if !self.staging.is_closed() => {
                    std::thread::sleep(FULL_PAUSE);
                    self.staging.failure()?;
                }
                done => return done,
            }
        }
    }

    /// Lets readers see what is noted now, and removes what is not any more.
    pub(super) fn change(&self, shelving: &mut Shelving) -> Result<(), StoreError> {
        let Shelving { dropped, replaced, given_up, new, .. } = std::mem::take(shelving);
        if !replaced.is_empty() {
            self.reached(Moment::Replaced).map_err(|error| self.poison(error))?;
        }
        if !dropped.is_empty() {
            self.reached(Moment::Dropped).map_err(|error| self.poison(error))?;
        }
        if !(dropped.is_empty() && replaced.is_empty() && new.is_empty()) {
            self.history.change(new, replaced, &dropped);
        }
        if !given_up.is_empty() {
            self.history.remove_given_up();
        }
        Ok(())
    }
}
