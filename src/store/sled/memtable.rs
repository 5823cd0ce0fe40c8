//! What was committed since the last checkpoint: the newest value of each key, over what the tree has, and what moved to
//! the history, by the end of its bucket.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Bound,
};

use sled::IVec;

use super::envelope::{self, BlobRef};
use crate::store::{Key, KeyRange, Order};

/// Bytes that a slot takes beside key and value, about.
const SLOT: usize = 96;

/// What became of one key.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// Its envelope; nothing when it was deleted.
    pub(super) envelope: Option<IVec>,
    /// When the bucket ends that it goes to, if it expires by itself.
    pub(super) until: Option<u64>,
    /// Whether what is below, an earlier table or the tree, is known to have no such key. Then a deletion leaves nothing
    /// behind, and a key that came and went is never written to the tree.
    pub(super) new: bool,
}

/// What moved to one bucket.
#[derive(Debug, Default)]
pub(super) struct Retired {
    pub(super) keys: BTreeMap<Key, IVec>,
    /// Bytes of keys and envelopes, and of the large values that they refer to.
    pub(super) bytes: u64,
}

/// A table of keys, in order.
#[derive(Debug, Default)]
pub(super) struct Memtable {
    slots: BTreeMap<Key, Slot>,
    bytes: usize,
    /// How many of them expire with each bucket.
    lapsing: BTreeMap<u64, usize>,
    retired: BTreeMap<u64, Retired>,
    /// Memory that they take.
    retired_bytes: usize,
}

impl Memtable {
    /// What it says of a key; nothing when the answer is below.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Slot> {
        self.slots.get(key)
    }

    /// Takes a change: the new envelope, and when its bucket ends if it expires. `new` says whether what is below is known not to
    /// have the key; it counts for a key that is not here. Gives the envelope that it replaces.
    pub(super) fn apply(
        &mut self,
        key: Key,
        becomes: Option<(IVec, Option<u64>)>,
        new: bool,
    ) -> Option<IVec> {
        let (envelope, until) = becomes.unzip();
        let until = until.flatten();
        let length = |envelope: &Option<IVec>| envelope.as_ref().map_or(0, |bytes| bytes.len());
        match self.slots.entry(key) {
            Entry::Vacant(place) => {
                if envelope.is_some() || !new {
                    self.bytes += SLOT + place.key().len() + length(&envelope);
                    place.insert(Slot { envelope, until, new });
                    self.count(None, until);
                }
                None
            }
            Entry::Occupied(mut place) => {
                self.bytes += length(&envelope);
                let slot = place.get_mut();
                let before = std::mem::replace(&mut slot.envelope, envelope);
                let until_before = std::mem::replace(&mut slot.until, until);
                self.bytes -= length(&before);
                if place.get().envelope.is_none() && place.get().new {
                    self.bytes -= SLOT + place.key().len();
                    place.remove();
                }
                self.count(until_before, until);
                before
            }
        }
    }

    fn count(&mut self, before: Option<u64>, after: Option<u64>) {
        if let Some(end) = after {
            *self.lapsing.entry(end).or_default() += 1;
        }
        if let Some(Entry::Occupied(mut count)) = before.map(|end| self.lapsing.entry(end)) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    /// The ends of the buckets that something goes to, as it expires by itself.
    pub(super) fn lapsing(&self) -> impl Iterator<Item = u64> {
        self.lapsing.keys().copied()
    }

    /// Takes what moves to the bucket that ends then. Gives the envelope that it replaces there.
    pub(super) fn retire(&mut self, end_ms: u64, key: Key, envelope: IVec) -> Option<IVec> {
        let cost = |envelope: &IVec| {
            envelope.len() as u64 + envelope::reference(envelope).map_or(0, |blob| blob.length)
        };
        let retired = self.retired.entry(end_ms).or_default();
        retired.bytes += cost(&envelope);
        self.retired_bytes += envelope.len();
        match retired.keys.entry(key) {
            Entry::Vacant(place) => {
                retired.bytes += place.key().len() as u64;
                self.retired_bytes += SLOT + place.key().len();
                place.insert(envelope);
                None
            }
            Entry::Occupied(mut place) => {
                let before = place.insert(envelope);
                retired.bytes -= cost(&before);
                self.retired_bytes -= before.len();
                Some(before)
            }
        }
    }

    /// What moved to the history, by the end of the bucket.
    pub(super) fn retired(&self) -> &BTreeMap<u64, Retired> {
        &self.retired
    }

    /// The envelope that the history has of a key, as far as it moved here, and the end of its bucket: the last one.
    pub(super) fn kept(&self, key: &[u8]) -> Option<(u64, &IVec)> {
        self.retired.iter().rev().find_map(|(end, retired)| Some((*end, retired.keys.get(key)?)))
    }

    /// About how much memory it takes, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.retired_bytes
    }

    /// As [`Memtable::bytes`], of what did not move to the history.
    pub(super) fn live_bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty() && self.retired.is_empty()
    }

    /// The large values that it refers to, each as often as it does.
    pub(super) fn large(&self) -> impl Iterator<Item = BlobRef> {
        let slots = self.slots.values().filter_map(|slot| slot.envelope.as_ref());
        let retired = self.retired.values().flat_map(|retired| retired.keys.values());
        slots.chain(retired).filter_map(|envelope| envelope::reference(envelope))
    }

    /// All keys with their slots, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Key, &Slot)> {
        self.slots.iter()
    }

    /// All keys of a range with their slots.
    pub(super) fn range(
        &self,
        range: &KeyRange,
        order: Order,
    ) -> Box<dyn Iterator<Item = (&Key, &Slot)> + '_> {
        if range.is_empty() {
            return Box::new(std::iter::empty());
        }
        let (start, end): (Bound<&[u8]>, Bound<&[u8]>) = range.bounds();
        let slots = self.slots.range::<[u8], _>((start, end));
        match order {
            Order::Ascending => Box::new(slots),
            Order::Descending => Box::new(slots.rev()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_came_and_went_leaves_nothing_behind_and_one_of_below_leaves_its_end() {
        let (a, b) = (Key::from(b"a"), Key::from(b"b"));
        let mut table = Memtable::default();
        let put = |bytes: &[u8]| Some((IVec::from(bytes), None));
        assert_eq!(table.apply(a.clone(), put(b"1"), true), None);
        assert_eq!(table.apply(a.clone(), put(b"22"), false), Some(IVec::from(b"1")));
        table.apply(b.clone(), put(b"1"), false);
        assert!(table.bytes() > 2 * SLOT);
        table.apply(a.clone(), None, false);
        table.apply(b.clone(), None, true);
        assert!(table.get(b"a").is_none());
        assert!(table.get(b"b").is_some_and(|slot| slot.envelope.is_none()));
        assert_eq!(table.bytes(), SLOT + 1);
        table.apply(Key::from(b"c"), None, true);
        assert_eq!(table.iter().count(), 1);
    }

    #[test]
    fn a_table_knows_with_which_buckets_something_in_it_expires() {
        let (a, b) = (Key::from(b"a"), Key::from(b"b"));
        let mut table = Memtable::default();
        let put = |end| Some((IVec::from(b"1"), end));
        let ends = |table: &Memtable| table.lapsing().collect::<Vec<_>>();
        table.apply(a.clone(), put(Some(7)), true);
        table.apply(b.clone(), put(Some(5)), false);
        assert_eq!(ends(&table), [5, 7]);
        table.apply(a.clone(), put(Some(5)), true);
        assert_eq!(ends(&table), [5]);
        table.apply(b.clone(), put(None), true);
        table.apply(a.clone(), put(Some(9)), true);
        assert_eq!((ends(&table), table.get(b"b").unwrap().until), (vec![9], None));
        table.apply(a, None, false);
        table.apply(b, None, false);
        assert_eq!((ends(&table), table.iter().count()), (vec![], 1));
    }

    #[test]
    fn of_what_moved_to_two_buckets_the_later_one_counts() {
        let (key, value) = (Key::from(b"k"), |byte| IVec::from(envelope::inline(b"k", &[byte])));
        let mut table = Memtable::default();
        assert_eq!(table.kept(b"k"), None);
        for (end, byte) in [(5, 1), (7, 2), (6, 3)] {
            assert_eq!(table.retire(end, key.clone(), value(byte)), None);
        }
        assert_eq!(table.kept(b"k"), Some((7, &value(2))));
        let bytes = table.bytes();
        assert_eq!(table.retire(7, key.clone(), value(4)), Some(value(2)));
        assert_eq!((table.kept(b"k"), table.bytes()), (Some((7, &value(4))), bytes));
        assert!(table.live_bytes() == 0 && !table.is_empty() && table.get(b"k").is_none());
        let large = BlobRef::of(&[1; 30_000]);
        table.retire(7, key.clone(), envelope::blob(b"k", large).into());
        assert_eq!(table.retired()[&7].bytes, 30_000 + 1 + 45);
        assert_eq!(table.large().collect::<Vec<_>>(), [large]);
    }
}
