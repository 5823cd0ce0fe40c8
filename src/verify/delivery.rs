//! A request as its verification sees it, and what a verified one says about itself.

use std::fmt;

use http::HeaderMap;

use super::Reply;

/// The parts of a request that a signature can cover.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The method as it stood in the request line.
    pub method: &'a str,
    /// The beginning of this server's URLs as senders know it, without a `/` at the end, as in
    /// `https://hooks.example.com`.
    pub origin: &'a str,
    /// Path and query as they stood in the request line.
    pub target: &'a str,
    /// All headers, repeated ones included.
    pub headers: &'a HeaderMap,
    /// The body byte for byte as it was received, before any decoding.
    pub body: &'a [u8],
    /// The time of receipt in milliseconds since the epoch.
    pub received_ms: u64,
}

/// What a verified delivery says about itself.
#[derive(Debug, Default)]
pub struct Verified {
    /// The content of an encrypted envelope. It is decoded instead of the body.
    pub opened: Option<Opened>,
    /// For senders that sign a time: a later delivery with the same digest is a copy.
    pub replay: Option<Replay>,
    /// How the answer must be written; `None` when the workflow's own answer is sent as it is.
    pub reply: Option<Reply>,
    /// Whether it only asks if the address is right. Then it must never start a run.
    pub question: bool,
}

impl Verified {
    pub(super) fn question(opened: Option<Opened>) -> Self {
        Self { opened, question: true, ..Self::default() }
    }
}

/// The content of an encrypted envelope.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The bytes that the sender encrypted.
    pub body: Vec<u8>,
    /// The media type of these bytes.
    pub content_type: &'static str,
}

/// It recognises a delivery that somebody sends again without permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// SHA-256 over what was signed.
    pub digest: [u8; 32],
    /// The last moment at which the timestamp passes, milliseconds since the epoch.
    pub until_ms: u64,
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers carry signatures and tokens, so only sizes are shown.
        f.debug_struct("Delivery")
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .field("received_ms", &self.received_ms)
            .finish()
    }
}
