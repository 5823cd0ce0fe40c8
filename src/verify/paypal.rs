//! PayPal: RSA over id, time, the webhook's id and the CRC-32 of the body, by the key of a certificate that a header
//! names.
//!
//! Source: developer.paypal.com/api/rest/webhooks, "Self-verification". A CRC-32 is no hash: whoever sees a delivery can
//! make another body with the same. So each signed text counts once ([`Replay`]). The certificate comes from a host of
//! PayPal alone, over https, and is valid now. Its chain is not checked.

use base64::{Engine, engine::general_purpose::STANDARD};
use http::HeaderName;
use sha2::{Digest, Sha256};
use url::Url;

use super::{
    Delivery, Outgoing, Rejected, Replay, Resolve, Role, SchemeError, SignError, Signed, Single, Verified,
    certificates::{Certificates, document_url},
    fetched::{Document, DocumentKind, Wanted},
    secret::{Secret, resolve_all},
    signature_header, single,
    timestamp::Freshness,
};
use crate::model::{KeyAlgorithm, PaypalSpec, Span, TimestampUnit};

const SIGNATURE: HeaderName = HeaderName::from_static("paypal-transmission-sig");
const ID: HeaderName = HeaderName::from_static("paypal-transmission-id");
const TIME: HeaderName = HeaderName::from_static("paypal-transmission-time");
const CERTIFICATE: HeaderName = HeaderName::from_static("paypal-cert-url");
const ALGORITHM: HeaderName = HeaderName::from_static("paypal-auth-algo");
const RSA: &str = "SHA256withRSA";
const DAY: Span = Span::from_millis(86_400_000);

/// The webhooks that PayPal calls.
#[derive(Debug)]
pub struct Paypal {
    /// Never empty.
    webhooks: Vec<Secret>,
    certificates: Certificates,
    freshness: Freshness,
}

impl Paypal {
    pub(super) fn new(spec: &PaypalSpec, resolve: Resolve<'_>, role: Role) -> Result<Self, SchemeError> {
        let webhooks = resolve_all(&spec.webhook_id, resolve)?;
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if let Some(index) = webhooks.iter().position(|webhook| !is_plain(webhook.text().trim())) {
            return Err(SchemeError::Field {
                name: "webhook_id",
                error: Box::new(SchemeError::SecretEncoding {
                    number: index + 1,
                    encoding: "the id of a webhook of PayPal's console, letters and digits alone",
                }),
            });
        }
        Ok(Self {
            webhooks,
            certificates: Certificates::new(spec.certificate.as_ref(), resolve, role)?,
            freshness: Freshness::new(TimestampUnit::Rfc3339, spec.tolerance.unwrap_or(DAY)),
        })
    }

    /// Whether there is a signature to check, with all that it covers.
    pub(super) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        signature_header(head.headers, &SIGNATURE)?;
        let time = text(head, &TIME)?;
        self.freshness.check(TIME.as_str(), time, head.received_ms)?;
        id(head)?;
        if self.certificates.are_given() { Ok(()) } else { url(head).map(|_| ()) }
    }

    /// The certificate that must be fetched to check a delivery.
    pub(super) fn wants(&self, delivery: &Delivery<'_>) -> Result<Option<Wanted>, Rejected> {
        self.is_there(delivery)?;
        if self.certificates.are_given() {
            return Ok(None);
        }
        Ok(Some(Wanted { url: url(delivery)?, kind: DocumentKind::Certificate, key_id: None }))
    }

    pub(super) fn verify(
        &self,
        delivery: &Delivery<'_>,
        document: Option<&Document>,
    ) -> Result<Verified, Rejected> {
        let malformed =
            |header: &HeaderName, why| Rejected::Malformed { header: header.as_str().to_owned(), why };
        let claimed = STANDARD
            .decode(signature_header(delivery.headers, &SIGNATURE)?)
            .map_err(|_| malformed(&SIGNATURE, "it is not base64 with padding"))?;
        if signature_header(delivery.headers, &ALGORITHM)? != RSA {
            return Err(malformed(&ALGORITHM, "it is not SHA256withRSA"));
        }
        let time = text(delivery, &TIME)?;
        let until_ms = self.freshness.check(TIME.as_str(), time, delivery.received_ms)?;
        let id = id(delivery)?;
        let mut outcome = Rejected::Mismatch;
        for webhook in &self.webhooks {
            let signed = signed(id, time, webhook, delivery.body);
            let checked = self.certificates.check(
                document,
                false,
                is_name,
                signed.as_bytes(),
                &claimed,
                delivery.received_ms,
            );
            match checked {
                Ok(()) if !webhook.lasts_at(delivery.received_ms) => outcome = Rejected::SecretExpired,
                Ok(()) => {
                    let digest = Sha256::digest(signed.as_bytes()).into();
                    return Ok(Verified { replay: Some(Replay { digest, until_ms }), ..Verified::default() });
                }
                Err(Rejected::Mismatch) => {}
                Err(other) => return Err(other),
            }
        }
        Err(outcome)
    }

    pub(super) fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Signed, SignError> {
        let time = self.freshness.write(outgoing.now_ms);
        let webhook = self.webhooks.first().expect("`resolve_all` refuses an empty list");
        let text = signed(outgoing.id, &time, webhook, outgoing.body);
        let signature = self.certificates.sign(KeyAlgorithm::RsaSha256, text.as_bytes())?;
        let headers = [
            (ID, outgoing.id.to_owned()),
            (TIME, time),
            (SIGNATURE, STANDARD.encode(signature)),
            (CERTIFICATE, "https://api.paypal.com/v1/notifications/certs/CERT-sample".to_owned()),
            (ALGORITHM, RSA.to_owned()),
        ];
        let headers = headers.into_iter().map(|(name, value)| (name.as_str().to_owned(), value)).collect();
        Ok(Signed { headers, ..Signed::default() })
    }
}

fn signed(id: &str, time: &str, webhook: &Secret, body: &[u8]) -> String {
    format!("{id}|{time}|{}|{}", webhook.text().trim(), crc32fast::hash(body))
}

fn url(delivery: &Delivery<'_>) -> Result<String, Rejected> {
    document_url(signature_header(delivery.headers, &CERTIFICATE)?, is_ours)
}

/// Whether certificates of PayPal are there.
fn is_ours(url: &Url) -> bool {
    ["api.paypal.com", "api.sandbox.paypal.com"].contains(&url.host_str().unwrap_or_default())
        && url.path().starts_with("/v1/notifications/certs/")
}

/// Whether a certificate is one of PayPal.
fn is_name(name: &str) -> bool {
    name == "paypal.com" || name.ends_with(".paypal.com")
}

/// The id. What ends it in the text cannot be in it.
fn id<'a>(delivery: &Delivery<'a>) -> Result<&'a str, Rejected> {
    let missing = || Rejected::MissingId { header: ID.as_str().to_owned() };
    let id = match single(delivery.headers, &ID) {
        Single::Once(value) => value.to_str().map_err(|_| missing())?,
        Single::Absent | Single::Repeated => return Err(missing()),
    };
    if id.is_empty() {
        return Err(missing());
    }
    if id.contains('|') {
        return Err(Rejected::Border { what: "id", why: "it holds the character that ends it there" });
    }
    Ok(id)
}

fn text<'a>(delivery: &Delivery<'a>, name: &HeaderName) -> Result<&'a str, Rejected> {
    let header = || name.as_str().to_owned();
    match single(delivery.headers, name) {
        Single::Absent => Err(Rejected::MissingTimestamp { header: header() }),
        Single::Repeated => Err(Rejected::BadTimestamp { header: header(), why: "is there more than once" }),
        Single::Once(value) => {
            value.to_str().map_err(|_| Rejected::BadTimestamp { header: header(), why: "is not ASCII text" })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_come_from_paypal_and_nowhere_else() {
        for host in ["api.paypal.com", "api.sandbox.paypal.com"] {
            let url = format!("https://{host}/v1/notifications/certs/CERT-360caa42-fca2a594-1d93a270");
            assert_eq!(document_url(&url, is_ours), Ok(url));
        }
        for url in [
            "http://api.paypal.com/v1/notifications/certs/CERT",
            "https://api.paypal.com/other/CERT",
            "https://api.paypal.com/v1/notifications/certs/../../x",
            "https://api.paypal.com.evil.example/v1/notifications/certs/CERT",
            "https://evil-api.paypal.com/v1/notifications/certs/CERT",
            "https://api.paypal.com@evil.example/v1/notifications/certs/CERT",
            "https://API.paypal.com/v1/notifications/certs/CERT",
        ] {
            assert!(document_url(url, is_ours).is_err(), "{url}");
        }
        assert!(is_name("messageverificationcerts.paypal.com"));
        assert!(!is_name("evilpaypal.com") && !is_name("paypal.com.evil.example"));
    }
}
