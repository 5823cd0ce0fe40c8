//! The ways into a module: the state of one call in a store of its own, and what is asked of a component.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use wasmtime::{Engine, Store};
use wasmtime_wasi::{ResourceTable, WasiCtxBuilder, p2::pipe::MemoryInputPipe};

use super::{
    bindings::{CallerPre, exports::flowcell::plugin::handler, flowcell::plugin::types},
    bounds::PARTS,
    call::PluginCall,
    clock::Clock,
    command::CommandState,
    component::{Ask, ComponentState},
    stdio::{Log, Sink},
    wasi::{arm, wasi},
};
use crate::{
    model::{LogLevel, Stdio},
    sandbox::{limiter::Limiter, log::LogBook},
};

/// What programs find as their own name.
const PROGRAM: &str = "plugin";

/// What one call of the host may hand over, bytes.
const CALL_MOST: usize = 16 << 20;
/// Handles of resources, such as streams and pollables.
const HANDLES_MOST: usize = 1_000;

/// The state of one call of a component, in a store with its limits.
pub(super) fn component(
    engine: &Engine,
    call: &PluginCall,
    asks: Option<mpsc::UnboundedSender<Ask>>,
) -> wasmtime::Result<Store<ComponentState>> {
    let mut store = Store::new(engine, component_state(call, asks));
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(CALL_MOST);
    store.set_max_component_handles(HANDLES_MOST);
    arm(&mut store, &call.limits)?;
    Ok(store)
}

fn component_state(call: &PluginCall, asks: Option<mpsc::UnboundedSender<Ask>>) -> ComponentState {
    let clock = Clock::new(call.now_ms);
    let log = Log::new(LogBook::new(&call.limits), clock.clone());
    let output = [Sink::lines(log.clone(), LogLevel::Info), Sink::lines(log.clone(), LogLevel::Warn)];
    let mut table = ResourceTable::new();
    table.set_max_capacity(HANDLES_MOST);
    ComponentState {
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

/// The state of one call of a command, in a store with its limits.
pub(super) fn command(engine: &Engine, call: &PluginCall) -> wasmtime::Result<Store<CommandState>> {
    let clock = Clock::new(call.now_ms);
    let log = Log::new(LogBook::new(&call.limits), clock.clone());
    // One byte more, so that too much is told from just enough; a last line break is no part of an output.
    let stdout = Sink::kept(call.limits.output.as_usize() + 1);
    let stderr = Sink::lines(log.clone(), LogLevel::Info);
    let input = match (call.stdin, serde_json::from_str(call.input.as_str())) {
        (Stdio::Text, Ok(serde_json::Value::String(text))) => Bytes::from(text),
        (Stdio::Text | Stdio::Json, _) => Bytes::copy_from_slice(call.input.as_str().as_bytes()),
    };
    let bytes_in = input.len() as u64;
    let mut builder = WasiCtxBuilder::new();
    wasi(&mut builder, &clock, call.seed);
    builder
        .arg(PROGRAM)
        .args(&call.args)
        .stdin(MemoryInputPipe::new(input))
        .stdout(stdout.clone())
        .stderr(stderr.clone());
    let state = CommandState {
        limiter: Limiter::of_component(call.limits.memory.as_usize(), PARTS),
        log,
        clock,
        stdout,
        stderr,
        bytes_in,
        wasi: builder.build_p1(),
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    arm(&mut store, &call.limits)?;
    Ok(store)
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
