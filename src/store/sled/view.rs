//! Reads of the tables, of what lapses and of the tree as one.

use std::collections::BTreeMap;

use sled::IVec;

use super::{commits::Commits, failure::from_sled, memtable::Memtable, staging::Staging};
use crate::store::{Key, KeyRange, Order, StoreError};

/// Keys that one step reads from each of them.
const STEP: usize = 1_024;

/// What one of them has of a range: its first keys, and whether there are more.
struct Part {
    keys: Vec<(Key, Option<IVec>)>,
    more: bool,
}

impl Part {
    fn take<'a, K: Into<Key>>(
        keys: impl Iterator<Item = Result<(K, Option<IVec>), StoreError>> + 'a,
        most: usize,
    ) -> Result<Self, StoreError> {
        let mut part = Self { keys: Vec::new(), more: false };
        for next in keys {
            if part.keys.len() == most {
                part.more = true;
                break;
            }
            let (key, envelope) = next?;
            part.keys.push((key.into(), envelope));
        }
        Ok(part)
    }
}

impl Staging {
    /// The envelope of a key.
    pub(super) fn envelope(&self, key: &[u8]) -> Result<Option<IVec>, StoreError> {
        loop {
            let epoch = {
                let state = self.state();
                if let Some(envelope) = state.find(key) {
                    return Ok(envelope.cloned());
                }
                state.epoch
            };
            if self.none_below(key) {
                return Ok(None);
            }
            let found = match self.lapsing.get(key)? {
                None if self.counts.has_none(key) => None,
                None => self
                    .live
                    .guarded(&self.folder, |db| db.get(key).map_err(|error| from_sled(error, "read")))?,
                found => found,
            };
            // A checkpoint may have taken it from one place to the other meanwhile.
            let state = self.state();
            if found.is_some() || (state.find(key).is_none() && state.epoch == epoch) {
                return Ok(found);
            }
        }
    }

    /// Up to `limit` keys of a range with their envelopes, but for those of the backend itself.
    pub(super) fn envelopes(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Result<Vec<(Key, IVec)>, StoreError> {
        let mut found = self.merged(range, order, limit)?;
        found.truncate(limit);
        Ok(found)
    }

    /// The envelope that moved to the history since the last checkpoint, and the end of its bucket: the last one.
    pub(super) fn moved(&self, key: &[u8]) -> Option<(u64, IVec)> {
        let state = self.state();
        // Of two with the same end the one of the newer table.
        let found = state.tables().filter_map(|table| table.kept(key)).max_by_key(|(end, _)| *end);
        found.map(|(end, envelope)| (end, envelope.clone()))
    }

    /// Up to `limit` keys of a range for each bucket that something moved to since the last checkpoint, with the end of that
    /// bucket; of the older table first.
    pub(super) fn moved_in(
        &self,
        range: &KeyRange,
        order: Order,
        limit: usize,
    ) -> Vec<(u64, Vec<(Key, IVec)>)> {
        let state = self.state();
        let retired = state.tables().flat_map(Memtable::retired);
        let parts = retired.map(|(end, retired)| {
            let keys = retired.keys.range::<[u8], _>(range.bounds());
            let copy = |(key, envelope): (&Key, &IVec)| (key.clone(), envelope.clone());
            let keys = match order {
                Order::Ascending => keys.take(limit).map(copy).collect::<Vec<_>>(),
                Order::Descending => keys.rev().take(limit).map(copy).collect(),
            };
            (*end, keys)
        });
        parts.filter(|(_, keys)| !keys.is_empty()).collect()
    }

    fn merged(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<(Key, IVec)>, StoreError> {
        let mut found = Vec::new();
        let mut range = range.clone();
        while found.len() < limit && !range.is_empty() {
            let most = (limit - found.len()).saturating_add(1).min(STEP);
            let parts = self.parts(&range, order, most)?;
            // Up to the nearest end of a part that has more, each of them is known.
            let ends = parts.iter().filter(|part| part.more).filter_map(|part| part.keys.last());
            let ends = ends.map(|(key, _)| key.clone());
            let end = match order {
                Order::Ascending => ends.min(),
                Order::Descending => ends.max(),
            };
            let known = |key: &Key| match (&end, order) {
                (None, _) => true,
                (Some(end), Order::Ascending) => key <= end,
                (Some(end), Order::Descending) => key >= end,
            };
            // The later part has the say.
            let merged: BTreeMap<Key, Option<IVec>> =
                parts.into_iter().flat_map(|part| part.keys).filter(|(key, _)| known(key)).collect();
            let present = merged.into_iter().filter_map(|(key, envelope)| Some((key, envelope?)));
            let present = present.filter(|(key, _)| !Commits::owns(key));
            match order {
                Order::Ascending => found.extend(present),
                Order::Descending => found.extend(present.rev()),
            }
            match (end, order) {
                (None, _) => break,
                (Some(end), Order::Ascending) => range = range.after(&end),
                (Some(end), Order::Descending) => range = range.before(&end),
            }
        }
        Ok(found)
    }

    /// The tables first: what a checkpoint takes out of them meanwhile is seen twice then, not missed.
    fn parts(&self, range: &KeyRange, order: Order, most: usize) -> Result<[Part; 4], StoreError> {
        let (frozen, active) = {
            let state = self.state();
            let slots = |table: &Memtable| {
                let keys =
                    table.range(range, order).map(|(key, slot)| Ok((key.clone(), slot.envelope.clone())));
                Part::take(keys, most)
            };
            let frozen = state.frozen.as_deref().map(slots);
            (frozen.unwrap_or(Ok(Part { keys: Vec::new(), more: false }))?, slots(&state.active)?)
        };
        let one_kind = range.end.as_ref().is_some_and(|end| {
            range.start.first().is_some_and(|kind| {
                end.first() == Some(kind) || (end.len() == 1 && end.first() == kind.checked_add(1).as_ref())
            })
        });
        let none = || Part { keys: Vec::new(), more: false };
        let lapsing = if one_kind && self.lapsing.has_none(&range.start) {
            none()
        } else {
            let found = self.lapsing.scan(range, order, most + 1)?;
            Part::take(found.into_iter().map(|(key, envelope)| Ok((key, Some(envelope)))), most)?
        };
        if one_kind && self.counts.has_none(&range.start) {
            return Ok([none(), lapsing, frozen, active]);
        }
        let tree = self.live.guarded(&self.folder, |db| {
            let (start, end) = range.bounds();
            let mut pairs = db.range::<&[u8], _>((start, end));
            let next = std::iter::from_fn(|| match order {
                Order::Ascending => pairs.next(),
                Order::Descending => pairs.next_back(),
            });
            let next = next.map(|pair| {
                let (key, bytes) = pair.map_err(|error| from_sled(error, "read"))?;
                Ok((Key::from(&*key), Some(bytes)))
            });
            Part::take(next, most)
        })?;
        Ok([tree, lapsing, frozen, active])
    }
}
