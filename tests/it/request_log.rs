//! The request log: what was refused is seen and sent again, and no credential is kept of it.

use serde_json::{Value, json};

use crate::{
    signatures::bytes_below,
    support::{Request, Setup, TestServer, Workflow, flowcell, github_signature, wait_until},
};

const SECRET: &str = "a secret of the webhook";

fn server() -> TestServer {
    let script = "return { data: context.data, headers: context.headers, query: context.query }";
    let verified =
        |key: &str, verify: Value| Workflow::script(key, script).trigger(json!({ "verify": verify }));
    Setup::default()
        .workflows([
            verified("gh", json!({ "scheme": "github", "secret": "{{$env.HOOK}}" })),
            verified("gitee", json!({ "scheme": "gitee", "mode": "password", "secret": "{{$env.HOOK}}" })),
            verified("slack", json!({ "scheme": "slack", "secret": "{{$env.HOOK}}" })),
            Workflow::script("open", script).trigger(json!({ "filter": "context.query.q != 'no'" })),
        ])
        .variable("HOOK", SECRET)
        .start()
}

fn cli(server: &TestServer, arguments: &[&str]) -> String {
    let data = server.data();
    let all = ["requests"].iter().chain(arguments).copied();
    let finished = flowcell(all.chain(["--server", &server.url(), "--data", data.to_str().unwrap()]));
    assert_eq!(finished.code, 0, "{finished:?}");
    finished.stdout
}

#[test]
fn a_refused_request_is_shown_without_credentials_and_sent_again() {
    let server = server();
    let body = json!({ "ref": "main", "big": 12345678901234567890_u64, "auth": { "access_token": "tok-in-body" }, "echo": SECRET });
    let request = Request::post("/api/webhooks/gh?token=tok-in-query&page=2")
        .header("authorization", "Bearer tok-in-header")
        .header("x-github-event", "push")
        .header("x-hub-signature-256", &format!("sha256={}", "0".repeat(64)))
        .json(&body);
    assert_eq!(server.send(&request).status, 401);
    let line = server.newest_request(1);
    assert_eq!(
        (&line["scheme"], &line["kept"], &line["status"]),
        (&json!("github"), &json!(true), &json!(401))
    );
    let id = line["id"].as_str().unwrap();

    let shown: Value = serde_json::from_str(&cli(&server, &["show", id, "--json"])).unwrap();
    let kept = &shown["request"];
    assert_eq!(kept["headers"]["authorization"], "[hidden]");
    assert_eq!(kept["headers"]["x-github-event"], "push");
    assert_eq!(kept["query"], "token=%5Bhidden%5D&page=2");
    assert_eq!(kept["changed"], true);
    let text = kept["body"].as_str().unwrap();
    assert!(
        text.contains("12345678901234567890") && !text.contains("tok-in") && !text.contains(SECRET),
        "{text}"
    );

    let run = cli(&server, &["resend", id]);
    let ended = server.ended_run(run.trim());
    assert_eq!((&ended["status"], &ended["cause"]), (&json!("succeeded"), &json!("resend")));
    let output = &ended["steps"][0]["output"];
    assert_eq!(output["data"]["ref"], "main");
    assert_eq!(output["query"]["page"], "2");
    for hidden in ["tok-in-header", "tok-in-query", "tok-in-body", SECRET] {
        assert!(!is_below(&server.data(), hidden), "{hidden} is on the disk");
    }
}

#[test]
fn what_was_accepted_is_run_again_and_what_was_not_kept_says_so() {
    let server = server();
    let body = br#"{"n":1}"#;
    let request = Request::post("/api/webhooks/gh")
        .header("content-type", "application/json")
        .header("x-hub-signature-256", &github_signature(body, SECRET));
    let first = server.send(&request.body(body.to_vec()));
    assert_eq!(first.status, 200, "{}", first.text());
    let line = server.newest_request(1);
    let again = server.ask(
        "POST",
        &format!("/api/v1/requests/{}/resend", line["id"].as_str().unwrap()),
        &Value::Null,
    );
    assert_eq!(again.status, 201, "{}", again.text());
    let run = again.json()["run_id"].as_str().unwrap().to_owned();
    assert_ne!(run, first.run_id());
    assert_eq!(server.ended_run(&run)["cause"], "replay");

    server.send(&Request::get("/api/webhooks/nobody"));
    let line = server.newest_request(2);
    let refused = server.ask(
        "POST",
        &format!("/api/v1/requests/{}/resend", line["id"].as_str().unwrap()),
        &Value::Null,
    );
    assert_eq!((refused.status, refused.problem().as_str()), (409, "request_not_kept"));
    let unknown = server.ask("POST", "/api/v1/requests/req_00000000000000000000000000/resend", &Value::Null);
    assert!([400, 404].contains(&unknown.status), "{}", unknown.text());
}

#[test]
fn the_list_is_narrowed_to_a_workflow_and_to_what_was_refused() {
    let server = server();
    assert_eq!(server.send(&Request::post("/api/webhooks/open?q=yes").json(&json!(1))).status, 200);
    assert_eq!(server.send(&Request::post("/api/webhooks/open?q=no").json(&json!(1))).status, 204);
    assert_eq!(server.send(&Request::post("/api/webhooks/gh").json(&json!(1))).status, 401);
    server.newest_request(3);
    let lines = |arguments: &[&str]| cli(&server, &[&["list"], arguments].concat()).lines().skip(1).count();
    assert_eq!(lines(&[]), 3);
    assert_eq!(lines(&["--refused"]), 1);
    assert_eq!(lines(&["--workflow", "open"]), 2);
    assert_eq!(lines(&["--workflow", "open", "--refused"]), 0);
    let filtered = cli(&server, &["list", "--workflow", "open", "--limit", "1"]);
    assert!(filtered.contains("left out by the filter"), "{filtered}");
}

#[test]
fn secrets_that_a_sender_repeats_in_its_body_are_not_kept_by_runs() {
    let server = server();
    let body = json!({ "hook_name": "push_hooks", "password": SECRET, "sign": "c2lnbg==", "n": 1 });
    let gitee = Request::post("/api/webhooks/gitee").header("x-gitee-token", SECRET).json(&body);
    let answered = server.send(&gitee);
    assert_eq!(answered.status, 200, "{}", answered.text());
    let output = answered.json();
    assert_eq!(
        output["data"],
        json!({ "hook_name": "push_hooks", "password": "[hidden]", "sign": "[hidden]", "n": 1 })
    );
    assert_eq!(output["headers"]["x-gitee-token"], "[hidden]");

    let finished = flowcell([
        "send",
        "slack",
        &format!("{}/api/webhooks/slack", server.url()),
        "--secret",
        SECRET,
        "--body",
        written(&server, "token=xoxb-verification&text=hi").to_str().unwrap(),
        "--content-type",
        "application/x-www-form-urlencoded",
    ]);
    assert_eq!(finished.code, 0, "{finished:?}");
    assert!(finished.stdout.contains("[hidden]") && finished.stdout.contains("hi"), "{}", finished.stdout);
    for hidden in [SECRET, "xoxb-verification"] {
        assert!(!is_below(&server.data(), hidden), "{hidden} is on the disk");
    }
}

fn is_below(folder: &std::path::Path, text: &str) -> bool {
    bytes_below(folder).windows(text.len()).any(|window| window == text.as_bytes())
}

fn written(server: &TestServer, text: &str) -> std::path::PathBuf {
    let path = server.workflows().with_file_name("body.txt");
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_log_over_its_size_loses_its_oldest_lines_first() {
    let mut server = Setup::default()
        .workflows([Workflow::script("gh", "return 1")
            .trigger(json!({ "verify": { "scheme": "github", "secret": SECRET } }))])
        .variable("FLOWCELL_RETENTION_REQUESTS_MAX_BYTES", "64KiB")
        .start();
    for number in 0..120 {
        let body = json!({ "number": number, "text": "x".repeat(1_000) });
        let wrong = format!("sha256={}", "0".repeat(64));
        let request = Request::post("/api/webhooks/gh").header("x-hub-signature-256", &wrong);
        assert_eq!(server.send(&request.json(&body)).status, 401);
    }
    let newest = server.newest_request(120);
    assert_eq!(newest["kept"], false, "a log that is full keeps lines alone");
    let oldest = server.requests().last().unwrap().clone();
    assert_eq!(oldest["kept"], true);
    // A sweep is among the first things that a server does.
    server.stop();
    server.restart();
    wait_until("the log is small", 30, || server.requests().len() < 120);
    let left = server.requests();
    assert_eq!(left[0]["id"], newest["id"]);
    assert!(left.len() > 60 && !left.contains(&oldest), "{}", left.len());
}
