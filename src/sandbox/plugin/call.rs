//! One attempt to run a plugin: what it gets, and what it may do.

use std::{collections::HashMap, fmt, sync::Arc};

use serde_json::{Map, Value};

use super::Plugin;
use crate::model::{CallRecord, Capability, HostPattern, JsonText, Limits, Stdio};

/// What a plugin may do in one call: what it asked for and was granted.
#[derive(Clone, Default)]
pub struct Allowed {
    /// The plugin, for messages.
    pub name: String,
    /// Its powers.
    pub capabilities: Vec<Capability>,
    /// The values of the secrets among them, as far as they are set.
    pub secrets: HashMap<String, String>,
}

impl fmt::Debug for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Allowed")
            .field("name", &self.name)
            .field("capabilities", &self.capabilities)
            .finish_non_exhaustive()
    }
}

impl Allowed {
    /// The hosts that requests may go to.
    pub(super) fn hosts(&self) -> Arc<[HostPattern]> {
        let host = |capability: &Capability| match capability {
            Capability::Http(host) => Some(host.clone()),
            Capability::Kv(_) | Capability::Secret(_) => None,
        };
        self.capabilities.iter().filter_map(host).collect()
    }

    /// Whether one of them gives this.
    pub(super) fn gives(&self, wanted: &Capability) -> bool {
        self.capabilities.iter().any(|capability| capability.covers(wanted))
    }
}

/// Which run, step and attempt a call is for.
#[derive(Debug, Clone, Default)]
pub struct PluginFacts {
    /// The run's id.
    pub run: String,
    /// The workflow's key.
    pub workflow: String,
    /// The step instance.
    pub step: String,
    /// From 1.
    pub attempt: u32,
    /// The same for all attempts of the step instance.
    pub idempotency_key: String,
}

/// One attempt.
#[derive(Debug, Clone)]
pub struct PluginCall {
    /// What runs.
    pub plugin: Arc<Plugin>,
    /// What it works on.
    pub input: JsonText,
    /// The step's settings for it.
    pub config: Map<String, Value>,
    /// Of a command: its arguments after the program's name.
    pub args: Vec<String>,
    /// Of a command: how it gets its input.
    pub stdin: Stdio,
    /// Of a command: how its output is read.
    pub stdout: Stdio,
    /// What it is for.
    pub facts: PluginFacts,
    /// What it may do.
    pub allowed: Arc<Allowed>,
    /// What it may use.
    pub limits: Limits,
    /// Its clock, milliseconds since the epoch.
    pub now_ms: u64,
    /// Its randomness.
    pub seed: [u8; 32],
    /// The calls whose results it got before it was put down, in that order.
    pub history: Vec<CallRecord>,
}

impl PluginCall {
    /// A call with nothing allowed and the default limits.
    pub fn of(plugin: Arc<Plugin>, input: JsonText) -> Self {
        Self {
            plugin,
            input,
            config: Map::new(),
            args: Vec::new(),
            stdin: Stdio::Json,
            stdout: Stdio::Json,
            facts: PluginFacts::default(),
            allowed: Arc::default(),
            limits: Limits::DEFAULT,
            now_ms: 0,
            seed: [0; 32],
            history: Vec::new(),
        }
    }
}
