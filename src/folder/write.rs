//! Writes a workflow's folder so that it holds another version: only names that would be read again, each file beside its
//! place, synced and renamed, `workflow.json` after the code.
//!
//! What does not change keeps its bytes. Nothing is written through a link. A crash in between leaves a folder that the same
//! call brings to its end, as long as nobody else has changed a file in it.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, OpenOptions};

use super::read::{IGNORE, MAX_BYTES, MAX_DEPTH, WORKFLOW, read};
use crate::{
    files::{FileError, Root},
    model::{Bundle, WorkflowKey},
    script::{LIBRARIES, Language},
};

/// Why a folder was not written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// This process may not write here.
    #[error("{0}")]
    ReadOnly(String),
    /// A file is neither what it was nor what it is to become.
    #[error("{path} was changed by somebody else in the meantime")]
    Foreign {
        /// The file.
        path: String,
    },
    /// The system refuses.
    #[error("{path}: {why}")]
    Failed { path: String, why: String },
}

/// One file that changes; `None` goes.
struct Change<'a> {
    name: &'a str,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

/// What changes from one version to another: code, then `workflow.json`, then what goes.
fn changes<'a>(base: Option<&'a Bundle>, new: &'a Bundle) -> Vec<Change<'a>> {
    let of_base = |name: &str| base.and_then(|base| base.files.get(name)).map(String::as_str);
    let mut changes: Vec<Change<'a>> = new
        .files
        .iter()
        .map(|(name, text)| Change { name, before: of_base(name), after: Some(text) })
        .collect();
    let workflow = base.map(|base| base.workflow.as_str());
    changes.push(Change { name: WORKFLOW, before: workflow, after: Some(&new.workflow) });
    let gone =
        base.into_iter().flat_map(|base| &base.files).filter(|(name, _)| !new.files.contains_key(*name));
    changes.extend(gone.map(|(name, text)| Change { name, before: Some(text), after: None }));
    changes.retain(|change| change.before != change.after);
    changes
}

/// Brings the folder of a workflow from the version `base` to `new`. `base` is `None` when there is no folder. Files that are
/// as they shall be already are left alone.
///
/// # Errors
/// `Foreign` before anything is written; `ReadOnly` and `Failed` may come in between.
pub fn bring(root: &Path, key: &WorkflowKey, base: Option<&Bundle>, new: &Bundle) -> Result<(), WriteError> {
    let folder = open(root, key)?;
    let mut due = Vec::new();
    for change in changes(base, new) {
        let path = folder.place().join(change.name);
        let found = bytes_of(&folder, change.name)?;
        let text = found.clone().map(|bytes| crate::files::decoded(bytes).unwrap_or_default());
        let is = |wanted: Option<&str>| text.as_deref() == wanted;
        if is(change.after) {
            continue;
        }
        // A library may come from beside the folder. Then there is none in it.
        let shared = change.name.starts_with(LIBRARIES) && text.is_none();
        if !is(change.before) && !shared {
            return Err(WriteError::Foreign { path: path.display().to_string() });
        }
        if !(shared && change.after.is_none()) {
            due.push((change, found));
        }
    }
    for (change, found) in due {
        match change.after {
            Some(text) => replace(&folder, change.name, &encoded_like(found.as_deref(), text))?,
            None => remove(&folder, change.name)?,
        }
    }
    Ok(())
}

/// Whether this process may write a workflow's folder, and every folder in it that `names` stand in.
///
/// # Errors
/// `ReadOnly`, with the reason.
pub fn writable<'a>(
    root: &Path,
    key: &WorkflowKey,
    names: impl IntoIterator<Item = &'a str>,
) -> Result<(), WriteError> {
    let folder = open(root, key)?;
    for name in names.into_iter().chain([WORKFLOW]) {
        bytes_of(&folder, name)?;
        let path = folder.place().join(name);
        let parent = Path::new(name).parent().unwrap_or(Path::new(""));
        let mut inner = Some(parent);
        while let Some(place) = inner {
            // What is not there yet is made in the first folder above it that is.
            if place.as_os_str().is_empty() || folder.has(place) {
                probe(folder.dir(), &place.join(".flowcell-tmp")).map_err(|error| refused(&path, &error))?;
                break;
            }
            inner = place.parent();
        }
    }
    Ok(())
}

fn probe(dir: &Dir, name: &Path) -> io::Result<()> {
    let _ = dir.remove_file(name);
    dir.open_with(name, OpenOptions::new().write(true).create_new(true))?;
    dir.remove_file(name)
}

/// Marks a folder whose workflow lives on the server, so that nobody takes it for one.
///
/// # Errors
/// When it cannot be written.
pub fn ignore(root: &Path, key: &WorkflowKey) -> Result<(), WriteError> {
    let text = "The workflow of this folder lives on the server. Remove this file to use the folder again.\n";
    replace(&open(root, key)?, IGNORE, text.as_bytes())
}

/// Takes the mark of [`ignore`] away, if it is there.
///
/// # Errors
/// When it cannot be removed.
pub fn notice(root: &Path, key: &WorkflowKey) -> Result<(), WriteError> {
    let folder = open(root, key)?;
    if folder.has(Path::new(IGNORE)) { remove(&folder, IGNORE) } else { Ok(()) }
}

/// Whether a version, written as a folder, reads back as the same version: only code and JSON files under names that are read,
/// JSON files and libraries that the code imports, and no more bytes than are read.
///
/// # Errors
/// Which file does not fit, and why.
pub fn fits(bundle: &Bundle) -> Result<(), String> {
    for name in bundle.files.keys() {
        if let Some(why) = unfit(name) {
            return Err(format!("the file {name:?} {why}"));
        }
    }
    let texts = bundle.files.values().chain([&bundle.workflow]);
    if texts.map(|text| text.len() as u64).sum::<u64>() > MAX_BYTES {
        return Err(format!("its files are over {MAX_BYTES} bytes together"));
    }
    let failed = |error: String| format!("the files cannot be checked on the server's disk: {error}");
    // Alone in its folder, so that there are no libraries beside it.
    let place = tempfile::tempdir().map_err(|error| failed(error.to_string()))?;
    let folder = place.path().join("workflow");
    let written = bundle.files.iter().map(|(name, text)| (name.as_str(), text));
    for (name, text) in written.chain([(WORKFLOW, &bundle.workflow)]) {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(&folder);
        let made = fs::create_dir_all(parent).and_then(|()| fs::write(&path, text));
        made.map_err(|error| format!("the file {name:?} cannot be written: {error}"))?;
    }
    let found = read(&folder).map_err(|error| failed(error.to_string()))?;
    if found.workflow != bundle.workflow {
        return Err("workflow.json begins with a byte order mark; leave it out".to_owned());
    }
    match bundle.files.iter().find(|(name, text)| found.files.get(*name) != Some(*text)) {
        None => Ok(()),
        Some((name, _)) if !found.files.contains_key(name) => {
            Err(format!("the file {name:?} is no part of the workflow: no code imports it; leave it out"))
        }
        Some((name, _)) => Err(format!("the file {name:?} begins with a byte order mark; leave it out")),
    }
}

/// Why no file of this name is ever read, if so.
fn unfit(name: &str) -> Option<&'static str> {
    let parts: Vec<&str> = name.split('/').collect();
    let odd = |part: &&str| part.is_empty() || part.starts_with('.') || part.contains('\\');
    if parts.iter().any(odd) || name.chars().any(char::is_control) {
        return Some("has a name that is not read: use names without a leading dot, separated by /");
    }
    if parts.contains(&"node_modules") || parts[0] == "fixtures" {
        return Some("stands in a folder that is not read");
    }
    if parts.len() > MAX_DEPTH {
        return Some("is nested too deep");
    }
    if name == WORKFLOW || Language::of(name).is_none() {
        return Some("is no code: use .js, .mjs, .cjs, .ts, .mts, .cts, or .json that code imports");
    }
    None
}

/// The folder of a workflow, made if it is not there.
fn open(root: &Path, key: &WorkflowKey) -> Result<Root, WriteError> {
    let path = root.join(key.as_str());
    if !root.exists() {
        fs::create_dir_all(root).map_err(|error| refused(root, &error))?;
    }
    let top = Root::open(root).map_err(failed)?;
    let name = Path::new(key.as_str());
    match top.dir().symlink_metadata(name) {
        Ok(about) if about.is_dir() => {}
        Ok(_) => return Err(WriteError::ReadOnly(format!("{} is a link", path.display()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            top.dir().create_dir(name).map_err(|error| refused(&path, &error))?;
            sync(top.dir()).map_err(|error| refused(&path, &error))?;
        }
        Err(error) => return Err(refused(&path, &error)),
    }
    top.folder(name).map_err(failed)
}

/// The bytes of a file that stands in the folder itself, if it is there.
fn bytes_of(folder: &Root, name: &str) -> Result<Option<Vec<u8>>, WriteError> {
    let mut place = PathBuf::new();
    for part in Path::new(name) {
        place.push(part);
        match folder.dir().symlink_metadata(&place) {
            Ok(about) if about.is_symlink() => {
                let path = folder.place().join(&place);
                return Err(WriteError::ReadOnly(format!("{} is a link", path.display())));
            }
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused(&folder.place().join(&place), &error)),
        }
    }
    folder.read(Path::new(name), MAX_BYTES).map(Some).map_err(failed)
}

/// The text in the encoding that the file has: with the byte order mark of before, or as UTF-16.
fn encoded_like(before: Option<&[u8]>, text: &str) -> Vec<u8> {
    let wide = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| {
        mark.into_iter().chain(text.encode_utf16().flat_map(bytes)).collect()
    };
    match before {
        Some([0xff, 0xfe, ..]) => wide([0xff, 0xfe], u16::to_le_bytes),
        Some([0xfe, 0xff, ..]) => wide([0xfe, 0xff], u16::to_be_bytes),
        Some([0xef, 0xbb, 0xbf, ..]) => [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(),
        Some(_) | None => text.into(),
    }
}

/// Gives a file these bytes in one step, with the mode that it had.
fn replace(folder: &Root, name: &str, bytes: &[u8]) -> Result<(), WriteError> {
    let path = folder.place().join(name);
    written(folder.dir(), Path::new(name), bytes).map_err(|error| refused(&path, &error))
}

fn written(dir: &Dir, name: &Path, bytes: &[u8]) -> io::Result<()> {
    let parent = name.parent().unwrap_or(Path::new(""));
    if !parent.as_os_str().is_empty() {
        dir.create_dir_all(parent)?;
    }
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name.file_name().unwrap_or_default());
    beside.push(".flowcell-tmp");
    let beside = parent.join(beside);
    // What a crash left.
    let _ = dir.remove_file(&beside);
    let mut file = dir.open_with(&beside, OpenOptions::new().write(true).create_new(true))?;
    let mut put = || -> io::Result<()> {
        file.write_all(bytes)?;
        if let Ok(about) = dir.metadata(name) {
            file.set_permissions(about.permissions())?;
        }
        file.sync_all()?;
        dir.rename(&beside, dir, name)?;
        sync(&folder_of(dir, parent)?)
    };
    put().inspect_err(|_| {
        let _ = dir.remove_file(&beside);
    })
}

fn remove(folder: &Root, name: &str) -> Result<(), WriteError> {
    let (path, name) = (folder.place().join(name), Path::new(name));
    let removed = || -> io::Result<()> {
        folder.dir().remove_file(name)?;
        sync(&folder_of(folder.dir(), name.parent().unwrap_or(Path::new("")))?)
    };
    removed().map_err(|error| refused(&path, &error))?;
    let mut parent = name.parent();
    // Folders that are empty now go too; others stay, as the system does not remove them.
    while let Some(place) = parent.filter(|place| !place.as_os_str().is_empty()) {
        if folder.dir().remove_dir(place).is_err() {
            break;
        }
        parent = place.parent();
    }
    Ok(())
}

fn folder_of(dir: &Dir, parent: &Path) -> io::Result<Dir> {
    if parent.as_os_str().is_empty() { dir.try_clone() } else { dir.open_dir(parent) }
}

/// Makes the names in a folder durable.
fn sync(dir: &Dir) -> io::Result<()> {
    dir.open(".")?.sync_all()
}

fn refused(path: &Path, error: &io::Error) -> WriteError {
    let path = path.display();
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            WriteError::ReadOnly(format!("{path} may not be written by the user that the server runs as"))
        }
        io::ErrorKind::ReadOnlyFilesystem => {
            WriteError::ReadOnly(format!("{path} is on a file system that is mounted read-only"))
        }
        _ => WriteError::Failed { path: path.to_string(), why: error.to_string() },
    }
}

fn failed(error: FileError) -> WriteError {
    match error {
        FileError::Read { path, source } => refused(Path::new(&path), &source),
        FileError::NotRegular { .. }
        | FileError::Outside { .. }
        | FileError::TooLarge { .. }
        | FileError::NotText { .. } => WriteError::ReadOnly(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
