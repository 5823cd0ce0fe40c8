//! A run as one step sees it: the event, earlier outputs, the environment, the clock.

use std::sync::{Arc, OnceLock};

use serde_json::{Map, Value, json};

use crate::{
    model::{Event, JsonText, PluginPin, StepId, WorkflowKey},
    secrets::SecretValue,
    template::{Root, Roots},
};

/// What stays the same through a run.
#[derive(Debug, Clone)]
pub struct RunFacts {
    /// The JSON of `context`, without `rawBody`.
    pub context: Arc<str>,
    /// The body as it was received.
    pub raw_body: Arc<[u8]>,
    /// The JSON object of the variables that the workflow may see.
    pub env: Arc<str>,
    /// The secrets that it names.
    pub secrets: SecretValues,
    /// The names of those that its scripts see.
    pub listed: Arc<[String]>,
    /// The run's clock, milliseconds since the epoch.
    pub now_ms: u64,
    /// Where its randomness comes from.
    pub seed: [u8; 32],
    /// The run's id, as text.
    pub run_id: String,
    /// The workflow's key.
    pub workflow: WorkflowKey,
    /// Which bytes its references to plugins mean.
    pub plugins: Arc<[PluginPin]>,
}

/// Secrets by name, as they are at the start of an attempt. Debug shows names alone.
#[derive(Clone, Default)]
pub struct SecretValues(Vec<(String, SecretValue)>);

impl FromIterator<(String, SecretValue)> for SecretValues {
    fn from_iter<I: IntoIterator<Item = (String, SecretValue)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl SecretValues {
    /// The variables' names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), &**value))
    }
}

impl std::fmt::Debug for SecretValues {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, _)| name)).finish()
    }
}

impl RunFacts {
    /// The facts of an event; the rest is set by the caller.
    pub fn of(
        event: &Event,
        env: Arc<str>,
        now_ms: u64,
        seed: [u8; 32],
        run_id: String,
        workflow: WorkflowKey,
    ) -> Self {
        Self {
            secrets: SecretValues::default(),
            listed: Arc::default(),
            plugins: Arc::default(),
            context: event.context_json().into(),
            raw_body: event.body.as_slice().into(),
            env,
            now_ms,
            seed,
            run_id,
            workflow,
        }
    }
}

impl RunFacts {
    /// The secrets that scripts see, as a JSON object.
    pub(super) fn listed_secrets(&self) -> String {
        let seen = self.secrets.0.iter().filter(|(name, _)| self.listed.contains(name));
        let seen: Map<String, Value> =
            seen.map(|(name, value)| (name.clone(), Value::from(&**value))).collect();
        Value::Object(seen).to_string()
    }
}

/// The outputs of the steps that are done, by id.
#[derive(Debug, Clone, Default)]
pub struct Outputs(Vec<(String, JsonText)>);

impl Outputs {
    /// Adds one; a later output of the same step replaces the earlier.
    pub fn set(&mut self, step: &str, output: JsonText) {
        self.0.retain(|(id, _)| id != step);
        self.0.push((step.to_owned(), output));
    }

    /// The last that was added.
    pub fn last(&self) -> Option<&JsonText> {
        self.0.last().map(|(_, output)| output)
    }

    /// As one JSON object. Step ids are identifiers, so they need no escapes.
    pub fn to_json(&self) -> String {
        let size: usize = self.0.iter().map(|(id, output)| id.len() + output.as_str().len() + 4).sum();
        let mut json = String::with_capacity(size + 2);
        json.push('{');
        for (index, (id, output)) in self.0.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push('"');
            json.push_str(id);
            json.push_str("\":");
            json.push_str(output.as_str());
        }
        json.push('}');
        json
    }
}

/// Where a step stands in its run.
#[derive(Debug, Clone, Default)]
pub struct Place {
    /// The step instance as text, as in `notify[3]`.
    pub instance: String,
    /// The loops around it from the outermost: id, element, index.
    pub loops: Vec<(StepId, JsonText, u32)>,
    /// The one-time URLs of the steps that wait for a callback, by step.
    pub callbacks: Vec<(StepId, String)>,
}

/// What one step sees. The values for templates are made when the first of them asks.
pub struct Scope<'a> {
    facts: &'a RunFacts,
    outputs: &'a Outputs,
    place: &'a Place,
    context: OnceLock<Value>,
    steps: OnceLock<Value>,
    scopes: OnceLock<Value>,
    env: OnceLock<Value>,
    secrets: OnceLock<Value>,
    system: OnceLock<Value>,
    run: OnceLock<Value>,
}

impl<'a> Scope<'a> {
    /// The scope of the step at `place`.
    pub fn new(facts: &'a RunFacts, outputs: &'a Outputs, place: &'a Place) -> Self {
        Self {
            facts,
            outputs,
            place,
            context: OnceLock::new(),
            steps: OnceLock::new(),
            scopes: OnceLock::new(),
            env: OnceLock::new(),
            secrets: OnceLock::new(),
            system: OnceLock::new(),
            run: OnceLock::new(),
        }
    }

    /// What stays the same through the run.
    pub fn facts(&self) -> &RunFacts {
        self.facts
    }

    /// The outputs of earlier steps as one JSON object; a loop around the step is there with `item` and `index`.
    pub fn steps_json(&self) -> String {
        if self.place.loops.is_empty() {
            return self.outputs.to_json();
        }
        let mut outputs = self.outputs.clone();
        self.add_loops(&mut outputs);
        outputs.to_json()
    }

    /// The loops around the step as one JSON object, each with `item` and `index`.
    pub fn scopes_json(&self) -> String {
        let mut scopes = Outputs::default();
        self.add_loops(&mut scopes);
        scopes.to_json()
    }

    fn add_loops(&self, to: &mut Outputs) {
        for (id, item, index) in &self.place.loops {
            let scope = format!("{{\"item\":{},\"index\":{index}}}", item.as_str());
            to.set(id.as_str(), JsonText::parse(scope).unwrap_or_else(|_| JsonText::null()));
        }
    }

    /// The step instance as text.
    pub fn instance(&self) -> &str {
        &self.place.instance
    }
}

/// Milliseconds since the epoch as RFC 3339 writes them.
pub fn timestamp(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::MAX);
    format!("{time:.3}")
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or(Value::Null)
}

impl Roots for Scope<'_> {
    fn root(&self, root: Root) -> Option<&Value> {
        match root {
            // It is laid over a scope where an answer is judged.
            Root::Response => None,
            Root::Context => Some(self.context.get_or_init(|| {
                let mut context = parse(&self.facts.context);
                context["rawBody"] = String::from_utf8_lossy(&self.facts.raw_body).into();
                context
            })),
            Root::Steps => Some(self.steps.get_or_init(|| parse(&self.outputs.to_json()))),
            Root::Env => Some(self.env.get_or_init(|| parse(&self.facts.env))),
            Root::System => Some(self.system.get_or_init(|| json!({ "now": timestamp(self.facts.now_ms) }))),
            Root::Run => Some(self.run.get_or_init(|| {
                let urls = self.place.callbacks.iter();
                let urls: Map<String, Value> =
                    urls.map(|(id, url)| (id.to_string(), url.as_str().into())).collect();
                json!({ "id": self.facts.run_id, "workflow": self.facts.workflow, "callbacks": urls })
            })),
            Root::Scopes => Some(self.scopes.get_or_init(|| {
                let loops = self.place.loops.iter();
                let scope = |item: &JsonText, index: u32| json!({ "item": item.to_value(), "index": index });
                loops
                    .map(|(id, item, index)| (id.to_string(), scope(item, *index)))
                    .collect::<Map<String, Value>>()
                    .into()
            })),
            Root::Secrets => Some(self.secrets.get_or_init(|| {
                let values = self.facts.secrets.0.iter();
                values
                    .map(|(name, value)| (name.clone(), Value::from(&**value)))
                    .collect::<Map<String, Value>>()
                    .into()
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Content, Started};

    #[test]
    fn roots_hold_what_the_contract_names() {
        let event = Event {
            method: "POST".to_owned(),
            path: "/p".to_owned(),
            ip: "::1".to_owned(),
            headers: vec![("x-a".to_owned(), "1".to_owned())],
            query: vec![],
            params: vec![],
            content: Content::Json,
            body: b"{\"a\":[1]}".to_vec(),
            origin: "".into(),
            raw_query: String::new(),
            notes: vec![],
            trigger: Started::default(),
        };
        let facts = RunFacts::of(
            &event,
            "{\"N\":\"v\"}".into(),
            1_700_000_000_123,
            [0; 32],
            "run_1".into(),
            "w".parse().unwrap(),
        );
        let mut outputs = Outputs::default();
        outputs.set("one", JsonText::from_value(&json!({"x": 1})));
        outputs.set("two", JsonText::null());
        let place = Place {
            loops: vec![("each".parse().unwrap(), JsonText::from_value(&json!({"n": 1})), 4)],
            callbacks: vec![("wait".parse().unwrap(), "http://x/1".to_owned())],
            ..Place::default()
        };
        let scope = Scope::new(&facts, &outputs, &place);
        let root = |root| scope.root(root).cloned();
        assert_eq!(root(Root::Context).unwrap()["data"]["a"][0], 1);
        assert_eq!(root(Root::Context).unwrap()["rawBody"], "{\"a\":[1]}");
        assert_eq!(root(Root::Steps), Some(json!({"one": {"x": 1}, "two": null})));
        assert_eq!(root(Root::Env).unwrap()["N"], "v");
        assert_eq!(root(Root::System).unwrap()["now"], "2023-11-14T22:13:20.123Z");
        assert_eq!(root(Root::Run).unwrap()["id"], "run_1");
        assert_eq!(root(Root::Run).unwrap()["callbacks"]["wait"], "http://x/1");
        assert_eq!(root(Root::Scopes), Some(json!({"each": {"item": {"n": 1}, "index": 4}})));
        let steps: Value = serde_json::from_str(&scope.steps_json()).unwrap();
        assert_eq!(steps["each"], json!({"item": {"n": 1}, "index": 4}));
        let scopes: Value = serde_json::from_str(&scope.scopes_json()).unwrap();
        assert_eq!(Some(scopes), root(Root::Scopes));
    }
}
