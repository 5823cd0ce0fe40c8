//! One webhook request, from its first byte to its answer.
//!
//! `hooks` holds the order of work, cheapest refusal first: route, enabled, method,
//! size, verification on the raw bytes, decoding, filter, and only then the engine,
//! which returns when the run is durable. Every request, accepted or refused, ends in the
//! request log with the true reason; the caller is told no more than it needs.

mod answer;
mod body;
mod callbacks;
mod client;
mod cors;
mod dedupe;
mod endpoint;
mod filter;
mod handshake;
mod hide;
mod hooks;
mod ip;
mod problem;
mod rate;
mod refusal;
mod request_log;
mod resend;
mod route;
mod sealed;
mod xml;

pub use body::{decode, decompress};
pub use client::{ForwardedHeader, Proxies};
pub use endpoint::{Endpoint, Endpoints, Sources};
pub use problem::Problem;
pub(crate) use refusal::engine_problem;
pub use resend::ResendError;
pub use route::collision;

use std::sync::Arc;

use axum::{Router, routing::any};

use self::{rate::Limiter, request_log::Keeper};
use crate::{engine::Engine, model::RateLimit};

/// Guards of all workflows together.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    /// Who may say whom a request is from.
    pub proxies: Proxies,
    /// How often one address may call, whatever it calls.
    pub per_ip: Option<RateLimit>,
}

/// What the webhook routes share.
#[derive(Clone)]
pub struct Gateway {
    engine: Engine,
    endpoints: Arc<Endpoints>,
    proxies: Arc<Proxies>,
    /// None or one, as each workflow has its own.
    per_ip: Arc<[Arc<Limiter>]>,
    keeper: Arc<Keeper>,
}

impl Gateway {
    /// A gateway to `engine` for these endpoints.
    pub fn new(engine: Engine, endpoints: Arc<Endpoints>, guards: Guards) -> Self {
        let per_ip = guards.per_ip.into_iter().map(|rate| Arc::new(Limiter::new(rate))).collect();
        Self { engine, endpoints, proxies: Arc::new(guards.proxies), per_ip, keeper: Arc::default() }
    }

    /// The routes below `/api/webhooks/` and `/api/callbacks/`.
    pub fn router(self) -> Router {
        Router::new()
            .route("/api/webhooks/{*path}", any(hooks::receive))
            .route("/api/callbacks/{*path}", any(callbacks::receive))
            .with_state(self)
    }
}
