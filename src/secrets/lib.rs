//! Sealed secrets, and how they are masked: a crate, so that the compiler holds its wall. What is in it stands in [`secrets`].

pub use flowcell_model::model;

#[path = "mod.rs"]
pub mod secrets;
