//! What the gateway knows of a webhook: how its deliveries are verified, and how copies are recognised.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    sync::{Arc, OnceLock, RwLock},
};

use super::{
    dedupe::{self, DedupeRule},
    filter::Filter,
    handshake::Handshake,
    rate::Limiter,
    route::{self, Params, Paths},
};
use crate::{
    engine::{Definition, Environment},
    formats::{Charset, Reading},
    model::{FieldError, HookPath, Limits, NamedTrigger, Span, Webhook, Workflow, WorkflowKey},
    secrets::Redactor,
    template::{Budget, Root, Roots, Template},
    verify::{Scheme, SchemeError},
};

/// How errors call the trigger that they are about.
const HERE: &str = "trigger";
/// The most bytes of a secret that a template makes of several.
const MAX_SECRET: usize = 1 << 20;

/// A webhook trigger, compiled.
pub struct Endpoint {
    /// The version that new runs begin with.
    pub definition: Arc<Definition>,
    /// Which of its triggers this is.
    trigger: usize,
    /// How deliveries are verified. An error refuses all of them.
    pub(super) scheme: Result<Option<Scheme>, FieldError>,
    /// Whether the error of the scheme is about the value of a secret.
    wrong_secret: bool,
    /// The questions that its senders ask before they send. An error refuses everything.
    pub(super) handshake: Result<Option<Handshake>, FieldError>,
    /// How their bodies are read.
    pub(super) reading: Reading,
    /// How copies of a delivery are recognised.
    pub(super) dedupe: Option<DedupeRule>,
    /// Which deliveries start a run. Without a filter, all do.
    pub(super) filter: Option<Filter>,
    /// Masks the secrets that verify the deliveries.
    pub(super) secrets: Redactor,
    /// The largest body, bytes.
    pub(super) max_body: usize,
    /// How long a synchronous caller waits.
    pub(super) sync_wait: Span,
    /// How often it may be called.
    pub(super) limiters: Vec<Arc<Limiter>>,
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
            Root::Context | Root::Steps | Root::Scopes | Root::System | Root::Run | Root::Response => None,
        }
    }
}

impl Endpoint {
    /// Compiles the webhooks of a definition. A secret that is not there makes an endpoint that refuses
    /// everything, see [`Endpoint::unavailable`].
    ///
    /// # Errors
    /// A template that cannot be read.
    pub fn all(definition: &Arc<Definition>, sources: Sources<'_>) -> Result<Vec<Self>, FieldError> {
        let triggers = definition.workflow.triggers.iter().enumerate();
        let compiled = triggers.filter_map(|(index, trigger)| {
            let webhook = trigger.webhook()?;
            let endpoint = Self::compile(definition, index, webhook, sources);
            Some(endpoint.map_err(|error| error.moved(HERE, &trigger.at)))
        });
        compiled.collect()
    }

    /// Errors speak of `trigger`, as all do that are found in one.
    fn compile(
        definition: &Arc<Definition>,
        trigger: usize,
        webhook: &Webhook,
        sources: Sources<'_>,
    ) -> Result<Self, FieldError> {
        let (scheme, secrets) = scheme(webhook, sources);
        let wrong_secret = scheme.as_ref().is_err_and(SchemeError::is_of_a_secret);
        let scheme = scheme.map_err(|error| FieldError::new("trigger.verify", error.to_string()));
        let name = scheme.as_ref().ok().and_then(Option::as_ref).map(Scheme::name);
        // Once with any secret: what is wrong without one is wrong for good.
        Handshake::compile(webhook, name, &|_| Ok("any".to_owned()))?;
        let handshake = Handshake::compile(webhook, name, &|template| resolve(template, sources));
        let reading = reading(webhook)?;
        let dedupe = dedupe::compile(webhook, &scheme)?;
        let filter = webhook.filter.as_ref().map(Filter::compile).transpose()?;
        let max_body = webhook.max_body.unwrap_or(Limits::BODY).as_usize();
        let sync_wait = webhook.sync_wait.unwrap_or(Limits::SYNC_WAIT);
        let limiters = Limiter::all(&webhook.rate_limit, &[]);
        let at = &definition.workflow.triggers[trigger].at;
        Ok(Self {
            scheme: scheme.map_err(|error| error.moved(HERE, at)),
            wrong_secret,
            handshake: handshake.map_err(|error| error.moved(HERE, at)),
            reading,
            dedupe,
            filter,
            secrets,
            max_body,
            sync_wait,
            limiters,
            trigger,
            definition: Arc::clone(definition),
        })
    }

    /// Why no delivery can be accepted, if so.
    pub fn unavailable(&self) -> Option<&FieldError> {
        self.scheme.as_ref().err().or_else(|| self.handshake.as_ref().err())
    }

    /// Whether no delivery can be accepted because of the value of a secret: with another one this may be right.
    pub fn lacks_right_secret(&self) -> bool {
        self.wrong_secret
    }

    /// Warnings for its author, though nothing is wrong.
    pub fn warnings(&self) -> Vec<FieldError> {
        let warning = dedupe::warning(self.webhook());
        warning.map(|warning| warning.moved(HERE, &self.trigger().at)).into_iter().collect()
    }

    /// Whether a sender may ask by this method, before its signature is checked or after it. Nobody knows while a
    /// secret is missing.
    pub(super) fn asks(&self, method: &str, signed: bool) -> bool {
        match &self.handshake {
            Ok(handshake) => handshake.as_ref().is_some_and(|handshake| handshake.takes(method, signed)),
            Err(_) => true,
        }
    }

    /// The trigger whose deliveries these are.
    pub(super) fn trigger(&self) -> &NamedTrigger {
        &self.definition.workflow.triggers[self.trigger]
    }

    pub(super) fn webhook(&self) -> &Webhook {
        self.trigger().webhook().expect("`all` saw a webhook")
    }
}

/// How the bodies of a trigger are read.
fn reading(webhook: &Webhook) -> Result<Reading, FieldError> {
    match webhook.charset.as_deref() {
        Some(label) if Charset::of(label).is_none() => {
            let message = format!(
                "`{label}` is no charset that is known; give one such as gbk, big5, shift_jis or latin1"
            );
            Err(FieldError::new("trigger.charset", message))
        }
        Some(_) | None => Ok(Reading::of(webhook)),
    }
}

/// The scheme with its secrets filled in, and what masks them.
fn scheme(webhook: &Webhook, sources: Sources<'_>) -> (Result<Option<Scheme>, SchemeError>, Redactor) {
    let values = RefCell::new(Vec::new());
    let resolve = |template: &str| {
        let value = resolve(template, sources)?;
        values.borrow_mut().push(value.clone());
        Ok(value)
    };
    let scheme = webhook.verify.as_ref().map(|verify| Scheme::compile(verify, &resolve)).transpose();
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
                    format!(
                        "workflows see no environment variable `{name}`: set it and add its name to env.allow \
                         (FLOWCELL_ENV_ALLOW), or set FLOWCELL_VARS_{name}, and start again"
                    )
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
    let roots = SourceRoots { env: env.into(), secrets: secrets.into() };
    template.render_text(&roots, &mut Budget::new(MAX_SECRET)).map_err(|error| error.to_string())
}

/// The endpoints by workflow, and the paths that lead to them.
#[derive(Default)]
pub struct Endpoints(RwLock<Table>);

#[derive(Default)]
struct Table {
    by_key: HashMap<WorkflowKey, Vec<Arc<Endpoint>>>,
    /// The workflows of which some webhook has a path of its own.
    with_paths: BTreeSet<WorkflowKey>,
    /// Made when a request asks for it first: thousands of workflows may be installed in a row.
    paths: OnceLock<Paths<Arc<Endpoint>>>,
}

impl Table {
    fn paths(&self) -> &Paths<Arc<Endpoint>> {
        self.paths.get_or_init(|| {
            let endpoints = self.with_paths.iter().filter_map(|key| self.by_key.get(key)).flatten();
            Paths::new(
                endpoints
                    .filter_map(|endpoint| Some((Arc::clone(endpoint), endpoint.webhook().path.as_ref()?))),
            )
        })
    }

    /// The workflows that some path of `workflow`, or its key, may collide with, by key.
    fn near(&self, workflow: &Workflow) -> BTreeSet<&WorkflowKey> {
        let paths = workflow.webhooks().filter_map(|(_, webhook)| webhook.path.as_ref());
        let as_key = |path: &HookPath| Some(self.by_key.get_key_value(&path.as_key()?)?.0);
        let mut near: BTreeSet<_> = paths.filter_map(as_key).chain(&self.with_paths).collect();
        near.remove(&workflow.key);
        near
    }
}

impl Endpoints {
    /// Replaces the endpoints of a workflow; it may have none. The counts of rates that a webhook has in common with that of
    /// the same name before go on.
    pub fn set(&self, key: &WorkflowKey, mut endpoints: Vec<Endpoint>) {
        let mut table = self.0.write().expect("no code panics under this lock");
        let before = table.by_key.remove(key).unwrap_or_default();
        for endpoint in &mut endpoints {
            let same = before.iter().find(|before| before.trigger().name == endpoint.trigger().name);
            if let Some(same) = same {
                endpoint.limiters = Limiter::all(&endpoint.webhook().rate_limit, &same.limiters);
            }
        }
        let had_paths = table.with_paths.remove(key);
        let has_paths = endpoints.iter().any(|endpoint| endpoint.webhook().path.is_some());
        if has_paths {
            table.with_paths.insert(key.clone());
        }
        if !endpoints.is_empty() {
            table.by_key.insert(key.clone(), endpoints.into_iter().map(Arc::new).collect());
        }
        if had_paths || has_paths {
            table.paths = OnceLock::new();
        }
    }

    /// Workflows that are enabled and have an endpoint that refuses everything, each with the reason.
    pub(super) fn unavailable(&self) -> Vec<(WorkflowKey, String)> {
        let table = self.0.read().expect("no code panics under this lock");
        let enabled = |endpoint: &&Arc<Endpoint>| endpoint.definition.workflow.enabled;
        let endpoints = table.by_key.values().flatten().filter(enabled);
        let mut found: Vec<_> = endpoints
            .filter_map(|endpoint| {
                let why = endpoint.unavailable()?.to_string();
                Some((endpoint.definition.workflow.key.clone(), why))
            })
            .collect();
        found.sort();
        found
    }

    /// The endpoint of a workflow that has one.
    pub(super) fn only(&self, key: &WorkflowKey) -> Option<Arc<Endpoint>> {
        let table = self.0.read().expect("no code panics under this lock");
        match table.by_key.get(key)?.as_slice() {
            [only] => Some(Arc::clone(only)),
            _ => None,
        }
    }

    /// The endpoint of a path below `/api/webhooks/`, with the values of its parameters.
    pub(super) fn route(&self, path: &str) -> Option<(Arc<Endpoint>, Params)> {
        let table = self.0.read().expect("no code panics under this lock");
        // A key has no character that a URL would escape, so an escaped one names nothing.
        let by_key = path.parse().ok().and_then(|key: WorkflowKey| table.by_key.get(&key));
        let mut by_key = by_key.into_iter().flatten();
        if let Some(endpoint) = by_key.find(|endpoint| endpoint.webhook().path.is_none()) {
            return Some((Arc::clone(endpoint), Params::new()));
        }
        let (endpoint, params) = table.paths().find(path)?;
        Some((Arc::clone(endpoint), params))
    }

    /// Why a workflow cannot be installed beside the others, if so.
    pub fn collision(&self, workflow: &Workflow) -> Option<FieldError> {
        let table = self.0.read().expect("no code panics under this lock");
        let near = table.near(workflow);
        let mut others = near.into_iter().filter_map(|key| table.by_key.get(key)?.first());
        others.find_map(|other| route::collision(workflow, &other.definition.workflow))
    }
}
