//! The vocabulary of Flowcell: workflows, triggers, runs, values: a crate, so that the compiler holds its wall. What is in it stands in [`model`].

#[path = "mod.rs"]
pub mod model;
