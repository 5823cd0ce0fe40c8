//! What the resources of workflows share: what is kept of them, who asks, and how versions are written.

use std::sync::Arc;

use axum::Extension;

use crate::{
    engine::{Engine, Homes},
    model::{Actor, VersionHash},
};

/// Where workflows and what is kept of them are.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) engine: Engine,
    pub(super) homes: Arc<dyn Homes>,
}

/// Who asks: the door says it.
pub(super) fn actor(known: Option<Extension<Actor>>) -> Actor {
    known.map_or(Actor::Machine, |Extension(actor)| actor)
}

/// A version as its 64 hex digits.
pub(super) fn parsed_version(text: &str) -> Option<VersionHash> {
    let mut hash = [0; 32];
    hex::decode_to_slice(text, &mut hash).ok()?;
    Some(VersionHash(hash))
}
