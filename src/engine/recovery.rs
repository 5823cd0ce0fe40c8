//! After a start: what was accepted and not finished is taken up again. And the sweeping of what has expired.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{Inner, catalog::PinnedError, groups::Groups, scheduler};
use crate::{
    model::{RunHead, RunId, RunStatus, Signal, WorkflowKey},
    store::{Batch, StoreError, tables},
};

/// Queue items read at once.
const PAGE: usize = 1_000;
/// Ended runs that are settled at once.
const SETTLED_AT_ONCE: usize = 2_000;

/// Takes up every unfinished run, oldest first: those that are ready stand in line again, those that wait keep their
/// places in their groups and their timers.
pub(super) async fn requeue(inner: &Arc<Inner>) -> Result<(), StoreError> {
    let store = &*inner.store;
    for workflow in tables::letters::paused(store).await? {
        scheduler::pause(inner, &workflow, true);
    }
    let mut suspicion = begin_process(inner).await?;
    let mut after = None;
    let mut ready = Vec::new();
    let mut waiting = 0;
    let now_ms = inner.ports.now_ms();
    let signalled: HashSet<RunId> = match suspicion {
        Some(_) => tables::signals::runs(store).await?.into_iter().collect(),
        None => HashSet::new(),
    };
    loop {
        let page = tables::runs::queued_with_bytes(store, after, PAGE).await?;
        let ids: Vec<RunId> = page.iter().map(|(id, _)| *id).collect();
        let heads = tables::runs::queued_heads(store, &ids).await?;
        for (&(id, bytes), head) in page.iter().zip(heads) {
            if head.started_ms.is_some() {
                inner.scheduler.hold(head.group, id);
            }
            let waits = match head.status {
                RunStatus::Waiting => true,
                RunStatus::Queued | RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled => false,
            };
            if let Some(suspicion) = &mut suspicion {
                let woken = head.due_ms.is_some_and(|due_ms| due_ms <= now_ms) || signalled.contains(&id);
                if !waits || woken {
                    suspicion.look_at(inner, &head);
                }
            }
            match waits {
                true => {
                    waiting += 1;
                    inner.waiting.add(id, &head.workflow, bytes);
                }
                false => ready.push(head),
            }
        }
        if page.len() < PAGE {
            break;
        }
        after = page.last().map(|(id, _)| *id);
    }
    if let Some(suspicion) = suspicion {
        suspicion.forget_the_rest(inner).await;
    }
    let runs = ready.len();
    for head in ready {
        let groups = groups(inner, &head).await?;
        // What is stored is never refused, so these may go over the limit for new ones.
        scheduler::enqueue(inner, &head, groups, None, inner.pending.force(&head.workflow, 0));
    }
    for run in tables::signals::runs(store).await? {
        let signals = tables::signals::list(store, run).await?;
        match signals.iter().any(|(_, signal)| matches!(signal, Signal::Cancel { .. })) {
            true => scheduler::hurry(inner, run).await?,
            // Nothing but its end lets a run pass its group's limit.
            false => scheduler::poke(inner, run).await?,
        }
    }
    if runs + waiting > 0 {
        tracing::info!(runs, waiting, "taking up unfinished runs");
    }
    Ok(())
}

/// Who may have been under way when the process ended without being stopped.
struct Suspicion {
    /// How many ends each was under way at, as far as that was marked.
    marks: HashMap<RunId, u32>,
    /// How many of each workflow may have been under way at the last.
    looked_at: HashMap<WorkflowKey, usize>,
}

impl Suspicion {
    /// Looks at a run that is ready, oldest first. What was never begun again has no mark: then those that stood at the
    /// front of their line may have been under way, as no more than these could be.
    fn look_at(&mut self, inner: &Inner, head: &RunHead) {
        let before = match self.looked_at.get_mut(&head.workflow) {
            Some(before) => before,
            None => self.looked_at.entry(head.workflow.clone()).or_default(),
        };
        let at_the_front = *before < inner.options.max_running;
        *before += 1;
        let ends = self.marks.remove(&head.id).unwrap_or(u32::from(at_the_front));
        if inner.trials.accuse(head.id, &head.workflow, ends) {
            tracing::warn!(run = %head.id, workflow = %head.workflow, ends, "the process ended while this run was under way; it is tried alone");
            inner.scheduler.hold_back(&head.workflow, true);
        }
    }

    /// Marks of what has ended.
    async fn forget_the_rest(self, inner: &Inner) {
        let mut batch = Batch::new();
        self.marks.keys().for_each(|&run| tables::trials::clear(&mut batch, run));
        if !batch.is_empty()
            && let Err(error) = inner.store.commit(batch).await
        {
            tracing::warn!(%error, "marks of ended runs stay until the next start");
        }
    }
}

/// Notes that a process runs; gives what is known of the last one's runs when it was not stopped.
async fn begin_process(inner: &Inner) -> Result<Option<Suspicion>, StoreError> {
    let store = &*inner.store;
    let broke_off = tables::trials::broke_off(store).await?;
    let marks = tables::trials::list(store).await?;
    let mut batch = Batch::new();
    tables::trials::started(&mut batch);
    if !broke_off {
        // A stop in between is no end of theirs.
        marks.iter().for_each(|&(run, _)| tables::trials::clear(&mut batch, run));
    }
    if let Err(error) = store.commit(batch).await {
        tracing::warn!(%error, "the start could not be noted: should the process end without a stop, no run is suspected");
    }
    Ok(broke_off.then(|| Suspicion { marks: marks.into_iter().collect(), looked_at: HashMap::new() }))
}

/// Notes that the process was stopped: what is under way has not ended it.
pub(super) async fn stopped(inner: &Inner) {
    let mut batch = Batch::new();
    tables::trials::stopped(&mut batch);
    if let Err(error) = inner.store.commit(batch).await {
        tracing::warn!(%error, "the stop could not be noted");
    }
}

/// The groups of a stored run; none once it has begun, as it has its places.
pub(super) async fn groups(inner: &Inner, head: &RunHead) -> Result<Groups, StoreError> {
    let store = &*inner.store;
    if head.started_ms.is_some() {
        return Ok(Groups::default());
    }
    let definition = match inner.catalog.pinned(store, &head.workflow, head.version).await {
        Ok(definition) => definition,
        // It fails at its first step.
        Err(PinnedError::Missing(_)) => return Ok(Groups::default()),
        Err(PinnedError::Store(error)) => return Err(error),
    };
    match definition.keys.is_empty() {
        true => Ok(Groups::default()),
        false => Ok(tables::runs::get(store, head.id)
            .await?
            .map(|run| definition.keys.of(&head.workflow, &run.event))
            .unwrap_or_default()),
    }
}

/// Settles ended runs, and drops what has expired of them.
pub(super) async fn settle(inner: &Inner) -> Result<(), StoreError> {
    let store = &*inner.store;
    tables::history::drop_expired(store, inner.ports.now_ms()).await?;
    loop {
        match tables::history::settle_finished(store, SETTLED_AT_ONCE).await {
            Ok(settled) if settled < SETTLED_AT_ONCE => break,
            Ok(_) => {}
            // They stay where they are until the next time.
            Err(StoreError::Conflict { .. } | StoreError::Busy | StoreError::Full { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    store.drop_oldest(inner.options.history_bytes).await?;
    Ok(())
}

/// Dead letters looked at in one sweep.
const LETTERS: usize = 10_000;

/// Takes those off the list of dead letters whose runs have expired, the oldest first.
async fn sweep_letters(inner: &Inner) -> Result<usize, StoreError> {
    let store = &*inner.store;
    let (mut batch, mut gone) = (Batch::new(), 0);
    for run in tables::letters::oldest(store, LETTERS).await? {
        if tables::runs::head(store, run).await?.is_some() {
            // Those after it failed later.
            break;
        }
        tables::letters::remove(&mut batch, run);
        gone += 1;
    }
    if gone > 0 {
        store.commit(batch).await?;
    }
    Ok(gone)
}

/// Removes claims and kv values that have expired, old lines of the request log, signals of runs that have ended, and dead letters of runs that
/// have expired; gives how many, the signals of one run as one.
pub(super) async fn sweep(inner: &Inner) -> Result<usize, StoreError> {
    let (store, now_ms) = (&*inner.store, inner.ports.now_ms());
    let claims = tables::claims::sweep(store, now_ms).await?;
    let kept_from = now_ms.saturating_sub(inner.options.keep_requests.as_millis());
    let excess = inner.request_log.excess(inner).await?;
    let (lines, freed) = tables::requests::trim(store, kept_from, excess).await?;
    inner.request_log.removed(freed);
    let kept = inner.kv.sweep(now_ms).await?;
    let mut signals = Batch::new();
    let mut stale = 0;
    for run in tables::signals::runs(store).await? {
        if tables::runs::head(store, run).await?.is_none_or(|head| head.status.is_terminal()) {
            tables::signals::remove_all(&mut signals, run);
            stale += 1;
        }
    }
    if stale > 0 {
        store.commit(signals).await?;
    }
    Ok(claims + lines + kept + stale + sweep_letters(inner).await?)
}
