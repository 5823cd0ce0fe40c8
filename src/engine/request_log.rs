//! Counts the bytes of the request log, so that the log keeps to its size. They are counted once and then kept up to date.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::store::{Store, StoreError, tables};

/// The bytes of the log. The number may be a little too high: a line that is written during the count may count twice.
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

    /// Whether requests may be kept beside their lines: a flood of refused ones must not fill the disk between two sweeps.
    pub(super) fn has_room(&self, most: u64) -> bool {
        self.bytes.load(Ordering::Relaxed) < most
    }

    /// The bytes to remove: a tenth more than are too many, so that there is room until the next sweep. The first time it reads
    /// the whole log.
    ///
    /// # Errors
    /// The errors of the store.
    pub(super) async fn excess(&self, store: &dyn Store, most: u64) -> Result<u64, StoreError> {
        if !self.counted.load(Ordering::Relaxed) {
            let bytes = tables::requests::bytes(store).await?;
            self.bytes.store(bytes, Ordering::Relaxed);
            self.counted.store(true, Ordering::Relaxed);
        }
        Ok(excess(self.bytes.load(Ordering::Relaxed), most))
    }
}

fn excess(bytes: u64, most: u64) -> u64 {
    if bytes > most { bytes - (most - most / 10) } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_is_full_keeps_no_requests_until_a_tenth_is_free_again() {
        let log = RequestLog::default();
        log.wrote(1_000);
        assert!(!log.has_room(1_000) && log.has_room(1_001));
        assert_eq!((excess(1_000, 1_000), excess(1_001, 1_000)), (0, 101));
        log.removed(101);
        assert!(log.has_room(1_000));
        log.removed(5_000);
        assert!(log.has_room(1));
    }
}
