//! Amazon SNS: RSA over some fields of a JSON body, by the key of a certificate that the body names.
//!
//! Source: docs.aws.amazon.com/sns, "Verifying the signatures of Amazon SNS messages". The certificate comes from a host
//! of SNS alone, over https, and is valid now. Its chain is not checked. `MessageAttributes` and `UnsubscribeURL` are not
//! signed.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;

use super::{
    Delivery, Opened, Outgoing, Rejected, Replay, Resolve, Role, SchemeError, SignError, Signed, Verified,
    certificates::{Certificates, document_url},
    fetched::{Document, DocumentKind, Wanted},
    json_once,
    timestamp::Freshness,
};
use crate::model::{KeyAlgorithm, SnsSpec, Span, Texts, TimestampUnit};

const HOUR: Span = Span::from_millis(3_600_000);
const NOTIFICATION: &str = "Notification";
const SIGNED: [&str; 6] = ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"];
const CONFIRMATION: [&str; 7] =
    ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"];

/// The topics that may send.
#[derive(Debug)]
pub struct Sns {
    topics: Texts,
    certificates: Certificates,
    freshness: Freshness,
}

/// A message whose signature is still to be checked.
struct Message {
    fields: Map<String, Value>,
}

impl Sns {
    pub(super) fn new(spec: &SnsSpec, resolve: Resolve<'_>, role: Role) -> Result<Self, SchemeError> {
        Ok(Self {
            topics: spec.topic.clone(),
            certificates: Certificates::new(spec.certificate.as_ref(), resolve, role)?,
            freshness: Freshness::new(TimestampUnit::Rfc3339, spec.tolerance.unwrap_or(HOUR)),
        })
    }

    /// The certificate that must be fetched to check a delivery. Only what is for us makes us fetch.
    pub(super) fn wants(&self, delivery: &Delivery<'_>) -> Result<Option<Wanted>, Rejected> {
        let message = self.read(delivery)?;
        if self.certificates.are_given() {
            return Ok(None);
        }
        self.freshness.check("Timestamp", message.text("Timestamp")?, delivery.received_ms)?;
        let url = document_url(message.text("SigningCertURL")?, is_ours)?;
        Ok(Some(Wanted { url, kind: DocumentKind::Certificate, key_id: None }))
    }

    pub(super) fn verify(
        &self,
        delivery: &Delivery<'_>,
        document: Option<&Document>,
    ) -> Result<Verified, Rejected> {
        let message = self.read(delivery)?;
        let until_ms = self.freshness.check("Timestamp", message.text("Timestamp")?, delivery.received_ms)?;
        let sha1 = match message.text("SignatureVersion")? {
            "1" => true,
            "2" => false,
            _ => return Err(fields("`SignatureVersion` is neither 1 nor 2")),
        };
        let claimed = STANDARD
            .decode(message.text("Signature")?)
            .map_err(|_| fields("`Signature` is not base64 with padding"))?;
        let text = message.signed()?;
        self.certificates.check(document, sha1, is_name, &text, &claimed, delivery.received_ms)?;
        Ok(Verified {
            opened: Some(Opened { body: delivery.body.to_vec(), content_type: "application/json" }),
            replay: Some(Replay { digest: Sha256::digest(&text).into(), until_ms }),
            ..Verified::default()
        })
    }

    /// A message of one of our topics.
    fn read(&self, delivery: &Delivery<'_>) -> Result<Message, Rejected> {
        let read = json_once::object(delivery.body).map_err(|why| fields(&format!("the body {why}")))?;
        let message = Message { fields: read };
        if !self.topics.holds(message.text("TopicArn")?) {
            return Err(Rejected::Elsewhere { what: "topic", field: "topic" });
        }
        Ok(message)
    }

    pub(super) fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Signed, SignError> {
        let no_object = SignError::NoObject { what: "the signature" };
        let mut body: Map<String, Value> = serde_json::from_slice(outgoing.body).map_err(|_| no_object)?;
        let mut set = |name: &str, value: &str| {
            body.insert(name.to_owned(), value.into());
        };
        set("MessageId", outgoing.id);
        set("TopicArn", self.topics.list().first().map_or("", String::as_str));
        set("Timestamp", &self.freshness.write(outgoing.now_ms));
        set("SignatureVersion", "2");
        set("SigningCertURL", "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-sample.pem");
        let text = Message { fields: body.clone() }.signed();
        let text = text.map_err(|error| SignError::Fields(error.to_string()))?;
        let signature = self.certificates.sign(KeyAlgorithm::RsaSha256, &text)?;
        body.insert("Signature".to_owned(), STANDARD.encode(signature).into());
        let body = Value::Object(body).to_string().into_bytes();
        Ok(Signed { body: Some(body), ..Signed::default() })
    }
}

impl Message {
    fn text(&self, name: &str) -> Result<&str, Rejected> {
        let missing = || fields(&format!("`{name}` is missing or not a text"));
        self.fields.get(name).and_then(Value::as_str).ok_or_else(missing)
    }

    /// Name and value of each field, with a line break behind both.
    fn signed(&self) -> Result<Vec<u8>, Rejected> {
        let names = match self.text("Type")? {
            NOTIFICATION => &SIGNED[..],
            "SubscriptionConfirmation" | "UnsubscribeConfirmation" => &CONFIRMATION[..],
            _ => return Err(fields("`Type` is none that SNS sends")),
        };
        let mut text = String::new();
        for name in names {
            // A notification without a subject signs none.
            if *name == "Subject" && self.fields.get(*name).is_none_or(Value::is_null) {
                continue;
            }
            let value = self.text(name)?;
            // With line breaks in one alone, the text can be divided in one way alone.
            if *name != "Message" && value.contains('\n') {
                return Err(fields(&format!("`{name}` holds a line break")));
            }
            text.push_str(name);
            text.push('\n');
            text.push_str(value);
            text.push('\n');
        }
        Ok(text.into_bytes())
    }
}

fn fields(why: &str) -> Rejected {
    Rejected::Fields { why: why.to_owned() }
}

/// Whether certificates of SNS are there.
fn is_ours(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let host = host.strip_suffix(".cn").unwrap_or(host);
    let region = host.strip_prefix("sns.").and_then(|host| host.strip_suffix(".amazonaws.com"));
    let is_region = |region: &str| {
        region.len() >= 3
            && region.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    let path = url.path();
    region.is_some_and(is_region)
        && path.starts_with("/SimpleNotificationService-")
        && path.ends_with(".pem")
        && path.matches('/').count() == 1
}

/// Whether a certificate is one of SNS.
fn is_name(name: &str) -> bool {
    let bare = name.strip_suffix(".cn").unwrap_or(name);
    bare == "sns.amazonaws.com" || (bare.starts_with("sns.") && bare.ends_with(".amazonaws.com"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_come_from_sns_and_nowhere_else() {
        let path = "/SimpleNotificationService-0123abcd.pem";
        for host in ["sns.us-east-1.amazonaws.com", "sns.cn-north-1.amazonaws.com.cn"] {
            let url = format!("https://{host}{path}");
            assert_eq!(document_url(&url, is_ours), Ok(url));
        }
        for url in [
            format!("http://sns.us-east-1.amazonaws.com{path}"),
            format!("https://sns.us-east-1.amazonaws.com:8443{path}"),
            format!("https://user@sns.us-east-1.amazonaws.com{path}"),
            format!("https://sns.us-east-1.amazonaws.com{path}?x"),
            format!("https://sns.us-east-1.amazonaws.com{path}#x"),
            format!("https://sns.us-east-1.amazonaws.com/bucket{path}"),
            "https://sns.us-east-1.amazonaws.com/other.pem".to_owned(),
            format!("https://sns.us-east-1.amazonaws.com.evil.example{path}"),
            format!("https://evil.example/sns.us-east-1.amazonaws.com{path}"),
            format!("https://s3.amazonaws.com{path}"),
            format!("https://sns.bucket.s3.amazonaws.com{path}"),
            format!("https://xsns.us-east-1.amazonaws.com{path}"),
            format!("https://127.0.0.1{path}"),
            format!("//sns.us-east-1.amazonaws.com{path}"),
            String::new(),
        ] {
            let refused = document_url(&url, is_ours);
            assert!(matches!(refused, Err(Rejected::CertificateHost { .. })), "{url}: {refused:?}");
        }
        assert!(is_name("sns.amazonaws.com") && is_name("sns.eu-west-1.amazonaws.com"));
        assert!(!is_name("s3.amazonaws.com") && !is_name("sns.amazonaws.com.evil.example"));
    }
}
