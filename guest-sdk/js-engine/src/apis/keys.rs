//! Asymmetric keys: RSA, EC on the curves of `ec.rs`, Ed25519, X25519; as JSON Web Keys (RFC 7517, 7518, 8037).
//!
//! `key_der.rs` reads and writes their DER and PEM, `sign.rs` signs with them, `agree.rs` makes them and agrees on secrets. A key that does
//! not parse is an error without any of its bytes.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rsa::{
    BoxedUint,
    traits::{PrivateKeyParts, PublicKeyParts},
};
use serde_json::{Map, Value, json};

use super::ec::Curve;

/// Bits of an RSA modulus. The rsa crate's own least is 1,024; older keys still verify old signatures.
pub(super) const RSA_BITS: std::ops::RangeInclusive<usize> = 512..=16_384;

/// A key of one of the kinds.
#[derive(Clone)]
pub(super) enum Key {
    RsaPrivate(Box<rsa::PrivateKey>),
    RsaPublic(Box<rsa::PublicKey>),
    EcPrivate { curve: Curve, secret: Vec<u8>, point: Vec<u8> },
    EcPublic { curve: Curve, point: Vec<u8> },
    EdPrivate(Box<ed25519_dalek::SigningKey>),
    EdPublic(Box<ed25519_dalek::VerifyingKey>),
    XPrivate([u8; 32]),
    XPublic([u8; 32]),
}

/// The bytes of an RSA key's numbers, as it comes from outside; `None` when it is a public key.
pub(super) struct RsaNumbers<'a> {
    pub n: &'a [u8],
    pub e: &'a [u8],
    /// d, p and q.
    pub private: Option<[&'a [u8]; 3]>,
}

impl Key {
    /// `None` when the numbers do not fit each other, or are too small or too large.
    pub fn rsa(numbers: &RsaNumbers<'_>) -> Option<Self> {
        let number = BoxedUint::from_be_slice_vartime;
        let (n, e) = (number(numbers.n), number(numbers.e));
        let Some([d, p, q]) = numbers.private else {
            let key = rsa::PublicKey::new_with_size_limits(n, e, RSA_BITS).ok()?;
            return Some(Self::RsaPublic(Box::new(key)));
        };
        let key = rsa::PrivateKey::from_components(n, e, number(d), vec![number(p), number(q)]).ok()?;
        Some(Self::RsaPrivate(Box::new(key)))
    }

    /// From a scalar of any written length.
    pub fn ec_private(curve: Curve, secret: &[u8]) -> Option<Self> {
        let secret = curve.secret(secret)?;
        let point = curve.public(&secret)?;
        Some(Self::EcPrivate { curve, secret, point })
    }

    /// From a point in any of SEC 1's forms.
    pub fn ec_public(curve: Curve, point: &[u8]) -> Option<Self> {
        Some(Self::EcPublic { curve, point: curve.point(point)? })
    }

    pub fn ed_private(seed: &[u8; 32]) -> Self {
        Self::EdPrivate(Box::new(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    pub fn ed_public(bytes: &[u8; 32]) -> Option<Self> {
        ed25519_dalek::VerifyingKey::from_bytes(bytes).ok().map(|key| Self::EdPublic(Box::new(key)))
    }

    /// From a JSON Web Key.
    pub fn from_jwk(text: &str) -> Option<Self> {
        let jwk: Map<String, Value> = serde_json::from_str(text).ok()?;
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
        let fixed = |name: &str| <[u8; 32]>::try_from(bytes(name)?).ok();
        let is_private = text("d").is_some();
        match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                let [d, p, q] = ["d", "p", "q"].map(|name| bytes(name).unwrap_or_default());
                let private = is_private.then_some([&d[..], &p, &q]);
                Self::rsa(&RsaNumbers { n: &n, e: &e, private })
            }
            ("EC", Some(crv)) => {
                let curve =
                    Curve::ALL.into_iter().find(|curve| *curve != Curve::Sm2 && curve.names().1 == crv)?;
                let (x, y) = (bytes("x")?, bytes("y")?);
                if x.len() != curve.size() || y.len() != curve.size() {
                    return None;
                }
                let public = Self::ec_public(curve, &[&[4], &x[..], &y].concat())?;
                if !is_private {
                    return Some(public);
                }
                let private = Self::ec_private(curve, &bytes("d")?)?;
                (private.public_of().to_jwk() == public.to_jwk()).then_some(private)
            }
            ("OKP", Some("Ed25519")) if is_private => Some(Self::ed_private(&fixed("d")?)),
            ("OKP", Some("Ed25519")) => Self::ed_public(&fixed("x")?),
            ("OKP", Some("X25519")) if is_private => Some(Self::XPrivate(fixed("d")?)),
            ("OKP", Some("X25519")) => Some(Self::XPublic(fixed("x")?)),
            _ => None,
        }
    }

    /// As a JSON Web Key; null for SM2, which has none.
    pub fn to_jwk(&self) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match self {
            Self::EcPrivate { curve: Curve::Sm2, .. } | Self::EcPublic { curve: Curve::Sm2, .. } => {
                Value::Null
            }
            Self::RsaPublic(key) => {
                json!({ "kty": "RSA", "n": text(&key.n_bytes()), "e": text(&key.e_bytes()) })
            }
            Self::RsaPrivate(key) => {
                let mut jwk = self.public_of().to_jwk();
                let number = |number: &BoxedUint| text(&number.to_be_bytes_trimmed_vartime());
                jwk["d"] = number(key.d()).into();
                for (name, prime) in ["p", "q"].into_iter().zip(key.primes()) {
                    jwk[name] = number(prime).into();
                }
                for (name, part) in [("dp", key.dp()), ("dq", key.dq())] {
                    jwk[name] = part.map(number).into();
                }
                jwk["qi"] = key.crt_coefficient().as_ref().map(number).into();
                jwk
            }
            Self::EcPublic { curve, point } => {
                let (x, y) = point[1..].split_at(curve.size());
                json!({ "kty": "EC", "crv": curve.names().1, "x": text(x), "y": text(y) })
            }
            Self::EcPrivate { secret, .. } => {
                let mut jwk = self.public_of().to_jwk();
                jwk["d"] = text(secret).into();
                jwk
            }
            Self::EdPublic(key) => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(key.as_bytes()) }),
            Self::EdPrivate(key) => {
                let mut jwk = self.public_of().to_jwk();
                jwk["d"] = text(key.as_bytes()).into();
                jwk
            }
            Self::XPublic(key) => json!({ "kty": "OKP", "crv": "X25519", "x": text(key) }),
            Self::XPrivate(secret) => {
                let mut jwk = self.public_of().to_jwk();
                jwk["d"] = text(secret).into();
                jwk
            }
        }
    }

    /// The public key of a private one; of a public one, itself.
    pub fn public_of(&self) -> Self {
        match self {
            Self::RsaPrivate(key) => Self::RsaPublic(Box::new(key.to_public_key())),
            Self::EcPrivate { curve, point, .. } => Self::EcPublic { curve: *curve, point: point.clone() },
            Self::EdPrivate(key) => Self::EdPublic(Box::new(key.verifying_key())),
            Self::XPrivate(secret) => {
                Self::XPublic(x25519_dalek::x25519(*secret, x25519_dalek::X25519_BASEPOINT_BYTES))
            }
            Self::RsaPublic(_) | Self::EcPublic { .. } | Self::EdPublic(_) | Self::XPublic(_) => self.clone(),
        }
    }

    /// As Node's `asymmetricKeyType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RsaPrivate(_) | Self::RsaPublic(_) => "rsa",
            Self::EcPrivate { .. } | Self::EcPublic { .. } => "ec",
            Self::EdPrivate(_) | Self::EdPublic(_) => "ed25519",
            Self::XPrivate(_) | Self::XPublic(_) => "x25519",
        }
    }

    /// Bits of the modulus, the curve's name, or nothing.
    pub fn detail(&self) -> String {
        match self {
            Self::RsaPrivate(key) => key.n().bit_width().to_string(),
            Self::RsaPublic(key) => key.n().bit_width().to_string(),
            Self::EcPrivate { curve, .. } | Self::EcPublic { curve, .. } => curve.names().0.to_owned(),
            Self::EdPrivate(_) | Self::EdPublic(_) | Self::XPrivate(_) | Self::XPublic(_) => String::new(),
        }
    }

    pub fn is_private(&self) -> bool {
        match self {
            Self::RsaPrivate(_) | Self::EcPrivate { .. } | Self::EdPrivate(_) | Self::XPrivate(_) => true,
            Self::RsaPublic(_) | Self::EcPublic { .. } | Self::EdPublic(_) | Self::XPublic(_) => false,
        }
    }
}
