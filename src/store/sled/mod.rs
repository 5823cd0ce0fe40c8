//! The store on disk. The only place that knows sled (0.34.7, pinned).
//!
//! sled gives an ordered tree with atomic batches; what it lacks is closed here: a real fdatasync before
//! each answer (`committer`), checksums of our own (`envelope`), proof at the start that nothing answered
//! is missing (`check`, `watermark`), large values outside (`blobs`), one owner of the folder (`folder`).
//! Disk full: a reserve is kept free, so `Full` comes before sled meets it and passes when there is room.

mod blobs;
mod check;
mod commits;
mod committer;
#[cfg(test)]
mod durability;
mod envelope;
mod folder;
mod queue;
mod watermark;

use std::{
    fmt,
    fs::{File, OpenOptions},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use futures::future::{BoxFuture, FutureExt};
use sled::Db;
use tokio::sync::{oneshot, watch};

use self::{
    blobs::Blobs,
    check::Audit,
    commits::Commits,
    committer::{Committer, from_sled, unseal},
    folder::Folder,
    queue::Queue,
    watermark::Watermark,
};
use super::{Batch, KeyRange, Order, Pair, Store, StoreError};

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
}

impl Default for Options {
    fn default() -> Self {
        Self { cache: 128 << 20, reserve: 16 << 20, check_up_to: 512 << 20 }
    }
}

/// A data folder in use. Dropping it writes what is queued.
pub struct SledStore {
    db: Db,
    blobs: Arc<Blobs>,
    queue: Arc<Queue>,
    failed: Arc<watch::Sender<Option<StoreError>>>,
    /// Becomes true when the thread has ended.
    done: watch::Receiver<bool>,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Last: the folder is free for others only when sled has closed its files.
    folder: Folder,
}

impl SledStore {
    /// Opens a data folder, or makes a new one. Blocks: sled recovers, and a small store is read whole.
    ///
    /// # Errors
    /// `Locked`, `NewerVersion`, `ReadOnly`, `Full`, `Io`; `Corrupt` when anything that was acknowledged
    /// is missing or changed. It never starts empty beside existing data.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        Self::open_with(path, options, None)
    }

    /// As `open`; a test gives another file to sync in place of sled's.
    fn open_with(path: &Path, options: &Options, synced: Option<File>) -> Result<Self, StoreError> {
        let folder = Folder::open(path)?;
        let (watermark, number) = Watermark::open(&folder.watermark())?;
        let db_path = folder.state().join("db");
        if number > 0 && !db_path.exists() {
            return Err(StoreError::corrupt(db_path.display(), "the file is missing"));
        }
        folder::create_private(&folder.state())?;
        let blobs = Arc::new(Blobs::open(folder.blobs())?);
        let guarded = catch_unwind(AssertUnwindSafe(|| {
            let db = open_sled(&folder.state(), options)?;
            let commits = check::commits(&db, number)?;
            if check::size_of(&folder.state()) > options.check_up_to {
                return Ok((db, commits, Some(Audit::default())));
            }
            check::everything(&db, &blobs, &commits)?;
            Ok((db, commits, None))
        }));
        let (db, commits, audit) = guarded.unwrap_or_else(|_| {
            Err(StoreError::corrupt(folder.state().display(), "sled panicked while recovering it"))
        })?;
        let db_file = sync_new_files(&folder)?;
        let db_file = synced.unwrap_or(db_file);
        let (failed, done) = (Arc::new(watch::channel(None).0), watch::channel(false));
        let queue = Arc::new(Queue::new());
        let committer = Committer {
            db: db.clone(),
            db_file,
            blobs: Arc::clone(&blobs),
            commits,
            audit,
            watermark,
            folder: folder.path().to_owned(),
            reserve: options.reserve,
            failed: Arc::clone(&failed),
        };
        let thread = std::thread::Builder::new()
            .name("store".to_owned())
            .spawn({
                let queue = Arc::clone(&queue);
                move || {
                    committer.run(&queue);
                    done.0.send_replace(true);
                }
            })
            .map_err(|error| StoreError::io("cannot start the store's thread", path, error))?;
        Ok(Self { db, blobs, queue, failed, done: done.1, thread: Mutex::new(Some(thread)), folder })
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

fn open_sled(state: &Path, options: &Options) -> Result<Db, StoreError> {
    // Our own lock says that no other process is there; a store closed a moment ago in this one may
    // still hold sled's lock in a background thread.
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let config = sled::Config::new()
            .path(state)
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(options.cache)
            // A leaf of 16 values of 16 KiB must fit in a quarter of a segment, or sled makes a file of it.
            .segment_size(2 << 20)
            // The second net; every commit is flushed and synced on its own.
            .flush_every_ms(Some(1_000));
        match config.open() {
            Ok(db) => return Ok(db),
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock") && Instant::now() < deadline =>
            {
                std::thread::sleep(Duration::from_millis(10));
            }
            Err(error) => return Err(from_sled(error, "open")),
        }
    }
}

/// sled syncs neither its folder nor its `conf`. Gives the handle for the syncs to come.
fn sync_new_files(folder: &Folder) -> Result<File, StoreError> {
    let state = folder.state();
    let sync = || {
        File::open(state.join("conf"))?.sync_all()?;
        let db = OpenOptions::new().read(true).write(true).open(state.join("db"))?;
        db.sync_all()?;
        Ok(db)
    };
    let db = sync().map_err(|error| StoreError::io("cannot sync the state", &state, error))?;
    folder::sync_folder(&state)?;
    folder::sync_folder(folder.path())?;
    Ok(db)
}

impl Store for SledStore {
    fn commit(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        let (answer, result) = oneshot::channel();
        match self.failure().and_then(|()| self.queue.push(batch, answer)) {
            Ok(()) => async move { result.await.unwrap_or_else(|_| Err(self.lost())) }.boxed(),
            Err(error) => futures::future::ready(Err(error)).boxed(),
        }
    }

    fn commit_lazily(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        async move {
            self.failure()?;
            self.queue.push_lazily(batch).await
        }
        .boxed()
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guard(|| {
            let stored = self.db.get(key).map_err(|error| from_sled(error, "read"))?;
            stored.map(|bytes| unseal(key, &bytes, &self.blobs)).transpose()
        })
    }

    fn scan(&self, range: KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, StoreError> {
        if range.is_empty() {
            return Ok(Vec::new());
        }
        guard(|| {
            let mut iter = match range.end {
                Some(end) => self.db.range(range.start..end),
                None => self.db.range(range.start..),
            };
            let own = Commits::key();
            let mut pairs = Vec::new();
            while pairs.len() < limit {
                let next = match order {
                    Order::Ascending => iter.next(),
                    Order::Descending => iter.next_back(),
                };
                let Some(pair) = next else { break };
                let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
                if key != own.as_bytes() {
                    pairs.push((key.to_vec(), unseal(&key, &bytes, &self.blobs)?));
                }
            }
            Ok(pairs)
        })
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

/// sled panics on some damage that it meets while reading.
fn guard<T>(read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(StoreError::corrupt("the state", "sled panicked while reading")))
}

impl Drop for SledStore {
    fn drop(&mut self) {
        self.queue.close();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(Err(_)) = thread.map(JoinHandle::join) {
            tracing::error!("the store's thread panicked");
        }
    }
}

impl fmt::Debug for SledStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SledStore").field("folder", &self.folder.path()).finish_non_exhaustive()
    }
}
