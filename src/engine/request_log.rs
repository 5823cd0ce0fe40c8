//! How much the request log takes: counted once, then kept up to date, so that it can be held to its size.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::Inner;
use crate::store::{StoreError, tables};

/// The bytes of the log. Off by a little at most: lines that are written while they are counted may count twice.
#[derive(Debug, Default)]
pub(super) struct RequestLog {
    bytes: AtomicU64,
    counted: AtomicBool,
}

impl RequestLog {
    pub(super) fn wrote(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn removed(&self, bytes: u64) {
        let less = |now: u64| Some(now.saturating_sub(bytes));
        let _ = self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// The bytes that are too many. The first time it reads the whole log, on a thread of its own.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn excess(&self, inner: &Inner) -> Result<u64, StoreError> {
        if !self.counted.load(Ordering::Relaxed) {
            let store = Arc::clone(&inner.store);
            let counting = tokio::task::spawn_blocking(move || tables::requests::bytes(&*store));
            if let Ok(bytes) = counting.await {
                self.bytes.store(bytes?, Ordering::Relaxed);
                self.counted.store(true, Ordering::Relaxed);
            }
        }
        Ok(self.bytes.load(Ordering::Relaxed).saturating_sub(inner.options.requests_bytes))
    }
}
