//! Writes JSON out of a binary format, as text and within bounds, so that a small body never becomes a large tree.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::model::{Bounds, JsonText, Limits};

/// JSON text in the making. Callers write commas, colons and brackets.
pub(super) struct Writer {
    json: String,
    nodes: usize,
    bounds: Bounds,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { json: String::new(), nodes: 0, bounds: Limits::BODY_VALUES }
    }

    /// Counts a value that begins at this level, from 0.
    ///
    /// # Errors
    /// One value, or one level, too many.
    pub(super) fn enter(&mut self, level: usize) -> Result<(), String> {
        self.nodes += 1;
        if self.nodes > self.bounds.nodes {
            return Err(format!("more than {} values", self.bounds.nodes));
        }
        if level > self.bounds.depth {
            return Err(format!("nested more than {} levels deep", self.bounds.depth));
        }
        Ok(())
    }

    pub(super) fn raw(&mut self, text: &str) {
        self.json.push_str(text);
    }

    pub(super) fn string(&mut self, text: &str) {
        self.json.push_str(&serde_json::to_string(text).expect("a string is always JSON"));
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.string(&STANDARD.encode(bytes));
    }

    pub(super) fn number(&mut self, number: f64) {
        self.json.push_str(&float(number));
    }

    pub(super) fn finish(self) -> Result<JsonText, String> {
        JsonText::parse(self.json).map_err(|error| error.to_string())
    }
}

/// JSON has neither NaN nor infinity: they become null, as `JSON.stringify` does it.
pub(super) fn float(number: f64) -> String {
    serde_json::Number::from_f64(number).map_or_else(|| "null".to_owned(), |number| number.to_string())
}

/// The JSON string of a key that was no string.
pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}
