//! What is refused before the routes stands in the request log as well, if it was for a webhook.

use serde_json::json;

use crate::support::{Request, Setup, Workflow};

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
