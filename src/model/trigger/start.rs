//! What starts a run: one trigger of a workflow, and how it is read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{schedule::ScheduleTrigger, webhook::Webhook, webhook_parse::webhook};
use crate::model::{
    run::{RunStatus, StartKind},
    value::{
        FieldError, WorkflowKey,
        fields::{Object, only_known, required, typed},
    },
};

/// What starts a run.
#[derive(Debug, Clone, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(transform = with_name)]
#[expect(clippy::large_enum_variant, reason = "a workflow has few")]
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

impl Trigger {
    /// Whether the end of such a run starts a run.
    pub fn follows(&self, workflow: &WorkflowKey, status: RunStatus) -> bool {
        match self {
            Self::Workflow(after) => after.matches(workflow, status),
            Self::Webhook(_) | Self::Manual | Self::Schedule(_) => false,
        }
    }

    /// What its runs are started by.
    pub fn kind(&self) -> StartKind {
        match self {
            Self::Webhook(_) => StartKind::Webhook,
            Self::Manual => StartKind::Manual,
            Self::Workflow(_) => StartKind::Workflow,
            Self::Schedule(_) => StartKind::Schedule,
        }
    }
}

/// Adds to the schema of each type of trigger the name, which `named` reads.
fn with_name(schema: &mut schemars::Schema) {
    let types = schema.get_mut("oneOf").and_then(Value::as_array_mut);
    for one in types.into_iter().flatten() {
        one["properties"]["name"] = json!({
            "description": "What `context.trigger.name` and commands call it: 1 to 64 of A-Z a-z 0-9 _ -; default its type. No two triggers of a workflow have the same.",
            "type": "string",
            "pattern": "^[A-Za-z0-9_-]{1,64}$",
        });
    }
}

/// Reads the fields of a trigger, except for its name. Errors speak of `trigger`; `named` knows where it stands.
pub(super) fn read_trigger(mut fields: Object) -> Result<Trigger, FieldError> {
    let kind: String = required(&mut fields, "trigger", "type")?;
    match kind.as_str() {
        "webhook" => webhook(fields).map(Trigger::Webhook),
        "manual" => only_known(&fields, "trigger", &["type", "name"]).map(|()| Trigger::Manual),
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
