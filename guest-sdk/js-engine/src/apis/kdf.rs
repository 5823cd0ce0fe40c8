//! Keys from passwords and from other keys: PBKDF2 (RFC 8018), scrypt (RFC 7914) and HKDF (RFC 5869), by RustCrypto.
//!
//! What they cost is fuel like any other work; only the size of a result and scrypt's memory are bounded here. The prelude
//! checks types and ranges.

use boa_engine::{Context, JsArgs, JsNativeError, JsObject, JsResult, JsValue};
use hmac::SimpleHmac;

use super::{
    algorithm::{Algorithm, with_digest},
    native::{array_buffer, bytes_argument, coded, define, size_argument},
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
    with_digest!(algorithm, D => pbkdf2::pbkdf2_hmac::<D>(&password, &salt, rounds, &mut key));
    array_buffer(key, context)
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
    let expanded = with_digest!(algorithm, D => {
        hkdf::GenericHkdf::<SimpleHmac<D>>::new(Some(&salt), &key).expand(&info, &mut out)
    });
    if expanded.is_err() {
        return Err(coded(
            JsNativeError::range(),
            "ERR_CRYPTO_INVALID_KEYLEN",
            "Invalid key length",
            context,
        ));
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
