//! What a checkpoint changes in the history and in what lapses: what came becomes shelves, what was merged takes its place, what
//! expired goes.

use std::sync::Arc;

use super::{
    bucket::Shelved,
    envelope,
    history::Replacement,
    staging::{Asked, Ends, Extra},
};
use crate::store::{Key, record};

/// See the module.
#[derive(Default)]
pub(super) struct Shelving {
    /// The ends of the buckets that go.
    pub(super) dropped: Ends,
    pub(super) replaced: Vec<Replacement>,
    /// Notes on buckets that the operator gave up.
    pub(super) given_up: Vec<Key>,
    pub(super) new: Vec<Arc<Shelved>>,
    /// Notes on what goes.
    pub(super) gone: Vec<Key>,
}

impl Shelving {
    /// What was asked for, taken out of it.
    pub(super) fn of(asked: &mut [Asked]) -> Self {
        let mut shelving = Self::default();
        for Asked { what, .. } in asked {
            match std::mem::replace(what, Extra::Nothing) {
                Extra::Nothing => {}
                Extra::Drop(ends) => {
                    shelving.dropped.history.extend(ends.history);
                    shelving.dropped.lapsing.extend(ends.lapsing);
                }
                Extra::Replace(replacement) => shelving.replaced.push(replacement),
                snapshot @ Extra::Snapshot(..) => *what = snapshot,
            }
        }
        shelving
    }

    /// Whether it changes nothing.
    pub(super) fn is_empty(&self) -> bool {
        let Self { dropped, replaced, given_up, new, gone } = self;
        dropped.is_empty() && replaced.is_empty() && given_up.is_empty() && new.is_empty() && gone.is_empty()
    }

    /// The notes that come and go.
    pub(super) fn notes(&self) -> Vec<(Key, Option<Vec<u8>>)> {
        let gone = self.gone.iter().chain(&self.given_up).map(|key| (key.clone(), None));
        let new = self.new.iter().chain(self.replaced.iter().map(|replaced| &replaced.merged));
        let new = new.map(|shelf| {
            let (key, note) = shelf.note();
            let note = envelope::inline(&key, &record::encode(note));
            (key, Some(note))
        });
        gone.chain(new).collect()
    }
}
