//! The first work after a start: takes up unfinished runs, and suspects those that may have ended the process.

use std::collections::{HashMap, HashSet};

use super::{durable::Durable, run::Runs};
use crate::{
    model::{RunHead, RunId, RunStatus, Signal, WorkflowKey},
    store::{Batch, Store, StoreError, tables},
};

/// Queue items read at once.
const PAGE: usize = 1_000;

/// Takes up every unfinished run, oldest first. A run that is ready stands in line again. A run that waits keeps its place
/// in its groups, and its timer.
pub(super) async fn requeue(runs: &Runs) -> Result<(), StoreError> {
    let (store, line) = (&*runs.durable.store, &runs.line);
    for workflow in tables::letters::paused(store).await? {
        line.pause(&workflow, true);
    }
    let mut suspicion = begin_process(store).await?;
    let mut after = None;
    let mut ready = Vec::new();
    let mut waiting = 0;
    let now_ms = runs.durable.now_ms();
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
                line.hold(&head);
            }
            let waits = match head.status {
                RunStatus::Waiting => true,
                RunStatus::Queued | RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled => false,
            };
            if let Some(suspicion) = &mut suspicion {
                let woken = head.due_ms.is_some_and(|due_ms| due_ms <= now_ms) || signalled.contains(&id);
                if !waits || woken {
                    suspicion.look_at(runs, &head);
                }
            }
            if waits {
                waiting += 1;
                line.waits(id, &head.workflow, bytes);
            } else {
                ready.push(head);
            }
        }
        if page.len() < PAGE {
            break;
        }
        after = page.last().map(|(id, _)| *id);
    }
    if let Some(suspicion) = suspicion {
        suspicion.forget_the_rest(store).await;
    }
    let taken_up = ready.len();
    for head in ready {
        let groups = runs.catalog.groups_of(store, &head).await?;
        line.enqueue(&head, groups, None, line.seat_of_stored(&head.workflow, 0));
    }
    for run in tables::signals::runs(store).await? {
        let signals = tables::signals::list(store, run).await?;
        if signals.iter().any(|(_, signal)| matches!(signal, Signal::Cancel { .. })) {
            line.hurry(run).await?;
        } else {
            // Only a run that is to end may pass the limit of its group.
            line.poke(run).await?;
        }
    }
    if taken_up + waiting > 0 {
        tracing::info!(runs = taken_up, waiting, "taking up unfinished runs");
    }
    Ok(())
}

/// The runs that may have been under way when the process ended without a stop.
struct Suspicion {
    /// For each run with a mark: how many ends of the process it was under way at.
    marks: HashMap<RunId, u32>,
    /// How many runs of each workflow may have been under way at the last end.
    looked_at: HashMap<WorkflowKey, usize>,
}

impl Suspicion {
    /// Looks at a run that is ready, oldest first. A run that was never begun again has no mark. Then the runs at the front of
    /// their line may have been under way, because no more runs than these are executed at once.
    fn look_at(&mut self, runs: &Runs, head: &RunHead) {
        let before = match self.looked_at.get_mut(&head.workflow) {
            Some(before) => before,
            None => self.looked_at.entry(head.workflow.clone()).or_default(),
        };
        let at_the_front = *before < runs.options.max_running;
        *before += 1;
        let ends = self.marks.remove(&head.id).unwrap_or(u32::from(at_the_front));
        if runs.line.accuse(head, ends) {
            tracing::warn!(run = %head.id, workflow = %head.workflow, ends, "the process ended while this run was under way; it is tried alone");
        }
    }

    /// Removes the marks of runs that have ended.
    async fn forget_the_rest(self, store: &dyn Store) {
        let mut batch = Batch::new();
        self.marks.keys().for_each(|&run| tables::trials::clear(&mut batch, run));
        if !batch.is_empty()
            && let Err(error) = store.commit(batch).await
        {
            tracing::warn!(%error, "marks of ended runs stay until the next start");
        }
    }
}

/// Notes that a process runs. If the last process was not stopped, gives what is known of its runs.
async fn begin_process(store: &dyn Store) -> Result<Option<Suspicion>, StoreError> {
    let broke_off = tables::trials::broke_off(store).await?;
    let marks = tables::trials::list(store).await?;
    let mut batch = Batch::new();
    tables::trials::started(&mut batch);
    if !broke_off {
        // The runs did not end a process that was stopped.
        marks.iter().for_each(|&(run, _)| tables::trials::clear(&mut batch, run));
    }
    if let Err(error) = store.commit(batch).await {
        tracing::warn!(%error, "the start could not be noted: should the process end without a stop, no run is suspected");
    }
    Ok(broke_off.then(|| Suspicion { marks: marks.into_iter().collect(), looked_at: HashMap::new() }))
}

/// Notes that the process was stopped, so that no run is suspected of having ended it.
pub(super) async fn stopped(durable: &Durable) {
    let mut batch = Batch::new();
    tables::trials::stopped(&mut batch);
    if let Err(error) = durable.store.commit(batch).await {
        tracing::warn!(%error, "the stop could not be noted");
    }
}
