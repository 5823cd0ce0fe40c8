//! The one thread that has to do with the history at any time: it moves what has ended there, drops buckets, begins backups,
//! and between these tasks checks and merges shelves.
//!
//! A move is one commit: the tables take the keys out of the live part and into their bucket's. The next checkpoint writes
//! shelves of what moved (`shelving`), and drops buckets. When the store opens, the thread reads all parts of the history,
//! so that damage is told early.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::{Receiver, RecvTimeoutError},
    },
    time::Duration,
};

use sled::IVec;
use tokio::sync::oneshot;

use super::{
    checkpoint::Shared,
    envelope,
    folder::SNAPSHOT,
    history::{History, Size},
    merging::{Merging, Pace},
    part::Part,
    staging::{Asked, Ends, Extra, Shelves, Staging},
};
use crate::store::{Key, KeyRange, Order, Settled, StoreError, buckets};

/// Bytes that move in one commit, beyond which no other thing is added: all of it is applied under the mutex of all commits.
const GROUP_BYTES: u64 = 1 << 20;
/// When shelves of the history are merged.
const HISTORY: Pace = Pace { most: 8, finishes: false };
/// When those are that lapse: sooner, as a look-up asks all of them.
const LAPSING: Pace = Pace { most: 4, finishes: true };
/// How often it looks by itself for shelves to merge.
const LOOK: Duration = Duration::from_secs(5);

/// Who gets the result of a task.
type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// What the thread is asked to do.
pub(super) enum Task {
    Settle(Vec<Settled>, Answer<()>),
    DropExpired(u64, Answer<usize>),
    DropOldest(u64, Answer<usize>),
    Snapshot(Answer<Snapshot>),
}

/// A moment of the store, for as long as a backup reads it.
pub(super) struct Snapshot {
    /// All live pairs with their envelopes; removed with this.
    pub(super) file: PathBuf,
    /// What was in shelves at that moment. None of it changes, and its files stay while this is held.
    pub(super) shelves: Shelves,
    shared: Arc<Shared>,
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        self.shared.pins.fetch_sub(1, Ordering::SeqCst);
        // Else the next start does it.
        let _ = std::fs::remove_file(&self.file);
    }
}

/// All that the thread owns.
pub(super) struct Archivist {
    staging: Arc<Staging>,
    history: Arc<History>,
    shared: Arc<Shared>,
    /// Set when the store is being dropped.
    closing: Arc<AtomicBool>,
    /// The latest time that it was told.
    now_ms: u64,
    /// What was not read whole since the store opened.
    unchecked: Vec<Part>,
    /// Of the history, and of what lapses.
    merging: [Merging; 2],
}

/// The runs that move to the history together.
#[derive(Default)]
struct Group {
    /// In the order of the tree, and each once.
    values: BTreeMap<Key, IVec>,
    gone: Vec<Key>,
    bytes: u64,
}

/// Tells snapshots of one process apart.
static SNAPSHOTS: AtomicUsize = AtomicUsize::new(0);

impl Archivist {
    pub(super) fn new(
        staging: Arc<Staging>,
        history: Arc<History>,
        shared: Arc<Shared>,
        closing: Arc<AtomicBool>,
    ) -> Self {
        let lapsing = staging.lapsing.parts();
        let merging = [(&history, HISTORY), (lapsing, LAPSING)];
        let merging =
            merging.map(|(parts, pace)| Merging::new(Arc::clone(&staging), Arc::clone(parts), pace));
        let mut unchecked = history.all();
        unchecked.extend(lapsing.all());
        Self { staging, history, shared, closing, now_ms: 0, unchecked, merging }
    }

    /// Does what it is asked until nobody can ask any more; meanwhile checks what is there, and merges shelves.
    pub(super) fn run(mut self, tasks: &Receiver<Task>) {
        loop {
            let due = self.merging.iter_mut().position(Merging::has_work);
            let busy = !self.unchecked.is_empty() || due.is_some();
            let task = match tasks.recv_timeout(if busy { Duration::ZERO } else { LOOK }) {
                Ok(task) => Some(task),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            match task {
                Some(task) => self.perform(task),
                None => match self.unchecked.pop() {
                    Some(part) => self.check(&part),
                    None => due.into_iter().for_each(|due| self.merging[due].step()),
                },
            }
        }
    }

    fn check(&self, part: &Part) {
        // What is damaged says so itself. What lapses is opened in the same way.
        let go_on = || !self.closing.load(Ordering::SeqCst);
        if let Err(error) = self.history.check(part, go_on)
            && !part.is_damaged()
        {
            tracing::warn!(bucket = part.name(), %error, "a part of the history was not checked");
        }
    }

    fn perform(&mut self, task: Task) {
        let ready = self.staging.failure();
        // Whoever asked may have gone; what was asked is done all the same.
        match task {
            Task::Settle(settled, answer) => drop(answer.send(ready.and_then(|()| self.settle(settled)))),
            Task::DropExpired(now_ms, answer) => {
                self.now_ms = self.now_ms.max(now_ms);
                drop(answer.send(ready.and_then(|()| self.drop_expired(now_ms))));
            }
            Task::DropOldest(most, answer) => drop(answer.send(ready.and_then(|()| self.drop_oldest(most)))),
            Task::Snapshot(answer) => drop(answer.send(ready.and_then(|()| self.snapshot()))),
        }
    }

    fn settle(&mut self, settled: Vec<Settled>) -> Result<(), StoreError> {
        let mut by_end = BTreeMap::<u64, Vec<Settled>>::new();
        for one in settled {
            by_end.entry(buckets::end_of(one.expires_ms, self.now_ms)).or_default().push(one);
        }
        for (end, settled) in by_end {
            let mut group = Group::default();
            for one in settled {
                self.read(one, &mut group)?;
                if group.bytes > GROUP_BYTES {
                    self.move_to(end, std::mem::take(&mut group))?;
                }
            }
            self.move_to(end, group)?;
        }
        Ok(())
    }

    /// Adds what belongs to one thing that has ended.
    fn read(&self, one: Settled, group: &mut Group) -> Result<(), StoreError> {
        let mut keep = |key: Key, bytes: IVec| {
            // Nothing that is damaged is moved.
            envelope::open(&key, &bytes)?;
            group.bytes += (key.len() + bytes.len()) as u64;
            group.values.insert(key, bytes);
            Ok(())
        };
        for prefix in &one.prefixes {
            let range = KeyRange::prefix(prefix);
            for (key, bytes) in self.staging.envelopes(&range, Order::Ascending, usize::MAX)? {
                keep(key, bytes)?;
            }
        }
        for key in one.keys {
            if let Some(bytes) = self.staging.envelope(&key)? {
                keep(key, bytes)?;
            }
        }
        group.gone.extend(one.also_delete);
        Ok(())
    }

    fn move_to(&self, end: u64, group: Group) -> Result<(), StoreError> {
        let Group { values, gone, .. } = group;
        let values: Vec<(Key, IVec)> = values.into_iter().collect();
        self.staging.retire(end, &values, &gone)
    }

    fn drop_expired(&mut self, now_ms: u64) -> Result<usize, StoreError> {
        let expired = self.sizes().into_iter().take_while(|(end, _)| *end <= now_ms);
        let mut lapsing = self.staging.lapsing.ends();
        lapsing.extend(self.staging.lapsing_ends());
        lapsing.retain(|end| *end <= now_ms);
        self.drop_buckets(expired.collect(), lapsing)
    }

    fn drop_oldest(&mut self, max_bytes: u64) -> Result<usize, StoreError> {
        let sizes = self.sizes();
        let mut total: u64 = sizes.values().map(|size| size.bytes).sum();
        let oldest = sizes.into_iter().take_while(|(_, size)| {
            let goes = total > max_bytes;
            total -= if goes { size.bytes } else { 0 };
            goes
        });
        self.drop_buckets(oldest.collect(), BTreeSet::new())
    }

    /// How large the buckets are that end at a time, with what is in the tables yet.
    fn sizes(&self) -> BTreeMap<u64, Size> {
        self.history.sizes(self.staging.retired())
    }

    fn drop_buckets(&mut self, sizes: Vec<(u64, Size)>, lapsing: BTreeSet<u64>) -> Result<usize, StoreError> {
        let ends = Ends { history: sizes.iter().map(|(end, _)| *end).collect(), lapsing };
        if ends.is_empty() {
            return Ok(0);
        }
        let names = |ends: &BTreeSet<u64>| {
            ends.iter().map(|end| buckets::name_of(*end)).collect::<Vec<_>>().join(", ")
        };
        let (history, lapsing) = (names(&ends.history), names(&ends.lapsing));
        // Their files go with the last who has them.
        self.unchecked
            .retain(|part| !ends.history.contains(&part.end_ms()) && !ends.lapsing.contains(&part.end_ms()));
        self.ask(Extra::Drop(ends))?;
        tracing::info!(history, lapsing, "dropped what has expired");
        Ok(sizes.iter().map(|(_, size)| size.buckets).sum())
    }

    /// Has a checkpoint do something, and waits for it.
    fn ask(&self, what: Extra) -> Result<(), StoreError> {
        let (answer, result) = oneshot::channel();
        self.staging.ask(Asked { what, answer })?;
        result.blocking_recv().unwrap_or_else(|_| Err(self.staging.lost()))
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let number = SNAPSHOTS.fetch_add(1, Ordering::Relaxed);
        self.shared.pins.fetch_add(1, Ordering::SeqCst);
        let file = self.staging.folder.join(format!("{SNAPSHOT}{number}"));
        let mut snapshot = Snapshot { file, shelves: Shelves::default(), shared: Arc::clone(&self.shared) };
        let shelves = Arc::<OnceLock<Shelves>>::default();
        self.ask(Extra::Snapshot(snapshot.file.clone(), Arc::clone(&shelves)))?;
        snapshot.shelves = shelves.get().cloned().unwrap_or_default();
        Ok(snapshot)
    }
}
