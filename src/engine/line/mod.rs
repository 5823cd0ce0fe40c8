//! The line: which runs are ready, which are executed, and which wait.
//!
//! [`Line`] is one handle for the whole room. It decides whose turn it is (`queue`), how many runs may be accepted
//! (`room`), which runs are suspected of having ended the process (`trials`), and it wakes a run that somebody needs
//! (`wake`). It executes nothing: whatever makes a turn possible notifies the `runner`, which asks for the next run.

mod pending;
mod queue;
mod room;
mod trials;
mod waiting;
mod wake;

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

pub(crate) use pending::Seat;
pub(crate) use trials::{Beginning, TRIAL, condemned};
pub(crate) use waiting::{entry_bytes, event_bytes};

use super::{
    EngineOptions,
    durable::Durable,
    workflow::{Catalog, Definition, Group, Groups},
};
use crate::model::{Run, RunHead, RunId, WorkflowKey};
use pending::Pending;
use queue::{Item, Queue};
use trials::{Admitted, Trials};
use waiting::Waiting;

/// A run that was accepted a moment ago, held in memory so that it need not be read from the store.
pub(crate) struct Fresh {
    pub(crate) run: Run,
    pub(crate) definition: Arc<Definition>,
}

/// What a run in line brings along.
struct Ready {
    fresh: Option<Box<Fresh>>,
    seat: Seat,
    group: Option<Group>,
}

/// A run whose turn has come.
pub(crate) struct Turn {
    pub(crate) run: RunId,
    pub(crate) workflow: WorkflowKey,
    /// What its event holds in memory.
    pub(crate) bytes: u64,
    pub(crate) fresh: Option<Box<Fresh>>,
    pub(crate) live: Arc<Live>,
    /// Given back when the turn is over.
    _seat: Seat,
    group: Option<Group>,
}

/// A run that is being executed.
#[derive(Default)]
pub(crate) struct Live {
    poked: AtomicBool,
    wake: Notify,
    /// Whether the run is marked, if it must be, and its steps are executed.
    executed: AtomicBool,
}

impl Live {
    /// Resolves when the run has to look at its signals.
    pub(crate) async fn poked(&self) {
        loop {
            if self.take_poke() {
                return;
            }
            self.wake.notified().await;
        }
    }

    fn is_poked(&self) -> bool {
        self.poked.load(Ordering::SeqCst)
    }

    /// Whether the run has to look at its signals; the answer is given once.
    pub(crate) fn take_poke(&self) -> bool {
        self.poked.swap(false, Ordering::SeqCst)
    }

    /// The steps of the run are executed from now on.
    pub(crate) fn executes(&self) {
        self.executed.store(true, Ordering::SeqCst);
    }
}

/// The handle of this room.
pub(crate) struct Line {
    state: Mutex<State>,
    pub(crate) trials: Trials,
    pending: Arc<Pending>,
    waiting: Waiting,
    max_pending: usize,
    durable: Arc<Durable>,
    catalog: Arc<Catalog>,
    /// Tells the runner that a run may be able to begin.
    work: Arc<Notify>,
    /// Tells the timers that something is due at a new time.
    timers: Notify,
}

struct State {
    queue: Queue<Ready>,
    /// Runs in line, and whether something came for them while they stood there.
    queued: HashMap<RunId, bool>,
    live: HashMap<RunId, Arc<Live>>,
}

impl State {
    /// See [`Line::tell`].
    fn tell(&mut self, run: RunId) -> bool {
        if let Some(live) = self.live.get(&run) {
            live.poked.store(true, Ordering::SeqCst);
            live.wake.notify_one();
            return true;
        }
        self.queued.get_mut(&run).map(|told| *told = true).is_some()
    }
}

impl Line {
    /// An empty line.
    pub(crate) fn new(durable: Arc<Durable>, catalog: Arc<Catalog>, options: &EngineOptions) -> Self {
        let state =
            State { queue: Queue::new(options.max_running), queued: HashMap::new(), live: HashMap::new() };
        Self {
            state: Mutex::new(state),
            trials: Trials::new(options.max_crashes),
            pending: Arc::new(Pending::new(options.max_pending)),
            waiting: Waiting::new(options.waiting_runs, options.waiting_bytes),
            max_pending: options.max_pending,
            durable,
            catalog,
            work: Arc::default(),
            timers: Notify::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a run in line. A run that stands there already, or is executed, looks at what has come for it: whoever read
    /// it before this call may have come because of that.
    pub(crate) fn enqueue(&self, head: &RunHead, groups: Groups, fresh: Option<Fresh>, seat: Seat) {
        self.stand_in(head, groups, fresh, seat);
        self.changed();
    }

    /// As [`enqueue`](Self::enqueue), for who looks at once whether the run may begin.
    pub(crate) fn stand_in(&self, head: &RunHead, groups: Groups, fresh: Option<Fresh>, seat: Seat) {
        let weight = self.catalog.weight(&head.workflow);
        let mut state = self.lock();
        if state.tell(head.id) {
            return;
        }
        let (seat, first) = match self.trials.admit(head.id, seat) {
            Admitted::Free(seat) => (seat, false),
            Admitted::First(seat) => (seat, true),
            Admitted::Later => return,
        };
        let item = Item {
            run: head.id,
            workflow: head.workflow.clone(),
            weight,
            bytes: seat.bytes(),
            group: groups.group,
            pace: groups.pace,
            begun: head.started_ms.is_some() || first,
            unheld: first,
            payload: Ready { fresh: fresh.map(Box::new), seat, group: head.group },
        };
        state.queued.insert(head.id, false);
        state.queue.push(item);
    }

    /// The run that is executed next, if any may be. It counts as executed until [`Line::leave`].
    pub(crate) fn next(&self) -> Option<Turn> {
        let mut state = self.lock();
        let Item { run, workflow, bytes, payload, .. } = state.queue.pop(self.durable.now_ms())?;
        let Ready { fresh, seat, group } = payload;
        let told = state.queued.remove(&run).unwrap_or_default();
        let live = Arc::new(Live::default());
        // A run looks first at what came while it stood in line.
        live.poked.store(told || fresh.is_none(), Ordering::SeqCst);
        state.live.insert(run, Arc::clone(&live));
        Some(Turn { run, workflow, bytes, fresh, live, _seat: seat, group })
    }

    /// A run waits. False when something came for it between its last look and now: then it still counts as executed,
    /// and looks at that first.
    pub(crate) fn put_down(&self, turn: &Turn) -> bool {
        let mut state = self.lock();
        if turn.live.is_poked() {
            self.waiting.remove(turn.run, &turn.workflow);
            return false;
        }
        state.remove(turn, false);
        true
    }

    /// A run is executed no more, for another reason than that it waits.
    pub(crate) fn leave(&self, turn: &Turn, ended: bool) {
        self.lock().remove(turn, ended);
    }

    /// Resolves when a run may be able to begin: see [`Line::next`].
    pub(crate) fn work(&self) -> Arc<Notify> {
        Arc::clone(&self.work)
    }

    /// Something changed that may let a run begin.
    pub(crate) fn changed(&self) {
        self.work.notify_one();
    }

    /// Whether a workflow begins no runs.
    pub(crate) fn is_paused(&self, workflow: &WorkflowKey) -> bool {
        self.lock().queue.is_paused(workflow)
    }

    /// Pauses a workflow, or lets it go on.
    pub(crate) fn pause(&self, workflow: &WorkflowKey, paused: bool) {
        self.lock().queue.pause(workflow, paused);
        self.changed();
    }

    /// Whether a run is being executed at this moment.
    pub(crate) fn is_live(&self, run: RunId) -> bool {
        self.lock().live.get(&run).is_some_and(|live| live.executed.load(Ordering::SeqCst))
    }

    /// The runs that are being executed at this moment.
    #[cfg(test)]
    pub(crate) fn live(&self) -> Vec<RunId> {
        self.lock().live.keys().copied().collect()
    }

    /// Suspects a run of having ended the process so often. Until its trial is over, its workflow begins nothing else.
    /// True when a trial is needed.
    pub(crate) fn accuse(&self, head: &RunHead, ends: u32) -> bool {
        let suspect = self.trials.accuse(head.id, &head.workflow, ends);
        if suspect {
            self.lock().queue.hold_back(&head.workflow, true);
        }
        suspect
    }

    /// Releases one hold of [`Line::accuse`].
    fn release(&self, workflow: &WorkflowKey) {
        self.lock().queue.hold_back(workflow, false);
    }

    /// Tells a run that stands in line or is executed that something came for it; false when it does neither.
    fn tell(&self, run: RunId) -> bool {
        self.lock().tell(run)
    }

    /// Lets a run in line begin before all others, past all limits.
    fn rush(&self, run: RunId) {
        self.lock().queue.hurry(run);
        self.changed();
    }

    /// When a run that is held back by a pace may begin.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.lock().queue.next_ms()
    }

    /// A run that was begun before the start keeps its place in its concurrency group.
    pub(crate) fn hold(&self, head: &RunHead) {
        if let Some(group) = head.group {
            self.lock().queue.hold(group, head.id);
        }
    }

    /// Something is due at `due_ms`; the timers look when.
    pub(crate) fn timer(&self, due_ms: Option<u64>) {
        if due_ms.is_some() {
            self.timers.notify_one();
        }
    }

    /// Resolves after a [`Line::timer`].
    pub(crate) async fn timer_set(&self) {
        self.timers.notified().await;
    }
}

impl State {
    fn remove(&mut self, turn: &Turn, ended: bool) {
        self.live.remove(&turn.run);
        self.queue.stopped(turn.run, &turn.workflow, turn.bytes, turn.group, ended);
    }
}
