//! How far a run is beside what the store knows, and the batches that make it durable.

use std::{collections::HashMap, collections::HashSet, sync::Arc};

use super::{
    Inner,
    attempt::{self, Seen},
    definition::Definition,
    execution::keep_output,
    patience::{self, Patience},
    replies::Reply,
    scheduler,
    script::ScriptHost,
    spawned,
    transition::Ending,
    waiting::{entry_bytes, event_bytes},
};
use crate::{
    model::{Answer, Entry, JsonText, Mode, Run, RunError, RunId, RunStatus, Signal, StepKey, StepStatus},
    steps::{self, Outputs, Place, Scope},
    store::{Batch, Key, StoreError, tables},
};

/// How far a run is.
pub(super) struct Progress {
    pub(super) run: Run,
    /// Once it is known to be there.
    pub(super) definition: Option<Arc<Definition>>,
    pub(super) outputs: Outputs,
    /// The run's output, when an `end` step said one.
    pub(super) run_output: Option<JsonText>,
    /// Entries that are not stored yet, and the number of the first of them.
    unsaved: Vec<Entry>,
    saved: u32,
    /// The time at which the stored head goes on by itself.
    timer_ms: Option<u64>,
    /// What the run holds in the store, about, bytes.
    bytes: u64,
    mark: Mark,
    /// Something in the head or the answer is not stored yet.
    changed: bool,
    /// Runs to be stored with the next batch.
    children: Vec<(Run, Arc<Definition>)>,
    to_cancel: Vec<RunId>,
    /// Scripts whose attempts end with the next batch, and whether their kv writes count.
    scripts: Vec<(Arc<ScriptHost>, bool)>,
    /// Signals that were told to the machine, by the step that they are for.
    signals: HashMap<StepKey, Key>,
    seen: HashSet<Key>,
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
            // It goes on now.
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
            changed: false,
            children: Vec::new(),
            to_cancel: Vec::new(),
            scripts: Vec::new(),
            signals: HashMap::new(),
            seen: HashSet::new(),
        }
    }

    /// Takes an entry for the next batch.
    pub(super) fn record(&mut self, definition: &Definition, entry: Entry) {
        keep_output(&mut self.outputs, definition, &entry);
        self.bytes += entry_bytes(&entry);
        self.run.head.failed_steps += u32::from(entry.is_failure());
        self.unsaved.push(entry);
    }

    /// What a script left: with the end of its attempt its results go, and its kv writes are made if it ended well.
    pub(super) fn leave(&mut self, entry: &Entry, script: Arc<ScriptHost>) {
        match entry {
            Entry::Ended(record) => {
                self.scripts.push((script, record.status == StepStatus::Succeeded));
            }
            Entry::Retrying(..) => self.scripts.push((script, false)),
            // It goes on later, from the results that are stored.
            Entry::Waiting { .. } => self.bytes += script.kept_bytes(),
            Entry::Begun(..) => {}
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

    /// A run that is stored, and begins, with the next batch.
    pub(super) fn start_run(&mut self, run: Run, definition: Arc<Definition>) {
        self.children.push((run, definition));
    }

    /// A run that is cancelled with the next batch.
    pub(super) fn cancel_run(&mut self, run: RunId) {
        self.to_cancel.push(run);
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
    pub(super) fn must_answer(&self, inner: &Inner) -> bool {
        self.run.answer.is_some() && inner.replies.awaited(self.run.head.id)
    }

    /// Whether the run can be left where it is: nobody waits for it.
    pub(super) fn can_halt(&self, inner: &Inner) -> bool {
        !inner.replies.awaited(self.run.head.id)
    }

    /// A synchronous run that no `response` step answered answers with the trigger's response, or its last output.
    pub(super) fn answer_by_default(
        &mut self,
        inner: &Inner,
        definition: &Definition,
        seen: &Seen,
    ) -> Result<(), RunError> {
        if self.run.head.mode == Mode::Async || self.run.answer.is_some() {
            return Ok(());
        }
        let answer = match definition.default_response() {
            Some(response) => {
                let place = Place { instance: "trigger".to_owned(), ..Place::default() };
                let answer = response.execute(&Scope::new(&seen.facts, &self.outputs, &place))?;
                attempt::masked_answer(answer, &seen.given(inner, definition).masks)
            }
            None => steps::json_answer(&self.last_output()),
        };
        self.answer(answer);
        Ok(())
    }

    /// What the run comes to for whoever called it.
    fn last_output(&self) -> JsonText {
        self.run_output.clone().or_else(|| self.outputs.last().cloned()).unwrap_or_else(JsonText::null)
    }

    /// Makes everything durable that an effect rests on.
    pub(super) async fn before_effect(&mut self, inner: &Arc<Inner>) -> Result<(), StoreError> {
        if self.run.head.started_ms.is_none() {
            // From now on the run keeps its place in its groups, whatever happens.
            self.changed = true;
        }
        match self.unsaved.is_empty() && !self.changed && self.children.is_empty() {
            true => Ok(()),
            false => self.commit(inner).await,
        }
    }

    /// See [`Job::mark`](super::execution::Job::mark).
    pub(super) async fn mark(&mut self, inner: &Arc<Inner>, ends: u32) -> Result<(), StoreError> {
        self.mark = Mark::New(ends);
        self.commit(inner).await
    }

    /// The run has a mark in the store, which goes with its end.
    pub(super) fn is_marked(&mut self) {
        self.mark = Mark::Stored;
    }

    /// Whether the next batch holds more than that the run is under way.
    fn gets_further(&self) -> bool {
        !self.unsaved.is_empty() || self.run.head.status != RunStatus::Queued
    }

    /// Stores the run as waiting until `due_ms`.
    pub(super) async fn wait(&mut self, inner: &Arc<Inner>, due_ms: Option<u64>) -> Result<(), StoreError> {
        self.run.head.status = RunStatus::Waiting;
        self.run.head.due_ms = due_ms;
        self.commit(inner).await?;
        inner.waiting.add(self.run.head.id, &self.run.head.workflow, self.bytes);
        inner.timers.notify(due_ms);
        Ok(())
    }

    /// Gives the run its one terminal state and tells whoever waits for it.
    pub(super) async fn finish(&mut self, inner: &Arc<Inner>, ending: Ending) -> Result<(), StoreError> {
        let head = &mut self.run.head;
        head.finished_ms = Some(inner.ports.now_ms());
        head.due_ms = None;
        (head.status, head.error) = match ending {
            Ending::Succeeded => (RunStatus::Succeeded, None),
            Ending::Failed(error) => (RunStatus::Failed, Some(error)),
            Ending::Cancelled(error) => (RunStatus::Cancelled, Some(error)),
        };
        let output = self.last_output();
        let mut patience = Patience::of(self.run.head.id);
        let followers = loop {
            match spawned::after(inner, &self.run, &output).await {
                Err(error) if patience.again(inner, &error).await => {}
                followers => break followers?,
            }
        };
        self.children.extend(followers);
        self.commit(inner).await?;
        if let Some(parent) = self.run.head.parent.as_ref().filter(|parent| parent.waits)
            && let Err(error) = scheduler::poke(inner, parent.run).await
        {
            tracing::error!(run = %parent.run, %error, "a waiting run cannot be read; the next start tries again");
        }
        match self.run.head.error.clone() {
            Some(error) if self.run.answer.is_none() => {
                inner.replies.send(self.run.head.id, Reply::Failed(error))
            }
            Some(_) | None => self.reply_with_answer(inner),
        }
        inner.ended.notify_waiters();
        Ok(())
    }

    /// Makes the run durable as it stands, with its new entries. Waits while the store has no room or cannot be reached.
    pub(super) async fn commit(&mut self, inner: &Arc<Inner>) -> Result<(), StoreError> {
        if self.run.head.started_ms.is_none() {
            self.run.head.started_ms = Some(inner.ports.now_ms());
        }
        let id = self.run.head.id;
        let mut patience = Patience::of(id);
        let mut batch = loop {
            match self.batch(inner).await {
                Err(error) if patience.again(inner, &error).await => {}
                batch => break batch?,
            }
        };
        let acquitted = self.mark == Mark::Stored && self.gets_further();
        let scripts = std::mem::take(&mut self.scripts);
        let mut staged = Vec::new();
        for (script, counts) in &scripts {
            script.forget(&mut batch);
            if *counts && let Some(part) = script.kv().stage(&mut batch) {
                staged.push((script, part));
            }
        }
        patience::commit(inner, id, batch).await?;
        staged.into_iter().for_each(|(script, part)| script.kv().committed(part));
        self.saved += self.unsaved.len() as u32;
        self.unsaved.clear();
        match self.mark {
            Mark::New(_) => self.mark = Mark::Stored,
            Mark::Stored if acquitted => {
                self.mark = Mark::None;
                scheduler::acquit(inner, id).await;
            }
            Mark::None | Mark::Stored => {}
        }
        self.changed = false;
        self.timer_ms = self.run.head.due_ms;
        for (child, definition) in self.children.drain(..) {
            let place = inner.pending.force(&child.head.workflow, event_bytes(&child.event));
            let groups = definition.keys.of(&child.head.workflow, &child.event);
            scheduler::enqueue(inner, &child.head, groups, None, place);
        }
        for run in std::mem::take(&mut self.to_cancel) {
            scheduler::cancel(inner, run).await;
        }
        Ok(())
    }

    async fn batch(&self, inner: &Inner) -> Result<Batch, StoreError> {
        let (head, mut batch) = (&self.run.head, Batch::new());
        for (number, entry) in (self.saved..).zip(&self.unsaved) {
            tables::journal::insert(&mut batch, head.id, number, entry);
            if let Entry::Ended(record) = entry
                && let Some(signal) = self.signals.get(&record.key())
            {
                batch.delete(signal.clone());
            }
        }
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
            self.ending(inner, &mut batch).await?;
        }
        Ok(batch)
    }

    /// What goes, and what follows, with the end of the run.
    async fn ending(&self, inner: &Inner, batch: &mut Batch) -> Result<(), StoreError> {
        let (store, head) = (&*inner.store, &self.run.head);
        tables::signals::remove_all(batch, head.id);
        tables::calls::remove_all(batch, head.id);
        if let (RunStatus::Failed, Some(digest)) = (head.status, head.claim) {
            // It gives its key back, so that the sender's retry is a new run.
            tables::claims::release(store, batch, &digest, head.id).await?;
        }
        if head.status == RunStatus::Failed {
            tables::letters::insert(batch, head.id);
        }
        let kept = self.definition.as_ref().map(|definition| definition.workflow.policy.retention);
        let kept = match head.status {
            RunStatus::Succeeded => {
                kept.and_then(|kept| kept.succeeded).unwrap_or(inner.options.keep_succeeded)
            }
            RunStatus::Queued | RunStatus::Waiting | RunStatus::Failed | RunStatus::Cancelled => {
                kept.and_then(|kept| kept.failed).unwrap_or(inner.options.keep_failed)
            }
        };
        let finished_ms = head.finished_ms.unwrap_or(head.created_ms);
        tables::history::note(batch, head.id, finished_ms.saturating_add(kept.as_millis()));
        if let Some(slot) = &head.slot {
            tables::slots::release(store, batch, slot, head.id).await?;
        }
        if let (Some(origin), RunStatus::Succeeded) = (head.origin, head.status) {
            // What failed once has been made up for.
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

    pub(super) fn reply_with_answer(&mut self, inner: &Inner) {
        if let Some(answer) = &self.run.answer {
            inner.replies.send(self.run.head.id, Reply::Answer(answer.clone()));
        }
    }

    /// The outcome is not durable: the run stays queued, and the next start executes it again.
    pub(super) fn lose(&mut self, inner: &Inner, error: StoreError) {
        tracing::error!(run = %self.run.head.id, %error, "the outcome of a run could not be stored");
        inner.replies.send(self.run.head.id, Reply::Lost(error));
    }
}
