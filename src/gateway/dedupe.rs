//! Fills the dedupe template of a trigger. On the path of every delivery, so it builds no more of
//! `context` than the template reads.

use serde_json::{Map, Value};

use super::endpoint::Endpoint;
use crate::{
    engine::DedupeKey,
    model::Event,
    template::{Root, Roots},
};

/// The part of `context` that a template reads.
struct Context(Value);

impl Roots for Context {
    fn root(&self, root: Root) -> Option<&Value> {
        match root {
            Root::Context => Some(&self.0),
            Root::Env | Root::Run | Root::Scopes | Root::Secrets | Root::Steps | Root::System => None,
        }
    }
}

/// What copies of this delivery are recognised by; nothing when the template gives nothing.
pub(super) fn key(endpoint: &Endpoint, event: &Event) -> Option<DedupeKey> {
    let (template, ttl) = endpoint.dedupe.as_ref()?;
    let mut context = Map::new();
    for name in
        template.references().filter(|path| path.root() == Root::Context).filter_map(|path| path.name())
    {
        if !context.contains_key(name) {
            context.insert(name.to_owned(), event.field(name));
        }
    }
    let workflow = &endpoint.definition.workflow.key;
    match template.render(&Context(context.into())) {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(DedupeKey::new(workflow, &text, *ttl)),
        other => Some(DedupeKey::new(workflow, &other.to_string(), *ttl)),
    }
}
