//! Whom the typed modules ask: the server in WebAssembly, else [`crate::testing`].

#[cfg(target_family = "wasm")]
pub(crate) use crate::bindings::{
    flowcell::plugin::{config, http, kv, logging, secrets},
    wasi::{
        clocks::{monotonic_clock, wall_clock},
        random::random,
    },
};

#[cfg(not(target_family = "wasm"))]
pub(crate) use crate::testing::host::{
    config, http, kv, logging, monotonic_clock, random, secrets, wall_clock,
};
