//! Reads workflow folders from disk: `<folder>/<key>/workflow.json`, the code in that folder, and the libraries that
//! the code imports.
//!
//! The folder that the operator names may be a link. A folder below it may be a link that stays below it (see `files`).

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use crate::{
    files::{FileError, Root},
    model::Bundle,
    script::{self, LIBRARIES, Language},
};

/// The most bytes of all files of a workflow together, libraries included.
pub(super) const MAX_BYTES: u64 = 16 << 20;
/// How deep folders of code may nest.
pub(super) const MAX_DEPTH: usize = 16;
pub(super) const WORKFLOW: &str = "workflow.json";
/// A folder with a file of this name is left alone: its workflow lives on the server.
pub(super) const IGNORE: &str = ".flowcell-ignore";

/// Whether a folder may be absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    Allowed,
    /// Somebody named it.
    Wrong,
}

/// Why a folder is not a workflow.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// A file or folder cannot be read, or is of a kind that is never read.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is no `workflow.json`.
    #[error("{folder} has no workflow.json; give the folder of a workflow, or a folder of such folders")]
    NoWorkflow { folder: String },
    /// The code is too large.
    #[error("{folder}: its files are over {MAX_BYTES} bytes together")]
    TooLarge { folder: String },
    /// Folders are nested too deep.
    #[error("{folder}: folders nest over {MAX_DEPTH} deep")]
    TooDeep {
        /// The innermost folder.
        folder: String,
    },
}

/// The folders below `root` that have a `workflow.json` and no `.flowcell-ignore`, by name. This does not check whether it can
/// be read.
///
/// # Errors
/// When `root` cannot be read; when it is absent, unless that is allowed: then there are none.
pub fn workflows_in(root: &Path, absent: Missing) -> Result<Vec<PathBuf>, FolderError> {
    let opened = match (Root::open(root), absent) {
        (Err(error), Missing::Allowed) if error.is_missing() => return Ok(Vec::new()),
        (opened, Missing::Allowed | Missing::Wrong) => opened?,
    };
    let entries = opened.entries()?.into_iter();
    let names = entries.map(|entry| entry.name).filter(|name| name != LIBRARIES && !name.starts_with('.'));
    // Nothing is read through this path. A link that leads out is reported when the workflow is read.
    let has = |folder: &Path, name: &str| fs::symlink_metadata(folder.join(name)).is_ok();
    let has_workflow = |folder: &PathBuf| has(folder, WORKFLOW) && !has(folder, IGNORE);
    Ok(names.map(|name| root.join(name)).filter(has_workflow).collect())
}

/// The files of one workflow: `workflow.json`, all code in the folder, and the libraries that the code imports, from
/// `libraries/` here or beside the workflow's folder. A person names the folder, so it may be a link.
///
/// # Errors
/// What cannot be read.
pub fn read(folder: &Path) -> Result<Bundle, FolderError> {
    let root = Root::open(folder).map_err(|error| no_workflow(error, folder))?;
    let beside = fs::canonicalize(folder).ok().and_then(|folder| folder.parent().map(Path::to_owned));
    let beside = beside.and_then(|beside| Root::open(&beside).ok());
    bundle(&root, beside.as_ref())
}

/// The files of the workflow in the folder `name` below `root`, which must not lead out of `root`.
///
/// # Errors
/// What cannot be read.
pub fn read_below(root: &Path, name: &Path) -> Result<Bundle, FolderError> {
    let root = Root::open(root)?;
    let folder = root.folder(name).map_err(|error| no_workflow(error, &root.place().join(name)))?;
    bundle(&folder, Some(&root))
}

fn bundle(folder: &Root, beside: Option<&Root>) -> Result<Bundle, FolderError> {
    let workflow = workflow_json(folder)?;
    let size = workflow.len() as u64;
    let mut reader = Reader { root: folder, files: BTreeMap::new(), size };
    reader.code(folder, "", 0)?;
    reader.libraries(beside)?;
    reader.values()?;
    Ok(Bundle { workflow, files: reader.files })
}

/// The text of a folder's `workflow.json`.
///
/// # Errors
/// When it cannot be read.
pub fn workflow_json(folder: &Root) -> Result<String, FolderError> {
    let text = folder.text(Path::new(WORKFLOW), MAX_BYTES);
    text.map_err(|error| {
        if folder.has(Path::new(WORKFLOW)) {
            // A link that leads nowhere is not missing.
            error.into()
        } else {
            no_workflow(error, folder.place())
        }
    })
}

fn no_workflow(error: FileError, folder: &Path) -> FolderError {
    if error.is_missing() {
        FolderError::NoWorkflow { folder: folder.display().to_string() }
    } else {
        error.into()
    }
}

struct Reader<'a> {
    root: &'a Root,
    files: BTreeMap<String, String>,
    size: u64,
}

impl Reader<'_> {
    /// Reads the code in `folder` and in its folders. `prefix` is the folder's name below the root. Links to folders
    /// are not followed.
    fn code(&mut self, folder: &Root, prefix: &str, depth: usize) -> Result<(), FolderError> {
        if depth > MAX_DEPTH {
            return Err(FolderError::TooDeep { folder: folder.place().display().to_string() });
        }
        for entry in folder.entries()? {
            let name = entry.name;
            if name.starts_with('.') {
                continue;
            }
            let below = format!("{prefix}{name}");
            if entry.is_folder {
                let left_out =
                    name == "node_modules" || (depth == 0 && [LIBRARIES, "fixtures"].contains(&&*name));
                if !left_out {
                    let inner = folder.folder(Path::new(&name))?;
                    self.code(&inner, &format!("{below}/"), depth + 1)?;
                }
            } else if matches!(Language::of(&name), Some(Language::JavaScript | Language::TypeScript)) {
                // Read from the workflow's folder, because links may lead to another part of it.
                self.file(self.root, &below, below.clone())?;
            }
        }
        Ok(())
    }

    /// Adds one file of a place.
    fn file(&mut self, place: &Root, path: &str, name: String) -> Result<(), FolderError> {
        let text = place.text(Path::new(path), MAX_BYTES - self.size).map_err(|error| match error {
            FileError::TooLarge { .. } => {
                FolderError::TooLarge { folder: self.root.place().display().to_string() }
            }
            other => other.into(),
        })?;
        self.size += text.len() as u64;
        self.files.insert(name, text);
        Ok(())
    }

    /// Adds the JSON files of the folder that the code imports. Others are no part of the workflow.
    fn values(&mut self) -> Result<(), FolderError> {
        let mut found = BTreeSet::new();
        for (importer, text) in &self.files {
            for specifier in script::mentioned(text).filter(|specifier| specifier.starts_with('.')) {
                let is_json = |name: &str| {
                    Language::of(name) == Some(Language::Json)
                        && name != WORKFLOW
                        && !name.split('/').any(|part| part.starts_with('.'))
                        && self.root.may_be_file(Path::new(name))
                };
                let exists = |name: &str| self.files.contains_key(name) || is_json(name);
                found.extend(script::resolve(importer, specifier, exists).ok().flatten());
            }
        }
        for name in found {
            if !self.files.contains_key(&name) {
                self.file(self.root, &name, name.clone())?;
            }
        }
        Ok(())
    }

    /// Adds the libraries that the code imports, and those that these libraries import.
    fn libraries(&mut self, beside: Option<&Root>) -> Result<(), FolderError> {
        let mut places = Vec::new();
        for root in [Some(self.root), beside].into_iter().flatten() {
            match root.folder(Path::new(LIBRARIES)) {
                Ok(libraries) => places.push(libraries),
                Err(error @ FileError::Outside { .. }) => return Err(error.into()),
                // Most workflows have none.
                Err(_) => {}
            }
        }
        // Then there is nothing to look for.
        if places.is_empty() {
            return Ok(());
        }
        let find = |name: &str| {
            let inside =
                name.strip_prefix(LIBRARIES)?.strip_prefix('/').filter(|_| Language::of(name).is_some())?;
            places
                .iter()
                .find(|place| place.may_be_file(Path::new(inside)))
                .map(|place| (place, inside.to_owned()))
        };
        let mut waiting: Vec<String> = self.files.keys().cloned().collect();
        while let Some(importer) = waiting.pop() {
            let text = self.files.get(&importer).map(String::as_str).unwrap_or_default();
            let specifiers: BTreeSet<String> = script::mentioned(text).map(str::to_owned).collect();
            for specifier in specifiers {
                let exists = |name: &str| self.files.contains_key(name) || find(name).is_some();
                // Compiling the version reports what is missing.
                let found = script::resolve(&importer, &specifier, exists).ok().flatten();
                if let Some(name) = found.filter(|name| !self.files.contains_key(name))
                    && let Some((place, inside)) = find(&name)
                {
                    self.file(place, &inside, name.clone())?;
                    waiting.push(name);
                }
            }
        }
        Ok(())
    }
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
        assert_eq!(workflows_in(root.path(), Missing::Wrong).unwrap(), [folder]);
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
        assert_eq!(
            workflows_in(root.path(), Missing::Wrong).unwrap(),
            [folder],
            "a folder of libraries is no workflow"
        );
    }

    #[test]
    fn s6_a_link_in_a_workflow_folder_reads_nothing_outside_of_it() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        let place = root.path().join("workflows");
        write(
            root.path(),
            &[
                ("data/token.js", "t0ken"),
                ("elsewhere/workflow.json", "{}"),
                ("workflows/other/workflow.json", "{}"),
                ("workflows/other/main.js", "1"),
                ("workflows/a/workflow.json", "{}"),
                ("workflows/a/main.js", "import 'dayjs'"),
            ],
        );
        let refused = |name: &str| {
            let error = read_below(&place, Path::new(name)).unwrap_err();
            assert!(matches!(error, FolderError::File(FileError::Outside { .. })), "{error}");
            error.to_string()
        };
        for (link, target) in [
            ("a/t.js", "../../data/token.js"),
            ("a/t.js", "../other/main.js"),
            ("a/workflow.json", "../../elsewhere/workflow.json"),
            ("libraries/dayjs.js", "../../data/token.js"),
            ("libraries", "../data"),
        ] {
            let link = place.join(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            let before = fs::read(&link).ok();
            if before.is_some() {
                fs::remove_file(&link).unwrap();
            }
            symlink(target, &link).unwrap();
            assert!(refused("a").contains(&link.display().to_string()), "{}", refused("a"));
            fs::remove_file(&link).unwrap();
            if link.starts_with(place.join("libraries")) {
                let _ = fs::remove_dir(place.join("libraries"));
            }
            before.into_iter().for_each(|text| fs::write(&link, text).unwrap());
        }
        symlink("../elsewhere", place.join("out")).unwrap();
        assert!(refused("out").contains("workflows/out"));
        assert_eq!(
            workflows_in(&place, Missing::Wrong).unwrap().len(),
            3,
            "it is told, not left out in silence"
        );
        // A person who names the link itself means its target.
        assert!(read(&place.join("out")).unwrap().files.is_empty());
        symlink(&place, root.path().join("link")).unwrap();
        assert!(read_below(&root.path().join("link"), Path::new("other")).is_ok());
    }

    #[test]
    fn a_workflow_of_a_mounted_config_map_is_read() {
        use std::os::unix::fs::symlink;
        let root = tempfile::tempdir().unwrap();
        write(root.path(), &[("..1/a/workflow.json", "{}"), ("..1/a/main.js", "1")]);
        symlink("..1", root.path().join("..data")).unwrap();
        symlink("..data/a", root.path().join("a")).unwrap();
        assert_eq!(workflows_in(root.path(), Missing::Wrong).unwrap(), [root.path().join("a")]);
        assert_eq!(read_below(root.path(), Path::new("a")).unwrap().files["main.js"], "1");
        // Or one such volume for each workflow.
        fs::create_dir(root.path().join("b")).unwrap();
        symlink("../..1", root.path().join("b/..data")).unwrap();
        write(root.path(), &[("b/..2/workflow.json", "{}"), ("b/..2/main.js", "2")]);
        fs::remove_file(root.path().join("b/..data")).unwrap();
        symlink("..2", root.path().join("b/..data")).unwrap();
        for name in ["workflow.json", "main.js"] {
            symlink(Path::new("..data").join(name), root.path().join("b").join(name)).unwrap();
        }
        assert_eq!(read_below(root.path(), Path::new("b")).unwrap().files["main.js"], "2");
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
