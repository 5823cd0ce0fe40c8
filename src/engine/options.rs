//! How much the engine takes on, and how long it keeps what has ended.

use std::sync::Arc;

use crate::model::Span;

/// How much the engine takes on.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Runs that are accepted and not finished; more are refused as [`EngineError::Full`].
    pub max_pending: usize,
    /// Runs that are executed at once.
    pub max_running: usize,
    /// Runs of one workflow that may wait durably. Beyond that, new events are refused as [`EngineError::WaitingFull`].
    pub waiting_runs: usize,
    /// Bytes that the unfinished runs of one workflow hold in the store, likewise.
    pub waiting_bytes: u64,
    /// A run fails that was under way at so many ends of the process, none of which was a stop.
    pub max_crashes: u32,
    /// How long lines of the request log are kept.
    pub keep_requests: Span,
    /// The most bytes of the request log. Beyond that, the oldest lines are removed early.
    pub requests_bytes: u64,
    /// How long succeeded runs are kept.
    pub keep_succeeded: Span,
    /// How long failed and cancelled runs are kept.
    pub keep_failed: Span,
    /// The most bytes of ended runs. Beyond that, the runs closest to expiry are removed first.
    pub history_bytes: u64,
    /// How URLs begin that are given to callers outside, without a `/` at the end.
    pub public_url: Arc<str>,
    /// How long a stop waits for the runs that are being executed.
    pub drain: Span,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            max_pending: 10_000,
            max_running: 256,
            waiting_runs: 10_000,
            waiting_bytes: 256 << 20,
            max_crashes: 3,
            keep_requests: Span::from_millis(14 * 86_400_000),
            requests_bytes: 1 << 30,
            keep_succeeded: Span::from_millis(14 * 86_400_000),
            keep_failed: Span::from_millis(30 * 86_400_000),
            history_bytes: 10 << 30,
            public_url: "http://127.0.0.1:8080".into(),
            drain: Span::from_millis(30_000),
        }
    }
}
