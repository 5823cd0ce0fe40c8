//! Calls of scripts as they are made.

use std::sync::Arc;

use super::{image::Image, script::Script};
use crate::model::{CallRecord, Limits};

/// One attempt to run a script.
#[derive(Debug, Clone)]
pub struct Call {
    /// The script that runs, with its modules.
    pub script: Arc<Script>,
    /// Its memory after its top level was evaluated, if there is such.
    pub image: Option<Arc<Image>>,
    /// The JSON object `context`, without `rawBody`.
    pub context: Arc<str>,
    /// The bytes of `context.rawBody`.
    pub raw_body: Arc<[u8]>,
    /// The JSON object `steps`.
    pub steps: String,
    /// The JSON object `env`.
    pub env: Arc<str>,
    /// The JSON object `scopes`: the loops around the step.
    pub scopes: String,
    /// The JSON object `secrets`.
    pub secrets: Hidden,
    /// The JSON object with the ids of run, workflow and step, and the number of the attempt.
    pub meta: String,
    /// The fuel, time and memory that the attempt may use.
    pub limits: Limits,
    /// Its clock, milliseconds since the epoch.
    pub now_ms: u64,
    /// What the guest's random bytes are drawn from; the same seed gives the same bytes.
    pub seed: [u8; 32],
    /// The calls whose results it got before it was put down, in that order.
    pub history: Vec<CallRecord>,
}

impl Call {
    /// A call of a script with nothing to read and the default limits.
    pub fn of(script: impl Into<Arc<Script>>) -> Self {
        Self {
            script: script.into(),
            image: None,
            context: "{}".into(),
            raw_body: Arc::default(),
            steps: "{}".to_owned(),
            env: "{}".into(),
            scopes: "{}".to_owned(),
            secrets: Hidden::default(),
            meta: "{}".to_owned(),
            limits: Limits::DEFAULT,
            now_ms: 0,
            seed: [0; 32],
            history: Vec::new(),
        }
    }
}

/// Text that Debug does not show.
#[derive(Clone, Default)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hidden")
    }
}
