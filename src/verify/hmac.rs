//! Any HMAC in a header, as the workflow describes it: for in-house senders, and for those that have no scheme of their
//! own.
//!
//! Called by `Scheme`. Turns the setting into a recipe of `signature`.

use super::{
    Role, SchemeError,
    key::Form,
    secret::Secret,
    signature::{Names, Recipe, Signature, Time, TimeAt},
};
use crate::model::{HmacSpec, TimestampSpec};

/// `secrets` are the resolved texts of `spec.secret`; none of them is empty.
pub(super) fn compile(spec: &HmacSpec, secrets: &[Secret], role: Role) -> Result<Signature, SchemeError> {
    let time = spec.timestamp.as_ref().map(time).transpose()?;
    let names = Names {
        signature: &spec.header,
        timestamp: spec.timestamp.as_ref().and_then(|timestamp| timestamp.header.as_deref()),
        id: spec.id_header.as_deref(),
    };
    let recipe = Recipe {
        names: &[names],
        form: Form::Hmac {
            algorithm: spec.algorithm,
            prefix: &spec.prefix,
            encoding: spec.secret_encoding,
            strip: &spec.secret_prefix,
        },
        encoding: spec.encoding,
        separator: spec.separator.as_deref(),
        assign: spec.assign.as_deref(),
        signature_key: spec.signature_key.as_deref(),
        signed: &spec.signed,
        time,
        id_path: spec.id_path.as_deref(),
        url: spec.url.as_deref(),
        outdated: None,
        key_id: None,
        form_field: None,
    };
    Signature::new(&recipe, secrets, role)
}

pub(super) fn time(spec: &TimestampSpec) -> Result<Time<'_>, SchemeError> {
    let at = match (&spec.header, &spec.key, &spec.path) {
        (Some(_), None, None) => TimeAt::Header,
        (None, Some(key), None) => TimeAt::Key(key),
        (None, None, Some(path)) => TimeAt::Body(path),
        _ => return Err(SchemeError::TimePlaces),
    };
    Ok(Time { at, unit: spec.unit, tolerance: spec.tolerance })
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        model::Verify,
        verify::{Delivery, Outgoing, Rejected, Scheme},
    };

    fn compile(spec: Value) -> Result<Scheme, SchemeError> {
        let spec: HmacSpec = serde_json::from_value(spec).unwrap();
        Scheme::compile(&Verify::Hmac(Box::new(spec)), &|text| Ok(text.to_owned()))
    }

    fn check(
        scheme: &Scheme,
        headers: &[(&'static str, &str)],
        body: &[u8],
        received_s: u64,
    ) -> Result<(), Rejected> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_str(value).unwrap());
        }
        let (origin, target) = ("http://localhost", "/");
        let received_ms = received_s * 1_000;
        scheme
            .verify(&Delivery { method: "POST", origin, target, headers: &map, body, received_ms })
            .map(|_| ())
    }

    fn slack() -> Value {
        json!({
            "header": "X-Slack-Signature", "prefix": "v0=", "signed": "v0:{timestamp}:{body}",
            "secret": "8f742231b10e8888abcd99yyyzzz85a5", "timestamp": {"header": "X-Slack-Request-Timestamp"},
        })
    }

    fn standard(secret: &str) -> Value {
        json!({
            "header": "webhook-signature", "prefix": "v1,", "separator": " ", "encoding": "base64",
            "secret": secret, "secret_prefix": "whsec_", "secret_encoding": "base64",
            "signed": "{id}.{timestamp}.{body}", "id_header": "webhook-id",
            "timestamp": {"header": "webhook-timestamp"},
        })
    }

    const SLACK_BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SLACK_GOOD: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const STANDARD_SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const STANDARD_BODY: &[u8] = b"{\"test\": 2432232314}";
    const STANDARD_GOOD: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    #[test]
    fn the_examples_of_the_vendors_verify() {
        type Case<'a> = (&'a str, Value, &'a [(&'static str, &'a str)], &'a [u8], u64);
        let cases: [Case<'_>; 6] = [
            (
                "Slack, docs.slack.dev",
                slack(),
                &[("x-slack-signature", SLACK_GOOD), ("x-slack-request-timestamp", "1531420618")],
                SLACK_BODY,
                1_531_420_618,
            ),
            (
                "Standard Webhooks, its Rust library",
                standard("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"),
                &[
                    ("webhook-id", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk"),
                    ("webhook-timestamp", "1649367553"),
                    ("webhook-signature", "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="),
                ],
                b"{\"email\":\"test@example.com\",\"username\":\"test_user\"}",
                1_649_367_553,
            ),
            (
                "Standard Webhooks, several versions and the right one last",
                standard(STANDARD_SECRET),
                &[
                    ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
                    ("webhook-timestamp", "1614265330"),
                    (
                        "webhook-signature",
                        "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
                    ),
                ],
                STANDARD_BODY,
                1_614_265_330,
            ),
            (
                "Shopify, computed",
                json!({"header": "X-Shopify-Hmac-SHA256", "encoding": "base64", "secret": "shop-secret"}),
                &[("x-shopify-hmac-sha256", "plW8VGqq0nDMIEhDqaNNW99asdUCy7EIqLZVcQwtAZ0=")],
                b"{\"id\":1}",
                0,
            ),
            (
                "GitHub as a generic HMAC, docs.github.com",
                json!({"header": "X-Hub-Signature-256", "prefix": "sha256=", "secret": "It's a Secret to Everybody"}),
                &[(
                    "x-hub-signature-256",
                    "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
                )],
                b"Hello, World!",
                0,
            ),
            (
                "GitHub's SHA-1, asked for by name",
                json!({
                    "header": "X-Hub-Signature", "prefix": "sha1=", "algorithm": "sha1",
                    "secret": "It's a Secret to Everybody",
                }),
                &[("x-hub-signature", "sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59")],
                b"Hello, World!",
                0,
            ),
        ];
        for (case, spec, headers, body, now) in cases {
            let scheme = compile(spec).unwrap();
            assert_eq!(check(&scheme, headers, body, now), Ok(()), "{case}");
            let mut flipped = body.to_vec();
            flipped[0] ^= 1;
            assert_eq!(check(&scheme, headers, &flipped, now), Err(Rejected::Mismatch), "{case}");
        }
    }

    #[test]
    fn slack_signature_cases() {
        let (name, time) = ("x-slack-signature", "x-slack-request-timestamp");
        let malformed = |why| Err(Rejected::Malformed { header: name.to_owned(), why });
        let good = (name, SLACK_GOOD);
        let sent = (time, "1531420618");
        let upper = format!("v0={}", SLACK_GOOD[3..].to_uppercase());
        let newline = [SLACK_BODY, b"\n"].concat();
        type Case<'a> = (&'a str, &'a [(&'static str, &'a str)], &'a [u8], u64, Result<(), Rejected>);
        let cases: [Case<'_>; 15] = [
            ("good", &[good, sent], SLACK_BODY, 1_531_420_618, Ok(())),
            ("upper-case hex", &[(name, &upper), sent], SLACK_BODY, 1_531_420_618, Ok(())),
            ("exactly the tolerance later", &[good, sent], SLACK_BODY, 1_531_420_918, Ok(())),
            ("a second more", &[good, sent], SLACK_BODY, 1_531_420_919, Err(Rejected::Stale { by: 1_000 })),
            ("exactly the tolerance earlier", &[good, sent], SLACK_BODY, 1_531_420_318, Ok(())),
            ("a second more", &[good, sent], SLACK_BODY, 1_531_420_317, Err(Rejected::Future { by: 1_000 })),
            (
                "a fresh time that was not signed",
                &[good, (time, "1531420619")],
                SLACK_BODY,
                1_531_420_618,
                Err(Rejected::Mismatch),
            ),
            (
                "the same time, written otherwise",
                &[good, (time, "01531420618")],
                SLACK_BODY,
                1_531_420_618,
                Err(Rejected::BadTimestamp { header: time.to_owned(), why: "has a zero before it" }),
            ),
            ("a trailing newline", &[good, sent], &newline, 1_531_420_618, Err(Rejected::Mismatch)),
            ("no time", &[good], SLACK_BODY, 0, Err(Rejected::MissingTimestamp { header: time.to_owned() })),
            (
                "no signature",
                &[sent],
                SLACK_BODY,
                0,
                Err(Rejected::MissingSignature { header: name.to_owned() }),
            ),
            (
                "two signatures",
                &[good, good, sent],
                SLACK_BODY,
                0,
                Err(Rejected::SeveralSignatures { header: name.to_owned() }),
            ),
            (
                "an unknown version",
                &[(name, &SLACK_GOOD.replace("v0", "v9")), sent],
                SLACK_BODY,
                0,
                malformed("none of its parts has the prefix"),
            ),
            (
                "a list where none is expected",
                &[(name, &format!("{SLACK_GOOD},{SLACK_GOOD}")), sent],
                SLACK_BODY,
                0,
                malformed("it is not hex"),
            ),
            ("empty", &[(name, ""), sent], SLACK_BODY, 0, malformed("it is empty")),
        ];
        for (case, headers, body, now, expected) in cases {
            assert_eq!(check(&compile(slack()).unwrap(), headers, body, now), expected, "{case}");
        }
    }

    #[test]
    fn standard_webhooks_signature_cases() {
        let malformed = |why| Err(Rejected::Malformed { header: "webhook-signature".to_owned(), why });
        let no_id = || Err(Rejected::MissingId { header: "webhook-id".to_owned() });
        let id = ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek");
        let wrong = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=";
        let unpadded = STANDARD_GOOD.trim_end_matches('=');
        let many = vec![wrong; 17].join(" ");
        type Case<'a> = (&'a str, String, &'a [(&'static str, &'a str)], Result<(), Rejected>);
        let cases: [Case<'_>; 13] = [
            ("good", STANDARD_GOOD.to_owned(), &[id], Ok(())),
            ("the right one last", format!("{wrong} {STANDARD_GOOD}"), &[id], Ok(())),
            ("broken ones beside it", format!("v1,AA== v1, x {STANDARD_GOOD}"), &[id], Ok(())),
            ("only wrong ones", format!("{wrong} {wrong}"), &[id], Err(Rejected::Mismatch)),
            (
                "only another version",
                STANDARD_GOOD.replace("v1,", "v1a,"),
                &[id],
                malformed("none of its parts has the prefix"),
            ),
            (
                "only version 0",
                STANDARD_GOOD.replace("v1,", "v0,"),
                &[id],
                malformed("none of its parts has the prefix"),
            ),
            ("no padding", unpadded.to_owned(), &[id], malformed("it is not base64 with padding")),
            ("shortened", "v1,g0hM9SsE".to_owned(), &[id], malformed("it has not the algorithm's length")),
            ("too many", many, &[id], malformed("it holds more than 16 signatures")),
            ("another id", STANDARD_GOOD.to_owned(), &[("webhook-id", "msg_other")], Err(Rejected::Mismatch)),
            ("no id", STANDARD_GOOD.to_owned(), &[], no_id()),
            ("two ids", STANDARD_GOOD.to_owned(), &[id, id], no_id()),
            ("an empty id", STANDARD_GOOD.to_owned(), &[("webhook-id", "")], no_id()),
        ];
        for (case, signature, ids, expected) in cases {
            let mut headers =
                vec![("webhook-signature", signature.as_str()), ("webhook-timestamp", "1614265330")];
            headers.extend(ids);
            let scheme = compile(standard(STANDARD_SECRET)).unwrap();
            assert_eq!(check(&scheme, &headers, STANDARD_BODY, 1_614_265_330), expected, "{case}");
        }
    }

    #[test]
    fn settings_that_only_look_safe_are_refused() {
        type Change = fn(&mut Value);
        let cases: [(Change, SchemeError); 13] = [
            (|spec| spec["signed"] = json!("{timestamp}"), SchemeError::BodyNotCovered),
            (
                |spec| spec["signed"] = json!("{body}"),
                SchemeError::NotCovered { field: "timestamp", placeholder: "timestamp" },
            ),
            (
                |spec| spec["id_header"] = json!("x-id"),
                SchemeError::NotCovered { field: "id_header", placeholder: "id" },
            ),
            (
                |spec| spec["timestamp"] = json!(null),
                SchemeError::NoSource { field: "timestamp", placeholder: "timestamp" },
            ),
            (
                |spec| spec["signed"] = json!("{id}{timestamp}{body}"),
                SchemeError::NoSource { field: "id_header", placeholder: "id" },
            ),
            (|spec| spec["separator"] = json!(""), SchemeError::EmptySeparator),
            (|spec| spec["secret"] = json!(""), SchemeError::EmptySecret { number: 1 }),
            (|spec| spec["secret"] = json!([]), SchemeError::NoSecret),
            (
                |spec| {
                    spec["secret"] = json!(["ok", "whsec_"]);
                    spec["secret_prefix"] = json!("whsec_");
                },
                SchemeError::EmptySecret { number: 2 },
            ),
            (
                |spec| {
                    spec["secret"] = json!("not base64");
                    spec["secret_encoding"] = json!("base64");
                },
                SchemeError::SecretEncoding { number: 1, encoding: "base64 with padding" },
            ),
            (
                |spec| {
                    spec["secret"] = json!(["00ff", "0g"]);
                    spec["secret_encoding"] = json!("hex");
                },
                SchemeError::SecretEncoding { number: 2, encoding: "hex" },
            ),
            (
                |spec| spec["header"] = json!("x signature"),
                SchemeError::HeaderName { field: "header", name: "x signature".to_owned() },
            ),
            (
                |spec| spec["timestamp"]["header"] = json!(""),
                SchemeError::HeaderName { field: "timestamp.header", name: String::new() },
            ),
        ];
        for (change, expected) in cases {
            let mut spec = slack();
            change(&mut spec);
            assert_eq!(compile(spec).map(|_| ()).unwrap_err(), expected);
        }
    }

    #[test]
    fn what_is_signed_verifies_for_every_combination() {
        let now_s = 1_700_000_000;
        for algorithm in ["sha1", "sha256", "sha384", "sha512"] {
            for encoding in ["hex", "base64", "base64url"] {
                for unit in ["seconds", "milliseconds", "rfc3339"] {
                    let scheme = compile(json!({
                        "header": "x-signature", "algorithm": algorithm, "encoding": encoding, "prefix": "s=",
                        "secret": ["6b6579", "00"], "secret_encoding": "hex", "separator": ",",
                        "signed": "{method}|{timestamp}|{id}|{body}", "id_header": "x-id",
                        "timestamp": {"header": "x-time", "unit": unit, "tolerance": "0ms"},
                    }))
                    .unwrap();
                    let signed = scheme
                        .sign(&Outgoing {
                            method: "POST",
                            url: "http://localhost/",
                            content_type: "text/plain",
                            body: b"body",
                            id: "id-1",
                            now_ms: now_s * 1_000,
                        })
                        .unwrap();
                    let find = |name| signed.headers.iter().find(|(key, _)| key == name).unwrap().1.as_str();
                    let headers = ["x-signature", "x-time", "x-id"].map(|name| (name, find(name)));
                    assert_eq!(
                        check(&scheme, &headers, b"body", now_s),
                        Ok(()),
                        "{algorithm} {encoding} {unit}"
                    );
                    assert_eq!(check(&scheme, &headers, b"Body", now_s), Err(Rejected::Mismatch));
                }
            }
        }
    }
}
