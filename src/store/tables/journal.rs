//! The journal of each run: entries under their numbers, written once, never changed.

use serde::{Deserialize, Serialize};

use crate::{
    model::{Entry, JsonText, LogLine, RunError, RunId, StepId, StepRecord, StepStatus, Usage},
    store::{
        Batch, KeyRange, Order, Store, StoreError, keys,
        record::{self, Record},
    },
};

impl Record for Entry {
    const KIND: &'static str = "journal entry";
    const VERSION: u8 = 2;

    fn upgrade(version: u8, body: &[u8]) -> Option<Result<Self, postcard::Error>> {
        (version == 1).then(|| postcard::from_bytes::<StepV1>(body).map(Self::from))
    }
}

/// The first version: a finished step, outside of any loop.
#[derive(Serialize, Deserialize)]
struct StepV1 {
    step: StepId,
    status: StepStatus,
    output: JsonText,
    error: Option<RunError>,
    logs: Vec<LogLine>,
    log_truncated: bool,
    usage: Option<Usage>,
    started_ms: u64,
    took_us: u64,
}

impl From<StepV1> for Entry {
    fn from(step: StepV1) -> Self {
        let StepV1 { step, status, output, error, logs, log_truncated, usage, started_ms, took_us } = step;
        Self::Ended(StepRecord {
            step,
            at: Vec::new(),
            attempt: 1,
            status,
            output,
            error,
            logs,
            log_truncated,
            usage,
            started_ms,
            took_us,
        })
    }
}

/// Stores the run's entry number `number`, which must be new: what has happened never changes.
pub fn insert(batch: &mut Batch, run: RunId, number: u32, entry: &Entry) {
    let key = keys::step(run, number);
    batch.expect_absent(key.clone()).put(key, record::encode(entry));
}

/// Makes the commit end in `Conflict` when the run has an entry of this number.
pub fn expect_end(batch: &mut Batch, run: RunId, number: u32) {
    batch.expect_absent(keys::step(run, number));
}

/// The entries of a run in order.
///
/// # Errors
/// `Corrupt`, also when a number is missing before another.
pub fn list(store: &dyn Store, run: RunId) -> Result<Vec<Entry>, StoreError> {
    let range = KeyRange::prefix(keys::steps(run));
    let entries = super::read_range(store, range, Order::Ascending, usize::MAX)?;
    for ((key, _), expected) in entries.iter().zip(0..) {
        if keys::step_seq(key) != Some(expected) {
            return Err(StoreError::corrupt(keys::step(run, expected), "later entries are there, it is not"));
        }
    }
    Ok(entries.into_iter().map(|(_, entry)| entry).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, tables::samples, testing::block_on};

    #[test]
    fn entries_keep_their_order_and_cannot_change() {
        let store = MemoryStore::new();
        let (run, other) = (samples::run(1, "a").head.id, samples::run(2, "a").head.id);
        for seq in [0, 1, 2, 255, 256] {
            let mut batch = Batch::new();
            insert(&mut batch, other, seq, &samples::entry("other"));
            block_on(store.commit(batch)).unwrap();
        }
        let entries = ["one", "two", "three"].map(samples::entry);
        for (seq, entry) in entries.iter().enumerate() {
            let mut batch = Batch::new();
            insert(&mut batch, run, seq as u32, entry);
            block_on(store.commit(batch)).unwrap();
        }
        assert_eq!(list(&store, run).unwrap(), entries);
        let mut again = Batch::new();
        insert(&mut again, run, 1, &samples::entry("changed"));
        assert!(matches!(block_on(store.commit(again)), Err(StoreError::Conflict { .. })));
        assert_eq!(list(&store, run).unwrap(), entries);
        assert!(matches!(list(&store, other), Err(StoreError::Corrupt { .. })), "3 to 254 are missing");
    }

    #[test]
    fn a_step_of_the_first_version_is_read() {
        let old = StepV1 {
            step: "a".parse().unwrap(),
            status: StepStatus::Succeeded,
            output: JsonText::null(),
            error: None,
            logs: Vec::new(),
            log_truncated: false,
            usage: None,
            started_ms: 5,
            took_us: 7,
        };
        let bytes = postcard::to_extend(&old, vec![1]).unwrap();
        let entry: Entry = record::decode(b"s", &bytes).unwrap();
        assert!(matches!(entry, Entry::Ended(record) if record.attempt == 1 && record.took_us == 7));
    }
}
