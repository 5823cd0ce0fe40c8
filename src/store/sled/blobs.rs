//! Large values: one file each, named by the SHA-256 of its content.
//!
//! A file is complete and durable before the tree refers to it: written under `tmp`, synced, renamed,
//! its folder synced. A crash before the reference leaves a file that nothing refers to; `check` removes
//! those at the next start while the store is small.

use std::{
    collections::{BTreeSet, HashSet},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use super::{
    envelope::BlobRef,
    folder::{create_private, sync_folder},
};
use crate::store::StoreError;

/// The folder of large values.
#[derive(Debug)]
pub(super) struct Blobs {
    root: PathBuf,
    /// Names files that are being written.
    next: AtomicU64,
}

/// A file that is written but not in its place, and durable when it says so. Dropped, it is removed.
#[derive(Debug)]
pub(super) struct Staged {
    file: File,
    path: PathBuf,
    blob: BlobRef,
    durable: bool,
    published: bool,
}

impl Staged {
    /// Makes its content durable, before it is needed.
    pub(super) fn sync(&mut self) -> Result<(), StoreError> {
        if !self.durable {
            self.file.sync_all().map_err(|error| failed("sync", &self.path, error))?;
            self.durable = true;
        }
        Ok(())
    }

    /// The reference that takes the value's place in the store.
    pub(super) fn blob(&self) -> BlobRef {
        self.blob
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            // What stays behind is removed at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Blobs {
    /// Opens the folder and removes what a crash left half written.
    pub(super) fn open(root: PathBuf) -> Result<Self, StoreError> {
        let blobs = Self { root, next: AtomicU64::new(0) };
        create_private(&blobs.tmp())?;
        for name in names(&blobs.tmp())? {
            let path = blobs.tmp().join(name);
            fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
        }
        // A crash may have come between the making of a shelf and its sync.
        sync_folder(&blobs.root)?;
        Ok(blobs)
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn shelf(&self, blob: &BlobRef) -> PathBuf {
        self.root.join(hex::encode(&blob.hash[..1]))
    }

    fn path(&self, blob: &BlobRef) -> PathBuf {
        self.shelf(blob).join(hex::encode(blob.hash))
    }

    /// Writes a value beside its place.
    pub(super) fn stage(&self, value: &[u8]) -> Result<Staged, StoreError> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let path = self.tmp().join(number.to_string());
        let file = File::create(&path).map_err(|error| failed("create", &path, error))?;
        let mut staged = Staged { file, path, blob: BlobRef::of(value), durable: false, published: false };
        staged.file.write_all(value).map_err(|error| failed("write", &staged.path, error))?;
        Ok(staged)
    }

    /// Makes staged files durable and moves them to their places.
    ///
    /// # Errors
    /// Any failure here leaves open what is durable; the caller must not go on.
    pub(super) fn publish(&self, mut staged: Vec<Staged>) -> Result<(), StoreError> {
        let mut folders = BTreeSet::new();
        // Again in a row, so that the file system can make all of them durable at once.
        staged.iter_mut().try_for_each(Staged::sync)?;
        for mut staged in staged {
            let (shelf, path) = (self.shelf(&staged.blob), self.path(&staged.blob));
            if !shelf.exists() {
                create_private(&shelf)?;
                folders.insert(self.root.clone());
            }
            fs::rename(&staged.path, &path).map_err(|error| failed("rename", &path, error))?;
            staged.published = true;
            folders.insert(shelf);
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// Takes over a file of another folder of the same file system, without copying where that can be.
    /// Gives the shelf to sync, when there is anything new.
    pub(super) fn adopt(&self, from: &Blobs, blob: &BlobRef) -> Result<Option<PathBuf>, StoreError> {
        if self.is_there(blob) {
            return Ok(None);
        }
        let (source, shelf, path) = (from.path(blob), self.shelf(blob), self.path(blob));
        create_private(&shelf)?;
        // A file of a wrong length is a copy that was cut off.
        let _ = fs::remove_file(&path);
        match fs::hard_link(&source, &path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::corrupt(source.display(), "the file is missing"));
            }
            Err(_) => {
                let copy = || File::open(&path).and_then(|file| file.sync_all());
                fs::copy(&source, &path)
                    .and_then(|_| copy())
                    .map_err(|error| failed("copy", &path, error))?;
            }
        }
        Ok(Some(shelf))
    }

    /// Makes the names of shelves durable, and those in them.
    pub(super) fn sync(&self, shelves: &BTreeSet<PathBuf>) -> Result<(), StoreError> {
        if shelves.is_empty() {
            Ok(())
        } else {
            shelves.iter().chain([&self.root]).try_for_each(|folder| sync_folder(folder))
        }
    }

    /// Removes a file that nothing refers to any more. One that cannot be removed is left to the next start.
    pub(super) fn remove(&self, hash: [u8; 32]) {
        let path = self.path(&BlobRef { hash, length: 0 });
        if let Err(error) = fs::remove_file(&path) {
            tracing::debug!(path = %path.display(), %error, "a large value stays for now");
        }
    }

    /// The content, checked against its name.
    pub(super) fn read(&self, blob: &BlobRef) -> Result<Vec<u8>, StoreError> {
        let path = self.path(blob);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::corrupt(path.display(), "the file is missing"));
            }
            Err(error) => return Err(failed("read", &path, error)),
        };
        if BlobRef::of(&content) != *blob {
            return Err(StoreError::corrupt(path.display(), "its content does not match its name"));
        }
        Ok(content)
    }

    /// Whether the file is there with the right length. Its content is checked when it is read.
    pub(super) fn is_there(&self, blob: &BlobRef) -> bool {
        fs::metadata(self.path(blob)).is_ok_and(|meta| meta.is_file() && meta.len() == blob.length)
    }

    /// Removes the files that are not among `used`; gives their number. Only while nothing is being written.
    pub(super) fn sweep(&self, used: &HashSet<[u8; 32]>) -> Result<usize, StoreError> {
        let mut removed = 0;
        for shelf in names(&self.root)?.into_iter().filter(|name| name != "tmp") {
            let shelf = self.root.join(shelf);
            for name in names(&shelf)? {
                let mut hash = [0; 32];
                // A file that we did not name is not ours to remove.
                if hex::decode_to_slice(&name, &mut hash).is_ok() && !used.contains(&hash) {
                    let path = shelf.join(name);
                    fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

fn names(folder: &Path) -> Result<Vec<String>, StoreError> {
    let read = || -> io::Result<Vec<String>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    };
    read().map_err(|error| failed("list", folder, error))
}

fn failed(doing: &str, path: &Path, error: io::Error) -> StoreError {
    StoreError::io(format!("cannot {doing} {}", path.display()), path, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(blobs: &Blobs, value: &[u8]) -> BlobRef {
        let staged = blobs.stage(value).unwrap();
        let blob = staged.blob;
        blobs.publish(vec![staged]).unwrap();
        blob
    }

    #[test]
    fn a_blob_is_there_once_published_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("blobs")).unwrap();
        let dropped = blobs.stage(b"dropped").unwrap();
        assert!(!blobs.is_there(&dropped.blob));
        drop(dropped);
        assert!(names(&blobs.tmp()).unwrap().is_empty());
        let blob = stored(&blobs, b"kept");
        assert!(blobs.is_there(&blob));
        assert_eq!(blobs.read(&blob).unwrap(), b"kept");
    }

    #[test]
    fn sweeping_keeps_what_is_used_and_what_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("blobs")).unwrap();
        let (kept, garbage) = (stored(&blobs, b"kept"), stored(&blobs, b"garbage"));
        let foreign = blobs.shelf(&kept).join("README");
        fs::write(&foreign, "").unwrap();
        assert_eq!(blobs.sweep(&HashSet::from([kept.hash])).unwrap(), 1);
        assert!(blobs.is_there(&kept) && !blobs.is_there(&garbage) && foreign.exists());
    }

    #[test]
    fn a_changed_or_missing_blob_is_damage() {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path().join("blobs")).unwrap();
        let blob = stored(&blobs, b"content");
        fs::write(blobs.path(&blob), b"c0ntent").unwrap();
        assert!(matches!(blobs.read(&blob), Err(StoreError::Corrupt { .. })));
        fs::remove_file(blobs.path(&blob)).unwrap();
        assert!(matches!(blobs.read(&blob), Err(StoreError::Corrupt { .. })));
    }
}
