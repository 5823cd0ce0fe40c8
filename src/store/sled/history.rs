//! All parts of the history, read as one with the live part.
//!
//! What moved since the last checkpoint is in the tables. A reader looks at the live part first, then at what moved in the tables, then here; a checkpoint gives parts to the readers
//! before it takes the table away. So a key that moves meanwhile is seen once or twice, never not at all. Each part knows
//! which keys it can have, so a read opens few of them, and few stay open.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque, btree_map::Entry},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard},
};

use super::{
    bucket::{Bucket, Holds, Note, Shelved},
    folder::{create_private, remove_folder, sync_folder},
    old_bucket::{Noted, OldBucket},
    part::{Open, Part},
};
use crate::store::{Key, KeyRange, Order, Pair, StoreError, buckets};

/// Buckets of the format before that stay open at once. An open one takes some MiB of memory.
const MOST_OLD: usize = 6;
/// Shelves that stay open at once.
const MOST_SHELVES: usize = 64;
/// Memory for the indexes and filters of open shelves, bytes.
const MOST_MEMORY: usize = 48 << 20;
/// Ends the name of a folder that the operator gave up, or that is being removed.
const DROPPED: &str = ".dropped";

/// The parts of the history.
pub(super) struct History {
    holds: Holds,
    root: PathBuf,
    parts: RwLock<Parts>,
    recent: Mutex<Recent>,
    check_up_to: u64,
}

/// All parts.
struct Parts {
    /// Of two that have a key, the one that stands first counts.
    list: Vec<Part>,
    /// Which first bytes the keys of any of them have: most reads that find nothing elsewhere are of other kinds.
    kinds: [bool; 256],
}

impl Parts {
    fn new(mut list: Vec<Part>) -> Self {
        list.sort_by_key(|part| std::cmp::Reverse(part.rank()));
        let mut kinds = [false; 256];
        list.iter().flat_map(|part| part.reach().kinds()).for_each(|kind| kinds[usize::from(kind)] = true);
        Self { list, kinds }
    }

    /// Those that may have something of a range.
    fn within(&self, range: &KeyRange) -> impl Iterator<Item = (Vec<u8>, Vec<u8>, &Part)> {
        let first = range.start.first().copied().map_or(0, usize::from);
        let last = range.end.as_ref().and_then(|end| end.first()).copied().map_or(255, usize::from);
        let list = if self.kinds[first..=last.max(first)].contains(&true) { &self.list[..] } else { &[] };
        list.iter().filter_map(|part| part.reach().within(range).map(|(first, last)| (first, last, part)))
    }
}

/// The parts that were opened last, the newest at the back.
#[derive(Default)]
struct Recent {
    old: VecDeque<Arc<OldBucket>>,
    /// With the memory that each takes.
    shelves: VecDeque<(Arc<Shelved>, usize)>,
    memory: usize,
}

/// A shelf and those in whose place it comes.
pub(super) struct Replacement {
    pub(super) merged: Arc<Shelved>,
    pub(super) inputs: Vec<Arc<Shelved>>,
}

/// What the live database notes of the history, or of what lapses.
#[derive(Default)]
pub(super) struct Notes {
    pub(super) old: BTreeMap<String, Noted>,
    pub(super) shelves: BTreeMap<String, BTreeMap<u64, Note>>,
}

/// How large the buckets are that end at the same time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) bytes: u64,
    pub(super) buckets: usize,
}

/// What moved to a bucket and is in a table yet.
pub(super) struct Moved {
    /// When the bucket ends.
    pub(super) end_ms: u64,
    /// A part of some pairs of a range, in their order.
    pub(super) pairs: Vec<Pair>,
}

impl History {
    /// The parts that are noted. What is there and not noted is what a crash left; it is removed if the notes are known to be
    /// `complete`, and else left aside. Gives the keys of the notes on buckets that the operator gave up.
    pub(super) fn open(
        holds: Holds,
        root: PathBuf,
        mut notes: Notes,
        complete: bool,
        check_up_to: u64,
    ) -> Result<(Self, Vec<Key>), StoreError> {
        create_private(&root)?;
        // The first bucket relies on it.
        root.parent().map_or(Ok(()), sync_folder)?;
        let failed = |error: io::Error| StoreError::io("cannot read the history's folder", &root, error);
        let mut given_up = Vec::new();
        for entry in fs::read_dir(&root).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name().to_string_lossy().into_owned();
            if let Some(bucket) =
                name.strip_suffix(DROPPED).filter(|name| buckets::end_of_name(name).is_some())
            {
                given_up.extend(notes.old.remove(bucket).map(|_| Noted::key(bucket)));
                let shelves = notes.shelves.remove(bucket).unwrap_or_default();
                given_up.extend(shelves.keys().map(|number| Note::key(holds, bucket, *number)));
                if given_up.is_empty() {
                    remove_folder(&root.join(&name));
                }
            } else if complete
                && buckets::end_of_name(&name).is_some()
                && !notes.old.contains_key(&name)
                && !notes.shelves.contains_key(&name)
            {
                remove_folder(&root.join(&name));
            }
        }
        let mut parts = Vec::new();
        for (name, noted) in notes.old {
            parts.push(Part::Old(Arc::new(OldBucket::known(&root, &name, noted)?)));
        }
        for (name, shelves) in notes.shelves {
            let next = shelves.keys().next_back().map_or(1, |number| number + 1);
            let bucket = Arc::new(Bucket::new(holds, &root, &name, next)?);
            bucket.tidy(&shelves.keys().copied().collect(), complete)?;
            let shelves = shelves.into_iter().map(|(number, note)| Shelved::new(&bucket, number, note));
            parts.extend(shelves.map(|shelf| Part::Shelf(Arc::new(shelf))));
        }
        let parts = RwLock::new(Parts::new(parts));
        Ok((Self { holds, root, parts, recent: Mutex::default(), check_up_to }, given_up))
    }

    /// All parts; of those that have a key the first counts.
    pub(super) fn all(&self) -> Vec<Part> {
        self.parts().list.clone()
    }

    fn parts(&self) -> RwLockReadGuard<'_, Parts> {
        self.parts.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether anything of a range may be here.
    pub(super) fn may_have(&self, range: &KeyRange) -> bool {
        self.parts().within(range).next().is_some()
    }

    /// Reads all of a part, unless that was done before; ends early when `go_on` says no.
    pub(super) fn check(&self, part: &Part, go_on: impl Fn() -> bool) -> Result<(), StoreError> {
        match (self.opened(part)?, part) {
            (Open::Shelf(shelved, shelf), _) if !shelved.is_checked() => shelved.audit(shelf, go_on),
            (Open::Old(opened), Part::Old(bucket)) if !bucket.is_checked() => bucket.audit(&opened, go_on),
            (Open::Shelf(..) | Open::Old(_), _) => Ok(()),
        }
    }

    /// How large the buckets are by their ends, with what is `retired` in the tables.
    pub(super) fn sizes(&self, retired: BTreeMap<u64, u64>) -> BTreeMap<u64, Size> {
        let mut sizes = BTreeMap::<u64, Size>::new();
        let mut names = BTreeSet::new();
        let all = self.all();
        for part in &all {
            let size = sizes.entry(part.end_ms()).or_default();
            size.bytes += part.size();
            size.buckets += usize::from(names.insert(part.name()));
        }
        for (end, bytes) in retired {
            let size = sizes.entry(end).or_default();
            size.bytes += bytes;
            size.buckets = size.buckets.max(1);
        }
        sizes
    }

    /// Closes all parts.
    pub(super) fn close(&self) {
        *self.recent() = Recent::default();
        self.all().iter().for_each(Part::close);
    }

    fn recent(&self) -> std::sync::MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a part, and closes the one that was not used for the longest time if too many are open.
    pub(super) fn opened(&self, part: &Part) -> Result<Open, StoreError> {
        match part {
            Part::Shelf(shelved) => {
                let known = shelved.is_open();
                let shelf = shelved.open()?;
                self.recent().use_shelf(shelved, known, shelf.memory());
                Ok(Open::Shelf(Arc::clone(shelved), shelf))
            }
            Part::Old(bucket) => {
                let known = bucket.is_open();
                let opened = bucket.open(self.check_up_to)?;
                self.recent().use_old(bucket, known);
                Ok(Open::Old(opened))
            }
        }
    }

    /// The value of a key that the live part does not have, of the buckets that end after `after_ms`.
    pub(super) fn get(&self, key: &[u8], after_ms: Option<u64>) -> Result<Option<Vec<u8>>, StoreError> {
        // A damaged part comes last: another may have the key.
        let mut damaged = None;
        let later = |part: &&Part| after_ms.is_none_or(|after| part.end_ms() > after);
        let parts: Vec<Part> = {
            let parts = self.parts();
            if !key.first().is_some_and(|kind| parts.kinds[usize::from(*kind)]) {
                return Ok(None);
            }
            parts.list.iter().filter(later).filter(|part| part.reach().may_have(key)).cloned().collect()
        };
        for part in parts {
            match self.opened(&part).and_then(|opened| opened.get(key)) {
                Ok(Some(value)) => return Ok(Some(value)),
                Ok(None) => {}
                Err(error) => damaged = Some(error),
            }
        }
        damaged.map_or(Ok(None), Err)
    }

    /// A range as the live part and the history have it together, up to `limit` pairs; `live` is what the live part gave of
    /// it, and `moved` what the tables did, the older one first.
    pub(super) fn scan(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
        live: Vec<Pair>,
        moved: Vec<Moved>,
    ) -> Result<Vec<Pair>, StoreError> {
        let mut merged = Merged { map: BTreeMap::new(), order, limit };
        merged.add((u64::MAX, u64::MAX), live);
        for (number, moved) in moved.into_iter().enumerate() {
            // After all shelves of its bucket.
            merged.add((moved.end_ms, u64::MAX / 2 + number as u64), moved.pairs);
        }
        let mut parts: Vec<_> = {
            let parts = self.parts();
            parts.within(range).map(|(first, last, part)| (first, last, part.clone())).collect()
        };
        match order {
            Order::Ascending => parts.sort_by(|one, other| one.0.cmp(&other.0)),
            Order::Descending => parts.sort_by(|one, other| other.1.cmp(&one.1)),
        }
        for (first, last, part) in parts {
            let Some(wanted) = merged.wanted(range, &first, &last) else { break };
            merged.add(part.rank(), self.opened(&part)?.scan(&wanted, order, limit)?);
        }
        let pairs = merged.map.into_iter().map(|(key, (_, value))| (key, value));
        Ok(match order {
            Order::Ascending => pairs.collect(),
            Order::Descending => pairs.rev().collect(),
        })
    }

    /// The bucket for what expires up to this end; a new one when there is none that can be written to.
    pub(super) fn bucket(&self, end_ms: u64) -> Result<Arc<Bucket>, StoreError> {
        let all = self.all();
        let same: Vec<&Part> = all.iter().filter(|part| part.end_ms() == end_ms).collect();
        let damaged = |name: &str| same.iter().any(|part| part.is_damaged() && part.name() == name);
        let shelves = same.iter().filter_map(|part| match part {
            Part::Shelf(shelf) => Some(shelf.bucket()),
            Part::Old(_) => None,
        });
        // The newest shelves stand first.
        if let Some(bucket) = shelves.clone().find(|bucket| !damaged(bucket.name())) {
            return Ok(Arc::clone(bucket));
        }
        let date = buckets::name_of(end_ms);
        let names = std::iter::once(date.clone()).chain((2..).map(|number| format!("{date}.{number}")));
        let free =
            |name: &String| !self.root.join(name).exists() && all.iter().all(|part| part.name() != name);
        let name = names.into_iter().find(free).expect("there are more numbers than folders");
        let next = same.iter().map(|part| part.rank().1 + 1).max().unwrap_or(1);
        let bucket = Arc::new(Bucket::new(self.holds, &self.root, &name, next)?);
        create_private(bucket.path())?;
        sync_folder(&self.root)?;
        Ok(bucket)
    }

    /// Gives readers new shelves, and takes out what is replaced or dropped, whose files go with the last reader.
    pub(super) fn change(&self, new: Vec<Arc<Shelved>>, replaced: Vec<Replacement>, dropped: &BTreeSet<u64>) {
        let mut parts = self.parts.write().unwrap_or_else(PoisonError::into_inner);
        let mut list = std::mem::take(&mut parts.list);
        let old: Vec<Part> = list.extract_if(.., |part| dropped.contains(&part.end_ms())).collect();
        let mut inputs: Vec<Part> = Vec::new();
        for Replacement { merged, inputs: merged_from } in replaced {
            inputs.extend(merged_from.into_iter().map(Part::Shelf));
            list.push(Part::Shelf(merged));
        }
        list.retain(|part| !inputs.iter().any(|input| input.is(part)));
        list.extend(new.into_iter().map(Part::Shelf));
        *parts = Parts::new(list);
        drop(parts);
        self.recent().forget(|part| old.iter().chain(&inputs).any(|other| other.is(part)));
        old.iter().for_each(Part::drop_files);
        for input in inputs {
            if let Part::Shelf(shelf) = input {
                shelf.drop_file();
            }
        }
    }

    /// Removes what is left of the buckets that the operator gave up, once nothing notes them.
    pub(super) fn remove_given_up(&self) {
        for entry in fs::read_dir(&self.root).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.strip_suffix(DROPPED).is_some_and(|name| buckets::end_of_name(name).is_some()) {
                remove_folder(&entry.path());
            }
        }
    }

    /// Where the buckets are.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }
}

impl Recent {
    fn use_old(&mut self, bucket: &Arc<OldBucket>, known: bool) {
        if !known || self.old.back().is_none_or(|last| !Arc::ptr_eq(last, bucket)) {
            self.old.retain(|other| !Arc::ptr_eq(other, bucket));
            self.old.push_back(Arc::clone(bucket));
        }
        if self.old.len() > MOST_OLD
            && let Some(oldest) = self.old.pop_front()
        {
            oldest.close();
        }
    }

    fn use_shelf(&mut self, shelf: &Arc<Shelved>, known: bool, memory: usize) {
        if known && self.shelves.back().is_some_and(|(last, _)| Arc::ptr_eq(last, shelf)) {
            return;
        }
        self.forget(|part| matches!(part, Part::Shelf(other) if Arc::ptr_eq(other, shelf)));
        self.shelves.push_back((Arc::clone(shelf), memory));
        self.memory += memory;
        while self.shelves.len() > MOST_SHELVES || (self.memory > MOST_MEMORY && self.shelves.len() > 1) {
            let Some((oldest, memory)) = self.shelves.pop_front() else { break };
            self.memory -= memory;
            oldest.close();
        }
    }

    fn forget(&mut self, which: impl Fn(&Part) -> bool) {
        self.old.retain(|bucket| !which(&Part::Old(Arc::clone(bucket))));
        let memory = &mut self.memory;
        self.shelves.retain(|(shelf, bytes)| {
            let stays = !which(&Part::Shelf(Arc::clone(shelf)));
            *memory -= if stays { 0 } else { *bytes };
            stays
        });
    }
}

/// The first pairs of a range, each with the rank of where it is from.
struct Merged {
    map: BTreeMap<Vec<u8>, ((u64, u64), Vec<u8>)>,
    order: Order,
    limit: usize,
}

impl Merged {
    fn add(&mut self, rank: (u64, u64), pairs: Vec<Pair>) {
        for (key, value) in pairs {
            match self.map.entry(key) {
                Entry::Vacant(place) => drop(place.insert((rank, value))),
                Entry::Occupied(mut place) if place.get().0 < rank => drop(place.insert((rank, value))),
                Entry::Occupied(_) => {}
            }
        }
        while self.map.len() > self.limit {
            match self.order {
                Order::Ascending => self.map.pop_last(),
                Order::Descending => self.map.pop_first(),
            };
        }
    }

    /// What of a range is wanted of a part with these first and last keys; nothing when all that follows lies behind it.
    fn wanted(&self, range: &KeyRange, first: &Vec<u8>, last: &Vec<u8>) -> Option<KeyRange> {
        let mut wanted = range.clone();
        if self.map.len() >= self.limit {
            // Up to the last that would be given so far.
            match self.order {
                Order::Ascending => match self.map.last_key_value() {
                    Some((most, _)) if first <= most => wanted = wanted.before([most, &[0][..]].concat()),
                    Some(_) | None => return None,
                },
                Order::Descending => match self.map.first_key_value() {
                    Some((least, _)) if last >= least => wanted.start.clone_from(least),
                    Some(_) | None => return None,
                },
            }
        }
        Some(wanted)
    }
}
