//! `Authorization: Basic` (RFC 7617): a name and a password, in base64.
//!
//! Called by `Scheme`. Both parts are compared in constant time, whatever the comparison of the other part gave.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::header::AUTHORIZATION;

use super::{
    Delivery, Outgoing, Rejected, SchemeError, Signed,
    secret::{Secret, accept_secret, resolve_all},
    token::credentials,
};
use crate::model::BasicSpec;

/// Names with their passwords; each pair is accepted.
#[derive(Debug)]
pub struct Basic {
    /// Never empty. Each is `name:password`.
    pairs: Vec<Secret>,
}

impl Basic {
    pub(super) fn new(
        spec: &BasicSpec,
        resolve: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, SchemeError> {
        let pairs = match (&spec.username, &spec.password, &spec.secret) {
            (Some(username), Some(password), None) => {
                let name = if username.is_empty() {
                    String::new()
                } else {
                    resolve(username).map_err(|why| SchemeError::Unresolved { number: 1, why })?
                };
                let whole =
                    |secret: Secret| secret.with_bytes([name.as_bytes(), b":", secret.bytes()].concat());
                if name.contains(':') {
                    return Err(SchemeError::Pair { number: 1 });
                }
                resolve_all(password, resolve)?.into_iter().map(whole).collect()
            }
            (None, None, Some(secret)) => resolve_all(secret, resolve)?,
            _ => return Err(SchemeError::NoSecret),
        };
        for (index, pair) in pairs.iter().enumerate() {
            match pair.text().split_once(':') {
                None => return Err(SchemeError::Pair { number: index + 1 }),
                Some((_, "")) => return Err(SchemeError::EmptySecret { number: index + 1 }),
                Some(_) => {}
            }
        }
        Ok(Self { pairs })
    }

    /// Whether there are credentials to check.
    pub(super) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        credentials(head, "Basic").map(|_| ())
    }

    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Rejected> {
        let malformed = |why| Rejected::Malformed { header: AUTHORIZATION.as_str().to_owned(), why };
        let written = credentials(delivery, "Basic")?;
        let bytes = STANDARD.decode(written).map_err(|_| malformed("it is not base64 with padding"))?;
        let text = String::from_utf8(bytes).map_err(|_| malformed("it is not UTF-8"))?;
        let (name, password) =
            text.split_once(':').ok_or_else(|| malformed("it has no colon behind the name"))?;
        accept_secret(&self.pairs, delivery.received_ms, |pair| {
            let (own_name, own_password) = pair.text().split_once(':').expect("`new` saw the colon");
            let part = |own: &str, given: &str| Secret::new(own.into()).equals(given.as_bytes());
            part(own_name, name) & part(own_password, password)
        })
    }

    pub(super) fn sign(&self, _: &Outgoing<'_>) -> Signed {
        let first = self.pairs.first().expect("compile refuses an empty list");
        Signed::header(AUTHORIZATION.as_str(), format!("Basic {}", STANDARD.encode(first.bytes())))
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use super::*;

    fn compile(spec: Value) -> Result<Basic, SchemeError> {
        Basic::new(&serde_json::from_value(spec).unwrap(), &|text| Ok(text.to_owned()))
    }

    fn verify(basic: &Basic, authorization: &str) -> Result<(), Rejected> {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_str(authorization).unwrap());
        let (origin, target) = ("http://localhost", "/");
        basic.verify(&Delivery {
            method: "POST",
            origin,
            target,
            headers: &headers,
            body: b"",
            received_ms: 0,
        })
    }

    #[test]
    fn name_and_password_must_both_be_right() {
        // The first two are the examples of RFC 7617.
        let aladdin = compile(json!({"username": "Aladdin", "password": "open sesame"})).unwrap();
        let pound = compile(json!({"secret": ["other:x", "test:123£"]})).unwrap();
        let colons = compile(json!({"secret": "user:a:b"})).unwrap();
        let nameless = compile(json!({"username": "", "password": "key"})).unwrap();
        let malformed = |why| Err(Rejected::Malformed { header: "authorization".to_owned(), why });
        let base64 = |text: &str| format!("Basic {}", STANDARD.encode(text));
        let cases = [
            (&aladdin, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned(), Ok(())),
            (&aladdin, "basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned(), Ok(())),
            (&pound, "Basic dGVzdDoxMjPCow==".to_owned(), Ok(())),
            (&colons, base64("user:a:b"), Ok(())),
            (&nameless, base64(":key"), Ok(())),
            (&nameless, base64("x:key"), Err(Rejected::Mismatch)),
            (&colons, base64("user:a"), Err(Rejected::Mismatch)),
            (&aladdin, base64("Aladdin:open sesame\n"), Err(Rejected::Mismatch)),
            (&aladdin, base64("aladdin:open sesame"), Err(Rejected::Mismatch)),
            (&aladdin, base64("Aladdin:"), Err(Rejected::Mismatch)),
            (&aladdin, base64(":open sesame"), Err(Rejected::Mismatch)),
            (&aladdin, base64("Aladdin"), malformed("it has no colon behind the name")),
            (
                &aladdin,
                "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ".to_owned(),
                malformed("it is not base64 with padding"),
            ),
            (&aladdin, "Basic /w==".to_owned(), malformed("it is not UTF-8")),
            (
                &aladdin,
                "Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==".to_owned(),
                malformed("it is of another authentication scheme"),
            ),
        ];
        for (basic, authorization, expected) in cases {
            assert_eq!(verify(basic, &authorization), expected, "{authorization}");
        }
    }

    #[test]
    fn a_pair_without_a_password_is_no_setting() {
        let cases = [
            (json!({"secret": "user"}), SchemeError::Pair { number: 1 }),
            (json!({"secret": ["a:b", "user:"]}), SchemeError::EmptySecret { number: 2 }),
            (json!({"username": "a:b", "password": "c"}), SchemeError::Pair { number: 1 }),
            (json!({"username": "a", "password": " "}), SchemeError::EmptySecret { number: 1 }),
            (json!({"username": "a"}), SchemeError::NoSecret),
        ];
        for (spec, expected) in cases {
            assert_eq!(compile(spec).map(|_| ()), Err(expected));
        }
    }
}
