//! The store in memory: for `flowcell run`, and for tests of the floors above.
//!
//! Keeps every promise of [`Store`] but durability. A test may plant a fault for each commit.

use std::{
    collections::BTreeMap,
    fmt,
    ops::Bound,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
};

use futures::future::{BoxFuture, FutureExt};

use super::{Batch, KeyRange, Order, Pair, Store, StoreError, batch::Write};

type Fault = Box<dyn Fn(&Batch) -> Option<StoreError> + Send + Sync>;

/// A map behind the promises of [`Store`].
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    fault: RwLock<Option<Fault>>,
}

#[derive(Default)]
struct State {
    map: BTreeMap<Vec<u8>, Vec<u8>>,
    closed: bool,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// From now on every commit asks `fault` first and fails with its answer, if it has one.
    pub fn set_fault(&self, fault: impl Fn(&Batch) -> Option<StoreError> + Send + Sync + 'static) {
        *self.fault.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(fault));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The map is changed only after all checks, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, batch: Batch) -> Result<(), StoreError> {
        if let Some(fault) = &*self.fault.read().unwrap_or_else(PoisonError::into_inner)
            && let Some(error) = fault(&batch)
        {
            return Err(error);
        }
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::Closed);
        }
        for (key, expected) in batch.expectations {
            let found = state.map.get(key.as_bytes());
            if found != expected.as_ref() {
                return Err(StoreError::Conflict { found: found.cloned(), key });
            }
        }
        for (key, write) in batch.writes {
            match write {
                Write::Put(value) => drop(state.map.insert(key.into(), value)),
                Write::Delete => drop(state.map.remove(key.as_bytes())),
                Write::DeleteIf(value) => {
                    if state.map.get(key.as_bytes()) == Some(&value) {
                        state.map.remove(key.as_bytes());
                    }
                }
            }
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        // Done before the first poll, as a queued batch is: dropping the future takes nothing back.
        futures::future::ready(self.apply(batch)).boxed()
    }

    fn commit_lazily(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        let result = match self.apply(batch) {
            Err(error @ StoreError::Closed) => Err(error),
            Err(error) => {
                tracing::error!(%error, "a lazy batch was not stored");
                Ok(())
            }
            Ok(()) => Ok(()),
        };
        futures::future::ready(result).boxed()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.state().map.get(key).cloned())
    }

    fn scan(&self, range: KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        let end = range.end.map_or(Bound::Unbounded, Bound::Excluded);
        let state = self.state();
        let pairs = state.map.range((Bound::Included(range.start), end));
        let copy = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        Ok(match order {
            Order::Ascending => pairs.take(limit).map(copy).collect(),
            Order::Descending => pairs.rev().take(limit).map(copy).collect(),
        })
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.state().closed = true;
        futures::future::ready(()).boxed()
    }

    fn failed(&self) -> BoxFuture<'_, StoreError> {
        futures::future::pending().boxed()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").field("keys", &self.state().map.len()).finish_non_exhaustive()
    }
}
