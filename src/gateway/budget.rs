//! How many bytes of request bodies may be in memory at once: one budget for the process, and a share for each address.
//!
//! Bytes are counted as they come, decoded bytes too, and given back when the request is answered. Most of the budget
//! is for large bodies. A part is for small ones, so that a flood of large bodies keeps no small body out. In each part an
//! address never holds more than half of what is left for all others, so that a few addresses cannot take everything.
//! Nobody waits here: a body that does not fit is refused, and its sender comes again.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard},
};

use crate::model;

/// A request that holds no more than this is small, bytes.
const SMALL: u64 = 64 << 10;
/// One byte in so many of the budget is for small requests alone.
const SMALL_PART: u64 = 4;

/// How many bytes bodies may hold at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BodyLimits {
    /// The limit for the bodies of all requests together.
    pub process: u64,
    /// The limit for one address, or for one /64 of IPv6. If it is not set, it is [`BodyLimits::PER_ADDRESS`], and
    /// loopback has no share of its own.
    pub per_address: Option<u64>,
}

impl BodyLimits {
    /// What the bodies of one address may take unless it is set, bytes.
    pub const PER_ADDRESS: u64 = 16 << 20;
}

/// Why there is no room for more of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Full {
    #[error(
        "the bodies of all requests hold what there is room for; `server.body_budget` is {0} bytes, a larger one takes more at once"
    )]
    Process(u64),
    #[error("the bodies of this address hold its share; `server.body_budget_per_address` is {0} bytes")]
    Address(u64),
    #[error(
        "with what is made out of it the body is over {0} bytes, the most that `server.body_budget` has for one"
    )]
    Never(u64),
}

/// Where the bytes of a request are counted. The first pool that has room takes them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pool {
    /// In the part for small requests.
    Small,
    /// In the part for large ones.
    Large,
    /// There too, but beyond the share of its address: a single body of the size that its workflow allows gets
    /// through. One request of an address at a time.
    Alone,
}

#[derive(Debug, Default)]
struct Share {
    small: u64,
    large: u64,
    /// Whether one of its requests is [`Pool::Alone`].
    alone: bool,
    requests: usize,
}

#[derive(Debug, Default)]
struct Counts {
    small: u64,
    large: u64,
    /// Only addresses with open requests are here.
    by_address: HashMap<IpAddr, Share>,
}

/// The budget of a process.
#[derive(Debug)]
pub(super) struct Budget {
    limits: BodyLimits,
    counts: Mutex<Counts>,
}

impl Budget {
    pub(super) fn new(limits: BodyLimits) -> Arc<Self> {
        Arc::new(Self { limits, counts: Mutex::default() })
    }

    /// The claim of one request, which holds nothing yet. `several` says that more than one caller stands behind the
    /// address, as behind a proxy: it has no share of its own.
    pub(super) fn claim(self: &Arc<Self>, address: IpAddr, several: bool) -> Claim {
        let several = several || (self.limits.per_address.is_none() && address.to_canonical().is_loopback());
        let address = model::subscriber(address);
        self.lock().by_address.entry(address).or_default().requests += 1;
        Claim { budget: Arc::clone(self), address, several, holds: Mutex::new((Pool::Small, 0)) }
    }

    /// The largest body that can ever be taken, bytes.
    pub(super) fn largest(&self) -> usize {
        usize::try_from(self.most_alone()).unwrap_or(usize::MAX)
    }

    fn most_small(&self) -> u64 {
        self.limits.process / SMALL_PART
    }

    fn most_large(&self) -> u64 {
        self.limits.process - self.most_small()
    }

    /// How far requests beyond the shares of their addresses fill the part for large ones.
    fn most_alone(&self) -> u64 {
        self.most_large() / 4 * 3
    }

    /// Whether a request may hold `bytes` in a pool, beside what `counts` has of all others.
    fn has_room(&self, counts: &Counts, claim: &Claim, pool: Pool, bytes: u64) -> Result<(), Full> {
        let busy = Err(Full::Process(self.limits.process));
        let share = counts.by_address.get(&claim.address);
        let (small, large) = share.map_or((0, 0), |share| (share.small, share.large));
        let is_alone = share.is_some_and(|share| share.alone);
        let (own, held, most) = match pool {
            Pool::Small => (small, counts.small, self.most_small()),
            Pool::Large => (large, counts.large, self.most_large()),
            Pool::Alone => {
                let fits = counts.large.saturating_add(bytes) <= self.most_alone();
                return if fits && !is_alone { Ok(()) } else { busy };
            }
        };
        let Some(left) = most.checked_sub(held.saturating_add(bytes)) else { return busy };
        let own = own + bytes;
        if claim.several {
            return if own <= left { Ok(()) } else { busy };
        }
        let share = self.limits.per_address.unwrap_or(BodyLimits::PER_ADDRESS);
        let over = small + large + bytes > share || own > left / 2;
        if !over {
            Ok(())
        } else if small + large == 0 && !is_alone {
            // The bodies of others are in the way, not its own.
            busy
        } else {
            Err(Full::Address(share))
        }
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().expect("no code panics under this lock")
    }
}

impl Counts {
    fn add(&mut self, address: IpAddr, pool: Pool, bytes: u64) {
        let share = self.by_address.entry(address).or_default();
        match pool {
            Pool::Small => (self.small, share.small) = (self.small + bytes, share.small + bytes),
            Pool::Large => (self.large, share.large) = (self.large + bytes, share.large + bytes),
            Pool::Alone => (self.large, share.alone) = (self.large + bytes, true),
        }
    }

    fn take_away(&mut self, address: IpAddr, pool: Pool, bytes: u64) {
        let share = self.by_address.entry(address).or_default();
        match pool {
            Pool::Small => (self.small, share.small) = (self.small - bytes, share.small - bytes),
            Pool::Large => (self.large, share.large) = (self.large - bytes, share.large - bytes),
            Pool::Alone => (self.large, share.alone) = (self.large - bytes, false),
        }
    }
}

/// The bytes that one request holds of the budget, until it is dropped.
#[derive(Debug)]
pub(super) struct Claim {
    budget: Arc<Budget>,
    address: IpAddr,
    several: bool,
    holds: Mutex<(Pool, u64)>,
}

impl Claim {
    /// Takes `more` bytes, or nothing when there is no room.
    pub(super) fn grow(&self, more: usize) -> Result<(), Full> {
        let mut holds = self.holds.lock().expect("no code panics under this lock");
        let mut counts = self.budget.lock();
        let before = *holds;
        let bytes = before.1.saturating_add(more as u64);
        let largest = self.budget.most_alone();
        if bytes > largest {
            return Err(Full::Never(largest));
        }
        counts.take_away(self.address, before.0, before.1);
        let small = if bytes <= SMALL { Some(Pool::Small) } else { None };
        let mut refused = None;
        for pool in small.into_iter().chain([Pool::Large, Pool::Alone]) {
            match self.budget.has_room(&counts, self, pool, bytes) {
                Ok(()) => {
                    counts.add(self.address, pool, bytes);
                    *holds = (pool, bytes);
                    return Ok(());
                }
                // Of the pools that are full, the one for its own size tells the caller most.
                Err(full) if pool == Pool::Large => refused = Some(full),
                Err(_) => {}
            }
        }
        counts.add(self.address, before.0, before.1);
        Err(refused.unwrap_or(Full::Process(self.budget.limits.process)))
    }

    /// Gives `less` bytes back.
    pub(super) fn shrink(&self, less: usize) {
        let mut holds = self.holds.lock().expect("no code panics under this lock");
        let (pool, before) = *holds;
        let bytes = before.saturating_sub(less as u64);
        let mut counts = self.budget.lock();
        counts.take_away(self.address, pool, before);
        counts.add(self.address, pool, bytes);
        *holds = (pool, bytes);
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let (pool, bytes) = *self.holds.lock().expect("no code panics under this lock");
        let mut counts = self.budget.lock();
        counts.take_away(self.address, pool, bytes);
        if let Some(share) = counts.by_address.get_mut(&self.address) {
            share.requests -= 1;
            if share.requests == 0 {
                counts.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MIB: usize = 1 << 20;

    /// What the two parts hold; under one lock.
    fn parts(budget: &Budget) -> (u64, u64) {
        let counts = budget.lock();
        (counts.small, counts.large)
    }

    fn budget(process_mib: usize, per_address_mib: Option<usize>) -> Arc<Budget> {
        let bytes = |mib| (mib * MIB) as u64;
        Budget::new(BodyLimits { process: bytes(process_mib), per_address: per_address_mib.map(bytes) })
    }

    fn claim(budget: &Arc<Budget>, address: &str) -> Claim {
        budget.claim(address.parse().unwrap(), false)
    }

    /// Claims of an address that each hold `bytes`, as many as fit.
    fn fill(budget: &Arc<Budget>, address: &str, bytes: usize) -> Vec<Claim> {
        let mut claims = Vec::new();
        loop {
            let next = claim(budget, address);
            if next.grow(bytes).is_err() {
                return claims;
            }
            claims.push(next);
        }
    }

    fn is_empty(budget: &Budget) -> bool {
        let counts = budget.lock();
        counts.by_address.is_empty() && counts.small == 0 && counts.large == 0
    }

    #[test]
    fn s3_an_address_has_a_share_and_what_is_answered_is_given_back() {
        let budget = budget(64, None);
        let claims = fill(&budget, "192.0.2.1", MIB);
        assert_eq!(claims.len(), 17, "its share, and one beyond it");
        let more = claim(&budget, "::ffff:192.0.2.1");
        assert_eq!(more.grow(MIB), Err(Full::Address(16 << 20)), "the same address in another spelling");
        assert_eq!(claim(&budget, "192.0.2.2").grow(MIB), Ok(()));
        drop(claims);
        assert_eq!(more.grow(MIB), Ok(()));
        drop(more);
        assert!(is_empty(&budget));
        let _first = fill(&budget, "2001:db8::1", MIB);
        assert_eq!(claim(&budget, "2001:db8::2").grow(MIB), Err(Full::Address(16 << 20)));
        assert_eq!(claim(&budget, "2001:db8:0:1::2").grow(MIB), Ok(()));
    }

    #[test]
    fn s3_many_hostile_addresses_leave_room_for_small_bodies_of_others() {
        for each in [100_000, 50_000] {
            let budget = budget(64, None);
            let hostile: Vec<_> =
                (1..200).map(|host| fill(&budget, &format!("198.51.100.{host}"), each)).collect();
            assert!(hostile.iter().map(Vec::len).sum::<usize>() * each > 45 * MIB, "{each}");
            assert_eq!(claim(&budget, "192.0.2.1").grow(20_000), Ok(()), "{each}");
            assert_eq!(claim(&budget, "192.0.2.2").grow(30 * MIB), Err(Full::Process(64 << 20)));
        }
    }

    #[test]
    fn s3_a_flood_of_large_bodies_keeps_no_small_one_of_the_same_address_out() {
        let budget = budget(64, None);
        for address in ["127.0.0.1", "192.0.2.1"] {
            let flood = fill(&budget, address, MIB);
            assert!(flood.len() >= 16);
            let honest = claim(&budget, address);
            match address {
                "127.0.0.1" => assert_eq!(honest.grow(60_000), Ok(())),
                // Its share is what all of its bodies hold.
                _ => assert_eq!(honest.grow(60_000), Err(Full::Address(16 << 20))),
            }
        }
    }

    #[test]
    fn s3_loopback_and_proxies_have_no_share_of_their_own_unless_it_is_set() {
        let open = budget(64, None);
        assert_eq!(fill(&open, "127.0.0.1", MIB).len(), 25, "half of the part for large bodies, and one");
        let behind: Vec<_> = (0..30)
            .map(|_| open.claim("10.0.0.1".parse().unwrap(), true))
            .take_while(|claim| claim.grow(MIB).is_ok())
            .collect();
        assert_eq!(behind.len(), 25);
        assert_eq!(fill(&budget(64, Some(2)), "127.0.0.1", MIB).len(), 3);
    }

    #[test]
    fn s3_one_body_of_the_largest_size_gets_through_whatever_the_share_is() {
        let budget = budget(64, Some(1));
        assert_eq!(budget.largest(), 36 * MIB);
        let large = claim(&budget, "192.0.2.1");
        let small = claim(&budget, "192.0.2.1");
        assert_eq!(small.grow(50_000), Ok(()));
        for _ in 0..36 {
            assert_eq!(large.grow(MIB), Ok(()));
        }
        assert_eq!(large.grow(1), Err(Full::Never(36 << 20)));
        assert_eq!(claim(&budget, "192.0.2.1").grow(MIB), Err(Full::Address(1 << 20)));
        assert_eq!(claim(&budget, "192.0.2.2").grow(20 * MIB), Err(Full::Process(64 << 20)));
        assert_eq!(claim(&budget, "192.0.2.2").grow(50_000), Ok(()));
    }

    #[test]
    fn s3_a_body_that_becomes_large_leaves_the_part_of_the_small_ones() {
        let budget = budget(4, None);
        let small = claim(&budget, "127.0.0.1");
        assert_eq!(small.grow(60_000), Ok(()));
        assert_eq!(parts(&budget), (60_000, 0));
        assert_eq!(small.grow(10_000), Ok(()));
        assert_eq!(parts(&budget), (0, 70_000));
        small.shrink(usize::MAX);
        drop(small);
        assert!(is_empty(&budget));
    }

    proptest! {
        #[test]
        fn s3_whatever_comes_and_goes_no_part_is_over_and_nothing_is_lost(
            steps in prop::collection::vec((0..6u8, 0..8usize, 0..300_000usize), 1..200),
        ) {
            let budget = budget(2, Some(1));
            let mut claims: Vec<Claim> = Vec::new();
            for (address, at, bytes) in steps {
                match at {
                    0..3 => claims.push(claim(&budget, &format!("192.0.2.{address}"))),
                    3 => claims.truncate(claims.len().saturating_sub(2)),
                    4 => if let Some(claim) = claims.last() { claim.shrink(bytes) },
                    _ => if let Some(claim) = claims.get(at * 3 % claims.len().max(1)) {
                        let before = claim.holds.lock().unwrap().1;
                        let grown = claim.grow(bytes);
                        let after = claim.holds.lock().unwrap().1;
                        prop_assert_eq!(after, before + if grown.is_ok() { bytes as u64 } else { 0 });
                    },
                }
                let counts = budget.lock();
                let held: u64 = claims.iter().map(|claim| claim.holds.lock().unwrap().1).sum();
                prop_assert_eq!(counts.small + counts.large, held);
                prop_assert!(counts.small <= budget.most_small());
                prop_assert!(counts.large <= budget.most_large());
            }
            drop(claims);
            prop_assert!(is_empty(&budget));
        }
    }
}
