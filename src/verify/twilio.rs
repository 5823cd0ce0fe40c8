//! Twilio's `X-Twilio-Signature`: HMAC-SHA1 over the URL and the fields of the form, in base64.
//!
//! Source: twilio.com/docs/usage/security, and twilio-node `src/webhooks/webhooks.ts`. Of another body than a form the
//! URL holds the hash, in `bodySHA256`. Senders and proxies disagree about the default port, so the URL counts with it
//! and without it.

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderName, header::CONTENT_TYPE};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    Delivery, Outgoing, Rejected, Signed, mac,
    mac::Tag,
    outgoing::append,
    secret::{Secret, accept_secret},
    signature_header, url,
};
use crate::model::{Algorithm, Encoding};

const SIGNATURE: HeaderName = HeaderName::from_static("x-twilio-signature");
const HASH: &str = "bodySHA256";
const FORM: &str = "application/x-www-form-urlencoded";

/// The auth tokens of one account; each is accepted.
#[derive(Debug)]
pub struct Twilio {
    /// Never empty.
    secrets: Vec<Secret>,
    /// The URL as the sender has it.
    url: Option<String>,
}

impl Twilio {
    /// `secrets` holds at least one.
    pub(super) fn new(secrets: Vec<Secret>, url: Option<String>) -> Self {
        Self { secrets, url }
    }

    /// Whether there is a signature to check.
    pub(super) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        signature_header(head.headers, &SIGNATURE).map(|_| ())
    }

    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Rejected> {
        let text = signature_header(delivery.headers, &SIGNATURE)?;
        let claimed = mac::decode(text, mac::length(Algorithm::Sha1), Encoding::Base64)
            .map_err(|why| Rejected::Malformed { header: SIGNATURE.as_str().to_owned(), why })?;
        let whole = url::of_sender(self.url.as_deref(), delivery);
        let content_type = delivery.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let fields = fields(&whole, content_type.unwrap_or_default(), delivery.body)?;
        let urls = url::with_and_without_port(&whole);
        accept_secret(&self.secrets, delivery.received_ms, |secret| {
            urls.iter().any(|url| tag(secret, url, &fields).matches(&claimed))
        })
    }

    pub(super) fn sign(&self, outgoing: &Outgoing<'_>) -> Signed {
        let first = self.secrets.first().expect("compile refuses an empty list");
        let is_form = is_form(outgoing.content_type);
        let query = match is_form || outgoing.body.is_empty() {
            true => Vec::new(),
            false => vec![(HASH.to_owned(), hex::encode(Sha256::digest(outgoing.body)))],
        };
        let url = append(self.url.as_deref().unwrap_or(outgoing.url), &query);
        let fields = if is_form { form(outgoing.body) } else { String::new() };
        let written = mac::encode(tag(first, &url, &fields).bytes(), Encoding::Base64);
        Signed { query, ..Signed::header(SIGNATURE.as_str(), written) }
    }
}

/// What is signed behind the URL.
fn fields(url: &str, content_type: &str, body: &[u8]) -> Result<String, Rejected> {
    let query = url::query(url).unwrap_or_default();
    let hashes: Vec<_> = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == HASH).collect();
    match hashes.as_slice() {
        [(_, hash)] => {
            let own = Sha256::digest(body);
            let claimed = hex::decode(hash.as_bytes()).unwrap_or_default();
            match bool::from(own.as_slice().ct_eq(&claimed)) {
                true => Ok(String::new()),
                false => Err(Rejected::BodyHash),
            }
        }
        [] if is_form(content_type) => Ok(form(body)),
        // Nothing of it could be changed.
        [] if body.is_empty() => Ok(String::new()),
        _ => Err(Rejected::BodyHash),
    }
}

fn is_form(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case(FORM)
}

/// Names and values one after the other, sorted by name; of equal names each value once, sorted too.
fn form(body: &[u8]) -> String {
    let mut fields: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body).into_owned() {
        fields.entry(name).or_default().insert(value);
    }
    let mut text = String::new();
    for (name, values) in &fields {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}

fn tag(secret: &Secret, url: &str, fields: &str) -> Tag {
    Tag::compute(Algorithm::Sha1, secret, &[url.as_bytes(), fields.as_bytes()])
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    const URL: &str = "https://mycompany.com/myapp.php?foo=1&bar=2";
    const BODY: &str =
        "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";

    fn verify(url: &str, signature: &str, content_type: &str, body: &[u8]) -> Result<(), Rejected> {
        let mut headers = HeaderMap::new();
        headers.insert("x-twilio-signature", HeaderValue::from_str(signature).unwrap());
        headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
        Twilio::new(vec![Secret::new(b"12345".to_vec())], Some(url.to_owned())).verify(&Delivery {
            method: "POST",
            origin: "http://localhost",
            target: "/api/webhooks/a",
            headers: &headers,
            body,
            received_ms: 0,
        })
    }

    /// The vectors of twilio-node, `spec/validation.spec.js`.
    #[test]
    fn forms_are_covered_with_the_url_whichever_port_it_tells() {
        let good = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        let port = URL.replace(".com/", ".com:443/");
        let cases = [
            (URL, good, BODY, Ok(())),
            (URL, "kvajT1Ptam85bY51eRf/AJRuM3w=", BODY, Ok(())),
            (port.as_str(), good, BODY, Ok(())),
            (
                URL,
                good,
                "To=%2B18005551212&CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309",
                Ok(()),
            ),
            (URL, good, &BODY.replace("1234&", "1235&"), Err(Rejected::Mismatch)),
            (URL, good, &format!("{BODY}&x=1"), Err(Rejected::Mismatch)),
            (URL, good, "", Err(Rejected::Mismatch)),
            (&URL.replace("bar=2", "bar=3"), good, BODY, Err(Rejected::Mismatch)),
            (&URL.replace("https", "http"), good, BODY, Err(Rejected::Mismatch)),
            (&URL.replace(".com/", ".com:8443/"), good, BODY, Err(Rejected::Mismatch)),
        ];
        for (url, signature, body, expected) in cases {
            assert_eq!(verify(url, signature, FORM, body.as_bytes()), expected, "{url} {body}");
        }
        let utf8 = format!("{FORM}; charset=UTF-8");
        assert_eq!(verify(URL, good, &utf8, BODY.as_bytes()), Ok(()));
    }

    #[test]
    fn another_body_is_covered_by_its_hash_in_the_url() {
        let body = br#"{"property": "value", "boolean": true}"#;
        let hash = hex::encode(Sha256::digest(body));
        let twilio = Twilio::new(vec![Secret::new(b"12345".to_vec())], None);
        let outgoing = Outgoing {
            method: "POST",
            url: "https://a.example/x",
            content_type: "application/json",
            body,
            id: "",
            now_ms: 0,
        };
        let signed = twilio.sign(&outgoing);
        let url = signed.url(outgoing.url);
        assert_eq!(url, format!("https://a.example/x?bodySHA256={hash}"));
        let signature = &signed.headers[0].1;
        let json = "application/json";
        assert_eq!(verify(&url, signature, json, body), Ok(()));
        assert_eq!(verify(&url, signature, json, b"{}"), Err(Rejected::BodyHash));
        // Whoever calls it a form does not get around the hash.
        assert_eq!(verify(&url, signature, FORM, b"a=1"), Err(Rejected::BodyHash));
        assert_eq!(verify(&url.replace("bodySHA256", "x"), signature, json, body), Err(Rejected::BodyHash));
        assert_eq!(
            verify(&format!("{url}&bodySHA256={hash}"), signature, json, body),
            Err(Rejected::BodyHash)
        );
        assert_eq!(verify(&url.replace(&hash, ""), signature, json, body), Err(Rejected::BodyHash));
    }

    #[test]
    fn repeated_fields_count_once_a_value() {
        assert_eq!(form(b"b=2&a=y&a=x&a=y&c="), "axayb2c");
        assert_eq!(form(b""), "");
    }
}
