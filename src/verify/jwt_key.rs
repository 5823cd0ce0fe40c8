//! The keys of JSON Web Tokens, and tokens whose signature is still to be checked.
//!
//! Used by `jwt`.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Map, Value};

use super::{Role, SchemeError, json_once, key::decoded, secret::Secret};
use crate::model::{JwtAlgorithm, JwtSpec};

#[derive(Debug)]
pub(super) enum Kind {
    /// A key that only checks.
    Public(DecodingKey),
    /// A key that only signs.
    Private(EncodingKey),
    /// A key that does both.
    Shared(DecodingKey, EncodingKey),
}

/// A token whose signature is still to be checked.
pub(super) struct Read {
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
}

impl Read {
    /// The name of its key.
    pub(super) fn key_id(&self) -> Option<String> {
        self.header.get("kid").and_then(Value::as_str).map(str::to_owned)
    }
}

/// Reads a token. One that says more than we understand is refused.
pub(super) fn read(token: &str) -> Result<Read, String> {
    let mut parts = token.split('.');
    let mut part = |name: &str| {
        let text = URL_SAFE_NO_PAD.decode(parts.next().unwrap_or_default());
        let text = text.map_err(|_| format!("its {name} is not base64url"))?;
        json_once::object(&text).map_err(|why| format!("its {name} {why}"))
    };
    let (header, claims) = (part("header")?, part("payload")?);
    // RFC 7515 section 4.1.11: a critical extension that is not understood makes a token invalid. We understand none.
    if header.contains_key("crit") {
        return Err("its `crit` asks for extensions, of which none is known".to_owned());
    }
    // RFC 7797: with `false`, another text is signed.
    if header.get("b64").is_some_and(|b64| *b64 != Value::Bool(true)) {
        return Err("its `b64` says that its payload is not encoded".to_owned());
    }
    Ok(Read { header, claims })
}

pub(super) fn algorithm(algorithm: JwtAlgorithm) -> Algorithm {
    match algorithm {
        JwtAlgorithm::HS256 => Algorithm::HS256,
        JwtAlgorithm::HS384 => Algorithm::HS384,
        JwtAlgorithm::HS512 => Algorithm::HS512,
        JwtAlgorithm::RS256 => Algorithm::RS256,
        JwtAlgorithm::RS384 => Algorithm::RS384,
        JwtAlgorithm::RS512 => Algorithm::RS512,
        JwtAlgorithm::PS256 => Algorithm::PS256,
        JwtAlgorithm::PS384 => Algorithm::PS384,
        JwtAlgorithm::PS512 => Algorithm::PS512,
        JwtAlgorithm::ES256 => Algorithm::ES256,
        JwtAlgorithm::ES384 => Algorithm::ES384,
        JwtAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}

/// What the keys of an algorithm are.
enum Family {
    Rsa,
    Curve,
    Edwards,
    /// Both sides have the same.
    Shared,
}

fn family(algorithm: JwtAlgorithm) -> Family {
    match algorithm {
        JwtAlgorithm::RS256
        | JwtAlgorithm::RS384
        | JwtAlgorithm::RS512
        | JwtAlgorithm::PS256
        | JwtAlgorithm::PS384
        | JwtAlgorithm::PS512 => Family::Rsa,
        JwtAlgorithm::ES256 | JwtAlgorithm::ES384 => Family::Curve,
        JwtAlgorithm::EdDSA => Family::Edwards,
        JwtAlgorithm::HS256 | JwtAlgorithm::HS384 | JwtAlgorithm::HS512 => Family::Shared,
    }
}

pub(super) fn kind(spec: &JwtSpec, secret: &Secret, number: usize, role: Role) -> Result<Kind, SchemeError> {
    if spec.algorithm.is_symmetric() {
        let secret = decoded(secret, spec.secret_encoding, "", number)?;
        let bytes = secret.bytes();
        return Ok(Kind::Shared(DecodingKey::from_secret(bytes), EncodingKey::from_secret(bytes)));
    }
    let pem = secret.bytes();
    let is_private = secret.text().contains("PRIVATE KEY-----");
    let wrong = |_| SchemeError::Pem { number };
    match (role, is_private) {
        (Role::Receiver, true) => Err(SchemeError::PrivateKey { number }),
        (Role::Receiver, false) | (Role::Sender, false) => {
            let key = match family(spec.algorithm) {
                Family::Rsa => DecodingKey::from_rsa_pem(pem),
                Family::Curve => DecodingKey::from_ec_pem(pem),
                Family::Edwards => DecodingKey::from_ed_pem(pem),
                Family::Shared => return Err(SchemeError::Pem { number }),
            };
            key.map(Kind::Public).map_err(wrong)
        }
        (Role::Sender, true) => {
            let key = match family(spec.algorithm) {
                Family::Rsa => EncodingKey::from_rsa_pem(pem),
                Family::Curve => EncodingKey::from_ec_pem(pem),
                Family::Edwards => EncodingKey::from_ed_pem(pem),
                Family::Shared => return Err(SchemeError::Pem { number }),
            };
            key.map(Kind::Private).map_err(wrong)
        }
    }
}
