//! The generic `hmac` scheme over HTTP: vendors' ways of signing, time, and what is told to whom.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Request, Response, Setup, TestServer, Workflow};

fn mac(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

fn seconds() -> i64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64
}

/// Workflows that verify as Slack, Standard Webhooks and Shopify sign.
fn server() -> TestServer {
    let verified =
        |key: &str, verify: Value| Workflow::script(key, "return 'in'").trigger(json!({ "verify": verify }));
    Setup::default()
        .workflows([
            verified(
                "slack",
                json!({ "scheme": "hmac", "header": "X-Slack-Signature", "prefix": "v0=", "signed": "v0:{timestamp}:{body}",
                        "secret": "{{$env.SLACK}}", "timestamp": { "header": "X-Slack-Request-Timestamp" } }),
            ),
            verified(
                "standard",
                json!({ "scheme": "hmac", "header": "webhook-signature", "prefix": "v1,", "separator": " ", "encoding": "base64",
                        "secret": "{{$env.STANDARD}}", "secret_prefix": "whsec_", "secret_encoding": "base64",
                        "signed": "{id}.{timestamp}.{body}", "id_header": "webhook-id",
                        "timestamp": { "header": "webhook-timestamp" } }),
            ),
            verified(
                "shopify",
                json!({ "scheme": "hmac", "header": "X-Shopify-Hmac-Sha256", "encoding": "base64", "secret": "{{$env.SHOPIFY}}" }),
            ),
        ])
        .variable("SLACK", "8f742231b10e8888abcd99yyyzzz85a5")
        .variable("STANDARD", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .variable("SHOPIFY", "hush")
        .start()
}

fn slack(server: &TestServer, timestamp: &str, signed_at: &str, body: &str) -> Response {
    let tag =
        mac(b"8f742231b10e8888abcd99yyyzzz85a5", &[b"v0:", signed_at.as_bytes(), b":", body.as_bytes()]);
    let request = Request::post("/api/webhooks/slack")
        .header("x-slack-request-timestamp", timestamp)
        .header("x-slack-signature", &format!("v0={}", hex::encode(tag)));
    server.send(&request.form(body))
}

#[test]
fn slack_deliveries_are_accepted_while_fresh_and_refused_when_stale_early_or_changed() {
    let server = server();
    let now = seconds();
    let cases = [
        (now, 200, ""),
        (now - 240, 200, ""),
        (now - 400, 401, "earlier than the tolerance"),
        (now + 400, 401, "in the future"),
    ];
    for (number, (time, status, reason)) in cases.into_iter().enumerate() {
        let time = time.to_string();
        assert_eq!(slack(&server, &time, &time, "command=%2Fdeploy").status, status, "{time}");
        let line = server.newest_request(number + 1);
        let logged = line["outcome"]["refused"]["reason"].as_str().unwrap_or("");
        assert!(logged.contains(reason), "{time}: {logged}");
    }
    let (now, later) = (now.to_string(), (now + 1).to_string());
    assert_eq!(slack(&server, &later, &now, "a=b").status, 401, "the time is signed too");
    for time in ["", "yesterday", "1e9", "-1", "99999999999999999999"] {
        assert_eq!(slack(&server, time, time, "a=b").status, 401, "{time}");
    }
    assert_eq!(server.runs("slack").len(), 2);
}

#[test]
fn standard_webhooks_may_carry_several_signatures_of_which_one_must_match() {
    let server = server();
    let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let now = seconds().to_string();
    let body = r#"{"test": 2432232314}"#;
    let good =
        format!("v1,{}", STANDARD.encode(mac(&key, &[b"msg_1.", now.as_bytes(), b".", body.as_bytes()])));
    let other = format!("v1,{}", STANDARD.encode([0; 32]));
    let send = |id: Option<&str>, signature: &str| {
        let request = Request::post("/api/webhooks/standard").header("webhook-timestamp", &now);
        let request = id.map_or(request.clone(), |id| request.header("webhook-id", id));
        server.send(&request.header("webhook-signature", signature).body(body)).status
    };
    let cases = [
        (Some("msg_1"), good.clone(), 200),
        (Some("msg_1"), format!("{other} {good}"), 200),
        (Some("msg_1"), format!("v1a,xyz {good}"), 200),
        (Some("msg_1"), other.clone(), 401),
        (Some("msg_2"), good.clone(), 401),
        (None, good.clone(), 401),
        (Some("msg_1"), good.replace("v1,", "v2,"), 401),
        (Some("msg_1"), format!("{}{good}", format!("{other} ").repeat(40)), 401),
    ];
    for (id, signature, status) in cases {
        assert_eq!(send(id, &signature), status, "{id:?} {signature}");
    }
}

#[test]
fn shopify_deliveries_are_verified_in_base64() {
    let server = server();
    let body = r#"{"id": 820982911946154508}"#;
    let good = STANDARD.encode(mac(b"hush", &[body.as_bytes()]));
    for (signature, status) in [(good.as_str(), 200), (good.trim_end_matches('='), 401), ("", 401)] {
        let request = Request::post("/api/webhooks/shopify").header("x-shopify-hmac-sha256", signature);
        assert_eq!(
            server.send(&request.json(&serde_json::from_str(body).unwrap()).body(body)).status,
            status,
            "{signature}"
        );
    }
}

/// A secret must stand nowhere: not in the log, not in answers, not in the data folder.
#[test]
fn secrets_of_triggers_are_written_nowhere() {
    let mut server = server();
    let now = seconds().to_string();
    assert_eq!(slack(&server, &now, &now, "a=b").status, 200);
    assert_eq!(slack(&server, &now, "0", "a=b").status, 401);
    server.newest_request(2);
    let shown = [
        server.stderr(),
        server.api("/api/v1/runs").to_string(),
        server.api("/api/v1/requests").to_string(),
        server.api("/api/v1/workflows").to_string(),
    ];
    assert!(server.stop().success());
    let stored = bytes_below(&server.data());
    assert!(stored.len() > 1_000);
    for secret in ["8f742231b10e8888abcd99yyyzzz85a5", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert!(shown.iter().all(|text| !text.contains(secret)));
        assert!(
            !stored.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "{secret} is stored"
        );
    }
}

/// All bytes of all files below a folder.
pub fn bytes_below(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(bytes_below(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}
