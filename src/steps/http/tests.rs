//! The `http` step from its JSON to its output, against a service on loopback.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Attempt, RetryHint, compile, exchange, execute};
use crate::{
    model::{Content, Event, HttpStep, Started},
    net::{
        Outbound,
        testing::{Answer, Server, outbound, reply},
    },
    steps::{Outputs, RunFacts, Scope, fixture::Fixture},
};

/// What templates read in these tests.
fn roots() -> Fixture {
    Fixture(json!({
        "context": {"data": {"id": 7, "evil": "../x?y=1&z=\r\nX-Evil: 1", "tags": ["a b", "c&d"], "user": {"n": "é"}}},
        "env": {"API": "https://a.example/v1", "EMPTY": ""},
        "secrets": {"TOKEN": "hunter2", "PATH": "hidden"},
    }))
}

fn numbered(key: &str, number: u32) -> Attempt {
    Attempt { idempotency_key: key.to_owned(), number, last: true, now_ms: 0, cookies: None }
}

/// One attempt of a step; its JSON has `BASE` for the server's address.
async fn run(server: &Server, spec: Value) -> (Result<Value, (String, String)>, RetryHint) {
    run_with(&server.outbound(), &server.url(""), spec).await
}

async fn run_with(net: &Outbound, base: &str, spec: Value) -> (Result<Value, (String, String)>, RetryHint) {
    let spec: HttpStep = serde_json::from_str(&spec.to_string().replace("BASE", base)).unwrap();
    let http = compile(&spec, "steps[0]").unwrap();
    let request = http.request.render(&roots(), &numbered("run_1:notify", 2));
    let (result, retry) = exchange(&http, request, net, true, &roots()).await;
    let result = result.map(|output| output.to_value());
    (result.map_err(|error| (error.code.as_str().to_owned(), error.message)), retry)
}

fn refused(spec: Value) -> String {
    let spec: HttpStep = serde_json::from_value(spec).unwrap();
    compile(&spec, "s").map(|_| ()).unwrap_err().to_string()
}

#[tokio::test]
async fn a_request_says_what_the_step_says() {
    let server = Server::always(reply(
        201,
        &[("content-type", "application/json"), ("Set-Cookie", "session=1"), ("X-A", "1"), ("x-a", "2")],
        "{\"created\": 12345678901234567890}",
    ))
    .await;
    let spec = json!({
        "url": "BASE/users/{{$context.data.id}}/{{$context.data.evil}}?q={{$context.data.evil}}",
        "query": {"tag": "{{$context.data.tags}}", "none": "{{$context.data.none}}", "page": 1},
        "headers": {"X-Id": "id-{{$context.data.id}}", "X-Utf8": "{{$context.data.user.n}}"},
        "auth": {"type": "bearer", "token": "{{$secrets.TOKEN}}"},
        "json": {"user": "{{$context.data.user}}"},
    });
    let (output, retry) = run(&server, spec).await;
    let mut output = output.unwrap();
    assert!(output["took_ms"].take().is_u64());
    assert_eq!(retry, RetryHint::Never);
    assert_eq!(
        output,
        json!({
            "ok": true, "status": 201, "took_ms": null, "data": {"created": 12345678901234567890_u64},
            "headers": {"content-type": "application/json", "x-a": "1, 2", "content-length": "33", "connection": "close"},
            "url": server.url("/users/7/..%2Fx%3Fy%3D1%26z%3D%0D%0AX-Evil%3A%201"),
        })
    );
    let request = server.seen().remove(0);
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(
        head.starts_with(
            "POST /users/7/..%2Fx%3Fy%3D1%26z%3D%0D%0AX-Evil%3A%201?q=..%2Fx%3Fy%3D1%26z%3D%0D%0AX-Evil%3A%201\
             &tag=a+b&tag=c%26d&page=1 HTTP/1.1\r\n"
        ),
        "{head}"
    );
    for header in [
        "x-id: id-7",
        "x-utf8: é",
        "authorization: Bearer hunter2",
        "content-type: application/json",
        "idempotency-key: run_1:notify",
        "flowcell-attempt: 2",
        concat!("user-agent: flowcell/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(head.lines().any(|line| line == header), "{header}: {head}");
    }
    assert_eq!(body, "{\"user\":{\"n\":\"é\"}}");
}

#[tokio::test]
async fn every_body_has_its_type() {
    let server = Server::always(reply(200, &[], "")).await;
    let cases = [
        (
            json!({"form": {"a": "{{$context.data.tags}}", "b": null, "c": "é&="}}),
            "POST",
            "application/x-www-form-urlencoded",
            "a=a+b&a=c%26d&c=%C3%A9%26%3D",
        ),
        (
            json!({"text": "id {{$context.data.id}}", "method": "PUT"}),
            "PUT",
            "text/plain; charset=utf-8",
            "id 7",
        ),
        (json!({"json": null}), "POST", "application/json", "null"),
        (
            json!({"xml": {"id": {"@of": "x", "#text": "{{$context.data.id}}"}}}),
            "POST",
            "application/xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><id of=\"x\">7</id>",
        ),
        (json!({"body_base64": "aGVs\nbG8="}), "POST", "application/octet-stream", "hello"),
        (
            json!({"text": "<a/>", "headers": {"Content-Type": "application/soap+xml"}}),
            "POST",
            "application/soap+xml",
            "<a/>",
        ),
    ];
    for (mut spec, method, kind, body) in cases {
        spec["url"] = "BASE/".into();
        let (output, _) = run(&server, spec.clone()).await;
        assert_eq!(output.unwrap()["data"], Value::Null);
        let request = server.seen().pop().unwrap();
        assert!(request.starts_with(method) && request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
        assert_eq!(request.matches("content-type").count(), 1);
        assert!(request.contains(&format!("content-type: {kind}\r\n")), "{request}");
    }
    run(&server, json!({"url": "BASE/"})).await.0.unwrap();
    let request = server.seen().pop().unwrap();
    assert!(request.starts_with("GET / ") && !request.contains("content-"), "{request}");
}

#[tokio::test]
async fn a_multipart_body_holds_its_files_and_no_value_breaks_out() {
    let server = Server::always(reply(200, &[], "")).await;
    let spec = json!({"url": "BASE/", "multipart": {
        "z\"\r\n": "{{$context.data.evil}}",
        "file": {"filename": "a\"{{$context.data.evil}}.txt", "text": "{{$context.data.id}}"},
        "image": {"filename": "b.png", "content_type": "image/png", "base64": "AP8="},
    }});
    run(&server, spec.clone()).await.0.unwrap();
    run(&server, spec).await.0.unwrap();
    let [first, second] = server.seen().try_into().unwrap();
    assert_eq!(first, second, "each attempt sends the same bytes");
    let boundary = first.split("boundary=").nth(1).unwrap().split("\r\n").next().unwrap();
    let body = first.split_once("\r\n\r\n").unwrap().1;
    assert_eq!(
        body.replace(boundary, "B"),
        "--B\r\nContent-Disposition: form-data; name=\"z%22%0D%0A\"\r\n\r\n../x?y=1&z=\r\nX-Evil: 1\r\n\
         --B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a%22../x?y=1&z=%0D%0AX-Evil: 1.txt\"\r\n\
         Content-Type: text/plain; charset=utf-8\r\n\r\n7\r\n\
         --B\r\nContent-Disposition: form-data; name=\"image\"; filename=\"b.png\"\r\n\
         Content-Type: image/png\r\n\r\n\0\u{fffd}\r\n--B--\r\n"
    );
    for part in [
        json!({"filename": "a", "content_type": "{{$context.data.evil}}", "text": ""}),
        json!({"filename": "a", "base64": "no base64!"}),
    ] {
        let (result, retry) = run(&server, json!({"url": "BASE/", "multipart": {"a": part}})).await;
        assert_eq!((result.unwrap_err().0.as_str(), retry), ("template_error", RetryHint::Never));
    }
}

#[tokio::test]
async fn each_kind_of_auth_sends_its_header_and_an_empty_secret_nothing() {
    let server = Server::always(reply(200, &[], "")).await;
    for (auth, header) in [
        (
            json!({"type": "basic", "username": "u", "password": "{{$secrets.TOKEN}}"}),
            "authorization: Basic dTpodW50ZXIy",
        ),
        (json!({"type": "basic", "username": "{{$secrets.TOKEN}}"}), "authorization: Basic aHVudGVyMjo="),
        (json!({"type": "bearer", "token": "{{$secrets.TOKEN}}"}), "authorization: Bearer hunter2"),
        (json!({"type": "header", "name": "X-Key", "value": "k {{$secrets.TOKEN}}"}), "x-key: k hunter2"),
    ] {
        run(&server, json!({"url": "BASE/", "auth": auth})).await.0.unwrap();
        let request = server.seen().pop().unwrap();
        assert!(request.lines().any(|line| line == header), "{request}");
    }
    let before = server.seen().len();
    for auth in [
        json!({"type": "bearer", "token": "{{$secrets.MISSING}}"}),
        json!({"type": "bearer", "token": "{{$env.EMPTY}} "}),
        json!({"type": "basic", "username": "{{$secrets.MISSING}}", "password": "p"}),
        json!({"type": "basic", "username": "a:b"}),
        json!({"type": "header", "name": "x-key", "value": "{{$secrets.MISSING}}"}),
    ] {
        let (result, retry) = run(&server, json!({"url": "BASE/", "auth": auth})).await;
        let (code, message) = result.unwrap_err();
        assert!(code == "template_error" && message.starts_with("auth."), "{message}");
        assert_eq!(retry, RetryHint::Never);
    }
    assert_eq!(server.seen().len(), before, "nothing was sent");
}

#[tokio::test]
async fn a_status_that_is_no_success_fails_and_says_whether_to_try_again() {
    let server = Server::start(|request| {
        let status: u16 = request.split('/').nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        let after = if matches!(status, 429 | 502) { "7" } else { "soon" };
        Answer::Once(reply(
            status,
            &[("retry-after", after)],
            format!("{{\"why\":\n\"{}\"}}", "é".repeat(600)),
        ))
    })
    .await;
    for (status, expected) in [
        (400, RetryHint::Never),
        (401, RetryHint::Never),
        (404, RetryHint::Never),
        (408, RetryHint::MayHelp),
        (409, RetryHint::Never),
        (425, RetryHint::MayHelp),
        (429, RetryHint::After(7_000)),
        (500, RetryHint::MayHelp),
        (501, RetryHint::MayHelp),
        (502, RetryHint::MayHelp),
        (503, RetryHint::MayHelp),
        (301, RetryHint::Never),
    ] {
        let (result, retry) = run(&server, json!({"url": format!("BASE/{status}")})).await;
        let (code, message) = result.unwrap_err();
        assert_eq!((code.as_str(), retry), ("http_status", expected), "{status}");
        let start = format!("GET {} answered {status}: {{\"why\": \"éé", server.url(""));
        assert!(message.starts_with(&start) && message.ends_with("é…"), "{message}");
        assert!(message.chars().count() < 600, "{message}");
    }
    let accepted = json!({"url": "BASE/404", "ok_statuses": ["2xx", 404]});
    assert_eq!(run(&server, accepted).await.0.unwrap()["status"], 404);
    let narrowed = json!({"url": "BASE/200", "ok_statuses": [201]});
    assert_eq!(run(&server, narrowed).await.0.unwrap_err().0, "http_status");
}

#[tokio::test]
async fn an_ignored_failure_is_an_output() {
    let server = Server::always(reply(503, &[("content-type", "application/json")], "{\"a\": 1}")).await;
    let (output, retry) = run(&server, json!({"url": "BASE/p?q=1", "ignore_failure": true})).await;
    let output = output.unwrap();
    assert_eq!(
        (&output["ok"], &output["status"], &output["data"]),
        (&json!(false), &json!(503), &json!({"a": 1}))
    );
    assert_eq!(output["error"]["code"], "http_status");
    assert_eq!(output["url"], server.url("/p"));
    assert_eq!(retry, RetryHint::MayHelp, "of the failure that is ignored");

    let large = Server::always(reply(200, &[("content-type", "text/plain")], "\u{1}".repeat(2 << 20))).await;
    let spec = json!({"url": "BASE/", "max_response": "8MiB", "ignore_failure": true});
    let output = run(&large, spec).await.0.unwrap();
    assert_eq!((&output["error"]["code"], &output["data"]), (&json!("output_too_large"), &Value::Null));

    let denied = json!({"url": "http://127.0.0.1:1/", "ignore_failure": true});
    let (output, retry) = run_with(&outbound(&[], None), "", denied).await;
    let output = output.unwrap();
    assert_eq!(
        (&output["error"]["code"], &output["status"], &output["url"]),
        (&json!("http_denied"), &Value::Null, &Value::Null)
    );
    assert_eq!(retry, RetryHint::Never);
}

#[tokio::test]
async fn what_never_arrives_is_told_apart() {
    let server = Server::start(|request| match request.split(' ').nth(1).unwrap() {
        "/slow" => Answer::Forever(Vec::new(), Vec::new(), Duration::from_secs(60)),
        "/cut" => Answer::Once(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc".to_vec()),
        "/text" => Answer::Once(reply(200, &[], "<html>")),
        "/controls" => Answer::Once(reply(200, &[("content-type", "text/plain")], "\u{1}".repeat(2 << 20))),
        _ => Answer::Once(reply(200, &[], "a".repeat(101))),
    })
    .await;
    let gone = Server::always(Vec::new()).await.url("");
    for (spec, code, part, expected) in [
        (
            json!({"url": "BASE/slow", "timeout": "200ms"}),
            "http_failed",
            "took longer than 0.2 s",
            RetryHint::MayHelp,
        ),
        (json!({"url": "BASE/cut"}), "http_failed", "broke off", RetryHint::MayHelp),
        (json!({"url": gone}), "http_failed", "does not answer", RetryHint::MayHelp),
        (
            json!({"url": "BASE/big", "max_response": "100B"}),
            "http_failed",
            "over 100 bytes",
            RetryHint::Never,
        ),
        (json!({"url": "BASE/text", "response": "json"}), "http_failed", "no JSON", RetryHint::Never),
        (
            json!({"url": "BASE/controls", "max_response": "8MiB"}),
            "output_too_large",
            "ask for less",
            RetryHint::Never,
        ),
        (json!({"url": "http://169.254.169.254/x?s=hunter2"}), "http_denied", "net.allow", RetryHint::Never),
        (
            json!({"url": "http://10.0.0.1/{{$secrets.PATH}}"}),
            "http_denied",
            "private network",
            RetryHint::Never,
        ),
        (
            json!({"url": "BASE/{{$context.data.none}}"}),
            "template_error",
            "url: `$context.data.none`",
            RetryHint::Never,
        ),
        (json!({"url": "{{$env.EMPTY}}/x"}), "template_error", "`$env.EMPTY` is empty", RetryHint::Never),
        (
            json!({"url": "BASE/", "headers": {"X-A": "{{$context.data.evil}}"}}),
            "http_failed",
            "`x-a` holds",
            RetryHint::Never,
        ),
    ] {
        // The port of the server that is gone has to be allowed to find out that nobody answers there.
        let net = outbound(&[&server.address.to_string(), gone.strip_prefix("http://").unwrap()], None);
        let (result, retry) = run_with(&net, &server.url(""), spec.clone()).await;
        let (found, message) = result.unwrap_err();
        assert_eq!((found.as_str(), retry), (code, expected), "{spec}: {message}");
        assert!(
            message.contains(part) && !message.contains("hunter2") && !message.contains("hidden"),
            "{message}"
        );
    }
}

#[tokio::test]
async fn a_url_that_is_a_secret_is_in_no_output_and_no_message() {
    let server = Server::start(|request| {
        Answer::Once(reply(if request.contains("/hidden/ok") { 200 } else { 500 }, &[], ""))
    })
    .await;
    let (output, _) = run(&server, json!({"url": "BASE/{{$secrets.PATH}}/ok"})).await;
    assert_eq!(output.unwrap()["url"], server.url(""));
    let (result, _) = run(&server, json!({"url": "BASE/{{$secrets.PATH}}/bad"})).await;
    assert_eq!(result.unwrap_err().1, format!("GET {} answered 500", server.url("")));
}

#[tokio::test]
async fn a_header_that_may_be_a_credential_does_not_follow_to_another_origin() {
    let other = Server::always(reply(200, &[], "end")).await;
    let target = other.url("/");
    let server = Server::start(move |_| Answer::Once(reply(307, &[("location", &target)], ""))).await;
    let net = outbound(&[&server.address.to_string(), &other.address.to_string()], None);
    let spec = json!({
        "url": "BASE/",
        "headers": {"X-Token": "{{$secrets.TOKEN}}", "X-Id": "{{$context.data.id}}", "Accept": "x/{{$context.data.id}}"},
        "auth": {"type": "header", "name": "X-Key", "value": "plain"},
    });
    let (output, _) = run_with(&net, &server.url(""), spec.clone()).await;
    assert_eq!(output.unwrap()["data"], "end");
    let request = other.seen().pop().unwrap();
    assert!(request.contains("accept: x/7") && request.contains("idempotency-key"), "{request}");
    for gone in ["x-token", "x-key", "x-id"] {
        assert!(!request.contains(gone), "{gone}: {request}");
    }
    let mut stay = spec;
    stay["redirects"] = 0.into();
    stay["ok_statuses"] = json!(["3xx"]);
    assert_eq!(run_with(&net, &server.url(""), stay).await.0.unwrap()["headers"]["location"], other.url("/"));
}

#[test]
fn mistakes_are_found_before_anything_runs() {
    for (spec, part) in [
        (json!({"url": "ftp://a.example"}), "s.url: only http and https"),
        (json!({"url": "https://a.example{{$env.X}}"}), "s.url: a value would end the host"),
        (json!({"url": "https://a.example/{{$nope}}"}), "s.url: at character 21"),
        (json!({"url": "http://a.example", "query": {"a": "{{"}}), "s.query.a"),
        (
            json!({"url": "http://a.example", "headers": {"a b": ""}}),
            "s.headers.a b: this is no HTTP header name",
        ),
        (json!({"url": "http://a.example", "headers": {"Host": "b"}}), "s.headers.Host: the connection sets"),
        (json!({"url": "http://a.example", "headers": {"Flowcell-Attempt": "1"}}), "Flowcell sets"),
        (json!({"url": "http://a.example", "auth": {"type": "bearer", "token": "{{x}}"}}), "s.auth.token"),
        (
            json!({"url": "http://a.example", "auth": {"type": "header", "name": "TE", "value": "x"}}),
            "s.auth.name",
        ),
        (
            json!({"url": "http://a.example", "headers": {"Authorization": "x"}, "auth": {"type": "bearer", "token": "t"}}),
            "s.auth: `headers` has `authorization` already",
        ),
        (json!({"url": "http://a.example", "json": {"a": ["{{"]}}), "s.json: a[0]"),
        (json!({"url": "http://a.example", "form": {"a": "{{"}}), "s.form.a"),
        (
            json!({"url": "http://a.example", "multipart": {"a": {"filename": "f"}}}),
            "s.multipart.a: give `text` or",
        ),
        (
            json!({"url": "http://a.example", "multipart": {"a": "b"}, "headers": {"content-type": "x"}}),
            "a multipart body sets its own",
        ),
        (json!({"url": "http://a.example", "xml": {"a": 1, "b": 2}}), "s.xml: give one root element"),
        (json!({"url": "http://a.example", "text": "{{"}), "s.text"),
        (json!({"url": "http://a.example", "body_base64": "{{"}), "s.body_base64"),
    ] {
        let error = refused(spec);
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn a_step_reads_its_run_and_names_what_it_reads() {
    let server = Server::always(reply(200, &[], "ok")).await;
    let spec = json!({
        "url": server.url("/{{$context.data.a}}"), "query": {"q": "{{$env.Q}}"}, "headers": {"h": "{{$steps.s.h}}"},
        "auth": {"type": "basic", "username": "{{$secrets.U}}", "password": "{{$secrets.P}}"},
        "multipart": {"a": {"filename": "{{$run.id}}", "content_type": "{{$env.T}}", "text": "{{$env.F}}"}},
    });
    let spec: HttpStep = serde_json::from_value(spec).unwrap();
    let read: Vec<_> = compile(&spec, "s").unwrap().references().iter().map(ToString::to_string).collect();
    assert_eq!(
        read,
        [
            "$context.data.a",
            "$env.Q",
            "$steps.s.h",
            "$secrets.U",
            "$secrets.P",
            "$run.id",
            "$env.T",
            "$env.F"
        ]
    );

    let event = Event {
        method: "POST".into(),
        path: "/".into(),
        ip: "::1".into(),
        headers: vec![],
        query: vec![],
        params: vec![],
        content: Content::Json,
        body: b"{\"a\": \"x y\"}".to_vec(),
        origin: "".into(),
        raw_query: String::new(),
        notes: vec![],
        trigger: Started::default(),
    };
    let facts = RunFacts::of(&event, "{}".into(), 0, [0; 32], "run_1".into(), "w".parse().unwrap());
    let outputs = Outputs::default();
    let place = crate::steps::Place::default();
    let scope = Scope::new(&facts, &outputs, &place);
    let spec: HttpStep =
        serde_json::from_value(json!({"url": server.url("/{{$context.data.a}}/{{$run.id}}")})).unwrap();
    let http = compile(&spec, "s").unwrap();
    let (output, _) = execute(&http, &scope, &server.outbound(), &numbered("k", 1)).await;
    assert_eq!(output.unwrap().to_value()["url"], server.url("/x%20y/run_1"));
}

#[tokio::test]
async fn a_body_that_tells_of_an_error_is_no_success_though_the_status_is() {
    let robot = |body: &'static str| async move {
        let server = Server::always(reply(200, &[("content-type", "application/json")], body)).await;
        let ok = "response.data.errcode == 0 && response.status == 200 && context.data.id == 7";
        run(&server, json!({"url": "BASE/send", "json": {}, "ok": ok})).await
    };
    let (sent, _) = robot("{\"errcode\": 0}").await;
    assert_eq!(sent.unwrap()["data"]["errcode"], 0);
    let (refused, retry) = robot("{\"errcode\": 310000, \"errmsg\": \"keywords not in content\"}").await;
    let (code, message) = refused.unwrap_err();
    assert_eq!((code.as_str(), retry), ("http_status", RetryHint::MayHelp));
    assert!(
        message.contains("answered 200, and `ok` says") && message.contains("keywords not in content"),
        "{message}"
    );
    let (unknown, retry) = robot("<html>busy</html>").await;
    let (code, message) = unknown.unwrap_err();
    assert_eq!((code.as_str(), retry), ("condition_error", RetryHint::Never));
    assert!(message.contains("busy"), "{message}");

    let server = Server::always(reply(200, &[], "{\"code\": 9}")).await;
    let structured = json!({"left": "{{$response.data.code}}", "op": "==", "right": 9});
    let (met, _) = run(&server, json!({"url": "BASE/", "ok": structured})).await;
    assert!(met.is_ok(), "{met:?}");
    let ignored = json!({"url": "BASE/", "ok": "response.data.code == 0", "ignore_failure": true});
    let output = run(&server, ignored).await.0.unwrap();
    assert_eq!((&output["ok"], &output["data"]["code"]), (&json!(false), &json!(9)));
    assert!(refused_message("response.data ==").contains("s.ok"), "{}", refused_message("response.data =="));
}

fn refused_message(ok: &str) -> String {
    refused(json!({"url": "https://a.example/", "ok": ok}))
}
