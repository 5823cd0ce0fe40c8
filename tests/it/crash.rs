//! Kill -9 again and again under load: every 202 is a run that is finished, once, and no dedupe id is forgotten.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Request, Setup, Workflow, kills, wait_until};

const CYCLES: usize = 50;
const SENDERS: usize = 8;
/// A slow machine does fewer cycles, never fewer than the least.
const MOST: Duration = Duration::from_secs(75);
const CYCLES_LEAST: usize = 10;

/// What the senders know.
struct Senders {
    address: Mutex<SocketAddr>,
    stop: AtomicBool,
    accepted: Mutex<HashMap<String, String>>,
    /// 202s of this life of the server.
    fresh: AtomicUsize,
}

impl Senders {
    /// Sends one delivery after another; each again under the same id until it gets its 202, as senders do.
    fn send(&self, sender: usize) {
        let mut number = 0;
        while !self.stop.load(Ordering::SeqCst) {
            let id = format!("{sender}-{number}");
            number += 1;
            let run = self.deliver(&id);
            assert!(self.accepted.lock().unwrap().insert(id, run).is_none());
            self.fresh.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn deliver(&self, id: &str) -> String {
        let request =
            Request::post("/api/webhooks/count").header("x-delivery", id).json(&json!({ "id": id }));
        loop {
            let address = *self.address.lock().unwrap();
            match request.send(address) {
                Ok(response) if response.status == 202 => return response.run_id(),
                Ok(response) => assert_eq!(response.status, 503, "{}", response.text()),
                Err(_) => thread::sleep(Duration::from_millis(5)),
            }
        }
    }
}

#[test]
fn fifty_kills_under_load_lose_nothing_and_run_nothing_twice() {
    let mut server = Setup::default()
        .workflows([Workflow::script("count", "return context.data.id").asynchronous().deduped()])
        // No run is to blame for these kills.
        .variable("FLOWCELL_ENGINE_MAX_CRASHES", "1000")
        .start();
    let senders = Senders {
        address: Mutex::new(server.address()),
        stop: AtomicBool::new(false),
        accepted: Mutex::default(),
        fresh: AtomicUsize::new(0),
    };
    let (wanted, most) = kills(CYCLES, MOST);
    let started = Instant::now();
    let mut cycles = 0;
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let senders = &senders;
            scope.spawn(move || senders.send(sender));
        }
        while cycles < wanted && started.elapsed() < most {
            // A few are accepted in each life; the kill comes in the middle of others.
            let enough = 5 + cycles % 13 * 10;
            wait_until("deliveries are accepted", 60, || senders.fresh.load(Ordering::SeqCst) >= enough);
            server.kill();
            server.restart();
            senders.fresh.store(0, Ordering::SeqCst);
            *senders.address.lock().unwrap() = server.address();
            cycles += 1;
        }
        senders.stop.store(true, Ordering::SeqCst);
    });
    assert!(cycles >= CYCLES_LEAST, "only {cycles} cycles in {:?}", started.elapsed());

    let accepted = senders.accepted.into_inner().unwrap();
    println!("{cycles} kills, {} deliveries, {:?}", accepted.len(), started.elapsed());
    wait_until("no run is stuck", 60, || server.runs("count").iter().all(|run| run["status"] == "succeeded"));
    let mut stored: Vec<_> =
        server.runs("count").iter().map(|run| run["id"].as_str().unwrap().to_owned()).collect();
    let mut known: Vec<_> = accepted.values().cloned().collect();
    stored.sort();
    known.sort();
    assert_eq!(stored.len(), accepted.len(), "each delivery is one run");
    assert_eq!(stored, known, "and it is the run that its sender was told");

    for (id, run) in accepted.iter().take(200) {
        let request =
            Request::post("/api/webhooks/count").header("x-delivery", id).json(&json!({ "id": id }));
        let again = server.send(&request);
        assert_eq!((again.status, &again.run_id()), (202, run), "{id} is remembered");
        assert_eq!(server.run(run)["steps"][0]["output"], json!(id), "and it was this delivery's run");
    }
    assert_eq!(server.runs("count").len(), accepted.len());
}
