//! One file of a multipart form: where its bytes stand in the body, and what the sender says of it.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A file that was uploaded. Only the multipart parser of the gateway makes one: a body of any other type that looks
/// like a list of files is data. Its bytes are kept once, with the body, and never under a name that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    pub field: String,
    /// As the sender gave it: may hold slashes, dots and anything else. Data, never a path.
    pub filename: Option<String>,
    /// As the sender gave it.
    pub content_type: Option<String>,
    /// Where its bytes begin in the event's body.
    pub offset: usize,
    /// How many they are.
    pub size: usize,
    pub sha256: [u8; 32],
}

impl Upload {
    /// Larger files have no `content`: scripts find their bytes in `rawBodyBase64`, at `offset`.
    const INLINE: usize = 1 << 20;

    /// Its element of `context.files`.
    pub fn to_value(&self, body: &[u8]) -> Value {
        let bytes = body.get(self.offset..self.offset.saturating_add(self.size));
        let content = bytes.filter(|bytes| bytes.len() <= Self::INLINE).map(|bytes| STANDARD.encode(bytes));
        json!({
            "field": self.field,
            "filename": self.filename,
            "contentType": self.content_type,
            "size": self.size,
            "sha256": hex::encode(self.sha256),
            "offset": self.offset,
            "content": content,
        })
    }
}
