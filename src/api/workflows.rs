//! The installed workflows: a list, start a run by hand, pause and resume.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde_json::{Value, json};

use super::input;
use crate::{
    engine::{Engine, Submitted},
    http::Problem,
    model::{JsonText, Trigger, WorkflowKey},
    steps,
};

/// `GET /api/v1/workflows`
pub(super) async fn list(State(engine): State<Engine>) -> Json<Value> {
    let now_ms = engine.ports().now_ms();
    let workflows: Vec<_> = engine
        .catalog()
        .all()
        .iter()
        .map(|definition| {
            let workflow = &definition.workflow;
            let (waiting_runs, waiting_bytes) = engine.waiting_of(&workflow.key);
            let (trigger, path) = match &workflow.trigger {
                Trigger::Webhook(webhook) => ("webhook", Some(webhook.address(&workflow.key))),
                Trigger::Manual => ("manual", None),
                Trigger::Workflow(_) => ("workflow", None),
                Trigger::Schedule(_) => ("schedule", None),
            };
            json!({
                "key": workflow.key,
                "title": workflow.title,
                "enabled": workflow.enabled,
                "version": definition.version,
                "trigger": trigger,
                "path": path,
                "next": definition.next_time(now_ms).map(steps::timestamp),
                "paused": engine.is_paused(&workflow.key),
                "pending_runs": engine.pending_of(&workflow.key),
                "waiting_runs": waiting_runs,
                "waiting_bytes": waiting_bytes,
            })
        })
        .collect();
    Json(json!({ "workflows": workflows }))
}

/// `POST /api/v1/workflows/{key}/runs`: the body is `context.data`, any JSON; 202 with the run.
pub(super) async fn start(
    State(engine): State<Engine>,
    Path(key): Path<String>,
    body: input::Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let body = input::bytes(body)?;
    let data = if body.is_empty() {
        JsonText::null()
    } else {
        String::from_utf8(body.into()).map_err(|_| Problem::bad_request("the body is not UTF-8")).and_then(
            |text| JsonText::parse(text).map_err(|error| Problem::bad_request(format!("the body: {error}"))),
        )?
    };
    let answer = match engine.start_run(&key, &data).await? {
        Submitted::Started { run, .. } => json!({ "run_id": run }),
        Submitted::Skipped { run } => json!({ "run_id": run, "skipped": true }),
        Submitted::Duplicate { run } => json!({ "run_id": run.head.id }),
    };
    Ok((StatusCode::ACCEPTED, Json(answer)))
}

/// `POST /api/v1/workflows/{key}/pause`: events are accepted and wait.
pub(super) async fn pause(engine: State<Engine>, key: Path<String>) -> Result<Json<Value>, Problem> {
    set_paused(engine, key, true).await
}

/// `POST /api/v1/workflows/{key}/resume`
pub(super) async fn resume(engine: State<Engine>, key: Path<String>) -> Result<Json<Value>, Problem> {
    set_paused(engine, key, false).await
}

async fn set_paused(
    State(engine): State<Engine>,
    Path(key): Path<String>,
    paused: bool,
) -> Result<Json<Value>, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    engine.pause(&key, paused).await?;
    Ok(Json(json!({ "key": key, "paused": paused })))
}
