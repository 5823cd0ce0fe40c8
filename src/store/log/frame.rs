//! A group of batches as it stands in the log.
//!
//! `u32 length of the body, u32 crc, u64 number of the first batch, u32 batches, u32 zero`, then the body, then zeros up
//! to a multiple of 16. The body of a batch is `u32 writes`, each `u8 tag, u32 key length, u32 value length, key, value`.
//! Before the value of what moves to the history, or expires, stands, as a part of it, the `u64` when its bucket ends.
//! All numbers are little endian. The checksum (CRC-32) covers everything but itself, and the number of the segment's
//! first batch, so that what a segment held in an earlier use is never taken for its content.

use crate::store::Key;

/// Bytes before the body.
pub(super) const HEAD: usize = 24;
/// Where frames begin.
pub(super) const ALIGN: usize = 16;
const DELETE: u8 = 0;
const PUT: u8 = 1;
const MOVE: u8 = 2;
const KEEP: u8 = 3;
const UNTIL: u8 = 4;

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Change<B> {
    /// It gets this envelope.
    Put(B),
    /// It gets this envelope, until the bucket ends that ends then.
    Until(u64, B),
    /// It goes.
    Delete,
    /// The envelope that earlier batches of the log gave it goes to the bucket that ends then, and the key goes.
    Move(u64),
    /// The bucket that ends then gets this envelope; the key stays as it is.
    Keep(u64, B),
}

impl<B: AsRef<[u8]>> Change<B> {
    fn tag(&self) -> u8 {
        match self {
            Self::Delete => DELETE,
            Self::Put(_) => PUT,
            Self::Move(_) => MOVE,
            Self::Keep(..) => KEEP,
            Self::Until(..) => UNTIL,
        }
    }

    /// The parts of its value.
    fn value(&self) -> (Option<[u8; 8]>, &[u8]) {
        match self {
            Self::Delete => (None, &[]),
            Self::Put(envelope) => (None, envelope.as_ref()),
            Self::Move(end) => (Some(end.to_le_bytes()), &[]),
            Self::Keep(end, envelope) | Self::Until(end, envelope) => {
                (Some(end.to_le_bytes()), envelope.as_ref())
            }
        }
    }
}

impl Change<Vec<u8>> {
    fn read(tag: u8, value: &[u8]) -> Option<Self> {
        let end = || value.split_first_chunk::<8>().map(|(end, rest)| (u64::from_le_bytes(*end), rest));
        match tag {
            DELETE => value.is_empty().then_some(Self::Delete),
            PUT => Some(Self::Put(value.to_vec())),
            MOVE => end().filter(|(_, rest)| rest.is_empty()).map(|(end, _)| Self::Move(end)),
            KEEP => end().map(|(end, rest)| Self::Keep(end, rest.to_vec())),
            UNTIL => end().map(|(end, rest)| Self::Until(end, rest.to_vec())),
            _ => None,
        }
    }
}

/// A key and what becomes of it.
pub(in crate::store) type Write = (Key, Change<Vec<u8>>);

/// The batches that become durable together. Used again and again, so that its memory is.
#[derive(Debug, Default)]
pub(in crate::store) struct Frame {
    bytes: Vec<u8>,
    first: u64,
    batches: u32,
}

impl Frame {
    /// Adds a batch, whose number follows that of the batch before it.
    pub(in crate::store) fn push<'a>(
        &mut self,
        number: u64,
        writes: impl Iterator<Item = (&'a [u8], Change<&'a [u8]>)>,
    ) {
        if self.batches == 0 {
            self.bytes.clear();
            self.bytes.resize(HEAD, 0);
            self.first = number;
        }
        debug_assert_eq!(number, self.first + u64::from(self.batches));
        self.batches += 1;
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; 4]);
        let mut count = 0_u32;
        for (key, change) in writes {
            let (end, value) = change.value();
            let length = end.map_or(0, |end| end.len()) + value.len();
            self.bytes.push(change.tag());
            self.bytes.extend_from_slice(&(key.len() as u32).to_le_bytes());
            self.bytes.extend_from_slice(&(length as u32).to_le_bytes());
            self.bytes.extend_from_slice(key);
            self.bytes.extend(end.into_iter().flatten());
            self.bytes.extend_from_slice(value);
            count += 1;
        }
        self.bytes[at..at + 4].copy_from_slice(&count.to_le_bytes());
    }

    /// Whether it holds no batch.
    pub(in crate::store) fn is_empty(&self) -> bool {
        self.batches == 0
    }

    /// Empties it; its memory stays for the next group, but for what an unusually large one took.
    pub(in crate::store) fn clear(&mut self) {
        self.batches = 0;
        self.bytes.clear();
        self.bytes.shrink_to(1 << 20);
    }

    /// The number of the first batch.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The number of the last batch.
    pub(in crate::store) fn last(&self) -> u64 {
        self.first + u64::from(self.batches) - 1
    }

    /// Bytes that it takes in a segment.
    pub(super) fn sealed_length(&self) -> usize {
        self.bytes.len().next_multiple_of(ALIGN)
    }

    /// The bytes for a segment, with head and checksum.
    pub(super) fn seal(&mut self, segment: u64) -> &[u8] {
        let length = (self.bytes.len() - HEAD) as u32;
        self.bytes[..4].copy_from_slice(&length.to_le_bytes());
        self.bytes[8..16].copy_from_slice(&self.first.to_le_bytes());
        self.bytes[16..20].copy_from_slice(&self.batches.to_le_bytes());
        let sum = checksum(segment, &self.bytes);
        self.bytes[4..8].copy_from_slice(&sum.to_le_bytes());
        let padded = self.sealed_length();
        self.bytes.resize(padded, 0);
        &self.bytes
    }
}

fn checksum(segment: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&bytes[..4]);
    hasher.update(&bytes[8..]);
    hasher.finalize()
}

/// A frame as it was read.
pub(super) struct Sealed<'a> {
    /// The number of its first batch.
    pub(super) first: u64,
    /// How many batches it holds.
    pub(super) batches: u32,
    body: &'a [u8],
    /// Where the next frame begins, behind the beginning of this one.
    pub(super) length: usize,
}

impl<'a> Sealed<'a> {
    /// The frame at the beginning of `bytes`, if a whole one is there.
    pub(super) fn read(segment: u64, bytes: &'a [u8]) -> Option<Self> {
        let (first, batches, end) = Self::claimed(bytes)?;
        let sum = u32::from_le_bytes(bytes[4..8].try_into().expect("four bytes"));
        if checksum(segment, &bytes[..end]) != sum {
            return None;
        }
        Some(Self { first, batches, body: &bytes[HEAD..end], length: end.next_multiple_of(ALIGN) })
    }

    /// What a frame at the beginning of `bytes` says of itself, unproven: its first number, its batches and where it ends.
    pub(super) fn claimed(bytes: &[u8]) -> Option<(u64, u32, usize)> {
        let word = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        let (length, batches) = (word(0)? as usize, word(16)?);
        let first = bytes.get(8..16)?.try_into().ok().map(u64::from_le_bytes)?;
        let end = HEAD.checked_add(length)?;
        (batches > 0 && length > 0 && word(20)? == 0 && end <= bytes.len()).then_some((first, batches, end))
    }

    /// Its batches in their order; `None` when the body is not what the format says, which a right checksum excludes.
    pub(super) fn batches(&self) -> Option<Vec<Vec<Write>>> {
        let mut rest = self.body;
        let mut batches = Vec::new();
        for _ in 0..self.batches {
            let (count, after) = rest.split_first_chunk::<4>()?;
            rest = after;
            let mut writes = Vec::new();
            for _ in 0..u32::from_le_bytes(*count) {
                let (tag, after) = rest.split_first()?;
                let (lengths, after) = after.split_first_chunk::<8>()?;
                let length =
                    |bytes: &[u8]| bytes.try_into().ok().map(|bytes| u32::from_le_bytes(bytes) as usize);
                let (key, after) = after.split_at_checked(length(&lengths[..4])?)?;
                let (value, after) = after.split_at_checked(length(&lengths[4..])?)?;
                writes.push((Key::from(key), Change::read(*tag, value)?));
                rest = after;
            }
            batches.push(writes);
        }
        rest.is_empty().then_some(batches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Change<Vec<u8>> {
        fn borrowed(&self) -> Change<&[u8]> {
            match self {
                Self::Put(envelope) => Change::Put(envelope),
                Self::Delete => Change::Delete,
                Self::Move(end) => Change::Move(*end),
                Self::Keep(end, envelope) => Change::Keep(*end, envelope),
                Self::Until(end, envelope) => Change::Until(*end, envelope),
            }
        }
    }

    fn batches() -> Vec<Vec<Write>> {
        vec![
            vec![(Key::from(b"a"), Change::Put(b"1".to_vec())), (Key::from(b"b"), Change::Delete)],
            Vec::new(),
            vec![(Key::from(b"c"), Change::Put(Vec::new())), (Key::from(b"a"), Change::Move(86_400_000))],
            vec![
                (Key::from(b"d"), Change::Keep(u64::MAX, b"2".to_vec())),
                (Key::from(b"e"), Change::Until(7, b"3".to_vec())),
            ],
        ]
    }

    fn frame() -> Frame {
        let mut frame = Frame::default();
        for (number, batch) in (7..).zip(batches()) {
            frame.push(number, batch.iter().map(|(key, change)| (key.as_bytes(), change.borrowed())));
        }
        frame
    }

    #[test]
    fn a_frame_gives_back_its_batches() {
        let mut frame = frame();
        assert_eq!((frame.first(), frame.last()), (7, 10));
        let length = frame.sealed_length();
        let bytes = frame.seal(3).to_vec();
        assert_eq!((bytes.len(), bytes.len() % ALIGN), (length, 0));
        let sealed = Sealed::read(3, &bytes).unwrap();
        assert_eq!((sealed.first, sealed.batches, sealed.length), (7, 4, length));
        assert_eq!(sealed.batches().unwrap(), batches());
        assert!(Sealed::read(4, &bytes).is_none(), "what another use of the segment left is no frame of it");
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let mut frame = frame();
        let used = frame.bytes.len();
        let bytes = frame.seal(3).to_vec();
        for bit in 0..used * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Sealed::read(3, &flipped).is_none(), "bit {bit}");
        }
        for length in 0..used {
            assert!(Sealed::read(3, &bytes[..length]).is_none(), "{length} bytes");
        }
    }
}
