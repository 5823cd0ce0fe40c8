//! Bodies of requests in every format that senders use, as JSON.
//!
//! One file a format. Each reader sees the whole body, whose size its caller bounds, and has bounds of its own on how many
//! values, fields, parts and levels it makes out of it. Everything here is pure: no reader touches a file or a socket, whatever
//! names a body holds. The gateway calls [`decode`] after it has verified the sender.

mod answer;
mod cbor;
mod charset;
mod compression;
mod form;
mod json;
mod media;
mod msgpack;
mod multipart;
mod octets;
mod writer;
mod xml;

pub use answer::{answer_text, answer_text_lossy};
pub use charset::Charset;
pub use compression::{Coding, Unpack, decompressed};
pub use media::{ESCAPED, NO_URL, disposition, one_of};

use crate::model::{BodyFormat, Content, JsonText, Webhook};

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// It is not what its type, or the trigger, says that it is.
    #[error("{0}")]
    Invalid(String),
    /// It is of a type that nobody can read as one event.
    #[error("bodies of type `{0}` are not accepted")]
    Type(String),
}

impl From<String> for FormatError {
    fn from(why: String) -> Self {
        Self::Invalid(why)
    }
}

/// How a trigger wants its bodies read.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    format: BodyFormat,
    json_fields: Vec<String>,
    form_is_event: bool,
    charset: Option<Charset>,
}

impl Reading {
    /// What a trigger says of its bodies.
    pub fn of(webhook: &Webhook) -> Self {
        Self {
            format: webhook.body,
            json_fields: webhook.json_fields().iter().map(|&name| name.to_owned()).collect(),
            form_is_event: webhook.form_is_event(),
            charset: webhook.charset.as_deref().and_then(Charset::of),
        }
    }

    /// The query of a URL, its parameters in order, in the trigger's charset.
    pub fn query<'a>(&self, query: &'a str) -> impl Iterator<Item = (String, String)> + 'a {
        form::pairs(query.as_bytes(), self.charset)
    }
}

/// The format that a `Content-Type` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Named {
    Nothing,
    Json,
    JsonLines,
    Form,
    Multipart,
    Cbor,
    MsgPack,
    Xml,
    /// Text that is commonly something else: `text/plain`, and JavaScript.
    LooseText,
    Text,
    /// `multipart/mixed` and its kin, whose parts are no fields.
    OtherMultipart,
    Unknown,
}

impl Named {
    fn of(essence: &str) -> Self {
        match essence {
            "" => Self::Nothing,
            "application/json" | "json" | "text/json" | "text/x-json" | "application/x-json" => Self::Json,
            "application/csp-report" | "application/jsonrequest" | "application/json-rpc" => Self::Json,
            amazon if amazon.starts_with("application/x-amz-json") => Self::Json,
            "application/x-ndjson"
            | "application/ndjson"
            | "application/jsonl"
            | "application/x-jsonl"
            | "application/jsonlines"
            | "application/x-jsonlines"
            | "application/json-lines"
            | "application/x-json-stream"
            | "application/json-seq" => Self::JsonLines,
            "application/x-www-form-urlencoded"
            | "x-www-form-urlencoded"
            | "application/www-form-urlencoded" => Self::Form,
            "multipart/form-data" => Self::Multipart,
            multipart if multipart.starts_with("multipart/") => Self::OtherMultipart,
            "application/cbor" => Self::Cbor,
            "application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack" => Self::MsgPack,
            "application/xml" | "text/xml" => Self::Xml,
            "text/plain"
            | "text"
            | "text/javascript"
            | "application/javascript"
            | "application/x-javascript" => Self::LooseText,
            "application/yaml"
            | "application/x-yaml"
            | "application/toml"
            | "application/graphql"
            | "application/sql" => Self::Text,
            other => match other.rsplit_once('+').map(|(_, suffix)| suffix) {
                Some("json") => Self::Json,
                Some("json-seq") => Self::JsonLines,
                Some("xml") => Self::Xml,
                Some("cbor") => Self::Cbor,
                Some("msgpack") => Self::MsgPack,
                Some(_) | None if other.starts_with("text/") => Self::Text,
                Some(_) | None => Self::Unknown,
            },
        }
    }
}

/// What a body is, by how its trigger wants it read and by its `Content-Type`.
///
/// Without a wish of the trigger it goes by the type, as forgivingly as that is safe: a byte order mark is passed over, white
/// space alone is no body, an object or array of JSON is read as such under types that do not say so (`text/plain`, none at
/// all, unknown ones, and the form type that `curl -d '{…}'` sends, which no browser's form looks like). A body of an unknown
/// type, and a text in no charset that is known, is [`Content::Undecoded`].
///
/// # Errors
/// It is not what its type or the trigger says, or it is over a bound.
pub fn decode(reading: &Reading, content_type: Option<&str>, body: &[u8]) -> Result<Content, FormatError> {
    if body.is_empty() {
        return Ok(Content::Empty);
    }
    let content_type = content_type.unwrap_or("");
    let essence = media::essence(content_type);
    let charset = media::charset(content_type).or(reading.charset);
    match reading.format {
        BodyFormat::Auto => auto(reading, content_type, &essence, charset, body),
        BodyFormat::Json => json_or_empty(body, charset),
        BodyFormat::Form if Named::of(&essence) == Named::Multipart => {
            Ok(multipart::content(content_type, body, charset, &reading.json_fields)?)
        }
        BodyFormat::Form => Ok(form::content(body, charset, &reading.json_fields, reading.form_is_event)?),
        BodyFormat::Text => Ok(text(body, charset).unwrap_or_else(|| undecoded(&essence))),
        BodyFormat::Xml => xml_or_empty(body, charset),
        BodyFormat::Raw => Ok(Content::Binary),
    }
}

fn auto(
    reading: &Reading,
    content_type: &str,
    essence: &str,
    charset: Option<Charset>,
    body: &[u8],
) -> Result<Content, FormatError> {
    let tree = || json::tree(body, charset);
    let decoded = match Named::of(essence) {
        Named::Nothing if is_blank(body) => Content::Empty,
        // Any value: that a sender names no type says nothing against JSON.
        Named::Nothing => json::content(body, charset)
            .or_else(|_| text(body, charset).ok_or(()))
            .unwrap_or_else(|()| undecoded("")),
        Named::Json => json_or_empty(body, charset)?,
        Named::JsonLines => json::lines(body, charset)?,
        Named::Form if is_blank(body) => Content::Empty,
        Named::Form => match tree() {
            Some(content) => content,
            None => form::content(body, charset, &reading.json_fields, reading.form_is_event)?,
        },
        Named::Multipart => multipart::content(content_type, body, charset, &reading.json_fields)?,
        Named::OtherMultipart => return Err(FormatError::Type(essence.to_owned())),
        Named::Cbor => Content::Decoded(cbor::to_json(body)?),
        Named::MsgPack => Content::Decoded(msgpack::to_json(body)?),
        Named::Xml => xml_or_empty(body, charset)?,
        Named::LooseText => tree().or_else(|| text(body, charset)).unwrap_or_else(|| undecoded(essence)),
        Named::Text => text(body, charset).unwrap_or_else(|| undecoded(essence)),
        Named::Unknown => tree().unwrap_or_else(|| undecoded(essence)),
    };
    Ok(decoded)
}

/// Whether there is nothing but white space, and a byte order mark before it.
fn is_blank(body: &[u8]) -> bool {
    matches!(body, b"\xff\xfe" | b"\xfe\xff")
        || body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii().is_empty()
}

fn json_or_empty(body: &[u8], charset: Option<Charset>) -> Result<Content, FormatError> {
    if is_blank(body) { Ok(Content::Empty) } else { Ok(json::content(body, charset)?) }
}

fn xml_or_empty(body: &[u8], charset: Option<Charset>) -> Result<Content, FormatError> {
    if is_blank(body) {
        return Ok(Content::Empty);
    }
    let value = xml::to_json(body, charset)?;
    Ok(Content::Decoded(JsonText::from_value(&value)))
}

/// The body as text; nothing when it is in no charset that is known or declared.
fn text(body: &[u8], charset: Option<Charset>) -> Option<Content> {
    let text = charset::text(body, charset).ok()?;
    if text.as_bytes() == body {
        return Some(Content::Text);
    }
    Some(Content::Decoded(JsonText::from_value(&text.into_owned().into())))
}

fn undecoded(essence: &str) -> Content {
    Content::Undecoded { media_type: essence.chars().take(MEDIA_TYPE_SHOWN).collect() }
}

/// Characters of a type that are kept to be shown.
const MEDIA_TYPE_SHOWN: usize = 100;

#[cfg(test)]
mod tests;
