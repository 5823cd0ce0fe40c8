//! Signatures with `keys.rs`: RSA (PKCS #1 v1.5 and PSS, RFC 8017), ECDSA, SM2 and Ed25519 (RFC 8032); and what the prelude asks of keys.
//!
//! A key is an object that the prelude keeps inside its `KeyObject`. RSA's private operation is blinded with the run's
//! randomness; PKCS #1 and Ed25519 signatures are the same whatever that is, and the nonces of ECDSA and SM2 are RFC 6979's.

use std::convert::Infallible;

use boa_engine::{
    Context, Finalize, JsArgs, JsData, JsError, JsNativeError, JsObject, JsResult, JsString, JsValue, Trace,
    object::builtins::JsArray,
};
use ed25519_dalek::{Signer, Verifier};
use rsa::{Pkcs1v15Sign, Pss, rand_core, traits::SignatureScheme};

use super::{
    algorithm::Algorithm,
    der::{self, Elements, INTEGER, SEQUENCE},
    digest::with_sized,
    ec::{self, Curve},
    key_der::{self, Refused},
    key_secret,
    keys::Key,
    modes::{Kind, Mode},
    native::{array_buffer, bytes_argument, coded, define, size_argument, text_argument},
};
use crate::host;

#[derive(Trace, Finalize, JsData)]
struct State {
    // Holds bytes only, nothing of the garbage-collected heap.
    #[unsafe_ignore_trace]
    key: Box<Key>,
}

/// The run's random bytes, for RSA's blinding and PSS's salt.
pub(super) struct HostRandom;

impl rand_core::TryRng for HostRandom {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        host::random(&mut bytes);
        Ok(u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        host::random(&mut bytes);
        Ok(u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        host::random(out);
        Ok(())
    }
}

impl rand_core::TryCryptoRng for HostRandom {}

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("keyParse", parse),
            ("keyFromJwk", from_jwk),
            ("keyKind", kind),
            ("keySeal", seal),
            ("keySealOld", seal_old),
            ("keyPublic", public),
            ("keyDer", to_der),
            ("keyJwk", jwk),
            ("sign", sign),
            ("verify", verify),
        ],
        context,
    )
}

pub(super) fn wrap(key: Key) -> JsValue {
    JsObject::from_proto_and_data(None, State { key: Box::new(key) }).into()
}

pub(super) fn key_argument(args: &[JsValue], index: usize) -> JsResult<Key> {
    let object = args.get_or_undefined(index).as_object();
    let key =
        object.as_ref().and_then(|object| object.downcast_ref::<State>()).map(|state| (*state.key).clone());
    key.ok_or_else(|| JsNativeError::typ().with_message("not a key").into())
}

/// `keyParse(bytes, wantsPrivate, passphrase | undefined) -> key`
fn parse(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 0, context)?;
    let passphrase = match args.get_or_undefined(2).is_undefined() {
        true => None,
        false => Some(bytes_argument(args, 2, context)?),
    };
    let read = if args.get_or_undefined(1).to_boolean() { key_der::private } else { key_der::public };
    read(&bytes, passphrase.as_deref()).map(wrap).map_err(|refused| {
        let unsupported = "error:1E08010C:DECODER routines::unsupported";
        let (error, code, message) = match refused {
            Refused::Unknown => {
                let hint = match bytes.windows(2).any(|pair| pair == b"\\n") {
                    true => "the text has \\n where its lines end: text.replaceAll('\\\\n', '\\n') mends that",
                    false => "there are RSA keys of 512 to 16384 bits, EC keys on prime256v1, secp384r1, secp521r1, secp256k1 and SM2, Ed25519 and X25519, as PEM or DER",
                };
                (JsNativeError::error(), "ERR_OSSL_UNSUPPORTED", format!("{unsupported} ({hint})"))
            }
            Refused::Scheme => {
                let message = format!(
                    "{unsupported} (of encrypted keys there are those with PBKDF2 and AES, 3DES or SM4 in CBC: openssl pkcs8 -topk8 -v2 aes-256-cbc makes one)"
                );
                (JsNativeError::error(), "ERR_OSSL_UNSUPPORTED", message)
            }
            Refused::Passphrase(true) => {
                let message = "error:07880109:common libcrypto routines::interrupted or cancelled";
                (JsNativeError::error(), "ERR_OSSL_CRYPTO_INTERRUPTED_OR_CANCELLED", message.to_owned())
            }
            Refused::Passphrase(false) => {
                let message = "Passphrase required for encrypted key";
                (JsNativeError::typ(), "ERR_MISSING_PASSPHRASE", message.to_owned())
            }
            Refused::Decrypt => {
                let message = "error:1C800064:Provider routines::bad decrypt";
                (JsNativeError::error(), "ERR_OSSL_BAD_DECRYPT", message.to_owned())
            }
        };
        coded(error, code, message, context)
    })
}

/// `keyFromJwk(json) -> key | undefined`
fn from_jwk(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text_argument(args, 0, context)?;
    Ok(Key::from_jwk(&text).map_or(JsValue::undefined(), wrap))
}

/// `keyKind(key) -> 'private rsa 2048'`
fn kind(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let key = key_argument(args, 0)?;
    let half = if key.is_private() { "private" } else { "public" };
    Ok(JsString::from(format!("{half} {} {}", key.kind(), key.detail()).as_str()).into())
}

/// `keyPublic(key) -> key`
fn public(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    Ok(wrap(key_argument(args, 0)?.public_of()))
}

/// `keyDer(key, format) -> ArrayBuffer | undefined`
fn to_der(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = text_argument(args, 1, context)?;
    match key_argument(args, 0)?.to_der(&format) {
        Some(bytes) => array_buffer(bytes, context),
        None => Ok(JsValue::undefined()),
    }
}

/// `keyJwk(key) -> json`
fn jwk(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    Ok(JsString::from(key_argument(args, 0)?.to_jwk().to_string().as_str()).into())
}

fn cipher_argument(args: &[JsValue], context: &mut Context) -> JsResult<Kind> {
    let name = text_argument(args, 1, context)?;
    Kind::from_name(&name).filter(|kind| kind.mode == Mode::Cbc).ok_or_else(|| {
        let message = "Unknown cipher (keys are encrypted with aes-128-cbc, aes-192-cbc, aes-256-cbc, des-ede3-cbc or sm4-cbc)";
        coded(JsNativeError::error(), "ERR_CRYPTO_UNKNOWN_CIPHER", message, context)
    })
}

/// `keySeal(der, cipher, passphrase) -> ArrayBuffer`: PKCS #8 under a passphrase.
fn seal(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (key, cipher) = (bytes_argument(args, 0, context)?, cipher_argument(args, context)?);
    let passphrase = bytes_argument(args, 2, context)?;
    match key_secret::seal(&key, cipher, &passphrase) {
        Some(bytes) => array_buffer(bytes, context),
        None => Err(Failed::Operation.into_error(context)),
    }
}

/// `keySealOld(der, cipher, passphrase) -> [DEK-Info, ArrayBuffer]`
fn seal_old(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (key, cipher) = (bytes_argument(args, 0, context)?, cipher_argument(args, context)?);
    let (info, bytes) = key_secret::seal_old(&key, cipher, &bytes_argument(args, 2, context)?);
    let parts = [JsString::from(info.as_str()).into(), array_buffer(bytes, context)?];
    Ok(JsArray::from_iter(parts, context).into())
}

/// How RSA pads.
#[derive(Clone, Copy)]
pub(super) enum Padding {
    Pkcs1,
    /// Bytes of salt; none: as many as the signature has, or for signing as many as fit.
    Pss(Option<usize>),
}

/// What `sign` and `verify` take after the key: `(digest, data, 'pkcs1' | 'pss' | 'der' | 'p1363', salt length | identity)`.
struct Request {
    algorithm: Option<Algorithm>,
    data: Vec<u8>,
    is_raw: bool,
    padding: Padding,
    /// SM2 only: who signs; none, the hash of the data alone is signed.
    identity: Option<String>,
}

fn request(args: &[JsValue], context: &mut Context) -> JsResult<Request> {
    let algorithm = match args.get_or_undefined(1).is_null_or_undefined() {
        true => None,
        false => Some(Algorithm::argument(args, 1, context)?),
    };
    let data = bytes_argument(args, 2, context)?;
    let form = text_argument(args, 3, context)?;
    let last = args.get_or_undefined(4);
    let padding = match form.as_str() {
        "pss" => Padding::Pss((!last.is_undefined()).then(|| size_argument(args, 4))),
        _ => Padding::Pkcs1,
    };
    let identity = last.as_string().map(|identity| identity.to_std_string_lossy());
    Ok(Request { algorithm, data, is_raw: form == "p1363", padding, identity })
}

/// Why there is no signature.
pub(super) enum Failed {
    Digest,
    DigestNotAllowed,
    KeyType,
    TooLarge,
    Operation,
}

impl Failed {
    pub(super) fn into_error(self, context: &mut Context) -> JsError {
        let (code, message) = match self {
            Self::Digest => ("ERR_OSSL_INVALID_DIGEST", "error:1C80007A:Provider routines::invalid digest"),
            Self::DigestNotAllowed => {
                ("ERR_OSSL_DIGEST_NOT_ALLOWED", "error:1C8000AE:Provider routines::digest not allowed")
            }
            Self::KeyType => (
                "ERR_OSSL_EVP_OPERATION_NOT_SUPPORTED_FOR_THIS_KEYTYPE",
                "error:03000096:digital envelope routines::operation not supported for this keytype",
            ),
            Self::TooLarge => (
                "ERR_OSSL_RSA_DATA_TOO_LARGE_FOR_KEY_SIZE",
                "error:0200006E:rsa routines::data too large for key size",
            ),
            Self::Operation => ("ERR_CRYPTO_OPERATION_FAILED", "Operation failed"),
        };
        coded(JsNativeError::error(), code, message, context)
    }
}

/// `sign(key, digest, data, form, salt length | identity) -> ArrayBuffer`
fn sign(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Request { algorithm, data, is_raw, padding, identity } = request(args, context)?;
    let signature = match (&key_argument(args, 0)?, algorithm) {
        (Key::EdPrivate(key), None) => Ok(key.sign(&data).to_vec()),
        (Key::EdPrivate(_), Some(_)) => Err(Failed::Digest),
        (Key::EcPrivate { curve: Curve::Sm2, .. }, Some(algorithm)) if algorithm != Algorithm::Sm3 => {
            Err(Failed::Digest)
        }
        (Key::EcPrivate { curve, secret, .. }, Some(algorithm)) => match identity {
            Some(identity) if *curve == Curve::Sm2 => ec::sm2_sign(secret, &identity, &data),
            Some(_) | None => curve.sign(secret, &algorithm.of(&data)),
        }
        .map(|signature| if is_raw { signature } else { ecdsa_der(&signature) })
        .ok_or(Failed::Operation),
        (Key::RsaPrivate(key), Some(algorithm)) => {
            rsa_scheme(algorithm, padding, Sign { key, hash: &algorithm.of(&data) })
                .and_then(|signature| signature.ok_or(Failed::TooLarge))
        }
        (Key::XPrivate(_), _) => Err(Failed::KeyType),
        (Key::RsaPrivate(_) | Key::EcPrivate { .. }, None)
        | (Key::RsaPublic(_) | Key::EcPublic { .. } | Key::EdPublic(_) | Key::XPublic(_), _) => {
            Err(Failed::Operation)
        }
    };
    match signature {
        Ok(bytes) => array_buffer(bytes, context),
        Err(failed) => Err(failed.into_error(context)),
    }
}

/// `verify(key, digest, data, form, salt length | identity, signature) -> boolean`
fn verify(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Request { algorithm, data, is_raw, padding, identity } = request(args, context)?;
    let signature = bytes_argument(args, 5, context)?;
    let key = key_argument(args, 0)?.public_of();
    let how = How { is_raw, padding, identity: identity.as_deref() };
    match check(&key, algorithm, &data, how, &signature) {
        Ok(valid) => Ok(valid.into()),
        Err(failed) => Err(failed.into_error(context)),
    }
}

/// The form of a signature.
pub(super) struct How<'a> {
    pub is_raw: bool,
    pub padding: Padding,
    pub identity: Option<&'a str>,
}

/// Whether a public key's owner signed; a private key's signatures are checked with its public half only.
pub(super) fn check(
    key: &Key,
    algorithm: Option<Algorithm>,
    data: &[u8],
    how: How<'_>,
    signature: &[u8],
) -> Result<bool, Failed> {
    Ok(match (key, algorithm) {
        (Key::EdPublic(key), None) => ed25519_dalek::Signature::from_slice(signature)
            .is_ok_and(|signature| key.verify(data, &signature).is_ok()),
        (Key::EdPublic(_), Some(_)) => return Err(Failed::Digest),
        (Key::EcPublic { curve: Curve::Sm2, .. }, Some(algorithm)) if algorithm != Algorithm::Sm3 => {
            return Err(Failed::Digest);
        }
        (Key::EcPublic { curve, point }, Some(algorithm)) => {
            let raw = match how.is_raw {
                true => Some(signature.to_vec()),
                false => ecdsa_raw(signature, curve.size()),
            };
            raw.is_some_and(|raw| match how.identity {
                Some(identity) if *curve == Curve::Sm2 => ec::sm2_verify(point, identity, data, &raw),
                Some(_) | None => curve.verify(point, &algorithm.of(data), &raw),
            })
        }
        (Key::RsaPublic(key), Some(algorithm)) => {
            rsa_scheme(algorithm, how.padding, Check { key, hash: &algorithm.of(data), signature })?
        }
        (Key::XPublic(_), _) => return Err(Failed::KeyType),
        (Key::RsaPublic(_) | Key::EcPublic { .. }, None)
        | (Key::RsaPrivate(_) | Key::EcPrivate { .. } | Key::EdPrivate(_) | Key::XPrivate(_), _) => {
            return Err(Failed::Operation);
        }
    })
}

/// `r` and `s`, one after the other, as RFC 3279 writes them.
fn ecdsa_der(raw: &[u8]) -> Vec<u8> {
    let (r, s) = raw.split_at(raw.len() / 2);
    der::write(SEQUENCE, &[&der::write_integer(r), &der::write_integer(s)])
}

fn ecdsa_raw(signature: &[u8], size: usize) -> Option<Vec<u8>> {
    let mut numbers = Elements::in_sequence(signature)?;
    let mut raw = Vec::new();
    for _ in 0..2 {
        let number = der::unsigned(numbers.read(INTEGER)?)?;
        raw.resize(raw.len() + size.checked_sub(number.len())?, 0);
        raw.extend_from_slice(number);
    }
    // One signature has one form, as in OpenSSL.
    (ecdsa_der(&raw) == signature).then_some(raw)
}

/// What is done with a padding scheme, whichever type it is.
trait WithScheme {
    type Output;
    fn run(self, scheme: impl SignatureScheme) -> Self::Output;
    /// The salt when none is asked for.
    fn salt(&self) -> Option<usize>;
}

struct Sign<'a> {
    key: &'a rsa::PrivateKey,
    hash: &'a [u8],
}

impl WithScheme for Sign<'_> {
    type Output = Option<Vec<u8>>;

    fn run(self, scheme: impl SignatureScheme) -> Self::Output {
        self.key.sign_with_rng(&mut HostRandom, scheme, self.hash).ok()
    }

    /// OpenSSL's default is the longest that fits; a key too small for none at all fails at signing.
    fn salt(&self) -> Option<usize> {
        use rsa::traits::PublicKeyParts;
        let room = (self.key.n().bit_width() as usize - 1).div_ceil(8);
        Some(room.saturating_sub(self.hash.len() + 2))
    }
}

struct Check<'a> {
    key: &'a rsa::PublicKey,
    hash: &'a [u8],
    signature: &'a [u8],
}

impl WithScheme for Check<'_> {
    type Output = bool;

    fn run(self, scheme: impl SignatureScheme) -> bool {
        self.key.verify(scheme, self.hash, self.signature).is_ok()
    }

    fn salt(&self) -> Option<usize> {
        None
    }
}

fn rsa_scheme<W: WithScheme>(algorithm: Algorithm, padding: Padding, work: W) -> Result<W::Output, Failed> {
    let prefix = algorithm.rsa_prefix().ok_or(Failed::DigestNotAllowed)?;
    match padding {
        Padding::Pkcs1 => {
            Ok(work.run(Pkcs1v15Sign { hash_len: Some(algorithm.size()), prefix: prefix.into() }))
        }
        Padding::Pss(salt) => {
            let salt_len = salt.or_else(|| work.salt());
            with_sized!(algorithm, digest => work.run(Pss { blinded: true, digest: digest(), salt_len }))
                .ok_or(Failed::DigestNotAllowed)
        }
    }
}
