//! Runs and steps in the numbers that NocoBase's workflow tables use, for dashboards and scripts that know those.
//!
//! Pure. Source: NocoBase's `EXECUTION_STATUS` and `JOB_STATUS`
//! (<https://docs.nocobase.com/workflow/advanced/executions>).

use crate::model::{ErrorCode, RunError, RunStatus, StepStatus};

/// Begun, not ended; a job that waits.
const STARTED: i8 = 0;
/// Ended well.
const RESOLVED: i8 = 1;
/// A condition or setting was not met.
const FAILED: i8 = -1;
/// Something broke.
const ERROR: i8 = -2;
/// Out of time.
const ABORTED: i8 = -3;
/// By somebody's wish.
const CANCELED: i8 = -4;

/// What a number is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Stand<'a> {
    /// A run: where it stands, whether its first step has begun, and why it ended.
    Run(RunStatus, bool, Option<&'a RunError>),
    /// An ended attempt of a step, and why it failed.
    Step(StepStatus, Option<&'a RunError>),
    /// A step that waits.
    Waiting,
}

/// The number; nothing for a run that has not begun (QUEUEING).
pub fn status(stand: Stand<'_>) -> Option<i8> {
    match stand {
        Stand::Run(RunStatus::Queued | RunStatus::Waiting, begun, _) => begun.then_some(STARTED),
        Stand::Waiting => Some(STARTED),
        Stand::Run(RunStatus::Succeeded, ..) | Stand::Step(StepStatus::Succeeded, _) => Some(RESOLVED),
        Stand::Run(RunStatus::Cancelled, ..) => Some(CANCELED),
        Stand::Run(RunStatus::Failed, _, error) | Stand::Step(StepStatus::Failed, error) => {
            Some(error.map_or(ERROR, |error| of_error(error.code)))
        }
    }
}

fn of_error(code: ErrorCode) -> i8 {
    match code {
        ErrorCode::EndedAsFailed
        | ErrorCode::ConditionError
        | ErrorCode::SchemaMismatch
        | ErrorCode::LoopInvalid
        | ErrorCode::WaitInvalid
        | ErrorCode::PluginInput => FAILED,
        ErrorCode::RunTimeout => ABORTED,
        ErrorCode::Cancelled => CANCELED,
        ErrorCode::FuelExhausted
        | ErrorCode::Timeout
        | ErrorCode::MemoryLimit
        | ErrorCode::OutputTooLarge
        | ErrorCode::StackOverflow
        | ErrorCode::ScriptError
        | ErrorCode::SyntaxError
        | ErrorCode::PromiseNeverSettled
        | ErrorCode::OutputInvalid
        | ErrorCode::EngineCrash
        | ErrorCode::TemplateError
        | ErrorCode::ResponseInvalid
        | ErrorCode::TooManySteps
        | ErrorCode::VersionMissing
        | ErrorCode::HttpStatus
        | ErrorCode::HttpFailed
        | ErrorCode::HttpDenied
        | ErrorCode::CallbackTimeout
        | ErrorCode::SubflowUnavailable
        | ErrorCode::SubflowFailed
        | ErrorCode::TooDeep
        | ErrorCode::QueryError
        | ErrorCode::PluginMissing
        | ErrorCode::PluginError
        | ErrorCode::PluginCrash
        | ErrorCode::CapabilityMissing
        | ErrorCode::RunTooLarge
        | ErrorCode::TooManyCalls
        | ErrorCode::ReplayMismatch => ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stand_has_the_number_that_nocobase_gives_it() {
        let error = |code| RunError::new(code, "why");
        let (ended, timeout, script) =
            (error(ErrorCode::EndedAsFailed), error(ErrorCode::RunTimeout), error(ErrorCode::ScriptError));
        let cases = [
            (Stand::Run(RunStatus::Queued, false, None), None),
            (Stand::Run(RunStatus::Queued, true, None), Some(0)),
            (Stand::Run(RunStatus::Waiting, false, None), None),
            (Stand::Run(RunStatus::Waiting, true, None), Some(0)),
            (Stand::Run(RunStatus::Succeeded, true, None), Some(1)),
            (Stand::Run(RunStatus::Failed, true, Some(&ended)), Some(-1)),
            (Stand::Run(RunStatus::Failed, true, Some(&script)), Some(-2)),
            (Stand::Run(RunStatus::Failed, true, Some(&timeout)), Some(-3)),
            (Stand::Run(RunStatus::Cancelled, false, None), Some(-4)),
            (Stand::Step(StepStatus::Succeeded, None), Some(1)),
            (Stand::Step(StepStatus::Failed, Some(&script)), Some(-2)),
            (Stand::Waiting, Some(0)),
        ];
        for (stand, number) in cases {
            assert_eq!(status(stand), number, "{stand:?}");
        }
    }
}
