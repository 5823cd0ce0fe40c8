//! The store in memory: for `flowcell run`, and for tests of the floors above.
//!
//! Keeps every promise of [`Store`] but durability. A test may plant a fault for each commit.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    fmt,
    sync::{Mutex, MutexGuard, PoisonError, RwLock},
};

use futures::future::{BoxFuture, FutureExt, ready};

use super::{
    BackupStream, Batch, Key, KeyRange, Order, Pair, Settled, Store, StoreError, StoreStats,
    backup::Encoder,
    batch::{Ended, Write},
    buckets,
};

type Fault = Box<dyn Fn(&Batch) -> Option<StoreError> + Send + Sync>;

/// A map behind the promises of [`Store`].
#[derive(Default)]
pub struct MemoryStore {
    state: Mutex<State>,
    fault: RwLock<Option<Fault>>,
    /// Others have turns between a question and its answer, as with a store elsewhere.
    #[cfg(test)]
    far: bool,
}

#[derive(Default)]
struct State {
    map: Map,
    /// When those of its keys go that expire.
    until: BTreeMap<Vec<u8>, u64>,
    /// The buckets by their ends.
    history: BTreeMap<u64, Map>,
    now_ms: u64,
    closed: bool,
}

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

impl State {
    /// All maps; of those that have a key the first has the say.
    fn maps(&self) -> impl Iterator<Item = &Map> {
        std::iter::once(&self.map).chain(self.history.values().rev())
    }

    fn remove(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        self.until.remove(key);
        self.map.remove(key)
    }

    /// Takes out all that begins so.
    fn extract(&mut self, prefix: &Key) -> Map {
        let range = KeyRange::prefix(prefix).into_bounds();
        self.until.extract_if(range.clone(), |_, _| true).for_each(drop);
        self.map.extract_if(range, |_, _| true).collect()
    }

    /// Moves what has ended to the bucket that ends then.
    fn settle(&mut self, end_ms: u64, keys: Vec<Key>, prefixes: Vec<Key>) {
        for prefix in prefixes {
            let ended = self.extract(&prefix);
            self.history.entry(end_ms).or_default().extend(ended);
        }
        for key in keys {
            if let Some(value) = self.remove(key.as_bytes()) {
                self.history.entry(end_ms).or_default().insert(key.into(), value);
            }
        }
    }

    fn size<'a>(maps: impl Iterator<Item = &'a Map>) -> u64 {
        maps.flatten().map(|(key, value)| (key.len() + value.len()) as u64).sum()
    }

    fn backup(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let mut pieces = Vec::new();
        let mut encoder = Encoder::new(|piece| {
            pieces.push(piece);
            Ok(())
        });
        let until = |key: &[u8]| self.until.get(key);
        let mut lasting = self.map.iter().filter(|(key, _)| until(key).is_none());
        lasting.try_for_each(|(key, value)| encoder.pair(key, value))?;
        let ends: BTreeSet<u64> = self.until.values().copied().collect();
        for end in ends {
            encoder.lapsing(end)?;
            let mut of_it = self.map.iter().filter(|(key, _)| until(key) == Some(&end));
            of_it.try_for_each(|(key, value)| encoder.pair(key, value))?;
        }
        for (end, bucket) in &self.history {
            encoder.bucket(*end)?;
            bucket.iter().try_for_each(|(key, value)| encoder.pair(key, value))?;
        }
        encoder.end()?;
        Ok(pieces)
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that answers what it is asked to read only after others had their turns, before and after it looked.
    #[cfg(test)]
    pub(crate) fn far() -> Self {
        Self { far: true, ..Self::default() }
    }

    /// From now on every commit asks `fault` first and fails with its answer, if it has one.
    pub fn set_fault(&self, fault: impl Fn(&Batch) -> Option<StoreError> + Send + Sync + 'static) {
        *self.fault.write().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(fault));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The map is changed only after all checks, so a panic elsewhere leaves it whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer<'a, T: Send + 'a>(
        &'a self,
        read: impl FnOnce() -> T + Send + 'a,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        #[cfg(test)]
        if self.far {
            return async move {
                tokio::task::yield_now().await;
                let value = read();
                tokio::task::yield_now().await;
                Ok(value)
            }
            .boxed();
        }
        ready(Ok(read())).boxed()
    }

    fn read(&self, range: &KeyRange, order: Order, limit: usize) -> Vec<Pair> {
        if range.is_empty() {
            return Vec::new();
        }
        let state = self.state();
        let (mut seen, mut pairs) = (HashSet::new(), Vec::new());
        for map in state.maps() {
            // No map needs to give more than is wanted of all together.
            let found = map.range::<[u8], _>(range.bounds());
            let found: Vec<_> = match order {
                Order::Ascending => found.take(limit).collect(),
                Order::Descending => found.rev().take(limit).collect(),
            };
            pairs.extend(found.into_iter().filter(|(key, _)| seen.insert(*key)));
        }
        pairs.sort_unstable_by_key(|(key, _)| *key);
        if order == Order::Descending {
            pairs.reverse();
        }
        pairs.truncate(limit);
        pairs.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect()
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
                Write::Put(value) => {
                    state.until.remove(key.as_bytes());
                    state.map.insert(key.into(), value);
                }
                Write::PutUntil(value, end_ms) => {
                    state.until.insert(key.as_bytes().to_vec(), end_ms);
                    state.map.insert(key.into(), value);
                }
                Write::Delete => drop(state.remove(key.as_bytes())),
                Write::DeleteIf(value) => {
                    if state.map.get(key.as_bytes()) == Some(&value) {
                        state.remove(key.as_bytes());
                    }
                }
                Write::DeletePrefix => drop(state.extract(&key)),
            }
        }
        for Ended { end_ms, keys, prefixes } in batch.settled {
            state.settle(end_ms, keys, prefixes);
        }
        Ok(())
    }
}

impl Store for MemoryStore {
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        // Done before the first poll, as a queued batch is: dropping the future takes nothing back.
        ready(self.apply(batch)).boxed()
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
        ready(result).boxed()
    }

    fn get(&self, key: &[u8]) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        let key = key.to_vec();
        self.answer(move || self.state().maps().find_map(|map| map.get(&key)).cloned())
    }

    fn scan(
        &self,
        range: KeyRange,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>> {
        self.answer(move || self.read(&range, order, limit))
    }
    fn settle(&self, settled: Vec<Settled>) -> BoxFuture<'_, Result<(), StoreError>> {
        let mut state = self.state();
        if state.closed {
            return ready(Err(StoreError::Closed)).boxed();
        }
        for one in settled {
            let end = buckets::end_of(one.expires_ms, state.now_ms);
            state.settle(end, one.keys, one.prefixes);
            for key in one.also_delete {
                state.remove(key.as_bytes());
            }
        }
        ready(Ok(())).boxed()
    }

    fn drop_expired(&self, now_ms: u64) -> BoxFuture<'_, Result<usize, StoreError>> {
        let mut state = self.state();
        state.now_ms = state.now_ms.max(now_ms);
        let before = state.history.len();
        state.history.retain(|end, _| *end > now_ms);
        let State { map, until, .. } = &mut *state;
        until.extract_if(.., |_, end| *end <= now_ms).for_each(|(key, _)| drop(map.remove(&key)));
        ready(Ok(before - state.history.len())).boxed()
    }

    fn drop_oldest(&self, max_bytes: u64) -> BoxFuture<'_, Result<usize, StoreError>> {
        let mut state = self.state();
        let mut dropped = 0;
        while State::size(state.history.values()) > max_bytes {
            state.history.pop_first();
            dropped += 1;
        }
        ready(Ok(dropped)).boxed()
    }

    fn stats(&self) -> StoreStats {
        let state = self.state();
        let live = State::size(std::iter::once(&state.map));
        StoreStats {
            live_bytes: live,
            disk_bytes: 0,
            history_bytes: State::size(state.history.values()),
            buckets: state.history.len(),
        }
    }

    fn backup(&self) -> BoxFuture<'_, Result<BackupStream, StoreError>> {
        let made = self.state().backup().map(|pieces| {
            let (sender, stream) = tokio::sync::mpsc::channel(pieces.len().max(1));
            // There is room for all of them.
            pieces.into_iter().for_each(|piece| drop(sender.try_send(Ok(piece))));
            stream
        });
        ready(made).boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.state().closed = true;
        ready(()).boxed()
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
