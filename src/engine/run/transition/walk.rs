//! The walk through the tree of steps: what has a result is passed, what has none is begun.

use std::collections::HashSet;

use serde_json::{Value, json};

use super::{Action, Closed, Inputs, State, error_output};
use crate::model::{
    Entry, ErrorCode, IterationError, Join, JsonText, Jump, LimitUnit, Limits, LoopSource, LoopStep, OnError,
    ParallelStep, RunError, Shape, Step, StepId, StepKey, StepRecord, When, Workflow,
};

/// Where a list of steps stands.
pub(super) enum Flow {
    /// It reached its end, with this last output.
    Done(Option<JsonText>),
    /// Something in it is under way.
    Blocked,
    /// It reached a `break`, which ends the innermost loop.
    Break,
    /// It reached a `continue`, which ends the iteration.
    Continue,
    /// A step in it failed.
    Failed(RunError),
}

/// Where a loop stands.
#[derive(Debug, Clone)]
pub(super) struct Iterations {
    source: Source,
    index: u32,
    results: Vec<JsonText>,
}

#[derive(Debug, Clone)]
enum Source {
    Items(Vec<JsonText>),
    Times(u32),
    While,
}

/// Why a loop ended without a failure.
enum LoopEnd {
    End,
    Break,
    Limit,
    Error,
}

impl Iterations {
    fn new(source: &LoopSource, begun: &JsonText) -> Self {
        let source = match (source, begun.to_value()) {
            (LoopSource::While(_), _) => Source::While,
            (LoopSource::Over(_), Value::Array(items)) => {
                Source::Items(items.iter().map(JsonText::from_value).collect())
            }
            (LoopSource::Over(_), count) => {
                // The step has checked it.
                Source::Times(count.as_u64().and_then(|count| u32::try_from(count).ok()).unwrap_or(0))
            }
        };
        Self { source, index: 0, results: Vec::new() }
    }

    /// The element of an iteration.
    pub(super) fn item(&self, index: u32) -> Option<JsonText> {
        match &self.source {
            Source::Items(items) => items.get(index as usize).cloned(),
            Source::Times(_) => Some(JsonText::from_value(&index.into())),
            Source::While => None,
        }
    }
}

/// One walk through the tree of steps, from the first to where nothing more can begin.
pub(super) struct Walk<'a> {
    pub(super) state: &'a mut State,
    pub(super) workflow: &'a Workflow,
    pub(super) inputs: Inputs,
    pub(super) actions: &'a mut Vec<Action>,
}

impl<'a> Walk<'a> {
    /// Goes through a list of steps in order.
    pub(super) fn steps(&mut self, steps: &'a [Step], at: &[u32]) -> Flow {
        let mut last = None;
        for step in steps {
            match self.step(step, at) {
                Flow::Done(output) => last = output.or(last),
                flow @ (Flow::Blocked | Flow::Break | Flow::Continue | Flow::Failed(_)) => return flow,
            }
        }
        Flow::Done(last)
    }

    fn step(&mut self, step: &'a Step, at: &[u32]) -> Flow {
        let key = StepKey { step: step.id.clone(), at: at.to_vec() };
        if self.state.open.contains_key(&key) {
            return Flow::Blocked;
        }
        match self.state.closed.get(&key) {
            None => self.begin(step, key),
            Some(Closed::Failed(error)) => Flow::Failed(error.clone()),
            Some(Closed::Handled(output)) => {
                let output = output.clone();
                self.handle(step, output, at)
            }
            Some(Closed::Done(output)) => {
                let output = output.clone();
                self.taken(step, output, at)
            }
            Some(Closed::Begun { output, since_ms }) => {
                let (output, since_ms) = (output.clone(), *since_ms);
                self.composite(step, key, &output, since_ms)
            }
        }
    }

    fn begin(&mut self, step: &'a Step, key: StepKey) -> Flow {
        match step.kind.shape() {
            Shape::Jump(Jump::Break) => Flow::Break,
            Shape::Jump(Jump::Continue) => Flow::Continue,
            // Nothing is evaluated before they begin.
            Shape::Parallel(_) | Shape::Loop(LoopStep { source: LoopSource::While(_), .. }) => {
                let (output, now_ms) = (JsonText::null(), self.inputs.now_ms);
                self.actions.push(Action::Record(Entry::Begun(key.clone(), output.clone(), now_ms)));
                self.state.begin(key.clone(), output.clone(), now_ms);
                self.composite(step, key, &output, now_ms)
            }
            Shape::Leaf | Shape::Loop(_) => {
                self.state.execute(key, 1, self.actions);
                Flow::Blocked
            }
        }
    }

    /// Goes into the branch that a step's output leads to.
    fn taken(&mut self, step: &'a Step, output: JsonText, at: &[u32]) -> Flow {
        let by_output: Vec<_> =
            step.branches().into_iter().filter(|branch| matches!(branch.when, When::Output(_))).collect();
        if by_output.is_empty() {
            return Flow::Done(Some(output));
        }
        let value = When::Output(output.to_value());
        let taken = by_output.into_iter().find(|branch| branch.when == value);
        match taken.map(|branch| self.steps(branch.steps, at)) {
            None | Some(Flow::Done(None)) => Flow::Done(Some(output)),
            Some(flow) => flow,
        }
    }

    /// Goes on after a failed step as its `on_error` says.
    fn handle(&mut self, step: &'a Step, output: JsonText, at: &[u32]) -> Flow {
        match &step.on_error {
            OnError::Fail | OnError::Continue => Flow::Done(Some(output)),
            OnError::Steps(steps) => match self.steps(steps, at) {
                Flow::Done(None) => Flow::Done(Some(output)),
                flow => flow,
            },
        }
    }

    /// Goes on with a composite step, and closes it when it has its result.
    fn composite(&mut self, step: &'a Step, key: StepKey, begun: &JsonText, since_ms: u64) -> Flow {
        let result = match step.kind.shape() {
            Shape::Loop(each) => {
                let fresh = || Iterations::new(&each.source, begun);
                let mut iterations = self.state.loops.remove(&key).unwrap_or_else(fresh);
                let result = self.iterate(each, &key, &mut iterations);
                if result.is_none() {
                    // The scopes of the steps inside read it.
                    self.state.loops.insert(key.clone(), iterations);
                }
                result
            }
            Shape::Parallel(parallel) => self.join(parallel, &key.at),
            // Only a damaged journal says that such a step has begun.
            Shape::Leaf | Shape::Jump(_) => Some(Ok(begun.clone())),
        };
        let Some(result) = result else { return Flow::Blocked };
        for branch in step.branches().iter().filter(|branch| branch.when != When::Error) {
            self.state.abort_all(&ids(branch.steps), &key.at, self.actions);
        }
        let record = StepRecord::plain(key.clone(), result, since_ms, self.inputs.now_ms);
        self.state.close(self.workflow, &record);
        self.actions.push(Action::Record(Entry::Ended(record)));
        self.step(step, &key.at)
    }

    /// The result of a loop, or nothing while it is under way.
    fn iterate(
        &mut self,
        each: &'a LoopStep,
        key: &StepKey,
        iterations: &mut Iterations,
    ) -> Option<Result<JsonText, RunError>> {
        let limit = each.limit;
        loop {
            let index = iterations.index;
            let more = match &iterations.source {
                Source::Items(items) => (index as usize) < items.len(),
                Source::Times(times) => index < *times,
                Source::While => true,
            };
            if !more {
                return Some(iterations.output(LoopEnd::End));
            }
            if index >= limit {
                return Some(iterations.output(LoopEnd::Limit));
            }
            let at: Vec<u32> = key.at.iter().copied().chain([index]).collect();
            if let Source::While = iterations.source {
                match self.asked(&StepKey { step: key.step.clone(), at: at.clone() }) {
                    Some(Ok(true)) => {}
                    Some(Ok(false)) => return Some(iterations.output(LoopEnd::End)),
                    Some(Err(error)) => return Some(Err(error)),
                    None => return None,
                }
            }
            let result = match self.steps(&each.steps, &at) {
                Flow::Blocked => return None,
                Flow::Done(output) => output.unwrap_or_else(JsonText::null),
                Flow::Continue => JsonText::null(),
                Flow::Break => return Some(iterations.output(LoopEnd::Break)),
                Flow::Failed(error) => {
                    self.state.abort_all(&ids(&each.steps), &at, self.actions);
                    match each.iteration_error {
                        IterationError::Fail => return Some(Err(error)),
                        IterationError::Skip => error_output(&error),
                        IterationError::Break => {
                            iterations.results.push(error_output(&error));
                            return Some(iterations.output(LoopEnd::Error));
                        }
                    }
                }
            };
            iterations.results.push(result);
            iterations.index += 1;
        }
    }

    /// What a `while` loop was answered before an iteration; begins to ask when it was not.
    fn asked(&mut self, key: &StepKey) -> Option<Result<bool, RunError>> {
        if self.state.open.contains_key(key) {
            return None;
        }
        match self.state.closed.get(key) {
            Some(Closed::Begun { output, .. }) => Some(Ok(output.as_str() == "true")),
            Some(Closed::Failed(error)) => Some(Err(error.clone())),
            // The loop's own `on_error` handles the loop, not its question.
            Some(Closed::Done(_) | Closed::Handled(_)) => Some(Ok(false)),
            None => {
                self.state.execute(key.clone(), 1, self.actions);
                None
            }
        }
    }

    /// The result of a parallel step, or nothing while it is under way.
    fn join(&mut self, parallel: &'a ParallelStep, at: &[u32]) -> Option<Result<JsonText, RunError>> {
        let mut outputs = Vec::with_capacity(parallel.branches.len());
        let (mut failed, mut blocked) = (None, false);
        for (index, branch) in parallel.branches.iter().enumerate() {
            match self.steps(&branch.steps, at) {
                Flow::Done(output) => {
                    outputs.push(output.unwrap_or_else(JsonText::null));
                    match parallel.mode {
                        Join::All => {}
                        Join::Any | Join::Race => return Some(joined(&outputs, Some(index))),
                    }
                }
                Flow::Failed(error) => {
                    match parallel.mode {
                        Join::All | Join::Race => return Some(Err(error)),
                        Join::Any => {}
                    }
                    outputs.push(error_output(&error));
                    failed = Some(error);
                }
                // The parser lets neither `break` nor `continue` reach out of a branch.
                Flow::Blocked | Flow::Break | Flow::Continue => {
                    outputs.push(JsonText::null());
                    blocked = true;
                }
            }
        }
        match (blocked, parallel.mode, failed) {
            (true, _, _) => None,
            (false, Join::Any, Some(error)) => Some(Err(error)),
            (false, Join::All | Join::Any | Join::Race, _) => Some(joined(&outputs, None)),
        }
    }
}

impl Iterations {
    fn output(&self, ended: LoopEnd) -> Result<JsonText, RunError> {
        let ended = match ended {
            LoopEnd::End => "end",
            LoopEnd::Break => "break",
            LoopEnd::Limit => "limit",
            LoopEnd::Error => "error",
        };
        let results = array(&self.results);
        composed(&json!({ "count": self.index, "ended": ended, "results": results }))
    }
}

fn joined(outputs: &[JsonText], winner: Option<usize>) -> Result<JsonText, RunError> {
    composed(&json!({ "branches": array(outputs), "winner": winner }))
}

/// An output that is made of others: no deeper and no larger than any output may be.
pub(super) fn composed(value: &Value) -> Result<JsonText, RunError> {
    let text = value.to_string();
    let (used, most) = (text.len() as u64, Limits::CAP.output);
    if used > most.as_bytes() {
        let message = format!("the outputs inside are {used} bytes of JSON together, {most} are allowed");
        let error = RunError::new(ErrorCode::OutputTooLarge, message);
        return Err(error.over(most.as_bytes(), used, LimitUnit::Bytes));
    }
    JsonText::parse(text).map_err(|error| {
        RunError::new(ErrorCode::OutputInvalid, format!("the outputs inside cannot be put together: {error}"))
    })
}

fn array(texts: &[JsonText]) -> Value {
    texts.iter().map(JsonText::to_value).collect()
}

/// The ids of these steps and all inside them.
fn ids(steps: &[Step]) -> HashSet<&StepId> {
    fn collect<'a>(steps: &'a [Step], all: &mut HashSet<&'a StepId>) {
        for step in steps {
            all.insert(&step.id);
            step.branches().iter().for_each(|branch| collect(branch.steps, all));
        }
    }
    let mut all = HashSet::new();
    collect(steps, &mut all);
    all
}
