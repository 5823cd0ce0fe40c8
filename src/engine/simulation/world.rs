//! The world of one simulated history: chance, clock, disk and the service that `http` steps call.
//!
//! Everything random comes from one generator, and everything happens on one thread under tokio's paused clock, so
//! that a seed is a history. Each durable write and each call is shown to the [`Ledger`], which outlives crashes.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use http::{HeaderMap, HeaderValue};
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use tokio::{sync::Notify, time::Instant};

use super::ledger::Ledger;
use crate::{
    engine::{Ports, ports::next_moment},
    net::{NetError, OutboundRequest, Response, Transport},
    store::crash::{Chance, Change, Fate, Image, Refusal, Way},
};

/// When the histories begin, milliseconds since the epoch.
const BEGIN_MS: u64 = 1_800_000_000_000;

/// What a history is like; in thousandths.
#[derive(Debug)]
pub(super) struct Odds {
    pub(super) crash: u64,
    pub(super) refusal: u64,
    pub(super) sink_fails: u64,
    pub(super) jump: u64,
    pub(super) backwards: bool,
    /// A read that takes its time, as from a store elsewhere.
    pub(super) far: u64,
}

pub(super) struct World {
    rng: Mutex<ChaCha8Rng>,
    /// Of its own, so that the histories of a store on the same machine are those that they were.
    ways: Mutex<ChaCha8Rng>,
    clock: Mutex<Clock>,
    pub(super) odds: Odds,
    pub(super) ledger: Mutex<Ledger>,
    crashes_left: AtomicU64,
    calm: AtomicBool,
    /// The process of this life has taken up what it found: from then on the store may be out of reach.
    is_up: AtomicBool,
    dead: AtomicBool,
    death: Notify,
}

struct Clock {
    /// At the start of this life.
    at_ms: u64,
    began: Option<Instant>,
    /// The last moment given out in this life.
    last: u128,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    pub(super) fn new(seed: u64, trace: bool) -> Arc<Self> {
        let (mut rng, mut ways) = (ChaCha8Rng::seed_from_u64(seed), ChaCha8Rng::seed_from_u64(!seed));
        let far = [0, 0, 200, 900][(ways.next_u64() % 4) as usize];
        let mut pick = |values: &[u64]| values[(rng.next_u64() % values.len() as u64) as usize];
        let odds = Odds {
            crash: pick(&[5, 15, 40]),
            refusal: pick(&[0, 0, 20, 80]),
            sink_fails: pick(&[0, 100, 400]),
            jump: pick(&[0, 0, 60]),
            backwards: pick(&[0, 0, 1]) == 1,
            far,
        };
        let crashes = pick(&[0, 1, 2, 4, 7]);
        Arc::new(Self {
            rng: Mutex::new(rng),
            ways: Mutex::new(ways),
            clock: Mutex::new(Clock { at_ms: BEGIN_MS, began: None, last: 0 }),
            odds,
            ledger: Mutex::new(Ledger::new(trace)),
            crashes_left: AtomicU64::new(crashes),
            calm: AtomicBool::new(false),
            is_up: AtomicBool::new(false),
            dead: AtomicBool::new(false),
            death: Notify::new(),
        })
    }

    pub(super) fn below(&self, most: u64) -> u64 {
        lock(&self.rng).next_u64() % most.max(1)
    }

    /// Whether something of so many thousandths happens.
    pub(super) fn chance(&self, thousandths: u64) -> bool {
        self.below(1_000) < thousandths
    }

    pub(super) fn pick<'a, T>(&self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len() as u64) as usize]
    }

    /// A process starts; called inside of its runtime.
    pub(super) fn live(&self) {
        self.dead.store(false, Ordering::SeqCst);
        self.is_up.store(false, Ordering::SeqCst);
        let mut clock = lock(&self.clock);
        clock.began = Some(Instant::now());
        clock.last = 0;
    }

    /// It is over; called inside of its runtime.
    pub(super) fn rest(&self) {
        let now_ms = self.now_ms();
        self.dead.store(true, Ordering::SeqCst);
        let mut clock = lock(&self.clock);
        clock.at_ms = now_ms;
        clock.began = None;
    }

    /// Resolves when the process dies.
    pub(super) async fn died(&self) {
        while !self.is_dead() {
            self.death.notified().await;
        }
    }

    /// See [`World::is_up`].
    pub(super) fn up(&self) {
        self.is_up.store(true, Ordering::SeqCst);
    }

    /// From now on nothing goes wrong.
    pub(super) fn calm_down(&self) {
        self.calm.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_calm(&self) -> bool {
        self.calm.load(Ordering::SeqCst)
    }

    /// Sets the clock on, or back.
    pub(super) fn jump(&self, by_ms: i64) {
        let mut clock = lock(&self.clock);
        clock.at_ms = clock.at_ms.saturating_add_signed(by_ms);
        drop(clock);
        let mut ledger = lock(&self.ledger);
        ledger.jumped |= !self.is_calm();
        ledger.went_back |= by_ms < 0;
        let now_ms = self.now_ms();
        ledger.note(now_ms, || format!("the clock jumps by {by_ms} ms"));
    }

    /// Whether the process dies here; a history has few deaths.
    pub(super) fn dies_here(&self, thousandths: u64) -> bool {
        if self.is_calm() || self.crashes_left.load(Ordering::SeqCst) == 0 || !self.chance(thousandths) {
            return false;
        }
        self.crashes_left.fetch_sub(1, Ordering::SeqCst);
        true
    }

    pub(super) fn now_ms(&self) -> u64 {
        let clock = lock(&self.clock);
        clock.at_ms + clock.began.map_or(0, |began| began.elapsed().as_millis() as u64)
    }

    pub(super) fn note(&self, text: impl FnOnce() -> String) {
        let now_ms = self.now_ms();
        lock(&self.ledger).note(now_ms, text);
    }
}

impl Ports for World {
    fn now_ms(&self) -> u64 {
        let now_ms = World::now_ms(self);
        let mut ledger = lock(&self.ledger);
        ledger.latest_ms = ledger.latest_ms.max(now_ms);
        now_ms
    }

    fn fill(&self, bytes: &mut [u8]) {
        lock(&self.rng).fill_bytes(bytes);
    }

    fn moment(&self) -> (u64, [u8; 10]) {
        let mut random = [0; 10];
        self.fill(&mut random);
        let now_ms = Ports::now_ms(self);
        let mut clock = lock(&self.clock);
        clock.last = next_moment(clock.last, now_ms, random);
        random.copy_from_slice(&clock.last.to_be_bytes()[6..]);
        ((clock.last >> 80) as u64, random)
    }
}

impl Chance for World {
    fn pause_ms(&self) -> u64 {
        *self.pick(&[0, 0, 1, 2, 8])
    }

    fn way(&self) -> Way {
        if self.odds.far == 0 || self.is_calm() {
            return Way::Short;
        }
        let mut ways = lock(&self.ways);
        let mut below = |most: u64| ways.next_u64() % most;
        let cut = self.is_up.load(Ordering::SeqCst) && below(1_000) < self.odds.far / 50;
        match (cut, below(1_000) < self.odds.far) {
            (true, _) => Way::Cut,
            (false, true) => [Way::Turn, Way::Turn, Way::Ms(1), Way::Ms(4)][below(4) as usize],
            (false, false) => Way::Short,
        }
    }

    fn refuses(&self) -> Option<Refusal> {
        if self.is_calm() || !self.chance(self.odds.refusal) {
            return None;
        }
        let refusal = *self.pick(&[Refusal::Busy, Refusal::Full]);
        if self.odds.far > 0 && lock(&self.ways).next_u64().is_multiple_of(2) {
            Some(Refusal::Unavailable)
        } else {
            Some(refusal)
        }
    }

    fn group(&self, queued: usize) -> usize {
        1 + self.below(queued as u64) as usize
    }

    fn fate(&self, batches: usize) -> Fate {
        if self.dies_here(self.odds.crash) {
            Fate::Crash(self.below(batches as u64 + 1) as usize)
        } else {
            Fate::Durable
        }
    }

    fn die(&self) {
        self.dead.store(true, Ordering::SeqCst);
        self.death.notify_one();
    }

    fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    fn durable(&self, image: &Image, changes: &[Change]) {
        let now_ms = self.now_ms();
        lock(&self.ledger).durable(now_ms, image, changes);
    }
}

/// The service that every `http` step calls.
pub(super) struct Sink(pub(super) Arc<World>);

/// A call that has not come back.
struct Flight(Arc<World>, String);

impl Drop for Flight {
    fn drop(&mut self) {
        lock(&self.0.ledger).in_flight.remove(&self.1);
    }
}

impl Transport for Sink {
    fn carry(&self, request: OutboundRequest) -> BoxFuture<'static, Result<Response, NetError>> {
        let world = Arc::clone(&self.0);
        async move {
            let die = async |thousandths| {
                if world.dies_here(thousandths) {
                    world.die();
                }
                if world.is_dead() {
                    futures::future::pending::<()>().await;
                }
            };
            let named = |name: &str| {
                let header = request.headers.iter().find(|(header, _)| header == name);
                header.map(|(_, value)| value.clone()).unwrap_or_default()
            };
            let key = named("idempotency-key");
            die(world.odds.crash / 2).await;
            let now_ms = world.now_ms();
            let call = format!("{} {}", String::from_utf8_lossy(&request.body), named("flowcell-attempt"));
            lock(&world.ledger).called(now_ms, &key, &call);
            let flight = Flight(Arc::clone(&world), key);
            let wait_ms = *world.pick(&[0, 1, 5, 20, 300, 300, 2_500]);
            tokio::time::sleep(Duration::from_millis(wait_ms)).await;
            die(world.odds.crash).await;
            let answer = world.answer(request.url);
            if world.dies_here(world.odds.crash) {
                // The answer is on its way.
                let world = Arc::clone(&world);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_millis(world.below(4))).await;
                    world.die();
                });
            }
            drop(flight);
            answer
        }
        .boxed()
    }
}

impl World {
    fn answer(&self, url: String) -> Result<Response, NetError> {
        let mut headers = HeaderMap::new();
        let status = if self.chance(self.odds.sink_fails) {
            match self.below(4) {
                0 => return Err(NetError::Protocol { url, why: "the line is cut".to_owned() }),
                1 => {
                    headers.insert("retry-after", HeaderValue::from(1 + self.below(6)));
                    429
                }
                2 => 400,
                _ => 500,
            }
        } else {
            200
        };
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        Ok(Response { status, headers, body: b"{\"took\":true}".to_vec(), url })
    }
}
