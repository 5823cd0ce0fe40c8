//! `flowcell check` tells all that is wrong with the fields at once, says what is never sent, and reads files as Windows writes them.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::support::{Finished, Request, TestServer, Workflow, flowcell};

fn check(root: &Path, key: &str) -> Finished {
    flowcell(["check".into(), root.join(key)])
}

#[test]
fn every_wrong_field_is_told_with_its_line() {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("bad")).unwrap();
    let text = r#"{
  "key": "bad",
  "foo": 1,
  "trigger": { "type": "webhok", "methods": "POST" },
  "steps": [
    { "id": "1a", "type": "codee" },
    { "id": "get", "type": "http" },
    { "id": "ask", "type": "condition", "if": "true", "then": [ { "id": "stop", "type": "end", "why": "x" } ] }
  ]
}"#;
    fs::write(root.path().join("bad/workflow.json"), text).unwrap();
    let checked = check(root.path(), "bad");
    assert_eq!(checked.code, 1);
    let places = [":3:", ":4:", ":6:", ":7:", ":8:"];
    for place in places {
        let place = format!("bad/workflow.json{place}");
        assert!(checked.stdout.lines().any(|line| line.contains(&place)), "{place}: {}", checked.stdout);
    }
    for field in ["foo", "trigger.type", "trigger.methods", "steps[0].id", "steps[1]", "steps[2].then[0].why"]
    {
        assert_eq!(checked.stdout.matches(&format!("{field}:")).count(), 1, "{field}: {}", checked.stdout);
    }
}

#[test]
fn a_body_that_is_never_sent_is_told() {
    let root = tempfile::tempdir().unwrap();
    let steps = json!([{ "id": "reply", "type": "response", "status": 205, "text": "x" }]);
    let answer = json!({ "response": { "status": 204, "json": { "a": 1 } } });
    Workflow::steps("quiet", steps).trigger(answer).write(root.path());
    let checked = check(root.path(), "quiet");
    assert_eq!(checked.code, 0, "{checked:?}");
    for field in ["steps[0].text", "trigger.response.json"] {
        let told = checked.stdout.lines().any(|line| line.contains(field) && line.contains("never sent"));
        assert!(told, "{field}: {}", checked.stdout);
    }
}

#[test]
fn files_are_read_as_windows_writes_them() {
    let root = tempfile::tempdir().unwrap();
    let workflow = Workflow::script("bom", "return context.data.a");
    workflow.write(root.path());
    let marked = |text: &str| [b"\xef\xbb\xbf", text.as_bytes()].concat();
    let wide = |text: &str| {
        let units = text.encode_utf16().flat_map(u16::to_le_bytes);
        [0xff, 0xfe].into_iter().chain(units).collect::<Vec<u8>>()
    };
    let event = root.path().join("event.json").into_os_string();
    let encodings: [&dyn Fn(&str) -> Vec<u8>; 2] = [&marked, &wide];
    for encoded in encodings {
        fs::write(root.path().join("bom/workflow.json"), encoded(&workflow.json.to_string())).unwrap();
        fs::write(root.path().join("bom/main.js"), encoded("return context.data.a")).unwrap();
        fs::write(&event, encoded("{\"data\":{\"a\":\"é\"}}")).unwrap();
        let ran = flowcell([
            "run".into(),
            root.path().join("bom").into_os_string(),
            "--event".into(),
            event.clone(),
        ]);
        let run: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran:?}"));
        assert_eq!(run["steps"][0]["output"], "é", "{run}");
    }
}

#[test]
fn messages_say_what_is_meant() {
    let root = tempfile::tempdir().unwrap();
    let schedule = json!({ "type": "schedule", "cron": "@daily", "timezone": "Asia/Beijing" });
    Workflow::steps("zone", json!([])).set(json!({ "trigger": schedule })).write(root.path());
    let ask = json!([{ "id": "ask", "type": "condition", "if": "context.data.错误 == 1", "then": [] }]);
    Workflow::steps("cel", ask).write(root.path());
    fs::create_dir(root.path().join("empty")).unwrap();
    for (key, told) in [
        ("zone", "is it \"Asia/Shanghai\"?"),
        ("cel", "['错误']"),
        ("empty", "the folder of a workflow, or a folder of such folders"),
    ] {
        let checked = check(root.path(), key);
        assert!(
            checked.code != 0 && format!("{checked:?}").contains(&told.replace('"', "\\\"")),
            "{key}: {checked:?}"
        );
    }
    let typed = flowcell(["complete"]);
    assert!(typed.code == 2 && typed.stderr.contains("completions"), "{typed:?}");
    assert!(!typed.stderr.contains("compile-plugin"), "{typed:?}");
    let status = flowcell(["runs", "list", "--status", "bogus"]);
    assert!(status.code == 2 && status.stderr.contains("possible values: queued, waiting"), "{status:?}");
    let made =
        flowcell(["plugin", "new", "greet-me", "--lang", "c", "--into", root.path().to_str().unwrap()]);
    assert!(
        made.stdout.contains("flowcell plugin upload greet-me.wasm --name greet-me --version 0.1.0"),
        "{made:?}"
    );
}

#[test]
fn an_end_step_needs_no_status() {
    let steps = json!([{ "id": "first", "type": "set", "values": 7 }, { "id": "stop", "type": "end" },
        { "id": "never", "type": "set", "values": 8 }]);
    let server = TestServer::start([Workflow::steps("ends", steps).trigger(json!({ "mode": "sync" }))]);
    assert_eq!(server.post("ends", &json!({})).json(), 7);
}

#[test]
fn names_of_headers_are_read_in_any_case() {
    let trigger = json!({
        "verify": { "scheme": "bearer", "secret": "s" }, "mode": "sync",
        "filter": "context.headers['X-Kind'] != 'no'", "filter_on_error": "refuse",
        "dedupe": { "key": "{{$context.headers.X-My-Id}}", "on_missing": "refuse" },
    });
    let steps = json!([{ "id": "kind", "type": "set", "values": "{{$context.headers.X-KIND}}" }]);
    let server = TestServer::start([Workflow::steps("w", steps).trigger(trigger)]);
    let send = |kind: &str, id: &str| {
        let request = Request::post("/api/webhooks/w").header("authorization", "Bearer s");
        server.send(&request.header("X-Kind", kind).header("X-My-Id", id).json(&json!({})))
    };
    assert_eq!(send("no", "1").status, 204);
    let first = send("yes", "1");
    assert_eq!((first.status, first.json()), (200, json!("yes")), "{}", first.text());
    assert_eq!(send("yes", "1").header("idempotency-replayed"), Some("true"));
    assert_eq!(send("yes", "2").header("idempotency-replayed"), None);
}
