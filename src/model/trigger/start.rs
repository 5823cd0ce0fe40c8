//! What starts a run: the trigger of a workflow, and how it is read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{schedule::ScheduleTrigger, webhook::Webhook, webhook_parse::webhook};
use crate::model::{
    run::RunStatus,
    value::{
        FieldError, WorkflowKey,
        fields::{object, only_known, required, typed},
    },
};

/// What starts a run.
#[derive(Debug, Clone, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[expect(clippy::large_enum_variant, reason = "a workflow has one")]
pub enum Trigger {
    /// A request to `/api/webhooks/<key>`.
    Webhook(Webhook),
    /// Nothing but a person or program through the API, or a `subflow` step.
    Manual,
    /// The end of a run of another workflow.
    Workflow(WorkflowTrigger),
    /// Times.
    Schedule(ScheduleTrigger),
}

/// The end of runs of other workflows. `context.data` tells which run it was and how it ended.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkflowTrigger {
    /// The workflows.
    pub workflows: Vec<WorkflowKey>,
    /// How their runs ended; default: well.
    #[serde(default = "WorkflowTrigger::default_on")]
    pub on: Vec<RunEnd>,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunEnd {
    /// Well.
    Succeeded,
    /// By a failed step or a limit.
    Failed,
    /// By somebody's wish.
    Cancelled,
}

impl WorkflowTrigger {
    fn default_on() -> Vec<RunEnd> {
        vec![RunEnd::Succeeded]
    }

    /// Whether the end of such a run starts this workflow.
    pub fn matches(&self, workflow: &WorkflowKey, status: RunStatus) -> bool {
        let end = match status {
            RunStatus::Succeeded => RunEnd::Succeeded,
            RunStatus::Failed => RunEnd::Failed,
            RunStatus::Cancelled => RunEnd::Cancelled,
            RunStatus::Queued | RunStatus::Waiting => return false,
        };
        self.on.contains(&end) && self.workflows.contains(workflow)
    }
}

/// Reads the trigger of a workflow.
pub(in crate::model) fn read_trigger(value: Value) -> Result<Trigger, FieldError> {
    let mut fields = object(value, "trigger")?;
    let kind: String = required(&mut fields, "trigger", "type")?;
    match kind.as_str() {
        "webhook" => webhook(fields).map(Trigger::Webhook),
        "manual" => only_known(&fields, "trigger", &[]).map(|()| Trigger::Manual),
        "schedule" => typed(Value::Object(fields), "trigger").map(Trigger::Schedule),
        "workflow" => {
            let after: WorkflowTrigger = typed(Value::Object(fields), "trigger")?;
            if after.workflows.is_empty() || after.on.is_empty() {
                return Err(FieldError::new("trigger", "name at least one workflow and one way to end"));
            }
            Ok(Trigger::Workflow(after))
        }
        other => Err(FieldError::new(
            "trigger.type",
            format!("unknown trigger `{other}`; known are webhook, schedule, manual, workflow"),
        )),
    }
}
