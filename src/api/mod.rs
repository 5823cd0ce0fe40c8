//! The management API below `/api/v1`, one file a resource, and the health checks.
//!
//! Every resource needs the bearer token that stands in the data folder; health checks need none.

mod backup;
mod bulk;
mod control;
mod door;
mod durable;
mod guesses;
mod input;
mod kv;
mod letters;
mod plugins;
mod questions;
mod requests;
mod runs;
mod secrets;
mod token;
mod workflows;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use http::{HeaderName, StatusCode, header};
use serde_json::json;

pub use token::{TOKEN_FILE, Token};

use door::{Door, authorize, know_the_name};

use crate::{
    engine::{Engine, Plugins, Vault},
    gateway::Gateway,
    http::{Problem, of_engine},
    model::Limits,
    store::SealKey,
};

/// The most items of one page.
const MAX_PAGE: usize = 500;
/// The items of a page that does not say how many.
const PAGE: usize = 50;

/// All routes but the webhooks. `seal` is the key that backups are sealed with.
pub fn router(
    gateway: Gateway,
    engine: Engine,
    vault: Vault,
    plugins: Arc<Plugins>,
    token: Token,
    seal: Option<SealKey>,
) -> Router {
    let ports = Arc::clone(engine.ports());
    let door = Door::new(token, gateway.clone());
    let body_most = Limits::BODY.as_usize();
    let guarded = Router::new()
        .route("/api/v1/runs", get(runs::list))
        .route("/api/v1/runs/replay", post(bulk::replay))
        .route("/api/v1/runs/{id}", get(runs::show))
        .route("/api/v1/runs/{id}/cancel", post(control::cancel))
        .route("/api/v1/runs/{id}/replay", post(control::replay))
        .route("/api/v1/runs/{id}/retry", post(control::retry))
        .route("/api/v1/dead-letters", get(letters::list))
        .route("/api/v1/dead-letters/{id}", delete(letters::dismiss))
        .route("/api/v1/dead-letters/{id}/retry", post(letters::retry))
        .route("/api/v1/requests", get(requests::list))
        .route("/api/v1/requests/{id}", get(requests::show))
        .route("/api/v1/backup", get(move |engine| backup::download(engine, seal)))
        .route("/api/v1/workflows", get(workflows::list))
        .route("/api/v1/workflows/{key}/runs", post(workflows::start))
        .route("/api/v1/workflows/{key}/pause", post(workflows::pause))
        .route("/api/v1/workflows/{key}/resume", post(workflows::resume))
        .route("/api/v1/workflows/{key}/kv", get(kv::list))
        .route("/api/v1/workflows/{key}/kv/{name}", get(kv::show).put(kv::set).delete(kv::delete))
        .layer(DefaultBodyLimit::max(body_most))
        .layer(middleware::from_fn_with_state(engine.clone(), durable::told))
        .layer(middleware::from_fn_with_state(door.with_bodies_of(body_most), authorize))
        .with_state(engine.clone());
    let asked = questions::router(engine.clone(), gateway.clone(), &door);
    let sent_again = Router::new()
        .route("/api/v1/requests/{id}/resend", post(requests::resend))
        .layer(middleware::from_fn_with_state(door.clone(), authorize))
        .with_state(gateway.clone());
    // Whatever name a probe asks for, these tell nothing of what is inside.
    let probes = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(engine);
    Router::new()
        .route("/", get(welcome))
        .merge(guarded)
        .merge(sent_again)
        .merge(asked)
        .merge(plugins::router(plugins, ports, &door))
        .merge(secrets::router(vault, &door))
        .layer(middleware::from_fn_with_state(gateway, know_the_name))
        .merge(probes)
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
        })
}

/// `GET /readyz`: 200 while events are accepted; 503 with the code and the reason while they would be refused, whatever their
/// workflow. For balancers and monitors.
async fn ready(State(engine): State<Engine>) -> Response {
    let (pending, (waiting, bytes)) = (engine.pending(), engine.waiting());
    let mut shown =
        json!({ "ready": true, "pending_runs": pending, "waiting_runs": waiting, "waiting_bytes": bytes });
    match engine.readiness() {
        Ok(()) => Json(shown).into_response(),
        Err(error) => {
            let (_, code, ..) = of_engine(&error);
            shown["ready"] = false.into();
            shown["code"] = code.into();
            shown["why"] = error.to_string().into();
            (StatusCode::SERVICE_UNAVAILABLE, Json(shown)).into_response()
        }
    }
}

/// For a person who opens the address in a browser. Names no workflow, as anyone may ask.
async fn welcome() -> impl IntoResponse {
    let page = "Flowcell is running.\n\nSend events to /api/webhooks/<key>.\nSee what became of them:\n\n  \
                flowcell runs list\n  flowcell runs show RUN\n  flowcell requests list\n";
    let plain: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
    (plain, page)
}

/// The items of a page that was asked for.
fn page_size(asked: Option<usize>) -> usize {
    asked.unwrap_or(PAGE).clamp(1, MAX_PAGE)
}
