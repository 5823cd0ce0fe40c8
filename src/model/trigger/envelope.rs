//! Senders that encrypt what they send: 企业微信 (WeCom), 微信公众号, 钉钉 events, 飞书 (Lark).
//!
//! `verify_parse` builds these from JSON; the derives make the published JSON Schema.

use schemars::JsonSchema;
use serde::Deserialize;

use super::{secret_spec::Secrets, texts::Texts};
use crate::model::value::Span;

/// The callback of WeCom or the event subscription of DingTalk.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnvelopeSpec {
    /// `Token` of the vendor's console.
    pub token: Secrets,
    /// `EncodingAESKey` of the vendor's console, 43 letters and digits.
    pub aes_key: Secrets,
    /// The CorpID, SuiteID, SuiteKey or AppKey that each message has to end with. An app of a third party gets messages
    /// with several: give all of them. It is not checked when this is left out, as bots of one's own company send none.
    pub receive_id: Option<Texts>,
    /// The largest difference between the sender's time and ours; default 1h, at most 1d.
    #[serde(default = "one_hour")]
    pub tolerance: Span,
}

/// The callback of a WeChat official account.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WechatMpSpec {
    /// `Token` of the vendor's console.
    pub token: Secrets,
    /// `EncodingAESKey`, 43 letters and digits. With it only encrypted messages are accepted. Without it messages come
    /// in the plain mode, whose signature does not cover the body.
    pub aes_key: Option<Secrets>,
    /// The AppID that each encrypted message has to end with, or several; it is not checked when this is left out.
    pub receive_id: Option<Texts>,
    /// The largest difference between the sender's time and ours; default 1h, at most 1d.
    #[serde(default = "one_hour")]
    pub tolerance: Span,
}

/// The event subscription of Feishu or Lark. At least one of `token` and `encrypt_key` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeishuSpec {
    /// `Verification Token`, which stands in each body.
    pub token: Option<Secrets>,
    /// `Encrypt Key`. With it only signed deliveries are accepted.
    pub encrypt_key: Option<Secrets>,
    /// The largest difference between the sender's time and ours; default 5m, at most 1d.
    #[serde(default = "five_minutes")]
    pub tolerance: Span,
}

/// Cards of Feishu or Lark in their old form.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FeishuCardSpec {
    /// `Verification Token`, which is part of what is signed.
    pub token: Secrets,
    /// `Encrypt Key`, if the bodies are encrypted.
    pub encrypt_key: Option<Secrets>,
    /// The largest difference between the sender's time and ours; default 5m, at most 1d.
    #[serde(default = "five_minutes")]
    pub tolerance: Span,
}

fn one_hour() -> Span {
    Span::from_millis(3_600_000)
}

fn five_minutes() -> Span {
    Span::from_millis(300_000)
}
