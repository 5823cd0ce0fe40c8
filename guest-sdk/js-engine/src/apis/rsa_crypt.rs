//! RSA encryption (RFC 8017): OAEP both ways, PKCS #1 v1.5 only to encrypt, as Node (its decryption would be an oracle).
//!
//! Keys are those of `sign.rs`. Every failure to decrypt looks the same.

use boa_engine::{Context, JsNativeError, JsObject, JsResult, JsValue};
use rsa::{BoxedUint, Oaep, Pkcs1v15Encrypt, Pkcs1v15Sign, hazmat::rsa_encrypt, traits::PublicKeyParts};

use super::{
    algorithm::Algorithm,
    digest::with_sized,
    keys::Key,
    native::{array_buffer, bytes_argument, coded, define, text_argument},
    sign::{Failed, HostRandom, key_argument},
};

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("rsaEncrypt", encrypt),
            ("rsaDecrypt", decrypt),
            ("rsaSignRaw", sign_raw),
            ("rsaRecover", recover),
        ],
        context,
    )
}

/// `rsaEncrypt(key, data, hash | 'pkcs1', label)`
fn encrypt(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let data = bytes_argument(args, 1, context)?;
    let label = bytes_argument(args, 3, context)?;
    let Key::RsaPublic(key) = key_argument(args, 0)?.public_of() else {
        return Err(Failed::KeyType.into_error(context));
    };
    let out = if text_argument(args, 2, context)? == "pkcs1" {
        key.encrypt(&mut HostRandom, Pkcs1v15Encrypt, &data).ok()
    } else {
        let algorithm = oaep_hash(args, context)?;
        with_sized!(algorithm, digest => {
            let padding = Oaep { digest: digest(), mgf_digest: digest(), label: Some(label.into()) };
            key.encrypt(&mut HostRandom, padding, &data).ok()
        })
        .flatten()
    };
    match out {
        Some(bytes) => array_buffer(bytes, context),
        None => Err(Failed::TooLarge.into_error(context)),
    }
}

/// `rsaDecrypt(key, data, hash, label)`
fn decrypt(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let data = bytes_argument(args, 1, context)?;
    let algorithm = oaep_hash(args, context)?;
    let label = bytes_argument(args, 3, context)?;
    let Key::RsaPrivate(key) = key_argument(args, 0)? else {
        return Err(Failed::KeyType.into_error(context));
    };
    let out = with_sized!(algorithm, digest => {
        let padding = Oaep { digest: digest(), mgf_digest: digest(), label: Some(label.into()) };
        key.decrypt_blinded(&mut HostRandom, padding, &data).ok()
    })
    .flatten();
    match out {
        Some(bytes) => array_buffer(bytes, context),
        None => {
            let message = "error:02000079:rsa routines::oaep decoding error";
            let code = "ERR_OSSL_RSA_OAEP_DECODING_ERROR";
            Err(coded(JsNativeError::error(), code, message, context))
        }
    }
}

/// `rsaSignRaw(key, data)`: Node's `privateEncrypt`, a signature (PKCS #1 v1.5) of data that is no hash.
fn sign_raw(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let data = bytes_argument(args, 1, context)?;
    let Key::RsaPrivate(key) = key_argument(args, 0)? else {
        return Err(Failed::KeyType.into_error(context));
    };
    let scheme = Pkcs1v15Sign { hash_len: None, prefix: Box::default() };
    match key.sign_with_rng(&mut HostRandom, scheme, &data) {
        Ok(bytes) => array_buffer(bytes, context),
        Err(_) => Err(Failed::TooLarge.into_error(context)),
    }
}

/// `rsaRecover(key, signature)`: Node's `publicDecrypt`, what such a signature signs. Nothing of it is secret.
fn recover(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let signature = bytes_argument(args, 1, context)?;
    let Key::RsaPublic(key) = key_argument(args, 0)?.public_of() else {
        return Err(Failed::KeyType.into_error(context));
    };
    match recovered(&key, &signature) {
        Some(bytes) => array_buffer(bytes, context),
        None => {
            let message = "error:0200008A:rsa routines::invalid padding";
            Err(coded(JsNativeError::error(), "ERR_OSSL_RSA_INVALID_PADDING", message, context))
        }
    }
}

/// RFC 8017, 9.2: 0, 1, at least eight 0xff, 0, the data.
fn recovered(key: &rsa::PublicKey, signature: &[u8]) -> Option<Vec<u8>> {
    let number = BoxedUint::from_be_slice(signature, key.n_bits_precision()).ok()?;
    if signature.len() != key.size() || number >= *key.n().as_ref() {
        return None;
    }
    let block = rsa_encrypt(key, &number).ok()?.to_be_bytes();
    let block = block.get(block.len().checked_sub(key.size())?..)?;
    let padded = block.strip_prefix(&[0, 1])?;
    let fill = padded.iter().position(|&byte| byte != 0xff)?;
    (fill >= 8 && padded[fill] == 0).then(|| padded[fill + 1..].to_vec())
}

/// One whose hash has a length of its own, and not two hashes in one.
fn oaep_hash(args: &[JsValue], context: &mut Context) -> JsResult<Algorithm> {
    let name = text_argument(args, 2, context)?;
    let algorithm = Algorithm::from_name(&name);
    algorithm.filter(|algorithm| !algorithm.is_xof() && *algorithm != Algorithm::Md5Sha1).ok_or_else(|| {
        let message = "Invalid digest used";
        coded(JsNativeError::error(), "ERR_OSSL_EVP_INVALID_DIGEST", message, context)
    })
}
