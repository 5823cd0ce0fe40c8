//! `step.run(name, fn)`: what a function gave is remembered under its name, for all attempts of the step.

use serde_json::{Value, json};

use super::{Caller, ScriptHost, text, unkept};
use crate::{
    model::{CallError, JsonText, Limits},
    store::tables,
};

/// The longest name, bytes.
const MAX_NAME: usize = 256;

pub(super) async fn get(host: &ScriptHost, args: &Value) -> Result<JsonText, CallError> {
    let name = name(args)?;
    let Caller { run, step, .. } = &host.caller;
    let found = tables::calls::remembered(&*host.durable.store, *run, step, name)
        .await
        .map_err(|error| unkept(&error.to_string()))?;
    Ok(JsonText::from_value(&found.map_or_else(|| json!({}), |value| json!({ "value": value.to_value() }))))
}

pub(super) async fn put(host: &ScriptHost, args: &Value) -> Result<JsonText, CallError> {
    let name = name(args)?;
    // Remembered for as long as the run: without the secrets of today.
    let value = JsonText::from_value(args.get("value").unwrap_or(&Value::Null));
    let value = host.caller.given.masks.redact_json(&value);
    let (most, used) = (Limits::DEFAULT.output, value.as_str().len());
    if used > most.as_usize() {
        let message = format!("step.run('{name}') gave {used} bytes of JSON, {most} are allowed");
        return Err(CallError::new("RangeError", message));
    }
    let Caller { run, step, .. } = &host.caller;
    let remember = |batch: &mut _| tables::calls::remember(batch, *run, step, name, &value);
    host.flush(remember).await.map_err(|error| unkept(&error.to_string()))?;
    Ok(JsonText::null())
}

fn name(args: &Value) -> Result<&str, CallError> {
    let name = text(args, "name")?;
    match name.len() {
        1..=MAX_NAME => Ok(name),
        _ => Err(CallError::new("TypeError", format!("a name of step.run has 1 to {MAX_NAME} bytes"))),
    }
}
