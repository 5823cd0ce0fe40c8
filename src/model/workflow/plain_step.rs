//! Steps that have no steps inside, but for requests and queries: code, values, waits and ends.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::page::Page;
use crate::model::value::{CodeLimits, Span, WorkflowKey, fields::present};

/// A `set` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetStep {
    /// Any JSON whose strings may hold templates.
    pub values: Value,
}

/// An `end` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EndStep {
    /// How the run ends; `succeeded` unless given.
    #[serde(default)]
    pub status: EndStatus,
    /// Why, for people; may hold templates.
    #[serde(default)]
    pub message: String,
    /// The output of the run, for a workflow that called it; may hold templates. Default: the last output.
    #[serde(default, deserialize_with = "present")]
    pub output: Option<Value>,
}

/// How an `end` step ends its run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndStatus {
    /// As if all steps had been executed.
    #[default]
    Succeeded,
    /// With the error `ended_as_failed`.
    Failed,
}

/// A `code` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeStep {
    /// A `.js`, `.mjs`, `.cjs`, `.ts`, `.mts` or `.cts` file in the workflow's folder, such as `parse.ts` or `lib/parse.js`.
    pub file: String,
    /// Its limits.
    #[serde(default)]
    pub limits: CodeLimits,
}

/// A `delay` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DelayStep {
    /// A span such as `3s` or `2d`, a number of milliseconds, or a template that gives one; at most 365d.
    #[serde(rename = "for")]
    pub span: Value,
}

/// A `wait_until` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaitUntilStep {
    /// An RFC 3339 time, milliseconds since the epoch, or a template that gives one; at most 365d ahead. A past one does not wait.
    pub at: Value,
}

/// A `wait_for_callback` step. Its URL is `{{$run.callbacks.<id>}}`, known before the step begins.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct CallbackStep {
    /// How long it waits before it fails; default 1d, at most 365d.
    #[schemars(default = "CallbackStep::default_timeout")]
    pub timeout: Span,
    /// A question to a person, with its answers. Default: whatever request comes is the answer.
    #[schemars(default)]
    pub page: Option<Page>,
}

impl CallbackStep {
    /// How long a step waits that says nothing.
    pub(super) fn default_timeout() -> Span {
        Span::from_millis(86_400_000)
    }
}

/// A `subflow` step.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubflowStep {
    /// The workflow that is run, in its version of that moment.
    pub workflow: WorkflowKey,
    /// Its `context.data`; strings may hold templates. Default null.
    #[serde(default)]
    pub input: Value,
    /// Whether the step ends with that run; else it ends once that run is accepted. Default true.
    #[serde(default = "SubflowStep::default_wait")]
    pub wait: bool,
}

impl SubflowStep {
    fn default_wait() -> bool {
        true
    }
}
