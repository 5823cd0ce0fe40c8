//! Keys, and values that are sealed with XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03; RFC 8439).
//!
//! The first key seals, and all of them open. So you put a new key before the old one, and what is stored is sealed
//! anew later. A name is bound to its value, so that nobody can swap two stored values.

use std::fmt;

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use chacha20poly1305::{
    XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::SecretError;

/// The length of a nonce, bytes. It is so long that random nonces never meet.
pub const NONCE: usize = 24;
/// The length of a key, bytes.
const KEY: usize = 32;
/// The longest id of a key, bytes.
const MAX_ID: usize = 64;
/// The id of a key is the digest of this label and the key.
const ID_LABEL: &[u8] = b"flowcell secrets key id v1\0";
/// The label that derives the key of backups.
const BACKUP_LABEL: &[u8] = b"flowcell backup key v1";
/// The label that is authenticated with a value, before its name.
const NAME_LABEL: &[u8] = b"flowcell secret v1\0";

const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

/// A value in the form in which it may stand on a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sealed {
    /// The key that it was sealed with.
    pub key_id: String,
    /// A number that is used only once.
    pub nonce: [u8; NONCE],
    /// The encrypted value, with 16 bytes that show whether it was changed.
    pub ciphertext: Vec<u8>,
}

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
    /// The key that seals backups. It is derived, so that sealed secrets and sealed backups cannot be exchanged.
    backup: Zeroizing<[u8; KEY]>,
}

/// The keys; the one that seals comes first.
pub struct Keyring {
    /// Never empty.
    keys: Vec<Key>,
}

impl Keyring {
    /// Reads keys separated by commas or line breaks. Each is 32 bytes as hex or base64, and may have an id of its own,
    /// as `id:key`. Lines that begin with `#` are comments.
    ///
    /// # Errors
    /// `NoKey`, or `Key` with the number of the first wrong key.
    pub fn parse(material: &str) -> Result<Self, SecretError> {
        let lines = material.lines().filter(|line| !line.trim_start().starts_with('#'));
        let words = lines.flat_map(|line| line.split(',')).map(str::trim).filter(|word| !word.is_empty());
        let mut keys: Vec<Key> = Vec::new();
        for (position, word) in words.enumerate() {
            let wrong = |why: String| SecretError::Key { position: position + 1, why };
            let (id, text) = match word.split_once(':') {
                Some((id, text)) => (Some(id.trim()), text.trim()),
                None => (None, word),
            };
            let bytes = decode(text).map_err(|why| wrong(why.to_owned()))?;
            let id = match id {
                Some(id) => own_id(id).ok_or_else(|| {
                    wrong(format!("an id before `:` is 1 to {MAX_ID} of the characters A-Z a-z 0-9 . _ -"))
                })?,
                None => fingerprint(&bytes),
            };
            if keys.iter().any(|key| key.id == id) {
                return Err(wrong(format!("the id {id} was given before")));
            }
            let cipher = XChaCha20Poly1305::new((&*bytes).into());
            keys.push(Key { id, cipher, backup: derived(&bytes, BACKUP_LABEL) });
        }
        if keys.is_empty() { Err(SecretError::NoKey) } else { Ok(Self { keys }) }
    }

    /// The text of a new key, as [`Keyring::parse`] reads it.
    pub fn material(random: [u8; KEY]) -> Zeroizing<String> {
        Zeroizing::new(STANDARD.encode(Zeroizing::new(random)))
    }

    /// The id of the key that seals.
    pub fn key_id(&self) -> &str {
        &self.keys[0].id
    }

    /// The keys that seal backups, derived from these, by their ids. The first one seals.
    pub fn backup_keys(&self) -> Vec<(&str, Zeroizing<[u8; KEY]>)> {
        self.keys.iter().map(|key| (key.id.as_str(), key.backup.clone())).collect()
    }

    /// The ids of all keys, for messages.
    fn ids(&self) -> String {
        self.keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Seals a value under its name with the first key. A nonce must never be used twice, so take it from a source of
    /// randomness.
    pub fn seal(&self, name: &str, plaintext: &str, nonce: [u8; NONCE]) -> Sealed {
        let key = &self.keys[0];
        let payload = Payload { msg: plaintext.as_bytes(), aad: &bound(name) };
        let ciphertext = key
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("only a text of 256 GiB is too long for the cipher");
        Sealed { key_id: key.id.clone(), nonce, ciphertext }
    }

    /// The value that was sealed under this name.
    ///
    /// # Errors
    /// `OtherKey` when no key has its id and none opens it; `Damaged` when a key has its id.
    pub fn open(&self, name: &str, sealed: &Sealed) -> Result<Zeroizing<String>, SecretError> {
        // All keys are tried, because a key may have got its own id later.
        for key in &self.keys {
            let payload = Payload { msg: &sealed.ciphertext, aad: &bound(name) };
            let Ok(bytes) = key.cipher.decrypt(&XNonce::from(sealed.nonce), payload) else { continue };
            let bytes = Zeroizing::new(bytes);
            return match std::str::from_utf8(&bytes) {
                Ok(text) => Ok(Zeroizing::new(text.to_owned())),
                Err(_) => Err(SecretError::Damaged { name: name.to_owned(), key_id: sealed.key_id.clone() }),
            };
        }
        let (name, key_id) = (name.to_owned(), sealed.key_id.clone());
        Err(if self.keys.iter().any(|key| key.id == key_id) {
            SecretError::Damaged { name, key_id }
        } else {
            SecretError::OtherKey { name, sealed: key_id, given: self.ids() }
        })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring").field(&self.ids()).finish()
    }
}

fn decode(text: &str) -> Result<Zeroizing<[u8; KEY]>, &'static str> {
    let mut key = Zeroizing::new([0; KEY]);
    // 64 hex digits would be base64 of 48 bytes, so the order of the two does not matter.
    if hex::decode_to_slice(text, &mut *key).is_err() {
        let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text)).map(Zeroizing::new);
        let bytes = bytes.map_err(|_| "it is neither base64 nor hex")?;
        *key = bytes.as_slice().try_into().map_err(
            |_| "it has not 32 bytes; make one with `openssl rand -base64 32`, a password will not do",
        )?;
    }
    if key.iter().all(|byte| *byte == key[0]) {
        return Err("all its bytes are the same; make a random one with `openssl rand -base64 32`");
    }
    Ok(key)
}

/// A key for another purpose (HMAC as in HKDF-Expand, RFC 5869 section 2.3, with one block).
fn derived(key: &[u8; KEY], label: &[u8]) -> Zeroizing<[u8; KEY]> {
    let mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    Zeroizing::new(mac.chain_update(label).chain_update([1]).finalize().into_bytes().into())
}

fn own_id(id: &str) -> Option<String> {
    let valid = (1..=MAX_ID).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    valid.then(|| id.to_owned())
}

fn fingerprint(key: &[u8; KEY]) -> String {
    let digest = Sha256::new().chain_update(ID_LABEL).chain_update(key).finalize();
    hex::encode(&digest[..4])
}

fn bound(name: &str) -> Vec<u8> {
    [NAME_LABEL, name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn random(seed: u8) -> [u8; KEY] {
        std::array::from_fn(|at| seed.wrapping_mul(31).wrapping_add(at as u8))
    }

    fn text(seed: u8) -> String {
        Keyring::material(random(seed)).to_string()
    }

    #[test]
    fn a_key_reads_the_same_in_every_spelling() {
        let standard = text(7);
        let spellings = [
            standard.clone(),
            standard.trim_end_matches('=').to_owned(),
            URL_SAFE.encode(random(7)),
            hex::encode(random(7)),
            hex::encode_upper(random(7)),
            format!("# a comment, with commas\n  {standard}  \n"),
        ];
        let sealed = Keyring::parse(&standard).unwrap().seal("N", "value", [1; NONCE]);
        for spelling in spellings {
            let keyring = Keyring::parse(&spelling).unwrap();
            assert_eq!(keyring.key_id(), sealed.key_id, "{spelling}");
            assert_eq!(keyring.open("N", &sealed).unwrap().as_str(), "value");
        }
        assert_eq!((sealed.key_id.len(), sealed.ciphertext.len()), (8, 5 + 16));
    }

    #[test]
    fn l11_each_key_has_another_for_backups_that_depends_on_it_alone() {
        let both = Keyring::parse(&format!("{},old:{}", text(2), text(1))).unwrap();
        let alone = Keyring::parse(&text(1)).unwrap();
        let (both, alone) = (both.backup_keys(), alone.backup_keys());
        assert_eq!((both.len(), both[1].0), (2, "old"));
        assert_eq!(both[1].1, alone[0].1);
        assert!(both[0].1 != both[1].1 && *alone[0].1 != random(1));
    }

    #[test]
    fn the_first_key_seals_and_all_open() {
        let old = Keyring::parse(&text(1)).unwrap();
        let both = Keyring::parse(&format!("{},{}", text(2), text(1))).unwrap();
        let new = Keyring::parse(&format!("new:{}", text(2))).unwrap();
        let (by_old, by_both) = (old.seal("N", "v1", [1; NONCE]), both.seal("N", "v2", [2; NONCE]));
        assert_eq!(both.open("N", &by_old).unwrap().as_str(), "v1");
        assert_eq!(new.open("N", &by_both).unwrap().as_str(), "v2", "an id given later changes nothing");
        let error = new.open("N", &by_old).unwrap_err();
        assert!(
            matches!(&error, SecretError::OtherKey { sealed, given, .. } if *sealed == by_old.key_id && given == "new")
        );
    }

    #[test]
    fn a_changed_byte_another_name_or_a_reused_id_does_not_open() {
        let keyring = Keyring::parse(&format!("a:{}", text(1))).unwrap();
        let sealed = keyring.seal("NAME", "value", [1; NONCE]);
        let damaged = |result: Result<_, _>| matches!(result, Err(SecretError::Damaged { .. }));
        assert!(damaged(keyring.open("OTHER", &sealed)));
        for at in 0..sealed.ciphertext.len() {
            let mut changed = sealed.clone();
            changed.ciphertext[at] ^= 1;
            assert!(damaged(keyring.open("NAME", &changed)));
        }
        let (mut nonce, mut short) = (sealed.clone(), sealed.clone());
        nonce.nonce[0] ^= 1;
        short.ciphertext.truncate(3);
        assert!(damaged(keyring.open("NAME", &nonce)) && damaged(keyring.open("NAME", &short)));
        assert!(damaged(Keyring::parse(&format!("a:{}", text(2))).unwrap().open("NAME", &sealed)));
    }

    #[test]
    fn wrong_material_is_named_by_its_place_and_never_shown() {
        let good = text(1);
        let cases = [
            ("correct horse battery", "key 1", "neither base64 nor hex"),
            ("c2hvcnQ=", "key 1", "32 bytes"),
            (&*format!("{good},{good}"), "key 2", "given before"),
            (&*format!("{good}\nbad id:{}", text(2)), "key 2", "an id before `:`"),
            (&*format!(":{good}"), "key 1", "an id before `:`"),
            (&*"00".repeat(32), "key 1", "the same"),
        ];
        for (material, place, why) in cases {
            let error = Keyring::parse(material).unwrap_err().to_string();
            assert!(error.contains(place) && error.contains(why), "{error}");
            assert!(!error.contains(&good) && !error.contains("horse") && !error.contains("c2hv"), "{error}");
        }
        for nothing in ["", " \n, ,\n", "# only a comment"] {
            assert_eq!(Keyring::parse(nothing).unwrap_err(), SecretError::NoKey);
        }
        let shown = format!("{:?}", Keyring::parse(&good).unwrap());
        assert!(shown.starts_with("Keyring(\"") && shown.len() < 24, "{shown}");
    }

    proptest! {
        #[test]
        fn any_material_is_read_or_refused(material: String) {
            let _ = Keyring::parse(&material);
        }

        #[test]
        fn any_value_comes_back(name: String, value: String, nonce: [u8; NONCE]) {
            let keyring = Keyring::parse(&text(3)).unwrap();
            let opened = keyring.open(&name, &keyring.seal(&name, &value, nonce)).unwrap();
            prop_assert_eq!(opened.as_str(), value);
        }
    }
}
