//! Who may call a workflow, how often, and from which web pages.

use serde_json::{Value, json};

use crate::support::{Request, Response, Setup, TestServer, Workflow, poll, raw_bytes};

fn hook(key: &str, trigger: Value) -> Workflow {
    Workflow::script(key, "return context.ip").trigger(trigger)
}

fn call(server: &TestServer, key: &str, headers: &[(&str, &str)]) -> Response {
    server.send(&Request::post(&format!("/api/webhooks/{key}")).headers(headers.iter().copied()).body("{}"))
}

#[test]
fn w20_the_caller_is_the_peer_unless_a_trusted_proxy_says_otherwise() {
    let spoofed = [("x-forwarded-for", "203.0.113.9"), ("forwarded", "for=203.0.113.8")];
    let workflows = || [hook("any", json!({})), hook("mine", json!({ "ip": { "allow": ["203.0.113.9"] } }))];
    let plain = TestServer::start(workflows());
    assert_eq!(call(&plain, "any", &spoofed).json(), "127.0.0.1");
    assert_eq!(call(&plain, "mine", &spoofed).problem(), "ip_refused", "a stranger's header opens nothing");

    let behind = Setup::default()
        .workflows(workflows())
        .variable("FLOWCELL_SERVER_TRUSTED_PROXIES", "127.0.0.0/8, 10.0.0.0/8")
        .start();
    assert_eq!(call(&behind, "any", &spoofed).json(), "203.0.113.9");
    assert_eq!(call(&behind, "mine", &spoofed).status, 200);
    let appended = [("x-forwarded-for", "203.0.113.9, 198.51.100.7, 10.0.0.2")];
    assert_eq!(call(&behind, "any", &appended).json(), "198.51.100.7");
    assert_eq!(call(&behind, "mine", &appended).problem(), "ip_refused");
    assert_eq!(behind.newest_request(4)["ip"], "198.51.100.7", "the log has the caller");
    assert_eq!(call(&behind, "any", &[]).json(), "127.0.0.1");
}

#[test]
fn w20_lists_of_addresses_refuse_alike_and_run_nothing() {
    let server = TestServer::start([
        hook("allowed", json!({ "ip": { "allow": ["127.0.0.0/8", "::1"] } })),
        hook("elsewhere", json!({ "ip": { "allow": ["140.82.112.0/20"] } })),
        hook("denied", json!({ "ip": { "allow": ["127.0.0.1"], "deny": ["::ffff:127.0.0.1"] } })),
    ]);
    assert_eq!(call(&server, "allowed", &[]).status, 200);
    let answers: Vec<_> = ["elsewhere", "denied"].iter().map(|key| call(&server, key, &[])).collect();
    for answer in &answers {
        assert_eq!((answer.status, answer.problem().as_str()), (403, "ip_refused"));
    }
    assert_eq!(answers[0].body, answers[1].body);
    for key in ["elsewhere", "denied"] {
        assert_eq!(server.runs(key), Vec::<Value>::new());
    }
    assert!(server.newest_request(3)["outcome"]["refused"]["reason"].as_str().unwrap().contains("127.0.0.1"));
}

#[test]
fn w26_over_a_rate_the_answer_is_429_with_the_time_to_wait_also_after_a_reload() {
    let server = TestServer::start([
        hook("limited", json!({ "rate_limit": { "limit": 2, "per": "1h" } })),
        hook(
            "other",
            json!({ "rate_limit": [{ "limit": 100, "per": "1s" }, { "limit": 1, "per": "1h", "by": "ip" }] }),
        ),
    ]);
    let statuses = |key: &str, count| (0..count).map(|_| call(&server, key, &[]).status).collect::<Vec<_>>();
    assert_eq!(statuses("limited", 3), [200, 200, 429]);
    assert_eq!(statuses("other", 2), [200, 429]);
    let refused = call(&server, "limited", &[]);
    assert_eq!(refused.problem(), "rate_limited");
    let wait: u32 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1_700..=1_800).contains(&wait), "{wait} s");
    assert_eq!(server.runs("limited").len(), 2);
    let changed = Workflow::script("limited", "return 'changed'")
        .trigger(json!({ "rate_limit": { "limit": 2, "per": "1h" } }));
    changed.write(&server.workflows());
    poll("the change is installed", 20, || {
        let installed = server.stderr().matches("workflow installed").count();
        (installed > 2).then_some(())
    });
    assert_eq!(call(&server, "limited", &[]).status, 429, "a reload gives nobody a second burst");
}

#[test]
fn w26_one_address_has_a_rate_over_all_workflows_and_paths() {
    let server = Setup::default()
        .workflows([hook("any", json!({}))])
        .variable("FLOWCELL_SERVER_RATE_LIMIT_PER_IP", "3/1h")
        .start();
    let statuses = ["any", "guess", "any", "any", "guess"].map(|key| call(&server, key, &[]).status);
    assert_eq!(statuses, [200, 404, 200, 429, 429]);
    assert_eq!(server.api("/api/v1/runs")["runs"].as_array().unwrap().len(), 2, "the API is not counted");
}

const PAGE: (&str, &str) = ("origin", "https://app.example.com");

fn preflight(server: &TestServer, path: &str, origin: &str) -> Response {
    server.send(
        &Request::new("OPTIONS", path)
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type"),
    )
}

#[test]
fn w23_pages_that_are_allowed_may_call_and_others_see_nothing() {
    let allow = "access-control-allow-origin";
    let server = TestServer::start([
        hook("closed", json!({})),
        hook(
            "page",
            json!({ "cors": { "origins": [PAGE.1], "headers": ["content-type", "x-key"], "credentials": true } }),
        ),
        hook("all", json!({ "cors": { "origins": ["*"] }, "rate_limit": { "limit": 1, "per": "1h" } })),
    ]);
    let answer = preflight(&server, "/api/webhooks/page", PAGE.1);
    assert_eq!((answer.status, answer.header(allow)), (204, Some(PAGE.1)));
    assert_eq!(answer.header("access-control-allow-methods"), Some("GET, POST"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("content-type, x-key"));
    assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
    assert_eq!(
        (answer.header("access-control-max-age"), answer.header("vary")),
        (Some("600"), Some("origin"))
    );
    for (path, origin) in [
        ("/api/webhooks/page", "https://evil.example"),
        ("/api/webhooks/page", "https://app.example.com.evil.example"),
        ("/api/webhooks/page", "null"),
        ("/api/webhooks/closed", PAGE.1),
        ("/api/webhooks/nobody", PAGE.1),
        ("/api/v1/runs", PAGE.1),
        ("/api/v1/secrets", "http://127.0.0.1"),
    ] {
        let answer = preflight(&server, path, origin);
        assert_eq!(answer.header(allow), None, "{path} {origin}");
        assert!(answer.status >= 400, "{path} {origin}: {}", answer.status);
    }
    assert_eq!(server.runs("page"), Vec::<Value>::new(), "a preflight runs nothing");
    assert_eq!(call(&server, "page", &[PAGE]).header(allow), Some(PAGE.1));
    assert_eq!(call(&server, "page", &[("origin", "https://evil.example")]).header(allow), None);
    assert_eq!(call(&server, "closed", &[PAGE]).header(allow), None);
    let (first, second) = (call(&server, "all", &[PAGE]), call(&server, "all", &[PAGE]));
    assert_eq!((first.status, first.header(allow)), (200, Some("*")));
    assert_eq!((second.status, second.header(allow)), (429, Some("*")), "a page may read why");
    assert_eq!(first.header("access-control-allow-credentials"), None);
    let token = format!("Bearer {}", server.token());
    let api = server.send(&Request::get("/api/v1/runs").headers([("authorization", token.as_str()), PAGE]));
    assert_eq!((api.status, api.header(allow)), (200, None), "never the API");
}

#[test]
fn w23_w26_guards_that_make_no_sense_are_refused_by_check() {
    let cases = [
        (json!({ "cors": { "origins": ["*"], "credentials": true } }), "trigger.cors.origins"),
        (json!({ "cors": { "origins": [] } }), "trigger.cors.origins"),
        (json!({ "cors": { "origins": ["https://a.example/"] } }), "trigger.cors.origins[0]"),
        (json!({ "cors": { "origins": ["*"], "headers": ["a b"] } }), "trigger.cors.headers[0]"),
        (json!({ "ip": { "allow": ["10.0.0.0/33"] } }), "trigger.ip.allow[0]"),
        (json!({ "ip": { "alow": [] } }), "trigger.ip"),
        (json!({ "rate_limit": { "limit": 0, "per": "1m" } }), "trigger.rate_limit.limit"),
        (json!({ "rate_limit": { "limit": 1, "per": "0s" } }), "trigger.rate_limit.per"),
        (
            json!({ "rate_limit": [{ "limit": 1, "per": "1s" }, { "limit": 1, "per": "1s", "by": "user" }] }),
            "trigger.rate_limit[1].by",
        ),
    ];
    for (trigger, field) in cases {
        let folder = tempfile::tempdir().unwrap();
        hook("w", trigger).write(folder.path());
        let checked =
            crate::support::flowcell([std::ffi::OsStr::new("check"), folder.path().join("w").as_os_str()]);
        let told = format!("{}{}", checked.stdout, checked.stderr);
        assert_eq!(checked.code, 1, "{field}: {told}");
        assert!(told.contains(field), "{field}: {told}");
    }
}

#[test]
fn w24_an_answer_carries_no_header_that_a_script_smuggles_in_and_no_page_that_runs() {
    let steps = json!([{ "id": "r", "type": "response", "headers": {
        "x-a": "{{$context.data.v}}", "content-type": "{{$context.data.type}}" }, "text": "<script>alert(1)</script>" }]);
    let mut workflow = Workflow::steps("reply", steps);
    workflow.json["trigger"]["mode"] = json!("sync");
    let server = TestServer::start([workflow]);
    for value in
        ["a\r\nset-cookie: s=1", "a\nset-cookie: s=1", "a\r\n\r\n<script>", "a\u{0}b", "a\rset-cookie: s=1"]
    {
        let request = Request::post("/api/webhooks/reply").json(&json!({ "v": value, "type": "text/html" }));
        let text =
            String::from_utf8(raw_bytes(server.address(), &request.bytes()).unwrap()).unwrap().to_lowercase();
        let head = text.split("\r\n\r\n").next().unwrap();
        assert!(!head.contains("\nset-cookie") && !head.contains("\rset-cookie"), "{value:?}: {head}");
        assert!(!head.contains('\u{0}'), "{value:?}: {head}");
    }
    for kind in ["text/html", "image/svg+xml", "application/xml", "text/plain"] {
        let answer = server.post("reply", &json!({ "v": "a", "type": kind }));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)));
        assert_eq!(answer.header("content-security-policy"), Some("sandbox"), "{kind}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{kind}");
    }
}
