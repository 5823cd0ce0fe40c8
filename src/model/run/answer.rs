//! What a workflow answers its caller.

use serde::{Deserialize, Serialize};

/// An HTTP answer as a `response` step made it. Stored with the run, so that a duplicate gets it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// 200 to 599.
    pub status: u16,
    /// Names in lower case, in the order they were set; checked to be legal in HTTP.
    pub headers: Vec<(String, String)>,
    /// The bytes of the body.
    #[serde(with = "body")]
    pub body: Vec<u8>,
}

/// Shown as text to people and to the API, as bytes in the store.
mod body {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(body: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            String::from_utf8_lossy(body).serialize(serializer)
        } else {
            serde_bytes::serialize(body, serializer)
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        if deserializer.is_human_readable() {
            String::deserialize(deserializer).map(String::into_bytes)
        } else {
            serde_bytes::deserialize(deserializer)
        }
    }
}
