//! A bucket of the history, or of live values that lapse: a folder of shelves, and of the large values that they refer to.
//!
//! A shelf is written by a checkpoint, or merged from others, and is one only when the live database notes it, in the last
//! batch of a checkpoint ([`Note`]). So a shelf that lost something is found, by its name, and nothing is missed silently;
//! and a file that is not noted is what a crash left. A damaged shelf stays where it is; reads that may need it fail. What
//! is replaced or dropped goes from the disk with its last reader.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use serde::{Deserialize, Serialize};
use sled::IVec;

use super::{
    blobs::{Blobs, unseal},
    condition::Condition,
    envelope::{self, Content},
    folder::{remove_folder, sync_folder},
};
use crate::store::{
    Key, KeyRange, Order, Pair, StoreError, buckets,
    keys::Kind,
    record::Record,
    shelf::{Cursor, Merge, Reach, Shelf, Summary, Writer},
};

/// Ends the name of a shelf's file, which is its number.
const SUFFIX: &str = ".shelf";

/// What stands in the shelves of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// What has ended.
    Ended,
    /// Live values that expire by themselves, and [tombstones](is_tombstone) of those that went before their time.
    Lapsing,
}

/// Whether this stands in a shelf in place of a value: the key has none in this bucket, whatever earlier shelves say.
pub(super) fn is_tombstone(bytes: &[u8]) -> bool {
    bytes.is_empty()
}

/// See [`is_tombstone`].
pub(super) fn tombstone() -> IVec {
    IVec::default()
}

/// A bucket. Shelves hold it, and its folder goes with the last of them once it is dropped.
pub(super) struct Bucket {
    holds: Holds,
    name: String,
    end_ms: u64,
    path: PathBuf,
    blobs: Blobs,
    /// The number of the next shelf.
    next: AtomicU64,
    gone: AtomicBool,
}

/// What the live database notes of a shelf.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// Of two shelves of buckets with the same end the one with the higher rank counts. A merged shelf has that of its newest.
    rank: u64,
    /// Bytes of the large values.
    large_bytes: u64,
    summary: Summary,
}

impl Record for Note {
    const KIND: &'static str = "shelf of the history";
    const VERSION: u8 = 1;
}

impl Note {
    /// The keys of all notes on shelves begin so.
    pub(super) fn prefix(holds: Holds) -> Key {
        let tag = match holds {
            Holds::Ended => b"+",
            Holds::Lapsing => b"~",
        };
        Key::from([&Kind::Commits.prefix()[..], tag].concat())
    }

    pub(super) fn key(holds: Holds, name: &str, number: u64) -> Key {
        Key::from([&Self::prefix(holds)[..], name.as_bytes(), b"/", &number.to_be_bytes()].concat())
    }

    /// The bucket and the number of the shelf that such a key is about.
    pub(super) fn parse(holds: Holds, key: &[u8]) -> Option<(&str, u64)> {
        let (name, number) = key.strip_prefix(&*Self::prefix(holds))?.split_last_chunk::<8>()?;
        let name = std::str::from_utf8(name.strip_suffix(b"/")?).ok()?;
        Some((name, u64::from_be_bytes(*number)))
    }
}

/// A shelf of a bucket.
pub(super) struct Shelved {
    bucket: Arc<Bucket>,
    number: u64,
    note: Note,
    condition: Condition<Shelf>,
    /// Whether all of it was written or read by this process.
    checked: AtomicBool,
    /// Whether its file goes with the last reader: it was replaced, or never named.
    gone: AtomicBool,
}

impl Bucket {
    /// A bucket whose shelves have numbers from `next` on. Its folder need not be there.
    pub(super) fn new(holds: Holds, root: &Path, name: &str, next: u64) -> Result<Self, StoreError> {
        let path = root.join(name);
        let end_ms = buckets::end_of_name(name)
            .ok_or_else(|| StoreError::corrupt(path.display(), "its name is no date"))?;
        let blobs = Blobs::of(path.join("blobs"));
        let (next, gone) = (AtomicU64::new(next), AtomicBool::new(false));
        Ok(Self { holds, name: name.to_owned(), end_ms, path, blobs, next, gone })
    }

    pub(super) fn holds(&self) -> Holds {
        self.holds
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// When it may be dropped.
    pub(super) fn end_ms(&self) -> u64 {
        self.end_ms
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// From now on its folder goes with the last reader.
    pub(super) fn drop_files(&self) {
        self.gone.store(true, Ordering::SeqCst);
    }

    fn file(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:010}{SUFFIX}"))
    }

    /// Looks for files of shelves that are not noted, as a crash came before they were; `remove` says whether they go. No new
    /// shelf gets the number of one that stays.
    pub(super) fn tidy(&self, noted: &BTreeSet<u64>, remove: bool) -> Result<(), StoreError> {
        let failed =
            |error| StoreError::io(format!("cannot tidy {}", self.path.display()), &self.path, error);
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        for entry in entries {
            let path = entry.map_err(failed)?.path();
            let number: Option<u64> =
                path.file_name().and_then(|name| name.to_str()?.strip_suffix(SUFFIX)?.parse().ok());
            let Some(number) = number.filter(|number| !noted.contains(number)) else { continue };
            if remove {
                tracing::debug!(path = %path.display(), "removed what a crash left of the history");
                fs::remove_file(&path).map_err(failed)?;
            } else {
                self.next.fetch_max(number + 1, Ordering::SeqCst);
            }
        }
        Ok(())
    }

    /// Writes a shelf of these pairs, durable, with the files of large values, which are in `large`. It is one when it is
    /// noted.
    pub(super) fn shelve(
        self: &Arc<Self>,
        keys: &BTreeMap<Key, IVec>,
        large: &Blobs,
    ) -> Result<Arc<Shelved>, StoreError> {
        let (mut folders, mut large_bytes) = (BTreeSet::new(), 0);
        for (key, bytes) in keys {
            if !is_tombstone(bytes)
                && let Content::Blob(blob) = envelope::open(key, bytes)?
            {
                folders.insert(self.blobs.adopt(large, &blob)?);
                large_bytes += blob.length;
            }
        }
        self.blobs.sync(&folders)?;
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        let path = self.file(number);
        let write = || {
            let mut writer = Writer::create(&path)?;
            keys.iter().try_for_each(|(key, bytes)| writer.add(key, bytes))?;
            writer.finish()
        };
        self.written(number, number, large_bytes, write)
    }

    /// Begins to merge shelves, the newest last, which are open; gives the number of what they become.
    pub(super) fn merge(&self, shelves: Vec<Arc<Shelf>>) -> Result<(u64, Merge), StoreError> {
        let number = self.next.fetch_add(1, Ordering::SeqCst);
        Ok((number, Merge::begin(&self.file(number), shelves)?))
    }

    /// What was merged, once it is written. It takes the place of `inputs` when it is noted.
    pub(super) fn merged(
        self: &Arc<Self>,
        number: u64,
        inputs: &[Arc<Shelved>],
        summary: Summary,
    ) -> Result<Arc<Shelved>, StoreError> {
        let rank = inputs.iter().map(|input| input.note.rank).max().unwrap_or(number);
        let large_bytes = inputs.iter().map(|input| input.note.large_bytes).sum();
        self.written(number, rank, large_bytes, || Ok(summary))
    }

    /// Removes what a merge left that did not come to its end.
    pub(super) fn give_up(&self, number: u64) {
        // Else the next start does it.
        let _ = fs::remove_file(self.file(number));
    }

    fn written(
        self: &Arc<Self>,
        number: u64,
        rank: u64,
        large_bytes: u64,
        write: impl FnOnce() -> Result<Summary, StoreError>,
    ) -> Result<Arc<Shelved>, StoreError> {
        let named = write().and_then(|summary| sync_folder(&self.path).map(|()| summary));
        let summary = named.inspect_err(|_| self.give_up(number))?;
        let shelf = Shelved::new(self, number, Note { rank, large_bytes, summary });
        shelf.checked.store(true, Ordering::Relaxed);
        shelf.gone.store(true, Ordering::SeqCst);
        Ok(Arc::new(shelf))
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        if *self.gone.get_mut() {
            remove_folder(&self.path);
        }
    }
}

impl Drop for Shelved {
    fn drop(&mut self) {
        if *self.gone.get_mut() {
            self.bucket.give_up(self.number);
        }
    }
}

impl Shelved {
    /// A shelf that is noted.
    pub(super) fn new(bucket: &Arc<Bucket>, number: u64, note: Note) -> Self {
        Self {
            bucket: Arc::clone(bucket),
            number,
            note,
            condition: Condition::closed(),
            checked: AtomicBool::new(false),
            gone: AtomicBool::new(false),
        }
    }

    pub(super) fn bucket(&self) -> &Arc<Bucket> {
        &self.bucket
    }

    pub(super) fn rank(&self) -> u64 {
        self.note.rank
    }

    /// The note on it, and where that stands.
    pub(super) fn note(&self) -> (Key, &Note) {
        (Note::key(self.bucket.holds, &self.bucket.name, self.number), &self.note)
    }

    /// Its note may be durable from now on, so its file stays.
    pub(super) fn keep_file(&self) {
        self.gone.store(false, Ordering::SeqCst);
    }

    /// Nothing notes it any more: its file goes with the last reader.
    pub(super) fn drop_file(&self) {
        self.gone.store(true, Ordering::SeqCst);
        self.close();
    }

    pub(super) fn reach(&self) -> &Reach {
        &self.note.summary.reach
    }

    /// Bytes of its file.
    pub(super) fn file_bytes(&self) -> u64 {
        self.note.summary.length
    }

    /// Bytes of its file and of the large values.
    pub(super) fn size(&self) -> u64 {
        self.note.summary.length + self.note.large_bytes
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

    /// The open shelf.
    ///
    /// # Errors
    /// `Corrupt`, from then on always, when it is not what was noted.
    pub(super) fn open(&self) -> Result<Arc<Shelf>, StoreError> {
        let open = || Shelf::open(&self.bucket.file(self.number), &self.note.summary);
        self.condition.open(open, |error| self.told(error))
    }

    /// What the damage of a shelf means; its file stays as it is.
    fn told(&self, error: StoreError) -> StoreError {
        let file = self.bucket.file(self.number);
        let file = file.display();
        let what = match error {
            StoreError::Corrupt { what, place } if place == file.to_string() => what,
            error => error.to_string(),
        };
        match self.bucket.holds {
            Holds::Ended => {
                let runs = self.reach().runs();
                tracing::error!(%file, what, runs, "a part of the history cannot be read; the rest of the server goes on");
                StoreError::corrupt(format!("the history in {file}"), format!("{what}; it holds {runs}"))
            }
            Holds::Lapsing => {
                tracing::error!(%file, what, "dedupe claims cannot be read; what may need them is refused");
                StoreError::corrupt(file, what)
            }
        }
    }

    /// Makes it a damaged one if an error is about its file.
    pub(super) fn blame(&self, error: &StoreError) {
        if let StoreError::Corrupt { place, .. } = error
            && *place == self.bucket.file(self.number).display().to_string()
        {
            // It is told there.
            let _ = self.condition.found::<()>(Err(error.clone()), |error| self.told(error));
        }
    }

    pub(super) fn get(&self, shelf: &Shelf, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        shelf.get(key)?.map(|bytes| self.value(key, &bytes)).transpose()
    }

    pub(super) fn scan(
        &self,
        shelf: &Shelf,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<Pair>, StoreError> {
        let found = shelf.scan(range, order, limit)?.into_iter();
        found.map(|(key, bytes)| self.value(&key, &bytes).map(|value| (key.into(), value))).collect()
    }

    /// The value of what a shelf of this bucket has.
    pub(super) fn value(&self, key: &[u8], bytes: &[u8]) -> Result<Vec<u8>, StoreError> {
        unseal(key, bytes, &self.bucket.blobs)
    }

    /// Reads everything; ends early when `go_on` says no.
    ///
    /// # Errors
    /// As [`Shelved::open`].
    pub(super) fn audit(&self, shelf: Arc<Shelf>, go_on: impl Fn() -> bool) -> Result<(), StoreError> {
        let read = || {
            // Its end is the one that was written, or an error.
            let mut cursor = Cursor::new(shelf);
            while let Some((key, bytes)) = cursor.next()? {
                if !is_tombstone(&bytes)
                    && let Content::Blob(blob) = envelope::open(&key, &bytes)?
                    && !self.bucket.blobs.is_there(&blob)
                {
                    let file = hex::encode(blob.hash);
                    let what = format!("its file {file} is missing or has another length");
                    return Err(StoreError::corrupt(key, what));
                }
                if !go_on() {
                    return Ok(());
                }
            }
            self.checked.store(true, Ordering::Relaxed);
            Ok(())
        };
        self.condition.found(read(), |error| self.told(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_note_names_bucket_and_shelf() {
        for (holds, other) in [(Holds::Ended, Holds::Lapsing), (Holds::Lapsing, Holds::Ended)] {
            let key = Note::key(holds, "2027-01-01T10-00-00.2", 47);
            assert!(key.starts_with(&Note::prefix(holds)));
            assert_eq!(Note::parse(holds, &key), Some(("2027-01-01T10-00-00.2", 47)));
            assert_eq!(Note::parse(other, &key), None);
        }
        assert_eq!(Note::parse(Holds::Ended, b"n/2027-01-01"), None);
        assert_eq!(Note::parse(Holds::Ended, b"n+2027"), None);
    }
}
