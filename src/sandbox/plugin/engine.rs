//! What runs uploaded modules: a wasmtime engine beside that of the scripts, its threads, and what modules may import.

use std::{path::PathBuf, sync::Arc};

use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, Handle, Runtime};
use wasmtime::{Engine, Linker, PoolingAllocationConfig, component};

use super::{
    PluginError,
    bounds::{ELEMENTS, INSTANCES, MEMORIES, TABLES, config},
    command::{self, CommandState},
    compile::{self, Compiler},
    component::ComponentState,
    outline::Outline,
    powers,
    ready::{Plugin, Ready},
};
use crate::{
    model::{Limits, PluginHash, PluginKind},
    reactor::off_the_reactor,
    sandbox::{
        SandboxError,
        admission::{Admission, Kind},
        cache::{Cache, Code},
        wasm::{kept_resident, load_error, pooled, start_ticker},
    },
};

/// Bytes of written memory that a slot keeps mapped between calls.
const KEEP_RESIDENT: usize = 1 << 20;
/// The settings of the plugin engine.
#[derive(Debug, Clone)]
pub struct PluginOptions {
    /// Where machine code is kept.
    pub cache: Option<PathBuf>,
    /// The process that compiles the modules.
    pub compiler: Compiler,
    /// Calls that may be under way at once, those that wait included, 1 to 512.
    pub slots: usize,
    /// What all calls share, scripts included.
    pub admission: Admission,
}

impl Default for PluginOptions {
    fn default() -> Self {
        Self { cache: None, compiler: Compiler::Here, slots: 32, admission: Admission::default() }
    }
}

/// Runs plugins. Cheap to clone.
#[derive(Clone)]
pub struct PluginEngine {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) engine: Engine,
    pub(super) components: component::Linker<ComponentState>,
    pub(super) commands: Linker<CommandState>,
    pub(super) admission: Admission,
    /// One module is asked what it is at a time: that stands in no line of calls.
    pub(super) describing: tokio::sync::Mutex<()>,
    compiler: Compiler,
    cache: Option<Cache>,
    /// One module is compiled at a time.
    compiling: tokio::sync::Mutex<()>,
    threads: Threads,
}

/// Threads of their own for the guests, so that one that computes keeps no other task of the server from its turn. A guest that
/// waits holds none of them.
struct Threads(Option<Runtime>);

impl Drop for Threads {
    fn drop(&mut self) {
        // A runtime may not wait for its threads where others' tasks run.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl PluginEngine {
    /// An engine without any module.
    ///
    /// # Errors
    /// When the cache folder cannot be used, or threads and memory are not to be had.
    pub fn new(options: PluginOptions) -> Result<Self, SandboxError> {
        let slots = options.slots.clamp(1, 512);
        let engine = new_engine(slots, options.admission.memory())?;
        start_ticker(&engine)?;
        options.admission.turns.add_engine(&engine);
        let mut components = component::Linker::new(&engine);
        powers::link(&mut components).map_err(load_error)?;
        let mut commands = Linker::new(&engine);
        command::link(&mut commands).map_err(load_error)?;
        let open = |folder: &PathBuf| {
            Cache::open(folder)
                .map_err(|source| SandboxError::Cache { folder: folder.display().to_string(), source })
        };
        let threads = Builder::new_multi_thread()
            .worker_threads(std::thread::available_parallelism().map_or(1, usize::from))
            .thread_name("plugin")
            .enable_time()
            .build()
            .map_err(|error| SandboxError::Start(error.to_string()))?;
        options.admission.add_slots(Kind::Plugin, slots, 0);
        Ok(Self {
            inner: Arc::new(Inner {
                engine,
                components,
                commands,
                admission: options.admission.clone(),
                describing: tokio::sync::Mutex::new(()),
                cache: options.cache.as_ref().map(open).transpose()?,
                compiler: options.compiler,
                compiling: tokio::sync::Mutex::new(()),
                threads: Threads(Some(threads)),
            }),
        })
    }

    pub(super) fn threads(&self) -> &Handle {
        self.inner.threads.0.as_ref().expect("it is there until the engine is dropped").handle()
    }

    /// Compiles a module, or takes its machine code from the cache, and links it.
    ///
    /// # Errors
    /// For which reason it is no plugin. Whether it describes itself is not asked yet.
    pub async fn prepare(&self, bytes: &[u8]) -> Result<Plugin, PluginError> {
        let inner = &*self.inner;
        let hash = off_the_reactor(|| PluginHash(Sha256::digest(bytes).into()));
        let outline = off_the_reactor(|| Outline::read(bytes))?;
        let fingerprint = fingerprint(hash);
        // The store holds the modules; what is compiled can always be made again.
        let cached = off_the_reactor(|| {
            let code = inner.cache.as_ref()?.load(&fingerprint)?;
            Some(self.load(hash, &outline, code))
        });
        match cached {
            Some(Ok(plugin)) => return Ok(plugin),
            Some(Err(error)) => {
                tracing::warn!(%hash, %error, "a cached plugin does not fit; compiling it anew")
            }
            None => {}
        }
        let _one = inner.compiling.lock().await;
        let code = compile::compile(&inner.compiler, bytes).await?;
        off_the_reactor(|| {
            // From its file, if that works: its pages are then no memory of ours alone.
            let kept = inner.cache.as_ref().and_then(|cache| {
                let stored = cache.store(&fingerprint, &code);
                if let Err(error) = stored {
                    tracing::warn!(%error, "a compiled plugin cannot be kept; it will be compiled at each start");
                    return None;
                }
                cache.load(&fingerprint)
            });
            // SAFETY: the bytes come from our own compiler process, a moment ago.
            let plugin = self.load(hash, &outline, kept.unwrap_or_else(|| unsafe { Code::fresh(code) }));
            if plugin.is_err() {
                self.forget(hash);
            }
            plugin
        })
    }

    /// Drops the machine code of a module that nobody needs any more.
    pub fn forget(&self, hash: PluginHash) {
        if let Some(cache) = &self.inner.cache {
            cache.remove(&fingerprint(hash));
        }
    }

    fn load(&self, hash: PluginHash, outline: &Outline, code: Code) -> Result<Plugin, PluginError> {
        let inner = &*self.inner;
        let broken = |error: wasmtime::Error| PluginError::Compiler { why: format!("{error:#}") };
        let unlinked = |error: wasmtime::Error| PluginError::Invalid {
            why: format!("it does not fit what it imports: {error:#}"),
        };
        let ready = match outline.kind {
            PluginKind::Component => {
                let component = code.component(&inner.engine).map_err(broken)?;
                let linked = inner.components.instantiate_pre(&component).map_err(unlinked)?;
                Ready::component(linked)?
            }
            PluginKind::Command => {
                let module = code.module(&inner.engine).map_err(broken)?;
                Ready::Command(inner.commands.instantiate_pre(&module).map_err(unlinked)?)
            }
        };
        Ok(Plugin { hash, kind: outline.kind, ready })
    }
}

/// What the compiled form depends on.
fn fingerprint(hash: PluginHash) -> Vec<u8> {
    let mut fingerprint = hash.0.to_vec();
    fingerprint.extend_from_slice(concat!(env!("CARGO_PKG_VERSION"), "/plugin/fuel+epoch/2").as_bytes());
    fingerprint.extend_from_slice(std::env::consts::ARCH.as_bytes());
    fingerprint
}

fn new_engine(slots: usize, memory: u64) -> Result<Engine, SandboxError> {
    let slots = u32::try_from(slots).expect("at most 512 slots") + 4;
    let mut pool = PoolingAllocationConfig::default();
    // Room for the largest plugin in every slot: who is let in never finds it full.
    pool.total_component_instances(slots)
        .total_core_instances(slots * INSTANCES)
        .total_memories(slots * MEMORIES)
        .total_tables(slots * TABLES)
        .total_stacks(slots)
        .max_core_instances_per_component(INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_module(TABLES)
        .table_elements(ELEMENTS)
        .max_memory_size(Limits::CAP.memory.as_usize())
        .max_unused_warm_slots(slots)
        .linear_memory_keep_resident(kept_resident(KEEP_RESIDENT, memory, slots * MEMORIES))
        .table_keep_resident(64 << 10)
        .async_stack_keep_resident(64 << 10)
        .pagemap_scan(wasmtime::Enabled::Auto);
    pooled(&config(), pool)
}
