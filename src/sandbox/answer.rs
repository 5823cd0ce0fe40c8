//! What a guest answered, in the terms of a step: nothing of it is believed before it was looked at.

use serde::Deserialize;

use crate::model::{ErrorCode, JsonText, LimitUnit, Limits, Position, RunError};

/// The most of a message or stack that is kept, bytes.
const TEXT_MOST: usize = 8 << 10;

#[derive(Deserialize)]
struct GuestError {
    code: String,
    name: Option<String>,
    #[serde(default)]
    message: String,
    stack: Option<String>,
    file: Option<String>,
    line: Option<u32>,
    column: Option<u32>,
}

/// The guest's word is not trusted: its output must be one JSON value.
pub(super) fn output_json(output: Vec<u8>) -> Result<JsonText, RunError> {
    let invalid =
        |why: String| RunError::new(ErrorCode::OutputInvalid, format!("the output is not JSON: {why}"));
    let text = String::from_utf8(output).map_err(|error| invalid(error.to_string()))?;
    if text.is_empty() {
        return Ok(JsonText::null());
    }
    JsonText::parse(text).map_err(|error| invalid(error.to_string()))
}

/// The error of an output over its limit.
pub(super) fn too_large(limits: &Limits, used: usize) -> RunError {
    let message = format!(
        "the output is {used} bytes of JSON, {} are allowed; return less, or raise `limits.output` of the step",
        limits.output
    );
    RunError::new(ErrorCode::OutputTooLarge, message).over(
        limits.output.as_bytes(),
        used as u64,
        LimitUnit::Bytes,
    )
}

/// The error that a guest tells of.
pub(super) fn script_error(json: &[u8]) -> RunError {
    let error: GuestError = match serde_json::from_slice(json) {
        Ok(error) => error,
        Err(error) => {
            return RunError::new(
                ErrorCode::EngineCrash,
                format!("the engine's error is unreadable: {error}"),
            );
        }
    };
    let code = match error.code.as_str() {
        "syntax_error" | "no_default_export" => ErrorCode::SyntaxError,
        "promise_never_settled" => ErrorCode::PromiseNeverSettled,
        "output_invalid" => ErrorCode::OutputInvalid,
        "recursion_limit" => ErrorCode::StackOverflow,
        _ => ErrorCode::ScriptError,
    };
    let message = match error.name.filter(|name| !name.is_empty()) {
        Some(name) if code == ErrorCode::ScriptError || code == ErrorCode::SyntaxError => {
            format!("{name}: {}", error.message)
        }
        Some(_) | None => error.message,
    };
    let position = match (error.file, error.line, error.column) {
        (Some(file), Some(line), Some(column)) => Some(Position { file: cut(file), line, column }),
        _ => None,
    };
    RunError { position, stack: error.stack.map(cut), ..RunError::new(code, cut(message)) }
}

/// Text from the guest, cut to what is kept.
pub(super) fn cut(mut text: String) -> String {
    if text.len() > TEXT_MOST {
        text.truncate(text.floor_char_boundary(TEXT_MOST));
        text.push('…');
    }
    text
}
