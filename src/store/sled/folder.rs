//! The data folder: who may use it, which format it has, on what it lies.
//!
//! Layout: `LOCK`, `FORMAT` (written last, so that it means complete), `watermark`, `log/`, `state/` or what `CURRENT`
//! names in its place (sled's), `blobs/`, `history/`, `lapsing/`. Knows nothing of sled.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::watermark::Watermark;
use crate::store::StoreError;
pub(super) use crate::store::disk::{create_private, room, sync_folder};

/// The format that this version writes. The first one had no history, the second no log, the history of the third stood in
/// sled databases, and all that is live stood in sled in the fourth; all are taken over as they are.
const FORMAT: u64 = 5;
/// The first with a log.
const LOGGED: u64 = 3;
const FORMAT_PREFIX: &str = "flowcell-store ";

/// The data folder, locked for this process until dropped.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Locks the folder, checks its format, and lays out a new one.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        create_private(path)?;
        let lock = lock(path)?;
        warn_of_unsafe_places(path);
        let folder = Self { path: path.to_owned(), _lock: lock };
        match fs::read_to_string(folder.format()) {
            Ok(text) => {
                let format = folder.check_format(&text)?;
                if format != FORMAT {
                    // What an upgrade left that did not come to its end holds no commit.
                    let log = folder.log();
                    if format < LOGGED && log.exists() {
                        fs::remove_dir_all(&log).map_err(|error| failed("remove", &log, error))?;
                    }
                    folder.write_format()?;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder.lay_out()?,
            Err(error) => return Err(failed("read", &folder.format(), error)),
        }
        Ok(folder)
    }

    /// The path of the folder.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Where sled keeps the files of the live part.
    pub(super) fn state(&self) -> Result<PathBuf, StoreError> {
        let current = self.current();
        match fs::read_to_string(&current) {
            Ok(text) => match text.strip_suffix('\n').filter(|name| state_number(name).is_some()) {
                Some(name) => Ok(self.path.join(name)),
                None => Err(StoreError::corrupt(current.display(), "it names no state")),
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.path.join(STATE)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                Err(StoreError::corrupt(current.display(), "it is no text"))
            }
            Err(error) => Err(failed("read", &current, error)),
        }
    }

    /// Where commits are until they stand in the tree.
    pub(super) fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// Where large values are.
    pub(super) fn blobs(&self) -> PathBuf {
        self.path.join("blobs")
    }

    /// Where the buckets of the history are.
    pub(super) fn history(&self) -> PathBuf {
        self.path.join("history")
    }

    /// Where the live values are that expire by themselves.
    pub(super) fn lapsing(&self) -> PathBuf {
        self.path.join("lapsing")
    }

    /// The file of the last commit that was answered.
    pub(super) fn watermark(&self) -> PathBuf {
        self.path.join("watermark")
    }

    fn format(&self) -> PathBuf {
        self.path.join("FORMAT")
    }

    fn current(&self) -> PathBuf {
        self.path.join("CURRENT")
    }

    fn check_format(&self, text: &str) -> Result<u64, StoreError> {
        match text.trim_end().strip_prefix(FORMAT_PREFIX).and_then(|number| number.parse().ok()) {
            Some(format @ 1..=FORMAT) => Ok(format),
            Some(found @ 1..) => Err(StoreError::NewerVersion {
                what: format!("the data folder {}", self.path.display()),
                found,
                known: FORMAT,
            }),
            Some(0) | None => {
                Err(StoreError::corrupt(self.format().display(), "it does not say `flowcell-store <number>`"))
            }
        }
    }

    fn lay_out(&self) -> Result<(), StoreError> {
        if [self.path.join(STATE), self.current(), self.history(), self.lapsing(), self.log()]
            .iter()
            .any(|path| path.exists())
        {
            return Err(StoreError::corrupt(
                self.format().display(),
                "the file is missing beside existing data",
            ));
        }
        Watermark::create(&self.watermark())?;
        self.write_format()
    }

    fn write_format(&self) -> Result<(), StoreError> {
        write_durably(&self.format(), &format!("{FORMAT_PREFIX}{FORMAT}\n"))
    }

    /// Removes what a crash left half done: states that are not the current one, snapshots for backups.
    pub(super) fn tidy(&self, state: &Path) -> Result<(), StoreError> {
        let entries = fs::read_dir(&self.path).map_err(|error| failed("list", &self.path, error))?;
        for path in entries.flatten().map(|entry| entry.path()) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if state_number(name).is_some() && path != state {
                fs::remove_dir_all(&path).map_err(|error| failed("remove", &path, error))?;
            } else if name.starts_with(SNAPSHOT) {
                fs::remove_file(&path).map_err(|error| failed("remove", &path, error))?;
            }
        }
        Ok(())
    }
}

const STATE: &str = "state";
/// How the files begin that a backup reads the live part from.
pub(super) const SNAPSHOT: &str = "snapshot-";

/// 1 for `state`, 7 for `state-7`.
fn state_number(name: &str) -> Option<u64> {
    match name.strip_prefix(STATE)? {
        "" => Some(1),
        rest => {
            rest.strip_prefix('-')?.parse().ok().filter(|number| format!("-{number}") == rest && *number > 1)
        }
    }
}

/// Where the next state goes, beside this one.
pub(super) fn next_state(state: &Path) -> PathBuf {
    let name = state.file_name().and_then(|name| name.to_str());
    let number = name.and_then(state_number).unwrap_or(1);
    state.with_file_name(format!("{STATE}-{}", number + 1))
}

/// Makes a state the current one: in one step, durable.
pub(super) fn name_state(state: &Path) -> Result<(), StoreError> {
    let name = state.file_name().expect("it was made by next_state").to_string_lossy();
    write_durably(&state.with_file_name("CURRENT"), &format!("{name}\n"))
}

fn write_durably(path: &Path, text: &str) -> Result<(), StoreError> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|error| failed("write", path, error))?;
    path.parent().map_or(Ok(()), sync_folder)
}

/// Removes a folder that nothing refers to any more. One that cannot be removed is left to the next start.
pub(super) fn remove_folder(path: &Path) {
    match fs::remove_dir_all(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => {
            tracing::warn!(%error, folder = %path.display(), "the next start removes this folder");
        }
    }
}

fn lock(path: &Path) -> Result<File, StoreError> {
    let file = path.join("LOCK");
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    let lock = options.open(&file).map_err(|error| failed("open", &file, error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked { place: path.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed("lock", &file, error)),
    }
}

/// Why data on a file system of this type may vanish; the numbers are Linux's `linux/magic.h`.
#[cfg(target_os = "linux")]
fn danger(file_system: u64) -> Option<&'static str> {
    match file_system & 0xffff_ffff {
        0x0102_1994 | 0x8584_58f6 => Some("it is in memory, and everything is gone after a restart"),
        0x6969 | 0x517b | 0xff53_4d42 | 0xfe53_4d42 => {
            Some("it is a network share, whose locks and syncs cannot be relied on")
        }
        0x794c_7630 => {
            Some("it is the writable layer of a container, which goes with the container: mount a volume")
        }
        _ => None,
    }
}

fn warn_of_unsafe_places(path: &Path) {
    #[cfg(target_os = "linux")]
    if let Ok(stat) = rustix::fs::statfs(path)
        && let Some(danger) = danger(stat.f_type as u64)
    {
        tracing::warn!(folder = %path.display(), "the data folder is not on a local disk: {danger}");
    }
    #[cfg(unix)]
    if let Ok(meta) = fs::metadata(path)
        && std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o077 != 0
    {
        tracing::warn!(folder = %path.display(), "other users can enter the data folder: chmod 700 it");
    }
}

fn failed(doing: &str, path: &Path, error: io::Error) -> StoreError {
    StoreError::io(format!("cannot {doing} {}", path.display()), path, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_for_one_process_and_one_user() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b");
        let folder = Folder::open(&path).unwrap();
        assert!(matches!(Folder::open(&path), Err(StoreError::Locked { .. })));
        drop(folder);
        Folder::open(&path).unwrap();
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
            assert_eq!(mode & 0o777, 0o700);
        }
    }

    #[test]
    fn a_format_that_is_not_ours_is_refused() {
        let parent = tempfile::tempdir().unwrap();
        let format = parent.path().join("FORMAT");
        drop(Folder::open(parent.path()).unwrap());
        for (text, newer) in
            [("flowcell-store 6\n", true), ("flowcell-store 0\n", false), ("", false), ("\0", false)]
        {
            fs::write(&format, text).unwrap();
            let error = Folder::open(parent.path()).unwrap_err();
            assert_eq!(matches!(error, StoreError::NewerVersion { .. }), newer, "{error}");
            assert_eq!(matches!(error, StoreError::Corrupt { .. }), !newer, "{error}");
        }
        for earlier in 1..5 {
            fs::write(&format, format!("flowcell-store {earlier}\n")).unwrap();
            drop(Folder::open(parent.path()).unwrap());
            assert_eq!(fs::read_to_string(&format).unwrap(), "flowcell-store 5\n", "{earlier} is taken over");
        }
        fs::remove_file(&format).unwrap();
        fs::create_dir(parent.path().join("state")).unwrap();
        assert!(matches!(Folder::open(parent.path()), Err(StoreError::Corrupt { .. })));
    }

    #[test]
    fn a_path_that_cannot_be_a_folder_is_one_clear_line() {
        let parent = tempfile::tempdir().unwrap();
        let file = parent.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Folder::open(&file).unwrap_err().to_string();
        assert!(error.contains("file") && !error.contains('\n'), "{error}");
    }
}
