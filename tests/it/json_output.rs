//! `--json`: what commands did, for programs. Stdout is one JSON value, whatever people would be told.

use std::{fs, process::Stdio};

use serde_json::{Value, json};

use crate::support::{Finished, TestServer, Workflow, flowcell, flowcell_command};

#[track_caller]
fn value(finished: &Finished) -> Value {
    assert_eq!(finished.code, 0, "{} {}", finished.stdout, finished.stderr);
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("{error}: {}", finished.stdout))
}

fn set_secret(server: &TestServer, words: &[&str]) -> Value {
    use std::io::Write;
    let mut command = flowcell_command();
    command.args(["secrets", "set"]).args(words).args(server.place());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a-value-of-a-secret").unwrap();
    serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap()
}

#[test]
fn a_server_s_commands_say_what_they_did() {
    let failing = Workflow::script("fails", "throw new Error('no')").asynchronous();
    let waits = Workflow::steps("waits", json!([{ "id": "hold", "type": "wait_for_callback" }]));
    let server = TestServer::start([Workflow::script("fine", "return context.data"), failing, waits]);
    let say = |words: &[&str]| value(&server.command(words));

    let url = format!("{}/api/webhooks/fine", server.url());
    let sent = value(&flowcell(["send", "header", &url, "--secret", "s", "--delivery", "d-1", "--json"]));
    assert_eq!((&sent["status"], &sent["delivery"]), (&json!(200), &json!("d-1")), "{sent}");
    assert!(sent["body"].is_object() && sent["headers"]["flowcell-run-id"].is_string(), "{sent}");

    assert_eq!(set_secret(&server, &["KEY", "--json"])["name"], "KEY");
    assert!(say(&["secrets", "rotate", "--json"])["rotated"].is_u64());
    assert_eq!(say(&["secrets", "remove", "KEY", "--json"]), json!({ "removed": "KEY" }));

    assert_eq!(say(&["kv", "set", "fine", "a b/c", "1", "--json"]), json!({ "set": "a b/c" }));
    let entry = say(&["kv", "get", "fine", "a b/c", "--json"]);
    assert_eq!((&entry["key"], &entry["value"]), (&json!("a b/c"), &json!(1)));
    assert_eq!(say(&["kv", "get", "fine", "a b/c"]), json!(1));
    assert_eq!(say(&["kv", "list", "fine", "--prefix", "a b/", "--json"])["entries"][0]["key"], "a b/c");
    assert_eq!(say(&["kv", "delete", "fine", "a b/c", "--json"]), json!({ "deleted": "a b/c" }));

    let failed = server.post("fails", &json!({})).run_id();
    server.ended_run(&failed);
    assert_eq!(say(&["runs", "dead", "dismiss", &failed, "--json"]), json!({ "dismissed": failed }));
    let waiting = server.post("waits", &json!({})).run_id();
    server.waiting_run(&waiting);
    assert_eq!(say(&["runs", "cancel", &waiting, "--json"])["run_id"], json!(waiting));

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let backup = say(&["backup", file.to_str().unwrap(), "--json"]);
    assert_eq!((&backup["file"], &backup["sealed"]), (&json!(file), &json!(true)), "{backup}");
    let data = folder.path().join("data");
    let key = server.data().join("secrets.key");
    let [file, data, key] = [&file, &data, &key].map(|path| path.to_str().unwrap());
    let restored = value(&flowcell(["restore", file, "--data", data, "--key", key, "--json"]));
    assert_eq!((&restored["live"], &restored["data"]), (&backup["live"], &json!(data)), "{restored}");
}

#[test]
fn commands_that_make_files_name_them() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().to_str().unwrap();
    let new = value(&flowcell(["new", "hello", "--into", into, "--json"]));
    let made = |files: &Value| {
        let files = files.as_array().unwrap();
        assert!(!files.is_empty());
        files.iter().for_each(|file| assert!(fs::exists(file.as_str().unwrap()).unwrap(), "{file}"));
    };
    made(&new["files"]);
    let types = value(&flowcell(["types", into, "--json"]));
    made(&types["files"]);
    assert_eq!(types["problems"], json!([]));
    let plugin = value(&flowcell(["plugin", "new", "greeter", "--lang", "rust", "--into", into, "--json"]));
    made(&plugin["files"]);
    assert!(value(&flowcell(["schema", "--json"])).is_object());

    fs::write(folder.path().join("hello/workflow.json"), "{").unwrap();
    let wrong = flowcell(["types", into, "--json"]);
    let told: Value = serde_json::from_str(&wrong.stdout).unwrap();
    assert!(wrong.code == 1 && told["problems"][0].is_string(), "{told}");
}
