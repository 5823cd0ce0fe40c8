//! What a workflow answers: from response steps, from the trigger, by default, early, and in the background.

use serde_json::{Value, json};

use crate::support::{Request, Setup, TestServer, Workflow, wait_until};

/// A workflow of these steps, and of code files that return what they are named for.
fn workflow(key: &str, trigger: Value, steps: Value, files: &[(&str, &str)]) -> Workflow {
    let json = json!({ "key": key, "trigger": trigger, "steps": steps });
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    Workflow { key: key.to_owned(), json, files }
}

#[test]
fn a_response_step_sets_status_headers_and_body_from_templates() {
    let steps = json!([
        { "id": "make", "type": "code", "file": "make.js" },
        { "id": "reply", "type": "response", "status": "{{$steps.make.status}}",
          "headers": { "Location": "/items/{{$steps.make.id}}", "X-Method": "{{$context.method}}" },
          "json": { "id": "{{$steps.make.id}}", "names": "{{$steps.make.items.name}}", "text": "item {{$steps.make.id}}",
                    "none": "{{$steps.make.missing}}", "alias": "{{$jobsMapByNodeKey.make.id}}" } },
    ]);
    let make = "return { status: 201, id: 7, items: [{ name: 'a' }, { name: 'b' }] }";
    let server =
        TestServer::start([workflow("w", json!({ "type": "webhook" }), steps, &[("make.js", make)])]);
    let response = server.post("w", &json!({}));
    assert_eq!(response.status, 201);
    assert_eq!((response.header("location"), response.header("x-method")), (Some("/items/7"), Some("POST")));
    let expected = json!({ "id": 7, "names": ["a", "b"], "text": "item 7", "none": null, "alias": 7 });
    assert_eq!(response.json(), expected);
}

#[test]
fn the_trigger_answers_when_no_response_step_did_and_the_last_output_when_it_says_nothing() {
    let code = json!([{ "id": "a", "type": "code", "file": "a.js" }]);
    let response =
        json!({ "type": "webhook", "response": { "status": 202, "text": "thanks, {{$steps.a.name}}" } });
    let server = TestServer::start([
        workflow("trigger", response, code.clone(), &[("a.js", "return { name: 'Ada' }")]),
        workflow("last", json!({ "type": "webhook" }), code, &[("a.js", "return [1, 2]")]),
        workflow("empty", json!({ "type": "webhook" }), json!([]), &[]),
        workflow(
            "status-only",
            json!({ "type": "webhook" }),
            json!([{ "id": "r", "type": "response", "status": 204 }]),
            &[],
        ),
    ]);
    let trigger = server.post("trigger", &json!({}));
    assert_eq!((trigger.status, trigger.text().as_str()), (202, "thanks, Ada"));
    assert_eq!(trigger.header("content-type"), Some("text/plain; charset=utf-8"));
    assert_eq!(server.post("last", &json!({})).text(), "[1,2]");
    assert_eq!(server.post("empty", &json!({})).text(), "null");
    let status_only = server.post("status-only", &json!({}));
    assert_eq!((status_only.status, status_only.body.len()), (204, 0));
}

#[test]
fn a_condition_takes_one_branch_and_never_the_other() {
    let steps = json!([
        { "id": "big", "type": "condition", "if": "context.data.amount > 100 && 'vip' in context.data.tags",
          "then": [{ "id": "yes", "type": "response", "json": { "big": true } }],
          "else": [
            { "id": "structured", "type": "condition", "if": { "all": [
                { "left": "{{$context.data.amount}}", "op": ">=", "right": 10 },
                { "not": { "left": "{{$context.data.tags}}", "op": "includes", "right": "blocked" } } ] },
              "then": [{ "id": "medium", "type": "response", "json": { "big": false } }],
              "else": [{ "id": "no", "type": "response", "status": 403, "text": "no" }] } ] },
    ]);
    let server = TestServer::start([workflow("w", json!({ "type": "webhook" }), steps, &[])]);
    let cases = [
        (json!({ "amount": 101, "tags": ["vip"] }), 200, "{\"big\":true}", vec!["big", "yes"]),
        (json!({ "amount": 101, "tags": [] }), 200, "{\"big\":false}", vec!["big", "structured", "medium"]),
        (json!({ "amount": 50, "tags": ["blocked"] }), 403, "no", vec!["big", "structured", "no"]),
        (json!({ "amount": 9, "tags": ["a"] }), 403, "no", vec!["big", "structured", "no"]),
    ];
    for (data, status, body, executed) in cases {
        let response = server.post("w", &data);
        assert_eq!((response.status, response.text().as_str()), (status, body), "{data}");
        let run = server.run(&response.run_id());
        let steps: Vec<_> =
            run["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect();
        assert_eq!(steps, executed, "{data}");
    }
    let missing = server.post("w", &json!({ "tags": ["vip"] }));
    let error = server.run(&missing.run_id())["error"].clone();
    assert_eq!(
        (missing.status, &error["code"], &error["step"]),
        (500, &json!("condition_error"), &json!("big")),
        "{error}"
    );
}

#[test]
fn an_early_answer_is_sent_while_the_run_goes_on() {
    let busy = "let n = 0; for (let i = 0; i < 2000000; i++) n += i; return 'done'";
    let steps = json!([
        { "id": "reply", "type": "response", "text": "early" },
        { "id": "work", "type": "code", "file": "work.js", "limits": { "fuel": 100_000_000_000_u64, "timeout": "60s" } },
        { "id": "again", "type": "response", "text": "too late" },
    ]);
    let mut server =
        TestServer::start([workflow("w", json!({ "type": "webhook" }), steps, &[("work.js", busy)])]);
    let response = server.post("w", &json!({}));
    assert_eq!(response.text(), "early");
    // The answer was durable before it was sent: a crash now takes nothing back.
    server.kill();
    server.restart();
    let run = server.ended_run(&response.run_id());
    assert_eq!(
        (&run["status"], &run["answer"]["body"]),
        (&json!("succeeded"), &json!("early")),
        "the first answer counts"
    );
    assert_eq!(run["steps"].as_array().unwrap().len(), 3);
}

#[test]
fn a_failure_after_the_answer_does_not_change_the_answer() {
    let steps = json!([{ "id": "reply", "type": "response", "text": "early" }, { "id": "bad", "type": "code", "file": "bad.js" }]);
    let trigger = json!({ "type": "webhook", "dedupe": { "key": "{{$context.headers.x-delivery}}" } });
    let server =
        TestServer::start([workflow("w", trigger, steps, &[("bad.js", "throw new Error('later')")])]);
    let response = server.send(&Request::post("/api/webhooks/w").header("x-delivery", "a"));
    assert_eq!((response.status, response.text().as_str()), (200, "early"));
    let run = server.ended_run(&response.run_id());
    assert_eq!((&run["status"], &run["error"]["step"]), (&json!("failed"), &json!("bad")));
}

#[test]
fn an_asynchronous_workflow_answers_202_at_once_and_keeps_its_result() {
    let server = TestServer::start([Workflow::script("bg", "return context.data.n * 2").asynchronous()]);
    let responses: Vec<_> = (0..5).map(|n| server.post("bg", &json!({ "n": n }))).collect();
    for (n, response) in responses.iter().enumerate() {
        assert_eq!((response.status, response.header("content-type")), (202, Some("application/json")));
        let run = server.ended_run(&response.run_id());
        assert_eq!(
            (&run["mode"], &run["steps"][0]["output"], &run["answer"]),
            (&json!("async"), &json!(n * 2), &Value::Null)
        );
    }
    wait_until("nothing waits", 20, || server.send(&Request::get("/readyz")).json()["pending_runs"] == 0);
}

#[test]
fn an_answer_that_is_no_http_fails_the_run_and_injects_nothing() {
    let reply = |member: Value| {
        let mut step = json!({ "id": "r", "type": "response" });
        step.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        json!([step])
    };
    let hook = json!({ "type": "webhook" });
    let server = TestServer::start([
        workflow("header", hook.clone(), reply(json!({ "headers": { "x-a": "{{$context.data.v}}" } })), &[]),
        workflow("status", hook, reply(json!({ "status": "{{$context.data.v}}" })), &[]),
    ]);
    for value in ["a\r\nset-cookie: b=c", "a\nb", "a\u{0}b"] {
        let response = server.post("header", &json!({ "v": value }));
        assert_eq!((response.status, response.header("set-cookie")), (500, None), "{value:?}");
        assert_eq!(server.run(&response.run_id())["error"]["code"], "response_invalid");
    }
    for value in [json!("soon"), json!(99), json!(1_000), json!(null), json!([200])] {
        let response = server.post("status", &json!({ "v": value }));
        assert_eq!(response.status, 500, "{value}");
    }
    assert_eq!(server.post("status", &json!({ "v": "404" })).status, 404);
}

#[test]
fn templates_read_variables_the_clock_and_the_run() {
    let steps = json!([{ "id": "r", "type": "response", "json": {
        "env": "{{$env.GREETING}}", "unset": "{{$env.NOT_SET}}", "now": "{{$system.now}}", "run": "{{$run.id}}",
        "query": "{{$context.query.a}}", "header": "{{$context.headers.x-b}}", "raw": "{{$context.rawBody}}", "ip": "{{$context.ip}}",
        "path": "{{$context.path}}", "literal": "\\{{$env.GREETING}}", "mixed": "{{$context.data.n}}/{{$context.data.o}}" } }]);
    let server = Setup::default()
        .workflows([workflow("w", json!({ "type": "webhook" }), steps, &[])])
        .variable("GREETING", "hello")
        .start();
    let body = json!({ "n": 1, "o": { "p": [true] } });
    let response = server.send(&Request::post("/api/webhooks/w?a=1&a=2").header("X-B", "b").json(&body));
    let answer = response.json();
    let run = server.run(&response.run_id());
    let expected = json!({
        "env": "hello", "unset": null, "now": run["created"], "run": run["id"], "query": ["1", "2"], "header": "b",
        "raw": body.to_string(), "ip": "127.0.0.1", "path": "/api/webhooks/w", "literal": "{{$env.GREETING}}",
        "mixed": "1/{\"p\":[true]}",
    });
    assert_eq!(answer, expected);
}
