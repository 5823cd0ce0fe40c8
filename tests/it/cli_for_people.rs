//! What commands print is for people: lists fit and line up, times are local, a reader may leave early, and names are checked.
//! `--json` is for programs.

use std::{
    fs,
    io::Read,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::{Value, json};

use crate::support::{
    Finished, Receiver, Request, Setup, TestServer, Workflow, examples, flowcell, flowcell_command,
    flowcell_with, wait_until,
};

fn json_of(finished: &Finished) -> Value {
    serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("JSON: {finished:?}"))
}

#[test]
fn a_reader_that_leaves_early_ends_a_command_quietly() {
    let server = TestServer::start([Workflow::script("w", "return 'x'.repeat(2000)")]);
    let run = server.hook("w").run_id();
    (0..40).for_each(|_| drop(server.hook("w")));
    server.newest_request(41);
    for words in [
        &["runs", "list"][..],
        &["runs", "list", "--json"],
        &["runs", "show", &run],
        &["runs", "tail"],
        &["requests", "list"],
        &["workflows", "list"],
        &["schema"],
        &["completions", "bash"],
        &["nonsense"],
    ] {
        let away = !matches!(words[0], "schema" | "completions" | "nonsense");
        let mut command = flowcell_command();
        command.args(words).stdout(Stdio::piped()).stderr(Stdio::piped());
        if away {
            command.args(server.place());
        }
        let mut child = command.spawn().unwrap();
        drop(child.stdout.take());
        let mut told = String::new();
        child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
        let status = child.wait().unwrap();
        if words[0] != "nonsense" {
            assert_eq!((status.code(), told.as_str()), (Some(0), ""), "{words:?}");
        }
        assert!(!told.contains("panicked"), "{words:?}: {told}");
    }
}

#[test]
fn lists_have_headings_and_local_times_and_colour_only_where_it_is_wanted() {
    let server = TestServer::start([Workflow::script("w", "return 1")]);
    let run = server.hook("w").run_id();
    let created = server.run(&run)["created"].as_str().unwrap().to_owned();
    let list = |variables: &[(&str, &str)], flags: &[&str]| {
        let words = ["runs", "list"].iter().chain(flags).map(ToString::to_string).chain(server.place());
        let finished = flowcell_with(words, variables);
        assert_eq!((finished.code, finished.stderr.as_str()), (0, ""));
        finished.stdout
    };
    let utc = list(&[("TZ", "Asia/Shanghai")], &["--utc"]);
    let lines: Vec<_> = utc.lines().collect();
    assert!(lines[0].starts_with("CREATED "), "{utc}");
    assert!(lines[1].starts_with(&format!("{}Z  {run}  w", created[..19].replace('T', " "))), "{utc}");
    let local = list(&[("TZ", "Asia/Shanghai")], &[]);
    let hour: u32 = created[11..13].parse().unwrap();
    assert_eq!(local.lines().nth(1).unwrap()[11..13], format!("{:02}", (hour + 8) % 24), "{local}");
    assert!(!local.contains('\u{1b}'), "a pipe gets no colour");
    assert!(list(&[("CLICOLOR_FORCE", "1")], &[]).contains("\u{1b}[32msucceeded"));
    assert!(!list(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &[]).contains('\u{1b}'));
}

#[test]
fn columns_fit_the_terminal() {
    let server = TestServer::start([Workflow::script("w", "throw new Error('很长的说明 '.repeat(40))")]);
    server.hook("w");
    let [flag, url, token_flag, token] = server.place();
    let list = |columns: u32| {
        let program = flowcell_command().get_program().to_str().unwrap().to_owned();
        let line = format!(
            "stty cols {columns}; NO_COLOR=1 '{program}' runs list {flag} {url} {token_flag} {token}"
        );
        // `script` (util-linux) makes a terminal.
        let shown = Command::new("script").args(["-qec", &line, "/dev/null"]).stdin(Stdio::null()).output();
        String::from_utf8(shown.expect("util-linux has script").stdout).unwrap()
    };
    let wide = |line: &str| line.chars().map(|c| if c > '\u{2e80}' { 2 } else { 1 }).sum::<usize>();
    let shown = list(100);
    let row = shown.lines().find(|line| line.contains("run_")).unwrap().trim_end();
    assert!(wide(row) <= 100 && row.ends_with('…'), "{} columns: {row}", wide(row));
    assert!(row.contains("script_error"), "{row}");
    let full = server.command(&["runs", "list"]).stdout;
    assert!(full.matches("很长的说明").count() == 40, "a pipe gets all of it: {full}");
}

#[test]
fn runs_show_tells_a_person_what_happened() {
    let work = "console.log('looked at', context.data.order.id);\nif (!context.data.order.items) {\n  throw new Error('the order has no items');\n}\nreturn 1;";
    let server = TestServer::start([Workflow::script("orders", work)]);
    let run =
        server.send(&Request::post("/api/webhooks/orders?from=shop").json(&json!({"order": {"id": 7}})));
    let run = run.json()["run_id"].as_str().unwrap().to_owned();
    let shown = server.command(&["runs", "show", &run]);
    assert_eq!((shown.code, shown.stderr.as_str()), (0, ""));
    for words in [
        &format!("{run}  failed  orders")[..],
        "cause    webhook",
        "script_error in main: Error: the order has no items",
        "main.js:3:9",
        "> 3 |   throw new Error('the order has no items');",
        "POST /api/webhooks/orders?from=shop from 127.0.0.1, application/json",
        "{\"order\":{\"id\":7}}",
        "STEP  STATUS",
        "log of main",
        "looked at 7",
    ] {
        assert!(shown.stdout.contains(words), "`{words}` is missing in\n{}", shown.stdout);
    }
    let whole = json_of(&server.command(&["runs", "show", &run, "--json"]));
    assert_eq!(whole["context"]["data"], json!({"order": {"id": 7}}));
}

#[test]
fn a_run_that_succeeded_with_failed_steps_is_marked() {
    let steps = json!([
        { "id": "shaky", "type": "code", "file": "main.js", "on_error": "continue" },
        { "id": "done", "type": "set", "values": { "a": 1 } },
    ]);
    let server = TestServer::start([
        Workflow::steps("w", steps).file("main.js", "throw new Error('no')"),
        Workflow::script("fine", "return 1"),
    ]);
    let (marked, fine) = (server.post("w", &json!({})).run_id(), server.hook("fine").run_id());
    server.ended_run(&marked);
    let list = server.command(&["runs", "list"]).stdout;
    let line = |run: &str| list.lines().find(|line| line.contains(run)).unwrap().to_owned();
    assert!(line(&marked).contains("succeeded, 1 step failed"), "{list}");
    assert!(line(&fine).contains("succeeded") && !line(&fine).contains("step failed"), "{list}");
    assert_eq!(server.run(&marked)["failed_steps"], 1);
}

/// A workflow whose second step calls out, and whose third throws until it is mended.
fn three_steps(receiver: &Receiver, script: &str, first: Value) -> Workflow {
    let steps = json!([
        first,
        { "id": "mail", "type": "http", "url": receiver.url("/mail"), "method": "POST", "json": {} },
        { "id": "main", "type": "code", "file": "main.js" },
    ]);
    Workflow::steps("w", steps).file("main.js", script).trigger(json!({ "mode": "async" }))
}

#[test]
fn retry_newest_goes_on_from_the_failed_step_with_the_mended_script() {
    let receiver = Receiver::start();
    let first = json!({ "id": "first", "type": "set", "values": { "a": 1 } });
    let server = Setup::default()
        .workflows([three_steps(&receiver, "throw new Error('broken')", first.clone())])
        .variable("FLOWCELL_NET_ALLOW", &receiver.host())
        .start();
    let failed = server.post("w", &json!({})).run_id();
    server.ended_run(&failed);
    let alike = server.command(&["runs", "retry", &failed, "--wait"]);
    assert_eq!(alike.code, 1, "its own version fails alike: {alike:?}");
    assert!(alike.stdout.contains("broken"), "{}", alike.stdout);

    let version = |server: &TestServer| server.api("/api/v1/workflows")["workflows"][0]["version"].clone();
    let before = version(&server);
    three_steps(&receiver, "return 'mended'", first).write(&server.workflows());
    wait_until("the new version is there", 30, || version(&server) != before);
    let mended = server.command(&["runs", "retry", &failed, "--newest", "--wait", "--json"]);
    assert_eq!(mended.code, 0, "{mended:?}");
    let run = json_of(&mended);
    assert_eq!((&run["status"], &run["cause"]), (&json!("succeeded"), &json!("retry")));
    assert_eq!(receiver.requests().len(), 1, "the mail went out once");

    let before = version(&server);
    let other = json!({ "id": "first", "type": "code", "file": "main.js" });
    three_steps(&receiver, "return 'mended'", other).write(&server.workflows());
    wait_until("the next version is there", 30, || version(&server) != before);
    let differs = server.command(&["runs", "retry", &failed, "--newest"]);
    assert!(
        differs.code == 2 && differs.stderr.contains("409") && differs.stderr.contains("`first`"),
        "{differs:?}"
    );
}

#[test]
fn unknown_workflows_are_errors_with_near_names() {
    let server = TestServer::start([Workflow::script("orders-daily", "return 1")]);
    for words in [&["runs", "list"][..], &["runs", "tail"], &["requests", "list"]] {
        let wrong = server.command(&[words, &["--workflow", "order-daily"]].concat());
        assert_eq!(wrong.code, 2, "{words:?}");
        assert!(wrong.stderr.contains("did you mean `orders-daily`"), "{words:?}: {}", wrong.stderr);
    }
    let known = server.command(&["runs", "list", "--workflow", "orders-daily"]);
    assert_eq!((known.code, known.stderr.as_str()), (0, "no runs\n"));
}

#[test]
fn check_test_and_run_take_a_folder_of_folders() {
    let folder = examples();
    let allowed = [("FLOWCELL_VARS_GITHUB_WEBHOOK_SECRET", "x")];
    let checked = flowcell_with(["check".as_ref(), folder.as_os_str()], &allowed);
    assert_eq!(checked.code, 0, "{checked:?}");
    assert!(
        checked.stdout.contains("hello: ok") && checked.stdout.contains("approval: ok"),
        "{}",
        checked.stdout
    );
    let tested = flowcell(["test".as_ref(), folder.as_os_str(), "--json".as_ref()]);
    assert_eq!(tested.code, 0, "{tested:?}");
    assert!(json_of(&tested)["passed"].as_u64().unwrap() > 5);
    let several = flowcell(["run", folder.to_str().unwrap(), "--event", "{}"]);
    assert!(several.code == 2 && several.stderr.contains("--key"), "{several:?}");
    let one = flowcell([
        "run",
        folder.to_str().unwrap(),
        "--key",
        "hello",
        "--event",
        r#"{"data": {"event": "x"}}"#,
    ]);
    assert_eq!((one.code, &json_of(&one)["answer"]["status"]), (0, &json!(200)), "{one:?}");

    let empty = tempfile::tempdir().unwrap();
    Workflow::script("bare", "return 1").write(empty.path());
    let nothing = flowcell(["test".as_ref(), empty.path().as_os_str()]);
    assert_eq!(nothing.code, 1, "a test that ran nothing says nothing good: {nothing:?}");
    assert!(nothing.stderr.contains("no fixture was run"), "{nothing:?}");
}

#[test]
fn a_new_workflow_passes_its_check_and_its_fixture() {
    let folder = tempfile::tempdir().unwrap();
    let into = folder.path().join("workflows");
    for (key, language) in [("first", "js"), ("second", "ts")] {
        let made = flowcell(["new", key, "--into", into.to_str().unwrap(), "--lang", language]);
        assert_eq!(made.code, 0, "{made:?}");
        assert!(made.stdout.contains("flowcell test") && made.stdout.contains("curl"), "{}", made.stdout);
    }
    assert_eq!(flowcell(["check".as_ref(), into.as_os_str()]).code, 0);
    let tested = flowcell(["test".as_ref(), into.as_os_str()]);
    assert_eq!((tested.code, tested.stdout.lines().last()), (0, Some("2 passed, 0 failed")), "{tested:?}");
    let again = flowcell(["new", "first", "--into", into.to_str().unwrap()]);
    assert!(again.code == 2 && again.stderr.contains("never changed"), "{again:?}");
    assert_eq!(flowcell(["new", "Not A Key", "--into", into.to_str().unwrap()]).code, 2);
}

#[test]
fn shells_complete_and_man_has_a_page_for_each_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = flowcell(["completions", shell]);
        assert!(script.code == 0 && script.stdout.contains("requests"), "{shell}");
        assert!(!script.stdout.contains("compile-plugin"), "hidden commands stay hidden");
    }
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(flowcell(["man".as_ref(), folder.path().as_os_str()]).code, 0);
    let page = |name: &str| fs::read_to_string(Path::new(folder.path()).join(name)).unwrap();
    assert!(page("flowcell.1").contains("Serve webhooks"));
    assert!(page("flowcell-runs-list.1").contains("newest"), "{}", page("flowcell-runs-list.1"));
}
