//! Reads workflow folders from disk: `<folder>/<key>/workflow.json`, the code in that folder, and the libraries that it imports.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

use crate::{
    model::Bundle,
    script::{self, LIBRARIES, Language},
};

/// The most that a workflow's files may weigh together, libraries included, bytes.
const MOST: u64 = 16 << 20;
/// How deep folders of code may nest.
const DEPTH_MOST: usize = 16;

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
    /// Folders in folders.
    #[error("{folder}: folders nest over {DEPTH_MOST} deep")]
    TooDeep {
        /// The innermost folder.
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
        .filter(|path| path.file_name().is_none_or(|name| name != LIBRARIES))
        .filter(|path| path.join("workflow.json").is_file())
        .collect();
    folders.sort();
    Ok(folders)
}

/// The files of one workflow: `workflow.json`, all code in the folder, and of the libraries in `libraries/`, here or beside the
/// workflow's folder, those that the code imports.
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
    let size = workflow.len() as u64;
    let mut reader = Reader { root: folder, files: BTreeMap::new(), size };
    reader.code(folder, "", 0)?;
    reader.libraries()?;
    Ok(Bundle { workflow, files: reader.files })
}

struct Reader<'a> {
    root: &'a Path,
    files: BTreeMap<String, String>,
    size: u64,
}

impl Reader<'_> {
    /// Reads the code in `folder`, whose name below the root is `prefix`, and in its folders. Links to folders are not followed.
    fn code(&mut self, folder: &Path, prefix: &str, depth: usize) -> Result<(), FolderError> {
        if depth > DEPTH_MOST {
            return Err(FolderError::TooDeep { folder: folder.display().to_string() });
        }
        for entry in fs::read_dir(folder).map_err(|source| read_error(folder, source))? {
            let entry = entry.map_err(|source| read_error(folder, source))?;
            let path = entry.path();
            let Some(name) =
                path.file_name().and_then(|name| name.to_str()).filter(|name| !name.starts_with('.'))
            else {
                continue;
            };
            if entry.file_type().map_err(|source| read_error(&path, source))?.is_dir() {
                let left_out =
                    name == "node_modules" || (depth == 0 && [LIBRARIES, "fixtures"].contains(&name));
                if !left_out {
                    self.code(&path, &format!("{prefix}{name}/"), depth + 1)?;
                }
            } else if Language::of(name).is_some() {
                self.file(&path, format!("{prefix}{name}"))?;
            }
        }
        Ok(())
    }

    /// Adds one file.
    fn file(&mut self, path: &Path, name: String) -> Result<(), FolderError> {
        self.size += fs::metadata(path).map_err(|source| read_error(path, source))?.len();
        if self.size > MOST {
            return Err(FolderError::TooLarge { folder: self.root.display().to_string() });
        }
        let text = fs::read_to_string(path).map_err(|source| read_error(path, source))?;
        self.files.insert(name, text);
        Ok(())
    }

    /// Adds the libraries that the code imports, and those that they import.
    fn libraries(&mut self) -> Result<(), FolderError> {
        let beside = fs::canonicalize(self.root).ok().and_then(|root| root.parent().map(Path::to_owned));
        let places: Vec<PathBuf> = [Some(self.root.to_owned()), beside]
            .into_iter()
            .flatten()
            .filter(|place| place.join(LIBRARIES).is_dir())
            .collect();
        // Most workflows have none; nothing is looked for then.
        if places.is_empty() {
            return Ok(());
        }
        let find = |name: &str| {
            let is_library = name.starts_with(LIBRARIES) && Language::of(name).is_some();
            is_library
                .then(|| places.iter().map(|place| place.join(name)).find(|path| path.is_file()))
                .flatten()
        };
        let mut waiting: Vec<String> = self.files.keys().cloned().collect();
        while let Some(importer) = waiting.pop() {
            let text = self.files.get(&importer).map(String::as_str).unwrap_or_default();
            let specifiers: BTreeSet<String> = script::mentioned(text).map(str::to_owned).collect();
            for specifier in specifiers {
                let exists = |name: &str| self.files.contains_key(name) || find(name).is_some();
                // What is missing is told when the version is compiled.
                let found = script::resolve(&importer, &specifier, exists).ok().flatten();
                if let Some(name) = found.filter(|name| !self.files.contains_key(name))
                    && let Some(path) = find(&name)
                {
                    self.file(&path, name.clone())?;
                    waiting.push(name);
                }
            }
        }
        Ok(())
    }
}

fn read_error(path: &Path, source: io::Error) -> FolderError {
    FolderError::Read { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn names(folder: &Path) -> Vec<String> {
        read(folder).unwrap().files.into_keys().collect()
    }

    #[test]
    fn a_workflow_is_its_json_and_the_code_in_its_folder() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("a");
        fs::create_dir_all(&folder).unwrap();
        assert!(matches!(read(&folder), Err(FolderError::NoWorkflow { .. })));
        write(
            &folder,
            &[
                ("workflow.json", "{}"),
                ("b.js", "1"),
                ("c.ts", "1"),
                ("d.mjs", "1"),
                ("e.mts", "1"),
                ("types.d.ts", "declare const a: number"),
                ("types/f.d.ts", ""),
                ("lib/deep/g.ts", "1"),
                (".hidden.js", "2"),
                (".git/h.js", "2"),
                ("node_modules/x/index.js", "2"),
                ("lib/node_modules/x.js", "2"),
                ("fixtures/push.js", "2"),
                ("notes.txt", "3"),
            ],
        );
        assert_eq!(names(&folder), ["b.js", "c.ts", "d.mjs", "e.mts", "lib/deep/g.ts"]);
        assert_eq!(workflows_in(root.path()).unwrap(), [folder]);
    }

    #[test]
    fn only_libraries_that_the_code_reaches_are_taken_and_its_own_come_first() {
        let root = tempfile::tempdir().unwrap();
        write(
            root.path(),
            &[
                ("a/workflow.json", "{}"),
                ("a/main.ts", "import dayjs from 'dayjs'; const u = require('@s/own');"),
                ("a/libraries/@s/own.js", "export * from './part.js'; import 'shared/sub'"),
                ("a/libraries/@s/part.js", "export const own = 1"),
                ("a/libraries/unused.js", "1"),
                ("libraries/dayjs.js", "export default 1"),
                ("libraries/@s/own.js", "export default 'the wrong one'"),
                ("libraries/shared/sub.js", "import('dayjs')"),
                ("libraries/zod.js", "export default 1"),
                ("libraries/workflow.json", "{}"),
            ],
        );
        let folder = root.path().join("a");
        let expected = [
            "libraries/@s/own.js",
            "libraries/@s/part.js",
            "libraries/dayjs.js",
            "libraries/shared/sub.js",
            "main.ts",
        ];
        assert_eq!(names(&folder), expected);
        assert!(read(&folder).unwrap().files["libraries/@s/own.js"].contains("part.js"));
        assert_eq!(workflows_in(root.path()).unwrap(), [folder], "a folder of libraries is no workflow");
    }

    #[test]
    fn s_an_import_reads_no_file_outside_of_the_folders() {
        let root = tempfile::tempdir().unwrap();
        let main = "import '../../secret.js'; import '../secret.js'; import '/secret.js'; import '..\\\\secret.js'; \
            import 'x/../../secret'; require('../secret'); import 'evil'; import('./libraries/../../secret.js')";
        write(
            root.path(),
            &[
                ("secret.js", "1"),
                ("a/workflow.json", "{}"),
                ("a/main.js", main),
                (
                    "libraries/evil.js",
                    "import '../secret.js'; import '../../secret.js'; import './../secret'",
                ),
            ],
        );
        assert_eq!(names(&root.path().join("a")), ["libraries/evil.js", "main.js"]);
    }
}
