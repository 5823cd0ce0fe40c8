//! Waiting runs: a delay outlives crashes and fires once and on time, ten thousand of them hold little memory, and a
//! stop lets the call that is on its way come back.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Request, Setup, Sink, TestServer, Workflow, wait_until};

/// Runs that wait at once.
const WAITING: usize = 10_000;
/// What they may add to the server's memory, MiB.
const MAX_MIB: u64 = 100;
/// Senders of them.
const SENDERS: usize = 32;

fn workflow(key: &str, steps: serde_json::Value) -> Workflow {
    let json = json!({ "key": key, "trigger": { "type": "webhook", "mode": "async" }, "steps": steps });
    Workflow { key: key.to_owned(), json, files: Vec::new() }
}

fn post(server: &TestServer, key: &str) -> String {
    let response = server.send(&Request::post(&format!("/api/webhooks/{key}")).json(&json!({})));
    assert_eq!(response.status, 202, "{}", response.text());
    response.run_id()
}

fn wait_for_end(server: &TestServer, run: &str, seconds: u64) {
    wait_until("the run ends", seconds, || {
        !matches!(server.run(run)["status"].as_str(), Some("queued" | "waiting"))
    });
    assert_eq!(server.run(run)["status"], "succeeded", "{}", server.run(run));
}

#[test]
fn a_delay_survives_a_kill_and_a_restart_and_fires_once_on_time() {
    let sink = Sink::start(|_, _| (200, Duration::ZERO));
    let wait = json!({ "id": "wait", "type": "delay", "for": "3s" });
    let tell = json!({ "id": "tell", "type": "http", "method": "POST", "url": sink.url(), "text": "done" });
    let setup = Setup::default().workflows([workflow("later", json!([wait, tell]))]);
    let mut server = setup.variable("FLOWCELL_NET_ALLOW", &sink.host()).start();
    let sent = Instant::now();
    let run = post(&server, "later");
    wait_until("the run waits", 20, || server.run(&run)["status"] == "waiting");
    server.kill();
    server.restart();
    assert!(server.stop().success());
    server.restart();
    wait_for_end(&server, &run, 30);
    // A timer that fires twice would do so at the next look.
    thread::sleep(Duration::from_millis(1_200));
    let calls = sink.calls();
    assert_eq!(calls.len(), 1, "{calls:?}");
    let after = calls[0].at - sent;
    assert!(after >= Duration::from_secs(3), "it fired early, after {after:?}");
    let steps = server.run(&run)["steps"].clone();
    assert_eq!(steps.as_array().unwrap().len(), 2, "{steps}");
}

#[test]
fn a_stop_lets_a_call_on_its_way_come_back_and_does_not_repeat_it() {
    let sink = Sink::start(|_, _| (200, Duration::from_millis(1_500)));
    let tell = json!({ "id": "tell", "type": "http", "method": "POST", "url": sink.url(), "text": "slow" });
    let setup = Setup::default().workflows([workflow("slow", json!([tell]))]);
    let mut server = setup.variable("FLOWCELL_NET_ALLOW", &sink.host()).start();
    let run = post(&server, "slow");
    wait_until("the service is called", 20, || sink.calls().len() == 1);
    assert!(server.stop().success(), "it stops by itself");
    server.restart();
    wait_for_end(&server, &run, 30);
    assert_eq!(sink.calls().len(), 1, "the call is not repeated");
}

#[test]
fn ten_thousand_waiting_runs_hold_little_memory() {
    let wait = json!({ "id": "wait", "type": "delay", "for": "1h" });
    let setup = Setup::default().workflows([workflow("sleeper", json!([wait]))]);
    let server = setup.variable("FLOWCELL_ENGINE_WAITING_RUNS", "20000").start();
    let address = server.address();
    let request = Request::post("/api/webhooks/sleeper").json(&json!({ "customer": "c-1234567890" }));
    // What the first requests need anyway is not what the waiting runs hold.
    (0..200).for_each(|_| drop(post(&server, "sleeper")));
    let before = server.resident_mib();
    let (started, accepted) = (Instant::now(), AtomicUsize::new(200));
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| {
                while accepted.fetch_add(1, Ordering::SeqCst) < WAITING {
                    loop {
                        let response = request.send(address).expect("the server is up");
                        match response.status {
                            202 => break,
                            // Accepted faster than it gets to them: they queue for their first step.
                            429 | 503 => thread::sleep(Duration::from_millis(20)),
                            status => panic!("{status}: {}", response.text()),
                        }
                    }
                }
            });
        }
    });
    let sent = started.elapsed();
    wait_until("all of them wait", 60, || {
        server.runs("sleeper").iter().all(|run| run["status"] == "waiting")
    });
    let waiting = server.runs("sleeper").len();
    thread::sleep(Duration::from_millis(500));
    let held = server.resident_mib().saturating_sub(before);
    println!("{waiting} runs wait, {held} MiB more; accepted in {sent:?}");
    assert!(waiting >= WAITING, "{waiting}");
    assert!(held < MAX_MIB, "{waiting} waiting runs hold {held} MiB");
}
