//! A run as people and programs are shown it: by the API, and by `flowcell run`.

use serde_json::{Value, json};

use crate::{
    model::{Run, StepRecord},
    steps::timestamp,
};

/// Headers that commonly carry credentials: shown as present, never with their value.
const HIDDEN: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "x-gitlab-token"];

/// A run with its event, its steps and what they used.
pub fn whole(run: &Run, steps: &[StepRecord]) -> Value {
    let mut context: Value = serde_json::from_str(&run.event.context_json()).unwrap_or(Value::Null);
    for name in HIDDEN {
        if let Some(value) = context.get_mut("headers").and_then(|headers| headers.get_mut(name)) {
            *value = "[hidden]".into();
        }
    }
    json!({
        "id": run.id,
        "workflow": run.workflow,
        "version": run.version,
        "status": run.status,
        "mode": run.mode,
        "created": timestamp(run.created_ms),
        "finished": run.finished_ms.map(timestamp),
        "error": run.error,
        "answer": run.answer,
        "steps": steps.iter().map(step).collect::<Vec<_>>(),
        "context": context,
    })
}

fn step(record: &StepRecord) -> Value {
    json!({
        "id": record.step,
        "status": record.status,
        "output": record.output,
        "error": record.error,
        "logs": record.logs,
        "log_truncated": record.log_truncated,
        "usage": record.usage,
        "started": timestamp(record.started_ms),
        "took_us": record.took_us,
    })
}
