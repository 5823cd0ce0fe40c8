//! What a run costs the store; printed, not asserted.

use std::{fs, time::Instant};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};

use super::{durability::open, *};
use crate::store::Key;

const DAY: u64 = 86_400_000;
const NOW: u64 = 1_790_000_000_000;

/// Eight tasks commit what a webhook and its run commit; prints what a run costs.
#[test]
#[ignore = "a measurement"]
fn what_a_run_costs() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let number = |name: &str| std::env::var(name).ok().and_then(|number| number.parse().ok());
    let runs: u32 = number("TEST_RUNS").unwrap_or(40_000);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let part =
        |kind: u8, n: u32| [&[kind], &n.wrapping_mul(2_654_435_761).to_be_bytes()[..], &[7; 12]].concat();
    let timed = |kind: u8, n: u32| [&[kind], &n.to_be_bytes()[..], &[7; 12]].concat();
    let body = |n: u32, size: usize| {
        let mut bytes = vec![0; size];
        ChaCha8Rng::seed_from_u64(n.into()).fill_bytes(&mut bytes);
        bytes
    };
    let (begun, before) = (Instant::now(), usage());
    let next = AtomicU64::new(0);
    let (shared, next) = (&store, &next);
    runtime.block_on(async {
        let tasks = (0..8).map(|_| async move {
            loop {
                let n = next.fetch_add(1, Ordering::SeqCst) as u32;
                if n >= runs {
                    break;
                }
                let event = body(n, 2_590);
                let mut batch = Batch::new();
                let expires_ms = NOW + DAY + u64::from(n / 1_000);
                batch.expect_absent(part(b'd', n)).put_until(part(b'd', n), body(n, 23), expires_ms, NOW);
                batch
                    .put(timed(b'e', n), event)
                    .put(timed(b'i', n), [])
                    .put(timed(b'r', n), body(n, 151))
                    .put(timed(b'q', n), []);
                shared.commit(batch).await.unwrap();
                let mut batch = Batch::new();
                batch.put(timed(b's', n), body(n, 168)).put(timed(b'r', n), body(n, 160));
                batch.put(timed(b'a', n), body(n, 166)).delete(timed(b'q', n));
                let settled = Settled {
                    keys: [b'r', b'e', b'a', b'i', b's'].map(|kind| Key::from(timed(kind, n))).into(),
                    prefixes: vec![Key::from(timed(b'o', n))],
                    expires_ms: 20_000 * DAY,
                    ..Settled::default()
                };
                batch.settle(settled, 0);
                shared.commit(batch).await.unwrap();
                let mut batch = Batch::new();
                batch.put(timed(b'l', n), body(n, 88));
                shared.commit_lazily(batch).await.unwrap();
            }
        });
        futures::future::join_all(tasks).await;
    });
    let took = begun.elapsed();
    drop(store);
    let per_run = usage().map_from(before, |now, before| (now - before) / f64::from(runs));
    println!("{runs} runs, {:.0} a second; a run: {per_run}", f64::from(runs) / took.as_secs_f64());
}

/// What the process used: CPU, and bytes that it gave to the system and the system to the disk.
struct Usage([f64; 3]);

impl Usage {
    fn map_from(self, before: Self, map: impl Fn(f64, f64) -> f64) -> Self {
        let mut values = self.0;
        values.iter_mut().zip(before.0).for_each(|(now, before)| *now = map(*now, before));
        Self(values)
    }
}

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [cpu, written, stored] = self.0;
        write!(
            f,
            "{:.0} us of CPU, {:.1} KB written, {:.1} KB to the disk",
            cpu * 1e6,
            written / 1e3,
            stored / 1e3
        )
    }
}

fn usage() -> Usage {
    let io = fs::read_to_string("/proc/self/io").unwrap();
    let field = |name: &str| -> f64 {
        let line = io.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().parse().unwrap()
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    // utime and stime, in hundredths of a second.
    let ticks: f64 = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    Usage([ticks / 100.0, field("wchar:"), field("write_bytes:")])
}
