//! What the instances of one attempt used together, and what is left of one that is gone.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    model::{CallRecord, JsonText, LogLine, Usage},
    sandbox::{
        journal::note,
        outcome::{Conclusion, Outcome},
    },
};

/// What the instances of one attempt have used together: each that is made again goes on from here.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spent {
    pub(super) fuel: u64,
    /// The time that the guest was inside its instance, waits for a core left out.
    pub(super) inside: Duration,
    pub(super) cpu: Duration,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    /// The most memory at once, bytes.
    pub(super) peak: u64,
}

impl Spent {
    /// The note on what an attempt used before it was put down.
    const NOTE: &str = "spent";

    /// The record that keeps it in the history of the attempt.
    pub(super) fn note(&self, at_ms: u64) -> CallRecord {
        note(Self::NOTE, Ok(JsonText::from_value(&serde_json::json!(self))), at_ms)
    }

    /// Takes the notes out of a history; the last one counts.
    pub(super) fn noted_in(history: &mut Vec<CallRecord>) -> Self {
        let is_note = |record: &CallRecord| record.id == 0 && record.op == Self::NOTE;
        let last = history.iter().rev().find(|record| is_note(record));
        let spent =
            last.and_then(|record| serde_json::from_value(record.result.as_ref().ok()?.to_value()).ok());
        history.retain(|record| !is_note(record));
        spent.unwrap_or_default()
    }
}

/// What is left of an instance that is gone.
#[derive(Default)]
pub(super) struct Left {
    pub(super) spent: Spent,
    pub(super) logs: Vec<LogLine>,
    pub(super) log_truncated: bool,
    pub(super) host_calls: u64,
}

impl Left {
    /// Of an attempt that used this much before.
    pub(super) fn of(spent: Spent) -> Self {
        Self { spent, ..Self::default() }
    }

    pub(super) fn conclude(self, conclusion: Conclusion) -> Outcome {
        let Self { spent, logs, log_truncated, host_calls } = self;
        let logged: usize = logs.iter().map(|line| line.text.len()).sum();
        let usage = Usage {
            fuel: spent.fuel,
            peak_memory: spent.peak,
            wall_us: spent.inside.as_micros() as u64,
            cpu_us: spent.cpu.as_micros() as u64,
            host_calls,
            bytes_in: spent.bytes_in,
            bytes_out: spent.bytes_out + logged as u64,
        };
        Outcome { conclusion, logs, log_truncated, usage }
    }
}
