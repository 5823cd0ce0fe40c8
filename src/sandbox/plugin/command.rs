//! WASI preview 1 commands: input on stdin, output on stdout, log on stderr, and nothing else of the world.

use bytes::Bytes;
use wasmtime::{Engine, InstancePre, Linker, Store};
use wasmtime_wasi::{I32Exit, WasiCtxBuilder, p1::WasiP1Ctx, p2::pipe::MemoryInputPipe};

use super::{
    call::PluginCall,
    clock::Clock,
    component::{arm, wasi},
    engine::PARTS,
    stdio::{Log, Sink},
};
use crate::{
    model::{LogLevel, Stdio},
    sandbox::{host::LogBook, limiter::Limiter},
};

/// What programs find as their own name.
const PROGRAM: &str = "plugin";

/// The host's side of one call of a command.
pub(super) struct CommandState {
    pub(super) limiter: Limiter,
    pub(super) log: Log,
    pub(super) clock: Clock,
    pub(super) stdout: Sink,
    pub(super) stderr: Sink,
    pub(super) bytes_in: u64,
    wasi: WasiP1Ctx,
}

/// Links all of WASI preview 1.
pub(super) fn link(linker: &mut Linker<CommandState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p1::add_to_linker_async(linker, |state: &mut CommandState| &mut state.wasi)
}

/// A store with its limits for one call.
pub(super) fn store(engine: &Engine, call: &PluginCall) -> wasmtime::Result<Store<CommandState>> {
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

/// Runs the program to its end; its exit code.
pub(super) async fn run(
    pre: &InstancePre<CommandState>,
    store: &mut Store<CommandState>,
) -> wasmtime::Result<i32> {
    let instance = pre.instantiate_async(&mut *store).await?;
    let start = instance.get_typed_func::<(), ()>(&mut *store, "_start")?;
    match start.call_async(store, ()).await {
        Ok(()) => Ok(0),
        Err(error) => match error.downcast_ref::<I32Exit>() {
            Some(exit) => Ok(exit.0),
            None => Err(error),
        },
    }
}
