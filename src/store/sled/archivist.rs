//! The one thread that writes to the history: moves values there, drops buckets, begins backups.
//!
//! A move is durable in its bucket before the keys are taken from the live part, in one commit with
//! the note on what the bucket then holds. In between, after a crash too, the keys are in both, which reads
//! tolerate. When the store opens, the thread first reads all buckets, so that damage is told early.

use std::{
    collections::{BTreeMap, HashSet},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::Receiver,
    },
};

use sled::IVec;
use tokio::sync::oneshot;

use super::{
    blobs::Blobs,
    bucket::{Bucket, Noted},
    checkpoint::Shared,
    envelope,
    folder::{SNAPSHOT, room},
    history::History,
    staging::{Asked, Staging},
};
use crate::store::{Batch, Key, KeyRange, Order, Settled, StoreError, buckets};

/// Bytes that move at once, beyond which no other thing is added.
const PART_BYTES: u64 = 4 << 20;
/// Keys that may move while a backup is being read; then moves wait for its end.
const MAX_RECORDED: usize = 500_000;

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
    /// The buckets of that moment.
    pub(super) buckets: Vec<Arc<Bucket>>,
    recording: Arc<Recording>,
    shared: Arc<Shared>,
}

/// Keys that moved to the history since a backup began: it has them among the live ones already.
#[derive(Default)]
struct Recording(Mutex<HashSet<Key>>);

impl Recording {
    fn keys(&self) -> std::sync::MutexGuard<'_, HashSet<Key>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Snapshot {
    /// Whether a key came to the history after that moment.
    pub(super) fn moved_since(&self, key: &[u8]) -> bool {
        self.recording.keys().contains(key)
    }
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
    blobs: Arc<Blobs>,
    history: Arc<History>,
    shared: Arc<Shared>,
    /// Set when the store is being dropped.
    closing: Arc<AtomicBool>,
    /// The latest time that it was told.
    now_ms: u64,
    recordings: Vec<Weak<Recording>>,
}

/// The runs that move to the history together.
#[derive(Default)]
struct Part {
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
        blobs: Arc<Blobs>,
        history: Arc<History>,
        shared: Arc<Shared>,
        closing: Arc<AtomicBool>,
    ) -> Self {
        Self { staging, blobs, history, shared, closing, now_ms: 0, recordings: Vec::new() }
    }

    /// Finishes what was dropped, checks what is there, then does what it is asked until nobody can ask any more.
    pub(super) fn run(mut self, dropped: Vec<String>, tasks: &Receiver<Task>) {
        for name in dropped {
            match self.forget(&name) {
                Ok(()) => self.history.remove(&name),
                Err(error) => tracing::warn!(%error, "a dropped part of the history is still noted"),
            }
        }
        let mut unchecked = self.history.all();
        loop {
            let task = match unchecked.last() {
                Some(_) => match tasks.try_recv() {
                    Err(std::sync::mpsc::TryRecvError::Empty) => None,
                    Err(std::sync::mpsc::TryRecvError::Disconnected) => break,
                    Ok(task) => Some(task),
                },
                None => match tasks.recv() {
                    Ok(task) => Some(task),
                    Err(_) => break,
                },
            };
            match task {
                Some(task) => self.perform(task),
                None => {
                    if let Some(bucket) = unchecked.pop() {
                        self.check(&bucket);
                    }
                }
            }
        }
    }

    fn check(&self, bucket: &Arc<Bucket>) {
        // What is damaged says so itself.
        let checked = self.history.opened(bucket).and_then(|opened| {
            if bucket.is_checked() {
                Ok(())
            } else {
                bucket.audit(&opened, || !self.closing.load(Ordering::SeqCst))
            }
        });
        if let Err(error) = checked
            && !bucket.is_damaged()
        {
            tracing::warn!(bucket = bucket.name(), %error, "a part of the history was not checked");
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
            let mut part = Part::default();
            for one in settled {
                self.read(one, &mut part)?;
                if part.bytes > PART_BYTES {
                    self.move_to(end, std::mem::take(&mut part))?;
                }
            }
            self.move_to(end, part)?;
        }
        Ok(())
    }

    /// Adds what belongs to one thing that has ended.
    fn read(&self, one: Settled, part: &mut Part) -> Result<(), StoreError> {
        let mut keep = |key: Key, bytes: IVec| {
            // Nothing that is damaged is moved.
            envelope::open(&key, &bytes)?;
            part.bytes += (key.len() + bytes.len()) as u64;
            part.values.insert(key, bytes);
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
        part.gone.extend(one.also_delete);
        Ok(())
    }

    fn move_to(&mut self, end: u64, part: Part) -> Result<(), StoreError> {
        let Part { values, gone, bytes } = part;
        let values: Vec<(Key, IVec)> = values.into_iter().collect();
        let mut batch = Batch::new();
        for key in gone {
            batch.delete(key);
        }
        if !values.is_empty() {
            // sled writes pages around what it is given.
            let folder = &self.staging.folder;
            let room = room(folder, self.staging.reserve);
            if bytes.saturating_mul(4) > room {
                return Err(StoreError::Full { place: folder.clone() });
            }
            self.record(&values)?;
            let bucket = self.history.bucket(end)?;
            if let Err(error) = bucket.write(&values, &self.blobs) {
                return Err(match error {
                    StoreError::Failed { reason } => self.staging.poison(reason),
                    error => error,
                });
            }
            batch.put(Noted::key(bucket.name()), bucket.note());
        }
        self.staging.commit_now(batch, &values)
    }

    /// Tells the backups that are being read which keys move now.
    fn record(&mut self, values: &[(Key, IVec)]) -> Result<(), StoreError> {
        self.recordings.retain(|recording| recording.strong_count() > 0);
        for recording in self.recordings.iter().filter_map(Weak::upgrade) {
            let mut keys = recording.keys();
            if keys.len() + values.len() > MAX_RECORDED {
                return Err(StoreError::Busy);
            }
            keys.extend(values.iter().map(|(key, _)| key.clone()));
        }
        Ok(())
    }

    fn forget(&self, name: &str) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.delete(Noted::key(name));
        self.staging.commit_now(batch, &[])
    }

    fn drop_bucket(&self, bucket: &Arc<Bucket>) -> Result<(), StoreError> {
        self.history.drop_bucket(bucket)?;
        self.forget(bucket.name())?;
        self.history.remove(bucket.name());
        tracing::info!(bucket = bucket.name(), "dropped a part of the history");
        Ok(())
    }

    fn drop_expired(&self, now_ms: u64) -> Result<usize, StoreError> {
        let mut dropped = 0;
        for bucket in self.history.all().iter().filter(|bucket| bucket.end_ms() <= now_ms) {
            self.drop_bucket(bucket)?;
            dropped += 1;
        }
        Ok(dropped)
    }

    fn drop_oldest(&self, max_bytes: u64) -> Result<usize, StoreError> {
        let mut all = self.history.all();
        all.sort_by_key(|bucket| bucket.end_ms());
        let mut total: u64 = all.iter().map(|bucket| bucket.size()).sum();
        let mut dropped = 0;
        for bucket in all {
            if total <= max_bytes {
                break;
            }
            total -= bucket.size();
            self.drop_bucket(&bucket)?;
            dropped += 1;
        }
        Ok(dropped)
    }

    /// Here, because nothing moves while this thread waits: what moves later is in the recording, all of it.
    fn snapshot(&mut self) -> Result<Snapshot, StoreError> {
        let number = SNAPSHOTS.fetch_add(1, Ordering::Relaxed);
        self.shared.pins.fetch_add(1, Ordering::SeqCst);
        let snapshot = Snapshot {
            file: self.staging.folder.join(format!("{SNAPSHOT}{number}")),
            buckets: self.history.all(),
            recording: Arc::default(),
            shared: Arc::clone(&self.shared),
        };
        let (answer, result) = oneshot::channel();
        self.staging.ask(Asked { snapshot: Some(snapshot.file.clone()), answer })?;
        result.blocking_recv().unwrap_or_else(|_| Err(self.staging.lost()))?;
        self.recordings.push(Arc::downgrade(&snapshot.recording));
        Ok(snapshot)
    }
}
