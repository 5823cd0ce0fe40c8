//! Wakes whatever waits for a time: runs whose timer is due, runs that a pace holds back, and schedules. Timers are keys in
//! the store, in the order of their times. None is held in memory.

use std::{sync::Weak, time::Duration};

use super::{fire::Alarms, run::Runs};
use crate::store::{StoreError, tables};

/// The longest sleep, milliseconds. It bounds how late a clock is noticed that was set forward.
const LOOK_MS: u64 = 1_000;
/// Timers read at once.
const PAGE: usize = 500;

/// Wakes what is due, until the engine is dropped.
pub(super) async fn keep_waking(runs: Weak<Runs>) {
    let mut alarms = Alarms::default();
    loop {
        let Some(runs) = runs.upgrade() else { return };
        let next_ms = wake_due(&runs).await.unwrap_or_else(|error| {
            tracing::error!(%error, "timers cannot be read");
            None
        });
        let next_fire_ms = alarms.fire(&runs).await;
        let next_ms = [next_ms, next_fire_ms, runs.line.next_ms()].into_iter().flatten().min();
        let sleep_ms = next_ms
            .map_or(LOOK_MS, |next_ms| next_ms.saturating_sub(runs.durable.now_ms()).clamp(1, LOOK_MS));
        let _ = tokio::time::timeout(Duration::from_millis(sleep_ms), runs.line.timer_set()).await;
    }
}

/// Wakes all runs that are due; gives when the next one is.
async fn wake_due(runs: &Runs) -> Result<Option<u64>, StoreError> {
    let now_ms = runs.durable.now_ms();
    let mut after = None;
    loop {
        let (due, next_ms) = tables::runs::due(&*runs.durable.store, now_ms, after, PAGE).await?;
        for &(_, run) in &due {
            runs.line.poke(run).await?;
        }
        after = due.last().copied();
        if due.len() < PAGE {
            // A run that a pace held back may begin now.
            runs.line.changed();
            return Ok(next_ms);
        }
    }
}
