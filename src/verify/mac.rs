//! Message authentication codes: computed over parts, written and read as senders write them, and compared in constant
//! time.
//!
//! Used by every scheme. Never compares with `==`, and never accepts a shortened code.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha384, Sha512};
use subtle::ConstantTimeEq;

use super::secret::Secret;
use crate::model::{Algorithm, Encoding};

/// The longest signature, bytes: that of an RSA key of 8192 bits.
const MAX_LENGTH: usize = 1_024;

/// A whole code, with the length of its algorithm.
pub(super) struct Tag(Vec<u8>);

impl Tag {
    /// HMAC (RFC 2104) over `parts` as if they were one text.
    pub(super) fn compute(algorithm: Algorithm, secret: &Secret, parts: &[&[u8]]) -> Self {
        let key = secret.bytes();
        Self(match algorithm {
            Algorithm::Sha1 => hmac::<Hmac<Sha1>>(key, parts),
            Algorithm::Sha256 => hmac::<Hmac<Sha256>>(key, parts),
            Algorithm::Sha384 => hmac::<Hmac<Sha384>>(key, parts),
            Algorithm::Sha512 => hmac::<Hmac<Sha512>>(key, parts),
        })
    }

    /// Whether `claimed` is this code. The time that this takes does not depend on where they differ.
    pub(super) fn matches(&self, claimed: &[u8]) -> bool {
        self.0.ct_eq(claimed).into()
    }

    /// A code that was computed elsewhere.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

pub(super) fn hmac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = <M as KeyInit>::new_from_slice(key).expect("HMAC takes keys of every length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().to_vec()
}

/// The length of a code, bytes.
pub(super) fn length(algorithm: Algorithm) -> usize {
    match algorithm {
        Algorithm::Sha1 => 20,
        Algorithm::Sha256 => 32,
        Algorithm::Sha384 => 48,
        Algorithm::Sha512 => 64,
    }
}

/// Writes bytes as a sender does.
pub(super) fn encode(bytes: &[u8], encoding: Encoding) -> String {
    match encoding {
        Encoding::Hex => hex::encode(bytes),
        Encoding::Base64 => STANDARD.encode(bytes),
        Encoding::Base64url => URL_SAFE_NO_PAD.encode(bytes),
    }
}

/// Reads what a sender wrote: hex in either case, base64 strictly (RFC 4648 section 3.5). It must have `length` bytes, if
/// that is known.
pub(super) fn decode(
    text: &str,
    length: impl Into<Option<usize>>,
    encoding: Encoding,
) -> Result<Vec<u8>, &'static str> {
    let bytes = match encoding {
        Encoding::Hex => hex::decode(text).map_err(|_| "it is not hex")?,
        Encoding::Base64 => STANDARD.decode(text).map_err(|_| "it is not base64 with padding")?,
        Encoding::Base64url => {
            URL_SAFE_NO_PAD.decode(text).map_err(|_| "it is not base64url without padding")?
        }
    };
    let fits = length.into().map_or((1..=MAX_LENGTH).contains(&bytes.len()), |length| bytes.len() == length);
    if fits { Ok(bytes) } else { Err("it has not the algorithm's length") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc_4231_case_2_for_every_algorithm() {
        let cases = [
            (Algorithm::Sha1, "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"),
            (Algorithm::Sha256, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
            (
                Algorithm::Sha384,
                "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649",
            ),
            (
                Algorithm::Sha512,
                "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea2505549758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737",
            ),
        ];
        for (algorithm, expected) in cases {
            let tag = Tag::compute(
                algorithm,
                &Secret::new(b"Jefe".to_vec()),
                &[b"what do ya want ", b"for nothing?"],
            );
            assert_eq!(encode(tag.bytes(), Encoding::Hex), expected);
            for encoding in [Encoding::Hex, Encoding::Base64, Encoding::Base64url] {
                let claimed = decode(&encode(tag.bytes(), encoding), length(algorithm), encoding).unwrap();
                assert!(tag.matches(&claimed));
            }
        }
    }

    #[test]
    fn a_shortened_or_lengthened_code_never_matches() {
        let tag = Tag::compute(Algorithm::Sha256, &Secret::new(b"k".to_vec()), &[b"body"]);
        let full = tag.0.clone();
        for claimed in [&full[..31], &full[..1], &full[..0], &[&full[..], &[0]].concat()] {
            assert!(!tag.matches(claimed));
            assert!(decode(&hex::encode(claimed), 32, Encoding::Hex).is_err());
        }
    }

    #[test]
    fn base64_is_strict() {
        let good = "plW8VGqq0nDMIEhDqaNNW99asdUCy7EIqLZVcQwtAZ0=";
        assert!(decode(good, 32, Encoding::Base64).is_ok());
        let bad = [
            &good[..43],                 // no padding
            &good.replace("Z0=", "Z1="), // spare bits set
            &good.replace('V', "-"),     // the URL alphabet
            &format!("{good}\n"),        // white space
            &format!("{good}{good}"),    // two in one
        ];
        for text in bad {
            assert!(decode(text, 32, Encoding::Base64).is_err(), "{text:?}");
        }
    }
}
