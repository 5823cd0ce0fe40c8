//! WASI preview 1 commands: input on stdin, output on stdout, log on stderr, and nothing else of the world.

use wasmtime::{InstancePre, Linker, Store};
use wasmtime_wasi::{I32Exit, p1::WasiP1Ctx};

use super::{
    clock::Clock,
    stdio::{Log, Sink},
};
use crate::sandbox::limiter::Limiter;

/// The host's side of one call of a command.
pub(super) struct CommandState {
    pub(super) limiter: Limiter,
    pub(super) log: Log,
    pub(super) clock: Clock,
    pub(super) stdout: Sink,
    pub(super) stderr: Sink,
    pub(super) bytes_in: u64,
    pub(super) wasi: WasiP1Ctx,
}

/// Links all of WASI preview 1.
pub(super) fn link(linker: &mut Linker<CommandState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p1::add_to_linker_async(linker, |state: &mut CommandState| &mut state.wasi)
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
