//! Components: the host's side of one call, and what it has performed outside.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use wasmtime_wasi::{ResourceTable, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::{
    allowed::Allowed,
    bindings::flowcell::plugin::types,
    clock::Clock,
    stdio::{Log, Sink},
    wasi::wasi,
};
use crate::{
    model::{CallError, HostPattern, JsonText},
    sandbox::limiter::Limiter,
};

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
    pub(super) seed: [u8; 32],
    /// Made when the first of it is asked for: many never do.
    pub(super) wasi: Option<WasiCtx>,
    pub(super) table: ResourceTable,
}

impl ComponentState {
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
