//! Brings runs to execution: the queue decides which, a run is executed by one task at a time, and what reaches it
//! from outside wakes it.

use std::{
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::{Notify, OwnedSemaphorePermit};

use super::{
    Inner,
    catalog::PinnedError,
    execution::{self, Job, Stop},
    groups::Groups,
    patience::Patience,
    pending::Place,
    queue::{Group, Item, Queue},
    recovery,
    trials::{self, Admitted, Beginning, Released},
};
use crate::{
    model::{RunHead, RunId, Signal, WorkflowKey},
    reactor,
    store::{Batch, StoreError, tables},
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
    /// Whether it has been marked, where it must be, and its steps are executed.
    executed: AtomicBool,
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

impl State {
    /// See [`Scheduler::tell`].
    fn tell(&mut self, run: RunId) -> bool {
        if let Some(live) = self.live.get(&run) {
            live.poked.store(true, Ordering::SeqCst);
            live.wake.notify_one();
            return true;
        }
        self.queued.get_mut(&run).map(|told| *told = true).is_some()
    }
}

impl Scheduler {
    /// A scheduler that executes at most `most` runs at once.
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
        self.lock().live.get(&run).is_some_and(|live| live.executed.load(Ordering::SeqCst))
    }

    /// Lets a workflow begin only what is on trial, or releases one such hold.
    pub(super) fn hold_back(&self, workflow: &WorkflowKey, held: bool) {
        self.lock().queue.hold_back(workflow, held);
    }

    /// The runs that are being executed at this moment.
    #[cfg(test)]
    pub(super) fn live(&self) -> Vec<RunId> {
        self.lock().live.keys().copied().collect()
    }

    /// Tells a run that is in line or executed; whether it is one of these.
    fn tell(&self, run: RunId) -> bool {
        self.lock().tell(run)
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

/// Puts a run in line. One that is there already, or is executed, is told to look at what has come for it: whoever read it before
/// this call may have come because of that.
pub(super) fn enqueue(inner: &Arc<Inner>, head: &RunHead, groups: Groups, job: Option<Job>, place: Place) {
    let weight = inner.catalog.weight(&head.workflow);
    let mut state = inner.scheduler.lock();
    if state.tell(head.id) {
        return;
    }
    let (place, first) = match inner.trials.admit(head.id, place) {
        Admitted::Free(place) => (place, false),
        Admitted::First(place) => (place, true),
        Admitted::Later => return,
    };
    let item = Item {
        run: head.id,
        workflow: head.workflow.clone(),
        weight,
        bytes: place.bytes(),
        group: groups.group,
        pace: groups.pace,
        begun: head.started_ms.is_some() || first,
        unheld: first,
        payload: Ready { job: job.map(Box::new), place, group: head.group },
    };
    state.queued.insert(head.id, false);
    state.queue.push(item);
    drop(state);
    pump(inner);
}

/// Tells a run that there is something for it: a signal, or its time. While the store cannot be reached it is told later, by a task.
///
/// # Errors
/// When it waits and cannot be read.
pub(super) async fn poke(inner: &Arc<Inner>, run: RunId) -> Result<(), StoreError> {
    if inner.scheduler.tell(run) {
        return Ok(());
    }
    match take_up(inner, run).await {
        Err(StoreError::Unavailable { .. }) => {
            tokio::spawn(patient_take_up(Arc::clone(inner), run, false));
            Ok(())
        }
        taken => taken,
    }
}

/// As [`take_up`], waiting for the store; and past all that holds the run back if it is `hurried`.
async fn patient_take_up(inner: Arc<Inner>, run: RunId, hurried: bool) {
    let mut patience = Patience::of(run);
    loop {
        match take_up(&inner, run).await {
            Err(error) if patience.again(&inner, &error).await => {}
            Err(error) => {
                return tracing::error!(%run, %error, "a run cannot be read; the next start tries again");
            }
            Ok(()) => break,
        }
    }
    if hurried {
        inner.scheduler.lock().queue.hurry(run);
        pump(&inner);
    }
}

/// Reads a run that waits, and puts it in line.
async fn take_up(inner: &Arc<Inner>, run: RunId) -> Result<(), StoreError> {
    // While it is read others may take it up, so `enqueue` looks once more. One that is taken up for nothing waits again, or is found
    // to have ended.
    let Some(head) = tables::runs::head(&*inner.store, run).await?.filter(|head| !head.status.is_terminal())
    else {
        return Ok(());
    };
    let groups = recovery::groups(inner, &head).await?;
    let bytes = inner.waiting.remove(run, &head.workflow).unwrap_or_default();
    enqueue(inner, &head, groups, None, inner.pending.force(&head.workflow, bytes));
    Ok(())
}

/// As [`poke`], past all that holds the run back.
///
/// # Errors
/// As [`poke`].
pub(super) async fn hurry(inner: &Arc<Inner>, run: RunId) -> Result<(), StoreError> {
    if let Some(workflow) = inner.trials.excuse(run) {
        inner.scheduler.hold_back(&workflow, false);
    }
    if !inner.scheduler.tell(run) {
        match take_up(inner, run).await {
            Err(StoreError::Unavailable { .. }) => {
                tokio::spawn(patient_take_up(Arc::clone(inner), run, true));
            }
            taken => taken?,
        }
    }
    inner.scheduler.lock().queue.hurry(run);
    pump(inner);
    Ok(())
}

/// As [`hurry`], for a run whose cancellation is stored together with something else, which is done whatever becomes of this.
pub(super) async fn cancel(inner: &Arc<Inner>, run: RunId) {
    if let Err(error) = hurry(inner, run).await {
        tracing::error!(%run, %error, "a run to be cancelled cannot be read; the next start tries again");
    }
}

/// Pauses a workflow, or lets it go on.
pub(super) fn pause(inner: &Arc<Inner>, workflow: &WorkflowKey, paused: bool) {
    inner.scheduler.lock().queue.pause(workflow, paused);
    pump(inner);
}

/// Executes what can be executed now.
pub(super) fn pump(inner: &Arc<Inner>) {
    loop {
        if inner.stopping.is_set() {
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
        reactor::spawn(item.bytes, run(Arc::clone(inner), item, live, permit));
    }
}

/// Executes one run until it ends or waits.
async fn run(inner: Arc<Inner>, item: Item<Ready>, live: Arc<Live>, permit: OwnedSemaphorePermit) {
    let Item { run, workflow, bytes, payload: Ready { mut job, place, group }, .. } = item;
    let mut ended = false;
    loop {
        let read = match job.take() {
            Some(job) => Ok(Some(*job)),
            None => patient_load(&inner, run).await,
        };
        let stop = match read {
            Ok(Some(job)) => begin(&inner, run, &live, job).await,
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
            Stop::Waits if live.is_poked() => {
                inner.waiting.remove(run, &workflow);
                continue;
            }
            Stop::Waits | Stop::Halted => {}
        }
        state.live.remove(&run);
        state.queue.stopped(run, &workflow, bytes, group, ended);
        break;
    }
    drop((permit, place));
    acquit(&inner, run).await;
    pump(&inner);
}

/// Executes a run; one that may have ended the process is marked durably before, or begun no more.
async fn begin(inner: &Arc<Inner>, run: RunId, live: &Live, mut job: Job) -> Stop {
    let (ends, on_trial) = match inner.trials.begin(run) {
        Beginning::Plain => {
            live.executed.store(true, Ordering::SeqCst);
            return execution::execute(inner, live, job).await;
        }
        Beginning::Condemned { ends } => {
            job.condemn(trials::condemned(ends));
            return execution::execute(inner, live, job).await;
        }
        Beginning::Marked { ends, on_trial } => (ends, on_trial),
    };
    if is_to_be_cancelled(inner, run).await {
        // It only ends: nothing of it runs, so nothing is to be marked, and an earlier mark goes with its end.
        job.keeps_mark();
        live.executed.store(true, Ordering::SeqCst);
        return execution::execute(inner, live, job).await;
    }
    if let Err(error) = job.mark(inner, ends).await {
        tracing::error!(run = %run, %error, "a run could not be marked; it stays queued");
        return Stop::Halted;
    }
    live.executed.store(true, Ordering::SeqCst);
    let mut executed = pin!(execution::execute(inner, live, job));
    if on_trial {
        match tokio::time::timeout(trials::TRIAL, &mut executed).await {
            Ok(stop) => return stop,
            Err(_) => outlive(inner, run, ends).await,
        }
    }
    executed.await
}

/// Whether somebody wants the run to end.
async fn is_to_be_cancelled(inner: &Inner, run: RunId) -> bool {
    let mut patience = Patience::of(run);
    let signals = loop {
        match tables::signals::list(&*inner.store, run).await {
            Err(error) if patience.again(inner, &error).await => {}
            // What is wrong comes up again where it matters.
            signals => break signals.unwrap_or_default(),
        }
    };
    signals.iter().any(|(_, signal)| matches!(signal, Signal::Cancel { .. }))
}

/// The trial of a run took too long: the others go on, and what happens then is not blamed on it while there are others
/// to be tried.
async fn outlive(inner: &Arc<Inner>, run: RunId, ends: u32) {
    if inner.trials.has_others() {
        let mut batch = Batch::new();
        tables::trials::lower(&mut batch, run, ends, ends - 1);
        match inner.store.commit(batch).await {
            // It got further just now.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => tracing::warn!(run = %run, %error, "the mark of a run stays as it is"),
        }
    }
    acquit(inner, run).await;
}

/// The trial of a run is over, if it was the one that is tried: its workflow goes on, and the next one is tried.
pub(super) async fn acquit(inner: &Arc<Inner>, run: RunId) {
    let Some(Released { workflow, next }) = inner.trials.release(run) else { return };
    inner.scheduler.hold_back(&workflow, false);
    if let Some((next, place)) = next {
        if let Err(error) = poke(inner, next).await {
            tracing::error!(run = %next, %error, "a run cannot be read; the next start tries again");
        }
        drop(place);
    }
    pump(inner);
}

/// As [`load`]; waits while the store cannot be reached.
async fn patient_load(inner: &Inner, id: RunId) -> Result<Option<Job>, StoreError> {
    let mut patience = Patience::of(id);
    loop {
        match load(inner, id).await {
            Err(error) if patience.again(inner, &error).await => {}
            read => return read,
        }
    }
}

/// Reads a run back; nothing when it has ended already.
async fn load(inner: &Inner, id: RunId) -> Result<Option<Job>, StoreError> {
    let store = &*inner.store;
    let Some(run) = tables::runs::get(store, id).await?.filter(|run| !run.head.status.is_terminal()) else {
        return Ok(None);
    };
    let entries = tables::journal::list(store, id).await?;
    let definition = match inner.catalog.pinned(store, &run.head.workflow, run.head.version).await {
        Ok(definition) => Ok(definition),
        Err(PinnedError::Missing(error)) => Err(error),
        Err(PinnedError::Store(error)) => return Err(error),
    };
    Ok(Some(Job::stored(run, definition, entries)))
}
