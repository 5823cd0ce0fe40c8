//! The clock of one call: it stands still while the plugin computes, so it is no stopwatch for what runs beside it.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use wasmtime_wasi::{HostMonotonicClock, HostWallClock};

/// What the steady clock goes on by at each look, nanoseconds: a loop that waits for it ends.
const LOOK: u64 = 1_000;

/// Shared by all who ask it. Begins at the attempt's time and goes on while the plugin waits.
#[derive(Debug, Clone)]
pub(super) struct Clock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    began_ms: u64,
    passed_ns: AtomicU64,
    looks: AtomicU64,
}

impl Clock {
    pub(super) fn new(began_ms: u64) -> Self {
        Self(Arc::new(Hands { began_ms, passed_ns: AtomicU64::new(0), looks: AtomicU64::new(0) }))
    }

    /// Milliseconds since the epoch.
    pub(super) fn now_ms(&self) -> u64 {
        self.0.began_ms.saturating_add(self.0.passed_ns.load(Relaxed) / 1_000_000)
    }

    /// It waited for so long.
    pub(super) fn waited(&self, time: Duration) {
        self.0.passed_ns.fetch_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX / 2), Relaxed);
    }

    /// It is this late, or later.
    pub(super) fn at_least(&self, now_ms: u64) {
        let passed = now_ms.saturating_sub(self.0.began_ms).saturating_mul(1_000_000);
        self.0.passed_ns.fetch_max(passed, Relaxed);
    }
}

impl HostWallClock for Clock {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.now_ms())
    }
}

impl HostMonotonicClock for Clock {
    fn resolution(&self) -> u64 {
        LOOK
    }

    fn now(&self) -> u64 {
        let looks = self.0.looks.fetch_add(1, Relaxed);
        self.0.passed_ns.load(Relaxed).saturating_add(looks.saturating_mul(LOOK))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_only_while_the_plugin_waits_and_never_back() {
        let clock = Clock::new(5_000);
        assert_eq!((clock.now_ms(), HostWallClock::now(&clock)), (5_000, Duration::from_millis(5_000)));
        let first = HostMonotonicClock::now(&clock);
        assert!(HostMonotonicClock::now(&clock) > first, "a loop that waits for it ends");
        clock.waited(Duration::from_millis(20));
        assert_eq!(clock.now_ms(), 5_020);
        clock.at_least(5_010);
        assert_eq!(clock.now_ms(), 5_020);
        clock.at_least(6_000);
        assert_eq!(clock.now_ms(), 6_000);
    }
}
