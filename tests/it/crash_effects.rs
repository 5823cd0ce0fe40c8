//! Kill -9 a hundred times while runs call a service: nothing accepted is lost, each step reaches the service, and a
//! call is repeated only when a kill came before its result was durable.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::support::{self, Request, Setup, Sink, TestServer, Workflow, wait_until};

const CYCLES: usize = 100;
const SENDERS: usize = 4;
/// Between two deliveries of one sender: runs end faster than they come.
const PAUSE: Duration = Duration::from_millis(120);
/// A slow machine does fewer cycles, never fewer than the least.
const MOST: Duration = Duration::from_secs(60);
const CYCLES_LEAST: usize = 20;
/// Runs that a server executes at once by default.
const RUNNING: usize = 256;
/// The effects of one run, as the service sees them.
const EFFECTS: [&str; 6] = ["first", "each 0", "each 1", "left", "right", "last"];

fn workflow(sink: &Sink) -> Workflow {
    let http = |id: &str, what: &str| {
        json!({ "id": id, "type": "http", "method": "POST", "url": sink.url(), "timeout": "10s",
            "text": format!("{{{{$context.data.id}}}} {what}"),
            "retry": { "attempts": 5, "backoff": "5ms" } })
    };
    let mut first = http("first", "first");
    first.as_object_mut().unwrap().remove("retry");
    let json = json!({
        "key": "effects",
        "trigger": { "type": "webhook", "mode": "async", "dedupe": { "key": "{{$context.headers.x-delivery}}" } },
        "steps": [
            first,
            { "id": "twice", "type": "loop", "over": 2, "steps": [http("each", "each {{$scopes.twice.index}}")] },
            { "id": "both", "type": "parallel", "branches": [
                { "steps": [http("left", "left")] },
                { "steps": [{ "id": "pause", "type": "delay", "for": 10 }, http("right", "right")] },
            ] },
            { "id": "rest", "type": "delay", "for": 20 },
            http("last", "last"),
        ],
    });
    Workflow { key: "effects".to_owned(), json, files: Vec::new() }
}

/// What senders and the onlooker know.
struct Known {
    address: Mutex<SocketAddr>,
    stop: AtomicBool,
    accepted: Mutex<BTreeMap<String, String>>,
    /// When the API first showed an effect as ended.
    shown: Mutex<HashMap<String, Instant>>,
}

impl Known {
    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }

    fn request(&self, request: &Request) -> Option<(u16, Value)> {
        let address = *self.address.lock().unwrap();
        let response = request.send(address).ok()?;
        Some((response.status, serde_json::from_slice(&response.body).ok()?))
    }

    /// Each delivery is sent until it has its 202.
    fn send(&self, sender: usize) {
        for number in 0.. {
            let id = format!("{sender}-{number}");
            let body = json!({ "id": id });
            let request = Request::post("/api/webhooks/effects").header("x-delivery", &id).json(&body);
            let run = loop {
                match self.request(&request) {
                    Some((202, answer)) => break answer["run_id"].as_str().unwrap().to_owned(),
                    Some((status, answer)) => assert!(matches!(status, 429 | 503), "{status}: {answer}"),
                    None => {}
                }
                thread::sleep(Duration::from_millis(5));
            };
            self.accepted.lock().unwrap().insert(id, run);
            if self.stopped() {
                return;
            }
            thread::sleep(PAUSE);
        }
    }

    /// Reads runs that were accepted lately, again and again.
    fn look(&self, token: &str) {
        while !self.stopped() {
            let runs: Vec<_> = self.accepted.lock().unwrap().clone().into_iter().collect();
            for (id, run) in runs.into_iter().rev().step_by(3).take(30) {
                let request = Request::get(&format!("/api/v1/runs/{run}"))
                    .header("authorization", &format!("Bearer {token}"));
                let Some((200, view)) = self.request(&request) else { continue };
                let now = Instant::now();
                for step in view["steps"].as_array().unwrap() {
                    let at = step["at"].as_array().unwrap().first().map(|index| format!(" {index}"));
                    let effect = format!("{}{}", step["id"].as_str().unwrap(), at.unwrap_or_default());
                    if step["status"] == "succeeded" && EFFECTS.contains(&effect.as_str()) {
                        self.shown.lock().unwrap().entry(format!("{id} {effect}")).or_insert(now);
                    }
                }
            }
            thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A generator of kill moments, the same in each run of the test (splitmix64).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn all_have_ended(server: &TestServer) -> bool {
    server.runs("effects").iter().all(|run| !matches!(run["status"].as_str(), Some("queued" | "waiting")))
}

#[test]
fn a_hundred_kills_lose_no_run_and_repeat_no_finished_call() {
    // Every eighth effect fails at first, those without retry excepted.
    let sink = Sink::start(|call, before| {
        let odd = call.body.bytes().map(usize::from).sum::<usize>() % 8 == 0;
        if odd && before == 0 && !call.body.ends_with("first") {
            (500, Duration::ZERO)
        } else {
            (200, Duration::from_millis(call.body.len() as u64 % 4 * 5))
        }
    });
    // No run is to blame for these kills.
    let setup = Setup::default().workflows([workflow(&sink)]).variable("FLOWCELL_ENGINE_MAX_CRASHES", "1000");
    let mut server = setup.variable("FLOWCELL_NET_ALLOW", &sink.host()).start();
    let known = Known {
        address: Mutex::new(server.address()),
        stop: AtomicBool::new(false),
        accepted: Mutex::default(),
        shown: Mutex::default(),
    };
    let (wanted, most) = support::kills(CYCLES, MOST);
    let started = Instant::now();
    let mut kills = Vec::new();
    let mut state = 7;
    let token = server.token();
    thread::scope(|scope| {
        (0..SENDERS).for_each(|sender| {
            let known = &known;
            scope.spawn(move || known.send(sender));
        });
        scope.spawn(|| known.look(&token));
        while kills.len() < wanted && started.elapsed() < most {
            thread::sleep(Duration::from_millis(20 + next(&mut state) % 200));
            let before = Instant::now();
            server.kill();
            kills.push((before, Instant::now()));
            server.restart();
            *known.address.lock().unwrap() = server.address();
        }
        known.stop.store(true, Ordering::SeqCst);
    });
    assert!(kills.len() >= CYCLES_LEAST, "only {} kills in {:?}", kills.len(), started.elapsed());
    wait_until("no run is stuck", 60, || all_have_ended(&server));

    let accepted = known.accepted.into_inner().unwrap();
    let runs: HashMap<String, Value> = server
        .runs("effects")
        .into_iter()
        .map(|run| (run["id"].as_str().unwrap().to_owned(), run["status"].clone()))
        .collect();
    assert_eq!(runs.len(), accepted.len(), "each delivery is one run");
    for (id, run) in &accepted {
        assert_eq!(runs.get(run), Some(&json!("succeeded")), "{run} of delivery {id}");
    }

    let mut calls: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for call in sink.calls() {
        calls.entry(call.body.clone()).or_default().push(call);
    }
    let expected: BTreeSet<String> =
        accepted.keys().flat_map(|id| EFFECTS.map(|effect| format!("{id} {effect}"))).collect();
    assert_eq!(calls.keys().cloned().collect::<BTreeSet<_>>(), expected, "each effect was called, no other");
    let shown = known.shown.into_inner().unwrap();
    let mut repeats = 0;
    for (effect, calls) in &calls {
        assert!(calls.iter().all(|call| call.key == calls[0].key), "{effect} keeps its key");
        for pair in calls.windows(2) {
            if pair[0].status == 500 {
                continue;
            }
            repeats += 1;
            let between = kills.iter().any(|(from, to)| *to >= pair[0].at && *from <= pair[1].at);
            assert!(between || pair[0].late, "{effect} was called twice without a kill in between: {pair:?}");
        }
        if let (Some(shown), Some(last)) = (shown.get(effect), calls.iter().rfind(|call| !call.late)) {
            assert!(last.at <= *shown, "{effect} was called after it was shown as ended");
        }
    }
    println!(
        "{} kills, {} runs, {} effects, {repeats} repeated, {} seen ended, {:?}",
        kills.len(),
        accepted.len(),
        calls.len(),
        shown.len(),
        started.elapsed()
    );
    assert!(repeats <= kills.len() * RUNNING, "{repeats} calls repeated");
    assert!(shown.len() > accepted.len() / 10, "the onlooker saw something: {}", shown.len());
}
