//! Proofs by public keys, over fields, by fetched keys, and tokens in other places, through the real endpoint. The
//! signatures were made by other code than ours: see `about` in `fixtures/proofs.json`.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Letters, Receiver, Request, Setup, TestServer, Workflow, flowcell, root};

fn table() -> Value {
    serde_json::from_str(&fs::read_to_string(root().join("tests/it/fixtures/proofs.json")).unwrap()).unwrap()
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

fn request(vector: &Value, key: &str) -> Request {
    let target = vector["target"].as_str().unwrap_or("/api/webhooks/KEY").replace("KEY", key);
    let mut request = Request::new(text(vector, "method"), &target);
    for (name, value) in vector["headers"].as_object().unwrap() {
        request = request.header(name, value.as_str().unwrap());
    }
    match text(vector, "body") {
        "" => request,
        body => request.body(body),
    }
}

/// A receiver of this vector, and one that must refuse it.
fn workflows(vector: &Value, jwks: &str) -> [Workflow; 2] {
    let workflow = |key: String, mut verify: Value| {
        if verify["jwks_url"].is_string() {
            verify["jwks_url"] = jwks.into();
        }
        Workflow::script(&key, "return context.data").trigger(json!({ "verify": verify, "dedupe": false }))
    };
    let mut spoilt = vector["verify"].clone();
    for (name, value) in vector["other"].as_object().unwrap() {
        spoilt[name] = value.clone();
    }
    let name = text(vector, "name");
    [workflow(name.to_owned(), vector["verify"].clone()), workflow(format!("{name}-other"), spoilt)]
}

fn at(now_ms: u64, setup: Setup) -> TestServer {
    setup.variable("FLOWCELL_TEST_CLOCK_MS", &now_ms.to_string()).start()
}

fn now_ms() -> u64 {
    table()["now"].as_u64().unwrap() * 1_000
}

#[test]
fn every_vector_is_accepted_at_its_time_and_refused_by_who_knows_another_key() {
    let issuer = Receiver::start();
    issuer.says(text(&vector("jwks-rs256"), "document"));
    let vectors = vectors();
    let all = vectors.iter().flat_map(|vector| workflows(vector, &issuer.url("/jwks")));
    let server = at(now_ms(), Setup::default().workflows(all).variable("FLOWCELL_NET_ALLOW", &issuer.host()));
    for vector in &vectors {
        let name = text(vector, "name");
        let answer = server.send(&request(vector, name));
        assert_eq!(answer.status, 200, "{name}: {} {:?}", answer.text(), server.requests().first());
        let refused = server.send(&request(vector, &format!("{name}-other")));
        assert_eq!((refused.status, refused.problem().as_str()), (401, "signature_invalid"), "{name}");
    }
    assert_eq!(issuer.requests().len(), 1, "one document serves all workflows");
}

#[test]
fn a_vector_with_a_time_is_refused_later() {
    let timed: Vec<Value> = vectors().into_iter().filter(|vector| vector["tolerance_s"].is_u64()).collect();
    let all = timed.iter().map(|vector| workflows(vector, "")[0].clone());
    // Later than the longest tolerance.
    let server = at(now_ms() + 86_400_000 + 60_000, Setup::default().workflows(all));
    for (index, vector) in timed.iter().enumerate() {
        let name = text(vector, "name");
        assert_eq!(server.send(&request(vector, name)).status, 401, "{name}");
        let reason = server.newest_request(index + 1)["outcome"].to_string();
        assert!(reason.contains("earlier than the tolerance"), "{name}: {reason}");
    }
}

#[test]
fn what_sns_sends_as_text_is_read_as_json_and_two_copies_run_once() {
    let vector = vector("sns-1");
    let workflow = Workflow::script("sns", "return context.data.Subject").trigger(json!({
        "verify": vector["verify"], "dedupe": true, "filter": "context.data.Type == 'Notification'",
    }));
    let asks = self::vector("sns-confirmation");
    let server = at(now_ms(), Setup::default().workflows([workflow]));
    for _ in 0..2 {
        let answer = server.send(&request(&vector, "sns"));
        assert_eq!((answer.status, answer.json()), (200, json!("My First Message")));
    }
    assert_eq!(server.send(&request(&asks, "sns")).status, 204, "the filter reads it");
    assert_eq!(server.runs("sns").len(), 1);
}

#[test]
fn a_certificate_of_another_host_is_never_fetched() {
    let (vector, elsewhere) = (vector("sns-2"), Receiver::start());
    let mut verify = vector["verify"].clone();
    verify.as_object_mut().unwrap().remove("certificate");
    let workflow = Workflow::script("sns", "return 1").trigger(json!({ "verify": verify }));
    let setup = Setup::default().workflows([workflow]).variable("FLOWCELL_NET_ALLOW", &elsewhere.host());
    let server = at(now_ms(), setup);
    let mut body: Value = serde_json::from_str(text(&vector, "body")).unwrap();
    for (index, url) in [
        elsewhere.url("/SimpleNotificationService-1.pem"),
        "https://sns.us-west-2.amazonaws.com.evil.example/SimpleNotificationService-1.pem".to_owned(),
    ]
    .into_iter()
    .enumerate()
    {
        body["SigningCertURL"] = url.into();
        let answer = server.send(
            &Request::post("/api/webhooks/sns").header("content-type", "text/plain").body(body.to_string()),
        );
        assert_eq!(answer.status, 401);
        let reason = server.newest_request(index + 1)["outcome"].to_string();
        assert!(reason.contains("not a host of this sender"), "{reason}");
    }
    assert_eq!(elsewhere.requests().len(), 0);
}

/// Whoever sees one delivery of Mailgun could send another event with its signature.
#[test]
fn a_signature_that_leaves_the_event_open_counts_once() {
    let vector = vector("mailgun");
    let workflow = Workflow::script("mailgun", "return 1").trigger(json!({ "verify": vector["verify"] }));
    let server = at(now_ms(), Setup::default().workflows([workflow]));
    let first = server.send(&request(&vector, "mailgun"));
    assert_eq!(first.status, 200);
    let mut body: Value = serde_json::from_str(text(&vector, "body")).unwrap();
    body["event-data"] = json!({ "id": "forged", "event": "complained" });
    let forged = server.send(&Request::post("/api/webhooks/mailgun").json(&body));
    assert_eq!((forged.status, forged.header("idempotency-replayed")), (200, Some("true")));
    assert_eq!(server.runs("mailgun").len(), 1);
}

/// The same for PayPal, whose signature covers only a CRC-32 of the body.
#[test]
fn another_body_of_the_same_checksum_is_a_copy() {
    let vector = vector("paypal");
    let workflow = Workflow::script("paypal", "return 1").trigger(json!({ "verify": vector["verify"] }));
    let server = at(now_ms(), Setup::default().workflows([workflow]));
    assert_eq!(server.send(&request(&vector, "paypal")).status, 200);
    let again = server.send(&request(&vector, "paypal"));
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, Some("true")));
    assert_eq!(server.runs("paypal").len(), 1);
}

fn by_jwks(url: &str) -> Value {
    json!({
        "scheme": "jwt", "algorithm": "RS256", "jwks_url": url, "audience": "https://hooks.example",
        "issuer": ["accounts.google.com", "https://accounts.google.com"],
        "claims": { "email": "push@project.iam.gserviceaccount.com" },
    })
}

fn with_token(name: &str) -> Request {
    let token = table()["tokens"][name].as_str().unwrap().to_owned();
    Request::post("/api/webhooks/pubsub").header("authorization", &format!("Bearer {token}")).json(&json!({}))
}

#[test]
fn keys_of_an_issuer_are_fetched_when_needed_and_strangers_cannot_make_us_fetch_in_a_loop() {
    let issuer = Receiver::start();
    issuer.says(text(&vector("jwks-rs256"), "document"));
    let workflow =
        Workflow::script("pubsub", "return 1").trigger(json!({ "verify": by_jwks(&issuer.url("/jwks")) }));
    let server =
        Setup::default().workflows([workflow]).variable("FLOWCELL_NET_ALLOW", &issuer.host()).start();
    assert_eq!(issuer.requests().len(), 0, "nobody has sent yet");
    for _ in 0..3 {
        assert_eq!(server.send(&with_token("live")).status, 200);
    }
    assert_eq!(issuer.requests().len(), 1);
    for _ in 0..20 {
        let refused = server.send(&with_token("live_unknown"));
        assert_eq!((refused.status, refused.problem().as_str()), (401, "signature_invalid"));
    }
    let reason = server.newest_request(23)["outcome"].to_string();
    assert!(reason.contains("signed with the key `nobody`"), "{reason}");
    for name in ["other_audience", "encrypted_kid"] {
        assert_eq!(server.send(&with_token(name)).status, 401, "{name}");
    }
    assert_eq!(issuer.requests().len(), 1, "the pause is not over");
}

#[test]
fn an_issuer_that_cannot_be_reached_is_no_fault_of_the_sender() {
    let issuer = Receiver::start();
    issuer.answer([500, 500, 500]);
    let workflows = [
        Workflow::script("pubsub", "return 1").trigger(json!({ "verify": by_jwks(&issuer.url("/jwks")) })),
        Workflow::script("denied", "return 1")
            .trigger(json!({ "verify": by_jwks("http://127.0.0.1:9/jwks") })),
    ];
    let server = Setup::default().workflows(workflows).variable("FLOWCELL_NET_ALLOW", &issuer.host()).start();
    for _ in 0..5 {
        let later = server.send(&with_token("live"));
        assert_eq!((later.status, later.problem().as_str()), (503, "keys_unavailable"), "{}", later.text());
        assert!(later.header("retry-after").is_some());
        assert!(!later.text().contains("127.0.0.1"), "strangers learn nothing of our way out");
    }
    assert_eq!(issuer.requests().len(), 1, "nobody asks again at once");
    let reason = server.newest_request(5)["outcome"].to_string();
    assert!(reason.contains("the answer has the status 500"), "{reason}");
    let token = table()["tokens"]["live"].as_str().unwrap().to_owned();
    let denied = Request::post("/api/webhooks/denied").header("authorization", &format!("Bearer {token}"));
    assert_eq!(server.send(&denied.json(&json!({}))).status, 503, "through the guard alone");
    let reason = server.newest_request(6)["outcome"].to_string();
    assert!(reason.contains("net.allow"), "{reason}");
}

#[test]
fn a_token_in_another_place_is_hidden_from_the_run() {
    let (header, query) = (vector("jwt-header"), vector("jwt-query"));
    let script = "return JSON.stringify([context.headers, context.query, context.rawQuery])";
    let workflows = [("in-header", &header), ("in-query", &query)]
        .map(|(key, vector)| Workflow::script(key, script).trigger(json!({ "verify": vector["verify"] })));
    let server = at(now_ms(), Setup::default().workflows(workflows));
    for (key, vector) in [("in-header", &header), ("in-query", &query)] {
        let answer = server.send(&request(vector, key));
        assert_eq!(answer.status, 200, "{key}");
        assert!(
            !answer.text().contains("eyJ") && answer.text().contains("hidden"),
            "{key}: {}",
            answer.text()
        );
    }
}

#[test]
fn an_app_of_a_third_party_is_spoken_to_under_several_names() {
    let of = |receive_id| Letters {
        token: "QDG6eK",
        aes_key: "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C",
        receive_id,
    };
    let verify = json!({
        "scheme": "wecom", "token": "QDG6eK", "aes_key": of("").aes_key, "receive_id": ["provider", "suite", "customer"],
    });
    let server = at(
        1_700_000_000_000,
        Setup::default().workflows([
            Workflow::script("wecom", "respond({ body: 'hi' })").trigger(json!({ "verify": verify }))
        ]),
    );
    for (receiver, status) in [("provider", 200), ("suite", 200), ("customer", 200), ("stranger", 401)] {
        let letters = of(receiver);
        let echo = letters.seal("1616140317555161061");
        let signature = letters.sign("1700000000", "n", &echo);
        let escaped: String = form_urlencoded::byte_serialize(echo.as_bytes()).collect();
        let query = format!("msg_signature={signature}&timestamp=1700000000&nonce=n&echostr={escaped}");
        let asked = server.send(&Request::get(&format!("/api/webhooks/wecom?{query}")));
        assert_eq!(asked.status, status, "{receiver} asks");
        let encrypt = letters.seal(&format!("<xml><MsgId>{receiver}</MsgId></xml>"));
        let signature = letters.sign("1700000000", "n", &encrypt);
        let target = format!("/api/webhooks/wecom?msg_signature={signature}&timestamp=1700000000&nonce=n");
        let body = format!("<xml><Encrypt>{encrypt}</Encrypt></xml>");
        let answer = server.send(&Request::post(&target).header("content-type", "text/xml").body(body));
        assert_eq!(answer.status, status, "{receiver} sends");
        if status == 200 {
            let answer = answer.text();
            let sealed = answer.split_once("<Encrypt><![CDATA[").unwrap().1.split_once("]]>").unwrap().0;
            assert_eq!(letters.open(sealed), "hi", "it is sealed for {receiver}");
        }
    }
}

#[test]
fn settings_that_prove_nothing_are_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let key = text(&table()["keys"], "other_rsa_public").to_owned();
    let cases = [
        (
            "everybodys-keys",
            json!({ "scheme": "jwt", "algorithm": "RS256", "jwks_url": "https://a.example/k" }),
            "`audience` is missing",
        ),
        (
            "open-way",
            json!({ "scheme": "jwt", "algorithm": "RS256", "jwks_url": "http://a.example/k", "audience": "a" }),
            "https://",
        ),
        ("no-secret", json!({ "scheme": "fields", "algorithm": "md5", "secret": "s" }), "must hold {secret}"),
        (
            "open-body",
            json!({ "scheme": "fields", "algorithm": "hmac_sha1", "secret": "s", "only": ["a"] }),
            "unsigned_body",
        ),
        (
            "movable",
            json!({ "scheme": "fields", "algorithm": "hmac_sha1", "secret": "s", "join": "" }),
            "movable_borders",
        ),
        ("no-topic", json!({ "scheme": "sns" }), "`topic` is missing"),
        (
            "uncovered",
            json!({ "scheme": "signature", "header": "X", "algorithm": "rsa_sha256", "public_key": key, "signed": "{timestamp}", "timestamp": { "header": "T" } }),
            "does not contain {body}",
        ),
        ("private", json!({ "scheme": "sendgrid", "public_key": table()["keys"]["ec"] }), "private key"),
        (
            "short",
            json!({ "scheme": "signature", "header": "X", "algorithm": "rsa_sha256", "public_key": table()["keys"]["small_public"] }),
            "2048 bits",
        ),
    ];
    for (name, verify, why) in cases {
        Workflow::script(name, "return 1").trigger(json!({ "verify": verify })).write(folder.path());
        let checked = flowcell(["check", folder.path().join(name).to_str().unwrap()]);
        assert_eq!(checked.code, 1, "{name}: {checked:?}");
        assert!(
            checked.stdout.contains("trigger.verify") && checked.stdout.contains(why),
            "{name}: {}",
            checked.stdout
        );
    }
}
