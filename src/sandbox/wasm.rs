//! What both engines set up alike in wasmtime: their pool of instances, and the clock of their epochs.

use std::{thread, time::Duration};

use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use super::SandboxError;

/// Time between two epochs: how late a deadline may be noticed.
const TICK: Duration = Duration::from_millis(5);

/// An engine that cannot be made, or a module that does not fit it.
pub(super) fn load_error(error: wasmtime::Error) -> SandboxError {
    SandboxError::Engine(format!("{error:#}"))
}

/// Bytes that each of so many slots keeps mapped between calls, where all may keep a quarter of the memory.
pub(super) fn kept_resident(most: usize, memory: u64, slots: u32) -> usize {
    const PAGE: usize = 64 << 10;
    let part = usize::try_from(memory / 4 / u64::from(slots.max(1))).unwrap_or(usize::MAX);
    most.min(part / PAGE * PAGE)
}

/// An engine with an instance pool; where there is no room for one, with instances on demand.
pub(super) fn pooled(config: &Config, pool: PoolingAllocationConfig) -> Result<Engine, SandboxError> {
    let mut pooled = config.clone();
    pooled.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    match Engine::new(&pooled) {
        Ok(engine) => Ok(engine),
        Err(error) => {
            // The pool reserves address space for every slot, which `ulimit -v` and some containers refuse.
            tracing::warn!(
                error = format!("{error:#}"),
                "no instance pool; starting instances on demand, slower"
            );
            Engine::new(config).map_err(load_error)
        }
    }
}

/// Epochs come from a thread of its own: the async runtime may be kept busy by the very guests.
pub(super) fn start_ticker(engine: &Engine) -> Result<(), SandboxError> {
    let engine = engine.weak();
    thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || {
            while let Some(engine) = engine.upgrade() {
                engine.increment_epoch();
                drop(engine);
                thread::sleep(TICK);
            }
        })
        .map(|_| ())
        .map_err(|error| SandboxError::Start(error.to_string()))
}
