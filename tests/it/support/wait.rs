//! Waiting by looking again until a deadline; no test waits a fixed time and hopes.

use std::time::{Duration, Instant};

/// Between two looks.
const EVERY: Duration = Duration::from_millis(20);

/// Looks until there is something.
///
/// # Panics
/// After `seconds`, naming `what`.
pub fn poll<T>(what: &str, seconds: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "{what}: not within {seconds} s");
        std::thread::sleep(EVERY);
    }
}

/// Looks until it is so; panics as [`poll`] does.
pub fn wait_until(what: &str, seconds: u64, mut look: impl FnMut() -> bool) {
    poll(what, seconds, || look().then_some(()));
}

/// How many kills a crash test makes, and for how long at most: as usual, or `CRASH_KILLS=1000` with as much time as that takes
/// in the same proportion.
pub fn kills(usual: usize, most: Duration) -> (usize, Duration) {
    let Ok(text) = std::env::var("CRASH_KILLS") else { return (usual, most) };
    let wanted: usize = text.parse().expect("CRASH_KILLS is a number");
    let times = u32::try_from(wanted.div_ceil(usual)).expect("a small number");
    (wanted, most * times)
}
