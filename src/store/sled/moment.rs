//! The moments of a checkpoint and of a compaction, at which tests end them.

use crate::store::StoreError;

/// Where a checkpoint or a compaction is; a test ends it there, as a crash would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The shelves of a checkpoint are written, durable, and nothing notes them.
    Shelved,
    /// A part of a checkpoint is in the tree.
    Part,
    /// All of a checkpoint is in the tree, durable, and the log still has it.
    Written,
    /// A shelf is merged, durable, and nothing notes it.
    Merged,
    /// A checkpoint that notes a merged shelf is durable, and the files of those before are there.
    Replaced,
    /// Nothing notes the buckets any more that are dropped, durable, and their files are there.
    Dropped,
    /// The new folder of a compaction is there, empty.
    Begun,
    /// The pairs are copied, not synced.
    Copied,
    /// They are durable and were read again.
    Verified,
    /// The new folder is the current one.
    Named,
    /// The first checkpoint on it is durable, the old folder still there.
    Committed,
}

/// Asked at each moment; an error ends the work there.
pub(super) type Hook = fn(Moment) -> Result<(), StoreError>;
