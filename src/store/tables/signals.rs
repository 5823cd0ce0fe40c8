//! What reached a run from outside and is not in its journal yet. Durable before the sender is answered; removed by
//! the batch that puts it into the journal.

use sha2::{Digest, Sha256};

use crate::{
    model::{RunId, Signal},
    store::{
        Batch, Key, KeyRange, Order, Store, StoreError,
        keys::{self, Kind},
        record::{self, Record},
    },
};

impl Record for Signal {
    const KIND: &'static str = "signal";
    const VERSION: u8 = 1;
}

/// The key of a signal: one callback, one end and one cancellation for each of what they are about.
pub fn key(run: RunId, signal: &Signal) -> Key {
    let what = match signal {
        Signal::Callback { key, .. } => format!("callback {key}"),
        Signal::RunEnded { run, .. } => format!("end {run}"),
        Signal::Cancel { .. } => "cancel".to_owned(),
    };
    let digest = Sha256::digest(what);
    keys::signal(run, digest.first_chunk().expect("SHA-256 has 32 bytes"))
}

/// Stores a signal; the commit ends in `Conflict` when there is one of its kind already.
pub fn insert(batch: &mut Batch, run: RunId, signal: &Signal) {
    let key = key(run, signal);
    batch.expect_absent(key.clone()).put(key, record::encode(signal));
}

/// Stores a signal in place of one that is there.
pub fn put(batch: &mut Batch, run: RunId, signal: &Signal) {
    batch.put(key(run, signal), record::encode(signal));
}

/// The signals of a run, with their keys.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(store: &dyn Store, run: RunId) -> Result<Vec<(Key, Signal)>, StoreError> {
    let range = KeyRange::prefix(keys::inbox(run));
    let signals = super::read_range(store, range, Order::Ascending, usize::MAX).await?;
    Ok(signals.into_iter().map(|(key, signal)| (Key::from(key), signal)).collect())
}

/// Removes all signals of a run.
pub fn remove_all(batch: &mut Batch, run: RunId) {
    batch.delete_prefix(keys::inbox(run));
}

/// The runs that have signals.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn runs(store: &dyn Store) -> Result<Vec<RunId>, StoreError> {
    let signals = store.scan(KeyRange::prefix(Kind::Inbox.prefix()), Order::Ascending, usize::MAX).await?;
    let mut runs = Vec::new();
    for (key, _) in signals {
        let run = keys::parse_signal(&key)
            .ok_or_else(|| StoreError::corrupt(Key::from(key.as_slice()), "it names no run"))?;
        if runs.last() != Some(&run) {
            runs.push(run);
        }
    }
    Ok(runs)
}
