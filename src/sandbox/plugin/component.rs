//! Components: the host's side of one call, and the two things that are asked of one.

use std::sync::Arc;

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use wasmtime::{InstancePre, Store, component};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::{
    PluginError,
    bindings::{CallerPre, exports::flowcell::plugin::handler, flowcell::plugin::types},
    call::{Allowed, PluginCall},
    clock::Clock,
    command::CommandState,
    engine::PARTS,
    stdio::{Log, Sink},
};
use crate::{
    model::{CallError, HostPattern, JsonText, Limits, LogLevel},
    sandbox::{host::LogBook, limiter::Limiter},
};

/// The most random bytes that are given at once.
const RANDOM_MOST: u64 = 64 << 10;
/// What one call of the host may hand over, bytes.
const CALL_MOST: usize = 16 << 20;
/// Handles of resources, such as streams and pollables.
const HANDLES_MOST: usize = 1_000;

/// A module that is linked, as it is called.
pub(super) enum Ready {
    Component(CallerPre<ComponentState>),
    Command(InstancePre<CommandState>),
}

impl Ready {
    pub(super) fn component(linked: component::InstancePre<ComponentState>) -> Result<Self, PluginError> {
        let pre = CallerPre::new(linked);
        pre.map(Self::Component).map_err(|error| PluginError::Invalid {
            why: format!("what it exports is not what flowcell:plugin/handler@1.0.0 says: {error:#}"),
        })
    }
}

/// A call that a guest makes and that somebody outside performs.
pub(super) struct Ask {
    pub(super) op: &'static str,
    pub(super) args: Value,
    pub(super) hosts: Option<Arc<[HostPattern]>>,
    pub(super) reply: oneshot::Sender<Answered>,
}

/// What came of it, and when, milliseconds since the epoch.
pub(super) struct Answered {
    pub(super) result: Result<JsonText, CallError>,
    pub(super) at_ms: u64,
}

/// The host's side of one call of a component.
pub(super) struct ComponentState {
    pub(super) limiter: Limiter,
    pub(super) log: Log,
    pub(super) clock: Clock,
    pub(super) host_calls: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) config: serde_json::Map<String, Value>,
    pub(super) allowed: Arc<Allowed>,
    /// It has asked for something without having the capability.
    pub(super) denied: bool,
    /// Nobody performs calls while it describes itself.
    pub(super) asks: Option<mpsc::UnboundedSender<Ask>>,
    pub(super) output: [Sink; 2],
    seed: [u8; 32],
    /// Made when the first of it is asked for: many never do.
    wasi: Option<WasiCtx>,
    table: ResourceTable,
}

impl ComponentState {
    fn new(call: &PluginCall, asks: Option<mpsc::UnboundedSender<Ask>>) -> Self {
        let clock = Clock::new(call.now_ms);
        let log = Log::new(LogBook::new(&call.limits), clock.clone());
        let output = [Sink::lines(log.clone(), LogLevel::Info), Sink::lines(log.clone(), LogLevel::Warn)];
        let mut table = ResourceTable::new();
        table.set_max_capacity(HANDLES_MOST);
        Self {
            limiter: Limiter::of_component(call.limits.memory.as_usize(), PARTS),
            log,
            clock,
            host_calls: 0,
            bytes_in: 0,
            bytes_out: 0,
            config: call.config.clone(),
            allowed: Arc::clone(&call.allowed),
            denied: false,
            asks,
            output,
            seed: call.seed,
            wasi: None,
            table,
        }
    }

    /// Has something performed outside, and waits for it.
    pub(super) async fn ask(
        &mut self,
        op: &'static str,
        args: Value,
        hosts: Option<Arc<[HostPattern]>>,
    ) -> wasmtime::Result<Result<JsonText, CallError>> {
        let Some(asks) = &self.asks else {
            let message = format!("there is no `{op}` while a plugin describes itself");
            return Ok(Err(CallError::new("Error", message).with_code("NOT_AVAILABLE")));
        };
        let (reply, answer) = oneshot::channel();
        let gone = || wasmtime::Error::msg("nobody is there any more to perform it");
        asks.send(Ask { op, args, hosts, reply }).map_err(|_| gone())?;
        let Answered { result, at_ms } = answer.await.map_err(|_| gone())?;
        self.clock.at_least(at_ms);
        if let Ok(value) = &result {
            self.bytes_in += value.as_str().len() as u64;
        }
        Ok(result)
    }

    /// The error of a call without its capability.
    pub(super) fn deny(&mut self, capability: &str) -> types::Error {
        let name = &self.allowed.name;
        self.denied = true;
        types::Error {
            code: "capability_missing".to_owned(),
            message: format!(
                "the plugin {name} asks for `{capability}` and has not been granted it; if it should, and declares it: \
                 flowcell plugin grant {name} {capability}"
            ),
            retry: false,
        }
    }
}

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

impl WasiView for ComponentState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self { wasi: made, table, clock, output: [stdout, stderr], seed, .. } = self;
        let ctx = made.get_or_insert_with(|| {
            let mut builder = WasiCtxBuilder::new();
            wasi(&mut builder, clock, *seed);
            builder.stdout(stdout.clone()).stderr(stderr.clone()).build()
        });
        WasiCtxView { ctx, table }
    }
}

/// A store with its limits for one call.
pub(super) fn store(
    engine: &wasmtime::Engine,
    call: &PluginCall,
    asks: Option<mpsc::UnboundedSender<Ask>>,
) -> wasmtime::Result<Store<ComponentState>> {
    let mut store = Store::new(engine, ComponentState::new(call, asks));
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(CALL_MOST);
    store.set_max_component_handles(HANDLES_MOST);
    arm(&mut store, &call.limits)?;
    Ok(store)
}

/// Fuel, and a stop at each epoch, where the time is looked at.
pub(super) fn arm<T: Send>(store: &mut Store<T>, limits: &Limits) -> wasmtime::Result<()> {
    store.set_fuel(limits.fuel)?;
    store.set_epoch_deadline(1);
    store.epoch_deadline_async_yield_and_update(1);
    Ok(())
}

/// What a guest gave: a JSON text, or its own error.
pub(super) type Given = Result<String, types::Error>;

/// Calls `run` in a fresh instance.
pub(super) async fn run(
    pre: &CallerPre<ComponentState>,
    store: &mut Store<ComponentState>,
    call: &PluginCall,
) -> wasmtime::Result<Given> {
    let host = pre.instantiate_async(&mut *store).await?;
    let facts = &call.facts;
    let context = types::Context {
        run: facts.run.clone(),
        workflow: facts.workflow.clone(),
        step: facts.step.clone(),
        attempt: facts.attempt,
        idempotency_key: facts.idempotency_key.clone(),
        now_ms: call.now_ms,
    };
    let input = call.input.as_str().to_owned();
    host.flowcell_plugin_handler().call_run(store, &input, &context).await
}

/// Calls `describe` in a fresh instance.
pub(super) async fn describe(
    pre: &CallerPre<ComponentState>,
    store: &mut Store<ComponentState>,
) -> wasmtime::Result<handler::Description> {
    let host = pre.instantiate_async(&mut *store).await?;
    host.flowcell_plugin_handler().call_describe(store).await
}
