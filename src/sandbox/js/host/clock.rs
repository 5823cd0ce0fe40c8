//! The run's own clock: it stands still while code runs, so it is no stopwatch and replays alike.

use wasmtime::Caller;

use crate::sandbox::js::guest::Guest;

/// Milliseconds since the epoch.
pub(super) fn now(mut caller: Caller<'_, Guest>) -> f64 {
    let guest = caller.data_mut();
    guest.host_calls += 1;
    guest.now_ms as f64
}
