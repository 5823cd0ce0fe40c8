//! Questions that senders ask before they send: is this the right address, and does it know the secret?
//!
//! All of them are data (`presets.json`): a method, what tells the question from a delivery, and the answer. `hooks` asks
//! here twice, before the verification for what senders do not sign, and after it. A handshake starts no run.

mod source;

use std::collections::BTreeMap;

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::de::IgnoredAny;
use serde_json::Value;

pub(super) use source::Subject;

use crate::{
    model::{
        Algorithm, Encoding, FieldError, Handshake as Setting, HandshakeMac, HandshakeSpec, Method, Preset,
        PresetSpec, Secrets, Verify, Webhook,
    },
    verify::{self, Secret},
};
use source::{Source, Text, text_of};

/// The kind of those that are written out.
const CUSTOM: &str = "custom";
const PRESETS: &str = include_str!("presets.json");
/// The longest field that a MAC is answered of, bytes.
const MAX_TOKEN: usize = 256;

type Resolve<'a> = &'a dyn Fn(&str) -> Result<String, String>;

/// The questions of one trigger.
#[derive(Debug)]
pub(super) struct Handshake {
    /// The preset, or `custom`.
    kind: &'static str,
    entries: Vec<Entry>,
}

/// One way in which a sender asks whether the webhook is ours, compiled.
#[derive(Debug)]
struct Entry {
    method: Method,
    /// Whether the signature is checked before it.
    signed: bool,
    matches: Vec<(Source, Value)>,
    require: Vec<(Source, Secret)>,
    status: StatusCode,
    headers: Vec<(HeaderName, Text)>,
    body: Body,
    mac: Option<Mac>,
}

#[derive(Debug)]
enum Body {
    Empty,
    Text(Text),
    Json(Json),
}

/// JSON whose strings are texts.
#[derive(Debug)]
enum Json {
    Plain(Value),
    Text(Text),
    Array(Vec<Json>),
    Object(Vec<(String, Json)>),
}

#[derive(Debug)]
struct Mac {
    of: Source,
    secret: Secret,
    algorithm: Algorithm,
    encoding: Encoding,
}

/// What a request is.
pub(super) enum Answer {
    /// The request is a delivery, and asks nothing.
    None,
    /// A question, and the answer.
    Given(Response),
    /// A question of somebody who does not know the secret; the reason is for the log.
    Refused(String),
}

impl Handshake {
    /// The questions of a trigger whose deliveries are verified by `scheme`.
    ///
    /// `resolve` turns the template of a secret into its text.
    pub(super) fn compile(
        webhook: &Webhook,
        scheme: Option<&str>,
        resolve: Resolve<'_>,
    ) -> Result<Option<Self>, FieldError> {
        let bare = |preset| PresetSpec { preset, verify_token: None, secret: None };
        let natural = scheme.and_then(Preset::of_scheme).map(bare);
        let own = webhook.verify.as_ref().and_then(Verify::secrets);
        let wrong = |why: String| FieldError::new("trigger.handshake", why);
        let compiled = match &webhook.handshake {
            Some(Setting::Switch(false)) => Ok(None),
            None => natural.map(|spec| Self::of_preset(&spec, own, resolve)).transpose().map_err(wrong),
            Some(Setting::Switch(true)) => {
                let unknown =
                    "senders of this scheme are not known to ask anything; name a preset or write it out";
                let spec = natural.ok_or_else(|| wrong(unknown.to_owned()))?;
                Self::of_preset(&spec, own, resolve).map(Some).map_err(wrong)
            }
            Some(Setting::Preset(preset)) => {
                Self::of_preset(&bare(*preset), own, resolve).map(Some).map_err(wrong)
            }
            Some(Setting::PresetWith(spec)) => Self::of_preset(spec, own, resolve).map(Some).map_err(wrong),
            Some(Setting::Custom(spec)) => {
                let entry = Entry::compile(spec, own, resolve).map_err(wrong)?;
                Ok(Some(Self { kind: CUSTOM, entries: vec![entry] }))
            }
        }?;
        // What a token of this kind signs is a token itself, which anybody could have signed.
        let is_jwt = matches!(&webhook.verify, Some(Verify::Jwt(jwt)) if jwt.algorithm.is_symmetric());
        match compiled {
            Some(handshake) if is_jwt && handshake.signs() => Err(wrong(
                "it answers MACs, with which anybody could make a JSON Web Token; verify by RS256, ES256, EdDSA or \
                 another scheme"
                    .to_owned(),
            )),
            compiled => Ok(compiled),
        }
    }

    fn of_preset(spec: &PresetSpec, own: Option<&Secrets>, resolve: Resolve<'_>) -> Result<Self, String> {
        let kind = spec.preset.as_str();
        let first = own.and_then(first_of);
        let resolve = |template: &str| {
            let (given, field) = match template {
                "<verify_token>" => (spec.verify_token.as_deref(), "verify_token"),
                "<secret>" => (spec.secret.as_deref().or(first), "secret"),
                _ => return resolve(template),
            };
            resolve(given.ok_or_else(|| format!("`{kind}` needs `{field}`"))?)
        };
        let mut presets: BTreeMap<String, Vec<HandshakeSpec>> =
            serde_json::from_str(PRESETS).expect("the presets are tested");
        let specs = presets.remove(kind).unwrap_or_default();
        let entries =
            specs.iter().map(|spec| Entry::compile(spec, own, &resolve)).collect::<Result<_, _>>()?;
        Ok(Self { kind, entries })
    }

    /// The preset, or `custom`.
    pub(super) fn kind(&self) -> &'static str {
        self.kind
    }

    /// Whether anybody may have a text of a certain form signed.
    fn signs(&self) -> bool {
        self.entries.iter().any(|entry| entry.mac.is_some())
    }

    /// Whether a delivery with this body could be signed by asking, so that its MAC proves nothing.
    ///
    /// A delivery's signed text holds its body, and what is signed for those who ask is a token. So a body has to hold
    /// something that no token can; the deliveries of known senders are JSON objects, and nothing else is taken for one.
    pub(super) fn could_have_signed(&self, body: &[u8]) -> bool {
        self.signs()
            && match self.kind {
                CUSTOM => body.iter().all(|byte| is_of_tokens(*byte) || *byte == b'='),
                _ => serde_json::from_slice::<BTreeMap<String, IgnoredAny>>(body).is_err(),
            }
    }

    /// Whether a question may come by this method, before the signature is checked or after it.
    pub(super) fn takes(&self, method: &str, signed: bool) -> bool {
        self.entries.iter().any(|entry| entry.signed == signed && entry.method.as_str() == method)
    }

    /// Whether a request of this head can be a question of those before the signature; the body of `subject` is not
    /// looked at.
    pub(super) fn may_ask(&self, subject: &Subject<'_>) -> bool {
        let asks = |entry: &Entry| {
            if entry.reads_body() {
                entry.method.as_str() == subject.method()
            } else {
                entry.answer(subject).is_some()
            }
        };
        self.entries.iter().any(|entry| !entry.signed && asks(entry))
    }

    /// Whether the request is a question, of those before the signature or of those after it.
    pub(super) fn answer(&self, subject: &Subject<'_>, signed: bool) -> Answer {
        let mut asked = self.entries.iter().filter(|entry| entry.signed == signed);
        asked.find_map(|entry| entry.answer(subject)).unwrap_or(Answer::None)
    }
}

impl Entry {
    fn compile(spec: &HandshakeSpec, own: Option<&Secrets>, resolve: Resolve<'_>) -> Result<Self, String> {
        let matches: Vec<_> = spec
            .matches
            .iter()
            .map(|(name, value)| Ok((Source::parse(name)?, value.clone())))
            .collect::<Result<_, String>>()?;
        let secret =
            |(name, template): (&String, &String)| Ok((Source::parse(name)?, secret(template, resolve)?));
        let body = match (&spec.answer.text, &spec.answer.json) {
            (Some(text), _) => Body::Text(Text::parse(text)?),
            (None, Some(json)) => Body::Json(Json::parse(json)?),
            (None, None) => Body::Empty,
        };
        let mac = spec.answer.mac.as_ref().map(|mac| Mac::compile(mac, own, resolve)).transpose()?;
        let headers = spec.answer.headers.iter().map(answer_header).collect::<Result<Vec<_>, String>>()?;
        let any = |test: &dyn Fn(&Text) -> bool| body.any(test) || headers.iter().any(|(_, text)| test(text));
        if matches.is_empty() && !any(&Text::quotes) {
            return Err("say in `match` what tells the question from a delivery".to_owned());
        }
        if any(&Text::uses_mac) && mac.is_none() {
            return Err("`{mac}` is used but `answer.mac` does not say of what".to_owned());
        }
        let status =
            StatusCode::from_u16(spec.answer.status.unwrap_or(200)).map_err(|error| error.to_string())?;
        let signed =
            !spec.unsigned.unwrap_or(matches!(spec.method, Method::Get | Method::Head | Method::Options));
        let require = spec.require.iter().map(secret).collect::<Result<_, String>>()?;
        Ok(Self { method: spec.method, signed, matches, require, status, headers, body, mac })
    }

    /// Whether the head alone does not tell the question from a delivery.
    fn reads_body(&self) -> bool {
        let named = self.matches.iter().map(|(source, _)| source);
        let mut named = named.chain(self.require.iter().map(|(source, _)| source));
        named.any(Source::is_in_body)
            || self.body.any(&Text::quotes_body)
            || self.headers.iter().any(|(_, text)| text.quotes_body())
            || self.mac.as_ref().is_some_and(|mac| mac.of.is_in_body())
    }

    fn answer(&self, subject: &Subject<'_>) -> Option<Answer> {
        let is_it = self.method.as_str() == subject.method()
            && self.matches.iter().all(|(source, value)| source.is(value, subject));
        if !is_it {
            return None;
        }
        let mac = match &self.mac {
            Some(mac) => mac.compute(subject)?,
            None => String::new(),
        };
        let (kind, body) = match &self.body {
            Body::Empty => ("text/plain; charset=utf-8", String::new()),
            Body::Text(text) => ("text/plain; charset=utf-8", text_of(&text.fill(subject, &mac)?)),
            Body::Json(json) => ("application/json", json.fill(subject, &mac)?.to_string()),
        };
        let mut filled = Vec::with_capacity(self.headers.len());
        for (name, text) in &self.headers {
            let value = HeaderValue::from_str(&text_of(&text.fill(subject, &mac)?)).ok()?;
            filled.push((name.clone(), value));
        }
        for (source, secret) in &self.require {
            let shown = source.find(subject).is_some_and(|value| secret.equals(text_of(&value).as_bytes()));
            if !shown {
                return Some(Answer::Refused("a required field has another value".to_owned()));
            }
        }
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
        // What is echoed is foreign content on our origin: it may neither be sniffed nor run scripts.
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(filled);
        Some(Answer::Given(response))
    }
}

/// A header of the answer. Those that say what the answer is are ours.
fn answer_header((name, text): (&String, &String)) -> Result<(HeaderName, Text), String> {
    let header: HeaderName = name.parse().map_err(|_| format!("`{name}` is no HTTP header name"))?;
    let ours = [
        header::CONTENT_TYPE,
        header::CONTENT_LENGTH,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        header::CONTENT_SECURITY_POLICY,
        header::X_CONTENT_TYPE_OPTIONS,
        header::SET_COOKIE,
    ];
    if ours.contains(&header) {
        Err(format!("a handshake cannot answer the header `{header}`; remove it"))
    } else {
        Ok((header, Text::parse(text)?))
    }
}

/// The template of the first secret.
fn first_of(secrets: &Secrets) -> Option<&str> {
    secrets.entries().first().map(|(template, _)| *template)
}

impl Mac {
    fn compile(spec: &HandshakeMac, own: Option<&Secrets>, resolve: Resolve<'_>) -> Result<Self, String> {
        let template = spec.secret.as_deref().or_else(|| first_of(own?));
        let template = template.ok_or("`answer.mac` needs `secret`")?;
        Ok(Self {
            of: Source::parse(&spec.of)?,
            secret: secret(template, resolve)?,
            algorithm: spec.algorithm,
            encoding: spec.encoding,
        })
    }

    /// Nothing when the field is not there, or no token: whoever could have any text signed could forge deliveries.
    fn compute(&self, subject: &Subject<'_>) -> Option<String> {
        let Value::String(text) = self.of.find(subject)? else { return None };
        is_token(&text)
            .then(|| verify::write_mac(&self.secret, self.algorithm, self.encoding, text.as_bytes()))
    }
}

/// Letters, digits and what base64 and UUIDs have, and at most two `=` at the end: never JSON, a form or a signed text with
/// a time in it.
fn is_token(text: &str) -> bool {
    let bare = text.strip_suffix("==").or_else(|| text.strip_suffix('=')).unwrap_or(text);
    !bare.is_empty() && text.len() <= MAX_TOKEN && bare.bytes().all(is_of_tokens)
}

fn is_of_tokens(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/_.-".contains(&byte)
}

impl Body {
    fn any(&self, test: &dyn Fn(&Text) -> bool) -> bool {
        match self {
            Self::Empty => false,
            Self::Text(text) => test(text),
            Self::Json(json) => json.any(test),
        }
    }
}

impl Json {
    fn parse(value: &Value) -> Result<Self, String> {
        Ok(match value {
            Value::String(text) => Self::Text(Text::parse(text)?),
            Value::Array(items) => Self::Array(items.iter().map(Self::parse).collect::<Result<_, _>>()?),
            Value::Object(fields) => {
                let field = |(name, value): (&String, &Value)| Ok((name.clone(), Self::parse(value)?));
                Self::Object(fields.iter().map(field).collect::<Result<_, String>>()?)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Self::Plain(value.clone()),
        })
    }

    fn fill(&self, subject: &Subject<'_>, mac: &str) -> Option<Value> {
        Some(match self {
            Self::Plain(value) => value.clone(),
            Self::Text(text) => text.fill(subject, mac)?,
            Self::Array(items) => {
                Value::Array(items.iter().map(|item| item.fill(subject, mac)).collect::<Option<_>>()?)
            }
            Self::Object(fields) => {
                let field = |(name, json): &(String, Self)| Some((name.clone(), json.fill(subject, mac)?));
                Value::Object(fields.iter().map(field).collect::<Option<_>>()?)
            }
        })
    }

    fn any(&self, test: &dyn Fn(&Text) -> bool) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Text(text) => test(text),
            Self::Array(items) => items.iter().any(|item| item.any(test)),
            Self::Object(fields) => fields.iter().any(|(_, json)| json.any(test)),
        }
    }
}

fn secret(template: &str, resolve: Resolve<'_>) -> Result<Secret, String> {
    let text = resolve(template)?;
    if text.trim().is_empty() {
        Err("a secret of the handshake is empty, which would let anyone in; set it".to_owned())
    } else {
        Ok(Secret::new(text.into_bytes()))
    }
}

#[cfg(test)]
mod tests;
