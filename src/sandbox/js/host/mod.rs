//! Everything a guest can do outside its own memory: these functions, one file an area.

mod clock;
mod intl;
mod log;
mod random;

use wasmtime::Linker;

use super::guest::Guest;

/// The name under which the guest imports.
const MODULE: &str = "flowcell";

/// Links the whole list of powers.
pub(super) fn link(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    linker.func_wrap(MODULE, "log", log::log)?;
    linker.func_wrap(MODULE, "now", clock::now)?;
    linker.func_wrap(MODULE, "random", random::random)?;
    linker.func_wrap(MODULE, "intl", intl::intl)?;
    linker.func_wrap(MODULE, "intl_take", intl::take)?;
    Ok(())
}
