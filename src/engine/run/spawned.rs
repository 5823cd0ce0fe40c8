//! Runs that other runs start: by a `subflow` step, by their end, or by their failure. A child is stored in the same batch
//! as the entry or the end that started it, so it exists exactly once.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{NewRun, Runs};
use crate::{
    engine::workflow::{Definition, PinnedError},
    model::{
        Cause, ErrorCode, Event, JsonText, Limits, NamedTrigger, Parent, Run, RunError, RunStatus, StartKind,
        Started, StepKey, WorkflowKey,
    },
    steps::RetryHint,
    store::StoreError,
};

/// A run and the version that it is pinned to.
pub(super) type New = (Run, Arc<Definition>);

/// The run that a `subflow` step starts.
pub(super) fn subflow(
    runs: &Runs,
    run: &Run,
    parent: Parent,
    workflow: &WorkflowKey,
    input: JsonText,
) -> Result<New, (RunError, RetryHint)> {
    let definition = runs.catalog.current(workflow).filter(|definition| definition.workflow.enabled);
    let definition = definition.ok_or_else(|| {
        let message = format!("there is no enabled workflow `{workflow}`");
        (RunError::new(ErrorCode::SubflowUnavailable, message), RetryHint::MayHelp)
    })?;
    if run.head.depth >= Limits::DEPTH {
        let message = format!("more than {} runs started each other in a row", Limits::DEPTH);
        return Err((RunError::new(ErrorCode::TooDeep, message), RetryHint::Never));
    }
    runs.line.has_room(workflow, input.as_str().len() as u64).map_err(|full| {
        (RunError::new(ErrorCode::SubflowUnavailable, full.to_string()), RetryHint::MayHelp)
    })?;
    let started = Started::without_trigger(StartKind::Subflow);
    let child = NewRun::unattended(Event::of_data(&input).started_by(started), Cause::Subflow);
    let mut child = child.of(&definition, &runs.durable, &runs.tools);
    child.head.depth = run.head.depth + 1;
    child.head.parent = Some(parent);
    Ok((child, definition))
}

/// The runs that the end of this one starts.
///
/// # Errors
/// When the store cannot give the version of the run now.
pub(super) async fn after(runs: &Runs, run: &Run, output: &JsonText) -> Result<Vec<New>, StoreError> {
    let head = &run.head;
    let follows = |trigger: &NamedTrigger| trigger.trigger.follows(&head.workflow, head.status);
    let mut started: Vec<(Arc<Definition>, Cause, Started)> = Vec::new();
    for definition in runs.catalog.followers(&head.workflow) {
        let triggers = definition.workflow.triggers.iter().filter(|trigger| follows(trigger));
        started.extend(triggers.map(|trigger| (Arc::clone(&definition), Cause::Workflow, trigger.started())));
    }
    let on_failure = match head.status {
        RunStatus::Failed => on_failure(runs, run).await?,
        RunStatus::Queued | RunStatus::Waiting | RunStatus::Succeeded | RunStatus::Cancelled => None,
    };
    started.extend(
        on_failure
            .map(|definition| (definition, Cause::Failure, Started::without_trigger(StartKind::Failure))),
    );
    if started.is_empty() {
        return Ok(Vec::new());
    }
    if head.depth >= Limits::DEPTH {
        tracing::warn!(run = %head.id, "its end starts no further run: too many started each other in a row");
        return Ok(Vec::new());
    }
    let data = JsonText::from_value(&json!({
        "run": head.id,
        "workflow": head.workflow,
        "status": head.status,
        "output": match head.status {
            RunStatus::Succeeded => output.to_value(),
            RunStatus::Queued | RunStatus::Waiting | RunStatus::Failed | RunStatus::Cancelled => Value::Null,
        },
        "error": head.error,
        "data": run.event.field("data"),
    }));
    let start = |(definition, cause, by): (Arc<Definition>, Cause, Started)| {
        let next = NewRun::unattended(Event::of_data(&data).started_by(by), cause);
        let mut next = next.of(&definition, &runs.durable, &runs.tools);
        next.head.depth = head.depth + 1;
        next.head.parent = Some(Parent {
            run: head.id,
            key: StepKey { step: "end".parse().expect("it is an identifier"), at: Vec::new() },
            waits: false,
        });
        (next, definition)
    };
    Ok(started.into_iter().map(start).collect())
}

/// The workflow that handles the failure of this run.
async fn on_failure(runs: &Runs, run: &Run) -> Result<Option<Arc<Definition>>, StoreError> {
    let definition =
        match runs.catalog.pinned(&*runs.durable.store, &run.head.workflow, run.head.version).await {
            Ok(definition) => definition,
            Err(PinnedError::Missing(_)) => return Ok(None),
            Err(PinnedError::Store(error)) => return Err(error),
        };
    let Some(handler) = &definition.workflow.policy.on_failure else { return Ok(None) };
    let found = runs.catalog.current(handler).filter(|definition| definition.workflow.enabled);
    if found.is_none() {
        tracing::warn!(run = %run.head.id, workflow = %handler, "its on_failure workflow does not exist or is disabled");
    }
    Ok(found)
}
