//! Shelves: sorted files of what has ended. Written once, then only read, and removed whole.
//!
//! A [`Writer`] takes pairs in their order and tells a [`Summary`]; a [`Shelf`] is opened with the summary that was noted, so
//! that one which is not the one that was written is no shelf. [`Merge`] makes one of several. `layout` has the format.
//! Knows nothing of sled, of buckets, or of what a value means.

mod filter;
mod layout;
mod merge;
mod reach;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::{io, path::Path};

pub(super) use filter::hash;
pub(super) use layout::Summary;
pub(super) use merge::{Merge, Merged, Step, due, whole};
pub(super) use reach::Reach;
pub(super) use read::{Cursor, Shelf};
pub(super) use write::Writer;

use super::StoreError;

/// An error of the system, with what was tried and where.
fn failed(doing: &str, path: &Path, error: io::Error) -> StoreError {
    StoreError::io(format!("cannot {doing} {}", path.display()), path, error)
}
