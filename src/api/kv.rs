//! The kv of a workflow, for operators: read, set and delete values.
//!
//! Like a run, a write waits for runs that write the same key. A removed workflow may have left values behind, so reading
//! and deleting do not ask whether the workflow exists.

use axum::{
    Json,
    extract::{Path, Query, State},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{input, page_size};
use crate::{
    engine::{ControlError, Engine, KvEntry, KvOp},
    http::Problem,
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
    let (entries, next) = kv.entries(&workflow, &page.prefix, after, limit, now_ms).await?;
    let usage = kv.usage(&workflow).await?;
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
    let entry = engine.kv().entry(&workflow, &key, engine.ports().now_ms()).await?;
    entry.map(|entry| Json(shown(&entry))).ok_or_else(unknown)
}

/// This is parsed by hand, because a value that is null differs from one that is left out.
fn put_args(body: input::Body, key: String) -> Result<Value, Problem> {
    let mut fields: Map<String, Value> = input::fields(body)?;
    let value =
        fields.remove("value").ok_or_else(|| Problem::bad_request("the body needs a `value`, any JSON"))?;
    let ttl_ms = match fields.remove("ttl") {
        None | Some(Value::Null) => None,
        Some(Value::String(ttl)) => Some(input::parsed::<Span>(&ttl)?.as_millis()),
        Some(_) => return Err(Problem::bad_request("`ttl` must be a duration, as in \"1h\"")),
    };
    match fields.keys().next() {
        Some(other) => {
            Err(Problem::bad_request(format!("`{other}` is unknown; the body has `value` and `ttl`")))
        }
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
        return Err(Problem::from(ControlError::UnknownWorkflow(workflow)));
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
    let op = KvOp::parse(op, args)?.expect("it is an operation of kv");
    Ok(engine.kv().operate(workflow, op, engine.ports().now_ms()).await?)
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
