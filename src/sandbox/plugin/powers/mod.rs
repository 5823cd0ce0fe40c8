//! All that a component can do outside its own memory, beside WASI's clocks, random numbers and streams: these five.
//!
//! Each checks its capability where it is called, and the sizes of what it is given. WASI's files, sockets, arguments and
//! environment are linked, since the libraries of most languages import them, and lead nowhere (`wasi`).

mod config;
mod http;
mod kv;
mod logging;
mod secrets;

use wasmtime::component::{HasSelf, Linker};

use super::{
    bindings::flowcell::plugin::{self, types},
    component::ComponentState,
};
use crate::model::CallError;

/// Links the whole list of powers.
pub(super) fn link(linker: &mut Linker<ComponentState>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    plugin::logging::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    plugin::config::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    plugin::secrets::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    plugin::kv::add_to_linker::<_, HasSelf<_>>(linker, |state| state)?;
    plugin::http::add_to_linker::<_, HasSelf<_>>(linker, |state| state)
}

/// What went wrong outside, as guests see it.
fn failed(error: CallError) -> types::Error {
    let code = error.code.unwrap_or(error.name).to_ascii_lowercase();
    // Of the others, the same call would fail again.
    let retry = matches!(
        code.as_str(),
        "fetch_timeout"
            | "econnrefused"
            | "enotfound"
            | "fetch_failed"
            | "kv_busy"
            | "kv_store"
            | "store_unavailable"
    );
    types::Error { code, message: error.message, retry }
}

fn refused(code: &str, message: impl Into<String>) -> types::Error {
    types::Error { code: code.to_owned(), message: message.into(), retry: false }
}
