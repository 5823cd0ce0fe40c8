//! Counts wrong tokens by address, writes them to the log without flooding it, and answers them later and later.
//!
//! Pure: the time comes in. A right token is let in whatever came from its address before. That is the trade-off: who
//! shares an address with somebody that guesses is never locked out, and guessing is not stopped but made
//! pointless, since a token has 256 random bits. What is kept is bounded: addresses beyond the cap share one count.

use std::{collections::HashMap, net::IpAddr, time::Duration};

use crate::model::subscriber;

/// Wrong tokens of an address that are answered at once.
const FREE: u32 = 10;
/// The longest time that an address is told to wait.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);
/// An address is forgotten so long after its last wrong token and its last wait.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// Between two lines of the log about one address.
const TOLD_EVERY: Duration = Duration::from_secs(60);
/// Addresses that are remembered.
const MAX_ADDRESSES: usize = 4_096;

/// Who guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who {
    Address(IpAddr),
    /// Those for whom there is no room.
    Others,
}

#[derive(Debug, Default)]
struct Record {
    /// Wrong tokens that were no repetition during a wait.
    failures: u32,
    /// Until then every wrong token is told to wait.
    waits_until: Duration,
    last: Duration,
    /// When the log was told.
    told: Option<Duration>,
    /// Wrong tokens since then.
    untold: u64,
}

/// What comes of a wrong token.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Wrong {
    /// How long the address is told to wait; nothing while it has free attempts.
    pub(super) wait: Option<Duration>,
    /// How many wrong tokens the log is told of now; nothing when it was told lately.
    pub(super) tell: Option<u64>,
}

/// The wrong tokens of all addresses.
#[derive(Debug, Default)]
pub(super) struct Guesses {
    records: HashMap<Who, Record>,
    /// Wrong tokens since the start.
    total: u64,
    /// When the records were last searched for old ones.
    swept: Duration,
}

impl Guesses {
    /// A wrong token came from `address` at `now`, a time of the monotonic clock.
    pub(super) fn wrong(&mut self, address: IpAddr, now: Duration) -> Wrong {
        self.total += 1;
        let who = self.place(Who::Address(subscriber(address)), now);
        let record = self.records.entry(who).or_default();
        if record.is_old(now) {
            *record = Record::default();
        }
        record.last = now;
        record.untold += 1;
        if now >= record.waits_until {
            record.failures = record.failures.saturating_add(1);
            if let Some(beyond) = record.failures.checked_sub(FREE + 1) {
                let wait = Duration::from_secs(1_u64.checked_shl(beyond).unwrap_or(u64::MAX)).min(MAX_WAIT);
                record.waits_until = now.saturating_add(wait);
            }
        }
        let wait = record.waits_until.checked_sub(now).filter(|wait| !wait.is_zero());
        let tell = record.told.is_none_or(|told| now.saturating_sub(told) >= TOLD_EVERY);
        let tell = tell.then(|| {
            record.told = Some(now);
            std::mem::take(&mut record.untold)
        });
        Wrong { wait, tell }
    }

    /// Wrong tokens since the start.
    pub(super) fn total(&self) -> u64 {
        self.total
    }

    fn place(&mut self, who: Who, now: Duration) -> Who {
        if self.records.len() < MAX_ADDRESSES || self.records.contains_key(&who) {
            return who;
        }
        if now.saturating_sub(self.swept) >= TOLD_EVERY {
            self.swept = now;
            self.records.retain(|_, record| !record.is_old(now));
        }
        if self.records.len() < MAX_ADDRESSES { who } else { Who::Others }
    }
}

impl Record {
    fn is_old(&self, now: Duration) -> bool {
        now.saturating_sub(self.last.max(self.waits_until)) >= REMEMBERED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(guesses: &mut Guesses, address: &str, seconds: u64) -> Option<u64> {
        let wrong = guesses.wrong(address.parse().unwrap(), Duration::from_secs(seconds));
        wrong.wait.map(|wait| wait.as_secs())
    }

    #[test]
    fn l9_after_some_wrong_tokens_an_address_waits_for_a_growing_time() {
        let mut guesses = Guesses::default();
        for _ in 0..FREE {
            assert_eq!(at(&mut guesses, "192.0.2.1", 100), None);
        }
        assert_eq!(at(&mut guesses, "192.0.2.1", 100), Some(1));
        assert_eq!(
            at(&mut guesses, "192.0.2.1", 100),
            Some(1),
            "a wait is not made longer by who does not keep it"
        );
        assert_eq!(at(&mut guesses, "192.0.2.2", 100), None, "another address");
        assert_eq!(at(&mut guesses, "192.0.2.1", 101), Some(2));
        assert_eq!(at(&mut guesses, "::ffff:192.0.2.1", 102), Some(1), "the rest of it");
        let mut now = 103;
        for expected in [4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
            assert_eq!(at(&mut guesses, "192.0.2.1", now), Some(expected));
            now += expected;
        }
        now += REMEMBERED.as_secs();
        assert_eq!(at(&mut guesses, "192.0.2.1", now), None, "after a long time all is forgotten");
    }

    #[test]
    fn l9_the_log_is_told_once_a_minute_of_each_address_and_of_every_token() {
        let mut guesses = Guesses::default();
        let mut told = Vec::new();
        for ms in 0..180_000_u64 {
            let wrong = guesses.wrong("192.0.2.1".parse().unwrap(), Duration::from_millis(ms));
            told.extend(wrong.tell);
        }
        assert_eq!(told, [1, 60_000, 60_000]);
        assert_eq!(guesses.total(), 180_000);
    }

    #[test]
    fn l9_a_flood_of_addresses_is_bounded_and_waits_too() {
        let mut guesses = Guesses::default();
        for index in 0..MAX_ADDRESSES as u32 + 20 {
            at(&mut guesses, &std::net::Ipv4Addr::from_bits(index).to_string(), 100);
        }
        assert_eq!(guesses.records.len(), MAX_ADDRESSES + 1);
        assert!(at(&mut guesses, "203.0.113.1", 100).is_some(), "strangers share one count");
        let later = 101 + 2 * REMEMBERED.as_secs();
        assert_eq!(at(&mut guesses, "203.0.113.1", later), None);
        assert!(guesses.records.len() <= 2);
    }
}
