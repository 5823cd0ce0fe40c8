//! Attacks by what a request claims and where it goes; each test is named after its number in the list of threats.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use serde_json::json;

use crate::support::{Request, Setup, TestServer, Workflow, github_signature, poll, raw, wait_until};

const SECRET: &str = "It's a Secret to Everybody";

fn post(key: &str) -> Request {
    Request::post(&format!("/api/webhooks/{key}"))
}

#[test]
fn w4_a_delivery_that_is_replayed_runs_once() {
    let server = Setup::default()
        .workflows([Workflow::script("signed", "return { n: context.data.n, at: Math.random() }").trigger(
            json!({ "verify": { "scheme": "github", "secret": "{{$env.THE_SECRET}}" }, "dedupe": true }),
        )])
        .variable("THE_SECRET", SECRET)
        .start();
    let delivery = |id: &str| {
        let body = br#"{"n":1}"#;
        post("signed")
            .header("content-type", "application/json")
            .header("x-github-delivery", id)
            .header("x-hub-signature-256", &github_signature(body, SECRET))
            .body(body)
    };
    let first = server.send(&delivery("one"));
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, None));
    let second = server.send(&delivery("one"));
    assert_eq!((second.status, second.header("idempotency-replayed")), (200, Some("true")));
    assert_eq!(second.body, first.body);
    assert_eq!(server.runs("signed").len(), 1);
    assert_eq!(server.send(&delivery("two")).header("idempotency-replayed"), None);
    assert_eq!(server.runs("signed").len(), 2);
}

#[test]
fn w5_a_flood_of_ids_makes_none_forgotten() {
    const IDS: usize = 20_000;
    let workflow = Workflow::steps("flood", json!([])).deduped();
    let server = TestServer::start([workflow]);
    let (address, next) = (server.address(), AtomicUsize::new(0));
    let delivery = |n: usize| post("flood").header("x-delivery", &format!("id-{n}")).body("{}");
    let before = server.resident_mib();
    thread::scope(|scope| {
        for _ in 0..32 {
            scope.spawn(|| {
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= IDS {
                        return;
                    }
                    let response = poll("it is accepted", 60, || {
                        delivery(n).send(address).ok().filter(|response| response.status == 202)
                    });
                    assert_eq!(response.header("idempotency-replayed"), None);
                }
            });
        }
    });
    let after = server.resident_mib();
    assert!(after < before + 200, "{before} MiB became {after} MiB");
    for n in (0..IDS).step_by(100) {
        let again = server.send(&delivery(n));
        let run = again.run_id();
        assert_eq!(again.status, 202);
        wait_until("the first delivery's run is over", 60, || server.run(&run)["finished"].is_string());
        let again = server.send(&delivery(n));
        assert_eq!((again.run_id(), again.header("idempotency-replayed")), (run, Some("true")), "id-{n}");
    }
}

#[test]
fn w21_no_trick_with_paths_leads_anywhere() {
    let script = |key: &str| Workflow::script(key, "return context.params");
    let server =
        TestServer::start([script("open"), script("files").trigger(json!({ "path": "/files/:name" }))]);
    let get = |path: &str| {
        let bytes = format!("GET {path} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        raw(server.address(), bytes.as_bytes()).map(|response| response.status)
    };
    let keys = [
        "/api/webhooks/%2e%2e/open",
        "/api/webhooks/../webhooks/open",
        "/api/webhooks//open",
        "//api/webhooks/open",
        "/api/webhooks/open/",
        "/api/webhooks/open;x",
        "/api/webhooks/open%00",
        "/api/webhooks/%6fpen",
        "/api/webhooks/open%2f",
        "/api/webhooks/.%2fopen",
        "/api/webhooks/open%c0%ae",
        "/api/webhooks/OPEN",
        "/api/%77ebhooks/open",
        "/api/webhooks/./open",
        "/api/webhooks/open%20",
        "/api/webhooks\\open",
    ];
    let params = [
        "..",
        "%2e%2e",
        "%2E.",
        "%2f",
        "a%2fb",
        "%2fetc%2fpasswd",
        "a%5cb",
        "a;b=c",
        "%00",
        "a%00",
        "%c0%af",
        "%e0%80%ae",
        "%ff",
        "%",
        "%g0",
        "%0d%0aSet-Cookie:x",
        "",
        ".",
        "a/b",
        "/a",
    ];
    for path in keys
        .iter()
        .map(|path| (*path).to_owned())
        .chain(params.iter().map(|name| format!("/api/webhooks/files/{name}")))
    {
        let status = get(&path);
        assert!(matches!(status, None | Some(400 | 404)), "{path}: {status:?}");
    }
    assert_eq!(server.runs("open").len() + server.runs("files").len(), 0);
    assert_eq!(get("/api/webhooks/open"), Some(200));
    let seen = server.send(&Request::get("/api/webhooks/files/%252e%252e%20%E4%BC%81")).json();
    assert_eq!(seen, json!({ "name": "%2e%2e 企" }), "decoded once, and only data");
}

#[test]
fn w22_only_the_methods_that_are_listed_run() {
    let script = |key: &str| Workflow::script(key, "return context.method");
    let server = TestServer::start([
        script("post").trigger(json!({ "methods": ["POST"] })),
        script("all").trigger(json!({ "methods": ["GET", "POST", "PUT", "PATCH", "DELETE"] })),
        script("path").trigger(json!({ "methods": ["GET"], "path": "/things/:id" })),
    ]);
    let overrides = ["x-http-method-override", "x-http-method", "x-method-override"];
    for name in overrides {
        let response = server.send(&Request::get("/api/webhooks/post?_method=POST").header(name, "POST"));
        assert_eq!(response.status, 405, "{name}");
        let seen = server.send(&post("all").header(name, "DELETE").form("_method=DELETE"));
        assert_eq!(seen.json(), "POST", "{name} is but a header");
    }
    let ran = server.runs("all").len();
    for path in ["post", "all", "things/1"] {
        for method in ["HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "POST,GET"] {
            let response = Request::new(method, &format!("/api/webhooks/{path}")).send(server.address());
            // HEAD and OPTIONS tell that somebody is there, and no more.
            let bare = |response: &crate::support::Response| {
                response.body.is_empty() && matches!(response.status, 200 | 204)
            };
            assert!(
                response.map_or(true, |response| [400, 404, 405].contains(&response.status)
                    || (matches!(method, "HEAD" | "OPTIONS") && bare(&response))),
                "{method} {path}"
            );
        }
    }
    assert_eq!((server.runs("post").len(), server.runs("all").len(), server.runs("path").len()), (0, ran, 0));
}

#[test]
fn w25_what_is_not_there_looks_like_what_is_switched_off() {
    let script = |key: &str| Workflow::script(key, "return 1");
    let server = TestServer::start([
        script("disabled").set(json!({ "enabled": false })),
        script("disabled_path").set(json!({ "enabled": false })).trigger(json!({ "path": "/secret/:id" })),
        script("moved").trigger(json!({ "path": "/elsewhere" })),
    ]);
    let answer = |path: &str, method: &str| {
        let response = server.send(&Request::new(method, &format!("/api/webhooks/{path}")));
        let headers: Vec<_> = response.headers.iter().filter(|(name, _)| name != "date").cloned().collect();
        (response.status, headers, response.body)
    };
    for method in ["GET", "POST", "PUT", "OPTIONS"] {
        let unknown = answer("nobody", method);
        assert_eq!(unknown.0, 404);
        for path in ["disabled", "secret/1", "secret", "nobody/at/all", "moved"] {
            assert_eq!(answer(path, method), unknown, "{method} {path}");
        }
    }
    assert_eq!(answer("elsewhere", "POST").0, 200);
}
