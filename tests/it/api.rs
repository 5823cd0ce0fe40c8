//! The management API: pages, filters, and errors as problem+json with a stable code.

use serde_json::{Value, json};

use crate::support::{Request, Response, Setup, TestServer, Workflow, wait_until};

fn get(server: &TestServer, path: &str) -> Response {
    server.send(&Request::get(path).header("authorization", &format!("Bearer {}", server.token())))
}

#[test]
fn runs_come_in_pages_newest_first_without_gap_or_repetition() {
    let server = TestServer::start([Workflow::script("a", "return 1"), Workflow::script("b", "return 1")]);
    let ids: Vec<_> = (0..7).map(|n| server.hook(if n % 3 == 0 { "b" } else { "a" }).run_id()).collect();
    let (mut seen, mut before) = (Vec::new(), String::new());
    let pages = loop {
        let page = server.api(&format!("/api/v1/runs?limit=3{before}"));
        seen.extend(
            page["runs"].as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap().to_owned()),
        );
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break seen.len().div_ceil(3),
        }
    };
    assert_eq!(seen, ids.into_iter().rev().collect::<Vec<_>>());
    assert_eq!(pages, 3);
    let of_b = server.api("/api/v1/runs?workflow=b&status=succeeded");
    assert_eq!(of_b["runs"].as_array().unwrap().len(), 3);
    assert_eq!(server.api("/api/v1/runs?status=failed")["runs"], json!([]));
}

#[test]
fn requests_of_one_millisecond_are_listed_in_the_order_they_came() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    let paths: Vec<_> = (0..50).map(|n| format!("/api/webhooks/nobody-{n}")).collect();
    paths.iter().for_each(|path| assert_eq!(server.send(&Request::get(path)).status, 404));
    server.newest_request(50);
    let listed: Vec<_> =
        server.requests().iter().rev().map(|line| line["path"].as_str().unwrap().to_owned()).collect();
    assert_eq!(listed, paths);
}

#[test]
fn a_line_of_the_list_says_what_happened() {
    let server = TestServer::start([
        Workflow::script("good", "return 1"),
        Workflow::script("bad", "throw new Error('no')"),
    ]);
    server.hook("good");
    server.hook("bad");
    let runs = server.api("/api/v1/runs")["runs"].clone();
    assert_eq!(
        (&runs[1]["workflow"], &runs[1]["status"], &runs[1]["answer_status"]),
        (&json!("good"), &json!("succeeded"), &json!(200))
    );
    assert_eq!(runs[1]["error"], Value::Null);
    assert!(
        runs[1]["took_ms"].is_u64() && runs[1]["created"].as_str().unwrap().ends_with('Z'),
        "{}",
        runs[1]
    );
    assert_eq!(runs[0]["error"], json!({ "code": "script_error", "message": "Error: no", "step": "main" }));
}

#[test]
fn wrong_questions_get_a_problem_that_says_what_is_wrong() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    let cases = [
        ("/api/v1/runs?status=finished", 400, "bad_request", "succeeded"),
        ("/api/v1/runs?limit=many", 400, "bad_request", "limit"),
        ("/api/v1/runs?limti=1", 400, "bad_request", "limti"),
        ("/api/v1/runs?before=yesterday", 400, "bad_request", "before"),
        ("/api/v1/runs?workflow=a%2Fb", 400, "bad_request", "workflow"),
        ("/api/v1/requests?before=run_00000000000000000000000000000000", 400, "bad_request", "before"),
        ("/api/v1/runs/nonsense", 400, "bad_request", "nonsense"),
        ("/api/v1/runs/run_00000000000000000000000000000000", 404, "run_unknown", "run_0"),
        ("/api/v1/nothing", 404, "not_found", "nothing"),
    ];
    let mut wrong = Vec::new();
    for (path, status, code, words) in cases {
        let response = get(&server, path);
        let is_problem = response.header("content-type") == Some("application/problem+json");
        if response.status != status
            || !is_problem
            || response.problem() != code
            || !response.text().contains(words)
        {
            wrong.push(format!(
                "{path}: expected {status} {code} with `{words}`, found {}: {}",
                response.status,
                response.text()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_changed_by_methods_that_a_resource_does_not_have() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    let id = server.hook("a").run_id();
    let token = format!("Bearer {}", server.token());
    for method in ["POST", "PUT", "PATCH", "DELETE"] {
        for path in [
            "/api/v1/runs".to_owned(),
            format!("/api/v1/runs/{id}"),
            "/api/v1/requests".to_owned(),
            "/healthz".to_owned(),
        ] {
            let status = server.send(&Request::new(method, &path).header("authorization", &token)).status;
            assert_eq!(status, 405, "{method} {path}");
        }
    }
    assert_eq!(server.run(&id)["status"], "succeeded");
}

#[test]
fn the_workflows_are_listed_with_their_addresses() {
    let server = TestServer::examples();
    let workflows = server.api("/api/v1/workflows")["workflows"].clone();
    let listed: Vec<_> =
        workflows.as_array().unwrap().iter().map(|w| (w["key"].clone(), w["path"].clone())).collect();
    assert_eq!(
        listed,
        [
            (json!("approval"), json!("/api/webhooks/approval")),
            (json!("daily-orders"), json!("/api/webhooks/daily-orders")),
            (json!("form-signup"), json!("/api/webhooks/form-signup")),
            (json!("github-push"), json!("/api/webhooks/github-push")),
            (json!("hello"), json!("/api/webhooks/hello")),
        ]
    );
    assert!(!workflows.to_string().contains("Secret to Everybody"), "{workflows}");
}

#[test]
fn answers_of_the_api_are_not_kept_by_caches_and_foreign_answers_run_no_scripts() {
    let server = TestServer::start([Workflow::script("html", "return '<script>alert(1)</script>'")]);
    assert_eq!(get(&server, "/api/v1/runs").header("cache-control"), Some("no-store"));
    let answer = server.hook("html");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    assert!(answer.header("content-security-policy").is_some_and(|policy| policy.contains("sandbox")));
}

#[test]
fn old_lines_of_the_request_log_are_removed_and_their_runs_stay() {
    let mut server = Setup::default()
        .workflows([Workflow::script("a", "return 1")])
        .variable("FLOWCELL_RETENTION_REQUESTS", "1s")
        .start();
    let run = server.hook("a").run_id();
    server.newest_request(1);
    // Old is what came a second before the next start.
    let received = std::time::Instant::now();
    wait_until("a second has gone by", 10, || received.elapsed() > std::time::Duration::from_secs(1));
    server.stop();
    server.restart();
    wait_until("the line is removed", 20, || server.requests().is_empty());
    assert_eq!(server.run(&run)["status"], "succeeded");
}
