//! The management API below `/api/v1`, one file a resource, and the health checks.
//!
//! Every resource stands behind the `door`, which lets in who may do what the table of `rights` says; health checks need nothing.

mod audit;
mod backup;
mod bulk;
mod control;
mod door;
mod drafts;
mod durable;
mod events;
mod guesses;
mod homes;
mod input;
mod kept;
mod kv;
mod letters;
mod limited;
mod numbers;
mod people;
mod plugins;
mod questions;
mod requests;
mod revisions;
mod rights;
mod runs;
mod secrets;
mod session;
mod shown;
mod site;
mod token;
mod tokens;
mod trim;
mod who;
mod workflows;

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, State},
    middleware,
    response::{IntoResponse, Response},
    routing::{delete, get, patch, post},
};
use http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use serde_json::json;

pub use door::Keys;
pub use token::{TOKEN_FILE, Token};

use door::{Door, authorize, know_the_name};
use who::Desk;

use crate::{
    console,
    engine::{Engine, Homes, Plugins, Vault},
    gateway::Gateway,
    http::{Problem, of_engine},
    model::Limits,
    store::SealKey,
};

/// The most items of one page.
const MAX_PAGE: usize = 500;
/// The largest body about people, bytes. Whoever logs in has proved nothing yet, and takes little of the room for bodies.
const IDENTITY_BODY: usize = 64 << 10;
/// The items of a page that does not say how many.
const PAGE: usize = 50;

/// All routes but the webhooks. `keys` open them; `seal` is the key that backups are sealed with.
pub fn router(
    gateway: Gateway,
    engine: Engine,
    vault: Vault,
    plugins: Arc<Plugins>,
    homes: Arc<dyn Homes>,
    keys: Keys,
    seal: Option<SealKey>,
) -> Router {
    let ports = Arc::clone(engine.ports());
    let desk = Desk {
        people: keys.people.clone(),
        public_url: Arc::clone(engine.public_url()),
        url: Arc::clone(&keys.url),
    };
    let door = Door::new(keys, engine.clone(), gateway.clone());
    let body_most = Limits::BODY.as_usize();
    // Somebody who is logged in gives the password in a body, and a GET has none.
    let download = move |engine| backup::download(engine, seal);
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
        .route("/api/v1/backup", get(download.clone()).post(download))
        .route("/api/v1/workflows/{key}/runs", post(workflows::start))
        .route("/api/v1/workflows/{key}/pause", post(workflows::pause))
        .route("/api/v1/workflows/{key}/resume", post(workflows::resume))
        .route("/api/v1/workflows/{key}/kv", get(kv::list))
        .route("/api/v1/workflows/{key}/kv/{name}", get(kv::show).put(kv::set).delete(kv::delete))
        .layer(DefaultBodyLimit::max(body_most))
        .layer(middleware::from_fn_with_state(engine.clone(), durable::told))
        .layer(middleware::from_fn_with_state(door.with_bodies_of(body_most), authorize))
        .with_state(engine.clone());
    let kept = homes::router(engine.clone(), homes, &door);
    let told = events::router(engine.clone(), &door);
    let counted = numbers::router(engine.clone(), gateway.clone(), &door);
    let asked = questions::router(engine.clone(), gateway.clone(), &door);
    let sent_again = Router::new()
        .route("/api/v1/requests/{id}/resend", post(requests::resend))
        .layer(middleware::from_fn_with_state(door.clone(), authorize))
        .with_state(gateway.clone());
    let identity = Router::new()
        .route("/api/v1/session", get(session::show).post(session::log_in).delete(session::log_out))
        .route("/api/v1/session/password", post(session::set_password))
        .route("/api/v1/setup", post(session::set_up))
        .route("/api/v1/setup/link", post(session::link))
        .route("/api/v1/sessions", get(session::list))
        .route("/api/v1/sessions/{id}", delete(session::end))
        .route("/api/v1/people", get(people::list).post(people::add))
        .route("/api/v1/people/{name}", patch(people::change).delete(people::remove))
        .route("/api/v1/tokens", get(tokens::list).post(tokens::make))
        .route("/api/v1/tokens/{id}", delete(tokens::revoke))
        .route("/api/v1/audit", get(audit::list))
        .layer(DefaultBodyLimit::max(IDENTITY_BODY))
        .layer(middleware::from_fn_with_state(door.with_bodies_of(IDENTITY_BODY), authorize))
        .with_state(desk);
    Router::new()
        .route("/", get(welcome))
        .merge(console::router())
        .merge(guarded)
        .merge(sent_again)
        .merge(identity)
        .merge(asked)
        .merge(kept)
        .merge(told)
        .merge(counted)
        .merge(plugins::router(plugins, ports, &door))
        .merge(secrets::router(vault, &door))
        .layer(middleware::from_fn_with_state(gateway, know_the_name))
        .merge(probes(engine))
        .fallback(nothing)
}

/// The table of rights, for tests and documentation: method, path, what it needs (`nothing`, `known` or a scope), and whether its answer has
/// no end.
pub fn table() -> Vec<(&'static str, &'static str, String, bool)> {
    rights::listed().collect()
}

/// What stands where webhooks are when the API is elsewhere: health checks, and an answer for every other path.
pub fn without_api(engine: Engine) -> Router {
    probes(engine).fallback(nothing)
}

/// The address where the first person is made, on a console at `url`. The secret stands in the fragment, which no browser sends.
pub fn setup_url(url: &str, secret: &str) -> String {
    session::setup_url(url, secret)
}

/// Whatever name a probe asks for, these tell nothing of what is inside.
fn probes(engine: Engine) -> Router {
    Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(ready)).with_state(engine)
}

async fn nothing() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
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

/// The console for a browser, words for a program. Names no workflow, as anyone may ask.
async fn welcome(uri: Uri, headers: HeaderMap) -> Response {
    if console::wants_page(&headers) {
        return console::show(uri, headers).await;
    }
    let page = "Flowcell is running.\n\nSend events to /api/webhooks/<key>.\nSee what became of them:\n\n  \
                flowcell runs list\n  flowcell runs show RUN\n  flowcell requests list\n";
    let plain: [(HeaderName, &str); 2] =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::VARY, "accept")];
    (plain, page).into_response()
}

/// The items of a page that was asked for.
fn page_size(asked: Option<usize>) -> usize {
    asked.unwrap_or(PAGE).clamp(1, MAX_PAGE)
}
