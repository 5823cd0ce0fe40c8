//! What the store knows of its own content: number of commits, number of keys, sum of their checksums.
//!
//! Written with each group, in the same sled batch. A start that reads everything compares it: a key that
//! sled lost, or brought back, changes the sum.

use super::{
    envelope::{self, Content},
    tally::Weight,
};
use crate::store::{Key, StoreError, keys::Kind};

/// The counters of a store, which tell whether a commit was lost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Commits {
    /// Groups committed so far.
    pub(super) number: u64,
    /// Keys in the tree.
    pub(super) keys: u64,
    /// Wrapping sum of the checksums of all envelopes.
    pub(super) sum: u64,
}

impl Commits {
    /// Where it stands in the tree.
    pub(super) fn key() -> Key {
        Key::from(&Kind::Commits.prefix())
    }

    /// Whether a key is the backend's own: its counters, or what it notes about the history.
    pub(super) fn owns(key: &[u8]) -> bool {
        Kind::of(key) == Some(Kind::Commits)
    }

    /// Counts the change of one key.
    pub(super) fn count(&mut self, before: Option<&Weight>, after: Option<&Weight>) {
        if let Some(weight) = before {
            self.keys = self.keys.wrapping_sub(1);
            self.sum = self.sum.wrapping_sub(weight.sum.into());
        }
        if let Some(weight) = after {
            self.keys = self.keys.wrapping_add(1);
            self.sum = self.sum.wrapping_add(weight.sum.into());
        }
    }

    /// The counters as they are stored.
    pub(super) fn seal(self) -> Vec<u8> {
        let words = [self.number, self.keys, self.sum];
        envelope::inline(&Self::key(), &words.map(u64::to_le_bytes).concat())
    }

    /// Reads what [`Commits::seal`] wrote.
    pub(super) fn open(bytes: &[u8]) -> Result<Self, StoreError> {
        let key = Self::key();
        let Content::Inline(content) = envelope::open(&key, bytes)? else {
            return Err(StoreError::corrupt(key, "it is no inline value"));
        };
        match content.as_chunks::<8>() {
            ([number, keys, sum], []) => Ok(Self {
                number: u64::from_le_bytes(*number),
                keys: u64::from_le_bytes(*keys),
                sum: u64::from_le_bytes(*sum),
            }),
            (_, _) => Err(StoreError::corrupt(key, "it has a wrong length")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counting_there_and_back_changes_nothing() {
        let weight = |value: &[u8]| Weight::of(b"k", &envelope::inline(b"k", value));
        let (one, two) = (weight(b"one"), weight(b"two"));
        let mut commits = Commits::default();
        commits.count(None, Some(&one));
        commits.count(Some(&one), Some(&two));
        assert_eq!((commits.keys, commits.sum), (1, two.sum.into()));
        assert_eq!(Commits::open(&commits.seal()).unwrap(), commits);
        commits.count(Some(&two), None);
        assert_eq!(commits, Commits::default());
    }
}
