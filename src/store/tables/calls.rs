//! What scripts got from the host: the results of an attempt's calls until the attempt has ended, and what
//! `step.run` remembers until the run is gone.

use sha2::{Digest, Sha256};

use crate::{
    model::{CallRecord, JsonText, RunId, StepKey},
    store::{
        Batch, KeyRange, Order, Store, StoreError, keys,
        record::{self, Record},
    },
};

impl Record for CallRecord {
    const KIND: &'static str = "call of a script";
    const VERSION: u8 = 1;
}

/// A value under a name.
#[derive(serde::Serialize, serde::Deserialize)]
struct Memo(JsonText);

impl Record for Memo {
    const KIND: &'static str = "memo of a script";
    const VERSION: u8 = 1;
}

fn digest(text: &str) -> [u8; 16] {
    *Sha256::digest(text).first_chunk().expect("SHA-256 has 32 bytes")
}

/// Stores result number `number` of an attempt, which must be new.
pub fn insert(batch: &mut Batch, run: RunId, step: &StepKey, attempt: u32, number: u32, call: &CallRecord) {
    let key = keys::call(run, &digest(&step.to_string()), attempt, number);
    batch.expect_absent(key.clone()).put(key, record::encode(call));
}

/// The results of an attempt, in the order in which the script got them.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(
    store: &dyn Store,
    run: RunId,
    step: &StepKey,
    attempt: u32,
) -> Result<Vec<CallRecord>, StoreError> {
    let range = KeyRange::prefix(keys::calls_of(run, &digest(&step.to_string()), attempt));
    let calls = super::read_range(store, range, Order::Ascending, usize::MAX).await?;
    Ok(calls.into_iter().map(|(_, call)| call).collect())
}

/// Removes the first `count` results of an attempt.
pub fn remove(batch: &mut Batch, run: RunId, step: &StepKey, attempt: u32, count: u32) {
    let step = digest(&step.to_string());
    for number in 0..count {
        batch.delete(keys::call(run, &step, attempt, number));
    }
}

/// Removes the results of all attempts of a run; what is remembered stays.
pub fn remove_all(batch: &mut Batch, run: RunId) {
    batch.delete_prefix(keys::calls(run));
}

/// Remembers a value under a name.
pub fn remember(batch: &mut Batch, run: RunId, step: &StepKey, name: &str, value: &JsonText) {
    let key = keys::memo(run, &digest(&step.to_string()), &digest(name));
    batch.put(key, record::encode(&Memo(value.clone())));
}

/// What is remembered under a name.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn remembered(
    store: &dyn Store,
    run: RunId,
    step: &StepKey,
    name: &str,
) -> Result<Option<JsonText>, StoreError> {
    let key = keys::memo(run, &digest(&step.to_string()), &digest(name));
    Ok(super::read::<Memo>(store, &key).await?.map(|Memo(value)| value))
}

/// Lets a run remember what another remembers: one that goes on from its failed step.
///
/// # Errors
/// When the store cannot be read.
pub async fn inherit(store: &dyn Store, batch: &mut Batch, from: RunId, to: RunId) -> Result<(), StoreError> {
    for (key, memo) in store.scan(KeyRange::prefix(keys::memos(from)), Order::Ascending, usize::MAX).await? {
        if let Some(key) = keys::memo_in(to, &key) {
            batch.put(key, memo);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    fn call(id: u32) -> CallRecord {
        let result = Ok(JsonText::from_value(&id.into()));
        CallRecord { id, op: "fetch".to_owned(), digest: [1; 16], result, at_ms: 5, took_us: 6 }
    }

    #[test]
    fn results_are_an_attempts_own_and_memos_the_steps() {
        let store = MemoryStore::new();
        let (run, other) = (RunId::new(1, [1; 10]), RunId::new(2, [2; 10]));
        let step = |index| StepKey { step: "a".parse().unwrap(), at: vec![index] };
        let commit = |fill: &dyn Fn(&mut Batch)| {
            let mut batch = Batch::new();
            fill(&mut batch);
            block_on(store.commit(batch)).unwrap();
        };
        commit(&|batch| {
            for number in 0..3 {
                insert(batch, run, &step(0), 1, number, &call(number + 10));
            }
            insert(batch, run, &step(0), 2, 0, &call(20));
            insert(batch, run, &step(1), 1, 0, &call(30));
            remember(batch, run, &step(0), "name", &JsonText::null());
        });
        let ids = |step, attempt| -> Vec<u32> {
            block_on(list(&store, run, &step, attempt)).unwrap().iter().map(|call| call.id).collect()
        };
        assert_eq!(
            (ids(step(0), 1), ids(step(0), 2), ids(step(1), 1)),
            (vec![10, 11, 12], vec![20], vec![30])
        );
        commit(&|batch| remove(batch, run, &step(0), 1, 3));
        assert_eq!((ids(step(0), 1), ids(step(0), 2)), (vec![], vec![20]));
        commit(&|batch| remove_all(batch, run));
        assert_eq!((ids(step(0), 2), ids(step(1), 1)), (vec![], vec![]));
        commit(&|batch| block_on(inherit(&store, batch, run, other)).unwrap());
        for run in [run, other] {
            assert_eq!(block_on(remembered(&store, run, &step(0), "name")).unwrap(), Some(JsonText::null()));
            assert_eq!(block_on(remembered(&store, run, &step(1), "name")).unwrap(), None);
        }
    }
}
