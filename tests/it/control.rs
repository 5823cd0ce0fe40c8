//! Runs under control from outside: start, cancel, replay, retry, pause, dead letters; by the API and the commands.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Receiver, Response, Setup, TestServer, Workflow, poll, wait_until};

fn delay(id: &str, span: &str) -> Value {
    json!({ "id": id, "type": "delay", "for": span })
}

fn set(id: &str, values: Value) -> Value {
    json!({ "id": id, "type": "set", "values": values })
}

#[track_caller]
fn begin(server: &TestServer, key: &str, event: &Value) -> String {
    let accepted = server.post(key, event);
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    accepted.run_id()
}

fn post(server: &TestServer, path: &str, body: Value) -> Response {
    server.ask("POST", &format!("/api/v1{path}"), &body)
}

#[track_caller]
fn assert_problem(response: &Response, status: u16, code: &str) {
    assert_eq!((response.status, response.problem().as_str()), (status, code), "{}", response.text());
}

fn ids(run: &Value) -> Vec<&str> {
    run["steps"].as_array().unwrap().iter().map(|step| step["id"].as_str().unwrap()).collect()
}

/// A workflow that fails at its second request until the receiver says 200, and a server for it.
fn failing(receiver: &Receiver) -> TestServer {
    let http = |id: &str| json!({ "id": id, "type": "http", "method": "POST", "url": format!("{{{{$env.SINK}}}}/{id}"), "json": {} });
    let steps = json!([
        http("first"),
        { "id": "each", "type": "loop", "over": 2, "steps": [
            set("seen", json!("{{$steps.first.data.n}}")), http("second") ] },
        set("after", json!("{{$steps.first.data.n}}")),
    ]);
    Setup::default()
        .workflows([Workflow::steps("w", steps)])
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .variable("FLOWCELL_VARS_SINK", &receiver.url(""))
        .start()
}

#[test]
fn a_running_script_is_stopped_by_a_cancellation() {
    let endless = Workflow::script("w", "for (;;) {}")
        .asynchronous()
        .limits(json!({ "timeout": "60s", "fuel": 100_000_000_000u64 }));
    let server = TestServer::start([endless, Workflow::script("other", "return 1")]);
    let id = begin(&server, "w", &json!({}));
    wait_until("it runs", 30, || server.run(&id)["running"] == true);
    assert_eq!(server.run(&id)["nocobase"]["status"], 0);
    let started = Instant::now();
    let answer = post(&server, &format!("/runs/{id}/cancel"), json!({ "reason": "it loops" }));
    assert_eq!((answer.status, answer.json()), (202, json!({ "run_id": id })));
    let run = server.ended_run(&id);
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!((&run["status"], &run["nocobase"]["status"]), (&json!("cancelled"), &json!(-4)), "{run}");
    assert!(run["error"]["message"].as_str().unwrap().contains("it loops"), "{}", run["error"]);
    assert_problem(&post(&server, &format!("/runs/{id}/cancel"), Value::Null), 409, "run_ended");
    assert_eq!(server.hook("other").status, 200);
    assert_eq!(server.api("/api/v1/runs?status=cancelled")["runs"][0]["id"], id.as_str());
}

#[test]
fn what_waits_or_stands_in_line_is_cancelled_at_once() {
    let one =
        |key: &str, steps: Value| Workflow::steps(key, steps).set(json!({ "concurrency": { "limit": 1 } }));
    let server = TestServer::start([one("w", json!([delay("nap", "1h"), set("after", json!(1))]))]);
    let holder = begin(&server, "w", &json!({}));
    server.waiting_run(&holder);
    let queued = begin(&server, "w", &json!({}));
    let third = begin(&server, "w", &json!({}));
    assert_eq!(
        (&server.run(&queued)["status"], &server.run(&queued)["nocobase"]["status"]),
        (&json!("queued"), &Value::Null)
    );
    assert_eq!(server.api("/api/v1/runs?status=waiting")["runs"].as_array().unwrap().len(), 1);

    assert_eq!(post(&server, &format!("/runs/{queued}/cancel"), Value::Null).status, 202);
    let run = server.ended_run(&queued);
    assert_eq!((&run["status"], ids(&run).len()), (&json!("cancelled"), 0), "no step of it began");

    assert_eq!(server.run(&third)["status"], "queued", "its turn has not come");
    assert_eq!(post(&server, &format!("/runs/{holder}/cancel"), Value::Null).status, 202);
    let run = server.ended_run(&holder);
    assert_eq!((&run["status"], run["waiting"].as_array().unwrap().len()), (&json!("cancelled"), 0), "{run}");
    server.waiting_run(&third);
}

#[test]
fn the_cancellation_of_a_run_cancels_the_run_that_it_waits_for() {
    let child =
        Workflow::steps("child", json!([delay("nap", "1h")])).set(json!({ "trigger": { "type": "manual" } }));
    let parent = Workflow::steps("parent", json!([{ "id": "call", "type": "subflow", "workflow": "child" }]));
    let server = TestServer::start([child, parent]);
    let id = begin(&server, "parent", &json!({}));
    let child =
        poll("the child waits", 30, || server.run(&id)["waiting"][0]["run"].as_str().map(str::to_owned));
    server.waiting_run(&child);
    post(&server, &format!("/runs/{id}/cancel"), Value::Null);
    assert_eq!(server.ended_run(&id)["status"], "cancelled");
    assert_eq!(server.ended_run(&child)["status"], "cancelled");
}

#[test]
fn a_retry_goes_on_from_the_failed_step_with_the_same_outputs_and_keys() {
    let receiver = Receiver::start();
    receiver.answer([200, 200, 500]);
    let server = failing(&receiver);
    let id = begin(&server, "w", &json!({}));
    let failed = server.ended_run(&id);
    assert_eq!(
        (&failed["status"], &failed["error"]["step"]),
        (&json!("failed"), &json!("second")),
        "{failed}"
    );
    let answer = post(&server, &format!("/runs/{id}/retry"), Value::Null);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let run = server.ended_run(&answer.run_id());
    assert_eq!(
        (&run["status"], &run["cause"], &run["origin"]),
        (&json!("succeeded"), &json!("retry"), &json!(id)),
        "{run}"
    );
    let requests = receiver.requests();
    let paths: Vec<_> = requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/first", "/second", "/second", "/second"], "what had succeeded is not sent again");
    let key = |n: usize| requests[n].header("idempotency-key").unwrap();
    assert_eq!(key(2), key(3), "the failed request keeps its key");
    assert_ne!(key(1), key(2), "each iteration has its own");
    let after = run["steps"].as_array().unwrap().iter().find(|step| step["id"] == "after").unwrap();
    assert_eq!(after["output"], 1, "the output of before the failure");
    assert_problem(
        &post(&server, &format!("/runs/{}/retry", answer.run_id()), Value::Null),
        409,
        "nothing_failed",
    );
}

#[test]
fn a_replay_runs_the_event_again_on_its_own_or_the_newest_version() {
    let version = |text: &str| {
        Workflow::steps("w", json!([set("said", json!(format!("{text} {{{{$context.data.who}}}}")))]))
    };
    let server = TestServer::start([version("old")]);
    let id = begin(&server, "w", &json!({ "who": "Ada" }));
    server.ended_run(&id);
    let old = server.api("/api/v1/workflows")["workflows"][0]["version"].clone();
    version("new").write(&server.workflows());
    wait_until("the new version is installed", 30, || {
        server.api("/api/v1/workflows")["workflows"][0]["version"] != old
    });
    for (body, said) in [
        (Value::Null, "old Ada"),
        (json!({ "on": "same" }), "old Ada"),
        (json!({ "on": "newest" }), "new Ada"),
    ] {
        let answer = post(&server, &format!("/runs/{id}/replay"), body);
        assert_eq!(answer.status, 201, "{}", answer.text());
        let run = server.ended_run(&answer.run_id());
        assert_eq!(
            (&run["steps"][0]["output"], &run["cause"], &run["origin"]),
            (&json!(said), &json!("replay"), &json!(id))
        );
        assert_eq!(run["context"], server.run(&id)["context"], "the same event");
    }
    assert_problem(&post(&server, &format!("/runs/{id}/replay"), json!({ "on": "old" })), 400, "bad_request");
    assert_problem(
        &post(&server, "/runs/run_00000000000000000000000000000000/replay", Value::Null),
        404,
        "run_unknown",
    );
    assert_problem(&post(&server, "/runs/x/replay", Value::Null), 400, "bad_request");
}

#[test]
fn what_has_not_ended_is_neither_replayed_nor_retried() {
    let server = TestServer::start([Workflow::steps("w", json!([delay("nap", "1h")]))]);
    let id = begin(&server, "w", &json!({}));
    server.waiting_run(&id);
    for verb in ["replay", "retry"] {
        assert_problem(&post(&server, &format!("/runs/{id}/{verb}"), Value::Null), 409, "run_not_ended");
    }
}

#[test]
fn many_runs_are_replayed_by_filter_in_pages_oldest_first() {
    let steps = json!([{ "id": "bad", "type": "condition", "if": "context.data.n % 2 == 1",
        "then": [{ "id": "stop", "type": "end", "status": "failed", "message": "odd" }] }]);
    let server = TestServer::start([Workflow::steps("w", steps.clone()), Workflow::steps("other", steps)]);
    let runs: Vec<_> = (0..6)
        .map(|n| {
            let id = begin(&server, "w", &json!({ "n": n }));
            server.ended_run(&id);
            id
        })
        .collect();
    server.ended_run(&begin(&server, "other", &json!({ "n": 1 })));
    let failed = [&runs[1], &runs[3], &runs[5]];
    let replay = |body: Value| {
        let answer = post(&server, "/runs/replay", body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let of = |answer: &Value| -> Vec<String> {
        let replayed = answer["replayed"].as_array().unwrap();
        replayed.iter().map(|item| item["run"].as_str().unwrap().to_owned()).collect()
    };
    let filter = json!({ "workflow": "w", "status": "failed" });
    let dry = replay(json!({ "workflow": "w", "status": "failed", "dry_run": true }));
    assert_eq!(of(&dry), failed.map(String::clone));
    assert_eq!(dry["replayed"][0]["new"], Value::Null);
    assert_eq!(server.runs("w").len(), 6, "a dry run replays nothing");
    let between = json!({ "workflow": "w", "after": runs[1], "before": runs[4], "dry_run": true });
    assert_eq!(of(&replay(between)), [runs[2].clone(), runs[3].clone()]);
    assert_eq!(of(&replay(json!({ "workflow": "w", "after": "2100-01-01T00:00:00Z" }))).len(), 0);

    let mut page = filter.clone();
    page["limit"] = 2.into();
    let first = replay(page.clone());
    assert_eq!(of(&first), [runs[3].clone(), runs[5].clone()]);
    page["before"] = first["next"].clone();
    let second = replay(page);
    assert_eq!((of(&second), &second["next"]), (vec![runs[1].clone()], &Value::Null));
    for item in first["replayed"].as_array().unwrap().iter().chain(second["replayed"].as_array().unwrap()) {
        let run = server.ended_run(item["new"].as_str().unwrap());
        assert_eq!((&run["origin"], &run["status"]), (&item["run"], &json!("failed")));
    }
    assert_eq!((server.runs("w").len(), server.runs("other").len()), (9, 1));
    for body in [
        json!({}),
        json!({ "status": "queued" }),
        json!({ "workflow": "w", "limit": 1001 }),
        json!({ "after": "yesterday" }),
    ] {
        assert_problem(&post(&server, "/runs/replay", body), 400, "bad_request");
    }
}

#[test]
fn a_paused_workflow_accepts_and_begins_nothing_also_after_a_restart() {
    let sync = Workflow::script("s", "return 1");
    let mut server = TestServer::start([Workflow::steps("w", json!([set("a", json!(1))])), sync]);
    let paused = |server: &TestServer, key: &str| {
        let list = server.api("/api/v1/workflows");
        let found =
            list["workflows"].as_array().unwrap().iter().find(|workflow| workflow["key"] == key).cloned();
        found.unwrap()
    };
    for key in ["w", "s"] {
        let answer = post(&server, &format!("/workflows/{key}/pause"), Value::Null);
        assert_eq!((answer.status, answer.json()), (200, json!({ "key": key, "paused": true })));
    }
    let id = begin(&server, "w", &json!({}));
    assert_problem(&server.hook("s"), 503, "workflow_paused");
    server.kill();
    server.restart();
    let listed = paused(&server, "w");
    assert_eq!(
        (&listed["paused"], &listed["pending_runs"], &listed["trigger"]),
        (&json!(true), &json!(1), &json!("webhook"))
    );
    assert_eq!(server.run(&id)["status"], "queued");
    assert_eq!(post(&server, "/workflows/w/resume", Value::Null).json()["paused"], false);
    assert_eq!(server.ended_run(&id)["status"], "succeeded");
    wait_until("its place is free", 20, || paused(&server, "w")["pending_runs"] == 0);
    assert_problem(&post(&server, "/workflows/none/pause", Value::Null), 404, "workflow_unknown");
}

#[test]
fn a_run_is_started_by_hand_with_any_json_as_its_data() {
    let manual =
        |key: &str, steps: Value| Workflow::steps(key, steps).set(json!({ "trigger": { "type": "manual" } }));
    let one = manual("one", json!([delay("nap", "1h")])).set(json!({ "singleton": {} }));
    let server = TestServer::start([manual("w", json!([set("seen", json!("{{$context.data}}"))])), one]);
    for data in [json!({ "a": [1] }), json!("text"), json!(7), Value::Null] {
        let answer = post(&server, "/workflows/w/runs", data.clone());
        assert_eq!(answer.status, 202, "{}", answer.text());
        let run = server.ended_run(&answer.run_id());
        assert_eq!((&run["steps"][0]["output"], &run["cause"]), (&data, &json!("manual")));
    }
    let first = post(&server, "/workflows/one/runs", Value::Null).run_id();
    let second = post(&server, "/workflows/one/runs", Value::Null);
    assert_eq!((second.status, second.json()), (202, json!({ "run_id": first, "skipped": true })));
    assert_problem(&post(&server, "/workflows/none/runs", Value::Null), 404, "workflow_unknown");
}

#[test]
fn a_failed_run_is_a_dead_letter_until_somebody_deals_with_it() {
    let receiver = Receiver::start();
    receiver.answer([500, 500, 500]);
    let server = failing(&receiver);
    let letters = || -> Vec<String> {
        let list = server.api("/api/v1/dead-letters");
        list["dead_letters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|run| run["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let runs: Vec<_> = (0..3)
        .map(|_| {
            let id = begin(&server, "w", &json!({}));
            assert_eq!(server.ended_run(&id)["status"], "failed");
            id
        })
        .collect();
    assert_eq!(letters(), [runs[2].clone(), runs[1].clone(), runs[0].clone()]);
    let page = server.api("/api/v1/dead-letters?limit=2");
    assert_eq!(page["next"], runs[1].as_str());

    assert_eq!(server.ask("DELETE", &format!("/api/v1/dead-letters/{}", runs[0]), &Value::Null).status, 204);
    assert_eq!(letters(), [runs[2].clone(), runs[1].clone()]);
    assert_eq!(server.run(&runs[0])["status"], "failed", "the run itself stays");
    assert_problem(
        &server.ask("DELETE", &format!("/api/v1/dead-letters/{}", runs[0]), &Value::Null),
        404,
        "dead_letter_unknown",
    );

    let retried = post(&server, &format!("/dead-letters/{}/retry", runs[1]), Value::Null);
    assert_eq!(retried.status, 201, "{}", retried.text());
    assert_eq!(server.ended_run(&retried.run_id())["status"], "succeeded");
    assert_eq!(letters(), [runs[2].clone()]);
    // A replay that succeeds makes up for the failure too.
    let replayed = post(&server, &format!("/runs/{}/replay", runs[2]), Value::Null).run_id();
    assert_eq!(server.ended_run(&replayed)["status"], "succeeded");
    assert_eq!(letters(), Vec::<String>::new());
}

#[test]
fn nothing_is_controlled_without_the_token() {
    let server = TestServer::start([Workflow::steps("w", json!([delay("nap", "1h")]))]);
    let id = begin(&server, "w", &json!({}));
    for path in [
        "runs/replay".to_owned(),
        format!("runs/{id}/cancel"),
        format!("runs/{id}/replay"),
        format!("runs/{id}/retry"),
        "workflows/w/runs".to_owned(),
        "workflows/w/pause".to_owned(),
        "workflows/w/resume".to_owned(),
        format!("dead-letters/{id}/retry"),
    ] {
        let response = server.send(&crate::support::Request::post(&format!("/api/v1/{path}")));
        assert_problem(&response, 401, "unauthorized");
    }
    assert_eq!(server.waiting_run(&id)["status"], "waiting");
}

#[test]
fn the_commands_do_what_the_api_does() {
    let bad = json!({ "id": "bad", "type": "condition", "if": "has(context.data.bad)",
        "then": [{ "id": "stop", "type": "end", "status": "failed", "message": "bad" }] });
    let server = TestServer::start([
        Workflow::steps("w", json!([bad, set("seen", json!("{{$context.data}}"))])),
        Workflow::steps("nap", json!([delay("nap", "1h")])),
    ]);
    let say = |words: &[&str]| {
        let finished = server.command(words);
        assert_eq!((finished.code, finished.stderr.as_str()), (0, ""), "{words:?}");
        finished.stdout.trim().to_owned()
    };
    let start = |words: &[&str]| server.command(&[&["runs", "start"], words].concat());
    let file = server.data().join("event.json");
    std::fs::write(&file, "{\"from\": \"a file\"}").unwrap();
    for (given, seen) in [
        ("{\"a\": 1}".to_owned(), json!({ "a": 1 })),
        (file.display().to_string(), json!({ "from": "a file" })),
        (format!("@{}", file.display()), json!({ "from": "a file" })),
    ] {
        let started = start(&["w", "--event", &given]);
        assert_eq!(started.code, 0, "{started:?}");
        let run = server.ended_run(started.stdout.trim());
        assert_eq!(run["steps"][1]["output"], seen, "{run}");
    }
    assert_eq!(start(&["w", "--event", "{"]).code, 2);
    let unknown = start(&["none"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("there is no workflow `none`"), "{unknown:?}");

    let failed = start(&["w", "--event", "{\"bad\": true}"]).stdout.trim().to_owned();
    server.ended_run(&failed);
    assert!(say(&["runs", "dead"]).contains(&failed));
    assert!(say(&["runs", "dead", "list"]).contains(&failed));
    let replayed = say(&["runs", "replay", &failed, "--newest"]);
    assert_eq!(server.ended_run(&replayed)["origin"], failed.as_str());
    let retried = say(&["runs", "retry", &failed]);
    assert_eq!(server.ended_run(&retried)["cause"], "retry");
    assert_eq!(
        say(&["runs", "replay", "--workflow", "w", "--status", "failed", "--before", &replayed, "--dry-run"]),
        failed
    );
    let again = say(&["runs", "replay", "--workflow", "w", "--status", "failed", "--before", &replayed]);
    assert!(again.starts_with(&format!("{failed}  as run_")), "{again}");
    let retried = say(&["runs", "dead", "retry", &failed]);
    server.ended_run(&retried);
    assert_eq!(say(&["runs", "dead", "dismiss", &retried]), "");
    let dead = server.command(&["runs", "dead"]).stdout;
    assert!(!dead.contains(&failed) && !dead.contains(&retried), "{dead}");

    let napping = begin(&server, "nap", &json!({}));
    server.waiting_run(&napping);
    assert_eq!(say(&["runs", "cancel", &napping, "--reason", "no more naps"]), napping);
    assert_eq!(server.ended_run(&napping)["error"]["message"], "no more naps");
    let over = server.command(&["runs", "cancel", &napping]);
    assert!(over.code == 2 && over.stderr.contains("has ended already"), "{over:?}");

    say(&["workflows", "pause", "w"]);
    assert!(
        say(&["workflows", "list"]).lines().any(|line| line.starts_with("w ") && line.contains("paused"))
    );
    say(&["workflows", "resume", "w"]);
    assert!(!say(&["workflows", "list"]).contains("paused"));
}
