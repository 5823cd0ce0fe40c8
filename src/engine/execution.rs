//! Executes one run: performs what `transition` says, and makes each effect's result durable before the next.
//!
//! Steps without effects draw on the run's own clock and seed, so that a repeated one gives the same output: their
//! entries wait for the next batch that somebody relies on. An effect begins only when all before it is durable, and
//! its own entry is durable before anything else is done.

use std::{collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::{
    FutureExt, StreamExt,
    future::{AbortHandle, Abortable, BoxFuture},
    stream::FuturesUnordered,
};
use serde_json::json;
use tokio::sync::mpsc;

use super::{
    Inner,
    attempt::{self, Attempt, Attempted, Performed, Seen},
    definition::Definition,
    patience::Patience,
    progress::Progress,
    scheduler::Live,
    script::{Asked, ScriptHost},
    spawned,
    transition::{Action, Ending, Event as Happened, Inputs, State, error_output, transition},
    waiting::{entry_bytes, event_bytes},
};
use crate::{
    model::{
        Answer, Entry, ErrorCode, JsonText, Parent, Run, RunError, StepKey, StepRecord, Wait, WorkflowKey,
    },
    steps::{Again, Outputs},
    store::{StoreError, tables},
};

/// The longest sleep: a clock that was set forward is noticed after it.
const LOOK_MS: u64 = 1_000;

/// A run to execute.
pub(super) struct Job {
    progress: Progress,
    definition: Result<Arc<Definition>, RunError>,
    state: State,
}

/// Why a run is executed no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    /// It has ended.
    Ended,
    /// Everything in it waits; it is stored as such.
    Waits,
    /// The server stops, or the store fails: the next start takes it up.
    Halted,
}

/// How far a run got in one go.
enum Reached {
    End(Ending),
    Wait,
    Halt,
}

impl Job {
    /// A run that was accepted just now.
    pub(super) fn fresh(run: Run, definition: Arc<Definition>) -> Self {
        let state = State::new(deadline(&run, &definition));
        let bytes = event_bytes(&run.event);
        Self { progress: Progress::new(run, Outputs::default(), 0, bytes), definition: Ok(definition), state }
    }

    /// A run as the store holds it.
    pub(super) fn stored(
        mut run: Run,
        definition: Result<Arc<Definition>, RunError>,
        entries: Vec<Entry>,
    ) -> Self {
        let mut outputs = Outputs::default();
        let mut state = State::default();
        run.head.failed_steps = entries.iter().filter(|entry| entry.is_failure()).count() as u32;
        let bytes = event_bytes(&run.event) + entries.iter().map(entry_bytes).sum::<u64>();
        if let Ok(definition) = &definition {
            state = State::new(deadline(&run, definition));
            for entry in &entries {
                state.apply(&definition.workflow, entry);
                keep_output(&mut outputs, definition, entry);
            }
        }
        Self { progress: Progress::new(run, outputs, entries.len() as u32, bytes), definition, state }
    }
}

impl Job {
    /// Notes durably, before the run is begun again, at how many ends of the process it would have been under way.
    ///
    /// # Errors
    /// Those of the store.
    pub(super) async fn mark(&mut self, inner: &Arc<Inner>, ends: u32) -> Result<(), StoreError> {
        self.progress.mark(inner, ends).await
    }

    /// The run may have a mark of an earlier start, which goes once it gets further.
    pub(super) fn keeps_mark(&mut self) {
        self.progress.is_marked();
    }

    /// The run is begun no more; it fails with this error.
    pub(super) fn condemn(&mut self, error: RunError) {
        self.progress.definition = std::mem::replace(&mut self.definition, Err(error)).ok();
        self.progress.is_marked();
    }
}

fn deadline(run: &Run, definition: &Definition) -> Option<u64> {
    let timeout = definition.workflow.policy.timeout?;
    Some(run.head.created_ms.saturating_add(timeout.as_millis()))
}

/// What later steps see of an entry.
pub(super) fn keep_output(outputs: &mut Outputs, definition: &Definition, entry: &Entry) {
    let Entry::Ended(record) = entry else { return };
    match &record.error {
        None if definition.is_end(&record.step) => {}
        None => outputs.set(record.step.as_str(), record.output.clone()),
        Some(error) if definition.handles_failure(&record.step) => {
            outputs.set(record.step.as_str(), error_output(error));
        }
        Some(_) => {}
    }
}

/// Executes a run until it ends or waits. What it returns to nobody, it logs.
pub(super) async fn execute(inner: &Arc<Inner>, live: &Live, job: Job) -> Stop {
    let Job { mut progress, definition, state } = job;
    let driven = AssertUnwindSafe(drive(inner, live, &mut progress, definition, state)).catch_unwind().await;
    let stored = match driven {
        Ok(Ok(Reached::End(ending))) => progress.finish(inner, ending).await.map(|()| Stop::Ended),
        Ok(Ok(Reached::Wait)) => Ok(Stop::Waits),
        Ok(Ok(Reached::Halt)) => Ok(Stop::Halted),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let error =
                RunError::new(ErrorCode::EngineCrash, "the engine failed inside this run; please report it");
            progress.finish(inner, Ending::Failed(error)).await.map(|()| Stop::Ended)
        }
    };
    stored.unwrap_or_else(|error| {
        progress.lose(inner, error);
        Stop::Halted
    })
}

/// What a step does to the world with its entry, and not at all without it.
enum AskedFor {
    Run(Box<spawned::New>),
    Answer(Answer),
}

/// What one go holds in memory.
struct Drive<'a> {
    inner: &'a Arc<Inner>,
    progress: &'a mut Progress,
    definition: Arc<Definition>,
    seen: Arc<Seen>,
    state: State,
    attempts: FuturesUnordered<BoxFuture<'static, Option<Attempted>>>,
    aborts: HashMap<StepKey, AbortHandle>,
    /// What finished steps ask for, until the machine has taken their word.
    asked_for: HashMap<StepKey, AskedFor>,
    /// What the scripts of finished attempts left, until the machine has taken their word.
    scripts: HashMap<StepKey, Arc<ScriptHost>>,
    /// What scripts that are running need of the run.
    asks: (mpsc::UnboundedSender<Asked>, mpsc::UnboundedReceiver<Asked>),
    /// An effect was performed whose entry is not durable yet.
    relied_on: bool,
}

async fn drive(
    inner: &Arc<Inner>,
    live: &Live,
    progress: &mut Progress,
    definition: Result<Arc<Definition>, RunError>,
    state: State,
) -> Result<Reached, StoreError> {
    let definition = match definition {
        Ok(definition) => definition,
        Err(error) => return Ok(Reached::End(Ending::Failed(error))),
    };
    progress.definition = Some(Arc::clone(&definition));
    let seen = Arc::new(Seen::of(&progress.run, &definition));
    let mut drive = Drive {
        inner,
        progress,
        definition,
        seen,
        state,
        attempts: FuturesUnordered::new(),
        aborts: HashMap::new(),
        asked_for: HashMap::new(),
        scripts: HashMap::new(),
        asks: mpsc::unbounded_channel(),
        relied_on: false,
    };
    let reached = drive.run(live).await?;
    if let Reached::End(Ending::Succeeded) = reached
        && let Err(error) = drive.progress.answer_by_default(inner, &drive.definition, &drive.seen)
    {
        return Ok(Reached::End(Ending::Failed(error)));
    }
    Ok(reached)
}

impl Drive<'_> {
    async fn run(&mut self, live: &Live) -> Result<Reached, StoreError> {
        let mut events = vec![Happened::Started];
        loop {
            if live.take_poke() {
                // Before anything begins that a cancellation would stop.
                events.splice(0..0, self.signals().await?);
                events.push(Happened::Tick);
            }
            for event in std::mem::take(&mut events) {
                if let Some(ending) = self.happened(event).await? {
                    return Ok(Reached::End(ending));
                }
            }
            if std::mem::take(&mut self.relied_on) || self.progress.must_answer(self.inner) {
                self.progress.commit(self.inner).await?;
                self.progress.reply_with_answer(self.inner);
            }
            let due_ms = self.state.next_due();
            if self.attempts.is_empty() && !self.state.is_active() {
                if due_ms.is_some_and(|due_ms| due_ms <= self.inner.ports.now_ms()) {
                    events.push(Happened::Tick);
                    continue;
                }
                self.progress.wait(self.inner, due_ms).await?;
                return Ok(Reached::Wait);
            }
            if self.attempts.is_empty() {
                // The next steps were not begun, because the server stops.
                self.progress.commit(self.inner).await?;
                return Ok(Reached::Halt);
            }
            let sleep_ms = due_ms
                .map_or(LOOK_MS, |due_ms| due_ms.saturating_sub(self.inner.ports.now_ms()).clamp(1, LOOK_MS));
            tokio::select! {
                // In this order, so that a simulated run can be repeated exactly.
                biased;
                done = self.attempts.next() => match done.flatten() {
                    Some(attempted) => events.push(self.attempted(attempted)),
                    None => events.push(Happened::Tick),
                },
                Some(asked) = self.asks.1.recv() => self.asked(asked).await?,
                () = live.poked() => {
                    events.extend(self.signals().await?);
                    events.push(Happened::Tick);
                }
                () = tokio::time::sleep(Duration::from_millis(sleep_ms)), if due_ms.is_some() => {
                    events.push(Happened::Tick);
                }
            }
        }
    }

    /// Does what a script needs of the run.
    async fn asked(&mut self, asked: Asked) -> Result<(), StoreError> {
        let told = match asked {
            Asked::Effect(told) => {
                self.progress.before_effect(self.inner).await?;
                told
            }
            Asked::Abandon(error) => return Err(error),
            Asked::Answer(answer, told) => {
                self.progress.answer(*answer);
                self.progress.commit(self.inner).await?;
                self.progress.reply_with_answer(self.inner);
                told
            }
        };
        // It may have been given up meanwhile.
        let _ = told.send(());
        Ok(())
    }

    fn stops(&self) -> bool {
        self.inner.stopping.is_set()
    }

    /// Tells the machine, and does what it says. Gives the ending when the run has ended.
    async fn happened(&mut self, event: Happened) -> Result<Option<Ending>, StoreError> {
        let inputs = Inputs { now_ms: self.inner.ports.now_ms(), random: self.inner.ports.random() };
        let actions = transition(&self.definition.workflow, &mut self.state, event, inputs);
        let mut to_execute = Vec::new();
        let mut ending = None;
        for action in actions {
            match action {
                Action::Record(entry) => {
                    if let Some(script) = self.scripts.remove(&entry.key()) {
                        self.progress.leave(&entry, script);
                    }
                    match self.asked_for.remove(&entry.key()) {
                        Some(AskedFor::Run(child)) => self.progress.start_run(child.0, child.1),
                        Some(AskedFor::Answer(answer)) => self.progress.answer(answer),
                        None => {}
                    }
                    self.progress.record(&self.definition, entry);
                }
                Action::Execute { key, attempt } => to_execute.push((key, attempt)),
                Action::Abort(key) => {
                    if let Some(abort) = self.aborts.remove(&key) {
                        abort.abort();
                    }
                }
                Action::CancelRun(run) => self.progress.cancel_run(run),
                Action::Finish(end) => ending = Some(end),
            }
        }
        if ending.is_none() {
            self.execute(to_execute).await?;
        }
        Ok(ending)
    }

    async fn execute(&mut self, attempts: Vec<(StepKey, u32)>) -> Result<(), StoreError> {
        if attempts.is_empty() || (self.stops() && self.progress.can_halt(self.inner)) {
            return Ok(());
        }
        let has_effect =
            |key: &StepKey| self.definition.step(&key.step).is_some_and(|step| step.has_effect());
        if attempts.iter().any(|(key, _)| has_effect(key)) {
            self.progress.before_effect(self.inner).await?;
        }
        for (key, number) in attempts {
            let place = attempt::place(self.inner, &self.progress.run, &self.definition, &self.state, &key);
            let performed = attempt::perform(Attempt {
                inner: Arc::clone(self.inner),
                run: self.progress.run.head.id,
                definition: Arc::clone(&self.definition),
                seen: Arc::clone(&self.seen),
                outputs: self.progress.outputs.clone(),
                place,
                key: key.clone(),
                number,
                asks: self.asks.0.clone(),
            });
            let (abort, registration) = AbortHandle::new_pair();
            self.aborts.insert(key, abort);
            self.attempts.push(Abortable::new(performed, registration).map(Result::ok).boxed());
        }
        Ok(())
    }

    /// What a finished attempt means for the machine.
    fn attempted(&mut self, attempted: Attempted) -> Happened {
        let Attempted { key, performed, effect, script } = attempted;
        if let Some(script) = script {
            self.scripts.insert(key.clone(), script);
        }
        self.aborts.remove(&key);
        self.relied_on |= effect;
        match performed {
            Performed::Ended { record, again } => Happened::Attempt { record, again },
            Performed::Answered { record, answer } => {
                self.asked_for.insert(key, AskedFor::Answer(answer));
                Happened::Attempt { record, again: Again::Never }
            }
            Performed::RunEnded { record, output } => {
                self.progress.run_output = output;
                Happened::Ended(record)
            }
            Performed::Begun(output) => Happened::Begun { key, output },
            Performed::Waits { wait, due_ms } => Happened::Waits { key, wait, due_ms },
            Performed::Starts { record, workflow, input, wait, due_ms } => {
                self.started(key, *record, &workflow, input, wait, due_ms)
            }
        }
    }

    /// Prepares the run that a `subflow` step asks for; it is stored with the journal's entry, and not at all when
    /// there is none because the run has ended meanwhile.
    fn started(
        &mut self,
        key: StepKey,
        record: StepRecord,
        workflow: &WorkflowKey,
        input: JsonText,
        waits: bool,
        due_ms: Option<u64>,
    ) -> Happened {
        let parent = Parent { run: self.progress.run.head.id, key: key.clone(), waits };
        match spawned::subflow(self.inner, &self.progress.run, parent, workflow, input) {
            Ok((child, definition)) => {
                let run = child.head.id;
                self.asked_for.insert(key.clone(), AskedFor::Run(Box::new((child, definition))));
                if waits {
                    return Happened::Waits { key, wait: Wait::Run(run), due_ms };
                }
                let output = json!({ "run": run, "status": "queued", "output": null });
                let record = StepRecord { output: JsonText::from_value(&output), ..record };
                Happened::Attempt { record, again: Again::Never }
            }
            Err((error, again)) => Happened::Attempt { record: attempt::failed(record, error), again },
        }
    }

    /// Signals that have not been told to the machine.
    async fn signals(&mut self) -> Result<Vec<Happened>, StoreError> {
        let run = self.progress.run.head.id;
        let mut patience = Patience::of(run);
        let signals = loop {
            match tables::signals::list(&*self.inner.store, run).await {
                Err(error) if patience.again(self.inner, &error).await => {}
                signals => break signals?,
            }
        };
        Ok(self.progress.new_signals(signals).into_iter().map(Happened::Signal).collect())
    }
}
