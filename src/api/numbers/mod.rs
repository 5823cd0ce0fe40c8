//! What is counted, and what is wrong now: `/metrics` for monitors, statistics and health for people. All of them show the same
//! numbers.

mod health;
mod metrics;
mod process;
mod stats;

use axum::{Router, middleware, routing::get};

use super::door::{Door, authorize};
use crate::{engine::Engine, gateway::Gateway};

/// Where the numbers come from.
#[derive(Clone)]
struct Sources {
    engine: Engine,
    gateway: Gateway,
    /// When the process began, milliseconds since the epoch.
    began_ms: u64,
}

/// The resources, behind the door. With scoped tokens, `metrics:read` is what `/metrics` asks for.
pub(super) fn router(engine: Engine, gateway: Gateway, door: &Door) -> Router {
    let began_ms = engine.ports().now_ms();
    Router::new()
        .route("/metrics", get(metrics::show))
        .route("/api/v1/stats", get(stats::show))
        .route("/api/v1/health", get(health::show))
        .layer(middleware::from_fn_with_state(door.clone(), authorize))
        .with_state(Sources { engine, gateway, began_ms })
}
