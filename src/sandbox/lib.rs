//! Runs untrusted code in WebAssembly under hard limits; the only crate that knows wasmtime: a crate, so that the compiler holds its wall. What is in it stands in [`sandbox`].

pub use flowcell_intl::intl;
pub use flowcell_model::model;
pub use flowcell_reactor as reactor;

#[path = "mod.rs"]
pub mod sandbox;
