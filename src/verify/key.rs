//! The key that checks a signature: the secret of an HMAC, or a public key.
//!
//! Used by `signature`. Ed25519 (RFC 8032) is checked strictly: no weak keys, and no second form of a signature.

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

use super::{
    Role, SchemeError, SignError, mac,
    mac::Tag,
    public_key::{Manner, PublicKey, serial},
    secret::Secret,
};
use crate::model::{Algorithm, SecretEncoding};

/// The length of an Ed25519 signature, bytes.
const SIGNATURE: usize = 64;

/// One key of a scheme.
#[derive(Debug)]
pub(super) struct Key {
    /// The last moment at which the key is accepted, milliseconds since the epoch.
    pub(super) until_ms: Option<u64>,
    /// The moment from which it is accepted, milliseconds since the epoch.
    pub(super) from_ms: u64,
    /// The text before its signatures, such as `v1,`.
    pub(super) prefix: String,
    /// What the sender calls it, in the one spelling in which names are compared.
    id: Option<String>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Hmac {
        algorithm: Algorithm,
        secret: Secret,
    },
    /// Boxed, because it is larger than the others and rare.
    Ed25519 {
        public: Box<VerifyingKey>,
        private: Option<Box<SigningKey>>,
    },
    Public(Box<PublicKey>),
}

/// How the text of a secret becomes a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form<'a> {
    /// The secret of an HMAC. `strip` is removed from its beginning.
    Hmac { algorithm: Algorithm, prefix: &'a str, encoding: SecretEncoding, strip: &'a str },
    /// Standard Webhooks: `whsec_` and base64 for HMAC-SHA256 (v1), `whpk_` and base64 for Ed25519 (v1a).
    Standard,
    /// 32 bytes of Ed25519 in hex: the receiver's key is public, the sender's is private.
    Ed25519,
    /// A public key or a certificate at the receiver, a private key at the sender.
    Public { manner: Manner, prefix: &'a str },
}

impl Key {
    /// `number` is the secret's place in the list, counted from 1.
    pub(super) fn new(
        form: Form<'_>,
        secret: &Secret,
        number: usize,
        role: Role,
    ) -> Result<Self, SchemeError> {
        let wrong = |encoding| SchemeError::SecretEncoding { number, encoding };
        let key = |prefix: &str, kind| Self {
            until_ms: secret.until_ms(),
            from_ms: 0,
            prefix: prefix.to_owned(),
            id: None,
            kind,
        };
        match form {
            Form::Hmac { algorithm, prefix, encoding, strip } => {
                let secret = decoded(secret, encoding, strip, number)?;
                Ok(key(prefix, Kind::Hmac { algorithm, secret }))
            }
            Form::Standard => {
                if let Some(public) = secret.text().strip_prefix("whpk_") {
                    let bytes = STANDARD.decode(public).map_err(|_| wrong("base64 with padding"))?;
                    return Ok(key("v1a,", public_key(&bytes, number)?));
                }
                if let Some(private) = secret.text().strip_prefix("whsk_") {
                    let bytes = STANDARD.decode(private).map_err(|_| wrong("base64 with padding"))?;
                    return Ok(key("v1a,", private_key(&bytes, number, role)?));
                }
                let secret = decoded(secret, SecretEncoding::Base64, "whsec_", number)?;
                Ok(key("v1,", Kind::Hmac { algorithm: Algorithm::Sha256, secret }))
            }
            Form::Ed25519 => {
                let bytes = hex::decode(secret.bytes()).map_err(|_| wrong("hex"))?;
                let kind = match role {
                    Role::Receiver => public_key(&bytes, number)?,
                    Role::Sender => private_key(&bytes, number, role)?,
                };
                Ok(key("", kind))
            }
            Form::Public { manner, prefix } => {
                let public = PublicKey::read(secret.text(), manner, number, role)?;
                let certificate = public.certificate.clone();
                let mut key = key(prefix, Kind::Public(Box::new(public)));
                if let Some(certificate) = certificate {
                    key.id = Some(certificate.serial);
                    key.from_ms = certificate.from_ms;
                    key.until_ms = Some(certificate.until_ms.min(key.until_ms.unwrap_or(u64::MAX)));
                }
                Ok(key)
            }
        }
    }

    /// The same key under the name that a setting gives it.
    pub(super) fn named(self, id: Option<&str>) -> Self {
        Self { id: id.map(serial).or(self.id), ..self }
    }

    /// What the sender calls it.
    pub(super) fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// Whether the sender may mean this key. A key without a name may always be meant.
    pub(super) fn may_be(&self, id: &str) -> bool {
        self.id.as_ref().is_none_or(|own| *own == serial(id))
    }

    /// The length of its signatures in bytes, if all have the same.
    pub(super) fn length(&self) -> Option<usize> {
        match &self.kind {
            Kind::Hmac { algorithm, .. } => Some(mac::length(*algorithm)),
            Kind::Ed25519 { .. } => Some(SIGNATURE),
            Kind::Public(_) => None,
        }
    }

    /// Whether one of the `claimed` signatures is this key's signature of `parts`.
    pub(super) fn matches(&self, parts: &[&[u8]], claimed: &[Vec<u8>]) -> bool {
        match &self.kind {
            Kind::Hmac { algorithm, secret } => {
                let tag = Tag::compute(*algorithm, secret, parts);
                claimed.iter().any(|claimed| tag.matches(claimed))
            }
            Kind::Ed25519 { public, .. } => {
                let message = parts.concat();
                let good = |signature| public.verify_strict(&message, &signature).is_ok();
                claimed.iter().any(|claimed| Signature::from_slice(claimed).is_ok_and(good))
            }
            Kind::Public(public) => {
                let message = parts.concat();
                claimed.iter().any(|claimed| public.matches(&message, claimed))
            }
        }
    }

    /// This key's signature of `parts`.
    pub(super) fn sign(&self, parts: &[&[u8]]) -> Result<Vec<u8>, SignError> {
        match &self.kind {
            Kind::Hmac { algorithm, secret } => Ok(Tag::compute(*algorithm, secret, parts).bytes().to_vec()),
            Kind::Ed25519 { private, .. } => {
                let private = private.as_ref().ok_or(SignError::NoPrivateKey)?;
                Ok(private.sign(&parts.concat()).to_bytes().to_vec())
            }
            Kind::Public(key) => key.sign(&parts.concat()),
        }
    }
}

/// The bytes of an HMAC's secret.
pub(super) fn decoded(
    secret: &Secret,
    encoding: SecretEncoding,
    strip: &str,
    number: usize,
) -> Result<Secret, SchemeError> {
    let text = secret.bytes();
    let text = text.strip_prefix(strip.as_bytes()).unwrap_or(text);
    let wrong = |encoding| SchemeError::SecretEncoding { number, encoding };
    let key = match encoding {
        SecretEncoding::Utf8 => text.to_vec(),
        SecretEncoding::Base64 => STANDARD.decode(text).map_err(|_| wrong("base64 with padding"))?,
        SecretEncoding::Hex => hex::decode(text).map_err(|_| wrong("hex"))?,
    };
    if key.is_empty() { Err(SchemeError::EmptySecret { number }) } else { Ok(secret.with_bytes(key)) }
}

fn public_key(bytes: &[u8], number: usize) -> Result<Kind, SchemeError> {
    let wrong = || SchemeError::PublicKey { number };
    let public = VerifyingKey::from_bytes(bytes.try_into().map_err(|_| wrong())?).map_err(|_| wrong())?;
    // A weak key has signatures that fit every message.
    if public.is_weak() {
        return Err(wrong());
    }
    Ok(Kind::Ed25519 { public: Box::new(public), private: None })
}

/// 32 bytes, or 64 bytes with the public key at the end.
fn private_key(bytes: &[u8], number: usize, role: Role) -> Result<Kind, SchemeError> {
    if role == Role::Receiver {
        return Err(SchemeError::PrivateKey { number });
    }
    let wrong = || SchemeError::PublicKey { number };
    let private = match <&[u8; 64]>::try_from(bytes) {
        Ok(pair) => SigningKey::from_keypair_bytes(pair).map_err(|_| wrong())?,
        Err(_) => SigningKey::from_bytes(bytes.try_into().map_err(|_| wrong())?),
    };
    Ok(Kind::Ed25519 { public: Box::new(private.verifying_key()), private: Some(Box::new(private)) })
}
