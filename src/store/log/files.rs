//! What the files of a log have in common.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use crate::store::StoreError;

/// The files of a folder; none when it is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<PathBuf>, StoreError> {
    match fs::read_dir(folder) {
        Ok(entries) => {
            let paths: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
            paths.map_err(|error| failed("list", folder, error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(failed("list", folder, error)),
    }
}

/// Removes a file.
pub(super) fn remove(path: &Path) -> Result<(), StoreError> {
    fs::remove_file(path).map_err(|error| failed("remove", path, error))
}

/// An error of the system, with what was tried and where.
pub(super) fn failed(doing: &str, path: &Path, error: io::Error) -> StoreError {
    StoreError::io(format!("cannot {doing} {}", path.display()), path, error)
}
