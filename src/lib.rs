//! Flowcell: webhooks in, sandboxed workflows run, answers out, everything durable in between.
//!
//! The floors, from the top; imports go strictly down, and a test (`tests/it/layering.rs`) keeps it so:
//!
//! - F5 [`app`], [`cli`], [`config`], [`folder`]: wiring, commands, settings, files. `files` is how files of others are read,
//!   `loader` watches workflow folders, `plugin_folder` takes plugins from files, `server` accepts connections, `key_source` has
//!   the key of the secrets, `variables` has what workflows see of the process, `machine` knows how much memory there is.
//! - F4 [`gateway`]: one webhook request. [`api`]: the management API. Only here are HTTP statuses known;
//!   [`run_view`] is how both the API and the commands show a run.
//! - F3 [`engine`]: runs, accepted once and finished once. Its `transition` is pure.
//! - F2 [`steps`]: what each step type does.
//! - F1 [`sandbox`]: the only wasmtime. [`store`]: the only sled. [`verify`], [`template`], [`secrets`], [`script`]: pure.
//!   [`net`]: the only way out.
//! - F0 [`model`]: the vocabulary. `memory_budget`: what parts may take of the memory. `reactor`: how long work is
//!   kept from the threads that wait for events. `meter`: work that is counted.
//!
//! The path of one webhook: `gateway::hooks` -> `verify` -> `engine::intake` -> (202 once durable) ->
//! `engine::scheduler` -> `engine::execution` -> `engine::transition` -> `engine::attempt` -> `steps` -> `sandbox` ->
//! `engine::progress`. docs/architecture.md draws it.

pub mod api;
pub mod app;
pub mod cli;
pub mod config;
pub mod engine;
mod files;
pub mod folder;
pub mod gateway;
mod key_source;
mod loader;
mod machine;
mod memory_budget;
mod meter;
pub mod model;
pub mod net;
mod plugin_folder;
mod reactor;
pub mod run_view;
pub mod sandbox;
pub mod script;
pub mod secrets;
mod server;
pub mod steps;
pub mod store;
pub mod template;
mod variables;
pub mod verify;
