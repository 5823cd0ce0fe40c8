//! Runs untrusted code in WebAssembly under hard limits. The only floor that knows wasmtime.
//!
//! `steps` makes one [`Call`] an attempt and gets one [`Outcome`]. Every call has a
//! fresh instance; nothing of it is kept, so no run can see another. Limits end a call: fuel
//! (the same on every machine), wall-clock time inside (epochs), memory, output size, and the number
//! of calls that it makes; log text is cut, not refused. What a script awaits is performed outside by
//! [`HostServices`], and the script is entered again with the result.
//!
//! Two rooms that do not know each other, `js` for scripts and `plugin` for uploaded modules, over files that they share: who may
//! begin (`admission`) and compute (`turns`), what a call came to (`outcome`), what it logs, who performs its calls (`services`), and how
//! these are recorded and replayed (`journal`).
//!
//! Invariants: a guest's pointers and lengths are checked before they are used; an
//! instance is never used again after its call; nothing here knows workflows or the store.

mod admission;
mod answer;
mod cache;
mod error;
mod journal;
mod js;
mod limiter;
mod log;
mod outcome;
mod plugin;
mod room;
mod services;
mod share;
mod thread_time;
mod turns;
mod wasm;

pub use admission::Admission;
pub use error::SandboxError;
pub use js::{Call, EngineOptions, Form, Hidden, Image, JsEngine, Metering, Script};
pub use outcome::{Conclusion, Outcome};
pub use plugin::{
    Allowed, COMPILE_COMMAND, Compiler, Outline, Plugin, PluginCall, PluginEngine, PluginError, PluginFacts,
    PluginOptions, PluginOutcome, SIZE_MOST as PLUGIN_SIZE_MOST, compile_child,
};
pub use room::Room;
pub use services::{HostCall, HostServices};
pub use share::Share;
