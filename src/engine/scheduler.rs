//! Brings runs to execution: the queue decides which, a run is executed by one task at a time, and what reaches it
//! from outside wakes it.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::{
    Inner,
    execution::{self, Job, Stop},
    groups::Groups,
    pending::Place,
    queue::{Group, Item, Queue},
    recovery,
};
use crate::{
    model::{RunHead, RunId, WorkflowKey},
    store::{StoreError, tables},
};

/// A run that is in line, with what is needed to execute it.
pub(super) struct Ready {
    /// Held in memory for a caller that waits; else the run is read from the store when its turn comes.
    job: Option<Box<Job>>,
    place: Place,
    group: Option<Group>,
}

/// A run that is being executed.
#[derive(Default)]
pub(super) struct Live {
    poked: AtomicBool,
    wake: Notify,
}

impl Live {
    /// Resolves when the run is to look at its signals.
    pub(super) async fn poked(&self) {
        loop {
            if self.poked.swap(false, Ordering::SeqCst) {
                return;
            }
            self.wake.notified().await;
        }
    }

    fn is_poked(&self) -> bool {
        self.poked.load(Ordering::SeqCst)
    }

    /// Whether it is to look at its signals.
    pub(super) fn take_poke(&self) -> bool {
        self.poked.swap(false, Ordering::SeqCst)
    }
}

/// The queue and the runs being executed.
pub(super) struct Scheduler(Mutex<State>);

struct State {
    queue: Queue<Ready>,
    /// Runs in line, and whether something came for them meanwhile.
    queued: HashMap<RunId, bool>,
    live: HashMap<RunId, Arc<Live>>,
}

impl Scheduler {
    /// A scheduler that executes at most `most` runs of one workflow at once.
    pub(super) fn new(most: usize) -> Self {
        Self(Mutex::new(State { queue: Queue::new(most), queued: HashMap::new(), live: HashMap::new() }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a workflow begins no runs.
    pub(super) fn is_paused(&self, workflow: &WorkflowKey) -> bool {
        self.lock().queue.is_paused(workflow)
    }

    /// Whether a run is being executed at this moment.
    pub(super) fn is_live(&self, run: RunId) -> bool {
        self.lock().live.contains_key(&run)
    }

    /// When a run that is held back by a pace may begin.
    pub(super) fn next_ms(&self) -> Option<u64> {
        self.lock().queue.next_ms()
    }

    /// A run that waits keeps its place in its concurrency group.
    pub(super) fn hold(&self, group: Option<Group>, run: RunId) {
        if let Some(group) = group {
            self.lock().queue.hold(group, run);
        }
    }
}

/// Puts a run in line.
pub(super) fn enqueue(inner: &Arc<Inner>, head: &RunHead, groups: Groups, job: Option<Job>, place: Place) {
    let weight = inner.catalog.weight(&head.workflow);
    let item = Item {
        run: head.id,
        workflow: head.workflow.clone(),
        weight,
        group: groups.group,
        pace: groups.pace,
        begun: head.started_ms.is_some(),
        payload: Ready { job: job.map(Box::new), place, group: head.group },
    };
    let mut state = inner.scheduler.lock();
    if state.live.contains_key(&head.id) || state.queued.contains_key(&head.id) {
        return;
    }
    state.queued.insert(head.id, false);
    state.queue.push(item);
    drop(state);
    pump(inner);
}

/// Tells a run that there is something for it: a signal, or its time.
///
/// # Errors
/// When it waits and cannot be read.
pub(super) fn poke(inner: &Arc<Inner>, run: RunId) -> Result<(), StoreError> {
    let mut state = inner.scheduler.lock();
    if let Some(live) = state.live.get(&run) {
        live.poked.store(true, Ordering::SeqCst);
        live.wake.notify_one();
        return Ok(());
    }
    if let Some(told) = state.queued.get_mut(&run) {
        *told = true;
        return Ok(());
    }
    drop(state);
    let Some(head) = tables::runs::head(&*inner.store, run)?.filter(|head| !head.status.is_terminal()) else {
        return Ok(());
    };
    let groups = recovery::groups(inner, &head)?;
    enqueue(inner, &head, groups, None, inner.pending.force(&head.workflow));
    Ok(())
}

/// As [`poke`], past all that holds the run back.
///
/// # Errors
/// As [`poke`].
pub(super) fn hurry(inner: &Arc<Inner>, run: RunId) -> Result<(), StoreError> {
    poke(inner, run)?;
    inner.scheduler.lock().queue.hurry(run);
    pump(inner);
    Ok(())
}

/// Pauses a workflow, or lets it go on.
pub(super) fn pause(inner: &Arc<Inner>, workflow: &WorkflowKey, paused: bool) {
    inner.scheduler.lock().queue.pause(workflow, paused);
    pump(inner);
}

/// Executes what can be executed now.
pub(super) fn pump(inner: &Arc<Inner>) {
    loop {
        if inner.stopping.load(Ordering::SeqCst) {
            return;
        }
        let Ok(permit) = Arc::clone(&inner.running).try_acquire_owned() else { return };
        let mut state = inner.scheduler.lock();
        let Some(item) = state.queue.pop(inner.ports.now_ms()) else { return };
        let told = state.queued.remove(&item.run).unwrap_or_default();
        let live = Arc::new(Live::default());
        // What came while it was in line is looked at first.
        live.poked.store(told || item.payload.job.is_none(), Ordering::SeqCst);
        state.live.insert(item.run, Arc::clone(&live));
        drop(state);
        tokio::spawn(run(Arc::clone(inner), item, live, permit));
    }
}

/// Executes one run until it ends or waits.
async fn run(inner: Arc<Inner>, item: Item<Ready>, live: Arc<Live>, permit: OwnedSemaphorePermit) {
    let Item { run, workflow, payload: Ready { mut job, place, group }, .. } = item;
    let mut ended = false;
    loop {
        let stop = match job.take().map_or_else(|| load(&inner, run), |job| Ok(Some(*job))) {
            Ok(Some(job)) => execution::execute(&inner, &live, job).await,
            Ok(None) => Stop::Ended,
            Err(error) => {
                tracing::error!(run = %run, %error, "an accepted run cannot be read; it stays queued");
                Stop::Halted
            }
        };
        let mut state = inner.scheduler.lock();
        match stop {
            Stop::Ended => ended = true,
            // Something came between its last look and now; the next go looks at it first.
            Stop::Waits if live.is_poked() => continue,
            Stop::Waits | Stop::Halted => {}
        }
        state.live.remove(&run);
        state.queue.stopped(run, &workflow, group, ended);
        break;
    }
    drop((permit, place));
    pump(&inner);
}

/// Reads a run back; nothing when it has ended already.
fn load(inner: &Inner, id: RunId) -> Result<Option<Job>, StoreError> {
    let store = &*inner.store;
    let Some(run) = tables::runs::get(store, id)?.filter(|run| !run.head.status.is_terminal()) else {
        return Ok(None);
    };
    let entries = tables::journal::list(store, id)?;
    let definition = inner.catalog.pinned(store, &run.head.workflow, run.head.version);
    Ok(Some(Job::stored(run, definition, entries)))
}
