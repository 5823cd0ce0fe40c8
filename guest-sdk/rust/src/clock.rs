//! The run's own clocks: a replay sees the same times.

use std::time::Duration;

use crate::host::{monotonic_clock, wall_clock};

/// Since 1970.
pub fn now() -> Duration {
    let now = wall_clock::now();
    Duration::new(now.seconds, now.nanoseconds)
}

/// Since some moment, and never backwards.
pub fn monotonic() -> Duration {
    Duration::from_nanos(monotonic_clock::now())
}
