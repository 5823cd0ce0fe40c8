//! sled databases: how they are opened and made durable, and the handle of the live one.
//!
//! A compaction puts another database in the handle's place; who reads keeps the one that it began with.

use std::{
    fs::{File, OpenOptions},
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    sync::{PoisonError, RwLock},
    time::{Duration, Instant},
};

use sled::Db;

use super::{failure::from_sled, folder::sync_folder};
use crate::store::StoreError;

/// The database of everything that is not history; a compaction puts another in its place.
pub(super) struct Live(RwLock<Db>);

impl Live {
    pub(super) fn new(db: Db) -> Self {
        Self(RwLock::new(db))
    }

    /// The database as it is now.
    pub(super) fn db(&self) -> Db {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads it. sled panics on some damage that it meets.
    pub(super) fn guarded<T>(
        &self,
        place: &Path,
        read: impl FnOnce(&Db) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        guard(place, || read(&self.db()))
    }

    /// Puts another one in its place.
    pub(super) fn replace(&self, db: Db) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = db;
    }
}

/// How a database is opened.
#[derive(Debug, Clone, Copy)]
pub(super) struct Opening {
    /// Memory for its pages, bytes.
    pub(super) cache: u64,
    /// Bytes of a segment. A leaf of 16 values of 16 KiB should fit in a quarter of it, or sled makes a file of
    /// the leaf; fixed when the database is made.
    pub(super) segment: usize,
    /// Whether sled flushes now and then by itself and moves data out of nearly empty segments.
    pub(super) background: bool,
}

impl Opening {
    /// The database of everything that is not history; a compaction puts another in its place.
    pub(super) fn live(cache: u64) -> Self {
        Self { cache, segment: 2 << 20, background: true }
    }

    /// A bucket of the history: many of them, rarely written, whose open and close must cost little memory.
    pub(super) fn bucket() -> Self {
        Self { cache: 8 << 20, segment: 512 << 10, background: false }
    }
}

/// Opens a database, or makes a new one.
pub(super) fn open_sled(state: &Path, opening: Opening) -> Result<Db, StoreError> {
    // Our own lock says that no other process is there; a store closed a moment ago in this one may
    // still hold sled's lock in a background thread.
    let deadline = Instant::now() + Duration::from_secs(5);
    loop {
        let config = sled::Config::new()
            .path(state)
            .mode(sled::Mode::HighThroughput)
            .cache_capacity(opening.cache)
            .segment_size(opening.segment)
            // The second net; every commit is flushed and synced on its own.
            .flush_every_ms(opening.background.then_some(1_000));
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
pub(super) fn sync_new_files(state: &Path) -> Result<File, StoreError> {
    let sync = || {
        File::open(state.join("conf"))?.sync_all()?;
        let db = OpenOptions::new().read(true).write(true).open(state.join("db"))?;
        db.sync_all()?;
        Ok(db)
    };
    let db = sync().map_err(|error| StoreError::io("cannot sync the state", state, error))?;
    sync_folder(state)?;
    state.parent().map_or(Ok(()), sync_folder)?;
    Ok(db)
}

/// sled panics on some damage that it meets while recovering and reading.
pub(super) fn guard<T>(place: &Path, read: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(StoreError::corrupt(place.display(), "sled panicked while reading it")))
}
