//! The format of a backup: one file, checked record by record and as a whole.
//!
//! `flowcell-backup\n`, the format's number (u32), then records: length (u32), payload, CRC-32 of the payload. A
//! payload begins with its kind: a pair (u32 length of the key, key, value), the begin of a bucket of the history
//! (u64, when it ends), since format 3 the begin of what is live until such a time (u64), or the end (u64 number of records before, SHA-256 of all bytes before). Since format 2 a
//! seal may follow the end (see `seal`). All numbers are little endian. Pairs before the first bucket are the live
//! ones. Knows no backend; does no I/O of its own.

use std::io::{self, BufRead, BufReader, Read};

use sha2::{Digest, Sha256};

use super::{
    Key, StoreError,
    seal::{SEAL, Seal, SealError, Trust},
};

const MAGIC: &[u8; 16] = b"flowcell-backup\n";
const FORMAT: u32 = 3;
/// The oldest that is read; it has no seals.
const OLDEST: u32 = 1;
/// The first in which live pairs may have an end.
const WITH_ENDS: u32 = 3;
/// No payload is larger: a length above it is damage.
const MAX_PAYLOAD: u32 = 1 << 30;
/// Bytes of the pieces that the encoder gives on.
const PIECE: usize = 256 << 10;

const PAIR: u8 = 1;
const BUCKET: u8 = 2;
const END: u8 = 3;
const LAPSING: u8 = 4;

/// Why a file is no backup that can be restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// It does not begin as one.
    #[error("this is no backup of Flowcell: give a file that `flowcell backup` made")]
    Foreign,
    /// Made by a newer version.
    #[error("the backup has format {found}, this flowcell knows up to {FORMAT}: use the newer flowcell")]
    Newer {
        /// The number of the format that the file says.
        found: u32,
    },
    /// The file ends before its last record.
    #[error("the backup is cut off after {records} whole records: use another copy or an earlier backup")]
    CutOff {
        /// Whole records before the end.
        records: u64,
    },
    /// It is not as it was written.
    #[error("the backup is damaged in record {record} ({what}): use another copy or an earlier backup")]
    Damaged {
        /// The number of the record, counted from 1.
        record: u64,
        /// What is wrong with the record.
        what: &'static str,
    },
    /// It was not sealed, or not by whom is trusted.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// A backup is never mixed with what is there.
    #[error("{place} is there already: restore into an empty data folder, or move that one away first")]
    NotEmpty {
        /// The folder of the store.
        place: String,
    },
    /// The file cannot be read.
    #[error("the backup cannot be read: {0}")]
    Read(#[from] io::Error),
    /// What was read cannot be stored.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How much a backup holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Contents {
    /// Pairs of key and value outside of the history.
    pub live: u64,
    /// Pairs of the history.
    pub history: u64,
    /// Buckets of the history.
    pub buckets: u64,
    /// Whether a seal follows the end, whoever made it.
    pub sealed: bool,
}

/// Reads a backup to its end.
///
/// # Errors
/// When it is not whole and unchanged.
pub fn verify(file: impl Read) -> Result<Contents, BackupError> {
    let mut decoder = Decoder::new(file)?;
    while decoder.next()?.is_some() {}
    Ok(decoder.contents)
}

/// Writes a backup in pieces to a sink.
pub(super) struct Encoder<S> {
    sink: S,
    buffer: Vec<u8>,
    sha: Sha256,
    records: u64,
}

impl<S: FnMut(Vec<u8>) -> Result<(), StoreError>> Encoder<S> {
    pub(super) fn new(sink: S) -> Self {
        let mut buffer = Vec::with_capacity(PIECE);
        buffer.extend_from_slice(MAGIC);
        buffer.extend_from_slice(&FORMAT.to_le_bytes());
        Self { sink, buffer, sha: Sha256::new(), records: 0 }
    }

    pub(super) fn pair(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        let length = u32::try_from(key.len()).expect("keys are short").to_le_bytes();
        self.record(&[&[PAIR], &length, key, value])
    }

    pub(super) fn bucket(&mut self, end_ms: u64) -> Result<(), StoreError> {
        self.record(&[&[BUCKET], &end_ms.to_le_bytes()])
    }

    /// What follows is live until then.
    pub(super) fn lapsing(&mut self, end_ms: u64) -> Result<(), StoreError> {
        self.record(&[&[LAPSING], &end_ms.to_le_bytes()])
    }

    pub(super) fn end(mut self) -> Result<(), StoreError> {
        self.sha.update(&self.buffer);
        let sum = self.sha.clone().finalize();
        self.append(&[&[END], &self.records.to_le_bytes(), &sum])?;
        (self.sink)(self.buffer)
    }

    fn record(&mut self, parts: &[&[u8]]) -> Result<(), StoreError> {
        self.append(parts)?;
        self.records += 1;
        if self.buffer.len() >= PIECE {
            self.sha.update(&self.buffer);
            (self.sink)(std::mem::replace(&mut self.buffer, Vec::with_capacity(PIECE)))?;
        }
        Ok(())
    }

    fn append(&mut self, parts: &[&[u8]]) -> Result<(), StoreError> {
        let length = parts.iter().map(|part| part.len()).sum::<usize>();
        let length = u32::try_from(length).ok().filter(|length| *length <= MAX_PAYLOAD);
        let length =
            length.ok_or_else(|| StoreError::corrupt("a value", "it is over 1 GiB, which nothing writes"))?;
        self.buffer.extend_from_slice(&length.to_le_bytes());
        let mut crc = crc32fast::Hasher::new();
        for part in parts {
            crc.update(part);
            self.buffer.extend_from_slice(part);
        }
        self.buffer.extend_from_slice(&crc.finalize().to_le_bytes());
        Ok(())
    }
}

/// One entry of a backup.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// A key and its value: live, or of what began last.
    Pair(Key, Vec<u8>),
    /// What follows is of the bucket that ends then.
    Bucket(u64),
    /// What follows is live until then.
    Lapsing(u64),
}

/// Reads a backup. Only when `next` has given `None` is all that it gave known to be what was backed up.
pub(super) struct Decoder<R> {
    reader: BufReader<R>,
    sha: Sha256,
    records: u64,
    contents: Contents,
    format: u32,
    /// The payload of the end, and the seal after it.
    end: Vec<u8>,
    seal: Option<Seal>,
}

impl<R: Read> Decoder<R> {
    pub(super) fn new(reader: R) -> Result<Self, BackupError> {
        let mut reader = BufReader::with_capacity(PIECE, reader);
        let mut head = [0; MAGIC.len() + 4];
        match reader.read_exact(&mut head) {
            Ok(()) if head.starts_with(MAGIC) => {}
            Ok(()) => return Err(BackupError::Foreign),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(BackupError::Foreign),
            Err(error) => return Err(error.into()),
        }
        let format = head.last_chunk::<4>().copied().map_or(0, u32::from_le_bytes);
        match format {
            OLDEST..=FORMAT => Ok(Self {
                reader,
                sha: Sha256::new_with_prefix(head),
                records: 0,
                contents: Contents::default(),
                format,
                end: Vec::new(),
                seal: None,
            }),
            0 => Err(BackupError::Foreign),
            found => Err(BackupError::Newer { found }),
        }
    }

    pub(super) fn contents(&self) -> Contents {
        self.contents
    }

    /// Whether the backup, read to its end, is one to be taken.
    pub(super) fn trusted(&self, trust: Trust<'_>) -> Result<(), BackupError> {
        Ok(trust.check(self.seal.as_ref(), &self.end)?)
    }

    /// The next entry; `None` at the end, when all was checked.
    pub(super) fn next(&mut self) -> Result<Option<Entry>, BackupError> {
        let (head, payload, crc) = self.record()?;
        let Some((&kind, body)) = payload.split_first() else {
            return Err(self.damaged("it is empty"));
        };
        let time = || <[u8; 8]>::try_from(body).ok().map(u64::from_le_bytes);
        let entry = match kind {
            PAIR => self.pair(body),
            BUCKET => time().map(Entry::Bucket),
            LAPSING if self.format >= WITH_ENDS && self.contents.buckets == 0 => time().map(Entry::Lapsing),
            END => {
                self.end(body)?;
                self.end = payload;
                return self.after_end().map(|()| None);
            }
            _ => None,
        };
        let entry = entry.ok_or_else(|| self.damaged("it is malformed"))?;
        for bytes in [&head[..], &payload, &crc] {
            self.sha.update(bytes);
        }
        self.records += 1;
        match entry {
            Entry::Bucket(_) => self.contents.buckets += 1,
            Entry::Lapsing(_) => {}
            Entry::Pair(..) if self.contents.buckets == 0 => self.contents.live += 1,
            Entry::Pair(..) => self.contents.history += 1,
        }
        Ok(Some(entry))
    }

    fn pair(&self, body: &[u8]) -> Option<Entry> {
        let (length, rest) = body.split_first_chunk::<4>()?;
        let (key, value) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        Some(Entry::Pair(Key::from(key), value.to_vec()))
    }

    fn end(&mut self, body: &[u8]) -> Result<(), BackupError> {
        let records = self.records.to_le_bytes();
        if body != [&records[..], &self.sha.clone().finalize()].concat() {
            return Err(self.damaged("records are missing or changed before it"));
        }
        Ok(())
    }

    /// Reads what follows the last record: a seal, or nothing.
    fn after_end(&mut self) -> Result<(), BackupError> {
        if self.format > OLDEST && !self.reader.fill_buf()?.is_empty() {
            let (_, payload, _) = self.record()?;
            let seal = payload.split_first().filter(|(kind, _)| **kind == SEAL);
            let seal = seal.and_then(|(_, body)| Seal::read(body));
            self.seal = Some(seal.ok_or_else(|| self.damaged("it is no seal"))?);
            self.contents.sealed = true;
        }
        if self.reader.read(&mut [0])? != 0 {
            return Err(self.damaged("something follows the end"));
        }
        Ok(())
    }

    /// The next record: its length, its payload, its checksum.
    fn record(&mut self) -> Result<([u8; 4], Vec<u8>, [u8; 4]), BackupError> {
        let head: [u8; 4] = self.array()?;
        let length = u32::from_le_bytes(head);
        if length > MAX_PAYLOAD {
            return Err(self.damaged("its length cannot be"));
        }
        // Not allocated ahead: a wrong length of a short file must not cost a gigabyte.
        let mut payload = Vec::new();
        self.reader.by_ref().take(length.into()).read_to_end(&mut payload)?;
        if payload.len() < length as usize {
            return Err(BackupError::CutOff { records: self.records });
        }
        let crc: [u8; 4] = self.array()?;
        if crc32fast::hash(&payload) != u32::from_le_bytes(crc) {
            return Err(self.damaged("its checksum is wrong"));
        }
        Ok((head, payload, crc))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BackupError> {
        let mut bytes = [0; N];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(BackupError::CutOff { records: self.records })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn damaged(&self, what: &'static str) -> BackupError {
        BackupError::Damaged { record: self.records + 1, what }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{SealKey, Sealer, seal::END_BYTES};

    fn backup() -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(|piece| {
            bytes.extend(piece);
            Ok(())
        });
        encoder.pair(b"a", b"one").unwrap();
        encoder.pair(b"b", &vec![7; PIECE]).unwrap();
        encoder.bucket(86_400_000).unwrap();
        encoder.pair(b"c", b"").unwrap();
        encoder.end().unwrap();
        bytes
    }

    #[test]
    fn a_backup_reads_back() {
        let bytes = backup();
        let mut decoder = Decoder::new(&bytes[..]).unwrap();
        let entries: Vec<_> = std::iter::from_fn(|| decoder.next().unwrap()).collect();
        let pair = |key: &[u8], value: &[u8]| Entry::Pair(Key::from(key), value.to_vec());
        let expected =
            [pair(b"a", b"one"), pair(b"b", &vec![7; PIECE]), Entry::Bucket(86_400_000), pair(b"c", b"")];
        assert_eq!(entries, expected);
        assert_eq!(verify(&bytes[..]).unwrap(), Contents { live: 2, history: 1, buckets: 1, sealed: false });
    }

    #[test]
    fn what_is_live_until_some_time_stands_before_the_history_and_not_in_earlier_formats() {
        let mut bytes = Vec::new();
        let mut encoder = Encoder::new(|piece| {
            bytes.extend(piece);
            Ok(())
        });
        encoder.lapsing(7).unwrap();
        encoder.pair(b"a", b"1").unwrap();
        encoder.bucket(9).unwrap();
        encoder.pair(b"b", b"2").unwrap();
        encoder.end().unwrap();
        let mut decoder = Decoder::new(&bytes[..]).unwrap();
        let entries: Vec<_> = std::iter::from_fn(|| decoder.next().unwrap()).collect();
        let pair = |key: &[u8], value: &[u8]| Entry::Pair(Key::from(key), value.to_vec());
        assert_eq!(entries, [Entry::Lapsing(7), pair(b"a", b"1"), Entry::Bucket(9), pair(b"b", b"2")]);
        assert_eq!(verify(&bytes[..]).unwrap(), Contents { live: 1, history: 1, buckets: 1, sealed: false });
        let mut earlier = bytes;
        earlier[16] = 2;
        assert!(matches!(verify(&earlier[..]), Err(BackupError::Damaged { .. })));
    }

    #[test]
    fn every_cut_is_refused() {
        let bytes = backup();
        let places = (0..200).chain(bytes.len() - 200..bytes.len());
        for length in places {
            assert!(verify(&bytes[..length]).is_err(), "{length} of {} bytes", bytes.len());
        }
        let longer = [&bytes[..], b"x"].concat();
        // What follows may be a seal that was cut off.
        assert!(matches!(verify(&longer[..]), Err(BackupError::CutOff { .. })));
        let much_longer = [&bytes[..], &[0; 64]].concat();
        assert!(matches!(verify(&much_longer[..]), Err(BackupError::Damaged { .. })));
    }

    #[test]
    fn every_flipped_bit_is_refused() {
        let bytes = backup();
        for byte in (0..120).chain((120..bytes.len()).step_by(1_511)).chain(bytes.len() - 120..bytes.len()) {
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[byte] ^= 1 << bit;
                assert!(verify(&flipped[..]).is_err(), "bit {bit} of byte {byte}");
            }
        }
    }

    /// A backup that passed by a sealer in pieces of this size.
    fn sealed(key: &SealKey, piece: usize) -> Vec<u8> {
        let (bytes, mut sealer) = (backup(), Sealer::new(key.clone()));
        bytes.chunks(piece).for_each(|piece| sealer.update(piece));
        [bytes, sealer.finish()].concat()
    }

    fn seal_key(id: &str, byte: u8) -> SealKey {
        SealKey::new(id, zeroize::Zeroizing::new([byte; 32]))
    }

    fn trusted(bytes: &[u8], keys: &[SealKey]) -> Result<(), BackupError> {
        let mut decoder = Decoder::new(bytes)?;
        while decoder.next()?.is_some() {}
        decoder.trusted(Trust::Keys(keys))
    }

    #[test]
    fn l11_only_a_backup_that_a_key_at_hand_has_sealed_is_taken() {
        let (own, other) = (seal_key("own", 1), seal_key("other", 2));
        for piece in [1, 7, 48, 49, 50, 100_000, usize::MAX] {
            let bytes = sealed(&own, piece);
            assert!(verify(&bytes[..]).unwrap().sealed);
            trusted(&bytes, &[other.clone(), own.clone()]).unwrap();
        }
        let bytes = sealed(&own, 9);
        trusted(&bytes, &[seal_key("renamed", 1)]).unwrap();
        let error = trusted(&bytes, std::slice::from_ref(&other)).unwrap_err().to_string();
        assert!(
            error.contains("key own") && error.contains("is other") && error.contains("--key"),
            "{error}"
        );
        assert!(matches!(
            trusted(&bytes, &[seal_key("own", 2)]),
            Err(BackupError::Seal(SealError::Forged { .. }))
        ));
        // Whoever has no key can make a whole backup, and cut a seal off.
        let error = trusted(&backup(), std::slice::from_ref(&own)).unwrap_err().to_string();
        assert!(error.contains("has no seal") && error.contains("--unauthenticated"), "{error}");
        // The seal of one backup under another.
        let mut changed = Vec::new();
        let mut encoder = Encoder::new(|piece| {
            changed.extend(piece);
            Ok(())
        });
        encoder.pair(b"planted", b"by somebody").unwrap();
        encoder.end().unwrap();
        changed.extend(&bytes[backup().len()..]);
        assert!(matches!(trusted(&changed, &[own]), Err(BackupError::Seal(SealError::Forged { .. }))));
    }

    #[test]
    fn every_cut_and_flipped_bit_of_a_seal_is_refused() {
        let (own, whole) = (seal_key("own", 1), backup().len());
        let bytes = sealed(&own, 9);
        for at in whole..bytes.len() {
            assert!(trusted(&bytes[..at], std::slice::from_ref(&own)).is_err(), "{at}");
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1 << bit;
                assert!(trusted(&flipped, std::slice::from_ref(&own)).is_err(), "bit {bit} of byte {at}");
            }
        }
        assert!(verify(&[&bytes[..], b"x"].concat()[..]).is_err());
    }

    #[test]
    fn a_backup_of_the_first_format_is_read_and_has_no_seal() {
        let mut old = backup();
        old[16] = 1;
        // Its sum is over the head too.
        let end = old.len() - END_BYTES;
        let sum = Sha256::digest(&old[..end]);
        let payload = [&old[end + 4..end + 13], &sum[..]].concat();
        old.truncate(end + 4);
        old.extend([&payload[..], &crc32fast::hash(&payload).to_le_bytes()].concat());
        assert!(!verify(&old[..]).unwrap().sealed);
        assert!(matches!(trusted(&old, &[seal_key("own", 1)]), Err(BackupError::Seal(SealError::Unsealed))));
        let mut sealer = Sealer::new(seal_key("own", 1));
        sealer.update(&old);
        old.extend(sealer.finish());
        assert!(matches!(verify(&old[..]), Err(BackupError::Damaged { .. })));
    }

    #[test]
    fn a_backup_without_one_of_its_records_is_refused() {
        let bytes = backup();
        // Header, then the whole record of `a`: length, kind, key's length, key, value, checksum.
        let without = [&bytes[..20], &bytes[20 + 4 + 1 + 4 + 1 + 3 + 4..]].concat();
        let error = verify(&without[..]).unwrap_err().to_string();
        assert!(error.contains("missing or changed") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn other_files_and_newer_formats_are_named() {
        assert!(matches!(verify(&b""[..]), Err(BackupError::Foreign)));
        assert!(matches!(verify(&[0; 100][..]), Err(BackupError::Foreign)));
        let mut newer = backup();
        newer[16] = 9;
        assert!(matches!(verify(&newer[..]), Err(BackupError::Newer { found: 9 })));
    }
}
