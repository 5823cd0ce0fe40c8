//! What a relative specifier means: a file beside the importer, with or without its ending.
//!
//! Called by `modules.rs`. Knows the names of the files that the host handed in, and no file system.

use crate::stack::{self, FileId};

/// `folder/../name` without its dots; `None` when it leaves the workflow's folder.
fn normal(importer: &str, specifier: &str) -> Option<String> {
    let folder = importer.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// The file that a relative specifier means.
pub(crate) fn relative(importer: &str, specifier: &str) -> Option<FileId> {
    let path = normal(importer, specifier)?;
    let stem = [".js", ".mjs", ".cjs"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(&path);
    let mut names = vec![path.clone()];
    names.extend(
        [
            ".js",
            ".mjs",
            ".cjs",
            ".ts",
            ".mts",
            ".cts",
            ".json",
            "/index.js",
            "/index.ts",
            "/index.cjs",
            "/index.json",
        ]
        .map(|end| format!("{path}{end}")),
    );
    names.extend([".ts", ".mts", ".cts"].map(|end| format!("{stem}{end}")));
    names.iter().find_map(|name| stack::find_file(name.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::normal;

    #[test]
    fn names_are_relative_to_the_importers_folder() {
        for (importer, specifier, expected) in [
            ("parse.js", "./x.js", Some("x.js")),
            ("lib/a/b.js", "../x", Some("lib/x")),
            ("lib/b.js", "./c/./d.js", Some("lib/c/d.js")),
            ("libraries/@s/x.js", "./y.js", Some("libraries/@s/y.js")),
            ("parse.js", "../x", None),
            ("lib/b.js", "../../x", None),
        ] {
            assert_eq!(normal(importer, specifier).as_deref(), expected, "{importer} {specifier}");
        }
    }
}
