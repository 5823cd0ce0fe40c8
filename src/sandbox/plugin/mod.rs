//! Uploaded Wasm modules: compiled in a process of their own, called in a fresh instance each time, under hard limits.
//!
//! Two kinds: components of the world in `guest-sdk/wit`, and WASI preview 1 commands. [`PluginEngine::prepare`] takes the
//! bytes (`outline` reads them, `compile` makes machine code of them), [`PluginEngine::describe`] asks a component what it is,
//! and [`PluginEngine::run`] makes one attempt. All that a component can do outside its memory is in `powers`, one file each.
//!
//! Invariants: no bytes but those that our own compiler wrote are ever loaded as machine code; an instance is never used
//! again; a power that was not granted is refused where it is called.

mod allowed;
mod bindings;
mod bounds;
mod call;
mod clock;
mod command;
mod compile;
mod component;
mod confine;
mod engine;
mod enter;
mod error;
mod explain;
mod imports;
mod meter;
mod outline;
#[cfg(test)]
#[path = "../../../tests/plugin_wat.rs"]
mod plugin_wat;
mod powers;
mod ready;
mod run;
mod stdio;
#[cfg(test)]
mod tests;
mod wasi;

pub use allowed::Allowed;
pub use call::{PluginCall, PluginFacts};
pub use compile::{COMMAND as COMPILE_COMMAND, Compiler, child as compile_child};
pub use engine::{PluginEngine, PluginOptions};
pub use error::PluginError;
pub use outline::{Outline, SIZE_MOST};
pub use ready::Plugin;
pub use run::PluginOutcome;
