//! Who sent this delivery: checks signatures over the bytes as they were received.
//!
//! There is one file for each family of signatures, plus what they share. Most senders are data in `vendors`. The
//! gateway calls this before anything is decoded. Pure: the caller gives the time of receipt. It never compares a MAC
//! with `==`, builds nothing out of a body (it only looks up the time where a sender puts it there), and has no state
//! in which a missing secret means "valid".

mod asymmetric;
mod basic;
mod body_path;
mod borders;
mod certificates;
mod delivery;
mod envelope;
mod error;
mod fetched;
mod fields;
mod hmac;
mod json_once;
mod jwt;
mod jwt_key;
mod key;
mod layout;
mod mac;
mod outgoing;
mod paypal;
mod proof;
mod public_key;
mod secret;
mod signature;
mod signed;
mod sns;
#[cfg(test)]
mod tests;
mod timestamp;
mod token;
mod twilio;
mod unbound;
mod url;
mod vendors;

use http::{HeaderMap, HeaderName, HeaderValue};

use self::{
    secret::resolve_all,
    signature::{Recipe, Time},
    vendors::Way,
};
use crate::model::{Algorithm, Encoding, GiteeMode, GitlabSpec, Secrets, Span, Vendor, VendorSpec, Verify};

pub use basic::Basic;
pub use delivery::{Delivery, Opened, Replay, Verified};
pub use envelope::{Reply, Written};
pub use error::{Rejected, SchemeError};
pub use fetched::{Document, DocumentError, DocumentKind, Wanted};
pub use fields::Fields;
pub use jwt::Jwt;
pub use outgoing::{Outgoing, SignError, Signed};
pub use paypal::Paypal;
pub use proof::Proof;
pub use secret::Secret;
pub use signature::Signature;
pub use sns::Sns;
pub use token::Token;
pub use twilio::Twilio;
pub use unbound::Unbound;

/// A `verify` setting with its secrets filled in, ready to check deliveries.
#[derive(Debug)]
pub enum Scheme {
    /// A signature in a header over a text made from the request.
    Signature {
        /// The scheme's name.
        name: &'static str,
        /// The template that recognises copies of a delivery.
        dedupe: Option<&'static str>,
        /// How the sender signs.
        signature: Box<Signature>,
    },
    /// A signature that does not cover the body.
    Unbound(Unbound),
    /// Twilio has its own way.
    Twilio(Twilio),
    /// The sender sends the secret itself.
    Token(Token),
    /// A name and a password.
    Basic(Basic),
    /// A JSON Web Token.
    Jwt(Box<Jwt>),
    /// A signature over fields.
    Fields(Box<Fields>),
    /// Amazon SNS.
    Sns(Box<Sns>),
    /// PayPal.
    Paypal(Box<Paypal>),
    /// 企业微信.
    Wecom(envelope::Wecom),
    /// 微信公众号.
    WechatMp(envelope::WechatMp),
    /// 钉钉 events.
    DingtalkEvent(envelope::Dingtalk),
    /// 飞书.
    Feishu(envelope::Feishu),
    /// Cards of 飞书 in their old form.
    FeishuCard(envelope::FeishuCard),
}

/// The side of a scheme. The two sides differ where there are private keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Receiver,
    Sender,
}

/// Turns the template of one secret into its text.
type Resolve<'a> = &'a dyn Fn(&str) -> Result<String, String>;

impl Scheme {
    /// Fills in the secrets, and checks everything that can be known before a delivery comes.
    ///
    /// `resolve` turns the template of one secret into its text.
    ///
    /// # Errors
    /// Everything that would make the check weaker than it looks; see [`SchemeError`].
    pub fn compile(setting: &Verify, resolve: Resolve<'_>) -> Result<Self, SchemeError> {
        Self::of(setting, resolve, Role::Receiver)
    }

    /// The sender's side of a setting. Where the receiver knows only a public key, the secret here is the private one
    /// (Discord: 32 bytes in hex; Standard Webhooks: `whsk_` and base64; JWT: PEM).
    ///
    /// # Errors
    /// The same as [`Scheme::compile`].
    pub fn sender(setting: &Verify, resolve: Resolve<'_>) -> Result<Self, SchemeError> {
        Self::of(setting, resolve, Role::Sender)
    }

    fn of(setting: &Verify, resolve: Resolve<'_>, role: Role) -> Result<Self, SchemeError> {
        let signature = |name, dedupe, recipe: &Recipe<'_>, secrets: &Secrets| {
            let signature = Signature::new(recipe, &resolve_all(secrets, resolve)?, role)?;
            Ok(Self::Signature { name, dedupe, signature: Box::new(signature) })
        };
        match setting {
            Verify::Vendor(spec) => vendor(spec, resolve, role),
            Verify::Gitlab(spec) => gitlab(spec, resolve, role),
            Verify::Discord(spec) => {
                let secrets = spec.public_key.as_ref().or(spec.secret.as_ref());
                let recipe = within(vendors::DISCORD, spec.tolerance);
                let dedupe = Some("{{$context.data.id}}");
                signature("discord", dedupe, &recipe, secrets.ok_or(SchemeError::NoSecret)?)
            }
            Verify::Gitee(spec) => {
                let secrets = resolve_all(&spec.secret, resolve)?;
                match spec.mode {
                    GiteeMode::Sign => Ok(Self::Unbound(Unbound::gitee(secrets, spec.tolerance))),
                    GiteeMode::Password if spec.tolerance.is_some() => Err(SchemeError::NoTime),
                    GiteeMode::Password => Ok(Self::Token(Token::gitee(secrets))),
                }
            }
            Verify::Basic(spec) => Basic::new(spec, resolve).map(Self::Basic),
            Verify::Bearer(spec) => Ok(Self::Token(Token::bearer(resolve_all(&spec.secret, resolve)?))),
            Verify::Header(spec) => {
                Token::header(&spec.header, resolve_all(&spec.secret, resolve)?).map(Self::Token)
            }
            Verify::Query(spec) => {
                Ok(Self::Token(Token::query(&spec.parameter, resolve_all(&spec.secret, resolve)?)))
            }
            Verify::Jwt(spec) => Jwt::new(spec, resolve, role).map(Box::new).map(Self::Jwt),
            Verify::Signature(spec) => {
                let signature = Box::new(asymmetric::described(spec, resolve, role)?);
                Ok(Self::Signature { name: "signature", dedupe: None, signature })
            }
            Verify::Sendgrid(spec) => {
                let recipe = within(asymmetric::SENDGRID, spec.tolerance);
                let signature = Box::new(asymmetric::compile(&recipe, &spec.public_key, resolve, role)?);
                Ok(Self::Signature { name: "sendgrid", dedupe: None, signature })
            }
            Verify::WechatPay(spec) => {
                let recipe = within(asymmetric::WECHAT_PAY, spec.tolerance);
                let signature = Box::new(asymmetric::compile(&recipe, &spec.public_key, resolve, role)?);
                Ok(Self::Signature { name: "wechat_pay", dedupe: Some("{{$context.data.id}}"), signature })
            }
            Verify::Fields(spec) => Fields::new(spec, resolve, role).map(Box::new).map(Self::Fields),
            Verify::Alipay(spec) => Fields::alipay(spec, resolve, role).map(Box::new).map(Self::Fields),
            Verify::Sns(spec) => Sns::new(spec, resolve, role).map(Box::new).map(Self::Sns),
            Verify::Paypal(spec) => Paypal::new(spec, resolve, role).map(Box::new).map(Self::Paypal),
            Verify::Hmac(spec) => {
                let signature = hmac::compile(spec, &resolve_all(&spec.secret, resolve)?, role)?;
                Ok(Self::Signature { name: "hmac", dedupe: None, signature: Box::new(signature) })
            }
            Verify::Wecom(spec) => envelope::Wecom::new(spec, resolve).map(Self::Wecom),
            Verify::WechatMp(spec) => envelope::WechatMp::new(spec, resolve).map(Self::WechatMp),
            Verify::DingtalkEvent(spec) => envelope::Dingtalk::new(spec, resolve).map(Self::DingtalkEvent),
            Verify::Feishu(spec) => envelope::Feishu::new(spec, resolve).map(Self::Feishu),
            Verify::FeishuCard(spec) => envelope::FeishuCard::new(spec, resolve).map(Self::FeishuCard),
        }
    }

    /// The scheme's name as `workflow.json` writes it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Signature { name, .. } => name,
            Self::Unbound(unbound) => unbound.name(),
            Self::Twilio(_) => "twilio",
            Self::Token(token) => token.name(),
            Self::Basic(_) => "basic",
            Self::Jwt(_) => "jwt",
            Self::Wecom(_) => "wecom",
            Self::WechatMp(_) => "wechat_mp",
            Self::DingtalkEvent(_) => "dingtalk_event",
            Self::Feishu(_) => "feishu",
            Self::FeishuCard(_) => "feishu_card",
            Self::Fields(fields) => fields.name(),
            Self::Sns(_) => "sns",
            Self::Paypal(_) => "paypal",
        }
    }

    /// A template, as `dedupe.key` has it, that recognises copies of a delivery. It holds unless the workflow sets
    /// another. `None` for senders that send no id.
    pub fn default_dedupe(&self) -> Option<&'static str> {
        match self {
            Self::Signature { dedupe, .. } => *dedupe,
            Self::Unbound(unbound) if unbound.name() == "dingtalk_robot" => {
                vendors::dedupe(Vendor::DingtalkRobot)
            }
            Self::Twilio(_) => vendors::dedupe(Vendor::Twilio),
            Self::Token(token) if token.name() == "gitlab" => Some(GITLAB_TOKEN_ID),
            Self::Wecom(_) | Self::WechatMp(_) => Some(MESSAGE_ID),
            Self::Feishu(_) => Some("{{$context.data.header.event_id}}"),
            Self::Fields(fields) => fields.default_dedupe(),
            Self::Sns(_) => Some("{{$context.data.MessageId}}"),
            Self::Paypal(_) => Some("{{$context.data.id}}"),
            Self::DingtalkEvent(_) | Self::FeishuCard(_) => None,
            Self::Unbound(_) | Self::Token(_) | Self::Basic(_) | Self::Jwt(_) => None,
        }
    }

    /// The document with keys that must be fetched before this delivery can be checked. Strangers name it, so whoever
    /// fetches bounds how often.
    ///
    /// # Errors
    /// Why the delivery is refused, whatever the document holds.
    pub fn wants(&self, delivery: &Delivery<'_>) -> Result<Option<Wanted>, Rejected> {
        match self {
            Self::Jwt(jwt) => jwt.wants(delivery),
            Self::Sns(sns) => sns.wants(delivery),
            Self::Paypal(paypal) => paypal.wants(delivery),
            Self::Signature { .. }
            | Self::Unbound(_)
            | Self::Twilio(_)
            | Self::Token(_)
            | Self::Basic(_)
            | Self::Fields(_)
            | Self::Wecom(_)
            | Self::WechatMp(_)
            | Self::DingtalkEvent(_)
            | Self::Feishu(_)
            | Self::FeishuCard(_) => Ok(None),
        }
    }

    /// Checks whether the sender of this delivery holds one of the secrets.
    ///
    /// # Errors
    /// The true reason, for the log.
    pub fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified, Rejected> {
        self.verify_with(delivery, None)
    }

    /// The same, with the document that [`Scheme::wants`] asked for.
    ///
    /// # Errors
    /// The true reason, for the log.
    pub fn verify_with(
        &self,
        delivery: &Delivery<'_>,
        document: Option<&Document>,
    ) -> Result<Verified, Rejected> {
        match self {
            Self::Signature { signature, .. } => {
                let replay = signature.verify(delivery)?;
                return Ok(Verified { replay, ..Verified::default() });
            }
            Self::Unbound(unbound) => {
                let replay = Some(unbound.verify(delivery)?);
                return Ok(Verified { replay, ..Verified::default() });
            }
            Self::Twilio(twilio) => twilio.verify(delivery)?,
            Self::Token(token) => token.verify(delivery)?,
            Self::Basic(basic) => basic.verify(delivery)?,
            Self::Jwt(jwt) => jwt.verify(delivery, document)?,
            Self::Fields(fields) => return fields.verify(delivery),
            Self::Sns(sns) => return sns.verify(delivery, document),
            Self::Paypal(paypal) => return paypal.verify(delivery, document),
            Self::FeishuCard(card) => return card.verify(delivery),
            Self::Wecom(wecom) => return wecom.verify(delivery),
            Self::WechatMp(account) => return account.verify(delivery),
            Self::DingtalkEvent(dingtalk) => return dingtalk.verify(delivery),
            Self::Feishu(feishu) => return feishu.verify(delivery),
        }
        Ok(Verified::default())
    }

    /// Whether a MAC proves a delivery, over a text that holds its body or its URL.
    pub fn is_mac(&self) -> bool {
        match self {
            Self::Signature { .. } | Self::Unbound(_) | Self::Twilio(_) | Self::Fields(_) => true,
            Self::Token(_)
            | Self::Basic(_)
            | Self::Jwt(_)
            | Self::Sns(_)
            | Self::Paypal(_)
            | Self::Wecom(_)
            | Self::WechatMp(_)
            | Self::DingtalkEvent(_)
            | Self::Feishu(_)
            | Self::FeishuCard(_) => false,
        }
    }

    /// The body of an answer as the sender of the delivery wants it. `random` must be fresh for each answer.
    pub fn write(&self, reply: &Reply, answer: &[u8], random: [u8; 16]) -> Written {
        let written = match self {
            Self::Wecom(wecom) => wecom.write(reply, answer, random),
            Self::WechatMp(account) => account.write(reply, answer, random),
            Self::DingtalkEvent(dingtalk) => dingtalk.write(reply, answer, random),
            Self::Feishu(_) | Self::FeishuCard(_) => envelope::Feishu::write(reply, answer),
            Self::Fields(_)
            | Self::Sns(_)
            | Self::Paypal(_)
            | Self::Signature { .. }
            | Self::Unbound(_)
            | Self::Twilio(_)
            | Self::Token(_)
            | Self::Basic(_)
            | Self::Jwt(_) => None,
        };
        written.unwrap_or_else(|| Written { content_type: None, body: answer.to_vec() })
    }

    /// What a correct sender would add to a request. It is signed with the first secret.
    ///
    /// # Errors
    /// When there is no private key, or when the body has no place for what is signed.
    pub fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Signed, SignError> {
        match self {
            Self::Signature { signature, .. } => signature.sign(outgoing),
            Self::Unbound(unbound) => unbound.sign(outgoing),
            Self::Twilio(twilio) => Ok(twilio.sign(outgoing)),
            Self::Token(token) => Ok(token.sign(outgoing)),
            Self::Basic(basic) => Ok(basic.sign(outgoing)),
            Self::Jwt(jwt) => jwt.sign(outgoing),
            // Where these need random bytes, they take them from the id, which is random itself.
            Self::Wecom(wecom) => Ok(wecom.sign(outgoing.body, outgoing.id, outgoing.now_ms)),
            Self::WechatMp(account) => Ok(account.sign(outgoing.body, outgoing.id, outgoing.now_ms)),
            Self::DingtalkEvent(dingtalk) => Ok(dingtalk.sign(outgoing.body, outgoing.id, outgoing.now_ms)),
            Self::Feishu(feishu) => Ok(feishu.sign(outgoing.body, outgoing.id, outgoing.now_ms)),
            Self::FeishuCard(card) => Ok(card.sign(outgoing.body, outgoing.id, outgoing.now_ms)),
            Self::Fields(fields) => fields.sign(outgoing),
            Self::Sns(sns) => sns.sign(outgoing),
            Self::Paypal(paypal) => paypal.sign(outgoing),
        }
    }
}

/// GitLab's own id of a delivery. It stays the same when GitLab sends the delivery again (since 17.4).
const GITLAB_TOKEN_ID: &str = "{{$context.headers.idempotency-key}}";
/// The id of a message of WeCom and WeChat. Their events have none.
const MESSAGE_ID: &str = "{{$context.data.MsgId}}";
/// The beginning of GitLab's signing tokens, and of those of Standard Webhooks.
const SIGNING_TOKEN: &str = "whsec_";

fn within(recipe: Recipe<'_>, tolerance: Option<Span>) -> Recipe<'_> {
    let time = recipe.time.map(|time| Time { tolerance: tolerance.unwrap_or(time.tolerance), ..time });
    Recipe { time, ..recipe }
}

fn vendor(spec: &VendorSpec, resolve: Resolve<'_>, role: Role) -> Result<Scheme, SchemeError> {
    let secrets = resolve_all(&spec.secret, resolve)?;
    match vendors::way(spec.scheme) {
        Way::Recipe(recipe) => {
            let recipe = within(Recipe { url: spec.url.as_deref(), ..*recipe }, spec.tolerance);
            let signature = Box::new(Signature::new(&recipe, &secrets, role)?);
            let (name, dedupe) = (spec.scheme.name(), vendors::dedupe(spec.scheme));
            Ok(Scheme::Signature { name, dedupe, signature })
        }
        Way::DingtalkRobot => Ok(Scheme::Unbound(Unbound::dingtalk_robot(secrets, spec.tolerance))),
        Way::Twilio => Ok(Scheme::Twilio(Twilio::new(secrets, spec.url.clone()))),
        Way::Mailgun => Fields::mailgun(spec, resolve).map(Box::new).map(Scheme::Fields),
    }
}

/// A secret that begins like a signing token is one. Both kinds at once are refused, because the weaker one would stay
/// open.
fn gitlab(spec: &GitlabSpec, resolve: Resolve<'_>, role: Role) -> Result<Scheme, SchemeError> {
    let secrets = resolve_all(&spec.secret, resolve)?;
    let tokens = secrets.iter().filter(|secret| secret.text().starts_with(SIGNING_TOKEN)).count();
    if !spec.signing && tokens == 0 {
        if spec.tolerance.is_some() {
            return Err(SchemeError::NoTime);
        }
        return Ok(Scheme::Token(Token::gitlab(secrets)));
    }
    if !spec.signing && tokens < secrets.len() {
        return Err(SchemeError::MixedTokens);
    }
    let signature = Box::new(Signature::new(&within(vendors::STANDARD, spec.tolerance), &secrets, role)?);
    Ok(Scheme::Signature { name: "gitlab", dedupe: vendors::dedupe(Vendor::Standard), signature })
}

/// An HMAC of some bytes, written as a sender expects it in an answer.
pub fn write_mac(secret: &Secret, algorithm: Algorithm, encoding: Encoding, bytes: &[u8]) -> String {
    mac::encode(mac::Tag::compute(algorithm, secret, &[bytes]).bytes(), encoding)
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

/// The one value of a signature header, as a text that is not empty.
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
