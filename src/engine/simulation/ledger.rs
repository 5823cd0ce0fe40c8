//! What must hold at every moment of a history, checked as it happens; and what the final checks need to know.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use crate::{
    engine::run::idempotency_key,
    model::{Entry, RunHead, RunId, StepKey, StepStatus, Wait, WorkflowKey},
    store::{
        Key,
        crash::{self, Change, Image},
        keys::{self, Kind},
    },
};

/// A run that a sender was told of.
pub(super) struct Acked {
    pub(super) run: RunId,
    /// When it was sent and when the answer came, in the order of events.
    pub(super) sent: u64,
    pub(super) acked: u64,
    /// Whether it was started for this delivery.
    pub(super) started: bool,
}

#[derive(Default)]
pub(super) struct Ledger {
    trace: Option<Vec<String>>,
    /// The first thing that was wrong.
    pub(super) violation: Option<String>,
    /// The number of the next event, so that the order of two can be told.
    pub(super) order: u64,
    /// The latest time that the engine was ever told.
    pub(super) latest_ms: u64,
    pub(super) went_back: bool,
    pub(super) acked: Vec<Acked>,
    /// Whether the clock was set at all.
    pub(super) jumped: bool,
    /// Cancellations that were acknowledged: the event, and when.
    pub(super) cancelled: BTreeMap<RunId, (u64, u64)>,
    /// Callbacks that were acknowledged, with what they brought.
    pub(super) callbacks: HashMap<(RunId, StepKey), String>,
    /// When each run's beginning became durable.
    pub(super) begun: HashMap<RunId, u64>,
    /// When each run's end became durable.
    pub(super) finished: HashMap<RunId, u64>,
    /// The status that each run answered, as far as that is durable.
    pub(super) answered: HashMap<RunId, u16>,
    /// The limits of concurrency, by workflow.
    pub(super) limits: HashMap<WorkflowKey, usize>,
    pub(super) in_flight: HashSet<String>,
    pub(super) calls: HashMap<String, u32>,
    /// When each run became durable, with the latest time that was known before.
    pub(super) born: BTreeMap<RunId, (u64, u64)>,
    under_way: HashMap<[u8; 32], BTreeSet<RunId>>,
    ended: HashMap<(RunId, StepKey), StepStatus>,
    /// Effects whose success is durable.
    effects: HashMap<String, (RunId, StepKey)>,
    dues: HashMap<(RunId, StepKey), u64>,
    /// How many deaths in a row each run was executed at, without a step that ended in between.
    died_with: HashMap<RunId, u32>,
    /// The marks of those that were begun again after a death.
    marks: HashMap<RunId, u32>,
    stop_is_noted: bool,
    /// Those that were marked with the last death that they may have, and died once more.
    pub(super) condemned: HashSet<RunId>,
}

/// The deaths after which a run is begun no more; the engine's default.
const DEATHS: u32 = 3;

impl Ledger {
    pub(super) fn new(trace: bool) -> Self {
        Self { trace: trace.then(Vec::new), ..Self::default() }
    }

    pub(super) fn note(&mut self, now_ms: u64, text: impl FnOnce() -> String) {
        self.order += 1;
        let order = self.order;
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{order:>6} {now_ms} {}", text()));
        }
    }

    pub(super) fn violate(&mut self, text: impl FnOnce() -> String) {
        if self.violation.is_none() {
            let text = text();
            let order = self.order;
            self.note(0, || format!("VIOLATION {text}"));
            self.violation = Some(format!("at event {order}: {text}"));
        }
    }

    pub(super) fn take_trace(&mut self) -> Vec<String> {
        self.trace.take().unwrap_or_default()
    }

    /// A step calls the service.
    pub(super) fn called(&mut self, now_ms: u64, key: &str, call: &str) {
        self.note(now_ms, || format!("call {key} {call}"));
        if let Some((run, step)) = self.effects.get(key) {
            let text = format!("{key} is called again, {step} of {run} is durable as succeeded");
            self.violate(|| text);
        }
        if !self.in_flight.insert(key.to_owned()) {
            self.violate(|| format!("{key} is called twice at once: {call}"));
        }
        *self.calls.entry(key.to_owned()).or_default() += 1;
    }

    /// A batch is durable.
    pub(super) fn durable(&mut self, now_ms: u64, image: &Image, changes: &[Change]) {
        for change in changes.iter().filter(|change| change.before != change.after) {
            match Kind::of(&change.key) {
                Some(Kind::Step) => self.entry(now_ms, image, change),
                Some(Kind::Run) => self.head(now_ms, change),
                Some(Kind::Trial) => self.mark(now_ms, change),
                Some(Kind::Meta) if change.after.is_none() => self.stopped(),
                Some(Kind::Meta) => self.stop_is_noted = false,
                Some(Kind::Inbox) => {
                    let key = Key::from(change.key.as_slice());
                    let way = if change.after.is_some() { "stored" } else { "removed" };
                    self.note(now_ms, || format!("{way}: {key}"));
                }
                _ => {}
            }
        }
    }

    /// The process dies while it executes these runs, or is stopped and cannot note it.
    pub(super) fn died(&mut self, executed: &[RunId]) {
        if self.stop_is_noted {
            return;
        }
        for &run in executed {
            *self.died_with.entry(run).or_default() += 1;
        }
        let last = self.marks.iter().filter(|(_, deaths)| **deaths >= DEATHS).map(|(run, _)| *run);
        self.condemned.extend(last.collect::<Vec<_>>());
    }

    /// The process is stopped: no death of anyone.
    fn stopped(&mut self) {
        self.stop_is_noted = true;
        // The marks go with the next start, and none of them condemns anyone who has not ended.
        self.marks.clear();
        self.died_with.retain(|run, _| self.finished.contains_key(run));
        self.condemned.retain(|run| self.finished.contains_key(run));
    }

    fn mark(&mut self, now_ms: u64, change: &Change) {
        let Some(run) = crash::run_of(&change.key) else { return };
        let Some(value) = &change.after else {
            self.marks.remove(&run);
            return;
        };
        let deaths = value.as_slice().try_into().map_or(0, u32::from_be_bytes);
        self.note(now_ms, || format!("{run} is marked with {deaths} deaths"));
        self.marks.insert(run, deaths);
        let tried = self.marks.iter().filter(|(_, deaths)| **deaths >= DEATHS).map(|(run, _)| run);
        let tried = tried.filter(|run| !self.condemned.contains(*run));
        let tried: Vec<_> = tried.map(ToString::to_string).collect();
        if tried.len() > 1 || self.condemned.contains(&run) {
            self.violate(|| format!("{run} is tried, beside {}", tried.join(", ")));
        }
    }

    /// Whether a run may have failed because the process died with it again and again.
    pub(super) fn may_be_given_up(&self, run: RunId) -> bool {
        // The first death may have been one for which it only stood at the front of its line.
        self.condemned.contains(&run) && self.died_with.get(&run).is_some_and(|deaths| *deaths + 1 >= DEATHS)
    }

    fn entry(&mut self, now_ms: u64, image: &Image, change: &Change) {
        let key = Key::from(change.key.as_slice());
        let (Some(run), Some(value), None) = (crash::run_of(&change.key), &change.after, &change.before)
        else {
            return self.violate(|| format!("{key} changes after it was durable"));
        };
        let entry = crash::entry(value);
        self.note(now_ms, || format!("{run}: {}", short(&entry)));
        if self.condemned.contains(&run) {
            self.violate(|| format!("{run} is begun again though the process died with it {DEATHS} times"));
        }
        self.died_with.remove(&run);
        let place = (run, entry.key());
        if self.ended.contains_key(&place) {
            self.violate(|| format!("{} of {run} has an entry after its end", place.1));
        }
        if let (Entry::Ended(record) | Entry::Retrying(record, _), false) = (&entry, self.went_back)
            && let Some(due_ms) = self.dues.remove(&place)
            && record.started_ms.saturating_add(record.took_us / 1_000) < due_ms
            && record.status == StepStatus::Succeeded
        {
            self.violate(|| format!("{} of {run} went on before its time, {due_ms}", place.1));
        }
        match entry {
            Entry::Ended(record) => {
                let seed = image.get(keys::run(run).as_bytes()).map(|head| crash::head(head).seed);
                if let (StepStatus::Succeeded, Some(seed)) = (record.status, seed) {
                    self.effects.insert(idempotency_key(&seed, &place.1), place.clone());
                }
                self.ended.insert(place, record.status);
            }
            Entry::Waiting { wait: Wait::Time, due_ms: Some(due_ms), .. } => {
                self.dues.insert(place, due_ms);
            }
            Entry::Waiting { .. } | Entry::Retrying(..) | Entry::Begun(..) | Entry::Cookies { .. } => {}
        }
    }

    fn head(&mut self, now_ms: u64, change: &Change) {
        let key = Key::from(change.key.as_slice());
        let Some(after) = change.after.as_deref().map(crash::head) else {
            return self.violate(|| format!("{key} is gone"));
        };
        let run = after.id;
        self.note(now_ms, || {
            let error = after.error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
            format!("{run} of {}: {:?} {:?} {error}", after.workflow, after.status, after.cause)
        });
        match change.before.as_deref().map(crash::head) {
            None => drop(self.born.insert(run, (self.order, self.latest_ms))),
            Some(before) if before.status.is_terminal() => {
                self.violate(|| format!("{run} has ended and changes"));
            }
            Some(before) if before.started_ms.is_some() && before.started_ms != after.started_ms => {
                self.violate(|| format!("{run} begins twice"));
            }
            Some(_) => {}
        }
        if after.started_ms.is_some() {
            let order = self.order;
            self.begun.entry(run).or_insert(order);
        }
        if let Some(status) = after.answer_status
            && self.answered.insert(run, status).is_some_and(|before| before != status)
        {
            self.violate(|| format!("{run} answers twice"));
        }
        if after.status.is_terminal() {
            self.finished.insert(run, self.order);
        }
        self.under_way(&after);
    }

    /// Counts the runs of a concurrency group that are under way.
    fn under_way(&mut self, head: &RunHead) {
        let Some(group) = head.group else { return };
        let members = self.under_way.entry(group).or_default();
        if head.started_ms.is_some() && !head.status.is_terminal() {
            members.insert(head.id);
        } else {
            members.remove(&head.id);
        }
        let (count, most) = (members.len(), self.limits.get(&head.workflow).copied().unwrap_or(usize::MAX));
        if count > most {
            let members: Vec<_> = members.iter().map(ToString::to_string).collect();
            self.violate(|| format!("{} are under way at once, {most} may be", members.join(", ")));
        }
    }
}

fn short(entry: &Entry) -> String {
    match entry {
        Entry::Ended(record) => {
            let error = record.error.as_ref().map(|error| error.message.as_str()).unwrap_or_default();
            format!("{} ended {:?} {error}", record.key(), record.status)
        }
        Entry::Retrying(record, due_ms) => {
            format!("{} retries after attempt {} at {due_ms}", record.key(), record.attempt)
        }
        Entry::Begun(key, output, _) => format!("{key} begun over {}", output.as_str()),
        Entry::Waiting { key, wait, due_ms, .. } => format!("{key} waits for {wait:?} until {due_ms:?}"),
        Entry::Cookies { key, session, .. } => format!("{key} changes the session {session}"),
    }
}
