//! How a checkpoint changes the history and what lapses.
//!
//! New shelves count from the last batch of the checkpoint on, which notes them in the tree. They are written before that, and
//! those that they replace are removed after it; what a crash leaves in between is not noted, and the next start removes it.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use sled::IVec;

use super::{
    bucket::{Holds, Shelved, tombstone},
    checkpoint::Checkpointer,
    memtable::Memtable,
    moment::Moment,
    part::Part,
    shelving::Shelving,
};
use crate::store::{Key, StoreError};

/// How often a full disk is asked again.
const FULL_PAUSE: Duration = Duration::from_millis(100);

impl Checkpointer {
    /// Drops buckets as far as they have files, at once, so that it makes room also on a disk that is too full for a checkpoint.
    /// What the tables have of them goes with the checkpoint that follows: after a crash in between that much is there again,
    /// and nobody was told that it is not.
    pub(super) fn drop_buckets(&mut self, shelving: &mut Shelving) -> Result<(), StoreError> {
        let Shelving { dropped, gone, .. } = shelving;
        if dropped.is_empty() {
            return Ok(());
        }
        let lapsing = &self.staging.lapsing;
        for (parts, ends) in
            [(self.history.all(), &dropped.history), (lapsing.parts().all(), &dropped.lapsing)]
        {
            // The table may have a note of the format before; so they go with the checkpoint once more.
            gone.extend(parts.iter().filter(|part| ends.contains(&part.end_ms())).map(Part::note_key));
        }
        self.forget(gone).map_err(|error| self.stopped(error))?;
        self.history.change(Vec::new(), Vec::new(), &dropped.history);
        self.staging.lapsing.change(Vec::new(), Vec::new(), &dropped.lapsing);
        Ok(())
    }

    /// Removes notes, durable; the tree is of the same commit as before.
    fn forget(&mut self, notes: &[Key]) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for key in notes {
            self.put(&mut batch, key, None)?;
        }
        self.apply(batch)?;
        self.sync()?;
        self.reached(Moment::Dropped)
    }

    /// Writes the shelves of what moved in a table, and of what expires by itself, durable; waits while the disk is full.
    pub(super) fn shelve(&self, table: &Memtable, shelving: &mut Shelving) -> Result<(), StoreError> {
        let mut all = self.history.all();
        all.extend(self.staging.lapsing.parts().all());
        let there = |shelf: &Arc<Shelved>| all.iter().any(|part| part.is_shelf(shelf));
        // A bucket may have gone while its shelves were merged.
        shelving.replaced.retain(|replaced| replaced.inputs.iter().all(there));
        let inputs = shelving.replaced.iter().flat_map(|replaced| &replaced.inputs);
        shelving.gone.extend(inputs.map(|input| input.note().0));
        for (end, retired) in table.retired() {
            if !shelving.dropped.history.contains(end) {
                let bucket = self.patient(|| self.history.bucket(*end))?;
                shelving.new.push(self.patient(|| bucket.shelve(&retired.keys, &self.blobs))?);
            }
        }
        for (end, keys) in self.lapsing(table, &shelving.dropped.lapsing) {
            let bucket = self.patient(|| self.staging.lapsing.bucket(end))?;
            shelving.new.push(self.patient(|| bucket.shelve(&keys, &self.blobs))?);
        }
        // From here on they may be noted.
        shelving.new.iter().for_each(|shelf| shelf.keep_file());
        shelving.replaced.iter().for_each(|replaced| replaced.merged.keep_file());
        if !shelving.replaced.is_empty() {
            self.reached(Moment::Merged)?;
        }
        self.reached(Moment::Shelved)
    }

    /// What of a table goes to the buckets of what lapses, by their ends: values, and tombstones where a bucket still has another
    /// value of a key.
    fn lapsing(&self, table: &Memtable, dropped: &BTreeSet<u64>) -> BTreeMap<u64, BTreeMap<Key, IVec>> {
        let mut buckets = BTreeMap::<u64, BTreeMap<Key, IVec>>::new();
        for (key, slot) in table.iter() {
            if let (Some(end), Some(envelope)) = (slot.until, &slot.envelope)
                && !dropped.contains(&end)
            {
                buckets.entry(end).or_default().insert(key.clone(), envelope.clone());
            }
            let ends = if slot.new { Vec::new() } else { self.staging.lapsing.ends_with(key) };
            for end in ends.into_iter().filter(|end| slot.until != Some(*end)) {
                buckets.entry(end).or_default().insert(key.clone(), tombstone());
            }
        }
        buckets
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
        let Shelving { replaced, given_up, new, .. } = std::mem::take(shelving);
        if !replaced.is_empty() {
            self.reached(Moment::Replaced).map_err(|error| self.poison(error))?;
        }
        if !(replaced.is_empty() && new.is_empty()) {
            let in_history = |shelf: &Arc<Shelved>| match shelf.bucket().holds() {
                Holds::Ended => true,
                Holds::Lapsing => false,
            };
            let (new, lapsing) = new.into_iter().partition(in_history);
            let (replaced, merged) = replaced.into_iter().partition(|one| in_history(&one.merged));
            self.history.change(new, replaced, &BTreeSet::new());
            self.staging.lapsing.change(lapsing, merged, &BTreeSet::new());
        }
        if !given_up.is_empty() {
            self.history.remove_given_up();
            self.staging.lapsing.parts().remove_given_up();
        }
        Ok(())
    }
}
