//! The compiled engine on disk, so that only the first start compiles.
//!
//! Loading compiled code trusts it as much as our own binary. So the folder is ours alone (0700), and a MAC over
//! engine and code is checked before use.
//!
//! The code is mapped from its file and not read into memory, so the system shares its pages with the page cache and
//! takes them back when memory is short. A map follows its file, so what was checked must stay what is mapped:
//! - The file is opened once. The MAC is checked, and the map is made, through that one descriptor, so a file that is
//!   put in its place later is not the one that is mapped.
//! - Nobody writes into such a file. It is made read-only (0400), under another name, and renamed when it is whole;
//!   dropping it removes the name alone. A file that is writable, belongs to somebody else or has a second name, as on
//!   file systems without owners, is read into memory instead, and the MAC is that of the copy.
//!
//! What is left is a process of the same user, or of root, that makes the file writable and changes it under a running
//! server. Such a process also reads the key beside it, and our memory: no copy would keep it out.

use std::{
    fs,
    fs::File,
    io,
    io::{Read, Seek, SeekFrom, Write},
    os::{
        fd::AsRawFd,
        unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
};

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use wasmtime::{Engine, Module, component::Component};

/// A file ends with its MAC: what is mapped must begin with the code.
const MAC_LEN: u64 = 32;
/// Bytes that are read at once.
const CHUNK: usize = 64 << 10;

/// Machine code that our own compiler made.
pub(super) enum Code {
    /// A file of the cache, whose MAC was checked. Behind the code stands the MAC, which the format of the code ignores.
    File(File),
    /// A copy of such a file's code, or code that was just made.
    Memory(Vec<u8>),
}

impl Code {
    /// Code that is not in the cache.
    ///
    /// # Safety
    /// The bytes must be what wasmtime's compiler gave, and nobody else may have had a chance to change them.
    pub(super) unsafe fn fresh(bytes: Vec<u8>) -> Self {
        Self::Memory(bytes)
    }

    /// The code as a module.
    ///
    /// # Errors
    /// When it was made by another wasmtime or for other settings, or is a component.
    pub(super) fn module(self, engine: &Engine) -> wasmtime::Result<Module> {
        // SAFETY of all three: the code comes from our own compiler. `fresh` says so, or the MAC under a key of our own
        // 0700 folder; that the file does not change under its map is what the head of this file is about. wasmtime
        // itself refuses another version or configuration.
        self.load(
            |file| unsafe { Module::deserialize_open_file(engine, file) },
            |bytes| unsafe { Module::deserialize(engine, bytes) },
        )
    }

    /// The code as a component.
    ///
    /// # Errors
    /// When it was made by another wasmtime or for other settings, or is a module.
    pub(super) fn component(self, engine: &Engine) -> wasmtime::Result<Component> {
        // SAFETY: as for modules.
        self.load(
            // wasmtime takes an open file for modules alone. This path is that file and no other: it names the descriptor.
            |file| unsafe {
                Component::deserialize_file(engine, format!("/proc/self/fd/{}", file.as_raw_fd()))
            },
            |bytes| unsafe { Component::deserialize(engine, bytes) },
        )
    }

    fn load<T>(
        self,
        map: impl FnOnce(File) -> wasmtime::Result<T>,
        copy: impl FnOnce(&[u8]) -> wasmtime::Result<T>,
    ) -> wasmtime::Result<T> {
        match self {
            Self::Memory(bytes) => copy(&bytes),
            Self::File(file) => {
                let mut same = file.try_clone()?;
                map(file).or_else(|error| {
                    // A file system that is mounted `noexec` lets nobody run what is mapped from it.
                    tracing::debug!(
                        error = format!("{error:#}"),
                        "machine code cannot be mapped; reading it"
                    );
                    let mut bytes = Vec::new();
                    same.seek(SeekFrom::Start(0))?;
                    same.read_to_end(&mut bytes)?;
                    copy(&bytes)
                })
            }
        }
    }
}

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
    pub(super) fn load(&self, fingerprint: &[u8]) -> Option<Code> {
        let file = File::open(self.path(fingerprint)).ok()?;
        self.checked(fingerprint, file)
            .inspect_err(|error| {
                tracing::warn!(folder = %self.folder.display(), %error, "cached code fails its check; compiling it anew")
            })
            .ok()
    }

    fn checked(&self, fingerprint: &[u8], mut file: File) -> io::Result<Code> {
        let about = file.metadata()?;
        let mut left = about.len().checked_sub(MAC_LEN).ok_or_else(|| io::Error::other("it is too short"))?;
        let stays = about.is_file()
            && about.mode() & 0o222 == 0
            && about.nlink() == 1
            && about.uid() == rustix::process::geteuid().as_raw();
        let (mut mac, mut chunk, mut code) = (self.mac(fingerprint), vec![0; CHUNK], Vec::new());
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            file.read_exact(&mut chunk[..most])?;
            mac.update(&chunk[..most]);
            if !stays {
                code.extend_from_slice(&chunk[..most]);
            }
            left -= most as u64;
        }
        let mut kept = Vec::new();
        Read::take(&mut file, MAC_LEN + 1).read_to_end(&mut kept)?;
        mac.verify_slice(&kept).map_err(|_| io::Error::other("its MAC is another"))?;
        Ok(if stays { Code::File(file) } else { Code::Memory(code) })
    }

    /// Writes a compiled module into the cache, under the fingerprint of what it was compiled from.
    pub(super) fn store(&self, fingerprint: &[u8], code: &[u8]) -> io::Result<()> {
        let mac = self.mac(fingerprint).chain_update(code).finalize().into_bytes();
        write_whole(&self.path(fingerprint), &[code, &mac])
    }

    /// Drops a compiled form, if it is there.
    pub(super) fn remove(&self, fingerprint: &[u8]) {
        // One that stays is never read again.
        let _ = fs::remove_file(self.path(fingerprint));
    }

    fn path(&self, fingerprint: &[u8]) -> PathBuf {
        self.folder.join(format!("{}.cwasm", hex::encode(&Sha256::digest(fingerprint)[..16])))
    }

    /// The MAC before the code, which follows.
    fn mac(&self, fingerprint: &[u8]) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("HMAC takes keys of any length");
        mac.update(&(fingerprint.len() as u64).to_le_bytes());
        mac.update(fingerprint);
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
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o400).open(&draft)?;
    for part in parts {
        file.write_all(part)?;
    }
    drop(file);
    fs::rename(draft, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    const CODE: &[u8] = b"machine code";

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path()).unwrap();
        cache.store(b"v1", CODE).unwrap();
        (folder, cache)
    }

    /// What would be mapped of the file, without the MAC.
    fn loaded(cache: &Cache, fingerprint: &[u8]) -> Option<Vec<u8>> {
        Some(read(cache.load(fingerprint)?))
    }

    fn read(code: Code) -> Vec<u8> {
        let map = |mut file: File| {
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(0))?;
            file.read_to_end(&mut bytes)?;
            bytes.truncate(bytes.len() - 32);
            Ok(bytes)
        };
        code.load(map, |bytes| Ok(bytes.to_vec())).unwrap()
    }

    fn rewrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(path, bytes).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o400)).unwrap();
    }

    #[test]
    fn a_changed_file_is_not_loaded() {
        let (_folder, cache) = cache();
        assert_eq!(loaded(&cache, b"v1").as_deref(), Some(CODE));
        assert_eq!(loaded(&cache, b"v2"), None);
        for at in [0, CODE.len() - 1, CODE.len(), CODE.len() + 31] {
            cache.store(b"v1", CODE).unwrap();
            rewrite(&cache.path(b"v1"), |bytes| bytes[at] ^= 1);
            assert_eq!(loaded(&cache, b"v1"), None, "byte {at}");
        }
        for length in [0, 31, 32, CODE.len() + 31] {
            cache.store(b"v1", CODE).unwrap();
            rewrite(&cache.path(b"v1"), |bytes| bytes.truncate(length));
            assert_eq!(loaded(&cache, b"v1"), None, "{length} bytes");
        }
        cache.store(b"v1", CODE).unwrap();
        rewrite(&cache.path(b"v1"), |bytes| bytes.push(0));
        assert_eq!(loaded(&cache, b"v1"), None, "one byte more");
    }

    #[test]
    fn a_file_that_somebody_could_write_into_is_read_and_not_mapped() {
        let (_folder, cache) = cache();
        let path = cache.path(b"v1");
        let mapped = || matches!(cache.load(b"v1").unwrap(), Code::File(_));
        for mode in [0o600, 0o420, 0o402] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert!(!mapped(), "mode {mode:o}");
            assert_eq!(loaded(&cache, b"v1").as_deref(), Some(CODE), "mode {mode:o}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
        assert!(mapped());
        fs::hard_link(&path, path.with_extension("second")).unwrap();
        assert!(!mapped());
    }

    #[test]
    fn a_file_that_takes_the_place_of_a_checked_one_is_not_the_one_that_is_loaded() {
        let (_folder, cache) = cache();
        let code = cache.load(b"v1").unwrap();
        cache.store(b"v1", b"other code").unwrap();
        cache.remove(b"v1");
        assert_eq!(read(code), CODE);
    }

    #[test]
    fn code_that_cannot_be_mapped_is_read() {
        let (_folder, cache) = cache();
        let refused = |_| Err(wasmtime::Error::msg("the file system is mounted noexec"));
        let code = cache.load(b"v1").unwrap().load(refused, |bytes| Ok(bytes.to_vec())).unwrap();
        assert_eq!(code.strip_prefix(CODE).unwrap().len(), 32, "the MAC stands behind it");
    }

    #[test]
    fn a_file_made_under_another_key_is_not_loaded() {
        let ((_one, ours), (_two, theirs)) = (cache(), cache());
        theirs.store(b"v1", b"their code").unwrap();
        fs::remove_file(ours.path(b"v1")).unwrap();
        fs::copy(theirs.path(b"v1"), ours.path(b"v1")).unwrap();
        assert_eq!(loaded(&ours, b"v1"), None);
        assert!(loaded(&theirs, b"v1").is_some());
    }

    #[test]
    fn modules_and_components_are_mapped_from_their_files() {
        let (folder, cache) = cache();
        let engine = Engine::default();
        cache.store(b"module", &engine.precompile_module(b"\0asm\x01\0\0\0").unwrap()).unwrap();
        cache.store(b"component", &engine.precompile_component(b"\0asm\x0d\0\x01\0").unwrap()).unwrap();
        let module = cache.load(b"module").unwrap().module(&engine).unwrap();
        let component = cache.load(b"component").unwrap().component(&engine).unwrap();
        #[cfg(target_os = "linux")]
        for fingerprint in [&b"module"[..], b"component"] {
            let path = cache.path(fingerprint).canonicalize().unwrap();
            let maps = fs::read_to_string("/proc/self/maps").unwrap();
            assert!(maps.contains(path.to_str().unwrap()), "{} is not mapped:\n{maps}", path.display());
        }
        drop((module, component, folder));
    }
}
