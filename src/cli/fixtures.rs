//! Events as files, for `run` and `test`.

use std::path::Path;

use anyhow::Context;
use serde_json::Value;

use super::given::Given;
pub(super) use crate::fixtures::{Beside, Kept, beside};
use crate::{
    fixtures::{EventFile, Fixture},
    model::{Event, Workflow},
};

/// The keys that a fixture may have.
const FIXTURE_KEYS: [&str; 4] = ["event", "expect", "kv", "trigger"];
/// The keys that an event file may have.
const EVENT_KEYS: [&str; 8] = ["method", "path", "ip", "headers", "query", "params", "data", "body"];

/// Reads what `flowcell run --event` was given: a fixture, an event, or the JSON of a body. It comes to the trigger that
/// `--trigger` names, or else the fixture.
pub(super) fn read_event(
    given: &Given,
    trigger: Option<&str>,
    workflow: &Workflow,
) -> anyhow::Result<(Event, Kept)> {
    event_of(&given.text, &given.name, trigger, workflow)
}

/// The event of a file beside a workflow, whatever else it says.
pub(super) fn event_beside(file: &Beside, workflow: &Workflow) -> anyhow::Result<Event> {
    Ok(event_of(&file.text()?, &file.path, None, workflow)?.0)
}

fn event_of(
    text: &str,
    path: &Path,
    trigger: Option<&str>,
    workflow: &Workflow,
) -> anyhow::Result<(Event, Kept)> {
    let value: Value =
        serde_json::from_str(text).with_context(|| format!("{} is not JSON", path.display()))?;
    let event = match &value {
        Value::Object(object)
            if object.contains_key("event")
                && object.keys().all(|key| FIXTURE_KEYS.contains(&key.as_str())) =>
        {
            let fixture = serde_json::from_value::<Fixture>(value.clone()).ok();
            fixture.map(|fixture| (fixture.event, fixture.kv, fixture.trigger))
        }
        Value::Object(object)
            if object.keys().all(|key| EVENT_KEYS.contains(&key.as_str()))
                && ["headers", "data", "body"].iter().any(|key| object.contains_key(*key)) =>
        {
            serde_json::from_value::<EventFile>(value.clone()).ok().map(|event| (event, Kept::new(), None))
        }
        _ => None,
    };
    let (event, kept, of_fixture) =
        event.unwrap_or_else(|| (EventFile { data: Some(value), ..EventFile::default() }, Kept::new(), None));
    let event = event
        .into_event(workflow, trigger.or(of_fixture.as_deref()))
        .map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
    Ok((event, kept))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn data_of(file: Value) -> Value {
        let workflow = json!({"key": "hello", "trigger": {"type": "webhook"}, "steps": []});
        let given = Given { text: file.to_string(), name: "event.json".into() };
        let (event, _) = read_event(&given, None, &Workflow::from_value(workflow).unwrap()).unwrap();
        let context: Value = serde_json::from_str(&event.context_json()).unwrap();
        context["data"].clone()
    }

    #[test]
    fn an_event_file_is_a_body_an_event_or_a_fixture() {
        let body = json!({"event": "test", "data": {"message": "Hello"}});
        assert_eq!(data_of(body.clone()), body);
        assert_eq!(data_of(json!({"headers": {}, "data": {"a": 1}})), json!({"a": 1}));
        assert_eq!(data_of(json!({"event": {"data": {"a": 1}}, "expect": {"status": 200}})), json!({"a": 1}));
        assert_eq!(
            data_of(json!({"event": {"data": {"a": 1}}, "kv": {"shop": {"k": 1}}, "expect": {}})),
            json!({"a": 1})
        );
        assert_eq!(data_of(json!([1])), json!([1]));
        let form = json!({"headers": {"Content-Type": "application/x-www-form-urlencoded"}, "body": "a=b"});
        assert_eq!(data_of(form), json!({"a": "b"}));
    }

    #[test]
    fn an_event_comes_to_the_trigger_that_is_named_or_that_alone_can_be_meant() {
        let daily = json!({"type": "schedule", "cron": "@daily"});
        let path = |name: &str| json!({"type": "webhook", "name": name, "path": format!("/{name}")});
        let cases = [
            (json!([daily]), None, Ok("schedule")),
            (json!([path("a"), daily]), None, Ok("a")),
            (json!([path("a"), daily]), Some("schedule"), Ok("schedule")),
            (json!([path("a"), path("b")]), Some("b"), Ok("b")),
            (json!([path("a"), path("b")]), None, Err("several triggers; say which one is meant: a, b")),
            (json!([daily, {"type": "manual"}]), None, Err("schedule, manual")),
            (
                json!([path("a"), daily]),
                Some("c"),
                Err("there is no trigger `c`; the workflow has a, schedule"),
            ),
        ];
        for (triggers, name, expected) in cases {
            let workflow = json!({"key": "hello", "triggers": triggers, "steps": []});
            let workflow = Workflow::from_value(workflow).unwrap();
            let event = EventFile::default().into_event(&workflow, name);
            match (event, expected) {
                (Ok(event), Ok(name)) => assert_eq!(event.trigger.name.unwrap().as_str(), name),
                (Err(told), Err(part)) => assert!(told.contains(part), "{told}"),
                (found, expected) => panic!("{found:?} {expected:?}"),
            }
        }
    }
}
