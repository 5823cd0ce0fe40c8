//! How a sender proves itself: the typed form of `trigger.verify`.
//!
//! `verify_parse` builds it from JSON; the derives make the published JSON Schema.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    envelope::{EnvelopeSpec, FeishuCardSpec, FeishuSpec, WechatMpSpec},
    fields::FieldsSpec,
    hmac::HmacSpec,
    jwt::JwtSpec,
    public_key::{KeySpec, PaypalSpec, SignatureSpec, SnsSpec},
    secret_spec::Secrets,
};
use crate::model::value::Span;

/// How a sender proves itself; always over the bytes as they were received.
#[derive(Debug, Clone, JsonSchema)]
#[serde(tag = "scheme", rename_all = "snake_case")]
pub enum Verify {
    /// GitLab: its secret token, or its signing token.
    Gitlab(GitlabSpec),
    /// Discord's interactions and webhook events.
    Discord(DiscordSpec),
    /// Gitee: its signature, or its password.
    Gitee(GiteeSpec),
    /// `Authorization: Basic` (RFC 7617).
    Basic(BasicSpec),
    /// `Authorization: Bearer` with a token that both sides know.
    Bearer(BearerSpec),
    /// A token that both sides know, in a header.
    Header(HeaderSpec),
    /// A token that both sides know, in the URL. Proxies log URLs: for senders that can do nothing else.
    Query(QuerySpec),
    /// A JSON Web Token (RFC 7519), in `Authorization: Bearer` or elsewhere.
    Jwt(Box<JwtSpec>),
    /// Any HMAC in a header.
    Hmac(Box<HmacSpec>),
    /// 企业微信: messages and events of WeCom, encrypted.
    Wecom(EnvelopeSpec),
    /// 微信公众号: messages of a WeChat official account.
    WechatMp(WechatMpSpec),
    /// 钉钉: the event subscription of DingTalk, encrypted.
    DingtalkEvent(EnvelopeSpec),
    /// 飞书: the event subscription of Feishu, also as `lark`.
    #[schemars(transform = also_lark)]
    Feishu(FeishuSpec),
    /// 飞书: the cards of Feishu in their old form.
    FeishuCard(FeishuCardSpec),
    /// Any signature by a private key, in a header.
    Signature(Box<SignatureSpec>),
    /// A signature over fields, which stands in a field beside them or in a header.
    Fields(Box<FieldsSpec>),
    /// SendGrid's event webhook.
    Sendgrid(KeySpec),
    /// 微信支付: notifications of WeChat Pay, API v3.
    WechatPay(KeySpec),
    /// 支付宝: notifications of Alipay, RSA2.
    Alipay(KeySpec),
    /// Amazon SNS.
    Sns(SnsSpec),
    /// PayPal.
    Paypal(PaypalSpec),
    /// A sender whose way of signing is known.
    #[serde(untagged)]
    Vendor(VendorSpec),
}

impl Verify {
    /// What a known sender signs with one secret.
    pub fn vendor(scheme: Vendor, secret: impl Into<Secrets>) -> Self {
        Self::Vendor(VendorSpec { scheme, secret: secret.into(), tolerance: None, url: None })
    }

    /// The header in which the sender gives the shared secret itself; nothing when it only proves to know it.
    pub fn secret_header(&self) -> Option<&str> {
        self.facts().secret_header
    }

    /// The query parameter in which the sender gives the shared secret itself.
    pub fn secret_parameter(&self) -> Option<&str> {
        self.facts().secret_parameter
    }

    /// Whether the sender takes an answer for a command to it, so that the last step's output is never sent.
    pub fn answers_are_commands(&self) -> bool {
        self.facts().answers_are_commands
    }

    /// The secrets that a handshake answers with a MAC of, unless it has its own.
    pub fn secrets(&self) -> Option<&Secrets> {
        self.facts().secrets
    }

    /// The fields of the sender's forms whose text is JSON.
    pub fn json_fields(&self) -> &'static [&'static str] {
        self.facts().json_fields
    }

    /// Fields of the body in which the sender repeats what nobody else should know.
    pub fn secret_fields(&self) -> &'static [&'static str] {
        self.facts().secret_fields
    }

    /// The one list of all schemes. Public keys, names with passwords and what has a language of its own are no
    /// secrets that a handshake could answer with.
    fn facts(&self) -> Facts<'_> {
        let none = Facts::default();
        let commands = Facts { answers_are_commands: true, ..Facts::default() };
        match self {
            Self::Gitlab(spec) => {
                Facts { secret_header: Some("x-gitlab-token"), secrets: Some(&spec.secret), ..none }
            }
            Self::Gitee(spec) => Facts {
                secret_header: Some("x-gitee-token"),
                secrets: Some(&spec.secret),
                secret_fields: &["password", "sign"],
                ..none
            },
            Self::Basic(_) => Facts { secret_header: Some("authorization"), ..none },
            Self::Jwt(spec) => Facts {
                secret_header: spec.token_header(),
                secret_parameter: spec.parameter.as_deref(),
                ..none
            },
            Self::Bearer(spec) => {
                Facts { secret_header: Some("authorization"), secrets: Some(&spec.secret), ..none }
            }
            Self::Header(spec) => {
                Facts { secret_header: Some(&spec.header), secrets: Some(&spec.secret), ..none }
            }
            Self::Query(spec) => {
                Facts { secret_parameter: Some(&spec.parameter), secrets: Some(&spec.secret), ..none }
            }
            Self::Hmac(spec) => Facts { secrets: Some(&spec.secret), ..none },
            Self::Fields(spec) => Facts { secrets: spec.secret.as_ref(), ..none },
            Self::Discord(_)
            | Self::Signature(_)
            | Self::Sendgrid(_)
            | Self::WechatPay(_)
            | Self::Alipay(_)
            | Self::Sns(_)
            | Self::Paypal(_) => none,
            Self::Wecom(_) | Self::WechatMp(_) | Self::DingtalkEvent(_) => commands,
            // Its tokens are hidden by its verification, which reads them.
            Self::Feishu(_) | Self::FeishuCard(_) => commands,
            Self::Vendor(spec) => Facts {
                secrets: Some(&spec.secret),
                json_fields: spec.scheme.json_fields(),
                secret_fields: spec.scheme.secret_fields(),
                ..none
            },
        }
    }
}

/// What is known of the requests of a scheme beside how they are verified.
#[derive(Default)]
struct Facts<'a> {
    secret_header: Option<&'a str>,
    secret_parameter: Option<&'a str>,
    answers_are_commands: bool,
    secrets: Option<&'a Secrets>,
    json_fields: &'static [&'static str],
    secret_fields: &'static [&'static str],
}

fn also_lark(schema: &mut schemars::Schema) {
    if let Some(scheme) = schema.pointer_mut("/properties/scheme") {
        *scheme = serde_json::json!({ "type": "string", "enum": ["feishu", "lark"] });
    }
}

/// Senders of which nothing but the secret must be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// `X-Hub-Signature-256`.
    Github,
    /// `X-Gitea-Signature`.
    Gitea,
    /// `X-Forgejo-Signature`.
    Forgejo,
    /// Standard Webhooks: `webhook-signature`, with an HMAC (`whsec_`) or an Ed25519 key (`whpk_`).
    Standard,
    /// Svix: `svix-signature`, or the names of Standard Webhooks.
    Svix,
    /// `X-Slack-Signature`.
    Slack,
    /// `Stripe-Signature`.
    Stripe,
    /// `X-Shopify-Hmac-SHA256` or `Shopify-Hmac-Sha256`.
    Shopify,
    /// `X-Twilio-Signature`.
    Twilio,
    /// `Linear-Signature`.
    Linear,
    /// DingTalk's robot that receives messages: headers `timestamp` and `sign`. The signature does not cover the body.
    DingtalkRobot,
    /// `x-zm-signature`.
    Zoom,
    /// `X-PagerDuty-Signature`.
    Pagerduty,
    /// `Paddle-Signature`.
    Paddle,
    /// `Twitch-Eventsub-Message-Signature`.
    Twitch,
    /// `x-square-hmacsha256-signature`.
    Square,
    /// `X-WC-Webhook-Signature`.
    Woocommerce,
    /// `x-xero-signature`.
    Xero,
    /// Mailgun: `signature` in the body. It does not cover the rest of the body.
    Mailgun,
}

impl Vendor {
    /// Every one of them.
    pub const ALL: [Self; 19] = [
        Self::Github,
        Self::Gitea,
        Self::Forgejo,
        Self::Standard,
        Self::Svix,
        Self::Slack,
        Self::Stripe,
        Self::Shopify,
        Self::Twilio,
        Self::Linear,
        Self::DingtalkRobot,
        Self::Zoom,
        Self::Pagerduty,
        Self::Paddle,
        Self::Twitch,
        Self::Square,
        Self::Woocommerce,
        Self::Xero,
        Self::Mailgun,
    ];

    /// The name of its scheme.
    pub fn name(self) -> &'static str {
        match self {
            Self::Github => "github",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Standard => "standard",
            Self::Svix => "svix",
            Self::Slack => "slack",
            Self::Stripe => "stripe",
            Self::Shopify => "shopify",
            Self::Twilio => "twilio",
            Self::Linear => "linear",
            Self::DingtalkRobot => "dingtalk_robot",
            Self::Zoom => "zoom",
            Self::Pagerduty => "pagerduty",
            Self::Paddle => "paddle",
            Self::Twitch => "twitch",
            Self::Square => "square",
            Self::Woocommerce => "woocommerce",
            Self::Xero => "xero",
            Self::Mailgun => "mailgun",
        }
    }

    /// Whether it says when it sent, so that there is a tolerance.
    pub fn tells_time(self) -> bool {
        match self {
            Self::Standard
            | Self::Svix
            | Self::Slack
            | Self::Stripe
            | Self::Linear
            | Self::DingtalkRobot
            | Self::Zoom
            | Self::Paddle
            | Self::Twitch
            | Self::Mailgun => true,
            Self::Github
            | Self::Gitea
            | Self::Forgejo
            | Self::Shopify
            | Self::Twilio
            | Self::Pagerduty
            | Self::Square
            | Self::Woocommerce
            | Self::Xero => false,
        }
    }

    /// The fields of its forms whose text is JSON: GitHub's with the content type of a form
    /// (<https://docs.github.com/en/webhooks/using-webhooks/creating-webhooks>), those of Gitea and Forgejo, who offer
    /// the same, and Slack's interactive ones
    /// (<https://docs.slack.dev/interactivity/handling-user-interaction>).
    fn json_fields(self) -> &'static [&'static str] {
        let has_payload = matches!(self, Self::Github | Self::Gitea | Self::Forgejo | Self::Slack);
        if has_payload { &["payload"] } else { &[] }
    }

    /// Fields of its body in which it repeats what nobody else should know.
    fn secret_fields(self) -> &'static [&'static str] {
        if self == Self::Slack { &["token"] } else { &[] }
    }

    /// Whether its signature covers the URL that it was given.
    pub fn signs_url(self) -> bool {
        matches!(self, Self::Twilio | Self::Square)
    }
}

/// A sender whose way of signing is known.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VendorSpec {
    /// Who sends.
    pub scheme: Vendor,
    /// The webhook's secret.
    pub secret: Secrets,
    /// How far the time of sending may be off, for senders that tell it; the default is the sender's own.
    pub tolerance: Option<Span>,
    /// The webhook's URL as the sender has it, for senders that sign it (twilio, square); without a query it gets the
    /// request's. The default is the public URL with the request's path and query.
    pub url: Option<String>,
}

/// GitLab.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GitlabSpec {
    /// The secret token (`X-Gitlab-Token`) or the signing token.
    pub secret: Secrets,
    /// Whether `secret` is a signing token (`webhook-signature`). A secret that begins with `whsec_` always is.
    #[serde(default)]
    pub signing: bool,
    /// With a signing token, how far the time of sending may be off; default 5m.
    pub tolerance: Option<Span>,
}

/// Discord. Give `public_key` or `secret`, which mean the same.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DiscordSpec {
    /// The application's public key, in hex.
    pub public_key: Option<Secrets>,
    /// The application's public key, in hex.
    pub secret: Option<Secrets>,
    /// How far the time of sending may be off; default 5m.
    pub tolerance: Option<Span>,
}

/// Gitee. Neither of its ways covers the body.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GiteeSpec {
    /// The signing key, or the password.
    pub secret: Secrets,
    /// Which of them; default sign.
    #[serde(default)]
    pub mode: GiteeMode,
    /// With `sign`, how far the time of sending may be off; default 1h.
    pub tolerance: Option<Span>,
}

/// What `X-Gitee-Token` holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GiteeMode {
    /// A signature over the time.
    #[default]
    Sign,
    /// The secret itself.
    Password,
}

/// HTTP's Basic authentication. Give `username` and `password`, or `secret`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BasicSpec {
    /// The user's name; may be empty, and holds no colon.
    pub username: Option<String>,
    /// The password.
    pub password: Option<Secrets>,
    /// Both with a colon between them, as in `user:password`.
    pub secret: Option<Secrets>,
}

/// A token in `Authorization`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BearerSpec {
    /// The token.
    pub secret: Secrets,
}

/// A token in a header.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderSpec {
    /// The header.
    pub header: String,
    /// The token.
    pub secret: Secrets,
}

/// A token in the query.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct QuerySpec {
    /// The parameter.
    pub parameter: String,
    /// The token.
    pub secret: Secrets,
}
