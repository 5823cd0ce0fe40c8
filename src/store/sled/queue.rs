//! The queue before the committer: bounded by number and bytes, with group commit built in.
//!
//! Async callers push; one thread takes groups. A group with someone waiting is taken at once: while it
//! becomes durable the next one gathers, so groups grow with the load and nobody waits artificially.

use std::{
    collections::VecDeque,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

use super::blobs::Staged;
use crate::store::{Batch, Key, StoreError};

/// Batches of one group at most.
const GROUP_BATCHES: usize = 256;
/// Bytes of one group at most, unless its first batch alone has more.
const GROUP_BYTES: usize = 1 << 20;
/// How long batches that nobody waits for may wait for company.
const LAZY_WAIT: Duration = Duration::from_millis(50);
/// A batch costs one permit for each 16 KiB begun: 4096 small batches or 64 MiB.
const PERMITS: u32 = 4_096;
const PERMIT_BYTES: usize = 16 << 10;

/// Who gets the result of a batch.
pub(super) type Answer = oneshot::Sender<Result<(), StoreError>>;

/// What the committer is asked to do.
#[derive(Debug, Default)]
pub(super) struct Work {
    pub(super) batch: Batch,
    /// The large values of the batch in its order, as far as they are written to the disk already.
    pub(super) staged: Vec<Staged>,
    /// Keys that go, if their envelopes are still these; else it is a conflict.
    pub(super) moved: Vec<(Key, sled::IVec)>,
    /// Where to write all live pairs as they are after the group.
    pub(super) snapshot: Option<PathBuf>,
}

impl From<Batch> for Work {
    fn from(batch: Batch) -> Self {
        Self { batch, ..Self::default() }
    }
}

/// One batch on its way.
#[derive(Debug)]
pub(super) struct Op {
    pub(super) work: Work,
    /// Nobody waits for a lazy batch.
    pub(super) answer: Option<Answer>,
    size: usize,
    queued: Instant,
    _permit: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
struct State {
    ops: VecDeque<Op>,
    /// How many of `ops` someone waits for.
    urgent: usize,
    closed: bool,
}

/// What the committer does next.
#[derive(Debug)]
pub(super) enum Next {
    /// The group of batches that is written next.
    Group(Vec<Op>),
    /// Nothing came in the time that it was willing to wait.
    Idle,
    /// The queue is closed and empty.
    Closed,
}

/// The batches that wait for the committing thread.
#[derive(Debug)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    room: Arc<Semaphore>,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            room: Arc::new(Semaphore::new(PERMITS as usize)),
        }
    }

    /// Queues a batch that someone waits for.
    ///
    /// # Errors
    /// `Busy`, `Closed`.
    pub(super) fn push(&self, work: impl Into<Work>, answer: Answer) -> Result<(), StoreError> {
        self.push_or_give_back(work.into(), answer).map_err(|(error, _)| error)
    }

    /// As [`Queue::push`], for who tries again: what was not queued comes back.
    pub(super) fn push_or_give_back(&self, work: Work, answer: Answer) -> Result<(), (StoreError, Work)> {
        let size = work.batch.size();
        let permit = match self.take_room(size) {
            Ok(permit) => permit,
            Err(error) => return Err((error, work)),
        };
        // It can only be closed now, which is not tried again.
        self.add(Op { work, answer: Some(answer), size, queued: Instant::now(), _permit: permit })
            .map_err(|error| (error, Work::default()))
    }

    /// As [`Queue::push`], but has the large values written first, once there is room for the batch: a queue that is full costs
    /// no write.
    pub(super) fn push_staged(
        &self,
        batch: Batch,
        stage: impl FnOnce(&Batch) -> Vec<Staged>,
        answer: Answer,
    ) -> Result<(), StoreError> {
        let size = batch.size();
        let permit = self.take_room(size)?;
        let work = Work { staged: stage(&batch), ..batch.into() };
        self.add(Op { work, answer: Some(answer), size, queued: Instant::now(), _permit: permit })
    }

    fn take_room(&self, size: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.room).try_acquire_many_owned(permits(size)).map_err(|error| match error {
            TryAcquireError::NoPermits => StoreError::Busy,
            TryAcquireError::Closed => StoreError::Closed,
        })
    }

    /// Queues a batch that nobody waits for, once there is room.
    ///
    /// # Errors
    /// `Closed`.
    pub(super) async fn push_lazily(&self, batch: Batch) -> Result<(), StoreError> {
        let size = batch.size();
        let permit = Arc::clone(&self.room).acquire_many_owned(permits(size)).await;
        let permit = permit.map_err(|_| StoreError::Closed)?;
        self.add(Op { work: batch.into(), answer: None, size, queued: Instant::now(), _permit: permit })
    }

    fn add(&self, op: Op) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::Closed);
        }
        let urgent = op.answer.is_some();
        state.urgent += usize::from(urgent);
        state.ops.push_back(op);
        // The thread sleeps only while nothing is urgent; it must learn of the first of each.
        let wake = (urgent && state.urgent == 1) || state.ops.len() == 1 || state.ops.len() == GROUP_BATCHES;
        drop(state);
        if wake {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Closes the queue: it takes no more batches.
    pub(super) fn close(&self) {
        self.state().closed = true;
        self.room.close();
        self.changed.notify_one();
    }

    /// Blocks until there is a group to write, or for `patience` while there is none.
    pub(super) fn next(&self, patience: Option<Duration>) -> Next {
        let mut state = self.state();
        while state.urgent == 0 && state.ops.len() < GROUP_BATCHES && !state.closed {
            let lazy = state.ops.front().map(|op| LAZY_WAIT.saturating_sub(op.queued.elapsed()));
            if lazy == Some(Duration::ZERO) {
                break;
            }
            state = match lazy.into_iter().chain(patience).min() {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(time) => {
                    let waited = self.changed.wait_timeout(state, time);
                    let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                    if timeout.timed_out() && patience == Some(time) && state.urgent == 0 {
                        return Next::Idle;
                    }
                    state
                }
            };
        }
        let (mut group, mut bytes) = (Vec::new(), 0);
        while let Some(op) = state.ops.front() {
            bytes += op.size;
            if !group.is_empty() && (group.len() == GROUP_BATCHES || bytes > GROUP_BYTES) {
                break;
            }
            let op = state.ops.pop_front().expect("the front was just seen");
            state.urgent -= usize::from(op.answer.is_some());
            group.push(op);
        }
        if group.is_empty() { Next::Closed } else { Next::Group(group) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs while it is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn permits(size: usize) -> u32 {
    u32::try_from(size / PERMIT_BYTES + 1).unwrap_or(PERMITS).min(PERMITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::block_on;

    fn batch(bytes: usize) -> Batch {
        let mut batch = Batch::new();
        batch.put(b"k", vec![0; bytes]);
        batch
    }

    fn push(queue: &Queue, bytes: usize) -> Result<(), StoreError> {
        queue.push(batch(bytes), oneshot::channel().0)
    }

    fn group(queue: &Queue) -> Vec<Op> {
        match queue.next(None) {
            Next::Group(ops) => ops,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_patient_reader_of_an_empty_queue_is_idle() {
        let queue = Queue::new();
        assert!(matches!(queue.next(Some(Duration::from_millis(1))), Next::Idle));
        block_on(queue.push_lazily(batch(1))).unwrap();
        let begin = Instant::now();
        let idle = std::iter::repeat_with(|| queue.next(Some(Duration::from_millis(1))));
        assert!(idle.take_while(|next| matches!(next, Next::Idle)).count() > 0);
        assert!(begin.elapsed() >= LAZY_WAIT - Duration::from_millis(5), "a lazy batch keeps its wait");
    }

    #[test]
    fn groups_end_at_their_number_and_at_their_bytes() {
        let queue = Queue::new();
        (0..300).for_each(|_| push(&queue, 1).unwrap());
        assert_eq!(group(&queue).len(), 256);
        assert_eq!(group(&queue).len(), 44);
        push(&queue, 5 << 20).unwrap();
        (0..3).for_each(|_| push(&queue, 500 << 10).unwrap());
        let sizes: Vec<_> = (0..3).map(|_| group(&queue).len()).collect();
        assert_eq!(sizes, [1, 2, 1]);
    }

    #[test]
    fn a_full_queue_is_busy_until_a_group_is_done() {
        let queue = Queue::new();
        push(&queue, 60 << 20).unwrap();
        assert!(matches!(push(&queue, 5 << 20), Err(StoreError::Busy)));
        push(&queue, 1).unwrap();
        drop(group(&queue));
        push(&queue, 5 << 20).unwrap();
    }

    #[test]
    fn nothing_is_written_for_a_queue_that_is_full() {
        let queue = Queue::new();
        push(&queue, 60 << 20).unwrap();
        let refused = queue.push_staged(batch(5 << 20), |_| panic!("it is full"), oneshot::channel().0);
        assert!(matches!(refused, Err(StoreError::Busy)));
    }

    #[test]
    fn lazy_batches_wait_for_company_and_urgent_ones_do_not() {
        let queue = Queue::new();
        block_on(queue.push_lazily(batch(1))).unwrap();
        let begin = Instant::now();
        assert_eq!(group(&queue).len(), 1);
        assert!(begin.elapsed() >= LAZY_WAIT - Duration::from_millis(5));
        block_on(queue.push_lazily(batch(1))).unwrap();
        push(&queue, 1).unwrap();
        let begin = Instant::now();
        assert_eq!(group(&queue).len(), 2);
        assert!(begin.elapsed() < LAZY_WAIT / 2);
    }

    #[test]
    fn a_closed_queue_gives_what_it_has_and_takes_no_more() {
        let queue = Queue::new();
        block_on(queue.push_lazily(batch(1))).unwrap();
        queue.close();
        assert!(matches!(push(&queue, 1), Err(StoreError::Closed)));
        assert!(matches!(block_on(queue.push_lazily(batch(1))), Err(StoreError::Closed)));
        assert_eq!(group(&queue).len(), 1);
        assert!(matches!(queue.next(None), Next::Closed));
    }
}
