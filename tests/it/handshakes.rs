//! Handshakes over HTTP: a question is answered without a run, whatever `methods` lists, and logged as what it is.

use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::support::{Request, Response, Setup, TestServer, Workflow};

fn mac(key: &str, text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// One workflow a handshake; all but the unverified ones are signed in `x-signature` with `s3cret`.
fn server(handshakes: &[(&str, Value)]) -> TestServer {
    let workflow = |(key, handshake): &(&str, Value)| {
        Workflow::script(key, "return 'a run'").trigger(json!({
            "methods": ["POST"], "handshake": handshake,
            "verify": { "scheme": "hmac", "header": "x-signature", "secret": "{{$env.SECRET}}" },
        }))
    };
    let workflows: Vec<_> = handshakes.iter().map(workflow).collect();
    Setup::default().workflows(workflows).variable("SECRET", "s3cret").variable("VERIFY", "v3rify").start()
}

fn signed(server: &TestServer, key: &str, body: &str) -> Response {
    let signature = hex::encode(mac("s3cret", body));
    let request = Request::post(&format!("/api/webhooks/{key}")).header("content-type", "application/json");
    server.send(&request.header("x-signature", &signature).body(body))
}

fn unsigned(server: &TestServer, key: &str, body: &str) -> u16 {
    server.send(&Request::post(&format!("/api/webhooks/{key}")).body(body)).status
}

fn get(server: &TestServer, target: &str) -> Response {
    server.send(&Request::get(&format!("/api/webhooks/{target}")))
}

#[test]
fn questions_that_are_signed_are_answered_after_the_signature() {
    let server = server(&[("slack", json!("slack")), ("discord", json!("discord")), ("zoom", json!("zoom"))]);
    let slack = "{\"type\":\"url_verification\",\"challenge\":\"3eZbrw1a\"}";
    let zoom =
        "{\"event\":\"endpoint.url_validation\",\"payload\":{\"plainToken\":\"qgg8vlvZRS6UYooatFL8Aw\"}}";
    let encrypted = hex::encode(mac("s3cret", "qgg8vlvZRS6UYooatFL8Aw"));
    let cases = [
        ("slack", slack, 200, json!({ "challenge": "3eZbrw1a" })),
        ("discord", "{\"type\":1}", 200, json!({ "type": 1 })),
        ("zoom", zoom, 200, json!({ "plainToken": "qgg8vlvZRS6UYooatFL8Aw", "encryptedToken": encrypted })),
    ];
    for (key, body, status, answer) in cases {
        let response = signed(&server, key, body);
        assert_eq!((response.status, response.json()), (status, answer), "{key}");
        assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
        assert!(response.header("flowcell-run-id").is_none());
        assert_eq!(unsigned(&server, key, body), 401, "{key}: Discord looks for this");
        assert_eq!(server.runs(key).len(), 0, "{key}");
    }
    let response = signed(&server, "discord", "{\"type\":0}");
    assert_eq!((response.status, response.text()), (204, String::new()));
    assert_eq!(signed(&server, "discord", "{\"type\":2}").text(), "\"a run\"");
    assert_eq!(signed(&server, "slack", "{\"type\":\"event_callback\"}").text(), "\"a run\"");
    assert_eq!((server.runs("discord").len(), server.runs("slack").len()), (1, 1));
    let kinds: Vec<Value> =
        server.requests().iter().map(|line| line["outcome"]["handshake"]["kind"].clone()).collect();
    for kind in ["slack", "discord", "zoom"] {
        assert!(kinds.contains(&json!(kind)), "{kinds:?}");
    }
}

#[test]
fn questions_that_nobody_signs_are_answered_though_methods_does_not_list_them() {
    let custom = json!({
        "method": "GET", "match": { "query.mode": "subscribe" }, "require": { "query.verify_token": "{{$env.VERIFY}}" },
        "answer": { "text": "{query.challenge}" },
    });
    let server = server(&[
        ("meta", json!({ "preset": "meta", "verify_token": "{{$env.VERIFY}}" })),
        ("graph", json!("microsoft_graph")),
        ("x", json!("x")),
        ("custom", custom),
        ("none", json!(false)),
    ]);
    let meta = "meta?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token";
    let crc = format!("{{\"response_token\":\"sha256={}\"}}", STANDARD.encode(mac("s3cret", "Zm9v")));
    let cases = [
        (format!("{meta}=v3rify"), 200, "1158201444"),
        (format!("{meta}=wrong"), 401, ""),
        (format!("{meta}="), 401, ""),
        ("meta".to_owned(), 405, ""),
        (
            "graph?validationToken=Validation%3a+Request-Id%3a+%3Cscript%3E".to_owned(),
            200,
            "Validation: Request-Id: <script>",
        ),
        ("x?crc_token=Zm9v".to_owned(), 200, &crc),
        ("x?crc_token=%7B%22tweet_create_events%22%3A1%7D".to_owned(), 405, ""),
        ("custom?mode=subscribe&verify_token=v3rify&challenge=c".to_owned(), 200, "c"),
        ("custom?mode=subscribe&verify_token=v&challenge=c".to_owned(), 401, ""),
        ("none?crc_token=Zm9v".to_owned(), 405, ""),
    ];
    for (target, status, answer) in cases {
        let response = get(&server, &target);
        assert_eq!(response.status, status, "{target}: {}", response.text());
        if status == 200 {
            assert_eq!(response.text(), answer, "{target}");
            assert_ne!(response.header("content-type"), Some("text/html"));
            assert_eq!(response.header("content-security-policy"), Some("sandbox"), "{target}");
        }
    }
    let post = Request::post("/api/webhooks/graph?validationToken=abc");
    assert_eq!(server.send(&post).text(), "abc");
    assert_eq!(unsigned(&server, "graph", "{\"value\":[]}"), 401, "a notification is no question");
    for key in ["meta", "graph", "x", "custom", "none"] {
        assert_eq!(server.runs(key).len(), 0, "{key}");
    }
    server.newest_request(12);
    let refused: Vec<_> = server.requests().iter().filter(|line| line["status"] == 401).cloned().collect();
    assert!(
        refused
            .iter()
            .any(|line| line["outcome"]["refused"]["reason"].as_str().unwrap().contains("required field"))
    );
}

#[test]
fn a_handshake_whose_secret_is_not_set_refuses_everything() {
    let unset = json!({ "preset": "meta", "verify_token": "{{$env.NOT_SET}}" });
    let server = server(&[("unset", unset)]);
    assert_eq!(get(&server, "unset?hub.mode=subscribe&hub.challenge=1&hub.verify_token=").status, 503);
    assert_eq!(signed(&server, "unset", "{}").status, 503);
}
