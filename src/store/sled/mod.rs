//! The store on disk. The only place that knows sled (0.34.7, pinned).
//!
//! sled gives an ordered tree with atomic batches; what it lacks is closed here: a real fdatasync before
//! each answer (`committer`), checksums of our own (`envelope`), proof at the start that nothing answered
//! is missing (`check`, `watermark`), large values outside (`blobs`), one owner of the folder (`folder`).
//! Disk full: a reserve is kept free, so `Full` comes before sled meets it and passes when there is room.

mod archivist;
mod blobs;
mod bucket;
mod check;
mod commits;
mod committer;
mod compact;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod durable_compaction;
#[cfg(test)]
mod durable_history;
mod envelope;
mod export;
mod failure;
mod folder;
mod history;
mod live;
mod moment;
mod queue;
mod sync_folder;
mod tally;
mod watermark;

use std::{
    collections::BTreeMap,
    fmt,
    fs::File,
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt, ready};
use sled::Db;
use tokio::sync::{oneshot, watch};

use self::{
    archivist::{Archivist, Task},
    blobs::{Blobs, Staged},
    bucket::Noted,
    check::Audit,
    commits::Commits,
    committer::{Committer, Compaction, Shared, from_sled, unseal},
    compact::Hook,
    envelope::{Content, INLINE_MAX},
    folder::{Folder, room},
    history::History,
    live::{Live, Opening, guard, open_sled, sync_new_files},
    queue::Queue,
    watermark::Watermark,
};
use super::{
    BackupError, BackupStream, Batch, Contents, Key, KeyRange, Order, Pair, Settled, Store, StoreError,
    StoreStats, Trust, batch::Write, record,
};
use crate::reactor::off_the_reactor;

/// With less room than for an event of the usual largest size, the store is not ready, bytes.
const USUAL_BATCH: u64 = 1 << 20;

/// What may differ between stores. `Options::default()` is right for a server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Memory for sled's pages, bytes; 128 MiB.
    pub cache: u64,
    /// Bytes of the disk that stay free: below it writes answer `Full`; 16 MiB.
    pub reserve: u64,
    /// Every key is read and checked before the store opens when sled's files have no more bytes than this;
    /// 512 MiB, about a second. A larger store is checked while it runs, at 50,000 keys a second.
    pub check_up_to: u64,
    /// The live part is compacted when its files have more than four times its bytes and this many more; 64 MiB.
    pub compact_above: u64,
    /// That is looked at no more often than this; one minute.
    pub compact_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache: 128 << 20,
            reserve: 16 << 20,
            check_up_to: 512 << 20,
            compact_above: 64 << 20,
            compact_every: Duration::from_secs(60),
        }
    }
}

/// What a test gives in place of the real thing.
#[derive(Default)]
struct Planted {
    /// The file to sync in place of sled's.
    synced: Option<File>,
    /// Called at the steps of a compaction, for tests.
    hook: Option<Hook>,
}

/// A data folder in use. Dropping it writes what is queued.
pub struct SledStore {
    live: Arc<Live>,
    blobs: Arc<Blobs>,
    history: Arc<History>,
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    failed: Arc<watch::Sender<Option<StoreError>>>,
    /// Becomes true when the committer has ended.
    done: watch::Receiver<bool>,
    tasks: Mutex<Option<mpsc::Sender<Task>>>,
    closing: Arc<AtomicBool>,
    /// Bytes of the disk that stay free.
    reserve: u64,
    /// In the order in which they end: backups, archivist, committer.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Last: the folder is free for others only when sled has closed its files.
    folder: Folder,
}

impl SledStore {
    /// Opens a data folder, or makes a new one. Blocks: sled recovers, and a small store is read whole.
    /// A damaged part of the history is no reason not to open; reads of it fail.
    ///
    /// # Errors
    /// `Locked`, `NewerVersion`, `ReadOnly`, `Full`, `Io`; `Corrupt` when anything live that was acknowledged
    /// is missing or changed. It never starts empty beside existing data.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        Self::open_with(path, options, Planted::default())
    }

    fn open_with(path: &Path, options: &Options, planted: Planted) -> Result<Self, StoreError> {
        let folder = Folder::open(path)?;
        let (watermark, number) = Watermark::open(&folder.watermark())?;
        let state = folder.state()?;
        let db_path = state.join("db");
        if number > 0 && !db_path.exists() {
            return Err(StoreError::corrupt(db_path.display(), "the file is missing"));
        }
        folder::create_private(&state)?;
        let blobs = Arc::new(Blobs::open(folder.blobs())?);
        let guarded = catch_unwind(AssertUnwindSafe(|| {
            let db = open_sled(&state, Opening::live(options.cache))?;
            let commits = check::commits(&db, number)?;
            let tally = if check::size_of(&state) > options.check_up_to {
                None
            } else {
                Some(check::everything(&db, &blobs, &commits)?)
            };
            let notes = notes(&db)?;
            Ok((db, commits, tally, notes))
        }));
        let (db, commits, tally, notes) = guarded.unwrap_or_else(|_| {
            Err(StoreError::corrupt(state.display(), "sled panicked while recovering it"))
        })?;
        let db_file = sync_new_files(&state)?;
        folder.tidy(&state)?;
        let (history, dropped) = History::open(folder.history(), notes, options.check_up_to)?;
        let (failed, done) = (Arc::new(watch::channel(None).0), watch::channel(false));
        let (queue, shared, history) =
            (Arc::new(Queue::new()), Arc::new(Shared::default()), Arc::new(history));
        let live = Arc::new(Live::new(db.clone()));
        let committer = Committer {
            live: Arc::clone(&live),
            db,
            state,
            db_file: planted.synced.unwrap_or(db_file),
            blobs: Arc::clone(&blobs),
            commits,
            audit: tally.is_none().then(Audit::default),
            tally,
            shared: Arc::clone(&shared),
            doomed: Vec::new(),
            compaction: Compaction {
                slack: options.compact_above,
                every: options.compact_every,
                cache: options.cache,
                hook: planted.hook,
            },
            looked: None,
            old: None,
            watermark,
            folder: folder.path().to_owned(),
            reserve: options.reserve,
            failed: Arc::clone(&failed),
        };
        let closing = Arc::new(AtomicBool::new(false));
        let archivist = Archivist::new(
            Arc::clone(&live),
            Arc::clone(&blobs),
            Arc::clone(&history),
            Arc::clone(&queue),
            Arc::clone(&shared),
            Arc::clone(&failed),
            Arc::clone(&closing),
            (folder.path().to_owned(), options.reserve),
        );
        let (tasks, receiver) = mpsc::channel();
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
            thread.map_err(|error| StoreError::io("cannot start the store's threads", path, error))
        };
        let ops = Arc::clone(&queue);
        let committing = spawn(
            "store",
            Box::new(move || {
                committer.run(&ops);
                done.0.send_replace(true);
            }),
        )?;
        let archiving = spawn("history", Box::new(move || archivist.run(dropped, &receiver)))?;
        Ok(Self {
            live,
            blobs,
            history,
            shared,
            queue,
            failed,
            done: done.1,
            tasks: Mutex::new(Some(tasks)),
            closing,
            reserve: options.reserve,
            threads: Mutex::new(vec![archiving, committing]),
            folder,
        })
    }

    /// Makes the store of a backup, in a folder that does not exist yet. Blocks.
    ///
    /// # Errors
    /// When there is such a folder, the backup is not whole and unchanged, or not to be trusted; nothing is left behind then.
    pub fn restore(
        backup: impl Read + Send,
        folder: &Path,
        trust: Trust<'_>,
    ) -> Result<Contents, BackupError> {
        // A thread, because the caller's may belong to a runtime, which must not wait.
        std::thread::scope(|scope| {
            let restored = scope.spawn(|| export::restore(backup, folder, trust)).join();
            restored
                .unwrap_or_else(|_| Err(StoreError::corrupt("the backup", "restoring it panicked").into()))
        })
    }

    /// Gives the archivist a task and waits for what becomes of it.
    fn ask<T: Send + 'static>(
        &self,
        task: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Task,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (answer, result) = oneshot::channel();
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = match &*tasks {
            Some(tasks) => tasks.send(task(answer)).map_err(|_| self.lost()),
            None => Err(StoreError::Closed),
        };
        match sent {
            Ok(()) => async move { result.await.unwrap_or_else(|_| Err(self.lost())) }.boxed(),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    /// Writes the large values of a batch to the disk before its turn comes: the one thread that commits has the batches of
    /// others to write. What cannot be written here is left to that thread, which says why.
    fn stage(&self, batch: &Batch) -> Vec<Staged> {
        let values = batch.writes.iter().filter_map(|(_, write)| match write {
            Write::Put(value) if value.len() > INLINE_MAX => Some(value),
            Write::Put(_) | Write::Delete | Write::DeleteIf(_) | Write::DeletePrefix => None,
        });
        let values: Vec<_> = values.collect();
        if values.is_empty() {
            return Vec::new();
        }
        let room = room(self.folder.path(), self.reserve);
        if batch.size() as u64 >= room {
            return Vec::new();
        }
        let stage = |value: &Vec<u8>| {
            let mut staged = self.blobs.stage(value)?;
            staged.sync()?;
            Ok(staged)
        };
        let staged = || values.into_iter().map(stage).collect::<Result<_, _>>();
        off_the_reactor(staged).unwrap_or_else(|error: StoreError| {
            tracing::warn!(%error, "a large value is not written before its turn");
            Vec::new()
        })
    }

    fn read(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guard(self.folder.path(), || {
            if Commits::owns(key) {
                return Ok(None);
            }
            let read = || self.live.db().get(key).map_err(|error| from_sled(error, "read"));
            let mut stored = read()?;
            loop {
                let Some(bytes) = stored else { return self.history.get(key) };
                match unseal(key, &bytes, &self.blobs) {
                    Ok(value) => return Ok(Some(value)),
                    Err(error) => {
                        // The file of a large value goes when the value is replaced.
                        stored = read()?;
                        if stored.as_ref() == Some(&bytes) {
                            return Err(error);
                        }
                    }
                }
            }
        })
    }

    fn read_range(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, StoreError> {
        if range.is_empty() || limit == 0 {
            return Ok(Vec::new());
        }
        guard(self.folder.path(), || {
            let mut tries = 3;
            let live = loop {
                match bucket::scan(&self.live.db(), &self.blobs, range, order, limit) {
                    Err(StoreError::Corrupt { .. }) if tries > 0 => tries -= 1,
                    scanned => break scanned?,
                }
            };
            if !self.history.may_have(range) {
                return Ok(live);
            }
            self.history.scan(range, order, limit, live)
        })
    }

    fn failure(&self) -> Result<(), StoreError> {
        self.failed.borrow().clone().map_or(Ok(()), Err)
    }

    /// What a dropped answer means: the thread ended or panicked with the batch in its hands.
    fn lost(&self) -> StoreError {
        let reason = "the batch was lost on its way to the disk".to_owned();
        self.failure().err().unwrap_or(StoreError::Failed { reason })
    }
}

/// What the live database says about the buckets of the history.
fn notes(db: &Db) -> Result<BTreeMap<String, Noted>, StoreError> {
    let mut notes = BTreeMap::new();
    for pair in db.scan_prefix(Noted::key("")) {
        let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
        if let (Some(name), Content::Inline(note)) = (Noted::name(&key), envelope::open(&key, &bytes)?) {
            notes.insert(name.to_owned(), record::decode(&key, note)?);
        }
    }
    Ok(notes)
}

impl Store for SledStore {
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        let (answer, result) = oneshot::channel();
        let push = |()| self.queue.push_staged(batch, |batch| self.stage(batch), answer);
        match self.failure().and_then(push) {
            Ok(()) => async move { result.await.unwrap_or_else(|_| Err(self.lost())) }.boxed(),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn commit_lazily(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.failure()?;
            self.queue.push_lazily(batch).await
        }
        .boxed()
    }

    fn get(&self, key: &[u8]) -> BoxFuture<'_, Result<Option<Vec<u8>>, StoreError>> {
        ready(self.read(key)).boxed()
    }

    fn get_many<'a>(&'a self, keys: &'a [Key]) -> BoxFuture<'a, Result<Vec<Option<Vec<u8>>>, StoreError>> {
        ready(keys.iter().map(|key| self.read(key)).collect()).boxed()
    }

    fn scan(
        &self,
        range: KeyRange,
        order: Order,
        limit: usize,
    ) -> BoxFuture<'_, Result<Vec<Pair>, StoreError>> {
        ready(self.read_range(&range, order, limit)).boxed()
    }

    fn settle(&self, settled: Vec<Settled>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.ask(|answer| Task::Settle(settled, answer))
    }

    fn drop_expired(&self, now_ms: u64) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.ask(|answer| Task::DropExpired(now_ms, answer))
    }

    fn drop_oldest(&self, max_bytes: u64) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.ask(|answer| Task::DropOldest(max_bytes, answer))
    }

    fn stats(&self) -> StoreStats {
        let (history_bytes, buckets) = self.history.size();
        let large = self.shared.large_bytes.load(Ordering::Relaxed);
        let state = self.live.db().size_on_disk().unwrap_or(0);
        StoreStats {
            live_bytes: self.shared.live_bytes.load(Ordering::Relaxed),
            disk_bytes: state + large,
            history_bytes,
            buckets,
        }
    }

    fn readiness(&self) -> Result<(), StoreError> {
        self.failure()?;
        let path = self.folder.path();
        let is_full = room(path, self.reserve) <= USUAL_BATCH;
        if is_full { Err(StoreError::Full { place: path.to_owned() }) } else { Ok(()) }
    }

    fn backup(&self) -> BoxFuture<'_, Result<BackupStream, StoreError>> {
        async move {
            let snapshot = self.ask(Task::Snapshot).await?;
            let sent = export::stream(
                snapshot,
                Arc::clone(&self.blobs),
                Arc::clone(&self.history),
                Arc::clone(&self.closing),
            );
            let (stream, thread) = sent.map_err(|error| {
                StoreError::io("cannot start the backup's thread", self.folder.path(), error)
            })?;
            let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
            threads.retain(|thread| !thread.is_finished());
            threads.insert(0, thread);
            Ok(stream)
        }
        .boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.queue.close();
        let mut done = self.done.clone();
        async move {
            // An error means that the thread is gone, which is what we wait for.
            let _ = done.wait_for(|done| *done).await;
        }
        .boxed()
    }

    fn failed(&self) -> BoxFuture<'_, StoreError> {
        let mut failed = self.failed.subscribe();
        async move {
            let failed = failed.wait_for(Option::is_some).await.expect("the store holds the sender");
            failed.clone().expect("just waited for")
        }
        .boxed()
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.closing.store(true, Ordering::SeqCst);
        drop(self.tasks.lock().unwrap_or_else(PoisonError::into_inner).take());
        self.queue.close();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
        self.history.close();
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStore").field("folder", &self.folder.path()).finish_non_exhaustive()
    }
}
