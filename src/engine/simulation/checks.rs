//! What must hold when nothing is left to do: read from what is durable alone.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::executor::block_on;

use super::{ledger::Ledger, senders::Known, world::lock};
use crate::{
    model::{Cause, Entry, ErrorCode, Limits, RunHead, RunId, RunStatus, StepStatus, Wait},
    store::{
        Key, KeyRange, Order, Store,
        keys::Kind,
        tables::{self, runs::Filter},
    },
};

/// A cancellation that is acknowledged later than this before the end comes too late, milliseconds.
const TOO_LATE_MS: u64 = 5_000;

/// Runs that have not ended.
pub(super) async fn unfinished(store: &dyn Store) -> Vec<(RunId, RunStatus)> {
    let queued = tables::runs::queued(store, None, usize::MAX).await.expect("the queue is whole");
    let heads = tables::runs::queued_heads(store, &queued).await.expect("a queued run is there");
    heads.into_iter().map(|head| (head.id, head.status)).collect()
}

/// The checks, with all that they read.
struct Checks<'a> {
    known: &'a Known,
    store: &'a dyn Store,
    heads: BTreeMap<RunId, RunHead>,
    journals: HashMap<RunId, Vec<Entry>>,
    ledger: &'a mut Ledger,
}

pub(super) fn check(known: &Known, store: &dyn Store) {
    let heads = block_on(tables::runs::list(store, &Filter::default(), None, usize::MAX));
    let heads = heads.expect("the heads are whole").items;
    let journal = |head: &RunHead| {
        let journal = block_on(tables::journal::list(store, head.id));
        (head.id, journal.expect("the journal is whole"))
    };
    let journals = heads.iter().map(journal).collect();
    let heads = heads.into_iter().map(|head| (head.id, head)).collect();
    let mut ledger = lock(&known.world.ledger);
    let mut checks = Checks { known, store, heads, journals, ledger: &mut ledger };
    checks.ends();
    checks.answers();
    checks.nothing_is_left();
    checks.dedupe();
    checks.order();
    checks.subflows();
    checks.followers();
}

impl Checks<'_> {
    /// I1 and I4: what was acknowledged is there, and has ended, as it should.
    fn ends(&mut self) {
        for acked in &self.ledger.acked {
            if !self.heads.contains_key(&acked.run) {
                let run = acked.run;
                return self.ledger.violate(|| format!("{run} was acknowledged and is lost"));
            }
        }
        for head in self.heads.values() {
            let (run, status) = (head.id, head.status);
            if !status.is_terminal() {
                self.ledger.violate(|| format!("{run} has not ended: {status:?}"));
            }
            let code = head.error.as_ref().map(|error| error.code);
            if code == Some(ErrorCode::EngineCrash) && self.ledger.may_be_given_up(run) {
                continue;
            }
            if self.ledger.condemned.contains(&run) {
                self.ledger.violate(|| format!("{run} is not given up: {code:?}"));
            }
            let own = [ErrorCode::EngineCrash, ErrorCode::SubflowUnavailable, ErrorCode::VersionMissing];
            if code.is_some_and(|code| own.contains(&code)) {
                self.ledger.violate(|| format!("{run} failed by our own fault: {code:?}"));
            }
            let event = block_on(tables::runs::get(self.store, run));
            if !matches!(event, Ok(Some(_))) {
                self.ledger.violate(|| format!("{run} is not whole"));
            }
        }
        let late = self.ledger.cancelled.iter().find(|(run, (_, at_ms))| {
            let head = &self.heads[run];
            let finished_ms = head.finished_ms.unwrap_or_default();
            head.status != RunStatus::Cancelled && finished_ms > at_ms + TOO_LATE_MS
        });
        if let (Some((&run, _)), false) = (late, self.ledger.jumped) {
            let status = self.heads[&run].status;
            self.ledger.violate(|| format!("{run} was cancelled and ended as {status:?} long after"));
        }
        for ((run, key), payload) in &self.ledger.callbacks.clone() {
            let ended = self.journals[run].iter().find_map(|entry| match entry {
                Entry::Ended(record) if record.key() == *key && record.status == StepStatus::Succeeded => {
                    Some(record.output.as_str())
                }
                _ => None,
            });
            if ended.is_some_and(|ended| ended != payload) {
                self.ledger.violate(|| format!("{key} of {run} has another payload than was taken"));
            }
        }
    }

    /// An answer is that of a response step which has ended, or that of a run which ended well.
    fn answers(&mut self) {
        for head in self.heads.values().filter(|head| head.status != RunStatus::Succeeded) {
            let workflow = self.known.workflows.iter().find(|workflow| workflow.key == head.workflow);
            let by_step = self.journals[&head.id].iter().any(|entry| match entry {
                Entry::Ended(record) => {
                    workflow.is_some_and(|workflow| workflow.responses.contains(&record.step))
                }
                Entry::Retrying(..) | Entry::Begun(..) | Entry::Waiting { .. } | Entry::Cookies { .. } => {
                    false
                }
            });
            if head.answer_status.is_some() && !by_step {
                self.ledger.violate(|| format!("{} answered without an answer", head.id));
            }
        }
    }

    /// I4: no key speaks of what is over.
    fn nothing_is_left(&mut self) {
        for kind in [Kind::Queue, Kind::Timer, Kind::Inbox, Kind::Group, Kind::Trial, Kind::Question] {
            let left = block_on(self.store.scan(KeyRange::prefix(kind.prefix()), Order::Ascending, 1));
            if let Some((key, _)) = left.expect("the store can be read").into_iter().next() {
                self.ledger.violate(|| format!("left over: {}", Key::from(key)));
            }
        }
        for head in self.heads.values().filter(|head| head.status == RunStatus::Failed) {
            let held = head.claim.and_then(|digest| {
                block_on(tables::claims::get(self.store, &digest)).expect("the claim is whole")
            });
            if held.is_some_and(|claim| claim.run == head.id) {
                self.ledger.violate(|| format!("{} failed and keeps its key", head.id));
            }
        }
    }

    /// I2: one run for each key, until it fails or the key is forgotten.
    fn dedupe(&mut self) {
        let mut claims: HashMap<[u8; 32], Vec<&RunHead>> = HashMap::new();
        for head in self.heads.values() {
            if let Some(digest) = head.claim {
                claims.entry(digest).or_default().push(head);
            }
        }
        for runs in claims.values_mut() {
            runs.sort_by_key(|head| self.ledger.born[&head.id].0);
            for pair in runs.windows(2) {
                let (first, second) = (pair[0], pair[1]);
                let (born, latest_ms) = self.ledger.born[&second.id];
                let forgotten = latest_ms >= first.created_ms + self.known.ttl.as_millis();
                let failed = first.status == RunStatus::Failed && self.ledger.finished[&first.id] < born;
                if !forgotten && !failed {
                    let (first, second) = (first.id, second.id);
                    self.ledger.violate(|| format!("{first} and {second} are of the same delivery"));
                }
            }
        }
    }

    /// I5: runs of a group with limit 1 begin in the order in which they were accepted.
    fn order(&mut self) {
        if self.ledger.went_back {
            return;
        }
        let mut groups: HashMap<[u8; 32], Vec<(u64, u64, u64, RunId)>> = HashMap::new();
        let mut seen = HashSet::new();
        for acked in self.ledger.acked.iter().filter(|acked| acked.started) {
            let head = &self.heads[&acked.run];
            let workflow = self.known.workflows.iter().find(|workflow| workflow.key == head.workflow);
            let in_order = workflow.is_some_and(|workflow| workflow.concurrency == Some(1) && workflow.sync);
            let (Some(group), true, true) = (head.group, in_order, seen.insert(head.id)) else { continue };
            if head.status != RunStatus::Cancelled && head.cause == Cause::Webhook {
                let begun = self.ledger.begun[&head.id];
                groups.entry(group).or_default().push((acked.sent, acked.acked, begun, head.id));
            }
        }
        for runs in groups.values() {
            for (first, second) in
                runs.iter().flat_map(|first| runs.iter().map(move |second| (first, second)))
            {
                if first.1 < second.0 && first.2 > second.2 {
                    let (first, second) = (first.3, second.3);
                    self.ledger
                        .violate(|| format!("{second} began before {first}, which was accepted before it"));
                }
            }
        }
    }

    /// What a step knows of the run that it called is what became of it.
    fn subflows(&mut self) {
        let mut called = HashSet::new();
        for (&run, journal) in &self.journals {
            let mut waits = HashMap::new();
            for entry in journal {
                match entry {
                    Entry::Waiting { key, wait: Wait::Run(child), .. } => {
                        called.insert(*child);
                        waits.insert(key.clone(), *child);
                    }
                    Entry::Ended(record) | Entry::Retrying(record, _) => {
                        let Some(child) = waits.remove(&record.key()) else { continue };
                        if let Some(wrong) = self.wrong_result(child, record) {
                            self.ledger.violate(|| format!("{} of {run}: {wrong}", record.key()));
                        }
                    }
                    Entry::Begun(..) | Entry::Waiting { .. } | Entry::Cookies { .. } => {}
                }
            }
        }
        let waited = |head: &&RunHead| head.parent.as_ref().is_some_and(|parent| parent.waits);
        let orphan = self.heads.values().filter(waited).find(|head| !called.contains(&head.id));
        if let Some(head) = orphan {
            self.ledger.violate(|| format!("nobody called {}", head.id));
        }
    }

    fn wrong_result(&self, child: RunId, record: &crate::model::StepRecord) -> Option<String> {
        let Some(head) = self.heads.get(&child) else { return Some(format!("{child} does not exist")) };
        let code = record.error.as_ref().map(|error| error.code);
        match (record.status, head.status) {
            (StepStatus::Succeeded, RunStatus::Succeeded) => {
                let output = record.output.to_value();
                let last = self.journals[&child]
                    .iter()
                    .any(|entry| matches!(entry, Entry::Ended(record) if record.step.as_str() == "last"));
                let right = output["run"] == child.to_string()
                    && (!last || output["output"]["run"] == child.to_string());
                (!right).then(|| format!("{child} gave something else than {output}"))
            }
            (StepStatus::Failed, RunStatus::Succeeded) if code == Some(ErrorCode::SubflowFailed) => {
                Some(format!("{child} succeeded"))
            }
            (StepStatus::Succeeded, status) => Some(format!("{child} ended as {status:?}")),
            (StepStatus::Failed, _) => None,
        }
    }

    /// The end of a run starts what follows it exactly once.
    fn followers(&mut self) {
        let mut started: HashMap<(RunId, u8), usize> = HashMap::new();
        for head in self.heads.values() {
            if let Some(parent) = &head.parent {
                *started.entry((parent.run, head.cause as u8)).or_default() += 1;
            }
        }
        for head in self.heads.values().filter(|head| head.depth < Limits::DEPTH) {
            let workflow = self.known.workflows.iter().find(|workflow| workflow.key == head.workflow);
            let on_failure = workflow.is_some_and(|workflow| workflow.on_failure);
            let expected = [
                (Cause::Failure, usize::from(on_failure && head.status == RunStatus::Failed)),
                (Cause::Workflow, usize::from(head.workflow.as_str() == "w0")),
            ];
            for (cause, expected) in expected {
                let found = started.get(&(head.id, cause as u8)).copied().unwrap_or_default();
                if found != expected {
                    let run = head.id;
                    self.ledger.violate(|| {
                        format!("the end of {run} started {found} runs by {cause:?}, not {expected}")
                    });
                }
            }
        }
    }
}
