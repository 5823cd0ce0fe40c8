//! Twilio's `X-Twilio-Signature`: HMAC-SHA1 over the URL and the fields of the form, in base64.
//!
//! Source: twilio.com/docs/usage/security, and twilio-node `src/webhooks/webhooks.ts`. If the body is not a form, the
//! URL holds its hash, in `bodySHA256`. Senders and proxies disagree about the port, so the URL is accepted as it
//! is, without its port, and with the default port.

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
/// The end of the names of fields that hold a SID.
const SID: &str = "Sid";
const SID_LENGTH: usize = 34;
const FORM: &str = "application/x-www-form-urlencoded";

/// The auth tokens of one account; each is accepted.
#[derive(Debug)]
pub struct Twilio {
    /// Never empty.
    secrets: Vec<Secret>,
    /// The URL as the sender knows it.
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
        if !fields.keep_their_sids(&whole) {
            return Err(Rejected::Form { why: "has a SID that is not the value of its own field" });
        }
        let urls = url::with_and_without_port(&whole);
        accept_secret(&self.secrets, delivery.received_ms, |secret| {
            urls.iter().any(|url| tag(secret, url, &fields.text).matches(&claimed))
        })
    }

    pub(super) fn sign(&self, outgoing: &Outgoing<'_>) -> Signed {
        let first = self.secrets.first().expect("compile refuses an empty list");
        let is_form = is_form(outgoing.content_type);
        let query = if is_form || outgoing.body.is_empty() {
            Vec::new()
        } else {
            vec![(HASH.to_owned(), hex::encode(Sha256::digest(outgoing.body)))]
        };
        let url = append(self.url.as_deref().unwrap_or(outgoing.url), &query);
        let fields = if is_form { Fields::of(outgoing.body) } else { Fields::default() };
        let written = mac::encode(tag(first, &url, &fields.text).bytes(), Encoding::Base64);
        Signed { query, ..Signed::header(SIGNATURE.as_str(), written) }
    }
}

/// The fields that are signed behind the URL.
fn fields(url: &str, content_type: &str, body: &[u8]) -> Result<Fields, Rejected> {
    let query = url::query(url).unwrap_or_default();
    let hashes: Vec<_> = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name == HASH).collect();
    match hashes.as_slice() {
        [(_, hash)] => {
            let own = Sha256::digest(body);
            let claimed = hex::decode(hash.as_bytes()).unwrap_or_default();
            if bool::from(own.as_slice().ct_eq(&claimed)) {
                Ok(Fields::default())
            } else {
                Err(Rejected::BodyHash)
            }
        }
        [] if is_form(content_type) => match Fields::of(body) {
            // Equal fields are signed once, so whoever sees a delivery could repeat them.
            Fields { repeated: true, .. } => {
                Err(Rejected::Form { why: "holds a field twice with the same value" })
            }
            fields => Ok(fields),
        },
        // There is nothing that could be changed.
        [] if body.is_empty() => Ok(Fields::default()),
        _ => Err(Rejected::BodyHash),
    }
}

fn is_form(content_type: &str) -> bool {
    content_type.split(';').next().unwrap_or("").trim().eq_ignore_ascii_case(FORM)
}

/// The fields of a form as they are signed: names and values one after the other, sorted by name. Of equal names, each
/// value is there once, sorted too.
///
/// Nothing stands between them, so `MessageSid=SM1` and `MessageSi=dSM1` have one signature. No check can tell all such
/// forms apart. But SIDs, which tell deliveries apart, have a form of their own, so a check can keep them where they
/// are.
#[derive(Default)]
struct Fields {
    text: String,
    /// Where each value begins and ends in `text`.
    values: BTreeSet<(usize, usize)>,
    /// Whether a field was there twice with the same value.
    repeated: bool,
}

impl Fields {
    fn of(body: &[u8]) -> Self {
        let mut read: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut fields = Self::default();
        for (name, value) in form_urlencoded::parse(body).into_owned() {
            fields.repeated |= !read.entry(name).or_default().insert(value);
        }
        for (name, values) in &read {
            for value in values {
                fields.text.push_str(name);
                let begins = fields.text.len();
                fields.text.push_str(value);
                fields.values.insert((begins, fields.text.len()));
            }
        }
        fields
    }

    /// Whether each `Sid` in the signed text that is followed by a SID is the end of a field's name, and the SID is the
    /// field's whole value.
    fn keep_their_sids(&self, url: &str) -> bool {
        let signed = format!("{url}{}", self.text);
        signed.match_indices(SID).all(|(at, _)| {
            let begins = at + SID.len();
            let ends = begins + SID_LENGTH;
            let is_sid = signed.get(begins..ends).is_some_and(is_sid);
            let own = begins.checked_sub(url.len()).zip(ends.checked_sub(url.len()));
            !is_sid || own.is_some_and(|own| self.values.contains(&own))
        })
    }
}

/// twilio.com/docs/glossary, "String Identifier": two letters and 32 hex digits.
fn is_sid(text: &str) -> bool {
    let (kind, number) = text.as_bytes().split_at(2);
    kind.iter().all(u8::is_ascii_uppercase)
        && number.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
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
            (&URL.replace(".com/", ".com:8443/"), good, BODY, Ok(())),
            (&URL.replace(".com/", ".org:8443/"), good, BODY, Err(Rejected::Mismatch)),
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
        // Somebody who calls the body a form does not avoid the hash.
        assert_eq!(verify(&url, signature, FORM, b"a=1"), Err(Rejected::BodyHash));
        assert_eq!(verify(&url.replace("bodySHA256", "x"), signature, json, body), Err(Rejected::BodyHash));
        assert_eq!(
            verify(&format!("{url}&bodySHA256={hash}"), signature, json, body),
            Err(Rejected::BodyHash)
        );
        assert_eq!(verify(&url.replace(&hash, ""), signature, json, body), Err(Rejected::BodyHash));
    }

    #[test]
    fn fields_are_signed_sorted_and_a_repeated_value_is_refused() {
        assert_eq!(Fields::of(b"b=2&a=y&a=x&c=").text, "axayb2c");
        assert_eq!(Fields::of(b"").text, "");
        let good = "RSOYDt4T1cUTdK1PDd93/VVr8B8=";
        let repeated = format!("{BODY}&Digits=1234");
        let why = "holds a field twice with the same value";
        assert_eq!(verify(URL, good, FORM, repeated.as_bytes()), Err(Rejected::Form { why }));
    }

    #[test]
    fn a_sid_cannot_be_moved_out_of_its_field() {
        let sid = "SM0123456789abcdef0123456789abcdef";
        let account = "AC0123456789abcdef0123456789abcdef";
        let good = format!("AccountSid={account}&Body=hello&MessageSid={sid}&NumMedia=0&SmsMessageSid={sid}");
        let url = "https://mycompany.com/in?x=1";
        let outgoing =
            Outgoing { method: "POST", url, content_type: FORM, body: good.as_bytes(), id: "", now_ms: 0 };
        let signed = Twilio::new(vec![Secret::new(b"12345".to_vec())], None).sign(&outgoing);
        let signature = &signed.headers[0].1;
        assert_eq!(verify(url, signature, FORM, good.as_bytes()), Ok(()));
        let moved = [
            (
                url.to_owned(),
                good.replace(&format!("MessageSid={sid}&Num"), &format!("MessageSi=d{sid}&Num")),
            ),
            (
                url.to_owned(),
                good.replace(&format!("&MessageSid={sid}&Num"), &format!("MessageSid{sid}&Num")),
            ),
            (
                url.to_owned(),
                good.replace(&format!("MessageSid={sid}&Num"), &format!("MessageSidSM={}&Num", &sid[2..])),
            ),
            (url.to_owned(), good.replace("&NumMedia=0", "NumMedia0")),
            (format!("{url}AccountSid{account}"), good.replace(&format!("AccountSid={account}&"), "")),
        ];
        for (url, body) in moved {
            // It is one text nevertheless: without the check both would pass.
            let text = |url: &str, body: &str| format!("{url}{}", Fields::of(body.as_bytes()).text);
            assert_eq!(text(&url, &body), text(outgoing.url, &good), "{body}");
            let why = "has a SID that is not the value of its own field";
            assert_eq!(
                verify(&url, signature, FORM, body.as_bytes()),
                Err(Rejected::Form { why }),
                "{url} {body}"
            );
        }
    }
}
