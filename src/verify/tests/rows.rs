//! Every scheme of `verify` in every mode, and requests as their senders make them.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use super::super::{Delivery, Outgoing, Proof, Rejected, Scheme};
use crate::model::Verify;

pub(super) const NOW: u64 = 1_767_268_800_000;
pub(super) const URL: &str = "https://hooks.example/api/webhooks/a?b=1";

/// A scheme, and the values that it is tried with.
pub(super) struct Row {
    pub(super) setting: Value,
    pub(super) secret: &'static str,
    /// The secret that another sender would know.
    pub(super) other: &'static str,
    /// What the receiver knows about the first secret. It is the same text unless there is a public key.
    pub(super) public: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: &'static str,
    /// The header that holds the signature.
    pub(super) signature: &'static str,
    /// Whether the signature covers the body.
    pub(super) covers_body: bool,
    /// How the time is written, and its tolerance, if there is a time.
    pub(super) time: Option<(Unit, u64)>,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Unit {
    Seconds,
    Milliseconds,
    Rfc3339,
}

pub(super) const JSON: &str = "application/json";
pub(super) const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
pub(super) const OTHER_WHSEC: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
/// RFC 8032 section 7.1, test 1 and test 2.
pub(super) const SEED: &str = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
pub(super) const PUBLIC: &str = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
pub(super) const OTHER_SEED: &str = "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb";

pub(super) fn row(setting: Value, signature: &'static str, time: Option<(Unit, u64)>) -> Row {
    Row {
        setting,
        secret: "s3cr3t",
        other: "other",
        public: "s3cr3t",
        content_type: JSON,
        body: r#"{"id":1,"webhookTimestamp":0}"#,
        signature,
        covers_body: true,
        time,
    }
}

/// Every scheme of `verify`, in every mode.
pub(super) fn schemes() -> Vec<Row> {
    use Unit::{Milliseconds, Rfc3339, Seconds};
    let minutes = |unit, minutes: u64| Some((unit, minutes * 60_000));
    let scheme = |name: &str| json!({ "scheme": name });
    let whsec = |row: Row| Row { secret: WHSEC, public: WHSEC, other: OTHER_WHSEC, ..row };
    let token = |row: Row| Row { covers_body: false, ..row };
    vec![
        row(scheme("github"), "x-hub-signature-256", None),
        row(scheme("gitea"), "x-gitea-signature", None),
        row(scheme("forgejo"), "x-forgejo-signature", None),
        token(row(scheme("gitlab"), "x-gitlab-token", None)),
        whsec(row(scheme("gitlab"), "webhook-signature", minutes(Seconds, 5))),
        Row {
            secret: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            public: "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            other: "C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            ..row(json!({"scheme": "gitlab", "signing": true}), "webhook-signature", minutes(Seconds, 5))
        },
        whsec(row(scheme("standard"), "webhook-signature", minutes(Seconds, 5))),
        Row {
            // RFC 8032 test 1 and test 2 in base64.
            secret: "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=",
            public: "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
            other: "whsk_TM0Imyj/ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U+4pvs=",
            ..row(scheme("standard"), "webhook-signature", minutes(Seconds, 5))
        },
        whsec(row(scheme("svix"), "svix-signature", minutes(Seconds, 5))),
        row(scheme("slack"), "x-slack-signature", minutes(Seconds, 5)),
        row(scheme("stripe"), "stripe-signature", minutes(Seconds, 5)),
        row(scheme("shopify"), "x-shopify-hmac-sha256", None),
        Row {
            secret: SEED,
            public: PUBLIC,
            other: OTHER_SEED,
            ..row(scheme("discord"), "x-signature-ed25519", minutes(Seconds, 5))
        },
        Row {
            content_type: "application/x-www-form-urlencoded",
            body: "From=%2B1&Body=hello+world&Body=2",
            ..row(scheme("twilio"), "x-twilio-signature", None)
        },
        row(scheme("twilio"), "x-twilio-signature", None),
        row(scheme("linear"), "linear-signature", minutes(Milliseconds, 1)),
        token(row(scheme("gitee"), "x-gitee-token", minutes(Milliseconds, 60))),
        token(row(json!({"scheme": "gitee", "mode": "password"}), "x-gitee-token", None)),
        token(row(scheme("dingtalk_robot"), "sign", minutes(Milliseconds, 60))),
        row(scheme("zoom"), "x-zm-signature", minutes(Seconds, 5)),
        row(scheme("pagerduty"), "x-pagerduty-signature", None),
        row(scheme("paddle"), "paddle-signature", minutes(Seconds, 5)),
        row(scheme("twitch"), "twitch-eventsub-message-signature", minutes(Rfc3339, 10)),
        row(scheme("square"), "x-square-hmacsha256-signature", None),
        row(scheme("woocommerce"), "x-wc-webhook-signature", None),
        row(scheme("xero"), "x-xero-signature", None),
        Row {
            secret: "user:s3cr3t",
            public: "user:s3cr3t",
            other: "user:other",
            ..token(row(scheme("basic"), "authorization", None))
        },
        token(row(scheme("bearer"), "authorization", None)),
        token(row(json!({"scheme": "header", "header": "X-Key"}), "x-key", None)),
        token(row(json!({"scheme": "query", "parameter": "key"}), "", None)),
        token(row(json!({"scheme": "jwt", "algorithm": "HS256"}), "authorization", None)),
        row(json!({"scheme": "hmac", "header": "X-Sig"}), "x-sig", None),
        row(
            json!({"scheme": "hmac", "header": "X-Sig", "algorithm": "sha512", "encoding": "base64", "signed": "{method} {url} {id} {body}",
                   "separator": ";", "signature_key": "s", "assign": ":", "id_path": "id.x", "timestamp": {"path": "at.ms", "unit": "milliseconds", "tolerance": "1m"}}),
            "x-sig",
            minutes(Milliseconds, 1),
        ),
        row(
            json!({"scheme": "hmac", "header": "X-Sig", "algorithm": "sha384", "encoding": "base64url", "signed": "{id}.{timestamp}.{body}",
                   "separator": " ", "prefix": "v1,", "id_header": "X-Id", "timestamp": {"header": "X-At", "unit": "rfc3339"}}),
            "x-sig",
            minutes(Rfc3339, 5),
        ),
    ]
}

impl Row {
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.setting, self.secret)
    }

    pub(super) fn body(&self) -> &'static str {
        // One of the generic rows keeps its id in an object.
        if self.setting["id_path"].is_string() { r#"{"a":1}"# } else { self.body }
    }

    pub(super) fn scheme(&self, secret: Value, sends: bool) -> Scheme {
        let mut setting = self.setting.clone();
        setting["secret"] = secret;
        let setting = Verify::from_value(setting).unwrap_or_else(|error| panic!("{}: {error}", self.name()));
        let resolve = |text: &str| Ok(text.to_owned());
        let made =
            if sends { Scheme::sender(&setting, &resolve) } else { Scheme::compile(&setting, &resolve) };
        made.unwrap_or_else(|error| panic!("{}: {error}", self.name()))
    }

    pub(super) fn receiver(&self) -> Scheme {
        self.scheme(self.public.into(), false)
    }

    /// The request as its sender sends it at that time.
    pub(super) fn sent_at(&self, secret: &str, now_ms: u64) -> Sent {
        let body = self.body().as_bytes();
        let outgoing =
            Outgoing { method: "POST", url: URL, content_type: self.content_type, body, id: "id-1", now_ms };
        let signed = self.scheme(secret.into(), true).sign(&outgoing).unwrap();
        let url = signed.url(URL);
        Sent {
            target: url.strip_prefix("https://hooks.example").unwrap().to_owned(),
            headers: signed.headers,
            content_type: self.content_type,
            body: signed.body.unwrap_or_else(|| body.to_vec()),
        }
    }

    pub(super) fn sent(&self) -> Sent {
        self.sent_at(self.secret, NOW)
    }
}

/// A request on its way.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) content_type: &'static str,
    pub(super) body: Vec<u8>,
}

impl Sent {
    pub(super) fn arrives(&self, scheme: &Scheme, received_ms: u64) -> Result<(), Rejected> {
        let mut headers = HeaderMap::new();
        headers.insert("content-type", HeaderValue::from_static(self.content_type));
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let delivery = Delivery {
            method: "POST",
            origin: "https://hooks.example",
            target: &self.target,
            headers: &headers,
            body: &self.body,
            received_ms,
        };
        let verified = scheme.verify(&delivery).map(|_| ());
        // Whatever a test does to a delivery: if it is refused before its body is read, it is also refused after that.
        match scheme.proof(&Delivery { body: b"", ..delivery }) {
            Proof::MayBe => {}
            Proof::Absent(_) | Proof::MayAsk(_) => {
                assert!(verified.is_err(), "its proof was there: {self:?}")
            }
        }
        verified
    }

    /// What its head says about its proof.
    pub(super) fn proof(&self, scheme: &Scheme) -> Proof {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().unwrap();
            headers.append(name, HeaderValue::from_str(value).unwrap());
        }
        let (target, body, received_ms) = (&self.target, b"", NOW);
        let origin = "https://hooks.example";
        scheme.proof(&Delivery { method: "POST", origin, target, headers: &headers, body, received_ms })
    }

    pub(super) fn value(&self, name: &str) -> &str {
        &self.headers.iter().find(|(header, _)| header == name).unwrap().1
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.iter_mut().find(|(header, _)| header == name).unwrap().1 = value.into();
        self
    }

    pub(super) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }

    pub(super) fn and(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}
