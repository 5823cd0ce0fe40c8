//! What wrong passwords cost whoever sends them. Pure: the time comes in.
//!
//! Two counts, and neither lets a stranger keep somebody out:
//! - One name from one address: after some wrong passwords it waits, 1 s, 2 s, 4 s and so on.
//! - One address over all names: likewise, except for names that logged in from this address before. So who shares an address with
//!   somebody that guesses is let in as ever.
//!
//! Guesses at one name from many addresses are not refused, since that would let strangers decide when its owner gets in: each
//! is answered later instead, and the work on passwords is bounded besides. What is kept is bounded; beyond the cap all share
//! one count.

use std::{collections::HashMap, time::Duration};

/// Wrong passwords for one name from one address that cost nothing.
const FREE_OF_PAIR: u32 = 5;
/// Wrong passwords from one address that cost nothing.
const FREE_OF_ADDRESS: u32 = 20;
/// Wrong passwords for one name from anywhere that are answered at once.
const FREE_OF_NAME: u32 = 10;
/// The longest time that somebody is told to wait.
const MAX_WAIT: Duration = Duration::from_secs(15 * 60);
/// The longest time that an answer is held back.
const MAX_DELAY: Duration = Duration::from_secs(4);
/// A count is forgotten so long after its last wrong password and its last wait.
const REMEMBERED: Duration = Duration::from_secs(15 * 60);
/// Between two searches for counts to forget.
const SWEEP_EVERY: Duration = Duration::from_secs(60);
/// Counts that are kept.
const MAX_COUNTS: usize = 8_192;

/// Whose count it is. Names stand as digests, since a name of a stranger may be long, or be a password in the wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Whose {
    Pair([u8; 16], String),
    Address(String),
    Name([u8; 16]),
    /// Those for whom there is no room.
    Others,
}

#[derive(Debug, Default)]
struct Count {
    wrong: u32,
    waits_until: Duration,
    last: Duration,
}

impl Count {
    fn is_old(&self, now: Duration) -> bool {
        now.saturating_sub(self.last.max(self.waits_until)) >= REMEMBERED
    }
}

/// What comes of an attempt to log in, before its password is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// Look at the password, after this time.
    After(Duration),
    /// Do not look at it; its sender is told to wait so long.
    Wait(Duration),
}

/// The wrong passwords of late.
#[derive(Debug, Default)]
pub struct Logins {
    counts: HashMap<Whose, Count>,
    swept: Duration,
}

impl Logins {
    /// Somebody at `address` gives a password for the name with this digest at `now`, a time of the monotonic clock. `known` says
    /// whether this name logged in from this address before.
    pub fn attempt(&mut self, name: [u8; 16], address: &str, known: bool, now: Duration) -> Attempt {
        let pair = self.wait_of(&Whose::Pair(name, address.to_owned()), known, now);
        let from_address = if known {
            Duration::ZERO
        } else {
            self.wait_of(&Whose::Address(address.to_owned()), known, now)
        };
        let wait = pair.max(from_address);
        if !wait.is_zero() {
            return Attempt::Wait(wait);
        }
        let of_name = self.counts.get(&Whose::Name(name)).filter(|count| !count.is_old(now));
        let beyond = of_name.and_then(|count| count.wrong.checked_sub(FREE_OF_NAME)).filter(|_| !known);
        let delay = beyond.map_or(Duration::ZERO, |beyond| {
            Duration::from_millis(250).saturating_mul(1 << beyond.min(8)).min(MAX_DELAY)
        });
        Attempt::After(delay)
    }

    /// The password was wrong.
    pub fn wrong(&mut self, name: [u8; 16], address: &str, now: Duration) {
        self.count(Whose::Pair(name, address.to_owned()), FREE_OF_PAIR, now);
        self.count(Whose::Address(address.to_owned()), FREE_OF_ADDRESS, now);
        self.count(Whose::Name(name), u32::MAX, now);
    }

    /// The password was right: what this name cost at this address is forgotten.
    pub fn right(&mut self, name: [u8; 16], address: &str) {
        self.counts.remove(&Whose::Pair(name, address.to_owned()));
    }

    fn wait_of(&self, whose: &Whose, known: bool, now: Duration) -> Duration {
        let wait = |count: &Count| count.waits_until.saturating_sub(now);
        match (self.counts.get(whose), known) {
            (Some(own), _) => wait(own),
            (None, true) => Duration::ZERO,
            // Whoever has no count of their own has that of all others, of which strangers must not make a long one.
            (None, false) => {
                let others = self.counts.get(&Whose::Others).filter(|_| self.counts.len() >= MAX_COUNTS);
                others.map_or(Duration::ZERO, wait).min(MAX_DELAY)
            }
        }
    }

    fn count(&mut self, whose: Whose, free: u32, now: Duration) {
        let whose = self.place(whose, now);
        let count = self.counts.entry(whose).or_default();
        if count.is_old(now) {
            *count = Count::default();
        }
        count.last = now;
        count.wrong = count.wrong.saturating_add(1);
        if let Some(beyond) = count.wrong.checked_sub(free) {
            let wait = Duration::from_secs(1_u64.checked_shl(beyond).unwrap_or(u64::MAX)).min(MAX_WAIT);
            count.waits_until = now.saturating_add(wait);
        }
    }

    fn place(&mut self, whose: Whose, now: Duration) -> Whose {
        if self.counts.len() < MAX_COUNTS || self.counts.contains_key(&whose) {
            return whose;
        }
        if now.saturating_sub(self.swept) >= SWEEP_EVERY {
            self.swept = now;
            self.counts.retain(|_, count| !count.is_old(now));
        }
        if self.counts.len() < MAX_COUNTS { whose } else { Whose::Others }
    }
}

/// So many tries in a span, whoever makes them.
#[derive(Debug)]
pub struct Tries {
    most: u32,
    span: Duration,
    begun: Duration,
    made: u32,
}

impl Tries {
    /// `most` tries in each `span`.
    pub fn new(most: u32, span: Duration) -> Self {
        Self { most, span, begun: Duration::ZERO, made: 0 }
    }

    /// Counts a try at `now`; gives how long to wait if it is one too many.
    pub fn one_more(&mut self, now: Duration) -> Option<Duration> {
        if now.saturating_sub(self.begun) >= self.span {
            (self.begun, self.made) = (now, 0);
        }
        self.made = self.made.saturating_add(1);
        (self.made > self.most).then(|| (self.begun + self.span).saturating_sub(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: [u8; 16] = [1; 16];
    const NOW: Attempt = Attempt::After(Duration::ZERO);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn after_some_wrong_passwords_a_name_waits_at_that_address_for_a_growing_time() {
        let mut logins = Logins::default();
        let mut now = 100;
        for _ in 0..FREE_OF_PAIR {
            assert_eq!(logins.attempt(ANNA, "a", true, at(now)), NOW);
            logins.wrong(ANNA, "a", at(now));
        }
        for expected in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            assert_eq!(logins.attempt(ANNA, "a", true, at(now)), Attempt::Wait(at(expected)));
            now += expected;
            assert_eq!(logins.attempt(ANNA, "a", true, at(now)), NOW);
            logins.wrong(ANNA, "a", at(now));
        }
        logins.right(ANNA, "a");
        assert_eq!(logins.attempt(ANNA, "a", true, at(now)), NOW);
    }

    #[test]
    fn a_stranger_locks_nobody_out() {
        let mut logins = Logins::default();
        for stranger in 0..2_000 {
            logins.wrong(ANNA, &format!("stranger {stranger}"), at(100));
            logins.wrong([(stranger % 200 + 20) as u8; 16], "shared", at(100));
        }
        assert_eq!(logins.attempt(ANNA, "home", true, at(100)), NOW, "where she logged in before");
        let Attempt::After(delay) = logins.attempt(ANNA, "elsewhere", false, at(100)) else {
            panic!("she is let in from elsewhere too")
        };
        assert!(delay <= MAX_DELAY);
        assert_eq!(
            logins.attempt(ANNA, "shared", true, at(100)),
            NOW,
            "who shares an address is known there"
        );
        assert!(matches!(logins.attempt([250; 16], "shared", false, at(100)), Attempt::Wait(_)));
    }

    #[test]
    fn what_is_kept_is_bounded_and_forgotten() {
        let mut logins = Logins::default();
        for stranger in 0..MAX_COUNTS as u32 {
            let mut name = [0; 16];
            name[..4].copy_from_slice(&stranger.to_be_bytes());
            logins.wrong(name, &stranger.to_string(), at(100));
        }
        assert!(logins.counts.len() <= MAX_COUNTS + 1);
        (0..100).for_each(|stranger| logins.wrong([9; 16], &format!("new {stranger}"), at(100)));
        assert_eq!(
            logins.attempt(ANNA, "home", true, at(100)),
            NOW,
            "a flood keeps nobody out who was here before"
        );
        assert_eq!(logins.attempt(ANNA, "elsewhere", false, at(100)), Attempt::Wait(MAX_DELAY));
        logins.wrong(ANNA, "a", at(101 + 2 * REMEMBERED.as_secs()));
        assert!(logins.counts.len() <= 3, "{}", logins.counts.len());
    }

    #[test]
    fn tries_come_back_with_the_next_span() {
        let mut tries = Tries::new(2, at(60));
        let waits = [100, 110, 120, 159, 160].map(|now| tries.one_more(at(now)).map(|wait| wait.as_secs()));
        assert_eq!(waits, [None, None, Some(40), Some(1), None]);
    }
}
