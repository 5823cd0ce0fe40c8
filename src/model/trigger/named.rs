//! The triggers of a workflow: one as `trigger`, or several as `triggers`, each with its name.

use std::collections::HashMap;

use serde_json::Value;

use super::{
    hook_path::{HookPath, PathSegment},
    schedule::ScheduleTrigger,
    start::{Trigger, read_trigger},
    webhook::Webhook,
};
use crate::model::{
    run::{StartKind, Started},
    value::{
        FieldError, TriggerName, WorkflowKey,
        fields::{Object, kind_of, object, take},
    },
};

/// The most triggers of one workflow.
const MAX_TRIGGERS: usize = 50;

/// One trigger of a workflow.
#[derive(Debug, Clone)]
pub struct NamedTrigger {
    /// Its name; no other trigger of the workflow has it.
    pub name: TriggerName,
    /// The field where it stands: `trigger`, or `triggers[1]`.
    pub at: String,
    /// What starts a run.
    pub trigger: Trigger,
}

/// Under which name a trigger keeps dedupe ids and the last time of a schedule. It is the key of the workflow, and with a
/// name that is not the usual one of its type also that name. So a workflow that gets a second trigger keeps what its first
/// one has stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TriggerScope(String);

impl TriggerScope {
    /// The scope of the triggers of a workflow that have the usual names of their types.
    pub fn usual(workflow: &WorkflowKey) -> Self {
        Self(workflow.to_string())
    }

    /// The scope as text. Neither keys nor names hold its colon.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl NamedTrigger {
    /// Under which name it keeps its state.
    pub fn scope(&self, workflow: &WorkflowKey) -> TriggerScope {
        if self.name.as_str() == self.trigger.kind().as_str() {
            TriggerScope::usual(workflow)
        } else {
            TriggerScope(format!("{workflow}:{}", self.name))
        }
    }

    /// What its runs read as `context.trigger`.
    pub fn started(&self) -> Started {
        Started { name: Some(self.name.clone()), kind: Some(self.trigger.kind()) }
    }

    /// Its webhook, if it is one.
    pub fn webhook(&self) -> Option<&Webhook> {
        match &self.trigger {
            Trigger::Webhook(webhook) => Some(webhook),
            Trigger::Manual | Trigger::Workflow(_) | Trigger::Schedule(_) => None,
        }
    }

    /// Its schedule, if it is one.
    pub fn schedule(&self) -> Option<&ScheduleTrigger> {
        match &self.trigger {
            Trigger::Schedule(schedule) => Some(schedule),
            Trigger::Webhook(_) | Trigger::Manual | Trigger::Workflow(_) => None,
        }
    }
}

/// Takes `trigger` or `triggers` out of the fields of a workflow.
///
/// # Errors
/// The first wrong field.
pub(in crate::model) fn take_triggers(
    fields: &mut Object,
    key: &WorkflowKey,
) -> Result<Vec<NamedTrigger>, FieldError> {
    let one: Option<Value> = take(fields, "", "trigger")?;
    let several: Option<Value> = take(fields, "", "triggers")?;
    let triggers = match (one, several) {
        (Some(_), Some(_)) => {
            let message = "`trigger` and `triggers` cannot stand together; move the object of `trigger` into the array \
                           `triggers`, and remove `trigger`";
            return Err(FieldError::new("triggers", message));
        }
        (None, None) => {
            let message = "`trigger` is missing; write \"trigger\": {\"type\": \"webhook\"}, or an array of such objects as `triggers`";
            return Err(FieldError::new("", message));
        }
        (Some(Value::Array(_)), None) => {
            let message = "expected an object, found an array; name it `triggers` if there are several";
            return Err(FieldError::new("trigger", message));
        }
        (Some(one), None) => vec![read_named(one, "trigger")?],
        (None, Some(Value::Array(several))) => read_list(several)?,
        (None, Some(Value::Object(_))) => {
            let message = "expected an array of triggers, found an object; write [ and ] around it, or name it `trigger`";
            return Err(FieldError::new("triggers", message));
        }
        (None, Some(other)) => {
            let message = format!("expected an array of triggers, found {}", kind_of(&other));
            return Err(FieldError::new("triggers", message));
        }
    };
    unique_names(&triggers)?;
    separate_paths(&triggers, key)?;
    Ok(triggers)
}

fn read_list(several: Vec<Value>) -> Result<Vec<NamedTrigger>, FieldError> {
    if several.is_empty() {
        let message = "the array is empty, so nothing would start a run; give at least one trigger, such as {\"type\": \"manual\"}";
        return Err(FieldError::new("triggers", message));
    }
    if several.len() > MAX_TRIGGERS {
        let message = format!("there are {}, {MAX_TRIGGERS} are the most; split the workflow", several.len());
        return Err(FieldError::new("triggers", message));
    }
    let read = |(index, value)| read_named(value, &format!("triggers[{index}]"));
    several.into_iter().enumerate().map(read).collect()
}

/// One trigger, which stands at the field `at`.
fn read_named(value: Value, at: &str) -> Result<NamedTrigger, FieldError> {
    let mut fields = object(value, at)?;
    let name: Option<TriggerName> = take(&mut fields, at, "name")?;
    let trigger = read_trigger(fields).map_err(|error| error.moved("trigger", at))?;
    let name = name.unwrap_or_else(|| usual_name(trigger.kind()));
    Ok(NamedTrigger { name, at: at.to_owned(), trigger })
}

/// The name of a trigger that has none of its own.
fn usual_name(kind: StartKind) -> TriggerName {
    kind.as_str().parse().expect("the word of a kind is a name")
}

fn unique_names(triggers: &[NamedTrigger]) -> Result<(), FieldError> {
    let mut seen: HashMap<&TriggerName, &str> = HashMap::new();
    for trigger in triggers {
        let NamedTrigger { name, at, trigger: kind } = trigger;
        if let Some(first) = seen.insert(name, at) {
            let kind = kind.kind().as_str();
            let why = if name.as_str() == kind {
                format!("a {kind} without a name of its own has this one")
            } else {
                "names tell triggers apart".to_owned()
            };
            let message = format!(
                "{first} has the name `{name}` already; {why}. Give each trigger its own name, as in \"name\": \"{name}-2\""
            );
            return Err(FieldError::new(format!("{at}.name"), message));
        }
    }
    Ok(())
}

/// No request leads to two webhooks of one workflow.
fn separate_paths(triggers: &[NamedTrigger], key: &WorkflowKey) -> Result<(), FieldError> {
    let webhooks: Vec<(&NamedTrigger, &Webhook)> =
        triggers.iter().filter_map(|trigger| Some((trigger, trigger.webhook()?))).collect();
    for (index, (second, two)) in webhooks.iter().enumerate() {
        for (first, one) in &webhooks[..index] {
            let why = match (&one.path, &two.path) {
                (None, None) => format!(
                    "{} has no path either, so both would be /api/webhooks/{key}; give this one a path, as in \"path\": \"/{key}/{}\"",
                    first.at, second.name
                ),
                (Some(first_path), Some(path)) if first_path.collides(path) => format!(
                    "its path `{path}` and the path `{first_path}` of {} lead to the same requests; change one of them",
                    first.at
                ),
                (None, Some(path)) if path.is_key(key) => {
                    format!("its path `{path}` is the address of {}, which has no path; change it", first.at)
                }
                (Some(path), None) if path.is_key(key) => format!(
                    "it has no path, and its address is the path `{path}` of {}; give it another path",
                    first.at
                ),
                (Some(_) | None, Some(_) | None) => continue,
            };
            return Err(FieldError::new(format!("{}.path", second.at), why));
        }
    }
    Ok(())
}

impl HookPath {
    /// Whether it is the address of a webhook without a path, in the workflow with this key.
    pub fn is_key(&self, key: &WorkflowKey) -> bool {
        matches!(self.segments(), [PathSegment::Fixed(only)] if only == key.as_str())
    }

    /// The key of the workflow that it would be the address of, if it could be one.
    pub fn as_key(&self) -> Option<WorkflowKey> {
        match self.segments() {
            [PathSegment::Fixed(only)] => only.parse().ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(members: Value) -> Result<Vec<NamedTrigger>, FieldError> {
        let Value::Object(mut fields) = members else { panic!("an object") };
        take_triggers(&mut fields, &"orders".parse().unwrap())
    }

    fn scopes(members: Value) -> Vec<String> {
        let key = "orders".parse().unwrap();
        read(members).unwrap().iter().map(|trigger| trigger.scope(&key).as_str().to_owned()).collect()
    }

    #[test]
    fn a_second_trigger_changes_nothing_of_what_the_first_has_stored() {
        let webhook = json!({"type": "webhook"});
        assert_eq!(scopes(json!({"trigger": webhook})), ["orders"]);
        let with = json!({"triggers": [
            {"type": "webhook", "name": "returns", "path": "/orders/returns"}, webhook, {"type": "schedule", "cron": "@daily"},
            {"type": "schedule", "name": "webhook-check", "cron": "@hourly"},
        ]});
        assert_eq!(scopes(with), ["orders:returns", "orders", "orders", "orders:webhook-check"]);
        // A usual name is usual for its own type only.
        let odd = json!({"triggers": [{"type": "manual", "name": "schedule"}]});
        assert_eq!(scopes(odd), ["orders:schedule"]);
    }

    #[test]
    fn runs_are_told_the_name_and_the_type() {
        let both =
            json!({"triggers": [{"type": "manual"}, {"type": "schedule", "name": "sum", "cron": "@daily"}]});
        let told: Vec<Value> = read(both).unwrap().iter().map(|it| it.started().to_value()).collect();
        assert_eq!(
            told,
            [json!({"name": "manual", "type": "manual"}), json!({"name": "sum", "type": "schedule"})]
        );
    }

    #[test]
    fn every_mistake_names_its_field_and_what_to_do() {
        let webhook = json!({"type": "webhook"});
        let daily = json!({"type": "schedule", "cron": "@daily"});
        let at = |path: &str, name: &str| json!({"type": "webhook", "path": path, "name": name});
        let many: Vec<Value> = (0..51).map(|n| json!({"type": "manual", "name": format!("m{n}")})).collect();
        let cases = [
            (json!({}), "", "`trigger` is missing"),
            (json!({"trigger": null}), "", "`trigger` is missing"),
            (json!({"trigger": webhook, "triggers": [daily]}), "triggers", "remove `trigger`"),
            (json!({"trigger": [webhook]}), "trigger", "name it `triggers`"),
            (json!({"triggers": webhook}), "triggers", "write [ and ] around it"),
            (json!({"triggers": "webhook"}), "triggers", "found a string"),
            (json!({"triggers": []}), "triggers", "at least one trigger"),
            (json!({"triggers": many}), "triggers", "50 are the most"),
            (json!({"triggers": ["webhook"]}), "triggers[0]", "expected an object, found a string"),
            (json!({"triggers": [webhook, {"type": "mail"}]}), "triggers[1].type", "unknown trigger `mail`"),
            (json!({"triggers": [webhook, {"cron": "@daily"}]}), "triggers[1]", "`type` is missing"),
            (json!({"triggers": [webhook, {"type": "manual", "name": "a b"}]}), "triggers[1].name", "64"),
            (json!({"triggers": [webhook, {"type": "manual", "name": 7}]}), "triggers[1].name", "string"),
            (json!({"triggers": [daily, daily]}), "triggers[1].name", "has the name `schedule` already"),
            (
                json!({"triggers": [at("/a", "x"), at("/b", "x")]}),
                "triggers[1].name",
                "triggers[0] has the name `x`",
            ),
            (
                json!({"triggers": [webhook, {"type": "webhook", "name": "b"}]}),
                "triggers[1].path",
                "\"/orders/b\"",
            ),
            (json!({"triggers": [at("/a", "x"), at("/a", "y")]}), "triggers[1].path", "of triggers[0]"),
            (json!({"triggers": [at("/a/:x", "x"), at("/a/:y", "y")]}), "triggers[1].path", "same requests"),
            (json!({"triggers": [webhook, at("/orders", "y")]}), "triggers[1].path", "has no path"),
            (json!({"triggers": [at("/orders", "y"), webhook]}), "triggers[1].path", "give it another path"),
            (
                json!({"triggers": [webhook, {"type": "webhook", "name": "b", "path": "b"}]}),
                "triggers[1].path",
                "/orders/:id",
            ),
            (
                json!({"triggers": [{"type": "webhook", "verify": {"scheme": "github"}}]}),
                "triggers[0].verify",
                "missing",
            ),
            (json!({"triggers": [{"type": "manual", "crom": 1}]}), "triggers[0].crom", "unknown field"),
            (json!({"triggers": [{"type": "schedule", "cron": 7}]}), "triggers[0].cron", "string"),
        ];
        for (members, path, part) in cases {
            let error = read(members.clone()).map(|_| ()).unwrap_err();
            assert_eq!(error.path, path, "{members} {error}");
            assert!(error.message.contains(part), "{members} {error}");
        }
    }
}
