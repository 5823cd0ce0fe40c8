//! What sled's errors mean for whoever uses the store.

use std::io;

use crate::store::StoreError;

/// sled's error in our words.
pub(super) fn from_sled(error: sled::Error, doing: &str) -> StoreError {
    match error {
        // What comes from the system, and what sled says of its lock.
        sled::Error::Io(error)
            if error.raw_os_error().is_some()
                || !matches!(error.kind(), io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof) =>
        {
            StoreError::io(format!("cannot {doing} the state"), "the data folder", error)
        }
        sled::Error::Corruption { at, .. } => StoreError::corrupt(
            "the state",
            at.map_or("no place given".to_owned(), |at| format!("at {at:?}")),
        ),
        // What its own files say of it is not what we made.
        error @ (sled::Error::Io(_)
        | sled::Error::CollectionNotFound(_)
        | sled::Error::Unsupported(_)
        | sled::Error::ReportableBug(_)) => StoreError::corrupt("the state", error.to_string()),
    }
}
