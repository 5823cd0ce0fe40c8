//! Who may start an instance: one budget of slots and memory for everything that runs in the sandbox.
//!
//! Both engines share it, so that scripts and plugins together stay within the memory that the operator gave. A workflow may
//! hold as much as is free ("dynamic thresholds", Choudhury and Hahne, 1998, with a factor of one): alone it gets half, beside
//! one other a third, and something is left for whoever holds nothing yet. What it was given is held by the work itself, not by
//! the caller who waits for it: only when an instance is gone does its place become free.
//!
//! Knows nothing of wasmtime. Never fails for want of room: callers wait.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
};

use tokio::sync::{Notify, oneshot};

use super::{SandboxError, room::Room, share::Share, turns::Turns};
use crate::model::ByteSize;

/// A first instance of up to this many bytes needs no more than that they are free; a larger one leaves half of what is free.
const SMALL: u64 = 64 << 20;

/// What runs in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The guest is a script on the JavaScript engine.
    Script,
    /// The guest is a module that somebody uploaded.
    Plugin,
}

/// The budget. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Admission {
    state: Arc<Mutex<State>>,
    /// The cores, for those that are let in.
    pub(super) turns: Turns,
}

struct State {
    total_memory: u64,
    free_memory: u64,
    total_slots: [u64; 2],
    free_slots: [u64; 2],
    free_waiting: u64,
    tenants: HashMap<Arc<str>, Tenant>,
    /// Instances that wait without a slot, by the number that they then got: they can be made again.
    resting: BTreeMap<u64, Resting>,
    /// Orders those that wait by when they came.
    next: u64,
}

struct Resting {
    tenant: Arc<str>,
    memory: u64,
    told: Arc<Notify>,
}

#[derive(Default)]
struct Tenant {
    slots: [u64; 2],
    memory: u64,
    waiting: u64,
    line: VecDeque<Waiter>,
}

struct Waiter {
    number: u64,
    kind: Kind,
    memory: u64,
    told: oneshot::Sender<Place>,
}

/// Room for one instance, given back when it is dropped.
pub(super) struct Place {
    admission: Admission,
    tenant: Arc<str>,
    kind: Kind,
    holds_slot: bool,
    /// Its number among those that wait without a slot.
    rests: Option<u64>,
    memory: u64,
    /// Told to give the instance up.
    told: Arc<Notify>,
}

impl std::fmt::Debug for Admission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let state = self.state();
        write!(f, "Admission({} of {} bytes free)", state.free_memory, state.total_memory)
    }
}

impl Default for Admission {
    /// One GiB, which suits a server of 2 GiB.
    fn default() -> Self {
        Self::new(ByteSize::from_bytes(1 << 30))
    }
}

impl Admission {
    /// A budget of this much memory. Each engine brings its slots.
    pub fn new(memory: ByteSize) -> Self {
        let state = State {
            total_memory: memory.as_bytes(),
            free_memory: memory.as_bytes(),
            total_slots: [0; 2],
            free_slots: [0; 2],
            free_waiting: 0,
            tenants: HashMap::new(),
            resting: BTreeMap::new(),
            next: 0,
        };
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Self { state: Arc::new(Mutex::new(state)), turns: Turns::new(cores) }
    }

    /// The memory that all guests share, bytes.
    pub fn memory(&self) -> u64 {
        self.state().total_memory
    }

    /// How much is taken at the moment.
    pub(super) fn room(&self) -> Room {
        let state = self.state();
        let used = |kind: Kind| state.total_slots[kind as usize] - state.free_slots[kind as usize];
        Room {
            script_slots: state.total_slots[Kind::Script as usize],
            script_slots_used: used(Kind::Script),
            plugin_slots: state.total_slots[Kind::Plugin as usize],
            plugin_slots_used: used(Kind::Plugin),
            memory: state.total_memory,
            memory_used: state.total_memory - state.free_memory,
            waiting: state.tenants.values().map(|tenant| tenant.line.len() as u64).sum(),
        }
    }

    /// Adds the slots of an engine, and places for instances that wait without a slot.
    pub(super) fn add_slots(&self, kind: Kind, slots: usize, waiting: usize) {
        let mut state = self.state();
        state.total_slots[kind as usize] += slots as u64;
        state.free_slots[kind as usize] += slots as u64;
        state.free_waiting += waiting as u64;
    }

    /// Waits for a slot and memory.
    ///
    /// # Errors
    /// When the whole budget would not be enough.
    pub(super) async fn turn(&self, share: &Share, kind: Kind, memory: u64) -> Result<Place, SandboxError> {
        let place = {
            let mut state = self.state();
            if memory > state.total_memory {
                return Err(SandboxError::Memory {
                    asked: ByteSize::from_bytes(memory),
                    budget: ByteSize::from_bytes(state.total_memory),
                });
            }
            let idle = state.tenants.get(&share.tenant).is_none_or(|tenant| tenant.line.is_empty());
            if idle && state.allows(&share.tenant, kind, memory) {
                state.take(&share.tenant, kind, memory);
                return Ok(self.place(&share.tenant, kind, memory));
            }
            let (told, place) = oneshot::channel();
            let number = state.next;
            state.next += 1;
            let tenant = state.tenants.entry(Arc::clone(&share.tenant)).or_default();
            tenant.line.push_back(Waiter { number, kind, memory, told });
            state.make_room(&share.tenant, memory);
            place
        };
        place.await.map_err(|_| SandboxError::Start("the sandbox is shut".to_owned()))
    }

    fn place(&self, tenant: &Arc<str>, kind: Kind, memory: u64) -> Place {
        let (admission, tenant) = (self.clone(), Arc::clone(tenant));
        Place { admission, tenant, kind, holds_slot: true, rests: None, memory, told: Arc::default() }
    }

    /// Lets in whoever may come now: those that hold least first, then those that wait longest.
    fn let_in(&self) {
        loop {
            let (waiter, place) = {
                let mut state = self.state();
                let Some(tenant) = state.next_in() else { return };
                let line = state.tenants.get_mut(&tenant).map(|tenant| &mut tenant.line);
                let Some(waiter) = line.and_then(VecDeque::pop_front) else { return };
                if waiter.told.is_closed() {
                    state.forget(&tenant);
                    continue;
                }
                state.take(&tenant, waiter.kind, waiter.memory);
                let place = self.place(&tenant, waiter.kind, waiter.memory);
                (waiter, place)
            };
            // Outside of the lock: a place that nobody takes is given back at once.
            drop(waiter.told.send(place));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn allows(&self, tenant: &Arc<str>, kind: Kind, memory: u64) -> bool {
        let held = self.tenants.get(tenant);
        let (slots, bytes) = held.map_or((0, 0), |tenant| (tenant.slots[kind as usize], tenant.memory));
        let slot = slots < self.free_slots[kind as usize];
        let nothing_runs = self.free_memory == self.total_memory;
        let needed = match bytes {
            0 if nothing_runs || memory <= SMALL => memory,
            0 => memory.saturating_mul(2),
            held => held.saturating_add(memory),
        };
        slot && needed <= self.free_memory
    }

    fn take(&mut self, tenant: &Arc<str>, kind: Kind, memory: u64) {
        let held = self.tenants.entry(Arc::clone(tenant)).or_default();
        held.slots[kind as usize] += 1;
        held.memory += memory;
        self.free_slots[kind as usize] -= 1;
        self.free_memory -= memory;
    }

    /// Whose first waiter comes next.
    fn next_in(&mut self) -> Option<Arc<str>> {
        for tenant in self.tenants.values_mut() {
            while tenant.line.front().is_some_and(|waiter| waiter.told.is_closed()) {
                tenant.line.pop_front();
            }
        }
        let waiting =
            self.tenants.iter().filter_map(|(name, tenant)| Some((name, tenant, tenant.line.front()?)));
        let allowed = waiting.filter(|(name, _, first)| self.allows(name, first.kind, first.memory));
        let next = allowed.min_by_key(|(_, tenant, first)| (tenant.slots[first.kind as usize], first.number));
        next.map(|(name, ..)| Arc::clone(name))
    }

    /// Asks instances that wait for calls to be given up, of those that hold most first, for one that holds nothing and finds no room.
    fn make_room(&mut self, tenant: &Arc<str>, memory: u64) {
        let held = |tenant: &Arc<str>| self.tenants.get(tenant).map_or(0, |tenant| tenant.memory);
        if held(tenant) > 0 || memory > SMALL {
            return;
        }
        let mut others: Vec<_> =
            self.resting.iter().map(|(number, resting)| (held(&resting.tenant), *number)).collect();
        others.sort_unstable_by_key(|(held, number)| (std::cmp::Reverse(*held), *number));
        let mut missing = memory.saturating_sub(self.free_memory);
        for (_, number) in others {
            if missing == 0 {
                return;
            }
            if let Some(resting) = self.resting.remove(&number) {
                resting.told.notify_one();
                missing = missing.saturating_sub(resting.memory);
            }
        }
    }

    fn forget(&mut self, name: &Arc<str>) {
        if self.tenants.get(name).is_some_and(Tenant::is_idle) {
            self.tenants.remove(name);
        }
    }
}

impl Tenant {
    fn is_idle(&self) -> bool {
        self.slots == [0; 2] && self.memory == 0 && self.waiting == 0 && self.line.is_empty()
    }
}

impl Place {
    /// Gives the slot back, and the memory beyond what the instance really has, while its script waits. `false`, and nothing
    /// changes, when the workflow keeps as many instances waiting as it may.
    pub(super) fn rest(&mut self, memory: u64) -> bool {
        if self.rests.is_some() {
            return true;
        }
        let number = {
            let mut state = self.admission.state();
            let waiting = state.tenants.get(&self.tenant).map_or(0, |tenant| tenant.waiting);
            if waiting >= state.free_waiting {
                return false;
            }
            state.free_waiting -= 1;
            state.free_slots[self.kind as usize] += 1;
            let back = self.memory.saturating_sub(memory);
            state.free_memory += back;
            let held = state.tenants.entry(Arc::clone(&self.tenant)).or_default();
            held.waiting += 1;
            held.slots[self.kind as usize] -= 1;
            held.memory -= back;
            self.memory -= back;
            let number = state.next;
            state.next += 1;
            let (tenant, told) = (Arc::clone(&self.tenant), Arc::clone(&self.told));
            state.resting.insert(number, Resting { tenant, memory: self.memory, told });
            number
        };
        (self.holds_slot, self.rests) = (false, Some(number));
        self.admission.let_in();
        true
    }

    /// Resolves when another needs the memory of this instance more, which waits without a slot.
    pub(super) fn is_needed(&self) -> impl Future<Output = ()> + use<> {
        let told = Arc::clone(&self.told);
        async move { told.notified().await }
    }

    /// Takes a slot and the memory again if both are there at once; else the instance has to be given up. Does nothing where
    /// they were never given back.
    pub(super) fn resume(&mut self, memory: u64) -> bool {
        let Some(number) = self.rests else { return true };
        let more = memory.saturating_sub(self.memory);
        let mut state = self.admission.state();
        let line = state.tenants.get(&self.tenant).is_none_or(|tenant| tenant.line.is_empty());
        if !line || !state.allows(&self.tenant, self.kind, more) {
            return false;
        }
        state.resting.remove(&number);
        state.take(&self.tenant, self.kind, more);
        state.free_waiting += 1;
        if let Some(tenant) = state.tenants.get_mut(&self.tenant) {
            tenant.waiting -= 1;
        }
        drop(state);
        self.memory += more;
        (self.holds_slot, self.rests) = (true, None);
        true
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        {
            let mut state = self.admission.state();
            let state = &mut *state;
            let waits = self.rests.is_some();
            self.rests.map(|number| state.resting.remove(&number));
            state.free_memory += self.memory;
            state.free_slots[self.kind as usize] += u64::from(self.holds_slot);
            state.free_waiting += u64::from(waits);
            if let Some(tenant) = state.tenants.get_mut(&self.tenant) {
                tenant.memory -= self.memory;
                tenant.slots[self.kind as usize] -= u64::from(self.holds_slot);
                tenant.waiting -= u64::from(waits);
            }
            state.forget(&self.tenant);
        }
        self.admission.let_in();
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn admission(memory: u64, slots: usize) -> Admission {
        let admission = Admission::new(ByteSize::from_bytes(memory));
        admission.add_slots(Kind::Script, slots, 2 * slots);
        admission.add_slots(Kind::Plugin, slots, 0);
        admission
    }

    fn at_once(admission: &Admission, workflow: &str, memory: u64) -> Option<Place> {
        admission.turn(&Share::of(workflow), Kind::Script, memory).now_or_never().map(Result::unwrap)
    }

    /// As many as a workflow gets at once.
    fn greedy(admission: &Admission, workflow: &str, memory: u64) -> Vec<Place> {
        std::iter::from_fn(|| at_once(admission, workflow, memory)).collect()
    }

    #[test]
    fn one_workflow_gets_half_of_the_slots_two_get_two_thirds_and_a_third_one_is_let_in() {
        let admission = admission(1 << 40, 32);
        let first = greedy(&admission, "a", MIB);
        assert_eq!(first.len(), 16);
        let second = greedy(&admission, "b", MIB);
        assert_eq!(second.len(), 8);
        assert_eq!(greedy(&admission, "c", MIB).len(), 4, "and what it had is given back");
        let many: Vec<_> = (0..7).map(|n| at_once(&admission, &format!("x{n}"), MIB).unwrap()).collect();
        assert!(at_once(&admission, "healthy", MIB).is_some(), "one is left for who holds none");
        drop((first, second, many));
        assert_eq!(greedy(&admission, "a", MIB).len(), 16, "all came back");
        assert!(admission.state().tenants.is_empty());
    }

    #[test]
    fn memory_is_admitted_by_what_each_may_use_and_never_more_than_there_is() {
        let admission = admission(1024 * MIB, 512);
        let hog = greedy(&admission, "hog", 256 * MIB);
        assert_eq!(hog.len(), 2);
        let second = greedy(&admission, "other hog", 256 * MIB);
        assert_eq!(second.len(), 1, "half of what is free stays free for those who hold nothing");
        let small = greedy(&admission, "small", 32 * MIB);
        assert_eq!(small.len(), 4);
        let held: u64 =
            [&hog, &second, &small].iter().flat_map(|places| places.iter()).map(|place| place.memory).sum();
        assert_eq!(admission.state().free_memory, 1024 * MIB - held);
        drop((hog, second, small));
        assert!(
            at_once(&admission, "all", 1024 * MIB).is_some(),
            "the whole budget when nobody else is there"
        );
        let refused = admission.turn(&Share::of("x"), Kind::Script, 1025 * MIB).now_or_never().unwrap();
        assert!(matches!(refused, Err(SandboxError::Memory { .. })));
    }

    #[test]
    fn who_waits_is_let_in_by_what_it_holds_and_who_gave_up_takes_nothing() {
        let admission = admission(1 << 40, 4);
        let mut held = greedy(&admission, "a", MIB);
        assert_eq!(held.len(), 2);
        held.push(at_once(&admission, "b", MIB).unwrap());
        held.push(at_once(&admission, "c", MIB).unwrap());
        let (greedy_share, new_share) = (Share::of("a"), Share::of("d"));
        let mut greedy = Box::pin(admission.turn(&greedy_share, Kind::Script, MIB));
        let mut gone = Box::pin(admission.turn(&new_share, Kind::Script, MIB));
        let mut new = Box::pin(admission.turn(&new_share, Kind::Script, MIB));
        assert!((&mut greedy).now_or_never().is_none() && (&mut gone).now_or_never().is_none());
        assert!((&mut new).now_or_never().is_none());
        drop(gone);
        drop(held.pop());
        assert!((&mut greedy).now_or_never().is_none(), "who came later and holds nothing comes first");
        assert!((&mut new).now_or_never().is_some());
        drop(held);
        assert!((&mut greedy).now_or_never().is_some());
    }

    #[test]
    fn instances_that_wait_for_calls_make_room_for_a_workflow_that_holds_nothing() {
        let admission = admission(128 * MIB, 8);
        let mut places =
            vec![at_once(&admission, "a", 40 * MIB).unwrap(), at_once(&admission, "b", 40 * MIB).unwrap()];
        places.iter_mut().for_each(|place| assert!(place.rest(40 * MIB)));
        let third = at_once(&admission, "c", 40 * MIB).unwrap();
        let mut needed: Vec<_> = places.iter().map(|place| Box::pin(place.is_needed())).collect();
        assert!(needed.iter_mut().all(|needed| needed.now_or_never().is_none()));
        let share = Share::of("new");
        let mut new = Box::pin(admission.turn(&share, Kind::Script, 20 * MIB));
        assert!((&mut new).now_or_never().is_none());
        let told: Vec<_> = needed.iter_mut().map(|needed| needed.now_or_never().is_some()).collect();
        assert_eq!(told, [true, false], "no more than are needed");
        drop(places.remove(0));
        assert!((&mut new).now_or_never().is_some());
        drop((third, places));
    }

    #[test]
    fn who_waits_for_a_call_holds_what_it_has_and_no_slot() {
        let admission = admission(128 * MIB, 2);
        let free = || {
            let state = admission.state();
            (state.free_memory, state.free_slots[Kind::Script as usize], state.free_waiting)
        };
        let mut resting = at_once(&admission, "a", 64 * MIB).unwrap();
        assert!(resting.rest(4 * MIB));
        assert_eq!(free(), (124 * MIB, 2, 3));
        let mut others = vec![at_once(&admission, "b", 64 * MIB).unwrap()];
        assert!(!resting.resume(64 * MIB), "there is no room for all of it");
        others.clear();
        assert!(resting.resume(60 * MIB));
        assert_eq!(free(), (68 * MIB, 1, 4));
        drop(resting);
        assert_eq!(free(), (128 * MIB, 2, 4));
        let resting = (0..5).map(|_| at_once(&admission, "a", MIB).unwrap().rest(MIB)).collect::<Vec<_>>();
        assert_eq!(resting, [true; 5], "those that are gone do not count");
        let mut kept: Vec<_> = std::iter::from_fn(|| at_once(&admission, "a", MIB))
            .map(|mut place| place.rest(MIB).then_some(place))
            .take_while(Option::is_some)
            .collect();
        assert_eq!(kept.len(), 2, "half of the places for those that wait");
        kept.clear();
    }
}
