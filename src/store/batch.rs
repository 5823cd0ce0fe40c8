//! A batch of conditional writes, and ranges to read. Plain data, understood by every backend.

use std::ops::Bound;

use super::{buckets, keys::Key};

/// Something that has ended, such as a run. It never changes again, and is dropped as a whole when it has expired.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// The keys that belong to it. A key without a value is passed over. If a key is settled twice with different values,
    /// the value that is kept longer wins.
    pub keys: Vec<Key>,
    /// All live keys that begin with one of these belong to it too.
    pub prefixes: Vec<Key>,
    /// When it may be dropped, milliseconds since the epoch. It is kept up to a day longer, or about a tenth longer when
    /// that time is far ahead.
    pub expires_ms: u64,
    /// Keys that are deleted at the same moment, and not kept.
    pub also_delete: Vec<Key>,
}

/// Writes that happen together or not at all, and what must hold for them to happen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batch {
    /// Keys with the value that each must have; `None` for absent.
    pub(super) expectations: Vec<(Key, Option<Vec<u8>>)>,
    /// In order. A later write to a key replaces an earlier one.
    pub(super) writes: Vec<(Key, Write)>,
    /// What moves to the history, as the writes leave it.
    pub(super) settled: Vec<Ended>,
}

/// What moves to a bucket of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ended {
    /// When the bucket ends.
    pub(super) end_ms: u64,
    pub(super) keys: Vec<Key>,
    /// All live keys that begin so.
    pub(super) prefixes: Vec<Key>,
}

/// What happens to one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Write {
    /// The key gets this value.
    Put(Vec<u8>),
    /// The key gets this value, until the time at which its bucket ends.
    PutUntil(Vec<u8>, u64),
    /// The key is removed.
    Delete,
    /// It goes if it has exactly this value when the batch's turn comes; else it stays as it is.
    DeleteIf(Vec<u8>),
    /// The key is a prefix: every key that begins with it goes.
    DeletePrefix,
}

impl Batch {
    /// A batch that changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The key must have no value.
    pub fn expect_absent(&mut self, key: impl Into<Key>) -> &mut Self {
        self.expectations.push((key.into(), None));
        self
    }

    /// The key must have exactly this value.
    pub fn expect_equals(&mut self, key: impl Into<Key>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.expectations.push((key.into(), Some(value.into())));
        self
    }

    /// Gives a key a value, whatever it had.
    pub fn put(&mut self, key: impl Into<Key>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.writes.push((key.into(), Write::Put(value.into())));
        self
    }

    /// As [`Batch::put`], until the value expires. From then on it may go at any time, and does so with
    /// `Store::drop_expired`, up to an hour later, or a day or about a tenth when that time is far ahead: so the value says
    /// itself when it expires, and whoever reads it compares. It is for many small values. `now_ms` tells how far ahead
    /// that is.
    pub fn put_until(
        &mut self,
        key: impl Into<Key>,
        value: impl Into<Vec<u8>>,
        expires_ms: u64,
        now_ms: u64,
    ) -> &mut Self {
        let end_ms = buckets::end_of_lapsing(expires_ms, now_ms);
        self.put_until_end(key, value, end_ms)
    }

    /// As [`Batch::put_until`], of the bucket that ends then.
    pub(super) fn put_until_end(
        &mut self,
        key: impl Into<Key>,
        value: impl Into<Vec<u8>>,
        end_ms: u64,
    ) -> &mut Self {
        self.writes.push((key.into(), Write::PutUntil(value.into(), end_ms)));
        self
    }

    /// Removes a key, if it is there.
    pub fn delete(&mut self, key: impl Into<Key>) -> &mut Self {
        self.writes.push((key.into(), Write::Delete));
        self
    }

    /// Removes a key if it has exactly this value when the batch's turn comes, after the writes added before.
    /// Otherwise leaves it alone; that is no conflict.
    pub fn delete_if(&mut self, key: impl Into<Key>, value: impl Into<Vec<u8>>) -> &mut Self {
        self.writes.push((key.into(), Write::DeleteIf(value.into())));
        self
    }

    /// Removes every live key that begins with `prefix` when the batch's turn comes, also those that the writes added before
    /// set; what is added later stays. The history keeps what it has. All of it goes in one write, so it is for what
    /// belongs to one thing, a run for example, and never for a whole kind of keys.
    pub fn delete_prefix(&mut self, prefix: impl Into<Key>) -> &mut Self {
        self.writes.push((prefix.into(), Write::DeletePrefix));
        self
    }

    /// Settles what ends with this batch: it goes to the history at the moment when the batch is committed, as all writes of
    /// the batch leave it, also those that are added later. See `Store::settle`. All of it moves in one step, so it is for
    /// what belongs to one thing of no more than some MiB. `now_ms` tells how far ahead its end is.
    pub fn settle(&mut self, settled: Settled, now_ms: u64) -> &mut Self {
        let Settled { keys, prefixes, expires_ms, also_delete } = settled;
        let end_ms = buckets::end_of(expires_ms, now_ms);
        self.writes.extend(also_delete.into_iter().map(|key| (key, Write::Delete)));
        self.settled.push(Ended { end_ms, keys, prefixes });
        self
    }

    /// Whether it neither expects nor writes anything.
    pub fn is_empty(&self) -> bool {
        let Self { expectations, writes, settled } = self;
        expectations.is_empty() && writes.is_empty() && settled.is_empty()
    }

    /// Bytes of all keys and values: what it costs to queue it.
    pub(super) fn size(&self) -> usize {
        let expectations = self.expectations.iter();
        let expected: usize =
            expectations.map(|(key, value)| key.len() + value.as_ref().map_or(0, Vec::len)).sum();
        let written: usize = self.writes.iter().map(|(key, write)| key.len() + write.size()).sum();
        let settled = self.settled.iter().flat_map(|ended| ended.keys.iter().chain(&ended.prefixes));
        expected + written + settled.map(|key| key.len()).sum::<usize>()
    }
}

impl Write {
    fn size(&self) -> usize {
        match self {
            Self::Put(value) | Self::PutUntil(value, _) | Self::DeleteIf(value) => value.len(),
            Self::Delete | Self::DeletePrefix => 0,
        }
    }
}

/// Which way to read a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The smallest key comes first.
    Ascending,
    /// The largest key comes first.
    Descending,
}

/// Keys from `start` up to, but not including, `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// The first key that belongs to it.
    pub(super) start: Vec<u8>,
    /// The first key that no longer does; `None` for no end.
    pub(super) end: Option<Vec<u8>>,
}

impl KeyRange {
    /// All keys that begin with `prefix`.
    pub fn prefix(prefix: impl AsRef<[u8]>) -> Self {
        let start = prefix.as_ref().to_vec();
        let mut end = start.clone();
        while end.last() == Some(&u8::MAX) {
            end.pop();
        }
        let end = match end.last_mut() {
            Some(last) => {
                *last += 1;
                Some(end)
            }
            None => None,
        };
        Self { start, end }
    }

    /// Only what is smaller than `key`.
    #[must_use]
    pub fn before(mut self, key: impl AsRef<[u8]>) -> Self {
        let key = key.as_ref();
        if self.end.as_ref().is_none_or(|end| key < end.as_slice()) {
            self.end = Some(key.to_vec());
        }
        self
    }

    /// Only what is greater than `key`.
    #[must_use]
    pub fn after(mut self, key: impl AsRef<[u8]>) -> Self {
        let mut next = key.as_ref().to_vec();
        next.push(0);
        if next > self.start {
            self.start = next;
        }
        self
    }

    /// As the standard library's maps take it, which panic on one that is empty.
    pub(super) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let end = self.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        (Bound::Included(self.start.as_slice()), end)
    }

    /// As [`KeyRange::bounds`], owned.
    pub(super) fn into_bounds(self) -> (Bound<Vec<u8>>, Bound<Vec<u8>>) {
        (Bound::Included(self.start), self.end.map_or(Bound::Unbounded, Bound::Excluded))
    }

    /// Whether no key can be in it. The standard library's maps panic on such a range.
    pub(super) fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_prefix() {
        let range = KeyRange::prefix(b"ab");
        assert_eq!((range.start, range.end), (b"ab".to_vec(), Some(b"ac".to_vec())));
        assert_eq!(KeyRange::prefix([1, 255, 255]).end, Some(vec![2]));
        assert_eq!(KeyRange::prefix([255, 255]).end, None);
        assert_eq!(KeyRange::prefix([]).end, None);
    }

    #[test]
    fn cursors_narrow_and_never_widen() {
        let range = KeyRange::prefix(b"b");
        assert_eq!(range.clone().before(b"z").end, Some(b"c".to_vec()));
        assert_eq!(range.clone().before(b"ba").end, Some(b"ba".to_vec()));
        assert_eq!(range.clone().after(b"a").start, b"b".to_vec());
        assert_eq!(range.clone().after(b"bb").start, b"bb\0".to_vec());
        assert!(range.clone().before(b"a").is_empty() && !range.is_empty());
    }
}
