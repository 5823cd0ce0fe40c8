//! The installed workflows: their lines in the list, start a run by hand, pause and resume.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::input;
use crate::{
    engine::{Definition, Engine, Submitted},
    http::Problem,
    model::{JsonText, NamedTrigger, Trigger, WorkflowKey},
    steps,
};

/// The line of an installed workflow in the list.
pub(super) fn line(engine: &Engine, definition: &Definition) -> Value {
    let now_ms = engine.ports().now_ms();
    let workflow = &definition.workflow;
    let (waiting_runs, waiting_bytes) = engine.waiting_of(&workflow.key);
    let first = workflow.webhooks().next();
    let times = workflow.triggers.iter().filter_map(|trigger| definition.next_time(trigger, now_ms));
    let triggers: Vec<Value> = workflow.triggers.iter().map(|it| trigger(definition, it, now_ms)).collect();
    json!({
        "key": workflow.key,
        "title": workflow.title,
        "enabled": workflow.enabled,
        "version": definition.version,
        "trigger": workflow.triggers[0].trigger.kind(),
        "path": first.map(|(_, webhook)| webhook.address(&workflow.key)),
        "next": times.min().map(steps::timestamp),
        "triggers": triggers,
        "paused": engine.is_paused(&workflow.key),
        "pending_runs": engine.pending_of(&workflow.key),
        "waiting_runs": waiting_runs,
        "waiting_bytes": waiting_bytes,
    })
}

/// One trigger of a workflow.
fn trigger(definition: &Definition, trigger: &NamedTrigger, now_ms: u64) -> Value {
    let mut shown = json!({ "name": trigger.name, "type": trigger.trigger.kind() });
    match &trigger.trigger {
        Trigger::Webhook(webhook) => {
            shown["path"] = webhook.address(&definition.workflow.key).into();
            shown["methods"] = json!(webhook.methods);
            shown["mode"] = json!(webhook.mode);
        }
        Trigger::Schedule(schedule) => {
            shown["cron"] = schedule.cron.as_str().into();
            shown["timezone"] = schedule.timezone.as_str().into();
            shown["next"] = definition.next_time(trigger, now_ms).map(steps::timestamp).into();
        }
        Trigger::Workflow(after) => {
            shown["workflows"] = json!(after.workflows);
            shown["on"] = json!(after.on);
        }
        Trigger::Manual => {}
    }
    shown
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StartQuery {
    /// The trigger that the run is to take for its own, by its name.
    trigger: Option<String>,
}

/// `POST /api/v1/workflows/{key}/runs?trigger=`: the body is `context.data`, any JSON; 202 with the run.
pub(super) async fn start(
    State(engine): State<Engine>,
    Path(key): Path<String>,
    query: Result<Query<StartQuery>, QueryRejection>,
    body: input::Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let key: WorkflowKey = input::parsed(&key)?;
    let body = input::bytes(body)?;
    let data = if body.is_empty() {
        None
    } else {
        let text =
            String::from_utf8(body.into()).map_err(|_| Problem::bad_request("the body is not UTF-8"))?;
        Some(JsonText::parse(text).map_err(|error| Problem::bad_request(format!("the body: {error}")))?)
    };
    let answer = match engine.start_run(&key, query.trigger.as_deref(), data.as_ref()).await? {
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
