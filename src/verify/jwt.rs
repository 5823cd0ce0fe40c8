//! A JSON Web Token (RFC 7519) in `Authorization: Bearer`, in another header or in the query, signed in the one way that
//! the setting names.
//!
//! Called by `Scheme`. The algorithm that a token names is compared with the setting and never followed. So `none`, and
//! an HMAC over a public key, are refused. A token says nothing about the body, unless a claim holds its hash. Reads no clock: `exp` and `nbf` are
//! compared with the time of receipt here, because the library would ask the machine.

use std::borrow::Cow;

use http::HeaderName;
use jsonwebtoken::{Header, Validation, decode, encode, errors::ErrorKind};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    Delivery, Outgoing, Rejected, Resolve, Role, SchemeError, SignError, Signed,
    fetched::{Document, DocumentKind, Wanted},
    header_name,
    jwt_key::{Kind, algorithm, kind, read},
    secret::{Secret, resolve_all},
    signature::shown,
    signature_header,
    token::parameter,
};
use crate::model::{JwtAlgorithm, JwtSpec, Texts};

/// How far clocks may differ, milliseconds.
const LEEWAY_MS: f64 = 60_000.0;
/// How long a token that we sign is valid, seconds.
const LIFE_S: u64 = 300;

/// Which tokens are accepted.
#[derive(Debug)]
pub struct Jwt {
    algorithm: JwtAlgorithm,
    /// Empty only if the keys are fetched.
    keys: Vec<Key>,
    jwks_url: Option<String>,
    place: Place,
    issuer: Option<Texts>,
    audience: Option<Texts>,
    claims: Vec<(String, Value)>,
    body_claim: Option<String>,
}

/// Where a token stands.
#[derive(Debug)]
enum Place {
    /// With a word before it, if that is not empty.
    Header(HeaderName, String),
    Parameter(String),
}

#[derive(Debug)]
struct Key {
    /// The last moment at which the key is accepted, milliseconds since the epoch.
    until_ms: Option<u64>,
    kind: Kind,
}

impl Jwt {
    pub(super) fn new(spec: &JwtSpec, resolve: Resolve<'_>, role: Role) -> Result<Self, SchemeError> {
        let setting = if spec.algorithm.is_symmetric() { &spec.secret } else { &spec.public_key };
        let secrets = match (setting, &spec.jwks_url) {
            (Some(setting), None) => resolve_all(setting, resolve)?,
            (None, Some(_)) => Vec::new(),
            (Some(_), Some(_)) | (None, None) => return Err(SchemeError::NoSecret),
        };
        let place = match (&spec.parameter, spec.token_header()) {
            (Some(name), _) => Place::Parameter(name.clone()),
            (None, header) => {
                let header = header_name("header", header.unwrap_or_default())?;
                Place::Header(header, spec.token_prefix().to_owned())
            }
        };
        let key = |(index, secret): (usize, &Secret)| {
            let kind = kind(spec, secret, index + 1, role)?;
            Ok(Key { until_ms: secret.until_ms(), kind })
        };
        Ok(Self {
            algorithm: spec.algorithm,
            keys: secrets.iter().enumerate().map(key).collect::<Result<_, SchemeError>>()?,
            jwks_url: spec.jwks_url.clone(),
            place,
            issuer: spec.issuer.clone(),
            audience: spec.audience.clone(),
            claims: spec.claims.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            body_claim: spec.body_claim.clone(),
        })
    }

    /// The token of a delivery.
    fn token<'a>(&self, delivery: &Delivery<'a>) -> Result<Cow<'a, str>, Rejected> {
        let (header, prefix) = match &self.place {
            Place::Parameter(name) => return parameter(delivery, name),
            Place::Header(header, prefix) => (header, prefix),
        };
        let text = signature_header(delivery.headers, header)?;
        if prefix.is_empty() {
            return Ok(text.into());
        }
        // The word may be in either case (RFC 9110 section 11.1).
        let (given, rest) = text.split_once(' ').unwrap_or((text, ""));
        if !given.eq_ignore_ascii_case(prefix) {
            let why = "it begins with another word than the `prefix` before its token";
            return Err(Rejected::Malformed { header: header.as_str().to_owned(), why });
        }
        Ok(rest.trim_start_matches(' ').into())
    }

    /// The keys that must be fetched to check a delivery.
    pub(super) fn wants(&self, delivery: &Delivery<'_>) -> Result<Option<Wanted>, Rejected> {
        let Some(url) = &self.jwks_url else { return Ok(None) };
        let token = self.token(delivery)?;
        let read = read(&token).map_err(|why| Rejected::Token { why })?;
        // Whoever writes a token for somebody else's algorithm, issuer or audience makes us fetch nothing.
        if read.header.get("alg").and_then(Value::as_str) != Some(self.name()) {
            return Err(Rejected::Token { why: format!("its `alg` is not {}", self.name()) });
        }
        self.check(&read.claims, delivery)?;
        Ok(Some(Wanted { url: url.clone(), kind: DocumentKind::KeySet, key_id: read.key_id() }))
    }

    /// The algorithm as tokens write it.
    fn name(&self) -> &'static str {
        match self.algorithm {
            JwtAlgorithm::HS256 => "HS256",
            JwtAlgorithm::HS384 => "HS384",
            JwtAlgorithm::HS512 => "HS512",
            JwtAlgorithm::RS256 => "RS256",
            JwtAlgorithm::RS384 => "RS384",
            JwtAlgorithm::RS512 => "RS512",
            JwtAlgorithm::PS256 => "PS256",
            JwtAlgorithm::PS384 => "PS384",
            JwtAlgorithm::PS512 => "PS512",
            JwtAlgorithm::ES256 => "ES256",
            JwtAlgorithm::ES384 => "ES384",
            JwtAlgorithm::EdDSA => "EdDSA",
        }
    }

    /// Whether there is a token to check.
    pub(super) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        self.token(head).map(|_| ())
    }

    /// `document` holds the keys, if they had to be fetched.
    pub(super) fn verify(
        &self,
        delivery: &Delivery<'_>,
        document: Option<&Document>,
    ) -> Result<(), Rejected> {
        let token = self.token(delivery)?;
        let read = read(&token).map_err(|why| Rejected::Token { why })?;
        let mut validation = Validation::new(algorithm(self.algorithm));
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let mut keys = Vec::new();
        for key in &self.keys {
            let (Kind::Public(check) | Kind::Shared(check, _)) = &key.kind else { continue };
            keys.push((check, key.until_ms));
        }
        if self.jwks_url.is_some() {
            let key_id = read.key_id();
            let fetched = document.ok_or(Rejected::NoKeys)?.keys_of(key_id.as_deref(), self.name());
            if fetched.is_empty() {
                return Err(Rejected::UnknownKey {
                    id: shown(key_id.as_deref().unwrap_or("without a name")),
                });
            }
            keys.extend(fetched.into_iter().map(|key| (&key.key, None)));
        }
        let mut outcome = Rejected::Mismatch;
        for (check, until_ms) in keys {
            match decode::<IgnoredAny>(token.as_bytes(), check, &validation) {
                Ok(_) if until_ms.is_some_and(|until_ms| delivery.received_ms > until_ms) => {
                    outcome = Rejected::SecretExpired;
                }
                Ok(_) => return self.check(&read.claims, delivery),
                Err(error) if matches!(error.kind(), ErrorKind::InvalidSignature) => {}
                Err(error) => outcome = Rejected::Token { why: error.to_string() },
            }
        }
        Err(outcome)
    }

    fn check(&self, claims: &Map<String, Value>, delivery: &Delivery<'_>) -> Result<(), Rejected> {
        let wrong = |why: &str| Err(Rejected::Token { why: why.to_owned() });
        let now_ms = delivery.received_ms as f64;
        // RFC 7519 section 2: seconds, which may have a fraction.
        let Some(expires_s) = claims.get("exp").and_then(Value::as_f64) else {
            return wrong("it has no `exp`, so it would be valid forever");
        };
        if now_ms > expires_s * 1_000.0 + LEEWAY_MS {
            return wrong("it has expired");
        }
        match claims.get("nbf").map(Value::as_f64) {
            None => {}
            Some(None) => return wrong("its `nbf` is not a number"),
            Some(Some(begins_s)) if now_ms < begins_s * 1_000.0 - LEEWAY_MS => {
                return wrong("it is not valid yet");
            }
            Some(Some(_)) => {}
        }
        if let Some(issuer) = &self.issuer
            && !claims.get("iss").and_then(Value::as_str).is_some_and(|iss| issuer.holds(iss))
        {
            return wrong("its `iss` is another");
        }
        let is_for = |audience: &Texts, value: &Value| value.as_str().is_some_and(|aud| audience.holds(aud));
        let holds = |audience: &Texts| match claims.get("aud") {
            Some(Value::Array(several)) => several.iter().any(|one| is_for(audience, one)),
            Some(one) => is_for(audience, one),
            None => false,
        };
        if self.audience.as_ref().is_some_and(|audience| !holds(audience)) {
            return wrong("its `aud` is another");
        }
        if let Some((name, _)) = self.claims.iter().find(|(name, wanted)| !says(claims.get(name), wanted)) {
            return wrong(&format!("its `{name}` is another"));
        }
        match &self.body_claim {
            Some(name) => match claims.get(name).and_then(Value::as_str) {
                Some(hash) if is_hash(hash, delivery.body) => Ok(()),
                Some(_) => wrong(&format!("its `{name}` is not the SHA-256 of the body")),
                None => wrong(&format!("it has no `{name}`")),
            },
            None => Ok(()),
        }
    }

    pub(super) fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Signed, SignError> {
        let Some(first) = self.keys.first() else { return Err(SignError::NoPrivateKey) };
        let (Kind::Private(key) | Kind::Shared(_, key)) = &first.kind else {
            return Err(SignError::NoPrivateKey);
        };
        let now_s = outgoing.now_ms / 1_000;
        let mut claims = json!({ "iat": now_s, "exp": now_s + LIFE_S, "jti": outgoing.id });
        for (claim, value) in [("iss", &self.issuer), ("aud", &self.audience)] {
            if let Some(value) = value.as_ref().and_then(|texts| texts.list().first()) {
                claims[claim] = value.as_str().into();
            }
        }
        for (name, value) in &self.claims {
            claims[name] = value.as_array().and_then(|choice| choice.first()).unwrap_or(value).clone();
        }
        if let Some(name) = &self.body_claim {
            claims[name] = hex::encode(Sha256::digest(outgoing.body)).into();
        }
        let token = encode(&Header::new(algorithm(self.algorithm)), &claims, key)
            .map_err(|error| SignError::Key(error.to_string()))?;
        Ok(match &self.place {
            Place::Parameter(name) => Signed { query: vec![(name.clone(), token)], ..Signed::default() },
            Place::Header(header, prefix) if prefix.is_empty() => Signed::header(header.as_str(), token),
            Place::Header(header, prefix) => Signed::header(header.as_str(), format!("{prefix} {token}")),
        })
    }
}

/// Whether a claim is what it must be, or holds it. An array is a choice.
fn says(claim: Option<&Value>, wanted: &Value) -> bool {
    let is_one = |value: &Value| match wanted {
        Value::Array(choice) => choice.contains(value),
        one => one == value,
    };
    match claim {
        Some(Value::Array(several)) => several.iter().any(is_one),
        Some(one) => is_one(one),
        None => false,
    }
}

fn is_hash(written: &str, body: &[u8]) -> bool {
    let claimed = hex::decode(written).unwrap_or_default();
    Sha256::digest(body).as_slice().ct_eq(&claimed).into()
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use http::{HeaderMap, HeaderValue};
    use jsonwebtoken::{Algorithm, EncodingKey};
    use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256};

    use super::*;

    const NOW_S: u64 = 1_700_000_000;

    fn compile(spec: Value, role: Role) -> Result<Jwt, SchemeError> {
        Jwt::new(&serde_json::from_value(spec).unwrap(), &|text| Ok(text.to_owned()), role)
    }

    fn verify_at(jwt: &Jwt, token: &str, received_ms: u64) -> Result<(), Rejected> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(&format!("Bearer {token}")).unwrap());
        let (method, origin, target) = ("POST", "http://localhost", "/");
        jwt.verify(&Delivery { method, origin, target, headers: &headers, body: b"", received_ms }, None)
    }

    fn verify(jwt: &Jwt, token: &str) -> Result<(), Rejected> {
        verify_at(jwt, token, NOW_S * 1_000)
    }

    fn token(algorithm: Algorithm, secret: &str, claims: &Value) -> String {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).unwrap()
    }

    fn refused(why: &str) -> Result<(), Rejected> {
        Err(Rejected::Token { why: why.to_owned() })
    }

    #[test]
    fn claims_are_compared_with_the_time_of_receipt_and_the_setting() {
        let setting = json!({"algorithm": "HS256", "secret": "s", "issuer": "me", "audience": "you"});
        let jwt = compile(setting, Role::Receiver).unwrap();
        let cases = [
            (json!({}), Ok(())),
            (json!({"exp": NOW_S - 60}), Ok(())),
            (json!({"exp": NOW_S - 61}), refused("it has expired")),
            (json!({"exp": NOW_S as f64 - 59.5}), Ok(())),
            (json!({"exp": null}), refused("it has no `exp`, so it would be valid forever")),
            (
                json!({"exp": (NOW_S + 60).to_string()}),
                refused("it has no `exp`, so it would be valid forever"),
            ),
            (json!({"exp": -1}), refused("it has expired")),
            (json!({"nbf": NOW_S + 60}), Ok(())),
            (json!({"nbf": NOW_S + 61}), refused("it is not valid yet")),
            (json!({"nbf": "x"}), refused("its `nbf` is not a number")),
            (json!({"iss": "you"}), refused("its `iss` is another")),
            (json!({"iss": null}), refused("its `iss` is another")),
            (json!({"iss": ["me"]}), refused("its `iss` is another")),
            (json!({"aud": ["they", "you"]}), Ok(())),
            (json!({"aud": ["they"]}), refused("its `aud` is another")),
            (json!({"aud": null}), refused("its `aud` is another")),
        ];
        for (change, expected) in cases {
            let mut claims = json!({"exp": NOW_S + 60, "iss": "me", "aud": "you"});
            claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let token = token(Algorithm::HS256, "s", &claims);
            assert_eq!(verify(&jwt, &token), expected, "{claims}");
        }
    }

    #[test]
    fn the_algorithm_is_the_settings_and_never_the_tokens() {
        let jwt = compile(json!({"algorithm": "HS256", "secret": "s"}), Role::Receiver).unwrap();
        let claims = json!({"exp": NOW_S + 60});
        let good = token(Algorithm::HS256, "s", &claims);
        assert_eq!(verify(&jwt, &good), Ok(()));
        assert_eq!(verify(&jwt, &token(Algorithm::HS256, "t", &claims)), Err(Rejected::Mismatch));
        let (head, rest) = good.split_once('.').unwrap();
        let (payload, signature) = rest.split_once('.').unwrap();
        let none = "eyJhbGciOiJub25lIn0";
        let flipped = signature.replace(&signature[3..4], if &signature[3..4] == "A" { "B" } else { "A" });
        let wrong = [
            token(Algorithm::HS512, "s", &claims),
            format!("{none}.{payload}."),
            format!("{none}.{payload}.{signature}"),
            format!("{head}.{payload}."),
            format!("{head}.{payload}"),
            format!("{head}.{payload}.{signature}="),
            format!("{head}.{payload}.{flipped}"),
            format!("{head}.{payload}.{signature}.x"),
            format!("{head}.e30.{signature}"),
            String::new(),
            "..".to_owned(),
        ];
        for token in wrong {
            assert!(verify(&jwt, &token).is_err(), "{token}");
        }
    }

    #[test]
    fn what_a_token_calls_critical_or_says_twice_is_refused() {
        let jwt = compile(json!({"algorithm": "HS256", "secret": "s"}), Role::Receiver).unwrap();
        let key = EncodingKey::from_secret(b"s");
        let signed = |header: &str, claims: &str| {
            let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
            let signature = jsonwebtoken::crypto::sign(text.as_bytes(), &key, Algorithm::HS256).unwrap();
            format!("{text}.{signature}")
        };
        let claims = format!(r#"{{"exp":{}}}"#, NOW_S + 60);
        let plain = r#"{"alg":"HS256"}"#;
        assert_eq!(verify(&jwt, &signed(plain, &claims)), Ok(()));
        assert_eq!(
            verify(&jwt, &signed(r#"{"alg":"HS256","typ":"JWT","b64":true,"x":[1]}"#, &claims)),
            Ok(())
        );
        let crit = "its `crit` asks for extensions, of which none is known";
        let b64 = "its `b64` says that its payload is not encoded";
        for (header, why) in [
            (r#"{"alg":"HS256","crit":["exp"]}"#, crit),
            (r#"{"alg":"HS256","crit":["b64"],"b64":false}"#, crit),
            (r#"{"alg":"HS256","crit":[]}"#, crit),
            (r#"{"alg":"HS256","crit":null}"#, crit),
            (r#"{"alg":"HS256","crit":["x"],"x":1}"#, crit),
            (r#"{"alg":"HS256","b64":false}"#, b64),
            (r#"{"alg":"HS256","b64":"false"}"#, b64),
            (r#"{"alg":"none","alg":"HS256"}"#, "its header names a member twice"),
            (r#"{"alg":"HS256","x":{"y":1,"y":2}}"#, "its header names a member twice"),
            ("[]", "its header is not a JSON object"),
        ] {
            assert_eq!(verify(&jwt, &signed(header, &claims)), refused(why), "{header}");
        }
        for alg in ["none", "None", "NONE", "nOnE", ""] {
            let head = URL_SAFE_NO_PAD.encode(json!({ "alg": alg }).to_string());
            let body = URL_SAFE_NO_PAD.encode(&claims);
            assert!(verify(&jwt, &format!("{head}.{body}.")).is_err(), "{alg}");
            assert!(verify(&jwt, &signed(&json!({ "alg": alg }).to_string(), &claims)).is_err(), "{alg}");
        }
        let twice = format!(r#"{{"exp":1,"exp":{}}}"#, NOW_S + 60);
        assert_eq!(verify(&jwt, &signed(plain, &twice)), refused("its payload names a member twice"));
    }

    #[test]
    fn whoever_knows_the_public_key_alone_signs_nothing() {
        let pairs = [
            ("ES256", KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()),
            ("EdDSA", KeyPair::generate_for(&PKCS_ED25519).unwrap()),
            ("RS256", KeyPair::generate_for(&PKCS_RSA_SHA256).unwrap()),
        ];
        for (algorithm, pair) in pairs {
            let (public, private) = (pair.public_key_pem(), pair.serialize_pem());
            let setting = |key: &str| json!({"algorithm": algorithm, "public_key": key});
            let receiver = compile(setting(&public), Role::Receiver).unwrap();
            let outgoing = Outgoing {
                method: "POST",
                url: "http://localhost/",
                content_type: "",
                body: b"",
                id: "id-1",
                now_ms: NOW_S * 1_000,
            };
            assert_eq!(receiver.sign(&outgoing), Err(SignError::NoPrivateKey));
            let sender = compile(setting(&private), Role::Sender).unwrap();
            let signed = sender.sign(&outgoing).unwrap();
            let token = signed.headers[0].1.strip_prefix("Bearer ").unwrap();
            assert_eq!(verify(&receiver, token), Ok(()), "{algorithm}");
            assert_eq!(verify_at(&receiver, token, NOW_S * 1_000 + 360_001), refused("it has expired"));
            assert_eq!(verify(&sender, token), Err(Rejected::Mismatch), "a sender's side checks nothing");
            // The old trick: an HMAC whose secret is the public key.
            let forged = self::token(Algorithm::HS256, &public, &json!({"exp": NOW_S + 60}));
            assert!(verify(&receiver, &forged).is_err(), "{algorithm}");
            let error = compile(setting(&private), Role::Receiver).map(|_| ());
            assert_eq!(error, Err(SchemeError::PrivateKey { number: 1 }));
            let other = if algorithm == "RS256" { "ES256" } else { "RS256" };
            let error =
                compile(json!({"algorithm": other, "public_key": public}), Role::Receiver).map(|_| ());
            assert_eq!(error, Err(SchemeError::Pem { number: 1 }), "{algorithm}");
        }
    }

    /// RFC 7515 appendix A.1.
    #[test]
    fn the_example_of_the_rfc_verifies_at_its_time() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ+EstJQLr/T+1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow==";
        let setting = json!({"algorithm": "HS256", "secret": key, "secret_encoding": "base64"});
        let jwt = compile(setting, Role::Receiver).unwrap();
        let token = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
        assert_eq!(verify_at(&jwt, token, 1_300_819_379_000), Ok(()));
        assert_eq!(verify_at(&jwt, token, 1_300_819_440_000), Ok(()), "the leeway");
        assert_eq!(verify_at(&jwt, token, 1_300_819_440_001), refused("it has expired"));
    }
}
