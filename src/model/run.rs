//! Runs and what is kept of them.

use serde::{Deserialize, Serialize};

use super::{
    answer::Answer,
    error::RunError,
    event::Event,
    ids::{RunId, StepId, VersionHash, WorkflowKey},
    json::JsonText,
    workflow::Mode,
};

/// Where a run stands. Exactly one of the last two ends it. Stored by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Durable, not finished: waiting for its turn, or being executed.
    Queued,
    /// Ended well.
    Succeeded,
    /// Ended by a failed step or a limit.
    Failed,
}

impl RunStatus {
    /// Whether nothing more happens to the run.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Queued => false,
            Self::Succeeded | Self::Failed => true,
        }
    }
}

/// One execution of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id; holds the time of creation.
    pub id: RunId,
    /// The workflow.
    pub workflow: WorkflowKey,
    /// The version it began with and keeps.
    pub version: VersionHash,
    /// Where it stands.
    pub status: RunStatus,
    /// Whether a caller waits or waited.
    pub mode: Mode,
    /// When it was accepted, milliseconds since the epoch: the clock of its scripts.
    pub created_ms: u64,
    /// When it ended.
    pub finished_ms: Option<u64>,
    /// Where its scripts' randomness comes from.
    pub seed: [u8; 32],
    /// What it is about.
    pub event: Event,
    /// The dedupe claim that it holds, as a digest of workflow and key.
    pub claim: Option<[u8; 32]>,
    /// What it answered.
    pub answer: Option<Answer>,
    /// Why it failed.
    pub error: Option<RunError>,
}

/// How a step ended. Stored by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It has an output.
    Succeeded,
    /// It has an error.
    Failed,
}

/// What one attempt used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Wasm fuel.
    pub fuel: u64,
    /// Largest size of memories and tables, bytes.
    pub peak_memory: u64,
    /// Wall-clock time in microseconds.
    pub wall_us: u64,
    /// Calls from the guest to the host.
    pub host_calls: u64,
}

/// How grave a log line is. Stored by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// console.debug, console.trace
    Debug,
    /// console.log, console.info
    Info,
    /// console.warn
    Warn,
    /// console.error
    Error,
}

/// One line that a script logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// Its level.
    pub level: LogLevel,
    /// Its text.
    pub text: String,
}

/// What is kept of one executed step. Written once, never changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    /// The step.
    pub step: StepId,
    /// How it ended.
    pub status: StepStatus,
    /// Its output; `null` when it failed.
    pub output: JsonText,
    /// Why it failed.
    pub error: Option<RunError>,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// Whether more was logged than is kept.
    pub log_truncated: bool,
    /// What it used; nothing for steps outside the sandbox.
    pub usage: Option<Usage>,
    /// When it began, milliseconds since the epoch.
    pub started_ms: u64,
    /// How long it took, microseconds.
    pub took_us: u64,
}

/// Who holds a dedupe key, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The run that the first delivery started.
    pub run: RunId,
    /// From then on the key is free, milliseconds since the epoch.
    pub expires_ms: u64,
}
