//! Names in a folder, made durable.

use std::{fs::File, path::Path};

use crate::store::StoreError;

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    // Elsewhere a folder cannot be opened as a file, and names are durable with the files.
    if cfg!(unix) {
        File::open(path).and_then(|folder| folder.sync_all()).map_err(|error| {
            StoreError::io(format!("cannot sync the folder {}", path.display()), path, error)
        })?;
    }
    Ok(())
}
