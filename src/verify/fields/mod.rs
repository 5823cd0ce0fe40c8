//! Signatures over fields: sorted and joined, with the secret in the text or as a key. The signature stands in a field
//! beside them, or in a header.
//!
//! Mailgun (documentation.mailgun.com, "Securing Webhooks") and 支付宝 (opendocs.alipay.com, "异步通知验签") are data here.
//! Says nothing about fields that are left out.

mod compile;
mod read;
mod rules;
mod send;

use http::HeaderName;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use self::{read::Source, rules::Rules};
use super::{
    Delivery, Opened, Rejected, Replay, Single, Verified,
    mac::{self, Tag},
    public_key::PublicKey,
    secret::{Secret, accept},
    signature_header, single,
    timestamp::Freshness,
    url,
};
use crate::model::{Encoding, FieldsAlgorithm, FieldsFormat};

const FORM: &str = "application/x-www-form-urlencoded";
/// The field that holds the signature, unless the setting names another.
const SIGN: &str = "sign";

/// A sender that signs fields.
#[derive(Debug)]
pub struct Fields {
    name: &'static str,
    dedupe: Option<&'static str>,
    format: FieldsFormat,
    place: Place,
    prefix: String,
    encoding: Encoding,
    algorithm: FieldsAlgorithm,
    /// Never empty.
    keys: Vec<Key>,
    /// What the text of the fields may be; never empty. Senders write the first.
    rules: Vec<Rules>,
    text: Vec<Piece>,
    time: Option<(TimePlace, Freshness)>,
    /// Whether a body beside the query may be there, although nothing covers it.
    unsigned_body: bool,
    /// Text that is removed from the paths of fields in a form, where nothing is nested.
    flattened: &'static str,
}

/// Where the signature stands.
#[derive(Debug)]
enum Place {
    Field(String),
    Header(HeaderName),
}

#[derive(Debug)]
enum TimePlace {
    Field(String),
    Header(HeaderName),
}

#[derive(Debug)]
enum Key {
    Secret(Secret),
    Public(Box<PublicKey>, Option<u64>),
}

/// A piece of the signed text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Fields,
    Secret,
    Body,
    Timestamp,
}

impl Fields {
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) fn default_dedupe(&self) -> Option<&'static str> {
        self.dedupe
    }

    /// Whether the proof is there, as far as it stands in headers or in the query.
    pub(super) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        if let Place::Header(header) = &self.place {
            signature_header(head.headers, header)?;
        }
        if let Some((TimePlace::Header(header), _)) = &self.time {
            header_text(head, header)?;
        }
        if self.format == FieldsFormat::Query {
            let source = self.source(head).map_err(|why| Rejected::Fields { why })?;
            self.written(head, &source, "")?;
        }
        Ok(())
    }

    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<Verified, Rejected> {
        let bad = |why: String| Rejected::Fields { why };
        if self.format == FieldsFormat::Query && !delivery.body.is_empty() && !self.unsigned_body {
            return Err(bad("the query is signed, and the body beside it is not".to_owned()));
        }
        let is_form = self.is_form(delivery);
        let flattened = if is_form { self.flattened } else { "" };
        let covers_body = self.text.contains(&Piece::Body);
        let source =
            if covers_body { Source::Flat(Vec::new()) } else { self.source(delivery).map_err(bad)? };
        let written = self.written(delivery, &source, flattened)?;
        let malformed = |why: &'static str| match &self.place {
            Place::Header(header) => Rejected::Malformed { header: header.as_str().to_owned(), why },
            Place::Field(field) => bad(format!("`{field}` cannot be a signature: {why}")),
        };
        let own = written.strip_prefix(&self.prefix).ok_or_else(|| malformed("it has not the prefix"))?;
        let claimed = mac::decode(own, length(self.algorithm), self.encoding).map_err(malformed)?;
        let timestamp = self.timestamp(delivery, &source, flattened)?;
        let time = timestamp.as_ref().map(|(text, _)| text);
        let mut outcome = Err(Rejected::Mismatch);
        for rules in &self.rules {
            let text = if covers_body { Ok(String::new()) } else { flat(rules, flattened).text(&source) };
            let fields = text.map_err(bad)?;
            let values = Values { fields: &fields, body: delivery.body, timestamp: time };
            let keys = self.keys.iter().map(|key| (key.until_ms(), key));
            let matches = |key: &Key| self.matches(key, &values, &claimed, delivery.received_ms);
            outcome = accept(keys, delivery.received_ms, matches).map(|()| self.digest(&values));
            if !matches!(outcome, Err(Rejected::Mismatch)) {
                break;
            }
        }
        let digest = outcome?;
        Ok(Verified {
            opened: self.opened(delivery, is_form),
            replay: timestamp.map(|(_, until_ms)| Replay { digest, until_ms }),
            ..Verified::default()
        })
    }

    /// The body is decoded in the way in which its fields were read, whatever its header says.
    fn opened(&self, delivery: &Delivery<'_>, is_form: bool) -> Option<Opened> {
        let content_type = match self.format {
            FieldsFormat::Query => return None,
            _ if self.text.contains(&Piece::Body) => return None,
            FieldsFormat::Xml => "application/xml",
            FieldsFormat::Form => FORM,
            FieldsFormat::Json => "application/json",
            FieldsFormat::Auto if is_form => FORM,
            FieldsFormat::Auto => "application/json",
        };
        Some(Opened { body: delivery.body.to_vec(), content_type })
    }

    fn is_form(&self, delivery: &Delivery<'_>) -> bool {
        let content_type =
            delivery.headers.get(http::header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        is_form(content_type.unwrap_or_default())
    }

    fn source<'a>(&self, delivery: &Delivery<'a>) -> Result<Source<'a>, String> {
        match self.format {
            FieldsFormat::Query => Source::form(url::query(delivery.target).unwrap_or_default().as_bytes()),
            FieldsFormat::Xml => Source::xml(delivery.body),
            FieldsFormat::Form => Source::form(delivery.body),
            FieldsFormat::Json => Source::json(delivery.body),
            FieldsFormat::Auto if self.is_form(delivery) => Source::form(delivery.body),
            FieldsFormat::Auto => Source::json(delivery.body),
        }
    }

    /// The signature as the sender wrote it.
    fn written(
        &self,
        delivery: &Delivery<'_>,
        source: &Source<'_>,
        flattened: &str,
    ) -> Result<String, Rejected> {
        match &self.place {
            Place::Header(header) => signature_header(delivery.headers, header).map(str::to_owned),
            Place::Field(field) => {
                let name = field.strip_prefix(flattened).unwrap_or(field);
                let found = source.find(name).map_err(|why| Rejected::Fields { why })?;
                let missing = || Rejected::Fields { why: format!("`{name}`, the signature, is missing") };
                found.filter(|text| !text.is_empty()).ok_or_else(missing)
            }
        }
    }

    /// What recognises a copy: the text without the secret.
    fn digest(&self, values: &Values<'_>) -> [u8; 32] {
        let parts = self.pieces(values, &[]);
        parts.iter().fold(Sha256::new(), |digest, part| digest.chain_update(part)).finalize().into()
    }

    /// The text of the time, once it is fresh, and the last moment at which it passes.
    fn timestamp(
        &self,
        delivery: &Delivery<'_>,
        source: &Source<'_>,
        flattened: &str,
    ) -> Result<Option<(String, u64)>, Rejected> {
        let Some((place, freshness)) = &self.time else { return Ok(None) };
        let (name, text) = match place {
            TimePlace::Header(header) => (header.as_str(), header_text(delivery, header)?.to_owned()),
            TimePlace::Field(field) => {
                let name = field.strip_prefix(flattened).unwrap_or(field);
                let found = source.find(name).map_err(|why| Rejected::Fields { why })?;
                (name, found.ok_or_else(|| Rejected::MissingTimestamp { header: name.to_owned() })?)
            }
        };
        let until_ms = freshness.check(name, &text, delivery.received_ms)?;
        Ok(Some((text, until_ms)))
    }

    /// The signed text in pieces.
    fn pieces<'a>(&'a self, values: &Values<'a>, secret: &'a [u8]) -> Vec<&'a [u8]> {
        let piece = |piece: &'a Piece| match piece {
            Piece::Literal(text) => text.as_bytes(),
            Piece::Fields => values.fields.as_bytes(),
            Piece::Secret => secret,
            Piece::Body => values.body,
            Piece::Timestamp => values.timestamp.map_or("", |text| text.as_str()).as_bytes(),
        };
        self.text.iter().map(piece).collect()
    }

    fn matches(&self, key: &Key, values: &Values<'_>, claimed: &[u8], received_ms: u64) -> bool {
        match key {
            Key::Secret(secret) => compute(self.algorithm, secret, &self.pieces(values, secret.bytes()))
                .is_some_and(|tag| tag.matches(claimed)),
            Key::Public(key, _) => {
                let begins =
                    key.certificate.as_ref().is_none_or(|certificate| certificate.from_ms <= received_ms);
                begins && key.matches(&self.pieces(values, &[]).concat(), claimed)
            }
        }
    }
}

/// What one delivery puts into the text.
struct Values<'a> {
    fields: &'a str,
    body: &'a [u8],
    timestamp: Option<&'a String>,
}

impl Key {
    fn until_ms(&self) -> Option<u64> {
        match self {
            Self::Secret(secret) => secret.until_ms(),
            Self::Public(_, until_ms) => *until_ms,
        }
    }
}

/// The rules with the names that fields have where nothing is nested.
fn flat(rules: &Rules, flattened: &str) -> Rules {
    let mut rules = rules.clone();
    for name in rules.only.iter_mut().flatten() {
        if let Some(short) = name.strip_prefix(flattened) {
            *name = short.to_owned();
        }
    }
    rules
}

fn is_form(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case(FORM)
}

/// `None` for a public key.
fn compute(algorithm: FieldsAlgorithm, secret: &Secret, parts: &[&[u8]]) -> Option<Tag> {
    fn plain<D: Digest>(parts: &[&[u8]]) -> Vec<u8> {
        parts.iter().fold(D::new(), |digest, part| digest.chain_update(part)).finalize().to_vec()
    }
    let key = secret.bytes();
    Some(Tag::of(match algorithm {
        FieldsAlgorithm::Md5 => plain::<Md5>(parts),
        FieldsAlgorithm::Sha1 => plain::<Sha1>(parts),
        FieldsAlgorithm::Sha256 => plain::<Sha256>(parts),
        FieldsAlgorithm::Sha512 => plain::<Sha512>(parts),
        FieldsAlgorithm::HmacMd5 => mac::hmac::<hmac::Hmac<Md5>>(key, parts),
        FieldsAlgorithm::HmacSha1 => mac::hmac::<hmac::Hmac<Sha1>>(key, parts),
        FieldsAlgorithm::HmacSha256 => mac::hmac::<hmac::Hmac<Sha256>>(key, parts),
        FieldsAlgorithm::HmacSha512 => mac::hmac::<hmac::Hmac<Sha512>>(key, parts),
        FieldsAlgorithm::RsaSha1 | FieldsAlgorithm::RsaSha256 => return None,
    }))
}

/// The length of a signature in bytes, if all have the same.
fn length(algorithm: FieldsAlgorithm) -> Option<usize> {
    match algorithm {
        FieldsAlgorithm::Md5 | FieldsAlgorithm::HmacMd5 => Some(16),
        FieldsAlgorithm::Sha1 | FieldsAlgorithm::HmacSha1 => Some(20),
        FieldsAlgorithm::Sha256 | FieldsAlgorithm::HmacSha256 => Some(32),
        FieldsAlgorithm::Sha512 | FieldsAlgorithm::HmacSha512 => Some(64),
        FieldsAlgorithm::RsaSha1 | FieldsAlgorithm::RsaSha256 => None,
    }
}

/// The one value of a header that is signed.
fn header_text<'a>(delivery: &Delivery<'a>, name: &HeaderName) -> Result<&'a str, Rejected> {
    let header = || name.as_str().to_owned();
    match single(delivery.headers, name) {
        Single::Absent => Err(Rejected::MissingTimestamp { header: header() }),
        Single::Repeated => Err(Rejected::BadTimestamp { header: header(), why: "is there more than once" }),
        Single::Once(value) => {
            value.to_str().map_err(|_| Rejected::BadTimestamp { header: header(), why: "is not ASCII text" })
        }
    }
}
