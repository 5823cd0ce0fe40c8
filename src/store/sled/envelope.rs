//! How a value stands in the tree: a tag, a checksum over key and content, then the bytes or a reference.
//!
//! The checksum covers the key too, so that a value which turns up under another key is damage.

use sha2::{Digest, Sha256};

use crate::store::{Key, StoreError};

/// Larger values go to files of their own: sled rewrites whole leaves of 16 values again and again.
pub(super) const INLINE_MAX: usize = 16 * 1024;

const INLINE: u8 = 1;
const BLOB: u8 = 2;
const HEAD: usize = 5;

/// Names the content of a large value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct BlobRef {
    /// SHA-256 of the content: its file name.
    pub(super) hash: [u8; 32],
    /// The length of the content, bytes.
    pub(super) length: u64,
}

impl BlobRef {
    /// The reference of some content.
    pub(super) fn of(content: &[u8]) -> Self {
        Self { hash: Sha256::digest(content).into(), length: content.len() as u64 }
    }
}

/// A stored value, or where it is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// The value itself.
    Inline(&'a [u8]),
    /// The value is a file of its own.
    Blob(BlobRef),
}

fn checksum(key: &[u8], tag: u8, content: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(key);
    hasher.update(&[tag]);
    hasher.update(content);
    hasher.finalize()
}

fn seal(key: &[u8], tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEAD + content.len());
    bytes.push(tag);
    bytes.extend_from_slice(&checksum(key, tag, content).to_le_bytes());
    bytes.extend_from_slice(content);
    bytes
}

/// The envelope of a value that stands in the tree.
pub(super) fn inline(key: &[u8], value: &[u8]) -> Vec<u8> {
    seal(key, INLINE, value)
}

/// The envelope of a value that stands in a file.
pub(super) fn blob(key: &[u8], blob: BlobRef) -> Vec<u8> {
    let mut content = blob.hash.to_vec();
    content.extend_from_slice(&blob.length.to_le_bytes());
    seal(key, BLOB, &content)
}

/// The content of an envelope, checked.
///
/// # Errors
/// `Corrupt` naming the key.
pub(super) fn open<'a>(key: &[u8], bytes: &'a [u8]) -> Result<Content<'a>, StoreError> {
    let corrupt = |what: &str| StoreError::corrupt(Key::from(key), what);
    let (head, content) = bytes.split_at_checked(HEAD).ok_or_else(|| corrupt("its value is cut off"))?;
    if checksum(key, head[0], content) != sum(bytes) {
        return Err(corrupt("the checksum of its value is wrong"));
    }
    match head[0] {
        INLINE => Ok(Content::Inline(content)),
        BLOB => match content.split_first_chunk::<32>().map(|(hash, length)| (hash, length.try_into())) {
            Some((hash, Ok(length))) => {
                Ok(Content::Blob(BlobRef { hash: *hash, length: u64::from_le_bytes(length) }))
            }
            Some((_, Err(_))) | None => Err(corrupt("its reference to a file is malformed")),
        },
        tag => Err(StoreError::NewerVersion {
            what: Key::from(key).to_string(),
            found: tag.into(),
            known: BLOB.into(),
        }),
    }
}

/// The file that an envelope refers to, unchecked.
pub(super) fn reference(bytes: &[u8]) -> Option<BlobRef> {
    let content = bytes.get(HEAD..).filter(|_| bytes[0] == BLOB)?;
    let (hash, length) = content.split_first_chunk::<32>()?;
    Some(BlobRef { hash: *hash, length: u64::from_le_bytes(length.try_into().ok()?) })
}

/// The checksum that an envelope claims; 0 for one that is cut off, which `open` refuses anyway.
pub(super) fn sum(bytes: &[u8]) -> u32 {
    bytes.get(1..HEAD).and_then(|sum| sum.try_into().ok()).map_or(0, u32::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_gives_back_what_was_put_in() {
        assert_eq!(open(b"k", &inline(b"k", b"")).unwrap(), Content::Inline(b""));
        assert_eq!(open(b"k", &inline(b"k", b"value")).unwrap(), Content::Inline(b"value"));
        let reference = BlobRef::of(b"large");
        assert_eq!(open(b"k", &blob(b"k", reference)).unwrap(), Content::Blob(reference));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        for bytes in [inline(b"key", b"some value"), blob(b"key", BlobRef::of(b"x"))] {
            for bit in 0..bytes.len() * 8 {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                assert!(matches!(open(b"key", &flipped), Err(StoreError::Corrupt { .. })), "bit {bit}");
            }
            for length in 0..bytes.len() {
                assert!(matches!(open(b"key", &bytes[..length]), Err(StoreError::Corrupt { .. })));
            }
        }
    }

    #[test]
    fn a_value_under_another_key_is_damage() {
        assert!(matches!(open(b"b", &inline(b"a", b"v")), Err(StoreError::Corrupt { .. })));
        assert!(matches!(open(b"ab", &inline(b"a", b"bv")), Err(StoreError::Corrupt { .. })));
    }
}
