//! Runs and what is kept of them.

use serde::{Deserialize, Serialize};

use super::{answer::Answer, event::Event, started::Cause, step_key::StepKey};
use crate::model::value::{Mode, PluginPin, RunError, RunId, TriggerName, VersionHash, WorkflowKey};

/// Where a run stands. Exactly one of the last three ends it. Stored by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// Durable, not finished: waiting for its turn, or being executed.
    Queued,
    Succeeded,
    /// Ended by a failed step or a limit.
    Failed,
    /// Not finished; waits for a time, a callback or another run, and holds no memory.
    Waiting,
    /// Ended by somebody's wish, or since a later event took its place.
    Cancelled,
}

impl RunStatus {
    /// Whether nothing more happens to the run.
    pub fn is_terminal(self) -> bool {
        match self {
            Self::Queued | Self::Waiting => false,
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
        }
    }

    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Waiting => "waiting",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The step that waits for a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The run of that step.
    pub run: RunId,
    pub key: StepKey,
    /// Whether it waits; else it only started the run.
    pub waits: bool,
}

/// A run without its event and the content of its answer: what changes, and what lists show.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunHead {
    /// Its id; holds the time of creation.
    pub id: RunId,
    pub workflow: WorkflowKey,
    /// The version it began with and keeps.
    pub version: VersionHash,
    pub status: RunStatus,
    /// Whether a caller waits or waited.
    pub mode: Mode,
    /// When it was accepted, milliseconds since the epoch: the clock of its scripts.
    pub created_ms: u64,
    /// When its first step began, as far as that is durable.
    pub started_ms: Option<u64>,
    /// `None` while it is unfinished.
    pub finished_ms: Option<u64>,
    /// Where its scripts' randomness and its idempotency keys come from.
    pub seed: [u8; 32],
    /// The dedupe claim that it holds, as a digest of workflow, trigger and key.
    pub claim: Option<[u8; 32]>,
    /// The status that it answered.
    pub answer_status: Option<u16>,
    /// Why it failed or was cancelled.
    pub error: Option<RunError>,
    pub cause: Cause,
    /// The step that started it.
    pub parent: Option<Parent>,
    /// The run that it repeats, or whose end started it.
    pub origin: Option<RunId>,
    /// How many runs started each other in a row before it.
    pub depth: u8,
    /// The group of its concurrency policy, if it has one.
    pub group: Option<[u8; 32]>,
    /// Its debounce or singleton group.
    pub slot: Option<[u8; 32]>,
    /// When it goes on by itself, while it waits.
    pub due_ms: Option<u64>,
    /// The plugins of its steps, as far as they were installed when it was accepted.
    pub plugins: Vec<PluginPin>,
    /// Steps that failed and were handled (`on_error`), known when the run has ended: a run that succeeded all the same is
    /// not what its status alone says.
    pub failed_steps: u32,
    /// The trigger that started it, or the run that it repeats; nothing when no trigger did.
    pub trigger: Option<TriggerName>,
}

/// One execution of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The part that changes while the run goes on.
    pub head: RunHead,
    /// What it is about.
    pub event: Event,
    /// `None` until it has answered, and for runs that answer nobody.
    pub answer: Option<Answer>,
}

/// Who holds a dedupe key, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// The run that the first delivery started.
    pub run: RunId,
    /// From then on the key is free, milliseconds since the epoch.
    pub expires_ms: u64,
}
