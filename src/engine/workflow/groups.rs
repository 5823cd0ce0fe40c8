//! The groups that runs belong to by their workflow's policy: concurrency, throttle, debounce and singleton, each on
//! its own for every value of its key.

use std::io;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::{
    model::{Event, FieldError, Workflow, WorkflowKey},
    template::{Budget, Path, Root, Roots, Template},
};

/// The longest key that is hashed, bytes.
const MAX_KEY: usize = 64 << 20;

/// A digest that names a group: runs with the same digest share its limit.
pub(crate) type Group = [u8; 32];

/// How fast runs of a group begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    pub(crate) group: Group,
    pub(crate) limit: u32,
    pub(crate) per_ms: u64,
}

/// The part of `context` that some templates read, built without the rest of it.
pub struct EventRoots(Value);

impl EventRoots {
    /// What `paths` read of the event.
    pub fn new<'a>(event: &Event, paths: impl Iterator<Item = &'a Path>) -> Self {
        let mut context = Map::new();
        for name in paths.filter(|path| path.root() == Root::Context).filter_map(Path::name) {
            if !context.contains_key(name) {
                context.insert(name.to_owned(), event.field(name));
            }
        }
        Self(context.into())
    }

    /// All of the event, for what does not say beforehand what it reads.
    pub fn whole(event: &Event) -> Self {
        const FIELDS: [&str; 12] = [
            "data", "files", "headers", "query", "params", "method", "path", "ip", "rawQuery", "url",
            "trigger", "rawBody",
        ];
        Self(
            FIELDS.into_iter().map(|name| (name.to_owned(), event.field(name))).collect::<Map<_, _>>().into(),
        )
    }
}

impl Roots for EventRoots {
    fn root(&self, root: Root) -> Option<&Value> {
        match root {
            Root::Context => Some(&self.0),
            Root::Env
            | Root::Response
            | Root::Run
            | Root::Scopes
            | Root::Secrets
            | Root::Steps
            | Root::System => None,
        }
    }
}

/// Hashes what is written, and keeps none of it.
pub(crate) struct Hashed {
    pub(crate) hash: Sha256,
    pub(crate) bytes: usize,
}

impl Hashed {
    /// What is written goes on from `hash`.
    pub(crate) fn of(hash: Sha256) -> Self {
        Self { hash, bytes: 0 }
    }
}

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hash.update(bytes);
        self.bytes += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The keys of a workflow's policy, with their templates parsed.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    concurrency: Option<(Option<Template>, u32)>,
    throttle: Option<(Option<Template>, u32, u64)>,
    slot: Option<Option<Template>>,
}

/// The groups of one run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Groups {
    /// Concurrency, with its limit.
    pub(crate) group: Option<(Group, u32)>,
    pub(crate) pace: Option<Pace>,
    /// The group of its debounce or singleton policy, of which there is one at most.
    pub(crate) slot: Option<Group>,
}

impl Keys {
    /// Whether no run of the workflow belongs to any group.
    pub(crate) fn is_empty(&self) -> bool {
        self.concurrency.is_none() && self.throttle.is_none() && self.slot.is_none()
    }

    pub(crate) fn compile(workflow: &Workflow) -> Result<Self, FieldError> {
        let parse = |field: &str, key: &Option<String>| {
            let parsed = key.as_deref().map(Template::parse).transpose();
            let template = parsed.map_err(|error| FieldError::new(field, error.to_string()))?;
            let other =
                template.iter().flat_map(Template::references).any(|path| path.root() != Root::Context);
            if other {
                Err(FieldError::new(field, "a key can read $context only, as no step has run yet"))
            } else {
                Ok(template)
            }
        };
        let policy = &workflow.policy;
        let slot = policy.debounce.as_ref().map(|it| ("debounce.key", &it.key));
        let slot = slot.or(policy.singleton.as_ref().map(|it| ("singleton.key", &it.key)));
        Ok(Self {
            concurrency: policy
                .concurrency
                .as_ref()
                .map(|it| Ok((parse("concurrency.key", &it.key)?, it.limit)))
                .transpose()?,
            throttle: policy
                .throttle
                .as_ref()
                .map(|it| Ok((parse("throttle.key", &it.key)?, it.limit, it.per.as_millis())))
                .transpose()?,
            slot: slot.map(|(field, key)| parse(field, key)).transpose()?,
        })
    }

    /// The groups of a run of this event.
    pub(crate) fn of(&self, workflow: &WorkflowKey, event: &Event) -> Groups {
        let group = |what: &str, template: &Option<Template>| -> Group {
            let hash = Sha256::new().chain_update(workflow.as_str()).chain_update([0]).chain_update(what);
            let hash = hash.chain_update([0]);
            let Some(template) = template else { return hash.chain_update("null").finalize().into() };
            let roots = EventRoots::new(event, template.references());
            let mut keyed = Hashed::of(hash.clone());
            match template.write_json(&roots, &mut keyed, &mut Budget::new(MAX_KEY)) {
                Ok(()) => keyed.hash.finalize().into(),
                // All keys that are too large are one group, which holds back more than needed and never less.
                Err(_) => hash.chain_update("too large").finalize().into(),
            }
        };
        // Debounce and singleton end one event for the sake of another. Events that lack a part of the key are not of one group.
        let is_named = |template: &Option<Template>| {
            template
                .as_ref()
                .is_none_or(|template| template.has_all_parts(&EventRoots::new(event, template.references())))
        };
        Groups {
            group: self.concurrency.as_ref().map(|(key, limit)| (group("concurrency", key), *limit)),
            pace: self.throttle.as_ref().map(|(key, limit, per_ms)| Pace {
                group: group("throttle", key),
                limit: *limit,
                per_ms: *per_ms,
            }),
            slot: self.slot.as_ref().filter(|key| is_named(key)).map(|key| group("slot", key)),
        }
    }
}
