//! Dead letters: failed runs that nobody has dealt with; and workflows that are paused.

use crate::{
    model::{RunId, WorkflowKey},
    store::{
        Batch, Key, KeyRange, Order, Store, StoreError,
        keys::{self, Kind},
    },
};

/// Puts a failed run on the list.
pub fn insert(batch: &mut Batch, run: RunId) {
    batch.put(keys::dead_letter(run), []);
}

/// Takes a run off the list.
pub fn remove(batch: &mut Batch, run: RunId) {
    batch.delete(keys::dead_letter(run));
}

/// Whether a run is on the list.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn holds(store: &dyn Store, run: RunId) -> Result<bool, StoreError> {
    Ok(store.get(&keys::dead_letter(run)).await?.is_some())
}

/// Runs on the list, newest first, from before the cursor.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(store: &dyn Store, before: Option<RunId>, limit: usize) -> Result<Vec<RunId>, StoreError> {
    let mut range = KeyRange::prefix(Kind::DeadLetter.prefix());
    if let Some(before) = before {
        range = range.before(keys::dead_letter(before));
    }
    let letters = store.scan(range, Order::Descending, limit).await?;
    letters.into_iter().map(|(key, _)| run_of(&key)).collect()
}

/// Runs on the list, oldest first.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn oldest(store: &dyn Store, limit: usize) -> Result<Vec<RunId>, StoreError> {
    let letters = store.scan(KeyRange::prefix(Kind::DeadLetter.prefix()), Order::Ascending, limit).await?;
    letters.into_iter().map(|(key, _)| run_of(&key)).collect()
}

fn run_of(key: &[u8]) -> Result<RunId, StoreError> {
    keys::run_id(key).ok_or_else(|| StoreError::corrupt(Key::from(key), "it names no run"))
}

/// Makes a workflow begin no runs, or begin them again.
pub fn pause(batch: &mut Batch, workflow: &WorkflowKey, paused: bool) {
    if paused {
        batch.put(keys::paused(workflow), [])
    } else {
        batch.delete(keys::paused(workflow))
    };
}

/// The workflows that begin no runs.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn paused(store: &dyn Store) -> Result<Vec<WorkflowKey>, StoreError> {
    let keys = store.scan(KeyRange::prefix(Kind::Paused.prefix()), Order::Ascending, usize::MAX).await?;
    keys.into_iter()
        .map(|(key, _)| {
            std::str::from_utf8(&key[1..])
                .ok()
                .and_then(|name| name.parse().ok())
                .ok_or_else(|| StoreError::corrupt(Key::from(key.as_slice()), "it names no workflow"))
        })
        .collect()
}
