//! Runs: a list, newest first, and one run whole with its steps.

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{input, page_size};
use crate::{
    engine::Engine,
    http::Problem,
    model::{Cause, Entry, RunHead, RunId, RunStatus, TriggerName, WorkflowKey},
    run_view, steps,
    store::tables::{self, runs::Filter},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    workflow: Option<WorkflowKey>,
    status: Option<RunStatus>,
    before: Option<RunId>,
    limit: Option<usize>,
}

/// One line of the list.
#[derive(Serialize)]
pub(super) struct Line {
    id: RunId,
    workflow: String,
    status: RunStatus,
    /// Whether it is being executed at this moment.
    running: bool,
    cause: Cause,
    /// The name of the trigger that started it, or the run that it repeats.
    trigger: Option<TriggerName>,
    origin: Option<RunId>,
    created: String,
    due: Option<String>,
    took_ms: Option<u64>,
    answer_status: Option<u16>,
    /// Steps that failed and were handled; known when the run has ended.
    failed_steps: u32,
    error: Option<Value>,
}

/// `GET /api/v1/runs?workflow=&status=&before=&limit=`
pub(super) async fn list(
    State(engine): State<Engine>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<Value>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let filter = Filter { workflow: query.workflow, status: query.status };
    let limit = page_size(query.limit);
    let page = tables::runs::list(&**engine.store(), &filter, query.before, limit).await?;
    let lines: Vec<_> = page.items.into_iter().map(|head| line(&engine, head)).collect();
    Ok(Json(json!({ "runs": lines, "next": page.next })))
}

/// A run as lists show it.
pub(super) fn line(engine: &Engine, head: RunHead) -> Line {
    Line {
        id: head.id,
        workflow: head.workflow.to_string(),
        status: head.status,
        running: head.status == RunStatus::Queued && engine.is_live(head.id),
        cause: head.cause,
        trigger: head.trigger,
        origin: head.origin,
        created: steps::timestamp(head.created_ms),
        due: head.due_ms.map(steps::timestamp),
        took_ms: head.finished_ms.map(|finished| finished.saturating_sub(head.created_ms)),
        answer_status: head.answer_status,
        failed_steps: head.failed_steps,
        error: head.error.map(|error| {
            let shown = json!({ "code": error.code, "message": error.message, "step": error.step });
            run_view::masked(shown, &engine.vault().redactor())
        }),
    }
}

/// `GET /api/v1/runs/{id}`
pub(super) async fn show(
    State(engine): State<Engine>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let id: RunId = input::parsed(&id)?;
    let store = &**engine.store();
    let run = tables::runs::get(store, id).await?;
    let run = run
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "run_unknown", format!("there is no run {id}")))?;
    let entries = tables::journal::list(store, id).await?;
    // A version that is gone or unreadable has no frames to give.
    let failed = |entry: &Entry| match entry {
        Entry::Ended(record) | Entry::Retrying(record, _) => record.error.is_some(),
        Entry::Begun(..) | Entry::Waiting { .. } | Entry::Cookies { .. } => false,
    };
    let files = if run.head.error.is_some() || entries.iter().any(failed) {
        tables::versions::get(store, run.head.version).await.ok().flatten()
    } else {
        None
    };
    Ok(Json(run_view::whole(&run, &entries, engine.is_live(id), files.as_ref(), &engine.vault().redactor())))
}
