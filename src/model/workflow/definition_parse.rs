//! JSON into a [`Workflow`], where every error names its field (`value::fields`).

use std::collections::HashSet;

use serde_json::Value;

use super::{
    definition::{Workflow, enabled},
    policy::Policy,
    step::Step,
    step_parse::{loops_are_around, steps},
};
use crate::model::{
    trigger::take_triggers,
    value::{
        FieldError, Mode, StepId,
        fields::{join, object, only_known, required, take},
    },
};

impl Workflow {
    /// Reads a workflow and checks all that needs no other file.
    ///
    /// # Errors
    /// The first wrong field, by its path.
    pub fn from_value(value: Value) -> Result<Self, FieldError> {
        const KNOWN: [&str; 11] = [
            "$schema",
            "key",
            "title",
            "description",
            "enabled",
            "env",
            "secrets",
            "kv",
            "trigger",
            "triggers",
            "steps",
        ];
        let mut fields = object(value, "")?;
        only_known(&fields, "", &[KNOWN.as_slice(), &Policy::FIELDS].concat())?;
        let key = required(&mut fields, "", "key")?;
        let triggers = take_triggers(&mut fields, &key)?;
        let workflow = Self {
            key,
            title: take(&mut fields, "", "title")?.unwrap_or_default(),
            description: take(&mut fields, "", "description")?.unwrap_or_default(),
            enabled: take(&mut fields, "", "enabled")?.unwrap_or_else(enabled),
            env: take(&mut fields, "", "env")?.unwrap_or_default(),
            secrets: take(&mut fields, "", "secrets")?.unwrap_or_default(),
            kv: take(&mut fields, "", "kv")?.unwrap_or_default(),
            triggers,
            policy: Policy::take(&mut fields)?,
            steps: steps(required(&mut fields, "", "steps")?, "steps")?,
        };
        unique_ids(&workflow.steps, "steps", &mut HashSet::new())?;
        loops_are_around(&workflow.steps, "steps", false)?;
        let waits = workflow.webhooks().find(|(_, webhook)| webhook.mode == Mode::Sync);
        if let (Some(_), Some((trigger, _))) = (&workflow.policy.debounce, waits) {
            let message = format!("a caller cannot wait for a later event; set {}.mode to async", trigger.at);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Method, StepKind};

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
        assert!(workflow.enabled && workflow.kv.readers.is_empty());
        assert_eq!(workflow.walk().len(), 3);
        let (_, webhook) = workflow.webhooks().next().unwrap();
        assert_eq!(webhook.methods, [Method::Post].to_vec());
        assert_eq!(webhook.mode, Mode::Sync);
        let StepKind::Response(response) = &workflow.walk()[2].kind else { panic!("a response") };
        assert_eq!(response.json, Some(Value::Null));
    }

    #[test]
    fn every_error_names_its_field() {
        type Change = fn(&mut Value);
        let cases: [(Change, &str); 19] = [
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
            (|w| w["kv"] = json!({"readers": ["a/b"]}), "kv.readers[0]"),
            (|w| w["kv"] = json!({"readers": "a"}), "kv.readers"),
            (|w| w["kv"] = json!({"writers": []}), "kv.writers"),
        ];
        for (change, path) in cases {
            let error = with(change).map(|_| ()).unwrap_err();
            assert_eq!(error.path, path, "{error}");
        }
    }
}
