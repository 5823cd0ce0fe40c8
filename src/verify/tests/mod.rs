//! Every scheme: what is refused, and why.
//!
//! The sender's own side signs each row of [`schemes`], and then the test spoils it. The senders' own examples
//! (`tests/it/vectors.rs`) and their libraries (`senders.rs`) show that the signatures are those of the senders.

mod proofs;
mod rows;

use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};

use self::rows::{NOW, OTHER_SEED, PUBLIC, Row, Unit, WHSEC, schemes};
use super::*;

/// The schemes that `proofs` tries with vectors of other code.
const WITH_VECTORS: [&str; 9] =
    ["feishu_card", "signature", "fields", "sendgrid", "wechat_pay", "alipay", "sns", "paypal", "mailgun"];

/// Changes a signature. The change begins at the first character that belongs to the signature itself.
fn change(written: &str, change: impl Fn(&str) -> String) -> String {
    // Behind the last mark of a prefix or a key, and before padding.
    let end = written.trim_end_matches('=').len();
    let start = written[..end].rfind(['=', ',', ':', ' ']).map_or(0, |at| at + 1);
    format!("{}{}", &written[..start], change(&written[start..]))
}

#[test]
fn every_scheme_accepts_its_sender_and_nobody_else() {
    for row in schemes() {
        let (scheme, name) = (row.receiver(), row.name());
        assert_eq!(row.sent().arrives(&scheme, NOW), Ok(()), "{name}");
        assert_eq!(scheme.name(), row.setting["scheme"], "{name}");
        let expected = Err(Rejected::Mismatch);
        assert_eq!(row.sent_at(row.other, NOW).arrives(&scheme, NOW), expected, "{name}: another secret");
    }
    let covered: Vec<_> = schemes().into_iter().map(|row| row.setting["scheme"].clone()).collect();
    // Schemes that encrypt have their own tables, in `envelope`.
    let sealed = ["wecom", "wechat_mp", "dingtalk_event", "feishu", "lark"];
    let elsewhere = |scheme: &&str| sealed.contains(scheme) || WITH_VECTORS.contains(scheme);
    for scheme in Verify::schemes().into_iter().filter(|scheme| !elsewhere(scheme)) {
        assert!(covered.contains(&scheme.into()), "{scheme} is not tried");
    }
}

#[test]
fn a_changed_body_is_refused_by_every_signature_that_covers_it() {
    for row in schemes() {
        let (scheme, name) = (row.receiver(), row.name());
        let last = row.sent().body.len() - 1;
        let changes: [(&str, fn(&mut Vec<u8>, usize)); 4] = [
            ("a flipped bit", |body, last| body[last] ^= 1),
            ("a trailing newline", |body, _| body.push(b'\n')),
            ("a byte less", |body, last| body.truncate(last)),
            ("a space before it", |body, _| body.insert(0, b' ')),
        ];
        for (what, change) in changes {
            let mut sent = row.sent();
            change(&mut sent.body, last);
            assert_eq!(sent.arrives(&scheme, NOW).is_err(), row.covers_body, "{name}: {what}");
        }
    }
}

#[test]
fn headers_that_are_missing_empty_or_repeated_are_refused() {
    for row in schemes() {
        let (scheme, name, sent) = (row.receiver(), row.name(), row.sent());
        for (header, value) in &sent.headers {
            // Linear sends the time in its body. The header is for bodies that do not hold it.
            if header == "linear-timestamp" {
                continue;
            }
            let missing = sent.clone().without(header).arrives(&scheme, NOW).unwrap_err();
            let by_kind = matches!(
                missing,
                Rejected::MissingSignature { .. }
                    | Rejected::MissingTimestamp { .. }
                    | Rejected::MissingId { .. }
            );
            assert!(by_kind, "{name}: without {header}: {missing:?}");
            for (what, sent) in [
                ("empty", sent.clone().with(header, "")),
                ("twice", sent.clone().and(header, value)),
                ("with another", sent.clone().and(header, "x")),
                ("behind another", sent.clone().without(header).and(header, "x").and(header, value)),
            ] {
                assert!(sent.arrives(&scheme, NOW).is_err(), "{name}: {header} {what}");
            }
        }
    }
}

#[test]
fn s3_a_proof_that_is_missing_is_told_by_the_head_alone() {
    for row in schemes() {
        let (scheme, name, sent) = (row.receiver(), row.name(), row.sent());
        assert_eq!(sent.proof(&scheme), Proof::MayBe, "{name}");
        // Linear sends the time in its body. The header is for bodies that do not hold it.
        for (header, _) in sent.headers.iter().filter(|(header, _)| header != "linear-timestamp") {
            let expected = sent.clone().without(header).arrives(&scheme, NOW).unwrap_err();
            assert_eq!(
                sent.clone().without(header).proof(&scheme),
                Proof::Absent(expected),
                "{name}: {header}"
            );
        }
        let mut bare = sent.clone();
        bare.headers.clear();
        bare.target = "/api/webhooks/a".to_owned();
        assert!(matches!(bare.proof(&scheme), Proof::Absent(_)), "{name}");
    }
}

#[test]
fn signatures_in_another_spelling_or_length_are_refused() {
    for row in schemes().into_iter().filter(|row| row.covers_body) {
        let (scheme, name, sent) = (row.receiver(), row.name(), row.sent());
        let written = sent.value(row.signature).to_owned();
        let is_hex = change(&written, |own| {
            if own.bytes().all(|b| b.is_ascii_hexdigit()) { String::new() } else { "x".to_owned() }
        });
        let is_hex = !is_hex.ends_with('x') && !written.ends_with('=');
        let arrives = |written: String| sent.clone().with(row.signature, written).arrives(&scheme, NOW);
        if is_hex {
            assert_eq!(arrives(change(&written, str::to_uppercase)), Ok(()), "{name}: upper-case hex");
        } else {
            assert!(arrives(change(&written, str::to_uppercase)).is_err(), "{name}: upper-case base64");
            let url_alphabet = change(&written, |own| own.replace('+', "-").replace('/', "_"));
            assert_eq!(
                arrives(url_alphabet.clone()).is_ok(),
                url_alphabet == written,
                "{name}: another alphabet"
            );
        }
        if written.ends_with('=') {
            assert!(arrives(written.trim_end_matches('=').to_owned()).is_err(), "{name}: no padding");
        }
        let spoilt: [(&str, String); 6] = [
            ("cut", change(&written, |own| own[..own.len() - 4].to_owned())),
            ("half", change(&written, |own| own[..own.len() / 2].to_owned())),
            ("twice as long", change(&written, |own| own.repeat(2))),
            ("nothing of it", change(&written, |_| String::new())),
            ("a letter of no alphabet", change(&written, |own| format!("!{}", &own[1..]))),
            ("zeros", change(&written, |own| if is_hex { "0" } else { "A" }.repeat(own.len()))),
        ];
        for (what, written) in spoilt {
            assert!(arrives(written).is_err(), "{name}: {what}");
        }
    }
}

#[test]
fn a_delivery_is_accepted_up_to_its_tolerance_in_both_directions() {
    for row in schemes() {
        let Some((unit, tolerance)) = row.time else { continue };
        let (scheme, name, sent) = (row.receiver(), row.name(), row.sent());
        let step = if unit == Unit::Seconds { 1_000 } else { 1 };
        let cases = [
            (NOW + tolerance, Ok(())),
            (NOW + tolerance + step, Err(Rejected::Stale { by: step })),
            (NOW - tolerance, Ok(())),
            (NOW - tolerance - step, Err(Rejected::Future { by: step })),
        ];
        for (received_ms, expected) in cases {
            assert_eq!(sent.arrives(&scheme, received_ms), expected, "{name} at {received_ms}");
        }
    }
}

#[test]
fn the_tolerance_can_be_set() {
    for row in schemes() {
        let Some((unit, _)) = row.time else { continue };
        if row.setting["scheme"] == "hmac" {
            continue;
        }
        let mut setting = row.setting.clone();
        setting["tolerance"] = json!("2s");
        let row = Row { setting, ..row };
        let (scheme, name, sent) = (row.receiver(), row.name(), row.sent());
        let step = if unit == Unit::Seconds { 1_000 } else { 1 };
        assert_eq!(sent.arrives(&scheme, NOW + 2_000), Ok(()), "{name}");
        assert_eq!(sent.arrives(&scheme, NOW + 2_000 + step), Err(Rejected::Stale { by: step }), "{name}");
    }
}

#[test]
fn times_that_are_none_are_refused() {
    for row in schemes() {
        let Some((unit, _)) = row.time else { continue };
        let (scheme, name, sent) = (row.receiver(), row.name(), row.sent());
        let own = match unit {
            Unit::Seconds => (NOW / 1_000).to_string(),
            Unit::Milliseconds => NOW.to_string(),
            Unit::Rfc3339 => "2026-01-01T12:00:00Z".to_owned(),
        };
        let (seconds, milliseconds) = ((NOW / 1_000).to_string(), NOW.to_string());
        let other_unit = if unit == Unit::Seconds { milliseconds } else { seconds };
        for wrong in ["x", "-1767268800", "+1767268800", "1.767e9", "", "99999999999999999999", &other_unit] {
            let mut changed = sent.clone();
            let in_headers = changed.headers.iter_mut().filter(|(name, _)| name != "linear-timestamp");
            let mut places = 0;
            for (_, value) in in_headers {
                places += value.matches(&own).count();
                *value = value.replace(&own, wrong);
            }
            if places == 0 {
                let text = String::from_utf8(changed.body.clone()).unwrap();
                assert!(text.contains(&own), "{name}: the time is somewhere");
                changed.body = text.replace(&own, &format!("\"{wrong}\"")).into_bytes();
            }
            let refused = changed.arrives(&scheme, NOW).unwrap_err();
            // The time comes before the signature, which a changed body would fail too.
            let by_kind = matches!(
                refused,
                Rejected::BadTimestamp { .. } | Rejected::Stale { .. } | Rejected::Future { .. }
            );
            assert!(by_kind, "{name}: {wrong}: {refused:?}");
        }
    }
}

#[test]
fn of_several_signatures_any_may_be_the_right_one_and_unknown_versions_do_not_count() {
    let cases = [
        ("stripe", "stripe-signature", "v1=", ",", "v0="),
        ("paddle", "paddle-signature", "h1=", ";", "h9="),
        ("pagerduty", "x-pagerduty-signature", "v1=", ",", "v9="),
        ("standard", "webhook-signature", "v1,", " ", "v9,"),
        ("svix", "svix-signature", "v1,", " ", "v2,"),
    ];
    for (name, header, version, separator, unknown) in cases {
        let row = schemes().into_iter().find(|row| row.setting["scheme"] == name).unwrap();
        let (scheme, sent) = (row.receiver(), row.sent());
        let written = sent.value(header).to_owned();
        let own = written[written.find(version).unwrap()..].to_owned();
        let first = |own: &str| if own.starts_with('a') { "b" } else { "a" };
        let wrong = change(&own, |own| format!("{}{}", first(own), &own[1..]));
        let arrives = |text: String| sent.clone().with(header, text).arrives(&scheme, NOW);
        let with = |list: &[&str]| written.replace(&own, &list.join(separator));
        assert_eq!(arrives(with(&[&wrong, &own])), Ok(()), "{name}: the last");
        assert_eq!(arrives(with(&["x", &own, &wrong])), Ok(()), "{name}: the one between");
        assert_eq!(arrives(with(&[&wrong, &wrong])), Err(Rejected::Mismatch), "{name}: none");
        let other = own.replace(version, unknown);
        assert!(
            matches!(arrives(with(&[&other])), Err(Rejected::Malformed { .. })),
            "{name}: {unknown} alone"
        );
        assert_eq!(arrives(with(&[&other, &own])), Ok(()), "{name}: {unknown} too");
        assert!(arrives(with(&vec![wrong.as_str(); 100])).is_err(), "{name}: very many");
    }
}

#[test]
fn during_a_rotation_both_secrets_are_accepted_and_afterwards_the_new_one_alone() {
    let until = NOW + 1_000;
    let until_text = "2026-01-01T12:00:01Z";
    for row in schemes() {
        // For public keys, the rotation uses the public key of the other private key.
        let other_public = match row.other {
            OTHER_SEED => "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            other if other.starts_with("whsk_") => "whpk_PUAXw+hDiVqStwqnTRt+vJyYLM8uxJaMwM1V8Sr0Zgw=",
            other => other,
        };
        let name = row.name();
        let old = json!({"secret": row.public, "until": until_text});
        let during = row.scheme(json!([old.clone(), other_public]), false);
        let reversed = row.scheme(json!([other_public, old]), false);
        for scheme in [&during, &reversed] {
            assert_eq!(row.sent_at(row.secret, until).arrives(scheme, until), Ok(()), "{name}: old");
            assert_eq!(row.sent_at(row.other, until).arrives(scheme, until), Ok(()), "{name}: new");
            let late = row.sent_at(row.secret, until + 1).arrives(scheme, until + 1);
            assert_eq!(late, Err(Rejected::SecretExpired), "{name}: old, too late");
            assert_eq!(
                row.sent_at(row.other, until + 1).arrives(scheme, until + 1),
                Ok(()),
                "{name}: new, late"
            );
        }
        let after = row.scheme(other_public.into(), false);
        assert_eq!(row.sent().arrives(&after, NOW), Err(Rejected::Mismatch), "{name}: removed");
    }
}

#[test]
fn secrets_that_are_empty_or_cannot_be_read_are_errors_and_never_valid() {
    let filled = |text: &str| match text {
        "unset" => Err("environment variable S is not set".to_owned()),
        "space" => Ok(" \n".to_owned()),
        "empty" => Ok(String::new()),
        other => Ok(other.to_owned()),
    };
    for row in schemes() {
        let compile = |secret: Value| {
            let mut setting = row.setting.clone();
            setting["secret"] = secret;
            Scheme::compile(&Verify::from_value(setting).unwrap(), &filled).map(|_| ())
        };
        let cases = [
            (json!("space"), SchemeError::EmptySecret { number: 1 }),
            (json!([row.public, "empty"]), SchemeError::EmptySecret { number: 2 }),
            (
                json!([row.public, {"secret": "unset", "until": "2026-01-01T00:00:00Z"}]),
                SchemeError::Unresolved { number: 2, why: "environment variable S is not set".to_owned() },
            ),
            (json!([{"secret": row.public, "until": "soon"}]), SchemeError::Until { number: 1 }),
        ];
        for (secret, expected) in cases {
            assert_eq!(compile(secret), Err(expected), "{}", row.name());
        }
    }
}

#[test]
fn keys_of_the_wrong_kind_are_errors() {
    let compile = |setting: Value| {
        Scheme::compile(&Verify::from_value(setting).unwrap(), &|text| Ok(text.to_owned())).map(|_| ())
    };
    let weak = "0100000000000000000000000000000000000000000000000000000000000000";
    let cases = [
        (json!({"scheme": "standard", "secret": "whsec_"}), SchemeError::EmptySecret { number: 1 }),
        (
            json!({"scheme": "standard", "secret": "not base64"}),
            SchemeError::SecretEncoding { number: 1, encoding: "base64 with padding" },
        ),
        (
            json!({"scheme": "standard", "secret": [WHSEC, "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="]}),
            SchemeError::PrivateKey { number: 2 },
        ),
        (json!({"scheme": "standard", "secret": "whpk_AAAA"}), SchemeError::PublicKey { number: 1 }),
        (json!({"scheme": "discord", "secret": &PUBLIC[2..]}), SchemeError::PublicKey { number: 1 }),
        (json!({"scheme": "discord", "public_key": weak}), SchemeError::PublicKey { number: 1 }),
        (
            json!({"scheme": "discord", "public_key": "x"}),
            SchemeError::SecretEncoding { number: 1, encoding: "hex" },
        ),
        (json!({"scheme": "gitlab", "secret": ["a", WHSEC]}), SchemeError::MixedTokens),
        (json!({"scheme": "gitlab", "secret": "a", "tolerance": "1m"}), SchemeError::NoTime),
        (
            json!({"scheme": "gitee", "secret": "a", "mode": "password", "tolerance": "1m"}),
            SchemeError::NoTime,
        ),
        (json!({"scheme": "jwt", "algorithm": "RS256", "public_key": "a"}), SchemeError::Pem { number: 1 }),
        (
            json!({"scheme": "jwt", "algorithm": "ES256", "public_key": "-----BEGIN PRIVATE KEY-----"}),
            SchemeError::PrivateKey { number: 1 },
        ),
        (
            json!({"scheme": "header", "header": "a b", "secret": "a"}),
            SchemeError::HeaderName { field: "header", name: "a b".to_owned() },
        ),
    ];
    for (setting, expected) in cases {
        assert_eq!(compile(setting.clone()), Err(expected), "{setting}");
    }
}

/// Whoever sends a copy of a delivery must not be able to give it another id.
#[test]
fn names_of_another_set_do_not_mix_with_those_that_are_signed() {
    let row = schemes().into_iter().find(|row| row.setting["scheme"] == "svix").unwrap();
    let (scheme, sent) = (row.receiver(), row.sent());
    let mut renamed = sent.clone();
    for (name, _) in &mut renamed.headers {
        *name = name.replace("svix-", "webhook-");
    }
    assert_eq!(renamed.arrives(&scheme, NOW), Ok(()), "the names of Standard Webhooks");
    let missing = Err(Rejected::MissingSignature { header: "svix-signature".to_owned() });
    assert_eq!(renamed.and("svix-id", "id-2").arrives(&scheme, NOW), missing);
    assert_eq!(sent.and("webhook-id", "id-2").arrives(&scheme, NOW), Ok(()), "it is read by nobody");

    let row = schemes().into_iter().find(|row| row.setting["scheme"] == "shopify").unwrap();
    let mut sent = row.sent();
    sent.headers[0].0 = "shopify-hmac-sha256".to_owned();
    assert_eq!(sent.arrives(&row.receiver(), NOW), Ok(()));
}

#[test]
fn linear_believes_the_header_only_when_the_body_tells_no_time() {
    let row = schemes().into_iter().find(|row| row.setting["scheme"] == "linear").unwrap();
    let (scheme, sent) = (row.receiver(), row.sent());
    let fresh = (NOW + 120_000).to_string();
    let replayed = sent.clone().with("linear-timestamp", fresh.as_str());
    assert_eq!(replayed.arrives(&scheme, NOW + 120_000), Err(Rejected::Stale { by: 60_000 }));
    assert_eq!(sent.without("linear-timestamp").arrives(&scheme, NOW), Ok(()));
    let plain = Row { body: "no JSON", ..row };
    let sent = plain.sent();
    assert_eq!(sent.arrives(&scheme, NOW), Ok(()));
    assert_eq!(sent.arrives(&scheme, NOW + 60_001), Err(Rejected::Stale { by: 1 }));
    let missing = Err(Rejected::MissingTimestamp { header: "linear-timestamp".to_owned() });
    assert_eq!(sent.without("linear-timestamp").arrives(&scheme, NOW), missing);
}

#[test]
fn debug_output_shows_no_secret_and_no_header() {
    for row in schemes() {
        let shown = format!("{:?}", row.receiver());
        let bytes = format!("{:?}", row.secret.as_bytes());
        assert!(!shown.contains(row.secret), "{shown}");
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    }
    let headers = HeaderMap::from_iter([(
        HeaderName::from_static("authorization"),
        HeaderValue::from_static("Bearer hunter2"),
    )]);
    let (method, origin, target) = ("POST", "http://localhost", "/?token=hunter2");
    let delivery = Delivery { method, origin, target, headers: &headers, body: b"hunter2", received_ms: 0 };
    assert!(!format!("{delivery:?}").contains("hunter2"));
}

#[test]
fn the_default_ids_are_fields_of_the_delivery() {
    let with: Vec<_> = schemes().iter().filter_map(|row| row.receiver().default_dedupe()).collect();
    assert!(with.iter().all(|text| text.starts_with("{{$context.") && text.ends_with("}}")));
    let none: Vec<_> = schemes()
        .iter()
        .filter(|row| row.receiver().default_dedupe().is_none())
        .map(|row| row.setting["scheme"].as_str().unwrap().to_owned())
        .collect();
    let expected = [
        "gitee",
        "gitee",
        "zoom",
        "woocommerce",
        "xero",
        "basic",
        "bearer",
        "header",
        "query",
        "jwt",
        "hmac",
        "hmac",
        "hmac",
    ];
    assert_eq!(none, expected);
}
