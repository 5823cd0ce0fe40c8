//! How often a workflow may be called: GCRA, the leaky bucket as a meter.
//!
//! A cell holds one number, the time at which the bucket would be empty again, so a caller costs a few bytes. Callers
//! are forgotten once their bucket is empty, and there is a cap on how many are remembered: past it, strangers share
//! one bucket, so that a flood of addresses neither grows the memory nor goes free.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, LazyLock, Mutex, MutexGuard},
    time::{Duration, Instant},
};

use crate::model::{RateBy, RateLimit, subscriber};

/// Addresses remembered by one rate.
const MAX_CELLS: usize = 65_536;
/// Between two searches for cells that can be forgotten.
const SWEEP_EVERY: u64 = 1_000_000_000;
/// The start of all times here. It is on the monotonic clock, so that nobody is stopped when the wall clock is set back.
static BEGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The callers that a cell counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    /// All callers share one rate.
    All,
    /// One address, or a /64 of IPv6.
    Address(IpAddr),
    /// All addresses for which there is no room.
    Others,
}

impl Who {
    fn of(by: RateBy, address: IpAddr) -> Self {
        match by {
            RateBy::Workflow => Self::All,
            RateBy::Ip => Self::Address(subscriber(address)),
        }
    }
}

/// The cells of a rate: by caller the time, in nanoseconds, at which its bucket is empty.
#[derive(Default)]
struct Cells {
    empty_at: HashMap<Who, u64>,
    swept: u64,
}

impl Cells {
    /// The cell that counts `who`, after a sweep if there is no room.
    fn place(&mut self, who: Who, now: u64) -> Who {
        if self.empty_at.len() < MAX_CELLS || self.empty_at.contains_key(&who) {
            return who;
        }
        if now >= self.swept + SWEEP_EVERY {
            self.swept = now;
            self.empty_at.retain(|_, empty_at| *empty_at > now);
        }
        if self.empty_at.len() < MAX_CELLS { who } else { Who::Others }
    }
}

/// When the bucket will be empty after one more request at `now`, or how long to wait until one fits; nanoseconds.
///
/// `empty_at` is what an earlier call gave. Each request fills the bucket by `each`; it holds `burst` of them.
fn gcra(empty_at: Option<u64>, now: u64, each: u64, burst: u64) -> Result<u64, u64> {
    let filled = empty_at.unwrap_or(0).max(now).saturating_add(each);
    match filled.saturating_sub(now.saturating_add(each.saturating_mul(burst))) {
        0 => Ok(filled),
        wait => Err(wait),
    }
}

/// One rate with its counts.
pub(super) struct Limiter {
    rate: RateLimit,
    cells: Mutex<Cells>,
}

impl Limiter {
    pub(super) fn new(rate: RateLimit) -> Self {
        Self { rate, cells: Mutex::default() }
    }

    /// The limiters of a trigger. Those of the version before that count alike go on with their counts: a reload
    /// gives nobody a second burst.
    pub(super) fn all(rates: &[RateLimit], before: &[Arc<Self>]) -> Vec<Arc<Self>> {
        let same = |rate: &RateLimit| before.iter().find(|limiter| limiter.rate == *rate).cloned();
        rates.iter().map(|rate| same(rate).unwrap_or_else(|| Arc::new(Self::new(*rate)))).collect()
    }

    /// Nanoseconds that one request counts for, and how many fit at once.
    fn quota(&self) -> (u64, u64) {
        let RateLimit { limit, per, burst, .. } = self.rate;
        let each = (per.as_millis() * 1_000_000 / u64::from(limit)).max(1);
        (each, u64::from(burst.unwrap_or(limit)))
    }

    fn lock(&self) -> MutexGuard<'_, Cells> {
        self.cells.lock().expect("no code panics under this lock")
    }
}

/// Too many requests: the rate that has no room, and when it has some.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Exceeded {
    pub(super) rate: RateLimit,
    pub(super) wait: Duration,
}

impl Exceeded {
    /// Whole seconds, never 0.
    pub(super) fn retry_after(&self) -> u32 {
        u32::try_from(self.wait.as_nanos().div_ceil(1_000_000_000)).unwrap_or(u32::MAX).max(1)
    }
}

/// Counts a request in all of these rates, or in none when one of them has no room.
pub(super) fn count(limiters: &[Arc<Limiter>], address: IpAddr) -> Result<(), Exceeded> {
    if limiters.is_empty() {
        return Ok(());
    }
    count_at(limiters, address, BEGIN.elapsed())
}

fn count_at(limiters: &[Arc<Limiter>], address: IpAddr, now: Duration) -> Result<(), Exceeded> {
    let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
    let mut counted = Vec::with_capacity(limiters.len());
    // Always locked in the order of the trigger, and a limiter is of one trigger alone.
    for limiter in limiters {
        let mut cells = limiter.lock();
        let who = cells.place(Who::of(limiter.rate.by, address), now);
        let (each, burst) = limiter.quota();
        match gcra(cells.empty_at.get(&who).copied(), now, each, burst) {
            Ok(empty_at) => counted.push((cells, who, empty_at)),
            Err(wait) => return Err(Exceeded { rate: limiter.rate, wait: Duration::from_nanos(wait) }),
        }
    }
    for (mut cells, who, empty_at) in counted {
        cells.empty_at.insert(who, empty_at);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;

    const A: &str = "192.0.2.1";

    fn rate(limit: u32, per_s: u64, burst: Option<u32>, by: RateBy) -> RateLimit {
        RateLimit { limit, per: Span::from_millis(per_s * 1_000), burst, by }
    }

    fn at(limiters: &[Arc<Limiter>], address: &str, ms: u64) -> Result<(), u64> {
        count_at(limiters, address.parse().unwrap(), Duration::from_millis(ms))
            .map_err(|exceeded| exceeded.wait.as_millis() as u64)
    }

    #[test]
    fn w26_a_burst_passes_and_the_rest_comes_back_evenly() {
        let limiters = Limiter::all(&[rate(60, 60, Some(3), RateBy::Workflow)], &[]);
        for _ in 0..3 {
            assert_eq!(at(&limiters, A, 500), Ok(()));
        }
        assert_eq!(at(&limiters, A, 500), Err(1_000), "the fourth waits for one to come back");
        assert_eq!(
            at(&limiters, "192.0.2.2", 1_000),
            Err(500),
            "all callers share it; refused ones cost nothing"
        );
        assert_eq!(at(&limiters, A, 1_500), Ok(()));
        assert_eq!(at(&limiters, A, 1_500), Err(1_000));
        for _ in 0..3 {
            assert_eq!(at(&limiters, A, 60_000), Ok(()), "after a pause there is one burst again, not more");
        }
        assert_eq!(at(&limiters, A, 60_000), Err(1_000));
    }

    #[test]
    fn w26_by_address_each_has_its_own_and_ipv6_is_counted_by_network() {
        let limiters = Limiter::all(&[rate(1, 10, None, RateBy::Ip)], &[]);
        assert_eq!(at(&limiters, A, 0), Ok(()));
        assert_eq!(at(&limiters, "::ffff:192.0.2.1", 0), Err(10_000), "the same address in another spelling");
        assert_eq!(at(&limiters, "192.0.2.2", 0), Ok(()));
        assert_eq!(at(&limiters, "2001:db8::1", 0), Ok(()));
        assert_eq!(at(&limiters, "2001:db8::2:3", 0), Err(10_000));
        assert_eq!(at(&limiters, "2001:db8:0:1::1", 0), Ok(()));
    }

    #[test]
    fn w26_of_several_rates_all_hold_and_a_refused_request_counts_in_none() {
        let rates = [rate(2, 1, None, RateBy::Workflow), rate(3, 3_600, None, RateBy::Workflow)];
        let limiters = Limiter::all(&rates, &[]);
        assert_eq!([at(&limiters, A, 0), at(&limiters, A, 0)], [Ok(()), Ok(())]);
        for _ in 0..10 {
            assert_eq!(at(&limiters, A, 0), Err(500));
        }
        assert_eq!(at(&limiters, A, 1_000), Ok(()), "the refused ones took nothing of the hour");
        let exceeded = count_at(&limiters, A.parse().unwrap(), Duration::from_secs(2)).unwrap_err();
        assert_eq!((exceeded.rate, exceeded.retry_after()), (rates[1], 1_198));
    }

    #[test]
    fn w26_counts_survive_a_reload_of_the_same_rate_and_no_other() {
        let before = Limiter::all(&[rate(1, 60, None, RateBy::Workflow)], &[]);
        assert_eq!(at(&before, A, 0), Ok(()));
        let same = Limiter::all(&[rate(9, 60, None, RateBy::Ip), before[0].rate], &before);
        assert!(at(&same, A, 1).is_err());
        let other = Limiter::all(&[rate(2, 60, None, RateBy::Workflow)], &before);
        assert_eq!(at(&other, A, 1), Ok(()));
    }

    #[test]
    fn w26_a_flood_of_addresses_is_bounded_and_does_not_go_free() {
        let limiters = Limiter::all(&[rate(1, 60, None, RateBy::Ip)], &[]);
        let flood = |index: u32, ms| at(&limiters, &std::net::Ipv4Addr::from_bits(index).to_string(), ms);
        let passed = (0..MAX_CELLS as u32 + 1_000).filter(|index| flood(*index, 5_000).is_ok()).count();
        assert_eq!(passed, MAX_CELLS + 1, "one more for all the others together");
        assert_eq!(limiters[0].lock().empty_at.len(), MAX_CELLS + 1);
        assert!(flood(7, 5_001).is_err(), "nobody who is counted was forgotten");
        assert_eq!(flood(u32::MAX, 66_000), Ok(()), "later there is room again");
        assert!(limiters[0].lock().empty_at.len() <= 1);
    }

    #[test]
    fn w27_a_clock_that_stands_still_or_runs_far_breaks_nothing() {
        assert_eq!(gcra(Some(u64::MAX), 0, 1_000, 1), Err(u64::MAX - 1_000));
        assert_eq!(gcra(Some(0), u64::MAX, 1_000, 1), Ok(u64::MAX));
        assert_eq!(gcra(None, 0, u64::MAX, u64::MAX), Ok(u64::MAX));
    }
}
