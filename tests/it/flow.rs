//! The flow of runs: loops, branches, waits, calls, failure and policies, through real HTTP.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Receiver, Request, Setup, TestServer, Workflow};

fn set(id: &str, values: Value) -> Value {
    json!({ "id": id, "type": "set", "values": values })
}

/// Posts an event and gives its run's id.
#[track_caller]
fn begin(server: &TestServer, key: &str, event: &Value) -> String {
    let accepted = server.post(key, event);
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    accepted.run_id()
}

/// Posts an event and gives its run, ended.
#[track_caller]
fn run(server: &TestServer, key: &str, event: &Value) -> Value {
    server.ended_run(&begin(server, key, event))
}

/// The last output of a step.
fn output<'a>(run: &'a Value, id: &str) -> &'a Value {
    let steps = run["steps"].as_array().unwrap();
    steps.iter().rfind(|step| step["id"] == id).map_or(&Value::Null, |step| &step["output"])
}

fn ids(run: &Value) -> Vec<&str> {
    run["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect()
}

/// A server with these workflows that may reach the receiver, whose address is in `SINK`.
fn with_receiver(receiver: &Receiver, workflows: impl IntoIterator<Item = Workflow>) -> TestServer {
    Setup::default()
        .workflows(workflows)
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .variable("FLOWCELL_VARS_SINK", &receiver.url(""))
        .start()
}

fn notify(id: &str, path: &str, body: Value) -> Value {
    json!({ "id": id, "type": "http", "method": "POST", "url": format!("{{{{$env.SINK}}}}{path}"), "json": body })
}

#[test]
fn a_loop_goes_over_an_array_and_each_iteration_sees_its_own_element() {
    let steps = json!([
        { "id": "each", "type": "loop", "over": "{{$context.data.items}}", "steps": [
            { "id": "odd", "type": "condition", "if": "scopes.each.item.n % 2 == 1",
              "then": [{ "id": "skip", "type": "continue" }] },
            { "id": "big", "type": "condition", "if": "scopes.each.item.n > 10",
              "then": [{ "id": "stop", "type": "break" }] },
            set("line", json!("{{$scopes.each.index}}:{{$scopes.each.item.n}}")) ] },
        set("after", json!("{{$steps.each.ended}}")),
    ]);
    let server = TestServer::start([Workflow::steps("w", steps)]);
    let event = json!({ "items": [{"n": 2}, {"n": 3}, {"n": 4}, {"n": 12}, {"n": 6}] });
    let run = run(&server, "w", &event);
    assert_eq!(run["status"], "succeeded", "{run}");
    let steps = run["steps"].as_array().unwrap();
    let lines: Vec<_> = steps
        .iter()
        .filter(|step| step["id"] == "line")
        .map(|step| (step["at"].clone(), step["output"].clone()))
        .collect();
    assert_eq!(lines, [(json!([0]), json!("0:2")), (json!([2]), json!("2:4"))]);
    assert_eq!(output(&run, "after"), "break");
}

#[test]
fn nested_loops_count_on_their_own_and_a_while_loop_asks_before_each_iteration() {
    let steps = json!([
        { "id": "outer", "type": "loop", "over": 2, "steps": [
            { "id": "inner", "type": "loop", "over": "{{$context.data.letters}}", "steps": [
                set("cell", json!("{{$scopes.outer.index}}{{$scopes.inner.item}}")) ] } ] },
        { "id": "again", "type": "loop", "while": "context.data.again", "limit": 3, "steps": [set("tick", json!(1))] },
    ]);
    let server = TestServer::start([Workflow::steps("w", steps)]);
    let run = run(&server, "w", &json!({ "letters": ["a", "b"], "again": true }));
    assert_eq!(run["status"], "succeeded", "{run}");
    let cells: Vec<_> = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["id"] == "cell")
        .map(|step| step["output"].as_str().unwrap())
        .collect();
    assert_eq!(cells, ["0a", "0b", "1a", "1b"]);
    assert_eq!(output(&run, "again")["ended"], "limit");
    assert_eq!(output(&run, "again")["count"], 3);
}

#[test]
fn a_parallel_step_waits_for_all_or_takes_the_first() {
    let steps = |mode: &str| {
        json!([
            { "id": "both", "type": "parallel", "mode": mode, "branches": [
                { "steps": [{ "id": "slow", "type": "delay", "for": 400 }, set("late", json!("late"))] },
                { "steps": [set("soon", json!("soon"))] } ] },
            set("after", json!([ "{{$steps.soon}}", "{{$steps.late}}" ])),
        ])
    };
    let server =
        TestServer::start([Workflow::steps("all", steps("all")), Workflow::steps("race", steps("race"))]);
    let all = run(&server, "all", &json!({}));
    assert_eq!((&all["status"], output(&all, "after")), (&json!("succeeded"), &json!(["soon", "late"])));
    let race = run(&server, "race", &json!({}));
    assert_eq!((&race["status"], output(&race, "after")), (&json!("succeeded"), &json!(["soon", null])));
    assert_eq!(output(&race, "both")["winner"], 1);
}

#[test]
fn a_delay_survives_a_kill_and_the_run_goes_on_after_it() {
    let steps = json!([
        set("before", json!(1)),
        { "id": "nap", "type": "delay", "for": "{{$context.data.nap}}" },
        set("after", json!("{{$steps.before}}")),
    ]);
    let mut server = TestServer::start([Workflow::steps("w", steps)]);
    let id = begin(&server, "w", &json!({ "nap": "2s" }));
    let waiting = server.waiting_run(&id);
    assert_eq!(
        (&waiting["waiting"][0]["id"], &waiting["waiting"][0]["for"]),
        (&json!("nap"), &json!("time"))
    );
    assert_eq!((&waiting["nocobase"]["status"], &waiting["running"]), (&json!(0), &json!(false)));
    server.kill();
    server.restart();
    let run = server.ended_run(&id);
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_eq!(ids(&run), ["before", "nap", "after"], "nothing ran twice");
    assert_eq!(output(&run, "after"), 1);
    assert_eq!(run["nocobase"]["status"], 1);
}

#[test]
fn a_subflow_gives_its_output_and_its_failure() {
    let child = Workflow::steps(
        "child",
        json!([
            { "id": "bad", "type": "condition", "if": "context.data.n < 0",
              "then": [{ "id": "stop", "type": "end", "status": "failed", "message": "negative" }] },
            set("double", json!({ "n": "{{$context.data.n}}" })),
        ]),
    )
    .set(json!({ "trigger": { "type": "manual" } }));
    let parent = Workflow::steps(
        "parent",
        json!([{ "id": "call", "type": "subflow", "workflow": "child", "input": { "n": "{{$context.data.n}}" } },
               set("after", json!("{{$steps.call.output.n}}"))]),
    );
    let server = TestServer::start([child, parent]);
    let well = run(&server, "parent", &json!({ "n": 7 }));
    assert_eq!((&well["status"], output(&well, "after")), (&json!("succeeded"), &json!(7)), "{well}");
    let child = server.run(output(&well, "call")["run"].as_str().unwrap());
    assert_eq!((&child["cause"], &child["parent"]["run"]), (&json!("subflow"), &well["id"]));
    let badly = run(&server, "parent", &json!({ "n": -1 }));
    assert_eq!((&badly["status"], &badly["error"]["code"]), (&json!("failed"), &json!("subflow_failed")));
    assert!(badly["error"]["message"].as_str().unwrap().contains("negative"), "{}", badly["error"]);
    assert_eq!(server.send(&Request::post("/api/webhooks/child")).status, 404, "it has no endpoint");
}

#[test]
fn the_end_of_a_run_starts_those_that_follow_it() {
    let first = Workflow::steps(
        "first",
        json!([{ "id": "bad", "type": "condition", "if": "context.data.bad",
                 "then": [{ "id": "stop", "type": "end", "status": "failed", "message": "bad" }] },
               set("result", json!({ "sum": 3 }))]),
    )
    .set(json!({ "on_failure": "rescue" }));
    let follows = |key: &str, trigger: Value| {
        Workflow::steps(key, json!([set("seen", json!("{{$context.data}}"))]))
            .set(json!({ "trigger": trigger }))
    };
    let server = TestServer::start([
        first,
        follows("next", json!({ "type": "workflow", "workflows": ["first"] })),
        follows("failed", json!({ "type": "workflow", "workflows": ["first"], "on": ["failed"] })),
        follows("rescue", json!({ "type": "manual" })),
    ]);
    let the_run_of = |key: &str| {
        let runs = crate::support::poll("it is started", 30, || {
            Some(server.runs(key)).filter(|all| !all.is_empty())
        });
        assert_eq!(runs.len(), 1, "{key}");
        server.ended_run(runs[0]["id"].as_str().unwrap())
    };
    let well = run(&server, "first", &json!({ "bad": false }));
    let next = the_run_of("next");
    let seen = output(&next, "seen");
    assert_eq!(
        (&seen["run"], &seen["workflow"], &seen["status"]),
        (&well["id"], &json!("first"), &json!("succeeded"))
    );
    assert_eq!((&seen["output"], &next["cause"]), (&json!({ "sum": 3 }), &json!("workflow")));
    assert!(server.runs("failed").is_empty() && server.runs("rescue").is_empty());

    let badly = run(&server, "first", &json!({ "bad": true }));
    for (key, cause) in [("failed", "workflow"), ("rescue", "failure")] {
        let follower = the_run_of(key);
        let seen = output(&follower, "seen");
        assert_eq!((&seen["run"], &follower["cause"]), (&badly["id"], &json!(cause)), "{key}");
        assert_eq!(seen["error"]["message"], "bad");
        assert_eq!(seen["data"], json!({ "bad": true }));
    }
    assert_eq!(server.runs("next").len(), 1, "a failure is none of its ends");
}

#[test]
fn a_handled_error_is_an_output_and_the_run_goes_on() {
    let failing = |on_error: Value| {
        json!([{ "id": "risky", "type": "code", "file": "risky.js", "on_error": on_error },
               set("after", json!("{{$steps.risky.error.message}}"))])
    };
    let risky = "throw new Error('no luck')";
    let server = TestServer::start([
        Workflow::steps("go_on", failing(json!("continue"))).file("risky.js", risky),
        Workflow::steps("handle", failing(json!([set("handler", json!("handled"))]))).file("risky.js", risky),
        Workflow::steps("fail", failing(json!("fail"))).file("risky.js", risky),
    ]);
    for (key, expected) in [
        ("go_on", vec!["risky", "after"]),
        ("handle", vec!["risky", "handler", "after"]),
        ("fail", vec!["risky"]),
    ] {
        let run = run(&server, key, &json!({}));
        assert_eq!(ids(&run), expected, "{key}");
        match key {
            "fail" => assert_eq!(run["error"]["code"], "script_error"),
            _ => {
                assert_eq!(run["status"], "succeeded", "{key}");
                assert!(output(&run, "after").as_str().unwrap().contains("no luck"), "{run}");
            }
        }
        assert_eq!(run["steps"][0]["nocobase_status"], -2);
    }
}

#[test]
fn a_step_is_tried_again_with_the_same_idempotency_key_until_it_succeeds() {
    let receiver = Receiver::start();
    receiver.answer([500, 500]);
    let mut step = notify("tell", "/hook", json!({ "id": "{{$context.data.id}}" }));
    step["retry"] = json!({ "attempts": 4, "backoff": "50ms", "factor": 2, "jitter": false });
    let server = with_receiver(
        &receiver,
        [Workflow::steps("w", json!([step, set("after", json!("{{$steps.tell.status}}"))]))],
    );
    let run = run(&server, "w", &json!({ "id": 7 }));
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_eq!(output(&run, "after"), 200);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 3);
    let keys: Vec<_> = requests.iter().map(|request| request.header("idempotency-key").unwrap()).collect();
    assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    assert!(requests.iter().all(|request| request.json() == json!({ "id": 7 })));
    assert!(requests[1].at - requests[0].at >= Duration::from_millis(50));
    assert!(requests[2].at - requests[1].at >= Duration::from_millis(100));
    let attempts: Vec<_> = run["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step["id"] == "tell")
        .map(|step| (step["attempt"].clone(), step["status"].clone()))
        .collect();
    assert_eq!(
        attempts,
        [(json!(1), json!("failed")), (json!(2), json!("failed")), (json!(3), json!("succeeded"))]
    );
}

#[test]
fn attempts_that_all_fail_fail_the_run_with_the_last_error() {
    let receiver = Receiver::start();
    receiver.answer([500, 503, 502]);
    let mut step = notify("tell", "/hook", json!({}));
    step["retry"] = json!({ "attempts": 3, "backoff": "10ms" });
    let server = with_receiver(&receiver, [Workflow::steps("w", json!([step]))]);
    let run = run(&server, "w", &json!({}));
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("failed"), &json!("http_status")), "{run}");
    assert!(run["error"]["message"].as_str().unwrap().contains("502"), "{}", run["error"]);
    assert_eq!(receiver.requests().len(), 3);
}

#[test]
fn a_concurrency_limit_of_one_keeps_the_order_for_each_key() {
    let receiver = Receiver::start();
    let steps = json!([
        notify("first", "/begin", json!("{{$context.data}}")),
        { "id": "nap", "type": "delay", "for": 30 },
        notify("second", "/end", json!("{{$context.data}}")),
    ]);
    let workflow = Workflow::steps("w", steps)
        .set(json!({ "concurrency": { "limit": 1, "key": "{{$context.data.who}}" } }));
    let server = with_receiver(&receiver, [workflow]);
    for n in 0..6 {
        begin(&server, "w", &json!({ "who": if n % 2 == 0 { "a" } else { "b" }, "n": n }));
    }
    let requests = receiver.wait_for(12);
    for who in ["a", "b"] {
        let seen: Vec<_> = requests
            .iter()
            .map(|request| (request.json(), request.path.clone()))
            .filter(|(body, _)| body["who"] == who)
            .map(|(body, path)| (body["n"].as_u64().unwrap(), path))
            .collect();
        let first = u64::from(who == "b");
        let expected: Vec<_> = [first, first + 2, first + 4]
            .into_iter()
            .flat_map(|n| [(n, "/begin".to_owned()), (n, "/end".to_owned())])
            .collect();
        assert_eq!(seen, expected, "{who}: one after the other, waits included");
    }
}

#[test]
fn a_throttle_begins_no_more_runs_than_its_limit_in_one_period() {
    let receiver = Receiver::start();
    let workflow = Workflow::steps("w", json!([notify("tell", "/", json!({}))]))
        .set(json!({ "throttle": { "limit": 2, "per": "1s" } }));
    let server = with_receiver(&receiver, [workflow]);
    let runs: Vec<_> = (0..5).map(|_| begin(&server, "w", &json!({}))).collect();
    for run in &runs {
        assert_eq!(server.ended_run(run)["status"], "succeeded", "none is lost");
    }
    let times: Vec<_> = receiver.requests().iter().map(|request| request.at).collect();
    assert_eq!(times.len(), 5);
    // The first may have come late, by what a busy machine adds.
    assert!(times[4] - times[0] >= Duration::from_millis(1_300), "{:?}", times[4] - times[0]);
    assert!(times[2] - times[0] >= Duration::from_millis(300), "{:?}", times[2] - times[0]);
}

#[test]
fn a_debounced_workflow_runs_the_last_event_only() {
    let steps = json!([set("seen", json!("{{$context.data.n}}"))]);
    let workflow = Workflow::steps("w", steps).set(json!({ "debounce": { "wait": "700ms" } }));
    let server = TestServer::start([workflow]);
    let runs: Vec<_> = (0..4).map(|n| begin(&server, "w", &json!({ "n": n }))).collect();
    let last = server.ended_run(&runs[3]);
    assert_eq!((&last["status"], output(&last, "seen")), (&json!("succeeded"), &json!(3)));
    for run in &runs[..3] {
        let run = server.ended_run(run);
        assert_eq!(
            (&run["status"], run["steps"].as_array().unwrap().len()),
            (&json!("cancelled"), 0),
            "{run}"
        );
        assert_eq!(run["nocobase"]["status"], -4);
    }
}

#[test]
fn a_singleton_skips_the_new_event_or_cancels_the_unfinished_run() {
    let steps = json!([{ "id": "nap", "type": "delay", "for": "{{$context.data.nap}}" }]);
    let workflow = |key: &str, on_conflict: &str| {
        Workflow::steps(key, steps.clone())
            .set(json!({ "singleton": { "key": "{{$context.data.who}}", "on_conflict": on_conflict } }))
    };
    let server = TestServer::start([workflow("skip", "skip"), workflow("cancel", "cancel")]);
    let event = |who: &str, nap: &str| json!({ "who": who, "nap": nap });

    let first = begin(&server, "skip", &event("a", "1h"));
    let second = server.post("skip", &event("a", "1h"));
    assert_eq!((second.status, second.run_id()), (202, first.clone()));
    assert_eq!(second.json()["skipped"], true);
    assert_ne!(begin(&server, "skip", &event("b", "1ms")), first, "another key is another singleton");
    assert_eq!(server.runs("skip").len(), 2);

    let first = begin(&server, "cancel", &event("a", "1h"));
    server.waiting_run(&first);
    let second = begin(&server, "cancel", &event("a", "1ms"));
    assert_eq!(server.ended_run(&second)["status"], "succeeded");
    let first = server.ended_run(&first);
    assert_eq!((&first["status"], &first["error"]["code"]), (&json!("cancelled"), &json!("cancelled")));
    assert!(first["error"]["message"].as_str().unwrap().contains(&second), "{}", first["error"]);
}

#[test]
fn a_run_that_takes_too_long_is_aborted_also_while_it_waits() {
    let workflow = Workflow::steps("w", json!([{ "id": "nap", "type": "delay", "for": "1h" }]))
        .set(json!({ "timeout": "300ms" }));
    let server = TestServer::start([workflow]);
    let run = run(&server, "w", &json!({}));
    assert_eq!((&run["status"], &run["error"]["code"]), (&json!("failed"), &json!("run_timeout")), "{run}");
    assert_eq!(run["nocobase"]["status"], -3);
}
