//! A signature in a header over a text made from the request. Most senders do this, each with its own spelling.
//!
//! `vendors` and `hmac` say how a sender spells it ([`Recipe`]). Recipes that only look safe are refused: those whose
//! signature does not cover a body, a time or an id that is used.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, header::CONTENT_TYPE};
use sha2::{Digest, Sha256};

use super::{
    Delivery, Outgoing, Rejected, Replay, Role, SchemeError, SignError, Signed, Single,
    body_path::BodyPath,
    borders::Borders,
    header_name,
    key::{Form, Key},
    layout::{Layout, Marks},
    mac,
    secret::{Secret, accept},
    signature_header,
    signed::{SignedText, Values},
    single,
    timestamp::Freshness,
    url,
};
use crate::model::{Encoding, Span, TimestampUnit};

/// The most well-formed signatures of one header that are looked at. Senders that rotate write two or three.
const MAX_SIGNATURES: usize = 16;

/// How a sender spells its signature.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recipe<'a> {
    /// The headers that it uses. Of several sets, the first one that is there counts. Never empty.
    pub(super) names: &'a [Names<'a>],
    pub(super) form: Form<'a>,
    pub(super) encoding: Encoding,
    pub(super) separator: Option<&'a str>,
    pub(super) assign: Option<&'a str>,
    pub(super) signature_key: Option<&'a str>,
    pub(super) signed: &'a str,
    pub(super) time: Option<Time<'a>>,
    pub(super) id_path: Option<&'a str>,
    /// The URL as the sender knows it.
    pub(super) url: Option<&'a str>,
    /// A header with an older signature. The refusal names it when it came alone.
    pub(super) outdated: Option<&'a str>,
    /// The header that names the key.
    pub(super) key_id: Option<&'a str>,
    /// The one field of a form whose value is signed in place of the form.
    pub(super) form_field: Option<&'a str>,
}

/// One set of header names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a> {
    pub(super) signature: &'a str,
    pub(super) timestamp: Option<&'a str>,
    pub(super) id: Option<&'a str>,
}

/// Where the time of sending stands, and what is expected of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Time<'a> {
    pub(super) at: TimeAt<'a>,
    pub(super) unit: TimestampUnit,
    pub(super) tolerance: Span,
}

/// Where the time of sending stands.
#[derive(Debug, Clone, Copy)]
pub(super) enum TimeAt<'a> {
    /// In the header that `Names` says.
    Header,
    /// Under a key of the signature header.
    Key(&'a str),
    /// In a JSON body.
    Body(&'a str),
    /// In a JSON body. Only if the body does not hold it, the header counts, which is not signed.
    BodyElseHeader(&'a str),
}

/// A recipe with its keys, ready to check deliveries.
#[derive(Debug)]
pub struct Signature {
    /// Never empty.
    families: Vec<Family>,
    /// Never empty.
    keys: Vec<Key>,
    encoding: Encoding,
    layout: Layout,
    text: SignedText,
    borders: Borders,
    freshness: Option<Freshness>,
    time_path: Option<BodyPath>,
    id_path: Option<BodyPath>,
    url: Option<String>,
    outdated: Option<HeaderName>,
    key_id: Option<HeaderName>,
    form_field: Option<String>,
}

#[derive(Debug)]
struct Family {
    signature: HeaderName,
    timestamp: Option<HeaderName>,
    id: Option<HeaderName>,
}

impl Family {
    fn new(names: &Names<'_>) -> Result<Self, SchemeError> {
        let optional = |field, name: Option<&str>| name.map(|name| header_name(field, name)).transpose();
        Ok(Self {
            signature: header_name("header", names.signature)?,
            timestamp: optional("timestamp.header", names.timestamp)?,
            id: optional("id_header", names.id)?,
        })
    }

    fn is_in(&self, headers: &HeaderMap) -> bool {
        let there = |name: &HeaderName| headers.contains_key(name);
        there(&self.signature)
            || self.timestamp.as_ref().is_some_and(there)
            || self.id.as_ref().is_some_and(there)
    }
}

impl Signature {
    /// `secrets` are resolved texts, at least one.
    pub(super) fn new(recipe: &Recipe<'_>, secrets: &[Secret], role: Role) -> Result<Self, SchemeError> {
        let text = SignedText::parse(recipe.signed)?;
        let at = recipe.time.map(|time| time.at);
        // `{body}` covers what stands in the body. A time beside the body must be signed.
        let beside = matches!(at, Some(TimeAt::Header | TimeAt::Key(_)));
        if beside && !text.has_timestamp() {
            return Err(SchemeError::NotCovered { field: "timestamp", placeholder: "timestamp" });
        }
        if at.is_none() && text.has_timestamp() {
            return Err(SchemeError::NoSource { field: "timestamp", placeholder: "timestamp" });
        }
        let id_header = recipe.names.iter().any(|names| names.id.is_some());
        if id_header && recipe.id_path.is_some() {
            return Err(SchemeError::TwoIds);
        }
        if id_header && !text.has_id() {
            return Err(SchemeError::NotCovered { field: "id_header", placeholder: "id" });
        }
        if text.has_id() && !id_header && recipe.id_path.is_none() {
            return Err(SchemeError::NoSource { field: "id_header", placeholder: "id" });
        }
        if recipe.url.is_some() && !text.has_url() {
            return Err(SchemeError::NotCovered { field: "url", placeholder: "url" });
        }
        // A URL with its own query takes nothing from the request.
        let fixed = recipe.url.is_some_and(|url| url.contains('?'));
        let (time_key, time_path) = match at {
            Some(TimeAt::Key(key)) => (Some(key), None),
            Some(TimeAt::Body(path) | TimeAt::BodyElseHeader(path)) => (None, Some(path)),
            Some(TimeAt::Header) | None => (None, None),
        };
        let path = |field, path: Option<&str>| {
            path.map(|path| BodyPath::parse(path).ok_or(SchemeError::BodyPath { field })).transpose()
        };
        let key = |(index, secret)| Key::new(recipe.form, secret, index + 1, role);
        let keys: Vec<_> = secrets.iter().enumerate().map(key).collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(SchemeError::NoSecret);
        }
        Ok(Self {
            families: recipe.names.iter().map(Family::new).collect::<Result<_, _>>()?,
            keys,
            encoding: recipe.encoding,
            layout: Layout::new(Marks {
                separator: recipe.separator,
                assign: recipe.assign,
                signature: recipe.signature_key,
                timestamp: time_key,
            })?,
            borders: Borders::of(&text, recipe.time.map(|time| time.unit), fixed)?,
            text,
            freshness: recipe.time.map(|time| Freshness::new(time.unit, time.tolerance)),
            time_path: path("timestamp.path", time_path)?,
            id_path: path("id_path", recipe.id_path)?,
            url: recipe.url.map(str::to_owned),
            outdated: recipe.outdated.map(|name| header_name("header", name)).transpose()?,
            key_id: recipe.key_id.map(|name| header_name("key_id_header", name)).transpose()?,
            form_field: recipe.form_field.map(str::to_owned),
        })
    }

    /// The same with the names that a setting gives its keys, in their order.
    pub(super) fn with_names(self, names: &[Option<String>]) -> Self {
        let names = names.iter().map(Option::as_deref).chain(std::iter::repeat(None));
        let keys = self.keys.into_iter().zip(names).map(|(key, name)| key.named(name)).collect();
        Self { keys, ..self }
    }

    /// Checks a delivery. Gives what recognises its copies, if the delivery has a time.
    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<Option<Replay>, Rejected> {
        let (family, text) = self.text_of(delivery.headers)?;
        let malformed = |why| Rejected::Malformed { header: family.signature.as_str().to_owned(), why };
        let read = self.layout.read(text).map_err(malformed)?;
        let of_pairs = matches!(self.layout, Layout::Pairs { .. });
        let meant = self.meant(delivery)?;
        let claimed = claimed(&meant, &read.signatures, self.encoding, of_pairs).map_err(malformed)?;
        let (timestamp, until_ms) = self.timestamp(family, read.timestamp, delivery)?;
        let id = self.id(family, delivery)?;
        let url = if self.text.has_url() {
            Cow::from(url::of_sender(self.url.as_deref(), delivery))
        } else {
            Cow::from("")
        };
        let body = match &self.form_field {
            Some(name) if is_form(content_type(delivery.headers)) => only_field(name, delivery.body)?,
            Some(_) | None => Cow::from(delivery.body),
        };
        let values =
            Values { body: &body, timestamp: &timestamp, id: &id, url: &url, method: delivery.method };
        self.borders.check(&values)?;
        let parts = self.text.fill(&values);
        let keys = claimed.iter().map(|(key, claimed)| (key.until_ms, (key, claimed)));
        accept(keys, delivery.received_ms, |(key, claimed)| key.matches(&parts, claimed))?;
        // Over the text, not over the signature, because one text can have several signatures.
        let digest = parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part)).finalize();
        Ok(until_ms.map(|until_ms| Replay { digest: digest.into(), until_ms }))
    }

    /// Whether there is a signature to check, with the time and the id that it covers, as far as they stand in headers.
    pub(super) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        let (family, _) = self.text_of(head.headers)?;
        if self.freshness.is_some() && self.time_path.is_none() && self.layout.timestamp_key().is_none() {
            self.find_timestamp(family, None, head)?;
        }
        self.meant(head)?;
        match self.id_path {
            Some(_) => Ok(()),
            None => self.id(family, head).map(|_| ()),
        }
    }

    /// The set of headers that is used, and the text of the signature.
    fn text_of<'a>(&self, headers: &'a HeaderMap) -> Result<(&Family, &'a str), Rejected> {
        let first = &self.families[0];
        let family = self.families.iter().find(|family| family.is_in(headers)).unwrap_or(first);
        match signature_header(headers, &family.signature) {
            Err(Rejected::MissingSignature { .. })
                if self.outdated.as_ref().is_some_and(|name| headers.contains_key(name)) =>
            {
                Err(Rejected::LegacySignature)
            }
            other => Ok((family, other?)),
        }
    }

    /// The keys that the sender may mean.
    fn meant(&self, delivery: &Delivery<'_>) -> Result<Vec<&Key>, Rejected> {
        let valid = |key: &&Key| key.from_ms <= delivery.received_ms;
        let Some(header) = &self.key_id else { return Ok(self.keys.iter().filter(valid).collect()) };
        let id = signature_header(delivery.headers, header)?;
        let meant: Vec<_> = self.keys.iter().filter(|key| key.may_be(id)).filter(valid).collect();
        if meant.is_empty() { Err(Rejected::UnknownKey { id: shown(id) }) } else { Ok(meant) }
    }

    /// The text of the time, once it is known to be fresh, and the last moment at which it passes. Empty when the
    /// sender sends no time.
    fn timestamp<'a>(
        &self,
        family: &Family,
        in_signature: Option<&'a str>,
        delivery: &Delivery<'a>,
    ) -> Result<(Cow<'a, str>, Option<u64>), Rejected> {
        let Some(freshness) = &self.freshness else { return Ok((Cow::from(""), None)) };
        let (place, text) = self.find_timestamp(family, in_signature, delivery)?;
        let until_ms = freshness.check(&place, &text, delivery.received_ms)?;
        Ok((text, Some(until_ms)))
    }

    fn find_timestamp<'a>(
        &self,
        family: &Family,
        in_signature: Option<&'a str>,
        delivery: &Delivery<'a>,
    ) -> Result<(String, Cow<'a, str>), Rejected> {
        if let Some(key) = self.layout.timestamp_key() {
            let place = format!("{}: {key}", family.signature);
            return match in_signature {
                Some(text) => Ok((place, text.into())),
                None => Err(Rejected::MissingTimestamp { header: place }),
            };
        }
        if let Some(path) = &self.time_path {
            let place = format!("{path} of the body");
            match (path.find(delivery.body), &family.timestamp) {
                (Some(text), _) => return Ok((place, text.into())),
                (None, None) => return Err(Rejected::MissingTimestamp { header: place }),
                (None, Some(_)) => {}
            }
        }
        let name = family.timestamp.as_ref().expect("a time that is nowhere else is in a header");
        let place = name.as_str().to_owned();
        match single(delivery.headers, name) {
            Single::Absent => Err(Rejected::MissingTimestamp { header: place }),
            Single::Repeated => Err(Rejected::BadTimestamp { header: place, why: "is there more than once" }),
            Single::Once(value) => match value.to_str() {
                Ok(text) => Ok((place, text.into())),
                Err(_) => Err(Rejected::BadTimestamp { header: place, why: "is not ASCII text" }),
            },
        }
    }

    fn id<'a>(&self, family: &Family, delivery: &Delivery<'a>) -> Result<Cow<'a, str>, Rejected> {
        if let Some(path) = &self.id_path {
            let missing = || Rejected::MissingId { header: format!("{path} of the body") };
            return path.find(delivery.body).filter(|id| !id.is_empty()).map(Cow::from).ok_or_else(missing);
        }
        let Some(name) = &family.id else { return Ok(Cow::from("")) };
        let missing = || Rejected::MissingId { header: name.as_str().to_owned() };
        match single(delivery.headers, name) {
            Single::Absent | Single::Repeated => Err(missing()),
            Single::Once(value) => match value.to_str() {
                Ok("") | Err(_) => Err(missing()),
                Ok(text) => Ok(text.into()),
            },
        }
    }

    /// What a sender adds. One with several keys says which one it was.
    pub(super) fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Signed, SignError> {
        let family = &self.families[0];
        let mut signed = Signed::default();
        let timestamp =
            self.freshness.as_ref().map(|freshness| freshness.write(outgoing.now_ms)).unwrap_or_default();
        let mut body = Cow::from(outgoing.body);
        if let Some(path) = &self.time_path {
            // Numbers are written as JSON numbers; only RFC 3339 is a text.
            let value = timestamp.parse::<u64>().map_or_else(|_| timestamp.as_str().into(), Into::into);
            match path.write(&body, value) {
                Some(written) => body = written.into(),
                None if family.timestamp.is_some() => {}
                None => return Err(SignError::NoObject { what: "the time" }),
            }
        }
        if let Some(path) = &self.id_path
            && path.find(&body).is_none_or(|id| id.is_empty())
        {
            let written = path.write(&body, outgoing.id.into());
            body = written.ok_or(SignError::NoObject { what: "the id" })?.into();
        }
        if let Some(name) = &family.timestamp {
            signed.headers.push((name.as_str().to_owned(), timestamp.clone()));
        }
        let mut id = outgoing.id.to_owned();
        if let Some(name) = &family.id {
            signed.headers.push((name.as_str().to_owned(), id.clone()));
        } else if let Some(found) = self.id_path.as_ref().and_then(|path| path.find(&body)) {
            id = found;
        }
        let url = self.url.as_deref().unwrap_or(outgoing.url);
        let covered = match &self.form_field {
            Some(name) if is_form(outgoing.content_type) => {
                only_field(name, &body).map_err(|error| SignError::Fields(error.to_string()))?
            }
            Some(_) | None => Cow::from(&*body),
        };
        let values = Values { body: &covered, timestamp: &timestamp, id: &id, url, method: outgoing.method };
        let key = self.keys.first().expect("`new` refuses an empty list");
        let written = mac::encode(&key.sign(&self.text.fill(&values))?, self.encoding);
        let written = self.layout.write(&format!("{}{written}", key.prefix), &timestamp);
        signed.headers.push((family.signature.as_str().to_owned(), written));
        if let Some(header) = &self.key_id {
            signed.headers.push((header.as_str().to_owned(), key.id().unwrap_or(outgoing.id).to_owned()));
        }
        if let Cow::Owned(body) = body {
            signed.body = Some(body);
        }
        Ok(signed)
    }
}

fn content_type(headers: &HeaderMap) -> &str {
    headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

fn is_form(content_type: &str) -> bool {
    content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// The value of the one field of a form. Others would not be signed, so there are none.
fn only_field(name: &str, form: &[u8]) -> Result<Cow<'static, [u8]>, Rejected> {
    let mut fields = form_urlencoded::parse(form);
    match (fields.next(), fields.next()) {
        (Some((own, value)), None) if own == name => Ok(value.into_owned().into_bytes().into()),
        _ => Err(Rejected::Form { why: "holds more or other fields than the one that is signed" }),
    }
}

/// The well-formed signatures for each key. Those with another prefix are other versions.
fn claimed<'k>(
    keys: &[&'k Key],
    signatures: &[&str],
    encoding: Encoding,
    of_pairs: bool,
) -> Result<Vec<(&'k Key, Vec<Vec<u8>>)>, &'static str> {
    let mut why = if of_pairs && signatures.is_empty() {
        "none of its parts has the signature's key"
    } else {
        "none of its parts has the prefix"
    };
    let mut claimed = Vec::new();
    for key in keys {
        let mut of_key = Vec::new();
        for signature in signatures {
            let Some(written) = signature.strip_prefix(key.prefix.as_str()) else { continue };
            match mac::decode(written, key.length(), encoding) {
                Ok(bytes) => of_key.push(bytes),
                Err(reason) => why = reason,
            }
        }
        match of_key.len() {
            0 => {}
            1..=MAX_SIGNATURES => claimed.push((*key, of_key)),
            _ => return Err("it holds more than 16 signatures"),
        }
    }
    if claimed.is_empty() { Err(why) } else { Ok(claimed) }
}

/// The beginning of what a stranger calls a key, for the log.
pub(super) fn shown(id: &str) -> String {
    id.chars().take(100).collect()
}
