//! The least CPU time of a call: on a machine that does other things it varies far less than wall-clock time.
//!
//! Shared by `native-boa` and the bench, so that both sides are measured alike.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Calls are measured in batches of at least this long.
const BATCH: Duration = Duration::from_millis(4);

/// Calls `work` for about `time`, after three calls that do not count; gives the time of one call in the best batch.
pub fn least(time: Duration, mut work: impl FnMut()) -> Duration {
    let began = Instant::now();
    (0..3).for_each(|_| work());
    let calls = (BATCH.as_nanos() * 3 / began.elapsed().as_nanos().max(1)).clamp(1, 1_000) as u32;
    let (started, mut least) = (Instant::now(), Duration::MAX);
    while least == Duration::MAX || started.elapsed() < time {
        let before = cpu();
        let wall = Instant::now();
        (0..calls).for_each(|_| work());
        let spent = match (before, cpu()) {
            (Some(before), Some(after)) => after.saturating_sub(before),
            (_, _) => wall.elapsed(),
        };
        least = least.min(spent / calls);
    }
    least
}

/// CPU time of this thread so far; nothing where there is no Linux.
fn cpu() -> Option<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}
