//! How senders prove who they are: a crate, so that the compiler holds its wall. What is in it stands in [`verify`].

pub use flowcell_model::model;

#[path = "mod.rs"]
pub mod verify;
