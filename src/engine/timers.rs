//! Wakes what waits for a time: runs whose timer is due, runs that a pace holds back, and schedules. Timers are keys in the
//! store, in the order of their times; none is held in memory.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::sync::Notify;

use super::{Inner, scheduler, schedules};
use crate::store::{StoreError, tables};

/// The longest sleep: a clock that was set forward is noticed after it.
const LOOK_MS: u64 = 1_000;
/// Timers read at once.
const PAGE: usize = 500;

/// Tells the timer task of new times.
#[derive(Default)]
pub(super) struct Timers(Notify);

impl Timers {
    /// Something is due at `due_ms`.
    pub(super) fn notify(&self, due_ms: Option<u64>) {
        if due_ms.is_some() {
            self.0.notify_one();
        }
    }
}

/// Wakes what is due, until the engine is dropped.
pub(super) async fn run(inner: Weak<Inner>) {
    loop {
        let Some(engine) = inner.upgrade() else { return };
        let next_ms = wake_due(&engine).await.unwrap_or_else(|error| {
            tracing::error!(%error, "timers cannot be read");
            None
        });
        let next_fire_ms = schedules::fire(&engine).await;
        let next_ms = [next_ms, next_fire_ms, engine.scheduler.next_ms()].into_iter().flatten().min();
        let sleep_ms = next_ms
            .map_or(LOOK_MS, |next_ms| next_ms.saturating_sub(engine.ports.now_ms()).clamp(1, LOOK_MS));
        let sleep = tokio::time::timeout(Duration::from_millis(sleep_ms), engine.timers.0.notified());
        let _ = sleep.await;
    }
}

/// Wakes all runs that are due; gives when the next one is.
async fn wake_due(inner: &Arc<Inner>) -> Result<Option<u64>, StoreError> {
    let now_ms = inner.ports.now_ms();
    let mut after = None;
    loop {
        let (due, next_ms) = tables::runs::due(&*inner.store, now_ms, after, PAGE).await?;
        for &(_, run) in &due {
            scheduler::poke(inner, run).await?;
        }
        after = due.last().copied();
        if due.len() < PAGE {
            scheduler::pump(inner);
            return Ok(next_ms);
        }
    }
}
