//! Whose code computes next: as many guests at once as there are cores, and who used least of them lately comes first.
//!
//! A guest that computes on is asked at each epoch whether it gives its core up and stands in line again. So the threads of
//! greedy guests never push the server's own aside. A workflow that used little lately does not even stand in line: its guests
//! compute at once, and those that used much make room at the next epoch. While there are such workflows, the others leave a core
//! to them and to the server, where there are two and more: locks that are waited for by giving up one's turn cost whole slices
//! of a thread that computes, where there is one on every core. A guest that waits for its turn uses none of its time.

use std::{
    cell::RefCell,
    collections::HashMap,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::Poll,
    time::{Duration, Instant},
};

use futures::{
    future::{Either, poll_fn, select},
    task::AtomicWaker,
};
use tokio::sync::oneshot;
use wasmtime::{Engine, EngineWeak};

use super::thread_time::thread_time;

/// A guest keeps its core for this long, as far as nobody comes who used much less.
const SLICE: Duration = Duration::from_millis(5);
/// What a workflow used counts half after this long.
const HALF_LIFE: Duration = Duration::from_secs(1);
/// Who used less than this, in seconds of one core, is not told apart from others.
const LITTLE: f64 = 0.001;
/// Who used less than this stands in no line: some hundreds of small calls a second.
const MODEST: f64 = 0.2;
/// For so long after a workflow that used little, a core is left free.
const LEFT: Duration = Duration::from_millis(200);
/// Who used more than this in pieces of a slice and longer is greedy.
const GREEDY: f64 = 0.05;

/// The cores. Cheap to clone; all clones are one.
#[derive(Clone)]
pub(super) struct Turns(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Engines whose guests look up when somebody wants a core.
    engines: Mutex<Vec<EngineWeak>>,
}

struct State {
    cores: isize,
    /// Below zero while guests compute that stood in no line.
    free: isize,
    /// Guests that compute of workflows that used much.
    heavy: isize,
    /// Until then a core is left free.
    left_until: Option<Instant>,
    line: Vec<Waiter>,
    /// What each workflow used of the cores lately.
    used: HashMap<Arc<str>, Used>,
    /// Orders those that wait by when they came.
    next: u64,
}

struct Waiter {
    number: u64,
    tenant: Arc<str>,
    told: oneshot::Sender<Core>,
}

/// What a workflow used lately.
#[derive(Clone, Copy)]
struct Used {
    /// Seconds of one core, as they counted at `at`.
    seconds: f64,
    /// Of them, those in pieces longer than a slice.
    long: f64,
    at: Instant,
}

impl Used {
    fn at(self, now: Instant) -> Self {
        let faded =
            0.5_f64.powf(now.saturating_duration_since(self.at).as_secs_f64() / HALF_LIFE.as_secs_f64());
        Self { seconds: self.seconds * faded, long: self.long * faded, at: self.at.max(now) }
    }
}

/// A core that a guest may use, given back when it is dropped.
pub(super) struct Core {
    turns: Turns,
    tenant: Arc<str>,
    since: Instant,
    /// The processor time of its thread then, while a guest computes on it.
    began: Option<Duration>,
    heavy: bool,
    greedy: bool,
}

/// Tells a guest to stop, also one that waits for its turn.
#[derive(Default)]
pub(super) struct Stop {
    set: AtomicBool,
    waiting: AtomicWaker,
}

impl Stop {
    pub(super) fn set(&self) {
        self.set.store(true, Ordering::SeqCst);
        self.waiting.wake();
    }

    pub(super) fn is_set(&self) -> bool {
        self.set.load(Ordering::Relaxed)
    }

    async fn is_told(&self) {
        poll_fn(|context| {
            self.waiting.register(context.waker());
            if self.set.load(Ordering::SeqCst) { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

thread_local! {
    /// The core of the guest on this thread.
    static CORE: RefCell<Option<Core>> = const { RefCell::new(None) };
}

impl Turns {
    /// So many cores, at least one.
    pub(super) fn new(cores: usize) -> Self {
        let cores = isize::try_from(cores.max(1)).unwrap_or(isize::MAX);
        let (line, used) = (Vec::new(), HashMap::new());
        let state = Mutex::new(State { cores, free: cores, heavy: 0, left_until: None, line, used, next: 0 });
        Self(Arc::new(Shared { state, engines: Mutex::default() }))
    }

    /// Guests of this engine give up their cores to others at its epochs.
    pub(super) fn add_engine(&self, engine: &Engine) {
        let mut engines = self.0.engines.lock().unwrap_or_else(PoisonError::into_inner);
        engines.retain(|engine| engine.upgrade().is_some());
        engines.push(engine.weak());
    }

    /// Waits until the workflow may compute on a core.
    pub(super) async fn core(&self, tenant: &Arc<str>) -> Core {
        let now = Instant::now();
        let core = {
            let mut state = self.state();
            let heavy = state.used(tenant, now) >= MODEST;
            if !heavy {
                state.left_until = Some(now + LEFT);
            }
            if !heavy || state.has_room(now) {
                let core = self.take(&mut state, tenant, now);
                let too_many = state.free < 0;
                drop(state);
                if too_many {
                    self.hurry();
                }
                return core;
            }
            state.stand_in_line(tenant)
        };
        match core.await {
            Ok(core) => core,
            Err(_) => {
                unreachable!("who stands in line is told before the line is gone: it holds these turns")
            }
        }
    }

    /// Has the guests look up at once, not at the next epoch.
    fn hurry(&self) {
        let engines = self.0.engines.lock().unwrap_or_else(PoisonError::into_inner);
        engines.iter().filter_map(EngineWeak::upgrade).for_each(|engine| engine.increment_epoch());
    }

    fn take(&self, state: &mut State, tenant: &Arc<str>, now: Instant) -> Core {
        let (heavy, greedy) = (state.used(tenant, now) >= MODEST, state.is_greedy(tenant, now));
        state.free -= 1;
        state.heavy += isize::from(heavy);
        Core { turns: self.clone(), tenant: Arc::clone(tenant), since: now, began: None, heavy, greedy }
    }

    /// Gives free cores to those in line.
    fn hand_out(&self, now: Instant) {
        loop {
            let (told, core) = {
                let mut state = self.state();
                if !state.has_room(now) {
                    return;
                }
                let Some(waiter) = state.next_in_line(now) else { return };
                let core = self.take(&mut state, &waiter.tenant, now);
                (waiter.told, core)
            };
            // Outside of the lock: who gave up gives the core back at once.
            drop(told.send(core));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn stand_in_line(&mut self, tenant: &Arc<str>) -> oneshot::Receiver<Core> {
        let (told, core) = oneshot::channel();
        self.line.push(Waiter { number: self.next, tenant: Arc::clone(tenant), told });
        self.next += 1;
        core
    }

    /// What a workflow used lately, in seconds of one core.
    fn used(&self, tenant: &Arc<str>, now: Instant) -> f64 {
        let seconds = self.used.get(tenant).map_or(0.0, |used| used.at(now).seconds);
        if seconds < LITTLE { 0.0 } else { seconds }
    }

    /// Who comes next: whose workflow used least; of those that used alike, who waits longest.
    fn next_in_line(&mut self, now: Instant) -> Option<Waiter> {
        self.line.retain(|waiter| !waiter.told.is_closed());
        let of = |waiter: &Waiter| (self.used(&waiter.tenant, now), waiter.number);
        let least = self.line.iter().enumerate().min_by(|(_, a), (_, b)| {
            let ((a, first), (b, second)) = (of(a), of(b));
            a.total_cmp(&b).then(first.cmp(&second))
        });
        let (index, _) = least?;
        Some(self.line.swap_remove(index))
    }

    /// How many cores are left free by those that used much.
    fn left(&self, now: Instant) -> isize {
        isize::from(self.cores > 1 && self.left_until.is_some_and(|until| now < until))
    }

    /// Whether a guest may compute whose workflow used much.
    fn has_room(&self, now: Instant) -> bool {
        self.free > 0 && self.heavy < self.cores - self.left(now)
    }

    fn is_greedy(&self, tenant: &Arc<str>, now: Instant) -> bool {
        self.used.get(tenant).is_some_and(|used| used.at(now).long > GREEDY)
    }

    /// Whether a guest gives up the core that it has had for so long, and for so long of it without a charge.
    fn gives_up(&mut self, tenant: &Arc<str>, had: Duration, uncharged: Duration, now: Instant) -> bool {
        self.line.retain(|waiter| !waiter.told.is_closed());
        let mine = self.used(tenant, now) + uncharged.as_secs_f64();
        if mine >= MODEST && (self.free < 0 || self.heavy > self.cores - self.left(now)) {
            return true;
        }
        self.line.iter().any(|waiter| {
            let its = self.used(&waiter.tenant, now);
            if had >= SLICE { its <= mine } else { waiter.tenant != *tenant && 2.0 * its < mine }
        })
    }

    /// Charges a piece. What counts is the time that others could not have the core; whether the piece is long is told by what it
    /// `computed` meanwhile: on a busy machine a small call too has its core for long, and waits most of that time.
    fn charge(&mut self, tenant: &Arc<str>, had: Duration, computed: Duration, now: Instant) {
        let seconds = had.as_secs_f64();
        let long = if computed >= SLICE { seconds } else { 0.0 };
        let used =
            self.used.get(tenant).map_or(Used { seconds: 0.0, long: 0.0, at: now }, |used| used.at(now));
        let used = Used { seconds: used.seconds + seconds, long: used.long + long, at: now };
        if self.used.insert(Arc::clone(tenant), used).is_none() && self.used.len().is_power_of_two() {
            self.used.retain(|_, used| used.at(now).seconds >= LITTLE);
        }
    }
}

impl Core {
    /// Works on this thread while it holds this core, which [`let_others_come_first`] gives up and takes again meanwhile.
    pub(super) fn hold<T>(self, work: impl FnOnce() -> T) -> T {
        /// Takes it off the thread however the work ends.
        struct Held;
        impl Drop for Held {
            fn drop(&mut self) {
                drop(CORE.take());
            }
        }
        CORE.set(Some(self.begin()));
        let _held = Held;
        work()
    }

    /// A guest computes on this thread from now on.
    fn begin(mut self) -> Self {
        self.began = Some(thread_time());
        self
    }

    /// How much of what it `had` was computed on this thread. Asked only of long pieces: a short one computed no more than it had.
    fn computed(&self, had: Duration) -> Duration {
        match self.began {
            Some(began) if had >= SLICE => thread_time().saturating_sub(began).min(had),
            Some(_) | None => had,
        }
    }

    /// Whether its workflow used more lately than some hundreds of small calls a second.
    pub(super) fn is_heavy(&self) -> bool {
        self.heavy
    }

    /// Whether its workflow computed so much lately, or it computes for so long, that the server's own threads come first.
    pub(super) fn is_greedy(&self) -> bool {
        self.greedy
    }

    /// Charges what it had so far once that is a slice; gives how long it has its core since.
    fn account(&mut self, state: &mut State, now: Instant) -> Duration {
        let had = now.saturating_duration_since(self.since);
        if had >= SLICE {
            state.charge(&self.tenant, had, self.computed(had), now);
            self.since = now;
            self.began = self.began.map(|_| thread_time());
            self.greedy = state.is_greedy(&self.tenant, now);
            if !self.heavy && state.used(&self.tenant, now) >= MODEST {
                self.heavy = true;
                state.heavy += 1;
            }
        }
        had
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        let now = Instant::now();
        let had = now.saturating_duration_since(self.since);
        {
            let computed = self.computed(had);
            let mut state = self.turns.state();
            state.charge(&self.tenant, had, computed, now);
            state.free += 1;
            state.heavy -= isize::from(self.heavy);
        }
        self.turns.hand_out(now);
    }
}

/// Gives the core of the guest on this thread back: what it does from now on is no computing of the guest.
pub(super) fn give_back() {
    drop(CORE.take());
}

/// What came of waiting at an epoch.
pub(super) struct Waited {
    /// For so long nothing was computed.
    pub(super) time: Duration,
    /// The guest's workflow computes much.
    pub(super) greedy: bool,
}

/// Gives the core of the guest on this thread to whoever comes first, and takes one again; `stop` ends the waiting. Does nothing
/// where the thread has no core.
pub(super) fn let_others_come_first(stop: &Stop) -> Waited {
    let none = Waited { time: Duration::ZERO, greedy: false };
    let Some(mut core) = CORE.take() else { return none };
    let began = Instant::now();
    let turn = {
        let turns = core.turns.clone();
        let mut state = turns.state();
        let since = core.since;
        let had = core.account(&mut state, began);
        // What was charged counts among what its workflow used.
        let uncharged = if core.since == since { had } else { Duration::ZERO };
        if !state.gives_up(&core.tenant, had, uncharged, began) {
            drop(state);
            // A core that was left free may be so no longer.
            turns.hand_out(began);
            let greedy = core.greedy;
            CORE.set(Some(core));
            return Waited { greedy, ..none };
        }
        state.stand_in_line(&core.tenant)
    };
    // What it had counts before the line moves on, or it would come next itself.
    drop(core);
    let greedy = futures::executor::block_on(async {
        match select(pin!(turn), pin!(stop.is_told())).await {
            Either::Left((Ok(core), _)) => {
                let greedy = core.is_greedy();
                CORE.set(Some(core.begin()));
                greedy
            }
            // It ends, which takes no turn.
            Either::Left((Err(_), _)) | Either::Right(_) => false,
        }
    });
    Waited { time: began.elapsed(), greedy }
}

#[cfg(test)]
mod tests;
