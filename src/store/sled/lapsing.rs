//! Live values that expire by themselves, in shelves by the end of their buckets: the third part of what is live, beside the
//! tables and the tree. Dedupe claims are such values.
//!
//! A key has a value in one bucket at most: a checkpoint that writes it to another, or finds that it went, puts a tombstone into
//! each bucket that still has one. So the order of buckets does not matter, and one can be dropped at any time. Within a bucket
//! the newest shelf counts. Expectations look here, so the filters of all shelves stay in memory: one and a half bytes for each
//! value, and as much again for the index. As with the tree, damage that is found at the start is a reason not to start.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
};

use sled::IVec;

use super::{
    bucket::{Bucket, Holds, Shelved, is_tombstone},
    history::{History, Notes, Replacement},
    part::Part,
};
use crate::store::{
    Key, KeyRange, Order, StoreError,
    shelf::{self, Shelf},
};

/// Keys that one step of a scan reads from each shelf.
const STEP: usize = 1_024;

/// See the module.
pub(super) struct Lapsing {
    parts: Arc<History>,
    standing: RwLock<Arc<Standing>>,
}

/// The shelves as readers use them.
struct Standing {
    /// Those of a bucket stand together, the newest first.
    shelves: Vec<One>,
    /// Which first bytes the keys of any of them have.
    kinds: [bool; 256],
}

struct One {
    shelved: Arc<Shelved>,
    end_ms: u64,
    /// Nothing but a read of it may fail on its damage.
    open: Result<Arc<Shelf>, StoreError>,
}

impl Standing {
    fn of(parts: &[Part]) -> Self {
        let mut standing = Self { shelves: Vec::new(), kinds: [false; 256] };
        for part in parts {
            match part {
                Part::Shelf(shelved) => {
                    part.reach().kinds().for_each(|kind| standing.kinds[usize::from(kind)] = true);
                    let (shelved, end_ms) = (Arc::clone(shelved), part.end_ms());
                    let open = shelved.open();
                    standing.shelves.push(One { shelved, end_ms, open });
                }
                Part::Old(_) => {}
            }
        }
        standing
    }

    fn may_have(&self, key: &[u8]) -> bool {
        key.first().is_some_and(|kind| self.kinds[usize::from(*kind)])
    }
}

impl One {
    /// What it has of a key with this hash.
    fn find(&self, hash: u64, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if !self.shelved.reach().may_have(key) {
            return Ok(None);
        }
        let shelf = self.open.as_ref().map_err(Clone::clone)?;
        shelf.find(hash, key).inspect_err(|error| self.shelved.blame(error))
    }
}

impl Lapsing {
    /// What is noted; see [`History::open`]. All of it is read if it has no more than `check_up_to` bytes.
    ///
    /// # Errors
    /// `Corrupt` when a shelf is missing or not as it was written; `Io`.
    pub(super) fn open(
        root: PathBuf,
        notes: Notes,
        complete: bool,
        check_up_to: u64,
    ) -> Result<(Self, Vec<Key>), StoreError> {
        let (parts, given_up) = History::open(Holds::Lapsing, root, notes, complete, check_up_to)?;
        let standing = Standing::of(&parts.all());
        let lapsing = Self { parts: Arc::new(parts), standing: RwLock::new(Arc::new(standing)) };
        let small = lapsing.bytes() <= check_up_to;
        for One { shelved, open, .. } in &lapsing.standing().shelves {
            let shelf = open.clone()?;
            if small {
                shelved.audit(shelf, || true)?;
            }
        }
        Ok((lapsing, given_up))
    }

    /// The shelves as parts, as a merge and a backup take them.
    pub(super) fn parts(&self) -> &Arc<History> {
        &self.parts
    }

    fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.standing.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether no key of this first byte is here.
    pub(super) fn has_none(&self, key: &[u8]) -> bool {
        let standing = self.standing.read().unwrap_or_else(PoisonError::into_inner);
        if key.is_empty() { standing.shelves.is_empty() } else { !standing.may_have(key) }
    }

    /// The envelope of a key.
    ///
    /// # Errors
    /// `Corrupt` when a shelf that may have it is damaged; `Io`.
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        let standing = self.standing();
        if !standing.may_have(key) {
            return Ok(None);
        }
        let (hash, mut buried) = (shelf::hash(key), None);
        for one in &standing.shelves {
            if buried == Some(one.end_ms) {
                continue;
            }
            match one.find(hash, key)? {
                Some(bytes) if is_tombstone(&bytes) => buried = Some(one.end_ms),
                Some(bytes) => return Ok(Some(bytes.into())),
                None => {}
            }
        }
        Ok(None)
    }

    /// The ends of the buckets in which a key has a value, or may have one, as they cannot be read.
    pub(super) fn ends_with(&self, key: &[u8]) -> Vec<u64> {
        let standing = self.standing();
        let mut ends = Vec::new();
        if !standing.may_have(key) {
            return ends;
        }
        let (hash, mut known) = (shelf::hash(key), None);
        for one in standing.shelves.iter() {
            if known == Some(one.end_ms) {
                continue;
            }
            match one.find(hash, key) {
                Ok(None) => {}
                Ok(Some(bytes)) if is_tombstone(&bytes) => known = Some(one.end_ms),
                // A tombstone too many does no harm.
                Ok(Some(_)) | Err(_) => {
                    known = Some(one.end_ms);
                    ends.push(one.end_ms);
                }
            }
        }
        ends
    }

    /// Up to `limit` keys of a range with their envelopes, in order.
    ///
    /// # Errors
    /// As [`Lapsing::get`].
    pub(super) fn scan(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(Key, IVec)>, StoreError> {
        let standing = self.standing();
        let (mut found, mut range) = (Vec::new(), range.clone());
        let step = limit.clamp(1, STEP);
        while found.len() < limit && !range.is_empty() {
            let (mut live, mut end) = (BTreeMap::<Key, IVec>::new(), None::<Key>);
            for bucket in standing.shelves.chunk_by(|one, other| one.end_ms == other.end_ms) {
                let mut newest = BTreeMap::<Key, Vec<u8>>::new();
                for one in bucket.iter().filter(|one| one.shelved.reach().within(&range).is_some()) {
                    let shelf = one.open.as_ref().map_err(Clone::clone)?;
                    let pairs = shelf.scan(&range, order, step);
                    let pairs = pairs.inspect_err(|error| one.shelved.blame(error))?;
                    if let Some((last, _)) = pairs.last().filter(|_| pairs.len() == step) {
                        let nearer = match order {
                            Order::Ascending => end.as_ref().is_none_or(|end| last < end),
                            Order::Descending => end.as_ref().is_none_or(|end| last > end),
                        };
                        end = if nearer { Some(last.clone()) } else { end };
                    }
                    for (key, bytes) in pairs {
                        newest.entry(key).or_insert(bytes);
                    }
                }
                let values = newest.into_iter().filter(|(_, bytes)| !is_tombstone(bytes));
                live.extend(values.map(|(key, bytes)| (key, bytes.into())));
            }
            // Up to the nearest end of a shelf that has more, all is known.
            match (end, order) {
                (None, Order::Ascending) => {
                    found.extend(live);
                    break;
                }
                (None, Order::Descending) => {
                    found.extend(live.into_iter().rev());
                    break;
                }
                (Some(end), Order::Ascending) => {
                    found.extend(live.into_iter().filter(|(key, _)| *key <= end));
                    range = range.after(&end);
                }
                (Some(end), Order::Descending) => {
                    found.extend(live.into_iter().rev().filter(|(key, _)| *key >= end));
                    range = range.before(&end);
                }
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    /// The bucket that ends then.
    ///
    /// # Errors
    /// `Io`.
    pub(super) fn bucket(&self, end_ms: u64) -> Result<Arc<Bucket>, StoreError> {
        self.parts.bucket(end_ms)
    }

    /// See [`History::change`].
    pub(super) fn change(&self, new: Vec<Arc<Shelved>>, replaced: Vec<Replacement>, dropped: &BTreeSet<u64>) {
        self.parts.change(new, replaced, dropped);
        let standing = Arc::new(Standing::of(&self.parts.all()));
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = standing;
    }

    /// When its buckets end.
    pub(super) fn ends(&self) -> BTreeSet<u64> {
        self.standing().shelves.iter().map(|one| one.end_ms).collect()
    }

    /// Bytes of its files.
    pub(super) fn bytes(&self) -> u64 {
        self.standing().shelves.iter().map(|one| one.shelved.size()).sum()
    }

    /// Closes all of it.
    pub(super) fn close(&self) {
        *self.standing.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(Standing::of(&[]));
        self.parts.close();
    }
}
