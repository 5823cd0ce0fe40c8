//! Scripts: the JavaScript engine as a Wasm guest, entered again and again until its script has ended.
//!
//! `script` and `call` are what is asked for, `learn` loads the engine, `check` and `make_image` prepare a script, `drive` runs
//! one to its end: each of its entries is in `entry`, the instance in `visit`. All that a script can do outside its memory
//! is in `host`, one file each, or is performed by [`HostServices`](super::HostServices).
//!
//! Invariants: a guest's pointers and lengths are checked before they are used; an instance is never used again after its call.

mod call;
mod check;
mod crew;
mod drive;
mod engine;
mod entry;
mod frame;
mod guest;
mod host;
mod hot_pages;
mod image;
mod learn;
mod make_image;
#[cfg(test)]
mod replaced_tests;
mod script;
mod spent;
#[cfg(test)]
mod tests;
mod visit;

pub use call::{Call, Hidden};
pub use engine::{EngineOptions, JsEngine};
pub use image::Image;
pub use script::{Form, Script};
