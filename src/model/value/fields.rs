//! Reading the fields of a JSON object one by one, where every error names its field.
//!
//! Serde loses the path inside tagged enums, so the tag is read here and each
//! variant is deserialised on its own. The parsers of workflows and triggers are made of these.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::error::Position;

/// What is wrong with one field of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", if path.is_empty() { "the workflow" } else { path })]
pub struct FieldError {
    /// As in `steps[1].then[0].url`; empty for the whole.
    pub path: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The place in a code file, when that is where it is wrong.
    pub position: Option<Position>,
}

impl FieldError {
    /// An error at `path`.
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), position: None }
    }

    /// An error at `path` about a place in a code file, which the message begins with.
    pub fn in_code(path: impl Into<String>, position: Position, message: &str) -> Self {
        let Position { file, line, column } = &position;
        let message = format!("{file}:{line}:{column}: {message}");
        Self { path: path.into(), message, position: Some(position) }
    }

    /// The same error where what is called `from` stands at `to`. Whoever reads a trigger speaks of `trigger.path`,
    /// also when the trigger is `triggers[1]`.
    pub fn moved(mut self, from: &str, to: &str) -> Self {
        let rest =
            self.path.strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with(['.', '[']));
        if let Some(rest) = rest {
            self.path = format!("{to}{rest}");
        }
        self
    }
}

/// The fields that were not read yet.
pub(in crate::model) type Object = Map<String, Value>;

/// The path of a field of what is at `path`.
pub(in crate::model) fn join(path: &str, field: &str) -> String {
    if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") }
}

/// The fields of an object; any other value is an error.
pub(in crate::model) fn object(value: Value, path: &str) -> Result<Object, FieldError> {
    match value {
        Value::Object(object) => Ok(object),
        other => Err(FieldError::new(path, format!("expected an object, found {}", kind_of(&other)))),
    }
}

/// What a value is, for messages.
pub(in crate::model) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A value as a type; the error names the field inside it that is wrong.
pub(in crate::model) fn typed<T: DeserializeOwned>(value: Value, path: &str) -> Result<T, FieldError> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let place = match inner.as_str() {
            "." => path.to_owned(),
            _ if inner.starts_with('[') => format!("{path}{inner}"),
            _ => join(path, &inner),
        };
        FieldError::new(place, error.into_inner().to_string())
    })
}

/// A field that may be left out; `null` is as good as leaving it out.
pub(in crate::model) fn take<T: DeserializeOwned>(
    object: &mut Object,
    path: &str,
    field: &str,
) -> Result<Option<T>, FieldError> {
    object
        .shift_remove(field)
        .filter(|value| !value.is_null())
        .map(|value| typed(value, &join(path, field)))
        .transpose()
}

/// A field that must be there.
pub(in crate::model) fn required<T: DeserializeOwned>(
    object: &mut Object,
    path: &str,
    field: &str,
) -> Result<T, FieldError> {
    take(object, path, field)?.ok_or_else(|| FieldError::new(path, format!("`{field}` is missing")))
}

/// Refuses fields that nobody knows. Call it before [`required`]: `step` in place of `steps` is one mistake, not two.
pub(in crate::model) fn only_known(object: &Object, path: &str, known: &[&str]) -> Result<(), FieldError> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => {
            Err(FieldError::new(join(path, key), format!("unknown field; known are {}", known.join(", "))))
        }
    }
}

/// Tells `"json": null`, a value of `null`, from no `json`.
pub(in crate::model) fn present<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_moves_with_what_it_is_about() {
        let cases = [
            ("trigger", "triggers[1]"),
            ("trigger.verify.secret[0]", "triggers[1].verify.secret[0]"),
            ("trigger[0]", "triggers[1][0]"),
            ("triggers", "triggers"),
            ("steps[0].trigger", "steps[0].trigger"),
        ];
        for (path, expected) in cases {
            assert_eq!(FieldError::new(path, "").moved("trigger", "triggers[1]").path, expected);
        }
    }
}
