//! What can go wrong with the store, in words for the person who runs the server.

use std::{io, path::PathBuf, sync::Arc};

use super::keys::Key;

/// Why the store did not do what it was asked. Cheap to clone: one cause may answer a whole group.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// An expectation of the batch did not hold; nothing of the batch was written.
    #[error("{key} is not as expected: read it again and decide anew")]
    Conflict {
        /// The first key that was different.
        key: Key,
        /// Its value, if it has one.
        found: Option<Vec<u8>>,
    },
    /// The queue is full; nothing was queued.
    #[error("the store has more to write than it keeps up with: try again in a moment")]
    Busy,
    /// No room; nothing of the batch was stored, and it can be retried once there is room.
    #[error("the disk under {place} is full: free some space, nothing else is needed; nothing was stored")]
    Full {
        /// The data folder that the message is about.
        place: PathBuf,
    },
    /// It cannot be reached at present; nothing of the batch was stored, and the same may be asked again.
    #[error(
        "the store cannot be reached ({reason}): it is tried again; look at its server and the network to it"
    )]
    Unavailable {
        /// What was tried, and why it failed.
        reason: String,
    },
    /// Others hold this process for dead, so it may no longer write, and nothing of the batch was stored.
    #[error(
        "this process may no longer write to the store ({reason}): restart it, what it had under way goes on elsewhere"
    )]
    Fenced {
        /// Who decided it, and when.
        reason: String,
    },
    /// Stored bytes are not those that were written.
    #[error(
        "{place} is damaged ({what}): stop the server, copy the folder aside, and restore the last backup"
    )]
    Corrupt {
        /// What is wrong with what was read.
        what: String,
        /// The key or the file that was read.
        place: String,
    },
    /// The operating system refused.
    #[error("{doing}: {source}: check the disk and the permissions of that path")]
    Io {
        /// What was tried, with the path.
        doing: String,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// The store was closed.
    #[error("the store is closed because the server is stopping: send it again after the restart")]
    Closed,
    /// What was written before may or may not be durable, so nothing more is promised.
    #[error("the store stopped ({reason}): restart the server, it will read back what is really stored")]
    Failed {
        /// The failure after which the store took no more changes.
        reason: String,
    },
    /// Written by a newer version of Flowcell.
    #[error(
        "{what} has format {found}, this flowcell knows up to {known}: run the newer flowcell, or another folder"
    )]
    NewerVersion {
        /// The folder or the record whose format is unknown.
        what: String,
        /// The number of the format that was found.
        found: u64,
        /// The newest format that this program knows.
        known: u64,
    },
    /// Another process has the folder open.
    #[error("another flowcell uses {place}: stop it, or give another folder with --data")]
    Locked {
        /// The data folder that the message is about.
        place: PathBuf,
    },
    /// The folder cannot be written.
    #[error("cannot write to {place}: make this user its owner, or give another folder with --data")]
    ReadOnly {
        /// The path that is no folder.
        place: PathBuf,
    },
}

impl StoreError {
    /// An error of the operating system while `doing`; those with a remedy of their own get their variant.
    pub(super) fn io(doing: impl Into<String>, place: impl Into<PathBuf>, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full { place: place.into() },
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::ReadOnly { place: place.into() }
            }
            _ => Self::Io { doing: doing.into(), source: Arc::new(source) },
        }
    }

    /// Damage at a place.
    pub(super) fn corrupt(place: impl ToString, what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into(), place: place.to_string() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_of_the_system_keep_their_remedy() {
        let error = |kind| StoreError::io("write x", "/data", io::Error::from(kind));
        assert!(matches!(error(io::ErrorKind::StorageFull), StoreError::Full { .. }));
        assert!(matches!(error(io::ErrorKind::QuotaExceeded), StoreError::Full { .. }));
        assert!(matches!(error(io::ErrorKind::PermissionDenied), StoreError::ReadOnly { .. }));
        assert!(error(io::ErrorKind::UnexpectedEof).to_string().starts_with("write x: "));
    }
}
