//! The journal of each run: entries under their numbers, written once, never changed.

use serde::{Deserialize, Serialize};

use crate::{
    model::{
        Entry, JsonText, LogLevel, LogLine, RunError, RunId, StepId, StepKey, StepRecord, StepStatus, Usage,
        Wait,
    },
    store::{
        Batch, KeyRange, Order, Store, StoreError, keys,
        record::{self, Record},
    },
};

impl Record for Entry {
    const KIND: &'static str = "journal entry";
    const VERSION: u8 = 3;

    fn upgrade(version: u8, body: &[u8]) -> Option<Result<Self, postcard::Error>> {
        match version {
            1 => Some(postcard::from_bytes::<StepV1>(body).map(Self::from)),
            2 => Some(postcard::from_bytes::<EntryV2>(body).map(Self::from)),
            _ => None,
        }
    }
}

/// The first version: a finished step, outside of any loop.
#[derive(Serialize, Deserialize)]
struct StepV1 {
    step: StepId,
    status: StepStatus,
    output: JsonText,
    error: Option<RunError>,
    logs: Vec<LineV2>,
    log_truncated: bool,
    usage: Option<UsageV2>,
    started_ms: u64,
    took_us: u64,
}

impl From<StepV1> for Entry {
    fn from(step: StepV1) -> Self {
        let StepV1 { step, status, output, error, logs, log_truncated, usage, started_ms, took_us } = step;
        let at = Vec::new();
        Self::Ended(
            StepV2 {
                step,
                at,
                attempt: 1,
                status,
                output,
                error,
                logs,
                log_truncated,
                usage,
                started_ms,
                took_us,
            }
            .into(),
        )
    }
}

/// The second version: without calls of scripts, times of log lines, and some of the figures.
#[derive(Serialize, Deserialize)]
enum EntryV2 {
    Ended(StepV2),
    Retrying(StepV2, u64),
    Begun(StepKey, JsonText, u64),
    Waiting { key: StepKey, wait: Wait, since_ms: u64, due_ms: Option<u64>, attempt: u32 },
}

#[derive(Serialize, Deserialize)]
struct StepV2 {
    step: StepId,
    at: Vec<u32>,
    attempt: u32,
    status: StepStatus,
    output: JsonText,
    error: Option<RunError>,
    logs: Vec<LineV2>,
    log_truncated: bool,
    usage: Option<UsageV2>,
    started_ms: u64,
    took_us: u64,
}

#[derive(Serialize, Deserialize)]
struct LineV2 {
    level: LogLevel,
    text: String,
}

#[derive(Serialize, Deserialize)]
struct UsageV2 {
    fuel: u64,
    peak_memory: u64,
    wall_us: u64,
    host_calls: u64,
}

impl From<EntryV2> for Entry {
    fn from(entry: EntryV2) -> Self {
        match entry {
            EntryV2::Ended(step) => Self::Ended(step.into()),
            EntryV2::Retrying(step, due_ms) => Self::Retrying(step.into(), due_ms),
            EntryV2::Begun(key, output, since_ms) => Self::Begun(key, output, since_ms),
            EntryV2::Waiting { key, wait, since_ms, due_ms, attempt } => {
                Self::Waiting { key, wait, since_ms, due_ms, attempt }
            }
        }
    }
}

impl From<StepV2> for StepRecord {
    fn from(step: StepV2) -> Self {
        let at_ms = step.started_ms;
        let line = |LineV2 { level, text }| LogLine { level, text, at_ms };
        let usage = |UsageV2 { fuel, peak_memory, wall_us, host_calls }| Usage {
            fuel,
            peak_memory,
            wall_us,
            host_calls,
            ..Usage::default()
        };
        Self {
            step: step.step,
            at: step.at,
            attempt: step.attempt,
            status: step.status,
            output: step.output,
            error: step.error,
            logs: step.logs.into_iter().map(line).collect(),
            log_truncated: step.log_truncated,
            usage: step.usage.map(usage),
            calls: Vec::new(),
            started_ms: step.started_ms,
            took_us: step.took_us,
        }
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
pub async fn list(store: &dyn Store, run: RunId) -> Result<Vec<Entry>, StoreError> {
    let range = KeyRange::prefix(keys::steps(run));
    let entries = super::read_range(store, range, Order::Ascending, usize::MAX).await?;
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
        assert_eq!(block_on(list(&store, run)).unwrap(), entries);
        let mut again = Batch::new();
        insert(&mut again, run, 1, &samples::entry("changed"));
        assert!(matches!(block_on(store.commit(again)), Err(StoreError::Conflict { .. })));
        assert_eq!(block_on(list(&store, run)).unwrap(), entries);
        assert!(
            matches!(block_on(list(&store, other)), Err(StoreError::Corrupt { .. })),
            "3 to 254 are missing"
        );
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

    #[test]
    fn a_wait_that_was_stored_before_there_were_questions_is_read() {
        // Version 3, entry 3 (a wait), step `a` outside of loops, wait 1 (a callback), since 5, until 7, attempt 1.
        let bytes = [3, 3, 1, b'a', 0, 1, 5, 1, 7, 1];
        let entry: Entry = record::decode(b"s", &bytes).unwrap();
        let key = StepKey { step: "a".parse().unwrap(), at: Vec::new() };
        let expected = Entry::Waiting { key, wait: Wait::Callback, since_ms: 5, due_ms: Some(7), attempt: 1 };
        assert_eq!(entry, expected);
        assert_eq!(record::encode(&entry), bytes);
    }

    #[test]
    fn an_entry_of_the_second_version_is_read() {
        let step = StepV2 {
            step: "a".parse().unwrap(),
            at: vec![3],
            attempt: 2,
            status: StepStatus::Succeeded,
            output: JsonText::null(),
            error: None,
            logs: vec![LineV2 { level: LogLevel::Warn, text: "w".to_owned() }],
            log_truncated: true,
            usage: Some(UsageV2 { fuel: 1, peak_memory: 2, wall_us: 3, host_calls: 4 }),
            started_ms: 5,
            took_us: 7,
        };
        let bytes = postcard::to_extend(&EntryV2::Retrying(step, 9), vec![2]).unwrap();
        let Entry::Retrying(record, 9) = record::decode(b"s", &bytes).unwrap() else {
            panic!("another entry")
        };
        assert_eq!((record.at, record.usage.unwrap().host_calls, record.logs[0].at_ms), (vec![3], 4, 5));
    }
}
