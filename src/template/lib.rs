//! Templates, CEL and structured conditions, under a meter: a crate, so that the compiler holds its wall. What is in it stands in [`template`].

pub use flowcell_meter as meter;
pub use flowcell_model::model;

#[path = "mod.rs"]
pub mod template;
