//! What the gateway knows of a workflow: how its deliveries are verified and told apart.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use crate::{
    engine::{Definition, Environment},
    model::{FieldError, Limits, Span, Webhook, WorkflowKey},
    template::{Path, Root, Roots, Template},
    verify::Scheme,
};

/// A webhook trigger, compiled.
pub struct Endpoint {
    /// The version that new runs begin with.
    pub definition: Arc<Definition>,
    /// How deliveries are verified; an error refuses them all.
    pub(super) scheme: Result<Option<Scheme>, FieldError>,
    /// Which deliveries are the same event, and for how long.
    pub(super) dedupe: Option<(Template, Span)>,
    /// The largest body, bytes.
    pub(super) max_body: usize,
    /// How long a synchronous caller waits.
    pub(super) sync_wait: Span,
}

/// The root that secrets of a trigger may use.
struct EnvRoot(serde_json::Value);

impl Roots for EnvRoot {
    fn root(&self, root: Root) -> Option<&serde_json::Value> {
        match root {
            Root::Env => Some(&self.0),
            Root::Context | Root::Steps | Root::Scopes | Root::Secrets | Root::System | Root::Run => None,
        }
    }
}

impl Endpoint {
    /// Compiles the trigger of a definition. A secret that is not there makes an endpoint that refuses
    /// everything, see [`Endpoint::unavailable`].
    ///
    /// # Errors
    /// A template that cannot be read.
    pub fn compile(definition: Arc<Definition>, environment: &Environment) -> Result<Self, FieldError> {
        let webhook =
            definition.workflow.webhook().ok_or_else(|| FieldError::new("trigger", "it is no webhook"))?;
        let scheme = scheme(webhook, environment);
        let dedupe = webhook
            .dedupe
            .as_ref()
            .map(|dedupe| dedupe_template(&dedupe.key).map(|template| (template, dedupe.ttl)))
            .transpose()?;
        let max_body = webhook.max_body.unwrap_or(Limits::BODY).as_usize();
        let sync_wait = webhook.sync_wait.unwrap_or(Limits::SYNC_WAIT);
        Ok(Self { scheme, dedupe, max_body, sync_wait, definition })
    }

    /// Why no delivery can be accepted, if so.
    pub fn unavailable(&self) -> Option<&FieldError> {
        self.scheme.as_ref().err()
    }

    pub(super) fn webhook(&self) -> &Webhook {
        self.definition.workflow.webhook().expect("`compile` saw a webhook")
    }
}

/// A key that reads nothing of the delivery would make all deliveries copies of the first.
fn dedupe_template(text: &str) -> Result<Template, FieldError> {
    let wrong = |message: String| FieldError::new("trigger.dedupe.key", message);
    let template = Template::parse(text).map_err(|error| wrong(error.to_string()))?;
    let reads = |path: &Path| path.root() == Root::Context && path.name().is_some();
    if template.references().next().is_none() || !template.references().all(reads) {
        return Err(wrong(
            "read a field of the delivery, as in {{$context.headers.x-github-delivery}}".to_owned(),
        ));
    }
    Ok(template)
}

fn scheme(webhook: &Webhook, environment: &Environment) -> Result<Option<Scheme>, FieldError> {
    let resolve = |template: &str| resolve(template, environment);
    webhook
        .verify
        .as_ref()
        .map(|verify| {
            Scheme::compile(verify, &resolve)
                .map_err(|error| FieldError::new("trigger.verify", error.to_string()))
        })
        .transpose()
}

/// Fills the template of a secret. A variable that is not set is an error, never an empty secret.
fn resolve(text: &str, environment: &Environment) -> Result<String, String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    let mut env = serde_json::Map::new();
    for path in template.references() {
        let name = path
            .name()
            .filter(|_| path.root() == Root::Env)
            .ok_or_else(|| format!("`{text}` reads no secret; use {{{{$env.NAME}}}}"))?;
        let value = environment(name).ok_or_else(|| {
            format!("the environment variable `{name}` is not set; set it (or FLOWCELL_VARS_{name}) and start again")
        })?;
        env.insert(name.to_owned(), value.into());
    }
    match template.render(&EnvRoot(env.into())) {
        serde_json::Value::String(secret) => Ok(secret),
        other => Ok(other.to_string()),
    }
}

/// The endpoints by workflow key.
#[derive(Default)]
pub struct Endpoints(RwLock<HashMap<WorkflowKey, Arc<Endpoint>>>);

impl Endpoints {
    /// Adds an endpoint or replaces it.
    pub fn set(&self, endpoint: Endpoint) {
        let key = endpoint.definition.workflow.key.clone();
        self.0.write().expect("no code panics under this lock").insert(key, Arc::new(endpoint));
    }

    /// Takes an endpoint away.
    pub fn remove(&self, key: &WorkflowKey) {
        self.0.write().expect("no code panics under this lock").remove(key);
    }

    /// The endpoint of a key.
    pub fn get(&self, key: &WorkflowKey) -> Option<Arc<Endpoint>> {
        self.0.read().expect("no code panics under this lock").get(key).cloned()
    }
}
