//! Large values: one file each, named by the SHA-256 of its content.
//!
//! A file is complete and durable before the tree refers to it: written under `tmp`, synced, renamed,
//! its folder synced. A crash before the reference leaves a file that nothing refers to; `check` removes
//! those at the next start while the store is small.

use std::{
    collections::{BTreeSet, HashMap},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    envelope::{self, BlobRef, Content},
    folder::{create_private, sync_folder},
};
use crate::store::StoreError;

/// The folder of large values.
#[derive(Debug)]
pub(super) struct Blobs {
    root: PathBuf,
    /// Names files that are being written.
    next: AtomicU64,
    loose: Mutex<Loose>,
}

/// What is referred to from outside the tree.
#[derive(Debug, Default)]
struct Loose {
    /// How often each large value is: by batches on their way, and by the tables before the tree.
    held: HashMap<[u8; 32], u32>,
    /// Those whose last such reference went. The tree may refer to them.
    released: Vec<[u8; 32]>,
}

/// Holds the file of a large value for a batch on its way: nobody removes it.
#[derive(Debug)]
pub(super) struct Held {
    blobs: Arc<Blobs>,
    hash: [u8; 32],
}

impl Drop for Held {
    fn drop(&mut self) {
        self.blobs.release(self.hash);
    }
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
    /// The folder, which need not be there until something is adopted.
    pub(super) fn of(root: PathBuf) -> Self {
        Self { root, next: AtomicU64::new(0), loose: Mutex::default() }
    }

    /// Opens the folder and removes what a crash left half written.
    pub(super) fn open(root: PathBuf) -> Result<Self, StoreError> {
        let blobs = Self::of(root);
        create_private(&blobs.tmp())?;
        for name in names(&blobs.tmp())? {
            let path = blobs.tmp().join(name);
            fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
        }
        // A crash may have come between the making of a folder and its sync.
        sync_folder(&blobs.root)?;
        Ok(blobs)
    }

    fn tmp(&self) -> PathBuf {
        self.root.join("tmp")
    }

    fn folder(&self, blob: &BlobRef) -> PathBuf {
        self.root.join(hex::encode(&blob.hash[..1]))
    }

    fn path(&self, blob: &BlobRef) -> PathBuf {
        self.folder(blob).join(hex::encode(blob.hash))
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
            let (folder, path) = (self.folder(&staged.blob), self.path(&staged.blob));
            if !folder.exists() {
                create_private(&folder)?;
                folders.insert(self.root.clone());
            }
            fs::rename(&staged.path, &path).map_err(|error| failed("rename", &path, error))?;
            staged.published = true;
            folders.insert(folder);
        }
        folders.iter().try_for_each(|folder| sync_folder(folder))
    }

    /// Takes over a file of another folder of the same file system, without copying where that can be. Gives the folder to
    /// sync: also of one that is there, as a crash may have come before its sync.
    pub(super) fn adopt(&self, from: &Blobs, blob: &BlobRef) -> Result<PathBuf, StoreError> {
        let (source, folder, path) = (from.path(blob), self.folder(blob), self.path(blob));
        if self.is_there(blob) {
            return Ok(folder);
        }
        create_private(&folder)?;
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
        Ok(folder)
    }

    /// Makes the names of these folders durable, and those in them.
    pub(super) fn sync(&self, folders: &BTreeSet<PathBuf>) -> Result<(), StoreError> {
        if folders.is_empty() {
            Ok(())
        } else {
            folders.iter().chain([&self.root]).try_for_each(|folder| sync_folder(folder))
        }
    }

    fn loose(&self) -> MutexGuard<'_, Loose> {
        self.loose.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a staged file in its place, durable, and holds it there.
    ///
    /// # Errors
    /// As [`Blobs::publish`].
    pub(super) fn publish_held(self: &Arc<Self>, staged: Staged) -> Result<Held, StoreError> {
        let hash = staged.blob.hash;
        // Before it is there: whoever removes files would take it for one that nobody needs.
        self.hold(hash);
        let held = Held { blobs: Arc::clone(self), hash };
        self.publish(vec![staged])?;
        Ok(held)
    }

    /// A table refers to a large value.
    pub(super) fn hold(&self, hash: [u8; 32]) {
        *self.loose().held.entry(hash).or_default() += 1;
    }

    /// A table refers to it no more.
    pub(super) fn release(&self, hash: [u8; 32]) {
        let mut loose = self.loose();
        if let Some(count) = loose.held.get_mut(&hash) {
            *count -= 1;
            if *count == 0 {
                loose.held.remove(&hash);
                loose.released.push(hash);
            }
        }
    }

    /// The large values whose last reference from outside the tree went since it was asked last.
    pub(super) fn released(&self) -> Vec<[u8; 32]> {
        std::mem::take(&mut self.loose().released)
    }

    /// Removes a file that the tree does not refer to, if nothing else does. One that cannot be removed is left to the next
    /// start.
    pub(super) fn remove(&self, hash: [u8; 32]) {
        let loose = self.loose();
        if loose.held.contains_key(&hash) {
            return;
        }
        let path = self.path(&BlobRef { hash, length: 0 });
        match fs::remove_file(&path) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => tracing::debug!(path = %path.display(), %error, "a large value stays for now"),
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

    /// Removes the files that neither the tree nor anything else refers to; gives their number.
    pub(super) fn sweep(&self, in_tree: impl Fn(&[u8; 32]) -> bool) -> Result<usize, StoreError> {
        let mut removed = 0;
        for folder in names(&self.root)?.into_iter().filter(|name| name != "tmp") {
            let folder = self.root.join(folder);
            for name in names(&folder)? {
                let mut hash = [0; 32];
                // A file that we did not name is not ours to remove.
                if hex::decode_to_slice(&name, &mut hash).is_ok() && !in_tree(&hash) {
                    let path = folder.join(name);
                    let loose = self.loose();
                    if !loose.held.contains_key(&hash) {
                        fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
                        removed += 1;
                    }
                }
            }
        }
        Ok(removed)
    }
}

/// The value of an envelope, from its file if it is there.
pub(super) fn unseal(key: &[u8], bytes: &[u8], blobs: &Blobs) -> Result<Vec<u8>, StoreError> {
    match envelope::open(key, bytes)? {
        Content::Inline(value) => Ok(value.to_vec()),
        Content::Blob(blob) => blobs.read(&blob),
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
        let foreign = blobs.folder(&kept).join("README");
        fs::write(&foreign, "").unwrap();
        assert_eq!(blobs.sweep(|hash| *hash == kept.hash).unwrap(), 1);
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
