//! 飞书 (Feishu, Lark): SHA-256 over time, nonce, Encrypt Key and body in `X-Lark-Signature`. The body may be encrypted.
//!
//! Without an Encrypt Key, only the verification token in the body proves the sender. The token is hidden in what is
//! passed on. Source: open.feishu.cn, "Encrypt Key 加密策略", and larksuite/oapi-sdk-go `event/event.go`.

use http::HeaderName;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    super::{
        Delivery, Opened, Proof, Rejected, Replay, SchemeError, Secret, Signed, Single, Verified,
        resolve_all, signature_header, single, timestamp::Freshness,
    },
    Reply, Resolve, Written,
    crypt::{self, AesKey},
    field,
    outline::Outline,
    random_of,
};
use crate::model::{FeishuSpec, TimestampUnit};

pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("x-lark-signature");
pub(super) const TIMESTAMP: HeaderName = HeaderName::from_static("x-lark-request-timestamp");
pub(super) const NONCE: HeaderName = HeaderName::from_static("x-lark-request-nonce");

/// An event subscription of Feishu.
#[derive(Debug)]
pub struct Feishu {
    /// Verification tokens; `tokens` and `keys` are never both empty.
    tokens: Vec<Secret>,
    keys: Vec<Key>,
    freshness: Freshness,
}

/// An Encrypt Key: its text is signed, and its hash encrypts.
#[derive(Debug)]
struct Key {
    text: Secret,
    aes: AesKey,
}

impl Feishu {
    pub(in crate::verify) fn new(spec: &FeishuSpec, resolve: Resolve<'_>) -> Result<Self, SchemeError> {
        let secrets = |name, secrets: Option<&_>| {
            secrets.map_or(Ok(Vec::new()), |secrets| field(name, resolve_all(secrets, resolve)))
        };
        let key = |text: Secret| Key { aes: AesKey::new(Sha256::digest(text.bytes()).into()), text };
        let tokens = secrets("token", spec.token.as_ref())?;
        let keys: Vec<_> = secrets("encrypt_key", spec.encrypt_key.as_ref())?.into_iter().map(key).collect();
        if tokens.is_empty() && keys.is_empty() {
            return Err(SchemeError::NoSecret);
        }
        Ok(Self { tokens, keys, freshness: Freshness::new(TimestampUnit::Seconds, spec.tolerance) })
    }

    /// Without an Encrypt Key, the proof stands in the body. With one, questions need no signature.
    pub(in crate::verify) fn proof(&self, head: &Delivery<'_>) -> Proof {
        if self.keys.is_empty() {
            return Proof::MayBe;
        }
        if !head.headers.contains_key(SIGNATURE) {
            return Proof::MayAsk(Rejected::MissingSignature { header: SIGNATURE.as_str().to_owned() });
        }
        let signed = [TIMESTAMP, NONCE].iter().try_for_each(|name| text(head, name).map(|_| ()));
        signed.map_or_else(Proof::Absent, |()| Proof::MayBe)
    }

    pub(in crate::verify) fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified, Rejected> {
        if self.keys.is_empty() {
            return self.accept(delivery.body, delivery.received_ms, None);
        }
        if !delivery.headers.contains_key(SIGNATURE) {
            return self.unsigned_question(delivery.body, delivery.received_ms);
        }
        let (key, replay) = self.signed_by(delivery)?;
        match outline(delivery.body)?.encrypt() {
            Some(encrypted) => {
                let opened =
                    crypt::open_with_iv(&key.aes, &encrypted).map_err(|why| Rejected::Envelope { why })?;
                self.accept(&opened, delivery.received_ms, Some(replay))
            }
            None => self.accept(delivery.body, delivery.received_ms, Some(replay)),
        }
    }

    /// The key that signed the delivery within the tolerance.
    fn signed_by(&self, delivery: &Delivery<'_>) -> Result<(&Key, Replay), Rejected> {
        let malformed = |why| Rejected::Malformed { header: SIGNATURE.as_str().to_owned(), why };
        let mut claimed = [0; 32];
        hex::decode_to_slice(signature_header(delivery.headers, &SIGNATURE)?, &mut claimed)
            .map_err(|_| malformed("it is not a SHA-256 in hex"))?;
        let timestamp = text(delivery, &TIMESTAMP)?;
        let nonce = text(delivery, &NONCE)?;
        let matches = |key: &&Key| {
            let matches: bool = sign(timestamp, nonce, key, delivery.body).ct_eq(&claimed).into();
            matches && key.text.lasts_at(delivery.received_ms)
        };
        let key = self.keys.iter().find(matches).ok_or(Rejected::Mismatch)?;
        let until_ms = self.freshness.check(TIMESTAMP.as_str(), timestamp, delivery.received_ms)?;
        // To the end of the last second that passes.
        let until_ms = until_ms.saturating_add(999);
        Ok((key, Replay { digest: Sha256::digest(claimed).into(), until_ms }))
    }

    /// Feishu's own library accepts questions without a signature if their token is right. A delivery that is not a
    /// question is refused in the same words, whatever it decrypts to.
    fn unsigned_question(&self, body: &[u8], received_ms: u64) -> Result<Verified, Rejected> {
        let missing = || Rejected::MissingSignature { header: SIGNATURE.as_str().to_owned() };
        let encrypted = outline(body)?.encrypt().ok_or_else(missing)?;
        let opened = self.keys.iter().find_map(|key| crypt::open_with_iv(&key.aes, &encrypted).ok());
        let opened = opened.ok_or_else(missing)?;
        if !Outline::read(&opened).is_ok_and(|outline| outline.is_question()) {
            return Err(missing());
        }
        let verified = self.accept(&opened, received_ms, None)?;
        Ok(Verified { question: true, ..verified })
    }

    /// Checks the token and hides it.
    fn accept(&self, body: &[u8], received_ms: u64, replay: Option<Replay>) -> Result<Verified, Rejected> {
        let outline = outline(body)?;
        if !self.tokens.is_empty() {
            let token = outline.token().ok_or(Rejected::Envelope { why: "holds no verification token" })?;
            let matches = |known: &Secret| known.equals(token.as_bytes()) && known.lasts_at(received_ms);
            if !self.tokens.iter().any(matches) {
                return Err(Rejected::Envelope { why: "holds another verification token" });
            }
        }
        Ok(Verified {
            opened: Some(Opened { body: outline.without_tokens(), content_type: "application/json" }),
            replay,
            reply: Some(Reply::open("{}", "application/json")),
            question: false,
        })
    }

    pub(in crate::verify) fn write(reply: &Reply, answer: &[u8]) -> Option<Written> {
        reply.write_open(answer)
    }

    pub(in crate::verify) fn sign(&self, body: &[u8], id: &str, now_ms: u64) -> Signed {
        let body = self.tokens.first().map_or_else(|| body.to_vec(), |token| with_token(body, token));
        let Some(key) = self.keys.first() else {
            return Signed { headers: Vec::new(), query: Vec::new(), body: Some(body) };
        };
        let encrypt = crypt::seal_with_iv(&key.aes, random_of(id), &body);
        let body = serde_json::json!({ "encrypt": encrypt }).to_string().into_bytes();
        let timestamp = (now_ms / 1_000).to_string();
        let nonce = hex::encode(&Sha256::digest(id)[..8]);
        let signature = hex::encode(sign(&timestamp, &nonce, key, &body));
        let headers = [(TIMESTAMP, timestamp), (NONCE, nonce), (SIGNATURE, signature)];
        let headers = headers.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect();
        Signed { headers, query: Vec::new(), body: Some(body) }
    }
}

fn outline(body: &[u8]) -> Result<Outline<'_>, Rejected> {
    Outline::read(body).map_err(|why| Rejected::Envelope { why })
}

/// The one value of a header that is signed.
pub(super) fn text<'a>(delivery: &Delivery<'a>, name: &HeaderName) -> Result<&'a str, Rejected> {
    let header = || name.as_str().to_owned();
    match single(delivery.headers, name) {
        Single::Absent => Err(Rejected::MissingTimestamp { header: header() }),
        Single::Repeated => Err(Rejected::BadTimestamp { header: header(), why: "is there more than once" }),
        Single::Once(value) => {
            value.to_str().map_err(|_| Rejected::BadTimestamp { header: header(), why: "is not ASCII text" })
        }
    }
}

fn sign(timestamp: &str, nonce: &str, key: &Key, body: &[u8]) -> [u8; 32] {
    let hash = Sha256::new().chain_update(timestamp).chain_update(nonce);
    hash.chain_update(key.text.bytes()).chain_update(body).finalize().into()
}

/// A sample body with the token where its schema has it.
fn with_token(body: &[u8], token: &Secret) -> Vec<u8> {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_slice(body) else {
        return body.to_vec();
    };
    let token = String::from_utf8_lossy(token.bytes()).into_owned();
    match fields.get_mut("header") {
        Some(serde_json::Value::Object(header)) => header.insert("token".to_owned(), token.into()),
        Some(_) | None => fields.insert("token".to_owned(), token.into()),
    };
    serde_json::Value::Object(fields).to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use serde_json::json;

    use super::*;
    use crate::verify::{Scheme, envelope::testing};

    const NOW: u64 = 1_700_000_000_500;
    const EVENT: &[u8] = br#"{"schema":"2.0","header":{"event_id":"e1"},"event":{"n":1.5}}"#;

    fn headers(signed: &Signed) -> HeaderMap {
        signed
            .headers
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    fn deliver(scheme: &Scheme, headers: &HeaderMap, body: &[u8], now: u64) -> Result<Verified, Rejected> {
        testing::deliver_with(scheme, "POST", ("/w", headers), body, now)
    }

    #[test]
    fn an_encrypted_delivery_is_accepted_and_its_changes_are_refused() {
        let scheme = testing::scheme(json!({ "scheme": "lark", "token": "t0k", "encrypt_key": "test key" }));
        let signed = testing::sign(&scheme, EVENT, "id", NOW);
        let (good, body) = (headers(&signed), signed.body.clone().unwrap());
        let verified = deliver(&scheme, &good, &body, NOW).unwrap();
        let opened = String::from_utf8(verified.opened.unwrap().body).unwrap();
        assert_eq!(
            opened,
            r#"{"schema":"2.0","header":{"event_id":"e1","token":"[hidden]"},"event":{"n":1.5}}"#
        );
        assert!(!verified.question && verified.replay.unwrap().until_ms == 1_700_000_300_999);
        assert_eq!(scheme.write(&verified.reply.unwrap(), b"", [0; 16]).body, b"{}");

        let with = |name: &'static str, value: &str| {
            let mut headers = good.clone();
            headers.insert(name, value.parse().unwrap());
            headers
        };
        let twice = |name: &'static str| {
            let mut headers = good.clone();
            headers.append(name, good[name].clone());
            headers
        };
        let without = |name: &str| {
            let mut headers = good.clone();
            headers.remove(name);
            headers
        };
        let zeros = "0".repeat(64);
        let cases = [
            ("another signature", with("x-lark-signature", &zeros)),
            ("half a signature", with("x-lark-signature", "abcd")),
            ("an empty signature", with("x-lark-signature", "")),
            ("two signatures", twice("x-lark-signature")),
            ("no signature", without("x-lark-signature")),
            ("another nonce", with("x-lark-request-nonce", "x")),
            ("no nonce", without("x-lark-request-nonce")),
            ("two nonces", twice("x-lark-request-nonce")),
            ("another time", with("x-lark-request-timestamp", "1700000001")),
            ("no time", without("x-lark-request-timestamp")),
        ];
        for (case, headers) in cases {
            assert!(deliver(&scheme, &headers, &body, NOW).is_err(), "{case}");
        }
        assert_eq!(deliver(&scheme, &good, &body, NOW + 301_000).unwrap_err(), Rejected::Stale { by: 1_000 });
        assert_eq!(
            deliver(&scheme, &good, &body, NOW - 301_000).unwrap_err(),
            Rejected::Future { by: 1_000 }
        );
        assert!(deliver(&scheme, &good, &body, NOW + 300_000).is_ok());
        assert_eq!(
            deliver(&scheme, &good, &[&body[..], b"\n"].concat(), NOW).unwrap_err(),
            Rejected::Mismatch
        );
        for setting in [
            json!({ "scheme": "feishu", "token": "other", "encrypt_key": "test key" }),
            json!({ "scheme": "feishu", "token": "t0k", "encrypt_key": "other key" }),
        ] {
            assert!(deliver(&testing::scheme(setting), &good, &body, NOW).is_err());
        }
        let rotated =
            json!({ "scheme": "feishu", "token": ["new", "t0k"], "encrypt_key": ["new", "test key"] });
        assert!(deliver(&testing::scheme(rotated), &good, &body, NOW).is_ok());
    }

    #[test]
    fn without_an_encrypt_key_the_token_in_the_body_counts() {
        let scheme = testing::scheme(json!({ "scheme": "feishu", "token": "t0k" }));
        let signed = testing::sign(&scheme, EVENT, "id", NOW);
        assert!(signed.headers.is_empty());
        let none = HeaderMap::new();
        let verified = deliver(&scheme, &none, &signed.body.unwrap(), NOW).unwrap();
        assert!(!String::from_utf8(verified.opened.unwrap().body).unwrap().contains("t0k"));
        let v1 = br#"{"uuid":"u","token":"t0k","type":"event_callback","event":{}}"#;
        assert!(deliver(&scheme, &none, v1, NOW).is_ok());
        for body in
            [EVENT, b"{\"token\":\"t0l\"}", b"{\"token\":\"\"}", b"{\"token\":[\"t0k\"]}", b"t0k", b""]
        {
            assert!(deliver(&scheme, &none, body, NOW).is_err(), "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn an_unsigned_question_is_heard_and_nothing_else_that_is_unsigned() {
        let scheme =
            testing::scheme(json!({ "scheme": "feishu", "token": "t0k", "encrypt_key": "test key" }));
        let key = AesKey::new(Sha256::digest("test key").into());
        let unsigned = |plain: &[u8]| {
            let body = json!({ "encrypt": crypt::seal_with_iv(&key, [9; 16], plain) }).to_string();
            deliver(&scheme, &HeaderMap::new(), body.as_bytes(), NOW)
        };
        let question = br#"{"challenge":"c","token":"t0k","type":"url_verification"}"#;
        assert!(unsigned(question).unwrap().question);
        let missing = Rejected::MissingSignature { header: "x-lark-signature".to_owned() };
        assert_eq!(unsigned(br#"{"token":"t0k","type":"event_callback"}"#).unwrap_err(), missing);
        assert_eq!(unsigned(EVENT).unwrap_err(), missing);
        assert_eq!(unsigned(b"hello").unwrap_err(), missing);
        assert!(unsigned(br#"{"challenge":"c","token":"x","type":"url_verification"}"#).is_err());
        assert!(deliver(&scheme, &HeaderMap::new(), question, NOW).is_err(), "not encrypted");
    }
}
