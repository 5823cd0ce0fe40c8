//! What a module may be made of: the parts and stacks that there is room for, and the proposals of WebAssembly that are on.
//!
//! Both the engine that runs modules and the process that compiles them are set up by these.

use wasmtime::{Config, Strategy};

/// Wasm stack of one call: interpreters that run inside recurse deep.
const WASM_STACK: usize = 1 << 20;
/// The whole stack of one call, that of host functions included.
pub(super) const ASYNC_STACK: usize = 2 << 20;
/// Core instances, memories and tables of one component.
pub(super) const INSTANCES: u32 = 64;
pub(super) const MEMORIES: u32 = 4;
pub(super) const TABLES: u32 = 32;
/// What a component may have more than one of.
pub(super) const PARTS: [u32; 3] = [INSTANCES, MEMORIES, TABLES];
/// The elements that one table may have.
pub(super) const ELEMENTS: usize = 100_000;

/// Proposals that are young, or need what a step has not, are off; each is an error that names it.
pub(super) fn config() -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .async_stack_size(ASYNC_STACK)
        .memory_init_cow(true)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16))
        .native_unwind_info(false)
        .wasm_memory64(false);
    config
}
