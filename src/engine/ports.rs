//! What the engine asks the world for: the time and randomness. Tests bring their own.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::{RequestId, RunId};

/// The clock and the source of randomness.
pub trait Ports: Send + Sync + 'static {
    /// Milliseconds since the epoch.
    fn now_ms(&self) -> u64;

    /// Fills `bytes` with randomness that nobody can guess.
    fn fill(&self, bytes: &mut [u8]);
}

impl dyn Ports {
    fn array<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    /// A seed for one run.
    pub fn seed(&self) -> [u8; 32] {
        self.array()
    }

    /// A run id of now.
    pub fn run_id(&self) -> RunId {
        RunId::new(self.now_ms(), self.array())
    }

    /// A request id of now.
    pub fn request_id(&self) -> RequestId {
        RequestId::new(self.now_ms(), self.array())
    }
}

/// The machine's own clock and randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemPorts;

impl Ports for SystemPorts {
    fn now_ms(&self) -> u64 {
        // A clock before 1970 reads as 1970.
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }

    fn fill(&self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system gives randomness once it is up");
    }
}
