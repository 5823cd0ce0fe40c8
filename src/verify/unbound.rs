//! Signatures over the time alone, which say nothing about the body: Gitee and DingTalk's robot.
//!
//! Sources: help.gitee.com, "WebHook signature algorithm"; open.dingtalk.com, "Robots that receive messages". Whoever
//! sees one delivery can send other bodies with its signature until its time is over. So each delivery gives its digest
//! ([`Replay`]), and the same one does not pass twice.

use http::HeaderName;
use percent_encoding::percent_decode_str;
use sha2::{Digest, Sha256};

use super::{
    Delivery, Outgoing, Rejected, Replay, SignError, Signed, Single, mac,
    mac::Tag,
    secret::{Secret, accept_secret},
    signature_header, single,
    timestamp::Freshness,
};
use crate::model::{Algorithm, Encoding, Span, TimestampUnit};

const HOUR: Span = Span::from_millis(3_600_000);

/// HMAC-SHA256 over `{timestamp}\n{secret}` with the secret as its key, in base64.
#[derive(Debug)]
pub struct Unbound {
    name: &'static str,
    signature: HeaderName,
    timestamp: HeaderName,
    freshness: Freshness,
    /// Never empty.
    secrets: Vec<Secret>,
    /// Whether the signature may be escaped as in a URL. Gitee's page says that it is; Gitee's deliveries are not.
    escaped: bool,
}

impl Unbound {
    /// The default tolerance is 1h; `secrets` holds at least one.
    pub(super) fn gitee(secrets: Vec<Secret>, tolerance: Option<Span>) -> Self {
        Self {
            name: "gitee",
            signature: HeaderName::from_static("x-gitee-token"),
            timestamp: HeaderName::from_static("x-gitee-timestamp"),
            freshness: Freshness::new(TimestampUnit::Milliseconds, tolerance.unwrap_or(HOUR)),
            secrets,
            escaped: true,
        }
    }

    /// The default tolerance is 1h; `secrets` holds at least one.
    pub(super) fn dingtalk_robot(secrets: Vec<Secret>, tolerance: Option<Span>) -> Self {
        Self {
            name: "dingtalk_robot",
            signature: HeaderName::from_static("sign"),
            timestamp: HeaderName::from_static("timestamp"),
            freshness: Freshness::new(TimestampUnit::Milliseconds, tolerance.unwrap_or(HOUR)),
            secrets,
            escaped: false,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// Whether there is a signature with its time to check.
    pub(super) fn is_there(&self, head: &Delivery<'_>) -> Result<(), Rejected> {
        self.given(head).map(|_| ())
    }

    /// The texts of the signature and of the time.
    fn given<'a>(&self, delivery: &Delivery<'a>) -> Result<(&'a str, &'a str), Rejected> {
        let signature = signature_header(delivery.headers, &self.signature)?;
        let place = || self.timestamp.as_str().to_owned();
        match single(delivery.headers, &self.timestamp) {
            Single::Absent => Err(Rejected::MissingTimestamp { header: place() }),
            Single::Repeated => {
                Err(Rejected::BadTimestamp { header: place(), why: "is there more than once" })
            }
            // A value that is not text is not a number either.
            Single::Once(value) => Ok((signature, value.to_str().unwrap_or_default())),
        }
    }

    pub(super) fn verify(&self, delivery: &Delivery<'_>) -> Result<Replay, Rejected> {
        let malformed = |why| Rejected::Malformed { header: self.signature.as_str().to_owned(), why };
        let (text, timestamp) = self.given(delivery)?;
        let claimed = self.decode(text).map_err(malformed)?;
        let until_ms = self.freshness.check(self.timestamp.as_str(), timestamp, delivery.received_ms)?;
        accept_secret(&self.secrets, delivery.received_ms, |secret| {
            tag(timestamp, secret).matches(&claimed)
        })?;
        // Over the decoded signature, because its two spellings are one delivery.
        let mut digest = Sha256::new();
        for part in [&claimed, timestamp.as_bytes(), b"\n", delivery.body] {
            digest.update(part);
        }
        Ok(Replay { digest: digest.finalize().into(), until_ms })
    }

    fn decode(&self, text: &str) -> Result<Vec<u8>, &'static str> {
        let length = mac::length(Algorithm::Sha256);
        if !self.escaped || !text.contains('%') {
            return mac::decode(text, length, Encoding::Base64);
        }
        let plain = percent_decode_str(text).decode_utf8().map_err(|_| "it is not base64 with padding")?;
        mac::decode(&plain, length, Encoding::Base64)
    }

    pub(super) fn sign(&self, outgoing: &Outgoing<'_>) -> Result<Signed, SignError> {
        let first = self.secrets.first().expect("compile refuses an empty list");
        let timestamp = self.freshness.write(outgoing.now_ms);
        let written = mac::encode(tag(&timestamp, first).bytes(), Encoding::Base64);
        let headers = [(&self.timestamp, timestamp), (&self.signature, written)];
        Ok(Signed {
            headers: headers.map(|(name, value)| (name.as_str().to_owned(), value)).to_vec(),
            ..Signed::default()
        })
    }
}

fn tag(timestamp: &str, secret: &Secret) -> Tag {
    Tag::compute(Algorithm::Sha256, secret, &[timestamp.as_bytes(), b"\n", secret.bytes()])
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};

    use super::*;

    const NOW: u64 = 1_576_754_827_988;
    /// Computed from the page of Gitee: secret `this is secret`.
    const GOOD: &str = "2D978FIy4DMMTbiN80zQkNH1Eq/kMBt3gL6OnWfGzzY=";

    fn verify(token: &str, body: &[u8], received_ms: u64) -> Result<Replay, Rejected> {
        let mut headers = HeaderMap::new();
        headers.insert("x-gitee-token", HeaderValue::from_str(token).unwrap());
        headers.insert("x-gitee-timestamp", HeaderValue::from(NOW));
        let (origin, target) = ("http://localhost", "/");
        Unbound::gitee(vec![Secret::new(b"this is secret".to_vec())], None).verify(&Delivery {
            method: "POST",
            origin,
            target,
            headers: &headers,
            body,
            received_ms,
        })
    }

    #[test]
    fn gitee_may_write_its_base64_plain_or_escaped() {
        let escaped = "2D978FIy4DMMTbiN80zQkNH1Eq%2FkMBt3gL6OnWfGzzY%3D";
        let plain = verify(GOOD, b"{}", NOW).unwrap();
        assert_eq!(verify(escaped, b"{}", NOW), Ok(plain), "one delivery in two spellings");
        for wrong in ["%FF", "%2", &escaped.replace("%3D", ""), &escaped.replace("2D", "2E")] {
            assert!(verify(wrong, b"{}", NOW).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_delivery_is_told_apart_by_its_time_and_body_until_its_time_is_over() {
        let first = verify(GOOD, b"{}", NOW).unwrap();
        assert_eq!(first.until_ms, NOW + 3_600_000);
        assert_eq!(verify(GOOD, b"{}", NOW + 3_600_000).unwrap(), first, "exactly the tolerance");
        assert_eq!(verify(GOOD, b"{}", NOW + 3_600_001), Err(Rejected::Stale { by: 1 }));
        assert_ne!(verify(GOOD, b"{ }", NOW).unwrap().digest, first.digest);
    }
}
