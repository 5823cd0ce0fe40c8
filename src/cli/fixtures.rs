//! Events and expectations as files, for `run` and `test`.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    rc::Rc,
};

use anyhow::Context;
use serde::Deserialize;
use serde_json::Value;

use super::given::{Given, MAX_BYTES};
use crate::{
    files::{FileError, Root},
    formats::{self, Reading},
    model::{ChoiceError, Event, RunStatus, Workflow, WorkflowKey},
};

/// A file under `fixtures/`: an event and the result that its author expects.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Fixture {
    /// The request that arrives.
    pub(super) event: EventFile,
    /// The expected result. What is left out is not compared.
    #[serde(default)]
    pub(super) expect: Expect,
    /// What workflows keep when the run begins.
    #[serde(default)]
    pub(super) kv: Kept,
    /// The trigger that the event comes to, by its name.
    pub(super) trigger: Option<String>,
}

/// Values by workflow and key. The tested workflow may read those of all others that are named.
pub(super) type Kept = BTreeMap<WorkflowKey, BTreeMap<String, Value>>;

/// An event as a person writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct EventFile {
    method: Option<String>,
    path: Option<String>,
    ip: Option<String>,
    headers: BTreeMap<String, String>,
    query: BTreeMap<String, String>,
    params: BTreeMap<String, String>,
    /// The body as JSON; sent as its compact text.
    data: Option<Value>,
    /// The body as text, instead of `data`.
    body: Option<String>,
}

/// The expected result of a run.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Expect {
    /// How the run ends.
    pub(super) run: Option<RunStatus>,
    pub(super) status: Option<u16>,
    /// The answer's body as JSON; `text` is the same as text.
    pub(super) json: Option<Value>,
    pub(super) text: Option<String>,
    /// The outputs of steps, by id.
    pub(super) steps: BTreeMap<String, Value>,
    /// The error's code.
    pub(super) error: Option<String>,
}

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

/// A file beside a workflow. It comes with the workflow, so it is read like one of the workflow's own files (see
/// `files`).
pub(super) struct Beside {
    fixtures: Rc<Root>,
    name: String,
    pub(super) path: PathBuf,
}

impl Beside {
    /// The file read as a fixture.
    pub(super) fn fixture(&self) -> anyhow::Result<Fixture> {
        serde_json::from_str(&self.text()?).with_context(|| self.path.display().to_string())
    }

    /// Its event, whatever else it says.
    pub(super) fn event(&self, workflow: &Workflow) -> anyhow::Result<Event> {
        Ok(event_of(&self.text()?, &self.path, None, workflow)?.0)
    }

    fn text(&self) -> Result<String, FileError> {
        self.fixtures.text(Path::new(&self.name), MAX_BYTES)
    }
}

/// The fixtures beside a workflow, by name. There may be none.
pub(super) fn beside(folder: &Path) -> anyhow::Result<Vec<Beside>> {
    let root = Root::open(folder)?;
    if !root.has(Path::new("fixtures")) {
        return Ok(Vec::new());
    }
    let fixtures = Rc::new(root.folder(Path::new("fixtures"))?);
    let entries = fixtures.entries()?.into_iter().map(|entry| entry.name);
    let names =
        entries.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "json"));
    let beside = |name: String| {
        let path = folder.join("fixtures").join(&name);
        Beside { fixtures: Rc::clone(&fixtures), name, path }
    };
    Ok(names.map(beside).collect())
}

impl EventFile {
    /// The event as the gateway would decode it for the trigger of this name.
    pub(super) fn into_event(self, workflow: &Workflow, trigger: Option<&str>) -> Result<Event, String> {
        let trigger = workflow.trigger_for(trigger).map_err(|error| match error {
            ChoiceError::Unknown { .. } => error.to_string(),
            ChoiceError::Several { .. } => {
                format!(
                    "{error}; write \"trigger\": \"NAME\" beside \"event\" in the fixture, or give --trigger"
                )
            }
        })?;
        let reading = trigger.webhook().map(Reading::of).unwrap_or_default();
        let mut headers: Vec<_> =
            self.headers.into_iter().map(|(name, value)| (name.to_lowercase(), value)).collect();
        let has_type = headers.iter().any(|(name, _)| name == "content-type");
        let body = match (self.body, self.data) {
            (Some(_), Some(_)) => return Err("give `data` or `body`, not both".to_owned()),
            (Some(text), None) => text.into_bytes(),
            (None, Some(data)) => {
                if !has_type {
                    headers.push(("content-type".to_owned(), "application/json".to_owned()));
                }
                data.to_string().into_bytes()
            }
            (None, None) => Vec::new(),
        };
        let content_type =
            headers.iter().find(|(name, _)| name == "content-type").map(|(_, value)| value.as_str());
        let content = formats::decode(&reading, content_type, &body).map_err(|error| error.to_string())?;
        let mut raw_query = form_urlencoded::Serializer::new(String::new());
        raw_query.extend_pairs(&self.query);
        Ok(Event {
            method: self.method.unwrap_or_else(|| "POST".to_owned()),
            path: self.path.unwrap_or_else(|| format!("/api/webhooks/{}", workflow.key)),
            ip: self.ip.unwrap_or_else(|| "127.0.0.1".to_owned()),
            headers,
            query: self.query.into_iter().collect(),
            params: self.params.into_iter().collect(),
            content,
            body,
            origin: "".into(),
            raw_query: raw_query.finish(),
            notes: Vec::new(),
            trigger: trigger.started(),
        })
    }
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
