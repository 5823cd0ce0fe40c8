//! The request log's vocabulary: every request, accepted or refused, with the true reason.

use serde::{Deserialize, Serialize};

use super::event::Note;
use crate::model::value::{RequestId, RunId, WorkflowKey};

/// What became of a request. Stored by position.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestOutcome {
    /// It started this run.
    Accepted { run: RunId },
    /// It was a copy of the delivery that started this run.
    Duplicate {
        /// The run of the first delivery.
        run: RunId,
    },
    /// It was refused, and started no run.
    Refused {
        /// The stable code.
        code: String,
        /// The true reason, which the caller is not told.
        reason: String,
    },
    /// It started nothing, as its workflow is a singleton and this run of it is unfinished.
    Skipped {
        /// The one that is unfinished.
        run: RunId,
    },
    /// It reached the one-time URL of this run.
    CalledBack { run: RunId },
    /// It asked whether this is the right address, and was answered without a run.
    Handshake {
        /// The preset, such as `slack`.
        kind: String,
    },
    /// The filter of its workflow left it out; it was answered without a run.
    Filtered,
}

/// One line of the request log. Holds no body and no header value: see [`KeptRequest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Its id; holds the time of receipt.
    pub id: RequestId,
    /// The workflow that the path leads to.
    pub workflow: Option<WorkflowKey>,
    /// In upper case.
    pub method: String,
    /// The path without the query, cut at 1 KiB.
    pub path: String,
    /// The sender's address, as far as it is trusted.
    pub ip: String,
    /// Bytes of the body that were read.
    pub body_bytes: u64,
    /// The status that was answered.
    pub status: u16,
    /// What became of it.
    pub outcome: RequestOutcome,
    /// From the first byte of the head to the answer, microseconds.
    pub took_us: u64,
    /// How its sender had to prove itself; nothing when anyone may send, or when it did not come so far.
    pub scheme: Option<String>,
    /// From the first byte of the head until the run was durable or the request refused, microseconds.
    pub accepted_us: u64,
    /// Bytes of the request itself as it is stored beside this line; 0 when it is not kept.
    pub kept_bytes: u64,
    /// What the trigger had to say of it.
    pub notes: Vec<Note>,
}

/// A request that started no run, kept so that its sender's mistake or ours can be seen, and so that it can be sent again once
/// that is mended. What was accepted is kept by its run. Credentials are hidden before it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptRequest {
    /// The query as it stood in the request line.
    pub query: String,
    /// Names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body as it was received, or its beginning.
    #[serde(with = "serde_bytes")]
    pub body: Vec<u8>,
    /// Whether the body, the query or a header is not there as it was received: cut, or with something hidden in it.
    pub changed: bool,
}
