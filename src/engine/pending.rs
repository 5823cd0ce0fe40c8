//! Counts the runs that are accepted and neither finished nor waiting, and keeps the counts bounded: all together,
//! and those of one workflow, so that none can take the room of the others.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use crate::model::WorkflowKey;

/// The counts.
pub(super) struct Pending {
    counts: Mutex<Counts>,
    most: usize,
    most_of_one: usize,
    idle: Notify,
}

#[derive(Default)]
struct Counts {
    all: usize,
    of: HashMap<WorkflowKey, usize>,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPlace {
    /// All are taken.
    All,
    /// The workflow has taken its part.
    Workflow,
}

/// One run's place in the counts, given back when it is dropped.
pub(super) struct Place {
    pending: Arc<Pending>,
    workflow: WorkflowKey,
}

impl Pending {
    /// At most `most` places, half of them for one workflow.
    pub(super) fn new(most: usize) -> Self {
        Self { counts: Mutex::default(), most, most_of_one: most.div_ceil(2), idle: Notify::new() }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a new run.
    pub(super) fn take(self: &Arc<Self>, workflow: &WorkflowKey) -> Result<Place, NoPlace> {
        let mut counts = self.counts();
        if counts.all >= self.most {
            return Err(NoPlace::All);
        }
        if counts.of.get(workflow).is_some_and(|of| *of >= self.most_of_one) {
            return Err(NoPlace::Workflow);
        }
        Ok(self.place(&mut counts, workflow))
    }

    /// A place for a run that is stored already, even when all are taken.
    pub(super) fn force(self: &Arc<Self>, workflow: &WorkflowKey) -> Place {
        self.place(&mut self.counts(), workflow)
    }

    fn place(self: &Arc<Self>, counts: &mut Counts, workflow: &WorkflowKey) -> Place {
        counts.all += 1;
        *counts.of.entry(workflow.clone()).or_default() += 1;
        Place { pending: Arc::clone(self), workflow: workflow.clone() }
    }

    pub(super) fn count(&self) -> usize {
        self.counts().all
    }

    pub(super) fn count_of(&self, workflow: &WorkflowKey) -> usize {
        self.counts().of.get(workflow).copied().unwrap_or_default()
    }

    /// Waits until the count is zero.
    pub(super) async fn none(&self) {
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

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = self.pending.counts();
        counts.all -= 1;
        if let Some(of) = counts.of.get_mut(&self.workflow) {
            *of -= 1;
            if *of == 0 {
                counts.of.remove(&self.workflow);
            }
        }
        if counts.all == 0 {
            self.pending.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_places_than_allowed_are_given_and_half_of_them_to_one() {
        let pending = Arc::new(Pending::new(4));
        let key = |name: &str| name.parse::<WorkflowKey>().unwrap();
        let first = pending.take(&key("a")).unwrap();
        let _second = pending.take(&key("a")).unwrap();
        assert_eq!(pending.take(&key("a")).err(), Some(NoPlace::Workflow));
        let _others = (pending.take(&key("b")).unwrap(), pending.take(&key("c")).unwrap());
        assert_eq!(pending.take(&key("d")).err(), Some(NoPlace::All));
        drop(first);
        assert!(pending.take(&key("a")).is_ok());
        let _forced = (0..9).map(|_| pending.force(&key("a"))).collect::<Vec<_>>();
        assert_eq!(pending.count(), 12);
    }
}
