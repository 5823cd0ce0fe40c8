//! The moments of a compaction, at which tests end it.

use crate::store::StoreError;

/// Where a compaction is; a test ends it there, as a crash would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The new folder is there, empty.
    Begun,
    /// The pairs are copied, not synced.
    Copied,
    /// They are durable and were read again.
    Verified,
    /// The new folder is the current one.
    Named,
    /// The first commit on it is durable, the old folder still there.
    Committed,
}

/// Asked at each moment; an error ends the work there.
pub(super) type Hook = fn(Moment) -> Result<(), StoreError>;
