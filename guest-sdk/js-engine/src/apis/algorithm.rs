//! The hash functions by Node's names, for `hash.rs`, `kdf.rs` and `sign.rs`: a name becomes a type in one place.
//!
//! Never hashes anything itself.

use boa_engine::{Context, JsNativeError, JsResult, JsValue};

use super::native::{coded, text_argument};

/// A hash function.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Algorithm {
    Md5,
    Ripemd160,
    Sha1,
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512of224,
    Sha512of256,
}

impl Algorithm {
    /// What `getHashes` and the errors tell.
    pub(crate) const NAMES: [&str; 9] =
        ["md5", "ripemd160", "sha1", "sha224", "sha256", "sha384", "sha512", "sha512-224", "sha512-256"];

    /// In any case, with or without `-` and OpenSSL's `RSA-`.
    pub(crate) fn from_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase().replace("rsa-", "").replace(['-', '/'], "");
        Some(match name.strip_suffix("withrsaencryption").unwrap_or(&name) {
            "md5" => Self::Md5,
            "ripemd160" | "rmd160" | "ripemd" => Self::Ripemd160,
            "sha1" => Self::Sha1,
            "sha224" => Self::Sha224,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            "sha512224" => Self::Sha512of224,
            "sha512256" => Self::Sha512of256,
            _ => return None,
        })
    }

    /// Argument `index` as the name of one; Node's `ERR_CRYPTO_INVALID_DIGEST` for anything else.
    pub(crate) fn argument(args: &[JsValue], index: usize, context: &mut Context) -> JsResult<Self> {
        let name = text_argument(args, index, context)?;
        Self::from_name(&name).ok_or_else(|| {
            let message = format!("Invalid digest: {name}");
            coded(JsNativeError::typ(), "ERR_CRYPTO_INVALID_DIGEST", message, context)
        })
    }
}

/// Evaluates an expression with `D` as the type of the algorithm.
macro_rules! with_digest {
    ($algorithm:expr, $D:ident => $work:expr) => {
        match $algorithm {
            $crate::apis::algorithm::Algorithm::Md5 => {
                type $D = md5::Md5;
                $work
            }
            $crate::apis::algorithm::Algorithm::Ripemd160 => {
                type $D = ripemd::Ripemd160;
                $work
            }
            $crate::apis::algorithm::Algorithm::Sha1 => {
                type $D = sha1::Sha1;
                $work
            }
            $crate::apis::algorithm::Algorithm::Sha224 => {
                type $D = sha2::Sha224;
                $work
            }
            $crate::apis::algorithm::Algorithm::Sha256 => {
                type $D = sha2::Sha256;
                $work
            }
            $crate::apis::algorithm::Algorithm::Sha384 => {
                type $D = sha2::Sha384;
                $work
            }
            $crate::apis::algorithm::Algorithm::Sha512 => {
                type $D = sha2::Sha512;
                $work
            }
            $crate::apis::algorithm::Algorithm::Sha512of224 => {
                type $D = sha2::Sha512_224;
                $work
            }
            $crate::apis::algorithm::Algorithm::Sha512of256 => {
                type $D = sha2::Sha512_256;
                $work
            }
        }
    };
}
pub(crate) use with_digest;
