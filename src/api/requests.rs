//! The request log, newest first: what was accepted, and why the rest was not.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{bad_request, page_size, store_problem};
use crate::{engine::Engine, gateway::Problem, model::RequestId, steps, store::tables};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    before: Option<RequestId>,
    limit: Option<usize>,
}

/// `GET /api/v1/requests?before=&limit=`
pub(super) async fn list(
    State(engine): State<Engine>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| bad_request(error.body_text()))?;
    let limit = page_size(query.limit);
    let page = tables::requests::list(&**engine.store(), query.before, limit).map_err(store_problem)?;
    let lines: Vec<_> = page
        .items
        .into_iter()
        .map(|record| {
            let mut line = serde_json::to_value(&record).unwrap_or(Value::Null);
            line["received"] = steps::timestamp(record.id.created_ms()).into();
            line
        })
        .collect();
    Ok(Json(json!({ "requests": lines, "next": page.next })))
}
