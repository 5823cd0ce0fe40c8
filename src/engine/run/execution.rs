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
    Job, Runs,
    attempt::{self, Attempt, Attempted, Performed},
    progress::{Committed, Progress},
    script::{ScriptHost, ScriptRequest},
    seen::{self, Seen},
    sessions::{self, Sessions},
    spawned,
    transition::{Action, Ending, Inputs, RunEvent, State, transition},
};
use crate::{
    engine::{
        line::{Line, Live, event_bytes},
        workflow::Definition,
    },
    model::{
        Answer, Entry, ErrorCode, JsonText, Parent, RunError, RunId, RunStatus, StepKey, StepRecord, Wait,
        WorkflowKey,
    },
    steps::RetryHint,
    store::{StoreError, tables},
};

/// The longest sleep: a clock that was set forward is noticed after it.
const LOOK_MS: u64 = 1_000;

/// Why a run is executed no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
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

/// Executes a run until it ends or waits. Errors that have no caller are logged.
pub(crate) async fn execute(runs: &Arc<Runs>, live: &Live, job: Job) -> Stop {
    let Job { mut progress, definition, state } = job;
    let driven = AssertUnwindSafe(drive(runs, live, &mut progress, definition, state)).catch_unwind().await;
    let stored = match driven {
        Ok(Ok(Reached::End(ending))) => finish(runs, &mut progress, ending).await.map(|()| Stop::Ended),
        Ok(Ok(Reached::Wait)) => Ok(Stop::Waits),
        Ok(Ok(Reached::Halt)) => Ok(Stop::Halted),
        Ok(Err(error)) => Err(error),
        Err(_) => {
            let error =
                RunError::new(ErrorCode::EngineCrash, "the engine failed inside this run; please report it");
            finish(runs, &mut progress, Ending::Failed(error)).await.map(|()| Stop::Ended)
        }
    };
    stored.unwrap_or_else(|error| {
        progress.lose(&runs.replies, error);
        Stop::Halted
    })
}

/// Tells the line what a batch of a run set going.
pub(crate) async fn tell_line(line: &Arc<Line>, run: RunId, committed: Committed) {
    let Committed { acquitted, children, to_cancel } = committed;
    if acquitted {
        line.acquit(run).await;
    }
    for (child, definition) in children {
        let seat = line.seat_of_stored(&child.head.workflow, event_bytes(&child.event));
        line.enqueue(&child.head, definition.keys.of(&child.head.workflow, &child.event), None, seat);
    }
    for run in to_cancel {
        line.cancel(run).await;
    }
}

/// Gives the run its one terminal state, and tells whoever waits for it.
async fn finish(runs: &Runs, progress: &mut Progress, ending: Ending) -> Result<(), StoreError> {
    progress.end(ending, runs.durable.now_ms(), &runs.options);
    let id = progress.run.head.id;
    let output = progress.last_output();
    let started = runs.durable.patiently(id, || spawned::after(runs, &progress.run, &output)).await?;
    progress.start_runs(started);
    let committed = progress.commit(&runs.durable).await?;
    let head = &progress.run.head;
    runs.durable.numbers.run_ended(head, runs.durable.now_ms());
    if let (RunStatus::Failed, Some(error)) = (head.status, &head.error) {
        runs.failures.tell(head, error, runs.durable.now_ms());
    }
    tell_line(&runs.line, id, committed).await;
    if let Some(parent) = progress.run.head.parent.as_ref().filter(|parent| parent.waits)
        && let Err(error) = runs.line.poke(parent.run).await
    {
        tracing::error!(run = %parent.run, %error, "a waiting run cannot be read; the next start tries again");
    }
    progress.reply_with_end(&runs.replies);
    runs.replies.run_ended();
    Ok(())
}

/// What the end of a step does to the world: with its entry, and not at all without it.
enum AtEnd {
    Run(Box<spawned::New>),
    Answer(Answer),
}

/// What one go holds in memory.
struct Drive<'a> {
    runs: &'a Arc<Runs>,
    progress: &'a mut Progress,
    definition: Arc<Definition>,
    seen: Arc<Seen>,
    state: State,
    attempts: FuturesUnordered<BoxFuture<'static, Option<Attempted>>>,
    aborts: HashMap<StepKey, AbortHandle>,
    /// What finished steps do at their end, until the machine records it.
    at_end: HashMap<StepKey, AtEnd>,
    /// The scripts of finished attempts, until the machine records their end.
    scripts: HashMap<StepKey, Arc<ScriptHost>>,
    /// The cookies that `http` steps share.
    sessions: Sessions,
    /// What finished attempts changed in them, until the machine records their end.
    cookies: HashMap<StepKey, Entry>,
    /// What the scripts of running attempts need of the run.
    requests: (mpsc::UnboundedSender<ScriptRequest>, mpsc::UnboundedReceiver<ScriptRequest>),
    /// An effect was performed, and its entry is not durable yet.
    has_acted: bool,
}

async fn drive(
    runs: &Arc<Runs>,
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
    let workflow = &progress.run.head.workflow;
    let sessions = match Sessions::of(&runs.tools.vault, workflow, &std::mem::take(&mut progress.cookies)) {
        Ok(sessions) => sessions,
        Err(error) => return Ok(Reached::End(Ending::Failed(error))),
    };
    let mut drive = Drive {
        runs,
        progress,
        definition,
        seen,
        state,
        attempts: FuturesUnordered::new(),
        aborts: HashMap::new(),
        at_end: HashMap::new(),
        scripts: HashMap::new(),
        sessions,
        cookies: HashMap::new(),
        requests: mpsc::unbounded_channel(),
        has_acted: false,
    };
    let reached = drive.run(live).await?;
    if let Reached::End(Ending::Succeeded) = reached
        && let Err(error) = drive.progress.answer_by_default(&runs.tools, &drive.definition, &drive.seen)
    {
        return Ok(Reached::End(Ending::Failed(error)));
    }
    Ok(reached)
}

impl Drive<'_> {
    async fn run(&mut self, live: &Live) -> Result<Reached, StoreError> {
        let mut events = vec![RunEvent::Started];
        loop {
            if live.take_poke() {
                // Before anything begins that a cancellation would stop.
                events.splice(0..0, self.signals().await?);
                events.push(RunEvent::Tick);
            }
            for event in std::mem::take(&mut events) {
                if let Some(ending) = self.apply(event).await? {
                    return Ok(Reached::End(ending));
                }
            }
            if std::mem::take(&mut self.has_acted) || self.progress.must_answer(&self.runs.replies) {
                self.commit().await?;
                self.progress.reply_with_answer(&self.runs.replies);
            }
            let due_ms = self.state.next_due();
            if self.attempts.is_empty() && !self.state.is_active() {
                if due_ms.is_some_and(|due_ms| due_ms <= self.now_ms()) {
                    events.push(RunEvent::Tick);
                    continue;
                }
                self.wait(due_ms).await?;
                return Ok(Reached::Wait);
            }
            if self.attempts.is_empty() {
                // The next steps were not begun, because the server stops.
                self.commit().await?;
                return Ok(Reached::Halt);
            }
            let sleep_ms =
                due_ms.map_or(LOOK_MS, |due_ms| due_ms.saturating_sub(self.now_ms()).clamp(1, LOOK_MS));
            tokio::select! {
                // In this order, so that a simulated run can be repeated exactly.
                biased;
                done = self.attempts.next() => match done.flatten() {
                    Some(attempted) => events.push(self.attempted(attempted)),
                    None => events.push(RunEvent::Tick),
                },
                Some(request) = self.requests.1.recv() => self.serve(request).await?,
                () = live.poked() => {
                    events.extend(self.signals().await?);
                    events.push(RunEvent::Tick);
                }
                () = tokio::time::sleep(Duration::from_millis(sleep_ms)), if due_ms.is_some() => {
                    events.push(RunEvent::Tick);
                }
            }
        }
    }

    fn now_ms(&self) -> u64 {
        self.runs.durable.now_ms()
    }

    /// Makes the run durable as it stands.
    async fn commit(&mut self) -> Result<(), StoreError> {
        let committed = self.progress.commit(&self.runs.durable).await?;
        self.tell_line(committed).await;
        Ok(())
    }

    /// Makes everything durable that an effect rests on.
    async fn before_effect(&mut self) -> Result<(), StoreError> {
        let committed = self.progress.before_effect(&self.runs.durable).await?;
        self.tell_line(committed).await;
        Ok(())
    }

    /// Puts the run down until `due_ms`, or until somebody wakes it.
    async fn wait(&mut self, due_ms: Option<u64>) -> Result<(), StoreError> {
        let committed = self.progress.wait(&self.runs.durable, due_ms).await?;
        self.tell_line(committed).await;
        let head = &self.progress.run.head;
        self.runs.line.waits(head.id, &head.workflow, self.progress.bytes());
        self.runs.line.timer(due_ms);
        Ok(())
    }

    /// Written without `async fn`, because a future that borrows `self` could not go to another thread: attempts that are
    /// being executed cannot be shared.
    fn tell_line(&self, committed: Committed) -> impl Future<Output = ()> + Send + use<> {
        let (line, run) = (Arc::clone(&self.runs.line), self.progress.run.head.id);
        async move { tell_line(&line, run, committed).await }
    }

    /// Does what a script needs of the run.
    async fn serve(&mut self, request: ScriptRequest) -> Result<(), StoreError> {
        let done = match request {
            ScriptRequest::Effect(done) => {
                self.before_effect().await?;
                done
            }
            ScriptRequest::Abandon(error) => return Err(error),
            ScriptRequest::Answer(answer, done) => {
                self.progress.answer(*answer);
                self.commit().await?;
                self.progress.reply_with_answer(&self.runs.replies);
                done
            }
        };
        // The attempt may have been given up meanwhile.
        let _ = done.send(());
        Ok(())
    }

    /// Tells the machine, and does what it says. Gives the ending when the run has ended.
    async fn apply(&mut self, event: RunEvent) -> Result<Option<Ending>, StoreError> {
        let inputs = Inputs { now_ms: self.now_ms(), random: self.runs.durable.ports.random() };
        let actions = transition(&self.definition.workflow, &mut self.state, event, inputs);
        let mut to_execute = Vec::new();
        let mut ending = None;
        for action in actions {
            match action {
                Action::Record(entry) => {
                    if let Some(script) = self.scripts.remove(&entry.key()) {
                        self.progress.take_script(&entry, script);
                    }
                    if let Some(cookies) = self.cookies.remove(&entry.key()) {
                        self.progress.record(&self.definition, cookies);
                    }
                    match self.at_end.remove(&entry.key()) {
                        Some(AtEnd::Run(child)) => self.progress.start_runs([*child]),
                        Some(AtEnd::Answer(answer)) => self.progress.answer(answer),
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
                Action::Withdraw(key) => self.progress.withdraw(key),
                Action::Finish(end) => ending = Some(end),
            }
        }
        if ending.is_none() {
            self.execute(to_execute).await?;
        }
        Ok(ending)
    }

    async fn execute(&mut self, attempts: Vec<(StepKey, u32)>) -> Result<(), StoreError> {
        let stops = self.runs.durable.stopping.is_set();
        if attempts.is_empty() || (stops && self.progress.can_halt(&self.runs.replies)) {
            return Ok(());
        }
        let has_effect =
            |key: &StepKey| self.definition.step(&key.step).is_some_and(|step| step.has_effect());
        if attempts.iter().any(|(key, _)| has_effect(key)) {
            self.before_effect().await?;
        }
        for (key, number) in attempts {
            let public_url = &self.runs.options.public_url;
            let place = seen::place(public_url, &self.progress.run, &self.definition, &self.state, &key);
            let performed = attempt::perform(Attempt {
                durable: Arc::clone(&self.runs.durable),
                tools: Arc::clone(&self.runs.tools),
                run: self.progress.run.head.id,
                definition: Arc::clone(&self.definition),
                seen: Arc::clone(&self.seen),
                outputs: self.progress.outputs.clone(),
                place,
                cookies: self
                    .definition
                    .step(&key.step)
                    .and_then(|step| step.session())
                    .map(|session| self.sessions.fork(session)),
                key: key.clone(),
                number,
                requests: self.requests.0.clone(),
            });
            let (abort, registration) = AbortHandle::new_pair();
            self.aborts.insert(key, abort);
            self.attempts.push(Abortable::new(performed, registration).map(Result::ok).boxed());
        }
        Ok(())
    }

    /// What a finished attempt means for the machine.
    fn attempted(&mut self, attempted: Attempted) -> RunEvent {
        let Attempted { key, performed, effect, script, cookies } = attempted;
        let session = self.definition.step(&key.step).and_then(|step| step.session());
        if let (Some(session), false) = (session, cookies.is_empty()) {
            let (vault, workflow) = (&self.runs.tools.vault, &self.progress.run.head.workflow);
            let entry = sessions::entry(vault, workflow, key.clone(), session, &cookies);
            self.sessions.take(session, cookies);
            self.cookies.insert(key.clone(), entry);
        }
        if let Some(script) = script {
            self.scripts.insert(key.clone(), script);
        }
        self.aborts.remove(&key);
        self.has_acted |= effect;
        match performed {
            Performed::Ended { record, again } => RunEvent::Attempt { record, again },
            Performed::Answered { record, answer } => {
                self.at_end.insert(key, AtEnd::Answer(answer));
                RunEvent::Attempt { record, again: RetryHint::Never }
            }
            Performed::RunEnded { record, output } => {
                self.progress.run_output = output;
                RunEvent::Ended(record)
            }
            Performed::Begun(output) => RunEvent::Begun { key, output },
            Performed::Waits { wait, due_ms } => RunEvent::Waits { key, wait, due_ms },
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
    ) -> RunEvent {
        let parent = Parent { run: self.progress.run.head.id, key: key.clone(), waits };
        match spawned::subflow(self.runs, &self.progress.run, parent, workflow, input) {
            Ok((child, definition)) => {
                let run = child.head.id;
                self.at_end.insert(key.clone(), AtEnd::Run(Box::new((child, definition))));
                if waits {
                    return RunEvent::Waits { key, wait: Wait::Run(run), due_ms };
                }
                let output = json!({ "run": run, "status": "queued", "output": null });
                let record = StepRecord { output: JsonText::from_value(&output), ..record };
                RunEvent::Attempt { record, again: RetryHint::Never }
            }
            Err((error, again)) => RunEvent::Attempt { record: attempt::failed(record, error), again },
        }
    }

    /// Signals that have not been told to the machine.
    async fn signals(&mut self) -> Result<Vec<RunEvent>, StoreError> {
        let run = self.progress.run.head.id;
        let durable = &self.runs.durable;
        let signals = durable.patiently(run, || tables::signals::list(&*durable.store, run)).await?;
        Ok(self.progress.new_signals(signals).into_iter().map(RunEvent::Signal).collect())
    }
}
