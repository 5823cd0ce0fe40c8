//! Executes one run: does what `transition` says, and makes the results durable.
//!
//! Steps so far have no effects outside the run and draw on the run's own clock and seed,
//! so that a repeated step gives the same output. Their records therefore wait for the
//! next batch that somebody relies on: an early answer, or the end of the run.

use std::{
    panic::AssertUnwindSafe,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::FutureExt;
use tokio::sync::oneshot;

use super::{
    Inner,
    definition::Definition,
    transition::{Action, Event as Happened, State, transition},
};
use crate::{
    model::{Answer, ErrorCode, JsonText, Mode, Run, RunError, RunStatus, StepId, StepRecord, StepStatus},
    sandbox::SandboxError,
    steps::{self, Executed, Output, Outputs, RunFacts, Scope},
    store::{Batch, StoreError, tables},
};

/// Wait before a batch is tried again that the store had no room for.
const STORE_RETRY: Duration = Duration::from_millis(500);

/// What a synchronous caller gets.
#[derive(Debug)]
pub enum Reply {
    /// The run's answer, durable.
    Answer(Answer),
    /// The run failed before it answered; that is durable too.
    Failed(RunError),
    /// The outcome could not be made durable; the next start executes the run again.
    Lost(StoreError),
}

/// A run to execute.
pub(super) struct Job {
    progress: Progress,
    definition: Result<Arc<Definition>, RunError>,
    state: State,
}

/// How far a run is, beside what the store knows.
struct Progress {
    run: Run,
    outputs: Outputs,
    /// Records that are not stored yet, and the number of the first of them.
    unsaved: Vec<StepRecord>,
    saved: u32,
    reply: Option<oneshot::Sender<Reply>>,
}

impl Job {
    /// A run that was accepted just now.
    pub(super) fn fresh(run: Run, definition: Arc<Definition>, reply: oneshot::Sender<Reply>) -> Self {
        let progress =
            Progress { run, outputs: Outputs::default(), unsaved: Vec::new(), saved: 0, reply: Some(reply) };
        Self { progress, definition: Ok(definition), state: State::default() }
    }

    /// A run as the store holds it.
    pub(super) fn stored(
        run: Run,
        definition: Result<Arc<Definition>, RunError>,
        records: Vec<StepRecord>,
    ) -> Self {
        let mut outputs = Outputs::default();
        let mut state = State::default();
        let saved = records.len() as u32;
        for record in records {
            state.apply(record.step.clone(), record.output.clone());
            outputs.set(record.step.as_str(), record.output);
        }
        let progress = Progress { run, outputs, unsaved: Vec::new(), saved, reply: None };
        Self { progress, definition, state }
    }
}

/// Executes a run to its end. What it returns to nobody, it logs.
pub(super) async fn execute(inner: &Inner, job: Job) {
    let Job { mut progress, definition, state } = job;
    let driven = AssertUnwindSafe(drive(inner, &mut progress, definition, state)).catch_unwind().await;
    let ended = match driven {
        Ok(Ok(ended)) => ended,
        Ok(Err(error)) => return progress.lose(error),
        Err(_) => {
            Err(RunError::new(ErrorCode::EngineCrash, "the engine failed inside this run; please report it"))
        }
    };
    if let Err(error) = progress.finish(inner, ended).await {
        progress.lose(error);
    }
}

/// Executes steps until the run ends one way or the other.
async fn drive(
    inner: &Inner,
    progress: &mut Progress,
    definition: Result<Arc<Definition>, RunError>,
    mut state: State,
) -> Result<Result<(), RunError>, StoreError> {
    let definition = match definition {
        Ok(definition) => definition,
        Err(error) => return Ok(Err(error)),
    };
    let run = &progress.run;
    let facts = RunFacts::of(
        &run.event,
        Arc::clone(&definition.env),
        run.created_ms,
        run.seed,
        run.id.to_string(),
        run.workflow.to_string(),
    );
    let mut action = transition(&definition.workflow, &mut state, Happened::Started);
    loop {
        match action {
            Some(Action::Execute(step)) => {
                if progress.run.answer.is_some() && progress.reply.is_some() {
                    progress.answer_early(inner).await?;
                }
                let happened = progress.step(inner, &definition, &facts, step).await;
                action = transition(&definition.workflow, &mut state, happened);
            }
            Some(Action::Fail(error)) => return Ok(Err(error)),
            Some(Action::Succeed) | None => return Ok(progress.answer_by_default(&definition, &facts)),
        }
    }
}

impl Progress {
    /// Executes one step and keeps its record.
    async fn step(
        &mut self,
        inner: &Inner,
        definition: &Definition,
        facts: &RunFacts,
        step: StepId,
    ) -> Happened {
        let started_ms = inner.ports.now_ms();
        let started = Instant::now();
        let executed = match definition.step(&step) {
            Some(compiled) => {
                let scope = Scope::new(facts, &self.outputs, step.as_str());
                steps::execute(compiled, &scope, &inner.sandbox).await.unwrap_or_else(sandbox_failed)
            }
            None => {
                Executed::failed(RunError::new(ErrorCode::VersionMissing, "the version has no such step"))
            }
        };
        let mut ended = false;
        let (status, output, error) = match executed.result {
            Ok(Output::Value(output)) => (StepStatus::Succeeded, output, None),
            Ok(Output::Answer(answer)) => {
                // The first answer counts, as the caller has it already.
                self.run.answer.get_or_insert(answer);
                (StepStatus::Succeeded, JsonText::null(), None)
            }
            Ok(Output::End) => {
                ended = true;
                (StepStatus::Succeeded, JsonText::null(), None)
            }
            Err(error) => {
                let error = RunError { step: Some(step.clone()), ..error };
                (StepStatus::Failed, JsonText::null(), Some(error))
            }
        };
        if error.is_none() && !ended {
            self.outputs.set(step.as_str(), output.clone());
        }
        self.unsaved.push(StepRecord {
            step: step.clone(),
            status,
            output: output.clone(),
            error: error.clone(),
            logs: executed.logs,
            log_truncated: executed.log_truncated,
            usage: executed.usage,
            started_ms,
            took_us: started.elapsed().as_micros() as u64,
        });
        match error {
            Some(error) => Happened::StepFailed { error },
            None if ended => Happened::Ended,
            None => Happened::StepSucceeded { step, output },
        }
    }

    /// Sends the answer of a `response` step that is not the last one.
    async fn answer_early(&mut self, inner: &Inner) -> Result<(), StoreError> {
        self.commit(inner).await?;
        self.reply_with_answer();
        Ok(())
    }

    /// A synchronous run that no `response` step answered answers with the trigger's response, or its last output.
    fn answer_by_default(&mut self, definition: &Definition, facts: &RunFacts) -> Result<(), RunError> {
        if self.run.mode == Mode::Async || self.run.answer.is_some() {
            return Ok(());
        }
        let answer = match definition.default_response() {
            Some(response) => response.execute(&Scope::new(facts, &self.outputs, "trigger"))?,
            None => steps::json_answer(self.outputs.last().unwrap_or(&JsonText::null())),
        };
        self.run.answer = Some(answer);
        Ok(())
    }

    /// Gives the run its one terminal state and tells the caller.
    async fn finish(&mut self, inner: &Inner, ended: Result<(), RunError>) -> Result<(), StoreError> {
        self.run.finished_ms = Some(inner.ports.now_ms());
        match ended {
            Ok(()) => self.run.status = RunStatus::Succeeded,
            Err(error) => {
                self.run.status = RunStatus::Failed;
                self.run.error = Some(error);
            }
        }
        self.commit(inner).await?;
        match self.run.error.clone() {
            Some(error) if self.run.answer.is_none() => self.reply(Reply::Failed(error)),
            _ => self.reply_with_answer(),
        }
        Ok(())
    }

    /// Makes the run durable as it stands, with its unsaved steps. Waits while the store has no room.
    async fn commit(&mut self, inner: &Inner) -> Result<(), StoreError> {
        let store = &*inner.store;
        loop {
            let mut batch = Batch::new();
            for (number, record) in (self.saved..).zip(&self.unsaved) {
                tables::steps::insert(&mut batch, self.run.id, number, record);
            }
            tables::runs::update(&mut batch, &self.run);
            if let (RunStatus::Failed, Some(digest)) = (self.run.status, self.run.claim) {
                // A failed run gives its key back, so that the sender's retry is a new run.
                tables::claims::release(store, &mut batch, &digest, self.run.id)?;
            }
            match store.commit(batch).await {
                Ok(()) => {
                    self.saved += self.unsaved.len() as u32;
                    self.unsaved.clear();
                    return Ok(());
                }
                Err(error @ (StoreError::Busy | StoreError::Full { .. })) => {
                    tracing::warn!(run = %self.run.id, %error, "a finished run waits for the store");
                    tokio::time::sleep(STORE_RETRY).await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn reply_with_answer(&mut self) {
        if let Some(answer) = self.run.answer.clone() {
            self.reply(Reply::Answer(answer));
        }
    }

    fn reply(&mut self, reply: Reply) {
        if let Some(sender) = self.reply.take() {
            // The caller may have gone; its answer is in the store.
            let _ = sender.send(reply);
        }
    }

    /// The outcome is not durable: the run stays queued, and the next start executes it again.
    fn lose(&mut self, error: StoreError) {
        tracing::error!(run = %self.run.id, %error, "the outcome of a run could not be stored");
        self.reply(Reply::Lost(error));
    }
}

fn sandbox_failed(error: SandboxError) -> Executed {
    Executed::failed(RunError::new(ErrorCode::EngineCrash, error.to_string()))
}
