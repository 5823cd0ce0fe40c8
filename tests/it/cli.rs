//! The commands as people and scripts use them: what they print, and their exit codes.
//!
//! 0: done. 1: the answer is no. 2: it could not be tried, and one line says what to do.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    sync::mpsc,
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{
    GITHUB_SECRET, Request, TestServer, Workflow, examples, flowcell, flowcell_command, flowcell_with,
};

fn write(folder: &Path, name: &str, text: &str) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn help_names_every_command_and_a_wrong_one_is_refused() {
    let help = flowcell(["--help"]);
    assert_eq!(help.code, 0);
    for command in ["serve", "run", "test", "check", "send", "runs", "requests", "secrets", "schema"] {
        assert!(help.stdout.contains(&format!("\n  {command} ")), "{command} is missing in {}", help.stdout);
        assert_eq!(flowcell([command, "--help"]).code, 0);
    }
    assert!(flowcell(["--version"]).stdout.starts_with("flowcell "));
    assert_eq!(flowcell(["serv"]).code, 2);
    assert_eq!(flowcell(["check", "--nonsense", "."]).code, 2);
}

#[test]
fn run_prints_one_run_as_json_and_its_exit_code_says_how_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let event = write(folder.path(), "event.json", r#"{"event": "test", "data": {"message": "Hello"}}"#);
    let hello = flowcell(["run".into(), examples().join("hello"), "--event".into(), event.clone()]);
    assert_eq!(hello.code, 0, "{}", hello.stderr);
    let run: Value = serde_json::from_str(&hello.stdout).unwrap();
    assert_eq!((&run["status"], &run["workflow"]), (&json!("succeeded"), &json!("hello")));
    assert_eq!(run["steps"][0]["output"], json!({ "received": "Hello", "event": "test" }));
    assert_eq!(run["answer"]["body"], r#"{"received":"Hello","event":"test"}"#);

    Workflow::script("fails", "\nthrow new Error('no')").write(folder.path());
    let failed = flowcell(["run".into(), folder.path().join("fails"), "--event".into(), event.clone()]);
    assert_eq!(failed.code, 1);
    let run: Value = serde_json::from_str(&failed.stdout).unwrap();
    assert_eq!(
        (&run["error"]["code"], &run["error"]["position"]["line"]),
        (&json!("script_error"), &json!(2))
    );

    let missing =
        flowcell(["run".into(), examples().join("hello"), "--event".into(), folder.path().join("gone.json")]);
    assert_eq!(missing.code, 2);
    assert!(
        missing.stderr.contains("gone.json") && missing.stderr.lines().count() == 1,
        "{}",
        missing.stderr
    );
    let bad = write(folder.path(), "bad.json", "{oops");
    let bad = flowcell(["run".into(), examples().join("hello"), "--event".into(), bad]);
    assert_eq!(bad.code, 2);
    assert!(bad.stderr.contains("bad.json is not JSON"), "{}", bad.stderr);
    let nowhere = flowcell(["run".into(), folder.path().join("nowhere"), "--event".into(), event]);
    assert_eq!(nowhere.code, 2);
    assert!(nowhere.stderr.contains("nowhere"), "{}", nowhere.stderr);
}

#[test]
fn run_and_the_server_give_the_same_answer_to_the_same_event() {
    let folder = tempfile::tempdir().unwrap();
    let source = "return { d: context.data, q: context.query, m: context.method, p: context.path, h: context.headers['x-a'], raw: String(context.rawBody) }";
    let workflow = Workflow::script("echo", source);
    workflow.write(folder.path());
    let event = json!({ "method": "POST", "headers": { "X-A": "1" }, "query": { "a": "b c" }, "data": { "é": [1.5, null] } });
    let event = write(folder.path(), "event.json", &event.to_string());
    let local = flowcell(["run".into(), folder.path().join("echo"), "--event".into(), event]);
    let local: Value = serde_json::from_str(&local.stdout).unwrap();
    let server = TestServer::start([workflow]);
    let request =
        Request::post("/api/webhooks/echo?a=b+c").header("x-a", "1").json(&json!({ "é": [1.5, null] }));
    assert_eq!(local["steps"][0]["output"], server.send(&request).json());
}

#[test]
fn test_says_what_differs_and_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let source =
        "if (!context.data) throw new Error('no numbers');\nreturn { sum: context.data.a + context.data.b }";
    Workflow::script("sum", source).write(folder.path());
    let fixture = |name: &str, text: Value| {
        write(folder.path(), &format!("sum/fixtures/{name}.json"), &text.to_string())
    };
    fixture(
        "a-good",
        json!({ "event": { "data": { "a": 1, "b": 2 } }, "expect": { "json": { "sum": 3 }, "status": 200 } }),
    );
    let good = flowcell(["test".into(), folder.path().join("sum")]);
    assert_eq!((good.code, good.stdout.lines().last()), (0, Some("1 passed, 0 failed")), "{good:?}");

    fixture(
        "b-wrong",
        json!({ "event": { "data": { "a": 1, "b": 2 } }, "expect": { "status": 201, "json": { "sum": 4 }, "steps": { "main": {}, "other": 1 } } }),
    );
    fixture("c-fails", json!({ "event": {} }));
    fixture(
        "d-expects-failure",
        json!({ "event": {}, "expect": { "run": "failed", "error": "script_error" } }),
    );
    fixture("e-other-failure", json!({ "event": {}, "expect": { "run": "failed", "error": "timeout" } }));
    let wrong = flowcell(["test".into(), folder.path().join("sum")]);
    assert_eq!(wrong.code, 1);
    let told = wrong.stdout.replace(&folder.path().display().to_string(), "");
    insta::assert_snapshot!("differences_of_fixtures", told);

    fixture("f-misspelt", json!({ "event": {}, "expect": { "statuz": 200 } }));
    let misspelt = flowcell(["test".into(), folder.path().join("sum")]);
    assert_eq!(misspelt.code, 2);
    assert!(
        misspelt.stderr.contains("f-misspelt.json") && misspelt.stderr.contains("statuz"),
        "{}",
        misspelt.stderr
    );
}

#[test]
fn send_github_is_verified_and_its_exit_code_tells_the_answer() {
    let server = TestServer::examples();
    let url = format!("{}/api/webhooks/github-push", server.url());
    let send = |secret: &str, rest: &[&str]| {
        flowcell(["send", "github", &url, "--secret", secret].iter().chain(rest))
    };
    for event in ["push", "ping"] {
        let sent = send(GITHUB_SECRET, &["--event", event]);
        assert_eq!(sent.code, 0, "{event}: {sent:?}");
        assert!(
            sent.stdout.starts_with("HTTP 200\n") && sent.stdout.contains("flowcell-run-id: run_"),
            "{}",
            sent.stdout
        );
    }
    let one = send(GITHUB_SECRET, &["--delivery", "mine"]);
    let again = send(GITHUB_SECRET, &["--delivery", "mine"]);
    assert!(
        !one.stdout.contains("idempotency-replayed") && again.stdout.contains("idempotency-replayed: true"),
        "{again:?}"
    );
    assert!(one.stderr.contains("delivery mine"));

    let wrong = send("guessed", &[]);
    assert_eq!(wrong.code, 1);
    assert!(wrong.stdout.starts_with("HTTP 401\n"), "{}", wrong.stdout);
    let unknown = send(GITHUB_SECRET, &["--event", "nonsense"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("nonsense") && unknown.stderr.contains("push, ping"),
        "{}",
        unknown.stderr
    );
    let nobody = flowcell(["send", "github", "http://127.0.0.1:1/api/webhooks/x", "--secret", "s"]);
    assert_eq!(nobody.code, 2);
    assert!(
        nobody.stderr.contains("127.0.0.1:1") && nobody.stderr.to_lowercase().contains("refused"),
        "{}",
        nobody.stderr
    );
    assert_eq!(send("", &[]).code, 2, "an empty secret signs nothing");
    assert_eq!(flowcell(["send", "github", "ftp://x/", "--secret", "s"]).code, 2);
    assert_eq!(server.runs("github-push").len(), 3);
}

#[test]
fn runs_list_shows_the_newest_first_and_filters() {
    let server = TestServer::start([
        Workflow::script("good", "return 1"),
        Workflow::script("bad", "throw new Error('\\u001b[2Jcleared\\nsecond line')"),
    ]);
    let ids: Vec<_> = ["good", "bad", "good"].iter().map(|key| server.hook(key).run_id()).collect();
    let all = server.command(&["runs", "list"]);
    assert_eq!(all.code, 0, "{}", all.stderr);
    let lines: Vec<_> = all.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "a heading and three runs: {}", all.stdout);
    for (line, id) in lines[1..].iter().zip(ids.iter().rev()) {
        assert!(line.contains(id.as_str()), "newest first: {}", all.stdout);
    }
    assert!(
        lines[2].contains("failed") && lines[2].contains("script_error in main: Error: \\u{1b}[2Jcleared"),
        "{}",
        lines[2]
    );
    assert!(!all.stdout.contains('\u{1b}'), "a script cannot command the terminal");

    let failed = server.command(&["runs", "list", "--status", "failed"]);
    assert_eq!(failed.stdout.lines().count(), 2);
    let good = server.command(&["runs", "list", "--workflow", "good", "--limit", "1"]);
    assert_eq!(good.stdout.lines().count(), 2);
    assert!(good.stdout.contains(&ids[2]));
    let json: Value = serde_json::from_str(&server.command(&["runs", "list", "--json"]).stdout).unwrap();
    assert_eq!(json["runs"].as_array().unwrap().len(), 3);
    let wrong = server.command(&["runs", "list", "--status", "finished"]);
    assert!(wrong.code != 0 && wrong.stderr.contains("succeeded"), "says which there are: {}", wrong.stderr);
}

#[test]
fn runs_show_prints_a_run_whole_and_hides_credentials() {
    let server = TestServer::start([Workflow::script("good", "console.log('seen'); return { a: 1 }")]);
    let request = Request::get("/api/webhooks/good?x=1")
        .header("authorization", "Bearer swordfish")
        .header("cookie", "a=swordfish");
    let id = server.send(&request).run_id();
    let shown = server.command(&["runs", "show", &id, "--json"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    let run: Value = serde_json::from_str(&shown.stdout).unwrap();
    assert_eq!((&run["id"], &run["steps"][0]["output"]), (&json!(id), &json!({ "a": 1 })));
    assert_eq!(run["context"]["query"], json!({ "x": "1" }));
    assert!(!shown.stdout.contains("swordfish"), "{}", shown.stdout);

    let unknown = server.command(&["runs", "show", "run_00000000000000000000000000000000"]);
    assert!(unknown.code != 0 && unknown.stderr.contains("there is no run"), "{}", unknown.stderr);
    let nonsense = server.command(&["runs", "show", "../requests"]);
    assert!(nonsense.code != 0 && nonsense.stderr.contains("run_"), "{}", nonsense.stderr);
}

#[test]
fn requests_list_gives_the_true_reason_of_a_refusal() {
    let server = TestServer::examples();
    server.hook("hello");
    server.hook("nobody");
    server.send(&Request::post("/api/webhooks/github-push").body("{}"));
    server.newest_request(3);
    let listed = server.command(&["requests", "list"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let lines: Vec<_> = listed.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", listed.stdout);
    let lines = &lines[1..];
    assert!(lines[0].contains("401") && lines[0].contains("x-hub-signature-256` is missing"), "{}", lines[0]);
    assert!(lines[1].contains("404") && lines[1].contains("no workflow has this path"), "{}", lines[1]);
    assert!(lines[2].contains("200") && lines[2].contains("run_"), "{}", lines[2]);
    let json: Value =
        serde_json::from_str(&server.command(&["requests", "list", "--json", "--limit", "2"]).stdout)
            .unwrap();
    assert_eq!(json["requests"].as_array().unwrap().len(), 2);
}

#[test]
fn commands_find_server_and_token_in_the_environment_and_say_what_is_missing() {
    let server = TestServer::start([Workflow::script("good", "return 1")]);
    let (url, token) = (server.url(), server.token());
    let found = flowcell_with(["runs", "list"], &[("FLOWCELL_URL", &url), ("FLOWCELL_TOKEN", &token)]);
    assert_eq!(found.code, 0, "{}", found.stderr);
    let wrong = flowcell_with(["runs", "list"], &[("FLOWCELL_URL", &url), ("FLOWCELL_TOKEN", "fc_wrong")]);
    assert!(wrong.code != 0 && wrong.stderr.contains("401"), "{}", wrong.stderr);
    let none = flowcell(["runs", "list", "--server", &url, "--data", "/nowhere"]);
    assert!(none.code == 2 && none.stderr.contains("--token"), "{}", none.stderr);
    let nobody = flowcell(["runs", "list", "--server", "http://127.0.0.1:1", "--token", "fc_x"]);
    assert!(nobody.code == 2 && nobody.stderr.contains("127.0.0.1:1"), "{}", nobody.stderr);
    for finished in [wrong, none, nobody] {
        assert!(
            finished.stderr.lines().count() == 1 && finished.stderr.starts_with("flowcell: "),
            "{}",
            finished.stderr
        );
    }
}

#[test]
fn runs_tail_prints_runs_as_they_come() {
    let server =
        TestServer::start([Workflow::script("good", "return 1"), Workflow::script("other", "return 1")]);
    let before = server.hook("good").run_id();
    let mut tail = flowcell_command()
        .args(["runs", "tail", "--workflow", "good", "--server", &server.url(), "--token", &server.token()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let (sender, printed) = mpsc::channel();
    thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
    let next = || printed.recv_timeout(Duration::from_secs(20)).expect("a line comes");
    let seen = next();
    let (_, good) = (server.hook("other"), [server.hook("good").run_id(), server.hook("good").run_id()]);
    let fresh = [next(), next()];
    tail.kill().unwrap();
    tail.wait().unwrap();
    assert!(seen.contains(&before), "{seen}");
    for (line, id) in fresh.iter().zip(&good) {
        assert!(line.contains(id.as_str()) && line.contains("succeeded"), "in order, once: {fresh:?}");
    }
}
