//! The variables of the server's process: workflows see those that the operator allows, and credentials among them are masked.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Request, Setup, Workflow, flowcell_with};

const KEY: &str = "AKIA-s3cret-access-key";

#[test]
fn s12_a_workflow_sees_no_variable_that_env_allow_does_not_have_and_the_log_names_the_setting() {
    let workflow =
        Workflow::script("greedy", "return [env.AWS_SECRET_ACCESS_KEY ?? null, env.GREETING ?? null]")
            .set(json!({ "env": ["AWS_SECRET_ACCESS_KEY", "GREETING", "NOT_SET"] }));
    let text = json!([{ "id": "reply", "type": "response", "json": ["{{$env.AWS_SECRET_ACCESS_KEY}}", "{{$env.GREETING}}"] }]);
    let templates = Workflow::steps("templates", text).trigger(json!({ "mode": "sync" }));
    let url = json!([{ "id": "call", "type": "http", "url": "{{$env.AWS_SECRET_ACCESS_KEY}}/x" }]);
    let calls = Workflow::steps("calls", url).trigger(json!({ "mode": "sync" }));
    let verified = Workflow::script("verified", "return 1")
        .trigger(json!({ "verify": { "scheme": "github", "secret": "{{$env.AWS_SECRET_ACCESS_KEY}}" } }));
    let server = Setup::default()
        .workflows([workflow, templates, calls, verified])
        .variable("AWS_SECRET_ACCESS_KEY", KEY)
        .variable("GREETING", "hello")
        .variable("FLOWCELL_ENV_ALLOW", "GREET*")
        .start();
    assert_eq!(server.hook("greedy").json(), json!([null, "hello"]));
    assert_eq!(server.post("templates", &json!(1)).json(), json!([null, "hello"]));
    let failed = server.post("calls", &json!(1));
    assert_eq!(failed.status, 500);
    let error = server.run(&failed.run_id())["error"]["message"].to_string();
    assert!(error.contains("AWS_SECRET_ACCESS_KEY") && error.contains("env.allow"), "{error}");
    let log = server.stderr();
    for key in ["greedy", "templates", "calls", "verified"] {
        let named = format!("workflow={key}");
        let told = log.lines().filter(|line| line.contains(&named) && line.contains("env.allow"));
        // A run that fails for want of it says so as well.
        let told = told.filter(|line| !line.contains("a run failed"));
        assert_eq!(told.filter(|line| line.contains("AWS_SECRET_ACCESS_KEY")).count(), 1, "{key}: {log}");
    }
    assert!(!log.contains("NOT_SET") && !log.contains(KEY), "what nobody has set is not withheld: {log}");
}

#[test]
fn s12_a_credential_that_a_workflow_may_see_is_masked_in_what_is_stored_and_logged() {
    let url = "postgres://app:p4ssw0rd-of-app@db.example/main";
    let workflow = Workflow::script(
        "uses",
        "console.log(env.DB); throw new Error(`${env.AWS_SECRET_ACCESS_KEY} does not fit`)",
    )
    .set(json!({ "env": ["AWS_SECRET_ACCESS_KEY", "DB"] }));
    let server = Setup::default()
        .workflows([workflow])
        .variable("AWS_SECRET_ACCESS_KEY", KEY)
        .variable("DB", url)
        .start();
    let response = server.send(&Request::get("/api/webhooks/uses"));
    assert_eq!(response.status, 500);
    let run = server.run(&response.run_id()).to_string();
    assert!(run.contains("does not fit"), "{run}");
    for value in [KEY, url, "p4ssw0rd-of-app"] {
        assert!(!run.contains(value) && !server.stderr().contains(value), "{value}: {run}");
    }
}

#[test]
fn s12_check_names_the_setting_for_a_variable_that_is_there_and_not_allowed() {
    let root = tempfile::tempdir().unwrap();
    let verify = json!({ "verify": { "scheme": "github", "secret": "{{$env.HOOK_SECRET}}" } });
    Workflow::script("verified", "return 1").trigger(verify).write(root.path());
    Workflow::script("reads", "return env.HOOK_SECRET")
        .set(json!({ "env": ["HOOK_SECRET"] }))
        .write(root.path());
    let check = |key: &str, allow: &str| {
        let folder = root.path().join(key).display().to_string();
        flowcell_with(["check", &folder], &[("HOOK_SECRET", KEY), ("FLOWCELL_ENV_ALLOW", allow)])
    };
    for (key, code) in [("verified", 1), ("reads", 0)] {
        let finished = check(key, "");
        assert_eq!(finished.code, code, "{finished:?}");
        let told = finished.stdout.contains("HOOK_SECRET") && finished.stdout.contains("env.allow");
        assert!(told && !finished.stdout.contains(KEY), "{finished:?}");
        let finished = check(key, "HOOK_*");
        assert!(finished.code == 0 && !finished.stdout.contains("env.allow"), "{finished:?}");
    }
    // A run in memory sees no more.
    let event = root.path().join("event.json");
    fs::write(&event, "{}").unwrap();
    let folder = root.path().join("reads").display().to_string();
    let run = flowcell_with(["run", &folder, "--event", event.to_str().unwrap()], &[("HOOK_SECRET", KEY)]);
    let run: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&run["status"], &run["steps"][0]["output"]), (&json!("succeeded"), &Value::Null));
}
