//! Scripts: the JavaScript engine as a Wasm guest, entered again and again until its script has ended.
//!
//! `script` and `call` are what is asked for, `learn` loads the engine, `check` and `make_image` prepare a script, `drive` runs
//! one to its end: each of its entries is in `entry`, the instance in `visit`. All that a script can do outside its memory
//! is in `host`, one file each, or is performed by [`HostServices`](super::HostServices).
//!
//! Invariants: a guest's pointers and lengths are checked before they are used; an instance is used again by the same script
//! alone, once everything that its call wrote was put back (`reuse`).

mod artefact;
mod call;
mod check;
mod crew;
mod drive;
mod engine;
mod entry;
mod frame;
mod frozen;
mod guest;
mod guest_instance;
mod host;
mod hot_pages;
mod image;
mod kept;
mod learn;
mod make_image;
mod metering;
mod pace;
mod pristine;
#[cfg(test)]
mod replaced_tests;
mod reuse;
#[cfg(test)]
mod reuse_tests;
mod script;
mod spent;
#[cfg(test)]
mod tests;
mod visit;
mod written;

pub use call::{Call, Hidden};
pub use engine::{EngineOptions, JsEngine};
pub use image::Image;
pub use metering::Metering;
pub use script::{Form, Script};
