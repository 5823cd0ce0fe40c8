//! One file of the log: a head of 4 KiB, then frames.
//!
//! Its blocks are taken from the disk when it is made, so that a commit never meets a full disk in it. It gets its name,
//! the number of its first batch, once its head is durable. The head is `magic, u32 format, u32 zero, u64 first number,
//! u32 crc`, little endian.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use super::files::failed;
use crate::store::{StoreError, disk::sync_folder};

/// Where the first frame begins.
pub(super) const HEADER: u64 = 4096;
const MAGIC: &[u8; 8] = b"flowclog";
const FORMAT: u32 = 1;
const SUFFIX: &str = ".log";

/// The segment that is written to.
pub(super) struct Segment {
    file: File,
    path: PathBuf,
    first: u64,
    size: u64,
    end: u64,
}

impl Segment {
    /// Makes a segment of `size` bytes.
    pub(super) fn create(folder: &Path, first: u64, size: u64) -> Result<Self, StoreError> {
        let new = folder.join(format!("new-{first:020}"));
        let made = Self::make(&new, folder, first, size);
        if made.is_err() {
            // The error that counts is the one before.
            let _ = fs::remove_file(&new);
        }
        made
    }

    fn make(new: &Path, folder: &Path, first: u64, size: u64) -> Result<Self, StoreError> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(new);
        let file = file.map_err(|error| failed("create", new, error))?;
        allocate(&file, size).map_err(|error| failed("allocate", new, error))?;
        Self::begin(file, new, folder, first, size)
    }

    /// Takes a segment whose batches are not needed any more.
    pub(super) fn reuse(spare: &Path, folder: &Path, first: u64, size: u64) -> Result<Self, StoreError> {
        let file =
            OpenOptions::new().write(true).open(spare).map_err(|error| failed("open", spare, error))?;
        Self::begin(file, spare, folder, first, size)
    }

    fn begin(file: File, now: &Path, folder: &Path, first: u64, size: u64) -> Result<Self, StoreError> {
        file.write_all_at(&head(first), 0).map_err(|error| failed("write", now, error))?;
        file.sync_all().map_err(|error| failed("sync", now, error))?;
        let path = folder.join(format!("{first:020}{SUFFIX}"));
        fs::rename(now, &path).map_err(|error| failed("rename to", &path, error))?;
        sync_folder(folder)?;
        Ok(Self { file, path, first, size, end: HEADER })
    }

    pub(super) fn first(&self) -> u64 {
        self.first
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether a frame of this length still has room.
    pub(super) fn fits(&self, length: usize) -> bool {
        self.end + length as u64 <= self.size
    }

    pub(super) fn append(&mut self, frame: &[u8]) -> Result<(), StoreError> {
        let written = self.file.write_all_at(frame, self.end);
        // Its blocks are there, so a full disk is no reason: nothing is promised after any error.
        written.map_err(|error| StoreError::Failed {
            reason: format!("cannot write {}: {error}", self.path.display()),
        })?;
        self.end += frame.len() as u64;
        Ok(())
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let synced = self.file.sync_data();
        synced.map_err(|error| StoreError::Failed {
            reason: format!("cannot sync {}: {error}", self.path.display()),
        })
    }
}

/// Takes the blocks of a file from the disk.
fn allocate(file: &File, size: u64) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, size) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => {}
        allocated => return Ok(allocated?),
    }
    // Where the system cannot, zeros take them.
    let zeros = vec![0; 1 << 20];
    let mut at = 0;
    while at < size {
        let part = (size - at).min(zeros.len() as u64);
        file.write_all_at(&zeros[..part as usize], at)?;
        at += part;
    }
    Ok(())
}

fn head(first: u64) -> Vec<u8> {
    let mut head = Vec::with_capacity(HEADER as usize);
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&FORMAT.to_le_bytes());
    head.extend_from_slice(&[0; 4]);
    head.extend_from_slice(&first.to_le_bytes());
    let sum = crc32fast::hash(&head);
    head.extend_from_slice(&sum.to_le_bytes());
    head.resize(HEADER as usize, 0);
    head
}

/// Checks the head of a segment of this name.
pub(super) fn check_head(path: &Path, first: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let corrupt = |what: &str| StoreError::corrupt(path.display(), what);
    let found = bytes.get(..HEADER as usize).ok_or_else(|| corrupt("it is too short"))?;
    let format = u32::from_le_bytes(found[8..12].try_into().expect("four bytes"));
    let sum = u32::from_le_bytes(found[24..28].try_into().expect("four bytes"));
    if &found[..8] != MAGIC || crc32fast::hash(&found[..24]) != sum {
        return Err(corrupt("its head is no head of a log"));
    }
    if format != FORMAT {
        let what = format!("the log {}", path.display());
        return Err(StoreError::NewerVersion { what, found: format.into(), known: FORMAT.into() });
    }
    if found[16..24] != first.to_le_bytes() {
        return Err(corrupt("its head does not fit its name"));
    }
    Ok(())
}

/// The number of the first batch of a segment of this name.
pub(super) fn number(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(SUFFIX)?;
    (name.len() == 20).then(|| name.parse().ok()).flatten()
}

/// Whether a file that is no segment is one that a crash left: half made, or spare.
pub(super) fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.starts_with("new-") || name.starts_with("spare-")
}
