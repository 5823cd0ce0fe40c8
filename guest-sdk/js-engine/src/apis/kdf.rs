//! Keys from passwords and from other keys: PBKDF2 (RFC 8018), scrypt (RFC 7914) and HKDF (RFC 5869), by RustCrypto; PBKDF2 with rare
//! hashes and HKDF are over the HMAC of `digest.rs`.
//!
//! What they cost is fuel like any other work; only the size of a result and scrypt's memory are bounded here. The prelude
//! checks types and ranges.

use boa_engine::{Context, JsArgs, JsNativeError, JsObject, JsResult, JsValue};

use super::{
    algorithm::Algorithm,
    digest::Hmac,
    native::{array_buffer, bytes_argument, coded, define, size_argument, text_argument},
};

/// Bytes of a derived key.
const MAX_KEY: usize = 1 << 20;

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(target, &[("pbkdf2", pbkdf2), ("scrypt", scrypt), ("hkdf", hkdf)], context)
}

/// `pbkdf2(password, salt, iterations, length, digest)`
fn pbkdf2(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let password = bytes_argument(args, 0, context)?;
    let salt = bytes_argument(args, 1, context)?;
    let rounds = size_argument(args, 2) as u32;
    let mut key = vec![0; key_length(args, 3, context)?];
    let algorithm = Algorithm::argument(args, 4, context)?;
    if algorithm.is_xof() {
        return Err(Algorithm::invalid(&text_argument(args, 4, context)?, context));
    }
    derive(algorithm, &password, &salt, rounds, &mut key);
    array_buffer(key, context)
}

/// PBKDF2 with HMAC.
pub(super) fn derive(algorithm: Algorithm, password: &[u8], salt: &[u8], rounds: u32, key: &mut [u8]) {
    match algorithm {
        Algorithm::Sha1 => pbkdf2::pbkdf2_hmac::<sha1::Sha1>(password, salt, rounds, key),
        Algorithm::Sha256 => pbkdf2::pbkdf2_hmac::<sha2::Sha256>(password, salt, rounds, key),
        Algorithm::Sha512 => pbkdf2::pbkdf2_hmac::<sha2::Sha512>(password, salt, rounds, key),
        Algorithm::Md5
        | Algorithm::Md5Sha1
        | Algorithm::Ripemd160
        | Algorithm::Sha224
        | Algorithm::Sha384
        | Algorithm::Sha512of224
        | Algorithm::Sha512of256
        | Algorithm::Sha3of224
        | Algorithm::Sha3of256
        | Algorithm::Sha3of384
        | Algorithm::Sha3of512
        | Algorithm::Shake128
        | Algorithm::Shake256
        | Algorithm::Blake2b512
        | Algorithm::Blake2s256
        | Algorithm::Sm3 => {
            let mac = Hmac::new(algorithm, password);
            for (index, block) in (1_u32..).zip(key.chunks_mut(algorithm.size())) {
                let mut link = mac.of(&[salt, &index.to_be_bytes()]);
                block.copy_from_slice(&link[..block.len()]);
                for _ in 1..rounds {
                    link = mac.of(&[&link]);
                    block.iter_mut().zip(&link).for_each(|(byte, link)| *byte ^= link);
                }
            }
        }
    }
}

/// `scrypt(password, salt, length, log2 of N, r, p)`
fn scrypt(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let password = bytes_argument(args, 0, context)?;
    let salt = bytes_argument(args, 1, context)?;
    let mut key = vec![0; key_length(args, 2, context)?];
    let [log_n, r, p] = [3, 4, 5].map(|index| size_argument(args, index) as u32);
    let params = u8::try_from(log_n).ok().and_then(|log_n| scrypt::Params::new(log_n, r, p).ok());
    // An empty key is none of scrypt's lengths, but Node returns it.
    let derived = params.and_then(|params| match key.is_empty() {
        true => Some(()),
        false => scrypt::scrypt(&password, &salt, &params, &mut key).ok(),
    });
    if derived.is_none() {
        let (code, message) = ("ERR_CRYPTO_INVALID_SCRYPT_PARAMS", "Invalid scrypt params");
        return Err(coded(JsNativeError::range(), code, message, context));
    }
    array_buffer(key, context)
}

/// `hkdf(digest, key, salt, info, length)`
fn hkdf(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let algorithm = Algorithm::argument(args, 0, context)?;
    let key = bytes_argument(args, 1, context)?;
    let salt = bytes_argument(args, 2, context)?;
    let info = bytes_argument(args, 3, context)?;
    let mut out = vec![0; key_length(args, 4, context)?];
    if algorithm.is_xof() {
        return Err(Algorithm::invalid(&text_argument(args, 0, context)?, context));
    }
    if out.len() > 255 * algorithm.size() {
        return Err(coded(
            JsNativeError::range(),
            "ERR_CRYPTO_INVALID_KEYLEN",
            "Invalid key length",
            context,
        ));
    }
    // Without a salt it is as many zeros as a hash has, which pad to the same key.
    let mac = Hmac::new(algorithm, &Hmac::new(algorithm, &salt).of(&[&key]));
    let mut last = Vec::new();
    for (index, block) in (1_u8..=255).zip(out.chunks_mut(algorithm.size())) {
        last = mac.of(&[&last, &info, &[index]]);
        block.copy_from_slice(&last[..block.len()]);
    }
    array_buffer(out, context)
}

fn key_length(args: &[JsValue], index: usize, context: &mut Context) -> JsResult<usize> {
    let length = size_argument(args, index);
    if length > MAX_KEY {
        let received = args.get_or_undefined(index).display().to_string();
        let message = format!(
            "The value of \"keylen\" is out of range. It must be >= 0 && <= {MAX_KEY}. Received {received}"
        );
        return Err(coded(JsNativeError::range(), "ERR_OUT_OF_RANGE", message, context));
    }
    Ok(length)
}
