//! Plugins: uploaded to a running server and used as a step, with versions, grants and limits.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::{
    plugin_wat::Wat,
    support::{
        Receiver, Request, Response, Setup, Sink, TestServer, Workflow, flowcell, flowcell_with, wait_until,
    },
};

/// A workflow whose one step is a plugin that gets the event's data.
pub fn uses(key: &str, plugin: &str) -> Workflow {
    with_step(key, json!({ "plugin": plugin, "input": "{{$context.data}}" }))
}

pub fn with_step(key: &str, members: Value) -> Workflow {
    let mut step = json!({ "id": "plugin", "type": "plugin" });
    step.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
    Workflow::steps(key, json!([step])).trigger(json!({ "mode": "sync", "sync_wait": "60s" }))
}

pub fn authorized(server: &TestServer, method: &str, path: &str) -> Request {
    Request::new(method, path).header("authorization", &format!("Bearer {}", server.token()))
}

/// Uploads a module; `named` as in `name=cat&version=1.0.0`.
pub fn upload(server: &TestServer, module: &[u8], named: &str) -> Response {
    let request = authorized(server, "POST", &format!("/api/v1/plugins?{named}"));
    server.send(&request.header("content-type", "application/wasm").body(module))
}

pub fn uploaded(server: &TestServer, module: &[u8], named: &str) -> Value {
    let response = upload(server, module, named);
    assert_eq!(response.status, 201, "{}", response.text());
    serde_json::from_str(&response.text()).unwrap()
}

pub fn grants(server: &TestServer, method: &str, name: &str, grants: Value) -> Response {
    server.ask(method, &format!("/api/v1/plugins/{name}/grants"), &json!({ "grants": grants }))
}

/// The error of the last run of a workflow.
pub fn last_error(server: &TestServer, key: &str) -> (String, String) {
    let runs = server.runs(key);
    let error = &runs[0]["error"];
    let text = |field: &str| error[field].as_str().unwrap_or_else(|| panic!("{runs:?}")).to_owned();
    (text("code"), text("message"))
}

pub const CAT: &str = include_str!("fixtures/plugins/cat.wat");

fn cat() -> Vec<u8> {
    wat::parse_str(CAT).unwrap()
}

/// Gives the same text whatever its input.
fn says(version: &'static str, items: &'static str, run: &'static str) -> Vec<u8> {
    Wat { name: "says", version, items, run, ..Wat::ECHO }.module()
}

fn says_one() -> Vec<u8> {
    says("1.0.0", r#"(data (i32.const 4096) "\"one\"")"#, "(call $ok (i32.const 4096) (i32.const 5))")
}

fn says_two() -> Vec<u8> {
    says("1.1.0", r#"(data (i32.const 4096) "\"two\"")"#, "(call $ok (i32.const 4096) (i32.const 5))")
}

#[test]
fn a_component_is_uploaded_and_used_in_a_workflow_that_a_webhook_triggers() {
    let server = TestServer::start([uses("echoes", "echo@1")]);
    assert_eq!(server.post("echoes", &json!({})).status, 500);
    assert_eq!(last_error(&server, "echoes").0, "plugin_missing");
    let shown = uploaded(&server, &Wat::ECHO.module(), "");
    assert_eq!(shown["version"]["kind"], "component");
    let answer = server.post("echoes", &json!({"a": [1, "é"]}));
    assert_eq!((answer.status, answer.text().as_str()), (200, r#"{"a":[1,"é"]}"#));
    let run = server.run(server.runs("echoes")[0]["id"].as_str().unwrap());
    let step = &run["steps"][0];
    let hash = shown["version"]["hash"].as_str().unwrap();
    assert_eq!(step["calls"][0]["target"], format!("echo@1.0.0 {hash}"), "{step}");
    assert!(step["usage"]["fuel"].as_u64().unwrap() > 0, "{step}");
    // The same again is no other version.
    assert_eq!(upload(&server, &Wat::ECHO.module(), "").status, 200);
}

#[test]
fn a_command_is_given_a_name_and_used_with_arguments_and_texts() {
    let server = TestServer::start([
        uses("cats", "cat@1"),
        with_step(
            "texts",
            json!({ "plugin": "cat@1.0", "stdin": "text", "stdout": "text", "input": "{{$context.data.text}}" }),
        ),
    ]);
    let unnamed = upload(&server, &cat(), "");
    assert_eq!(unnamed.status, 400);
    assert!(
        unnamed.text().contains("plugin_unnamed") && unnamed.text().contains("--name"),
        "{}",
        unnamed.text()
    );
    uploaded(&server, &cat(), "name=cat&version=1.0.0");
    assert_eq!(server.post("cats", &json!({"n": 1})).text(), r#"{"n":1}"#);
    assert_eq!(server.post("texts", &json!({"text": "as it is"})).text(), r#""as it is""#);
    assert_eq!(server.post("texts", &json!({"text": 7})).status, 500);
    assert_eq!(last_error(&server, "texts").0, "plugin_input");
}

#[test]
fn a_version_is_never_changed_and_a_reference_means_the_highest_that_begins_so() {
    let server = TestServer::start([uses("major", "says@1"), uses("exact", "says@1.0.0")]);
    uploaded(&server, &says_one(), "");
    let other =
        says("1.0.0", r#"(data (i32.const 4096) "\"odd\"")"#, "(call $ok (i32.const 4096) (i32.const 5))");
    let refused = upload(&server, &other, "");
    assert_eq!(refused.status, 409);
    assert!(
        refused.text().contains("plugin_exists") && refused.text().contains("new version"),
        "{}",
        refused.text()
    );
    assert_eq!(server.post("major", &json!({})).text(), r#""one""#);
    uploaded(&server, &says_two(), "");
    assert_eq!(server.post("major", &json!({})).text(), r#""two""#);
    assert_eq!(server.post("exact", &json!({})).text(), r#""one""#);
}

#[test]
fn a_run_keeps_the_bytes_that_its_reference_meant_when_it_was_accepted() {
    let steps = json!([
        { "id": "wait", "type": "delay", "for": "3s" },
        { "id": "plugin", "type": "plugin", "plugin": "says@1" },
    ]);
    let mut server = TestServer::start([Workflow::steps("waits", steps)]);
    uploaded(&server, &says_one(), "");
    let accepted = server.post("waits", &json!({}));
    let id = serde_json::from_str::<Value>(&accepted.text()).unwrap()["run_id"].as_str().unwrap().to_owned();
    uploaded(&server, &says_two(), "");
    server.kill();
    server.restart();
    let run = server.ended_run(&id);
    assert_eq!(run["steps"].as_array().unwrap().last().unwrap()["output"], "one", "{run}");
}

/// Reads the secret TOKEN and gives it, as JSON, or the error.
pub const SECRET: Wat = Wat {
    name: "reads",
    capabilities: &["secret:TOKEN", "kv:"],
    imports: r#"(import "flowcell:plugin/secrets@1.0.0" "get" (func $secret (param i32 i32 i32)))"#,
    items: r#"(data (i32.const 4096) "TOKEN") (data (i32.const 4104) "\"it is there\"")"#,
    run: r#"
        (call $secret (i32.const 4096) (i32.const 5) (i32.const 600))
        (if (result i32) (i32.load8_u (i32.const 600))
          (then (call $err (i32.const 604)))
          (else (call $ok (i32.const 4104) (i32.const 13))))"#,
    ..Wat::ECHO
};

#[test]
fn a_capability_is_asked_for_granted_shown_and_taken_away() {
    let server = TestServer::start([uses("reads", "reads@1")]);
    let shown = uploaded(&server, &SECRET.module(), "");
    assert_eq!(shown["plugin"]["missing"], json!(["kv:", "secret:TOKEN"]));
    assert_eq!(server.post("reads", &json!({})).status, 500);
    let (code, message) = last_error(&server, "reads");
    assert_eq!(code, "capability_missing");
    assert!(
        message.contains("`secret:TOKEN`") && message.contains("flowcell plugin grant reads secret:TOKEN"),
        "{message}"
    );

    let not_asked = grants(&server, "POST", "reads", json!(["http:evil.example"]));
    assert_eq!(not_asked.status, 409);
    assert!(not_asked.text().contains("capability_not_asked") && not_asked.text().contains("secret:TOKEN"));
    assert_eq!(grants(&server, "POST", "reads", json!(["secret:TOKEN"])).status, 200);
    assert_eq!(server.post("reads", &json!({})).status, 500);
    let (code, message) = last_error(&server, "reads");
    assert_eq!(code, "plugin_error", "{message}");
    assert!(message.contains("secret_missing"), "{message}");
    server.ask("PUT", "/api/v1/secrets/TOKEN", &json!({ "value": "abcdef0123" }));
    assert_eq!(server.post("reads", &json!({})).text(), r#""it is there""#);

    let plugin = server.api("/api/v1/plugins/reads");
    assert_eq!((&plugin["granted"], &plugin["missing"]), (&json!(["secret:TOKEN"]), &json!(["kv:"])));
    assert_eq!(grants(&server, "DELETE", "reads", json!(["secret:TOKEN"])).status, 200);
    assert_eq!(server.post("reads", &json!({})).status, 500);
    assert_eq!(last_error(&server, "reads").0, "capability_missing");
    assert_eq!(grants(&server, "DELETE", "reads", json!(["secret:TOKEN"])).status, 409);
}

#[test]
fn limits_hold_for_the_plugin_and_a_step_may_set_its_own() {
    let spin = Wat { name: "spins", run: "(loop $l (br $l)) unreachable", ..Wat::ECHO };
    let server = TestServer::start([
        uses("plain", "spins@1"),
        with_step("own", json!({ "plugin": "spins@1", "limits": { "fuel": 3000 } })),
    ]);
    uploaded(&server, &spin.module(), "");
    let limited = server.ask("PUT", "/api/v1/plugins/spins/limits", &json!({ "fuel": 5000 }));
    assert_eq!(limited.status, 200, "{}", limited.text());
    for (key, fuel) in [("plain", "5000"), ("own", "3000")] {
        assert_eq!(server.post(key, &json!({})).status, 500);
        let (code, message) = last_error(&server, key);
        assert_eq!(code, "fuel_exhausted");
        assert!(message.contains(fuel), "{message}");
    }
    let wrong = server.ask("PUT", "/api/v1/plugins/spins/limits", &json!({ "memory": "2GiB" }));
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("256MiB"), "{}", wrong.text());
}

#[test]
fn schemas_of_the_plugin_are_checked_on_both_sides() {
    let strict = Wat {
        name: "strict",
        input_schema: Some(r#"{"type":"object","required":["n"]}"#),
        output_schema: Some(r#"{"type":"object","properties":{"n":{"type":"number"}}}"#),
        ..Wat::ECHO
    };
    let server = TestServer::start([uses("strict", "strict@1")]);
    uploaded(&server, &strict.module(), "");
    assert_eq!(server.post("strict", &json!({"n": 1})).text(), r#"{"n":1}"#);
    for (input, expected, part) in
        [(json!({"m": 1}), "plugin_input", "\"n\""), (json!({"n": "x"}), "schema_mismatch", "/n")]
    {
        assert_eq!(server.post("strict", &input).status, 500);
        let (code, message) = last_error(&server, "strict");
        assert_eq!(code, expected, "{message}");
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn plugins_survive_a_crash_and_the_cache_of_machine_code_may_go() {
    let mut server = TestServer::start([uses("echoes", "echo@1.0.0")]);
    uploaded(&server, &Wat::ECHO.module(), "");
    server.kill();
    server.restart();
    assert_eq!(server.post("echoes", &json!([1])).text(), "[1]");
    server.kill();
    server.restart();
    assert_eq!(server.post("echoes", &json!([2])).text(), "[2]");
    let listed = server.api("/api/v1/plugins");
    assert_eq!(listed["plugins"][0]["versions"], json!(["1.0.0"]));
}

#[test]
fn a_removed_plugin_is_gone_and_its_version_may_be_uploaded_anew() {
    let server = TestServer::start([uses("echoes", "echo@1")]);
    uploaded(&server, &Wat::ECHO.module(), "");
    uploaded(&server, &Wat { version: "1.0.1", ..Wat::ECHO }.module(), "");
    let delete = |path: &str| server.send(&authorized(&server, "DELETE", path)).status;
    assert_eq!(delete("/api/v1/plugins/echo/versions/1.0.1"), 204);
    assert_eq!(server.api("/api/v1/plugins/echo")["versions"].as_array().unwrap().len(), 1);
    assert_eq!(server.post("echoes", &json!(1)).text(), "1");
    assert_eq!(delete("/api/v1/plugins/echo"), 204);
    assert_eq!(delete("/api/v1/plugins/echo"), 404);
    assert_eq!(server.post("echoes", &json!(1)).status, 500);
    assert_eq!(last_error(&server, "echoes").0, "plugin_missing");
    uploaded(&server, &Wat { items: "(func (nop))", ..Wat::ECHO }.module(), "");
    assert_eq!(server.post("echoes", &json!(3)).text(), "3");
}

/// Sends a request to the URL that its input is, and gives the body.
const FETCHES: Wat = Wat {
    name: "fetches",
    capabilities: &["http:127.0.0.1:1"],
    imports: r#"(import "flowcell:plugin/http@1.0.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
    items: r#"(data (i32.const 4096) "GET")"#,
    // Without the quotes of the JSON text.
    run: r#"
        (call $send (i32.const 4096) (i32.const 3)
          (i32.add (local.get $in) (i32.const 1)) (i32.sub (local.get $len) (i32.const 2))
          (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 600))
        (if (result i32) (i32.load8_u (i32.const 600))
          (then (call $err (i32.const 604)))
          (else (call $ok (i32.load (i32.const 624)) (i32.load (i32.const 628)))))"#,
    ..Wat::ECHO
};

/// Sends everybody on to this place.
fn redirects_to(place: String) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut line = String::new();
            let _ = BufReader::new(&stream).read_line(&mut line);
            let _ = write!(
                stream,
                "HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            );
        }
    });
    address
}

#[test]
fn requests_go_to_granted_hosts_alone_also_after_a_redirect_and_through_the_guard() {
    let (granted, other) = (Receiver::start(), Receiver::start());
    let leads_away = redirects_to(other.url("/"));
    let host = |url: &str| url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let (granted_host, other_host) = (host(&granted.url("/")), host(&other.url("/")));
    let capabilities: &'static [&'static str] = Vec::leak(vec![
        &*format!("http:{granted_host}").leak(),
        &*format!("http:{leads_away}").leak(),
        "http:localhost:9",
    ]);
    let server = Setup::default()
        .workflows([uses("fetches", "fetches@1")])
        .variable("FLOWCELL_NET_ALLOW", &format!("{granted_host},{leads_away},{other_host}"))
        .start();
    uploaded(&server, &Wat { capabilities, ..FETCHES }.module(), "");
    let fetch = |url: String| {
        let answer = server.post("fetches", &json!(url));
        match answer.status {
            200 => Ok(answer.text()),
            _ => Err(last_error(&server, "fetches")),
        }
    };
    let (code, message) = fetch(granted.url("/")).unwrap_err();
    assert_eq!(code, "capability_missing", "{message}");
    assert!(message.contains(&format!("http:{granted_host}")), "{message}");
    assert_eq!(grants(&server, "POST", "fetches", json!(capabilities)).status, 200);
    assert_eq!(fetch(granted.url("/")), Ok(r#"{"n":1}"#.to_owned()));
    let (code, message) = fetch(other.url("/")).unwrap_err();
    assert_eq!(code, "capability_missing", "{message}");
    let (code, message) = fetch(format!("http://{leads_away}/")).unwrap_err();
    assert_eq!(code, "capability_missing", "{message}");
    assert!(message.contains("redirect") && message.contains(&format!("http:{other_host}")), "{message}");
    // What is granted is still a private address that nobody has allowed.
    let (_, message) = fetch("http://localhost:9/".to_owned()).unwrap_err();
    assert!(message.contains("fetch_denied"), "{message}");
    assert_eq!(other.requests().len(), 0);
    let run = server.run(server.runs("fetches").last().unwrap()["id"].as_str().unwrap());
    assert!(run["steps"][0]["calls"].is_array(), "{run}");
}

#[test]
fn a_crash_between_two_requests_of_a_plugin_repeats_neither() {
    // The second is answered only when it comes again.
    let sink = Sink::start(|call, before| match (call.body.as_str(), before) {
        ("PO", 0) => (200, Duration::from_secs(600)),
        _ => (200, Duration::ZERO),
    });
    let url = sink.url();
    let items: &'static str =
        format!(r#"(data (i32.const 4096) "POST") (data (i32.const 4200) "{url}")"#).leak();
    let send = |body: u32| {
        format!(
            "(call $send (i32.const 4096) (i32.const 4) (i32.const 4200) (i32.const {}) \
             (i32.const 0) (i32.const 0) (i32.const 4096) (i32.const {body}) (i32.const 600))",
            url.len()
        )
    };
    let run: &'static str =
        format!("{} {} (call $ok (local.get $in) (local.get $len))", send(1), send(2)).leak();
    let capabilities: &'static [&'static str] = Vec::leak(vec![&*format!("http:{}", sink.host()).leak()]);
    let twice = Wat { name: "twice", capabilities, items, run, ..FETCHES };
    let mut server = Setup::default()
        .workflows([uses("twice", "twice@1").asynchronous()])
        .variable("FLOWCELL_NET_ALLOW", &sink.host())
        .start();
    uploaded(&server, &twice.module(), "");
    assert_eq!(grants(&server, "POST", "twice", json!([format!("http:{}", sink.host())])).status, 200);
    let accepted = server.post("twice", &json!({"n": 1}));
    let id = serde_json::from_str::<Value>(&accepted.text()).unwrap()["run_id"].as_str().unwrap().to_owned();
    wait_until("the second request is on its way", 30, || sink.calls().len() == 2);
    server.kill();
    server.restart();
    let run = server.ended_run(&id);
    assert_eq!(
        (&run["status"], &run["steps"][0]["output"]),
        (&json!("succeeded"), &json!({"n": 1})),
        "{run}"
    );
    let calls = sink.calls();
    let bodies: Vec<_> = calls.iter().map(|call| call.body.as_str()).collect();
    assert_eq!(bodies, ["P", "PO", "PO"]);
    // Who got the second request twice can tell.
    assert!(!calls[1].key.is_empty() && calls[1].key == calls[2].key && calls[0].key != calls[1].key);
}

#[test]
fn a_plugin_folder_is_installed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("echo.wasm"), Wat::ECHO.module()).unwrap();
    fs::write(folder.path().join("cat.wasm"), cat()).unwrap();
    fs::write(
        folder.path().join("cat.json"),
        r#"{"name":"cat","version":"1.0.0","limits":{"memory":"8MiB"}}"#,
    )
    .unwrap();
    fs::write(folder.path().join("reads.wasm"), SECRET.module()).unwrap();
    fs::write(folder.path().join("reads.json"), r#"{"grants":["secret:TOKEN"]}"#).unwrap();
    fs::write(folder.path().join("broken.wasm"), b"no module").unwrap();
    let server = Setup::default()
        .workflows([uses("cats", "cat@1"), uses("echoes", "echo@1")])
        .variable("FLOWCELL_SERVER_PLUGINS", folder.path().to_str().unwrap())
        .start();
    assert_eq!(server.post("cats", &json!([1])).text(), "[1]");
    assert_eq!(server.post("echoes", &json!([2])).text(), "[2]");
    assert_eq!(server.api("/api/v1/plugins/reads")["granted"], json!(["secret:TOKEN"]));
    server.wait_for_log("broken.wasm");
}

/// A file of a plugin, for commands.
fn file(folder: &tempfile::TempDir, name: &str, bytes: &[u8]) -> String {
    let path: PathBuf = folder.path().join(name);
    fs::write(&path, bytes).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn the_commands_inspect_test_upload_list_grant_and_remove() {
    let folder = tempfile::tempdir().unwrap();
    let echo = file(&folder, "echo.wasm", &Wat::ECHO.module());
    let reads = file(&folder, "reads.wasm", &SECRET.module());
    let cats = file(&folder, "cat.wasm", &cat());
    let input = file(&folder, "x.json", br#"{"a":"{{$context.method}}"}"#);

    let inspected = flowcell(["plugin", "inspect", &reads]);
    assert_eq!(inspected.code, 0, "{inspected:?}");
    for part in
        ["reads@1.0.0", "kv:, secret:TOKEN", "flowcell:plugin/secrets@1.0.0.get", "sha256:", "functions"]
    {
        assert!(inspected.stdout.contains(part), "{part}: {}", inspected.stdout);
    }
    let broken = file(&folder, "broken.wasm", b"\0asm\x01\0\0\0\xff");
    let refused = flowcell(["plugin", "inspect", &broken]);
    assert_eq!(refused.code, 1);
    assert!(refused.stdout.contains("not valid"), "{refused:?}");

    let tested = flowcell(["plugin", "test", &echo, "--input", &input]);
    assert_eq!(tested.code, 0, "{tested:?}");
    assert_eq!(serde_json::from_str::<Value>(&tested.stdout).unwrap(), json!({"a": "{{$context.method}}"}));
    assert!(tested.stderr.contains("fuel"), "{tested:?}");
    let tested = flowcell(["plugin", "test", &cats, "--input", &input]);
    assert_eq!(tested.code, 0, "{tested:?}");
    let denied = flowcell(["plugin", "test", &reads, "--input", &input]);
    assert_eq!(denied.code, 1);
    assert!(denied.stderr.contains("capability_missing"), "{denied:?}");
    let granted = flowcell_with(
        ["plugin", "test", &reads, "--input", &input, "--grant", "secret:TOKEN"],
        &[("FLOWCELL_SECRETS_TOKEN", "abcdef0123")],
    );
    assert_eq!(granted.code, 0, "{granted:?}");

    let server = TestServer::start([uses("cats", "cat@1")]);
    let data = server.data();
    let remote = |words: &[&str]| {
        let url = server.url();
        let mut all: Vec<&str> = vec!["plugin"];
        all.extend(words);
        all.extend(["--server", &url, "--data", data.to_str().unwrap()]);
        flowcell(all)
    };
    let named = remote(&["upload", &cats, "--name", "cat", "--version", "1.0.0"]);
    assert_eq!(named.code, 0, "{named:?}");
    assert_eq!(server.post("cats", &json!(1)).text(), "1");
    let asked = remote(&["upload", &reads]);
    assert!(asked.stdout.contains("flowcell plugin grant reads kv: secret:TOKEN"), "{asked:?}");
    let granted = remote(&["grant", "reads", "secret:TOKEN"]);
    assert!(granted.stdout.contains("granted: secret:TOKEN; NOT granted: kv:"), "{granted:?}");
    assert!(remote(&["grant", "reads", "--all"]).stdout.contains("granted: kv: secret:TOKEN"));
    assert!(remote(&["revoke", "reads", "kv:"]).stdout.contains("NOT granted: kv:"));
    assert!(remote(&["limit", "reads", "memory=64MiB"]).stdout.contains("memory=64MiB"));
    let listed = remote(&["list"]);
    assert!(
        listed.stdout.contains("\ncat@1.0.0    command")
            && listed.stdout.contains("\nreads@1.0.0  component"),
        "{listed:?}"
    );
    assert!(remote(&["list", "cat"]).stdout.contains("sha256:"));
    assert_eq!(remote(&["remove", "cat@1.0.0"]).code, 0);
    let gone = remote(&["remove", "cat"]);
    assert_eq!(gone.code, 2);
    assert!(gone.stderr.contains("no plugin cat is installed"), "{gone:?}");
}
