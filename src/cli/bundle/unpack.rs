//! Unpacks a package's tarball, without trust in its names and sizes.
//!
//! Only regular files are made, and only below the given folder. Links, devices and paths that lead elsewhere are
//! skipped or refused, as npm does. Nothing is made executable, and no script is ever run.

use std::{
    fs,
    io::Read,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context, bail, ensure};
use flate2::read::GzDecoder;

/// What all packages of one bundle may unpack to, in bytes and files.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) bytes: u64,
    pub(super) files: u32,
    /// What may be decompressed, with everything that is skipped, bytes.
    pub(super) read: u64,
}

/// The largest file of a package, bytes.
const MAX_FILE: u64 = 64 << 20;

impl Default for Budget {
    fn default() -> Self {
        Self { bytes: 512 << 20, files: 50_000, read: 768 << 20 }
    }
}

/// Unpacks the one folder of a tarball into `folder`.
///
/// # Errors
/// When it is not a package, leads out of the folder, or is larger than what is left of the budget.
pub(super) fn unpack(what: &str, tarball: &[u8], folder: &Path, budget: &mut Budget) -> anyhow::Result<()> {
    each(what, tarball, budget, |path, bytes| {
        let target = folder.join(path);
        let parent = target.parent().expect("it is below a folder");
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&target, bytes))
            .with_context(|| format!("cannot write {}", target.display()))
    })
}

/// One file of a tarball, by its path inside the package.
pub(super) fn one(what: &str, tarball: &[u8], name: &Path) -> anyhow::Result<Vec<u8>> {
    let mut found = None;
    each(what, tarball, &mut Budget::default(), |path, bytes| {
        if path == name {
            found = Some(bytes);
        }
        Ok(())
    })?;
    found.with_context(|| format!("{what} has no {}", name.display()))
}

fn each(
    what: &str,
    tarball: &[u8],
    budget: &mut Budget,
    mut take: impl FnMut(&Path, Vec<u8>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let broken = || format!("the tarball of {what} is broken");
    let large = || format!("{what} unpacks to more than a bundle may take; bundle fewer packages at once");
    // Skipped data counts against the budget too, such as the contents of odd entries.
    let mut reader = GzDecoder::new(tarball).take(budget.read);
    let unpacked = (|| {
        let mut archive = tar::Archive::new(&mut reader);
        for entry in archive.entries().with_context(broken)? {
            let entry = entry.with_context(broken)?;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let path = entry.path().with_context(broken)?;
            let Some(path) = inside(&path).with_context(|| format!("{what} has a file {path:?}"))? else {
                continue;
            };
            budget.files = budget.files.checked_sub(1).with_context(|| format!("{what}: too many files"))?;
            let mut bytes = Vec::new();
            entry.take(budget.bytes.min(MAX_FILE) + 1).read_to_end(&mut bytes).with_context(broken)?;
            let size = bytes.len() as u64;
            ensure!(size <= budget.bytes, large());
            ensure!(size <= MAX_FILE, "{what} has the file {path:?} of more than {MAX_FILE} bytes");
            budget.bytes -= size;
            take(&path, bytes)?;
        }
        Ok(())
    })();
    budget.read = reader.limit();
    ensure!(budget.read > 0, large());
    unpacked
}

/// The path below the package's folder, whatever that folder is called.
fn inside(path: &Path) -> anyhow::Result<Option<PathBuf>> {
    let mut parts = Vec::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => {
                let text = part.to_str().context("whose name is not UTF-8")?;
                ensure!(!text.contains(['\\', '\0', ':']), "whose name no file may have");
                parts.push(text);
            }
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                bail!("that leads out of its package; it was not unpacked")
            }
        }
    }
    Ok((parts.len() > 1).then(|| parts[1..].iter().collect()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder};
    use tar::{EntryType, Header};

    use super::*;

    /// Names are written as they are, because the crate's own setters refuse what an attacker would send.
    fn tarball(entries: &[(&str, EntryType, &[u8])]) -> Vec<u8> {
        let mut plain = Vec::new();
        for (name, kind, bytes) in entries {
            let mut header = Header::new_gnu();
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.as_old_mut().linkname[..11].copy_from_slice(b"/etc/passwd");
            header.set_entry_type(*kind);
            header.set_size(bytes.len() as u64);
            header.set_cksum();
            plain.extend_from_slice(header.as_bytes());
            plain.extend_from_slice(bytes);
            plain.resize(plain.len().next_multiple_of(512), 0);
        }
        plain.resize(plain.len() + 1_024, 0);
        let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&plain).unwrap();
        packed.finish().unwrap()
    }

    fn files_of(folder: &Path) -> Vec<String> {
        let mut files: Vec<_> = walk(folder).iter().map(|path| path.display().to_string()).collect();
        files.sort();
        files
    }

    fn walk(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap());
        entries
            .flat_map(|entry| {
                if entry.file_type().unwrap().is_dir() { walk(&entry.path()) } else { vec![entry.path()] }
            })
            .collect()
    }

    #[test]
    fn files_land_below_the_folder_whatever_the_package_calls_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let tarball = tarball(&[
            ("package/", EntryType::Directory, b""),
            ("package/a.js", EntryType::Regular, b"1"),
            ("other/lib/./b.js", EntryType::Regular, b"2"),
            ("top.js", EntryType::Regular, b"of no package"),
        ]);
        let mut budget = Budget::default();
        unpack("x@1", &tarball, folder.path(), &mut budget).unwrap();
        assert_eq!(
            files_of(folder.path()),
            ["a.js", "lib/b.js"].map(|name| folder.path().join(name).display().to_string())
        );
        assert_eq!(one("x@1", &tarball, Path::new("lib/b.js")).unwrap(), b"2");
        assert!(one("x@1", &tarball, Path::new("c.js")).is_err());
        assert_eq!(budget.files, Budget::default().files - 2);
    }

    #[test]
    fn zip_slip_a_tarball_cannot_write_outside_its_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("in");
        fs::create_dir(&folder).unwrap();
        for name in [
            "package/../../out.js",
            "../out.js",
            "/package/out.js",
            "package/a/../../../out.js",
            "package/..\\out.js",
            "package/C:out.js",
        ] {
            let evil = tarball(&[(name, EntryType::Regular, b"1")]);
            let error = unpack("x@1", &evil, &folder, &mut Budget::default()).unwrap_err();
            assert!(format!("{error:#}").contains("x@1 has a file"), "{error:#}");
        }
        // First a link, then a file through it.
        let linked = tarball(&[
            ("package/l", EntryType::Symlink, b""),
            ("package/h", EntryType::Link, b""),
            ("package/f", EntryType::Fifo, b""),
            ("package/l/out.js", EntryType::Regular, b"1"),
        ]);
        unpack("x@1", &linked, &folder, &mut Budget::default()).unwrap();
        assert_eq!(files_of(outer.path()), [folder.join("l/out.js").display().to_string()]);
        assert!(!folder.join("l").is_symlink());
    }

    #[test]
    fn decompression_bomb_a_tarball_that_unpacks_to_too_much_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let bomb = tarball(&[("package/a", EntryType::Regular, &vec![0; 4 << 20])]);
        assert!(bomb.len() < 64 << 10);
        let small = || Budget { bytes: 1 << 20, files: 9, ..Budget::default() };
        let error = unpack("x@1", &bomb, folder.path(), &mut small()).unwrap_err();
        assert!(error.to_string().contains("more than a bundle may take"), "{error:#}");
        assert!(files_of(folder.path()).is_empty());
        // What is skipped has been decompressed all the same, in each package of a bundle.
        let skipped = tarball(&[("package/d", EntryType::Directory, &vec![0; 4 << 20])]);
        let mut budget = Budget { read: 10 << 20, ..Budget::default() };
        for _ in 0..2 {
            unpack("x@1", &skipped, folder.path(), &mut budget).unwrap();
        }
        let error = unpack("x@1", &skipped, folder.path(), &mut budget).unwrap_err();
        assert!(error.to_string().contains("more than a bundle may take"), "{error:#}");
        let many = tarball(&[("package/a", EntryType::Regular, b"1".as_slice()); 10]);
        assert!(unpack("x@1", &many, folder.path(), &mut small()).is_err());
        assert!(unpack("x@1", b"no gzip", folder.path(), &mut small()).is_err());
    }
}
