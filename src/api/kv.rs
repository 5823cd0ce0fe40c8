//! What the scripts of a workflow keep, for operators: look, set, delete.
//!
//! A write waits for runs that are writing the same key, as other runs do. A workflow that is gone may have left
//! values behind, so reading and deleting ask for no workflow.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{bad_request, input, page_size, problems, store_problem};
use crate::{
    engine::{ControlError, Engine, KvEntry, KvError, KvOp},
    gateway::Problem,
    model::{Span, WorkflowKey},
    steps,
};

#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    prefix: String,
    after: Option<String>,
    limit: Option<usize>,
}

/// `GET /api/v1/workflows/{key}/kv?prefix=&after=&limit=`
pub(super) async fn list(
    State(engine): State<Engine>,
    Path(workflow): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, Problem> {
    let workflow: WorkflowKey = input::parsed(&workflow)?;
    let (kv, now_ms) = (engine.kv(), engine.ports().now_ms());
    let (limit, after) = (page_size(page.limit), page.after.as_deref());
    let (entries, next) =
        kv.entries(&workflow, &page.prefix, after, limit, now_ms).await.map_err(store_problem)?;
    let usage = kv.usage(&workflow).await.map_err(store_problem)?;
    Ok(Json(json!({
        "entries": entries.iter().map(shown).collect::<Vec<_>>(),
        "next": next,
        "usage": {
            "bytes": usage.bytes,
            "bytes_most": usage.bytes_most,
            "keys": usage.keys,
            "keys_most": usage.keys_most,
        },
    })))
}

/// `GET /api/v1/workflows/{key}/kv/{name}`
pub(super) async fn show(
    State(engine): State<Engine>,
    Path((workflow, key)): Path<(String, String)>,
) -> Result<Json<Value>, Problem> {
    let workflow: WorkflowKey = input::parsed(&workflow)?;
    let entry = engine.kv().entry(&workflow, &key, engine.ports().now_ms()).await.map_err(store_problem)?;
    entry.map(|entry| Json(shown(&entry))).ok_or_else(unknown)
}

/// Parsed by hand, as a value that is null is not one that is left out.
fn put_args(body: input::Body, key: String) -> Result<Value, Problem> {
    let mut fields: Map<String, Value> = input::fields(body)?;
    let value = fields.remove("value").ok_or_else(|| bad_request("the body needs a `value`, any JSON"))?;
    let ttl_ms = match fields.remove("ttl") {
        None | Some(Value::Null) => None,
        Some(Value::String(ttl)) => Some(input::parsed::<Span>(&ttl)?.as_millis()),
        Some(_) => return Err(bad_request("`ttl` must be a duration, as in \"1h\"")),
    };
    match fields.keys().next() {
        Some(other) => Err(bad_request(format!("`{other}` is unknown; the body has `value` and `ttl`"))),
        None => Ok(json!({ "key": key, "value": value, "ttl_ms": ttl_ms })),
    }
}

/// `PUT /api/v1/workflows/{key}/kv/{name}` with `{"value": any JSON, "ttl"?: "1h"}`; 204.
pub(super) async fn set(
    State(engine): State<Engine>,
    Path((workflow, key)): Path<(String, String)>,
    body: input::Body,
) -> Result<StatusCode, Problem> {
    let workflow: WorkflowKey = input::parsed(&workflow)?;
    if engine.catalog().current(&workflow).is_none() {
        return Err(problems::control(ControlError::UnknownWorkflow(workflow)));
    }
    operate(&engine, workflow, "kv.set", &put_args(body, key)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /api/v1/workflows/{key}/kv/{name}`; 204.
pub(super) async fn delete(
    State(engine): State<Engine>,
    Path((workflow, key)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    let workflow: WorkflowKey = input::parsed(&workflow)?;
    match operate(&engine, workflow, "kv.delete", &json!({ "key": key })).await? {
        Value::Bool(true) => Ok(StatusCode::NO_CONTENT),
        _ => Err(unknown()),
    }
}

async fn operate(engine: &Engine, workflow: WorkflowKey, op: &str, args: &Value) -> Result<Value, Problem> {
    let op = KvOp::parse(op, args).map_err(problem)?.expect("it is an operation of kv");
    engine.kv().operate(workflow, op, engine.ports().now_ms()).await.map_err(problem)
}

fn shown(entry: &KvEntry) -> Value {
    json!({
        "key": entry.key,
        "value": entry.value,
        "set": steps::timestamp(entry.set_ms),
        "expires": entry.expires_ms.map(steps::timestamp),
    })
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "kv_unknown", "there is no value under this key")
}

fn problem(error: KvError) -> Problem {
    match error {
        KvError::Store(error) => store_problem(error),
        KvError::Busy { .. } => Problem::new(StatusCode::CONFLICT, "kv_busy", error.to_string()),
        KvError::Quota { .. } => Problem::new(StatusCode::CONFLICT, "kv_full", error.to_string()),
        KvError::ValueTooLarge { .. }
        | KvError::KeyInvalid { .. }
        | KvError::NotANumber { .. }
        | KvError::Arguments { .. } => bad_request(error.to_string()),
    }
}
