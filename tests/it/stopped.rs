//! S2, S4, S10, S11: a stopped script stops, its place is free only then, and nobody else notices.

use std::{
    fs,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Request, Setup, TestServer, Workflow, poll, wait_until};

/// Processor time of the process, in hundredths of a second.
fn cpu(server: &TestServer) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

/// Until the process computes next to nothing.
fn wait_until_idle(server: &TestServer) {
    wait_until("the process is idle", 20, || {
        let before = cpu(server);
        std::thread::sleep(Duration::from_millis(200));
        cpu(server) - before <= 4
    });
}

fn endless(key: &str) -> Workflow {
    Workflow::script(key, "for (;;) {}").limits(json!({ "timeout": "60s", "fuel": 100_000_000_000u64 }))
}

/// Sets members of the step itself.
fn step(mut workflow: Workflow, name: &str, value: serde_json::Value) -> Workflow {
    workflow.json["steps"][0][name] = value;
    workflow
}

#[test]
fn s2_after_200_step_timeouts_the_process_is_idle_and_another_workflow_never_failed() {
    let zombies = step(endless("zombies").asynchronous(), "timeout", json!("50ms"));
    let server = TestServer::start([zombies, Workflow::script("healthy", "return 1;")]);
    server.while_healthy("healthy", || {
        let runs: Vec<String> = (0..200).map(|_| server.hook("zombies").run_id()).collect();
        for run in runs {
            assert_eq!(server.ended_run(&run)["error"]["code"], "timeout");
        }
    });
    wait_until_idle(&server);
}

#[test]
fn s2_a_script_whose_run_is_cancelled_stops_in_the_middle_of_a_loop() {
    let singleton = endless("one").asynchronous().set(json!({ "singleton": { "on_conflict": "cancel" } }));
    let server = TestServer::start([endless("endless").asynchronous(), singleton]);
    let run = server.hook("endless").run_id();
    let busy = |what: &str| {
        wait_until(what, 20, || {
            let before = cpu(&server);
            std::thread::sleep(Duration::from_millis(100));
            cpu(&server) - before >= 5
        })
    };
    busy("the script computes");
    assert!(server.ask("POST", &format!("/api/v1/runs/{run}/cancel"), &json!({})).status < 300);
    assert_eq!(server.ended_run(&run)["status"], "cancelled");
    wait_until_idle(&server);
    let first = server.hook("one").run_id();
    busy("the first one computes");
    let second = server.hook("one").run_id();
    assert_eq!(server.ended_run(&first)["status"], "cancelled");
    busy("the second one computes");
    assert!(server.ask("POST", &format!("/api/v1/runs/{second}/cancel"), &json!({})).status < 300);
    wait_until_idle(&server);
}

#[test]
fn s4_what_waiting_instances_hold_is_bounded_by_the_sandbox_memory() {
    // Each holds some 24 MiB while it waits.
    let source = "const held = new Uint8Array(24 << 20).fill(1); for (let i = 0; i < 8; i++) await sleep(900); return held.length;";
    let hog =
        Workflow::script("hog", source).asynchronous().limits(json!({ "memory": "64MiB", "timeout": "60s" }));
    let server = Setup::default()
        .variable("FLOWCELL_SANDBOX_MEMORY", "256MiB")
        .workflows([hog, Workflow::script("healthy", "return 1;")])
        .start();
    let before = server.resident_mib();
    let runs: Vec<String> = (0..40).map(|_| server.hook("hog").run_id()).collect();
    server.while_healthy("healthy", || std::thread::sleep(Duration::from_secs(3)));
    let grown = server.resident_mib().saturating_sub(before);
    assert!(grown < 400, "{grown} MiB more for 40 runs that hold 24 MiB each, of 256 MiB for all");
    for run in &runs {
        server.ask("POST", &format!("/api/v1/runs/{run}/cancel"), &json!({}));
    }
}

#[test]
fn s4_a_step_that_may_use_more_than_the_sandbox_has_says_so() {
    let large = Workflow::script("large", "return 1;").limits(json!({ "memory": "128MiB" }));
    let server = Setup::default().variable("FLOWCELL_SANDBOX_MEMORY", "64MiB").workflows([large]).start();
    let error = server.ended_run(&server.hook("large").run_id())["error"].clone();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("sandbox.memory") && message.contains("limits.memory"), "{message}");
}

#[test]
fn s10_fuel_and_time_count_over_all_sleeps_of_an_attempt() {
    let source = "let n = 0; for (let i = 0; i < 30; i++) { for (let j = 0; j < 300_000; j++) n += j; await sleep(1100); } return n;";
    let limits = json!({ "fuel": 400_000_000 });
    let server = TestServer::start([Workflow::script("sleeper", source).asynchronous().limits(limits)]);
    let run = server.hook("sleeper").run_id();
    let ended = poll("the run ends", 60, || {
        let run = server.run(&run);
        run["finished"].is_string().then_some(run)
    });
    assert_eq!(ended["error"]["code"], "fuel_exhausted", "{ended}");
    let used = ended["steps"][0]["usage"]["fuel"].as_u64().unwrap();
    assert!((300_000_000..=400_000_000).contains(&used), "{used}");
}

#[test]
fn s11_a_third_workflow_is_answered_beside_two_that_take_all_they_can() {
    let greedy = ["first", "second"].map(|key| endless(key).asynchronous());
    let healthy = Workflow::script("healthy", "return context.data?.n ?? 0;");
    let server = TestServer::start(greedy.into_iter().chain([healthy]));
    for _ in 0..60 {
        for key in ["first", "second"] {
            let accepted = server.send(&Request::post(&format!("/api/webhooks/{key}")));
            assert!([202, 429, 503].contains(&accepted.status), "{}", accepted.text());
        }
    }
    let started = Instant::now();
    for n in 0..50 {
        let answer = server.post("healthy", &json!({ "n": n }));
        assert_eq!((answer.status, answer.json()), (200, json!(n)));
    }
    // Far below what waiting for one endless script would take.
    assert!(started.elapsed() < Duration::from_secs(50), "{:?}", started.elapsed());
}
