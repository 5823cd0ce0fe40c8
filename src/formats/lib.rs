//! Bodies as senders write them: JSON, forms, parts, XML, CBOR, MessagePack, charsets, compression: a crate, so that the compiler holds its wall. What is in it stands in [`formats`].

pub use flowcell_model::model;

#[path = "mod.rs"]
pub mod formats;
