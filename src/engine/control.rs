//! What people and programs do with runs, other than trigger them: start, cancel, repeat, pause.

use std::{collections::HashSet, sync::Arc};

use super::{
    Engine, EngineError, Submission, Submitted, WorkflowChange, fire,
    run::NewRun,
    workflow::{Definition, PinnedError},
};
use crate::{
    model::{
        Cause, ChoiceError, Entry, Event, JsonText, Mode, NamedTrigger, OnError, Run, RunError, RunHead,
        RunId, RunStatus, Signal, StartKind, Started, StepStatus, Workflow, WorkflowKey,
    },
    store::{Batch, StoreError, tables},
};

/// Why an order about a run was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("there is no run {0}")]
    UnknownRun(RunId),
    #[error("there is no workflow `{0}`")]
    UnknownWorkflow(WorkflowKey),
    /// The workflow has no such trigger.
    #[error(transparent)]
    Trigger(#[from] ChoiceError),
    /// The run has ended.
    #[error("{run} has ended already, as {}", .status.as_str())]
    Ended { run: RunId, status: RunStatus },
    /// The run has not ended.
    #[error("{0} has not ended; only what has ended can be repeated")]
    NotEnded(RunId),
    /// There is no failed step to go on from.
    #[error("{0} has no failed step; replay it from its start")]
    NothingFailed(RunId),
    /// The newest version has not the steps whose outputs would be kept.
    #[error(
        "the newest version cannot go on from where {run} failed: {why}. Retry it on its own version, or replay it from its \
         start on the newest"
    )]
    TreeDiffers {
        run: RunId,
        /// The first step that differs, and how.
        why: String,
    },
    /// The version of the run cannot be run any more.
    #[error("{}", .0.message)]
    Version(RunError),
    /// The new run is not accepted.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<StoreError> for ControlError {
    fn from(error: StoreError) -> Self {
        Self::Engine(EngineError::Store(error))
    }
}

/// Which version a repetition runs on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayOn {
    /// The version of the repeated run.
    Same,
    /// The version that is installed now.
    Newest,
}

impl Engine {
    /// Starts a run by hand. `trigger` names the trigger that the run is to take for its own; a schedule gives its `input`
    /// and this moment when there is no data. Without a name it is the only `manual` trigger, if there is one.
    ///
    /// # Errors
    /// When the workflow is unknown or disabled, it has no such trigger, or the run is not accepted.
    pub async fn start_run(
        &self,
        workflow: &WorkflowKey,
        trigger: Option<&str>,
        data: Option<&JsonText>,
    ) -> Result<Submitted, ControlError> {
        let definition = self.runs.catalog.current(workflow).filter(|definition| definition.workflow.enabled);
        let definition = definition.ok_or_else(|| ControlError::UnknownWorkflow(workflow.clone()))?;
        let now_ms = self.runs.durable.now_ms();
        let event = event_by_hand(&definition.workflow, trigger, data, now_ms)?;
        let submission = Submission {
            definition,
            event,
            mode: Mode::Async,
            cause: Cause::Manual,
            dedupe: None,
            replay: None,
        };
        Ok(self.submit(submission).await?)
    }

    /// Cancels a run, and stops what it does at the moment. The order is durable when this returns.
    ///
    /// # Errors
    /// When it is unknown or has ended.
    pub async fn cancel(&self, run: RunId, reason: &str) -> Result<(), ControlError> {
        let head = self.head(run).await?;
        if head.status.is_terminal() {
            return Err(ControlError::Ended { run, status: head.status });
        }
        let mut batch = Batch::new();
        tables::signals::put(&mut batch, run, &Signal::Cancel { reason: reason.to_owned() });
        self.runs.durable.store.commit(batch).await?;
        self.runs.line.hurry(run).await?;
        Ok(())
    }

    async fn head(&self, run: RunId) -> Result<RunHead, ControlError> {
        tables::runs::head(&*self.runs.durable.store, run).await?.ok_or(ControlError::UnknownRun(run))
    }

    async fn ended(&self, run: RunId) -> Result<Run, ControlError> {
        let found =
            tables::runs::get(&*self.runs.durable.store, run).await?.ok_or(ControlError::UnknownRun(run))?;
        if found.head.status.is_terminal() { Ok(found) } else { Err(ControlError::NotEnded(run)) }
    }

    async fn version(&self, head: &RunHead, on: ReplayOn) -> Result<Arc<Definition>, ControlError> {
        let catalog = &self.runs.catalog;
        match on {
            ReplayOn::Newest => {
                let unknown = || ControlError::UnknownWorkflow(head.workflow.clone());
                catalog.current(&head.workflow).ok_or_else(unknown)
            }
            ReplayOn::Same => catalog
                .pinned(&*self.runs.durable.store, &head.workflow, head.version)
                .await
                .map_err(|error| match error {
                    PinnedError::Missing(error) => ControlError::Version(error),
                    PinnedError::Store(error) => error.into(),
                }),
        }
    }

    /// Runs the event of an ended run once more, as a new run that is linked to it.
    ///
    /// # Errors
    /// When it is unknown or has not ended, or the new run is not accepted.
    pub async fn replay(&self, run: RunId, on: ReplayOn) -> Result<RunId, ControlError> {
        let old = self.ended(run).await?;
        let definition = self.version(&old.head, on).await?;
        let new = NewRun::unattended(old.event, Cause::Replay);
        let mut new = new.of(&definition, &self.runs.durable, &self.runs.tools);
        new.head.origin = Some(run);
        self.begin(new, definition, &[], None).await
    }

    /// Goes on from the failed step of an ended run, as a new run that is linked to it: with the outputs of the steps
    /// before and the same idempotency keys, on the same version or, when the kept steps stand at the same places in it, on
    /// the present one.
    ///
    /// # Errors
    /// When it is unknown, has not ended or has no failed step, when the present version differs before the failed step, or
    /// when the new run is not accepted.
    pub async fn retry(&self, run: RunId, on: ReplayOn) -> Result<RunId, ControlError> {
        let old = self.ended(run).await?;
        let entries = tables::journal::list(&*self.runs.durable.store, run).await?;
        let own = self.version(&old.head, ReplayOn::Same).await?;
        let definition = match on {
            ReplayOn::Same => Arc::clone(&own),
            ReplayOn::Newest => self.version(&old.head, on).await?,
        };
        let kept = before_failure(&own.workflow, entries);
        if matches!(old.head.status, RunStatus::Succeeded) {
            return Err(ControlError::NothingFailed(run));
        }
        if let Some(why) = difference(&own.workflow, &definition.workflow, &kept) {
            return Err(ControlError::TreeDiffers { run, why });
        }
        let new = NewRun::unattended(old.event, Cause::Retry);
        let mut new = new.of(&definition, &self.runs.durable, &self.runs.tools);
        new.head.origin = Some(run);
        new.head.seed = old.head.seed;
        self.begin(new, definition, &kept, Some(run)).await
    }

    async fn begin(
        &self,
        run: Run,
        definition: Arc<Definition>,
        entries: &[Entry],
        remembers: Option<RunId>,
    ) -> Result<RunId, ControlError> {
        let (store, line) = (&*self.runs.durable.store, &self.runs.line);
        let workflow = &run.head.workflow;
        if self.runs.durable.stopping.is_set() {
            return Err(EngineError::Stopping.into());
        }
        let seat = line.seat(workflow, &run.event)?;
        let mut batch = Batch::new();
        tables::runs::insert(&mut batch, &run);
        for (number, entry) in (0..).zip(entries) {
            tables::journal::insert(&mut batch, run.head.id, number, entry);
        }
        if let Some(old) = remembers {
            tables::calls::inherit(store, &mut batch, old, run.head.id).await?;
        }
        store.commit(batch).await?;
        let groups = definition.keys.of(workflow, &run.event);
        line.enqueue(&run.head, groups, None, seat);
        self.runs.durable.changes.run(run.head.id);
        Ok(run.head.id)
    }

    /// Makes a workflow begin no runs, or begin them again. Durable when this returns.
    ///
    /// # Errors
    /// When the workflow is unknown or the store refuses.
    pub async fn pause(&self, workflow: &WorkflowKey, paused: bool) -> Result<(), ControlError> {
        if self.runs.catalog.current(workflow).is_none() {
            return Err(ControlError::UnknownWorkflow(workflow.clone()));
        }
        let mut batch = Batch::new();
        tables::letters::pause(&mut batch, workflow, paused);
        self.runs.durable.store.commit(batch).await?;
        self.runs.line.pause(workflow, paused);
        let change = if paused { WorkflowChange::Paused } else { WorkflowChange::Resumed };
        self.runs.durable.changes.workflow(workflow, change);
        Ok(())
    }

    /// Whether a workflow begins no runs.
    pub fn is_paused(&self, workflow: &WorkflowKey) -> bool {
        self.runs.line.is_paused(workflow)
    }

    /// Takes a failed run off the list of dead letters.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn dismiss(&self, run: RunId) -> Result<(), ControlError> {
        let mut batch = Batch::new();
        tables::letters::remove(&mut batch, run);
        Ok(self.runs.durable.store.commit(batch).await?)
    }

    /// Waits until a run has ended.
    ///
    /// # Errors
    /// When it cannot be read.
    pub async fn wait_for(&self, run: RunId) -> Result<RunHead, StoreError> {
        loop {
            let mut ended = std::pin::pin!(self.runs.replies.some_end());
            // This registers before the check, so that no end between the two is missed.
            ended.as_mut().enable();
            if let Some(head) = tables::runs::head(&*self.runs.durable.store, run)
                .await?
                .filter(|head| head.status.is_terminal())
            {
                return Ok(head);
            }
            ended.await;
        }
    }
}

/// The event of a run that somebody starts by hand.
fn event_by_hand(
    workflow: &Workflow,
    trigger: Option<&str>,
    data: Option<&JsonText>,
    now_ms: u64,
) -> Result<Event, ChoiceError> {
    let trigger = match trigger {
        Some(name) => Some(workflow.trigger(name)?),
        None => {
            let mut manual = workflow.triggers.iter().filter(|it| it.trigger.kind() == StartKind::Manual);
            manual.next().filter(|_| manual.next().is_none())
        }
    };
    let started = trigger.map_or(Started::without_trigger(StartKind::Manual), NamedTrigger::started);
    Ok(match trigger.and_then(|trigger| Some((trigger, trigger.schedule()?))) {
        Some((trigger, schedule)) => fire::event_of(trigger, schedule, data, now_ms),
        None => Event::of_data(data.unwrap_or(&JsonText::null())).started_by(started),
    })
}

/// Where the kept steps do not stand in the other version as they did: each must be there, of the same type, in the same
/// branch of the same step. Steps may come between them, and their settings and scripts may differ: that is what was mended.
fn difference(own: &Workflow, other: &Workflow, kept: &[Entry]) -> Option<String> {
    let (own, other) = (own.places(), other.places());
    kept.iter().map(Entry::key).map(|key| key.step).find_map(|id| match (own.get(&id), other.get(&id)) {
        (Some(was), Some(is)) if was == is => None,
        (Some(_), Some(_)) => {
            Some(format!("its step `{id}` stands in another place there, or has another type"))
        }
        (_, None) => Some(format!("its step `{id}` is not there any more")),
        (None, Some(_)) => Some(format!("its step `{id}` was made otherwise")),
    })
}

/// The entries that a repetition from the failed step keeps: steps that ended well or whose failure was handled, and the
/// loops around them.
fn before_failure(workflow: &Workflow, entries: Vec<Entry>) -> Vec<Entry> {
    let stays = |entry: &Entry| match entry {
        Entry::Ended(record) => match record.status {
            StepStatus::Succeeded => true,
            StepStatus::Failed => {
                workflow.find(&record.step).is_some_and(|step| !matches!(step.on_error, OnError::Fail))
            }
        },
        Entry::Begun(..) => true,
        Entry::Retrying(..) | Entry::Waiting { .. } | Entry::Cookies { .. } => false,
    };
    let ended: HashSet<_> = entries.iter().filter(|entry| stays(entry)).map(Entry::key).collect();
    // A session has what its kept steps got. The failed step will get its cookies anew.
    let has_step = |entry: &Entry| matches!(entry, Entry::Cookies { key, .. } if ended.contains(key));
    entries.into_iter().filter(|entry| stays(entry) || has_step(entry)).collect()
}
