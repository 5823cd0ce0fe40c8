//! One webhook request, from its first byte to its answer.
//!
//! `hooks` holds the order of work, cheapest refusal first: route, enabled, method,
//! size, verification on the raw bytes, decoding, and only then the engine, which
//! returns when the run is durable. Every request, accepted or refused, ends in the
//! request log with the true reason; the caller is told no more than it needs.

mod answer;
mod body;
mod callbacks;
mod dedupe;
mod endpoint;
mod hide;
mod hooks;
mod problem;
mod refusal;
mod request_log;
mod resend;

pub use body::decode;
pub use endpoint::{Endpoint, Endpoints, Sources};
pub use problem::Problem;
pub(crate) use refusal::engine_problem;
pub use resend::ResendError;

use std::sync::Arc;

use axum::{Router, routing::any};

use crate::engine::Engine;

/// What the webhook routes share.
#[derive(Clone)]
pub struct Gateway {
    engine: Engine,
    endpoints: Arc<Endpoints>,
}

impl Gateway {
    /// A gateway to `engine` for these endpoints.
    pub fn new(engine: Engine, endpoints: Arc<Endpoints>) -> Self {
        Self { engine, endpoints }
    }

    /// The routes below `/api/webhooks/` and `/api/callbacks/`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/api/webhooks/{*path}", any(hooks::receive))
            .route("/api/callbacks/{*path}", any(callbacks::receive))
            .with_state(self)
    }
}
