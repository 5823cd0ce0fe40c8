//! Asymmetric keys: RSA, ECDSA on P-256, Ed25519, from PEM, DER and JWK and back.
//!
//! `sign.rs` signs with them. Which of the formats a text has is told by what it holds, as OpenSSL does; nothing is guessed
//! beyond that, and a key that does not parse is an error without any of its bytes.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use rsa::{
    BoxedUint,
    pkcs1::{DecodeRsaPrivateKey, DecodeRsaPublicKey, EncodeRsaPrivateKey, EncodeRsaPublicKey},
    pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey},
    traits::{PrivateKeyParts, PublicKeyParts},
};
use serde_json::{Map, Value, json};

use super::der;

/// A key of one of the kinds.
#[derive(Clone)]
pub(super) enum Key {
    RsaPrivate(Box<rsa::PrivateKey>),
    RsaPublic(Box<rsa::PublicKey>),
    EcPrivate(p256::ecdsa::SigningKey),
    EcPublic(p256::ecdsa::VerifyingKey),
    EdPrivate(Box<ed25519_dalek::SigningKey>),
    EdPublic(Box<ed25519_dalek::VerifyingKey>),
}

impl Key {
    /// From PEM text or DER bytes: PKCS #8, PKCS #1, SEC 1, SPKI, or the public key of an X.509 certificate.
    pub fn parse(input: &[u8]) -> Option<Self> {
        let Some((label, bytes)) = der::pem(input) else {
            return Self::private(input).or_else(|| Self::public(input)).or_else(|| Self::pkcs1(input));
        };
        match label.as_str() {
            "PRIVATE KEY" => Self::private(&bytes),
            "PUBLIC KEY" => Self::public(&bytes),
            "RSA PRIVATE KEY" | "RSA PUBLIC KEY" => Self::pkcs1(&bytes),
            "EC PRIVATE KEY" => {
                p256::SecretKey::from_sec1_der(&bytes).ok().map(|key| Self::EcPrivate(key.into()))
            }
            "CERTIFICATE" => der::certificate_key(&bytes).and_then(Self::public),
            _ => None,
        }
    }

    fn private(der: &[u8]) -> Option<Self> {
        if let Ok(key) = rsa::PrivateKey::from_pkcs8_der(der) {
            return Some(Self::RsaPrivate(Box::new(key)));
        }
        if let Ok(key) = p256::ecdsa::SigningKey::from_pkcs8_der(der) {
            return Some(Self::EcPrivate(key));
        }
        ed25519_dalek::SigningKey::from_pkcs8_der(der).ok().map(|key| Self::EdPrivate(Box::new(key)))
    }

    fn public(der: &[u8]) -> Option<Self> {
        if let Ok(key) = rsa::PublicKey::from_public_key_der(der) {
            return Some(Self::RsaPublic(Box::new(key)));
        }
        if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(der) {
            return Some(Self::EcPublic(key));
        }
        ed25519_dalek::VerifyingKey::from_public_key_der(der).ok().map(|key| Self::EdPublic(Box::new(key)))
    }

    fn pkcs1(der: &[u8]) -> Option<Self> {
        if let Ok(key) = rsa::PrivateKey::from_pkcs1_der(der) {
            return Some(Self::RsaPrivate(Box::new(key)));
        }
        rsa::PublicKey::from_pkcs1_der(der).ok().map(|key| Self::RsaPublic(Box::new(key)))
    }

    /// From a JSON Web Key (RFC 7517, RFC 8037).
    pub fn from_jwk(text: &str) -> Option<Self> {
        let jwk: Map<String, Value> = serde_json::from_str(text).ok()?;
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(text(name)?.trim_end_matches('=')).ok();
        let number = |name: &str| Some(BoxedUint::from_be_slice_vartime(&bytes(name)?));
        match (text("kty")?, text("crv")) {
            ("RSA", _) => {
                let public = rsa::PublicKey::new(number("n")?, number("e")?).ok()?;
                if text("d").is_none() {
                    return Some(Self::RsaPublic(Box::new(public)));
                }
                let primes = vec![number("p")?, number("q")?];
                let key = rsa::PrivateKey::from_components(number("n")?, number("e")?, number("d")?, primes);
                key.ok().map(|key| Self::RsaPrivate(Box::new(key)))
            }
            ("EC", Some("P-256")) => {
                if text("d").is_some() {
                    return p256::ecdsa::SigningKey::from_slice(&bytes("d")?).ok().map(Self::EcPrivate);
                }
                let point = [&[4][..], &bytes("x")?, &bytes("y")?].concat();
                p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok().map(Self::EcPublic)
            }
            ("OKP", Some("Ed25519")) => {
                let fixed = |name: &str| <[u8; 32]>::try_from(bytes(name)?).ok();
                if text("d").is_some() {
                    let key = ed25519_dalek::SigningKey::from_bytes(&fixed("d")?);
                    return Some(Self::EdPrivate(Box::new(key)));
                }
                let key = ed25519_dalek::VerifyingKey::from_bytes(&fixed("x")?).ok()?;
                Some(Self::EdPublic(Box::new(key)))
            }
            _ => None,
        }
    }

    /// As a JSON Web Key.
    pub fn to_jwk(&self) -> Value {
        let text = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
        match self {
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
            Self::EcPublic(key) => {
                let point = key.to_sec1_point(false);
                let (x, y) = point.as_bytes()[1..].split_at(32);
                json!({ "kty": "EC", "crv": "P-256", "x": text(x), "y": text(y) })
            }
            Self::EcPrivate(key) => {
                let mut jwk = self.public_of().to_jwk();
                jwk["d"] = text(&key.to_bytes()).into();
                jwk
            }
            Self::EdPublic(key) => json!({ "kty": "OKP", "crv": "Ed25519", "x": text(key.as_bytes()) }),
            Self::EdPrivate(key) => {
                let mut jwk = self.public_of().to_jwk();
                jwk["d"] = text(key.as_bytes()).into();
                jwk
            }
        }
    }

    /// As DER in `pkcs8`, `spki` or `pkcs1`; `None` for a format that this kind does not have.
    pub fn to_der(&self, format: &str) -> Option<Vec<u8>> {
        let secret = |document: rsa::pkcs8::SecretDocument| document.as_bytes().to_vec();
        match (self, format) {
            (Self::RsaPrivate(key), "pkcs8") => key.to_pkcs8_der().ok().map(secret),
            (Self::RsaPrivate(key), "pkcs1") => key.to_pkcs1_der().ok().map(secret),
            (Self::EcPrivate(key), "pkcs8") => key.to_pkcs8_der().ok().map(secret),
            // Without the public key, as OpenSSL writes it.
            (Self::EdPrivate(key), "pkcs8") => {
                let bytes =
                    ed25519_dalek::pkcs8::KeypairBytes { secret_key: key.to_bytes(), public_key: None };
                bytes.to_pkcs8_der().ok().map(secret)
            }
            (Self::RsaPublic(key), "spki") => key.to_public_key_der().ok().map(|der| der.into_vec()),
            (Self::RsaPublic(key), "pkcs1") => key.to_pkcs1_der().ok().map(|der| der.into_vec()),
            (Self::EcPublic(key), "spki") => key.to_public_key_der().ok().map(|der| der.into_vec()),
            (Self::EdPublic(key), "spki") => key.to_public_key_der().ok().map(|der| der.into_vec()),
            _ => None,
        }
    }

    /// The public key of a private one; of a public one, itself.
    pub fn public_of(&self) -> Self {
        match self {
            Self::RsaPrivate(key) => Self::RsaPublic(Box::new(key.to_public_key())),
            Self::EcPrivate(key) => Self::EcPublic(*key.verifying_key()),
            Self::EdPrivate(key) => Self::EdPublic(Box::new(key.verifying_key())),
            Self::RsaPublic(_) | Self::EcPublic(_) | Self::EdPublic(_) => self.clone(),
        }
    }

    /// `rsa`, `ec` or `ed25519`, as Node's `asymmetricKeyType`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::RsaPrivate(_) | Self::RsaPublic(_) => "rsa",
            Self::EcPrivate(_) | Self::EcPublic(_) => "ec",
            Self::EdPrivate(_) | Self::EdPublic(_) => "ed25519",
        }
    }

    /// Bits of the modulus, or of the curve.
    pub fn bits(&self) -> usize {
        match self {
            Self::RsaPrivate(key) => key.n().bit_width() as usize,
            Self::RsaPublic(key) => key.n().bit_width() as usize,
            Self::EcPrivate(_) | Self::EcPublic(_) | Self::EdPrivate(_) | Self::EdPublic(_) => 256,
        }
    }

    pub fn is_private(&self) -> bool {
        matches!(self, Self::RsaPrivate(_) | Self::EcPrivate(_) | Self::EdPrivate(_))
    }
}
