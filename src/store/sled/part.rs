//! A part of the history: a shelf of a bucket, or a bucket of the format before.

use std::sync::Arc;

use super::{
    bucket::Shelved,
    old_bucket::{Noted, OldBucket, Opened},
};
use crate::store::{
    Key, KeyRange, Order, Pair, StoreError,
    shelf::{Reach, Shelf},
};

/// What can be read of the history by itself.
#[derive(Clone)]
pub(super) enum Part {
    Shelf(Arc<Shelved>),
    Old(Arc<OldBucket>),
}

/// A part that is open.
pub(super) enum Open {
    Shelf(Arc<Shelved>, Arc<Shelf>),
    Old(Arc<Opened>),
}

impl Part {
    /// The name of its bucket.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Shelf(shelf) => shelf.bucket().name(),
            Self::Old(bucket) => bucket.name(),
        }
    }

    /// When its bucket may be dropped.
    pub(super) fn end_ms(&self) -> u64 {
        match self {
            Self::Shelf(shelf) => shelf.bucket().end_ms(),
            Self::Old(bucket) => bucket.end_ms(),
        }
    }

    /// What tells which of two values of a key counts: the greater one.
    pub(super) fn rank(&self) -> (u64, u64) {
        match self {
            Self::Shelf(shelf) => (self.end_ms(), shelf.rank()),
            Self::Old(_) => (self.end_ms(), 0),
        }
    }

    /// Bytes of its files.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Shelf(shelf) => shelf.size(),
            Self::Old(bucket) => bucket.size(),
        }
    }

    /// Which keys it can have.
    pub(super) fn reach(&self) -> &Reach {
        match self {
            Self::Shelf(shelf) => shelf.reach(),
            Self::Old(bucket) => bucket.reach(),
        }
    }

    pub(super) fn is_damaged(&self) -> bool {
        match self {
            Self::Shelf(shelf) => shelf.is_damaged(),
            Self::Old(bucket) => bucket.is_damaged(),
        }
    }

    #[cfg(test)]
    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Shelf(shelf) => shelf.is_open(),
            Self::Old(bucket) => bucket.is_open(),
        }
    }

    pub(super) fn close(&self) {
        match self {
            Self::Shelf(shelf) => shelf.close(),
            Self::Old(bucket) => bucket.close(),
        }
    }

    /// Where the note on it stands.
    pub(super) fn note_key(&self) -> Key {
        match self {
            Self::Shelf(shelf) => shelf.note().0,
            Self::Old(bucket) => Noted::key(bucket.name()),
        }
    }

    /// Its files go with the last reader.
    pub(super) fn drop_files(&self) {
        match self {
            Self::Shelf(shelf) => {
                shelf.close();
                shelf.bucket().drop_files();
            }
            Self::Old(bucket) => bucket.drop_files(),
        }
    }

    pub(super) fn is_shelf(&self, other: &Arc<Shelved>) -> bool {
        match self {
            Self::Shelf(shelf) => Arc::ptr_eq(shelf, other),
            Self::Old(_) => false,
        }
    }

    pub(super) fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Shelf(one), Self::Shelf(other)) => Arc::ptr_eq(one, other),
            (Self::Old(one), Self::Old(other)) => Arc::ptr_eq(one, other),
            (Self::Shelf(_), Self::Old(_)) | (Self::Old(_), Self::Shelf(_)) => false,
        }
    }
}

impl Open {
    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Shelf(shelved, shelf) => shelved.get(shelf, key),
            Self::Old(opened) => opened.get(key),
        }
    }

    pub(super) fn scan(&self, range: &KeyRange, order: Order, limit: usize) -> Result<Vec<Pair>, StoreError> {
        match self {
            Self::Shelf(shelved, shelf) => shelved.scan(shelf, range, order, limit),
            Self::Old(opened) => opened.scan(range, order, limit),
        }
    }
}
