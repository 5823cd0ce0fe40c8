//! What a script, a request and a run may use: defaults and hard caps.
//!
//! A workflow may set its own values; `check` refuses those over the caps.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    json::Bounds,
    units::{ByteSize, Span},
};

/// Limits of one attempt of a `code` step. Crossing one ends the attempt with its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Wasm fuel, about one unit an instruction (`fuel_exhausted`). A common core uses up the default in about the default `timeout`.
    pub fuel: u64,
    /// Wall-clock time inside the sandbox; waiting for calls, and for a core, is not counted (`timeout`).
    pub timeout: Span,
    /// Linear memory and tables together (`memory_limit`).
    pub memory: ByteSize,
    /// The output as JSON text (`output_too_large`).
    pub output: ByteSize,
    /// All log text of the attempt; more is cut and marked `log_truncated`.
    pub log: ByteSize,
    /// Log lines of the attempt; more are cut and marked `log_truncated`.
    pub log_lines: u32,
    /// Calls of the host: fetch, kv, sleep and the like (`too_many_calls`).
    pub calls: u32,
}

impl Limits {
    /// What a step gets that says nothing.
    pub const DEFAULT: Self = Self {
        fuel: 20_000_000_000,
        timeout: Span::from_millis(2_000),
        memory: ByteSize::from_bytes(32 << 20),
        output: ByteSize::from_bytes(1 << 20),
        log: ByteSize::from_bytes(256 << 10),
        log_lines: 1_000,
        calls: 1_000,
    };

    /// What no workflow may exceed.
    pub const CAP: Self = Self {
        fuel: 100_000_000_000,
        timeout: Span::from_millis(60_000),
        memory: ByteSize::from_bytes(256 << 20),
        output: ByteSize::from_bytes(8 << 20),
        log: ByteSize::from_bytes(4 << 20),
        log_lines: 100_000,
        calls: 10_000,
    };

    /// The request body when the trigger says nothing.
    pub const BODY: ByteSize = ByteSize::from_bytes(1 << 20);
    /// The largest request body a trigger may allow.
    pub const BODY_CAP: ByteSize = ByteSize::from_bytes(32 << 20);
    /// What a body may hold once it is decoded (`body_invalid`). Eight levels below the parser's 128, for what is
    /// put around it: `context`, a step's output, a callback's.
    pub const BODY_VALUES: Bounds = Bounds { nodes: 500_000, depth: 120 };
    /// How long a synchronous caller waits when the trigger says nothing.
    pub const SYNC_WAIT: Span = Span::from_millis(10_000);
    /// The longest synchronous wait a trigger may set.
    pub const SYNC_WAIT_CAP: Span = Span::from_millis(120_000);
    /// Steps that one run may execute whose workflow says nothing.
    pub const STEPS: usize = 1_000;
    /// The most steps of one run that a workflow may set.
    pub const STEPS_CAP: usize = 10_000;
    /// The results of all calls of one attempt together, and those of one alone.
    pub const CALL_RESULTS: ByteSize = ByteSize::from_bytes(16 << 20);
    /// The arguments of one call.
    pub const CALL_ARGUMENTS: ByteSize = ByteSize::from_bytes(4 << 20);
    /// All outputs of one run together.
    pub const RUN: ByteSize = ByteSize::from_bytes(32 << 20);
    /// How many runs may start each other in a row.
    pub const DEPTH: u8 = 16;
    /// The longest dedupe window.
    pub const DEDUPE_TTL_CAP: Span = Span::from_millis(30 * 86_400_000);
    /// The source text of one `code` step.
    pub const SOURCE: ByteSize = ByteSize::from_bytes(1 << 20);
    /// One value of a workflow's kv, as JSON text (`KV_VALUE_TOO_LARGE`).
    pub const KV_VALUE: ByteSize = ByteSize::from_bytes(256 << 10);
    /// One key of a workflow's kv, as UTF-8 (`KV_KEY_INVALID`).
    pub const KV_KEY: ByteSize = ByteSize::from_bytes(256);
    /// All keys and values that a workflow keeps in its kv (`KV_QUOTA`).
    pub const KV: ByteSize = ByteSize::from_bytes(10 << 20);
    /// The keys that a workflow keeps in its kv (`KV_QUOTA`).
    pub const KV_KEYS: u64 = 10_000;
}

/// The longest wait of any kind.
pub const WAIT_CAP: Span = Span::from_millis(365 * 86_400_000);

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The limits that a `code` step sets for itself; what is left out keeps its default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeLimits {
    /// Wasm fuel units; default 20 G, at most 100 G.
    pub fuel: Option<u64>,
    /// Wall-clock time; default 2s, at most 60s.
    pub timeout: Option<Span>,
    /// Memory; default 32MiB, at most 256MiB.
    pub memory: Option<ByteSize>,
    /// Output as JSON; default 1MiB, at most 8MiB.
    pub output: Option<ByteSize>,
    /// Log text; default 256KiB, at most 4MiB.
    pub log: Option<ByteSize>,
    /// Log lines; default 1000, at most 100000.
    pub log_lines: Option<u32>,
    /// Calls of the host (fetch, kv, sleep and the like); default 1000, at most 10000.
    pub calls: Option<u32>,
}

impl CodeLimits {
    /// These, and those of `other` where nothing is said.
    pub fn or(&self, other: &Self) -> Self {
        Self {
            fuel: self.fuel.or(other.fuel),
            timeout: self.timeout.or(other.timeout),
            memory: self.memory.or(other.memory),
            output: self.output.or(other.output),
            log: self.log.or(other.log),
            log_lines: self.log_lines.or(other.log_lines),
            calls: self.calls.or(other.calls),
        }
    }

    /// The limits in force.
    pub fn resolve(&self) -> Limits {
        let Limits { fuel, timeout, memory, output, log, log_lines, calls } = Limits::DEFAULT;
        Limits {
            fuel: self.fuel.unwrap_or(fuel),
            timeout: self.timeout.unwrap_or(timeout),
            memory: self.memory.unwrap_or(memory),
            output: self.output.unwrap_or(output),
            log: self.log.unwrap_or(log),
            log_lines: self.log_lines.unwrap_or(log_lines),
            calls: self.calls.unwrap_or(calls),
        }
    }

    /// The first field over its cap or at zero, with what to do.
    pub fn violation(&self) -> Option<(&'static str, String)> {
        let (limits, cap) = (self.resolve(), Limits::CAP);
        let checks = [
            ("fuel", limits.fuel, cap.fuel, cap.fuel.to_string()),
            ("timeout", limits.timeout.as_millis(), cap.timeout.as_millis(), cap.timeout.to_string()),
            ("memory", limits.memory.as_bytes(), cap.memory.as_bytes(), cap.memory.to_string()),
            ("output", limits.output.as_bytes(), cap.output.as_bytes(), cap.output.to_string()),
            ("log", limits.log.as_bytes(), cap.log.as_bytes(), cap.log.to_string()),
            ("log_lines", limits.log_lines.into(), cap.log_lines.into(), cap.log_lines.to_string()),
            ("calls", limits.calls.into(), cap.calls.into(), cap.calls.to_string()),
        ];
        checks.into_iter().find_map(|(field, value, cap, shown)| {
            if value > cap {
                Some((field, format!("is over the hard limit; {shown} is the most")))
            } else if value == 0 {
                Some((field, "must be more than zero".to_owned()))
            } else {
                None
            }
        })
    }
}
