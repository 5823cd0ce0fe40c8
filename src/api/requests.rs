//! The request log, newest first: what was accepted, why the rest was not, and the way to send one again.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{input, page_size};
use crate::{
    engine::Engine,
    gateway::Gateway,
    http::Problem,
    model::{KeptRequest, RequestId, RequestRecord, WorkflowKey, notes_json},
    steps,
    store::tables::{self, requests::Filter},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    workflow: Option<WorkflowKey>,
    refused: Option<bool>,
    before: Option<RequestId>,
    limit: Option<usize>,
}

/// `GET /api/v1/requests?workflow=&refused=&before=&limit=`
pub(super) async fn list(
    State(engine): State<Engine>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let limit = page_size(query.limit);
    let filter = Filter { workflow: query.workflow, refused: query.refused };
    let page = tables::requests::list(&**engine.store(), &filter, query.before, limit).await?;
    let lines: Vec<_> = page.items.iter().map(line).collect();
    Ok(Json(json!({ "requests": lines, "next": page.next })))
}

/// `GET /api/v1/requests/{id}`: the line, and under `request` what is kept of the request itself.
pub(super) async fn show(
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id: RequestId = input::parsed(&id)?;
    let store = &**engine.store();
    let record = tables::requests::get(store, id).await?.ok_or_else(|| {
        let detail = format!("there is no request {id} in the log");
        Problem::new(StatusCode::NOT_FOUND, "request_unknown", detail)
    })?;
    let kept = tables::requests::kept(store, id).await?;
    let mut shown = line(&record);
    shown["request"] = kept.as_ref().map_or(Value::Null, request);
    Ok(Json(shown))
}

/// `POST /api/v1/requests/{id}/resend`: 201 with the new run.
pub(super) async fn resend(
    State(gateway): State<Gateway>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let run = gateway.resend(input::parsed(&id)?).await?;
    Ok((StatusCode::CREATED, Json(json!({ "run_id": run }))))
}

/// A line as lists show it.
pub(super) fn line(record: &RequestRecord) -> Value {
    let mut line = serde_json::to_value(record).unwrap_or(Value::Null);
    line["notes"] = notes_json(&record.notes);
    line["kept"] = (record.kept_bytes > 0).into();
    line["received"] = steps::timestamp(record.id.created_ms()).into();
    line
}

fn request(kept: &KeptRequest) -> Value {
    let headers: serde_json::Map<_, _> =
        kept.headers.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let mut shown = json!({ "query": kept.query, "headers": headers, "changed": kept.changed });
    match std::str::from_utf8(&kept.body) {
        Ok(text) => shown["body"] = text.into(),
        Err(_) => shown["body_base64"] = STANDARD.encode(&kept.body).into(),
    }
    shown
}
