//! A bucket of the history as it was up to format 3: a folder with a sled database and large values of its own. Only read,
//! until it has expired.
//!
//! The live database notes what each of them holds ([`Noted`]), so that a bucket which lost something is found, by its
//! name, and nothing is missed silently. A damaged bucket stays where it is; reads that may need it fail. Opened when it is
//! read, closed by `history`.

use std::{
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use sled::Db;

use super::{
    blobs::{Blobs, unseal},
    check::{self, Audit},
    commits::Commits,
    condition::Condition,
    failure::from_sled,
    folder::remove_folder,
    live::{Opening, guard, open_sled},
};
use crate::store::{
    Key, KeyRange, Order, Pair, StoreError, buckets, keys::Kind, record::Record, shelf::Reach,
};

/// What a bucket holds at least.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    /// The number of commits that the bucket had.
    number: u64,
    keys: u64,
    sum: u64,
    /// Bytes of its large values.
    large_bytes: u64,
    /// Which keys it can have.
    reach: Reach,
}

impl Record for Noted {
    const KIND: &'static str = "bucket of the history";
    const VERSION: u8 = 1;
}

impl Noted {
    /// The keys of all notes on such buckets begin so.
    pub(super) fn prefix() -> Key {
        Key::from([&Kind::Commits.prefix()[..], b"/"].concat())
    }

    /// Where the note on a bucket stands in the live database.
    pub(super) fn key(name: &str) -> Key {
        Key::from([&Self::prefix()[..], name.as_bytes()].concat())
    }

    /// The name of the bucket that such a key is about.
    pub(super) fn name(key: &[u8]) -> Option<&str> {
        std::str::from_utf8(key.strip_prefix(&*Self::prefix())?).ok()
    }
}

/// Such a bucket.
pub(super) struct OldBucket {
    name: String,
    end_ms: u64,
    path: PathBuf,
    noted: Noted,
    /// sled opens a folder once.
    condition: Condition<Opened>,
    size: OnceLock<u64>,
    /// Whether all of it was read since this process has the folder.
    checked: AtomicBool,
    /// Whether it was dropped: its folder goes with the last reader.
    gone: AtomicBool,
}

/// An open bucket.
pub(super) struct Opened {
    db: Db,
    blobs: Blobs,
    commits: Commits,
}

impl OldBucket {
    /// A bucket that the live database knows of; it need not be there.
    pub(super) fn known(root: &Path, name: &str, noted: Noted) -> Result<Self, StoreError> {
        let path = root.join(name);
        let end_ms = buckets::end_of_name(name)
            .ok_or_else(|| StoreError::corrupt(path.display(), "its name is no date"))?;
        Ok(Self {
            name: name.to_owned(),
            end_ms,
            path,
            noted,
            condition: Condition::closed(),
            size: OnceLock::new(),
            checked: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// When it may be dropped.
    pub(super) fn end_ms(&self) -> u64 {
        self.end_ms
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.noted.reach
    }

    /// Bytes of its files.
    pub(super) fn size(&self) -> u64 {
        *self.size.get_or_init(|| {
            let state = self.path.join("state");
            check::size_of(&state) + check::size_of(&state.join("blobs")) + self.noted.large_bytes
        })
    }

    /// From now on its folder goes with the last reader.
    pub(super) fn drop_files(&self) {
        self.gone.store(true, Ordering::SeqCst);
        self.close();
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.condition.is_damaged()
    }

    pub(super) fn is_checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    pub(super) fn is_open(&self) -> bool {
        self.condition.is_open()
    }

    /// Closes it once nobody reads it any more.
    pub(super) fn close(&self) {
        self.condition.close();
    }

    /// The open bucket. One with up to `check_up_to` bytes is read whole when it is opened first.
    ///
    /// # Errors
    /// `Corrupt`, from then on always, when it is not what was noted.
    pub(super) fn open(&self, check_up_to: u64) -> Result<Arc<Opened>, StoreError> {
        self.condition.open(|| guard(&self.path, || self.recover(check_up_to)), |error| self.told(error))
    }

    /// What the damage of a bucket means; its folder stays as it is.
    fn told(&self, error: StoreError) -> StoreError {
        let what = match error {
            StoreError::Corrupt { what, place } if place == "the state" => what,
            error => error.to_string(),
        };
        let runs = self.noted.reach.runs();
        let folder = self.path.display();
        tracing::error!(%folder, what, runs, "a part of the history cannot be read; the rest of the server goes on");
        StoreError::corrupt(format!("the history in {folder}"), format!("{what}; it holds {runs}"))
    }

    fn recover(&self, check_up_to: u64) -> Result<Opened, StoreError> {
        let state = self.path.join("state");
        let noted = &self.noted;
        if !state.join("db").exists() {
            return Err(StoreError::corrupt(self.path.display(), "its files are missing"));
        }
        let blobs = Blobs::open(self.path.join("blobs"))?;
        let db = open_sled(&state, Opening::bucket())?;
        let commits = check::commits(&db)?;
        check::answered(commits.number, noted.number)?;
        if commits.number == noted.number && (commits.keys, commits.sum) != (noted.keys, noted.sum) {
            return Err(StoreError::corrupt("the state", "its counters are not what was noted"));
        }
        if !self.is_checked() && check::size_of(&state) <= check_up_to {
            let tally = check::everything(&db, &blobs, &commits)?;
            check::sweep(&blobs, &tally)?;
            self.checked.store(true, Ordering::Relaxed);
        }
        Ok(Opened { db, blobs, commits })
    }

    /// Reads everything, also of a large bucket; ends early when `go_on` says no.
    pub(super) fn audit(&self, opened: &Opened, go_on: impl Fn() -> bool) -> Result<(), StoreError> {
        let mut audit = Audit::default();
        let read = || {
            while !audit.step(&opened.db, &opened.blobs, &opened.commits)? {
                if !go_on() {
                    return Ok(());
                }
            }
            self.checked.store(true, Ordering::Relaxed);
            Ok(())
        };
        self.condition.found(guard(&self.path, read), |error| self.told(error))
    }
}

impl Drop for OldBucket {
    fn drop(&mut self) {
        if *self.gone.get_mut() {
            self.condition.end();
            remove_folder(&self.path);
        }
    }
}

impl Opened {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let stored = self.db.get(key).map_err(|error| from_sled(error, "read"))?;
        stored.map(|bytes| unseal(key, &bytes, &self.blobs)).transpose()
    }

    pub(super) fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, StoreError> {
        scan(&self.db, &self.blobs, range, order, limit)
    }
}

/// Pairs of a database but its own.
pub(super) fn scan(
    db: &Db,
    blobs: &Blobs,
    range: &KeyRange,
    order: Order,
    limit: usize,
) -> Result<Vec<Pair>, StoreError> {
    let end = range.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
    let mut iter = db.range::<&[u8], _>((Bound::Included(range.start.as_slice()), end));
    let mut pairs = Vec::new();
    while pairs.len() < limit {
        let next = match order {
            Order::Ascending => iter.next(),
            Order::Descending => iter.next_back(),
        };
        let Some(pair) = next else { break };
        let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
        if !Commits::owns(&key) {
            pairs.push((key.to_vec(), unseal(&key, &bytes, blobs)?));
        }
    }
    Ok(pairs)
}
