//! Every way to be refused: a stable code as problem+json, a line in the request log with the true reason, and no run.

use serde_json::{Value, json};

use crate::support::{Request, Setup, TestServer, Workflow, github_signature, raw};

/// A refused request.
struct Case {
    what: &'static str,
    request: Request,
    status: u16,
    code: &'static str,
    /// Words of the true reason, in the log.
    reason: &'static str,
    /// The workflow that the path leads to.
    workflow: Option<&'static str>,
}

fn server() -> TestServer {
    let script = |key: &str| Workflow::script(key, "return 'ran'");
    Setup::default()
        .workflows([
            script("open").trigger(json!({ "methods": ["POST", "PUT"], "max_body": "1KiB" })),
            script("disabled").set(json!({ "enabled": false })),
            script("signed")
                .trigger(json!({ "verify": { "scheme": "github", "secret": "{{$env.THE_SECRET}}" } })),
            script("unset")
                .trigger(json!({ "verify": { "scheme": "github", "secret": "{{$env.NOT_SET}}" } })),
        ])
        .variable("THE_SECRET", "hunter2hunter2")
        .start()
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn cases() -> Vec<Case> {
    let post = |key: &str| Request::post(&format!("/api/webhooks/{key}"));
    let case = |what, request, status, code, reason, workflow| Case {
        what,
        request,
        status,
        code,
        reason,
        workflow,
    };
    let open = Some("open");
    vec![
        case(
            "an unknown key",
            post("nobody").body("{}"),
            404,
            "webhook_unknown",
            "no workflow has this path",
            None,
        ),
        case(
            "a longer path",
            post("open/more").body("{}"),
            404,
            "webhook_unknown",
            "no workflow has this path",
            None,
        ),
        case(
            "an escaped key",
            post("%6fpen").body("{}"),
            404,
            "webhook_unknown",
            "no workflow has this path",
            None,
        ),
        case(
            "dots",
            post("%2e%2e%2fopen").body("{}"),
            404,
            "webhook_unknown",
            "no workflow has this path",
            None,
        ),
        case(
            "another case",
            post("OPEN").body("{}"),
            404,
            "webhook_unknown",
            "no workflow has this path",
            None,
        ),
        case(
            "a disabled workflow",
            post("disabled").body("{}"),
            404,
            "webhook_unknown",
            "disabled",
            Some("disabled"),
        ),
        case("GET", Request::get("/api/webhooks/open"), 405, "method_not_allowed", "POST, PUT", open),
        case(
            "DELETE",
            Request::new("DELETE", "/api/webhooks/open"),
            405,
            "method_not_allowed",
            "POST, PUT",
            open,
        ),
        case(
            "an invented method",
            Request::new("BREW", "/api/webhooks/open"),
            405,
            "method_not_allowed",
            "POST, PUT",
            open,
        ),
        case(
            "an overridden method",
            Request::get("/api/webhooks/open").header("x-http-method-override", "POST"),
            405,
            "method_not_allowed",
            "POST, PUT",
            open,
        ),
        case(
            "JSON cut short",
            post("open").header("content-type", "application/json").body("{\"a\":1"),
            400,
            "body_invalid",
            "EOF",
            open,
        ),
        case(
            "JSON with more behind it",
            post("open").header("content-type", "application/json").body("{} {}"),
            400,
            "body_invalid",
            "trailing",
            open,
        ),
        case(
            "JSON with single quotes",
            post("open").header("content-type", "application/json").body("{'a':1}"),
            400,
            "body_invalid",
            "line 1 column 2",
            open,
        ),
        case(
            "JSON that is no UTF-8",
            post("open").header("content-type", "application/json").body(vec![b'"', 0xff, b'"']),
            400,
            "body_invalid",
            "UTF-8",
            open,
        ),
        case(
            "NaN",
            post("open").header("content-type", "application/json").body("NaN"),
            400,
            "body_invalid",
            "line 1",
            open,
        ),
        case("too large", post("open").body("x".repeat(1_025)), 413, "body_too_large", "1024 bytes", open),
        case(
            "gzip",
            post("open").header("content-encoding", "gzip").body("\u{1f}"),
            415,
            "content_encoding_unsupported",
            "gzip",
            open,
        ),
        case(
            "nested encodings",
            post("open").header("content-encoding", "gzip, gzip").body("x"),
            415,
            "content_encoding_unsupported",
            "gzip, gzip",
            open,
        ),
        case(
            "multipart that is no form",
            post("open").header("content-type", "multipart/mixed; boundary=x").body("--x--"),
            415,
            "media_type_unsupported",
            "multipart/mixed",
            open,
        ),
        case(
            "a form that is cut off",
            post("open").header("content-type", "multipart/form-data; boundary=x").body("--x\r\n"),
            400,
            "body_invalid",
            "head of a part",
            open,
        ),
        case(
            "two types",
            post("open").header("content-type", "text/plain").header("content-type", "text/html").body("x"),
            415,
            "media_type_unsupported",
            "several at once",
            open,
        ),
        case(
            "too many parameters",
            Request::post(&format!("/api/webhooks/open?{}", "a&".repeat(1_001))).body("{}"),
            400,
            "query_invalid",
            "more than 1000",
            open,
        ),
        case(
            "no signature",
            post("signed").body("{}"),
            401,
            "signature_invalid",
            "x-hub-signature-256` is missing",
            Some("signed"),
        ),
        case(
            "a wrong signature",
            post("signed").header("x-hub-signature-256", &github_signature(b"{}", "wrong")).body("{}"),
            401,
            "signature_invalid",
            "no signature matches",
            Some("signed"),
        ),
        case(
            "a wrong signature over what is no JSON",
            post("signed")
                .header("content-type", "application/json")
                .header("x-hub-signature-256", &github_signature(b"{", "wrong"))
                .body("{"),
            401,
            "signature_invalid",
            "no signature matches",
            Some("signed"),
        ),
        case(
            "a secret that is not set",
            post("unset").header("x-hub-signature-256", &github_signature(b"{}", "")).body("{}"),
            503,
            "webhook_unavailable",
            "no environment variable `NOT_SET`",
            Some("unset"),
        ),
    ]
}

#[test]
fn each_refusal_has_its_code_stands_in_the_request_log_and_runs_nothing() {
    let server = server();
    let cases = cases();
    for (number, Case { what, request, status, code, reason, workflow }) in cases.iter().enumerate() {
        let response = server.send(request);
        assert_eq!(
            (response.status, response.problem().as_str()),
            (*status, *code),
            "{what}: {}",
            response.text()
        );
        let line = server.newest_request(number + 1);
        assert_eq!(line["status"], *status, "{what}: {line}");
        assert_eq!(line["outcome"]["refused"]["code"], *code, "{what}: {line}");
        let logged = line["outcome"]["refused"]["reason"].as_str().unwrap();
        assert!(logged.contains(reason), "{what}: the log says {logged}");
        assert_eq!(line["workflow"], json!(workflow), "{what}: {line}");
        assert_eq!(line["ip"], "127.0.0.1");
        assert!(!logged.contains("hunter2"), "{what}: the log holds a secret");
    }
    assert_eq!(server.runs("open"), Vec::<Value>::new());
    assert_eq!(server.runs("signed"), Vec::<Value>::new());
    let good = Request::post("/api/webhooks/open").body("{}");
    assert_eq!(server.send(&good).status, 200, "and what is right still runs");
    assert_eq!(server.runs("open").len(), 1);
}

#[test]
fn a_disabled_workflow_looks_from_outside_as_one_that_never_was() {
    let server = server();
    let answers: Vec<_> = ["disabled", "never-was"]
        .iter()
        .map(|key| server.send(&Request::post(&format!("/api/webhooks/{key}")).body("{}")))
        .map(|response| {
            (
                response.status,
                response.body,
                response.headers.iter().filter(|(name, _)| name != "date").cloned().collect::<Vec<_>>(),
            )
        })
        .collect();
    assert_eq!(answers[0], answers[1]);
    for method in ["GET", "OPTIONS", "DELETE"] {
        let status = |key: &str| server.send(&Request::new(method, &format!("/api/webhooks/{key}"))).status;
        assert_eq!((status("disabled"), status("never-was")), (404, 404), "{method}");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let server = server();
    for method in ["GET", "DELETE", "PATCH", "TRACE"] {
        let response = server.send(&Request::new(method, "/api/webhooks/open"));
        assert_eq!((response.status, response.header("allow")), (405, Some("POST, PUT")), "{method}");
    }
}

#[test]
fn head_and_options_never_run_a_workflow() {
    let any = json!({ "methods": ["GET", "POST", "PUT", "PATCH", "DELETE"] });
    let server = TestServer::start([Workflow::script("any", "return 1").trigger(any)]);
    for (method, status) in [("HEAD", 200), ("OPTIONS", 204)] {
        let response =
            server.send(&Request::new(method, "/api/webhooks/any").header("origin", "https://evil.example"));
        assert_eq!((response.status, &*response.body), (status, &b""[..]), "{method}");
        assert_eq!(response.header("allow"), Some("GET, POST, PUT, PATCH, DELETE"), "{method}");
        assert_eq!(
            response.header("access-control-allow-origin"),
            None,
            "no site may call it from a browser"
        );
    }
    assert_eq!(server.runs("any"), Vec::<Value>::new());
}

#[test]
fn a_body_at_the_limit_runs_and_one_byte_more_does_not_however_it_is_sent() {
    let server = server();
    let at_limit =
        Request::post("/api/webhooks/open").header("content-type", "text/plain").body("x".repeat(1_024));
    assert_eq!(server.send(&at_limit).status, 200);
    let head =
        "POST /api/webhooks/open HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-type: text/plain\r\n";
    let chunk = "200\r\n".to_owned() + &"x".repeat(0x200) + "\r\n";
    let cases = [
        ("announced and never sent", format!("{head}content-length: 1000000000\r\n\r\n"), 413),
        (
            "in chunks, at the limit",
            format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"),
            200,
        ),
        (
            "in chunks, over it",
            format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}1\r\nx\r\n0\r\n\r\n"),
            413,
        ),
        (
            "in chunks without end",
            format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}"),
            413,
        ),
    ];
    for (case, bytes, status) in cases {
        let response =
            raw(server.address(), bytes.as_bytes()).unwrap_or_else(|| panic!("{case}: no response"));
        assert_eq!(response.status, status, "{case}: {}", response.text());
    }
    assert_eq!(server.runs("open").len(), 2);
}

#[test]
fn a_missing_secret_is_told_at_the_start_and_other_workflows_run() {
    let server = server();
    server.wait_for_log("NOT_SET");
    assert_eq!(server.send(&Request::post("/api/webhooks/open").body("{}")).status, 200);
    let unset = server.send(&Request::post("/api/webhooks/unset").body("{}"));
    assert_eq!(unset.status, 503);
    assert!(!unset.text().contains("NOT_SET"), "a stranger learns no names: {}", unset.text());
    let empty = Setup::default()
        .workflows([Workflow::script("empty", "return 1")
            .trigger(json!({ "verify": { "scheme": "github", "secret": "{{$env.EMPTY}}" } }))])
        .variable("EMPTY", "")
        .start();
    let request =
        Request::post("/api/webhooks/empty").header("x-hub-signature-256", &github_signature(b"{}", ""));
    assert_eq!(empty.send(&request.body("{}")).status, 503, "an empty secret is never a key");
}

#[test]
fn a_failed_run_answers_500_with_its_id_and_tells_nothing_else() {
    let server =
        TestServer::start([Workflow::script("fails", "throw new Error('the password is swordfish')")]);
    let response = server.hook("fails");
    assert_eq!((response.status, response.problem().as_str()), (500, "run_failed"));
    assert!(!response.text().contains("swordfish"));
    let run = server.run(&response.run_id());
    assert_eq!(run["error"]["message"], "Error: the password is swordfish");
    let line = server.newest_request(1);
    assert_eq!((&line["status"], &line["outcome"]["accepted"]["run"]), (&json!(500), &run["id"]));
}

#[test]
fn the_log_keeps_no_query_and_cuts_endless_paths() {
    let server = server();
    server.send(&Request::get("/api/webhooks/open?token=s3cr3t"));
    assert_eq!(server.newest_request(1)["path"], "/api/webhooks/open");
    server.send(&Request::get(&format!("/api/webhooks/{}", "é".repeat(1_000).replace('é', "%C3%A9"))));
    let path = server.newest_request(2)["path"].as_str().unwrap().len();
    assert!(path <= 1_024, "{path} bytes of a path");
}
