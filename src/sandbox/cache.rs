//! The compiled engine on disk, so that only the first start compiles.
//!
//! Loading compiled code trusts it as much as our own binary. So the folder is
//! ours alone (0700), a MAC over key, engine and code is checked before use, and the
//! file is read into memory first: under a map it could change after the check.

use std::{
    fs, io,
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

const MAC_LEN: usize = 32;

/// A folder of compiled modules.
pub(super) struct Cache {
    folder: PathBuf,
    key: [u8; 32],
}

impl Cache {
    /// Opens the folder, making it and its key when they are missing.
    pub(super) fn open(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let path = folder.join("key");
        let key = match read_key(&path)? {
            Some(key) => key,
            None => {
                let mut key = [0u8; 32];
                getrandom::fill(&mut key).map_err(io::Error::other)?;
                write_whole(&path, &[&key])?;
                // Another process may have been first; what is on disk counts.
                read_key(&path)?.unwrap_or(key)
            }
        };
        Ok(Self { folder: folder.to_owned(), key })
    }

    /// The compiled form kept under `fingerprint`, if it is there and untouched.
    pub(super) fn load(&self, fingerprint: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = fs::read(self.path(fingerprint)).ok()?;
        if bytes.len() < MAC_LEN {
            return None;
        }
        let code = bytes.split_off(MAC_LEN);
        if self.mac(fingerprint, &code).verify_slice(&bytes).is_err() {
            tracing::warn!(folder = %self.folder.display(), "the cached engine fails its check; compiling it anew");
            return None;
        }
        Some(code)
    }

    /// Writes a compiled module into the cache, under the fingerprint of what it was compiled from.
    pub(super) fn store(&self, fingerprint: &[u8], code: &[u8]) -> io::Result<()> {
        let mac = self.mac(fingerprint, code).finalize().into_bytes();
        write_whole(&self.path(fingerprint), &[&mac, code])
    }

    /// Drops a compiled form, if it is there.
    pub(super) fn remove(&self, fingerprint: &[u8]) {
        // One that stays is never read again.
        let _ = fs::remove_file(self.path(fingerprint));
    }

    fn path(&self, fingerprint: &[u8]) -> PathBuf {
        self.folder.join(format!("{}.cwasm", hex::encode(&Sha256::digest(fingerprint)[..16])))
    }

    fn mac(&self, fingerprint: &[u8], code: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(&(fingerprint.len() as u64).to_le_bytes());
        mac.update(fingerprint);
        mac.update(code);
        mac
    }
}

fn read_key(path: &Path) -> io::Result<Option<[u8; 32]>> {
    match fs::read(path) {
        Ok(bytes) => Ok(bytes.try_into().ok()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes beside and renames, so that a reader sees all or nothing.
fn write_whole(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut random = [0u8; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let draft = path.with_extension(format!("{}.tmp", hex::encode(random)));
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    for part in parts {
        file.write_all(part)?;
    }
    drop(file);
    fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_is_not_loaded() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.store(b"v1", b"machine code").unwrap();
        assert_eq!(cache.load(b"v1").as_deref(), Some(&b"machine code"[..]));
        assert_eq!(cache.load(b"v2"), None);

        let path = cache.path(b"v1");
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(cache.load(b"v1"), None);
        fs::write(&path, b"short").unwrap();
        assert_eq!(cache.load(b"v1"), None);
    }

    #[test]
    fn a_file_made_under_another_key_is_not_loaded() {
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (ours, theirs) = (Cache::open(ours.path()).unwrap(), Cache::open(theirs.path()).unwrap());
        theirs.store(b"v1", b"machine code").unwrap();
        fs::copy(theirs.path(b"v1"), ours.path(b"v1")).unwrap();
        assert_eq!(ours.load(b"v1"), None);
    }
}
