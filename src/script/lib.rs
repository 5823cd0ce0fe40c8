//! TypeScript, imports and frames of scripts, before they run: a crate, so that the compiler holds its wall. What is in it stands in [`script`].

#[path = "mod.rs"]
pub mod script;
