//! Turns what has changed into events, once for all connections: reads it, waits until that is durable, and writes it as the
//! lists show it.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use serde::Serialize;

use super::{
    hub::{Hub, KEPT},
    ring::{Told, Topic},
};
use crate::{
    api::{
        requests, runs,
        trim::{self, Keep},
    },
    engine::{Changed, Engine, WorkflowChange},
    model::{RequestId, RequestOutcome, RequestRecord, RunHead, RunId, WorkflowKey},
    store::{Batch, StoreError, tables},
};

/// How long changes are collected. A run that begins and ends meanwhile is told once.
const EVERY: Duration = Duration::from_millis(100);
/// How often a line of the request log is looked for that the store does not show yet: it takes such lines a moment later.
const LOOKS: u8 = 30;
/// Lines of the request log that are waited for. More are given up.
const AWAITED: usize = 4_000;

/// The data of an event about a workflow.
#[derive(Serialize)]
struct Workflow<'a> {
    key: &'a WorkflowKey,
    change: &'static str,
}

/// A line of the request log that is not readable yet, and how often it was looked for.
type Awaited = (RequestId, u8);

/// Tells what happens, until nobody has watched for a while or the server stops.
pub(super) async fn tell(hub: Arc<Hub>) {
    let engine = hub.engine.clone();
    let mut awaited = VecDeque::new();
    loop {
        let wait = if awaited.is_empty() { KEPT } else { EVERY };
        tokio::select! {
            () = engine.drains() => break hub.stops(),
            () = engine.changes().some() => {}
            () = tokio::time::sleep(wait) => {}
        }
        if hub.ends() {
            break;
        }
        tokio::time::sleep(EVERY).await;
        let mut changed = engine.changes().take();
        let mut lost = std::mem::take(&mut changed.lost);
        let told = match read(&engine, changed, &mut awaited).await {
            Ok(told) => told,
            Err(error) => {
                tracing::warn!(%error, "what has changed could not be told to those who watch");
                (lost, awaited) = (true, VecDeque::new());
                Vec::new()
            }
        };
        if awaited.len() > AWAITED {
            (lost, awaited) = (true, VecDeque::new());
        }
        if lost || !told.is_empty() {
            hub.tell(lost, told);
        }
    }
}

/// The events of what has changed, all of it durable.
async fn read(
    engine: &Engine,
    changed: Changed,
    awaited: &mut VecDeque<Awaited>,
) -> Result<Vec<Told>, StoreError> {
    let store = &**engine.store();
    let mut ids: Vec<RunId> = changed.runs.into_iter().collect();
    ids.sort_unstable();
    let heads = tables::runs::heads(store, &ids).await?;
    awaited.extend(changed.requests.into_iter().map(|id| (id, 0)));
    let mut told = Vec::new();
    for (id, looks) in std::mem::take(awaited) {
        match tables::requests::get(store, id).await? {
            Some(record) => told.push(of_request(&record)),
            None if looks < LOOKS => awaited.push_back((id, looks + 1)),
            // It was refused by the store, which the log says.
            None => {}
        }
    }
    told.extend(heads.into_iter().flatten().map(|head| of_run(engine, head)));
    told.extend(changed.workflows.iter().map(|(key, change)| of_workflow(key, *change)));
    match store.commit(Batch::new()).await {
        // A server that is stopping has written everything.
        Ok(()) | Err(StoreError::Closed) => Ok(told),
        Err(error) => Err(error),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// A line as it is, and as those see it who may not see payloads.
fn texts(line: &impl Serialize, keep: &Keep) -> (String, String) {
    let bare =
        serde_json::to_value(line).map_or_else(|_| "null".to_owned(), |line| keep.of(line).to_string());
    (json(line), bare)
}

fn of_run(engine: &Engine, head: RunHead) -> Told {
    let (run, workflow) = (head.id, head.workflow.clone());
    let (data, bare) = texts(&runs::line(engine, head), &trim::RUN_OF_LIST);
    Told { topic: Topic::Runs, workflow: Some(workflow), run: Some(run), data, bare }
}

fn of_request(record: &RequestRecord) -> Told {
    let run = match &record.outcome {
        RequestOutcome::Accepted { run }
        | RequestOutcome::Duplicate { run }
        | RequestOutcome::Skipped { run }
        | RequestOutcome::CalledBack { run } => Some(*run),
        RequestOutcome::Refused { .. } | RequestOutcome::Handshake { .. } | RequestOutcome::Filtered => None,
    };
    let (data, bare) = texts(&requests::line(record), &trim::REQUEST);
    Told { topic: Topic::Requests, workflow: record.workflow.clone(), run, data, bare }
}

fn of_workflow(key: &WorkflowKey, change: WorkflowChange) -> Told {
    let data = json(&Workflow { key, change: change.as_str() });
    Told { topic: Topic::Workflows, workflow: Some(key.clone()), run: None, bare: data.clone(), data }
}
