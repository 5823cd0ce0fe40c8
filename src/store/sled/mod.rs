//! The store on disk. The only place that knows sled (0.34.7, pinned).
//!
//! A commit is durable in the log of its own (`store/log`, written by `logger`) before it is answered, and readable in a
//! table in memory (`memtable`, `staging`, `stage`, `view`). A checkpoint now and then writes what is left of the table to
//! sled's tree (`checkpoint`), and the log is free for what follows. So a run that begins and ends between two
//! checkpoints never costs the tree anything.
//!
//! What has ended moves, by a commit like any other, to its bucket's part of the table (`archivist`, `apply`); the checkpoint
//! writes that part to a shelf of the bucket (`shelve`, `bucket`) and notes it in the tree. Readers see tables, shelves and
//! what the format before left (`old_bucket`) as one (`history`, `reading`). Live values that expire by themselves stand in such
//! shelves too (`lapsing`), and in no other place.
//!
//! sled gives an ordered tree with atomic batches; what it lacks is closed here: a real fdatasync, checksums of our own
//! (`envelope`), proof at the start that nothing answered is missing (`check`, `watermark`), large values outside
//! (`blobs`), one owner of the folder (`folder`). Disk full: a reserve is kept free, so `Full` comes before sled meets it
//! and passes when there is room.

mod apply;
mod archivist;
mod blobs;
mod bucket;
mod check;
mod checkpoint;
mod commits;
mod compact;
mod condition;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod durable_compaction;
#[cfg(test)]
mod durable_ends;
#[cfg(test)]
mod durable_formats;
#[cfg(test)]
mod durable_history;
#[cfg(test)]
mod durable_lapsing;
#[cfg(test)]
mod durable_log;
#[cfg(test)]
mod durable_shelves;
mod envelope;
mod export;
mod failure;
mod folder;
mod history;
mod lapsing;
mod live;
mod logger;
#[cfg(test)]
mod measured;
mod memtable;
mod merging;
mod moment;
mod old_bucket;
mod part;
mod reading;
mod recovery;
mod shelve;
mod shelving;
mod stage;
mod staging;
mod tally;
mod view;
mod watermark;

use std::{
    fmt,
    fs::File,
    io::Read,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc,
    },
    thread::JoinHandle,
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt, ready};
use tokio::sync::{oneshot, watch};

use self::{
    archivist::{Archivist, Task},
    blobs::Blobs,
    bucket::Holds,
    check::Audit,
    checkpoint::{Checkpointer, Compaction, Shared},
    compact::Hook,
    folder::{Folder, room},
    history::History,
    lapsing::Lapsing,
    live::{Live, Opening, guard, open_sled, sync_new_files},
    logger::Logger,
    recovery::{notes, replayed},
    staging::{Pace, Staging},
    watermark::Watermark,
};
use super::{
    BackupError, BackupStream, Batch, Contents, Key, KeyRange, Order, Pair, Settled, Store, StoreError,
    StoreStats, Trust, log::Log,
};

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
    /// When what was committed since the last checkpoint takes so much memory, bytes, the next one begins; 24 MiB.
    pub checkpoint_bytes: usize,
    /// A commit waits no longer than about this for its checkpoint; one minute.
    pub checkpoint_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            cache: 128 << 20,
            reserve: 16 << 20,
            check_up_to: 512 << 20,
            compact_above: 64 << 20,
            compact_every: Duration::from_secs(60),
            checkpoint_bytes: 24 << 20,
            checkpoint_every: Duration::from_secs(60),
        }
    }
}

/// What a test gives in place of the real thing.
#[derive(Default)]
struct Planted {
    /// The file to sync in place of the log's.
    synced: Option<File>,
    /// Called at the steps of a compaction, for tests.
    hook: Option<Hook>,
}

/// A data folder in use. Dropping it writes what is queued.
pub struct SledStore {
    staging: Arc<Staging>,
    history: Arc<History>,
    shared: Arc<Shared>,
    /// Bytes of the log's files.
    log_size: Arc<AtomicU64>,
    /// Becomes true when the last checkpoint has ended.
    done: watch::Receiver<bool>,
    tasks: Mutex<Option<mpsc::Sender<Task>>>,
    closing: Arc<AtomicBool>,
    /// In the order in which they end: backups, archivist, log, checkpoints.
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// Last: the folder is free for others only when sled has closed its files.
    folder: Folder,
}

impl SledStore {
    /// Opens a data folder, or makes a new one. Blocks: sled recovers, a small store is read whole, and what the log has
    /// beyond the last checkpoint is read. A damaged part of the history is no reason not to open; reads of it fail.
    ///
    /// # Errors
    /// `Locked`, `NewerVersion`, `ReadOnly`, `Full`, `Io`; `Corrupt` when anything live that was acknowledged
    /// is missing or changed. It never starts empty beside existing data.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        Self::open_with(path, options, Planted::default())
    }

    fn open_with(path: &Path, options: &Options, planted: Planted) -> Result<Self, StoreError> {
        let folder = Folder::open(path)?;
        let (watermark, answered) = Watermark::open(&folder.watermark())?;
        let state = folder.state()?;
        let db_path = state.join("db");
        if answered > 0 && !db_path.exists() {
            return Err(StoreError::corrupt(db_path.display(), "the file is missing"));
        }
        folder::create_private(&state)?;
        let blobs = Arc::new(Blobs::open(folder.blobs())?);
        let guarded = catch_unwind(AssertUnwindSafe(|| {
            let db = open_sled(&state, Opening::live(options.cache))?;
            let commits = check::commits(&db)?;
            let tally = if check::size_of(&state) > options.check_up_to {
                None
            } else {
                Some(check::everything(&db, &blobs, &commits)?)
            };
            Ok((db, commits, tally))
        }));
        let (db, commits, tally) = guarded.unwrap_or_else(|_| {
            Err(StoreError::corrupt(state.display(), "sled panicked while recovering it"))
        })?;
        let (table, number) = replayed(&folder.log(), commits.number, &blobs)?;
        check::answered(number, answered)?;
        // Of a tree that is not checked yet it is not known that it has all of its notes.
        let complete = tally.is_some();
        let (of_history, of_lapsing) = guard(&state, || notes(&db, &table))?;
        let (lapsing, lapsing_given_up) =
            Lapsing::open(folder.lapsing(), of_lapsing, complete, options.check_up_to)?;
        if let Some(tally) = &tally {
            check::sweep(&blobs, tally)?;
        }
        let db_file = sync_new_files(&state)?;
        folder.tidy(&state)?;
        let log = Log::open(&folder.log(), number + 1, options.reserve)?;
        let live = Arc::new(Live::new(db.clone()));
        let (history, mut given_up) =
            History::open(Holds::Ended, folder.history(), of_history, complete, options.check_up_to)?;
        given_up.extend(lapsing_given_up);
        let (history, shared) = (Arc::new(history), Arc::new(Shared::default()));
        let staging = Arc::new(Staging::new(
            table,
            (number, commits.number),
            Pace { bytes: options.checkpoint_bytes, every: options.checkpoint_every },
            Arc::clone(&live),
            Arc::new(lapsing),
            Arc::clone(&blobs),
            Arc::new(watch::channel(None).0),
            folder.path().to_owned(),
            options.reserve,
        ));
        let checkpointer = Checkpointer {
            staging: Arc::clone(&staging),
            live,
            db,
            state,
            db_file,
            blobs,
            history: Arc::clone(&history),
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
            given_up,
        };
        let log_size = Arc::new(AtomicU64::new(log.size()));
        let logger = Logger {
            staging: Arc::clone(&staging),
            log,
            watermark,
            size: Arc::clone(&log_size),
            synced: planted.synced,
        };
        let closing = Arc::new(AtomicBool::new(false));
        let archivist = Archivist::new(
            Arc::clone(&staging),
            Arc::clone(&history),
            Arc::clone(&shared),
            Arc::clone(&closing),
        );
        let (tasks, receiver) = mpsc::channel();
        let done = watch::channel(false);
        let spawn = |name: &str, work: Box<dyn FnOnce() + Send>| {
            let thread = std::thread::Builder::new().name(name.to_owned()).spawn(work);
            thread.map_err(|error| StoreError::io("cannot start the store's threads", path, error))
        };
        let logging = spawn("log", Box::new(move || logger.run()))?;
        let writing = spawn(
            "checkpoint",
            Box::new(move || {
                checkpointer.run();
                done.0.send_replace(true);
            }),
        )?;
        let archiving = spawn("history", Box::new(move || archivist.run(&receiver)))?;
        Ok(Self {
            staging,
            history,
            shared,
            log_size,
            done: done.1,
            tasks: Mutex::new(Some(tasks)),
            closing,
            threads: Mutex::new(vec![archiving, logging, writing]),
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

    /// Has everything that was committed written to the tree, and waits.
    #[cfg(test)]
    pub(in crate::store) fn checkpoint(&self) {
        let (answer, result) = oneshot::channel();
        self.staging.ask(staging::Asked { what: staging::Extra::Nothing, answer }).unwrap();
        // A failure shows at the next commit.
        let _ = result.blocking_recv();
    }

    /// Gives the archivist a task and waits for what becomes of it.
    fn ask<T: Send + 'static>(
        &self,
        task: impl FnOnce(oneshot::Sender<Result<T, StoreError>>) -> Task,
    ) -> BoxFuture<'_, Result<T, StoreError>> {
        let (answer, result) = oneshot::channel();
        let tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        let sent = match &*tasks {
            Some(tasks) => tasks.send(task(answer)).map_err(|_| self.staging.lost()),
            None => Err(StoreError::Closed),
        };
        match sent {
            Ok(()) => async move { result.await.unwrap_or_else(|_| Err(self.staging.lost())) }.boxed(),
            Err(error) => ready(Err(error)).boxed(),
        }
    }
}

impl Store for SledStore {
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        match self.staging.commit(batch) {
            Ok(result) => async move { result.await.unwrap_or_else(|_| Err(self.staging.lost())) }.boxed(),
            Err(error) => ready(Err(error)).boxed(),
        }
    }

    fn commit_lazily(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        self.staging.commit_lazily(batch).boxed()
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
        let sizes = self.history.sizes(self.staging.retired());
        let large = self.shared.large_bytes.load(Ordering::Relaxed);
        let state = self.staging.live.db().size_on_disk().unwrap_or(0);
        let log = self.log_size.load(Ordering::Relaxed);
        let lapsing = self.staging.lapsing.bytes();
        let in_tree = self.shared.live_bytes.load(Ordering::Relaxed);
        StoreStats {
            live_bytes: in_tree + self.staging.live_bytes() + lapsing,
            disk_bytes: state + large + log + lapsing,
            history_bytes: sizes.values().map(|size| size.bytes).sum(),
            buckets: sizes.values().map(|size| size.buckets).sum(),
        }
    }

    fn free_bytes(&self) -> Option<u64> {
        Some(room(self.folder.path(), self.staging.reserve)).filter(|bytes| *bytes < u64::MAX)
    }

    fn readiness(&self) -> Result<(), StoreError> {
        self.staging.failure()?;
        let path = self.folder.path();
        let is_full = room(path, self.staging.reserve) <= USUAL_BATCH;
        if is_full { Err(StoreError::Full { place: path.to_owned() }) } else { Ok(()) }
    }

    fn backup(&self) -> BoxFuture<'_, Result<BackupStream, StoreError>> {
        async move {
            let snapshot = self.ask(Task::Snapshot).await?;
            let sent = export::stream(
                snapshot,
                Arc::clone(&self.staging.blobs),
                Arc::clone(&self.history),
                Arc::clone(&self.staging.lapsing),
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
        self.staging.close();
        let mut done = self.done.clone();
        async move {
            // An error means that the thread is gone, which is what we wait for.
            let _ = done.wait_for(|done| *done).await;
        }
        .boxed()
    }

    fn failed(&self) -> BoxFuture<'_, StoreError> {
        let mut failed = self.staging.failed.subscribe();
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
        self.staging.close();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the store panicked");
            }
        }
        self.history.close();
        self.staging.lapsing.close();
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStore").field("folder", &self.folder.path()).finish_non_exhaustive()
    }
}
