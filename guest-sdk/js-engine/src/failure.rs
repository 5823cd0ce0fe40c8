//! What the host is told when a script fails: a code, the error as the script threw it, and the place in the user's own file.
//!
//! Built by `engine.rs`, `source.rs` and `output.rs`. Never holds a value of the script, only text.

use boa_engine::{
    Context, JsError, JsValue,
    error::{JsNativeErrorKind, RuntimeLimitError},
    js_string,
};
use serde_json::json;

use crate::{
    apis::inspect,
    error_data::is_error,
    explain, names, refused,
    stack::{self, Frame},
};

/// Bytes of a message and of a stack that are told, and of the name; the stack's first line takes less, so that frames follow.
const MAX_TEXT: usize = 8 << 10;
const MAX_HEADER: usize = 4 << 10;
const MAX_NAME: usize = 200;

/// Bytes of the stack of an error behind an error.
const MAX_CAUSE: usize = 2 << 10;

/// How many errors behind an error are told.
const MAX_CAUSES: usize = 5;

/// The `code` of a failure; the names are part of the ABI.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Code {
    /// The source is not JavaScript.
    SyntaxError,
    /// An uncaught exception or rejection.
    ScriptError,
    /// The script awaits something that nothing can settle any more.
    PromiseNeverSettled,
    /// The returned value cannot be JSON.
    OutputInvalid,
    /// Too many nested calls.
    RecursionLimit,
    /// The module has no default export.
    NoDefaultExport,
}

impl Code {
    /// The name in the error JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::SyntaxError => "syntax_error",
            Self::ScriptError => "script_error",
            Self::PromiseNeverSettled => "promise_never_settled",
            Self::OutputInvalid => "output_invalid",
            Self::RecursionLimit => "recursion_limit",
            Self::NoDefaultExport => "no_default_export",
        }
    }
}

/// One failure; [`Failure::to_json`] is its form in the ABI.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Failure {
    /// What kind of failure it is.
    pub code: Code,
    /// The error's `name`, such as `TypeError`.
    pub name: String,
    /// The error's `message`.
    pub message: String,
    /// `Name: message` and one line a user frame.
    pub stack: String,
    /// The user's file.
    pub file: String,
    /// 1-based line and column in the user's file.
    pub position: Option<(u32, u32)>,
}

impl Failure {
    /// A failure that is not an exception of the script.
    pub(crate) fn new(
        code: Code,
        name: &str,
        message: impl Into<String>,
        position: Option<(u32, u32)>,
    ) -> Self {
        let message = cut(message.into(), MAX_TEXT);
        let current = stack::current();
        let file = stack::file_name(current);
        let position = position.map(|(line, column)| stack::shown(current, line, column));
        let mut stack = format!("{name}: {message}");
        if let Some((line, column)) = position {
            stack.push_str(&format!("\n    at {file}:{line}:{column}"));
        }
        Self { code, name: name.to_owned(), message, stack, file, position }
    }

    /// From an exception that left the script.
    pub(crate) fn from_js(error: JsError, context: &mut Context) -> Self {
        if let Some(engine) = error.as_engine() {
            let (code, name) = if exceeded_limit(&error) {
                (Code::RecursionLimit, "RangeError")
            } else {
                (Code::ScriptError, "InternalError")
            };
            let message = match code {
                Code::RecursionLimit => "Maximum call stack size exceeded".to_owned(),
                _ => engine.to_string(),
            };
            let mut frames = stack::user_frames(&error.to_string());
            let (file, position) = place(&frames);
            frames.truncate(10);
            let stack = stack::render(&format!("{name}: {message}"), &frames);
            return Self { code, name: name.to_owned(), message, stack, file, position };
        }
        // For values that are not errors, the engine's own trace is the only one.
        let trace = match error.as_opaque() {
            Some(value) if value.as_object().is_none() => {
                let text = error.to_string();
                text.rfind("\n    at ").map(|_| text[stack::trace_start(&text)..].to_owned())
            }
            _ => None,
        };
        let value = match error.into_opaque(context) {
            Ok(value) => value,
            Err(_) => JsValue::undefined(),
        };
        Self::from_thrown(&value, trace.as_deref(), context)
    }

    /// From a thrown value or the reason of a rejection.
    pub(crate) fn from_thrown(value: &JsValue, trace: Option<&str>, context: &mut Context) -> Self {
        let error = value.as_object().filter(is_error);
        let (name, mut message, trace) = match &error {
            Some(object) => (
                text_of(object, "name", context).unwrap_or_else(|| "Error".to_owned()),
                text_of(object, "message", context).unwrap_or_default(),
                stack::raw_trace(object, context),
            ),
            None => {
                let message = match value.as_string() {
                    Some(text) => text.to_std_string_lossy(),
                    None if value.is_null_or_undefined() => format!("{} was thrown", value.display()),
                    None => inspect::inspect(value, context),
                };
                ("Error".to_owned(), message, trace.map(str::to_owned))
            }
        };
        let name = cut(name, MAX_NAME);
        message = cut(message, MAX_TEXT);
        let mut frames = trace.as_deref().map(stack::user_frames).unwrap_or_default();
        if let Some(object) = &error {
            stack::drop_constructors(&mut frames, object, context);
        }
        if trace.as_deref().is_some_and(stack::is_direct) {
            improve(&name, &mut message, &mut frames);
        }
        // The module loader refuses outside of any call.
        if frames.is_empty() {
            frames.extend(refused::place(&message));
        }
        let header = match message.as_str() {
            "" => name.clone(),
            message => cut(format!("{name}: {message}"), MAX_HEADER),
        };
        // A script may have given its error a `stack` of its own; it wins as text, never as position.
        let mut stack = error
            .as_ref()
            .filter(|object| object.has_own_property(js_string!("stack"), context).unwrap_or(false))
            .and_then(|object| text_of(object, "stack", context))
            .map_or_else(|| stack::render(&header, &frames), |text| cut(text, MAX_TEXT));
        if let Some(object) = &error {
            add_causes(&mut stack, object, context);
        }
        let stack = cut(stack, MAX_TEXT);
        let (file, position) = place(&frames);
        Self { code: Code::ScriptError, name, message, stack, file, position }
    }

    /// The error JSON of the ABI.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        json!({
            "code": self.code.name(),
            "name": self.name,
            "message": self.message,
            "stack": self.stack,
            "file": self.file,
            "line": self.position.map(|(line, _)| line),
            "column": self.position.map(|(_, column)| column),
        })
        .to_string()
        .into_bytes()
    }
}

/// The innermost frame's file and position.
fn place(frames: &[Frame]) -> (String, Option<(u32, u32)>) {
    match frames.first() {
        Some(frame) => {
            (stack::file_name(frame.file), Some(stack::shown(frame.file, frame.line, frame.column)))
        }
        None => (stack::file_name(stack::current()), None),
    }
}

/// Ends a stack with what the error says it was caused by.
fn add_causes(stack: &mut String, error: &boa_engine::JsObject, context: &mut Context) {
    let mut told = vec![error.clone()];
    while let Some(error) = told.last()
        && told.len() <= MAX_CAUSES
    {
        let key = js_string!("cause");
        if !error.has_own_property(key.clone(), context).unwrap_or(false) {
            return;
        }
        let Ok(cause) = error.get(key, context) else {
            return;
        };
        let Some(object) = cause.as_object().filter(is_error) else {
            let text = cut(inspect::inspect(&cause, context), MAX_CAUSE);
            stack.push_str(&format!("\ncaused by: {text}"));
            return;
        };
        if told.iter().any(|other| boa_engine::JsObject::equals(other, &object)) {
            return;
        }
        let text = text_of(&object, "stack", context).unwrap_or_else(|| "Error".to_owned());
        stack.push_str(&format!("\ncaused by: {}", cut(text, MAX_CAUSE)));
        told.push(object);
    }
}

/// At most `most` bytes of `text`, which then end in an ellipsis.
fn cut(mut text: String, most: usize) -> String {
    const ELLIPSIS: &str = "\u{2026}";
    if text.len() > most {
        text.truncate(text.floor_char_boundary(most - ELLIPSIS.len()));
        text.push_str(ELLIPSIS);
    }
    text
}

/// Whether a limit of nested calls is behind it; Boa wraps it in a panic of its own where it did not expect one.
fn exceeded_limit(error: &JsError) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<RuntimeLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// What an error of the engine says to the script that catches it: what it says when nobody does. `None` when that is the same.
pub(crate) fn words(error: &JsError) -> Option<String> {
    let native = error.as_native()?;
    let name = match native.kind() {
        JsNativeErrorKind::Type => "TypeError",
        JsNativeErrorKind::Reference => "ReferenceError",
        _ => return None,
    };
    let mut message = native.message().to_owned();
    if !explain::concerns(&message) {
        return None;
    }
    let text = error.to_string();
    let trace = &text[stack::trace_start(&text)..];
    if !stack::is_direct(trace) {
        return None;
    }
    improve(name, &mut message, &mut stack::user_frames(trace));
    (message != native.message()).then_some(message)
}

/// Names what an error of the engine is about, and where an undefined name stands. The message may have been improved before.
fn improve(name: &str, message: &mut String, frames: &mut [Frame]) {
    let Some(frame) = frames.first_mut() else {
        return;
    };
    stack::with_source(frame.file, |source| match name {
        "TypeError" => {
            if let Some(better) = explain::explain(message, source, frame.line, frame.column) {
                *message = better;
            }
        }
        "ReferenceError" => {
            if explain::is_early_access(message) {
                let used = names::used_before_declaration(source, frame.line);
                if let Some((name, (line, column))) = used {
                    *message = format!("Cannot access '{name}' before initialization");
                    (frame.line, frame.column) = (line, column);
                }
                return;
            }
            let Some((name, hint)) = message.split_once(" is not defined") else {
                return;
            };
            let is_bare = hint.is_empty();
            if let Some((line, column)) = explain::find_name(name, source, frame.line, frame.column) {
                (frame.line, frame.column) = (line, column);
            }
            if let Some(hint) = explain::instead_of(name).filter(|_| is_bare) {
                message.push_str(": ");
                message.push_str(hint);
            }
        }
        _ => {}
    });
}

/// A property as text; `None` when absent, not a string, or its getter throws.
fn text_of(object: &boa_engine::JsObject, key: &str, context: &mut Context) -> Option<String> {
    let value = object.get(js_string!(key), context).ok()?;
    value.as_string().map(|text| text.to_std_string_lossy())
}
