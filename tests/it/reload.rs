//! Changed workflow files are picked up by a running server; a broken change is told and does no harm.

use std::fs;

use serde_json::{Value, json};

use crate::support::{TestServer, Workflow, wait_until};

fn answers(server: &TestServer, key: &str, expected: &Value) {
    wait_until(&format!("{key} answers {expected}"), 20, || {
        let response = server.hook(key);
        response.status == 200 && response.json() == *expected
    });
}

#[test]
fn changed_code_a_changed_trigger_and_a_new_workflow_are_picked_up_within_seconds() {
    let server = TestServer::start([Workflow::script("hot", "return 1")]);
    assert_eq!(server.hook("hot").json(), 1);
    Workflow::script("hot", "return 2").write(&server.workflows());
    answers(&server, "hot", &json!(2));

    assert_eq!(server.hook("new").status, 404);
    Workflow::script("new", "return 'hello'").write(&server.workflows());
    answers(&server, "new", &json!("hello"));

    Workflow::script("hot", "return 2").set(json!({ "enabled": false })).write(&server.workflows());
    wait_until("it is disabled", 20, || server.hook("hot").status == 404);
    assert_eq!(server.hook("new").status, 200, "the other one is as it was");
}

#[test]
fn a_broken_change_is_told_and_the_old_version_stays() {
    let server = TestServer::start([Workflow::script("hot", "return 'old'")]);
    let broken = [
        ("syntax", Workflow::script("hot", "return (;"), "main.js:1:9"),
        (
            "field",
            Workflow::script("hot", "return 2").trigger(json!({ "methodz": ["GET"] })),
            "trigger.methodz",
        ),
        ("missing file", Workflow { files: Vec::new(), ..Workflow::script("hot", "") }, "main.js"),
        (
            "dedupe",
            Workflow::script("hot", "return 2").trigger(json!({ "dedupe": { "key": "{{nonsense(}}" } })),
            "trigger.dedupe.key",
        ),
    ];
    let version = server.api("/api/v1/workflows")["workflows"][0]["version"].clone();
    for (what, workflow, told) in broken {
        fs::remove_file(server.workflows().join("hot/main.js")).unwrap();
        workflow.write(&server.workflows());
        wait_until(&format!("{what}: it is told"), 20, || server.stderr().contains(told));
        for _ in 0..3 {
            assert_eq!(server.hook("hot").json(), "old", "{what}");
        }
        let listed = &server.api("/api/v1/workflows")["workflows"][0];
        assert_eq!(listed["version"], version, "{what}: the list shows the version that runs");
        Workflow::script("hot", "return 'old'").write(&server.workflows());
    }
    let times = server.stderr().matches("trigger.methodz").count();
    assert_eq!(times, 1, "once, not at every look: {}", server.stderr());
    Workflow::script("hot", "return 'mended'").write(&server.workflows());
    answers(&server, "hot", &json!("mended"));
}

#[test]
fn text_that_is_no_json_is_told_with_its_line() {
    let server = TestServer::start([Workflow::script("hot", "return 'old'")]);
    fs::write(server.workflows().join("hot/workflow.json"), "{\n  \"key\": \"hot\",\n  oops\n}").unwrap();
    server.wait_for_log("workflow.json:3:3");
    assert_eq!(server.hook("hot").json(), "old");
}

#[test]
fn a_removed_workflow_is_served_no_more() {
    let server =
        TestServer::start([Workflow::script("hot", "return 1"), Workflow::script("stays", "return 1")]);
    assert_eq!(server.hook("hot").status, 200);
    fs::remove_dir_all(server.workflows().join("hot")).unwrap();
    wait_until("it is gone", 20, || server.hook("hot").status == 404);
    assert_eq!(server.hook("stays").status, 200);
}

#[test]
fn requests_during_changes_are_answered_by_one_version_or_the_other() {
    let server = TestServer::start([Workflow::script("hot", "return 0")]);
    let ((), _) = server.while_healthy("hot", || {
        for number in 1..4 {
            Workflow::script("hot", &format!("return {number}")).write(&server.workflows());
            answers(&server, "hot", &json!(number));
        }
    });
    assert!(server.runs("hot").iter().all(|run| run["status"] == "succeeded"));
}
