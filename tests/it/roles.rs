//! Every route of the API, and who may call it: no route is missing in the table, and the server does what the table says.

use std::collections::BTreeSet;

use flowcell::{
    api::table,
    model::{Right, Role},
};
use regex::Regex;
use serde_json::{Value, json};

use crate::{
    layering::texts,
    support::{Browser, Request, Response, TestServer, Workflow},
};

/// Methods and paths of all routes that the sources of the API have.
fn routes() -> BTreeSet<(String, String)> {
    let method = Regex::new(r"\b(get|post|put|patch|delete)\(").unwrap();
    let documented =
        Regex::new(r#"(?s)utoipa::path\(\s*(get|post|put|patch|delete),.*?path\s*=\s*"([^"]+)""#).unwrap();
    let mut routes = BTreeSet::new();
    for (_, text) in texts().iter().filter(|(file, _)| file.starts_with("api/") || file.starts_with("api.rs"))
    {
        for (at, _) in text.match_indices(".route(") {
            let call = call(&text[at + ".route".len()..]);
            let Some(path) = call.split('"').nth(1).filter(|path| path.starts_with("/api/v1")) else {
                continue;
            };
            let handlers = call.splitn(3, '"').nth(2).unwrap_or_default();
            for found in method.captures_iter(handlers) {
                routes.insert((found[1].to_uppercase(), path.to_owned()));
            }
        }
        for found in documented.captures_iter(text) {
            routes.insert((found[1].to_uppercase(), found[2].to_owned()));
        }
    }
    assert!(routes.len() > 50, "the routes are not where they were: {routes:?}");
    routes
}

/// What stands between a bracket and its end.
fn call(text: &str) -> &str {
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' => depth += 1,
            ')' if depth == 1 => return &text[..at],
            ')' => depth -= 1,
            _ => {}
        }
    }
    text
}

/// The needs of all routes; a route without a row fails the test.
fn walked() -> Vec<(String, String, String, bool)> {
    let table = table();
    let mut missing = Vec::new();
    let mut walked = Vec::new();
    for (method, path) in routes() {
        match table.iter().find(|row| row.0 == method && row.1 == path) {
            Some((_, _, need, endless)) => walked.push((method, path, need.clone(), *endless)),
            None => missing.push(format!("{method} {path}")),
        }
    }
    assert!(missing.is_empty(), "give these a row in src/api/rights.rs: {missing:#?}");
    walked
}

/// A path with something in the places of its template.
fn filled(path: &str) -> String {
    let place = Regex::new(r"\{[a-z]+\}").unwrap();
    place.replace_all(path, "none").into_owned()
}

fn bearer(method: &str, path: &str, token: &str) -> Request {
    Request::new(method, path).header("authorization", &format!("Bearer {token}"))
}

fn is_forbidden(response: &Response) -> bool {
    response.status == 403 && response.problem() == "forbidden"
}

#[test]
fn every_route_has_a_row_and_lets_in_whose_role_has_its_right() {
    let server = TestServer::start([Workflow::script("any", "return 1")]);
    let walked = walked();
    for role in Role::ALL {
        let rights = role.rights(false);
        let scopes: Vec<Right> = rights.iter().collect();
        let made = server.ask("POST", "/api/v1/tokens", &json!({ "name": role, "scopes": scopes }));
        assert_eq!(made.status, 201, "{}", made.text());
        let token = made.json()["token"].as_str().unwrap().to_owned();
        for (method, path, need, endless) in &walked {
            let has = need.parse::<Right>().ok().is_none_or(|right| rights.has(right));
            if has && *endless {
                continue;
            }
            let response = server.send(&bearer(method, &filled(path), &token));
            let what = format!("{role}: {method} {path} needs {need}: {}", response.status);
            assert_eq!(is_forbidden(&response), !has, "{what}");
            assert!(has || response.status == 403, "{what}");
            assert!(response.status != 401 || need == "nothing", "{what}");
            assert!(response.status < 500, "{what}: {}", response.text());
            assert!(response.header("flowcell-request-id").is_some(), "{what}");
        }
    }
}

#[test]
fn every_route_is_closed_to_who_proves_nothing() {
    let server = TestServer::start([]);
    for (method, path, need, _) in walked() {
        let response = server.send(&Request::new(&method, &filled(&path)));
        assert_eq!(response.status == 401, need != "nothing", "{method} {path}: {}", response.status);
        let wrong =
            server.send(&bearer(&method, &filled(&path), &format!("fct_0123456789ab_{}", "0".repeat(64))));
        assert!(matches!(wrong.status, 401 | 429), "{method} {path}: {}", wrong.status);
    }
}

#[test]
fn a_method_that_no_row_has_is_refused_whatever_the_router_would_say() {
    let server = TestServer::start([]);
    let walked = walked();
    for (_, path, ..) in &walked {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            if walked.iter().any(|row| row.0 == method && row.1 == *path) {
                continue;
            }
            let response = server.ask(method, &filled(path), &Value::Null);
            assert_eq!(response.status, 405, "{method} {path}: {}", response.text());
            assert!(response.header("allow").is_some_and(|allow| !allow.contains(method)), "{method} {path}");
        }
    }
}

#[test]
fn people_may_what_their_roles_may() {
    let server = TestServer::start([Workflow::script("any", "return 1")]);
    let mut anna = Browser::set_up(&server, "anna", "correct horse battery");
    let mut viewer = anna.add("vera", "viewer", false);
    let mut operator = anna.add("olaf", "operator", false);
    let mut editor = anna.add("emma", "editor", false);
    let cases = [
        ("GET", "/api/v1/runs", [true, true, true]),
        ("GET", "/api/v1/workflows", [true, true, true]),
        ("POST", "/api/v1/workflows/any/pause", [false, true, true]),
        ("POST", "/api/v1/workflows/any/resume", [false, true, true]),
        ("GET", "/api/v1/workflows/any/kv", [false, false, true]),
        ("GET", "/api/v1/secrets", [false, false, false]),
        ("GET", "/api/v1/people", [false, false, false]),
        ("GET", "/api/v1/audit", [false, false, false]),
        ("POST", "/api/v1/backup", [false, false, false]),
        ("POST", "/api/v1/setup/link", [false, false, false]),
    ];
    for (method, path, may) in cases {
        for (person, may) in [&mut viewer, &mut operator, &mut editor].into_iter().zip(may) {
            let response = person.ask(method, path, &Value::Null);
            assert_eq!(!is_forbidden(&response), may, "{method} {path}: {}", response.text());
        }
    }
    let shown = viewer.ask("GET", "/api/v1/session", &Value::Null).json();
    assert_eq!(shown["user"]["name"], "vera");
    assert_eq!(
        (shown["user"]["role"].as_str(), shown["user"]["payloads"].as_bool()),
        (Some("viewer"), Some(false))
    );
    assert_eq!(shown["csrf"], Value::Null);
    assert_eq!(shown["server"]["setup"], false);
    let problem = viewer.ask("GET", "/api/v1/secrets", &Value::Null).json();
    assert_eq!(problem["params"]["right"], "secrets:read", "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("admin"), "it says which role has it: {problem}");
}
