//! Runs untrusted code in WebAssembly under hard limits. The only floor that knows wasmtime.
//!
//! `steps` makes one [`Call`] an attempt and gets one [`Outcome`]. Every call has a
//! fresh instance; nothing of it is kept, so no run can see another. Limits end a call: fuel
//! (the same on every machine), wall-clock time inside (epochs), memory, output size, and the number
//! of calls that it makes; log text is cut, not refused. What a script awaits is performed outside by
//! [`HostServices`], and the script is entered again with the result (`drive`).
//!
//! Invariants: a guest's pointers and lengths are checked before they are used; an
//! instance is never used again after its call; nothing here knows workflows or the store.

mod admission;
mod answer;
mod cache;
mod crew;
mod drive;
mod engine;
mod entry;
mod frame;
mod guest;
mod host;
mod hot_pages;
mod image;
mod js;
mod limiter;
mod plugin;
#[cfg(test)]
mod replaced_tests;
mod services;
#[cfg(test)]
mod tests;
mod turns;
mod visit;

pub use admission::{Admission, Share};
pub use engine::{EngineOptions, JsEngine};
pub use image::Image;
pub use js::{Call, Conclusion, Form, Hidden, Outcome, Script};
#[cfg(test)]
pub(crate) use plugin::plugin_wat;
pub use plugin::{
    Allowed, COMPILE_COMMAND, Compiler, Outline, Plugin, PluginCall, PluginEngine, PluginError, PluginFacts,
    PluginOptions, PluginOutcome, SIZE_MOST as PLUGIN_SIZE_MOST, compile_child,
};
pub use services::{HostCall, HostServices};

use crate::model::ByteSize;

/// Why the sandbox itself could not serve. What a script does wrong is a `RunError` in the outcome, not this.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The engine module does not compile or link: a defect of this build.
    #[error("the JavaScript engine cannot be loaded: {0}")]
    Engine(String),
    /// The compiled form can neither be read nor written.
    #[error("the cache folder {folder} cannot be used: {source}; make it writable or set sandbox.cache")]
    Cache {
        /// The folder.
        folder: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The host could not make an instance, or its thread ended.
    #[error("the sandbox could not start a call: {0}")]
    Start(String),
    /// A call that could never begin.
    #[error(
        "the step may use {asked} of memory and the sandbox has {budget} for all calls together: lower `limits.memory` of the \
         step, or raise sandbox.memory"
    )]
    Memory {
        /// By its limit.
        asked: ByteSize,
        /// The whole budget.
        budget: ByteSize,
    },
    /// The results of a script's calls could not be kept.
    #[error("the results of the script's calls cannot be kept: {0}")]
    Record(String),
}
