//! What a script may ask of the host between its entries, as far as the sandbox knows: somebody performs it.
//!
//! The engine implements [`HostServices`]; so nothing here knows the store, the network or workflows.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::Value;

use super::SandboxError;
use crate::model::{CallError, CallRecord, HostPattern, JsonText};

/// A call that a script made.
#[derive(Debug, Clone, PartialEq)]
pub struct HostCall {
    /// Counts the calls of the attempt from 1; the same in a replay.
    pub id: u32,
    /// What is asked for, as in `fetch`.
    pub op: String,
    /// Of the shape that `op` has; not checked yet.
    pub args: Value,
    /// The hosts that it may go to, also by a redirect; any that the guard lets through when nothing is said.
    pub hosts: Option<Arc<[HostPattern]>>,
}

/// Performs calls outside of the sandbox and keeps their results. One for each attempt.
pub trait HostServices: Send + Sync {
    /// The time, milliseconds since the epoch.
    fn now_ms(&self) -> u64;

    /// A digest of what is asked for, without secrets: two calls with the same one are the same.
    fn digest(&self, call: &HostCall) -> [u8; 16];

    /// Performs a call under its own deadline. Its future may be dropped when the script gives up.
    fn perform(&self, call: HostCall) -> BoxFuture<'_, Result<JsonText, CallError>>;

    /// Keeps results before the script sees them, in this order. What an effect gave is durable when this returns.
    ///
    /// # Errors
    /// When they cannot be kept; the attempt ends there.
    fn record<'a>(&'a self, records: &'a [CallRecord]) -> BoxFuture<'a, Result<(), SandboxError>>;
}
