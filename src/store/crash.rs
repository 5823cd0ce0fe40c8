//! A store that crashes, for the simulation of the engine: three layers, as on a disk.
//!
//! A batch is queued, then applied (readable, not durable), then durable, then its caller is answered. A [`Chance`]
//! decides how long each takes, what is refused and where the process dies. What is durable is an [`Image`], which
//! outlives the store. Compiled for tests alone.

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use tokio::sync::{Notify, oneshot};

use super::{
    BackupStream, Batch, KeyRange, Order, Pair, Settled, Store, StoreError, StoreStats,
    batch::{Ended, Write},
    keys::{self, Kind},
    record,
};
use crate::model::{Entry, RunHead, RunId};

/// All keys with their values. A key of what has ended has another beside it, which begins with [`SETTLED`].
pub(crate) type Image = BTreeMap<Vec<u8>, Vec<u8>>;

/// What has ended stays where it is, so that it can be checked. Its keys are marked, as a batch neither sees nor removes them.
const SETTLED: u8 = 0xff;

fn mark(key: &[u8]) -> Vec<u8> {
    [&[SETTLED], key].concat()
}

/// What a batch sees of a key.
fn live<'a>(image: &'a Image, key: &[u8]) -> Option<&'a Vec<u8>> {
    image.get(key).filter(|_| !image.contains_key(&mark(key)))
}

/// A key that became durable: its value before and after.
pub(crate) struct Change {
    pub(crate) key: Vec<u8>,
    pub(crate) before: Option<Vec<u8>>,
    pub(crate) after: Option<Vec<u8>>,
}

/// What becomes of a group of applied batches.
pub(crate) enum Fate {
    /// All are durable, all callers are answered.
    Durable,
    /// The process dies; so many of them, the first ones, are found after the restart, and nobody is answered.
    Crash(usize),
}

/// A way in which the store under test refuses a batch.
#[derive(Clone, Copy)]
pub(crate) enum Refusal {
    Busy,
    Full,
    Unavailable,
}

/// How far a store is away from who reads it.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// The step answers at once.
    Short,
    /// Other tasks have a turn meanwhile.
    Turn,
    /// The step waits so many milliseconds.
    Ms(u64),
    /// The store is not reached.
    Cut,
}

/// Decides, and is told what is durable.
pub(crate) trait Chance: Send + Sync + 'static {
    /// Milliseconds that the next stage of a batch takes.
    fn pause_ms(&self) -> u64;
    /// What a question takes to the store, or an answer back.
    fn way(&self) -> Way;
    /// Whether a batch is not taken.
    fn refuses(&self) -> Option<Refusal>;
    /// How many of the queued batches go together.
    fn group(&self, queued: usize) -> usize;
    /// What becomes of a group.
    fn fate(&self, batches: usize) -> Fate;
    /// Ends the process: nothing of it is heard of any more.
    fn die(&self);
    /// Whether the simulated process has ended.
    fn is_dead(&self) -> bool;
    /// Called once a batch is durable.
    fn durable(&self, image: &Image, changes: &[Change]);
}

struct Queued {
    batch: Batch,
    answer: oneshot::Sender<Result<(), StoreError>>,
}

/// The store of one life of a process.
pub(crate) struct CrashStore {
    durable: Arc<Mutex<Image>>,
    applied: Mutex<Image>,
    queue: Mutex<VecDeque<Queued>>,
    wake: Notify,
    chance: Arc<dyn Chance>,
}

fn unreachable() -> StoreError {
    StoreError::Unavailable { reason: "the line is cut".to_owned() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CrashStore {
    /// Opens what an earlier life left durable.
    pub(crate) fn open(durable: Arc<Mutex<Image>>, chance: Arc<dyn Chance>) -> Self {
        let applied = Mutex::new(lock(&durable).clone());
        Self { durable, applied, queue: Mutex::default(), wake: Notify::new(), chance }
    }

    /// Commits groups until the process dies.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let queued = lock(&self.queue).len();
            if queued == 0 {
                self.wake.notified().await;
                continue;
            }
            self.pause().await;
            let queued = lock(&self.queue).len();
            let group: Vec<_> =
                lock(&self.queue).drain(..self.chance.group(queued).clamp(1, queued)).collect();
            let (mut written, mut answers) = (Vec::new(), Vec::new());
            for Queued { batch, answer } in group {
                let result = self.apply(&batch);
                if result.is_ok() {
                    written.push(batch);
                }
                answers.push((answer, result));
            }
            self.pause().await;
            if self.chance.is_dead() {
                return;
            }
            match self.chance.fate(written.len()) {
                Fate::Durable => written.iter().for_each(|batch| self.sync(batch)),
                Fate::Crash(kept) => {
                    written.iter().take(kept).for_each(|batch| self.sync(batch));
                    self.chance.die();
                    return;
                }
            }
            for (answer, result) in answers {
                // The caller may have gone.
                let _ = answer.send(result);
            }
        }
    }

    async fn pause(&self) {
        let pause_ms = self.chance.pause_ms();
        if pause_ms > 0 {
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
        }
    }

    /// A question on its way to the store, or its answer on the way back.
    async fn way(&self) -> Result<(), StoreError> {
        match self.chance.way() {
            Way::Short => {}
            Way::Turn => tokio::task::yield_now().await,
            Way::Ms(long) => tokio::time::sleep(Duration::from_millis(long)).await,
            Way::Cut => return Err(unreachable()),
        }
        Ok(())
    }

    fn read(&self, range: &KeyRange, order: Order, limit: usize) -> Vec<Pair> {
        let image = lock(&self.applied);
        let pairs = image.range::<[u8], _>(range.bounds()).filter(|(key, _)| key[0] != SETTLED);
        let copy = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        match order {
            Order::Ascending => pairs.take(limit).map(copy).collect(),
            Order::Descending => pairs.rev().take(limit).map(copy).collect(),
        }
    }

    fn apply(&self, batch: &Batch) -> Result<(), StoreError> {
        let mut image = lock(&self.applied);
        for (key, expected) in &batch.expectations {
            let found = live(&image, key.as_bytes());
            if found != expected.as_ref() {
                return Err(StoreError::Conflict { found: found.cloned(), key: key.clone() });
            }
        }
        write(&mut image, batch);
        Ok(())
    }

    fn sync(&self, batch: &Batch) {
        let mut image = lock(&self.durable);
        let changes = write(&mut image, batch);
        self.chance.durable(&image, &changes);
    }
}

fn write(image: &mut Image, batch: &Batch) -> Vec<Change> {
    let mut changes = Vec::with_capacity(batch.writes.len());
    for (key, write) in &batch.writes {
        let key = key.as_bytes().to_vec();
        let before = image.get(&key).cloned();
        let ended = image.contains_key(&mark(&key));
        let after = match write {
            Write::Put(value) | Write::PutUntil(value, _) => {
                image.remove(&mark(&key));
                Some(value.clone())
            }
            Write::Delete => before.clone().filter(|_| ended),
            Write::DeleteIf(value) => before.clone().filter(|before| ended || before != value),
            Write::DeletePrefix => {
                let marks: Vec<_> = image
                    .range(KeyRange::prefix(mark(&key)).into_bounds())
                    .map(|(mark, _)| mark.clone())
                    .collect();
                let stays = |key: &[u8]| marks.binary_search(&mark(key)).is_ok();
                let gone = image.extract_if(KeyRange::prefix(&key).into_bounds(), |key, _| {
                    !stays(key) && key[0] != SETTLED
                });
                changes.extend(gone.map(|(key, value)| Change { key, before: Some(value), after: None }));
                continue;
            }
        };
        match &after {
            Some(value) => drop(image.insert(key.clone(), value.clone())),
            None => drop(image.remove(&key)),
        }
        changes.push(Change { key, before, after });
    }
    for Ended { keys, prefixes, .. } in &batch.settled {
        let ranges = prefixes.iter().map(|prefix| KeyRange::prefix(prefix).into_bounds());
        let begin_so = ranges.flat_map(|range| image.range(range)).map(|(key, _)| key.clone());
        let named = keys.iter().map(|key| key.as_bytes().to_vec()).filter(|key| image.contains_key(key));
        let marks: Vec<_> = begin_so.chain(named).map(|key| mark(&key)).collect();
        image.extend(marks.into_iter().map(|mark| (mark, Vec::new())));
    }
    changes
}

impl Store for CrashStore {
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        if self.chance.is_dead() {
            return futures::future::pending().boxed();
        }
        if let Some(refusal) = self.chance.refuses() {
            let error = match refusal {
                Refusal::Busy => StoreError::Busy,
                Refusal::Full => StoreError::Full { place: PathBuf::from("data") },
                Refusal::Unavailable => unreachable(),
            };
            return futures::future::ready(Err(error)).boxed();
        }
        // Queued before the first poll: dropping the future takes nothing back.
        let (answer, answered) = oneshot::channel();
        lock(&self.queue).push_back(Queued { batch, answer });
        self.wake.notify_one();
        async move {
            match answered.await {
                Ok(result) => result,
                Err(_) => futures::future::pending().await,
            }
        }
        .boxed()
    }

    fn commit_lazily(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        // Nobody waits for it, so whatever kills the process before its turn loses it.
        let (answer, _) = oneshot::channel();
        lock(&self.queue).push_back(Queued { batch, answer });
        self.wake.notify_one();
        futures::future::ready(Ok(())).boxed()
    }

    fn get(&self, key: &[u8]) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        let key = key.to_vec();
        async move {
            self.way().await?;
            let value = lock(&self.applied).get(&key).cloned();
            self.way().await?;
            Ok(value)
        }
        .boxed()
    }

    fn scan(
        &self,
        range: KeyRange,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>> {
        async move {
            self.way().await?;
            let pairs = if range.is_empty() { Vec::new() } else { self.read(&range, order, limit) };
            self.way().await?;
            Ok(pairs)
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        async {
            while !lock(&self.queue).is_empty() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        .boxed()
    }

    fn failed(&self) -> BoxFuture<'_, StoreError> {
        futures::future::pending().boxed()
    }

    // The history has tests of its own.

    fn settle(&self, _settled: Vec<Settled>) -> BoxFuture<'_, Result<(), StoreError>> {
        futures::future::ready(Ok(())).boxed()
    }

    fn drop_expired(&self, _now_ms: u64) -> BoxFuture<'_, Result<usize, StoreError>> {
        futures::future::ready(Ok(0)).boxed()
    }

    fn drop_oldest(&self, _max_bytes: u64) -> BoxFuture<'_, Result<usize, StoreError>> {
        futures::future::ready(Ok(0)).boxed()
    }

    fn stats(&self) -> StoreStats {
        StoreStats { live_bytes: 0, disk_bytes: 0, history_bytes: 0, buckets: 0 }
    }

    fn backup(&self) -> BoxFuture<'_, Result<BackupStream, StoreError>> {
        futures::future::ready(Err(StoreError::Closed)).boxed()
    }
}

/// The run that a key of its head, its journal, its queue item or its timer names.
pub(crate) fn run_of(key: &[u8]) -> Option<RunId> {
    match Kind::of(key)? {
        Kind::Step | Kind::Inbox | Kind::Question => key.get(1..17)?.try_into().ok().map(RunId::from_bytes),
        _ => keys::run_id(key),
    }
}

/// A stored head.
pub(crate) fn head(value: &[u8]) -> RunHead {
    record::decode(b"r", value).expect("the engine stored it")
}

/// A stored entry.
pub(crate) fn entry(value: &[u8]) -> Entry {
    record::decode(b"s", value).expect("the engine stored it")
}
