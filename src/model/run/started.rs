//! What started a run: for people in `cause`, and for its steps in `context.trigger`.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::model::value::TriggerName;

/// What started a run, a repetition too. Stored by position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A request to the workflow's endpoint.
    #[default]
    Webhook,
    Schedule,
    /// A person or program through the API.
    Manual,
    /// The end of a run of another workflow.
    Workflow,
    /// A `subflow` step.
    Subflow,
    /// The failure of a run that names this workflow as its `on_failure`.
    Failure,
    /// A repetition of an earlier run from its start.
    Replay,
    /// A repetition of an earlier run from its failed step.
    Retry,
    /// A request that was refused, sent again by somebody who may.
    Resend,
}

/// What kind of thing started a run. Stored by position: add at the end, never reorder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StartKind {
    Webhook,
    Schedule,
    /// The end of a run of another workflow.
    Workflow,
    /// A person or program through the API.
    Manual,
    /// A `subflow` step.
    Subflow,
    /// The failure of a run that names the workflow as its `on_failure`.
    Failure,
}

impl StartKind {
    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Schedule => "schedule",
            Self::Workflow => "workflow",
            Self::Manual => "manual",
            Self::Subflow => "subflow",
            Self::Failure => "failure",
        }
    }
}

/// What started a run. A repetition keeps what started the first one.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Started {
    /// The trigger's name; nothing when no trigger of the workflow started it.
    pub name: Option<TriggerName>,
    /// The kind; nothing when an older version stored the event and did not say it.
    pub kind: Option<StartKind>,
}

impl Started {
    /// By something that is no trigger of the workflow.
    pub fn without_trigger(kind: StartKind) -> Self {
        Self { name: None, kind: Some(kind) }
    }

    /// By the trigger of a workflow that had one trigger without a name, as all had before triggers had names. A
    /// repetition does not tell what started the first run.
    pub fn before_names(cause: Cause) -> Self {
        let by = |kind: StartKind| Self { name: kind.as_str().parse().ok(), kind: Some(kind) };
        match cause {
            Cause::Webhook | Cause::Resend => by(StartKind::Webhook),
            Cause::Schedule => by(StartKind::Schedule),
            Cause::Workflow => by(StartKind::Workflow),
            Cause::Manual => Self::without_trigger(StartKind::Manual),
            Cause::Subflow => Self::without_trigger(StartKind::Subflow),
            Cause::Failure => Self::without_trigger(StartKind::Failure),
            Cause::Replay | Cause::Retry => Self::default(),
        }
    }

    /// `context.trigger`. It is always an object, so that scripts may read its fields.
    pub fn to_value(&self) -> Value {
        json!({ "name": self.name, "type": self.kind })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_older_version_stored_is_told_by_its_cause() {
        let cases = [
            (Cause::Webhook, json!({"name": "webhook", "type": "webhook"})),
            (Cause::Resend, json!({"name": "webhook", "type": "webhook"})),
            (Cause::Schedule, json!({"name": "schedule", "type": "schedule"})),
            (Cause::Manual, json!({"name": null, "type": "manual"})),
            (Cause::Replay, json!({"name": null, "type": null})),
        ];
        for (cause, expected) in cases {
            assert_eq!(Started::before_names(cause).to_value(), expected);
        }
    }
}
