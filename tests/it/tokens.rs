//! Tokens of the API: shown once, limited in what they may do, in time, and in the workflows that they see.

use serde_json::{Value, json};

use crate::support::{Browser, Request, Response, Setup, TestServer, Workflow};

fn made(server: &TestServer, body: &Value) -> Value {
    let response = server.ask("POST", "/api/v1/tokens", body);
    assert_eq!(response.status, 201, "{}", response.text());
    response.json()
}

fn by(server: &TestServer, token: &Value, method: &str, path: &str) -> Response {
    let token = token["token"].as_str().unwrap();
    server.send(&Request::new(method, path).header("authorization", &format!("Bearer {token}")))
}

#[test]
fn a_token_is_shown_once_and_does_what_its_scopes_say_until_it_is_revoked() {
    let server = TestServer::start([Workflow::script("any", "return 1")]);
    let token = made(&server, &json!({ "name": "ci", "scopes": ["runs:read", "runs:control"] }));
    let text = token["token"].as_str().unwrap().to_owned();
    let id = token["id"].as_str().unwrap().to_owned();
    assert!(text.starts_with(&format!("fct_{id}_")) && text.len() == 4 + 12 + 1 + 64, "{text}");
    assert_eq!(token["made_by"], "machine");
    let expires: jiff_date::Date = jiff_date::of(&token["expires"]);
    assert_eq!(expires - jiff_date::of(&token["created"]), 90, "90 days, unless it says otherwise");
    let listed = server.api("/api/v1/tokens");
    assert!(!listed.to_string().contains(&text[17..]), "{listed}");
    assert_eq!(listed["tokens"][0]["used"], Value::Null);
    assert_eq!(by(&server, &token, "GET", "/api/v1/runs").status, 200);
    assert!(server.api("/api/v1/tokens")["tokens"][0]["used"].is_string());
    assert_eq!(by(&server, &token, "POST", "/api/v1/workflows/any/pause").status, 200);
    for (method, path) in [("GET", "/api/v1/secrets"), ("GET", "/api/v1/tokens"), ("GET", "/api/v1/backup")] {
        assert_eq!(by(&server, &token, method, path).problem(), "forbidden", "{path}");
    }
    assert_eq!(server.ask("DELETE", &format!("/api/v1/tokens/{id}"), &Value::Null).status, 204);
    assert_eq!(by(&server, &token, "GET", "/api/v1/runs").status, 401);
    assert_eq!(
        server.ask("DELETE", &format!("/api/v1/tokens/{id}"), &Value::Null).problem(),
        "token_unknown"
    );
    assert!(!server.stderr().contains(&text[17..]));
}

/// Days of the times that the API writes.
mod jiff_date {
    use serde_json::Value;

    pub type Date = i64;

    pub fn of(time: &Value) -> Date {
        let time: jiff::Timestamp = time.as_str().unwrap().parse().unwrap();
        time.as_second() / 86_400
    }
}

#[test]
fn a_token_that_could_do_nothing_is_not_made() {
    let server = TestServer::start([]);
    let make = |body: Value| server.ask("POST", "/api/v1/tokens", &body).status;
    assert_eq!(make(json!({ "name": "x", "scopes": [] })), 422);
    assert_eq!(make(json!({ "name": "  ", "scopes": ["runs:read"] })), 422);
    assert_eq!(make(json!({ "name": "x", "scopes": ["runs:write"] })), 400);
    assert_eq!(make(json!({ "name": "x", "scopes": ["admin"], "prefix": "shop-" })), 422);
    assert_eq!(make(json!({ "name": "x", "scopes": ["runs:read"], "prefix": "" })), 422);
    assert_eq!(make(json!({ "name": "x", "scopes": ["runs:read"], "expires_in": "soon" })), 400);
    assert_eq!(make(json!({ "name": "x", "scopes": ["runs:read"], "expires_in": "0s" })), 422);
    let never = made(&server, &json!({ "name": "x", "scopes": ["runs:read"], "expires_in": "never" }));
    assert_eq!(never["expires"], Value::Null);
}

#[test]
fn a_token_that_has_expired_opens_nothing() {
    let server = TestServer::start([]);
    let short = made(&server, &json!({ "name": "x", "scopes": ["runs:read"], "expires_in": "1ms" }));
    crate::support::wait_until("the token expires", 10, || {
        by(&server, &short, "GET", "/api/v1/runs").status == 401
    });
    assert_eq!(server.api("/api/v1/tokens")["tokens"].as_array().unwrap().len(), 1, "it is listed still");
}

#[test]
fn a_limited_token_sees_its_workflows_alone() {
    let workflows = ["shop-a", "bank"].map(|key| Workflow::script(key, "throw new Error('no')"));
    let server = TestServer::start(workflows);
    let runs = ["shop-a", "bank"].map(|key| server.post(key, &json!({})).run_id());
    let scopes =
        json!(["workflows:read", "runs:read", "runs:control", "requests:read", "kv:read", "plugins:read"]);
    let token = made(&server, &json!({ "name": "shop", "scopes": scopes, "prefix": "shop-" }));
    let lists = [
        ("runs", "runs"),
        ("workflows", "workflows"),
        ("dead-letters", "dead_letters"),
        ("requests", "requests"),
    ];
    for (path, list) in lists {
        crate::support::wait_until("both are listed", 20, || {
            server.api(&format!("/api/v1/{path}"))[list].as_array().unwrap().len() == 2
        });
        let seen = by(&server, &token, "GET", &format!("/api/v1/{path}")).json();
        assert_eq!(seen[list].as_array().unwrap().len(), 1, "{path}: {seen}");
        assert!(!seen.to_string().contains("bank"), "{path}: {seen}");
    }
    let requests = server.requests();
    let request = |key: &str| {
        let line = requests.iter().find(|line| line["workflow"] == key).unwrap();
        line["id"].as_str().unwrap().to_owned()
    };
    let cases = [
        ("GET", format!("/api/v1/runs/{}", runs[0]), format!("/api/v1/runs/{}", runs[1])),
        ("POST", format!("/api/v1/runs/{}/replay", runs[0]), format!("/api/v1/runs/{}/replay", runs[1])),
        (
            "GET",
            format!("/api/v1/requests/{}", request("shop-a")),
            format!("/api/v1/requests/{}", request("bank")),
        ),
        ("GET", "/api/v1/workflows/shop-a/kv".to_owned(), "/api/v1/workflows/bank/kv".to_owned()),
        ("POST", "/api/v1/workflows/shop-a/pause".to_owned(), "/api/v1/workflows/bank/pause".to_owned()),
        (
            "POST",
            "/api/v1/workflows/shop%2Da/resume".to_owned(),
            "/api/v1/workflows/b%61nk/resume".to_owned(),
        ),
    ];
    for (method, own, other) in cases {
        let answer = by(&server, &token, method, &own);
        assert!(answer.status < 300, "{own}: {}", answer.text());
        assert_eq!(by(&server, &token, method, &other).problem(), "token_limited", "{other}");
    }
    for (method, path) in [("POST", "/api/v1/runs/replay"), ("GET", "/api/v1/plugins")] {
        assert_eq!(by(&server, &token, method, path).problem(), "token_limited", "{path}");
    }
}

#[test]
fn the_token_of_the_machine_can_be_switched_off() {
    let mut server = TestServer::start([]);
    let admin = made(&server, &json!({ "name": "ops", "scopes": ["admin"] }));
    let machine = server.token();
    server.stop();
    let mut off = Setup::default().variable("FLOWCELL_SERVER_MACHINE_TOKEN", "false").start();
    assert!(!off.data().join("api-token").exists(), "none is made");
    let answer =
        off.send(&Request::get("/api/v1/runs").header("authorization", &format!("Bearer {machine}")));
    assert_eq!(answer.status, 401);
    assert!(admin["token"].is_string());
    off.stop();
}

#[test]
fn tokens_are_made_listed_and_revoked_by_command() {
    let server = TestServer::start([]);
    let words = [
        "tokens",
        "create",
        "ci",
        "--scope",
        "runs:read,requests:read",
        "--prefix",
        "shop-",
        "--expires-in",
        "30d",
    ];
    let created = server.command(&words);
    assert_eq!(created.code, 0, "{}", created.stderr);
    let text = created.stdout.trim().to_owned();
    assert!(text.starts_with("fct_") && text.lines().count() == 1, "{text}");
    let listed = server.command(&["tokens", "list"]);
    assert!(listed.stdout.contains(&text[4..16]) && listed.stdout.contains("shop-*"), "{}", listed.stdout);
    assert!(!listed.stdout.contains(&text[17..]));
    assert_eq!(server.command(&["tokens", "revoke", &text[4..16]]).code, 0);
    assert!(server.command(&["tokens", "list"]).stderr.contains("no tokens"));
    let wrong = server.command(&["tokens", "create", "ci", "--scope", "everything"]);
    assert!(wrong.code == 2 && wrong.stderr.contains("runs:control"), "{}", wrong.stderr);
}

#[test]
fn a_person_makes_a_token_and_the_token_outlives_the_session() {
    let server = TestServer::start([]);
    let mut anna = Browser::set_up(&server, "anna", "correct horse battery");
    let response = anna.sure("POST", "/api/v1/tokens", &json!({ "name": "ci", "scopes": ["runs:read"] }));
    assert_eq!(response.status, 201, "{}", response.text());
    let token = response.json();
    assert_eq!(token["made_by"], "anna");
    assert_eq!(anna.ask("DELETE", "/api/v1/session", &Value::Null).status, 204);
    assert_eq!(by(&server, &token, "GET", "/api/v1/runs").status, 200);
    let who = by(&server, &token, "GET", "/api/v1/session").json();
    assert_eq!((who["user"]["name"].as_str(), who["user"]["role"].as_str()), (Some("ci"), None));
    assert_eq!(who["user"]["rights"], json!(["runs:read"]));
}
