//! How a sender proves itself: the typed form of `trigger.verify`.
//!
//! `verify_parse` builds it from JSON; the derives make the published JSON Schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    envelope::{EnvelopeSpec, FeishuSpec, WechatMpSpec},
    units::Span,
};

/// One secret or several: during a rotation each of them is accepted. Strings may hold templates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Secrets {
    /// The one secret.
    One(String),
    /// Any of these.
    Several(Vec<String>),
}

impl Secrets {
    /// The templates in order.
    pub fn templates(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// How a sender proves itself; always over the bytes as they were received.
#[derive(Debug, Clone, JsonSchema)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum Verify {
    /// `X-Hub-Signature-256` as GitHub sends it.
    Github {
        /// The webhook's secret.
        secret: Secrets,
    },
    /// Any HMAC in a header.
    Hmac(HmacSpec),
    /// 企业微信: messages and events of WeCom, encrypted.
    Wecom(EnvelopeSpec),
    /// 微信公众号: messages of a WeChat official account.
    WechatMp(WechatMpSpec),
    /// 钉钉: the event subscription of DingTalk, encrypted.
    DingtalkEvent(EnvelopeSpec),
    /// 飞书: the event subscription of Feishu, also as `lark`.
    #[schemars(transform = also_lark)]
    Feishu(FeishuSpec),
}

impl Verify {
    /// The header in which the sender gives the shared secret itself; nothing when it only proves to know it.
    pub fn secret_header(&self) -> Option<&str> {
        match self {
            Self::Github { .. }
            | Self::Hmac(_)
            | Self::Wecom(_)
            | Self::WechatMp(_)
            | Self::DingtalkEvent(_)
            | Self::Feishu(_) => None,
        }
    }

    /// Whether the sender takes an answer for a command to it, so that the last step's output is never sent.
    pub fn answers_are_commands(&self) -> bool {
        match self {
            Self::Wecom(_) | Self::WechatMp(_) | Self::DingtalkEvent(_) | Self::Feishu(_) => true,
            Self::Github { .. } | Self::Hmac(_) => false,
        }
    }

    /// The secrets that a handshake answers with a MAC of, unless it has its own.
    pub fn secrets(&self) -> Option<&Secrets> {
        match self {
            Self::Github { secret } => Some(secret),
            Self::Hmac(spec) => Some(&spec.secret),
            Self::Wecom(_) | Self::WechatMp(_) | Self::DingtalkEvent(_) | Self::Feishu(_) => None,
        }
    }
}

fn also_lark(schema: &mut schemars::Schema) {
    if let Some(scheme) = schema.pointer_mut("/properties/scheme") {
        *scheme = serde_json::json!({ "type": "string", "enum": ["feishu", "lark"] });
    }
}

/// A hash of the SHA family.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Algorithm {
    /// Only for senders that know nothing better.
    Sha1,
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

/// How the bytes of a MAC are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Hex digits of either case.
    #[default]
    Hex,
    /// RFC 4648 section 4, with padding.
    Base64,
    /// RFC 4648 section 5, without padding.
    Base64url,
}

/// How the bytes of a secret are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SecretEncoding {
    /// The text's own bytes.
    #[default]
    Utf8,
    /// Base64 of the key.
    Base64,
    /// Hex of the key.
    Hex,
}

/// A generic HMAC verification.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HmacSpec {
    /// The header that carries the MAC.
    pub header: String,
    /// The key.
    pub secret: Secrets,
    /// The hash; default sha256.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How the header writes the MAC; default hex.
    #[serde(default)]
    pub encoding: Encoding,
    /// Text before the MAC in the header, such as `sha256=`.
    #[serde(default)]
    pub prefix: String,
    /// How `secret` writes the key; default utf8.
    #[serde(default)]
    pub secret_encoding: SecretEncoding,
    /// Text that is removed from the secret before it is decoded, such as `whsec_`.
    #[serde(default)]
    pub secret_prefix: String,
    /// What is signed: literals and `{body}`, `{timestamp}`, `{id}`, `{method}`; default `{body}`.
    #[serde(default = "HmacSpec::default_signed")]
    pub signed: String,
    /// Several MACs in one header are separated by this, such as `,` or a space; any one may match.
    pub separator: Option<String>,
    /// Where the time of sending stands.
    pub timestamp: Option<TimestampSpec>,
    /// The header of the delivery's id, for `{id}`.
    pub id_header: Option<String>,
}

impl HmacSpec {
    fn default_signed() -> String {
        "{body}".to_owned()
    }
}

/// Where and how a sender gives the time; checked in both directions against the time of receipt.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TimestampSpec {
    /// The header.
    pub header: String,
    /// How it is written; default seconds.
    #[serde(default)]
    pub unit: TimestampUnit,
    /// The largest difference accepted; default 5m, at most 1d.
    #[serde(default = "TimestampSpec::default_tolerance")]
    pub tolerance: Span,
}

impl TimestampSpec {
    fn default_tolerance() -> Span {
        Span::from_millis(300_000)
    }
}

/// How a timestamp is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TimestampUnit {
    /// Whole seconds since the epoch.
    #[default]
    Seconds,
    /// Whole milliseconds since the epoch.
    Milliseconds,
    /// A date as RFC 3339 writes it.
    Rfc3339,
}
