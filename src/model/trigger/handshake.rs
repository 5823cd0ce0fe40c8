//! How a sender asks whether this is the right address, and what it wants to hear: `trigger.handshake`.
//!
//! The presets are entries of the same form (`gateway/handshake/presets.json`). What is checked here needs no
//! secret; the gateway compiles the rest.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::hmac::{Algorithm, Encoding};
use crate::model::value::{
    FieldError, Method,
    fields::{kind_of, typed},
};

const PATH: &str = "trigger.handshake";

/// Which questions are answered without a run.
#[derive(Debug, Clone, JsonSchema)]
#[schemars(untagged)]
pub enum Handshake {
    /// `false`: none, also if senders of the scheme ask. `true` is the default.
    Switch(bool),
    /// As senders of this kind ask.
    Preset(Preset),
    /// The same, with what it needs.
    PresetWith(PresetSpec),
    /// Written out.
    Custom(HandshakeSpec),
}

/// Senders whose questions are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// `url_verification` of Slack's Events API.
    Slack,
    /// PING of Discord's interactions and webhook events.
    Discord,
    /// `url_verification` of Feishu and Lark.
    Feishu,
    /// `echostr` of WeCom, decrypted.
    Wecom,
    /// `echostr` of WeChat official accounts.
    WechatMp,
    /// `check_url` and its kin of DingTalk's events.
    DingtalkEvent,
    /// `hub.challenge` of Facebook, Instagram, WhatsApp and other WebSub-like senders; needs `verify_token`.
    Meta,
    /// `validationToken` of Microsoft Graph.
    MicrosoftGraph,
    /// `endpoint.url_validation` of Zoom; needs `secret`, or that of `verify`.
    Zoom,
    /// `crc_token` of X; needs `secret`, or that of `verify`.
    X,
    /// `X-Hook-Secret` of Asana, which wants to see it again in the answer's head.
    Asana,
    /// HEAD of Trello, which asks before a webhook is made.
    Trello,
    /// HEAD and GET of Mandrill.
    Mandrill,
    /// GET of Mailchimp.
    Mailchimp,
    /// `SubscriptionValidation` of Azure Event Grid, and OPTIONS of its CloudEvents.
    EventGrid,
    /// `challenge` of Dropbox.
    Dropbox,
}

impl Preset {
    /// Its name as `workflow.json` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Discord => "discord",
            Self::Feishu => "feishu",
            Self::Wecom => "wecom",
            Self::WechatMp => "wechat_mp",
            Self::DingtalkEvent => "dingtalk_event",
            Self::Meta => "meta",
            Self::MicrosoftGraph => "microsoft_graph",
            Self::Zoom => "zoom",
            Self::X => "x",
            Self::Asana => "asana",
            Self::Trello => "trello",
            Self::Mandrill => "mandrill",
            Self::Mailchimp => "mailchimp",
            Self::EventGrid => "event_grid",
            Self::Dropbox => "dropbox",
        }
    }

    /// What senders of a `verify` scheme ask without being told to.
    pub fn of_scheme(scheme: &str) -> Option<Self> {
        const NATURAL: [Preset; 7] = [
            Preset::Slack,
            Preset::Discord,
            Preset::Feishu,
            Preset::Wecom,
            Preset::WechatMp,
            Preset::DingtalkEvent,
            Preset::Zoom,
        ];
        // Cards of Feishu are asked in the same way.
        let scheme = if scheme == "feishu_card" { "feishu" } else { scheme };
        NATURAL.into_iter().find(|preset| preset.as_str() == scheme)
    }
}

/// A preset and what it needs.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PresetSpec {
    /// Its name.
    pub preset: Preset,
    /// What the sender has to show, for `meta`. May hold a template.
    pub verify_token: Option<String>,
    /// The key of the MAC that is answered, for `zoom` and `x`; by default the first secret of `verify`. May hold a template.
    pub secret: Option<String>,
}

/// One question and its answer.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandshakeSpec {
    /// The question's method. It is allowed although `methods` does not list it.
    pub method: Method,
    /// What tells the question from a delivery: fields such as `query.hub.mode`, `header.x-event` or `body.type`, and
    /// their values. `null` is a field that is not there.
    #[serde(default, rename = "match")]
    pub matches: BTreeMap<String, Value>,
    /// Fields that have to have a secret value, compared in constant time; may hold templates of secrets. The question
    /// is refused if one has not.
    #[serde(default)]
    pub require: BTreeMap<String, String>,
    /// Whether it is answered before the signature is checked; default: a GET is, a POST is not.
    pub unsigned: Option<bool>,
    /// What the sender wants to hear.
    #[serde(default)]
    pub answer: HandshakeAnswer,
}

/// The answer of a handshake. In its strings `{query.x}`, `{header.x}`, `{body.x.y}`, `{body}` and `{mac}` are filled in; if the
/// request has no such field, it is no question.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandshakeAnswer {
    /// 200 to 299; default 200.
    pub status: Option<u16>,
    /// Headers by name.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// A text, sent as `text/plain`.
    pub text: Option<String>,
    /// JSON; a string that is one placeholder alone takes the field's value.
    pub json: Option<Value>,
    /// What `{mac}` is.
    pub mac: Option<HandshakeMac>,
}

/// An HMAC of one field. The field has to be a token (letters, digits, `+ / _ . -`, at most 256), so that nobody has
/// a delivery signed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HandshakeMac {
    /// The field, such as `query.crc_token`.
    pub of: String,
    /// The key; by default the first secret of `verify`. May hold a template.
    pub secret: Option<String>,
    /// The hash; default sha256.
    #[serde(default)]
    pub algorithm: Algorithm,
    /// How the MAC is written; default hex.
    #[serde(default)]
    pub encoding: Encoding,
}

impl Handshake {
    pub(super) fn from_value(value: Value) -> Result<Self, FieldError> {
        match value {
            Value::Bool(on) => Ok(Self::Switch(on)),
            Value::String(_) => typed(value, PATH).map(Self::Preset),
            Value::Object(ref fields) if fields.contains_key("preset") => {
                typed(value, PATH).map(Self::PresetWith)
            }
            Value::Object(_) => {
                let spec: HandshakeSpec = typed(value, PATH)?;
                spec.check().map(|()| Self::Custom(spec))
            }
            other => {
                let message =
                    format!("expected a preset's name, an object or false, found {}", kind_of(&other));
                Err(FieldError::new(PATH, message))
            }
        }
    }
}

impl HandshakeSpec {
    fn check(&self) -> Result<(), FieldError> {
        let wrong = |field: &str, message: &str| Err(FieldError::new(format!("{PATH}.{field}"), message));
        if self.matches.values().any(|value| value.is_array() || value.is_object()) {
            return wrong("match", "a value is a string, a number, true, false or null");
        }
        if self.require.values().any(String::is_empty) {
            return wrong("require", "an empty secret would let anyone in; give one");
        }
        let HandshakeAnswer { status, headers, text, json, .. } = &self.answer;
        if !(200..300).contains(&status.unwrap_or(200)) {
            return wrong("answer.status", "a status from 200 to 299 tells the sender that all is well");
        }
        if text.is_some() && json.is_some() {
            return wrong("answer", "give `json` or `text`, not both");
        }
        // Else each request with this method would be one.
        if self.matches.is_empty() && headers.is_empty() && text.is_none() && json.is_none() {
            return wrong("match", "say what tells the question from a delivery");
        }
        Ok(())
    }
}
