//! `GET /api/v1/events`: what happens is told as it happens, nothing is missed over a lost connection, and a stop does not
//! wait for who watches.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    time::Duration,
};

use serde_json::{Value, json};

use crate::support::{Request, TestServer, Workflow, poll, wait_until};

/// How long the server may be silent before a test fails.
const SILENCE: Duration = Duration::from_secs(60);
/// Connections that may watch at once.
const WATCHERS: usize = 64;

/// A connection that watches. It speaks HTTP/1.0, so that the bytes come without the lengths of their pieces.
struct Watched {
    head: String,
    lines: BufReader<TcpStream>,
}

/// One event.
#[derive(Debug)]
struct Event {
    id: String,
    name: String,
    data: Value,
}

fn connect(server: &TestServer, version: &str, query: &str, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let token = server.token();
    let request = format!(
        "GET /api/v1/events{query} HTTP/{version}\r\nHost: flowcell.test\r\nAuthorization: Bearer {token}\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

impl Watched {
    fn open(server: &TestServer, query: &str) -> Self {
        Self::with(server, query, "")
    }

    fn after(server: &TestServer, query: &str, id: &str) -> Self {
        Self::with(server, query, &format!("Last-Event-ID: {id}\r\n"))
    }

    fn with(server: &TestServer, query: &str, headers: &str) -> Self {
        let mut lines = BufReader::new(connect(server, "1.0", query, headers));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(lines.read_line(&mut head).unwrap() > 0, "the head ends early: {head}");
        }
        Self { head: head.to_ascii_lowercase(), lines }
    }

    fn status(&self) -> u16 {
        self.head.split(' ').nth(1).unwrap().parse().unwrap()
    }

    /// The next event, as a browser reads it; nothing when the connection has ended.
    fn next(&mut self) -> Option<Event> {
        let (mut id, mut name, mut data) = (String::new(), String::new(), String::new());
        loop {
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("id", value)) => id = value.to_owned(),
                Some(("event", value)) => name = value.to_owned(),
                Some(("data", value)) => data = value.to_owned(),
                Some(_) => {}
                // What has no data is no event.
                None if data.is_empty() => {}
                None => return Some(Event { id, name, data: serde_json::from_str(&data).unwrap() }),
            }
        }
    }

    /// The first event that is wanted. All before it are dropped.
    fn find(&mut self, wanted: impl Fn(&Event) -> bool) -> Event {
        loop {
            let event = self.next().expect("the connection goes on");
            if wanted(&event) {
                return event;
            }
        }
    }

    /// The event of the end of this run.
    fn end_of(&mut self, run: &str) -> Event {
        self.find(|event| event.data["id"] == run && event.data["status"] == "succeeded")
    }
}

fn runs_of(server: &TestServer) -> Value {
    server.api("/api/v1/runs")["runs"].clone()
}

#[test]
fn a_run_is_told_as_the_list_shows_it_and_a_request_likewise() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    let mut watched = Watched::open(&server, "");
    let run = server.post("a", &json!({})).run_id();
    let ended = watched.end_of(&run);
    assert_eq!((ended.name.as_str(), &ended.data), ("run", &runs_of(&server)[0]));
    assert_eq!(server.post("nowhere", &json!({})).status, 404);
    let refused = watched.find(|event| event.name == "request" && event.data["status"] == 404);
    assert_eq!(refused.data, server.newest_request(2));
    assert!(refused.data["outcome"]["refused"]["reason"].is_string(), "{refused:?}");
    assert!(refused.id.parse::<u64>().unwrap() > ended.id.parse().unwrap(), "ids rise");
}

#[test]
fn a_run_that_waits_is_told_when_it_begins_waits_and_ends() {
    let server = TestServer::start([Workflow::steps(
        "w",
        json!([{ "id": "ask", "type": "wait_for_callback", "timeout": "1h" }]),
    )]);
    let mut watched = Watched::open(&server, "?topics=runs");
    let run = server.post("w", &json!({})).json()["run_id"].as_str().unwrap().to_owned();
    let waits = watched.find(|event| event.data["status"] == "waiting");
    assert_eq!(waits.data["id"], run.as_str());
    assert_eq!(server.ask("POST", &format!("/api/v1/runs/{run}/cancel"), &json!({})).status, 202);
    watched.find(|event| event.data["id"] == run.as_str() && event.data["status"] == "cancelled");
}

#[test]
fn what_happens_to_a_workflow_is_told() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    let mut watched = Watched::open(&server, "?topics=workflows");
    let mut expect = |key: &str, change: &str| {
        let event = watched.next().unwrap();
        assert_eq!((event.name.as_str(), event.data), ("workflow", json!({ "key": key, "change": change })));
    };
    assert_eq!(server.ask("POST", "/api/v1/workflows/a/pause", &json!({})).status, 200);
    expect("a", "paused");
    assert_eq!(server.ask("POST", "/api/v1/workflows/a/resume", &json!({})).status, 200);
    expect("a", "resumed");
    Workflow::script("b", "return 2").write(&server.workflows());
    expect("b", "installed");
    std::fs::remove_dir_all(server.workflows().join("b")).unwrap();
    expect("b", "removed");
}

#[test]
fn who_asks_for_one_workflow_or_one_run_is_told_of_nothing_else() {
    let server = TestServer::start([Workflow::script("a", "return 1"), Workflow::script("b", "return 2")]);
    let mut of_b = Watched::open(&server, "?workflow=b");
    let mut all = Watched::open(&server, "?topics=runs");
    let (a, b) = (server.post("a", &json!({})).run_id(), server.post("b", &json!({})).run_id());
    all.end_of(&a);
    let begin = all.end_of(&b).id.parse::<u64>().unwrap() - 1;
    for _ in 0..2 {
        assert_eq!(of_b.next().unwrap().data["workflow"], "b");
    }
    let mut of_run = Watched::after(&server, &format!("?run={b}"), &begin.to_string());
    let told = of_run.next().unwrap();
    assert!(
        told.data["id"] == b.as_str() || told.data["outcome"]["accepted"]["run"] == b.as_str(),
        "{told:?}"
    );
}

#[test]
fn a_client_that_connects_again_gets_what_it_missed() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    let mut watched = Watched::open(&server, "?topics=runs");
    let first = server.post("a", &json!({})).run_id();
    let last = watched.end_of(&first).id;
    drop(watched);
    let missed = server.post("a", &json!({})).run_id();
    let mut again = Watched::after(&server, "?topics=runs", &last);
    let told = again.next().unwrap();
    assert_eq!((told.name.as_str(), &told.data["id"]), ("run", &json!(missed)));
    assert!(told.id.parse::<u64>().unwrap() > last.parse().unwrap());
}

#[test]
fn who_names_an_event_that_is_not_known_reads_everything_anew() {
    let mut server = TestServer::start([Workflow::script("a", "return 1")]);
    for unknown in ["1", "no number", "9007199254740991"] {
        let mut watched = Watched::after(&server, "", unknown);
        let event = watched.next().unwrap();
        assert_eq!((event.name.as_str(), event.data), ("reset", json!({})), "{unknown}");
        let run = server.post("a", &json!({})).run_id();
        assert!(watched.end_of(&run).id.parse::<u64>().unwrap() > event.id.parse().unwrap());
    }
    let mut watched = Watched::open(&server, "");
    let run = server.post("a", &json!({})).run_id();
    let last = watched.end_of(&run).id;
    assert!(server.stop().success());
    assert!(watched.find_end(), "a stop ends the connection");
    server.restart();
    assert_eq!(Watched::after(&server, "", &last).next().unwrap().name, "reset", "the server began anew");
}

impl Watched {
    /// Reads to the end of the connection.
    fn find_end(&mut self) -> bool {
        while self.next().is_some() {}
        true
    }
}

#[test]
fn a_stop_ends_the_stream_as_a_whole_answer() {
    let mut server = TestServer::start([Workflow::script("a", "return 1")]);
    let mut stream = connect(&server, "1.1", "", "");
    let mut first = [0; 1 << 10];
    assert!(stream.read(&mut first).unwrap() > 0);
    assert!(server.stop().success());
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    // Had the server waited until its time for open requests was over, it would have cut the answer off.
    assert!(rest.ends_with(b"0\r\n\r\n"), "{}", String::from_utf8_lossy(&rest));
}

#[test]
fn a_proxy_that_collects_passes_the_stream_on() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    let mut watched = Watched::open(&server, "");
    for header in
        ["content-type: text/event-stream", "cache-control: no-store, no-transform", "x-accel-buffering: no"]
    {
        assert!(watched.head.contains(&format!("{header}\r\n")), "{header}: {}", watched.head);
    }
    let mut comment = String::new();
    watched.lines.read_line(&mut comment).unwrap();
    assert!(comment.starts_with(':') && comment.len() > 2 << 10, "{comment:?}");
}

#[test]
fn strangers_watch_nothing_and_a_wrong_question_is_answered() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    assert_eq!(server.send(&Request::get("/api/v1/events")).status, 401);
    let asked = |query: &str| server.ask("GET", &format!("/api/v1/events{query}"), &json!({}));
    for query in ["?topics=runs,everything", "?topics=", "?workflow=../a", "?run=1", "?nope=1"] {
        assert_eq!(asked(query).problem(), "bad_request", "{query}");
    }
}

#[test]
fn so_many_may_watch_and_who_goes_makes_room() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    let mut watching: Vec<_> = (0..WATCHERS).map(|_| Watched::open(&server, "")).collect();
    assert!(watching.iter().all(|watched| watched.status() == 200));
    let refused = server.ask("GET", "/api/v1/events", &json!({}));
    assert_eq!((refused.status, refused.problem().as_str()), (503, "too_many_watchers"));
    assert!(refused.header("retry-after").is_some());
    watching.pop();
    wait_until("there is room", 60, || Watched::open(&server, "").status() == 200);
}

#[test]
fn who_does_not_read_holds_nobody_up() {
    let server = TestServer::start([Workflow::script("a", "return 1")]);
    let _sleeps = Watched::open(&server, "");
    let mut reads = Watched::open(&server, "?topics=runs");
    for _ in 0..50 {
        let run = server.post("a", &json!({ "padding": "x".repeat(1_000) })).run_id();
        reads.end_of(&run);
    }
    let ended = poll("all runs have ended", 60, || {
        let runs = server.runs("a");
        runs.iter().all(|run| run["status"] == "succeeded").then_some(runs.len())
    });
    assert_eq!(ended, 50);
}
