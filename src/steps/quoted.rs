//! Values in messages of errors.
//!
//! A value is quoted whole or not at all. Secrets are masked later, and who masks does not find the half of one.

use serde_json::Value;

/// The longest text that is quoted, bytes.
const MAX_QUOTED: usize = 100;

/// A value as a message names it.
pub(super) fn quoted(value: &Value) -> String {
    match value {
        Value::Array(_) => "an array".to_owned(),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) if text.len() > MAX_QUOTED => format!("a text of {} bytes", text.len()),
        Value::String(text) => format!("\"{text}\""),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
    }
}
