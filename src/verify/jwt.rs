//! `Authorization: Bearer` with a JSON Web Token (RFC 7519), signed in the one way that the setting names.
//!
//! Called by `Scheme`. What the token says of its algorithm is compared with the setting, never followed, so `none` and
//! an HMAC over a public key get nowhere. A token says nothing about the body. Reads no clock: `exp` and `nbf` are
//! compared with the time of receipt here, since the library asks the machine.

use http::header::AUTHORIZATION;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, errors::ErrorKind,
};
use serde_json::{Map, Value, json};

use super::{
    Delivery, Outgoing, Rejected, Role, SchemeError, SignError, Signed,
    key::decoded,
    secret::{Secret, resolve_all},
    token::credentials,
};
use crate::model::{JwtAlgorithm, JwtSpec};

/// Clocks may differ by so much, milliseconds.
const LEEWAY_MS: f64 = 60_000.0;
/// How long a token that we sign is valid, seconds.
const LIFE_S: u64 = 300;

/// What tokens are accepted.
#[derive(Debug)]
pub struct Jwt {
    algorithm: Algorithm,
    /// Never empty.
    keys: Vec<Key>,
    issuer: Option<String>,
    audience: Option<String>,
}

#[derive(Debug)]
struct Key {
    /// The last moment at which it is accepted, milliseconds since the epoch.
    until_ms: Option<u64>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Checks alone.
    Public(DecodingKey),
    /// Signs alone.
    Private(EncodingKey),
    /// Does both.
    Shared(DecodingKey, EncodingKey),
}

impl Jwt {
    pub(super) fn new(
        spec: &JwtSpec,
        resolve: &dyn Fn(&str) -> Result<String, String>,
        role: Role,
    ) -> Result<Self, SchemeError> {
        let setting = if spec.algorithm.is_symmetric() { &spec.secret } else { &spec.public_key };
        let secrets = resolve_all(setting.as_ref().ok_or(SchemeError::NoSecret)?, resolve)?;
        let key = |(index, secret): (usize, &Secret)| {
            let kind = kind(spec, secret, index + 1, role)?;
            Ok(Key { until_ms: secret.until_ms(), kind })
        };
        Ok(Self {
            algorithm: algorithm(spec.algorithm),
            keys: secrets.iter().enumerate().map(key).collect::<Result<_, SchemeError>>()?,
            issuer: spec.issuer.clone(),
            audience: spec.audience.clone(),
        })
    }

    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Rejected> {
        let token = credentials(delivery, "Bearer")?;
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let mut outcome = Rejected::Mismatch;
        for key in &self.keys {
            let (Kind::Public(check) | Kind::Shared(check, _)) = &key.kind else { continue };
            match decode::<Map<String, Value>>(token, check, &validation) {
                Ok(_) if key.until_ms.is_some_and(|until_ms| delivery.received_ms > until_ms) => {
                    outcome = Rejected::SecretExpired;
                }
                Ok(token) => return self.check(&token.claims, delivery.received_ms),
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {}
                Err(error) => outcome = Rejected::Token { why: error.to_string() },
            }
        }
        Err(outcome)
    }

    fn check(&self, claims: &Map<String, Value>, received_ms: u64) -> Result<(), Rejected> {
        let wrong = |why: &str| Err(Rejected::Token { why: why.to_owned() });
        let now_ms = received_ms as f64;
        // RFC 7519 section 2: seconds, which may have a fraction.
        let Some(expires_s) = claims.get("exp").and_then(Value::as_f64) else {
            return wrong("it has no `exp`, so it would be valid for ever");
        };
        if now_ms > expires_s * 1_000.0 + LEEWAY_MS {
            return wrong("it has expired");
        }
        match claims.get("nbf").map(Value::as_f64) {
            None => {}
            Some(None) => return wrong("its `nbf` is no number"),
            Some(Some(begins_s)) if now_ms < begins_s * 1_000.0 - LEEWAY_MS => {
                return wrong("it is not valid yet");
            }
            Some(Some(_)) => {}
        }
        let holds = |claim: &str, wanted: &str| match claims.get(claim) {
            Some(Value::String(one)) => one == wanted,
            Some(Value::Array(several)) => several.iter().any(|one| one == wanted),
            _ => false,
        };
        if let Some(issuer) = &self.issuer
            && claims.get("iss").and_then(Value::as_str) != Some(issuer)
        {
            return wrong("its `iss` is another");
        }
        if self.audience.as_ref().is_some_and(|audience| !holds("aud", audience)) {
            return wrong("its `aud` is another");
        }
        Ok(())
    }

    pub(super) fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Signed, SignError> {
        let first = self.keys.first().expect("`new` refuses an empty list");
        let (Kind::Private(key) | Kind::Shared(_, key)) = &first.kind else {
            return Err(SignError::NoPrivateKey);
        };
        let now_s = outgoing.now_ms / 1_000;
        let mut claims = json!({ "iat": now_s, "exp": now_s + LIFE_S, "jti": outgoing.id });
        for (claim, value) in [("iss", &self.issuer), ("aud", &self.audience)] {
            if let Some(value) = value {
                claims[claim] = value.as_str().into();
            }
        }
        let token = encode(&Header::new(self.algorithm), &claims, key)
            .map_err(|error| SignError::Key(error.to_string()))?;
        Ok(Signed::header(AUTHORIZATION.as_str(), format!("Bearer {token}")))
    }
}

fn algorithm(algorithm: JwtAlgorithm) -> Algorithm {
    match algorithm {
        JwtAlgorithm::HS256 => Algorithm::HS256,
        JwtAlgorithm::HS384 => Algorithm::HS384,
        JwtAlgorithm::HS512 => Algorithm::HS512,
        JwtAlgorithm::RS256 => Algorithm::RS256,
        JwtAlgorithm::ES256 => Algorithm::ES256,
        JwtAlgorithm::EdDSA => Algorithm::EdDSA,
    }
}

fn kind(spec: &JwtSpec, secret: &Secret, number: usize, role: Role) -> Result<Kind, SchemeError> {
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
            let key = match spec.algorithm {
                JwtAlgorithm::RS256 => DecodingKey::from_rsa_pem(pem),
                JwtAlgorithm::ES256 => DecodingKey::from_ec_pem(pem),
                JwtAlgorithm::EdDSA => DecodingKey::from_ed_pem(pem),
                JwtAlgorithm::HS256 | JwtAlgorithm::HS384 | JwtAlgorithm::HS512 => {
                    return Err(SchemeError::Pem { number });
                }
            };
            key.map(Kind::Public).map_err(wrong)
        }
        (Role::Sender, true) => {
            let key = match spec.algorithm {
                JwtAlgorithm::RS256 => EncodingKey::from_rsa_pem(pem),
                JwtAlgorithm::ES256 => EncodingKey::from_ec_pem(pem),
                JwtAlgorithm::EdDSA => EncodingKey::from_ed_pem(pem),
                JwtAlgorithm::HS256 | JwtAlgorithm::HS384 | JwtAlgorithm::HS512 => {
                    return Err(SchemeError::Pem { number });
                }
            };
            key.map(Kind::Private).map_err(wrong)
        }
    }
}
