//! Locks of kv keys, so that read-change-write of concurrent runs does not lose a change.
//!
//! In memory, as one process has the store; first come, first served. An entry stands in the table only while someone
//! holds the lock or waits for it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::sync::{Mutex as Lock, OwnedMutexGuard};

use crate::model::WorkflowKey;

/// Which key of whom.
pub(super) type Name = (WorkflowKey, String);

/// The table of locks.
#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<HashMap<Name, Arc<Lock<()>>>>);

/// A lock, or a place in the line for it. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Held {
    locks: Arc<Locks>,
    name: Name,
    lock: Option<Arc<Lock<()>>>,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Locks {
    /// Waits for a lock.
    pub(super) async fn lock(self: Arc<Self>, name: Name) -> Held {
        let mut held = self.enter(name);
        let lock = held.lock.clone().expect("it goes at the drop");
        held.guard = Some(lock.lock_owned().await);
        held
    }

    /// Takes a lock that nobody holds.
    pub(super) fn try_lock(self: Arc<Self>, name: Name) -> Option<Held> {
        let mut held = self.enter(name);
        let lock = held.lock.clone().expect("it goes at the drop");
        held.guard = Some(lock.try_lock_owned().ok()?);
        Some(held)
    }

    fn enter(self: Arc<Self>, name: Name) -> Held {
        let lock = Arc::clone(self.table().entry(name.clone()).or_default());
        Held { locks: self, name, lock: Some(lock), guard: None }
    }

    fn table(&self) -> std::sync::MutexGuard<'_, HashMap<Name, Arc<Lock<()>>>> {
        self.0.lock().expect("no code panics under this lock")
    }

    /// Locks that are held or waited for.
    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.table().len()
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut table = self.locks.table();
        self.guard = None;
        self.lock = None;
        // Handles are given out under the table's lock alone, so the last one can be told.
        if table.get(&self.name).is_some_and(|lock| Arc::strong_count(lock) == 1) {
            table.remove(&self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    fn name(key: &str) -> Name {
        ("w".parse().unwrap(), key.to_owned())
    }

    #[tokio::test]
    async fn a_lock_goes_to_the_next_in_line_and_leaves_nothing_behind() {
        let locks = Arc::new(Locks::default());
        let first = Arc::clone(&locks).lock(name("a")).await;
        let other = Arc::clone(&locks).try_lock(name("b")).unwrap();
        assert!(Arc::clone(&locks).try_lock(name("a")).is_none());
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for number in 0..10 {
            let (locks, order) = (Arc::clone(&locks), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _held = locks.lock(name("a")).await;
                order.lock().unwrap().push(number);
            }));
            tokio::task::yield_now().await;
        }
        drop((first, other));
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), Vec::from_iter(0..10));
        assert_eq!(locks.count(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn who_gives_up_leaves_the_line() {
        let locks = Arc::new(Locks::default());
        let first = Arc::clone(&locks).lock(name("a")).await;
        let waiting = timeout(Duration::from_millis(5), Arc::clone(&locks).lock(name("a"))).await;
        assert!(waiting.is_err());
        drop(first);
        assert_eq!(locks.count(), 0);
        assert!(Arc::clone(&locks).try_lock(name("a")).is_some());
    }
}
