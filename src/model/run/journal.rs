//! The journal of a run: what has happened in it, entry by entry. Written once, never changed; a run is taken up
//! from it after any crash.

use serde::{Deserialize, Serialize};

use super::{
    call::CallNote,
    sealed_text::SealedText,
    step_key::StepKey,
    usage::{LogLine, Usage},
};
use crate::model::value::{JsonText, Question, RunError, RunId, StepId};

/// How a step ended. Stored by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepStatus {
    /// It has an output.
    Succeeded,
    /// It has an error.
    Failed,
}

/// What is kept of one attempt of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepRecord {
    pub step: StepId,
    /// The iterations of the loops around it.
    pub at: Vec<u32>,
    /// Counted from 1.
    pub attempt: u32,
    pub status: StepStatus,
    /// Its output; `null` when it failed.
    pub output: JsonText,
    /// `None` if it succeeded.
    pub error: Option<RunError>,
    pub logs: Vec<LogLine>,
    /// Whether more was logged than is kept.
    pub log_truncated: bool,
    /// What it used; nothing for steps outside the sandbox.
    pub usage: Option<Usage>,
    /// The first of the calls that it made of the host.
    pub calls: Vec<CallNote>,
    /// When it began, milliseconds since the epoch.
    pub started_ms: u64,
    /// How long it took, microseconds.
    pub took_us: u64,
}

impl StepRecord {
    /// A record of a step that has neither logged nor used anything.
    pub fn plain(key: StepKey, result: Result<JsonText, RunError>, started_ms: u64, now_ms: u64) -> Self {
        let (status, output, error) = match result {
            Ok(output) => (StepStatus::Succeeded, output, None),
            Err(error) => (StepStatus::Failed, JsonText::null(), Some(error)),
        };
        Self {
            step: key.step,
            at: key.at,
            attempt: 1,
            status,
            output,
            error,
            logs: Vec::new(),
            log_truncated: false,
            usage: None,
            calls: Vec::new(),
            started_ms,
            took_us: now_ms.saturating_sub(started_ms).saturating_mul(1_000),
        }
    }

    /// The instance of the step.
    pub fn key(&self) -> StepKey {
        StepKey { step: self.step.clone(), at: self.at.clone() }
    }
}

/// What a step waits for. Stored by position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wait {
    /// A moment.
    Time,
    /// A request to its one-time URL.
    Callback,
    /// The end of this run.
    Run(RunId),
    /// The time at which its script goes on.
    Script,
    /// The answer to a question, at its one-time URL or through the API.
    Question(Box<Question>),
}

impl Wait {
    /// About how many bytes it holds.
    pub fn weight(&self) -> usize {
        match self {
            Self::Question(question) => question.weight(),
            Self::Time | Self::Callback | Self::Run(_) | Self::Script => 0,
        }
    }

    /// Whether a request to the step's one-time URL ends it.
    pub fn is_for_callback(&self) -> bool {
        match self {
            Self::Callback | Self::Question(_) => true,
            Self::Time | Self::Run(_) | Self::Script => false,
        }
    }
}

/// One entry. Stored by position: add at the end, never reorder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A step ended for good.
    Ended(StepRecord),
    /// An attempt failed; the next one begins then, milliseconds since the epoch.
    Retrying(StepRecord, u64),
    /// A loop or a parallel step has begun, with what it goes over; or an iteration of a `while` loop was asked for,
    /// with the answer. Since when, milliseconds since the epoch.
    Begun(StepKey, JsonText, u64),
    /// A step began to wait.
    Waiting {
        key: StepKey,
        wait: Wait,
        /// Since when, milliseconds since the epoch.
        since_ms: u64,
        /// Until when at most.
        due_ms: Option<u64>,
        /// Which attempt waits, from 1.
        attempt: u32,
    },
    /// An attempt of an `http` step changed the cookies of a session. Stands before the entry of that attempt.
    Cookies {
        key: StepKey,
        /// The name of the session.
        session: String,
        /// The cookies that changed, sealed.
        sealed: SealedText,
    },
}

impl Entry {
    /// Whether a step instance ended as failed, whether or not the run could go on.
    pub fn is_failure(&self) -> bool {
        match self {
            Self::Ended(record) => record.status == StepStatus::Failed,
            Self::Retrying(..) | Self::Begun(..) | Self::Waiting { .. } | Self::Cookies { .. } => false,
        }
    }

    /// The instance of the step that it is about.
    pub fn key(&self) -> StepKey {
        match self {
            Self::Ended(record) | Self::Retrying(record, _) => record.key(),
            Self::Begun(key, ..) | Self::Waiting { key, .. } | Self::Cookies { key, .. } => key.clone(),
        }
    }
}

/// What reaches a run from outside while it runs or waits. Stored by position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// A request to the one-time URL of a waiting step.
    Callback {
        key: StepKey,
        /// `{data, headers, query, method}`.
        payload: JsonText,
    },
    /// A run that a step started has ended.
    RunEnded {
        key: StepKey,
        run: RunId,
        /// Its output, or why it has none.
        result: Result<JsonText, RunError>,
    },
    /// Somebody wants the run to end.
    Cancel {
        /// Who or why, for people.
        reason: String,
    },
}
