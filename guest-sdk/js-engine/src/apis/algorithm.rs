//! The hash functions by Node's names, for `hash.rs`, `kdf.rs`, `sign.rs` and `rsa_crypt.rs`: a name becomes a type in one place.
//!
//! Never hashes anything itself; `digest.rs` does, with the crates' functions.

use boa_engine::{Context, JsNativeError, JsResult, JsValue};

use super::{
    digest::{Fixed, Md5Sha1, Running, Xof},
    native::{coded, text_argument},
};

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Algorithm {
    Md5,
    Md5Sha1,
    Ripemd160,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512of224,
    Sha512of256,
    Sha3of224,
    Sha3of256,
    Sha3of384,
    Sha3of512,
    Shake128,
    Shake256,
    Blake2b512,
    Blake2s256,
    Sm3,
}

use Algorithm::*;

/// Each with the name that `getHashes` and the errors tell, its other names, the bytes of its hash and of its block.
const TABLE: [(Algorithm, &str, &[&str], usize, usize); 19] = [
    (Md5, "md5", &["1.2.840.113549.2.5"], 16, 64),
    (Md5Sha1, "md5-sha1", &[], 36, 64),
    (Ripemd160, "ripemd160", &["ripemd", "ripemd-160", "rmd160", "1.3.36.3.2.1"], 20, 64),
    (Sha1, "sha1", &["sha-1", "sha1-2", "1.3.14.3.2.26"], 20, 64),
    (Sha224, "sha224", &["sha-224", "sha2-224", "2.16.840.1.101.3.4.2.4"], 28, 64),
    (Sha256, "sha256", &["sha-256", "sha2-256", "2.16.840.1.101.3.4.2.1"], 32, 64),
    (Sha384, "sha384", &["sha-384", "sha2-384", "2.16.840.1.101.3.4.2.2"], 48, 128),
    (Sha512, "sha512", &["sha-512", "sha2-512", "2.16.840.1.101.3.4.2.3"], 64, 128),
    (
        Sha512of224,
        "sha512-224",
        &["sha512/224", "sha-512/224", "sha2-512/224", "2.16.840.1.101.3.4.2.5"],
        28,
        128,
    ),
    (
        Sha512of256,
        "sha512-256",
        &["sha512/256", "sha-512/256", "sha2-512/256", "2.16.840.1.101.3.4.2.6"],
        32,
        128,
    ),
    (Sha3of224, "sha3-224", &["2.16.840.1.101.3.4.2.7"], 28, 144),
    (Sha3of256, "sha3-256", &["2.16.840.1.101.3.4.2.8"], 32, 136),
    (Sha3of384, "sha3-384", &["2.16.840.1.101.3.4.2.9"], 48, 104),
    (Sha3of512, "sha3-512", &["2.16.840.1.101.3.4.2.10"], 64, 72),
    (Shake128, "shake128", &["shake-128", "2.16.840.1.101.3.4.2.11"], 16, 168),
    (Shake256, "shake256", &["shake-256", "2.16.840.1.101.3.4.2.12"], 32, 136),
    (Blake2b512, "blake2b512", &["blake2b-512", "1.3.6.1.4.1.1722.12.2.1.16"], 64, 128),
    (Blake2s256, "blake2s256", &["blake2s-256", "1.3.6.1.4.1.1722.12.2.2.8"], 32, 64),
    (Sm3, "sm3", &["1.2.156.10197.1.401"], 32, 64),
];

impl Algorithm {
    /// In any case, also by OpenSSL's longer names (`RSA-SHA256`, `sha256WithRSAEncryption`, `id-rsassa-pkcs1-v1_5-with-sha3-256`)
    /// and by the identifiers of certificates.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let name = ["id-rsassa-pkcs1-v1_5-with-", "rsa-", "ssl3-"]
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .unwrap_or(&name);
        let name = ["withrsaencryption", "withrsa"]
            .iter()
            .find_map(|suffix| name.strip_suffix(suffix))
            .unwrap_or(name);
        let row = TABLE.iter().find(|(_, own, others, ..)| *own == name || others.contains(&name));
        row.map(|row| row.0)
    }

    fn row(self) -> &'static (Self, &'static str, &'static [&'static str], usize, usize) {
        &TABLE[self as usize]
    }

    /// What `getHashes` and the errors tell.
    pub(crate) fn names() -> String {
        TABLE.map(|row| row.1).join(", ")
    }

    /// Bytes of the hash; of one of any length, what OpenSSL gives when it is not told.
    pub(crate) fn size(self) -> usize {
        self.row().3
    }

    /// Bytes that are hashed at once, for HMAC.
    pub(crate) fn block(self) -> usize {
        self.row().4
    }

    /// Whether the hash may have any length.
    pub(crate) fn is_xof(self) -> bool {
        matches!(self, Shake128 | Shake256)
    }

    /// What comes before the hash in an RSA signature of PKCS #1 v1.5 (RFC 8017, 9.2): `None` for hashes that it does not take.
    pub(crate) fn rsa_prefix(self) -> Option<Vec<u8>> {
        let tail: &[u8] = match self {
            Md5Sha1 => return Some(Vec::new()),
            Md5 => &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 2, 5],
            Ripemd160 => &[0x2b, 0x24, 3, 2, 1],
            Sha1 => &[0x2b, 0x0e, 3, 2, 0x1a],
            Sha256 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1],
            Sha384 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2],
            Sha512 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3],
            Sha224 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 4],
            Sha512of224 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 5],
            Sha512of256 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 6],
            Sha3of224 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 7],
            Sha3of256 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 8],
            Sha3of384 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 9],
            Sha3of512 => &[0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 10],
            Shake128 | Shake256 | Blake2b512 | Blake2s256 | Sm3 => return None,
        };
        let (oid, size) = (tail.len() as u8, self.size() as u8);
        let mut prefix = vec![0x30, oid + 8 + size, 0x30, oid + 4, 6, oid];
        prefix.extend_from_slice(tail);
        prefix.extend_from_slice(&[5, 0, 4, size]);
        Some(prefix)
    }

    /// A hash of nothing yet; `length` counts for those of any length alone.
    pub(crate) fn start(self, length: usize) -> Box<dyn Running> {
        match self {
            Md5 => Box::new(Fixed::<md5::Md5>::default()),
            Md5Sha1 => Box::new(self::Md5Sha1::default()),
            Ripemd160 => Box::new(Fixed::<ripemd::Ripemd160>::default()),
            Sha1 => Box::new(Fixed::<sha1::Sha1>::default()),
            Sha224 => Box::new(Fixed::<sha2::Sha224>::default()),
            Sha256 => Box::new(Fixed::<sha2::Sha256>::default()),
            Sha384 => Box::new(Fixed::<sha2::Sha384>::default()),
            Sha512 => Box::new(Fixed::<sha2::Sha512>::default()),
            Sha512of224 => Box::new(Fixed::<sha2::Sha512_224>::default()),
            Sha512of256 => Box::new(Fixed::<sha2::Sha512_256>::default()),
            Sha3of224 => Box::new(Fixed::<sha3::Sha3_224>::default()),
            Sha3of256 => Box::new(Fixed::<sha3::Sha3_256>::default()),
            Sha3of384 => Box::new(Fixed::<sha3::Sha3_384>::default()),
            Sha3of512 => Box::new(Fixed::<sha3::Sha3_512>::default()),
            Shake128 => Box::new(Xof::<shake::Shake128>::new(length)),
            Shake256 => Box::new(Xof::<shake::Shake256>::new(length)),
            Blake2b512 => Box::new(Fixed::<blake2::Blake2b512>::default()),
            Blake2s256 => Box::new(Fixed::<blake2::Blake2s256>::default()),
            Sm3 => Box::new(Fixed::<sm3::Sm3>::default()),
        }
    }

    /// The hash of some bytes.
    pub(crate) fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut running = self.start(self.size());
        running.update(bytes);
        running.finish()
    }

    /// Argument `index` as the name of one; Node's `ERR_CRYPTO_INVALID_DIGEST` for anything else.
    pub(crate) fn argument(args: &[JsValue], index: usize, context: &mut Context) -> JsResult<Self> {
        let name = text_argument(args, index, context)?;
        Self::from_name(&name).ok_or_else(|| Self::invalid(&name, context))
    }

    /// Node's error for a hash that does not fit.
    pub(crate) fn invalid(name: &str, context: &mut Context) -> boa_engine::JsError {
        let message = format!("Invalid digest: {name}");
        coded(JsNativeError::typ(), "ERR_CRYPTO_INVALID_DIGEST", message, context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_algorithms() {
        for row in &TABLE {
            assert_eq!(row.0.row().1, row.1);
            assert_eq!(row.0.of(b"").len(), row.3, "{}", row.1);
        }
    }
}
