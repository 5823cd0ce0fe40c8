//! Sessions of `http` steps: the cookies of a login are sent for the rest of the run, and by nobody else.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread,
};

use serde_json::{Value, json};

use crate::{
    secrets::files_that_show,
    support::{Setup, TestServer, Workflow, flowcell},
};

/// The cookie of a login. It stands nowhere else.
const COOKIE: &str = "C00K1E-of-the-login-7f3a";

/// A service that one logs in to. Everything but `/login` answers with the cookies that it was sent.
struct Service {
    port: u16,
    logins: Arc<AtomicU32>,
}

impl Service {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let logins = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&logins);
        thread::spawn(move || {
            let mut answers = 0;
            for mut stream in listener.incoming().flatten() {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let (mut first, mut cookie) = (String::new(), Value::Null);
                let mut length = 0;
                for line in (&mut reader).lines().map_while(Result::ok).take_while(|line| !line.is_empty()) {
                    let lower = line.to_ascii_lowercase();
                    if lower.starts_with("cookie: ") {
                        cookie = line["cookie: ".len()..].into();
                    } else if let Some(value) = lower.strip_prefix("content-length: ") {
                        length = value.parse().unwrap();
                    }
                    if first.is_empty() {
                        first = line;
                    }
                }
                std::io::copy(&mut std::io::Read::take(&mut reader, length), &mut std::io::sink()).unwrap();
                answers += 1;
                let (status, head) = match first.split(' ').nth(1).unwrap() {
                    "/login" => {
                        counted.fetch_add(1, Ordering::SeqCst);
                        let cookies = format!(
                            "set-cookie: sid={COOKIE}; Path=/; HttpOnly\r\nset-cookie: other=1; Domain=b.example\r\n"
                        );
                        ("302 Found", format!("location: /home\r\n{cookies}"))
                    }
                    "/home" => ("200 OK", "set-cookie: home=1; Path=/; Max-Age=600\r\n".to_owned()),
                    "/next" => ("200 OK", format!("set-cookie: n{answers}=1; Path=/\r\n")),
                    "/logout" => ("200 OK", "set-cookie: sid=; Path=/; Max-Age=0\r\n".to_owned()),
                    "/once" if answers % 2 == 1 => ("500 Oops", String::new()),
                    _ => ("200 OK", String::new()),
                };
                let body = json!({ "cookie": cookie }).to_string();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\n{head}content-type: application/json\r\nconnection: close\r\n\
                     content-length: {}\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { port, logins }
    }

    fn setup(&self) -> Setup {
        let port = self.port;
        Setup::default().variable("FLOWCELL_NET_ALLOW", &format!("127.0.0.1:{port},localhost:{port}"))
    }

    fn call(&self, id: &str, path: &str, session: Option<&str>) -> Value {
        let mut step =
            json!({ "id": id, "type": "http", "url": format!("http://127.0.0.1:{}{path}", self.port) });
        if let Some(session) = session {
            step["session"] = session.into();
        }
        step
    }
}

/// The cookies that the service saw in this step of a run, sorted.
fn seen(run: &Value, step: &str) -> Vec<String> {
    let steps = run["steps"].as_array().unwrap();
    let found = steps.iter().rfind(|found| found["id"] == step || found["step"] == step);
    let cookie = &found.unwrap_or_else(|| panic!("{step}: {run}"))["output"]["data"]["cookie"];
    let mut cookies: Vec<_> = cookie.as_str().unwrap_or_default().split("; ").map(str::to_owned).collect();
    cookies.sort_unstable();
    cookies
}

fn logged_in() -> Vec<String> {
    vec!["home=1".to_owned(), format!("sid={COOKIE}")]
}

fn run_of(server: &TestServer, key: &str) -> Value {
    let id = server.post(key, &json!({})).run_id();
    server.ended_run(&id)
}

#[test]
fn the_cookies_of_a_login_are_sent_by_later_steps_of_the_session_and_by_nobody_else() {
    let service = Service::start();
    let shop = Some("shop");
    let mut elsewhere = service.call("elsewhere", "/x", shop);
    elsewhere["url"] = format!("http://localhost:{}/x", service.port).into();
    let server = service
        .setup()
        .workflows([
            Workflow::steps(
                "login",
                json!([
                    service.call("before", "/x", shop),
                    service.call("login", "/login", shop),
                    service.call("after", "/x/y", shop),
                    service.call("without", "/x", None),
                    service.call("another", "/x", Some("bank")),
                    elsewhere,
                    service.call("logout", "/logout", shop),
                    service.call("out", "/x", shop),
                ]),
            ),
            Workflow::steps("stranger", json!([service.call("only", "/x", shop)])),
            Workflow::steps(
                "many",
                json!([
                    { "id": "both", "type": "parallel", "mode": "all", "branches": [
                        { "steps": [service.call("one", "/next", shop)] },
                        { "steps": [service.call("two", "/next", shop)] },
                    ] },
                    { "id": "each", "type": "loop", "over": 2, "steps": [service.call("more", "/next", shop)] },
                    service.call("all", "/x", shop),
                ]),
            ),
        ])
        .start();
    let run = run_of(&server, "login");
    assert_eq!(run["status"], "succeeded", "{run}");
    // The redirect of the login went with its cookie already.
    assert_eq!(seen(&run, "login"), [format!("sid={COOKIE}")]);
    assert_eq!(seen(&run, "after"), logged_in());
    for step in ["before", "without", "another", "elsewhere"] {
        assert_eq!(seen(&run, step), [""], "{step}");
    }
    assert_eq!(seen(&run, "out"), ["home=1"]);
    // Neither another run of the same workflow nor another workflow has it.
    assert_eq!(seen(&run_of(&server, "login"), "before"), [""]);
    assert_eq!(seen(&run_of(&server, "stranger"), "only"), [""]);
    let many = run_of(&server, "many");
    assert_eq!(seen(&many, "all").len(), 4, "{many}");
}

#[test]
fn a_session_outlives_a_crash_and_stands_nowhere_in_clear() {
    let service = Service::start();
    // Nothing that the service was sent comes back, so that the cookie would be found only where it is kept.
    let check = |id: &str, path: &str| {
        let mut step = service.call(id, path, Some("shop"));
        step["ok"] = format!("response.data.cookie.contains('{}')", "C00K1E-of").into();
        step["max_response"] = "1KiB".into();
        step
    };
    let mut login = service.call("login", "/login", Some("shop"));
    login["redirects"] = 0.into();
    login["ok_statuses"] = json!([302]);
    let mut server = service
        .setup()
        .workflows([
            Workflow::steps("waits", json!([login, { "id": "pause", "type": "wait_for_callback" }])),
            Workflow::steps(
                "goes_on",
                json!([login, { "id": "pause", "type": "delay", "for": "3s" }, check("after", "/x")]),
            ),
        ])
        .start();
    let waiting = server.post("waits", &json!({})).run_id();
    let shown = server.waiting_run(&waiting).to_string();
    assert!(!shown.contains(COOKIE) && !shown.contains("set-cookie"), "{shown}");
    let going = server.post("goes_on", &json!({})).run_id();
    server.waiting_run(&going);
    assert_eq!(files_that_show(&server.data(), COOKIE), Vec::<std::path::PathBuf>::new());
    assert!(!server.stderr().contains(COOKIE));
    server.kill();
    server.restart();
    let run = server.ended_run(&going);
    assert_eq!(run["status"], "succeeded", "{run}");
    assert_eq!(seen(&run, "after"), [format!("sid={COOKIE}")]);
    assert_eq!(service.logins.load(Ordering::SeqCst), 2, "nobody logged in again");
}

#[test]
fn a_run_from_its_failed_step_has_the_session_and_a_replay_logs_in_anew() {
    let service = Service::start();
    let steps =
        json!([service.call("login", "/login", Some("shop")), service.call("fails", "/once", Some("shop")),]);
    let server = service.setup().workflows([Workflow::steps("w", steps)]).start();
    // The service fails each time that its count is odd: the login takes two requests.
    let first = server.post("w", &json!({})).run_id();
    assert_eq!(server.ended_run(&first)["status"], "failed");
    let retried = server.ask("POST", &format!("/api/v1/runs/{first}/retry"), &Value::Null).run_id();
    let retried = server.ended_run(&retried);
    assert_eq!(retried["status"], "succeeded", "{retried}");
    assert_eq!(seen(&retried, "fails"), logged_in());
    assert_eq!(service.logins.load(Ordering::SeqCst), 1);
    let replayed = server.ask("POST", &format!("/api/v1/runs/{first}/replay"), &Value::Null).run_id();
    let replayed = server.ended_run(&replayed);
    assert_eq!(seen(&replayed, "login"), [format!("sid={COOKIE}")]);
    assert_eq!(service.logins.load(Ordering::SeqCst), 2);
}

#[test]
fn check_names_what_is_wrong_with_a_session() {
    let folder = tempfile::tempdir().unwrap();
    for (at, (more, told)) in [
        (json!({ "session": "" }), "steps[0].session"),
        (json!({ "session": "{{$context.data.id}}" }), "1 to 64"),
        (json!({ "session": "a", "headers": { "Cookie": "b=1" } }), "remove one of them"),
        (
            json!({ "session": "a", "auth": { "type": "header", "name": "cookie", "value": "b=1" } }),
            "remove one of them",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let mut step = json!({ "id": "a", "type": "http", "url": "https://a.example" });
        for (name, value) in more.as_object().unwrap() {
            step[name] = value.clone();
        }
        let workflow = Workflow::steps(&format!("w{at}"), json!([step]));
        workflow.write(folder.path());
        let checked = flowcell(["check", folder.path().join(&workflow.key).to_str().unwrap()]);
        let said = format!("{}{}", checked.stdout, checked.stderr);
        assert!(checked.code == 1 && said.contains(told), "{more}: {} {said}", checked.code);
    }
}
