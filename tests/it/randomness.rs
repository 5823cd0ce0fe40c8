//! What one run draws no other draws, nor another attempt of it: a nonce that is used twice gives away what it hid.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Receiver, Request, Setup, TestServer, Workflow};

const DRAWS: &str = "const { randomBytes, randomUUID } = require('crypto');\n\
    const drawn = [randomBytes(12).toString('hex'), randomUUID(), crypto.randomUUID(), String(Math.random())];\n\
    console.log(JSON.stringify(drawn));\n\
    throw new Error('again');";

/// What each attempt of each of these runs drew.
fn drawn(server: &TestServer, run: &str) -> Vec<Vec<String>> {
    let run = server.ended_run(run);
    let steps = run["steps"].as_array().unwrap();
    let draw = |step: &Value| serde_json::from_str(step["logs"][0]["text"].as_str().unwrap()).unwrap();
    steps.iter().filter(|step| !step["logs"].as_array().unwrap().is_empty()).map(draw).collect()
}

#[test]
fn s9_attempts_and_retried_runs_draw_different_randomness() {
    let mut workflow = Workflow::script("w", DRAWS).asynchronous();
    workflow.json["steps"] = json!([{ "id": "twice", "type": "loop", "over": 2, "steps": [
        { "id": "draw", "type": "code", "file": "main.js", "retry": { "attempts": 3, "backoff": "1ms" },
          "on_error": "continue" },
    ] }, { "id": "main", "type": "code", "file": "main.js" }]);
    let server = TestServer::start([workflow]);
    let first = server.post("w", &json!({})).run_id();
    let mut all = drawn(&server, &first);
    assert_eq!(all.len(), 7, "two iterations of three attempts, and the step that fails the run");
    let retried = server.ask("POST", &format!("/api/v1/runs/{first}/retry"), &Value::Null);
    assert_eq!(retried.status, 201, "{}", retried.text());
    let retried = drawn(&server, &retried.run_id());
    // What had ended keeps its records; the failed step is executed anew.
    all.push(retried.last().unwrap().clone());
    let replayed = server.ask("POST", &format!("/api/v1/runs/{first}/replay"), &Value::Null).run_id();
    all.extend(drawn(&server, &replayed));
    assert_eq!(all.len(), 15);
    for kind in 0..4 {
        let distinct: BTreeSet<_> = all.iter().map(|drawn| &drawn[kind]).collect();
        assert_eq!(distinct.len(), all.len(), "{kind}: {all:?}");
    }
}

/// The retried run has the seed of the first, so that both send the same idempotency keys.
#[test]
fn l8_a_retried_run_has_callbacks_of_its_own() {
    let receiver = Receiver::start();
    receiver.answer([500]);
    let steps = json!([
        { "id": "url", "type": "set", "values": "{{$run.callbacks.wait}}" },
        { "id": "call", "type": "http", "url": receiver.url("/"), "json": { "back": "{{$run.callbacks.wait}}" } },
        { "id": "wait", "type": "wait_for_callback", "timeout": "1h" },
    ]);
    let server = Setup::default()
        .workflows([Workflow::steps("w", steps)])
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .start();
    let first = server.post("w", &json!({})).run_id();
    let failed = server.ended_run(&first);
    assert_eq!(failed["status"], "failed", "{failed}");
    let retried = server.ask("POST", &format!("/api/v1/runs/{first}/retry"), &Value::Null).run_id();
    server.waiting_run(&retried);
    let given: Vec<String> = receiver
        .requests()
        .iter()
        .map(|request| request.json()["back"].as_str().unwrap().rsplit('/').next().unwrap().to_owned())
        .collect();
    assert!(given.len() == 2 && given[0] != given[1], "{given:?}");
    let call =
        |token: &str| server.send(&Request::post(&format!("/api/callbacks/{retried}/wait/{token}"))).status;
    assert_eq!(call(&given[0]), 404, "what the first run gave out");
    assert_eq!(server.run(&retried)["status"], "waiting");
    assert_eq!(call(&given[1]), 202);
}
