//! Folders and their names, made durable, and the room that the disk has.

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

/// Bytes that may be written while `reserve` of the disk stays free; without bound where the system does not say.
pub(super) fn room(path: &Path, reserve: u64) -> u64 {
    free_space(path).map_or(u64::MAX, |free| free.saturating_sub(reserve))
}

/// The bytes free for us under `path`; `None` where the system does not say.
fn free_space(path: &Path) -> Option<u64> {
    #[cfg(unix)]
    {
        let stat = rustix::fs::statvfs(path).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
