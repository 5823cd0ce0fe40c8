//! New keys of each kind, and shared secrets: ECDH on the curves of `ec.rs`, X25519 (RFC 7748).

use boa_engine::{Context, JsArgs, JsNativeError, JsObject, JsResult, JsValue};
use rsa::BoxedUint;

use super::{
    ec::Curve,
    keys::Key,
    native::{array_buffer, bytes_argument, coded, define, size_argument, text_argument},
    sign::{HostRandom, key_argument, wrap},
};
use crate::host;

/// Bits of an RSA key that is made here; the search for more is more than a step may compute.
const RSA_BITS: std::ops::RangeInclusive<usize> = 1024..=4096;

pub(crate) fn register(target: &JsObject, context: &mut Context) -> JsResult<()> {
    define(
        target,
        &[
            ("keyGenerate", generate),
            ("keyGenerateRsa", generate_rsa),
            ("keyAgree", agree),
            ("curveName", curve_name),
            ("ecSecret", secret),
            ("ecPublic", public),
            ("ecPoint", point),
            ("ecAgree", ec_agree),
        ],
        context,
    )
}

/// `keyGenerate('ed25519' | 'x25519' | curve) -> key | undefined`
fn generate(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let kind = text_argument(args, 0, context)?;
    let mut seed = [0; 32];
    Ok(match (kind.as_str(), Curve::from_name(&kind)) {
        ("ed25519", _) => {
            host::random(&mut seed);
            wrap(Key::ed_private(&seed))
        }
        ("x25519", _) => {
            host::random(&mut seed);
            // Clamped, as OpenSSL keeps them.
            seed[0] &= 248;
            seed[31] = seed[31] & 127 | 64;
            wrap(Key::XPrivate(seed))
        }
        (_, Some(curve)) => {
            let secret = new_secret(curve);
            Key::ec_private(curve, &secret).map_or(JsValue::undefined(), wrap)
        }
        (_, None) => JsValue::undefined(),
    })
}

/// A scalar of the curve, each as likely as any other.
fn new_secret(curve: Curve) -> Vec<u8> {
    let mut bytes = vec![0; curve.size()];
    loop {
        host::random(&mut bytes);
        if curve == Curve::P521 {
            // Its field has 521 bits of 528.
            bytes[0] &= 1;
        }
        // But for P-521, where it is one of 2, all but one in 2^32 are below the order.
        if let Some(secret) = curve.secret(&bytes) {
            return secret;
        }
    }
}

/// `keyGenerateRsa(bits, exponent) -> key`
fn generate_rsa(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let (bits, exponent) = (size_argument(args, 0), size_argument(args, 1));
    // With an even exponent the search would have no end.
    let key = (RSA_BITS.contains(&bits) && exponent >= 3 && exponent % 2 == 1)
        .then(|| rsa::PrivateKey::new_with_exp(&mut HostRandom, bits, BoxedUint::from(exponent as u64)).ok());
    match key.flatten() {
        Some(key) => Ok(wrap(Key::RsaPrivate(Box::new(key)))),
        None => {
            let message = format!(
                "The property 'options.modulusLength' or 'options.publicExponent' is invalid: here an RSA key has {} to {} bits, and its exponent is odd. Received {bits} and {exponent}",
                RSA_BITS.start(),
                RSA_BITS.end(),
            );
            Err(coded(JsNativeError::typ(), "ERR_INVALID_ARG_VALUE", message, context))
        }
    }
}

/// `keyAgree(private key, public key) -> ArrayBuffer`
fn agree(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let shared = match (key_argument(args, 0)?, key_argument(args, 1)?.public_of()) {
        (Key::EcPrivate { curve, secret, .. }, Key::EcPublic { curve: other, point }) if curve == other => {
            curve.agree(&secret, &point)
        }
        (Key::XPrivate(secret), Key::XPublic(point)) => {
            // All zeros: a point of small order, whose secret everybody knows (RFC 7748, 6.1).
            let shared = x25519_dalek::x25519(secret, point);
            shared.iter().any(|&byte| byte != 0).then(|| shared.to_vec())
        }
        _ => None,
    };
    match shared {
        Some(bytes) => array_buffer(bytes, context),
        None => {
            let message = "error:1C8000A4:Provider routines::failed during derivation";
            Err(coded(JsNativeError::error(), "ERR_OSSL_FAILED_DURING_DERIVATION", message, context))
        }
    }
}

fn curve_argument(args: &[JsValue], context: &mut Context) -> JsResult<Curve> {
    let name = text_argument(args, 0, context)?;
    Curve::from_name(&name).ok_or_else(|| {
        let there = Curve::ALL.map(|curve| curve.names().0).join(", ");
        let message = format!("Invalid EC curve name (there are {there})");
        coded(JsNativeError::typ(), "ERR_CRYPTO_INVALID_CURVE", message, context)
    })
}

/// `curveName(name) -> OpenSSL's`; without a name all of them.
fn curve_name(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let names = match args.get_or_undefined(0).is_undefined() {
        true => Curve::ALL.map(|curve| curve.names().0).join(" "),
        false => curve_argument(args, context)?.names().0.to_owned(),
    };
    Ok(boa_engine::JsString::from(names.as_str()).into())
}

/// `ecSecret(curve, bytes | undefined) -> ArrayBuffer | undefined`: a secret of these bytes, or a new one.
fn secret(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let curve = curve_argument(args, context)?;
    let secret = match args.get_or_undefined(1).is_undefined() {
        true => Some(new_secret(curve)),
        false => curve.secret(&bytes_argument(args, 1, context)?),
    };
    optional(secret, context)
}

/// `ecPublic(curve, secret) -> ArrayBuffer | undefined`
fn public(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let curve = curve_argument(args, context)?;
    let secret = bytes_argument(args, 1, context)?;
    optional(curve.public(&secret), context)
}

/// `ecPoint(curve, bytes, 'compressed' | 'uncompressed' | 'hybrid') -> ArrayBuffer | undefined`
fn point(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let curve = curve_argument(args, context)?;
    let point = curve.point(&bytes_argument(args, 1, context)?);
    let form = text_argument(args, 2, context)?;
    let point = point.map(|mut point| {
        let odd = point[point.len() - 1] & 1;
        match form.as_str() {
            "compressed" => {
                point[0] = 2 | odd;
                point.truncate(1 + curve.size());
            }
            "hybrid" => point[0] = 6 | odd,
            _ => {}
        }
        point
    });
    optional(point, context)
}

/// `ecAgree(curve, secret, point) -> ArrayBuffer | undefined`
fn ec_agree(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let curve = curve_argument(args, context)?;
    let (secret, point) = (bytes_argument(args, 1, context)?, bytes_argument(args, 2, context)?);
    optional(curve.agree(&secret, &point), context)
}

fn optional(bytes: Option<Vec<u8>>, context: &mut Context) -> JsResult<JsValue> {
    match bytes {
        Some(bytes) => array_buffer(bytes, context),
        None => Ok(JsValue::undefined()),
    }
}
