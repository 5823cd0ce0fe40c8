//! Counts the runs that are accepted and neither finished nor waiting, with the bytes that they hold. Both counts are bounded, for
//! all runs together and for each workflow, so that no workflow takes the room of the others. A workflow may have
//! one more run while it has fewer runs than there are free seats ([`may_take`]).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::queue::may_take;
use crate::model::WorkflowKey;

/// The runs that are accepted and not finished, counted by workflow.
pub(crate) struct Pending {
    counts: Mutex<Counts>,
    most: usize,
    idle: Notify,
}

#[derive(Default)]
struct Counts {
    all: Held,
    of: HashMap<WorkflowKey, Held>,
}

/// Runs, and the bytes of their events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) runs: usize,
    pub(crate) bytes: u64,
}

impl Held {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.runs += 1;
        self.bytes += bytes;
    }

    pub(crate) fn remove(&mut self, bytes: u64) {
        self.runs = self.runs.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}

/// Why there is no seat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoSeat {
    /// The whole server has no seat left.
    All,
    /// The workflow has taken its part.
    Workflow {
        /// The seats that it has.
        own: usize,
    },
}

/// The right of one run to be accepted and not yet finished. It is given back when it is dropped.
pub(crate) struct Seat {
    pending: Arc<Pending>,
    workflow: WorkflowKey,
    bytes: u64,
}

impl Pending {
    /// Gives at most `most` seats at once.
    pub(crate) fn new(most: usize) -> Self {
        Self { counts: Mutex::default(), most, idle: Notify::new() }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A seat for a new run that holds so many bytes.
    pub(crate) fn take(self: &Arc<Self>, workflow: &WorkflowKey, bytes: u64) -> Result<Seat, NoSeat> {
        let mut counts = self.counts();
        let free = self.most.saturating_sub(counts.all.runs);
        if free == 0 {
            return Err(NoSeat::All);
        }
        let own = counts.of.get(workflow).map_or(0, |held| held.runs);
        if !may_take(own, free) {
            return Err(NoSeat::Workflow { own });
        }
        Ok(self.seat(&mut counts, workflow, bytes))
    }

    /// A seat for a run that is stored already, even when all are taken.
    pub(crate) fn force(self: &Arc<Self>, workflow: &WorkflowKey, bytes: u64) -> Seat {
        self.seat(&mut self.counts(), workflow, bytes)
    }

    fn seat(self: &Arc<Self>, counts: &mut Counts, workflow: &WorkflowKey, bytes: u64) -> Seat {
        counts.all.add(bytes);
        match counts.of.get_mut(workflow) {
            Some(of) => of.add(bytes),
            None => drop(counts.of.insert(workflow.clone(), Held { runs: 1, bytes })),
        }
        Seat { pending: Arc::clone(self), workflow: workflow.clone(), bytes }
    }

    pub(crate) fn count(&self) -> usize {
        self.counts().all.runs
    }

    /// The bytes of all of them.
    pub(crate) fn bytes(&self) -> u64 {
        self.counts().all.bytes
    }

    pub(crate) fn of(&self, workflow: &WorkflowKey) -> Held {
        self.counts().of.get(workflow).copied().unwrap_or_default()
    }

    /// Waits until the count is zero.
    pub(crate) async fn none(&self) {
        loop {
            let mut idle = std::pin::pin!(self.idle.notified());
            // Registered before the look, so that no notice is missed in between.
            idle.as_mut().enable();
            if self.count() == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl Seat {
    /// What its run holds.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut counts = self.pending.counts();
        counts.all.remove(self.bytes);
        if let Some(of) = counts.of.get_mut(&self.workflow) {
            of.remove(self.bytes);
            if of.runs == 0 {
                counts.of.remove(&self.workflow);
            }
        }
        if counts.all.runs == 0 {
            self.pending.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> WorkflowKey {
        name.parse().unwrap()
    }

    #[test]
    fn no_more_seats_than_allowed_are_given_and_half_of_them_to_one() {
        let pending = Arc::new(Pending::new(4));
        let first = pending.take(&key("a"), 5).unwrap();
        let _second = pending.take(&key("a"), 6).unwrap();
        assert_eq!(pending.take(&key("a"), 1).err(), Some(NoSeat::Workflow { own: 2 }));
        assert_eq!((pending.of(&key("a")), pending.bytes()), (Held { runs: 2, bytes: 11 }, 11));
        let _others = (pending.take(&key("b"), 1).unwrap(), pending.take(&key("c"), 1).unwrap());
        assert_eq!(pending.take(&key("d"), 1).err(), Some(NoSeat::All));
        drop(first);
        assert!(pending.take(&key("d"), 1).is_ok());
        let _forced = (0..9).map(|_| pending.force(&key("a"), 1)).collect::<Vec<_>>();
        assert_eq!(pending.count(), 12);
    }

    #[test]
    fn s11_two_greedy_workflows_leave_seats_for_the_third() {
        let pending = Arc::new(Pending::new(10_000));
        let mut seats = Vec::new();
        for greedy in ["a", "b"] {
            seats.extend(std::iter::from_fn(|| pending.take(&key(greedy), 1).ok()));
            assert!(matches!(pending.take(&key(greedy), 1), Err(NoSeat::Workflow { .. })));
        }
        assert!(pending.count() < 8_000, "{}", pending.count());
        seats.extend((0..1_000).map(|_| pending.take(&key("c"), 1).unwrap()));
        drop(seats);
        assert_eq!((pending.count(), pending.bytes()), (0, 0));
    }
}
