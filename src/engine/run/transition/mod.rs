//! What happens next in a run. Pure: the same state, event, clock and randomness give the same actions.
//!
//! The tree of steps is walked from its root after each event (`walk`), so a run can be taken up at any point from
//! its journal alone: [`State::apply`] takes the entries over, [`RunEvent::Started`] goes on from there. Every change
//! that must survive a crash leaves here as [`Action::Record`]; the driver makes it durable before it does anything
//! that rests on it.

#[cfg(test)]
mod tests;
mod walk;

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::json;

use crate::{
    model::{
        Entry, ErrorCode, JsonText, LimitUnit, Limits, OnError, RunError, RunId, Signal, StepId, StepKey,
        StepRecord, StepStatus, Wait, Workflow,
    },
    steps::{RetryHint, timestamp},
};
use walk::{Flow, Iterations, Walk, composed};

/// The clock and the randomness of one transition.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inputs {
    /// Milliseconds since the epoch.
    pub(super) now_ms: u64,
    /// Decides the jitter of retries.
    pub(super) random: u64,
}

/// A step instance that is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Open {
    /// An attempt is being executed.
    Active { attempt: u32 },
    /// The next attempt begins then.
    Backoff { attempt: u32, due_ms: u64 },
    /// It waits for a time, a callback or another run.
    Waiting { wait: Wait, since_ms: u64, due_ms: Option<u64>, attempt: u32 },
}

/// A step instance that has a result, or a composite that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Closed {
    Begun {
        output: JsonText,
        since_ms: u64,
    },
    Done(JsonText),
    /// It failed, and the run goes on through its `on_error`; with the output that stands for it.
    Handled(JsonText),
    Failed(RunError),
}

/// What is known of a run's progress.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    open: BTreeMap<StepKey, Open>,
    closed: HashMap<StepKey, Closed>,
    /// Where loops are; follows from `closed`.
    loops: HashMap<StepKey, Iterations>,
    /// Callbacks that came before their step waits.
    early: HashMap<StepKey, JsonText>,
    executed: usize,
    bytes: usize,
    deadline_ms: Option<u64>,
    ended: bool,
}

/// Something that the run must react to.
#[derive(Debug, Clone)]
pub(super) enum RunEvent {
    /// The run begins, or is taken up after its journal was applied.
    Started,
    /// An attempt has ended, well or not.
    Attempt {
        /// What is kept of it.
        record: StepRecord,
        /// Whether another attempt can help.
        again: RetryHint,
    },
    /// An `end` step ended the run well.
    Ended(StepRecord),
    /// A loop knows what it goes over, or whether its next iteration is to be.
    Begun { key: StepKey, output: JsonText },
    /// A step began to wait.
    Waits { key: StepKey, wait: Wait, due_ms: Option<u64> },
    /// Some waits may be over by now.
    Tick,
    /// Something reached the run from outside.
    Signal(Signal),
}

/// What has to be done now, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "they live for a moment")]
pub(super) enum Action {
    /// Write this into the journal.
    Record(Entry),
    Execute {
        key: StepKey,
        attempt: u32,
    },
    /// Stop executing this step; its result is of no interest.
    Abort(StepKey),
    /// Cancel a run that a step waited for.
    CancelRun(RunId),
    /// Nobody needs the answer to the question of this step any more.
    Withdraw(StepKey),
    /// The run has ended.
    Finish(Ending),
}

/// How a run ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ending {
    Succeeded,
    Failed(RunError),
    Cancelled(RunError),
}

impl State {
    /// A run that must have ended at `deadline_ms`.
    pub(super) fn new(deadline_ms: Option<u64>) -> Self {
        Self { deadline_ms, ..Self::default() }
    }

    /// Takes an entry of the journal over.
    pub(super) fn apply(&mut self, workflow: &Workflow, entry: &Entry) {
        match entry {
            Entry::Ended(record) => {
                self.executed += 1;
                self.open.remove(&record.key());
                self.close(workflow, record);
            }
            Entry::Retrying(record, due_ms) => {
                self.executed += 1;
                let open = Open::Backoff { attempt: record.attempt + 1, due_ms: *due_ms };
                self.open.insert(record.key(), open);
            }
            Entry::Begun(key, output, since_ms) => {
                self.executed += 1;
                self.open.remove(key);
                self.begin(key.clone(), output.clone(), *since_ms);
            }
            Entry::Waiting { key, wait, since_ms, due_ms, attempt } => {
                self.bytes += wait.weight();
                let open = Open::Waiting {
                    wait: wait.clone(),
                    since_ms: *since_ms,
                    due_ms: *due_ms,
                    attempt: *attempt,
                };
                self.open.insert(key.clone(), open);
            }
            Entry::Cookies { .. } => {}
        }
    }

    /// Whether an attempt is being executed.
    pub(super) fn is_active(&self) -> bool {
        self.open.values().any(|open| matches!(open, Open::Active { .. }))
    }

    /// When something happens by itself, at the earliest.
    pub(super) fn next_due(&self) -> Option<u64> {
        let dues = self.open.values().filter_map(|open| match open {
            Open::Active { .. } => None,
            Open::Backoff { due_ms, .. } => Some(*due_ms),
            Open::Waiting { due_ms, .. } => *due_ms,
        });
        dues.chain(self.deadline_ms).min()
    }

    /// Whether a callback for this step can still be of use.
    pub(super) fn awaits_callback(&self, key: &StepKey) -> bool {
        !self.ended && !self.closed.contains_key(key)
    }

    /// The loops around a step instance from the outermost: id, element, index.
    pub(super) fn scopes(&self, workflow: &Workflow, key: &StepKey) -> Vec<(StepId, JsonText, u32)> {
        let mut around = workflow.loops_around(&key.step);
        if around.len() < key.at.len() {
            // The question of a `while` loop belongs to its iteration.
            around.push(&key.step);
        }
        let loops = around.into_iter().enumerate().zip(&key.at);
        loops
            .map(|((depth, id), &index)| {
                let outer = StepKey { step: id.clone(), at: key.at[..depth].to_vec() };
                let item = self.loops.get(&outer).and_then(|iterations| iterations.item(index));
                (id.clone(), item.unwrap_or_else(JsonText::null), index)
            })
            .collect()
    }

    fn begin(&mut self, key: StepKey, output: JsonText, since_ms: u64) {
        self.bytes += output.weight();
        self.closed.insert(key, Closed::Begun { output, since_ms });
    }

    /// The result of a step as its last record tells it.
    fn close(&mut self, workflow: &Workflow, record: &StepRecord) {
        self.bytes += record.output.weight();
        let handled = workflow.find(&record.step).is_some_and(|step| !matches!(step.on_error, OnError::Fail));
        let closed = match &record.error {
            None => Closed::Done(record.output.clone()),
            Some(error) if handled => Closed::Handled(error_output(error)),
            Some(error) => Closed::Failed(error.clone()),
        };
        self.closed.insert(record.key(), closed);
    }
}

/// The output that stands for a failed step whose run goes on.
pub(super) fn error_output(error: &RunError) -> JsonText {
    JsonText::from_value(&json!({ "error": { "code": error.code, "message": error.message } }))
}

/// Applies an event and tells what to do. After the run has ended there is nothing to do.
pub(super) fn transition(
    workflow: &Workflow,
    state: &mut State,
    event: RunEvent,
    inputs: Inputs,
) -> Vec<Action> {
    let mut actions = Vec::new();
    if state.ended {
        return actions;
    }
    match event {
        RunEvent::Started | RunEvent::Tick => {}
        RunEvent::Attempt { record, again } => {
            if !state.takes(&record.key(), record.attempt) {
                return actions;
            }
            state.settle(workflow, record, again, inputs, &mut actions);
        }
        RunEvent::Ended(record) => {
            if state.takes(&record.key(), record.attempt) {
                actions.push(Action::Record(Entry::Ended(record)));
                state.finish(Ending::Succeeded, &mut actions);
            }
            return actions;
        }
        RunEvent::Begun { key, output } => {
            if !state.takes(&key, 1) {
                return actions;
            }
            actions.push(Action::Record(Entry::Begun(key.clone(), output.clone(), inputs.now_ms)));
            state.begin(key, output, inputs.now_ms);
        }
        RunEvent::Waits { key, wait, due_ms } => {
            let Some(Open::Active { attempt }) = state.open.get(&key).cloned() else { return actions };
            let since_ms = inputs.now_ms;
            let early = state.early.remove(&key).filter(|_| wait.is_for_callback());
            state.bytes += wait.weight();
            actions.push(Action::Record(Entry::Waiting {
                key: key.clone(),
                wait: wait.clone(),
                since_ms,
                due_ms,
                attempt,
            }));
            state.open.insert(key.clone(), Open::Waiting { wait, since_ms, due_ms, attempt });
            if let Some(payload) = early {
                state.wake(workflow, &key, Ok(payload), RetryHint::Never, inputs, &mut actions);
            }
        }
        RunEvent::Signal(Signal::Cancel { reason }) => {
            let error = RunError::new(ErrorCode::Cancelled, reason);
            state.finish(Ending::Cancelled(error), &mut actions);
            return actions;
        }
        RunEvent::Signal(Signal::Callback { key, payload }) => match state.open.get(&key) {
            Some(Open::Waiting { wait, .. }) if wait.is_for_callback() => {
                state.wake(workflow, &key, Ok(payload), RetryHint::Never, inputs, &mut actions);
            }
            Some(_) | None if state.awaits_callback(&key) => {
                state.early.entry(key).or_insert(payload);
            }
            Some(_) | None => {}
        },
        RunEvent::Signal(Signal::RunEnded { key, run, result }) => {
            if matches!(state.open.get(&key), Some(Open::Waiting { wait: Wait::Run(awaited), .. }) if *awaited == run)
            {
                let whole =
                    |output| composed(&json!({ "run": run, "status": "succeeded", "output": output }));
                let result = result.map_err(|error| {
                    let message = format!("{run} of the called workflow failed: {}", error.message);
                    RunError::new(ErrorCode::SubflowFailed, message)
                });
                let result = result.and_then(whole);
                state.wake(workflow, &key, result, RetryHint::MayHelp, inputs, &mut actions);
            }
        }
    }
    if state.deadline_ms.is_some_and(|deadline| deadline <= inputs.now_ms) {
        let most = workflow.policy.timeout.map_or(0, |timeout| timeout.as_millis());
        let message = "the run took longer than its workflow's timeout";
        let error = RunError::new(ErrorCode::RunTimeout, message).over(most, most, LimitUnit::Ms);
        state.finish(Ending::Failed(error), &mut actions);
        return actions;
    }
    state.wake_due(workflow, inputs, &mut actions);
    state.advance(workflow, inputs, &mut actions);
    actions
}

impl State {
    /// Whether this attempt is awaited; it is under way no more then.
    fn takes(&mut self, key: &StepKey, attempt: u32) -> bool {
        let awaited = self.open.get(key) == Some(&Open::Active { attempt });
        if awaited {
            self.open.remove(key);
        }
        awaited
    }

    /// Keeps the end of an attempt: a further attempt follows, or the step has ended.
    fn settle(
        &mut self,
        workflow: &Workflow,
        record: StepRecord,
        again: RetryHint,
        inputs: Inputs,
        actions: &mut Vec<Action>,
    ) {
        let next = record.attempt + 1;
        let retry = workflow.find(&record.step).and_then(|step| step.retry);
        let wait = match (record.status, retry) {
            (StepStatus::Failed, Some(retry)) if next <= retry.attempts => {
                again.wait_ms(retry.wait_ms(next, inputs.random))
            }
            (StepStatus::Failed | StepStatus::Succeeded, _) => None,
        };
        match wait {
            Some(wait) => {
                let due_ms = inputs.now_ms.saturating_add(wait);
                self.open.insert(record.key(), Open::Backoff { attempt: next, due_ms });
                actions.push(Action::Record(Entry::Retrying(record, due_ms)));
            }
            None => {
                self.close(workflow, &record);
                actions.push(Action::Record(Entry::Ended(record)));
            }
        }
    }

    /// Ends a wait.
    fn wake(
        &mut self,
        workflow: &Workflow,
        key: &StepKey,
        result: Result<JsonText, RunError>,
        again: RetryHint,
        inputs: Inputs,
        actions: &mut Vec<Action>,
    ) {
        let Some(Open::Waiting { since_ms, attempt, .. }) = self.open.remove(key) else { return };
        let result = result.map_err(|error| RunError { step: Some(key.step.clone()), ..error });
        let record = StepRecord::plain(key.clone(), result, since_ms, inputs.now_ms);
        self.settle(workflow, StepRecord { attempt, ..record }, again, inputs, actions);
    }

    /// Ends the waits whose time has come, and begins the attempts that are due.
    fn wake_due(&mut self, workflow: &Workflow, inputs: Inputs, actions: &mut Vec<Action>) {
        let is_due = |open: &Open| match open {
            Open::Active { .. } => None,
            Open::Backoff { due_ms, .. } => Some(*due_ms).filter(|due| *due <= inputs.now_ms),
            Open::Waiting { due_ms, .. } => due_ms.filter(|due| *due <= inputs.now_ms),
        };
        let mut due: Vec<_> =
            self.open.iter().filter_map(|(key, open)| is_due(open).map(|due| (due, key.clone()))).collect();
        due.sort();
        for (due_ms, key) in due {
            match self.open.get(&key).cloned() {
                Some(Open::Backoff { attempt, .. }) => self.execute(key, attempt, actions),
                Some(Open::Waiting { wait: Wait::Time, .. }) => {
                    let output = JsonText::from_value(&json!({ "due": timestamp(due_ms) }));
                    self.wake(workflow, &key, Ok(output), RetryHint::Never, inputs, actions);
                }
                // Its script goes on.
                Some(Open::Waiting { wait: Wait::Script, attempt, .. }) => self.resume(key, attempt, actions),
                Some(Open::Waiting { wait: Wait::Callback | Wait::Question(_), .. }) => {
                    let error = RunError::new(
                        ErrorCode::CallbackTimeout,
                        "nobody called the step's URL within its timeout",
                    );
                    self.wake(workflow, &key, Err(error), RetryHint::Never, inputs, actions);
                }
                Some(Open::Waiting { wait: Wait::Run(run), .. }) => {
                    actions.push(Action::CancelRun(run));
                    let error = RunError::new(ErrorCode::Timeout, format!("{run} did not end in time"));
                    self.wake(workflow, &key, Err(error), RetryHint::MayHelp, inputs, actions);
                }
                Some(Open::Active { .. }) | None => {}
            }
        }
    }

    /// Begins an attempt.
    fn execute(&mut self, key: StepKey, attempt: u32, actions: &mut Vec<Action>) {
        self.executed += 1;
        self.open.insert(key.clone(), Open::Active { attempt });
        actions.push(Action::Execute { key, attempt });
    }

    /// Goes on with an attempt that was put down.
    fn resume(&mut self, key: StepKey, attempt: u32, actions: &mut Vec<Action>) {
        self.open.insert(key.clone(), Open::Active { attempt });
        actions.push(Action::Execute { key, attempt });
    }

    /// Stops what is under way.
    fn abort(&mut self, key: &StepKey, actions: &mut Vec<Action>) {
        match self.open.remove(key) {
            Some(Open::Active { .. }) => actions.push(Action::Abort(key.clone())),
            Some(Open::Waiting { wait: Wait::Run(run), .. }) => actions.push(Action::CancelRun(run)),
            Some(Open::Waiting { wait: Wait::Question(_), .. }) => {
                actions.push(Action::Withdraw(key.clone()));
            }
            Some(Open::Backoff { .. } | Open::Waiting { .. }) | None => {}
        }
    }

    /// Stops all instances of these steps that are inside these iterations.
    fn abort_all(&mut self, steps: &HashSet<&StepId>, at: &[u32], actions: &mut Vec<Action>) {
        let inside: Vec<_> = self
            .open
            .keys()
            .filter(|key| steps.contains(&key.step) && key.at.starts_with(at))
            .cloned()
            .collect();
        inside.iter().for_each(|key| self.abort(key, actions));
    }

    /// Walks the tree: begins what can begin, and ends the run when nothing is left.
    fn advance(&mut self, workflow: &Workflow, inputs: Inputs, actions: &mut Vec<Action>) {
        let too_much = self.over_limits(workflow);
        let flow = match too_much {
            Some(error) => Flow::Failed(error),
            None => Walk { state: self, workflow, inputs, actions }.steps(&workflow.steps, &[]),
        };
        let ending = match flow {
            Flow::Blocked => match self.over_limits(workflow) {
                Some(error) => Ending::Failed(error),
                None => return,
            },
            // `break` and `continue` have a loop around them, which the parser checks.
            Flow::Done(_) | Flow::Break | Flow::Continue => Ending::Succeeded,
            Flow::Failed(error) => Ending::Failed(error),
        };
        self.finish(ending, actions);
    }

    fn over_limits(&self, workflow: &Workflow) -> Option<RunError> {
        let most = workflow.policy.max_steps() as u64;
        if self.executed as u64 > most {
            let message =
                format!("the run has more than {most} steps; raise `max_steps` or split the workflow");
            let error = RunError::new(ErrorCode::TooManySteps, message);
            return Some(error.over(most, self.executed as u64, LimitUnit::Steps));
        }
        let (used, most) = (self.bytes as u64, Limits::RUN);
        (used > most.as_bytes()).then(|| {
            let message = format!("the outputs of the run are more than {most} together");
            RunError::new(ErrorCode::RunTooLarge, message).over(most.as_bytes(), used, LimitUnit::Bytes)
        })
    }

    fn finish(&mut self, ending: Ending, actions: &mut Vec<Action>) {
        self.ended = true;
        // What would begin now, does not.
        actions.retain(|action| !matches!(action, Action::Execute { .. }));
        let open: Vec<_> = self.open.keys().cloned().collect();
        open.iter().for_each(|key| self.abort(key, actions));
        actions.push(Action::Finish(ending));
    }
}
