//! `/metrics`, the statistics of a day and the health page: what happened is counted once, what is wrong is told with a remedy.

use std::{collections::BTreeSet, fs};

use rcgen::CertificateParams;
use regex::Regex;
use serde_json::{Value, json};

use crate::support::{
    Request, Response, Setup, TestServer, Workflow, poll, root,
    tls::{Authority, send},
    wait_until,
};

const DOMAIN: &str = "flows.example";

fn scraped(server: &TestServer) -> Response {
    server.ask("GET", "/metrics", &Value::Null)
}

/// The value of one line of the metrics.
fn value(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

/// Waits until a line of the metrics has a value.
fn wait_for(server: &TestServer, name: &str, expected: f64) {
    poll(&format!("{name} {expected}"), 60, || {
        (value(&scraped(server).text(), name) == Some(expected)).then_some(())
    });
}

/// The problems that the health page tells, by their codes.
fn problems(server: &TestServer) -> Vec<Value> {
    server.api("/api/v1/health")["problems"].as_array().unwrap().clone()
}

fn problem(server: &TestServer, code: &str) -> Value {
    poll(code, 60, || problems(server).into_iter().find(|problem| problem["code"] == code))
}

/// One that succeeds, one that fails.
fn two() -> [Workflow; 2] {
    [Workflow::script("good", "return 1"), Workflow::script("bad", "throw new Error('no')")]
}

#[test]
fn metrics_count_runs_steps_and_requests_and_name_no_sender() {
    let server = TestServer::start(two());
    assert_eq!(server.send(&Request::get("/metrics")).status, 401);
    for _ in 0..3 {
        assert_eq!(server.post("good", &json!({})).status, 200);
    }
    assert_eq!(server.post("bad", &json!({})).status, 500);
    assert_eq!(server.post("a-path-of-a-stranger", &json!({})).status, 404);
    wait_for(&server, "flowcell_requests_total{workflow=\"\",outcome=\"refused\"}", 1.0);
    let response = scraped(&server);
    assert_eq!(
        response.header("content-type"),
        Some("application/openmetrics-text; version=1.0.0; charset=utf-8")
    );
    let text = response.text();
    for (name, expected) in [
        ("flowcell_runs_total{workflow=\"good\",outcome=\"succeeded\"}", 3.0),
        ("flowcell_runs_total{workflow=\"bad\",outcome=\"failed\"}", 1.0),
        ("flowcell_runs_total{workflow=\"bad\",outcome=\"succeeded\"}", 0.0),
        ("flowcell_run_duration_seconds_count{workflow=\"good\"}", 3.0),
        ("flowcell_steps_total{workflow=\"good\",outcome=\"succeeded\"}", 3.0),
        ("flowcell_steps_total{workflow=\"bad\",outcome=\"failed\"}", 1.0),
        ("flowcell_requests_total{workflow=\"good\",outcome=\"accepted\"}", 3.0),
        ("flowcell_refused_total{workflow=\"\",code=\"webhook_unknown\"}", 1.0),
        ("flowcell_ready", 1.0),
        ("flowcell_problems", 0.0),
        ("flowcell_pending_runs", 0.0),
        ("flowcell_pending_runs_most", 10_000.0),
        ("flowcell_sandbox_script_slots_used", 0.0),
    ] {
        assert_eq!(value(&text, name), Some(expected), "{name}: {text}");
    }
    for name in [
        "flowcell_step_fuel_total{workflow=\"good\"}",
        "flowcell_commit_duration_seconds_count",
        "flowcell_sandbox_memory_bytes",
        "flowcell_sandbox_script_slots",
        "process_cpu_seconds_total",
        "process_resident_memory_bytes",
        "process_start_time_seconds",
    ] {
        assert!(value(&text, name).is_some_and(|value| value > 0.0), "{name}: {text}");
    }
    assert!(text.contains("flowcell_build_info{version=\"") && text.ends_with("# EOF\n"), "{text}");
    assert!(!text.contains("stranger") && !text.contains("127.0.0.1"), "{text}");
    let label = Regex::new("[{,]([a-z_]+)=\"").unwrap();
    let labels: BTreeSet<_> = label.captures_iter(&text).map(|found| found[1].to_owned()).collect();
    assert_eq!(labels, ["code", "le", "outcome", "version", "workflow"].map(str::to_owned).into());
}

#[test]
fn a_day_is_counted_by_the_hour_and_counted_again_after_a_start() {
    let mut server = TestServer::start(two());
    for _ in 0..2 {
        assert_eq!(server.post("good", &json!({})).status, 200);
    }
    assert_eq!(server.post("bad", &json!({})).status, 500);
    assert_eq!(server.send(&Request::new("DELETE", "/api/webhooks/good")).status, 405);
    server.newest_request(4);
    let counts = |stats: &Value| ["ok", "failed", "refused"].map(|name| stats[name].as_u64().unwrap());
    let stats = |server: &TestServer, query: &str| server.api(&format!("/api/v1/stats{query}"));
    let look = |server: &TestServer| {
        let all = stats(server, "");
        (counts(&all["sum"]) == [2, 1, 1]).then_some(all)
    };
    for restarted in [false, true] {
        if restarted {
            assert!(server.stop().success());
            server.restart();
        }
        let all = poll("everything is counted", 60, || look(&server));
        let hours = all["hours"].as_array().unwrap();
        assert_eq!(hours.len(), 24);
        let sums = hours.iter().map(counts).fold([0; 3], |sum, hour| [0, 1, 2].map(|at| sum[at] + hour[at]));
        assert_eq!(sums, [2, 1, 1]);
        // What happened may have fallen into two hours.
        let newest = hours.iter().rfind(|hour| hour["ok"] != 0 || hour["failed"] != 0).unwrap();
        assert!(
            newest["p50_ms"].is_u64() && newest["p95_ms"].as_u64() >= newest["p50_ms"].as_u64(),
            "{newest}"
        );
        assert!(
            hours[0]["p50_ms"].is_null() && hours[0]["start"].as_str().unwrap().ends_with(":00:00.000Z"),
            "{all}"
        );
        let keys: Vec<_> = all["workflows"].as_array().unwrap().iter().map(|of| of["key"].clone()).collect();
        assert_eq!(keys, ["bad", "good"]);
        let good = stats(&server, "?workflow=good");
        assert_eq!((counts(&good["sum"]), counts(&good["workflows"][0])), ([2, 0, 1], [2, 0, 1]));
        assert_eq!(counts(&stats(&server, "?workflow=never")["sum"]), [0; 3]);
    }
    assert_eq!(server.ask("GET", "/api/v1/stats?workflow=..", &Value::Null).problem(), "bad_request");
}

#[test]
fn a_webhook_without_its_secret_and_a_wrong_folder_are_told_until_they_are_mended() {
    let server = TestServer::start([
        Workflow::script("fine", "return 1"),
        Workflow::script("locked", "return 1")
            .trigger(json!({ "verify": { "scheme": "github", "secret": "{{$secrets.HOOK}}" } })),
    ]);
    let refuses = problem(&server, "workflow_refuses");
    assert_eq!((&refuses["params"]["workflow"], &refuses["severity"]), (&json!("locked"), &json!("error")));
    assert!(refuses["message"].as_str().unwrap().contains("HOOK"), "{refuses}");
    fs::create_dir(server.workflows().join("broken")).unwrap();
    fs::write(server.workflows().join("broken/workflow.json"), "{").unwrap();
    let wrong = problem(&server, "folder_wrong");
    assert_eq!((&wrong["params"]["folder"], &wrong["severity"]), (&json!("broken"), &json!("warning")));
    assert!(wrong["remedy"].as_str().unwrap().contains("flowcell check"), "{wrong}");
    assert_eq!(value(&scraped(&server).text(), "flowcell_problems"), Some(2.0));

    let set = server.ask("PUT", "/api/v1/secrets/HOOK", &json!({ "value": "a long secret of the hook" }));
    assert!(set.status < 300, "{}", set.text());
    Workflow::script("broken", "return 1").write(&server.workflows());
    wait_until("nothing is wrong any more", 60, || problems(&server).is_empty());
    Workflow::script("broken", "return (").write(&server.workflows());
    problem(&server, "folder_wrong");
    fs::remove_dir_all(server.workflows().join("broken")).unwrap();
    wait_until("the folder is gone", 60, || problems(&server).is_empty());
}

#[test]
fn a_certificate_that_has_ended_is_told() {
    let authority = Authority::new();
    let folder = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = CertificateParams::new([DOMAIN.to_owned()]).unwrap();
    parameters.not_after = rcgen::date_time_ymd(2020, 1, 1);
    let certificate = parameters.signed_by(&key, &authority.issuer).unwrap();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let server = Setup::default()
        .workflows([Workflow::script("fine", "return 1")])
        .variable("FLOWCELL_TLS_CERT", &write("cert.pem", certificate.pem()))
        .variable("FLOWCELL_TLS_KEY", &write("key.pem", key.serialize_pem()))
        .start();
    let token = format!("Bearer {}", server.token());
    let request = Request::get("/api/v1/health").header("authorization", &token);
    let ended = poll("the certificate is looked at", 60, || {
        let health = send(server.address(), DOMAIN, &request).unwrap().json();
        health["problems"].as_array().unwrap().iter().find(|it| it["code"] == "certificate_ends").cloned()
    });
    assert_eq!((&ended["severity"], &ended["params"]["days"]), (&json!("error"), &json!("0")), "{ended}");
}

#[test]
fn a_queue_that_is_nearly_full_is_told_and_one_that_is_full_refuses() {
    let server = Setup::default()
        .workflows(["a", "b", "c"].map(|key| Workflow::script(key, "return 1").asynchronous()))
        .variable("FLOWCELL_ENGINE_MAX_PENDING", "5")
        .start();
    for key in ["a", "b", "c"] {
        assert_eq!(server.ask("POST", &format!("/api/v1/workflows/{key}/pause"), &json!({})).status, 200);
    }
    // A workflow may have one more run while it has fewer than there are free seats.
    for _ in 0..3 {
        assert_eq!(server.post("a", &json!({})).status, 202);
    }
    assert_eq!(server.post("a", &json!({})).problem(), "workflow_queue_full");
    let full = problem(&server, "workflow_queue_full");
    assert_eq!(full["params"], json!({ "workflow": "a", "pending": "3" }));
    assert_eq!(server.post("b", &json!({})).status, 202);
    let high = problem(&server, "queue_high");
    assert_eq!(high["params"], json!({ "pending": "4", "most": "5" }));
    assert_eq!(server.post("c", &json!({})).status, 202);
    assert_eq!(server.post("c", &json!({})).problem(), "queue_full");
    let refused = problem(&server, "events_refused");
    assert_eq!(refused["params"]["code"], "queue_full");
    let health = server.api("/api/v1/health");
    assert_eq!(health["problems"][0]["code"], "events_refused", "the gravest first: {health}");
    assert_eq!((&health["figures"]["ready"], &health["figures"]["pending_runs"]), (&json!(false), &json!(5)));
    let text = scraped(&server).text();
    assert_eq!(
        (value(&text, "flowcell_ready"), value(&text, "flowcell_pending_runs")),
        (Some(0.0), Some(5.0))
    );
}

#[test]
fn every_metric_that_docs_dashboard_and_alerts_name_exists() {
    let server = TestServer::start(two());
    assert_eq!(server.post("nowhere", &json!({})).status, 404);
    wait_for(&server, "flowcell_refused_total{workflow=\"\",code=\"webhook_unknown\"}", 1.0);
    let text = scraped(&server).text();
    let there: BTreeSet<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split(['{', ' ']).next())
        .collect();
    let name = Regex::new(r"\b(?:flowcell|process)_[a-z_]+\b").unwrap();
    for (file, least) in [
        ("docs/operations.md", 20),
        ("docs/production/dashboard.json", 12),
        ("docs/production/alerts.yaml", 5),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let named: BTreeSet<&str> = name.find_iter(&text).map(|found| found.as_str()).collect();
        let missing: Vec<_> = named.iter().filter(|name| !there.contains(*name)).collect();
        assert!(named.len() >= least && missing.is_empty(), "{file}: {missing:?} of {named:?}");
    }
    let dashboard: Value =
        serde_json::from_str(&fs::read_to_string(root().join("docs/production/dashboard.json")).unwrap())
            .unwrap();
    assert!(dashboard["panels"].as_array().is_some_and(|panels| panels.len() >= 8));
    let alerts = fs::read_to_string(root().join("docs/production/alerts.yaml")).unwrap();
    assert_eq!(alerts.matches("- alert: ").count(), 5);
}
