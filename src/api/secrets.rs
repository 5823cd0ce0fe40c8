//! Secrets: their names, never their values; set, remove, seal anew.
//!
//! A value goes in and never comes out: no answer, error or log line of this file holds one.

use axum::{
    Json, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State, rejection::BytesRejection},
    middleware,
    routing::{get, put},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Door, authorize};
use crate::{
    engine::{SecretInfo, Vault},
    http::Problem,
    secrets::{MAX_VALUE, SecretValue},
    steps,
};

/// The largest body of a request: a value of which each byte is escaped.
const MAX_BODY: usize = MAX_VALUE * 6 + 1_024;
/// What `POST` can do, in place of a name.
const ROTATE: &str = "rotate";

/// The routes, which need the token.
pub(super) fn router(vault: Vault, door: &Door) -> Router {
    Router::new()
        .route("/api/v1/secrets", get(list))
        // One route for all methods, so that a secret may be called `rotate`.
        .route("/api/v1/secrets/{name}", put(set).delete(remove).post(act))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .layer(middleware::from_fn_with_state(door.with_bodies_of(MAX_BODY), authorize))
        .with_state(vault)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    value: SecretValue,
}

/// `GET /api/v1/secrets`
async fn list(State(vault): State<Vault>) -> Json<Value> {
    let secrets: Vec<_> = vault.sealed_list().iter().map(shown).collect();
    Json(json!({ "secrets": secrets, "key_id": vault.key_id() }))
}

/// `PUT /api/v1/secrets/{name}` with `{"value": "…"}`
async fn set(
    State(vault): State<Vault>,
    Path(name): Path<String>,
    body: Result<Bytes, BytesRejection>,
) -> Result<Json<Value>, Problem> {
    let body = body.map_err(|error| Problem::bad_request(error.body_text()))?;
    // The parser's own message might quote the value.
    let Body { value } = serde_json::from_slice(&body).map_err(|error| {
        Problem::bad_request(format!(
            "the body is not {{\"value\": \"…\"}} (line {}, column {})",
            error.line(),
            error.column()
        ))
    })?;
    let info = vault.set(&name, value).await?;
    tracing::info!(name, "a secret was set");
    Ok(Json(shown(&info)))
}

/// `DELETE /api/v1/secrets/{name}`
async fn remove(State(vault): State<Vault>, Path(name): Path<String>) -> Result<StatusCode, Problem> {
    if !vault.remove(&name).await? {
        let detail = "there is no secret of this name";
        return Err(Problem::new(StatusCode::NOT_FOUND, "secret_unknown", detail));
    }
    tracing::info!(name, "a secret was removed");
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /api/v1/secrets/rotate`
async fn act(State(vault): State<Vault>, Path(action): Path<String>) -> Result<Json<Value>, Problem> {
    if action != ROTATE {
        let mut problem = Problem::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "set a secret with PUT, remove it with DELETE",
        );
        problem.allow = Some("PUT, DELETE".to_owned());
        return Err(problem);
    }
    let count = vault.rotate().await?;
    tracing::info!(count, "the secrets were sealed anew");
    Ok(Json(json!({ "rotated": count, "key_id": vault.key_id() })))
}

fn shown(info: &SecretInfo) -> Value {
    json!({ "name": info.name, "key_id": info.key_id, "set": steps::timestamp(info.set_ms) })
}
