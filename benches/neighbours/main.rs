//! What a healthy workflow notices of hostile ones: its latencies alone, beside three workflows of each kind, and beside all
//! of them. One server, two GiB where control groups can be made, everything on this machine.
//!
//! `scripts/neighbours [SECONDS] [KIND...]` runs it. Ratios count: absolute figures are the machine's.

mod client;
mod hostile;
mod server;

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use client::Client;
use hostile::{Hostile, KINDS};
use server::Server;

/// Requests of the healthy workflow a second.
const RATE: u32 = 50;
/// Workflows of each kind.
const EACH: usize = 3;

fn main() {
    // `cargo bench` adds an argument of its own.
    let seconds = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(10);
    // A server of its own for each, so that nothing of one attack is left for the next.
    let beside = |name: &str, kinds: &[Hostile]| {
        let server = Server::start(&hostile::workflows(EACH));
        if kinds.is_empty() {
            let cores = thread::available_parallelism().map_or(0, usize::from);
            println!("{cores} cores, memory limit {}", server.limit());
            println!(
                "{:<12} {:>8} {:>8} {:>8} {:>7} {:>7} {:>8} {:>9}",
                "beside", "p50 ms", "p99 ms", "max ms", "x p99", "failed", "attacks", "RSS MiB"
            );
        }
        // Warm: the first calls load pages and open connections.
        measure(&server, 2, &[]);
        let measured = measure(&server, seconds, kinds);
        (name.to_owned(), measured, server.resident_mib())
    };
    let (name, alone, resident) = beside("alone", &[]);
    print(&name, &alone, &alone, resident);
    let words: Vec<_> = std::env::args().skip(1).collect();
    let named = |name: &str| words.iter().any(|word| word == name);
    let wanted: Vec<_> = KINDS.into_iter().filter(|kind| named(kind.name())).collect();
    let wants_all = wanted.is_empty() || named("all");
    let mut worst = 0.0_f64;
    for kind in if wanted.is_empty() { KINDS.to_vec() } else { wanted } {
        let (name, measured, resident) = beside(kind.name(), &[kind]);
        print(&name, &measured, &alone, resident);
        worst = worst.max(measured.at(0.99) / alone.at(0.99));
    }
    println!("worst beside one kind: {worst:.1}x (goal 2x)");
    if wants_all {
        let (name, all, resident) = beside("all", &KINDS);
        print(&name, &all, &alone, resident);
        println!("beside all: {:.1}x (goal 5x)", all.at(0.99) / alone.at(0.99));
    }
}

/// Latencies of the healthy workflow.
struct Measured {
    /// Milliseconds, sorted.
    took: Vec<f64>,
    failed: usize,
    attacks: u64,
}

impl Measured {
    fn at(&self, part: f64) -> f64 {
        let last = self.took.len().saturating_sub(1);
        self.took.get((last as f64 * part).round() as usize).copied().unwrap_or(f64::NAN)
    }
}

fn print(name: &str, measured: &Measured, alone: &Measured, resident_mib: u64) {
    println!(
        "{name:<12} {:>8.1} {:>8.1} {:>8.1} {:>6.1}x {:>7} {:>8} {:>9}",
        measured.at(0.5),
        measured.at(0.99),
        measured.at(1.0),
        measured.at(0.99) / alone.at(0.99),
        measured.failed,
        measured.attacks,
        resident_mib,
    );
}

/// Calls the healthy workflow at its rate, each at its own time whether the one before was answered or not, while these attack.
fn measure(server: &Server, seconds: u64, kinds: &[Hostile]) -> Measured {
    let (over, attacks) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        for kind in kinds {
            for number in 0..EACH {
                let (over, attacks) = (&over, &attacks);
                scope.spawn(move || {
                    while !over.load(Ordering::SeqCst) {
                        attacks.fetch_add(kind.attack(server.address(), number), Ordering::Relaxed);
                    }
                });
            }
        }
        if !kinds.is_empty() {
            // They are under way when the measurement begins.
            thread::sleep(Duration::from_secs(1));
        }
        let began = Instant::now();
        // So that one that is late holds up none of those after it.
        const LANES: u32 = 25;
        let lanes: Vec<_> = (0..LANES)
            .map(|lane| {
                scope.spawn(move || {
                    let mut client = Client::new(server.address());
                    let mut took = Vec::new();
                    let mut failed = 0;
                    for number in (lane..RATE * seconds as u32).step_by(LANES as usize) {
                        let due = began + Duration::from_secs(1) / RATE * number;
                        thread::sleep(due.saturating_duration_since(Instant::now()));
                        match client.post("/api/webhooks/healthy", br#"{"n": 20}"#) {
                            Some(200) => took.push(due.elapsed().as_secs_f64() * 1e3),
                            Some(_) | None => failed += 1,
                        }
                    }
                    (took, failed)
                })
            })
            .collect();
        let mut all = Measured { took: Vec::new(), failed: 0, attacks: 0 };
        for lane in lanes {
            let (took, failed) = lane.join().expect("a client does not panic");
            all.took.extend(took);
            all.failed += failed;
        }
        over.store(true, Ordering::SeqCst);
        all.attacks = attacks.load(Ordering::Relaxed);
        all.took.sort_by(f64::total_cmp);
        all
    })
}
