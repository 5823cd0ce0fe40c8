//! Reads files that others may have put there: each is opened once, checked through the open handle, and read up to a
//! bound.
//!
//! A file in a workflow's folder comes with a git checkout. So it may be a link to the server's own files, a device or
//! a pipe. A [`Root`] resolves names below one folder. A link may lead to another place in that folder, as the links of
//! a mounted ConfigMap do, but never out of it. Whatever is opened must be a regular file, and opening never waits.
//! Everything that reads workflows, plugins, fixtures, keys and certificates uses this. Errors name the file and the
//! reason, never the content.

use std::{
    fs, io,
    io::Read,
    os::unix::fs::{FileTypeExt, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, OpenOptions, OpenOptionsExt as _},
};
use rustix::fs::OFlags;

/// Why a file is not read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system refuses.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file or folder.
        path: String,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It is a pipe, a device, a socket or a folder.
    #[error("{path} is {kind}: put a regular file in its place")]
    NotRegular {
        path: String,
        /// What it is.
        kind: &'static str,
    },
    /// A link leads out of the folder.
    #[error("{path} leads out of {root} through a link, and is not read: put the link's target in its place")]
    Outside {
        /// The file or folder.
        path: String,
        /// The folder that it leads out of.
        root: String,
    },
    /// It is larger than the reader accepts.
    #[error("{path} is over {most} bytes")]
    TooLarge {
        path: String,
        /// The most bytes that are read.
        most: u64,
    },
    /// Its bytes are not UTF-8.
    #[error("{path} is not UTF-8 text")]
    NotText { path: String },
}

impl FileError {
    /// Whether the reason is that there is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// The bytes of a file that the operator or the user has named. It may be a link.
///
/// # Errors
/// When it is not a regular file, is over `most` bytes, or cannot be read.
pub fn named(path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    whole(&named_file(path)?, path, most)
}

/// Like [`named`], but gives the open file, for callers that need more than its content.
///
/// # Errors
/// When it is not a regular file, or cannot be opened.
pub fn named_file(path: &Path) -> Result<fs::File, FileError> {
    let opened = fs::OpenOptions::new().read(true).custom_flags(flags()).open(path);
    regular(opened.map_err(|source| read_error(path, source))?, path)
}

/// Like [`named`], as text.
///
/// # Errors
/// The same as [`named`], and when it is not UTF-8.
pub fn named_text(path: &Path, most: u64) -> Result<String, FileError> {
    text(named(path, most)?, path)
}

/// The text of a file that a person gives to a command. It may be a pipe, as a shell's `<(…)` makes one.
///
/// # Errors
/// When it is over `most` bytes, is not UTF-8, or cannot be read.
pub fn given_text(path: &Path, most: u64) -> Result<String, FileError> {
    let file = fs::File::open(path).map_err(|source| read_error(path, source))?;
    text(whole(&file, path, most)?, path)
}

/// The rest of an open file, if it has at most `most` bytes.
///
/// # Errors
/// `TooLarge`, `Read`.
pub fn whole(mut file: &fs::File, path: &Path, most: u64) -> Result<Vec<u8>, FileError> {
    let too_large = || FileError::TooLarge { path: shown(path), most };
    let size = file.metadata().map_err(|source| read_error(path, source))?.len();
    if size > most {
        return Err(too_large());
    }
    // The file may grow while it is read.
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.by_ref().take(most + 1).read_to_end(&mut bytes).map_err(|source| read_error(path, source))?;
    if bytes.len() as u64 > most { Err(too_large()) } else { Ok(bytes) }
}

/// An open folder. Nothing outside it can be read through this.
pub struct Root {
    dir: Dir,
    place: PathBuf,
}

/// One entry of a folder.
#[derive(Debug)]
pub struct Entry {
    pub name: String,
    /// Whether it is a folder itself; a link to a folder is not one.
    pub is_folder: bool,
}

impl Root {
    /// Opens a folder that the operator or the user has named. It may be a link.
    ///
    /// # Errors
    /// When it is not a folder, or cannot be opened.
    pub fn open(place: &Path) -> Result<Self, FileError> {
        let dir = Dir::open_ambient_dir(place, ambient_authority());
        let dir = dir.map_err(|source| read_error(place, source))?;
        Ok(Self { dir, place: place.to_owned() })
    }

    /// A folder below this one. Nothing that is read through it leaves it.
    ///
    /// # Errors
    /// When it is not a folder that can be opened, or leads out of this one.
    pub fn folder(&self, name: &Path) -> Result<Self, FileError> {
        let place = self.place.join(name);
        match self.dir.open_dir(name) {
            Ok(dir) => Ok(Self { dir, place }),
            Err(source) => Err(self.failed(&place, source)),
        }
    }

    /// The folder's path, for messages.
    pub fn place(&self) -> &Path {
        &self.place
    }

    /// The folder itself, for whoever writes into it.
    pub(crate) fn dir(&self) -> &Dir {
        &self.dir
    }

    /// The entries of the folder, by name. Names that are not UTF-8 are left out.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn entries(&self) -> Result<Vec<Entry>, FileError> {
        let failed = |source| read_error(&self.place, source);
        let mut entries = Vec::new();
        for entry in self.dir.entries().map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let Ok(name) = entry.file_name().into_string() else { continue };
            entries.push(Entry { name, is_folder: entry.file_type().map_err(failed)?.is_dir() });
        }
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Whether a name is taken by a file, a folder, or a link that leads anywhere.
    pub fn has(&self, name: &Path) -> bool {
        self.dir.symlink_metadata(name).is_ok()
    }

    /// Whether a name is taken by anything but a folder. Reading it shows what it is.
    pub fn may_be_file(&self, name: &Path) -> bool {
        self.dir.symlink_metadata(name).is_ok_and(|about| !about.is_dir())
    }

    /// The bytes of a file.
    ///
    /// # Errors
    /// When it leads out of this folder, is not a regular file, is over `most` bytes, or cannot be read.
    pub fn read(&self, name: &Path, most: u64) -> Result<Vec<u8>, FileError> {
        let path = self.place.join(name);
        let mut options = OpenOptions::new();
        options.read(true).custom_flags(flags());
        let opened = self.dir.open_with(name, &options).map_err(|source| self.failed(&path, source))?;
        whole(&regular(opened.into_std(), &path)?, &path, most)
    }

    /// The text of a file.
    ///
    /// # Errors
    /// The same as [`Root::read`], and when it is not UTF-8.
    pub fn text(&self, name: &Path, most: u64) -> Result<String, FileError> {
        text(self.read(name, most)?, &self.place.join(name))
    }

    fn failed(&self, path: &Path, source: io::Error) -> FileError {
        // What leads out comes as an error of its own kind, without a number of the system.
        if source.kind() == io::ErrorKind::PermissionDenied && source.raw_os_error().is_none() {
            FileError::Outside { path: shown(path), root: shown(&self.place) }
        } else {
            read_error(path, source)
        }
    }
}

/// Opening a pipe must not wait for its other end, and a terminal must not become ours.
fn flags() -> i32 {
    (OFlags::NONBLOCK | OFlags::NOCTTY).bits().cast_signed()
}

fn regular(file: fs::File, path: &Path) -> Result<fs::File, FileError> {
    let kind = file.metadata().map_err(|source| read_error(path, source))?.file_type();
    let kind = match kind {
        kind if kind.is_file() => return Ok(file),
        kind if kind.is_dir() => "a folder",
        kind if kind.is_fifo() => "a pipe",
        kind if kind.is_char_device() || kind.is_block_device() => "a device",
        _ => "not a file",
    };
    Err(FileError::NotRegular { path: shown(path), kind })
}

fn text(bytes: Vec<u8>, path: &Path) -> Result<String, FileError> {
    decoded(bytes).ok_or_else(|| FileError::NotText { path: shown(path) })
}

/// The text of a file or of stdin: UTF-8, or UTF-16 with its byte order mark, as Windows writes it. The mark is no part of the text.
/// Nothing when it is no text.
pub fn decoded(bytes: Vec<u8>) -> Option<String> {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let (pairs, rest) = bytes.as_chunks::<2>();
        let units: Vec<u16> = pairs.iter().map(|&pair| unit(pair)).collect();
        rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
    };
    match bytes.as_slice() {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, rest @ ..] => std::str::from_utf8(rest).ok().map(str::to_owned),
        // The conversion's own error would hold the bytes.
        _ => String::from_utf8(bytes).ok(),
    }
}

fn read_error(path: &Path, source: io::Error) -> FileError {
    FileError::Read { path: shown(path), source }
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn text_of_windows_is_read_without_its_mark() {
        let cases: [(&[u8], Option<&str>); 8] = [
            (b"{}", Some("{}")),
            (b"\xef\xbb\xbf{}", Some("{}")),
            (b"\xff\xfe{\0}\0", Some("{}")),
            (b"\xfe\xff\0{\0}", Some("{}")),
            (b"", Some("")),
            (b"\xff\xfe{\0}", None),
            (b"\xff\xfe\0\xd8", None),
            (b"\xff", None),
        ];
        for (bytes, expected) in cases {
            assert_eq!(super::decoded(bytes.to_vec()).as_deref(), expected, "{bytes:?}");
        }
    }

    use std::os::unix::{fs::symlink, net::UnixListener};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    fn root() -> (tempfile::TempDir, PathBuf) {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("in");
        fs::create_dir(&folder).unwrap();
        fs::write(outer.path().join("token"), "t0ken").unwrap();
        (outer, folder)
    }

    fn pipe(path: &Path) {
        mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    }

    #[test]
    fn s6_a_link_that_leads_out_of_the_folder_is_not_followed() {
        let (outer, folder) = root();
        let token = outer.path().join("token");
        symlink("../token", folder.join("relative")).unwrap();
        symlink(&token, folder.join("absolute")).unwrap();
        symlink("/proc/self/root", folder.join("magic")).unwrap();
        symlink("relative", folder.join("by_way_of_another")).unwrap();
        symlink("..", folder.join("up")).unwrap();
        let root = Root::open(&folder).unwrap();
        let below_magic = format!("magic{}", token.display());
        for name in ["relative", "absolute", "by_way_of_another", "up/token", "../token", &below_magic] {
            let error = root.text(Path::new(name), 99).unwrap_err();
            assert!(matches!(error, FileError::Outside { .. }), "{name}: {error}");
            assert!(error.to_string().contains(name) && !error.to_string().contains("t0ken"), "{error}");
        }
        assert!(matches!(root.folder(Path::new("up")), Err(FileError::Outside { .. })));
        assert!(root.has(Path::new("relative")) && !root.has(Path::new("nothing")));
        assert!(root.text(Path::new("nothing"), 9).unwrap_err().is_missing());
    }

    #[test]
    fn links_that_stay_inside_are_followed_as_a_mounted_config_map_has_them() {
        let (_outer, folder) = root();
        fs::create_dir(folder.join("..2026_11_29")).unwrap();
        fs::write(folder.join("..2026_11_29/workflow.json"), "{}").unwrap();
        symlink("..2026_11_29", folder.join("..data")).unwrap();
        symlink("..data/workflow.json", folder.join("workflow.json")).unwrap();
        let root = Root::open(&folder).unwrap();
        assert_eq!(root.text(Path::new("workflow.json"), 9).unwrap(), "{}");
        assert_eq!(
            root.folder(Path::new("..data")).unwrap().text(Path::new("workflow.json"), 9).unwrap(),
            "{}"
        );
    }

    #[test]
    fn s6_pipes_devices_sockets_and_folders_are_refused_without_waiting() {
        let (_outer, folder) = root();
        pipe(&folder.join("pipe"));
        symlink("/dev/zero", folder.join("zero")).unwrap();
        let _socket = UnixListener::bind(folder.join("socket")).unwrap();
        let root = Root::open(&folder).unwrap();
        for name in ["pipe", "socket", "."] {
            let error = root.read(Path::new(name), 99).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
            assert!(named(&folder.join(name), 99).is_err(), "{name}");
        }
        assert!(root.read(Path::new("zero"), 99).is_err());
        let error = named(&folder.join("zero"), 99).unwrap_err().to_string();
        assert!(error.contains("is a device"), "{error}");
        let error = named(&folder.join("pipe"), 99).unwrap_err().to_string();
        assert!(error.ends_with("pipe is a pipe: put a regular file in its place"), "{error}");
    }

    #[test]
    fn a_file_is_read_up_to_its_bound_and_named_when_it_is_no_text() {
        let (_outer, folder) = root();
        fs::write(folder.join("a"), b"123\xff").unwrap();
        let root = Root::open(&folder).unwrap();
        assert_eq!(root.read(Path::new("a"), 4).unwrap(), b"123\xff");
        assert!(matches!(root.read(Path::new("a"), 3), Err(FileError::TooLarge { most: 3, .. })));
        let error = root.text(Path::new("a"), 4).unwrap_err().to_string();
        assert!(error.contains("is not UTF-8 text") && !error.contains("123"), "{error}");
        symlink(folder.join("a"), folder.join("link")).unwrap();
        assert_eq!(named(&folder.join("link"), 4).unwrap().len(), 4, "what a person names may be a link");
    }
}
