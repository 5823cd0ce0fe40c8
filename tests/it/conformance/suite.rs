//! The files of test262: a test's metadata and its harness.
//!
//! In the layout of ECMA's own repository, where a test names the files of `harness/` that it needs, and in that of Mozilla's
//! copy, where the `shell.js` of each folder above a test is its harness.

use std::{fs, path::Path, sync::OnceLock};

/// Host features that a sandbox has not: agents and shared memory, a second realm, `document.all`; and tail calls, which no
/// engine but one has.
const ABSENT: [&str; 6] = [
    "Atomics",
    "SharedArrayBuffer",
    "cross-realm",
    "IsHTMLDDA",
    "tail-call-optimization",
    "host-gc-required",
];

/// Calls of a host that can do more than a sandbox: agents, realms, detached buffers, other files.
const HOST_CALLS: [&str; 6] =
    ["$262.agent", "$262.createRealm", "$262.detachArrayBuffer", "$DETACHBUFFER", "_FIXTURE", "cleanupSome"];

/// What the mark of Mozilla's own host code is in the outermost `shell.js`.
const HOST: &str = "// file: test262-host.js";

/// How a test is to end.
#[derive(Debug, PartialEq, Eq)]
pub enum Expected {
    Success,
    /// With an error of this class, before or while it runs.
    Error(String),
}

/// One test.
#[derive(Debug)]
pub struct Case {
    pub harness: String,
    pub source: String,
    pub expected: Expected,
    /// It calls `$DONE`.
    pub asynchronous: bool,
    pub module: bool,
    pub skipped: bool,
}

impl Case {
    /// Reads a test and its harness.
    pub fn read(root: &Path, file: &str) -> Self {
        let text = String::from_utf8_lossy(&fs::read(root.join(file)).unwrap()).into_owned();
        let head = text
            .split_once("/*---")
            .and_then(|(_, rest)| rest.split_once("---*/"))
            .map_or("", |(head, _)| head);
        let flags = listed(head, "flags:");
        let features = listed(head, "features:");
        let flag = |name: &str| flags.iter().any(|flag| flag == name);
        let mut host = HOST_CALLS.iter().any(|part| text.contains(part));
        if flag("module") {
            host |= text.contains(" './") || text.contains("('./");
        }
        let proposals = proposals(root);
        let absent = |feature: &String| ABSENT.contains(&feature.as_str()) || proposals.contains(feature);
        let skipped = host || features.iter().any(absent) || flag("CanBlockIsTrue");
        let expected = match head.split_once("negative:") {
            None => Expected::Success,
            Some((_, rest)) => {
                let name = rest.split_once("type:").map_or("", |(_, name)| name.lines().next().unwrap_or(""));
                Expected::Error(name.trim().to_owned())
            }
        };
        let harness =
            if flag("raw") { String::new() } else { harness_of(root, file, &listed(head, "includes:")) };
        let source = if flag("onlyStrict") { format!("\"use strict\";\n{text}") } else { text };
        Self { harness, source, expected, asynchronous: flag("async"), module: flag("module"), skipped }
    }

    /// A script that is to succeed.
    pub fn plain(source: &str, harness: &str) -> Self {
        Self {
            harness: harness.to_owned(),
            source: source.to_owned(),
            expected: Expected::Success,
            asynchronous: false,
            module: false,
            skipped: false,
        }
    }

    /// The harness and the test in one module, which logs that it came to its end.
    pub fn as_module(&self) -> String {
        let Self { harness, source, .. } = self;
        let end = if self.asynchronous { "flowcellDone.then(flowcellLog);" } else { "flowcellLog();" };
        format!(
            "const {{ log }} = console; const flowcellLog = () => log('verdict: passed'); const reportCompare = () => {{}}; let $DONE;
const flowcellDone = new Promise((settle, fail) => {{ $DONE = (error) => (error ? fail(error) : settle()); }});
{harness}\n{source}\n;{end}"
        )
    }
}

/// `name: [a, b]`, or the lines `  - a` below it.
fn listed(head: &str, name: &str) -> Vec<String> {
    let Some((_, rest)) = head.split_once(&format!("\n{name}")) else {
        return Vec::new();
    };
    if let Some(row) = rest.trim_start().strip_prefix('[') {
        return row.split(']').next().unwrap_or("").split(',').map(|item| item.trim().to_owned()).collect();
    }
    let rows = rest.lines().skip(1).map(str::trim).take_while(|row| row.starts_with('-'));
    rows.map(|row| row.trim_start_matches('-').trim().to_owned()).collect()
}

/// The features that are not part of the language yet: what ECMA's list names before those that are.
fn proposals(root: &Path) -> &'static [String] {
    const PART_OF_THE_LANGUAGE: &str = "## Standard language features";
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let list = fs::read_to_string(root.join("features.txt")).unwrap_or_default();
        let proposed = list.split_once(PART_OF_THE_LANGUAGE).map_or("", |(proposed, _)| proposed);
        let names = proposed.lines().map(|line| line.split('#').next().unwrap_or("").trim());
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    })
}

/// Whether the suite is laid out as ECMA's own repository.
fn is_ecma(root: &Path) -> bool {
    root.join("harness/assert.js").exists()
}

/// The harness that every test has.
pub fn harness(root: &Path) -> String {
    harness_of(root, "test.js", &[])
}

fn harness_of(root: &Path, file: &str, includes: &[String]) -> String {
    let mut out = String::new();
    let mut add = |text: &str| {
        for line in text.lines() {
            // It is evaluated apart from the test, which must see what it declares.
            let declaration = line.strip_prefix("const ").or_else(|| line.strip_prefix("let "));
            out.push_str(&declaration.map_or_else(|| line.to_owned(), |rest| format!("var {rest}")));
            out.push('\n');
        }
    };
    if is_ecma(root) {
        for name in ["assert.js", "sta.js"].into_iter().chain(includes.iter().map(String::as_str)) {
            add(&fs::read_to_string(root.join("harness").join(name)).unwrap());
        }
        return out;
    }
    let mut folder = root.to_path_buf();
    let mut names: Vec<&str> = file.split('/').collect();
    names.pop();
    for name in std::iter::once("").chain(names) {
        folder.push(name);
        let shell = fs::read_to_string(folder.join("shell.js")).unwrap_or_default();
        add(shell.split(HOST).next().unwrap_or(""));
    }
    out
}

/// All tests of the language and its library, sorted; none of `intl402` and of the harness itself.
pub fn files(root: &Path) -> Vec<String> {
    let mut out = Vec::new();
    let parts: &[&str] = if is_ecma(root) {
        &["test/annexB", "test/built-ins", "test/language", "test/staging"]
    } else {
        &["annexB", "built-ins", "language"]
    };
    for part in parts {
        below(root, part, &mut out);
    }
    out.sort();
    out
}

fn below(root: &Path, folder: &str, out: &mut Vec<String>) {
    for entry in fs::read_dir(root.join(folder)).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{folder}/{name}");
        if entry.path().is_dir() {
            below(root, &path, out);
        } else if name.ends_with(".js")
            && !matches!(name.as_str(), "shell.js" | "browser.js")
            && !name.contains("_FIXTURE")
        {
            out.push(path);
        }
    }
}
