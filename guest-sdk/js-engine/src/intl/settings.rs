//! The settings of a formatter: what `resolvedOptions` shows, and which table its locale has.

use std::collections::HashMap;

use serde_json::Value;

/// Names and values, all as text.
#[derive(Debug, Default)]
pub(crate) struct Settings(HashMap<String, String>);

impl Settings {
    /// From a JSON object; other JSON is empty.
    pub(crate) fn parse(json: &str) -> Self {
        let Ok(Value::Object(values)) = serde_json::from_str(json) else { return Self::default() };
        let text = |value: Value| match value {
            Value::String(text) => Some(text),
            Value::Null => None,
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Some(other.to_string())
            }
        };
        Self(values.into_iter().filter_map(|(name, value)| Some((name, text(value)?))).collect())
    }

    /// A value, or an empty text.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// A whole number.
    pub(crate) fn number(&self, name: &str) -> Option<i32> {
        self.0.get(name)?.parse().ok()
    }
}
