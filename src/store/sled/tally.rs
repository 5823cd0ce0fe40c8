//! What a tree holds, counted: keys, checksums, bytes, and how often each large value is referred to.
//!
//! Keys and checksums are compared with what the tree says of itself (`check`); the bytes tell when a compaction
//! pays; a large value that nothing refers to any more can be removed. In memory only, counted at the start.

use std::collections::HashMap;

use super::envelope;

/// What one value adds to a sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Weight {
    /// The checksum of its envelope.
    pub(super) sum: u32,
    bytes: u64,
    large: Option<([u8; 32], u64)>,
    /// The first byte of its key.
    kind: u8,
}

impl Weight {
    pub(super) fn of(key: &[u8], envelope: &[u8]) -> Self {
        Self {
            sum: envelope::sum(envelope),
            bytes: (key.len() + envelope.len()) as u64,
            large: envelope::reference(envelope).map(|blob| (blob.hash, blob.length)),
            kind: key.first().copied().unwrap_or_default(),
        }
    }
}

/// The sums of what is stored, by kind.
#[derive(Debug)]
pub(super) struct Tally {
    pub(super) keys: u64,
    /// Wrapping sum of all checksums.
    pub(super) sum: u64,
    /// Bytes of keys and envelopes.
    pub(super) bytes: u64,
    /// Bytes of the large values.
    pub(super) large_bytes: u64,
    /// Keys by their first byte.
    pub(super) kinds: Box<[u64; 256]>,
    /// How many keys refer to each large value.
    references: HashMap<[u8; 32], u32>,
}

impl Default for Tally {
    fn default() -> Self {
        let kinds = Box::new([0; 256]);
        Self { keys: 0, sum: 0, bytes: 0, large_bytes: 0, kinds, references: HashMap::new() }
    }
}

impl Tally {
    /// Counts the change of one key. Gives a large value that nothing refers to any more.
    pub(super) fn change(&mut self, before: Option<&Weight>, after: Option<&Weight>) -> Option<[u8; 32]> {
        // First what comes, so that a value that stays is never without a reference.
        if let Some(weight) = after {
            self.keys = self.keys.wrapping_add(1);
            let kind = &mut self.kinds[usize::from(weight.kind)];
            *kind = kind.wrapping_add(1);
            self.sum = self.sum.wrapping_add(weight.sum.into());
            self.bytes = self.bytes.wrapping_add(weight.bytes);
            if let Some((hash, length)) = weight.large {
                let count = self.references.entry(hash).or_default();
                *count += 1;
                if *count == 1 {
                    self.large_bytes += length;
                }
            }
        }
        let weight = before?;
        self.keys = self.keys.wrapping_sub(1);
        let kind = &mut self.kinds[usize::from(weight.kind)];
        *kind = kind.wrapping_sub(1);
        self.sum = self.sum.wrapping_sub(weight.sum.into());
        self.bytes = self.bytes.wrapping_sub(weight.bytes);
        let (hash, length) = weight.large?;
        let count = self.references.get_mut(&hash)?;
        *count -= 1;
        (*count == 0).then(|| {
            self.references.remove(&hash);
            self.large_bytes -= length;
            hash
        })
    }

    /// Whether there is no key of this first byte.
    pub(super) fn has_none(&self, key: &[u8]) -> bool {
        key.first().is_some_and(|kind| self.kinds[usize::from(*kind)] == 0)
    }

    /// Whether anything refers to it.
    pub(super) fn refers_to(&self, hash: &[u8; 32]) -> bool {
        self.references.contains_key(hash)
    }
}

#[cfg(test)]
mod tests {
    use super::{super::envelope::BlobRef, *};

    #[test]
    fn a_large_value_is_free_when_its_last_reference_goes() {
        let weight = |key: &[u8]| Weight::of(key, &envelope::blob(key, BlobRef::of(b"large")));
        let (a, b, small) = (weight(b"a"), weight(b"b"), Weight::of(b"a", &envelope::inline(b"a", b"1")));
        let mut tally = Tally::default();
        assert_eq!(tally.change(None, Some(&a)), None);
        assert_eq!(tally.change(None, Some(&b)), None);
        assert_eq!((tally.keys, tally.large_bytes), (2, 5));
        assert_eq!(tally.change(Some(&a), Some(&a)), None, "written again as it was");
        assert_eq!(tally.change(Some(&a), Some(&small)), None);
        assert_eq!(tally.change(Some(&b), None), Some(BlobRef::of(b"large").hash));
        assert_eq!(tally.change(Some(&small), None), None);
        assert_eq!((tally.keys, tally.sum, tally.bytes, tally.large_bytes), (0, 0, 0, 0));
    }
}
