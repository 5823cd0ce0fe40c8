//! Why a submission is not accepted.

use crate::{model::WorkflowKey, store::StoreError};

/// Why a submission was not accepted. Nothing of it is stored.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// Too much is waiting already.
    #[error("{max_pending} runs are waiting already; send again later, or raise engine.max_pending")]
    Full {
        /// The limit in force.
        max_pending: usize,
    },
    /// Too much of one workflow is waiting already.
    #[error(
        "{pending} runs of this workflow are waiting already, its part of engine.max_pending; send again later"
    )]
    WorkflowFull {
        /// How many runs of it are accepted and not finished.
        pending: usize,
    },
    /// Too much of one workflow waits durably, or of one that its end would start.
    #[error(
        "the runs of workflow `{workflow}` that wait hold {runs} of {most_runs} places and {bytes} of {most_bytes} bytes; \
         send again later, end some of them, or raise engine.waiting_runs or engine.waiting_bytes"
    )]
    WaitingFull {
        /// The workflow whose runs wait.
        workflow: WorkflowKey,
        /// How many runs of it wait.
        runs: usize,
        /// The limit in force.
        most_runs: usize,
        /// What its unfinished runs hold.
        bytes: u64,
        /// The limit in force.
        most_bytes: u64,
    },
    /// The workflow is paused, and the caller wants to wait.
    #[error("the workflow is paused; send again later")]
    Paused,
    /// The server is being stopped.
    #[error("the server is stopping; send again")]
    Stopping,
    /// The store refused, so the event was not accepted.
    #[error(transparent)]
    Store(#[from] StoreError),
}
