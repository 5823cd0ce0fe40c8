//! What stands in for a value that is null or not there: `{{$context.data.amount ?? 0}}`.
//!
//! Only a JSON value may stand there, never a path or a computation. So a template still only reads what its paths name.

use std::{
    cmp::Ordering,
    hash::{Hash, Hasher},
};

use serde_json::Value;

use super::quotes::Bare;

/// A JSON value that its author wrote; compared by its text.
#[derive(Debug, Clone)]
pub(super) struct Fallback {
    text: String,
    value: Value,
}

impl Fallback {
    /// Reads the text after `??`: JSON, or a text in single quotes, which needs no escapes inside JSON's own quotes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let single = text.strip_prefix('\'').and_then(|text| text.strip_suffix('\''));
        let value = match single {
            Some(inside) if !inside.contains(['\'', '\\']) => Value::String(inside.to_owned()),
            Some(_) => return None,
            None => serde_json::from_str(text).ok()?,
        };
        Some(Self { text: value.to_string(), value })
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    /// As compact JSON.
    pub(super) fn text(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Fallback {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Fallback {}

impl PartialOrd for Fallback {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Fallback {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl Hash for Fallback {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// Where `??` stands outside quotes and brackets, bytes.
pub(super) fn mark(text: &str) -> Option<usize> {
    Bare::of_path(text).find(|(at, byte)| *byte == b'?' && text[*at..].starts_with("??")).map(|(at, _)| at)
}

/// How many bytes after `??` belong to it: up to the `}}` that stands outside quotes and closes no brace of the value.
pub(super) fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    Bare::of_value(text).find_map(|(at, byte)| {
        match byte {
            b'{' => depth += 1,
            b'}' if depth > 0 => depth -= 1,
            b'}' if text.as_bytes().get(at + 1) == Some(&b'}') => return Some(at),
            _ => {}
        }
        None
    })
}
