//! The audit log: who did what, who was refused, and never a secret.

use serde_json::{Value, json};

use crate::support::{Browser, Request, TestServer, Workflow, wait_until};

const PASSWORD: &str = "correct horse battery";

fn lines(server: &TestServer) -> Vec<Value> {
    server.api("/api/v1/audit?limit=500")["audit"].as_array().unwrap().clone()
}

fn find(server: &TestServer, action: &str, status: u16) -> Value {
    let mut found = None;
    wait_until(&format!("{action} {status} is written down"), 20, || {
        found = lines(server).into_iter().find(|line| line["action"] == action && line["status"] == status);
        found.is_some()
    });
    found.unwrap()
}

#[test]
fn what_was_done_and_what_was_refused_is_written_down_without_secrets() {
    let server = TestServer::start([Workflow::script("any", "return 1")]);
    let mut anna = Browser::set_up(&server, "anna", PASSWORD);
    let setup = find(&server, "POST /api/v1/setup", 201);
    assert_eq!(
        (&setup["actor"], setup["target"].as_str()),
        (&json!({ "kind": "person", "name": "anna" }), Some("anna"))
    );
    let mut vera = anna.add("vera", "viewer", false);
    let refused = vera.ask("POST", "/api/v1/workflows/any/pause", &Value::Null);
    assert_eq!(refused.status, 403);
    let line = find(&server, "POST /api/v1/workflows/{key}/pause", 403);
    assert_eq!((line["target"].as_str(), line["code"].as_str()), (Some("any"), Some("forbidden")));
    assert_eq!((&line["actor"]["name"], line["address"].as_str()), (&json!("vera"), Some("127.0.0.1")));
    assert_eq!(line["request"].as_str(), refused.header("flowcell-request-id"));
    assert_eq!(vera.look("/api/v1/secrets"), 403);
    find(&server, "GET /api/v1/secrets", 403);
    anna.ask("POST", "/api/v1/workflows/any/pause", &Value::Null);
    find(&server, "POST /api/v1/workflows/{key}/pause", 200);
    anna.ask("PUT", "/api/v1/secrets/API_KEY", &json!({ "value": "canary-of-a-secret" }));
    find(&server, "PUT /api/v1/secrets/{name}", 200);
    anna.sure("PATCH", "/api/v1/people/vera", &json!({ "role": "operator" }));
    let changed = find(&server, "PATCH /api/v1/people/{name}", 200);
    assert_eq!(changed["target"], "vera");
    let digest = |side: &str| changed[side].as_str().map(str::len);
    assert_eq!(
        (digest("before"), digest("after"), changed["before"] == changed["after"]),
        (Some(64), Some(64), false)
    );
    let login = |name: &str| {
        Browser::new(&server).ask("POST", "/api/v1/session", &json!({ "name": name, "password": "wrong" }))
    };
    login("anna");
    let line = find(&server, "POST /api/v1/session", 401);
    assert_eq!((line["target"].as_str(), &line["actor"]), (Some("anna"), &Value::Null));
    login("my-password-in-the-wrong-field");
    let token = anna.sure("POST", "/api/v1/tokens", &json!({ "name": "ci", "scopes": ["runs:read"] })).json();
    find(&server, "POST /api/v1/tokens", 201);
    let reads = lines(&server).iter().filter(|line| line["action"] == "GET /api/v1/runs").count();
    assert_eq!(reads, 0, "reading changes nothing");
    let all = server.api("/api/v1/audit?limit=500").to_string();
    let text = token["token"].as_str().unwrap();
    for secret in [
        PASSWORD,
        "canary-of-a-secret",
        "my-password-in-the-wrong-field",
        "the password of vera",
        &text[17..],
    ] {
        assert!(!all.contains(secret), "{secret}");
    }
    let cookie = anna.cookie.clone().unwrap();
    assert!(!all.contains(cookie.split_once('=').unwrap().1));
}

#[test]
fn the_log_is_read_page_by_page_or_as_lines() {
    let server = TestServer::start([Workflow::script("any", "return 1")]);
    for _ in 0..6 {
        server.ask("POST", "/api/v1/workflows/any/pause", &Value::Null);
        server.ask("POST", "/api/v1/workflows/any/resume", &Value::Null);
    }
    wait_until("all is written down", 20, || lines(&server).len() == 12);
    let (mut paged, mut before) = (Vec::new(), String::new());
    loop {
        let page = server.api(&format!("/api/v1/audit?limit=5{before}"));
        paged.extend(page["audit"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(paged, lines(&server));
    let bearer = format!("Bearer {}", server.token());
    let request = Request::get("/api/v1/audit").header("authorization", &bearer);
    let response = server.send(&request.header("accept", "application/x-ndjson"));
    assert_eq!(response.header("content-type"), Some("application/x-ndjson"));
    let text = if response.header("transfer-encoding").is_some() {
        dechunked(&response.body)
    } else {
        response.text()
    };
    let streamed: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(streamed, paged);
    assert_eq!(streamed[0]["actor"], json!({ "kind": "machine" }));
}

/// The text of a chunked body.
fn dechunked(body: &[u8]) -> String {
    let (mut rest, mut text) = (body, Vec::new());
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        text.extend_from_slice(&rest[end + 2..end + 2 + size]);
        rest = &rest[end + 2 + size + 2..];
    }
    String::from_utf8(text).unwrap()
}
