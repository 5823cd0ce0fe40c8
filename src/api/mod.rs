//! The management API below `/api/v1`, one file a resource, and the health checks.
//!
//! Every resource needs the bearer token that stands in the data folder; health checks need none.

mod backup;
mod bulk;
mod control;
mod input;
mod kv;
mod letters;
mod plugins;
mod problems;
mod requests;
mod runs;
mod secrets;
mod token;
mod workflows;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use http::{HeaderName, StatusCode, header};
use serde_json::json;

pub use token::{TOKEN_FILE, Token};

use crate::{
    engine::{Engine, Plugins, Vault},
    gateway::{Gateway, Problem},
    model::Limits,
    store::{SealKey, StoreError},
};

/// The most items of one page.
const PAGE_MOST: usize = 500;
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
        .layer(DefaultBodyLimit::max(Limits::BODY.as_usize()))
        .layer(middleware::from_fn_with_state(token.clone(), authorize))
        .with_state(engine.clone());
    let sent_again = Router::new()
        .route("/api/v1/requests/{id}/resend", post(requests::resend))
        .layer(middleware::from_fn_with_state(token.clone(), authorize))
        .with_state(gateway);
    Router::new()
        .route("/", get(welcome))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .with_state(engine)
        .merge(guarded)
        .merge(sent_again)
        .merge(plugins::router(plugins, ports, token.clone()))
        .merge(secrets::router(vault, token))
        .fallback(|| async {
            Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
        })
}

async fn authorize(State(token): State<Token>, request: Request, next: Next) -> Response {
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    if given.and_then(|given| given.strip_prefix("Bearer ")).is_some_and(|given| token.matches(given)) {
        // In a task of its own: what was begun is done to its end, also when the caller goes away in between.
        let mut response = tokio::spawn(next.run(request)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a request to the API could not be worked on");
            let detail = "the server failed on this request; please report it";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
        });
        let no_store = http::HeaderValue::from_static("no-store");
        response.headers_mut().insert(header::CACHE_CONTROL, no_store);
        return response;
    }
    let detail = "give `Authorization: Bearer <token>`; the token stands in the data folder's api-token";
    let mut response = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, http::HeaderValue::from_static("Bearer"));
    response
}

async fn ready(State(engine): State<Engine>) -> Response {
    let (pending, (waiting, bytes)) = (engine.pending(), engine.waiting());
    Json(json!({ "ready": true, "pending_runs": pending, "waiting_runs": waiting, "waiting_bytes": bytes }))
        .into_response()
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
    asked.unwrap_or(PAGE).clamp(1, PAGE_MOST)
}

/// The store's error as the API's caller sees it.
fn store_problem(error: StoreError) -> Problem {
    tracing::error!(%error, "the API could not read the store");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "store_unavailable", error.to_string())
}

fn bad_request(detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", detail)
}
