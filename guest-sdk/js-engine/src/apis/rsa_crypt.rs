//! RSA encryption (RFC 8017): OAEP both ways, PKCS #1 v1.5 only to encrypt, as Node (its decryption would be an oracle).
//!
//! Keys are those of `sign.rs`. Every failure to decrypt looks the same.

use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsValue};
use rsa::{Oaep, Pkcs1v15Encrypt, traits::PaddingScheme};

use super::{
    algorithm::{Algorithm, with_digest},
    keys::Key,
    native::{array_buffer, bytes_argument, coded, define, text_argument},
    sign::{HostRandom, key_argument},
};

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(target, &[("rsaEncrypt", encrypt), ("rsaDecrypt", decrypt)], context)
}

/// `rsaEncrypt(key, data, hash | 'pkcs1', label)`
fn encrypt(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let data = bytes_argument(args, 1, context)?;
    let label = bytes_argument(args, 3, context)?;
    let out = match key_argument(args)?.public_of() {
        Key::RsaPublic(key) if text_argument(args, 2, context)? == "pkcs1" => {
            key.encrypt(&mut HostRandom, Pkcs1v15Encrypt, &data).ok()
        }
        Key::RsaPublic(key) => {
            let algorithm = Algorithm::argument(args, 2, context)?;
            with_digest!(algorithm, D => key.encrypt(&mut HostRandom, oaep::<D>(label), &data).ok())
        }
        _ => return Err(wrong_key(context)),
    };
    match out {
        Some(bytes) => array_buffer(bytes, context),
        None => {
            let message = "error:0200006E:rsa routines::data too large for key size";
            let code = "ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE";
            Err(coded(JsNativeError::error(), code, message, context))
        }
    }
}

/// `rsaDecrypt(key, data, hash, label)`
fn decrypt(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let data = bytes_argument(args, 1, context)?;
    let algorithm = Algorithm::argument(args, 2, context)?;
    let label = bytes_argument(args, 3, context)?;
    let Key::RsaPrivate(key) = key_argument(args)? else {
        return Err(wrong_key(context));
    };
    let out =
        with_digest!(algorithm, D => key.decrypt_blinded(&mut HostRandom, oaep::<D>(label), &data).ok());
    match out {
        Some(bytes) => array_buffer(bytes, context),
        None => {
            let message = "error:02000079:rsa routines::oaep decoding error";
            let code = "ERR_OSSL_RSA_OAEP_DECODING_ERROR";
            Err(coded(JsNativeError::error(), code, message, context))
        }
    }
}

fn oaep<D>(label: Vec<u8>) -> impl PaddingScheme
where
    D: sha2::Digest + sha2::digest::FixedOutputReset,
{
    Oaep::<D>::new_with_label(label)
}

fn wrong_key(context: &mut Context) -> boa_engine::JsError {
    let message = "this takes an RSA key, and a private one to decrypt";
    coded(JsNativeError::error(), "ERR_CRYPTO_OPERATION_FAILED", message, context)
}
