//! Why a step or a run failed: a stable code, words for people, and the place.

use serde::{Deserialize, Serialize};

use super::ids::StepId;

/// Stable codes of failed steps. Stored by position: add at the end, never reorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// The code used all its fuel.
    FuelExhausted,
    /// The code ran longer than its wall-clock limit.
    Timeout,
    /// The code asked for more memory than its limit.
    MemoryLimit,
    /// The output is larger than its limit.
    OutputTooLarge,
    /// Too deep recursion, in the script or in what it made the engine do.
    StackOverflow,
    /// An uncaught exception or rejection.
    ScriptError,
    /// The source is not JavaScript.
    SyntaxError,
    /// The promise that the script returned can no longer settle.
    PromiseNeverSettled,
    /// The returned value cannot be JSON.
    OutputInvalid,
    /// The JavaScript engine itself stopped in a way that no script should cause.
    EngineCrash,
    /// A template could not be filled.
    TemplateError,
    /// A condition could not be evaluated.
    ConditionError,
    /// A `response` step made something that is no HTTP answer.
    ResponseInvalid,
    /// The run executed more steps than one run may.
    TooManySteps,
    /// The workflow version that the run began with is gone or unreadable.
    VersionMissing,
    /// An `end` step said so.
    EndedAsFailed,
    /// An HTTP request got an answer whose status is no success.
    HttpStatus,
    /// An HTTP request got no answer.
    HttpFailed,
    /// An HTTP request may not go there.
    HttpDenied,
    /// The run took longer than its workflow allows.
    RunTimeout,
    /// Somebody cancelled the run.
    Cancelled,
    /// A loop was given something that is neither an array nor a number of iterations.
    LoopInvalid,
    /// A delay or a moment is none, or too far away.
    WaitInvalid,
    /// No request came to the one-time URL in time.
    CallbackTimeout,
    /// The workflow that a step calls cannot be run.
    SubflowUnavailable,
    /// The run that a step started has failed.
    SubflowFailed,
    /// Runs started each other too many times in a row.
    TooDeep,
    /// An output does not satisfy its schema.
    SchemaMismatch,
    /// A query cannot be answered.
    QueryError,
    /// All outputs of a run together are larger than one run may hold.
    RunTooLarge,
    /// A script made more calls of the host, or got more bytes by them, than one attempt may.
    TooManyCalls,
    /// A script that was replayed from its recorded calls asked for something else than before.
    ReplayMismatch,
    /// The plugin of a step is not installed.
    PluginMissing,
    /// The input is not what the plugin's schema says.
    PluginInput,
    /// The plugin says that it failed.
    PluginError,
    /// The plugin stopped in a way that is its own fault: a trap, a wrong exit code.
    PluginCrash,
    /// The plugin asked for something that it has not been granted.
    CapabilityMissing,
}

/// A limit and how much of it was used, both in the unit of the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LimitUse {
    /// The limit in force.
    pub limit: u64,
    /// What was used, or asked for, when it was crossed.
    pub used: u64,
    /// `fuel`, `ms`, `bytes`, `steps` or `calls`.
    pub unit: LimitUnit,
}

/// The unit of a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitUnit {
    /// Wasm fuel.
    Fuel,
    /// Milliseconds of wall-clock time.
    Ms,
    /// Bytes.
    Bytes,
    /// Steps executed.
    Steps,
    /// Calls of the host.
    Calls,
}

/// A place in one of the user's own files, both numbers from 1.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file's name in the workflow folder.
    pub file: String,
    /// From 1.
    pub line: u32,
    /// From 1, in UTF-16 units as JavaScript counts.
    pub column: u32,
}

/// Why a step or run failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunError {
    /// Stable, for programs.
    pub code: ErrorCode,
    /// For people: what, where, and what to do.
    pub message: String,
    /// The step that failed.
    pub step: Option<StepId>,
    /// Where in the user's code.
    pub position: Option<Position>,
    /// The script's own stack, user frames only.
    pub stack: Option<String>,
    /// Which limit was crossed.
    pub limit: Option<LimitUse>,
}

impl RunError {
    /// An error with a code and a message alone.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), step: None, position: None, stack: None, limit: None }
    }

    /// The same error, with the limit that was crossed.
    pub fn over(self, limit: u64, used: u64, unit: LimitUnit) -> Self {
        Self { limit: Some(LimitUse { limit, used, unit }), ..self }
    }
}

impl ErrorCode {
    /// The code as it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FuelExhausted => "fuel_exhausted",
            Self::Timeout => "timeout",
            Self::MemoryLimit => "memory_limit",
            Self::OutputTooLarge => "output_too_large",
            Self::StackOverflow => "stack_overflow",
            Self::ScriptError => "script_error",
            Self::SyntaxError => "syntax_error",
            Self::PromiseNeverSettled => "promise_never_settled",
            Self::OutputInvalid => "output_invalid",
            Self::EngineCrash => "engine_crash",
            Self::TemplateError => "template_error",
            Self::ConditionError => "condition_error",
            Self::ResponseInvalid => "response_invalid",
            Self::TooManySteps => "too_many_steps",
            Self::VersionMissing => "version_missing",
            Self::EndedAsFailed => "ended_as_failed",
            Self::HttpStatus => "http_status",
            Self::HttpFailed => "http_failed",
            Self::HttpDenied => "http_denied",
            Self::RunTimeout => "run_timeout",
            Self::Cancelled => "cancelled",
            Self::LoopInvalid => "loop_invalid",
            Self::WaitInvalid => "wait_invalid",
            Self::CallbackTimeout => "callback_timeout",
            Self::SubflowUnavailable => "subflow_unavailable",
            Self::SubflowFailed => "subflow_failed",
            Self::TooDeep => "too_deep",
            Self::SchemaMismatch => "schema_mismatch",
            Self::QueryError => "query_error",
            Self::RunTooLarge => "run_too_large",
            Self::TooManyCalls => "too_many_calls",
            Self::ReplayMismatch => "replay_mismatch",
            Self::PluginMissing => "plugin_missing",
            Self::PluginInput => "plugin_input",
            Self::PluginError => "plugin_error",
            Self::PluginCrash => "plugin_crash",
            Self::CapabilityMissing => "capability_missing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_stands_in_the_page_about_runs() {
        let (source, page) = (include_str!("error.rs"), include_str!("../../../docs/runs.md"));
        let codes: Vec<&str> = source
            .lines()
            .filter_map(|line| {
                line.trim().strip_prefix("Self::")?.split_once(" => \"")?.1.strip_suffix("\",")
            })
            .collect();
        assert!(codes.len() >= 30, "{codes:?}");
        for code in codes {
            let known: ErrorCode = serde_json::from_value(code.into()).unwrap();
            assert_eq!(known.as_str(), code);
            assert!(page.contains(&format!("`{code}`")), "docs/runs.md does not explain `{code}`");
        }
    }
}
