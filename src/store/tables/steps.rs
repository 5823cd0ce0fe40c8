//! What each executed step of a run left: written once under its number, never changed.

use crate::{
    model::{RunId, StepRecord},
    store::{
        Batch, KeyRange, Order, Store, StoreError, keys,
        record::{self, Record},
    },
};

impl Record for StepRecord {
    const KIND: &'static str = "step";
    const VERSION: u8 = 1;
}

/// Stores the record of the run's step number `number`, which must be new: a finished step never changes.
pub fn insert(batch: &mut Batch, run: RunId, number: u32, step: &StepRecord) {
    let key = keys::step(run, number);
    batch.expect_absent(key.clone()).put(key, record::encode(step));
}

/// The steps of a run in order. At most [`Limits::STEPS`](crate::model::Limits::STEPS) exist.
///
/// # Errors
/// `Corrupt`, also when a number is missing between two others.
pub fn list(store: &dyn Store, run: RunId) -> Result<Vec<StepRecord>, StoreError> {
    let range = KeyRange::prefix(keys::steps(run));
    let steps = super::read_range(store, range, Order::Ascending, usize::MAX)?;
    let first = steps.first().and_then(|(key, _)| keys::step_seq(key)).unwrap_or(0);
    for ((key, _), expected) in steps.iter().zip(first..) {
        if keys::step_seq(key) != Some(expected) {
            return Err(StoreError::corrupt(keys::step(run, expected), "later steps are there, it is not"));
        }
    }
    Ok(steps.into_iter().map(|(_, step)| step).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, tables::samples, testing::block_on};

    #[test]
    fn steps_keep_their_order_and_cannot_change() {
        let store = MemoryStore::new();
        let (run, other) = (samples::run(1, "a").id, samples::run(2, "a").id);
        for seq in [0, 1, 2, 255, 256] {
            let mut batch = Batch::new();
            insert(&mut batch, other, seq, &samples::step("other"));
            block_on(store.commit(batch)).unwrap();
        }
        let records = ["one", "two", "three"].map(samples::step);
        for (seq, record) in records.iter().enumerate() {
            let mut batch = Batch::new();
            insert(&mut batch, run, seq as u32, record);
            block_on(store.commit(batch)).unwrap();
        }
        assert_eq!(list(&store, run).unwrap(), records);
        let mut again = Batch::new();
        insert(&mut again, run, 1, &samples::step("changed"));
        assert!(matches!(block_on(store.commit(again)), Err(StoreError::Conflict { .. })));
        assert_eq!(list(&store, run).unwrap(), records);
        assert!(matches!(list(&store, other), Err(StoreError::Corrupt { .. })), "3 to 254 are missing");
    }
}
