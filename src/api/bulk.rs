//! Many ended runs at once: run their events once more.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{PAGE, control::On, input};
use crate::{
    engine::Engine,
    http::Problem,
    model::{RunHead, RunId, RunStatus, WorkflowKey},
    store::tables::{self, runs::Filter},
};

/// The most runs of one request.
const MAX_RUNS: usize = 1_000;
/// Pages of heads that one request looks at; a rare status takes several requests.
const LOOKS: usize = 25;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    workflow: Option<WorkflowKey>,
    status: Option<RunStatus>,
    after: Option<String>,
    before: Option<String>,
    #[serde(default)]
    on: On,
    limit: Option<usize>,
    #[serde(default)]
    dry_run: bool,
}

/// `POST /api/v1/runs/replay`: the newest runs that match, oldest of them first. `next` is the `before` of the rest.
pub(super) async fn replay(State(engine): State<Engine>, body: input::Body) -> Result<Json<Value>, Problem> {
    let request: Request = input::fields(body)?;
    let Request { workflow, status, after, before, on, limit, dry_run } = request;
    if workflow.is_none() && status.is_none() && after.is_none() && before.is_none() {
        return Err(Problem::bad_request("say which runs: give workflow, status, after or before"));
    }
    if status.is_some_and(|status| !status.is_terminal()) {
        return Err(Problem::bad_request(
            "status: only ended runs can be repeated: succeeded, failed or cancelled",
        ));
    }
    let limit = limit.unwrap_or(PAGE);
    if !(1..=MAX_RUNS).contains(&limit) {
        return Err(Problem::bad_request(format!("limit: 1 to {MAX_RUNS} can be given")));
    }
    let (after, before) = (after.map(bound).transpose()?, before.map(bound).transpose()?);
    let filter = Filter { workflow, status };
    let (found, next) = matching(&engine, &filter, after, before, limit).await?;
    let (mut replayed, mut failed) = (Vec::new(), Vec::new());
    for run in found.into_iter().rev().map(|head| head.id) {
        if dry_run {
            replayed.push(json!({ "run": run, "new": null }));
            continue;
        }
        match engine.replay(run, on.into()).await {
            Ok(new) => replayed.push(json!({ "run": run, "new": new })),
            Err(error) => {
                let problem = Problem::from(error);
                failed.push(json!({ "run": run, "code": problem.code(), "detail": problem.detail() }));
            }
        }
    }
    Ok(Json(json!({ "replayed": replayed, "failed": failed, "next": next, "dry_run": dry_run })))
}

/// A run id, or a time as RFC 3339 writes it.
fn bound(text: String) -> Result<RunId, Problem> {
    if let Ok(run) = text.parse() {
        return Ok(run);
    }
    let time: jiff::Timestamp = text.parse().map_err(|_| {
        Problem::bad_request(format!("{text}: expected a run id, or a time as in 2026-01-31T12:00:00Z"))
    })?;
    let ms = u64::try_from(time.as_millisecond())
        .map_err(|_| Problem::bad_request(format!("{text} is before 1970")))?;
    Ok(RunId::new(ms, [0; 10]))
}

/// Ended runs newest first, and where the rest begins.
async fn matching(
    engine: &Engine,
    filter: &Filter,
    after: Option<RunId>,
    before: Option<RunId>,
    limit: usize,
) -> Result<(Vec<RunHead>, Option<RunId>), Problem> {
    let (mut found, mut cursor) = (Vec::new(), before);
    for _ in 0..LOOKS {
        let wanted = limit - found.len();
        let page = tables::runs::list(&**engine.store(), filter, cursor, wanted).await?;
        for head in page.items {
            if after.is_some_and(|after| head.id <= after) {
                return Ok((found, None));
            }
            if head.status.is_terminal() {
                found.push(head);
            }
        }
        cursor = page.next;
        if cursor.is_none_or(|cursor| after.is_some_and(|after| cursor <= after)) {
            return Ok((found, None));
        }
        if found.len() == limit {
            break;
        }
    }
    Ok((found, cursor))
}
