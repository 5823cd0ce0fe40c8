//! How far a run is, how much of that the store knows, and the batches that make the rest durable.
//!
//! This file knows only the store. What a batch sets going comes back as [`Committed`], and `execution` tells the line.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    Tools,
    mask::masked_answer,
    script::ScriptHost,
    seen::Seen,
    spawned::New,
    transition::{Ending, error_output},
};
use crate::{
    engine::{
        EngineOptions, Reply, durable::Durable, line::entry_bytes, numbers::Attempts, replies::Replies,
        workflow::Definition,
    },
    model::{
        Answer, Entry, JsonText, Mode, OpenQuestion, Run, RunError, RunId, RunStatus, SealedText, Signal,
        StepKey, StepStatus, Wait,
    },
    steps::{self, Outputs, Place, Scope},
    store::{Batch, Key, Store, StoreError, tables},
};

/// What a batch set going, for the line.
#[must_use = "the line must be told"]
#[derive(Default)]
pub(crate) struct Committed {
    /// The run got further than at the last end of the process, so it did not cause that end.
    pub(super) acquitted: bool,
    /// Runs that are stored now and begin.
    pub(super) children: Vec<New>,
    /// Runs whose cancellation is stored now.
    pub(super) to_cancel: Vec<RunId>,
}

/// How far a run is.
pub(super) struct Progress {
    pub(super) run: Run,
    /// The version, once it is known to exist.
    pub(super) definition: Option<Arc<Definition>>,
    pub(super) outputs: Outputs,
    /// The output of the run, when an `end` step gave one.
    pub(super) run_output: Option<JsonText>,
    /// Entries that are not stored yet, and the number of the first of them.
    unsaved: Vec<Entry>,
    saved: u32,
    /// The timer of the stored head.
    timer_ms: Option<u64>,
    /// About how many bytes the run holds in the store.
    bytes: u64,
    mark: Mark,
    /// What has ended since the last commit.
    attempts: Attempts,
    /// Until when an ended run is kept.
    expires_ms: u64,
    /// Something in the head or the answer is not stored yet.
    changed: bool,
    /// Runs to be stored with the next batch.
    children: Vec<New>,
    to_cancel: Vec<RunId>,
    /// Questions that are open no more with the next batch.
    withdrawn: Vec<StepKey>,
    /// Scripts whose attempts end with the next batch, and whether their kv writes count.
    scripts: Vec<(Arc<ScriptHost>, bool)>,
    /// Signals that the machine knows, by the step that they are for.
    signals: HashMap<StepKey, Key>,
    seen: HashSet<Key>,
    /// What the stored journal tells of the sessions, in order.
    pub(super) cookies: Vec<(String, SealedText)>,
}

/// The mark of a run that was begun again after an end of the process (`trials`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    None,
    /// To be stored with the next batch.
    New(u32),
    /// Stored; it goes once the run has got further.
    Stored,
}

impl Progress {
    pub(super) fn new(mut run: Run, outputs: Outputs, saved: u32, bytes: u64) -> Self {
        let timer_ms = run.head.due_ms;
        if run.head.status == RunStatus::Waiting {
            // The run goes on now.
            run.head.status = RunStatus::Queued;
            run.head.due_ms = None;
        }
        Self {
            run,
            definition: None,
            outputs,
            run_output: None,
            unsaved: Vec::new(),
            saved,
            timer_ms,
            bytes,
            mark: Mark::None,
            attempts: Attempts::default(),
            expires_ms: 0,
            changed: false,
            children: Vec::new(),
            to_cancel: Vec::new(),
            withdrawn: Vec::new(),
            scripts: Vec::new(),
            signals: HashMap::new(),
            seen: HashSet::new(),
            cookies: Vec::new(),
        }
    }

    /// Takes an entry for the next batch.
    pub(super) fn record(&mut self, definition: &Definition, entry: Entry) {
        keep_output(&mut self.outputs, definition, &entry);
        self.bytes += entry_bytes(&entry);
        self.run.head.failed_steps += u32::from(entry.is_failure());
        self.attempts.count(&entry);
        self.unsaved.push(entry);
    }

    /// Takes what a script left for the next batch: at the end of its attempt its results are removed, and its kv writes are made if it
    /// ended well.
    pub(super) fn take_script(&mut self, entry: &Entry, script: Arc<ScriptHost>) {
        match entry {
            Entry::Ended(record) => {
                self.scripts.push((script, record.status == StepStatus::Succeeded));
            }
            Entry::Retrying(..) => self.scripts.push((script, false)),
            // The attempt goes on later, from its stored results.
            Entry::Waiting { .. } => self.bytes += script.kept_bytes(),
            Entry::Begun(..) | Entry::Cookies { .. } => {}
        }
    }

    /// The first answer counts, as the caller may have it already.
    pub(super) fn answer(&mut self, answer: Answer) {
        if self.run.answer.is_none() {
            self.run.head.answer_status = Some(answer.status);
            self.run.answer = Some(answer);
            self.changed = true;
        }
    }

    /// Runs that are stored with the next batch, and begin then.
    pub(super) fn start_runs(&mut self, runs: impl IntoIterator<Item = New>) {
        self.children.extend(runs);
    }

    /// A run that is cancelled with the next batch.
    pub(super) fn cancel_run(&mut self, run: RunId) {
        self.to_cancel.push(run);
    }

    /// A question that nobody needs the answer to, from the next batch on.
    pub(super) fn withdraw(&mut self, key: StepKey) {
        self.withdrawn.push(key);
    }

    /// The signals that were not seen before.
    pub(super) fn new_signals(&mut self, signals: Vec<(Key, Signal)>) -> Vec<Signal> {
        let mut new = Vec::new();
        for (key, signal) in signals {
            if !self.seen.insert(key.clone()) {
                continue;
            }
            match &signal {
                Signal::Callback { key: step, .. } | Signal::RunEnded { key: step, .. } => {
                    self.signals.insert(step.clone(), key);
                }
                Signal::Cancel { .. } => {}
            }
            new.push(signal);
        }
        new
    }

    /// Whether a caller waits for an answer that is there.
    pub(super) fn must_answer(&self, replies: &Replies) -> bool {
        self.run.answer.is_some() && replies.awaited(self.run.head.id)
    }

    /// Whether the run can be left where it is: nobody waits for it.
    pub(super) fn can_halt(&self, replies: &Replies) -> bool {
        !replies.awaited(self.run.head.id)
    }

    /// A synchronous run that no `response` step answered answers with the trigger's response, or its last output.
    pub(super) fn answer_by_default(
        &mut self,
        tools: &Tools,
        definition: &Definition,
        seen: &Seen,
    ) -> Result<(), RunError> {
        if self.run.head.mode == Mode::Async || self.run.answer.is_some() {
            return Ok(());
        }
        let answer = match definition.default_response(&self.run.event.trigger) {
            Some(response) => {
                let place = Place { instance: "trigger".to_owned(), ..Place::default() };
                let answer = response.execute(&Scope::new(&seen.facts, &self.outputs, &place))?;
                masked_answer(answer, &seen.given(tools, definition).masks)
            }
            None => steps::json_answer(&self.last_output()),
        };
        self.answer(answer);
        Ok(())
    }

    /// The result of the run for whoever called it.
    pub(super) fn last_output(&self) -> JsonText {
        self.run_output.clone().or_else(|| self.outputs.last().cloned()).unwrap_or_else(JsonText::null)
    }

    /// About how many bytes the run holds in the store.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Makes everything durable that an effect rests on.
    pub(super) async fn before_effect(&mut self, durable: &Durable) -> Result<Committed, StoreError> {
        if self.run.head.started_ms.is_none() {
            // From now on the run keeps its place in its groups, whatever happens.
            self.changed = true;
        }
        if self.unsaved.is_empty() && !self.changed && self.children.is_empty() {
            return Ok(Committed::default());
        }
        self.commit(durable).await
    }

    /// See [`Job::mark`](super::Job::mark).
    pub(super) async fn mark(&mut self, durable: &Durable, ends: u32) -> Result<Committed, StoreError> {
        self.mark = Mark::New(ends);
        self.commit(durable).await
    }

    /// The run has a mark in the store, which goes with its end.
    pub(super) fn is_marked(&mut self) {
        self.mark = Mark::Stored;
    }

    /// Whether the next batch says more than that the run is under way.
    fn gets_further(&self) -> bool {
        !self.unsaved.is_empty() || self.run.head.status != RunStatus::Queued
    }

    /// Stores the run as waiting until `due_ms`.
    pub(super) async fn wait(
        &mut self,
        durable: &Durable,
        due_ms: Option<u64>,
    ) -> Result<Committed, StoreError> {
        self.run.head.status = RunStatus::Waiting;
        self.run.head.due_ms = due_ms;
        self.commit(durable).await
    }

    /// Gives the run its one terminal state, which is stored with the next batch.
    pub(super) fn end(&mut self, ending: Ending, now_ms: u64, options: &EngineOptions) {
        let head = &mut self.run.head;
        head.finished_ms = Some(now_ms);
        head.due_ms = None;
        (head.status, head.error) = match ending {
            Ending::Succeeded => (RunStatus::Succeeded, None),
            Ending::Failed(error) => (RunStatus::Failed, Some(error)),
            Ending::Cancelled(error) => (RunStatus::Cancelled, Some(error)),
        };
        let kept = self.definition.as_ref().map(|definition| definition.workflow.policy.retention);
        let kept = match head.status {
            RunStatus::Succeeded => kept.and_then(|kept| kept.succeeded).unwrap_or(options.keep_succeeded),
            RunStatus::Queued | RunStatus::Waiting | RunStatus::Failed | RunStatus::Cancelled => {
                kept.and_then(|kept| kept.failed).unwrap_or(options.keep_failed)
            }
        };
        self.expires_ms = now_ms.saturating_add(kept.as_millis());
    }

    /// Makes the run durable as it stands, with its new entries. Waits while the store has no room or cannot be reached.
    pub(super) async fn commit(&mut self, durable: &Durable) -> Result<Committed, StoreError> {
        if self.run.head.started_ms.is_none() {
            self.run.head.started_ms = Some(durable.now_ms());
        }
        let id = self.run.head.id;
        let this = &*self;
        let mut batch = durable.patiently(id, || this.batch(&*durable.store)).await?;
        let acquitted = self.mark == Mark::Stored && self.gets_further();
        let scripts = std::mem::take(&mut self.scripts);
        let mut staged = Vec::new();
        for (script, counts) in &scripts {
            script.forget(&mut batch);
            if *counts && let Some(part) = script.kv().stage(&mut batch) {
                staged.push((script, part));
            }
        }
        durable.commit(id, batch).await?;
        if self.attempts.any() {
            durable.numbers.attempts(&self.run.head.workflow, &std::mem::take(&mut self.attempts));
        }
        durable.changes.run(id);
        self.children.iter().for_each(|(child, _)| durable.changes.run(child.head.id));
        staged.into_iter().for_each(|(script, part)| script.kv().committed(part));
        self.saved += self.unsaved.len() as u32;
        self.unsaved.clear();
        match self.mark {
            Mark::New(_) => self.mark = Mark::Stored,
            Mark::Stored if acquitted => self.mark = Mark::None,
            Mark::None | Mark::Stored => {}
        }
        self.changed = false;
        self.withdrawn.clear();
        self.timer_ms = self.run.head.due_ms;
        let (children, to_cancel) = (std::mem::take(&mut self.children), std::mem::take(&mut self.to_cancel));
        Ok(Committed { acquitted, children, to_cancel })
    }

    async fn batch(&self, store: &dyn Store) -> Result<Batch, StoreError> {
        let (head, mut batch) = (&self.run.head, Batch::new());
        for (number, entry) in (self.saved..).zip(&self.unsaved) {
            tables::journal::insert(&mut batch, head.id, number, entry);
            match entry {
                Entry::Waiting { key, wait: Wait::Question(question), since_ms, due_ms, .. } => {
                    let asked = OpenQuestion {
                        workflow: head.workflow.clone(),
                        step: key.clone(),
                        question: (**question).clone(),
                        since_ms: *since_ms,
                        due_ms: *due_ms,
                    };
                    tables::questions::put(&mut batch, head.id, &asked);
                }
                Entry::Ended(record) => {
                    if let Some(signal) = self.signals.get(&record.key()) {
                        batch.delete(signal.clone());
                    }
                    if self.definition.as_ref().is_some_and(|definition| definition.asks(&record.step)) {
                        tables::questions::remove(&mut batch, head.id, &record.key());
                    }
                }
                Entry::Waiting { .. } | Entry::Retrying(..) | Entry::Begun(..) | Entry::Cookies { .. } => {}
            }
        }
        self.withdrawn.iter().for_each(|key| tables::questions::remove(&mut batch, head.id, key));
        tables::runs::update(&mut batch, &self.run, self.timer_ms);
        if head.status == RunStatus::Waiting {
            tables::runs::waits_with(&mut batch, head.id, self.bytes);
        }
        match self.mark {
            Mark::New(ends) => tables::trials::mark(&mut batch, head.id, ends),
            Mark::Stored if self.gets_further() => tables::trials::clear(&mut batch, head.id),
            Mark::None | Mark::Stored => {}
        }
        self.children.iter().for_each(|(child, _)| tables::runs::insert(&mut batch, child));
        for &run in &self.to_cancel {
            let reason = format!("{} no longer needs this run", head.id);
            tables::signals::put(&mut batch, run, &Signal::Cancel { reason });
        }
        if head.status.is_terminal() {
            self.ending(store, &mut batch).await?;
        }
        Ok(batch)
    }

    /// Adds to the batch what is removed, and what follows, with the end of the run.
    async fn ending(&self, store: &dyn Store, batch: &mut Batch) -> Result<(), StoreError> {
        let head = &self.run.head;
        tables::signals::remove_all(batch, head.id);
        tables::calls::remove_all(batch, head.id);
        if self.definition.as_ref().is_none_or(|definition| definition.asks_anything()) {
            tables::questions::remove_all(batch, head.id);
        }
        if let (RunStatus::Failed, Some(digest)) = (head.status, head.claim) {
            // A failed run gives its key back, so that a retry of the sender is a new run.
            tables::claims::release(store, batch, &digest, head.id).await?;
        }
        if head.status == RunStatus::Failed {
            tables::letters::insert(batch, head.id);
        }
        let entries = self.saved + self.unsaved.len() as u32;
        let extent = tables::history::Extent { entries, bytes: self.bytes };
        tables::history::end(batch, head, extent, self.expires_ms, head.finished_ms.unwrap_or_default());
        if let Some(slot) = &head.slot {
            tables::slots::release(store, batch, slot, head.id).await?;
        }
        if let (Some(origin), RunStatus::Succeeded) = (head.origin, head.status) {
            // The failure of the repeated run has been made up for.
            tables::letters::remove(batch, origin);
        }
        let Some(parent) = head.parent.as_ref().filter(|parent| parent.waits) else { return Ok(()) };
        if tables::runs::head(store, parent.run).await?.is_some_and(|parent| !parent.status.is_terminal()) {
            let result = match &head.error {
                None => Ok(self.last_output()),
                Some(error) => Err(error.clone()),
            };
            let signal = Signal::RunEnded { key: parent.key.clone(), run: head.id, result };
            tables::signals::put(batch, parent.run, &signal);
        }
        Ok(())
    }

    /// Gives the answer, if there is one, to whoever waits for it.
    pub(super) fn reply_with_answer(&self, replies: &Replies) {
        if let Some(answer) = &self.run.answer {
            replies.send(self.run.head.id, Reply::Answer(answer.clone()));
        }
    }

    /// The run has ended: gives its answer, or its error, to whoever waits for it.
    pub(super) fn reply_with_end(&self, replies: &Replies) {
        match self.run.head.error.clone() {
            Some(error) if self.run.answer.is_none() => {
                replies.send(self.run.head.id, Reply::Failed(error));
            }
            Some(_) | None => self.reply_with_answer(replies),
        }
    }

    /// The outcome is not durable: the run stays queued, and the next start executes it again.
    pub(super) fn lose(&self, replies: &Replies, error: StoreError) {
        tracing::error!(run = %self.run.head.id, %error, "the outcome of a run could not be stored");
        replies.send(self.run.head.id, Reply::Lost(error));
    }
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
