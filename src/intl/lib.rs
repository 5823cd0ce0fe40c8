//! What scripts ask of languages, places and times: a crate, so that the compiler holds its wall. What is in it stands in [`intl`].

#[path = "mod.rs"]
pub mod intl;
