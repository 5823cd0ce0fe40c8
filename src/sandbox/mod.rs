//! Runs untrusted code in WebAssembly under hard limits. The only floor that knows wasmtime.
//!
//! `steps` makes one [`Call`] an attempt and gets one [`Outcome`]. Every call has a
//! fresh instance; nothing of it is kept, so no run can see another. Four limits end
//! a call: fuel (the same on every machine), wall-clock time (epochs), memory and
//! output size; log text is cut, not refused.
//!
//! Invariants: a guest's pointers and lengths are checked before they are used; an
//! instance is never used again after its call; nothing here knows workflows or the store.

mod cache;
mod engine;
mod frame;
mod guest;
mod host;
mod hot_pages;
mod js;
mod limiter;

pub use engine::{EngineOptions, JsEngine};
pub use js::{Call, Form, Outcome, Script, Share};

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
}
