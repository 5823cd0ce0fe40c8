//! How a batch is checked and applied, in its caller's thread: a few microseconds under the mutex.
//!
//! What only the tree knows is read before the mutex is taken. It holds as long as no checkpoint ended meanwhile: a
//! running one writes only keys of the frozen table, which is looked at first.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use sled::IVec;
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError, oneshot};

use super::{
    apply::{Below, Checked, Expected, Prepared, Wanted},
    blobs::{Held, unseal},
    envelope::{self, INLINE_MAX},
    folder::room,
    staging::{PERMITS, Staging, State, Waiter},
};
use crate::{
    reactor::off_the_reactor,
    store::{Batch, Key, StoreError, batch::Write},
};

/// A batch costs a permit for each so many bytes begun.
const PERMIT_BYTES: usize = 16 << 10;
/// How old an answer of the disk on its free space may be.
const ROOM_AGE: Duration = Duration::from_millis(50);
/// While the tables take more memory than so many times what begins a checkpoint, the store is busy: the thread that writes
/// checkpoints is held up, by the disk, a compaction or a snapshot.
const MOST_TABLES: usize = 3;
/// Or so many bytes, if that is more.
const LEAST_TABLES: usize = 16 << 20;
/// How often who must get through tries again, a little later each time: about a minute in all.
const TRIES: u64 = 600;
/// The longest of these pauses, milliseconds.
const MOST_PAUSE: u64 = 100;

fn permits(size: usize) -> u32 {
    u32::try_from(size / PERMIT_BYTES + 1).unwrap_or(PERMITS).min(PERMITS)
}

impl Staging {
    /// Takes a batch that someone waits for.
    ///
    /// # Errors
    /// What can be said at once: `Busy`, `Full`, `Closed`, `Failed`, `Corrupt`, `Io`. The rest, `Conflict` too, comes by the
    /// receiver once what it rests on is durable.
    pub(super) fn commit(
        &self,
        batch: Batch,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        self.failure()?;
        let (answer, result) = oneshot::channel();
        if batch.is_empty() {
            // A barrier takes no place, and may wait in a store that is busy.
            if self.places.is_closed() {
                return Err(StoreError::Closed);
            }
            self.wait(self.state(), Some((answer, Ok(()))), None);
            return Ok(result);
        }
        let permit = self.place(batch.size())?;
        let prepared = self.prepare(batch)?;
        self.stage(prepared, Some(answer), permit)?;
        Ok(result)
    }

    /// Takes a batch that nobody waits for, once there is room.
    ///
    /// # Errors
    /// As [`Staging::commit`], but for `Busy`; a `Conflict` is logged.
    pub(super) async fn commit_lazily(&self, batch: Batch) -> Result<(), StoreError> {
        self.failure()?;
        let permit = Arc::clone(&self.places).acquire_many_owned(permits(batch.size())).await;
        let mut permit = Some(permit.map_err(|_| StoreError::Closed)?);
        loop {
            let prepared = self.prepare(batch.clone())?;
            let taken = permit.take().expect("it is put back below");
            match self.try_stage(prepared, None, taken) {
                Err((StoreError::Busy, back)) => {
                    permit = Some(back);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                Err((StoreError::Full { place }, _)) => {
                    tracing::error!(error = %StoreError::Full { place }, "a lazy batch was not stored");
                    return Ok(());
                }
                other => return other.map_err(|(error, _)| error),
            }
        }
    }

    /// Commits and waits, from a thread of the store's own. A store that is busy is tried again.
    ///
    /// # Errors
    /// As `Store::commit`.
    pub(super) fn commit_now(&self, batch: Batch) -> Result<(), StoreError> {
        self.persist(batch.size(), || self.prepare(batch.clone()))
    }

    /// As [`Staging::commit_now`]. What is in `moved`, which must be what its keys have, goes to the bucket that ends then.
    ///
    /// # Errors
    /// As `Store::commit`.
    pub(super) fn retire(
        &self,
        end_ms: u64,
        moved: &[(Key, IVec)],
        also_delete: &[Key],
    ) -> Result<(), StoreError> {
        self.persist(0, || {
            let mut prepared = Prepared::default();
            for (key, bytes) in moved {
                // As if none of it were in a table, whose memory it takes on.
                prepared.needed += bytes.len() as u64;
                prepared.expectations.push((key.clone(), Expected::Envelope(bytes.clone())));
                prepared.writes.push((key.clone(), Wanted::Move(end_ms, bytes.clone())));
            }
            prepared.writes.extend(also_delete.iter().map(|key| (key.clone(), Wanted::Delete)));
            Ok(prepared)
        })
    }

    /// As [`Staging::commit_now`]: gives the bucket that ends then these pairs, beside what is live.
    ///
    /// # Errors
    /// As `Store::commit`.
    pub(super) fn keep(&self, end_ms: u64, pairs: &[(Key, Vec<u8>)]) -> Result<(), StoreError> {
        self.persist(0, || {
            let mut prepared = Prepared::default();
            for (key, value) in pairs {
                let envelope = self.seal(key, value, &mut prepared)?;
                prepared.kept.push((end_ms, key.clone(), envelope));
            }
            Ok(prepared)
        })
    }

    fn persist(
        &self,
        size: usize,
        prepare: impl Fn() -> Result<Prepared, StoreError>,
    ) -> Result<(), StoreError> {
        for attempt in 1.. {
            self.failure()?;
            let staged = self.place(size).and_then(|permit| {
                let (answer, result) = oneshot::channel();
                self.stage(prepare()?, Some(answer), permit)?;
                Ok(result)
            });
            match staged {
                Ok(result) => return result.blocking_recv().unwrap_or_else(|_| Err(self.lost())),
                Err(StoreError::Busy) if attempt < TRIES => {
                    std::thread::sleep(Duration::from_millis(attempt.min(MOST_PAUSE)))
                }
                Err(error) => return Err(error),
            }
        }
        unreachable!("the loop ends by itself")
    }

    /// What a dropped answer means: a thread ended or panicked with the batch in its hands.
    pub(super) fn lost(&self) -> StoreError {
        let reason = "the batch was lost on its way to the disk".to_owned();
        self.failure().err().unwrap_or(StoreError::Failed { reason })
    }

    fn place(&self, size: usize) -> Result<OwnedSemaphorePermit, StoreError> {
        Arc::clone(&self.places).try_acquire_many_owned(permits(size)).map_err(|error| match error {
            TryAcquireError::NoPermits => StoreError::Busy,
            TryAcquireError::Closed => StoreError::Closed,
        })
    }

    /// Seals the values; the large ones are files, durable, when this returns.
    fn prepare(&self, batch: Batch) -> Result<Prepared, StoreError> {
        let large = batch.writes.iter().map(|(_, write)| match write {
            Write::Put(value) if value.len() > INLINE_MAX => value.len() as u64,
            Write::Put(_)
            | Write::PutUntil(..)
            | Write::Delete
            | Write::DeleteIf(_)
            | Write::DeletePrefix => 0,
        });
        let large: u64 = large.sum();
        if large > 0 && large >= room(&self.folder, self.reserve) {
            return Err(StoreError::Full { place: self.folder.clone() });
        }
        let expectations = batch.expectations.into_iter().map(|(key, value)| (key, Expected::Value(value)));
        let mut prepared =
            Prepared { expectations: expectations.collect(), settled: batch.settled, ..Prepared::default() };
        for (key, write) in batch.writes {
            let wanted = match write {
                Write::Put(value) => Wanted::Put(self.seal(&key, &value, &mut prepared)?, None),
                Write::PutUntil(value, end) => {
                    // Whatever its size, so that a bucket of them is dropped with its shelves alone.
                    prepared.needed += value.len() as u64;
                    Wanted::Put(envelope::inline(&key, &value).into(), Some(end))
                }
                Write::Delete => Wanted::Delete,
                Write::DeleteIf(value) => Wanted::DeleteIf(value),
                Write::DeletePrefix => Wanted::DeletePrefix,
            };
            prepared.writes.push((key, wanted));
        }
        Ok(prepared)
    }

    /// The envelope of a value; a large one is a file, durable, when this returns.
    fn seal(&self, key: &Key, value: &[u8], prepared: &mut Prepared) -> Result<IVec, StoreError> {
        prepared.needed += value.len() as u64;
        if value.len() <= INLINE_MAX {
            return Ok(envelope::inline(key, value).into());
        }
        let (envelope, held) = off_the_reactor(|| self.keep_large(key, value))?;
        prepared.held.push(held);
        Ok(envelope)
    }

    fn keep_large(&self, key: &Key, value: &[u8]) -> Result<(IVec, Held), StoreError> {
        let mut staged = self.blobs.stage(value)?;
        staged.sync()?;
        let envelope = envelope::blob(key, staged.blob());
        // After a failure here nobody knows what of the file is durable, and a later one of the same name would rely on it.
        let held = self.blobs.publish_held(staged).map_err(|error| match error {
            full @ StoreError::Full { .. } => full,
            error => self.poison(error),
        })?;
        Ok((envelope.into(), held))
    }

    fn stage(
        &self,
        prepared: Prepared,
        answer: Option<oneshot::Sender<Result<(), StoreError>>>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), StoreError> {
        self.try_stage(prepared, answer, permit).map_err(|(error, _)| error)
    }

    /// Checks and applies a batch. What was refused gives its place back.
    fn try_stage(
        &self,
        prepared: Prepared,
        answer: Option<oneshot::Sender<Result<(), StoreError>>>,
        permit: OwnedSemaphorePermit,
    ) -> Result<(), (StoreError, OwnedSemaphorePermit)> {
        let mut below = Below::default();
        loop {
            let mut state = self.state();
            if self.places.is_closed() {
                return Err((StoreError::Closed, permit));
            }
            if below.epoch != state.epoch {
                below = Below { epoch: state.epoch, ..Below::default() };
            }
            let checked = match self.check(&prepared, &state, &below) {
                Ok(checked) => checked,
                Err(error) => return Err((error, permit)),
            };
            match checked {
                Checked::Ask(questions) => {
                    drop(state);
                    if let Err(error) = self.read_below(questions, &mut below) {
                        return Err((error, permit));
                    }
                }
                Checked::Conflict(key, found) => {
                    return self.refuse(state, key, found, answer).map_err(|error| (error, permit));
                }
                Checked::Good(own, moved) => {
                    if let Err(error) = self.has_room(&mut state, prepared.needed + moved) {
                        return Err((error, permit));
                    }
                    self.apply(&mut state, own, prepared, &below);
                    self.wait(state, answer.map(|answer| (answer, Ok(()))), Some(permit));
                    return Ok(());
                }
            }
        }
    }

    /// Answers a conflict, once the value that caused it is durable.
    fn refuse(
        &self,
        state: std::sync::MutexGuard<'_, State>,
        key: Key,
        found: Option<IVec>,
        answer: Option<oneshot::Sender<Result<(), StoreError>>>,
    ) -> Result<(), StoreError> {
        let Some(answer) = answer else {
            tracing::error!(%key, "a lazy batch was not stored: the key has another value than it expects");
            return Ok(());
        };
        // A large value is read without the mutex, and its file may go meanwhile.
        let hold = found.as_deref().and_then(envelope::reference).map(|blob| blob.hash);
        hold.inspect(|hash| self.blobs.hold(*hash));
        drop(state);
        let value = found.map(|bytes| unseal(&key, &bytes, &self.blobs)).transpose();
        hold.inspect(|hash| self.blobs.release(*hash));
        let result = Err(StoreError::Conflict { found: value?, key });
        self.wait(self.state(), Some((answer, result)), None);
        Ok(())
    }

    /// Lets someone wait until everything that is readable now is durable.
    fn wait(
        &self,
        mut state: std::sync::MutexGuard<'_, State>,
        answer: Option<(oneshot::Sender<Result<(), StoreError>>, Result<(), StoreError>)>,
        permit: Option<OwnedSemaphorePermit>,
    ) {
        let is_durable = state.durable == state.number;
        if is_durable || state.log_ended {
            drop(state);
            if let Some((answer, result)) = answer {
                // Whoever asked may have gone.
                let _ = answer.send(if is_durable { result } else { Err(self.lost()) });
            }
            return;
        }
        let (was_urgent, was_lazy) = (state.group.urgent, state.group.since.is_some());
        match answer {
            Some((answer, result)) => {
                state.group.waiters.push(Waiter { answer, result });
                state.group.urgent = true;
            }
            None => drop(state.group.since.get_or_insert_with(Instant::now)),
        }
        state.group.permits.extend(permit);
        self.added(&state, was_urgent, was_lazy);
    }

    fn has_room(&self, state: &mut State, needed: u64) -> Result<(), StoreError> {
        // Deleting goes on, or nobody could ever make room.
        if needed == 0 {
            return Ok(());
        }
        let frozen = state.frozen.as_ref().map_or(0, |frozen| frozen.bytes());
        let tables = state.active.bytes() + frozen;
        if tables > self.pace.bytes.saturating_mul(MOST_TABLES).max(LEAST_TABLES) {
            return Err(StoreError::Busy);
        }
        let known = state.room.filter(|(asked, left)| asked.elapsed() < ROOM_AGE && *left > needed);
        // Room that was just made counts at once, so nobody is refused by an answer from before.
        let (asked, left) = known.unwrap_or_else(|| (Instant::now(), room(&self.folder, self.reserve)));
        let left = left.saturating_sub(needed);
        state.room = Some((asked, left));
        if left == 0 { Err(StoreError::Full { place: self.folder.clone() }) } else { Ok(()) }
    }
}
