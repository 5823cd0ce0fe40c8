//! What is refused before the routes stands in the request log as well, if it was for a webhook.

use serde_json::json;

use crate::support::{Request, Setup, Workflow, raw, raw_bytes};

#[test]
fn every_answer_below_the_webhooks_has_a_line_whoever_gave_it() {
    let server = Setup::default()
        .workflows([Workflow::script("a", "return 1")])
        .variable("FLOWCELL_SERVER_TRUSTED_PROXIES", "127.0.0.1")
        .variable("FLOWCELL_SERVER_FORWARDED_HEADER", "x-real-ip")
        .start();
    let long = format!("/api/webhooks/a?{}", "x".repeat(9_000));
    let cases = [
        (Request::post(&long), 414, "uri_too_long"),
        (Request::post("/api/webhooks/a").header("host", "a").header("host", "b"), 400, "request_invalid"),
        (
            Request::post("/api/webhooks/a").header("transfer-encoding", "gzip, chunked"),
            400,
            "request_invalid",
        ),
    ];
    for (index, (request, status, code)) in cases.into_iter().enumerate() {
        let answer = server.send(&request.header("x-real-ip", "203.0.113.7"));
        assert_eq!((answer.status, answer.problem().as_str()), (status, code));
        let line = server.newest_request(index + 1);
        assert_eq!(line["outcome"]["refused"]["code"], json!(code), "{line}");
        assert_eq!((&line["status"], &line["ip"]), (&json!(status), &json!("203.0.113.7")), "{line}");
        assert_eq!(line["path"], "/api/webhooks/a", "{line}");
    }
    assert_eq!(server.send(&Request::post(&long.replace("/api/webhooks/", "/api/other/"))).status, 414);
    server.send(&Request::post("/api/webhooks/none"));
    assert_eq!(
        server.newest_request(4)["outcome"]["refused"]["code"],
        "webhook_unknown",
        "other paths have no log"
    );
    assert!(server.runs("a").is_empty());
}

/// hyper itself answers these, before anything of ours sees a request.
#[test]
fn a_head_that_cannot_be_read_has_a_line_too() {
    let server = Setup::default().workflows([Workflow::script("a", "return 1")]).start();
    let long = format!("GET /api/webhooks/{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(70_000));
    let wide = format!("GET /api/webhooks/a HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(70_000));
    let many = format!("GET /api/webhooks/a HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(200));
    let cut = format!("/api/webhooks/{}", "x".repeat(1_000));
    let cases: [(&[u8], u16, &str); 9] = [
        (b"GET /api/webhooks/a HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n", 400, "/api/webhooks/a"),
        (b"GET /api/webhooks/a\x00b HTTP/1.1\r\nHost: a\r\n\r\n", 400, "/api/webhooks/a%00b"),
        (b"GET /api/webhooks/a<b> HTTP/9.9\r\nHost: a\r\n\r\n", 400, "/api/webhooks/a%3Cb%3E"),
        (b"GET http://a/api/webhooks/a?x HTTP/1.1\r\nHost : a\r\n\r\n", 400, "/api/webhooks/a"),
        (b"P@ST /api/webhooks/a HTTP/1.1\r\nHost: a\r\n\r\n", 400, "/api/webhooks/a"),
        (b"POST /api/webhooks/a HTTP/1.1\nHost: a\n\n", 400, "/api/webhooks/a"),
        (long.as_bytes(), 431, &cut),
        (wide.as_bytes(), 431, "/api/webhooks/a"),
        (many.as_bytes(), 431, "/api/webhooks/a"),
    ];
    let mut lines = 0;
    for (bytes, status, path) in cases {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let answer = raw(server.address(), bytes).unwrap_or_else(|| panic!("no answer: {shown}"));
        assert_eq!(answer.status, status, "{shown}");
        lines += 1;
        let line = server.newest_request(lines);
        assert!(line["path"].as_str().unwrap().starts_with(path), "{shown} {line}");
        assert_eq!((&line["status"], &line["ip"]), (&json!(status), &json!("127.0.0.1")), "{shown} {line}");
        assert!(line["outcome"]["refused"]["code"].is_string(), "{shown} {line}");
    }
    // Behind good requests on the same connection, the line is that of the bad one. Other paths have no line.
    let good = "POST /api/webhooks/a HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n";
    let text = format!("{good}{good}GET /api/webhooks/bad HTTP/1.1\r\nX\r\n\r\n{good}");
    raw_bytes(server.address(), text.as_bytes()).unwrap();
    raw_bytes(server.address(), b"GET /other HTTP/1.1\r\nX\r\n\r\n").unwrap();
    let newest = server.newest_request(lines + 3);
    assert_eq!((&newest["path"], &newest["status"]), (&json!("/api/webhooks/bad"), &json!(400)), "{newest}");
    assert_eq!(server.runs("a").len(), 2);
}

/// Two ids beyond 64 bits that are the same double are two ids.
#[test]
fn ids_beyond_64_bits_stay_apart() {
    let server = Setup::default()
        .workflows([Workflow::script("ids", "return 1")
            .trigger(json!({ "verify": { "scheme": "header", "header": "x-key", "secret": "s" }, "dedupe": { "key": "{{$context.data.id}}" } }))])
        .start();
    let send = |id: &str| {
        let request = Request::post("/api/webhooks/ids").header("x-key", "s");
        server.send(&request.header("content-type", "application/json").body(format!("{{\"id\": {id}}}")))
    };
    for (id, replayed) in [
        ("123456789012345678901", None),
        ("123456789012345678902", None),
        ("123456789012345678901", Some("true")),
        ("-123456789012345678901", None),
        ("18446744073709551615", None),
        ("18446744073709551616", None),
    ] {
        let answer = send(id);
        assert_eq!((answer.status, answer.header("idempotency-replayed")), (200, replayed), "{id}");
    }
    assert_eq!(server.runs("ids").len(), 5);
}

#[test]
fn bytes_are_answered_as_they_are() {
    let script = "respond({ status: 200, headers: { 'content-type': 'image/x-test' }, body: new Uint8Array([0, 255, 10, 128]) })";
    let buffer = "respond({ body: Buffer.from([1, 2, 254]) })";
    let server = Setup::default()
        .workflows([Workflow::script("bytes", script), Workflow::script("buffer", buffer)])
        .start();
    let answer = server.send(&Request::get("/api/webhooks/bytes"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/x-test")));
    assert_eq!(answer.body, [0, 255, 10, 128]);
    assert_eq!(server.send(&Request::get("/api/webhooks/buffer")).body, [1, 2, 254]);
}
