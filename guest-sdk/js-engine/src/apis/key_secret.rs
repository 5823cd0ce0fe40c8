//! Keys under a passphrase: PKCS #8 with PBES2 (RFC 8018: PBKDF2 and AES or triple DES in CBC), and OpenSSL's older PEM encryption
//! (`Proc-Type: 4,ENCRYPTED`).
//!
//! What PBKDF2 costs is fuel. PBES1 and scrypt are not read; the error says what to do.

use super::{
    algorithm::Algorithm,
    der::{self, Elements, INTEGER, OCTET_STRING, OID, SEQUENCE},
    kdf,
    modes::{self, Kind, Mode},
};
use crate::host;

/// Rounds of PBKDF2 when a key is written, as OpenSSL 3.0.
const ROUNDS: u32 = 2048;

const PBES2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0d];
const PBKDF2: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 0x0c];
/// `1.2.840.113549.2.`; what follows is 7 to 11 for HMAC with SHA-1, 224, 256, 384, 512.
const HMAC: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2];

const CIPHERS: [(&str, &[u8]); 5] = [
    ("aes-128-cbc", &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 2]),
    ("aes-192-cbc", &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x16]),
    ("aes-256-cbc", &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 1, 0x2a]),
    ("des-ede3-cbc", &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 3, 7]),
    ("sm4-cbc", &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 1, 0x68, 2]),
];

/// Why no key comes out.
pub(super) enum Refused {
    /// Neither PBES2 nor of its usual parts.
    Scheme,
    /// The passphrase is wrong.
    Decrypt,
}

/// The PKCS #8 key in an EncryptedPrivateKeyInfo; `None` when it is none.
pub(super) fn open(bytes: &[u8], passphrase: &[u8]) -> Option<Result<Vec<u8>, Refused>> {
    let mut outer = Elements::in_sequence(bytes)?;
    let (scheme, text) = (outer.sequence()?, outer.read(OCTET_STRING)?);
    Some(match scheme_of(scheme) {
        Some(scheme) => {
            let mut key = vec![0; scheme.kind.key()];
            kdf::derive(scheme.hash, passphrase, scheme.salt, scheme.rounds, &mut key);
            decrypt(scheme.kind, &key, scheme.iv, text)
        }
        None => Err(Refused::Scheme),
    })
}

struct Scheme<'a> {
    hash: Algorithm,
    salt: &'a [u8],
    rounds: u32,
    kind: Kind,
    iv: &'a [u8],
}

fn scheme_of(mut scheme: Elements<'_>) -> Option<Scheme<'_>> {
    (scheme.read(OID)? == PBES2).then_some(())?;
    let mut parts = scheme.sequence()?;
    let (mut derivation, mut encryption) = (parts.sequence()?, parts.sequence()?);
    (derivation.read(OID)? == PBKDF2).then_some(())?;
    let mut derivation = derivation.sequence()?;
    let salt = derivation.read(OCTET_STRING)?;
    let rounds = der::unsigned(derivation.read(INTEGER)?)?;
    let rounds =
        rounds.iter().try_fold(0_u32, |sum, &byte| sum.checked_mul(256)?.checked_add(byte.into()))?;
    if derivation.tag() == Some(INTEGER) {
        derivation.next();
    }
    let hash = match derivation.sequence() {
        None => Algorithm::Sha1,
        Some(mut function) => match function.read(OID)?.strip_prefix(HMAC)? {
            [7] => Algorithm::Sha1,
            [8] => Algorithm::Sha224,
            [9] => Algorithm::Sha256,
            [10] => Algorithm::Sha384,
            [11] => Algorithm::Sha512,
            _ => return None,
        },
    };
    let cipher = encryption.read(OID)?;
    let (name, _) = CIPHERS.iter().find(|(_, oid)| *oid == cipher)?;
    let (kind, iv) = (Kind::from_name(name)?, encryption.read(OCTET_STRING)?);
    kind.takes_iv(iv.len()).then_some(Scheme { hash, salt, rounds, kind, iv })
}

/// A PKCS #8 key as an EncryptedPrivateKeyInfo; `None` for a cipher that these do not have.
pub(super) fn seal(key: &[u8], cipher: Kind, passphrase: &[u8]) -> Option<Vec<u8>> {
    let (_, oid) = CIPHERS.iter().find(|(name, _)| *name == cipher.name())?;
    let (mut salt, mut iv) = ([0; 8], vec![0; cipher.iv()]);
    host::random(&mut salt);
    host::random(&mut iv);
    let mut secret = vec![0; cipher.key()];
    kdf::derive(Algorithm::Sha256, passphrase, &salt, ROUNDS, &mut secret);
    let text = encrypt(cipher, &secret, &iv, key);
    let function = der::write(SEQUENCE, &[&der::write(OID, &[HMAC, &[9]]), &[5, 0]]);
    let derivation = der::write(
        SEQUENCE,
        &[&der::write(OCTET_STRING, &[&salt]), &der::write_integer(&ROUNDS.to_be_bytes()), &function],
    );
    let derivation = der::write(SEQUENCE, &[&der::write(OID, &[PBKDF2]), &derivation]);
    let encryption = der::write(SEQUENCE, &[&der::write(OID, &[oid]), &der::write(OCTET_STRING, &[&iv])]);
    let parts = der::write(SEQUENCE, &[&derivation, &encryption]);
    let scheme = der::write(SEQUENCE, &[&der::write(OID, &[PBES2]), &parts]);
    Some(der::write(SEQUENCE, &[&scheme, &der::write(OCTET_STRING, &[&text])]))
}

/// The bytes in a PEM block with the `DEK-Info` `AES-128-CBC,<IV in hex>`.
pub(super) fn open_old(info: &str, text: &[u8], passphrase: &[u8]) -> Result<Vec<u8>, Refused> {
    let parts = info.split_once(',').and_then(|(name, iv)| {
        let kind = Kind::from_name(name.trim()).filter(|kind| kind.mode == Mode::Cbc)?;
        let iv = iv.trim();
        let iv: Option<Vec<u8>> =
            (0..iv.len()).step_by(2).map(|at| u8::from_str_radix(iv.get(at..at + 2)?, 16).ok()).collect();
        Some((kind, iv.filter(|iv| kind.takes_iv(iv.len()))?))
    });
    let (kind, iv) = parts.ok_or(Refused::Scheme)?;
    decrypt(kind, &old_key(passphrase, &iv, kind.key()), &iv, text)
}

/// The `DEK-Info` and the bytes of a PEM block with a key.
pub(super) fn seal_old(key: &[u8], cipher: Kind, passphrase: &[u8]) -> (String, Vec<u8>) {
    let mut iv = vec![0; cipher.iv()];
    host::random(&mut iv);
    let text = encrypt(cipher, &old_key(passphrase, &iv, cipher.key()), &iv, key);
    let hex: String = iv.iter().map(|byte| format!("{byte:02X}")).collect();
    (format!("{},{hex}", cipher.name().to_ascii_uppercase()), text)
}

/// OpenSSL's `EVP_BytesToKey` with MD5, once; the salt is the beginning of the initialization vector.
fn old_key(passphrase: &[u8], iv: &[u8], length: usize) -> Vec<u8> {
    let (mut key, mut last) = (Vec::new(), Vec::new());
    while key.len() < length {
        last = Algorithm::Md5.of(&[&last, passphrase, &iv[..8]].concat());
        key.extend_from_slice(&last);
    }
    key.truncate(length);
    key
}

fn encrypt(kind: Kind, key: &[u8], iv: &[u8], bytes: &[u8]) -> Vec<u8> {
    // PKCS #7.
    let fill = kind.block() - bytes.len() % kind.block();
    let mut out = bytes.to_vec();
    out.resize(bytes.len() + fill, fill as u8);
    (modes::start(kind, key, iv, true).0)(&mut out);
    out
}

fn decrypt(kind: Kind, key: &[u8], iv: &[u8], bytes: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut out = bytes.to_vec();
    (modes::start(kind, key, iv, false).0)(&mut out);
    let fill = usize::from(*out.last().ok_or(Refused::Decrypt)?);
    let whole = out.len().is_multiple_of(kind.block()) && (1..=kind.block()).contains(&fill);
    if !whole || out[out.len() - fill..].iter().any(|&byte| usize::from(byte) != fill) {
        return Err(Refused::Decrypt);
    }
    out.truncate(out.len() - fill);
    Ok(out)
}
