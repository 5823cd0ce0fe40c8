//! `Authorization: Bearer` with a JSON Web Token (RFC 7519), signed in the one way that the setting names.
//!
//! Called by `Scheme`. The algorithm that a token names is compared with the setting and never followed. So `none`, and
//! an HMAC over a public key, are refused. A token says nothing about the body. Reads no clock: `exp` and `nbf` are
//! compared with the time of receipt here, because the library would ask the machine.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use http::header::AUTHORIZATION;
use jsonwebtoken::{
    Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode, errors::ErrorKind,
};
use serde::de::IgnoredAny;
use serde_json::{Map, Value, json};

use super::{
    Delivery, Outgoing, Rejected, Role, SchemeError, SignError, Signed, json_once,
    key::decoded,
    secret::{Secret, resolve_all},
    token::credentials,
};
use crate::model::{JwtAlgorithm, JwtSpec};

/// How far clocks may differ, milliseconds.
const LEEWAY_MS: f64 = 60_000.0;
/// How long a token that we sign is valid, seconds.
const LIFE_S: u64 = 300;

/// Which tokens are accepted.
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
    /// The last moment at which the key is accepted, milliseconds since the epoch.
    until_ms: Option<u64>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// A key that only checks.
    Public(DecodingKey),
    /// A key that only signs.
    Private(EncodingKey),
    /// A key that does both.
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

    /// Whether there is a token to check.
    pub(super) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        credentials(head, "Bearer").map(|_| ())
    }

    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Rejected> {
        let token = credentials(delivery, "Bearer")?;
        let claims = read(token).map_err(|why| Rejected::Token { why })?;
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        let mut outcome = Rejected::Mismatch;
        for key in &self.keys {
            let (Kind::Public(check) | Kind::Shared(check, _)) = &key.kind else { continue };
            match decode::<IgnoredAny>(token, check, &validation) {
                Ok(_) if key.until_ms.is_some_and(|until_ms| delivery.received_ms > until_ms) => {
                    outcome = Rejected::SecretExpired;
                }
                Ok(_) => return self.check(&claims, delivery.received_ms),
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

/// The claims of a token whose signature is still to be checked. A token that says more than we understand is refused.
fn read(token: &str) -> Result<Map<String, Value>, String> {
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
    Ok(claims)
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

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
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
        jwt.verify(&Delivery { method, origin, target, headers: &headers, body: b"", received_ms })
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
