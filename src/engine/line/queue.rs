//! Decides which ready run is executed next. Pure: a data structure that takes its clock as an argument.
//!
//! Each workflow has a line. The line with the least virtual time goes next, and each run that it begins moves its
//! time forward by one part in its weight: a workflow with a thousand ready runs and one with a single run take
//! turns (weighted fair queueing). A workflow begins a run only while it executes fewer than there are free permits
//! ([`may_take`]): one alone takes half of them, two a third each, and there is always one left. Concurrency
//! groups and throttles hold single runs back.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use crate::{
    engine::workflow::{Group, Pace},
    model::{RunId, WorkflowKey},
};

/// What one run costs a line of weight 1; the least common multiple of the weights.
const COST: u64 = 16;

/// The most bytes that the events of all executed runs hold. Workflows share them as they share permits, but each may
/// execute one run of any size.
const RUNNING_BYTES: u64 = 64 << 20;

/// Paced groups that are remembered before those are forgotten that hold nothing back.
const PACES: usize = 10_000;

/// A run that stands in line.
#[derive(Debug)]
pub(crate) struct Item<T> {
    pub(crate) run: RunId,
    pub(crate) workflow: WorkflowKey,
    pub(crate) weight: u64,
    /// What its event holds in memory while it is executed.
    pub(crate) bytes: u64,
    /// Its concurrency group with the limit.
    pub(crate) group: Option<(Group, u32)>,
    pub(crate) pace: Option<Pace>,
    /// It has begun before, so that neither group nor pace holds it back.
    pub(crate) begun: bool,
    /// The hold on its workflow does not hold it: it is on trial itself, or it is to be cancelled.
    pub(crate) unheld: bool,
    pub(crate) payload: T,
}

/// Whether a workflow that has `own` permits may take one more while `free` are left.
///
/// These are the dynamic thresholds of shared buffers (Choudhury and Hahne, 1998): n that want all get one part in n + 1
/// each, and one part stays free for those that have none yet.
pub(crate) fn may_take(own: usize, free: usize) -> bool {
    own < free
}

/// The line of one workflow.
struct WorkflowLine<T> {
    /// Runs that go on; a pause does not hold them.
    begun: VecDeque<Item<T>>,
    ready: VecDeque<Item<T>>,
    running: usize,
    /// The bytes of the events of its running runs.
    bytes: u64,
    time: u64,
    paused: bool,
    /// How many reasons there are to begin nothing but what is `unheld`.
    held: usize,
    /// Its place in the order of the lines that have something to begin.
    at: Option<u64>,
}

struct Members<T> {
    held: HashSet<RunId>,
    /// Runs held back, in order.
    waiting: VecDeque<Item<T>>,
}

/// GCRA's theoretical arrival time of a paced group's next run, in milliseconds times its limit.
struct Arrival {
    arrival: u64,
    limit: u64,
}

/// The lines of all workflows, and the groups and paces that hold runs back.
pub(crate) struct Queue<T> {
    lines: HashMap<WorkflowKey, WorkflowLine<T>>,
    /// The lines that have something to begin, by their time.
    order: BTreeSet<(u64, WorkflowKey)>,
    groups: HashMap<Group, Members<T>>,
    paces: HashMap<Group, Arrival>,
    /// Runs that a pace holds back, by the time from which they may begin.
    later: BTreeMap<(u64, RunId), Item<T>>,
    /// Virtual time of the last run that began.
    time: u64,
    /// How many runs may be executed at once.
    most: usize,
    running: usize,
    bytes: u64,
}

impl<T> Default for WorkflowLine<T> {
    fn default() -> Self {
        Self {
            begun: VecDeque::new(),
            ready: VecDeque::new(),
            running: 0,
            bytes: 0,
            time: 0,
            paused: false,
            held: 0,
            at: None,
        }
    }
}

impl<T> Queue<T> {
    /// A queue for a server that executes at most `most` runs at once.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            lines: HashMap::new(),
            order: BTreeSet::new(),
            groups: HashMap::new(),
            paces: HashMap::new(),
            later: BTreeMap::new(),
            time: 0,
            most,
            running: 0,
            bytes: 0,
        }
    }

    /// Puts a line where it belongs in the order; called after each change of it.
    fn arrange(&mut self, workflow: &WorkflowKey) {
        let Some(line) = self.lines.get_mut(workflow) else { return };
        let at = line.has_next().then_some(line.time);
        if line.at == at {
            return;
        }
        if let Some(old) = std::mem::replace(&mut line.at, at) {
            self.order.remove(&(old, workflow.clone()));
        }
        if let Some(new) = at {
            self.order.insert((new, workflow.clone()));
        }
    }

    /// Adds a run at the end of its line.
    pub(crate) fn push(&mut self, item: Item<T>) {
        if let (true, Some((group, _))) = (item.begun, item.group) {
            self.hold(group, item.run);
        }
        let now = self.time;
        let workflow = item.workflow.clone();
        let line = self.line(&workflow);
        if line.is_empty() && line.running == 0 {
            // A line that was idle has saved nothing up.
            line.time = line.time.max(now);
        }
        match (item.begun, item.unheld) {
            (true, true) => line.begun.push_front(item),
            (true, false) => line.begun.push_back(item),
            (false, _) => line.ready.push_back(item),
        }
        self.arrange(&workflow);
    }

    /// Lets a run stand at the very front of its line.
    fn push_front(&mut self, item: Item<T>) {
        let workflow = item.workflow.clone();
        let line = self.line(&workflow);
        if item.begun {
            line.begun.push_front(item)
        } else {
            line.ready.push_front(item)
        }
        self.arrange(&workflow);
    }

    /// A run that is under way without being ready: it keeps its place in its group.
    pub(crate) fn hold(&mut self, group: Group, run: RunId) {
        self.members(group).held.insert(run);
    }

    fn members(&mut self, group: Group) -> &mut Members<T> {
        self.groups.entry(group).or_insert_with(|| Members { held: HashSet::new(), waiting: VecDeque::new() })
    }

    /// The run that is executed next, if any may be at `now_ms`.
    pub(crate) fn pop(&mut self, now_ms: u64) -> Option<Item<T>> {
        self.release_later(now_ms);
        loop {
            let free = self.most.saturating_sub(self.running);
            if free == 0 {
                return None;
            }
            // A line that is passed over executes something, so there are no more of these than permits.
            let free_bytes = RUNNING_BYTES.saturating_sub(self.bytes);
            let may = |line: &WorkflowLine<T>| {
                may_take(line.running, free) && (line.running == 0 || line.bytes < free_bytes)
            };
            let key = self.order.iter().find(|(_, key)| may(&self.lines[key]))?.1.clone();
            let item = self.line(&key).next();
            self.arrange(&key);
            let Some(item) = self.may_pass(item?, now_ms) else { continue };
            let line = self.line(&key);
            line.running += 1;
            line.bytes += item.bytes;
            let began = line.time;
            line.time += COST / item.weight.clamp(1, COST);
            self.time = began;
            self.running += 1;
            self.bytes += item.bytes;
            self.arrange(&key);
            return Some(item);
        }
    }

    /// The item, or nothing when group or pace keep it.
    fn may_pass(&mut self, item: Item<T>, now_ms: u64) -> Option<Item<T>> {
        if item.begun {
            return Some(item);
        }
        if let Some((group, limit)) = item.group {
            let members = self.members(group);
            let has_place = members.held.contains(&item.run);
            if !has_place && members.held.len() >= limit as usize {
                members.waiting.push_back(item);
                return None;
            }
            // Also while a pace holds it back, so that no later run of the group overtakes it.
            members.held.insert(item.run);
        }
        if let Some(pace) = item.pace {
            let from = self.pace(pace, now_ms);
            if from > now_ms {
                self.later.insert((from, item.run), item);
                return None;
            }
        }
        Some(item)
    }

    /// The time from which a run of this pace may begin. If that is now, the run has taken its place in the pace.
    fn pace(&mut self, pace: Pace, now_ms: u64) -> u64 {
        let Pace { group, limit, per_ms } = pace;
        let limit = u64::from(limit.max(1));
        let now = now_ms.saturating_mul(limit);
        let arrival = self.paces.get(&group).map_or(0, |pace| pace.arrival).max(now);
        // `limit` runs may come at once; one more comes with each limit-th part of the period.
        let earliest = arrival.saturating_sub((limit - 1).saturating_mul(per_ms));
        if earliest > now {
            return earliest.div_ceil(limit);
        }
        self.paces.insert(group, Arrival { arrival: arrival.saturating_add(per_ms), limit });
        now_ms
    }

    fn release_later(&mut self, now_ms: u64) {
        let later = self.later.split_off(&(now_ms.saturating_add(1), RunId::from_bytes([0; 16])));
        // The first of them comes to stand at the very front.
        for (_, item) in std::mem::replace(&mut self.later, later).into_iter().rev() {
            self.push_front(item);
        }
        if self.paces.len() > PACES {
            self.paces.retain(|_, pace| pace.arrival / pace.limit > now_ms);
        }
    }

    fn line(&mut self, workflow: &WorkflowKey) -> &mut WorkflowLine<T> {
        self.lines.entry(workflow.clone()).or_default()
    }

    /// When a held-back run may begin at the earliest.
    pub(crate) fn next_ms(&self) -> Option<u64> {
        self.later.keys().next().map(|(from, _)| *from)
    }

    /// A run of so many bytes is executed no more: it waits, or it has ended and gives its place in its group back.
    pub(crate) fn stopped(
        &mut self,
        run: RunId,
        workflow: &WorkflowKey,
        bytes: u64,
        group: Option<Group>,
        ended: bool,
    ) {
        let line = self.line(workflow);
        if line.running > 0 {
            line.running -= 1;
            line.bytes = line.bytes.saturating_sub(bytes);
            self.running -= 1;
            self.bytes = self.bytes.saturating_sub(bytes);
        }
        if ended {
            self.ended(run, group);
        }
        self.forget_idle(workflow);
    }

    /// A run has ended without being executed.
    pub(crate) fn ended(&mut self, run: RunId, group: Option<Group>) {
        let Some((group, members)) = group.and_then(|group| Some((group, self.groups.get_mut(&group)?)))
        else {
            return;
        };
        // One that was hurried past the limit had no place to give back.
        let next = if members.held.remove(&run) { members.waiting.pop_front() } else { None };
        if members.held.is_empty() && members.waiting.is_empty() {
            self.groups.remove(&group);
        }
        if let Some(item) = next {
            self.push_front(item);
        }
    }

    /// Lets a run that is held back or in line go first, past all limits. False when there is no such run.
    pub(crate) fn hurry(&mut self, run: RunId) -> bool {
        let found = self
            .lines
            .values_mut()
            .flat_map(|line| [&mut line.begun, &mut line.ready])
            .chain(self.groups.values_mut().map(|members| &mut members.waiting))
            .find_map(|items| {
                let at = items.iter().position(|item| item.run == run)?;
                items.remove(at)
            });
        let found = found.or_else(|| {
            let key = *self.later.keys().find(|(_, later)| *later == run)?;
            self.later.remove(&key)
        });
        let Some(item) = found else { return false };
        self.push_front(Item { begun: true, unheld: true, ..item });
        true
    }

    /// A paused workflow begins nothing; what has begun goes on.
    pub(crate) fn pause(&mut self, workflow: &WorkflowKey, paused: bool) {
        self.line(workflow).paused = paused;
        self.arrange(workflow);
        self.forget_idle(workflow);
    }

    /// A held workflow begins nothing but what is on trial or to be cancelled, until each hold is released.
    pub(crate) fn hold_back(&mut self, workflow: &WorkflowKey, held: bool) {
        let line = self.line(workflow);
        line.held = if held { line.held + 1 } else { line.held.saturating_sub(1) };
        self.arrange(workflow);
        self.forget_idle(workflow);
    }

    /// Whether a workflow is paused.
    pub(crate) fn is_paused(&self, workflow: &WorkflowKey) -> bool {
        self.lines.get(workflow).is_some_and(|line| line.paused)
    }

    fn forget_idle(&mut self, workflow: &WorkflowKey) {
        let idle =
            |line: &WorkflowLine<T>| line.is_empty() && line.running == 0 && !line.paused && line.held == 0;
        // Its virtual time need not be kept: an idle line begins at the present one.
        if self.lines.get(workflow).is_some_and(|line| idle(line) && line.time <= self.time) {
            self.lines.remove(workflow);
        }
    }
}

impl<T> WorkflowLine<T> {
    fn is_empty(&self) -> bool {
        self.begun.is_empty() && self.ready.is_empty()
    }

    /// Whether there is something that may begin, as far as the line itself is concerned. While paused, what has begun
    /// goes on; while held, what is `unheld` alone, which stands at the front.
    fn has_next(&self) -> bool {
        if self.held > 0 {
            self.begun.front().is_some_and(|item| item.unheld)
        } else {
            !self.begun.is_empty() || (!self.paused && !self.ready.is_empty())
        }
    }

    fn next(&mut self) -> Option<Item<T>> {
        if self.has_next() { self.begun.pop_front().or_else(|| self.ready.pop_front()) } else { None }
    }
}

#[cfg(test)]
mod tests;
