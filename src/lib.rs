//! Flowcell receives webhooks, runs workflows in a sandbox and answers. Everything in between is durable.
//!
//! The floors, from the top. Imports go strictly down: `tests/it/layering.rs` has the order of the rooms, also of those on one
//! floor, and `tests/it/rings.rs` sees that no files of a room import each other in a ring.
//!
//! - F5 [`app`], [`cli`], [`config`], [`folder`]: wiring, commands, settings, files. `files` reads files of others,
//!   `fixtures` runs what authors expect, `loader` installs workflows and watches their folders, `plugin_folder` installs plugins from files, `server` accepts connections,
//!   `key_source` finds the key of the secrets, `variables` knows what workflows see of the process, `machine` knows
//!   how much memory there is.
//! - F4 [`gateway`]: one webhook request. [`api`]: the management API. `console`: the web console. [`http`]: what errors
//!   become; only these four know HTTP statuses. [`run_view`] shows a run, for the API and for the commands.
//! - F3 [`engine`]: runs, accepted once and finished once. Its `run::transition` is pure. [`people`]: who may use the console and
//!   the API, and who did what.
//! - F2 [`steps`]: what each step type does.
//! - F1 [`sandbox`]: the only wasmtime. [`store`]: the only sled. [`verify`], [`template`], [`secrets`], [`script`],
//!   [`formats`], [`identity`]: pure. [`net`]: the only way out.
//! - F0 [`model`]: the vocabulary. `memory_budget`: how much memory each part may take. `reactor`: keeps long work from
//!   the threads that wait for events. `meter`: work that is counted. `intl`: languages, places and times, for scripts.
//!
//! The path of one webhook: `gateway::hooks` -> `verify` -> `engine::intake` -> (202 once durable) ->
//! `engine::line` -> `engine::runner` -> `engine::run::execution` -> `engine::run::transition` -> `engine::run::attempt` ->
//! `steps` -> `sandbox` -> `engine::run::progress`. docs/architecture.md draws it.

// Rooms that are crates of their own: the compiler holds their walls.
pub use flowcell_formats::formats;
use flowcell_meter as meter;
pub use flowcell_model::model;
use flowcell_reactor as reactor;
pub use flowcell_sandbox::sandbox;
pub use flowcell_script::script;
pub use flowcell_secrets::secrets;
pub use flowcell_template::template;
pub use flowcell_verify::verify;

pub mod api;
pub mod app;
#[warn(clippy::print_stdout, clippy::print_stderr)]
pub mod cli;
pub mod config;
mod console;
pub mod engine;
mod files;
mod fixtures;
pub mod folder;
pub mod gateway;
pub mod http;
pub mod identity;
mod key_source;
mod loader;
mod machine;
mod memory_budget;
pub mod net;
pub mod people;
mod plugin_folder;
pub mod run_view;
mod server;
pub mod steps;
pub mod store;
mod variables;
