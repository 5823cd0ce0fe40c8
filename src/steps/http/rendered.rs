//! A body as it is sent, and the base64 that bytes in it are written in.

use base64::{Engine, engine::general_purpose::STANDARD};

/// A body as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    /// For a step that names none.
    pub(super) content_type: Option<String>,
    pub(super) bytes: Vec<u8>,
}

/// Base64 with or without line breaks.
pub(super) fn decode(field: &str, text: &str) -> Result<Vec<u8>, String> {
    let text: String = text.split_ascii_whitespace().collect();
    STANDARD.decode(text).map_err(|error| format!("`{field}` is no base64: {error}"))
}
