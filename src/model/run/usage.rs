//! What an attempt of a step used and logged.

use serde::{Deserialize, Serialize};

/// What one attempt used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Wasm fuel.
    pub fuel: u64,
    /// Largest size of memories and tables, bytes.
    pub peak_memory: u64,
    /// Wall-clock time inside the sandbox, microseconds.
    pub wall_us: u64,
    /// Processor time inside the sandbox, microseconds.
    pub cpu_us: u64,
    /// Calls from the guest to the host.
    pub host_calls: u64,
    /// Bytes handed in: the input, and the results of calls.
    pub bytes_in: u64,
    /// Bytes handed out: the output, what was logged, and the arguments of calls.
    pub bytes_out: u64,
}

/// How grave a log line is. Stored by position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// console.debug, console.trace
    Debug,
    /// console.log, console.info
    Info,
    /// console.warn
    Warn,
    /// console.error
    Error,
}

/// One line that a script logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub level: LogLevel,
    pub text: String,
    /// When, on the script's clock, milliseconds since the epoch.
    pub at_ms: u64,
}
