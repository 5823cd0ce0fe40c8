//! Signatures with `keys.rs`: RSA (PKCS #1 v1.5 and PSS, RFC 8017), ECDSA on P-256 and Ed25519 (RFC 8032).
//!
//! A key is an object that the prelude keeps inside its `KeyObject`. RSA's private operation is blinded with the run's
//! randomness; PKCS #1 and Ed25519 signatures are the same whatever that is, and ECDSA's nonce is RFC 6979's.

use std::convert::Infallible;

use boa_engine::{
    Context, Finalize, JsArgs, JsData, JsNativeError, JsObject, JsResult, JsString, JsValue, Trace,
};
use p256::ecdsa::signature::hazmat::{PrehashSigner, PrehashVerifier};
use rsa::{
    Pkcs1v15Sign, Pss, rand_core,
    signature::{Signer, Verifier},
    traits::SignatureScheme,
};
use sha1::Sha1;
use sha2::{Digest, Sha224, Sha256, Sha384, Sha512};

use super::{
    algorithm::{Algorithm, with_digest},
    keys::Key,
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
            ("keyGenerate", generate),
            ("keyKind", kind),
            ("keyPublic", public),
            ("keyDer", der),
            ("keyJwk", jwk),
            ("sign", sign),
            ("verify", verify),
        ],
        context,
    )
}

fn wrap(key: Key) -> JsValue {
    JsObject::from_proto_and_data(None, State { key: Box::new(key) }).into()
}

pub(super) fn key_argument(args: &[JsValue]) -> JsResult<Key> {
    let object = args.get_or_undefined(0).as_object();
    let key =
        object.as_ref().and_then(|object| object.downcast_ref::<State>()).map(|state| (*state.key).clone());
    key.ok_or_else(|| JsNativeError::typ().with_message("not a key").into())
}

/// `keyParse(bytes) -> key | undefined`
fn parse(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let bytes = bytes_argument(args, 0, context)?;
    Ok(Key::parse(&bytes).map_or(JsValue::undefined(), wrap))
}

/// `keyFromJwk(json) -> key | undefined`
fn from_jwk(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let text = text_argument(args, 0, context)?;
    Ok(Key::from_jwk(&text).map_or(JsValue::undefined(), wrap))
}

/// `keyGenerate('ec' | 'ed25519') -> key`
fn generate(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let kind = text_argument(args, 0, context)?;
    let key = loop {
        let mut seed = [0; 32];
        host::random(&mut seed);
        if kind == "ed25519" {
            break Key::EdPrivate(Box::new(ed25519_dalek::SigningKey::from_bytes(&seed)));
        }
        // All but one in 2^32 seeds are a scalar of the curve.
        if let Ok(key) = p256::ecdsa::SigningKey::from_slice(&seed) {
            break Key::EcPrivate(key);
        }
    };
    Ok(wrap(key))
}

/// `keyKind(key) -> 'private rsa 2048'`
fn kind(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    let key = key_argument(args)?;
    let half = if key.is_private() { "private" } else { "public" };
    Ok(JsString::from(format!("{half} {} {}", key.kind(), key.bits()).as_str()).into())
}

/// `keyPublic(key) -> key`
fn public(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    Ok(wrap(key_argument(args)?.public_of()))
}

/// `keyDer(key, format) -> ArrayBuffer | undefined`
fn der(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let format = text_argument(args, 1, context)?;
    match key_argument(args)?.to_der(&format) {
        Some(bytes) => array_buffer(bytes, context),
        None => Ok(JsValue::undefined()),
    }
}

/// `keyJwk(key) -> json`
fn jwk(_: &JsValue, args: &[JsValue], _: &mut Context) -> JsResult<JsValue> {
    Ok(JsString::from(key_argument(args)?.to_jwk().to_string().as_str()).into())
}

/// How RSA pads.
enum Padding {
    Pkcs1,
    /// Bytes of salt; none: as many as the signature has, or for signing as many as the hash.
    Pss(Option<usize>),
}

/// What `sign` and `verify` take after the key: `(digest, data, 'pkcs1' | 'pss' | 'der' | 'p1363', salt length)`.
struct Request {
    algorithm: Option<Algorithm>,
    data: Vec<u8>,
    form: String,
    padding: Padding,
}

fn request(args: &[JsValue], context: &mut Context) -> JsResult<Request> {
    let algorithm = match args.get_or_undefined(1).is_null_or_undefined() {
        true => None,
        false => Some(Algorithm::argument(args, 1, context)?),
    };
    let data = bytes_argument(args, 2, context)?;
    let form = text_argument(args, 3, context)?;
    let salt = args.get_or_undefined(4);
    let padding = match form.as_str() {
        "pss" => Padding::Pss((!salt.is_undefined()).then(|| size_argument(args, 4))),
        _ => Padding::Pkcs1,
    };
    Ok(Request { algorithm, data, form, padding })
}

/// `sign(key, digest, data, form, salt length) -> ArrayBuffer`
fn sign(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Request { algorithm, data, form, padding } = request(args, context)?;
    let signature = match (&key_argument(args)?, algorithm) {
        (Key::EdPrivate(key), None) => Some(key.sign(&data).to_vec()),
        (Key::EcPrivate(key), Some(algorithm)) => {
            let hash = hash(algorithm, &data);
            let signature: Option<p256::ecdsa::Signature> = key.sign_prehash(&hash).ok();
            signature.map(|signature| match form.as_str() {
                "p1363" => signature.to_vec(),
                _ => signature.to_der().as_bytes().to_vec(),
            })
        }
        (Key::RsaPrivate(key), Some(algorithm)) => {
            let hash = hash(algorithm, &data);
            rsa_scheme(algorithm, &padding, hash.len(), Sign { key, hash: &hash }).flatten()
        }
        _ => None,
    };
    match signature {
        Some(bytes) => array_buffer(bytes, context),
        None => {
            let message = "the key cannot sign this: it is public, or does not fit the algorithm";
            Err(coded(JsNativeError::error(), "ERR_CRYPTO_OPERATION_FAILED", message, context))
        }
    }
}

/// `verify(key, digest, data, form, salt length, signature) -> boolean`
fn verify(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Request { algorithm, data, form, padding } = request(args, context)?;
    let signature = bytes_argument(args, 5, context)?;
    let valid = match (&key_argument(args)?.public_of(), algorithm) {
        (Key::EdPublic(key), None) => ed25519_dalek::Signature::from_slice(&signature)
            .is_ok_and(|signature| key.verify(&data, &signature).is_ok()),
        (Key::EcPublic(key), Some(algorithm)) => {
            let parsed = match form.as_str() {
                "p1363" => p256::ecdsa::Signature::from_slice(&signature),
                _ => p256::ecdsa::Signature::from_der(&signature),
            };
            parsed.is_ok_and(|signature| key.verify_prehash(&hash(algorithm, &data), &signature).is_ok())
        }
        (Key::RsaPublic(key), Some(algorithm)) => {
            let hash = hash(algorithm, &data);
            let check = Check { key, hash: &hash, signature: &signature };
            rsa_scheme(algorithm, &padding, hash.len(), check).unwrap_or(false)
        }
        _ => {
            let message = "the key does not fit the algorithm";
            return Err(coded(JsNativeError::error(), "ERR_CRYPTO_OPERATION_FAILED", message, context));
        }
    };
    Ok(valid.into())
}

fn hash(algorithm: Algorithm, data: &[u8]) -> Vec<u8> {
    with_digest!(algorithm, D => D::digest(data).to_vec())
}

/// What is done with a padding scheme, whichever type it is.
trait WithScheme {
    type Output;
    fn run(self, scheme: impl SignatureScheme) -> Self::Output;
    /// The salt when none is asked for.
    fn salt(&self, hash: usize) -> Option<usize>;
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

    fn salt(&self, hash: usize) -> Option<usize> {
        Some(hash)
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

    fn salt(&self, _: usize) -> Option<usize> {
        None
    }
}

/// `None` for a hash that RSA signatures do not use.
fn rsa_scheme<W: WithScheme>(
    algorithm: Algorithm,
    padding: &Padding,
    hash: usize,
    work: W,
) -> Option<W::Output> {
    macro_rules! with {
        ($D:ty) => {
            match padding {
                Padding::Pkcs1 => work.run(Pkcs1v15Sign::new::<$D>()),
                Padding::Pss(salt) => {
                    let salt_len = salt.or_else(|| work.salt(hash));
                    work.run(Pss { blinded: true, digest: <$D>::new(), salt_len })
                }
            }
        };
    }
    Some(match algorithm {
        Algorithm::Sha1 => with!(Sha1),
        Algorithm::Sha224 => with!(Sha224),
        Algorithm::Sha256 => with!(Sha256),
        Algorithm::Sha384 => with!(Sha384),
        Algorithm::Sha512 => with!(Sha512),
        Algorithm::Md5 | Algorithm::Ripemd160 | Algorithm::Sha512of224 | Algorithm::Sha512of256 => {
            return None;
        }
    })
}
