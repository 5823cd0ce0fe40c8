//! All buckets of the history, read as one with the live part.
//!
//! A reader looks at the live part first and here afterwards; the archivist writes here first and takes away
//! there afterwards. So a key that moves meanwhile is seen once or twice, never not at all. Each bucket knows
//! which keys it can have, so a read opens few of them, and few stay open.

use std::{
    collections::{BTreeMap, VecDeque, btree_map::Entry},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use super::{
    bucket::{Bucket, Noted, Opened},
    folder::{create_private, sync_folder},
};
use crate::store::{KeyRange, Order, Pair, StoreError, buckets};

/// Buckets that stay open at once. An open one takes some MiB of memory.
const MAX_OPEN: usize = 6;
/// Ends the name of a folder that is being removed, or that the operator gave up.
const DROPPED: &str = ".dropped";

/// The buckets of runs that have ended.
pub(super) struct History {
    root: PathBuf,
    /// What expires last stands first.
    buckets: RwLock<Vec<Arc<Bucket>>>,
    /// Those opened last, the newest at the back.
    recent: Mutex<VecDeque<Arc<Bucket>>>,
    check_up_to: u64,
}

impl History {
    /// The buckets that are noted and those that are there. Gives the names whose notes are to go, as their
    /// buckets were dropped.
    pub(super) fn open(
        root: PathBuf,
        mut noted: BTreeMap<String, Noted>,
        check_up_to: u64,
    ) -> Result<(Self, Vec<String>), StoreError> {
        create_private(&root)?;
        // The first bucket relies on it.
        root.parent().map_or(Ok(()), sync_folder)?;
        let failed = |error: io::Error| StoreError::io("cannot read the history's folder", &root, error);
        let (mut found, mut dropped) = (Vec::new(), Vec::new());
        for entry in fs::read_dir(&root).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if let Some(bucket) =
                name.strip_suffix(DROPPED).filter(|name| buckets::end_of_name(name).is_some())
            {
                noted.remove(bucket);
                dropped.push(bucket.to_owned());
            } else if buckets::end_of_name(&name).is_some() && !noted.contains_key(&name) {
                found.push(name);
            }
        }
        let mut all = Vec::new();
        for (name, noted) in noted {
            all.push(Arc::new(Bucket::known(&root, &name, noted)?));
        }
        for name in found.into_iter().filter(|name| !dropped.contains(name)) {
            match Bucket::found(&root, &name) {
                Ok(bucket) => all.push(Arc::new(bucket)),
                // Nothing was taken away from the live part for it.
                Err(error) => {
                    tracing::warn!(bucket = name, %error, "an unfinished part of the history is left aside")
                }
            }
        }
        all.iter().for_each(|bucket| bucket.close());
        all.sort_by_key(|bucket| std::cmp::Reverse(bucket.end_ms()));
        let history = Self { root, buckets: RwLock::new(all), recent: Mutex::default(), check_up_to };
        Ok((history, dropped))
    }

    pub(super) fn all(&self) -> Vec<Arc<Bucket>> {
        self.buckets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether anything of a range may be here.
    pub(super) fn may_have(&self, range: &KeyRange) -> bool {
        let buckets = self.buckets.read().unwrap_or_else(PoisonError::into_inner);
        buckets.iter().any(|bucket| bucket.within(range).is_some())
    }

    /// Closes all buckets.
    pub(super) fn close(&self) {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.all().iter().for_each(|bucket| bucket.close());
    }

    /// Bytes of its files, and the number of its buckets.
    pub(super) fn size(&self) -> (u64, usize) {
        let all = self.all();
        (all.iter().map(|bucket| bucket.size()).sum(), all.len())
    }

    /// Opens a bucket, and closes the one that was not used for the longest time if too many are open.
    pub(super) fn opened(&self, bucket: &Arc<Bucket>) -> Result<Arc<Opened>, StoreError> {
        let known = bucket.is_open();
        let opened = bucket.open(self.check_up_to)?;
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        if !known || recent.back().is_none_or(|last| !Arc::ptr_eq(last, bucket)) {
            recent.retain(|other| !Arc::ptr_eq(other, bucket));
            recent.push_back(Arc::clone(bucket));
        }
        if recent.len() > MAX_OPEN
            && let Some(oldest) = recent.pop_front()
        {
            oldest.close();
        }
        Ok(opened)
    }

    /// The value of a key that the live part does not have.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        // A damaged bucket comes last: another may have the key.
        let mut damaged = None;
        for bucket in self.all().iter().filter(|bucket| bucket.may_have(key)) {
            match self.opened(bucket).and_then(|opened| opened.get(key)) {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => {}
                Err(error) => damaged = Some(error),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// A range as the live part and the history have it together, up to `limit` pairs; `live` is what the
    /// live part gave of it.
    pub(super) fn scan(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
        live: Vec<Pair>,
    ) -> Result<Vec<Pair>, StoreError> {
        let inside = |bucket: Arc<Bucket>| bucket.within(range).map(|(first, last)| (first, last, bucket));
        let mut buckets: Vec<_> = self.all().into_iter().filter_map(inside).collect();
        match order {
            Order::Ascending => buckets.sort_by(|one, other| one.0.cmp(&other.0)),
            Order::Descending => buckets.sort_by(|one, other| other.1.cmp(&one.1)),
        }
        // Each with the end of its bucket: of two the later counts, and the live one before all.
        let mut merged: BTreeMap<_, _> =
            live.into_iter().map(|(key, value)| (key, (u64::MAX, value))).collect();
        for (first, last, bucket) in buckets {
            let mut wanted = range.clone();
            if merged.len() >= limit {
                // Up to the last that would be given so far.
                match order {
                    Order::Ascending => match merged.last_key_value() {
                        Some((most, _)) if first <= *most => {
                            wanted = wanted.before([most, &[0][..]].concat())
                        }
                        Some(_) | None => break,
                    },
                    Order::Descending => match merged.first_key_value() {
                        Some((least, _)) if last >= *least => wanted.start.clone_from(least),
                        Some(_) | None => break,
                    },
                }
            }
            for (key, value) in self.opened(&bucket)?.scan(&wanted, order, limit)? {
                match merged.entry(key) {
                    Entry::Vacant(place) => drop(place.insert((bucket.end_ms(), value))),
                    Entry::Occupied(mut place) if place.get().0 < bucket.end_ms() => {
                        place.insert((bucket.end_ms(), value));
                    }
                    Entry::Occupied(_) => {}
                }
            }
            while merged.len() > limit {
                match order {
                    Order::Ascending => merged.pop_last(),
                    Order::Descending => merged.pop_first(),
                };
            }
        }
        let pairs = merged.into_iter().map(|(key, (_, value))| (key, value));
        Ok(match order {
            Order::Ascending => pairs.collect(),
            Order::Descending => pairs.rev().collect(),
        })
    }

    /// The bucket for what expires up to this end; a new one when there is none that can be written to.
    pub(super) fn bucket(&self, end_ms: u64) -> Result<Arc<Bucket>, StoreError> {
        let all = self.all();
        let mut same = all.iter().filter(|bucket| bucket.end_ms() == end_ms);
        if let Some(bucket) = same.find(|bucket| self.opened(bucket).is_ok() || !bucket.is_damaged()) {
            return Ok(Arc::clone(bucket));
        }
        let date = buckets::name_of(end_ms);
        let names = std::iter::once(date.clone()).chain((2..).map(|number| format!("{date}.{number}")));
        let free =
            |name: &String| !self.root.join(name).exists() && all.iter().all(|bucket| bucket.name() != name);
        let name = names.into_iter().find(free).expect("there are more numbers than folders");
        let bucket = Arc::new(Bucket::known(&self.root, &name, Noted::default())?);
        let mut buckets = self.buckets.write().unwrap_or_else(PoisonError::into_inner);
        let place = buckets.partition_point(|other| other.end_ms() > end_ms);
        buckets.insert(place, Arc::clone(&bucket));
        drop(buckets);
        self.opened(&bucket)?;
        sync_folder(&self.root)?;
        Ok(bucket)
    }

    /// Takes a bucket out of all reads and its folder out of the way; `remove` finishes it.
    pub(super) fn drop_bucket(&self, bucket: &Arc<Bucket>) -> Result<(), StoreError> {
        let others = |other: &Arc<Bucket>| !Arc::ptr_eq(other, bucket);
        let aside = self.aside(bucket.name());
        match fs::rename(bucket.path(), &aside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(StoreError::io(
                    format!("cannot rename to {}", aside.display()),
                    &self.root,
                    error,
                ));
            }
        }
        self.buckets.write().unwrap_or_else(PoisonError::into_inner).retain(others);
        self.recent.lock().unwrap_or_else(PoisonError::into_inner).retain(others);
        bucket.close();
        sync_folder(&self.root)
    }

    /// Removes the folder of a dropped bucket.
    pub(super) fn remove(&self, name: &str) {
        let aside = self.aside(name);
        match fs::remove_dir_all(&aside) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(%error, folder = %aside.display(), "the next start removes this folder");
            }
        }
    }

    fn aside(&self, name: &str) -> PathBuf {
        self.root.join(format!("{name}{DROPPED}"))
    }

    /// Where the buckets are.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}
