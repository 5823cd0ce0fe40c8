//! How a shelf stands in its file.
//!
//! ```text
//! head     magic "flowshlf", u32 format, u32 crc of these twelve bytes
//! blocks   each some 4 KiB of pairs in order: u32 length of the key, u32 length of the value, key, value
//! index    for each block: u32 length of its first key, that key, u32 length of the block
//! filter   see `filter`
//! footer   a `Summary`
//! tail     u64 where the footer begins, u32 its length, u32 crc of these twelve bytes, magic "flowshlf"
//! ```
//!
//! A block, the index, the filter and the footer are parts: `u32 crc` of where the part begins and of what follows, then
//! what follows. They stand without gaps, so that no byte is without a checksum. All numbers are little endian.

use serde::{Deserialize, Serialize};

use super::Reach;
use crate::store::record::Record;

pub(super) const MAGIC: &[u8; 8] = b"flowshlf";
pub(super) const FORMAT: u32 = 1;
pub(super) const HEAD: usize = 16;
pub(super) const TAIL: usize = 24;
/// Bytes of the checksum before a part.
pub(super) const SUM: usize = 4;
/// A block with so many bytes takes no more pairs.
pub(super) const BLOCK: usize = 4 << 10;

/// What a shelf holds, and where.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::store) struct Summary {
    /// Pairs in it.
    pub(in crate::store) keys: u64,
    /// Bytes of its file.
    pub(in crate::store) length: u64,
    /// Wrapping sum of the checksums of all blocks.
    pub(super) sum: u64,
    /// Where the blocks end and the index begins.
    pub(super) index: u64,
    /// Where the filter begins.
    pub(super) filter: u64,
    /// Where the footer begins.
    pub(super) footer: u64,
    /// Which keys it can have.
    pub(in crate::store) reach: Reach,
}

impl Record for Summary {
    const KIND: &'static str = "footer of a shelf";
    const VERSION: u8 = 1;
}

pub(super) fn head() -> [u8; HEAD] {
    let mut head = [0; HEAD];
    head[..8].copy_from_slice(MAGIC);
    head[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    let sum = crc32fast::hash(&head[..12]);
    head[12..].copy_from_slice(&sum.to_le_bytes());
    head
}

pub(super) fn tail(footer: u64, length: u32) -> [u8; TAIL] {
    let mut tail = [0; TAIL];
    tail[..8].copy_from_slice(&footer.to_le_bytes());
    tail[8..12].copy_from_slice(&length.to_le_bytes());
    let sum = crc32fast::hash(&tail[..12]);
    tail[12..16].copy_from_slice(&sum.to_le_bytes());
    tail[16..].copy_from_slice(MAGIC);
    tail
}

/// What a tail says: where the footer begins, and its length.
pub(super) fn read_tail(tail: &[u8; TAIL]) -> Option<(u64, u32)> {
    let footer = u64::from_le_bytes(tail[..8].try_into().ok()?);
    let length = u32::from_le_bytes(tail[8..12].try_into().ok()?);
    (*tail == self::tail(footer, length)).then_some((footer, length))
}

/// The checksum of a part that begins at `at`.
pub(super) fn checksum(at: u64, body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&at.to_le_bytes());
    hasher.update(body);
    hasher.finalize()
}

/// What stands in a part, if it is as it was written; and its checksum.
pub(super) fn open_part(at: u64, part: &[u8]) -> Option<(&[u8], u32)> {
    let (sum, body) = part.split_first_chunk::<SUM>()?;
    let sum = u32::from_le_bytes(*sum);
    (checksum(at, body) == sum).then_some((body, sum))
}

/// Takes a length from the front.
pub(super) fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_le_bytes(*length) as usize, rest))
}
