//! Fills the dedupe template of a trigger. On the path of every delivery, so it builds no more of
//! `context` than the template reads.

use serde_json::Value;

use super::endpoint::Endpoint;
use crate::{
    engine::{DedupeKey, EventRoots},
    model::Event,
};

/// What copies of this delivery are recognised by; nothing when the template gives nothing.
pub(super) fn key(endpoint: &Endpoint, event: &Event) -> Option<DedupeKey> {
    let (template, ttl) = endpoint.dedupe.as_ref()?;
    let workflow = &endpoint.definition.workflow.key;
    match template.render(&EventRoots::new(event, template.references())) {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::String(text) => Some(DedupeKey::new(workflow, &text, *ttl)),
        other => Some(DedupeKey::new(workflow, &other.to_string(), *ttl)),
    }
}
