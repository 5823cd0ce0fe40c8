//! What is committed and not in the tree yet, and who waits for it.
//!
//! A batch is checked and applied here by its caller ([`stage`](super::stage)), under one mutex. The log's thread makes the
//! running group durable; the checkpoint's thread freezes the table and writes it to the tree. Readers look at the table
//! first, then at the frozen one, then at what lapses and at the tree.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use sled::IVec;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::{
    blobs::Blobs, history::Replacement, lapsing::Lapsing, live::Live, memtable::Memtable, part::Part,
};
use crate::store::{StoreError, log::Frame};

/// Batches that nobody waits for may wait so long for company.
const LAZY_WAIT: Duration = Duration::from_millis(50);
/// A batch costs one permit for each 16 KiB begun: 4096 small batches or 64 MiB.
pub(super) const PERMITS: u32 = 4_096;

/// Who gets the result of a batch.
pub(super) type Answer = oneshot::Sender<Result<(), StoreError>>;

/// Someone who waits until the running group is durable.
pub(super) struct Waiter {
    pub(super) answer: Answer,
    /// What it is told then.
    pub(super) result: Result<(), StoreError>,
}

/// What becomes durable together.
#[derive(Default)]
pub(super) struct Group {
    pub(super) frame: Frame,
    pub(super) waiters: Vec<Waiter>,
    /// The places of its batches in the bounded queue.
    pub(super) permits: Vec<OwnedSemaphorePermit>,
    /// Whether someone waits for it, the checkpoint too.
    pub(super) urgent: bool,
    /// When its first batch came, if nobody waits.
    pub(super) since: Option<Instant>,
}

impl Group {
    fn is_empty(&self) -> bool {
        self.frame.is_empty() && self.waiters.is_empty()
    }
}

/// What the checkpoint's thread is asked for beside the usual.
pub(super) struct Asked {
    pub(super) what: Extra,
    pub(super) answer: Answer,
}

/// The parts beside the tree at one moment.
#[derive(Clone, Default)]
pub(super) struct Shelves {
    pub(super) history: Vec<Part>,
    pub(super) lapsing: Vec<Part>,
}

/// The ends of some buckets.
#[derive(Clone, Default)]
pub(super) struct Ends {
    pub(super) history: BTreeSet<u64>,
    pub(super) lapsing: BTreeSet<u64>,
}

impl Ends {
    pub(super) fn is_empty(&self) -> bool {
        self.history.is_empty() && self.lapsing.is_empty()
    }
}

/// What a checkpoint does beside the usual.
pub(super) enum Extra {
    Nothing,
    /// Writes all pairs of the tree as they are after it to this file, and tells what is in shelves then.
    Snapshot(PathBuf, Arc<OnceLock<Shelves>>),
    /// Drops the buckets that end at these times.
    Drop(Ends),
    /// Puts a shelf in the place of those that it was merged from.
    Replace(Replacement),
}

/// What the checkpoint's thread does next.
pub(super) enum Next {
    /// A checkpoint, for these if any.
    Checkpoint(Vec<Asked>),
    /// Nothing came in the time that it was willing to wait.
    Idle,
    /// The last checkpoint: nothing comes any more.
    Last(Vec<Asked>),
}

/// What a checkpoint writes.
pub(super) struct Frozen {
    pub(super) table: Arc<Memtable>,
    /// The number of its last batch.
    pub(super) number: u64,
    /// Large values to which the tables referred no more when it was frozen.
    pub(super) released: Vec<[u8; 32]>,
}

/// All that the mutex guards.
#[derive(Default)]
pub(super) struct State {
    /// Where changes go.
    pub(super) active: Memtable,
    /// What the running checkpoint writes to the tree.
    pub(super) frozen: Option<Arc<Memtable>>,
    /// How many checkpoints ended. What was read of the tree holds for keys of neither table until it changes.
    pub(super) epoch: u64,
    /// The number of the last batch.
    pub(super) number: u64,
    /// The number of the last durable batch.
    pub(super) durable: u64,
    pub(super) group: Group,
    /// Bytes that were logged since the table was frozen last.
    pub(super) logged: u64,
    /// When that was.
    frozen_at: Option<Instant>,
    /// The batches up to this number stand in the tree, durable.
    pub(super) held: u64,
    asked: Vec<Asked>,
    /// What the disk had free when it was asked last, less what was staged since.
    pub(super) room: Option<(Instant, u64)>,
    closed: bool,
    /// Whether the log's thread has made its last group durable.
    pub(super) log_ended: bool,
    /// Whether the last checkpoint was begun.
    ended: bool,
}

impl State {
    /// What the tables say of a key: its envelope, or that it is deleted. Nothing when the answer is in the tree.
    pub(super) fn find(&self, key: &[u8]) -> Option<Option<&IVec>> {
        let frozen = || self.frozen.as_ref().and_then(|frozen| frozen.get(key));
        self.active.get(key).or_else(frozen).map(|slot| slot.envelope.as_ref())
    }

    /// The tables, the older one first.
    pub(super) fn tables(&self) -> impl Iterator<Item = &Memtable> {
        self.frozen.as_deref().into_iter().chain([&self.active])
    }
}

/// When the checkpoint's thread writes the table to the tree.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// When the table takes so much memory, bytes, or the log is twice as large.
    pub(super) bytes: usize,
    /// When its oldest change may be so old.
    pub(super) every: Duration,
}

/// See the module.
pub(super) struct Staging {
    state: Mutex<State>,
    to_log: Condvar,
    to_checkpoint: Condvar,
    /// The durable number has changed, or never will.
    durable: Condvar,
    pub(super) places: Arc<Semaphore>,
    pub(super) pace: Pace,
    pub(super) live: Arc<Live>,
    pub(super) lapsing: Arc<Lapsing>,
    pub(super) blobs: Arc<Blobs>,
    pub(super) counts: Counts,
    pub(super) failed: Arc<watch::Sender<Option<StoreError>>>,
    pub(super) folder: PathBuf,
    /// Bytes of the disk that stay free, so that sled itself never meets a full disk.
    pub(super) reserve: u64,
}

impl Staging {
    #[expect(clippy::too_many_arguments, reason = "each is another's handle, given once")]
    pub(super) fn new(
        active: Memtable,
        (number, held): (u64, u64),
        pace: Pace,
        live: Arc<Live>,
        lapsing: Arc<Lapsing>,
        blobs: Arc<Blobs>,
        failed: Arc<watch::Sender<Option<StoreError>>>,
        folder: PathBuf,
        reserve: u64,
    ) -> Self {
        let state = State { active, number, durable: number, held, ..State::default() };
        Self {
            state: Mutex::new(state),
            to_log: Condvar::new(),
            to_checkpoint: Condvar::new(),
            durable: Condvar::new(),
            places: Arc::new(Semaphore::new(PERMITS as usize)),
            pace,
            live,
            lapsing,
            blobs,
            counts: Counts::default(),
            failed,
            folder,
            reserve,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        // Everything that can fail comes before the first change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Bytes of what the tables have of the live part.
    pub(super) fn live_bytes(&self) -> u64 {
        self.state().tables().map(|table| table.live_bytes() as u64).sum()
    }

    /// The buckets that the tables have something of, by their ends, and the bytes of that.
    pub(super) fn retired(&self) -> BTreeMap<u64, u64> {
        let mut ends = BTreeMap::new();
        for (end, retired) in self.state().tables().flat_map(Memtable::retired) {
            *ends.entry(*end).or_default() += retired.bytes;
        }
        ends
    }

    /// The ends of the buckets that something in the tables goes to, as it expires by itself.
    pub(super) fn lapsing_ends(&self) -> BTreeSet<u64> {
        self.state().tables().flat_map(Memtable::lapsing).collect()
    }

    /// The error after which nothing more is promised.
    pub(super) fn failure(&self) -> Result<(), StoreError> {
        self.failed.borrow().clone().map_or(Ok(()), Err)
    }

    /// From now on nothing more is promised.
    pub(super) fn poison(&self, reason: impl ToString) -> StoreError {
        let error = StoreError::Failed { reason: reason.to_string() };
        tracing::error!(%error, "the store takes no more commits");
        self.failed.send_if_modified(|failed| failed.replace(error.clone()).is_none());
        let _state = self.state();
        self.durable.notify_all();
        self.to_checkpoint.notify_all();
        self.to_log.notify_all();
        error
    }

    /// Takes no more batches.
    pub(super) fn close(&self) {
        self.places.close();
        self.state().closed = true;
        self.to_log.notify_all();
        self.to_checkpoint.notify_all();
    }

    /// Wakes who has work after something was added to the group, which was so before. An empty one is not urgent.
    pub(super) fn added(&self, state: &State, was_urgent: bool, was_lazy: bool) {
        if state.group.urgent != was_urgent || state.group.since.is_some() != was_lazy {
            self.to_log.notify_one();
        }
        if self.is_due_by_size(state) {
            self.to_checkpoint.notify_one();
        }
    }

    fn is_due_by_size(&self, state: &State) -> bool {
        let bytes = state.active.bytes();
        bytes > 0 && (bytes > self.pace.bytes || state.logged > 2 * self.pace.bytes as u64)
    }

    // What the log's thread does.

    /// Blocks until there is a group to make durable; puts `spare` in its place. Nothing when the last one was given.
    pub(super) fn next_group(&self, spare: Group) -> Option<Group> {
        let mut state = self.state();
        loop {
            let empty = state.group.is_empty();
            let lazy = state.group.since.map(|since| LAZY_WAIT.saturating_sub(since.elapsed()));
            if !empty && (state.group.urgent || state.closed || lazy == Some(Duration::ZERO)) {
                return Some(std::mem::replace(&mut state.group, spare));
            }
            if empty && state.closed {
                return None;
            }
            state = match lazy.filter(|_| !empty) {
                Some(time) => self.to_log.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0,
                None => self.to_log.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    /// A group is durable up to this number, and took so many bytes. Gives the number that the tree holds.
    pub(super) fn is_durable(&self, number: u64, bytes: u64) -> u64 {
        let mut state = self.state();
        state.durable = number;
        state.logged += bytes;
        self.durable.notify_all();
        state.held
    }

    pub(super) fn log_ended(&self) {
        self.state().log_ended = true;
        self.durable.notify_all();
        self.to_checkpoint.notify_all();
    }

    /// Whether the store is being closed.
    pub(super) fn is_closed(&self) -> bool {
        self.state().closed
    }

    // What the checkpoint's thread does.

    /// Asks for a checkpoint.
    ///
    /// # Errors
    /// `Closed`.
    pub(super) fn ask(&self, asked: Asked) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.ended {
            return Err(StoreError::Closed);
        }
        state.asked.push(asked);
        self.to_checkpoint.notify_one();
        Ok(())
    }

    /// Blocks until a checkpoint is due, or for `patience`.
    pub(super) fn next_checkpoint(&self, patience: Option<Duration>) -> Next {
        let begun = Instant::now();
        let mut state = self.state();
        loop {
            if state.closed && state.log_ended {
                state.ended = true;
                return Next::Last(std::mem::take(&mut state.asked));
            }
            if !state.asked.is_empty() || self.is_due_by_size(&state) {
                return Next::Checkpoint(std::mem::take(&mut state.asked));
            }
            // Of what is empty nothing grows old.
            let age = if state.active.is_empty() {
                state.frozen_at = None;
                None
            } else {
                Some(state.frozen_at.get_or_insert_with(Instant::now).elapsed())
            };
            let until_due = age.map(|age| self.pace.every.saturating_sub(age));
            if until_due == Some(Duration::ZERO) {
                return Next::Checkpoint(Vec::new());
            }
            let patience = patience.map(|patience| patience.saturating_sub(begun.elapsed()));
            if patience == Some(Duration::ZERO) {
                return Next::Idle;
            }
            // Nobody tells when the first change comes to an empty table.
            let time = until_due
                .into_iter()
                .chain(patience)
                .min()
                .unwrap_or(self.pace.every)
                .max(Duration::from_millis(1));
            state = self.to_checkpoint.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Freezes the table and waits until all of it is durable.
    ///
    /// # Errors
    /// The failure of the log.
    pub(super) fn freeze(&self) -> Result<Frozen, StoreError> {
        let mut state = self.state();
        let frozen = Arc::new(std::mem::take(&mut state.active));
        // What is released later may be released by a batch that is not durable.
        let released = self.blobs.released();
        state.frozen = Some(Arc::clone(&frozen));
        (state.logged, state.frozen_at) = (0, None);
        let number = state.number;
        // What is being written is waited for without a word.
        if !state.group.is_empty() {
            state.group.urgent = true;
            self.to_log.notify_one();
        }
        while state.durable < number {
            self.failure()?;
            if state.log_ended {
                return Err(StoreError::Closed);
            }
            state = self.durable.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        self.failure()?;
        Ok(Frozen { table: frozen, number, released })
    }

    /// The tree holds what was frozen, durable.
    pub(super) fn thaw(&self, number: u64) {
        let mut state = self.state();
        state.frozen = None;
        state.epoch += 1;
        state.held = number;
    }
}

/// How many keys of each first byte the tree has. Most runs begin and end between two checkpoints, so most kinds have
/// none there, and nobody needs to look.
pub(super) struct Counts(Vec<AtomicU64>);

impl Default for Counts {
    fn default() -> Self {
        // Unknown, which is not none.
        Self((0..256).map(|_| AtomicU64::new(u64::MAX)).collect())
    }
}

impl Counts {
    /// Whether the tree is known to have no key of this first byte.
    pub(super) fn has_none(&self, key: &[u8]) -> bool {
        let count = key.first().and_then(|first| self.0.get(usize::from(*first)));
        count.is_some_and(|count| count.load(Ordering::SeqCst) == 0)
    }

    pub(super) fn set(&self, counts: &[u64; 256]) {
        self.0.iter().zip(counts).for_each(|(count, now)| count.store(*now, Ordering::SeqCst));
    }
}
