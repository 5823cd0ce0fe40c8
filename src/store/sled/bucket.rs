//! One bucket of the history: a folder with a database and large values of its own, dropped whole.
//!
//! The live database notes what each bucket holds in the same commit that takes the moved keys away
//! (`Noted`), so that a bucket which lost something is found, by its name, and nothing is missed silently.
//! A damaged bucket stays where it is; reads that may need it fail. Opened when it is read, closed by `history`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    ops::Bound,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use sled::{Db, IVec};

use super::{
    blobs::{Blobs, unseal},
    check::{self, Audit},
    commits::Commits,
    envelope::{self, Content},
    failure::from_sled,
    folder::{create_private, sync_folder},
    live::{Opening, guard, open_sled, sync_new_files},
    tally::Weight,
};
use crate::store::{
    Key, KeyRange, Order, Pair, StoreError, buckets,
    keys::Kind,
    record::{self, Record},
};

/// Keys and bytes of one batch: sled stops all readers of the process while it applies one.
const CHUNK_KEYS: usize = 500;
const CHUNK_BYTES: usize = 512 << 10;

/// What a bucket holds at least.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    /// The number of commits that the bucket had.
    pub(super) number: u64,
    keys: u64,
    sum: u64,
    /// Bytes of its large values.
    large_bytes: u64,
    /// The smallest and the largest key of each first byte.
    reach: BTreeMap<u8, (Vec<u8>, Vec<u8>)>,
}

impl Record for Noted {
    const KIND: &'static str = "bucket of the history";
    const VERSION: u8 = 1;
}

impl Noted {
    /// Where the note on a bucket stands in the live database.
    pub(super) fn key(name: &str) -> Key {
        Key::from([&Kind::Commits.prefix()[..], b"/", name.as_bytes()].concat())
    }

    /// The name of the bucket that such a key is about.
    pub(super) fn name(key: &[u8]) -> Option<&str> {
        std::str::from_utf8(key.strip_prefix(&Kind::Commits.prefix())?.strip_prefix(b"/")?).ok()
    }

    fn include(&mut self, key: &[u8]) {
        let Some(first) = key.first() else { return };
        let (least, most) = self.reach.entry(*first).or_insert_with(|| (key.to_vec(), key.to_vec()));
        if key < least.as_slice() {
            *least = key.to_vec();
        } else if key > most.as_slice() {
            *most = key.to_vec();
        }
    }

    fn may_have(&self, key: &[u8]) -> bool {
        let reach = key.first().and_then(|first| self.reach.get(first));
        reach.is_some_and(|(least, most)| least.as_slice() <= key && key <= most.as_slice())
    }

    /// The first and the last key of `range` that may be there.
    fn within(&self, range: &KeyRange) -> Option<(Vec<u8>, Vec<u8>)> {
        let below = |key: &[u8]| range.end.as_ref().is_none_or(|end| key < end.as_slice());
        let inside = self.reach.values().filter(|(least, most)| below(least) && *most >= range.start);
        let (mut first, mut last) = (None, None);
        for (least, most) in inside {
            first.get_or_insert_with(|| least.max(&range.start).clone());
            // What lies at the end of the range or behind it still sorts before all that is behind this bucket's reach.
            last = Some(match &range.end {
                Some(end) if !below(most) => end.clone(),
                Some(_) | None => most.clone(),
            });
        }
        first.zip(last)
    }

    /// In words: which runs are in it.
    fn runs(&self) -> String {
        match self.reach.get(&(Kind::Run as u8)) {
            Some((first, last)) => {
                format!("{} to {}", Key::from(first.as_slice()), Key::from(last.as_slice()))
            }
            None => "no runs".to_owned(),
        }
    }
}

/// A bucket. Only the archivist's thread writes to it.
pub(super) struct Bucket {
    name: String,
    end_ms: u64,
    path: PathBuf,
    noted: Mutex<Noted>,
    condition: Mutex<Condition>,
    size: Mutex<Option<u64>>,
    /// Whether all of it was read since this process has the folder.
    checked: AtomicBool,
}

enum Condition {
    /// With those that still read it, if any: sled opens a folder once.
    Closed(Weak<Opened>),
    Open(Arc<Opened>),
    Damaged(StoreError),
}

/// An open bucket.
pub(super) struct Opened {
    db: Db,
    db_file: File,
    blobs: Blobs,
    commits: Mutex<Commits>,
}

impl Bucket {
    /// A bucket that the live database knows of; it need not be there.
    pub(super) fn known(root: &Path, name: &str, noted: Noted) -> Result<Self, StoreError> {
        let path = root.join(name);
        let end_ms = buckets::end_of_name(name)
            .ok_or_else(|| StoreError::corrupt(path.display(), "its name is no date"))?;
        let condition = Mutex::new(Condition::Closed(Weak::new()));
        Ok(Self {
            name: name.to_owned(),
            end_ms,
            path,
            noted: Mutex::new(noted),
            condition,
            size: Mutex::default(),
            checked: AtomicBool::new(false),
        })
    }

    /// A folder that the live database knows nothing of: made just before a crash, so that all in it is live too.
    pub(super) fn found(root: &Path, name: &str) -> Result<Self, StoreError> {
        let bucket = Self::known(root, name, Noted::default())?;
        let opened = bucket.open(0)?;
        let mut noted = bucket.noted();
        for pair in opened.db.iter() {
            let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
            if !Commits::owns(&key) {
                noted.include(&key);
                noted.large_bytes += envelope::reference(&bytes).map_or(0, |blob| blob.length);
            }
        }
        drop(noted);
        Ok(bucket)
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// When it may be dropped.
    pub(super) fn end_ms(&self) -> u64 {
        self.end_ms
    }

    pub(super) fn note(&self) -> Vec<u8> {
        record::encode(&*self.noted())
    }

    /// Bytes of its files, as they were after the last write.
    pub(super) fn size(&self) -> u64 {
        let mut size = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        *size.get_or_insert_with(|| {
            let state = self.path.join("state");
            check::size_of(&state) + check::size_of(&state.join("blobs")) + self.noted().large_bytes
        })
    }

    pub(super) fn is_damaged(&self) -> bool {
        matches!(*self.condition(), Condition::Damaged(_))
    }

    pub(super) fn is_checked(&self) -> bool {
        self.checked.load(Ordering::Relaxed)
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(*self.condition(), Condition::Open(_))
    }

    pub(super) fn may_have(&self, key: &[u8]) -> bool {
        self.noted().may_have(key)
    }

    pub(super) fn within(&self, range: &KeyRange) -> Option<(Vec<u8>, Vec<u8>)> {
        self.noted().within(range)
    }

    /// Closes it once nobody reads it any more.
    pub(super) fn close(&self) {
        let mut condition = self.condition();
        if let Condition::Open(opened) = &*condition {
            *condition = Condition::Closed(Arc::downgrade(opened));
        }
    }

    /// The open bucket. One with up to `check_up_to` bytes is read whole when it is opened first.
    ///
    /// # Errors
    /// `Corrupt`, from then on always, when it is not what was noted.
    pub(super) fn open(&self, check_up_to: u64) -> Result<Arc<Opened>, StoreError> {
        let mut condition = self.condition();
        let opened = match &*condition {
            Condition::Open(opened) => return Ok(Arc::clone(opened)),
            Condition::Damaged(error) => return Err(error.clone()),
            Condition::Closed(readers) => readers.upgrade(),
        };
        let opened = match opened {
            Some(opened) => opened,
            None => match guard(&self.path, || self.recover(check_up_to)) {
                Ok(opened) => Arc::new(opened),
                Err(error @ (StoreError::Corrupt { .. } | StoreError::NewerVersion { .. })) => {
                    return Err(self.mark(&mut condition, error));
                }
                Err(error) => return Err(error),
            },
        };
        *condition = Condition::Open(Arc::clone(&opened));
        Ok(opened)
    }

    /// Makes the bucket a damaged one; its folder stays as it is.
    fn mark(&self, condition: &mut Condition, error: StoreError) -> StoreError {
        let what = match error {
            StoreError::Corrupt { what, place } if place == "the state" => what,
            error => error.to_string(),
        };
        let runs = self.noted().runs();
        let folder = self.path.display();
        tracing::error!(%folder, what, runs, "a part of the history cannot be read; the rest of the server goes on");
        let error =
            StoreError::corrupt(format!("the history in {folder}"), format!("{what}; it holds {runs}"));
        *condition = Condition::Damaged(error.clone());
        error
    }

    fn recover(&self, check_up_to: u64) -> Result<Opened, StoreError> {
        let state = self.path.join("state");
        let noted = self.noted().clone();
        if noted.number > 0 && !state.join("db").exists() {
            return Err(StoreError::corrupt(self.path.display(), "its files are missing"));
        }
        create_private(&state)?;
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
        let db_file = sync_new_files(&state)?;
        sync_folder(&self.path)?;
        Ok(Opened { db, db_file, blobs, commits: Mutex::new(commits) })
    }

    /// Reads everything, also of a large bucket; ends early when `go_on` says no.
    pub(super) fn audit(&self, opened: &Opened, go_on: impl Fn() -> bool) -> Result<(), StoreError> {
        let commits = *opened.commits();
        let mut audit = Audit::default();
        let read = || {
            while !audit.step(&opened.db, &opened.blobs, &commits)? {
                if !go_on() {
                    return Ok(());
                }
            }
            self.checked.store(true, Ordering::Relaxed);
            Ok(())
        };
        guard(&self.path, read).map_err(|error| match error {
            error @ StoreError::Corrupt { .. } => self.mark(&mut self.condition(), error),
            error => error,
        })
    }

    /// Adds values, in their envelopes; durable when it returns. `large` holds the files of the large ones.
    /// Readers find them from then on. After an error the bucket is closed, and what was written before is safe.
    pub(super) fn write(&self, values: &[(Key, IVec)], large: &Blobs) -> Result<(), StoreError> {
        let opened = self.open(0)?;
        // Before the first value is there: a reader may look where there is nothing yet, never the other way round.
        let mut noted = self.noted().clone();
        values.iter().for_each(|(key, _)| noted.include(key));
        self.noted().reach.clone_from(&noted.reach);
        let written = guard(&self.path, || opened.write(values, large, &mut noted));
        if let Err(error) = written {
            self.checked.store(false, Ordering::Relaxed);
            self.close();
            return Err(error);
        }
        *self.noted() = noted;
        *self.size.lock().unwrap_or_else(PoisonError::into_inner) = None;
        Ok(())
    }

    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn condition(&self) -> MutexGuard<'_, Condition> {
        self.condition.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Opened {
    fn commits(&self) -> MutexGuard<'_, Commits> {
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, values: &[(Key, IVec)], large: &Blobs, noted: &mut Noted) -> Result<(), StoreError> {
        let mut shelves = BTreeSet::new();
        for (key, bytes) in values {
            if let Content::Blob(blob) = envelope::open(key, bytes)? {
                shelves.extend(self.blobs.adopt(large, &blob)?);
                noted.large_bytes += blob.length;
            }
        }
        self.blobs.sync(&shelves)?;
        let mut commits = *self.commits();
        let mut rest = values;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take(CHUNK_KEYS).take_while(|(_, envelope)| {
                bytes += envelope.len();
                bytes <= CHUNK_BYTES
            });
            let (chunk, after) = rest.split_at(fits.count().max(1));
            rest = after;
            let mut batch = sled::Batch::default();
            for (key, bytes) in chunk {
                let before = self.db.get(key).map_err(|error| from_sled(error, "read"))?;
                let before = before.map(|bytes| Weight::of(key, &bytes));
                commits.count(before.as_ref(), Some(&Weight::of(key, bytes)));
                batch.insert(key.as_bytes(), bytes.clone());
            }
            commits.number += 1;
            batch.insert(Commits::key().as_bytes(), commits.seal());
            self.db.apply_batch(batch).map_err(|error| from_sled(error, "write"))?;
        }
        self.db.flush().map_err(|error| from_sled(error, "flush"))?;
        // As in the log: after a failed sync nothing is known.
        self.db_file.sync_data().map_err(|error| StoreError::Failed {
            reason: format!("a bucket of the history cannot be synced: {error}"),
        })?;
        *self.commits() = commits;
        (noted.number, noted.keys, noted.sum) = (commits.number, commits.keys, commits.sum);
        Ok(())
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_knows_which_keys_it_cannot_have() {
        let mut noted = Noted::default();
        for key in [&b"r3"[..], b"r1", b"r2", b"s7", b"s9"] {
            noted.include(key);
        }
        for (key, may) in
            [("r1", true), ("r2x", true), ("r4", false), ("s8", true), ("s", false), ("q", false)]
        {
            assert_eq!(noted.may_have(key.as_bytes()), may, "{key}");
        }
        let within = |range: KeyRange| {
            let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
            noted.within(&range).map(|(first, last)| (text(first), text(last)))
        };
        let both = |first: &str, last: &str| Some((first.to_owned(), last.to_owned()));
        assert_eq!(within(KeyRange::prefix("r")), both("r1", "r3"));
        assert_eq!(within(KeyRange::prefix("r").before("r2")), both("r1", "r2"));
        assert_eq!(within(KeyRange::prefix([])), both("r1", "s9"));
        assert_eq!(within(KeyRange::prefix("a")), None);
        assert_eq!(within(KeyRange::prefix("r").after("r3")), None);
        assert_eq!(Noted::name(&Noted::key("2027-01-01")), Some("2027-01-01"));
    }
}
