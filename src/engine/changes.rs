//! What has changed, for whoever watches: runs, lines of the request log, workflows.
//!
//! Only names are kept here, each once: whoever takes them reads what they name as it stands then. So a run that changes ten
//! times between two looks is told once, and nobody who is slow holds more than a bounded set of names. While nobody watches, a
//! change costs the load of one flag.
//!
//! A change is noted after its commit, so what is read for it is there. That it is durable too is for the reader to see to, with
//! an empty batch.

use std::{
    collections::HashSet,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::Notify;

use crate::model::{RequestId, RunId, WorkflowKey};

/// Names of one kind that are kept between two looks. What comes beyond them is lost, and the reader is told so.
const MOST: usize = 2_000;

/// What happened to a workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkflowChange {
    /// A version of it was installed.
    Installed,
    /// It is not there any more.
    Removed,
    /// It begins no runs.
    Paused,
    /// It begins runs again.
    Resumed,
}

impl WorkflowChange {
    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Installed => "installed",
            Self::Removed => "removed",
            Self::Paused => "paused",
            Self::Resumed => "resumed",
        }
    }
}

/// What has changed since the last look.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Runs that were created, begun or ended, or whose journal has grown.
    pub runs: HashSet<RunId>,
    /// New lines of the request log, in their order. The store may not show the newest of them yet.
    pub requests: Vec<RequestId>,
    /// What happened to workflows, in its order.
    pub workflows: Vec<(WorkflowKey, WorkflowChange)>,
    /// Whether more has changed than is named here.
    pub lost: bool,
}

impl Changed {
    fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.requests.is_empty() && self.workflows.is_empty() && !self.lost
    }
}

/// Collects what has changed, while somebody watches.
#[derive(Debug, Default)]
pub struct Changes {
    watched: AtomicBool,
    changed: Mutex<Changed>,
    some: Notify,
}

impl Changes {
    /// Whether changes are noted from now on. What was noted before is forgotten.
    pub fn watch(&self, watched: bool) {
        let mut changed = self.lock();
        *changed = Changed::default();
        self.watched.store(watched, Ordering::Release);
    }

    /// What has changed since the last call.
    pub fn take(&self) -> Changed {
        std::mem::take(&mut *self.lock())
    }

    /// Resolves when something has changed.
    pub async fn some(&self) {
        self.some.notified().await;
    }

    /// A run was created, begun or ended, or its journal has grown; and that is stored.
    pub(crate) fn run(&self, run: RunId) {
        self.note(|changed| {
            if changed.runs.len() < MOST {
                changed.runs.insert(run);
            } else {
                changed.lost |= !changed.runs.contains(&run);
            }
        });
    }

    /// The request log has a new line.
    pub(crate) fn request(&self, request: RequestId) {
        self.note(|changed| {
            if changed.requests.len() < MOST {
                changed.requests.push(request);
            } else {
                changed.lost = true;
            }
        });
    }

    /// Something happened to a workflow, and is stored.
    pub(crate) fn workflow(&self, workflow: &WorkflowKey, change: WorkflowChange) {
        self.note(|changed| {
            if changed.workflows.len() < MOST {
                changed.workflows.push((workflow.clone(), change));
            } else {
                changed.lost = true;
            }
        });
    }

    fn note(&self, note: impl FnOnce(&mut Changed)) {
        if !self.watched.load(Ordering::Relaxed) {
            return;
        }
        let first = {
            let mut changed = self.lock();
            let first = changed.is_empty();
            note(&mut changed);
            first
        };
        if first {
            self.some.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Changed> {
        self.changed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u64) -> RunId {
        RunId::new(number, [0; 10])
    }

    #[test]
    fn nothing_is_noted_while_nobody_watches() {
        let changes = Changes::default();
        changes.run(run(1));
        assert_eq!(changes.take(), Changed::default());
        changes.watch(true);
        changes.run(run(2));
        changes.watch(false);
        changes.run(run(3));
        assert_eq!(changes.take(), Changed::default(), "what nobody took is forgotten");
    }

    #[test]
    fn a_run_that_changes_ten_times_is_named_once() {
        let changes = Changes::default();
        changes.watch(true);
        (0..10).for_each(|_| changes.run(run(1)));
        changes.workflow(&"a".parse().unwrap(), WorkflowChange::Paused);
        let changed = changes.take();
        assert_eq!(changed.runs, [run(1)].into());
        assert_eq!(changed.workflows, [("a".parse().unwrap(), WorkflowChange::Paused)]);
        assert_eq!(changes.take(), Changed::default());
    }

    #[test]
    fn what_is_too_much_is_lost_and_told() {
        let changes = Changes::default();
        changes.watch(true);
        (0..MOST as u64).for_each(|number| changes.run(run(number)));
        changes.run(run(0));
        assert!(!changes.lock().lost, "it is named already");
        changes.run(run(MOST as u64));
        let changed = changes.take();
        assert!(changed.lost && changed.runs.len() == MOST);
        (0..=MOST as u64).for_each(|number| changes.request(RequestId::new(number, [0; 10])));
        let changed = changes.take();
        assert!(changed.lost && changed.requests.len() == MOST);
    }

    #[tokio::test]
    async fn whoever_waits_is_woken_by_the_first_change_also_when_that_came_before() {
        let changes = Changes::default();
        changes.watch(true);
        changes.run(run(1));
        changes.run(run(2));
        changes.some().await;
        assert_eq!(changes.take().runs.len(), 2);
    }
}
