//! Deliveries that somebody captured: sent again, changed, or made of what a handshake signs, none of them runs.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Request, Setup, TestServer, Workflow, flowcell};

fn mac(key: &str, text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

fn verified(key: &str, verify: Value) -> Workflow {
    Workflow::script(key, "return Math.random()").trigger(json!({ "verify": verify }))
}

#[test]
fn a_slack_delivery_that_comes_twice_runs_once() {
    let server = TestServer::start([verified("slack", json!({ "scheme": "slack", "secret": "s" }))]);
    let body = r#"{"type":"event_callback","event_id":"Ev1"}"#;
    let send = |timestamp: u64| {
        let signature = format!("v0={}", hex::encode(mac("s", &format!("v0:{timestamp}:{body}"))));
        let request = Request::post("/api/webhooks/slack").header("content-type", "application/json");
        let request = request.header("x-slack-request-timestamp", &timestamp.to_string());
        server.send(&request.header("x-slack-signature", &signature).body(body))
    };
    let at = now();
    let first = send(at);
    let copy = send(at);
    assert_eq!((first.status, copy.status, copy.header("idempotency-replayed")), (200, 200, Some("true")));
    assert_eq!(copy.text(), first.text());
    assert_eq!(server.runs("slack").len(), 1);
    // Slack itself signs anew when it sends again; with no `dedupe` that is another delivery.
    let again = send(at + 1);
    assert_eq!((again.status, again.header("idempotency-replayed")), (200, None));
    assert_eq!(server.runs("slack").len(), 2);
}

/// Each scheme that tells the time of sending, signed by `flowcell send` as its sender signs.
#[test]
fn a_copy_runs_once_whatever_scheme_tells_the_time() {
    let hmac = json!({
        "scheme": "hmac", "header": "x-s", "secret": "s3cret", "signed": "{timestamp}{body}",
        "timestamp": { "header": "x-t", "unit": "milliseconds" },
    });
    let whsec = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let plain = |scheme: &str, secret: &str| json!({ "scheme": scheme, "secret": secret });
    let settings = [
        plain("stripe", "s3cret"),
        plain("standard", whsec),
        plain("svix", whsec),
        plain("zoom", "s3cret"),
        plain("paddle", "s3cret"),
        plain("linear", "s3cret"),
        plain("twitch", "s3cret"),
        hmac,
    ];
    let key = |setting: &Value| setting["scheme"].as_str().unwrap().to_owned();
    let server = TestServer::start(settings.iter().map(|setting| verified(&key(setting), setting.clone())));
    let receiver = crate::support::Receiver::start();
    for setting in &settings {
        let (scheme, secret) = (key(setting), setting["secret"].as_str().unwrap());
        let url = receiver.url(&format!("/api/webhooks/{scheme}"));
        let mut words = vec!["send", &scheme, &url, "--secret", secret];
        let mut fields = setting.clone();
        fields.as_object_mut().unwrap().retain(|name, _| name != "scheme" && name != "secret");
        let fields = fields.to_string();
        if scheme == "hmac" {
            words.extend(["--settings", &fields]);
        }
        let sent = flowcell(words);
        assert_eq!(sent.code, 0, "{scheme}: {}", sent.stderr);
        let captured = receiver.requests().pop().unwrap();
        let replay = || {
            let mut request = Request::post(&captured.path).body(captured.body.clone());
            for (name, value) in
                captured.headers.iter().filter(|(name, _)| name != "host" && name != "content-length")
            {
                request = request.header(name, value);
            }
            server.send(&request)
        };
        let (first, copy) = (replay(), replay());
        assert_eq!(first.status, 200, "{scheme}: {}", first.text());
        assert_eq!((copy.status, copy.text()), (200, first.text()), "{scheme}");
        assert_eq!(server.runs(&scheme).len(), 1, "{scheme}");
    }
}

#[test]
fn an_id_with_a_dot_makes_no_fresh_delivery_of_a_stale_one() {
    let secret = format!("whsec_{}", STANDARD.encode("s3cret"));
    let server = TestServer::start([verified("w", json!({ "scheme": "standard", "secret": secret }))]);
    let send = |id: &str, timestamp: u64, body: &str, signature: &str| {
        let request = Request::post("/api/webhooks/w").header("content-type", "text/plain");
        let request = request.header("webhook-id", id).header("webhook-timestamp", &timestamp.to_string());
        server.send(&request.header("webhook-signature", signature).body(body)).status
    };
    // Yesterday's delivery, whose text names a time of today.
    let (yesterday, today) = (now() - 86_400, now());
    let body = format!("see you at .{today}.transfer everything");
    let signature = format!("v1,{}", STANDARD.encode(mac("s3cret", &format!("msg_1.{yesterday}.{body}"))));
    assert_eq!(send("msg_1", yesterday, &body, &signature), 401);
    let moved = format!("msg_1.{yesterday}.see you at ");
    assert_eq!(send(moved.trim_end(), today, "transfer everything", &signature), 401);
    // Header values lose spaces at their ends, so the same without one.
    let body = format!("at.{today}.transfer everything");
    let signature = format!("v1,{}", STANDARD.encode(mac("s3cret", &format!("msg_1.{yesterday}.{body}"))));
    assert_eq!(send(&format!("msg_1.{yesterday}.at"), today, "transfer everything", &signature), 401);
    assert_eq!(server.runs("w").len(), 0);
    let signature = format!("v1,{}", STANDARD.encode(mac("s3cret", &format!("msg_1.{today}.{body}"))));
    assert_eq!(send("msg_1", today, &body, &signature), 200);
}

#[test]
fn check_refuses_signed_texts_whose_borders_can_be_moved() {
    let folder = tempfile::tempdir().unwrap();
    for (signed, part) in [
        ("{id}{body}", "have the sender write a character between them that {id} never holds"),
        ("{id}{timestamp}{body}", "{id}.{timestamp}.{body}"),
        ("{body}{id}", "border between {id} and {body}"),
        ("{url}.{body}", "{url}|{body}"),
        ("{body}{body}", "once is enough"),
    ] {
        let mut verify = json!({ "scheme": "hmac", "header": "x-s", "secret": "s", "signed": signed });
        if signed.contains("{id}") {
            verify["id_header"] = json!("x-id");
        }
        if signed.contains("{timestamp}") {
            verify["timestamp"] = json!({ "header": "x-t" });
        }
        verified("w", verify).write(folder.path());
        let checked = flowcell(["check".as_ref(), folder.path().join("w").as_os_str()]);
        let said = format!("{}{}", checked.stdout, checked.stderr);
        assert!(checked.code == 1 && said.contains(part), "{signed}: {} {said}", checked.code);
    }
}

#[test]
fn what_the_crc_of_x_signs_is_no_delivery() {
    let workflow = |key: &str, signed: Value| {
        let mut verify = json!({
            "scheme": "hmac", "header": "x-twitter-webhooks-signature", "prefix": "sha256=", "encoding": "base64",
            "secret": "{{$env.SECRET}}",
        });
        verify.as_object_mut().unwrap().extend(signed.as_object().unwrap().clone());
        verified(key, verify).trigger(json!({ "methods": ["POST"], "handshake": "x", "mode": "async" }))
    };
    let timed = json!({ "signed": "{timestamp}.{body}", "timestamp": { "header": "x-t" } });
    let server = Setup::default()
        .workflows([workflow("x", json!({})), workflow("timed", timed)])
        .variable("SECRET", "s3cret")
        .start();
    let sign = |key: &str, token: &str| {
        let target = format!("/api/webhooks/{key}?crc_token={}", token.replace('=', "%3D"));
        let answer = server.send(&Request::get(&target));
        assert_eq!(answer.status, 200, "{token}");
        answer.json()["response_token"].as_str().unwrap().to_owned()
    };
    let deliver = |key: &str, body: &str, signature: &str, time: u64| {
        let request = Request::post(&format!("/api/webhooks/{key}")).header("x-t", &time.to_string());
        server.send(&request.header("x-twitter-webhooks-signature", signature).body(body)).status
    };
    for token in ["delete-everything", "12345", "true", "null", "admin="] {
        assert_eq!(deliver("x", token, &sign("x", token), 0), 401, "{token}");
    }
    let at = now();
    assert_eq!(deliver("timed", "drop", &sign("timed", &format!("{at}.drop")), at), 401);
    assert_eq!(deliver("timed", "", &sign("timed", &format!("{at}.")), at), 401);
    assert_eq!((server.runs("x").len(), server.runs("timed").len()), (0, 0));
    let event = r#"{"for_user_id":"1"}"#;
    let signature = format!("sha256={}", STANDARD.encode(mac("s3cret", event)));
    assert_eq!(deliver("x", event, &signature, 0), 202);
}
