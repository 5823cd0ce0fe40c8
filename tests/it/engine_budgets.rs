//! What one workflow can take of the engine: a run that ends the process is given up, templates stay within bounds,
//! what waits has its own part, and two greedy workflows leave room for the third.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::support::{Request, Setup, Sink, TestServer, Workflow, poll, wait_until};

/// A script that never ends by itself within the time of a test.
fn endless(key: &str) -> Workflow {
    Workflow::script(key, "for (;;) {}")
        .limits(json!({ "timeout": "60s", "fuel": 100_000_000_000_u64 }))
        .asynchronous()
}

/// A workflow that waits for a service in its only step.
fn caller(key: &str, sink: &Sink) -> Workflow {
    let call = json!({ "id": "call", "type": "http", "url": sink.url(), "timeout": "60s" });
    Workflow::steps(key, json!([call]))
}

fn is_running(server: &TestServer, run: &str) -> bool {
    server.run(run)["running"] == true
}

#[test]
fn s4_a_run_that_takes_the_process_down_three_times_is_a_dead_letter_and_its_neighbours_are_not() {
    let busy = "let n = 0; for (let i = 0; i < 300000; i++) n += i; return n";
    let mut server = Setup::default()
        .workflows([
            endless("hog"),
            Workflow::script("good", busy).limits(json!({ "timeout": "30s" })).asynchronous(),
        ])
        .start();
    let hog = server.post("hog", &json!({})).run_id();
    let good: Vec<_> = (0..6).map(|n| server.post("good", &json!({ "n": n })).run_id()).collect();
    for _ in 0..3 {
        wait_until("the hog is executed", 60, || is_running(&server, &hog));
        server.kill();
        server.restart();
    }
    let ended = server.ended_run(&hog);
    assert_eq!(
        (&ended["status"], &ended["error"]["code"]),
        (&json!("failed"), &json!("engine_crash")),
        "{ended}"
    );
    assert!(ended["error"]["message"].as_str().unwrap().contains("ended 3 times in a row"), "{ended}");
    let letters = server.api("/api/v1/dead-letters");
    assert_eq!(letters["dead_letters"].as_array().map(Vec::len), Some(1), "{letters}");
    for run in &good {
        assert_eq!(server.ended_run(run)["status"], "succeeded", "it was beside the hog, no more");
    }
    assert_eq!(server.post("good", &json!({})).status, 202);
}

#[test]
fn s4_a_server_that_is_stopped_well_blames_no_run() {
    let sink = Sink::start(|_, _| (200, Duration::from_secs(60)));
    let mut server = Setup::default()
        .workflows([caller("hog", &sink)])
        .variable("FLOWCELL_NET_ALLOW", &sink.host())
        .variable("FLOWCELL_SERVER_DRAIN", "10ms")
        .start();
    let hog = server.post("hog", &json!({})).run_id();
    for _ in 0..4 {
        wait_until("the hog is executed", 60, || is_running(&server, &hog));
        server.stop();
        server.restart();
    }
    wait_until("the hog is executed again", 60, || is_running(&server, &hog));
    // A stop between two kills begins the count anew.
    server.kill();
    server.restart();
    wait_until("the hog is executed again", 60, || is_running(&server, &hog));
}

/// `VmHWM`, the most memory that the process ever had, MiB.
fn peak_mib(server: &TestServer) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux tells VmHWM");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1_024
}

const DATA: &str = "{{$context.data.text}}";

/// Steps whose templates name the event three thousand times, with the field that is too large.
fn bombs() -> Vec<(&'static str, Value, &'static str)> {
    let list = || json!(vec![DATA; 3_000]);
    let long = || json!(DATA.repeat(3_000));
    let http = |field: &str, value: Value| {
        let mut step = json!({ "type": "http", "url": "http://127.0.0.1:9/", "method": "POST" });
        step[field] = value;
        step
    };
    vec![
        ("set", json!({ "type": "set", "values": list() }), "values"),
        ("set-text", json!({ "type": "set", "values": { "a": long() } }), "values"),
        ("response", json!({ "type": "response", "json": list() }), "json"),
        ("response-text", json!({ "type": "response", "text": long() }), "text"),
        ("response-header", json!({ "type": "response", "headers": { "x-a": long() } }), "headers.x-a"),
        ("subflow", json!({ "type": "subflow", "workflow": "quiet", "input": list() }), "input"),
        ("end", json!({ "type": "end", "status": "succeeded", "output": list() }), "output"),
        ("loop", json!({ "type": "loop", "over": list(), "steps": [] }), "over"),
        ("query", json!({ "type": "query", "language": "jq", "query": ".", "from": list() }), "from"),
        ("delay", json!({ "type": "delay", "for": long() }), "for"),
        ("http-json", http("json", list()), "json"),
        ("http-text", http("text", long()), "text"),
        ("http-form", http("form", json!({ "a": list() })), "form"),
        ("http-xml", http("xml", json!({ "a": { "b": list() } })), "xml"),
        ("http-query", http("query", json!({ "a": list() })), "query"),
        ("http-header", http("headers", json!({ "x-a": long() })), "headers.x-a"),
        ("http-multipart", http("multipart", json!({ "a": long() })), "multipart"),
        ("http-base64", http("body_base64", long()), "body_base64"),
    ]
}

#[test]
fn s7_templates_that_multiply_fail_by_a_named_limit_and_take_no_memory() {
    let workflow = |(key, step, _): &(&str, Value, &str)| {
        let mut step = step.clone();
        step["id"] = json!("bomb");
        if key == &"loop" {
            step["steps"] = json!([{ "id": "inner", "type": "set", "values": 1 }]);
        }
        Workflow::steps(key, json!([step]))
    };
    let server = Setup::default()
        .workflows(bombs().iter().map(workflow))
        .workflows([Workflow::steps("quiet", json!([{ "id": "one", "type": "set", "values": 1 }]))])
        .start();
    // What the first large event needs anyway is none of the templates' doing.
    let event = json!({ "text": "x".repeat(1_000_000) });
    let warm = server.post("quiet", &event).run_id();
    server.ended_run(&warm);
    let before = peak_mib(&server);
    for (key, _, field) in bombs() {
        let run = server.ended_run(&server.post(key, &event).run_id());
        let (code, message) =
            (run["error"]["code"].clone(), run["error"]["message"].as_str().unwrap_or_default());
        assert_eq!(
            (&code, &run["error"]["step"]),
            (&json!("output_too_large"), &json!("bomb")),
            "{key}: {run}"
        );
        assert!(message.contains(&format!("`{field}`")) && message.contains("bytes"), "{key}: {message}");
    }
    let grown = peak_mib(&server) - before;
    assert!(grown < 128, "the server grew by {grown} MiB");
}

#[test]
fn s7_conditions_that_compare_multiplied_templates_fail_without_memory() {
    let compare = json!({ "left": vec![DATA; 3_000], "op": "==", "right": vec![DATA; 3_000] });
    let step = json!({ "id": "bomb", "type": "condition", "if": compare, "then": [], "else": [] });
    let server = TestServer::start([Workflow::steps("ask", json!([step]))]);
    let before = peak_mib(&server);
    let run = server.post("ask", &json!({ "text": "x".repeat(1_000_000) })).run_id();
    let run = server.ended_run(&run);
    assert_eq!(run["error"]["code"], "condition_error", "{run}");
    let grown = peak_mib(&server) - before;
    assert!(grown < 128, "the server grew by {grown} MiB");
}

fn sleeper(key: &str) -> Workflow {
    Workflow::steps(key, json!([{ "id": "wait", "type": "delay", "for": "1h" }]))
}

fn ready(server: &TestServer) -> Value {
    server.send(&Request::get("/readyz")).json()
}

/// Sends events until one is refused; gives the runs that were accepted.
fn fill(server: &TestServer, key: &str, event: &Value) -> Vec<String> {
    let mut accepted = Vec::new();
    loop {
        let response = server.post(key, event);
        if response.status != 202 {
            assert_eq!((response.status, response.problem().as_str()), (503, "workflow_waiting_full"));
            assert!(response.header("retry-after").is_some());
            return accepted;
        }
        accepted.push(response.run_id());
        assert!(accepted.len() < 60, "nothing is ever refused");
        server.waiting_run(accepted.last().unwrap());
        wait_until("it is put down", 20, || ready(server)["pending_runs"] == 0);
    }
}

#[test]
fn s11_what_waits_is_capped_for_each_workflow_and_the_cap_outlives_a_restart() {
    let mut server = Setup::default()
        .workflows([sleeper("a"), sleeper("b")])
        .variable("FLOWCELL_ENGINE_WAITING_RUNS", "5")
        .start();
    let accepted = fill(&server, "a", &json!({}));
    assert_eq!(accepted.len(), 5);
    assert_eq!(server.post("b", &json!({})).status, 202, "another workflow has its own part");
    poll("all wait", 20, || {
        (server.send(&Request::get("/readyz")).json()["waiting_runs"] == 6).then_some(())
    });
    server.kill();
    server.restart();
    let ready = ready(&server);
    assert_eq!((&ready["waiting_runs"], &ready["pending_runs"]), (&json!(6), &json!(0)), "{ready}");
    assert_eq!(fill(&server, "a", &json!({})).len(), 0);
    server.ask("POST", &format!("/api/v1/runs/{}/cancel", accepted[0]), &Value::Null);
    server.ended_run(&accepted[0]);
    // Its end is durable before its place is free.
    wait_until("its place is free", 20, || {
        let ready = self::ready(&server);
        ready["waiting_runs"] == 5 && ready["pending_runs"] == 0
    });
    assert_eq!(fill(&server, "a", &json!({})).len(), 1, "there is room for one again");
    let lists = server.api("/api/v1/workflows");
    let a = lists["workflows"].as_array().unwrap().iter().find(|workflow| workflow["key"] == "a").unwrap();
    assert_eq!(a["waiting_runs"], 5);
}

#[test]
fn s11_what_waits_is_capped_in_bytes_too() {
    let mut server = Setup::default()
        .workflows([sleeper("a")])
        .variable("FLOWCELL_ENGINE_WAITING_BYTES", "500KiB")
        .start();
    let event = json!({ "text": "x".repeat(100_000) });
    let accepted = fill(&server, "a", &event).len();
    assert!((4..=5).contains(&accepted), "{accepted}");
    server.stop();
    server.restart();
    assert_eq!(fill(&server, "a", &event).len(), 0);
}

#[test]
fn s11_events_whose_end_starts_what_waits_are_refused_too() {
    let after = json!({
        "key": "after", "trigger": { "type": "workflow", "workflows": ["first"] },
        "steps": [{ "id": "wait", "type": "delay", "for": "1h" }],
    });
    let server = Setup::default()
        .workflows([
            Workflow::steps("first", json!([{ "id": "one", "type": "set", "values": 1 }])),
            Workflow { key: "after".to_owned(), json: after, files: Vec::new() },
        ])
        .variable("FLOWCELL_ENGINE_WAITING_RUNS", "3")
        .start();
    let refused = poll("an event is refused", 60, || {
        let response = server.post("first", &json!({}));
        if response.status == 202 {
            server.ended_run(&response.run_id());
            return None;
        }
        Some(response)
    });
    assert_eq!((refused.status, refused.problem().as_str()), (503, "workflow_waiting_full"));
}

#[test]
fn s11_a_third_workflow_beside_two_greedy_ones_is_accepted_and_has_its_turn() {
    let sink = Sink::start(|_, _| (200, Duration::from_secs(60)));
    let server = Setup::default()
        .workflows([caller("a", &sink), caller("b", &sink)])
        .workflows([Workflow::script("third", "return 3")])
        .variable("FLOWCELL_NET_ALLOW", &sink.host())
        .variable("FLOWCELL_ENGINE_MAX_RUNNING", "12")
        .variable("FLOWCELL_ENGINE_MAX_PENDING", "60")
        .start();
    for key in ["a", "b"] {
        let refused = poll("its part is taken", 20, || {
            Some(server.post(key, &json!({}))).filter(|it| it.status != 202)
        });
        assert_eq!((refused.status, refused.problem().as_str()), (429, "workflow_queue_full"));
    }
    wait_until("both take what they can", 20, || sink.calls().len() >= 8);
    for _ in 0..5 {
        let response = server.post("third", &json!({}));
        assert_eq!((response.status, response.text().as_str()), (200, "3"));
    }
}
