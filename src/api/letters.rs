//! Dead letters: failed runs that nobody has dealt with.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{control::Replay, input, page_size, runs};
use crate::{engine::Engine, http::Problem, model::RunId, store::tables};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    before: Option<RunId>,
    limit: Option<usize>,
}

/// `GET /api/v1/dead-letters?before=&limit=`, newest first. Letters whose run is gone are left out, so that a page
/// may hold fewer than `limit` and still have a `next`.
pub(super) async fn list(
    State(engine): State<Engine>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = page_size(query.limit);
    let store = &**engine.store();
    let letters = tables::letters::list(store, query.before, limit).await?;
    let next = letters.last().filter(|_| letters.len() == limit).copied();
    let heads = tables::runs::heads(store, &letters).await?;
    let lines: Vec<_> = heads.into_iter().flatten().map(|head| runs::line(&engine, head)).collect();
    Ok(Json(json!({ "dead_letters": lines, "next": next })))
}

/// `POST /api/v1/dead-letters/{id}/retry` with `{"on"?: "same" | "newest"}`: goes on from the failed step and takes the letter
/// away; 201 with the new run, which is a letter of its own should it fail.
pub(super) async fn retry(
    State(engine): State<Engine>,
    Path(id): Path<String>,
    body: input::Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Replay { on } = input::fields(body)?;
    let id: RunId = letter(&engine, &id).await?;
    let new = engine.retry(id, on.into()).await?;
    engine.dismiss(id).await?;
    Ok((StatusCode::CREATED, Json(json!({ "run_id": new }))))
}

/// `DELETE /api/v1/dead-letters/{id}`: 204. The run itself stays.
pub(super) async fn dismiss(
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let id = letter(&engine, &id).await?;
    engine.dismiss(id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A run that is on the list.
async fn letter(engine: &Engine, id: &str) -> Result<RunId, Problem> {
    let id: RunId = input::parsed(id)?;
    if tables::letters::holds(&**engine.store(), id).await? {
        return Ok(id);
    }
    let detail = format!("{id} is no dead letter");
    Err(Problem::new(StatusCode::NOT_FOUND, "dead_letter_unknown", detail))
}
