//! The thread that makes commits durable: one write and one sync for a group, then the answers.
//!
//! While a group becomes durable the next one gathers, so groups grow with the load and nobody waits artificially. After a
//! failed write or sync nothing more is promised: the kernel may have dropped the dirty pages, and a second sync would
//! succeed without them (LWN 752063, "PostgreSQL's fsync() surprise").

use std::{
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{
    staging::{Group, Staging},
    watermark::Watermark,
};
use crate::store::{StoreError, log::Log};

/// How often a full disk is asked again.
const FULL_PAUSE: Duration = Duration::from_millis(100);

/// All that the thread owns.
pub(super) struct Logger {
    pub(super) staging: Arc<Staging>,
    pub(super) log: Log,
    pub(super) watermark: Watermark,
    /// Bytes of the log's files, as others see it.
    pub(super) size: Arc<AtomicU64>,
    /// The file to sync in place of the log's, for a test.
    pub(super) synced: Option<File>,
}

impl Logger {
    /// Writes groups until the store is closed and all of them are durable.
    pub(super) fn run(mut self) {
        let mut spare = Group::default();
        while let Some(mut group) = self.staging.next_group(std::mem::take(&mut spare)) {
            let written = match self.staging.failure() {
                Ok(()) => catch_unwind(AssertUnwindSafe(|| self.write(&mut group)))
                    .unwrap_or_else(|_| Err(self.staging.poison("the log's thread panicked"))),
                Err(error) => Err(error),
            };
            for waiter in group.waiters.drain(..) {
                // Whoever asked may have gone; the batch is committed all the same.
                let _ = waiter.answer.send(written.clone().and(waiter.result));
            }
            group.permits.clear();
            group.frame.clear();
            (group.urgent, group.since) = (false, None);
            spare = group;
        }
        if let Err(error) = self.watermark.sync() {
            tracing::error!(%error, "the watermark is not durable");
        }
        self.staging.log_ended();
    }

    fn write(&mut self, group: &mut Group) -> Result<(), StoreError> {
        if group.frame.is_empty() {
            return Ok(());
        }
        let last = group.frame.last();
        let before = self.log.written();
        loop {
            match self.log.append(&mut group.frame) {
                Ok(()) => break,
                // Nothing is lost: what waits here is written when there is room for another segment.
                Err(StoreError::Full { place }) if !self.staging.is_closed() => {
                    tracing::warn!(place = %place.display(), "the log waits for room on the disk");
                    std::thread::sleep(FULL_PAUSE);
                }
                Err(error) => return Err(self.staging.poison(error)),
            }
        }
        let synced = match &self.synced {
            None => self.log.sync(),
            Some(file) => file.sync_data().map_err(|error| StoreError::Failed { reason: error.to_string() }),
        };
        synced.and_then(|()| self.watermark.write(last)).map_err(|error| self.staging.poison(error))?;
        let held = self.staging.is_durable(last, self.log.written() - before);
        self.log.release(held);
        self.size.store(self.log.size(), Ordering::Relaxed);
        Ok(())
    }
}
