//! The run's own randomness: a ChaCha20 stream from its seed, so that a replay draws the same numbers.

use rand_chacha::rand_core::Rng;
use wasmtime::Caller;

use crate::sandbox::js::guest::{Guest, memory_and_guest};

/// The most one call fills.
const MOST: usize = 64 << 10;

/// Fills guest memory with random bytes.
pub(super) fn random(mut caller: Caller<'_, Guest>, pointer: u32, length: u32) -> wasmtime::Result<()> {
    let (memory, guest) = memory_and_guest(&mut caller)?;
    guest.host_calls += 1;
    let (pointer, length) = (pointer as usize, length as usize);
    let end = pointer.checked_add(length).filter(|_| length <= MOST);
    let target = end
        .and_then(|end| memory.get_mut(pointer..end))
        .ok_or_else(|| wasmtime::Error::msg("random: the guest named memory that it does not have"))?;
    guest.random.fill_bytes(target);
    Ok(())
}
