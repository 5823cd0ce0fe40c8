//! What the gateway knows of a workflow: how its deliveries are verified and told apart.

use std::{
    cell::RefCell,
    collections::HashMap,
    sync::{Arc, RwLock},
};

use crate::{
    engine::{Definition, Environment},
    model::{FieldError, Limits, Span, Webhook, WorkflowKey},
    secrets::Redactor,
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
    /// Masks what the deliveries are verified with.
    pub(super) secrets: Redactor,
    /// The largest body, bytes.
    pub(super) max_body: usize,
    /// How long a synchronous caller waits.
    pub(super) sync_wait: Span,
}

/// What the secrets of a trigger may read: variables and secrets by name.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The value of a variable.
    pub environment: &'a Environment,
    /// The value of a secret.
    pub secret: &'a dyn Fn(&str) -> Option<String>,
}

/// The roots that secrets of a trigger may use.
struct SourceRoots {
    env: serde_json::Value,
    secrets: serde_json::Value,
}

impl Roots for SourceRoots {
    fn root(&self, root: Root) -> Option<&serde_json::Value> {
        match root {
            Root::Env => Some(&self.env),
            Root::Secrets => Some(&self.secrets),
            Root::Context | Root::Steps | Root::Scopes | Root::System | Root::Run => None,
        }
    }
}

impl Endpoint {
    /// Compiles the trigger of a definition. A secret that is not there makes an endpoint that refuses
    /// everything, see [`Endpoint::unavailable`].
    ///
    /// # Errors
    /// A template that cannot be read.
    pub fn compile(definition: Arc<Definition>, sources: Sources<'_>) -> Result<Self, FieldError> {
        let webhook =
            definition.workflow.webhook().ok_or_else(|| FieldError::new("trigger", "it is no webhook"))?;
        let (scheme, secrets) = scheme(webhook, sources);
        let dedupe = webhook
            .dedupe
            .as_ref()
            .map(|dedupe| dedupe_template(&dedupe.key).map(|template| (template, dedupe.ttl)))
            .transpose()?;
        let max_body = webhook.max_body.unwrap_or(Limits::BODY).as_usize();
        let sync_wait = webhook.sync_wait.unwrap_or(Limits::SYNC_WAIT);
        Ok(Self { scheme, dedupe, secrets, max_body, sync_wait, definition })
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

/// The scheme with its secrets filled in, and what masks them.
fn scheme(webhook: &Webhook, sources: Sources<'_>) -> (Result<Option<Scheme>, FieldError>, Redactor) {
    let values = RefCell::new(Vec::new());
    let resolve = |template: &str| {
        let value = resolve(template, sources)?;
        values.borrow_mut().push(value.clone());
        Ok(value)
    };
    let scheme = webhook
        .verify
        .as_ref()
        .map(|verify| {
            Scheme::compile(verify, &resolve)
                .map_err(|error| FieldError::new("trigger.verify", error.to_string()))
        })
        .transpose();
    let values = values.into_inner();
    (scheme, Redactor::new(values.iter().map(|value| ("webhook", value.as_str()))))
}

/// Fills the template of a secret. A variable that is not set is an error, never an empty secret.
fn resolve(text: &str, sources: Sources<'_>) -> Result<String, String> {
    let template = Template::parse(text).map_err(|error| error.to_string())?;
    let (mut env, mut secrets) = (serde_json::Map::new(), serde_json::Map::new());
    for path in template.references() {
        match (path.root(), path.name()) {
            (Root::Env, Some(name)) => {
                let value = (sources.environment)(name).ok_or_else(|| {
                    format!("the environment variable `{name}` is not set; set it (or FLOWCELL_VARS_{name}) and start again")
                })?;
                env.insert(name.to_owned(), value.into());
            }
            (Root::Secrets, Some(name)) => {
                let value = (sources.secret)(name).ok_or_else(|| {
                    format!("there is no secret `{name}`; give it with `flowcell secrets set {name}`")
                })?;
                secrets.insert(name.to_owned(), value.into());
            }
            _ => {
                return Err(format!(
                    "`{text}` reads no secret; use {{{{$secrets.NAME}}}} or {{{{$env.NAME}}}}"
                ));
            }
        }
    }
    match template.render(&SourceRoots { env: env.into(), secrets: secrets.into() }) {
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
