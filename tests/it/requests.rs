//! Hostile requests below HTTP's own rules: bombs, smuggling, and senders that are slow on purpose.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{Request, Response, TestServer, Workflow, raw, raw_bytes, wait_until};

/// A workflow that anyone may run, and that says what it saw.
fn open() -> TestServer {
    TestServer::start([Workflow::script(
        "open",
        "return { data: context.data, polluted: ({}).polluted ?? null }",
    )])
}

/// Sends a request that must be refused with this status and code.
#[track_caller]
fn refuse(server: &TestServer, what: &str, request: &Request, status: u16, code: &str) {
    let response = server.send(request);
    assert_eq!((response.status, response.problem().as_str()), (status, code), "{what}: {}", response.text());
}

#[test]
fn bombs_in_bodies_are_refused_and_the_server_stays_small() {
    let mut server = open();
    let hook = || Request::post("/api/webhooks/open");
    let json = |body: String| hook().header("content-type", "application/json").body(body);
    assert_eq!(server.hook("open").status, 200);
    let before = server.resident_mib();

    refuse(&server, "a million open brackets", &json("[".repeat(1_000_000)), 400, "body_invalid");
    refuse(&server, "closed ones", &json("[".repeat(400_000) + &"]".repeat(400_000)), 400, "body_invalid");
    refuse(
        &server,
        "objects",
        &json("{\"a\":".repeat(150_000) + "1" + &"}".repeat(150_000)),
        400,
        "body_invalid",
    );
    refuse(&server, "a form of 2000 fields", &hook().form(&"a=1&".repeat(2_000)), 400, "body_invalid");
    assert_eq!(server.send(&hook().form(&"[".repeat(500_000))).status, 200, "as a form it is one long name");
    assert!(server.is_alive());
    assert!(server.resident_mib() < before + 200, "{before} MiB became {} MiB", server.resident_mib());
}

#[test]
fn json_at_the_limit_of_nesting_runs() {
    let server = open();
    let body = "[".repeat(100) + &"]".repeat(100);
    let response = server
        .send(&Request::post("/api/webhooks/open").header("content-type", "application/json").body(body));
    assert_eq!(response.status, 200, "{}", response.text());
}

#[test]
fn proto_in_a_body_is_plain_data() {
    let server = open();
    let body = r#"{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 2}}}"#;
    let json = server
        .send(&Request::post("/api/webhooks/open").header("content-type", "application/json").body(body));
    assert_eq!(
        json.json(),
        json!({ "data": serde_json::from_str::<Value>(body).unwrap(), "polluted": null })
    );
    let form = server.send(
        &Request::post("/api/webhooks/open?__proto__[polluted]=1").form("__proto__[polluted]=1&__proto__=2"),
    );
    assert_eq!(
        form.json(),
        json!({ "data": { "__proto__[polluted]": "1", "__proto__": "2" }, "polluted": null })
    );
    assert_eq!(server.hook("open").json()["polluted"], Value::Null);
}

#[test]
fn cve_2026_21858_a_json_body_that_claims_to_be_an_upload_is_plain_data() {
    let server = open();
    let body = json!({ "files": { "x": { "filepath": "/etc/passwd", "originalFilename": "a", "mimetype": "text/plain" } } });
    assert_eq!(server.post("open", &body).json()["data"], body);
    let upload =
        Request::post("/api/webhooks/open").header("content-type", "multipart/form-data; boundary=x");
    refuse(&server, "a form that is none", &upload.body(body.to_string()), 400, "body_invalid");
}

#[test]
fn header_bombs_are_refused_by_431() {
    let server = open();
    let many = (0..500).map(|number| format!("x-{number}: a\r\n")).collect::<String>();
    let one = format!("x-long: {}\r\n", "a".repeat(200_000));
    let target = "a".repeat(200_000);
    let cases = [
        ("500 headers", format!("GET /api/webhooks/open HTTP/1.1\r\nhost: a\r\n{many}\r\n"), [431, 431]),
        ("one of 200 KB", format!("GET /api/webhooks/open HTTP/1.1\r\nhost: a\r\n{one}\r\n"), [431, 431]),
        ("a path of 200 KB", format!("GET /{target} HTTP/1.1\r\nhost: a\r\n\r\n"), [414, 431]),
    ];
    for (case, bytes, expected) in cases {
        let status = raw(server.address(), bytes.as_bytes()).map(|response| response.status);
        assert!(status.is_some_and(|status| expected.contains(&status)), "{case}: {status:?}");
    }
    assert_eq!(server.hook("open").status, 200);
    assert_eq!(server.runs("open").len(), 1);
}

/// What request smugglers send (RFC 9112 sections 2.2, 5.2, 6.3 and 7.1).
pub fn smuggling() -> Vec<(&'static str, String)> {
    let head = "POST /api/webhooks/open HTTP/1.1\r\nhost: a\r\n";
    vec![
        ("two lengths that differ", format!("{head}content-length: 5\r\ncontent-length: 6\r\n\r\nhello!")),
        ("a list of lengths", format!("{head}content-length: 5, 6\r\n\r\nhello!")),
        ("a signed length", format!("{head}content-length: +5\r\n\r\nhello")),
        ("a negative length", format!("{head}content-length: -1\r\n\r\nhello")),
        ("a hex length", format!("{head}content-length: 0x5\r\n\r\nhello")),
        ("a huge length", format!("{head}content-length: 99999999999999999999\r\n\r\nhello")),
        (
            "a chunk size that is none",
            format!("{head}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"),
        ),
        (
            "a chunk size over 64 bits",
            format!("{head}transfer-encoding: chunked\r\n\r\nffffffffffffffff1\r\nhello\r\n0\r\n\r\n"),
        ),
        (
            "a chunk longer than its size",
            format!("{head}transfer-encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n"),
        ),
        (
            "a chunk extension bomb",
            format!(
                "{head}transfer-encoding: chunked\r\n\r\n5;{}\r\nhello\r\n0\r\n\r\n",
                "a".repeat(100_000)
            ),
        ),
        ("chunked not last", format!("{head}transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n")),
        ("an unknown coding", format!("{head}transfer-encoding: xchunked\r\n\r\n0\r\n\r\n")),
        ("space before the colon", format!("{head}content-length : 5\r\n\r\nhello")),
        ("obs-fold", format!("{head}x-a: b\r\n c\r\n\r\n")),
        ("a bare CR in a header", format!("{head}x-a: b\rcontent-length: 5\r\n\r\nhello")),
        ("a NUL in a header", format!("{head}x-a: b\0c\r\n\r\n")),
        ("no header name", format!("{head}: b\r\n\r\n")),
        ("no host's worth of a line", "POST\r\n\r\n".to_owned()),
        ("a space in the target", "GET /api/webhooks/open HTTP/1.1 HTTP/1.1\r\nhost: a\r\n\r\n".to_owned()),
        ("a version that is none", "GET /api/webhooks/open HTTP/9.9\r\nhost: a\r\n\r\n".to_owned()),
        ("a TLS hello", "\u{16}\u{3}\u{1}\0\u{5}hello\r\n\r\n".to_owned()),
    ]
}

#[test]
fn smuggled_requests_are_answered_with_400_or_closed_and_nothing_hides_behind_them() {
    let mut server = open();
    let follower = "GET /api/webhooks/open HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    for (case, bytes) in smuggling() {
        let received =
            raw_bytes(server.address(), format!("{bytes}{follower}").as_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&received);
        let answers = text.matches("HTTP/1.1 ").count();
        assert!(answers <= 1, "{case}: {answers} answers on one connection: {text}");
        if let Some(response) = Response::parse(&received, false) {
            assert!((400..500).contains(&response.status) || response.status == 501, "{case}: {text}");
        }
    }
    assert!(server.is_alive());
    assert_eq!(server.runs("open"), Vec::<Value>::new(), "none of them ran the workflow");
    assert_eq!(server.hook("open").status, 200);
}

/// RFC 9112 section 6.3: the length is ignored, the chunks count, and the connection ends, so that nothing follows.
#[test]
fn a_length_beside_chunks_hides_no_second_request() {
    let server = open();
    let head = "POST /api/webhooks/open HTTP/1.1\r\nhost: a\r\n";
    let inner = "POST /api/webhooks/open HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\n\r\n7";
    let size = inner.len();
    let cases = [
        format!("{head}content-length: 6\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nX"),
        format!("{head}content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{inner}"),
        format!(
            "{head}transfer-encoding: chunked\r\ncontent-length: 4\r\n\r\n{size:x}\r\n{inner}\r\n0\r\n\r\n{inner}"
        ),
    ];
    for bytes in cases {
        let received = raw_bytes(server.address(), bytes.as_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&received);
        assert_eq!(text.matches("HTTP/1.1 ").count(), 1, "{bytes}: {text}");
        assert!(text.starts_with("HTTP/1.1 400 ") && text.contains("connection: close"), "{bytes}: {text}");
    }
    assert!(server.runs("open").is_empty());
}

/// RFC 9112 section 2.2 lets a server take a bare LF as the end of a line; what matters is that nothing is smuggled by it.
#[test]
fn bare_line_feeds_smuggle_nothing() {
    let server = open();
    let bytes = "GET /api/webhooks/open HTTP/1.1\nhost: a\nconnection: close\n\nGET /api/webhooks/open HTTP/1.1\nhost: a\n\n";
    let received = raw_bytes(server.address(), bytes.as_bytes()).unwrap_or_default();
    assert!(String::from_utf8_lossy(&received).matches("HTTP/1.1 ").count() <= 1);
    assert!(server.runs("open").len() <= 1);
}

#[test]
fn senders_that_drip_their_headers_do_not_hold_up_others_and_are_cut_off() {
    let server = open();
    let mut slow: Vec<_> = (0..200)
        .map(|_| {
            let mut stream = TcpStream::connect(server.address()).unwrap();
            stream.write_all(b"POST /api/webhooks/open HTTP/1.1\r\nhost: a\r\nx-slow: ").unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
            stream
        })
        .collect();
    let started = Instant::now();
    for _ in 0..10 {
        assert_eq!(server.hook("open").status, 200);
    }
    assert!(started.elapsed() < Duration::from_secs(10), "{:?} for ten requests", started.elapsed());

    let mut rest = Vec::new();
    let ended = slow[0].read_to_end(&mut rest);
    assert!(
        ended.is_ok() || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset),
        "it is closed"
    );
    assert!(
        String::from_utf8_lossy(&rest).is_empty() || String::from_utf8_lossy(&rest).contains(" 408 "),
        "{rest:?}"
    );
    assert!(started.elapsed() < Duration::from_secs(30), "after about ten seconds");
}

#[test]
fn a_client_that_goes_away_leaves_a_run_that_still_ends() {
    let server = open();
    // Each leaves a little later, so that some leave at every moment of a request.
    for delay in 0..100_u64 {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"GET /api/webhooks/open HTTP/1.1\r\nhost: a\r\n\r\n").unwrap();
        std::thread::sleep(Duration::from_micros(delay % 20 * 250));
    }
    // What was stored is executed, and what arrived is in the log.
    wait_until("every run ends", 30, || {
        let runs = server.runs("open");
        !runs.is_empty() && runs.iter().all(|run| run["status"] == "succeeded")
    });
    wait_until("every run is of a logged request", 30, || {
        let accepted =
            server.requests().iter().filter(|line| line["outcome"]["accepted"].is_object()).count();
        accepted == server.runs("open").len()
    });
    assert!(server.runs("open").iter().all(|run| run["status"] == "succeeded"));
}

#[test]
fn a_body_that_breaks_off_starts_no_run() {
    let server = open();
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream
        .write_all(b"POST /api/webhooks/open HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n{\"a\":")
        .unwrap();
    drop(stream);
    let line = server.newest_request(1);
    assert_eq!(line["outcome"]["refused"]["code"], "body_broken", "{line}");
    assert_eq!(server.runs("open"), Vec::<Value>::new());
}

#[test]
fn no_stored_run_holds_a_credential_of_its_request_unless_the_workflow_needs_it() {
    let source = "return { auth: context.headers.authorization, key: context.headers['x-api-key'], \
                  token: context.headers['x-gitlab-token'], plain: context.headers['x-plain'] }";
    let keeping = Workflow::script("keeping", source).trigger(
        json!({ "keep_headers": ["Authorization"], "dedupe": { "key": "{{$context.headers.x-api-key}}" } }),
    );
    let mut server = TestServer::start([Workflow::script("hiding", source), keeping]);
    let canary = "canary-7f3a90c1";
    let ask = |key: &str, api_key: &str| {
        Request::post(&format!("/api/webhooks/{key}"))
            .header("authorization", "Bearer kept-5d21")
            .header("x-api-key", api_key)
            .header("x-gitlab-token", canary)
            .header("cookie", canary)
            .header("proxy-authorization", canary)
            .header("x-plain", "plain")
    };
    let hidden = "[hidden]";
    let hiding = server.send(&ask("hiding", canary));
    assert_eq!(hiding.json(), json!({ "auth": hidden, "key": hidden, "token": hidden, "plain": "plain" }));
    let keeping = server.send(&ask("keeping", canary));
    assert_eq!(
        keeping.json(),
        json!({ "auth": "Bearer kept-5d21", "key": hidden, "token": hidden, "plain": "plain" })
    );
    // The dedupe key may read what is hidden afterwards: copies and others are told apart by it.
    assert_eq!(server.send(&ask("keeping", canary)).header("idempotency-replayed"), Some("true"));
    assert_eq!(server.send(&ask("keeping", "another")).header("idempotency-replayed"), None);
    let shown = server.run(&keeping.run_id());
    assert_eq!(shown["context"]["headers"]["authorization"], hidden, "kept for the steps, shown to nobody");
    server.stop();
    let mut folders = vec![server.data()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
            assert!(!found, "{} holds a credential", path.display());
        }
    }
}
