//! How an attempt ended and what it used, be it a script's or a plugin's, and the errors of the limits that both have.

use crate::model::{ErrorCode, JsonText, LimitUnit, Limits, LogLine, RunError, Usage};

/// What an attempt came to.
#[derive(Debug, Clone)]
pub enum Conclusion {
    /// Its output.
    Output(JsonText),
    /// Why there is none.
    Failed(RunError),
    /// Nothing happens in it before then, milliseconds since the epoch: it is to be made again with its history.
    Sleeps(u64),
}

/// How an attempt ended, and what it used.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What it came to.
    pub conclusion: Conclusion,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// Whether more was logged than is kept.
    pub log_truncated: bool,
    /// What it used.
    pub usage: Usage,
}

impl Outcome {
    /// With the calls that others performed for it, beside what it asked the host at once.
    pub(super) fn after(mut self, calls: u32) -> Self {
        self.usage.host_calls += u64::from(calls);
        self
    }

    /// The output, or why there is none.
    ///
    /// # Errors
    /// The script's error; a script that sleeps has no output either.
    pub fn into_result(self) -> Result<JsonText, RunError> {
        match self.conclusion {
            Conclusion::Output(output) => Ok(output),
            Conclusion::Failed(error) => Err(error),
            Conclusion::Sleeps(_) => Err(RunError::new(
                ErrorCode::PromiseNeverSettled,
                "the script sleeps, and nobody wakes it here",
            )),
        }
    }
}

/// The error of an attempt that used all its fuel.
pub(super) fn fuel_exhausted(limits: &Limits) -> RunError {
    let message = format!(
        "the code used all {} units of fuel; loop less, or raise `limits.fuel` of the step",
        limits.fuel
    );
    RunError::new(ErrorCode::FuelExhausted, message).over(limits.fuel, limits.fuel, LimitUnit::Fuel)
}

/// The error of an attempt that took too long inside.
pub(super) fn timeout(limits: &Limits, took_ms: u64) -> RunError {
    let message = format!(
        "the code ran longer than {}; do less, or raise `limits.timeout` of the step",
        limits.timeout
    );
    RunError::new(ErrorCode::Timeout, message).over(limits.timeout.as_millis(), took_ms, LimitUnit::Ms)
}

/// The error of an attempt that asked for too much memory.
pub(super) fn memory_limit(limits: &Limits, asked: u64) -> RunError {
    let message = format!(
        "the code needs more than {} of memory; keep less, or raise `limits.memory` of the step",
        limits.memory
    );
    RunError::new(ErrorCode::MemoryLimit, message).over(limits.memory.as_bytes(), asked, LimitUnit::Bytes)
}
