//! A browser on the server's own machine reaches loopback for every page that it shows; other sites get nothing of it.

use serde_json::{Value, json};

use crate::support::{
    Request, Response, Setup, TestServer, Workflow,
    frames::{END_HEADERS, END_STREAM, Frames, HEADERS},
    poll, raw,
};

/// A server with these settings and no others; it answers to names of loopback, and to that of the tests' own requests.
fn server(variables: &[(&str, &str)]) -> TestServer {
    let page = json!({ "cors": { "origins": ["https://app.example.com"] } });
    let setup = Setup::default()
        .workflows([Workflow::script("any", "return 1"), Workflow::script("page", "return 1").trigger(page)])
        .variable("FLOWCELL_SERVER_HOSTS", "flowcell.test");
    variables.iter().fold(setup, |setup, (name, value)| setup.variable(name, value)).start()
}

fn ask(server: &TestServer, host: &str, method: &str, path: &str, headers: &str) -> Response {
    let bytes = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    raw(server.address(), bytes.as_bytes()).expect("a response")
}

fn hook(server: &TestServer, host: &str, headers: &str) -> Response {
    ask(server, host, "POST", "/api/webhooks/any", headers)
}

#[test]
fn l7_a_name_that_leads_to_loopback_reads_nothing() {
    let server = server(&[]);
    let port = server.address().port();
    let foreign = ["evil.example".to_owned(), format!("evil.example:{port}"), "192.168.1.7".to_owned()];
    for (number, host) in foreign.iter().enumerate() {
        let refused = hook(&server, host, "");
        assert_eq!((refused.status, refused.problem().as_str()), (421, "host_unknown"), "{host}");
        assert!(refused.text().contains("server.trusted_proxies") && refused.text().contains("server.hosts"));
        let line = server.newest_request(number + 1);
        assert_eq!(line["outcome"]["refused"]["code"], "host_unknown", "{line}");
        assert!(line["outcome"]["refused"]["reason"].as_str().unwrap().contains(host), "{line}");
    }
    let token = format!("Authorization: Bearer {}\r\n", server.token());
    for path in ["/", "/api/v1/runs", "/api/v1/secrets", "/api/callbacks/run_1/a/b"] {
        assert_eq!(ask(&server, "evil.example", "GET", path, &token).problem(), "host_unknown", "{path}");
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(ask(&server, "evil.example", "GET", path, "").status, 200, "{path}");
    }
    assert_eq!(server.runs("any"), Vec::<Value>::new());
    for host in ["localhost", "127.0.0.1", "[::1]", "a.localhost"] {
        assert_eq!(hook(&server, host, "").status, 200, "{host}");
        assert_eq!(hook(&server, &format!("{host}:{port}"), "").status, 200, "{host}");
        assert_eq!(ask(&server, host, "GET", "/api/v1/runs", &token).status, 200, "{host}");
    }
}

#[test]
fn l7_a_proxy_on_the_same_machine_is_let_in_by_its_address_or_by_the_name() {
    let settings = [
        ("FLOWCELL_SERVER_TRUSTED_PROXIES", "127.0.0.1"),
        ("FLOWCELL_SERVER_HOSTS", "flows.example.com"),
        ("FLOWCELL_SERVER_HOSTS", "other.example, *.example.com"),
        ("FLOWCELL_SERVER_PUBLIC_URL", "https://flows.example.com"),
    ];
    for setting in settings {
        let server = server(&[setting]);
        assert_eq!(hook(&server, "flows.example.com", "").status, 200, "{setting:?}");
        // Whoever comes by the public name may be a page of anywhere.
        let cross = hook(&server, "flows.example.com", "Sec-Fetch-Site: cross-site\r\n");
        assert_eq!(cross.status, 200, "{setting:?}");
    }
}

#[test]
fn l7_a_page_of_another_site_starts_no_run() {
    let cross = "Origin: https://evil.example\r\nSec-Fetch-Site: cross-site\r\n";
    let allowed = "Origin: https://app.example.com\r\nSec-Fetch-Site: cross-site\r\n";
    let server = server(&[]);
    let refused = hook(&server, "localhost", cross);
    assert_eq!((refused.status, refused.problem().as_str()), (403, "cross_site"));
    assert!(refused.text().contains("`cors`") && refused.text().contains("server.cross_site"));
    assert_eq!(server.newest_request(1)["outcome"]["refused"]["code"], "cross_site");
    let page = |headers: &str| ask(&server, "localhost", "POST", "/api/webhooks/page", headers);
    assert_eq!(page(cross).problem(), "cross_site", "not the page that may");
    assert_eq!(page(allowed).status, 200);
    for site in ["same-origin", "same-site", "none"] {
        assert_eq!(hook(&server, "localhost", &format!("Sec-Fetch-Site: {site}\r\n")).status, 200, "{site}");
    }
    assert_eq!((server.runs("any").len(), server.runs("page").len()), (3, 1));
    let open = self::server(&[("FLOWCELL_SERVER_CROSS_SITE", "true")]);
    assert_eq!(hook(&open, "localhost", cross).status, 200);
}

#[test]
fn l7_the_authority_of_http2_is_a_host() {
    let server = server(&[]);
    for (number, (host, code)) in
        [("evil.example", Some("host_unknown")), ("localhost", None)].iter().enumerate()
    {
        let mut frames = Frames::connect(server.address());
        let path = "/api/webhooks/any";
        let head: [&[u8]; 4] = [
            &[0x82, 0x86, 0x41, host.len() as u8],
            host.as_bytes(),
            &[0x04, path.len() as u8],
            path.as_bytes(),
        ];
        assert!(frames.send(HEADERS, END_HEADERS | END_STREAM, 1, &head.concat()));
        let line = server.newest_request(number + 1);
        assert_eq!(line["outcome"]["refused"]["code"].as_str(), *code, "{line}");
    }
}

#[test]
fn l10_answers_are_neither_sniffed_nor_loaded_by_other_sites() {
    let own = json!([{ "id": "r", "type": "response", "headers": { "cross-origin-resource-policy": "cross-origin" }, "text": "badge" }]);
    let mut badge = Workflow::steps("badge", own);
    badge.json["trigger"]["mode"] = json!("sync");
    let server = TestServer::start([
        Workflow::script("any", "return 1"),
        Workflow::script("fails", "throw new Error('no')"),
        Workflow::steps("later", json!([])),
        badge,
    ]);
    let post = |key: &str| server.send(&Request::post(&format!("/api/webhooks/{key}")).body("1"));
    let get = server.send(&Request::get("/api/callbacks/x/y/z"));
    let answers =
        [("any", post("any")), ("fails", post("fails")), ("later", post("later")), ("none", post("none"))];
    for (case, answer) in answers.iter().map(|(case, answer)| (*case, answer)).chain([("a callback", &get)]) {
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{case}");
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{case}");
    }
    assert_eq!(
        post("badge").header("cross-origin-resource-policy"),
        Some("cross-origin"),
        "its author says so"
    );
}

#[test]
fn l9_wrong_tokens_are_counted_told_once_and_answered_later_and_later() {
    let server = server(&[]);
    let runs = |token: &str| {
        ask(&server, "localhost", "GET", "/api/v1/runs", &format!("Authorization: {token}\r\n"))
    };
    let right = format!("Bearer {}", server.token());
    let answers: Vec<_> = (0..40).map(|number| runs(&format!("Bearer fc_{number}"))).collect();
    assert!(answers[..10].iter().all(|answer| answer.status == 401));
    let refused = &answers[10];
    assert_eq!((refused.status, refused.problem().as_str()), (429, "too_many_wrong_tokens"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(answers[39].status, 429);
    assert_eq!(runs(&right).status, 200, "who shares the address is not locked out");
    assert_eq!(runs("Basic Zm86YmFy").status, 429, "whatever is given counts");
    assert_eq!(
        ask(&server, "localhost", "GET", "/api/v1/runs", "").status,
        401,
        "who gives nothing guesses nothing"
    );
    let longer = poll("the wait grows", 20, || {
        let wait = runs("Bearer fc_wrong").header("retry-after")?.parse::<u32>().ok()?;
        (wait >= 2).then_some(wait)
    });
    assert!(longer <= 16, "{longer} s");
    let told = server.stderr().matches("wrong tokens for the management API").count();
    assert_eq!(told, 1, "one line in the log: {}", server.stderr());
    assert!(!server.stderr().contains("fc_wrong"));
}
