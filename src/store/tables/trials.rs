//! Whether the process was stopped or ended otherwise, and the runs that were under way when it did (`engine/line/trials`).

use crate::{
    model::RunId,
    store::{
        Batch, Key, KeyRange, Order, Store, StoreError,
        keys::{self, Kind},
    },
};

/// There from a start to the stop that belongs to it.
const PROCESS: &str = "process";

/// Whether the last process that used the store ended without being stopped.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn broke_off(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.get(&keys::meta(PROCESS)).await?.is_some())
}

/// Notes that a process starts.
pub fn started(batch: &mut Batch) {
    batch.put(keys::meta(PROCESS), []);
}

/// Notes that the process stops well.
pub fn stopped(batch: &mut Batch) {
    batch.delete(keys::meta(PROCESS));
}

/// Marks a run as begun again after so many ends of the process, less the one that may come.
pub fn mark(batch: &mut Batch, run: RunId, ends: u32) {
    batch.put(keys::trial(run), ends.to_be_bytes());
}

/// Lowers a mark, unless the run got further meanwhile.
pub fn lower(batch: &mut Batch, run: RunId, from: u32, to: u32) {
    batch.expect_equals(keys::trial(run), from.to_be_bytes());
    mark(batch, run, to);
}

/// Removes the mark of a run.
pub fn clear(batch: &mut Batch, run: RunId) {
    batch.delete(keys::trial(run));
}

/// All marks.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(store: &dyn Store) -> Result<Vec<(RunId, u32)>, StoreError> {
    let marks = store.scan(KeyRange::prefix(Kind::Trial.prefix()), Order::Ascending, usize::MAX).await?;
    marks
        .into_iter()
        .map(|(key, value)| {
            let run = keys::run_id(&key).zip(value.try_into().ok().map(u32::from_be_bytes));
            run.ok_or_else(|| StoreError::corrupt(Key::from(key), "it is no mark of a run"))
        })
        .collect()
}
