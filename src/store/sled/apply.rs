//! What a batch does to the table: its expectations checked, its changes worked out and applied, all under the mutex.

use std::collections::{BTreeMap, HashMap};

use sled::IVec;

use super::{
    blobs::Held,
    commits::Commits,
    envelope::{self, BlobRef, Content},
    failure::from_sled,
    staging::{Staging, State},
};
use crate::store::{Key, KeyRange, Order, StoreError, batch::Ended, log::Change};

/// A batch as it is checked and applied.
#[derive(Default)]
pub(super) struct Prepared {
    pub(super) expectations: Vec<(Key, Expected)>,
    pub(super) writes: Vec<(Key, Wanted)>,
    /// What moves to the history after the writes.
    pub(super) settled: Vec<Ended>,
    /// What the history gets beside what is live, each with the end of its bucket.
    pub(super) kept: Vec<(u64, Key, IVec)>,
    /// Bytes that are written for it.
    pub(super) needed: u64,
    /// Keeps the files of its large values until a table refers to them.
    pub(super) held: Vec<Held>,
}

pub(super) enum Expected {
    /// This value, or none.
    Value(Option<Vec<u8>>),
    /// Exactly these bytes: what a caller read before.
    Envelope(IVec),
}

/// What a batch wants to become of a key.
pub(super) enum Wanted {
    /// With the end of its bucket if it expires.
    Put(IVec, Option<u64>),
    Delete,
    DeleteIf(Vec<u8>),
    DeletePrefix,
    /// It goes to the bucket that ends then, with this envelope, which it has.
    Move(u64, IVec),
}

/// What was read of the tree and of what lapses.
#[derive(Default)]
pub(super) struct Below {
    pub(super) epoch: u64,
    pub(super) keys: HashMap<Key, Option<IVec>>,
    pub(super) prefixes: HashMap<Key, Vec<Key>>,
}

/// What these are to be asked for.
#[derive(Default)]
pub(super) struct Questions {
    keys: Vec<Key>,
    prefixes: Vec<Key>,
}

/// What becomes of a key.
pub(super) enum Becomes {
    /// With the end of its bucket if it expires.
    Put(IVec, Option<u64>),
    Gone,
    Moved(u64, IVec),
}

impl Becomes {
    fn envelope(&self) -> Option<&IVec> {
        match self {
            Self::Put(envelope, _) => Some(envelope),
            Self::Gone | Self::Moved(..) => None,
        }
    }
}

/// What the batch itself does, by key.
pub(super) type Own = BTreeMap<Key, Becomes>;

pub(super) enum Checked {
    /// It may be applied: the keys that it changes, and the bytes that the table takes on from below.
    Good(Own, u64),
    Conflict(Key, Option<IVec>),
    Ask(Questions),
}

/// Whether an envelope holds this value.
fn holds(key: &Key, found: Option<&IVec>, expected: Option<&[u8]>) -> Result<bool, StoreError> {
    Ok(match (found, expected) {
        (None, None) => true,
        (None, Some(_)) | (Some(_), None) => false,
        (Some(bytes), Some(expected)) => match envelope::open(key, bytes)? {
            Content::Inline(value) => value == expected,
            Content::Blob(blob) => blob == BlobRef::of(expected),
        },
    })
}

impl Staging {
    /// Whether what is below the tables is known to have no key of this first byte.
    pub(super) fn none_below(&self, key: &[u8]) -> bool {
        self.counts.has_none(key) && self.lapsing.has_none(key)
    }

    /// What a key has, as far as it is known here.
    fn look(&self, key: &Key, own: &Own, state: &State, below: &Below) -> Option<Option<IVec>> {
        if let Some(becomes) = own.get(key) {
            return Some(becomes.envelope().cloned());
        }
        if let Some(envelope) = state.find(key) {
            return Some(envelope.cloned());
        }
        if Commits::owns(key) || self.none_below(key) {
            return Some(None);
        }
        below.keys.get(key).cloned()
    }

    /// Checks the expectations and works out what becomes of each key.
    pub(super) fn check(
        &self,
        prepared: &Prepared,
        state: &State,
        below: &Below,
    ) -> Result<Checked, StoreError> {
        let mut own = Own::new();
        let mut questions = Questions::default();
        for (key, expected) in &prepared.expectations {
            let Some(found) = self.look(key, &own, state, below) else {
                questions.keys.push(key.clone());
                continue;
            };
            let good = match expected {
                Expected::Value(value) => holds(key, found.as_ref(), value.as_deref())?,
                Expected::Envelope(bytes) => found.as_ref() == Some(bytes),
            };
            if !good && questions.keys.is_empty() {
                return Ok(Checked::Conflict(key.clone(), found));
            }
        }
        for (key, wanted) in &prepared.writes {
            match wanted {
                Wanted::Put(envelope, until) => {
                    own.insert(key.clone(), Becomes::Put(envelope.clone(), *until));
                }
                Wanted::Delete => drop(own.insert(key.clone(), Becomes::Gone)),
                Wanted::Move(end, envelope) => {
                    own.insert(key.clone(), Becomes::Moved(*end, envelope.clone()));
                }
                Wanted::DeleteIf(value) => match self.look(key, &own, state, below) {
                    None => questions.keys.push(key.clone()),
                    Some(found) if holds(key, found.as_ref(), Some(value))? => {
                        own.insert(key.clone(), Becomes::Gone);
                    }
                    Some(_) => {}
                },
                Wanted::DeletePrefix => match self.prefix(key, &own, state, below) {
                    None => questions.prefixes.push(key.clone()),
                    Some(keys) => own.extend(keys.into_iter().map(|key| (key, Becomes::Gone))),
                },
            }
        }
        let moved =
            prepared.settled.iter().map(|ended| self.settle(ended, &mut own, state, below, &mut questions));
        let moved = moved.sum();
        let none = questions.keys.is_empty() && questions.prefixes.is_empty();
        Ok(if none { Checked::Good(own, moved) } else { Checked::Ask(questions) })
    }

    /// Works out what moves to the history; gives the bytes that come from below the active table.
    fn settle(
        &self,
        ended: &Ended,
        own: &mut Own,
        state: &State,
        below: &Below,
        questions: &mut Questions,
    ) -> u64 {
        let mut moved = 0;
        let mut begin_so = Vec::new();
        for prefix in &ended.prefixes {
            match self.prefix(prefix, own, state, below) {
                Some(keys) => begin_so.extend(keys),
                None => questions.prefixes.push(prefix.clone()),
            }
        }
        for key in ended.keys.iter().chain(&begin_so) {
            let Some(found) = self.look(key, own, state, below) else {
                questions.keys.push(key.clone());
                continue;
            };
            let Some(envelope) = found else { continue };
            if !own.contains_key(key) && state.active.get(key).is_none() {
                // Nothing that is damaged is moved. It stays, and whoever reads it is told.
                if let Err(error) = envelope::open(key, &envelope) {
                    tracing::error!(%error, "what has ended stays out of the history");
                    continue;
                }
                moved += envelope.len() as u64;
            }
            own.insert(key.clone(), Becomes::Moved(ended.end_ms, envelope));
        }
        moved
    }

    /// Every key that begins with `prefix`, wherever it is.
    fn prefix(&self, prefix: &Key, own: &Own, state: &State, below: &Below) -> Option<Vec<Key>> {
        let tree = if self.none_below(prefix) { None } else { Some(below.prefixes.get(prefix)?) };
        let range = KeyRange::prefix(prefix);
        let mut keys: Vec<Key> = tree.into_iter().flatten().cloned().collect();
        keys.extend(own.range::<[u8], _>(range.bounds()).map(|(key, _)| key.clone()));
        for table in [Some(&state.active), state.frozen.as_deref()].into_iter().flatten() {
            keys.extend(table.range(&range, Order::Ascending).map(|(key, _)| key.clone()));
        }
        keys.retain(|key| !Commits::owns(key));
        Some(keys)
    }

    pub(super) fn read_below(&self, questions: Questions, below: &mut Below) -> Result<(), StoreError> {
        self.live.guarded(&self.folder, |db| {
            for key in questions.keys {
                let found = match self.lapsing.get(&key)? {
                    None if self.counts.has_none(&key) => None,
                    None => db.get(&key).map_err(|error| from_sled(error, "read"))?,
                    found => found,
                };
                below.keys.insert(key, found);
            }
            for prefix in questions.prefixes {
                let keys = db.scan_prefix(&prefix).keys().map(|key| key.map(|key| Key::from(&*key)));
                let keys: Result<Vec<_>, _> = keys.collect();
                let mut keys = keys.map_err(|error| from_sled(error, "read"))?;
                let lapsing = self.lapsing.scan(&KeyRange::prefix(&prefix), Order::Ascending, usize::MAX)?;
                keys.extend(lapsing.into_iter().map(|(key, _)| key));
                below.prefixes.insert(prefix, keys);
            }
            Ok(())
        })
    }

    /// Numbers a batch, adds it to the running group and makes it readable.
    pub(super) fn apply(&self, state: &mut State, own: Own, prepared: Prepared, below: &Below) {
        let is_new = |key: &Key, state: &State| -> bool {
            let frozen = state.frozen.as_ref().is_some_and(|frozen| frozen.get(key).is_some());
            let none = || self.none_below(key) || below.keys.get(key).is_some_and(Option::is_none);
            !frozen && none()
        };
        let own = own.into_iter().map(|(key, becomes)| {
            let new = is_new(&key, state);
            (key, becomes, new)
        });
        // A deletion of what is nowhere changes nothing.
        let idle = |key: &Key, becomes: &Becomes, new: bool| {
            matches!(becomes, Becomes::Gone) && new && state.active.get(key).is_none()
        };
        let own: Vec<_> = own.filter(|(key, becomes, new)| !idle(key, becomes, *new)).collect();
        if own.is_empty() && prepared.kept.is_empty() {
            return;
        }
        state.number += 1;
        let number = state.number;
        let active = &state.active;
        let changes = own.iter().flat_map(|(key, becomes, new)| logged(key, becomes, active, *new));
        let kept = prepared.kept.iter();
        let kept = kept.map(|(end, key, envelope)| (key.as_bytes(), Change::Keep(*end, &envelope[..])));
        state.group.frame.push(number, changes.chain(kept));
        for (key, becomes, new) in own {
            let (becomes, moved) = match becomes {
                Becomes::Put(envelope, until) => (Some((envelope, until)), None),
                Becomes::Gone => (None, None),
                Becomes::Moved(end, envelope) => (None, Some((end, key.clone(), envelope))),
            };
            self.hold(becomes.as_ref().map(|(envelope, _)| envelope));
            if let Some((end, key, envelope)) = moved {
                self.retire_in(state, end, key, envelope);
            }
            let before = state.active.apply(key, becomes, new);
            self.release(before.as_ref());
        }
        for (end, key, envelope) in prepared.kept {
            self.retire_in(state, end, key, envelope);
        }
        // The tables refer to the large values now, as far as they hold them.
        drop(prepared.held);
    }

    fn retire_in(&self, state: &mut State, end: u64, key: Key, envelope: IVec) {
        self.hold(Some(&envelope));
        let before = state.active.retire(end, key, envelope);
        self.release(before.as_ref());
    }

    fn hold(&self, envelope: Option<&IVec>) {
        if let Some(blob) = envelope.and_then(|envelope| envelope::reference(envelope)) {
            self.blobs.hold(blob.hash);
        }
    }

    fn release(&self, envelope: Option<&IVec>) {
        if let Some(blob) = envelope.and_then(|envelope| envelope::reference(envelope)) {
            self.blobs.release(blob.hash);
        }
    }
}

/// How the change of a key stands in the log. What the table does not have so is written out, because the tree may have it no
/// more when the log is read back.
fn logged<'a>(
    key: &'a Key,
    becomes: &'a Becomes,
    active: &super::memtable::Memtable,
    is_new: bool,
) -> impl Iterator<Item = (&'a [u8], Change<&'a [u8]>)> + use<'a> {
    let changes = match becomes {
        Becomes::Put(envelope, None) => [Some(Change::Put(&envelope[..])), None],
        Becomes::Put(envelope, Some(end)) => [Some(Change::Until(*end, &envelope[..])), None],
        Becomes::Gone => [Some(Change::Delete), None],
        Becomes::Moved(end, envelope) => match active.get(key) {
            Some(slot) if slot.envelope.as_ref() == Some(envelope) => [Some(Change::Move(*end)), None],
            // It came with this batch.
            None if is_new => [Some(Change::Keep(*end, &envelope[..])), None],
            Some(_) | None => [Some(Change::Keep(*end, &envelope[..])), Some(Change::Delete)],
        },
    };
    changes.into_iter().flatten().map(|change| (key.as_bytes(), change))
}
