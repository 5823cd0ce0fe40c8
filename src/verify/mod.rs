//! Who sent this delivery: signatures checked over the bytes as they were received.
//!
//! One file a signature family, plus what they share. Called by the gateway before anything is decoded.
//! Pure: the time of receipt is passed in. It never parses a body, never compares a MAC with `==`, and
//! has no state in which a missing secret means "valid".

mod envelope;
mod github;
mod hmac;
mod mac;
mod secret;
mod signed;
mod timestamp;

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::model::{Algorithm, Encoding, Secrets, Verify};

pub use envelope::{Reply, Written};
pub use github::Github;
pub use hmac::Hmac;
pub use secret::Secret;

/// What a signature can cover of one request.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The method as it stood in the request line.
    pub method: &'a str,
    /// What URLs of this server begin with for its senders, without a `/` at the end, as in `https://hooks.example.com`.
    pub origin: &'a str,
    /// Path and query as they stood in the request line.
    pub target: &'a str,
    /// All headers, repeated ones included.
    pub headers: &'a HeaderMap,
    /// The body byte for byte as it was received, before any decoding.
    pub body: &'a [u8],
    /// The time of receipt in milliseconds since the epoch.
    pub received_ms: u64,
}

/// What a delivery that was verified told of itself.
#[derive(Debug, Default)]
pub struct Verified {
    /// The content of an encrypted envelope. It is decoded in place of the body.
    pub opened: Option<Opened>,
    /// For senders whose signature covers no id: a delivery with the same digest that comes again is a replay.
    pub replay: Option<Replay>,
    /// How its answer has to be written; nothing when the workflow's own answer is sent.
    pub reply: Option<Reply>,
    /// It only asks whether the address is right, and must never start a run.
    pub question: bool,
}

impl Verified {
    fn question(opened: Option<Opened>) -> Self {
        Self { opened, question: true, ..Self::default() }
    }
}

/// What a correct sender would send in place of a bare body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signed {
    /// Headers beside those that tell what the body is.
    pub headers: Vec<(String, String)>,
    /// Parameters of the query, in order.
    pub query: Vec<(String, String)>,
    /// The body, when it is not the one that was to be signed.
    pub body: Option<Vec<u8>>,
}

/// What an encrypted envelope held.
#[derive(Clone, PartialEq, Eq)]
pub struct Opened {
    /// The bytes that the sender encrypted.
    pub body: Vec<u8>,
    /// How they are written.
    pub content_type: &'static str,
}

/// What a delivery is recognised by when it is sent again without leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replay {
    /// SHA-256 over what was signed and the signature.
    pub digest: [u8; 32],
    /// Until then, in milliseconds since the epoch, the timestamp would pass.
    pub until_ms: u64,
}

/// A `verify` setting with its secrets filled in, ready to check deliveries.
#[derive(Debug)]
pub enum Scheme {
    /// `X-Hub-Signature-256` as GitHub sends it.
    Github(Github),
    /// Any HMAC in a header.
    Hmac(Hmac),
    /// 企业微信.
    Wecom(envelope::Wecom),
    /// 微信公众号.
    WechatMp(envelope::WechatMp),
    /// 钉钉 events.
    DingtalkEvent(envelope::Dingtalk),
    /// 飞书.
    Feishu(envelope::Feishu),
}

/// Why a `verify` setting cannot be used. Nobody gets in until it is mended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemeError {
    /// The template of a secret gave an error.
    #[error("secret {number} cannot be read: {why}")]
    Unresolved {
        /// Its place in the list, from 1.
        number: usize,
        /// What the resolver said.
        why: String,
    },
    /// A secret is empty, or nothing but white space.
    #[error("secret {number} is empty, which would let anyone in; set it")]
    EmptySecret {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// No secret at all.
    #[error("there is no secret, which would let anyone in; give one")]
    NoSecret,
    /// A secret is not written as `secret_encoding` says.
    #[error("secret {number} is not {encoding}; correct it or `secret_encoding`")]
    SecretEncoding {
        /// Its place in the list, from 1.
        number: usize,
        /// The encoding it should have.
        encoding: &'static str,
    },
    /// A configured header name that HTTP does not allow.
    #[error("`{field}`: `{name}` cannot be the name of a header")]
    HeaderName {
        /// The field of the setting.
        field: &'static str,
        /// What it says.
        name: String,
    },
    /// A separator that separates nothing.
    #[error("`separator` is empty; leave it out when the header holds one signature")]
    EmptySeparator,
    /// `signed` cannot be understood.
    #[error("`signed`: {0}")]
    Signed(String),
    /// The signature would say nothing about the body.
    #[error("`signed` does not contain {{body}}, so anyone could change the body; add it")]
    BodyNotCovered,
    /// A field is read but not signed, so that anyone could forge it.
    #[error(
        "`{field}` is set but `signed` does not contain {{{placeholder}}}, so anyone could change it; add it, or remove `{field}`"
    )]
    NotCovered {
        /// The field of the setting.
        field: &'static str,
        /// What `signed` lacks.
        placeholder: &'static str,
    },
    /// `signed` uses a value that nothing provides.
    #[error("`signed` contains {{{placeholder}}} but `{field}` is not set; say in which header it stands")]
    NoSource {
        /// The field that is missing.
        field: &'static str,
        /// What `signed` contains.
        placeholder: &'static str,
    },
    /// A key of another length, or with other characters.
    #[error("key {number} is no EncodingAESKey; copy all of its 43 characters")]
    AesKey {
        /// Its place in the list, from 1.
        number: usize,
    },
    /// One of several secrets of a setting.
    #[error("`{name}`: {error}")]
    Field {
        /// The field of the setting.
        name: &'static str,
        /// What is wrong with it.
        error: Box<SchemeError>,
    },
}

/// The true reason of a refusal. For the request log only: the caller learns no more than that it was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The signature header is absent.
    #[error("the header `{header}` is missing")]
    MissingSignature {
        /// Its name.
        header: String,
    },
    /// Only GitHub's SHA-1 header is there.
    #[error("only the outdated `x-hub-signature` (SHA-1) was sent; `x-hub-signature-256` is required")]
    LegacySignature,
    /// The signature header is there more than once.
    #[error("the header `{header}` is there more than once")]
    SeveralSignatures {
        /// Its name.
        header: String,
    },
    /// The signature header is not written as it should be.
    #[error("the header `{header}` cannot be a signature: {why}")]
    Malformed {
        /// Its name.
        header: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A well-formed signature of something else, or by another secret.
    #[error("no signature matches: the body was changed or the secret differs")]
    Mismatch,
    /// The timestamp header is absent.
    #[error("the timestamp header `{header}` is missing")]
    MissingTimestamp {
        /// Its name.
        header: String,
    },
    /// The timestamp is no time.
    #[error("the timestamp header `{header}` {why}")]
    BadTimestamp {
        /// Its name.
        header: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// Sent longer ago than the tolerance.
    #[error("sent {by} ms earlier than the tolerance allows: a replay, or a clock that is wrong")]
    Stale {
        /// How far beyond the tolerance, in milliseconds.
        by: u64,
    },
    /// Sent later than now by more than the tolerance.
    #[error("dated {by} ms further in the future than the tolerance allows: a clock is wrong")]
    Future {
        /// How far beyond the tolerance, in milliseconds.
        by: u64,
    },
    /// A parameter of the query is not there once, or not what it should be.
    #[error("the query parameter `{name}` {why}")]
    Query {
        /// Its name.
        name: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The document around or within the encryption is not as it should be.
    #[error("the envelope {why}")]
    Envelope {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The header of the delivery's id is absent, empty or repeated.
    #[error("the id header `{header}` is missing or not a single value")]
    MissingId {
        /// Its name.
        header: String,
    },
}

impl Scheme {
    /// Fills in the secrets and checks all that can be known before a delivery comes.
    ///
    /// `resolve` turns the template of one secret into its text.
    ///
    /// # Errors
    /// Everything that would make the check weaker than it looks; see [`SchemeError`].
    pub fn compile(
        setting: &Verify,
        resolve: &dyn Fn(&str) -> Result<String, String>,
    ) -> Result<Self, SchemeError> {
        match setting {
            Verify::Github { secret } => Ok(Self::Github(Github::new(resolve_all(secret, resolve)?))),
            Verify::Hmac(spec) => {
                let secrets = resolve_all(&spec.secret, resolve)?;
                Hmac::new(spec, &secrets).map(Self::Hmac)
            }
            Verify::Wecom(spec) => envelope::Wecom::new(spec, resolve).map(Self::Wecom),
            Verify::WechatMp(spec) => envelope::WechatMp::new(spec, resolve).map(Self::WechatMp),
            Verify::DingtalkEvent(spec) => envelope::Dingtalk::new(spec, resolve).map(Self::DingtalkEvent),
            Verify::Feishu(spec) => envelope::Feishu::new(spec, resolve).map(Self::Feishu),
        }
    }

    /// The scheme's name as `workflow.json` writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Github(_) => "github",
            Self::Hmac(_) => "hmac",
            Self::Wecom(_) => "wecom",
            Self::WechatMp(_) => "wechat_mp",
            Self::DingtalkEvent(_) => "dingtalk_event",
            Self::Feishu(_) => "feishu",
        }
    }

    /// Whether the sender of this delivery holds one of the secrets.
    ///
    /// # Errors
    /// The true reason, for the log.
    pub fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified, Rejected> {
        match self {
            Self::Github(github) => github.verify(delivery).map(|()| Verified::default()),
            Self::Hmac(hmac) => hmac.verify(delivery).map(|()| Verified::default()),
            Self::Wecom(wecom) => wecom.verify(delivery),
            Self::WechatMp(account) => account.verify(delivery),
            Self::DingtalkEvent(dingtalk) => dingtalk.verify(delivery),
            Self::Feishu(feishu) => feishu.verify(delivery),
        }
    }

    /// The body of an answer as the sender of a delivery wants it; `random` is fresh for each answer.
    pub fn write(&self, reply: &Reply, answer: &[u8], random: [u8; 16]) -> Written {
        let written = match self {
            Self::Wecom(wecom) => wecom.write(reply, answer, random),
            Self::WechatMp(account) => account.write(reply, answer, random),
            Self::DingtalkEvent(dingtalk) => dingtalk.write(reply, answer, random),
            Self::Feishu(_) => envelope::Feishu::write(reply, answer),
            Self::Github(_) | Self::Hmac(_) => None,
        };
        written.unwrap_or_else(|| Written { content_type: None, body: answer.to_vec() })
    }

    /// What a correct sender would send, signed with the first secret.
    ///
    /// `now_ms` is the time of sending in milliseconds since the epoch. Where a sender draws random bytes, they are made
    /// of `id`, which is random itself.
    pub fn sign(&self, method: &str, body: &[u8], id: &str, now_ms: u64) -> Signed {
        let headers = |headers| Signed { headers, ..Signed::default() };
        match self {
            Self::Github(github) => headers(github.sign(body)),
            Self::Hmac(hmac) => headers(hmac.sign(method, body, id, now_ms)),
            Self::Wecom(wecom) => wecom.sign(body, id, now_ms),
            Self::WechatMp(account) => account.sign(body, id, now_ms),
            Self::DingtalkEvent(dingtalk) => dingtalk.sign(body, id, now_ms),
            Self::Feishu(feishu) => feishu.sign(body, id, now_ms),
        }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("bytes", &self.body.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Delivery<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Headers carry signatures and tokens, so only sizes are shown.
        f.debug_struct("Delivery")
            .field("method", &self.method)
            .field("headers", &self.headers.len())
            .field("body_bytes", &self.body.len())
            .field("received_ms", &self.received_ms)
            .finish()
    }
}

/// An HMAC of some bytes as a sender expects it in an answer.
pub fn write_mac(secret: &Secret, algorithm: Algorithm, encoding: Encoding, bytes: &[u8]) -> String {
    mac::Tag::compute(algorithm, secret, &[bytes]).encode(encoding)
}

fn resolve_all(
    secrets: &Secrets,
    resolve: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Vec<Secret>, SchemeError> {
    let mut resolved = Vec::new();
    for (index, template) in secrets.templates().iter().enumerate() {
        let number = index + 1;
        let text = resolve(template).map_err(|why| SchemeError::Unresolved { number, why })?;
        // A secret of white space alone is an unset variable, not a choice.
        if text.trim().is_empty() {
            return Err(SchemeError::EmptySecret { number });
        }
        resolved.push(Secret::new(text.into_bytes()));
    }
    if resolved.is_empty() { Err(SchemeError::NoSecret) } else { Ok(resolved) }
}

fn header_name(field: &'static str, name: &str) -> Result<HeaderName, SchemeError> {
    name.parse().map_err(|_| SchemeError::HeaderName { field, name: name.to_owned() })
}

/// How often a header is there.
enum Single<'a> {
    Absent,
    Once(&'a HeaderValue),
    Repeated,
}

fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Single<'a> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Single::Absent,
        (Some(value), None) => Single::Once(value),
        (Some(_), Some(_)) => Single::Repeated,
    }
}

/// The one value of a signature header as text that is not empty.
fn signature_header<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<&'a str, Rejected> {
    let header = || name.as_str().to_owned();
    let value = match single(headers, name) {
        Single::Absent => return Err(Rejected::MissingSignature { header: header() }),
        Single::Repeated => return Err(Rejected::SeveralSignatures { header: header() }),
        Single::Once(value) => value,
    };
    match value.to_str() {
        Ok("") => Err(Rejected::Malformed { header: header(), why: "it is empty" }),
        Ok(text) => Ok(text),
        Err(_) => Err(Rejected::Malformed { header: header(), why: "it is not ASCII text" }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn github(secret: Secrets) -> Verify {
        Verify::Github { secret }
    }

    #[test]
    fn an_empty_or_unresolved_secret_is_an_error_and_never_valid() {
        let filled = |text: &str| match text {
            "unset" => Err("environment variable S is not set".to_owned()),
            "space" => Ok(" \n".to_owned()),
            other => Ok(other.to_owned()),
        };
        let several =
            |texts: &[&str]| Secrets::Several(texts.iter().map(|text| (*text).to_owned()).collect());
        let cases = [
            (Secrets::One(String::new()), SchemeError::EmptySecret { number: 1 }),
            (Secrets::One("space".to_owned()), SchemeError::EmptySecret { number: 1 }),
            (several(&["good", ""]), SchemeError::EmptySecret { number: 2 }),
            (several(&[]), SchemeError::NoSecret),
            (
                several(&["good", "unset"]),
                SchemeError::Unresolved { number: 2, why: "environment variable S is not set".to_owned() },
            ),
        ];
        for (secrets, expected) in cases {
            let error = Scheme::compile(&github(secrets), &filled).map(|_| ()).unwrap_err();
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn debug_output_shows_no_secret_and_no_header() {
        let scheme =
            Scheme::compile(&github(Secrets::One("hunter2".to_owned())), &|text| Ok(text.to_owned()))
                .unwrap();
        let shown = format!("{scheme:?}");
        assert!(!shown.contains("hunter2") && !shown.contains("104, 117"), "{shown}");

        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("authorization"),
            HeaderValue::from_static("Bearer hunter2"),
        )]);
        let delivery = Delivery {
            method: "POST",
            origin: "http://localhost",
            target: "/",
            headers: &headers,
            body: b"hunter2",
            received_ms: 0,
        };
        assert!(!format!("{delivery:?}").contains("hunter2"));
    }
}
