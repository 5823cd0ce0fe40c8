//! The calls that one attempt makes of the host: new ones are recorded before the guest sees their results, and when the attempt
//! is taken up again those that were made before are replayed.
//!
//! Scripts and plugins alike: a guest's whole course follows from its input and the results in their order, so after a crash it
//! comes to the same place again and no effect is repeated. Who performs a call, and when, is decided by `js::drive` and
//! `plugin::run`.

use super::{
    SandboxError,
    admission::Kind,
    services::{HostCall, HostServices},
};
use crate::model::{CallError, CallRecord, ErrorCode, JsonText, LimitUnit, Limits, RunError};

/// The note on the time at which an attempt began.
const BEGAN: &str = "began";

/// What a mismatch is most likely about.
const REPLAYED: &str =
    "it was taken up again from its recorded calls and took another course: give the run a fresh start";

/// The calls of one attempt, with their results in the order in which its guest gets them.
pub(super) struct Journal<'a> {
    host: &'a dyn HostServices,
    kind: Kind,
    /// Calls that there may be.
    calls_most: u32,
    records: Vec<CallRecord>,
    /// How many of them the present instance has got.
    cursor: usize,
    made: u32,
    /// What the results are together.
    bytes: u64,
}

impl<'a> Journal<'a> {
    /// A journal that begins with the calls that were made before the attempt was taken up again.
    pub(super) fn new(
        kind: Kind,
        limits: &Limits,
        history: Vec<CallRecord>,
        host: &'a dyn HostServices,
    ) -> Self {
        let bytes = history.iter().map(size).sum();
        Self { host, kind, calls_most: limits.calls, records: history, cursor: 0, made: 0, bytes }
    }

    /// Begins anew, for a fresh instance. Gives the time at which the attempt began, if that is noted.
    pub(super) fn rewind(&mut self) -> Option<u64> {
        let began_ms = self.records.first().filter(|record| record.id == 0).map(|record| record.at_ms);
        self.cursor = usize::from(began_ms.is_some());
        began_ms
    }

    /// Notes the time at which the attempt began, before its first call.
    ///
    /// # Errors
    /// When the note cannot be kept.
    pub(super) async fn begin(&mut self, at_ms: u64) -> Result<(), SandboxError> {
        if self.records.is_empty() {
            let began = note(BEGAN, Ok(JsonText::null()), at_ms);
            self.host.record(std::slice::from_ref(&began)).await?;
            self.records.push(began);
            self.cursor = 1;
        }
        Ok(())
    }

    /// Counts a call by its number in the attempt.
    ///
    /// # Errors
    /// `too_many_calls`.
    pub(super) fn count(&mut self, id: u32) -> Result<(), RunError> {
        self.made = self.made.max(id);
        let most = self.calls_most;
        if self.made <= most {
            return Ok(());
        }
        let (guest, advice) = match self.kind {
            Kind::Script => ("script", "make fewer"),
            Kind::Plugin => ("plugin", "let it make fewer"),
        };
        let message = format!(
            "the {guest} made more than {most} calls of the host; {advice}, or raise `limits.calls` of the step"
        );
        let error = RunError::new(ErrorCode::TooManyCalls, message);
        Err(error.over(most.into(), self.made.into(), LimitUnit::Calls))
    }

    /// How many calls there were.
    pub(super) fn made(&self) -> u32 {
        self.made
    }

    /// The result that the guest gets next, if it is there already.
    pub(super) fn next(&self) -> Option<&CallRecord> {
        self.records.get(self.cursor)
    }

    /// Passes the next result: the guest gets it, or does not want it any more.
    pub(super) fn pass(&mut self) {
        self.cursor += 1;
    }

    /// The time of a result that is there now, milliseconds since the epoch: never before the result before it.
    pub(super) fn now_ms(&self) -> u64 {
        let now_ms = self.host.now_ms();
        self.records.last().map_or(now_ms, |last| last.at_ms.max(now_ms))
    }

    /// Keeps new results, which the guest gets after those that are there.
    ///
    /// # Errors
    /// When they cannot be kept; inside, `too_many_calls` when all results are too large together.
    pub(super) async fn keep(
        &mut self,
        records: Vec<CallRecord>,
    ) -> Result<Result<(), RunError>, SandboxError> {
        self.bytes += records.iter().map(size).sum::<u64>();
        let most = Limits::CALL_RESULTS;
        if self.bytes > most.as_bytes() {
            let guest = match self.kind {
                Kind::Script => "script",
                Kind::Plugin => "plugin",
            };
            let message = format!("the results of the {guest}'s calls are more than {most} together");
            let error = RunError::new(ErrorCode::TooManyCalls, message);
            return Ok(Err(error.over(most.as_bytes(), self.bytes, LimitUnit::Bytes)));
        }
        self.host.record(&records).await?;
        self.records.extend(records);
        Ok(Ok(()))
    }
}

/// A record that is no call: of the attempt itself.
pub(super) fn note(op: &str, result: Result<JsonText, CallError>, at_ms: u64) -> CallRecord {
    CallRecord { id: 0, op: op.to_owned(), digest: [0; 16], result, at_ms, took_us: 0 }
}

/// The error of a guest that makes another call than it made before.
pub(super) fn mismatch(before: &str, call: &HostCall) -> RunError {
    let (id, op) = (call.id, &call.op);
    let message = format!("call {id} of the code was a `{before}`, now it is another `{op}`; {REPLAYED}");
    RunError::new(ErrorCode::ReplayMismatch, message)
}

/// The error of a guest that does not make a call again whose result is there.
pub(super) fn missing(record: &CallRecord) -> RunError {
    let CallRecord { id, op, .. } = record;
    let message = format!("the script does not make the call {id} ({op}) again; {REPLAYED}");
    RunError::new(ErrorCode::ReplayMismatch, message)
}

fn size(record: &CallRecord) -> u64 {
    match &record.result {
        Ok(value) => value.as_str().len() as u64,
        Err(error) => error.message.len() as u64,
    }
}
