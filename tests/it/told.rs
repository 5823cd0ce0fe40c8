//! What a server and its commands say of runs: failures in the log, versions at a retry, and runs that no request started.

use serde_json::json;

use crate::support::{TestServer, Workflow, wait_until};

#[test]
fn a_failed_run_leaves_a_line_in_the_log_and_a_flood_of_them_only_some() {
    let server =
        TestServer::start([Workflow::script("fails", "throw new Error('no stock\\nof ' + context.data.n)")]);
    let failed = server.post("fails", &json!({ "n": 1 }));
    assert_eq!(failed.status, 500);
    server.wait_for_log("a run failed");
    let log = server.stderr();
    let line = log.lines().find(|line| line.contains("a run failed")).unwrap();
    for part in ["WARN", "fails", &failed.run_id(), "script_error", "no stock\\nof 1"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    for n in 0..40 {
        assert_eq!(server.post("fails", &json!({ "n": n })).status, 500);
    }
    let lines = server.stderr().matches("a run failed").count();
    assert!((20..40).contains(&lines), "{lines}");
}

#[test]
fn a_retry_after_the_script_was_mended_says_that_the_run_keeps_its_version() {
    let server = TestServer::start([Workflow::script("mended", "throw new Error('old')")]);
    let run = server.post("mended", &json!({})).run_id();
    let same = server.command(&["runs", "retry", &run]);
    assert!(!same.stderr.contains("--newest"), "{same:?}");
    Workflow::script("mended", "return 'new'").write(&server.workflows());
    wait_until("the new version is there", 20, || server.post("mended", &json!({})).status == 200);
    let told = server.command(&["runs", "retry", &run]);
    assert!(told.code == 0 && told.stderr.contains("--newest"), "{told:?}");
    let newest = server.command(&["runs", "retry", &run, "--newest", "--wait"]);
    assert!(newest.code == 0 && !newest.stderr.contains("keeps the version"), "{newest:?}");
}

#[test]
fn a_run_without_a_request_shows_its_data_and_no_empty_line() {
    let server = TestServer::start([
        Workflow::script("report", "return 1").set(json!({ "trigger": { "type": "manual" } }))
    ]);
    let bare = server.command(&["runs", "start", "report", "--wait"]);
    assert!(bare.code == 0 && !bare.stdout.contains(" from "), "{bare:?}");
    assert!(!bare.stdout.lines().any(|line| line.trim() == "event"), "{bare:?}");
    let given = server.command(&["runs", "start", "report", "--event", "{\"a\":7}", "--wait"]);
    assert!(given.stdout.lines().any(|line| line.contains("event") && line.contains("\"a\"")), "{given:?}");
}

#[test]
fn values_of_a_workflow_that_is_not_there_are_no_empty_list() {
    let server = TestServer::start([Workflow::script("there", "return 1")]);
    assert_eq!(server.command(&["kv", "list", "there"]).code, 0);
    let missing = server.command(&["kv", "list", "nope"]);
    assert!(missing.code == 2 && missing.stderr.contains("there is no workflow `nope`"), "{missing:?}");
}
