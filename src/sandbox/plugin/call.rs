//! One attempt to run a plugin: what it gets, and what it may do.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{allowed::Allowed, ready::Plugin};
use crate::model::{CallRecord, JsonText, Limits, Stdio};

/// Which run, step and attempt a call is for.
#[derive(Debug, Clone, Default)]
pub struct PluginFacts {
    /// The run's id.
    pub run: String,
    /// The workflow's key.
    pub workflow: String,
    /// The step instance.
    pub step: String,
    /// Which attempt of the step it is, counted from 1.
    pub attempt: u32,
    /// The same for all attempts of the step instance.
    pub idempotency_key: String,
}

/// One attempt of a plugin step.
#[derive(Debug, Clone)]
pub struct PluginCall {
    /// The compiled plugin that runs.
    pub plugin: Arc<Plugin>,
    /// The input of the step, as JSON.
    pub input: JsonText,
    /// The step's settings for it.
    pub config: Map<String, Value>,
    /// Of a command: its arguments after the program's name.
    pub args: Vec<String>,
    /// Of a command: how it gets its input.
    pub stdin: Stdio,
    /// Of a command: how its output is read.
    pub stdout: Stdio,
    /// The run and the step that the call belongs to.
    pub facts: PluginFacts,
    /// What the operator granted to the plugin.
    pub allowed: Arc<Allowed>,
    /// The fuel, time and memory that the attempt may use.
    pub limits: Limits,
    /// Its clock, milliseconds since the epoch.
    pub now_ms: u64,
    /// What the plugin's random bytes are drawn from.
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
