//! What was committed since the last checkpoint: the newest value of each key, over what the tree has.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    ops::Bound,
};

use sled::IVec;

use crate::store::{Key, KeyRange, Order};

/// Bytes that a slot takes beside key and value, about.
const SLOT: usize = 96;

/// What became of one key.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// Its envelope; nothing when it was deleted.
    pub(super) envelope: Option<IVec>,
    /// Whether what is below, an earlier table or the tree, is known to have no such key. Then a deletion leaves nothing
    /// behind, and a key that came and went is never written to the tree.
    new: bool,
}

/// A table of keys, in order.
#[derive(Debug, Default)]
pub(super) struct Memtable {
    slots: BTreeMap<Key, Slot>,
    bytes: usize,
}

impl Memtable {
    /// What it says of a key; nothing when the answer is below.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Slot> {
        self.slots.get(key)
    }

    /// Takes a change. `new` says whether what is below is known not to have the key; it counts for a key that is not here.
    /// Gives the envelope that it replaces.
    pub(super) fn apply(&mut self, key: Key, envelope: Option<IVec>, new: bool) -> Option<IVec> {
        let length = |envelope: &Option<IVec>| envelope.as_ref().map_or(0, |bytes| bytes.len());
        match self.slots.entry(key) {
            Entry::Vacant(place) => {
                if envelope.is_some() || !new {
                    self.bytes += SLOT + place.key().len() + length(&envelope);
                    place.insert(Slot { envelope, new });
                }
                None
            }
            Entry::Occupied(mut place) => {
                self.bytes += length(&envelope);
                let before = std::mem::replace(&mut place.get_mut().envelope, envelope);
                self.bytes -= length(&before);
                if place.get().envelope.is_none() && place.get().new {
                    self.bytes -= SLOT + place.key().len();
                    place.remove();
                }
                before
            }
        }
    }

    /// About how much memory it takes, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.slots.is_empty()
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
        assert_eq!(table.apply(a.clone(), Some(IVec::from(b"1")), true), None);
        assert_eq!(table.apply(a.clone(), Some(IVec::from(b"22")), false), Some(IVec::from(b"1")));
        table.apply(b.clone(), Some(IVec::from(b"1")), false);
        assert!(table.bytes() > 2 * SLOT);
        table.apply(a.clone(), None, false);
        table.apply(b.clone(), None, true);
        assert!(table.get(b"a").is_none());
        assert!(table.get(b"b").is_some_and(|slot| slot.envelope.is_none()));
        assert_eq!(table.bytes(), SLOT + 1);
        table.apply(Key::from(b"c"), None, true);
        assert_eq!(table.iter().count(), 1);
    }
}
