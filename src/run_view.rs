//! A run as people and programs see it: through the API, and with `flowcell run`.

mod nocobase;

use serde_json::{Value, json};

use self::nocobase::Stand;
use crate::{
    engine::frame_of,
    model::{
        Bundle, CREDENTIAL_HEADERS, Entry, HIDDEN, JsonText, QuestionId, Run, RunError, RunId, RunStatus,
        StepKey, StepRecord, Wait, notes_json,
    },
    secrets::Redactor,
    steps::timestamp,
};

/// A run as operators see it, with its event, its steps and what they used. It shows no secret of the server, not even
/// one that the run was not given and that came with its event. `live` says whether it is being executed. The files of
/// its version, if they are there, give errors their code frames.
pub fn whole(run: &Run, entries: &[Entry], live: bool, files: Option<&Bundle>, secrets: &Redactor) -> Value {
    let masked = |value| masked(value, secrets);
    let mut context: Value = serde_json::from_str(&run.event.context_json()).unwrap_or(Value::Null);
    // The credentials that the workflow keeps are only for its steps.
    for name in CREDENTIAL_HEADERS {
        if let Some(value) = context.get_mut("headers").and_then(|headers| headers.get_mut(name)) {
            *value = HIDDEN.into();
        }
    }
    // A view of a run does not need the bytes of files.
    for file in context.get_mut("files").and_then(Value::as_array_mut).into_iter().flatten() {
        file.as_object_mut().map(|file| file.shift_remove("content"));
    }
    let begun = live || run.head.started_ms.is_some();
    let stand = Stand::Run(run.head.status, begun, run.head.error.as_ref());
    json!({
        "id": run.head.id,
        "workflow": run.head.workflow,
        "version": run.head.version,
        "status": run.head.status,
        "running": live && run.head.status == RunStatus::Queued,
        "nocobase": { "status": nocobase::status(stand) },
        "mode": run.head.mode,
        "cause": run.head.cause,
        "trigger": run.head.trigger,
        "origin": run.head.origin,
        "parent": run.head.parent.as_ref().map(|parent| json!({ "run": parent.run, "step": parent.key.to_string() })),
        "created": timestamp(run.head.created_ms),
        "started": run.head.started_ms.map(timestamp),
        "due": run.head.due_ms.map(timestamp),
        "finished": run.head.finished_ms.map(timestamp),
        "failed_steps": run.head.failed_steps,
        "error": run.head.error.as_ref().map(|error| masked(error_of(error, files))),
        "answer": masked(json!(run.answer)),
        "steps": entries.iter().filter_map(|entry| step(entry, files)).map(masked).collect::<Vec<_>>(),
        "waiting": if run.head.status.is_terminal() { json!([]) } else { masked(waiting(run.head.id, entries).into()) },
        "notes": masked(notes_json(&run.event.notes)),
        "context": masked(context),
    })
}

/// The value without any secret of the server.
pub fn masked(value: Value, secrets: &Redactor) -> Value {
    if secrets.is_empty() { value } else { secrets.redact_json(&JsonText::from_value(&value)).to_value() }
}

/// An error with the lines of the script around its place.
fn error_of(error: &RunError, files: Option<&Bundle>) -> Value {
    let frame = files.zip(error.position.as_ref()).and_then(|(files, place)| frame_of(files, place));
    let mut error = json!(error);
    error["frame"] = frame.into();
    error
}

/// One attempt of a step.
fn step(entry: &Entry, files: Option<&Bundle>) -> Option<Value> {
    let (record, next_ms) = match entry {
        Entry::Ended(record) => (record, None),
        Entry::Retrying(record, next_ms) => (record, Some(*next_ms)),
        Entry::Begun(..) | Entry::Waiting { .. } | Entry::Cookies { .. } => return None,
    };
    let StepRecord {
        step,
        at,
        attempt,
        status,
        output,
        error,
        logs,
        log_truncated,
        usage,
        calls,
        started_ms,
        took_us,
    } = record;
    Some(json!({
        "id": step,
        "at": at,
        "attempt": attempt,
        "status": status,
        "nocobase_status": nocobase::status(Stand::Step(*status, error.as_ref())),
        "output": output,
        "error": error.as_ref().map(|error| error_of(error, files)),
        "next_attempt": next_ms.map(timestamp),
        "logs": logs,
        "log_truncated": log_truncated,
        "usage": usage,
        "calls": calls,
        "started": timestamp(*started_ms),
        "took_us": took_us,
    }))
}

/// The steps that wait now.
fn waiting(run: RunId, entries: &[Entry]) -> Vec<Value> {
    let ended = |key: &StepKey| {
        entries.iter().any(|entry| match entry {
            Entry::Ended(record) | Entry::Retrying(record, _) => record.key() == *key,
            Entry::Begun(..) | Entry::Waiting { .. } | Entry::Cookies { .. } => false,
        })
    };
    let waiting = |entry: &Entry| match entry {
        Entry::Waiting { key, wait, since_ms, due_ms, .. } if !ended(key) => Some(json!({
            "id": key.step,
            "at": key.at,
            "for": match wait {
                Wait::Time => "time",
                Wait::Callback | Wait::Question(_) => "callback",
                Wait::Run(_) => "run",
                Wait::Script => "script",
            },
            "run": match wait {
                Wait::Run(run) => Some(run),
                Wait::Time | Wait::Callback | Wait::Script | Wait::Question(_) => None,
            },
            "question": match wait {
                Wait::Question(question) => Some(json!({
                    "id": QuestionId { run, step: key.clone() },
                    "title": question.title,
                })),
                Wait::Time | Wait::Callback | Wait::Script | Wait::Run(_) => None,
            },
            "nocobase_status": nocobase::status(Stand::Waiting),
            "since": timestamp(*since_ms),
            "until": due_ms.map(timestamp),
        })),
        Entry::Waiting { .. }
        | Entry::Ended(_)
        | Entry::Retrying(..)
        | Entry::Begun(..)
        | Entry::Cookies { .. } => None,
    };
    entries.iter().filter_map(waiting).collect()
}
