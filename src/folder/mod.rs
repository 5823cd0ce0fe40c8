//! Workflow folders on disk: `read` makes a version of one, `write` makes one of a version.

mod read;
mod write;

pub use read::{FolderError, Missing, read, read_below, workflow_json, workflows_in};
pub use write::{WriteError, bring, fits, ignore, notice, writable};
