//! The run's own random numbers: a replay sees the same.

use crate::host::random;

pub fn bytes(count: usize) -> Vec<u8> {
    random::get_random_bytes(count as u64)
}

pub fn u64() -> u64 {
    random::get_random_u64()
}
