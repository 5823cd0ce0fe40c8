//! Senders that encrypt: what 企业微信, 微信公众号 and 钉钉 have in common, and 飞书 beside them.
//!
//! The signature is checked before anything is decrypted. Every failure is refused in the same way, so that nobody
//! learns from us how a forged envelope was padded. Source: developer.work.weixin.qq.com/document/path/96466.

mod crypt;
mod dingtalk;
mod feishu;
mod feishu_card;
mod outline;
mod package;
mod wechat_mp;
mod wecom;

use percent_encoding::percent_decode_str;
use sha1::Sha1;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    Rejected, Replay, SchemeError, Secret, resolve_all,
    timestamp::{whole, within},
    url,
};
use crate::model::{Secrets, Span, Texts};

use crypt::{AesKey, Frame};
pub(super) use dingtalk::Dingtalk;
pub(super) use feishu::Feishu;
pub(super) use feishu_card::FeishuCard;
pub(super) use wechat_mp::WechatMp;
pub(super) use wecom::Wecom;

type Resolve<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// How the answer to a delivery must be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply(Manner);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Manner {
    /// As it is. `empty` replaces an empty answer.
    Open { empty: &'static str, content_type: &'static str },
    /// Encrypted with the key, and signed with the token, that the delivery came with. It carries the delivery's time.
    Sealed {
        style: Style,
        token: usize,
        sealing: Sealing,
        timestamp: String,
        nonce: String,
        empty: &'static str,
    },
}

/// The document around an encrypted answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `<xml><Encrypt/><MsgSignature/><TimeStamp/><Nonce/></xml>`
    Xml,
    /// `{"encrypt", "msgsignature", "timestamp", "nonce"}`, for bots of WeCom.
    BotJson,
    /// `{"msg_signature", "timeStamp", "nonce", "encrypt"}`, for DingTalk.
    DingtalkJson,
}

/// The body of an answer, written as its sender wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its media type; `None` keeps the workflow's own type.
    pub content_type: Option<&'static str>,
    pub body: Vec<u8>,
}

/// What the sender and the receiver agreed on.
#[derive(Debug)]
struct Parties {
    /// Never empty.
    tokens: Vec<Secret>,
    /// Empty only in the plain mode of 微信公众号.
    keys: Vec<AesKey>,
    /// Those for whom messages may be. Empty when it is not checked.
    receive_ids: Vec<String>,
    /// One unit of the sender's timestamps, milliseconds.
    unit_ms: u64,
    tolerance_ms: u64,
}

/// What was signed, once it is known to come from the sender.
struct Stamp {
    signature: [u8; 20],
    timestamp: String,
    nonce: String,
    /// The token that signed it.
    token: usize,
    until_ms: u64,
}

/// How the envelope of a delivery was sealed. The answer is sealed in the same way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Sealing {
    /// The key that opened it.
    key: usize,
    /// For whom it was.
    receive_id: Vec<u8>,
}

impl Parties {
    fn new(
        token: &Secrets,
        aes_key: Option<&Secrets>,
        receive_id: Option<&Texts>,
        (unit_ms, tolerance): (u64, Span),
        resolve: Resolve<'_>,
    ) -> Result<Self, SchemeError> {
        let tokens = field("token", resolve_all(token, resolve))?;
        let secrets = aes_key.map_or(Ok(Vec::new()), |keys| field("aes_key", resolve_all(keys, resolve)))?;
        let key = |(index, secret): (usize, &Secret)| {
            AesKey::decode(secret.bytes()).ok_or(SchemeError::AesKey { number: index + 1 })
        };
        let keys = field("aes_key", secrets.iter().enumerate().map(key).collect())?;
        let unresolved = |why| SchemeError::Unresolved { number: 1, why };
        let receive_ids = receive_id.map_or(&[][..], Texts::list).iter();
        let receive_ids = receive_ids
            .map(|id| field("receive_id", resolve(id).map_err(unresolved)))
            .collect::<Result<_, SchemeError>>()?;
        Ok(Self { tokens, keys, receive_ids, unit_ms, tolerance_ms: tolerance.as_millis() })
    }

    /// Whether the query holds the parameters that sign a delivery.
    fn are_there(query: &Query<'_>, signature: &'static str) -> Result<(), Rejected> {
        [signature, "timestamp", "nonce"].into_iter().try_for_each(|name| query.one(name).map(|_| ()))
    }

    /// Whether `content` was signed with one of the tokens, within the tolerance.
    fn check(
        &self,
        query: &Query<'_>,
        signature: &'static str,
        content: Option<&str>,
        received_ms: u64,
    ) -> Result<Stamp, Rejected> {
        let written = query.one(signature)?;
        let mut claimed = [0; 20];
        hex::decode_to_slice(&written, &mut claimed)
            .map_err(|_| Rejected::Query { name: signature, why: "is not a SHA-1 in hex" })?;
        let (timestamp, nonce) = (query.one("timestamp")?, query.one("nonce")?);
        let token = self
            .tokens
            .iter()
            .position(|token| {
                let matches: bool = sign(token, &timestamp, &nonce, content).ct_eq(&claimed).into();
                matches && token.lasts_at(received_ms)
            })
            .ok_or(Rejected::Mismatch)?;
        let sent_ms = self.sent_ms(&timestamp)?;
        within(sent_ms, received_ms - received_ms % self.unit_ms, self.tolerance_ms)?;
        // The last moment of the last unit that passes.
        let until_ms = sent_ms.saturating_add(self.tolerance_ms).saturating_add(self.unit_ms - 1);
        Ok(Stamp { signature: claimed, timestamp, nonce, token, until_ms })
    }

    fn sent_ms(&self, timestamp: &str) -> Result<u64, Rejected> {
        let bad = |why| Rejected::Query { name: "timestamp", why };
        whole(timestamp).map_err(bad)?.checked_mul(self.unit_ms).ok_or(bad("is too large"))
    }

    /// The content of an envelope, and how it was sealed.
    fn open(&self, encrypted: &str) -> Result<(Vec<u8>, Sealing), Rejected> {
        let mut why = "has no key";
        for (key, aes) in self.keys.iter().enumerate() {
            match Frame::open(aes, encrypted) {
                Ok(frame) if self.is_for_us(&frame) => {
                    return Ok((frame.message, Sealing { key, receive_id: frame.receive_id }));
                }
                Ok(_) => why = "is for another receiver: `receive_id` differs; list all that the sender uses",
                Err(reason) => why = reason,
            }
        }
        Err(Rejected::Envelope { why })
    }

    fn is_for_us(&self, frame: &Frame) -> bool {
        let is_it = |id: &String| id.as_bytes() == frame.receive_id;
        self.receive_ids.is_empty() || self.receive_ids.iter().any(is_it)
    }

    /// Writes an answer in the vendor's envelope.
    fn write(&self, manner: &Manner, answer: &[u8], random: [u8; 16]) -> Option<Written> {
        let Manner::Sealed { style, token, sealing, timestamp, nonce, empty } = manner else { return None };
        let answer = if answer.is_empty() { empty.as_bytes() } else { answer };
        if answer.is_empty() {
            return Some(Written { content_type: None, body: Vec::new() });
        }
        let encrypt = Frame::seal(self.keys.get(sealing.key)?, random, answer, &sealing.receive_id);
        let signature = hex::encode(sign(self.tokens.get(*token)?, timestamp, nonce, Some(&encrypt)));
        let json = |body: serde_json::Value| Written {
            content_type: Some("application/json"),
            body: body.to_string().into_bytes(),
        };
        Some(match style {
            Style::DingtalkJson => json(serde_json::json!({
                "msg_signature": signature, "timeStamp": timestamp, "nonce": nonce, "encrypt": encrypt,
            })),
            Style::BotJson => json(serde_json::json!({
                "encrypt": encrypt, "msgsignature": signature, "timestamp": whole(timestamp).ok()?, "nonce": nonce,
            })),
            Style::Xml => {
                // The timestamp is digits. The nonce is signed, but could still end a CDATA section.
                let nonce = nonce.replace("]]>", "]]]]><![CDATA[>");
                let body = format!(
                    "<xml><Encrypt><![CDATA[{encrypt}]]></Encrypt><MsgSignature><![CDATA[{signature}]]></MsgSignature>\
                     <TimeStamp>{timestamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
                );
                Written { content_type: Some("application/xml"), body: body.into_bytes() }
            }
        })
    }

    /// The query of a message as the sender would write it. With a key, it covers the encrypted text too.
    fn sign_query(&self, name: &str, encrypt: Option<&str>, id: &str, now_ms: u64) -> Vec<(String, String)> {
        let timestamp = (now_ms / self.unit_ms).to_string();
        let nonce = hex::encode(&Sha256::digest(id)[..8]);
        let signature = hex::encode(sign(self.first_token(), &timestamp, &nonce, encrypt));
        [(name, signature), ("timestamp", timestamp), ("nonce", nonce)]
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec()
    }

    fn first_token(&self) -> &Secret {
        self.tokens.first().expect("compile refuses an empty list")
    }

    /// Encrypts a message as the sender would; `None` without a key.
    fn encrypt(&self, message: &[u8], id: &str) -> Option<String> {
        let receive_id = self.receive_ids.first().map_or("", String::as_str);
        self.keys.first().map(|key| Frame::seal(key, random_of(id), message, receive_id.as_bytes()))
    }
}

impl Stamp {
    /// The nonce makes each signature unique, so the digest tells a delivery from its replay.
    fn replay(&self) -> Replay {
        Replay { digest: Sha256::digest(self.signature).into(), until_ms: self.until_ms }
    }

    fn reply(self, style: Style, sealing: Sealing, empty: &'static str) -> Reply {
        let Self { timestamp, nonce, token, .. } = self;
        Reply(Manner::Sealed { style, token, sealing, timestamp, nonce, empty })
    }
}

impl Reply {
    fn open(empty: &'static str, content_type: &'static str) -> Self {
        Self(Manner::Open { empty, content_type })
    }

    /// Writes an answer that needs no key.
    fn write_open(&self, answer: &[u8]) -> Option<Written> {
        match &self.0 {
            Manner::Open { empty, content_type } if answer.is_empty() => {
                Some(Written { content_type: Some(content_type), body: empty.as_bytes().to_vec() })
            }
            Manner::Open { .. } => Some(Written { content_type: None, body: answer.to_vec() }),
            Manner::Sealed { .. } => None,
        }
    }
}

/// The query of a request. Its parameters are read strictly.
struct Query<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Query<'a> {
    fn of(target: &'a str) -> Self {
        let query = url::query(target).unwrap_or_default();
        Self(query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(other, _)| *other == name)
    }

    /// The one value of a parameter. A `+` stays a `+`, because base64 has it and these senders write no spaces.
    fn one(&self, name: &'static str) -> Result<String, Rejected> {
        let wrong = |why| Rejected::Query { name, why };
        let mut values = self.0.iter().filter(|(other, _)| *other == name);
        match (values.next(), values.next()) {
            (None, _) => Err(wrong("is missing")),
            (Some((_, value)), None) => percent_decode_str(value)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| wrong("is not UTF-8")),
            (Some(_), Some(_)) => Err(wrong("is there more than once")),
        }
    }
}

/// SHA-1 over the parts, sorted by their bytes.
fn sign(token: &Secret, timestamp: &str, nonce: &str, content: Option<&str>) -> [u8; 20] {
    let mut parts = vec![token.bytes(), timestamp.as_bytes(), nonce.as_bytes()];
    parts.extend(content.map(str::as_bytes));
    parts.sort_unstable();
    parts.iter().fold(Sha1::new(), |hash, part| hash.chain_update(part)).finalize().into()
}

/// Random bytes for a delivery that is signed for a test, made from its id, which is random.
fn random_of(id: &str) -> [u8; 16] {
    let mut random = [0; 16];
    random.copy_from_slice(&Sha256::digest(id)[16..]);
    random
}

/// The media type of a message, by its first character.
fn content_type(message: &[u8]) -> &'static str {
    match message.trim_ascii_start().first() {
        Some(b'<') => "application/xml",
        Some(b'{' | b'[') => "application/json",
        Some(_) | None => "text/plain",
    }
}

/// An error of one field of the setting.
fn field<T>(name: &'static str, result: Result<T, SchemeError>) -> Result<T, SchemeError> {
    result.map_err(|error| SchemeError::Field { name, error: Box::new(error) })
}

/// What no single vendor's file decides.
#[cfg(test)]
mod testing {
    use http::HeaderMap;

    use super::super::{Delivery, Outgoing, Rejected, Scheme, Signed, Verified};
    use crate::model::Verify;

    pub(super) fn scheme(setting: serde_json::Value) -> Scheme {
        let workflow = serde_json::json!({
            "key": "k", "trigger": { "type": "webhook", "verify": setting }, "steps": [],
        });
        let workflow = crate::model::Workflow::from_value(workflow).unwrap();
        let verify: &Verify = workflow.webhooks().next().unwrap().1.verify.as_ref().unwrap();
        Scheme::compile(verify, &|text| Ok(text.to_owned())).unwrap()
    }

    pub(super) fn sign(scheme: &Scheme, body: &[u8], id: &str, now_ms: u64) -> Signed {
        let (method, url, content_type) = ("POST", "http://localhost/", "application/json");
        scheme.sign(&Outgoing { method, url, content_type, body, id, now_ms }).unwrap()
    }

    /// A request target with the query that a sender signed.
    pub(super) fn target(signed: &Signed) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&signed.query);
        format!("/api/webhooks/w?{}", query.finish())
    }

    pub(super) fn deliver(
        scheme: &Scheme,
        method: &str,
        target: &str,
        body: &[u8],
        received_ms: u64,
    ) -> Result<Verified, Rejected> {
        deliver_with(scheme, method, (target, &HeaderMap::new()), body, received_ms)
    }

    pub(super) fn deliver_with(
        scheme: &Scheme,
        method: &str,
        (target, headers): (&str, &HeaderMap),
        body: &[u8],
        received_ms: u64,
    ) -> Result<Verified, Rejected> {
        scheme.verify(&Delivery { method, origin: "http://localhost", target, headers, body, received_ms })
    }
}
