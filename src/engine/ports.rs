//! The clock and the randomness of the engine. Tests bring their own.

use std::{
    sync::Mutex,
    time::{SystemTime, UNIX_EPOCH},
};

use rand::Rng as _;

use crate::model::{RequestId, RunId};

/// The clock and the source of randomness.
pub trait Ports: Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> u64;

    /// Fills `bytes` with randomness that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);

    /// The moment and the random part of an id. Each pair is greater than the one before, because lists and recovery go
    /// by ids, and many ids fall into one millisecond. When the clock is set back, the last moment stays.
    fn moment(&self) -> (u64, [u8; 10]);
}

impl dyn Ports {
    /// A seed for one run.
    pub fn seed(&self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.fill(&mut seed);
        seed
    }

    /// A number that nobody can guess.
    pub fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        self.fill(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    /// A run id of now.
    pub fn run_id(&self) -> RunId {
        let (now_ms, random) = self.moment();
        RunId::new(now_ms, random)
    }

    /// A request id of now.
    pub fn request_id(&self) -> RequestId {
        let (now_ms, random) = self.moment();
        RequestId::new(now_ms, random)
    }
}

/// The machine's own clock and randomness.
#[derive(Debug, Default)]
pub struct SystemPorts {
    /// The last moment given out: milliseconds above, 80 random bits below.
    last: Mutex<u128>,
    /// Where this clock began and where the machine's stood then, for tests.
    began: Option<(u64, u64)>,
}

impl SystemPorts {
    /// A clock that begins at `now_ms`, milliseconds since the epoch, and goes on from there. For tests of senders whose
    /// signatures are from the past.
    pub fn beginning_at(now_ms: u64) -> Self {
        Self { began: Some((now_ms, system_ms())), ..Self::default() }
    }
}

/// A clock before 1970 reads as 1970.
fn system_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// The moment after `last`: of now if that is later, else a random step of at most 2^32 further, so that ids of
/// one millisecond are in order and yet cannot be guessed from each other.
pub(super) fn next_moment(last: u128, now_ms: u64, random: [u8; 10]) -> u128 {
    let mut low = [0u8; 16];
    low[6..].copy_from_slice(&random);
    let fresh = (u128::from(now_ms) << 80) | u128::from_be_bytes(low);
    if fresh >> 80 > last >> 80 {
        return fresh;
    }
    last + 1 + (fresh & 0xffff_ffff)
}

impl Ports for SystemPorts {
    fn now_ms(&self) -> u64 {
        match self.began {
            None => system_ms(),
            Some((begin, then)) => begin + system_ms().saturating_sub(then),
        }
    }

    fn fill(&self, bytes: &mut [u8]) {
        // ChaCha in each thread, seeded by the operating system again and again: no system call for each id and seed.
        rand::rng().fill_bytes(bytes);
    }

    fn moment(&self) -> (u64, [u8; 10]) {
        let mut random = [0; 10];
        self.fill(&mut random);
        let mut last = self.last.lock().expect("no code panics under this lock");
        *last = next_moment(*last, self.now_ms(), random);
        let (high, low) = (*last >> 80, last.to_be_bytes());
        random.copy_from_slice(&low[6..]);
        (high as u64, random)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_millisecond_and_of_a_clock_set_back_are_in_order() {
        let mut last = next_moment(0, 1_000, [255; 10]);
        for now_ms in [1_000, 1_000, 900, 1_001, 5, 2_000] {
            let next = next_moment(last, now_ms, [7; 10]);
            assert!(next > last, "{now_ms}");
            last = next;
        }
        let ports = SystemPorts::default();
        let ids: Vec<RunId> = (0..1_000).map(|_| (&ports as &dyn Ports).run_id()).collect();
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
