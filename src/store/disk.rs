//! Folders and their names, made durable.

use std::{
    fs::{DirBuilder, File},
    path::Path,
};

use super::StoreError;

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

/// Creates a folder with those above it, for this user only. An existing one keeps its mode.
pub(super) fn create_private(path: &Path) -> Result<(), StoreError> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let created = builder.create(path);
    created.map_err(|error| StoreError::io(format!("cannot create {}", path.display()), path, error))
}
