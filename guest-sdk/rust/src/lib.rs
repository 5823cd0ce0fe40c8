//! Plugins for Flowcell in Rust: write a function from a type to a type, describe it with [`plugin!`], and build it for
//! `wasm32-unknown-unknown`.
//!
//! - [`plugin!`] names the function, the capabilities and the examples. Name, version and title are those of the author's Cargo.toml.
//! - [`log`], [`kv`], [`http`], [`secrets`], [`config`], [`clock`] and [`random`] are what a plugin may ask its server for.
//! - [`testing`] stands in for the server under `cargo test`, so that a plugin's logic is tested without WebAssembly.
//!
//! Nothing here imports WASI unless [`clock`] or [`random`] is used.

pub mod clock;
pub mod config;
mod error;
mod host;
pub mod http;
pub mod kv;
pub mod log;
#[doc(hidden)]
pub mod plugin;
pub mod random;
pub mod secrets;
#[cfg(not(target_family = "wasm"))]
pub mod testing;

pub use bindings::flowcell::plugin::types::Context;
pub use error::Error;
pub use {schemars, serde, serde_json};

/// What wit-bindgen makes of the world, for what the typed modules do not offer.
#[doc(hidden)]
pub mod bindings {
    wit_bindgen::generate!({
        path: "../wit",
        world: "plugin",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export",
        default_bindings_module: "flowcell_plugin::bindings",
    });
}
