//! Counts the runs of each workflow that wait durably for a time, a callback or another run, with the bytes that they hold in
//! the store. A wait of up to a year costs nothing but room in the store. So each workflow has a part of that room. When it
//! is full, new events are refused before anything of them is stored, and no workflow can fill the store for all. An
//! accepted run is never refused later.
//!
//! Pure but for its lock. The counts are rebuilt at the start from the queue items (`recovery`).

use std::{
    collections::HashMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use super::pending::Held;
use crate::model::{Content, Entry, Event, RunId, WorkflowKey};

/// What a run holds beside its event and outputs: head, indexes, notes.
const RUN_BYTES: u64 = 1_024;

/// The runs that wait durably, counted by workflow.
pub(crate) struct Waiting {
    counts: Mutex<Counts>,
    most: Held,
    /// Workflows that have no room; nearly always none.
    full: AtomicUsize,
}

#[derive(Default)]
struct Counts {
    all: Held,
    of: HashMap<WorkflowKey, Of>,
    runs: HashMap<RunId, u64>,
}

#[derive(Default)]
struct Of {
    held: Held,
    full: bool,
}

impl Waiting {
    /// Each workflow may have so much waiting.
    pub(crate) fn new(runs: usize, bytes: u64) -> Self {
        Self { counts: Mutex::default(), most: Held { runs, bytes }, full: AtomicUsize::new(0) }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run waits from now on.
    pub(crate) fn add(&self, run: RunId, workflow: &WorkflowKey, bytes: u64) {
        let mut counts = self.counts();
        self.take_out(&mut counts, run, workflow);
        counts.runs.insert(run, bytes);
        counts.all.add(bytes);
        let of = counts.of.entry(workflow.clone()).or_default();
        of.held.add(bytes);
        self.mark(of);
    }

    /// A run goes on, or has ended; gives the bytes that it holds, if it was waiting.
    pub(crate) fn remove(&self, run: RunId, workflow: &WorkflowKey) -> Option<u64> {
        self.take_out(&mut self.counts(), run, workflow)
    }

    fn take_out(&self, counts: &mut Counts, run: RunId, workflow: &WorkflowKey) -> Option<u64> {
        let bytes = counts.runs.remove(&run)?;
        counts.all.remove(bytes);
        if let Some(of) = counts.of.get_mut(workflow) {
            of.held.remove(bytes);
            self.mark(of);
            if of.held.runs == 0 {
                counts.of.remove(workflow);
            }
        }
        Some(bytes)
    }

    /// Keeps the number of workflows without room.
    fn mark(&self, of: &mut Of) {
        let full = of.held.runs > 0 && (of.held.runs >= self.most.runs || of.held.bytes >= self.most.bytes);
        if full != std::mem::replace(&mut of.full, full) {
            if full {
                self.full.fetch_add(1, Ordering::SeqCst)
            } else {
                self.full.fetch_sub(1, Ordering::SeqCst)
            };
        }
    }

    /// Whether a workflow that has `pending` runs beside the waiting ones may have one more of so many bytes.
    ///
    /// If runs of a workflow wait, its runs in line are expected to wait later, so they count too.
    pub(crate) fn has_room(&self, workflow: &WorkflowKey, pending: Held, bytes: u64) -> bool {
        let held = self.of(workflow);
        let runs = held.runs == 0 || held.runs + pending.runs < self.most.runs;
        let held = held.bytes + pending.bytes;
        runs && (held == 0 || held.saturating_add(bytes) <= self.most.bytes)
    }

    /// Whether any workflow has no room.
    pub(crate) fn is_any_full(&self) -> bool {
        self.full.load(Ordering::SeqCst) > 0
    }

    pub(crate) fn of(&self, workflow: &WorkflowKey) -> Held {
        self.counts().of.get(workflow).map(|of| of.held).unwrap_or_default()
    }

    pub(crate) fn all(&self) -> Held {
        self.counts().all
    }

    /// What each workflow may have.
    pub(crate) fn most(&self) -> Held {
        self.most
    }
}

/// What a run of this event holds in the store before it has done anything.
pub(crate) fn event_bytes(event: &Event) -> u64 {
    let decoded = match &event.content {
        Content::Decoded(text) | Content::Multipart { fields: text, .. } => text.as_str().len(),
        Content::Empty | Content::Json | Content::Text | Content::Binary | Content::Undecoded { .. } => 0,
    };
    let named = event.headers.iter().chain(&event.query);
    let named: usize = named.map(|(name, value)| name.len() + value.len()).sum();
    RUN_BYTES + (event.body.len() + decoded + named) as u64
}

/// What an entry of the journal holds, about.
pub(crate) fn entry_bytes(entry: &Entry) -> u64 {
    let text = match entry {
        Entry::Ended(record) | Entry::Retrying(record, _) => {
            let logs: usize = record.logs.iter().map(|line| line.text.len() + 16).sum();
            record.output.as_str().len() + logs + record.calls.len() * 128
        }
        Entry::Begun(_, output, _) => output.as_str().len(),
        // A question stands in the list of open ones too.
        Entry::Waiting { wait, .. } => 2 * wait.weight(),
        Entry::Cookies { sealed, .. } => sealed.ciphertext.len(),
    };
    128 + text as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s11_a_workflow_has_room_until_its_part_is_taken_and_others_have_theirs() {
        let waiting = Waiting::new(3, 1_000);
        let (a, b): (WorkflowKey, WorkflowKey) = ("a".parse().unwrap(), "b".parse().unwrap());
        let run = |n| RunId::new(n, [0; 10]);
        let none = Held::default();
        assert!(waiting.has_room(&a, Held { runs: 9, bytes: 0 }, 5_000), "nothing of it waits");
        assert!(!waiting.has_room(&a, Held { runs: 1, bytes: 999 }, 2), "what is in line counts in bytes");
        (0..2).for_each(|n| waiting.add(run(n), &a, 10));
        assert!(waiting.has_room(&a, none, 1) && !waiting.has_room(&a, Held { runs: 1, bytes: 1 }, 1));
        waiting.add(run(2), &a, 10);
        waiting.add(run(2), &a, 20);
        assert!(!waiting.has_room(&a, none, 1) && waiting.is_any_full());
        assert!(waiting.has_room(&b, none, 1));
        assert_eq!(
            (waiting.of(&a), waiting.all()),
            (Held { runs: 3, bytes: 40 }, Held { runs: 3, bytes: 40 })
        );
        assert_eq!((waiting.remove(run(0), &a), waiting.remove(run(0), &a)), (Some(10), None));
        assert!(waiting.has_room(&a, none, 1) && !waiting.is_any_full());
        waiting.add(run(7), &b, 2_000);
        assert!(!waiting.has_room(&b, none, 1) && waiting.has_room(&a, none, 1));
    }
}
