//! kv calls of a script: on the workflow's own values, and reading those of another workflow that allows it.
//!
//! Who may read is asked at the time of the call, of the version that is current then. A replay gets what was recorded.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::ScriptHost;
use crate::{
    engine::kv::{KvError, KvOp},
    model::WorkflowKey,
};

/// How long a writing call waits for another attempt that holds its key.
const WAIT: Duration = Duration::from_secs(10);
/// Characters of a name that is no workflow's, in the message.
const MAX_NAME: usize = 128;
/// The argument that names another workflow.
const OF: &str = "of";

/// Performs a call; `None` when `op` is none of kv's.
pub(super) async fn perform(host: &ScriptHost, op: &str, args: &Value) -> Result<Option<Value>, KvError> {
    let Some(parsed) = KvOp::parse(op, args)? else { return Ok(None) };
    let now_ms = host.durable.now_ms();
    let reader = &host.caller.workflow;
    let allows = |owner: &WorkflowKey| {
        let current = host.tools.catalog.current(owner)?;
        Some(current.workflow.kv.readers.contains(reader))
    };
    let Some(owner) = owner(&parsed, op, args, reader, allows)? else {
        return host.kv.perform(parsed, now_ms, WAIT).await.map(Some);
    };
    // It only reads, so it stages nothing and holds no key.
    let session = Arc::clone(&host.tools.kv).session(owner);
    session.perform(parsed, now_ms, WAIT).await.map(Some)
}

/// The other workflow whose values are meant; `None` for the own ones. `allows` says whether a workflow lets this one
/// read, and `None` if there is no such workflow.
fn owner(
    parsed: &KvOp,
    op: &str,
    args: &Value,
    reader: &WorkflowKey,
    allows: impl Fn(&WorkflowKey) -> Option<bool>,
) -> Result<Option<WorkflowKey>, KvError> {
    let wrong = |why: &str| KvError::Arguments { op: op.to_owned(), why: why.to_owned() };
    let name = match args.get(OF) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(name)) => name,
        Some(Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            return Err(wrong("the workflow must be a string"));
        }
    };
    if !parsed.only_reads() {
        return Err(wrong("the kv of another workflow can only be read"));
    }
    if name == reader.as_str() {
        return Ok(None);
    }
    let denied = |known| KvError::Denied {
        reader: reader.clone(),
        owner: name.chars().take(MAX_NAME).collect(),
        known,
    };
    let owner: WorkflowKey = name.parse().map_err(|_| denied(false))?;
    match allows(&owner) {
        Some(true) => Ok(Some(owner)),
        Some(false) => Err(denied(true)),
        None => Err(denied(false)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_who_is_named_reads_and_nobody_writes_anothers_values() {
        let reader: WorkflowKey = "report".parse().unwrap();
        let ask = |op: &str, args: Value| {
            let parsed = KvOp::parse(op, &args).unwrap().unwrap();
            let allows = |owner: &WorkflowKey| match owner.as_str() {
                "orders" => Some(true),
                "payroll" => Some(false),
                _ => None,
            };
            owner(&parsed, op, &args, &reader, allows).map_err(|error| (error.code(), error.to_string()))
        };
        assert_eq!(ask("kv.get", json!({"key": "k"})), Ok(None));
        assert_eq!(ask("kv.get", json!({"key": "k", "of": null})), Ok(None));
        assert_eq!(ask("kv.set", json!({"key": "k", "value": 1})), Ok(None));
        assert_eq!(ask("kv.get", json!({"key": "k", "of": "report"})), Ok(None), "its own");
        let orders = Ok(Some("orders".parse().unwrap()));
        assert_eq!(ask("kv.get", json!({"key": "k", "of": "orders"})), orders);
        assert_eq!(ask("kv.list", json!({"prefix": "k", "of": "orders"})), orders);
        let (code, message) = ask("kv.get", json!({"key": "k", "of": "payroll"})).unwrap_err();
        assert_eq!(code, "KV_DENIED");
        assert!(
            message.contains("`report` may not read the kv of `payroll`")
                && message
                    .contains("add \"kv\": {\"readers\": [\"report\"]} to the workflow.json of `payroll`"),
            "{message}"
        );
        for unknown in ["nobody", "", "../orders", "orders\0", &"x".repeat(9_000)] {
            let (code, message) = ask("kv.get", json!({"key": "k", "of": unknown})).unwrap_err();
            assert!(code == "KV_DENIED" && message.contains("there is no workflow"), "{message}");
            assert!(message.len() < 600, "{message}");
        }
        for op in ["kv.set", "kv.delete", "kv.incr", "kv.cas"] {
            for of in ["orders", "report"] {
                let (code, message) = ask(op, json!({"key": "k", "value": 1, "of": of})).unwrap_err();
                assert!(code == "KV_ARGUMENTS" && message.contains("only be read"), "{op}: {message}");
            }
        }
        assert_eq!(ask("kv.get", json!({"key": "k", "of": 7})).unwrap_err().0, "KV_ARGUMENTS");
    }
}
