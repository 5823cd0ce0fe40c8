//! What components and commands are given alike: the harmless part of WASI, and their limits.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use wasmtime::Store;
use wasmtime_wasi::WasiCtxBuilder;

use super::clock::Clock;
use crate::model::Limits;

/// The most random bytes that are given at once.
const RANDOM_MOST: u64 = 64 << 10;

/// What a guest may be given of WASI: nothing but its streams, its clock and its randomness.
pub(super) fn wasi(builder: &mut WasiCtxBuilder, clock: &Clock, seed: [u8; 32]) {
    let random = |stream| {
        let mut random = ChaCha20Rng::from_seed(seed);
        random.set_stream(stream);
        random
    };
    let mut insecure = [0; 16];
    // From a stream of its own: it says nothing of the seed.
    random(2).fill_bytes(&mut insecure);
    builder
        .wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .secure_random(random(0))
        .insecure_random(random(1))
        .insecure_random_seed(u128::from_le_bytes(insecure))
        .max_random_size(RANDOM_MOST)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
}

/// Fuel, and a stop at each epoch, where the time is looked at.
pub(super) fn arm<T: Send>(store: &mut Store<T>, limits: &Limits) -> wasmtime::Result<()> {
    store.set_fuel(limits.fuel)?;
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    Ok(())
}
