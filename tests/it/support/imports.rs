//! Which source file takes what from which: reads Rust as text, and follows each name through re-exports to the file that defines it.
//!
//! Unit tests, comments and strings do not count. A re-export (`pub use`) is no import of its own. It does not see calls of
//! methods by value (`.name()`), nor what a macro writes. `rings` and `matches` are made of this.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use regex::Regex;

/// How many re-exports a name is followed through.
const MOST_HOPS: u8 = 8;

/// By the file that imports and the file that defines: the lines, each as its number and the path that stands there.
pub type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<(usize, String)>>>;

/// A module, or a name in one: `["model", "run"]`.
type Path = Vec<String>;

/// The modules of a crate.
pub struct Sources {
    modules: BTreeMap<Path, Module>,
    /// By type, its functions that stand in another file than the type.
    functions: BTreeMap<(Path, String), BTreeMap<String, String>>,
}

/// What is known of one file.
struct Module {
    file: String,
    /// Its text without tests, comments and literals.
    code: String,
    defines: BTreeSet<String>,
    enums: BTreeSet<String>,
    /// What a `use` calls by this name.
    aliases: BTreeMap<String, Path>,
    globs: Vec<Path>,
    /// Paths of imports and of code, with their lines.
    paths: Vec<(usize, Path)>,
    /// The functions of each `impl` of a type.
    impls: Vec<(Path, Vec<String>)>,
}

/// Where a path leads.
enum Place {
    Module(Path),
    Item(Path, String),
}

impl Sources {
    /// From files by their path below `src`, with their text.
    pub fn of(files: &BTreeMap<String, String>) -> Self {
        let mut modules = BTreeMap::new();
        let mut tests = Vec::new();
        for (file, text) in files {
            let path = module_of(file);
            let (code, test_modules) = without_tests(blank(text));
            tests.extend(test_modules.into_iter().map(|name| join(&path, &name)));
            modules.insert(path, Module::read(file, &code));
        }
        modules.retain(|path, _| !tests.iter().any(|test| path.starts_with(test)));
        let mut sources = Self { modules, functions: BTreeMap::new() };
        for (path, module) in &sources.modules {
            for (of, functions) in &module.impls {
                let Some(Place::Item(owner, name)) = sources.resolve(path, of, MOST_HOPS) else { continue };
                if owner != *path {
                    let known: &mut BTreeMap<_, _> = sources.functions.entry((owner, name)).or_default();
                    known.extend(functions.iter().map(|function| (function.clone(), module.file.clone())));
                }
            }
        }
        sources
    }

    /// Whether a file is the head of a folder: it declares the folder's modules.
    pub fn is_head(&self, file: &str) -> bool {
        let path = module_of(file);
        self.modules.keys().any(|other| other.len() == path.len() + 1 && other.starts_with(&path))
    }

    /// Each file with its code, on the same lines: without tests, comments and literals.
    pub fn codes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.modules.values().map(|module| (module.file.as_str(), module.code.as_str()))
    }

    /// Whether a path in a file names an enum of this crate.
    pub fn is_enum(&self, file: &str, path: &str) -> bool {
        let path: Path = path.split("::").map(|part| part.trim().to_owned()).collect();
        match self.resolve(&module_of(file), &path, MOST_HOPS) {
            Some(Place::Item(owner, name)) => self.modules[&owner].enums.contains(&name),
            Some(Place::Module(_)) | None => false,
        }
    }

    /// Who imports what from whom.
    pub fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (from, module) in &self.modules {
            let known = imports.entry(module.file.clone()).or_default();
            for (line, path) in &module.paths {
                for file in self.files_of(from, path) {
                    if *file != module.file {
                        known.entry(file.clone()).or_default().insert((*line, path.join("::")));
                    }
                }
            }
        }
        imports
    }

    /// The file that defines what a path names; of `Type::function`, also the file that defines the function.
    fn files_of(&self, from: &[String], path: &[String]) -> Vec<&String> {
        let mut files = Vec::new();
        if let Some(Place::Item(owner, _)) = self.resolve(from, path, MOST_HOPS) {
            files.push(&self.modules[&owner].file);
        }
        if let [of @ .., function] = path
            && !of.is_empty()
            && let Some(Place::Item(owner, name)) = self.resolve(from, of, MOST_HOPS)
        {
            files.extend(self.functions.get(&(owner, name)).and_then(|known| known.get(function)));
        }
        files
    }

    fn resolve(&self, from: &[String], path: &[String], hops: u8) -> Option<Place> {
        let hops = hops.checked_sub(1)?;
        let mut module = from.to_vec();
        let mut rest = path;
        if matches!(path.first()?.as_str(), "crate" | "flowcell") {
            module.clear();
            rest = &path[1..];
        }
        while let [first, after @ ..] = rest
            && matches!(first.as_str(), "self" | "super")
        {
            if first == "super" {
                module.pop()?;
            }
            rest = after;
        }
        while let [name, after @ ..] = rest {
            let here = self.modules.get(&module)?;
            let child = join(&module, name);
            let defined = here.defines.contains(name);
            if self.modules.contains_key(&child) && !(defined && after.is_empty()) {
                module = child;
            } else if defined {
                return Some(Place::Item(module, name.clone()));
            } else {
                let by_name = || self.resolve(&module, here.aliases.get(name)?, hops);
                let by_glob =
                    || here.globs.iter().find_map(|glob| self.resolve(&module, &join(glob, name), hops));
                match by_name().or_else(by_glob)? {
                    Place::Module(other) => module = other,
                    item @ Place::Item(..) => return Some(item),
                }
            }
            rest = after;
        }
        Some(Place::Module(module))
    }
}

impl Module {
    fn read(file: &str, code: &str) -> Self {
        static DEFINITION: LazyLock<Regex> = LazyLock::new(|| {
            regex(r"\b(?:struct|enum|union|trait|type|fn|const|static|macro_rules!)\s+(?:mut\s+)?(\w+)")
        });
        static ENUM: LazyLock<Regex> = LazyLock::new(|| regex(r"\benum\s+(\w+)"));
        static USE: LazyLock<Regex> =
            LazyLock::new(|| regex(r"(?:\b(pub)(?:\([^)]*\))?\s+)?\buse\s+([^;]+);"));
        static PATH: LazyLock<Regex> = LazyLock::new(|| regex(r"\b\w+(?:\s*::\s*\w+)+"));
        static IMPL: LazyLock<Regex> =
            LazyLock::new(|| regex(r"\bimpl(?:<[^{}]*?>)?\s+(\w+(?:::\w+)*)(?:<[^{]*?>)?\s*\{"));
        static FUNCTION: LazyLock<Regex> = LazyLock::new(|| regex(r"\bfn\s+(\w+)"));
        let names = |regex: &Regex, text: &str| -> Vec<String> {
            regex.captures_iter(text).map(|found| found[1].to_owned()).collect()
        };
        let lines = starts_of_lines(code);
        let mut module = Self {
            file: file.to_owned(),
            code: code.to_owned(),
            enums: names(&ENUM, &top_level(code)).into_iter().collect(),
            defines: names(&DEFINITION, &top_level(code)).into_iter().collect(),
            aliases: BTreeMap::new(),
            globs: Vec::new(),
            paths: Vec::new(),
            impls: Vec::new(),
        };
        for found in USE.captures_iter(code) {
            let mut leaves = Vec::new();
            collect_leaves(&found[2], &[], &mut leaves);
            let at = line(&lines, found.get(2).expect("the tree is there").start());
            for (path, name) in leaves {
                if found.get(1).is_none() {
                    module.paths.push((at, path.clone()));
                }
                if name == "*" {
                    module.globs.push(path);
                } else {
                    module.aliases.entry(name).or_insert(path);
                }
            }
        }
        let rest = USE.replace_all(code, |found: &regex::Captures<'_>| hide(&found[0])).into_owned();
        // The same lines, though not the same bytes.
        let lines = starts_of_lines(&rest);
        for found in PATH.find_iter(&rest) {
            if !rest[..found.start()].ends_with(':') {
                let path = found.as_str().split("::").map(|part| part.trim().to_owned()).collect();
                module.paths.push((line(&lines, found.start()), path));
            }
        }
        for found in IMPL.captures_iter(&rest) {
            let body = &rest[found.get(0).expect("the whole is there").end()..];
            let path = found[1].split("::").map(str::to_owned).collect();
            module.impls.push((path, names(&FUNCTION, &top_level(&body[..closing(body)]))));
        }
        module
    }
}

/// Each path of `a::{b, c as d}`, with the name that it gets here.
fn collect_leaves(tree: &str, before: &[String], leaves: &mut Vec<(Path, String)>) {
    let tree = tree.trim();
    if let Some(list) = tree.strip_prefix('{') {
        let list = &list[..list.rfind('}').expect("a list is closed")];
        let mut depth = 0;
        let parts = list.split(|character| {
            match character {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            character == ',' && depth == 0
        });
        parts.filter(|part| !part.trim().is_empty()).for_each(|part| collect_leaves(part, before, leaves));
    } else if let Some((first, rest)) = tree.split_once("::") {
        let before = if first.is_empty() { before.to_vec() } else { join(before, first.trim()) };
        collect_leaves(rest, &before, leaves);
    } else {
        let (name, alias) = tree.split_once(" as ").unwrap_or((tree, tree));
        match name.trim() {
            "*" => leaves.push((before.to_vec(), "*".to_owned())),
            "self" => leaves.push((before.to_vec(), before.last().cloned().unwrap_or_default())),
            name => leaves.push((join(before, name), alias.trim().to_owned())),
        }
    }
}

/// The module of a file: `model/run/mod.rs` and `model/run.rs` are `model::run`.
fn module_of(file: &str) -> Path {
    let mut path: Path = file.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if path.last().is_some_and(|last| last == "mod" || file == "lib.rs") {
        path.pop();
    }
    path
}

/// Where each line begins.
fn starts_of_lines(text: &str) -> Vec<usize> {
    std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect()
}

/// The line of a place, from 1.
fn line(starts: &[usize], at: usize) -> usize {
    starts.partition_point(|start| *start <= at)
}

fn join(path: &[String], name: &str) -> Path {
    [path, &[name.to_owned()]].concat()
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is fixed")
}

/// Spaces in place of a text, on the same lines.
fn hide(text: &str) -> String {
    text.chars().map(|character| if character == '\n' { '\n' } else { ' ' }).collect()
}

/// The text without comments and literals.
fn blank(text: &str) -> String {
    static HIDDEN: LazyLock<Regex> = LazyLock::new(|| {
        regex(concat!(
            r##"(?s)//[^\n]*|/\*.*?\*/|\bb?r"[^"]*"|\bb?r#".*?"#|"(?:\\.|[^"\\])*""##,
            r##"|'(?:\\u\{[0-9a-fA-F]+\}|\\x..|\\.|[^\\'\n])'"##
        ))
    });
    HIDDEN.replace_all(text, |found: &regex::Captures<'_>| hide(&found[0])).into_owned()
}

/// The code without its unit tests, and the names of the modules that are tests in files of their own.
fn without_tests(mut code: String) -> (String, Vec<String>) {
    static MARK: LazyLock<Regex> = LazyLock::new(|| regex(r"#\[cfg\((?:test|all\(test[^\]]*)\)\]"));
    static MODULE: LazyLock<Regex> = LazyLock::new(|| regex(r"\bmod\s+(\w+)\s*;"));
    let mut modules = Vec::new();
    while let Some(mark) = MARK.find(&code).map(|found| found.range()) {
        let end = mark.end + end_of_item(&code[mark.end..]);
        modules.extend(MODULE.captures(&code[mark.end..end]).map(|found| found[1].to_owned()));
        let hidden = hide(&code[mark.start..end]);
        code.replace_range(mark.start..end, &hidden);
    }
    (code, modules)
}

/// Where the item, field or arm ends that a text begins with.
fn end_of_item(text: &str) -> usize {
    static ITEM: LazyLock<Regex> = LazyLock::new(|| {
        regex(
            r"^(?:\s*#\[[^\]]*\])*\s*(?:pub|fn|use|mod|impl|struct|enum|const|static|type|async|unsafe|trait|let)\b",
        )
    });
    let is_item = ITEM.is_match(text);
    let mut depth = 0;
    for (at, character) in text.char_indices() {
        match character {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' => depth -= 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            ',' if depth == 0 && !is_item => return at + 1,
            _ => {}
        }
        if depth < 0 {
            return at;
        }
        let is_use = || text[at + 1..].trim_start().starts_with(';');
        if character == '}' && depth == 0 && !is_use() {
            return at + 1;
        }
    }
    text.len()
}

/// What stands in no braces.
fn top_level(code: &str) -> String {
    let mut depth = 0;
    let visible = |character: char| {
        depth -= usize::from(character == '}' && depth > 0);
        let shown = if depth == 0 || character == '\n' { character } else { ' ' };
        depth += usize::from(character == '{');
        shown
    };
    code.chars().map(visible).collect()
}

/// Where the braces are closed whose content a text begins with.
pub fn closing(text: &str) -> usize {
    let mut depth = 1;
    text.find(|character| {
        depth += i32::from(character == '{') - i32::from(character == '}');
        depth == 0
    })
    .unwrap_or(text.len())
}
