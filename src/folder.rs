//! Reads workflow folders from disk: `<folder>/<key>/workflow.json` and the code beside it.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use crate::model::Bundle;

/// The most that a workflow's files may weigh together, bytes.
const MOST: u64 = 8 << 20;

/// Why a folder is no workflow.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or folder cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The path.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no `workflow.json`.
    #[error("{folder} has no workflow.json; give the folder of one workflow")]
    NoWorkflow {
        /// The folder.
        folder: String,
    },
    /// Too much code.
    #[error("{folder}: its files are over {MOST} bytes together")]
    TooLarge {
        /// The folder.
        folder: String,
    },
}

/// The folders below `root` that hold a `workflow.json`, by name.
///
/// # Errors
/// When `root` cannot be read.
pub fn workflows_in(root: &Path) -> Result<Vec<PathBuf>, FolderError> {
    let entries = fs::read_dir(root).map_err(|source| read_error(root, source))?;
    let mut folders: Vec<_> = entries
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.join("workflow.json").is_file())
        .collect();
    folders.sort();
    Ok(folders)
}

/// The files of one workflow.
///
/// # Errors
/// What cannot be read.
pub fn read(folder: &Path) -> Result<Bundle, FolderError> {
    let path = folder.join("workflow.json");
    let workflow = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(FolderError::NoWorkflow { folder: folder.display().to_string() });
        }
        Err(source) => return Err(read_error(&path, source)),
    };
    let mut files = BTreeMap::new();
    let mut size = workflow.len() as u64;
    for entry in fs::read_dir(folder).map_err(|source| read_error(folder, source))? {
        let path = entry.map_err(|source| read_error(folder, source))?.path();
        let name = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        let Some(name) = name.filter(|name| name.ends_with(".js") && !name.starts_with('.')) else {
            continue;
        };
        size += fs::metadata(&path).map_err(|source| read_error(&path, source))?.len();
        if size > MOST {
            return Err(FolderError::TooLarge { folder: folder.display().to_string() });
        }
        files.insert(name, fs::read_to_string(&path).map_err(|source| read_error(&path, source))?);
    }
    Ok(Bundle { workflow, files })
}

fn read_error(path: &Path, source: io::Error) -> FolderError {
    FolderError::Read { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workflow_is_its_json_and_the_code_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a");
        fs::create_dir_all(folder.join("fixtures")).unwrap();
        assert!(matches!(read(&folder), Err(FolderError::NoWorkflow { .. })));
        for (name, text) in [("workflow.json", "{}"), ("b.js", "1"), (".hidden.js", "2"), ("notes.txt", "3")]
        {
            fs::write(folder.join(name), text).unwrap();
        }
        let bundle = read(&folder).unwrap();
        assert_eq!(bundle.files.keys().collect::<Vec<_>>(), ["b.js"]);
        assert_eq!(workflows_in(root.path()).unwrap(), [folder]);
    }
}
