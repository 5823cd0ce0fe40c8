//! Flowcell receives webhooks, runs workflows in a sandbox and answers. Everything in between is durable.
//!
//! The floors, from the top. Imports go strictly down: `tests/it/layering.rs` has the order of the rooms, also of those on one
//! floor, and `tests/it/rings.rs` sees that no files of a room import each other in a ring.
//!
//! - F5 [`app`], [`cli`], [`config`], [`folder`]: wiring, commands, settings, files. `files` reads files of others,
//!   `loader` watches workflow folders, `plugin_folder` installs plugins from files, `server` accepts connections,
//!   `key_source` finds the key of the secrets, `variables` knows what workflows see of the process, `machine` knows
//!   how much memory there is.
//! - F4 [`gateway`]: one webhook request. [`api`]: the management API. Only these two know HTTP statuses. [`run_view`]
//!   shows a run, for the API and for the commands.
//! - F3 [`engine`]: runs, accepted once and finished once. Its `transition` is pure.
//! - F2 [`steps`]: what each step type does.
//! - F1 [`sandbox`]: the only wasmtime. [`store`]: the only sled. [`verify`], [`template`], [`secrets`], [`script`],
//!   [`formats`]: pure. [`net`]: the only way out.
//! - F0 [`model`]: the vocabulary. `memory_budget`: how much memory each part may take. `reactor`: keeps long work from
//!   the threads that wait for events. `meter`: work that is counted. `intl`: languages, places and times, for scripts.
//!
//! The path of one webhook: `gateway::hooks` -> `verify` -> `engine::intake` -> (202 once durable) ->
//! `engine::scheduler` -> `engine::execution` -> `engine::transition` -> `engine::attempt` -> `steps` -> `sandbox` ->
//! `engine::progress`. docs/architecture.md draws it.

#[allow(clippy::match_bool, reason = "these are written as `if` when their room is next changed")]
pub mod api;
pub mod app;
pub mod cli;
pub mod config;
#[allow(clippy::match_bool, reason = "these are written as `if` when their room is next changed")]
pub mod engine;
mod files;
pub mod folder;
pub mod formats;
#[allow(clippy::match_bool, reason = "these are written as `if` when their room is next changed")]
pub mod gateway;
mod intl;
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
#[allow(clippy::match_bool, reason = "these are written as `if` when their room is next changed")]
pub mod store;
pub mod template;
mod variables;
pub mod verify;
