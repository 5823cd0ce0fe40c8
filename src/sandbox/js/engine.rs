//! The JavaScript engine as a loaded module: compiled once, cached, instantiated per call.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use wasmtime::{Config, Enabled, Engine, InstancePre, Linker, Module, PoolingAllocationConfig, Strategy};

use super::{
    artefact,
    crew::Crew,
    frozen,
    guest::Guest,
    host,
    hot_pages::HotPages,
    kept::{Kept, Most},
    metering::Metering,
};
use crate::{
    model::Limits,
    sandbox::{
        Room, SandboxError,
        admission::Admission,
        cache::{Cache, Code},
        wasm::{kept_resident, load_error, pooled, start_ticker},
    },
};

/// Wasm stack of one call.
const WASM_STACK: usize = 512 << 10;

/// Bytes of written memory that a slot keeps mapped between calls: restoring them is cheaper than new page faults. All slots
/// together keep no more than a quarter of the budget.
const KEEP_RESIDENT: usize = 4 << 20;

/// Instances that may be kept while their scripts wait, for each slot. Further ones are given up and made again.
pub(super) const WAITING: usize = 2;

/// How the engine is set up.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// Where the compiled engine is kept; nothing compiles it at every start.
    pub cache: Option<PathBuf>,
    /// Calls that may run at once, 1 to 512.
    pub slots: usize,
    /// What all calls share, plugins included: memory, by the limits of those that are under way.
    pub admission: Admission,
    /// Whether an instance that did its call well is put back to what it was before and kept for the next call of its script.
    pub reuse: bool,
    /// How the computing of scripts is counted and ended.
    pub metering: Metering,
}

impl EngineOptions {
    /// The most slots: the pool reserves address space for each.
    pub const SLOTS_MOST: usize = 512;

    pub(super) fn slots(&self) -> usize {
        self.slots.clamp(1, Self::SLOTS_MOST)
    }
}

impl Default for EngineOptions {
    fn default() -> Self {
        let (admission, metering) = (Admission::default(), Metering::default());
        Self { cache: None, slots: 32, admission, reuse: true, metering }
    }
}

/// The loaded engine. Cheap to clone.
#[derive(Clone)]
pub struct JsEngine {
    pub(super) engine: Engine,
    pub(super) instance: InstancePre<Guest>,
    pub(super) admission: Admission,
    pub(super) crew: Arc<Crew>,
    /// One script is checked, or has its image made, at a time: they stand in no line of calls.
    pub(super) making: Arc<Mutex<()>>,
    /// What a script writes to that is evaluated anew, and what one writes to that has an image.
    pub(super) hot: Arc<HotPages>,
    pub(super) hot_in_calls: Arc<HotPages>,
    /// Instances that are kept between calls, if they are.
    pub(super) kept: Option<Arc<Kept>>,
    pub(super) metering: Metering,
}

impl JsEngine {
    /// The engine from the cache, or compiled, without any hot pages; whether it came from the cache.
    pub(super) fn cold(options: &EngineOptions) -> Result<(Self, bool), SandboxError> {
        let engine = new_engine(options)?;
        let (module, cached) = load_module(&engine, options)?;
        let mut linker = Linker::new(&engine);
        host::link(&mut linker).map_err(load_error)?;
        let instance = linker.instantiate_pre(&module).map_err(load_error)?;
        start_ticker(&engine)?;
        options.admission.turns.add_engine(&engine);
        let cold = Self {
            engine,
            instance,
            admission: options.admission.clone(),
            crew: Arc::default(),
            making: Arc::default(),
            hot: Arc::default(),
            hot_in_calls: Arc::default(),
            kept: None,
            metering: options.metering,
        };
        Ok((cold, cached))
    }
}

impl JsEngine {
    /// How much of the sandbox is taken, by scripts and by the plugins that share it.
    pub fn room(&self) -> Room {
        self.admission.room()
    }

    /// How the computing of scripts is counted and ended.
    pub fn metering(&self) -> Metering {
        self.metering
    }
}

fn config(metering: Metering) -> Config {
    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .consume_fuel(metering.counts())
        .epoch_interruption(true)
        .max_wasm_stack(WASM_STACK)
        .memory_init_cow(true)
        .cranelift_nan_canonicalization(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(16))
        .native_unwind_info(false)
        // Which byte of engine.wasm trapped says nothing about a script. Two of 24 MB of compiled code.
        .generate_address_map(false)
        .wasm_relaxed_simd(false)
        .wasm_memory64(false)
        .wasm_multi_memory(false);
    config
}

fn new_engine(options: &EngineOptions) -> Result<Engine, SandboxError> {
    let (slots, memory) = (options.slots(), options.admission.memory());
    // Four more for scripts that are checked or have their images made, and one that shows what a fresh memory holds.
    let slots = u32::try_from(slots * (1 + WAITING) + Most::instances(slots) + 5).expect("at most 512 slots");
    let mut pool = PoolingAllocationConfig::default();
    pool.total_core_instances(slots)
        .total_memories(slots)
        .total_tables(slots * 2)
        .max_memories_per_module(1)
        .max_tables_per_module(2)
        .table_elements(20_000)
        .max_memory_size(Limits::CAP.memory.as_usize())
        .max_unused_warm_slots(slots)
        .linear_memory_keep_resident(kept_resident(KEEP_RESIDENT, memory, slots))
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    pooled(&config(options.metering), pool)
}

fn load_module(engine: &Engine, options: &EngineOptions) -> Result<(Module, bool), SandboxError> {
    let Some(folder) = &options.cache else {
        return Ok((Module::from_binary(engine, &checked_wasm()?).map_err(load_error)?, false));
    };
    let cache_error = |source| SandboxError::Cache { folder: folder.display().to_string(), source };
    let cache = Cache::open(folder).map_err(cache_error)?;
    let fingerprint = fingerprint(options.metering);
    if let Some(code) = cache.load(&fingerprint) {
        match code.module(engine) {
            Ok(module) => return Ok((module, true)),
            Err(error) => {
                tracing::warn!(error = format!("{error:#}"), "the cached engine does not fit; compiling anew")
            }
        }
    }
    tracing::info!(folder = %folder.display(), "compiling the JavaScript engine, once; this takes some seconds");
    let code = engine.precompile_module(&checked_wasm()?).map_err(load_error)?;
    cache.store(&fingerprint, &code).map_err(cache_error)?;
    // From its file, if that works: its pages are then no memory of ours alone.
    // SAFETY: the bytes come from `precompile_module` two lines above.
    let code = cache.load(&fingerprint).unwrap_or_else(|| unsafe { Code::fresh(code) });
    Ok((code.module(engine).map_err(load_error)?, false))
}

/// The engine as WebAssembly, checked each time that it is compiled: what the cache has was compiled from it.
fn checked_wasm() -> Result<Vec<u8>, SandboxError> {
    let wasm = artefact::wasm();
    let not_frozen = |what| SandboxError::Engine(format!("the module {what}; please report it"));
    frozen::check(&wasm).map_err(not_frozen)?;
    Ok(wasm)
}

/// What the compiled form depends on.
fn fingerprint(metering: Metering) -> Vec<u8> {
    let mut fingerprint = artefact::sha256().as_bytes().to_vec();
    fingerprint.extend_from_slice(concat!(env!("CARGO_PKG_VERSION"), "/").as_bytes());
    fingerprint.extend_from_slice(metering.word().as_bytes());
    fingerprint.extend_from_slice(b"+epoch+frozen/2");
    fingerprint.extend_from_slice(std::env::consts::ARCH.as_bytes());
    fingerprint
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_engine_keeps_all_that_outlives_a_call_in_its_memory() {
        assert_eq!(frozen::check(&artefact::wasm()), Ok(()));
    }
}
