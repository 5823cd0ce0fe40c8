//! People log in, and strangers do not: the setup link, sessions, passwords, and what pages of other sites can do.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Browser, Request, Setup, TestServer, Workflow, flowcell, poll, raw, setup_secret};

const PASSWORD: &str = "correct horse battery";

fn login(name: &str, password: &str) -> Value {
    json!({ "name": name, "password": password })
}

#[test]
fn setup_fragment_the_first_person_is_made_once_by_a_link_that_no_log_has() {
    let server = TestServer::start([]);
    let mut browser = Browser::new(&server);
    let before = browser.ask("GET", "/api/v1/session", &Value::Null);
    assert_eq!((before.status, before.problem().as_str()), (401, "unauthorized"));
    assert_eq!(before.json()["params"]["setup"], true);
    let old = setup_secret(&server);
    let secret = setup_secret(&server);
    assert_eq!((secret.len(), secret == old), (64, false));
    let setup = |token: &str, password: &str| json!({ "token": token, "name": "anna", "password": password });
    for wrong in [old.as_str(), "", &"0".repeat(64)] {
        let refused = browser.ask("POST", "/api/v1/setup", &setup(wrong, PASSWORD));
        assert_eq!((refused.status, refused.problem().as_str()), (403, "setup_link_invalid"), "{wrong}");
    }
    let short = browser.ask("POST", "/api/v1/setup", &setup(&secret, "short"));
    assert_eq!((short.status, short.problem().as_str()), (422, "password_unfit"), "the link is still good");
    let made = browser.ask("POST", "/api/v1/setup", &setup(&secret, PASSWORD));
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(made.json()["user"]["role"], "admin");
    assert_eq!(browser.look("/api/v1/session"), 200, "it logs in");
    let again = Browser::new(&server).ask("POST", "/api/v1/setup", &setup(&secret, PASSWORD));
    assert_eq!((again.status, again.problem().as_str()), (409, "set_up_already"));
    assert_eq!(server.command(&["admin", "setup-link"]).code, 2, "there is nothing to set up any more");
    let other = Browser::new(&server).ask("GET", "/api/v1/session", &Value::Null);
    assert_eq!(other.json()["params"], Value::Null);
    assert!(!server.stderr().contains(&secret) && !server.stderr().contains(PASSWORD));
}

#[test]
fn setup_fragment_a_link_is_tried_ten_times_a_minute() {
    let server = TestServer::start([]);
    let secret = setup_secret(&server);
    let body = |token: &str| json!({ "token": token, "name": "anna", "password": PASSWORD });
    let mut browser = Browser::new(&server);
    for _ in 0..10 {
        assert_eq!(browser.ask("POST", "/api/v1/setup", &body(&"0".repeat(64))).status, 403);
    }
    let refused = browser.ask("POST", "/api/v1/setup", &body(&secret));
    assert_eq!((refused.status, refused.problem().as_str()), (429, "login_wait"));
    assert!(refused.header("retry-after").is_some());
}

#[test]
fn session_fixation_a_login_begins_a_session_that_nobody_had_before() {
    let server = TestServer::start([]);
    let mut anna = Browser::set_up(&server, "anna", PASSWORD);
    let planted = format!("flowcell={}", "ab".repeat(32));
    let mut victim = Browser::new(&server);
    victim.cookie = Some(planted.clone());
    assert_eq!(victim.ask("POST", "/api/v1/session", &login("anna", PASSWORD)).status, 200);
    assert_ne!(victim.cookie, Some(planted.clone()));
    let mut stranger = Browser::new(&server);
    stranger.cookie = Some(planted.clone());
    assert_eq!(stranger.look("/api/v1/session"), 401, "what was planted opens nothing");
    // A cookie beside the own one, as another program on this host can set it: neither counts.
    stranger.cookie = Some(format!("{}; {}", victim.cookie.clone().unwrap(), planted));
    assert_eq!(stranger.look("/api/v1/session"), 401);
    // Another role is another session.
    let mut vera = anna.add("vera", "viewer", false);
    let before = vera.cookie.clone();
    assert_eq!(anna.sure("PATCH", "/api/v1/people/vera", &json!({ "role": "editor" })).status, 200);
    assert_eq!(vera.look("/api/v1/session"), 401, "what she logged in with is over");
    // Whoever changes the own account gets a new one at once.
    anna.add("bert", "admin", false);
    let own = anna.cookie.clone();
    assert_eq!(anna.sure("PATCH", "/api/v1/people/anna", &json!({ "role": "editor" })).status, 200);
    assert_ne!(anna.cookie, own);
    assert_eq!((anna.look("/api/v1/session"), anna.look("/api/v1/people")), (200, 403));
    let mut old = Browser::new(&server);
    old.cookie = own;
    assert_eq!(old.look("/api/v1/session"), 401);
    assert!(before.is_some());
}

#[test]
fn csrf_a_page_of_another_site_uses_no_cookie() {
    let server = TestServer::start([Workflow::script("any", "return 1")]);
    let anna = Browser::set_up(&server, "anna", PASSWORD);
    let cookie = anna.cookie.clone().unwrap();
    let pause = || Request::post("/api/v1/workflows/any/pause").header("cookie", &cookie);
    let refused: [(&str, Vec<(&str, &str)>); 6] = [
        ("cross_site", vec![("sec-fetch-site", "cross-site")]),
        ("cross_site", vec![("sec-fetch-site", "same-site")]),
        ("cross_site", vec![("sec-fetch-site", "none")]),
        ("cross_site", vec![("origin", "https://evil.example")]),
        ("cross_site", vec![("origin", "null")]),
        ("cross_site", vec![]),
    ];
    for (code, headers) in refused {
        let response = server.send(&pause().headers(headers.clone()));
        assert_eq!((response.status, response.problem().as_str()), (403, code), "{headers:?}");
    }
    let form = pause().header("sec-fetch-site", "same-origin").form("a=b");
    assert_eq!(server.send(&form).problem(), "json_only");
    let read = Request::get("/api/v1/runs").header("cookie", &cookie).header("sec-fetch-site", "cross-site");
    assert_eq!(server.send(&read).problem(), "cross_site", "nothing is read either");
    assert_eq!(server.api("/api/v1/workflows")["workflows"][0]["paused"], false, "nothing came of it");
    for fine in [("sec-fetch-site", "same-origin"), ("origin", "http://flowcell.test")] {
        let response = server.send(&pause().header(fine.0, fine.1));
        assert_eq!(response.status, 200, "{fine:?}: {}", response.text());
    }
    // Somebody else's page logs nobody in as somebody else.
    let body = login("anna", PASSWORD);
    let cross = Request::post("/api/v1/session").header("origin", "https://evil.example").json(&body);
    assert_eq!(server.send(&cross).problem(), "cross_site");
    let form = Request::post("/api/v1/session").header("content-type", "text/plain").body(body.to_string());
    assert_eq!(server.send(&form).problem(), "json_only");
    // A program with a token is no page.
    let bearer = format!("Bearer {}", server.token());
    let program = Request::post("/api/v1/workflows/any/resume").header("authorization", &bearer);
    assert_eq!(server.send(&program.header("origin", "https://tool.example")).status, 200);
}

#[test]
fn rebinding_a_name_that_leads_here_uses_no_cookie() {
    let server = Setup::default().variable("FLOWCELL_SERVER_HOSTS", "flowcell.test").start();
    let anna = Browser::set_up(&server, "anna", PASSWORD);
    let ask = |host: &str| {
        let cookie = anna.cookie.clone().unwrap();
        let head = format!(
            "GET /api/v1/session HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nCookie: {cookie}\r\nSec-Fetch-Site: same-origin\r\n\r\n"
        );
        raw(server.address(), head.as_bytes()).expect("a response")
    };
    assert_eq!(ask("evil.example").problem(), "host_unknown");
    assert_eq!((ask("flowcell.test").status, ask("localhost").status), (200, 200));
}

#[test]
fn clickjacking_no_answer_of_the_api_is_framed_loaded_or_run() {
    let server = TestServer::start([]);
    let token = format!("Bearer {}", server.token());
    for (path, status) in [("/api/v1/runs", 200), ("/api/v1/nothing", 404), ("/api/v1/people", 200)] {
        let answer = server.send(&Request::get(path).header("authorization", &token));
        assert_eq!(answer.status, status, "{path}");
        let policy = answer.header("content-security-policy").unwrap_or_default();
        assert!(status == 404 || policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
        if status == 200 {
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
            assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
            assert_eq!(answer.header("referrer-policy"), Some("no-referrer"), "{path}");
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{path}");
        }
    }
}

#[test]
fn cookie_bomb_no_answer_of_a_workflow_reaches_the_console() {
    let steps = |name: &str| json!([{ "id": "r", "type": "response", "headers": { name: "{{$context.data.value}}" }, "text": "x" }]);
    let mut cookies = Workflow::steps("cookies", steps("set-cookie"));
    cookies.json["trigger"]["mode"] = json!("sync");
    let server = TestServer::start([cookies]);
    let answer = |value: &str| server.post("cookies", &json!({ "value": value }));
    for value in [
        "flowcell=0123",
        "__Host-flowcell=0123; Path=/; Secure",
        "__Secure-a=1; Secure",
        "a=b; Path=/",
        "=flowcell=0123",
    ] {
        let refused = answer(value);
        assert_eq!((refused.status, refused.header("set-cookie")), (500, None), "{value}");
    }
    let fine = answer("seen=1; Path=/api/webhooks/cookies; HttpOnly");
    assert_eq!(fine.header("set-cookie"), Some("seen=1; Path=/api/webhooks/cookies; HttpOnly"));
    for name in ["Clear-Site-Data", "service-worker-allowed"] {
        let folder = tempfile::tempdir().unwrap();
        Workflow::steps("own", steps(name)).write(folder.path());
        let checked = flowcell(["check", folder.path().join("own").to_str().unwrap()]);
        assert_eq!(checked.code, 1, "{name}: {}", checked.stdout);
        assert!(checked.stdout.contains("itself") || checked.stderr.contains("itself"), "{name}");
    }
}

#[test]
fn the_cookie_follows_the_scheme_that_the_browser_speaks() {
    let server = Setup::default()
        .variable("FLOWCELL_SERVER_TRUSTED_PROXIES", "127.0.0.1")
        .variable("FLOWCELL_SERVER_PUBLIC_URL", "https://flows.example.com")
        .start();
    Browser::set_up(&server, "anna", PASSWORD);
    let cookie = |headers: &[(&'static str, &'static str)]| {
        let request = Request::post("/api/v1/session").headers(headers.iter().copied());
        let response = server.send(&request.json(&login("anna", PASSWORD)));
        assert_eq!(response.status, 200, "{}", response.text());
        response.header("set-cookie").unwrap().to_owned()
    };
    let plain = cookie(&[]);
    assert!(plain.starts_with("flowcell=") && !plain.contains("Secure"), "{plain}");
    assert!(plain.contains("; HttpOnly; SameSite=Lax") && plain.contains("; Path=/;"), "{plain}");
    let secure = cookie(&[("x-forwarded-proto", "https")]);
    assert!(secure.starts_with("__Host-flowcell=") && secure.ends_with("; Secure"), "{secure}");
    assert!(!secure.contains("Domain"), "{secure}");
    let session = |name: &str, cookie: &str, proto: &str| {
        let value = cookie.split(';').next().unwrap().split_once('=').unwrap().1;
        let request = Request::get("/api/v1/session").header("cookie", &format!("{name}={value}"));
        server.send(&request.header("x-forwarded-proto", proto)).status
    };
    assert_eq!(session("__Host-flowcell", &secure, "https"), 200);
    assert_eq!(
        session("flowcell", &secure, "https"),
        401,
        "over TLS a cookie that others can set counts for nothing"
    );
}

#[test]
fn a_wrong_password_costs_its_sender_time_and_nobody_else() {
    let server = Setup::default().variable("FLOWCELL_SERVER_TRUSTED_PROXIES", "127.0.0.1").start();
    Browser::set_up(&server, "anna", PASSWORD);
    let from = |address: &str, name: &str, password: &str| {
        let request = Request::post("/api/v1/session").header("x-forwarded-for", address);
        server.send(&request.json(&login(name, password)))
    };
    for name in ["anna", "nobody", ""] {
        let refused = from("198.51.100.1", name, "wrong wrong wrong");
        assert_eq!((refused.status, refused.problem().as_str()), (401, "login_wrong"), "{name}");
    }
    let refused = poll("the address waits", 20, || {
        Some(from("198.51.100.1", "anna", "wrong wrong wrong")).filter(|answer| answer.status == 429)
    });
    assert_eq!(refused.problem(), "login_wait");
    assert!(refused.header("retry-after").is_some());
    assert_eq!(from("203.0.113.9", "anna", PASSWORD).status, 200, "a stranger locks nobody out");
    assert!(!server.stderr().contains("wrong wrong wrong"));
}

#[test]
fn what_is_grave_asks_for_the_password_again() {
    let server = TestServer::start([]);
    let mut anna = Browser::set_up(&server, "anna", PASSWORD);
    let person = json!({ "name": "bert", "role": "viewer", "new_password": "another long one" });
    let token = json!({ "name": "ci", "scopes": ["runs:read"] });
    for (method, path, body) in [
        ("POST", "/api/v1/people", &person),
        ("POST", "/api/v1/tokens", &token),
        ("POST", "/api/v1/backup", &Value::Null),
        ("GET", "/api/v1/backup", &Value::Null),
        ("POST", "/api/v1/secrets/rotate", &Value::Null),
    ] {
        let refused = anna.ask(method, path, body);
        assert_eq!((refused.status, refused.problem().as_str()), (403, "password_needed"), "{method} {path}");
        if method == "POST" {
            let mut with = if body.is_null() { json!({}) } else { body.clone() };
            with["password"] = "wrong wrong".into();
            assert_eq!(anna.ask(method, path, &with).problem(), "password_wrong", "{path}");
            anna.ask("POST", "/api/v1/session", &login("anna", PASSWORD));
            let done = anna.sure(method, path, body);
            assert!(done.status < 300, "{path}: {}", done.text());
        }
    }
    let bearer = format!("Bearer {}", server.token());
    let backup = server.send(&Request::get("/api/v1/backup").header("authorization", &bearer));
    assert_eq!(backup.status, 200, "a token was asked for enough");
}

#[test]
fn one_admin_stays_and_whoever_has_the_machine_gets_in_again() {
    let mut server = TestServer::start([]);
    let mut anna = Browser::set_up(&server, "anna", PASSWORD);
    for (method, body) in [("PATCH", json!({ "role": "viewer" })), ("DELETE", Value::Null)] {
        assert_eq!(anna.sure(method, "/api/v1/people/anna", &body).problem(), "last_admin");
    }
    anna.add("bert", "viewer", true);
    assert_eq!(
        anna.sure(
            "POST",
            "/api/v1/people",
            &json!({ "name": "bert", "role": "viewer", "new_password": PASSWORD })
        )
        .problem(),
        "person_exists"
    );
    assert_eq!(anna.sure("DELETE", "/api/v1/people/bert", &Value::Null).status, 204);
    assert_eq!(anna.sure("DELETE", "/api/v1/people/bert", &Value::Null).problem(), "person_unknown");
    // Through the server.
    let reset = |server: &TestServer, place: &[String], password: &str| {
        let file = server.data().join("new-password");
        fs::write(&file, format!("{password}\n")).unwrap();
        let mut command = crate::support::flowcell_command();
        command.args(["admin", "reset-password", "anna", "--json"]).args(place);
        let done = command.stdin(fs::File::open(file).unwrap()).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    };
    reset(&server, &server.place(), "the second password");
    assert_eq!(anna.look("/api/v1/session"), 401, "her sessions are over");
    Browser::log_in(&server, "anna", "the second password");
    // Without a server, on its data folder.
    let place = server.place();
    server.stop();
    reset(&server, &place[2..], "the third password");
    let listed = flowcell(["admin", "people", "--data", server.data().to_str().unwrap()]);
    assert!(listed.stdout.contains("anna") && listed.stdout.contains("admin"), "{}", listed.stdout);
    server.restart();
    Browser::log_in(&server, "anna", "the third password");
    let audit = server.api("/api/v1/audit")["audit"].to_string();
    assert!(audit.contains("flowcell admin reset-password"), "{audit}");
}

#[test]
fn sessions_are_listed_ended_and_survive_a_restart() {
    let mut server = TestServer::start([]);
    let mut anna = Browser::set_up(&server, "anna", PASSWORD);
    let mut vera = anna.add("vera", "viewer", false);
    let mut phone = Browser::log_in(&server, "vera", "the password of vera");
    let own = vera.ask("GET", "/api/v1/sessions", &Value::Null).json();
    assert_eq!(own["sessions"].as_array().unwrap().len(), 2, "{own}");
    assert_eq!(
        vera.ask("GET", "/api/v1/sessions?all=true", &Value::Null).json()["sessions"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    let all = anna.ask("GET", "/api/v1/sessions?all=true", &Value::Null).json();
    assert_eq!(all["sessions"].as_array().unwrap().len(), 3, "{all}");
    let id_of = |person: &str, current: bool| {
        let lines = all["sessions"].as_array().unwrap().iter();
        let mut found = lines.filter(|line| line["person"] == person && line["current"] == current);
        found.next().unwrap()["id"].as_str().unwrap().to_owned()
    };
    let path = format!("/api/v1/sessions/{}", id_of("anna", true));
    assert_eq!(vera.ask("DELETE", &path, &Value::Null).problem(), "session_unknown", "it is not hers");
    let phones = own["sessions"].as_array().unwrap().iter().find(|line| line["current"] == false).unwrap();
    let path = format!("/api/v1/sessions/{}", phones["id"].as_str().unwrap());
    assert_eq!(vera.ask("DELETE", &path, &Value::Null).status, 204);
    assert_eq!((phone.look("/api/v1/session"), vera.look("/api/v1/session")), (401, 200));
    let (annas, veras) = (anna.cookie.clone(), vera.cookie.clone());
    server.stop();
    server.restart();
    let mut again = Browser::new(&server);
    again.cookie = veras;
    assert_eq!(again.look("/api/v1/session"), 200);
    assert_eq!(again.ask("DELETE", "/api/v1/session", &Value::Null).status, 204);
    assert_eq!(again.cookie.as_deref(), Some("flowcell="), "the browser forgets it");
    again.cookie = annas;
    let changed = again.ask(
        "POST",
        "/api/v1/session/password",
        &json!({ "password": PASSWORD, "new_password": "a new long password" }),
    );
    assert_eq!((changed.status, again.look("/api/v1/session")), (200, 200), "{}", changed.text());
}
