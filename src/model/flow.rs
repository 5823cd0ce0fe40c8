//! Steps that control the flow of a run, and what every step may say about failure.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    ids::WorkflowKey,
    step::{ConditionExpr, Step},
    units::Span,
};

/// Further attempts of a step. Between two of them passes `backoff`, each time `factor` times longer, up to `max`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Retry {
    /// Attempts in all, the first included; 1 to 20.
    pub attempts: u32,
    /// Before the second attempt; default 1s.
    pub backoff: Span,
    /// How much longer each further wait is; 1 to 10, default 2.
    pub factor: f64,
    /// The longest wait; default 5m, at most 1d.
    pub max: Span,
    /// Whether a random part of up to half is taken off each wait, so that many runs do not retry at once.
    pub jitter: bool,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            attempts: 3,
            backoff: Span::from_millis(1_000),
            factor: 2.0,
            max: Span::from_millis(300_000),
            jitter: true,
        }
    }
}

impl Retry {
    /// The wait before attempt number `next` (from 2), milliseconds; `random` decides the jitter.
    pub fn wait_ms(&self, next: u32, random: u64) -> u64 {
        let exponent = i32::try_from(next.saturating_sub(2)).unwrap_or(i32::MAX);
        let wait = self.backoff.as_millis() as f64 * self.factor.powi(exponent);
        let wait = wait.min(self.max.as_millis() as f64) as u64;
        if self.jitter { wait - random % (wait / 2 + 1) } else { wait }
    }
}

/// What happens when a step has failed for good.
#[derive(Debug, Clone, Default)]
pub enum OnError {
    /// `"fail"`: what is around the step fails, in the end the run.
    #[default]
    Fail,
    /// `"continue"`: the output is `{"error": {"code", "message"}}`, and the run goes on.
    Continue,
    /// As `continue`, and these steps are executed first.
    Steps(Vec<Step>),
}

impl JsonSchema for OnError {
    fn schema_name() -> Cow<'static, str> {
        "OnError".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let steps = generator.subschema_for::<Vec<Step>>();
        json_schema!({
            "description": "What happens when a step has failed for good: `fail` lets what is around it fail; `continue` \
                goes on with the output `{\"error\": {\"code\", \"message\"}}`; steps are executed first.",
            "anyOf": [{ "enum": ["fail", "continue"] }, steps],
            "default": "fail",
        })
    }
}

/// A `loop` step: give `over` or `while`.
#[derive(Debug, Clone, JsonSchema)]
pub struct LoopStep {
    /// What it goes over.
    #[schemars(flatten)]
    pub source: LoopSource,
    /// Iterations at most, 1 to 10000; default 1000. Reaching it ends the loop with `ended: "limit"`.
    #[schemars(default = "LoopStep::default_limit")]
    pub limit: u32,
    /// What a failed iteration does.
    #[schemars(default)]
    pub iteration_error: IterationError,
    /// Executed in each iteration.
    pub steps: Vec<Step>,
}

impl LoopStep {
    /// Iterations of a loop that says nothing.
    pub fn default_limit() -> u32 {
        1_000
    }

    /// The most iterations of any loop.
    pub const LIMIT_CAP: u32 = 10_000;
}

/// What a loop goes over.
#[derive(Debug, Clone, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LoopSource {
    /// An array, or a number of iterations, or a template that gives one of them.
    Over(Value),
    /// A condition that is asked before each iteration.
    While(ConditionExpr),
}

/// What a failed iteration does to its loop.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IterationError {
    /// The loop fails.
    #[default]
    Fail,
    /// The next iteration begins.
    Skip,
    /// The loop ends, and the run goes on after it.
    Break,
}

/// A `parallel` step.
#[derive(Debug, Clone, JsonSchema)]
pub struct ParallelStep {
    /// When it is done.
    #[schemars(default)]
    pub mode: Join,
    /// Executed at once; 1 to 50.
    pub branches: Vec<ParallelBranch>,
}

/// One branch of a `parallel` step.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct ParallelBranch {
    /// Executed in order.
    pub steps: Vec<Step>,
}

/// When a `parallel` step is done; what then still runs is cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Join {
    /// When all branches are; fails with the first that fails.
    #[default]
    All,
    /// With the first branch that ends well; fails when all have failed.
    Any,
    /// With the first branch that ends, well or not.
    Race,
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
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallbackStep {
    /// How long it waits before it fails; default 1d, at most 365d.
    #[serde(default = "CallbackStep::default_timeout")]
    pub timeout: Span,
}

impl CallbackStep {
    fn default_timeout() -> Span {
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

/// The longest wait of any kind.
pub const WAIT_CAP: Span = Span::from_millis(365 * 86_400_000);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_their_maximum() {
        let retry = Retry { jitter: false, max: Span::from_millis(5_000), ..Retry::default() };
        let waits: Vec<_> = (2..7).map(|next| retry.wait_ms(next, 0)).collect();
        assert_eq!(waits, [1_000, 2_000, 4_000, 5_000, 5_000]);
        assert_eq!(retry.wait_ms(u32::MAX, 0), 5_000);
        let jittered = Retry { jitter: true, ..retry };
        for random in [0, 1, 499, 500, 501, u64::MAX] {
            assert!((500..=1_000).contains(&jittered.wait_ms(2, random)), "{random}");
        }
    }
}
