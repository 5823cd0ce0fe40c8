//! JSON into a [`Workflow`], where every error names its field.
//!
//! Serde loses the path inside tagged enums, so the tag is read here and each
//! variant is deserialised on its own.

use std::collections::HashSet;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    error::Position,
    ids::StepId,
    policy::Policy,
    step::Step,
    step_parse::{loops_are_around, steps},
    webhook::Mode,
    webhook_parse::webhook,
    workflow::{Trigger, Workflow, WorkflowTrigger, enabled},
};

/// What is wrong with one field of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", if path.is_empty() { "the workflow" } else { path })]
pub struct FieldError {
    /// As in `steps[1].then[0].url`; empty for the whole.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The place in a code file, when that is where it is wrong.
    pub position: Option<Position>,
}

impl FieldError {
    /// An error at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), position: None }
    }

    /// An error at `path` about a place in a code file, which the message begins with.
    pub fn in_code(path: impl Into<String>, position: Position, message: &str) -> Self {
        let Position { file, line, column } = &position;
        let message = format!("{file}:{line}:{column}: {message}");
        Self { path: path.into(), message, position: Some(position) }
    }
}

pub(super) type Object = Map<String, Value>;

pub(super) fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

pub(super) fn object(value: Value, path: &str) -> Result<Object, FieldError> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(FieldError::new(path, format!("expected an object, found {}", kind_of(&other)))),
    }
}

pub(super) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

pub(super) fn typed<T: DeserializeOwned>(value: Value, path: &str) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let place = match inner.as_str() {
            "." => path.to_owned(),
            _ if inner.starts_with('[') => format!("{path}{inner}"),
            _ => join(path, &inner),
        };
        FieldError::new(place, error.into_inner().to_string())
    })
}

/// A field that may be left out; `null` is as good as leaving it out.
pub(super) fn take<T: DeserializeOwned>(
    object: &mut Object,
    path: &str,
    field: &str,
) -> Result<Option<T>, FieldError> {
    object
        .shift_remove(field)
        .filter(|value| !value.is_null())
        .map(|value| typed(value, &join(path, field)))
        .transpose()
}

pub(super) fn required<T: DeserializeOwned>(
    object: &mut Object,
    path: &str,
    field: &str,
) -> Result<T, FieldError> {
    take(object, path, field)?.ok_or_else(|| FieldError::new(path, format!("`{field}` is missing")))
}

/// Told before a missing field: `step` in place of `steps` is one mistake, not two.
pub(super) fn only_known(object: &Object, path: &str, known: &[&str]) -> Result<(), FieldError> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            Err(FieldError::new(join(path, key), format!("unknown field; known are {}", known.join(", "))))
        }
    }
}

impl Workflow {
    /// Reads a workflow and checks all that needs no other file.
    ///
    /// # Errors
    /// The first wrong field, by its path.
    pub fn from_value(value: Value) -> Result<Self, FieldError> {
        const KNOWN: [&str; 9] =
            ["$schema", "key", "title", "description", "enabled", "env", "secrets", "trigger", "steps"];
        let mut fields = object(value, "")?;
        only_known(&fields, "", &[KNOWN.as_slice(), &Policy::FIELDS].concat())?;
        let workflow = Self {
            key: required(&mut fields, "", "key")?,
            title: take(&mut fields, "", "title")?.unwrap_or_default(),
            description: take(&mut fields, "", "description")?.unwrap_or_default(),
            enabled: take(&mut fields, "", "enabled")?.unwrap_or_else(enabled),
            env: take(&mut fields, "", "env")?.unwrap_or_default(),
            secrets: take(&mut fields, "", "secrets")?.unwrap_or_default(),
            trigger: trigger(required(&mut fields, "", "trigger")?)?,
            policy: Policy::take(&mut fields)?,
            steps: steps(required(&mut fields, "", "steps")?, "steps")?,
        };
        unique_ids(&workflow.steps, "steps", &mut HashSet::new())?;
        loops_are_around(&workflow.steps, "steps", false)?;
        if workflow.policy.debounce.is_some() && workflow.webhook().is_some_and(|it| it.mode == Mode::Sync) {
            let message = "a caller cannot wait for a later event; set trigger.mode to async";
            return Err(FieldError::new("debounce", message));
        }
        Ok(workflow)
    }
}

fn unique_ids<'a>(steps: &'a [Step], path: &str, seen: &mut HashSet<&'a StepId>) -> Result<(), FieldError> {
    for (index, step) in steps.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if !seen.insert(&step.id) {
            let message = format!("another step has the id `{}` already; each needs its own", step.id);
            return Err(FieldError::new(join(&path, "id"), message));
        }
        for branch in step.branches() {
            unique_ids(branch.steps, &join(&path, &branch.field), seen)?;
        }
    }
    Ok(())
}

fn trigger(value: Value) -> Result<Trigger, FieldError> {
    let mut fields = object(value, "trigger")?;
    let kind: String = required(&mut fields, "trigger", "type")?;
    match kind.as_str() {
        "webhook" => webhook(fields).map(Trigger::Webhook),
        "manual" => only_known(&fields, "trigger", &[]).map(|()| Trigger::Manual),
        "schedule" => typed(Value::Object(fields), "trigger").map(Trigger::Schedule),
        "workflow" => {
            let after: WorkflowTrigger = typed(Value::Object(fields), "trigger")?;
            match after.workflows.is_empty() || after.on.is_empty() {
                true => Err(FieldError::new("trigger", "name at least one workflow and one way to end")),
                false => Ok(Trigger::Workflow(after)),
            }
        }
        other => Err(FieldError::new(
            "trigger.type",
            format!("unknown trigger `{other}`; known are webhook, schedule, manual, workflow"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Method, Mode, StepKind};

    fn with(change: impl FnOnce(&mut Value)) -> Result<Workflow, FieldError> {
        let mut value = json!({
            "key": "github-push",
            "trigger": {
                "type": "webhook",
                "verify": {"scheme": "github", "secret": "{{$env.S}}"},
                "dedupe": {"key": "{{$context.headers.x-github-delivery}}", "ttl": "3d"}
            },
            "steps": [
                {"id": "parse", "type": "code", "file": "parse.js"},
                {"id": "is_main", "type": "condition", "if": "steps.parse.branch == 'main'",
                 "then": [{"id": "yes", "type": "response", "json": null}]}
            ]
        });
        change(&mut value);
        Workflow::from_value(value)
    }

    #[test]
    fn a_workflow_is_read_with_its_defaults() {
        let workflow = with(|_| {}).unwrap();
        assert!(workflow.enabled);
        assert_eq!(workflow.walk().len(), 3);
        let webhook = workflow.webhook().unwrap();
        assert_eq!(webhook.methods, [Method::Post].to_vec());
        assert_eq!(webhook.mode, Mode::Sync);
        let StepKind::Response(response) = &workflow.walk()[2].kind else { panic!("a response") };
        assert_eq!(response.json, Some(Value::Null));
    }

    #[test]
    fn every_error_names_its_field() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 16] = [
            (|w| w["steps"][1]["then"][0]["type"] = json!("mail"), "steps[1].then[0].type"),
            (|w| w["steps"][1]["then"][0]["sttaus"] = json!(1), "steps[1].then[0].sttaus"),
            (|w| w["steps"][1]["then"][0]["status"] = json!(99), "steps[1].then[0].status"),
            (|w| w["steps"][0]["file"] = json!("../x.js"), "steps[0].file"),
            (|w| w["steps"][0]["file"] = json!(7), "steps[0].file"),
            (|w| w["steps"][0]["limits"] = json!({"fuel": 0}), "steps[0].limits.fuel"),
            (|w| w["steps"][0]["limits"] = json!({"memory": "1GiB"}), "steps[0].limits.memory"),
            (|w| w["steps"][0]["limits"] = json!({"timeout": "soon"}), "steps[0].limits.timeout"),
            (|w| w["steps"][1]["if"] = json!({"left": 1, "op": "~"}), "steps[1].if"),
            (|w| w["steps"][1]["id"] = json!("parse"), "steps[1].id"),
            (|w| w["steps"][0]["id"] = json!("a-b"), "steps[0].id"),
            (|w| w["trigger"]["verify"]["secret"] = json!(""), "trigger.verify.secret"),
            (|w| w["trigger"]["verify"]["scheme"] = json!("none"), "trigger.verify.scheme"),
            (|w| w["trigger"]["methods"] = json!(["TRACE"]), "trigger.methods[0]"),
            (|w| w["trigger"]["dedupe"]["ttl"] = json!("31d"), "trigger.dedupe.ttl"),
            (|w| w["key"] = json!("a/b"), "key"),
        ];
        for (change, path) in cases {
            let error = with(change).map(|_| ()).unwrap_err();
            assert_eq!(error.path, path, "{error}");
        }
    }
}
