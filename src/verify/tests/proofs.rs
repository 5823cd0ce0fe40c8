//! Signatures by private keys, over fields, and tokens in other places, made by other code than ours
//! (`tests/it/fixtures/proofs.json`): each is accepted, and refused when anything about it is changed.

use serde_json::{Value, json};

use super::*;

const TABLE: &str = include_str!("../../../tests/it/fixtures/proofs.json");

fn table() -> Value {
    serde_json::from_str(TABLE).unwrap()
}

fn vectors() -> Vec<Value> {
    table()["vectors"].as_array().unwrap().clone()
}

fn vector(name: &str) -> Value {
    vectors().into_iter().find(|vector| vector["name"] == name).unwrap_or_else(|| panic!("{name}"))
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn compile(setting: &Value) -> Result<Scheme, SchemeError> {
    let setting = Verify::from_value(setting.clone()).unwrap_or_else(|error| panic!("{setting}: {error}"));
    Scheme::compile(&setting, &|text| Ok(text.to_owned()))
}

/// The scheme of a vector. What its sender publishes is fetched if it is there.
fn scheme(vector: &Value, fetches: bool) -> Scheme {
    let mut setting = vector["verify"].clone();
    if fetches && vector["document"].is_string() {
        setting.as_object_mut().unwrap().shift_remove("certificate");
    }
    compile(&setting).unwrap_or_else(|error| panic!("{}: {error}", vector["name"]))
}

fn spoilt(vector: &Value) -> Scheme {
    let mut setting = vector["verify"].clone();
    for (name, value) in vector["other"].as_object().unwrap() {
        setting[name] = value.clone();
    }
    compile(&setting).unwrap()
}

struct Sent {
    headers: HeaderMap,
    method: String,
    target: String,
    body: Vec<u8>,
    document: Option<String>,
    now_ms: u64,
}

fn sent(vector: &Value) -> Sent {
    let mut headers = HeaderMap::new();
    for (name, value) in vector["headers"].as_object().unwrap() {
        let name: HeaderName = name.parse().unwrap();
        headers.append(name, HeaderValue::from_str(value.as_str().unwrap()).unwrap());
    }
    let target = vector["target"].as_str().unwrap_or("/api/webhooks/KEY").to_owned();
    let document = vector["document"].as_str().map(str::to_owned);
    let (method, body) = (text(vector, "method").to_owned(), text(vector, "body").as_bytes().to_vec());
    Sent { headers, method, target, body, document, now_ms: vector["now"].as_u64().unwrap() * 1_000 }
}

impl Sent {
    fn delivery<'a>(&'a self, body: &'a [u8]) -> Delivery<'a> {
        Delivery {
            method: &self.method,
            origin: "https://hooks.example",
            target: &self.target,
            headers: &self.headers,
            body,
            received_ms: self.now_ms,
        }
    }

    fn arrives(&self, scheme: &Scheme) -> Result<Verified, Rejected> {
        let delivery = self.delivery(&self.body);
        let proof = scheme.proof(&self.delivery(b""));
        let verified = scheme.wants(&delivery).and_then(|wanted| {
            let document = wanted.map(|wanted| {
                let published = self.document.as_deref().unwrap_or_default();
                Document::read(wanted.kind, published.as_bytes()).unwrap()
            });
            scheme.verify_with(&delivery, document.as_ref())
        });
        if let Proof::Absent(_) = proof {
            assert!(verified.is_err(), "its proof was there");
        }
        verified
    }
}

fn is_ok(result: Result<Verified, Rejected>) -> Result<(), Rejected> {
    result.map(drop)
}

#[test]
fn every_vector_is_accepted_and_refused_by_who_knows_another_key() {
    for vector in vectors() {
        let name = &vector["name"];
        let (receiver, sent) = (scheme(&vector, false), sent(&vector));
        assert_eq!(is_ok(sent.arrives(&receiver)), Ok(()), "{name}");
        assert_eq!(is_ok(sent.arrives(&scheme(&vector, true))), Ok(()), "{name}, fetched");
        assert!(sent.arrives(&spoilt(&vector)).is_err(), "{name}: another key");
        assert_eq!(receiver.name(), vector["verify"]["scheme"], "{name}");
        assert!(
            !format!("{receiver:?}").contains(text(&vector["verify"], "secret"))
                || text(&vector["verify"], "secret").len() < 5
        );
    }
}

#[test]
fn every_scheme_of_this_table_is_tried() {
    let tried: Vec<_> = vectors().iter().map(|vector| text(&vector["verify"], "scheme").to_owned()).collect();
    for scheme in super::WITH_VECTORS {
        assert!(tried.iter().any(|tried| tried == scheme), "{scheme}");
    }
}

#[test]
fn a_changed_body_is_refused_where_the_signature_covers_it() {
    for vector in vectors() {
        let (receiver, name) = (scheme(&vector, false), &vector["name"]);
        let covers = vector["covers_body"].as_bool().unwrap();
        let good = sent(&vector);
        for at in 0..good.body.len() {
            let mut changed = sent(&vector);
            changed.body[at] ^= 1;
            let verified = changed.arrives(&receiver);
            // A change may leave the same fields: a letter of hex in the other case, the name of a field that is left out.
            let same = verified.is_ok();
            assert!(
                !same || !covers || is_harmless(&vector, at),
                "{name}: byte {at} of {}",
                text(&vector, "body")
            );
        }
        if covers && vector["verify"]["scheme"] != "fields" && vector["verify"]["scheme"] != "alipay" {
            let mut longer = sent(&vector);
            longer.body.push(b'x');
            assert!(longer.arrives(&receiver).is_err(), "{name}: longer");
        }
    }
}

/// Whether a byte of a body belongs to what a signature over fields or parts does not read: what is left out, or white
/// space. SNS signs some members alone.
fn is_harmless(vector: &Value, at: usize) -> bool {
    let body = text(vector, "body");
    match text(&vector["verify"], "scheme") {
        "sns" => ["UnsubscribeURL", "SigningCertURL"]
            .iter()
            .any(|name| body.find(name).is_some_and(|start| (start - 1..start + 170).contains(&at))),
        "fields" | "alipay" => ["sign_type", "empty", "none", "sign\"", "<sign>"].iter().any(|name| {
            body.find(name).is_some_and(|start| (start.saturating_sub(1)..start + 50).contains(&at))
        }),
        _ => false,
    }
}

#[test]
fn every_header_of_a_proof_must_be_there_once() {
    for vector in vectors() {
        let (receiver, name) = (scheme(&vector, false), &vector["name"]);
        for header in sent(&vector).headers.keys().filter(|header| *header != "content-type") {
            // With certificates that are given, nothing is fetched.
            if *header == "paypal-cert-url" {
                continue;
            }
            let value = sent(&vector).headers[header].clone();
            let mut missing = sent(&vector);
            missing.headers.remove(header);
            assert!(missing.arrives(&receiver).is_err(), "{name}: without {header}");
            let mut twice = sent(&vector);
            twice.headers.append(header, value);
            assert!(twice.arrives(&receiver).is_err(), "{name}: {header} twice");
            let mut empty = sent(&vector);
            empty.headers.insert(header, HeaderValue::from_static(""));
            assert!(empty.arrives(&receiver).is_err(), "{name}: {header} empty");
        }
    }
}

#[test]
fn a_time_that_is_signed_bounds_how_long_a_delivery_passes() {
    let mut timed = 0;
    for vector in vectors() {
        let Some(tolerance_s) = vector["tolerance_s"].as_u64() else { continue };
        timed += 1;
        let (receiver, name, mut delivery) = (scheme(&vector, false), &vector["name"], sent(&vector));
        let now_ms = delivery.now_ms;
        for (received_ms, expected) in [
            (now_ms + tolerance_s * 1_000, true),
            (now_ms + tolerance_s * 1_000 + 1_000, false),
            (now_ms - tolerance_s * 1_000, true),
            (now_ms - tolerance_s * 1_000 - 1_000, false),
        ] {
            delivery.now_ms = received_ms;
            let verified = delivery.arrives(&receiver);
            assert_eq!(verified.is_ok(), expected, "{name} at {received_ms}");
            assert!(!expected || verified.unwrap().replay.is_some(), "{name}: copies are known");
        }
    }
    assert!(timed >= 14);
}

#[test]
fn a_key_is_chosen_by_its_name_and_unknown_names_are_told() {
    let vector = vector("wechat-pay-key");
    let receiver = scheme(&vector, false);
    let mut renamed = sent(&vector);
    renamed.headers.insert("wechatpay-serial", HeaderValue::from_static("PUB_KEY_ID_0200000000"));
    let unknown = Rejected::UnknownKey { id: "PUB_KEY_ID_0200000000".to_owned() };
    assert_eq!(is_ok(renamed.arrives(&receiver)), Err(unknown));
    renamed.headers.insert("wechatpay-serial", HeaderValue::from_static("PUB_KEY_ID_0100000000"));
    assert_eq!(is_ok(renamed.arrives(&receiver)), Err(Rejected::Mismatch), "the other key");
}

#[test]
fn certificates_count_only_while_they_are_valid_and_by_their_names() {
    let vector = vector("sns-2");
    let keys = table()["keys"].clone();
    for (name, why) in [
        ("expired", "is no longer valid"),
        ("future", "is not valid yet"),
        ("named_otherwise", "is of another name than this sender's"),
    ] {
        let mut delivery = sent(&vector);
        delivery.document = Some(text(&keys, name).to_owned());
        let refused = Err(Rejected::Certificate { why });
        assert_eq!(is_ok(delivery.arrives(&scheme(&vector, true))), refused, "{name}");
    }
    // Those that the setting gives may be of any name, but must be valid too.
    for (name, good) in [("expired", false), ("future", false), ("named_otherwise", true)] {
        let mut setting = vector["verify"].clone();
        setting["certificate"] = keys[name].clone();
        assert_eq!(sent(&vector).arrives(&compile(&setting).unwrap()).is_ok(), good, "{name}");
    }
}

#[test]
fn tokens_make_us_fetch_only_if_they_could_be_for_us() {
    let vector = vector("jwks-rs256");
    let receiver = scheme(&vector, true);
    let with = |token: &str| {
        let mut delivery = sent(&vector);
        let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        delivery.headers.insert("authorization", value);
        delivery
    };
    let tokens = table()["tokens"].clone();
    let wants = |name: &str| {
        let delivery = with(text(&tokens, name));
        receiver.wants(&delivery.delivery(&delivery.body)).map(|wanted| wanted.unwrap().key_id)
    };
    assert_eq!(wants("unknown_kid"), Ok(Some("nobody".to_owned())));
    assert!(wants("encrypted_kid").is_err(), "of another algorithm");
    assert!(wants("other_audience").is_err());
    let arrives = |name: &str| is_ok(with(text(&tokens, name)).arrives(&receiver));
    assert_eq!(arrives("unknown_kid"), Err(Rejected::UnknownKey { id: "nobody".to_owned() }));
    assert_eq!(arrives("other_key_of_set"), Err(Rejected::Mismatch));
    assert_eq!(is_ok(receiver.verify(&with(text(&tokens, "live")).delivery(b"{}"))), Err(Rejected::NoKeys));
}

#[test]
fn a_message_of_another_topic_or_webhook_is_refused_though_its_signature_is_good() {
    let vector = vector("sns-2");
    let mut setting = vector["verify"].clone();
    setting["topic"] = json!("arn:aws:sns:us-west-2:123456789012:Others");
    let elsewhere = Err(Rejected::Elsewhere { what: "topic", field: "topic" });
    assert_eq!(is_ok(sent(&vector).arrives(&compile(&setting).unwrap())), elsewhere);
}

#[test]
fn a_card_is_asked_for_without_a_signature_but_never_without_its_token() {
    let receiver = scheme(&vector("feishu-card"), false);
    let ask = |body: &str| {
        let (method, origin, target) = ("POST", "https://hooks.example", "/");
        let headers = HeaderMap::new();
        let body = body.as_bytes();
        receiver.verify(&Delivery { method, origin, target, headers: &headers, body, received_ms: 0 })
    };
    let good = r#"{"challenge":"c","token":"v4eUSYIQHl2Vlyz5HLXxFbrG7rQTOyl1","type":"url_verification"}"#;
    let verified = ask(good).unwrap();
    assert!(verified.question);
    assert!(!String::from_utf8(verified.opened.unwrap().body).unwrap().contains("v4eU"));
    for bad in [
        good.replace("v4eU", "x4eU"),
        good.replace("url_verification", "card"),
        "{}".to_owned(),
        String::new(),
    ] {
        assert!(ask(&bad).is_err(), "{bad}");
    }
}

#[test]
fn keys_that_cannot_be_used_are_told() {
    let keys = table()["keys"].clone();
    let setting = |algorithm: &str, key: &Value| json!({"scheme": "signature", "header": "x-sig", "algorithm": algorithm, "public_key": key});
    let other = "it is not a key of this algorithm";
    let rsa = &keys["other_rsa_public"];
    for (setting, expected) in [
        (setting("rsa_sha256", &keys["rsa"]), SchemeError::PrivateKey { number: 1 }),
        (setting("ecdsa_p256_sha256", &keys["ec"]), SchemeError::PrivateKey { number: 1 }),
        (setting("ecdsa_p256_sha256", rsa), SchemeError::Key { number: 1, why: other }),
        (setting("ed25519", rsa), SchemeError::Key { number: 1, why: other }),
        (
            setting("rsa_sha256", &json!([rsa, "no key"])),
            SchemeError::Key { number: 2, why: "it is neither PEM nor the base64 of a public key" },
        ),
        (setting("rsa_sha256", &json!("AAAA")), SchemeError::Key { number: 1, why: other }),
        (setting("rsa_sha256", &json!([rsa, " "])), SchemeError::EmptySecret { number: 2 }),
        (setting("rsa_sha256", &json!({"a": 1})["a"]), SchemeError::NoSecret),
    ] {
        if expected == SchemeError::NoSecret {
            assert!(Verify::from_value(setting).is_err());
            continue;
        }
        assert_eq!(compile(&setting).map(drop).unwrap_err(), expected, "{setting}");
    }
    let short = compile(&setting("rsa_sha256", &keys["small_public"])).map(drop).unwrap_err().to_string();
    assert!(short.contains("shorter than 2048 bits"), "{short}");
    let on_one_line = text(&keys, "other_rsa_public").replace('\n', "\\n");
    assert!(compile(&setting("rsa_sha256", &on_one_line.into())).is_ok(), "as variables often hold it");
}

#[test]
fn settings_over_fields_that_prove_less_than_they_seem_to_are_refused() {
    let base = json!({"scheme": "fields", "algorithm": "hmac_sha256", "secret": "s"});
    for (change, why) in [
        (json!({"only": ["a"]}), "leaves the rest of the body open"),
        (json!({"join": ""}), "movable_borders"),
        (json!({"assign": ""}), "movable_borders"),
        (json!({"names": false}), "movable_borders"),
        (json!({"signed": "{secret}"}), "{fields} or {body}"),
        (json!({"signed": "{fields}{body}"}), "{fields} or {body}"),
        (json!({"signed": "{fields}{fields}"}), "twice"),
        (json!({"signed": "{body}"}), "give `header`"),
        (json!({"signed": "{field}"}), "unknown {field}"),
        (json!({"signed": "{fields"}), "a { without its }"),
        (json!({"field": "a.sign"}), "name the fields in `only`"),
        (json!({"timestamp": {"path": "a.b"}}), "not one of the fields that are signed"),
        (json!({"timestamp": {"path": "t"}, "leave_out": ["t"]}), "not one of the fields that are signed"),
        (
            json!({"timestamp": {"path": "t"}, "only": ["a"], "accept": ["unsigned_body"]}),
            "not one of the fields",
        ),
        (json!({"timestamp": {"header": "x-time"}}), "does not contain {timestamp}"),
        (json!({"signed": "{timestamp}{fields}"}), "`timestamp` is not set"),
        (json!({"header": "x y"}), "cannot be the name of a header"),
        (
            json!({"only": ["a", "b"], "names": false, "join": "", "accept": ["unsigned_body"]}),
            "movable_borders",
        ),
    ] {
        let mut setting = base.clone();
        for (name, value) in change.as_object().unwrap() {
            setting[name] = value.clone();
        }
        let error = compile(&setting).map(drop).unwrap_err().to_string();
        assert!(error.contains(why), "{change}: {error}");
    }
}

/// The reading that was verified is the one that is passed on, whatever a header says.
#[test]
fn fields_are_passed_on_as_they_were_read() {
    for (name, content_type) in [
        ("fields-md5-xml", "application/xml"),
        ("fields-sha1-json", "application/json"),
        ("alipay", "application/x-www-form-urlencoded"),
        ("mailgun", "application/json"),
        ("mailgun-form", "application/x-www-form-urlencoded"),
        ("sns-1", "application/json"),
    ] {
        let vector = vector(name);
        let opened = sent(&vector).arrives(&scheme(&vector, false)).unwrap().opened.unwrap();
        assert_eq!(opened.content_type, content_type, "{name}");
    }
}

#[test]
fn a_query_is_no_proof_of_the_body_beside_it() {
    let vector = vector("fields-query");
    let mut delivery = sent(&vector);
    delivery.body = b"{}".to_vec();
    assert!(delivery.arrives(&scheme(&vector, false)).is_err());
    let mut setting = vector["verify"].clone();
    setting["accept"] = json!(["unsigned_body"]);
    assert!(delivery.arrives(&compile(&setting).unwrap()).is_ok());
}

/// What the sender's side signs, the receiver's side accepts.
#[test]
fn what_is_sent_is_accepted() {
    let keys = table()["keys"].clone();
    let (rsa, ec) = (keys["rsa"].clone(), keys["ec"].clone());
    for vector in vectors() {
        let mut setting = vector["verify"].clone();
        let scheme_name = text(&setting, "scheme").to_owned();
        let algorithm = text(&setting, "algorithm").to_owned();
        let key = match (scheme_name.as_str(), algorithm.as_str()) {
            ("sendgrid", _) | (_, "ecdsa_p256_sha256") => &ec,
            (_, "rsa_sha1" | "ecdsa_p384_sha384" | "ed25519" | "ES384") => continue,
            _ => &rsa,
        };
        if setting["jwks_url"].is_string() || setting["format"] == "xml" {
            continue;
        }
        for field in ["public_key", "certificate"] {
            if let Some(place) = setting.get_mut(field) {
                *place = match scheme_name.as_str() {
                    "wechat_pay" => json!([{"key": key, "id": "5157F09EFDC096DE15EBE81A47057A7232F1B8E1"}]),
                    _ => key.clone(),
                };
            }
        }
        let spec = Verify::from_value(setting).unwrap();
        let sender = Scheme::sender(&spec, &|text| Ok(text.to_owned())).unwrap();
        let given = sent(&vector);
        let content_type = text(&vector["headers"], "content-type");
        let url = "https://hooks.example/api/webhooks/KEY?b=1";
        let (method, now_ms) = (given.method.as_str(), given.now_ms);
        let outgoing = Outgoing { method, url, content_type, body: &given.body, id: "id1", now_ms };
        let signed = sender.sign(&outgoing).unwrap_or_else(|error| panic!("{}: {error}", vector["name"]));
        let mut delivery = Sent {
            headers: HeaderMap::new(),
            body: signed.body.clone().unwrap_or(given.body.clone()),
            ..given
        };
        delivery.target = signed.url(url).strip_prefix("https://hooks.example").unwrap().to_owned();
        if !content_type.is_empty() {
            delivery.headers.insert("content-type", HeaderValue::from_str(content_type).unwrap());
        }
        for (name, value) in &signed.headers {
            delivery
                .headers
                .append(name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap());
        }
        if vector["name"] == "wechat-pay-key" {
            delivery.headers.insert("wechatpay-serial", sent(&vector).headers["wechatpay-serial"].clone());
        }
        assert_eq!(is_ok(delivery.arrives(&scheme(&vector, false))), Ok(()), "{}", vector["name"]);
    }
}
