//! How a batch is checked and applied, in its caller's thread: a few microseconds under the mutex.
//!
//! What only the tree knows is read before the mutex is taken. It holds as long as no checkpoint ended meanwhile: a
//! running one writes only keys of the frozen table, which is looked at first.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use sled::IVec;
use tokio::sync::{OwnedSemaphorePermit, TryAcquireError, oneshot};

use super::{
    blobs::{Held, unseal},
    commits::Commits,
    envelope::{self, BlobRef, Content, INLINE_MAX},
    failure::from_sled,
    folder::room,
    staging::{PERMITS, Staging, State, Waiter},
};
use crate::{
    reactor::off_the_reactor,
    store::{Batch, Key, KeyRange, Order, StoreError, batch::Write},
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

/// A batch as it is checked and applied.
pub(super) struct Prepared {
    expectations: Vec<(Key, Expected)>,
    writes: Vec<(Key, Change)>,
    /// Bytes that are written for it.
    needed: u64,
    /// Keeps the files of its large values until a table refers to them.
    held: Vec<Held>,
}

enum Expected {
    /// This value, or none.
    Value(Option<Vec<u8>>),
    /// Exactly these bytes: what a caller read before.
    Envelope(IVec),
}

enum Change {
    Put(IVec),
    Delete,
    DeleteIf(Vec<u8>),
    DeletePrefix,
}

/// What was read of the tree.
#[derive(Default)]
struct Below {
    epoch: u64,
    keys: HashMap<Key, Option<IVec>>,
    prefixes: HashMap<Key, Vec<Key>>,
}

/// What the tree is to be asked for.
#[derive(Default)]
struct Questions {
    keys: Vec<Key>,
    prefixes: Vec<Key>,
}

/// What the batch itself does, by key.
type Own = BTreeMap<Key, Option<IVec>>;

enum Checked {
    /// It may be applied: the keys that it changes.
    Good(Own),
    Conflict(Key, Option<IVec>),
    Ask(Questions),
}

fn permits(size: usize) -> u32 {
    u32::try_from(size / PERMIT_BYTES + 1).unwrap_or(PERMITS).min(PERMITS)
}

/// Whether an envelope holds this value.
fn holds(key: &Key, found: Option<&IVec>, expected: Option<&[u8]>) -> Result<bool, StoreError> {
    Ok(match (found, expected) {
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
        (Some(bytes), Some(expected)) => match envelope::open(key, bytes)? {
            Content::Inline(value) => value == expected,
            Content::Blob(blob) => blob == BlobRef::of(expected),
        },
    })
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

    /// Commits and waits, from a thread of the store's own. A store that is busy is tried again. The envelopes of `moved`
    /// must be what their keys have; they go with the batch.
    ///
    /// # Errors
    /// As `Store::commit`.
    pub(super) fn commit_now(&self, batch: Batch, moved: &[(Key, IVec)]) -> Result<(), StoreError> {
        for attempt in 1.. {
            self.failure()?;
            let staged = self.place(batch.size()).and_then(|permit| {
                let mut prepared = self.prepare(batch.clone())?;
                for (key, bytes) in moved {
                    prepared.expectations.push((key.clone(), Expected::Envelope(bytes.clone())));
                    prepared.writes.push((key.clone(), Change::Delete));
                }
                let (answer, result) = oneshot::channel();
                self.stage(prepared, Some(answer), permit)?;
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
            Write::Put(_) | Write::Delete | Write::DeleteIf(_) | Write::DeletePrefix => 0,
        });
        let large: u64 = large.sum();
        if large > 0 && large >= room(&self.folder, self.reserve) {
            return Err(StoreError::Full { place: self.folder.clone() });
        }
        let expectations = batch.expectations.into_iter().map(|(key, value)| (key, Expected::Value(value)));
        let mut prepared = Prepared {
            expectations: expectations.collect(),
            writes: Vec::new(),
            needed: 0,
            held: Vec::new(),
        };
        for (key, write) in batch.writes {
            let change = match write {
                Write::Put(value) => {
                    prepared.needed += value.len() as u64;
                    if value.len() > INLINE_MAX {
                        let (envelope, held) = off_the_reactor(|| self.keep_large(&key, &value))?;
                        prepared.held.push(held);
                        Change::Put(envelope)
                    } else {
                        Change::Put(envelope::inline(&key, &value).into())
                    }
                }
                Write::Delete => Change::Delete,
                Write::DeleteIf(value) => Change::DeleteIf(value),
                Write::DeletePrefix => Change::DeletePrefix,
            };
            prepared.writes.push((key, change));
        }
        Ok(prepared)
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
                Checked::Good(own) => {
                    if let Err(error) = self.has_room(&mut state, prepared.needed) {
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

    /// What a key has, as far as it is known here.
    fn look(&self, key: &Key, own: &Own, state: &State, below: &Below) -> Option<Option<IVec>> {
        if let Some(envelope) = own.get(key) {
            return Some(envelope.clone());
        }
        if let Some(envelope) = state.find(key) {
            return Some(envelope.cloned());
        }
        if Commits::owns(key) || self.counts.has_none(key) {
            return Some(None);
        }
        below.keys.get(key).cloned()
    }

    /// Checks the expectations and works out what becomes of each key.
    fn check(&self, prepared: &Prepared, state: &State, below: &Below) -> Result<Checked, StoreError> {
        let mut own = Own::new();
        let mut questions = Questions::default();
        for (key, expected) in &prepared.expectations {
            let Some(found) = self.look(key, &own, state, below) else {
                questions.keys.push(key.clone());
                continue;
            };
            let good = match expected {
                Expected::Value(value) => holds(key, found.as_ref(), value.as_deref())?,
                Expected::Envelope(bytes) => found.as_ref() == Some(bytes),
            };
            if !good && questions.keys.is_empty() {
                return Ok(Checked::Conflict(key.clone(), found));
            }
        }
        for (key, change) in &prepared.writes {
            match change {
                Change::Put(envelope) => drop(own.insert(key.clone(), Some(envelope.clone()))),
                Change::Delete => drop(own.insert(key.clone(), None)),
                Change::DeleteIf(value) => match self.look(key, &own, state, below) {
                    None => questions.keys.push(key.clone()),
                    Some(found) if holds(key, found.as_ref(), Some(value))? => {
                        own.insert(key.clone(), None);
                    }
                    Some(_) => {}
                },
                Change::DeletePrefix => match self.prefix(key, &own, state, below) {
                    None => questions.prefixes.push(key.clone()),
                    Some(keys) => own.extend(keys.into_iter().map(|key| (key, None))),
                },
            }
        }
        let none = questions.keys.is_empty() && questions.prefixes.is_empty();
        Ok(if none { Checked::Good(own) } else { Checked::Ask(questions) })
    }

    /// Every key that begins with `prefix`, wherever it is.
    fn prefix(&self, prefix: &Key, own: &Own, state: &State, below: &Below) -> Option<Vec<Key>> {
        let none = self.counts.has_none(prefix);
        let tree = if none { None } else { Some(below.prefixes.get(prefix)?) };
        let range = KeyRange::prefix(prefix);
        let mut keys: Vec<Key> = tree.into_iter().flatten().cloned().collect();
        keys.extend(own.range::<[u8], _>(range.bounds()).map(|(key, _)| key.clone()));
        for table in [Some(&state.active), state.frozen.as_deref()].into_iter().flatten() {
            keys.extend(table.range(&range, Order::Ascending).map(|(key, _)| key.clone()));
        }
        keys.retain(|key| !Commits::owns(key));
        Some(keys)
    }

    fn read_below(&self, questions: Questions, below: &mut Below) -> Result<(), StoreError> {
        self.live.guarded(&self.folder, |db| {
            for key in questions.keys {
                let found = db.get(&key).map_err(|error| from_sled(error, "read"))?;
                below.keys.insert(key, found);
            }
            for prefix in questions.prefixes {
                let keys = db.scan_prefix(&prefix).keys().map(|key| key.map(|key| Key::from(&*key)));
                let keys: Result<_, _> = keys.collect();
                below.prefixes.insert(prefix, keys.map_err(|error| from_sled(error, "read"))?);
            }
            Ok(())
        })
    }

    /// Numbers a batch, adds it to the running group and makes it readable.
    fn apply(&self, state: &mut State, own: Own, prepared: Prepared, below: &Below) {
        let is_new = |key: &Key, state: &State| {
            let frozen = state.frozen.as_ref().is_some_and(|frozen| frozen.get(key).is_some());
            let none = || self.counts.has_none(key) || below.keys.get(key).is_some_and(Option::is_none);
            !frozen && none()
        };
        // A deletion of what is nowhere changes nothing.
        let idle = |key: &Key, envelope: &Option<IVec>, state: &State| {
            envelope.is_none() && state.active.get(key).is_none() && is_new(key, state)
        };
        let own: Vec<_> = own.into_iter().filter(|(key, envelope)| !idle(key, envelope, state)).collect();
        if own.is_empty() {
            return;
        }
        state.number += 1;
        let number = state.number;
        state
            .group
            .frame
            .push(number, own.iter().map(|(key, envelope)| (key.as_bytes(), envelope.as_deref())));
        for (key, envelope) in own {
            if let Some(blob) = envelope.as_deref().and_then(envelope::reference) {
                self.blobs.hold(blob.hash);
            }
            let new = is_new(&key, state);
            let before = state.active.apply(key, envelope, new);
            if let Some(blob) = before.as_deref().and_then(envelope::reference) {
                self.blobs.release(blob.hash);
            }
        }
        // The tables refer to the large values now, as far as they hold them.
        drop(prepared.held);
    }
}
