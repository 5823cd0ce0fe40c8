//! How an attempt ended and what it used, be it a script's or a plugin's, and the errors of the limits that both have.

use std::fmt::Display;

use crate::model::{ErrorCode, JsonText, LimitUnit, Limits, LogLine, RunError, Usage};

/// What an attempt came to.
#[derive(Debug, Clone)]
pub enum Conclusion {
    /// The guest ended well, with this output.
    Output(JsonText),
    /// The guest failed, and why.
    Failed(RunError),
    /// Nothing happens in it before then, milliseconds since the epoch: it is to be made again with its history.
    Sleeps(u64),
}

/// How an attempt ended, and what it used.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Whether the guest gave an output or failed.
    pub conclusion: Conclusion,
    /// The lines of the console, in their order.
    pub logs: Vec<LogLine>,
    /// Whether more was logged than is kept.
    pub log_truncated: bool,
    /// The fuel, time and memory that the attempt used.
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
    let raise = raise("fuel", limits.fuel < Limits::CAP.fuel, &Limits::CAP.fuel);
    let message = format!(
        "the code used all {} units of fuel, about one an instruction: it loops without an end, or does very much; do less, or {raise}",
        limits.fuel
    );
    RunError::new(ErrorCode::FuelExhausted, message).over(limits.fuel, limits.fuel, LimitUnit::Fuel)
}

/// The error of an attempt that took too long inside.
pub(super) fn timeout(limits: &Limits, took_ms: u64) -> RunError {
    let raise = raise("timeout", limits.timeout < Limits::CAP.timeout, &Limits::CAP.timeout);
    let message = format!("the code ran longer than {}; do less, or {raise}", limits.timeout);
    RunError::new(ErrorCode::Timeout, message).over(limits.timeout.as_millis(), took_ms, LimitUnit::Ms)
}

/// The error of an attempt that asked for too much memory.
pub(super) fn memory_limit(limits: &Limits, asked: u64) -> RunError {
    let raise = raise("memory", limits.memory < Limits::CAP.memory, &Limits::CAP.memory);
    let message = format!("the code needs more than {} of memory; keep less, or {raise}", limits.memory);
    RunError::new(ErrorCode::MemoryLimit, message).over(limits.memory.as_bytes(), asked, LimitUnit::Bytes)
}

/// What to do about a limit that was crossed: where it is raised, and how far; or that it cannot be.
fn raise(field: &str, possible: bool, most: &dyn Display) -> String {
    if possible {
        format!("raise `limits.{field}` of the step in workflow.json, to {most} at most")
    } else {
        format!("divide the work over several steps: no step may have more than {most}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_limit_says_where_it_is_raised_and_how_far() {
        let few = Limits { fuel: 5_000, ..Limits::DEFAULT };
        let message = fuel_exhausted(&few).message;
        assert!(message.contains("all 5000 units of fuel"), "{message}");
        for message in [message, timeout(&few, 3_000).message, memory_limit(&few, 9).message] {
            assert!(message.contains("raise `limits.") && message.contains("in workflow.json"), "{message}");
        }
    }

    #[test]
    fn a_limit_that_cannot_be_raised_says_so() {
        let most = Limits::CAP;
        for message in
            [fuel_exhausted(&most).message, timeout(&most, 70_000).message, memory_limit(&most, 9).message]
        {
            assert!(message.contains("no step may have more") && !message.contains("raise"), "{message}");
        }
    }
}
