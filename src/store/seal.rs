//! Who made a backup: a MAC at its end, under a key that is derived from the key of the server's secrets.
//!
//! The checksums of a backup tell damage, not change: anyone can compute them. The seal is one more record after the end: the id of
//! the key (u8 length, text) and HMAC-SHA-256 over that id and the record of the end, which has the SHA-256 of all before it. The
//! store itself knows no key: whoever passes a backup on seals it. Pure.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// The kind of its record.
pub(super) const SEAL: u8 = 4;
/// Bytes of the record of a backup's end, with length and checksum.
pub(super) const END_BYTES: usize = 4 + 1 + 8 + 32 + 4;
/// What the MAC is over, before all else.
const LABEL: &[u8] = b"flowcell backup seal v1\0";
/// The length of a seal, bytes.
const MAC: usize = 32;

/// Why a backup is not taken though it is whole.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The backup has no seal.
    #[error(
        "the backup has no seal: it was made by an older flowcell or without the key of the secrets, or its seal was cut off; if you \
         know where it comes from, restore it with --unauthenticated"
    )]
    Unsealed,
    /// None of the keys is the one that it was sealed with.
    #[error(
        "the backup was sealed with key {sealed}, and the key at hand is {given}: name the file of that server's secrets.key with \
         --key, or, if you know where the backup comes from, give --unauthenticated"
    )]
    OtherKey {
        /// The id in the seal.
        sealed: String,
        /// The ids of the keys that were given.
        given: String,
    },
    /// The key is at hand, and the seal is not its.
    #[error(
        "the seal of the backup does not fit key {key_id}: somebody changed the backup after it was made; use another copy or an \
         earlier backup"
    )]
    Forged {
        /// The id in the seal.
        key_id: String,
    },
}

/// A key that seals backups.
#[derive(Clone)]
pub struct SealKey {
    id: String,
    key: Zeroizing<[u8; 32]>,
}

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SealKey").field(&self.id).finish()
    }
}

impl SealKey {
    /// `id` tells it from others, in at most 255 bytes.
    pub fn new(id: &str, key: Zeroizing<[u8; 32]>) -> Self {
        Self { id: id.to_owned(), key }
    }

    fn mac(&self, id: &str, end: &[u8]) -> Hmac<Sha256> {
        let mac = Hmac::<Sha256>::new_from_slice(&*self.key).expect("HMAC takes keys of any length");
        mac.chain_update(LABEL).chain_update(id).chain_update([0]).chain_update(end)
    }
}

/// The keys whose backups are taken.
#[derive(Debug, Clone, Copy)]
pub enum Trust<'a> {
    /// Those that one of these keys has sealed.
    Keys(&'a [SealKey]),
    /// Any: the person who asks knows where it comes from.
    Anyone,
}

/// Seals a backup that passes by.
#[derive(Debug)]
pub struct Sealer {
    key: SealKey,
    /// The last bytes that passed.
    tail: Vec<u8>,
}

impl Sealer {
    /// For one backup, from its beginning.
    pub fn new(key: SealKey) -> Self {
        Self { key, tail: Vec::new() }
    }

    /// Takes the next piece of the backup.
    pub fn update(&mut self, piece: &[u8]) {
        self.tail.extend_from_slice(&piece[piece.len().saturating_sub(END_BYTES)..]);
        let over = self.tail.len().saturating_sub(END_BYTES);
        self.tail.drain(..over);
    }

    /// The bytes that follow a whole backup.
    pub fn finish(self) -> Vec<u8> {
        // The record of the end: its length, its payload, its checksum.
        let end = self.tail.get(4..END_BYTES - 4).unwrap_or_default();
        let id = &self.key.id;
        let length = u8::try_from(id.len()).expect("an id is short");
        let mac = self.key.mac(id, end).finalize().into_bytes();
        let payload = [&[SEAL, length][..], id.as_bytes(), &mac[..]].concat();
        let size = u32::try_from(payload.len()).expect("it is short").to_le_bytes();
        [&size[..], &payload, &crc32fast::hash(&payload).to_le_bytes()].concat()
    }
}

/// A seal that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seal {
    id: String,
    mac: [u8; MAC],
}

impl Seal {
    /// From what follows the kind of the record.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let (&length, rest) = body.split_first()?;
        let (id, mac) = rest.split_at_checked(length.into())?;
        Some(Self { id: std::str::from_utf8(id).ok()?.to_owned(), mac: mac.try_into().ok()? })
    }
}

impl Trust<'_> {
    /// Whether a backup is one to be taken; `end` is the payload of the record of its end.
    pub(super) fn check(&self, seal: Option<&Seal>, end: &[u8]) -> Result<(), SealError> {
        let Self::Keys(keys) = self else { return Ok(()) };
        let seal = seal.ok_or(SealError::Unsealed)?;
        // All are tried, as a key may have got an id of its own later.
        if keys.iter().any(|key| key.mac(&seal.id, end).verify_slice(&seal.mac).is_ok()) {
            return Ok(());
        }
        let key_id = seal.id.chars().filter(|character| !character.is_control()).collect();
        Err(if keys.iter().any(|key| key.id == seal.id) {
            SealError::Forged { key_id }
        } else {
            let given = keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", ");
            SealError::OtherKey { sealed: key_id, given }
        })
    }
}
