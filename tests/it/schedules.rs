//! Schedules: each time is run once, also over restarts; what was missed is run as the trigger says.

use std::{thread::sleep, time::Duration};

use serde_json::{Value, json};

use crate::support::{TestServer, Workflow};

fn every_second(key: &str, missed: &str) -> Workflow {
    let steps = json!([{ "id": "seen", "type": "set", "values": {
        "at": "{{$context.params.scheduled}}", "input": "{{$context.data.input}}" } }]);
    let mut workflow = Workflow::steps(key, steps);
    workflow.json["trigger"] =
        json!({ "type": "schedule", "cron": "* * * * * *", "missed": missed, "input": { "input": 7 } });
    workflow
}

/// The times that the runs of a workflow were for, in order.
fn times(server: &TestServer, key: &str) -> Vec<String> {
    let mut times: Vec<String> = server
        .runs(key)
        .iter()
        .map(|run| {
            let run = server.ended_run(run["id"].as_str().unwrap());
            assert_eq!((&run["status"], &run["cause"]), (&json!("succeeded"), &json!("schedule")));
            let output: &Value = &run["steps"][0]["output"];
            assert_eq!(output["input"], 7);
            output["at"].as_str().unwrap().to_owned()
        })
        .collect();
    times.sort();
    times
}

#[test]
fn every_time_is_run_once_also_over_a_kill_and_a_clean_restart() {
    let mut server = TestServer::start([every_second("tick", "skip")]);
    sleep(Duration::from_millis(3_500));
    server.kill();
    server.restart();
    sleep(Duration::from_millis(2_500));
    server.stop();
    server.restart();
    sleep(Duration::from_millis(2_500));
    let times = times(&server, "tick");
    assert!(times.len() >= 6, "{times:?}");
    let mut once = times.clone();
    once.dedup();
    assert_eq!(once, times, "no time twice");
    assert!(times.iter().all(|time| time.ends_with(".000Z")), "{times:?}");
}

#[test]
fn a_paused_schedule_starts_nothing_and_goes_on_when_it_is_resumed() {
    let server = TestServer::start([every_second("tick", "run_once")]);
    assert_eq!(server.ask("POST", "/api/v1/workflows/tick/pause", &json!({})).status, 200);
    sleep(Duration::from_millis(1_500));
    let before = server.runs("tick").len();
    sleep(Duration::from_millis(2_500));
    assert_eq!(server.runs("tick").len(), before, "paused");
    assert_eq!(server.ask("POST", "/api/v1/workflows/tick/resume", &json!({})).status, 200);
    sleep(Duration::from_millis(2_500));
    assert!(times(&server, "tick").len() > before);
}
