//! How much the engine takes on, and how long it keeps what has ended.

use crate::model::Span;

/// How much the engine takes on.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Runs that are accepted and not finished; more are refused as [`EngineError::Full`].
    pub max_pending: usize,
    /// Runs that are executed at once.
    pub max_running: usize,
    /// Runs of one workflow that wait durably; of more, new events are refused as [`EngineError::WaitingFull`].
    pub waiting_runs: usize,
    /// Bytes that the unfinished runs of one workflow hold in the store, likewise.
    pub waiting_bytes: u64,
    /// Ends of the process, each without a stop, after which a run that was under way at all of them fails.
    pub max_crashes: u32,
    /// How long lines of the request log are kept.
    pub keep_requests: Span,
    /// What the request log may take, bytes; above it the oldest lines go early.
    pub requests_bytes: u64,
    /// How long runs are kept that ended well.
    pub keep_succeeded: Span,
    /// How long runs are kept that failed or were cancelled.
    pub keep_failed: Span,
    /// The most bytes of ended runs; beyond, those go first that would expire first.
    pub history_bytes: u64,
    /// What the URLs begin with that callers outside are given, without a `/` at the end.
    pub public_url: String,
    /// How long a stop waits for what is being executed.
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
            public_url: "http://127.0.0.1:8080".to_owned(),
            drain: Span::from_millis(30_000),
        }
    }
}
