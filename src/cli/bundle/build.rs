//! Builds one file from unpacked packages, in the first way that the engine can run.
//!
//! A package may have code for Node, for browsers, or for both. The code for Node is taken if it needs nothing that the
//! engine lacks. Otherwise the code for browsers is taken. Otherwise Node's modules are replaced by packages that do
//! the same.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::{Context, bail};
use regex::Regex;

use super::{
    esbuild::{Build, Esbuild, Meta},
    probe::{Builtins, Library, NODE, Probe},
};
use crate::model::Limits;

/// Packages that stand in for Node's modules, with the version range. If a stand-in has dependencies, it gets them.
pub(super) const STAND_INS: [(&str, &str, &str); 5] = [
    ("stream", "stream-browserify", "^3.0.0"),
    ("path", "path-browserify", "^1.0.1"),
    ("string_decoder", "string_decoder", "^1.3.0"),
    ("assert", "assert", "^2.1.0"),
    ("punycode", "punycode", "^2.3.1"),
];
/// The `process` that a library made for Node sees.
const PROCESS: &str = "export const process = { env: {}, argv: [], version: 'v20.0.0', versions: { node: '20.0.0' }, \
                       platform: 'flowcell', cwd: () => '/', nextTick: (f, ...a) => queueMicrotask(() => f(...a)) };\n\
                       export const setImmediate = (f, ...a) => queueMicrotask(() => f(...a));\nexport default process;\n";
/// What code for browsers sees where it asks whether it is a web worker: a page it is not, and without either it takes itself to be in
/// Node.js, and leaves undone what `fetch` would do (axios: the content type of forms).
const WORKER: &str = "export const self = Object.create(globalThis, { importScripts: { value() { throw new Error('importScripts is not available'); } } });\n\
                      export class WorkerGlobalScope { static [Symbol.hasInstance](value) { return value === self; } }\n";
/// What code for browsers sees where it asks which browser it is in: without any it takes itself to be in Node.js, and calls what its files
/// for browsers leave out (bluebird). The same on every machine.
const NAVIGATOR: &str = "export const navigator = { userAgent: 'Flowcell', language: 'en-US', languages: ['en-US'], platform: 'Linux', \
                         hardwareConcurrency: 1, onLine: true };\n";
/// The name by which code asks.
const WORKER_NAME: &str = "WorkerGlobalScope";
/// The size limit of the built file: that of a script, less room for what is put around it.
const MAX_SOURCE: usize = Limits::SOURCE.as_usize() - 1_024;
/// Holds what is put in place of globals.
const PROCESS_FILE: &str = "process.js";
/// Words that cannot be the name of an export (ECMA-262, reserved words and those of strict code).
const RESERVED: [&str; 49] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "undefined",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// A way of building.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    browser: bool,
    pub(super) stand_ins: bool,
}

/// In the order in which they are tried.
pub(super) const WAYS: [Way; 4] = [
    Way { browser: false, stand_ins: false },
    Way { browser: true, stand_ins: false },
    Way { browser: false, stand_ins: true },
    Way { browser: true, stand_ins: true },
];

/// Builds one entry of a package: its name, or its name and a path.
pub(super) struct Builder<'a> {
    pub(super) esbuild: &'a Esbuild,
    pub(super) probe: &'a Probe,
    pub(super) builtins: &'a Builtins,
    /// The folder that has `node_modules`.
    pub(super) folder: &'a Path,
    pub(super) specifier: &'a str,
}

impl Builder<'_> {
    /// The module, or why this way does not lead to one.
    pub(super) async fn build(&self, way: Way) -> anyhow::Result<String> {
        let looked = self.look(way)?;
        let library = self.load(way, &looked).await?;
        let entry = if !looked.is_module {
            fs::write(self.folder.join("common.js"), common_entry(&looked.entry, &library.names))?;
            "common.js".to_owned()
        } else if library.whole {
            fs::write(self.folder.join("whole.js"), whole_entry(&looked.entry))?;
            "whole.js".to_owned()
        } else {
            looked.entry.clone()
        };
        let banner = |name: &String| format!("import {} from \"node:{name}\";", variable(name));
        let banner = looked.builtins.iter().map(banner).collect::<Vec<_>>().join("\n");
        let build = Build { entry: &entry, output: "out.js", banner, ..self.base(way, &looked)? };
        let built = self.run(build)?;
        Ok(built)
    }

    /// Finds the package's entry, and the built-in modules that it uses.
    fn look(&self, way: Way) -> anyhow::Result<Looked> {
        fs::write(self.folder.join("look.js"), format!("export * from {:?};\n", self.specifier))?;
        let externals = NODE.iter().filter(|name| !way.stand_ins || !has_stand_in(name));
        let externals = externals.flat_map(|name| [(*name).to_owned(), format!("node:{name}")]).collect();
        let build = Build {
            entry: "look.js",
            output: "look.out.js",
            externals,
            aliases: self.stand_ins(way),
            inject: self.inject(way, false)?,
            browser: way.browser,
            ..Build::default()
        };
        let meta = self.esbuild.run(self.folder, &build)?;
        let text = fs::read_to_string(self.folder.join("look.out.js"))?;
        let (used, wrong) = judge(&meta, &text, self.builtins);
        if !wrong.is_empty() {
            bail!("{}", wrong.join("; "));
        }
        let entry =
            meta.inputs.get("look.js").and_then(|look| look.imports.iter().find(|import| !import.external));
        let entry = entry.with_context(|| format!("{} has nothing to import", self.specifier))?.path.clone();
        let format = meta.inputs.get(&entry).and_then(|input| input.format.as_deref());
        let worker = way.browser && text.contains(WORKER_NAME);
        Ok(Looked { is_module: format == Some("esm"), entry, builtins: used, worker })
    }

    /// Loads the library in the engine, and tells what it exports.
    async fn load(&self, way: Way, looked: &Looked) -> anyhow::Result<Library> {
        fs::write(
            self.folder.join("load.js"),
            format!("module.exports = require({:?});\n", local(&looked.entry)),
        )?;
        let banner = |name: &String| format!("const {} = require(\"node:{name}\");", variable(name));
        let banner = looked.builtins.iter().map(banner).collect::<Vec<_>>().join("\n");
        let build = Build {
            entry: if looked.is_module { &looked.entry } else { "load.js" },
            output: "load.out.js",
            global: Some("__library"),
            banner,
            ..self.base(way, looked)?
        };
        let script = self.run(build)?;
        self.probe.library(&script).await.context("it does not load in the script engine")
    }

    /// Builds one file. It is minified if it would otherwise be too large for a script.
    fn run(&self, build: Build<'_>) -> anyhow::Result<String> {
        let output = self.folder.join(build.output);
        self.esbuild.run(self.folder, &build)?;
        let mut text = fs::read_to_string(&output)?;
        if text.len() > MAX_SOURCE {
            self.esbuild.run(self.folder, &Build { minify: true, ..build })?;
            text = fs::read_to_string(&output)?;
        }
        if text.len() > MAX_SOURCE {
            let most = Limits::SOURCE;
            bail!(
                "it has {} bytes even minified, and a script may have {most}; bundle one path of it",
                text.len()
            );
        }
        Ok(text)
    }

    fn base(&self, way: Way, looked: &Looked) -> anyhow::Result<Build<'static>> {
        let mut aliases = self.stand_ins(way);
        for name in &looked.builtins {
            let shim = format!("shim-{}.js", name.replace('/', "-"));
            // In CommonJS, so that `require` gives the very value and `import` finds its properties.
            fs::write(self.folder.join(&shim), format!("module.exports = {};\n", variable(name)))?;
            aliases.push((name.clone(), format!("./{shim}")));
            aliases.push((format!("node:{name}"), format!("./{shim}")));
        }
        let inject = self.inject(way, looked.worker)?;
        Ok(Build { aliases, inject, browser: way.browser, ..Build::default() })
    }

    fn stand_ins(&self, way: Way) -> Vec<(String, String)> {
        let packages = STAND_INS.map(|(name, package, _)| (name, format!("./node_modules/{package}")));
        let all =
            packages.into_iter().chain([("process", format!("./{PROCESS_FILE}"))]).filter(|_| way.stand_ins);
        all.flat_map(|(name, to)| [(name.to_owned(), to.clone()), (format!("node:{name}"), to)]).collect()
    }

    fn inject(&self, way: Way, worker: bool) -> anyhow::Result<Option<&'static str>> {
        let parts = [(way.stand_ins, PROCESS), (way.browser, NAVIGATOR), (worker, WORKER)];
        let text: String = parts.into_iter().filter(|(wanted, _)| *wanted).map(|(_, text)| text).collect();
        if text.is_empty() {
            return Ok(None);
        }
        fs::write(self.folder.join(PROCESS_FILE), text)?;
        Ok(Some(PROCESS_FILE))
    }
}

struct Looked {
    /// Whether it is a module; otherwise it is CommonJS.
    is_module: bool,
    entry: String,
    builtins: BTreeSet<String>,
    /// Whether it asks if it is in a web worker.
    worker: bool,
}

fn has_stand_in(name: &str) -> bool {
    name == "process" || STAND_INS.iter().any(|(node, _, _)| *node == name)
}

fn variable(builtin: &str) -> String {
    format!("__flowcell_{}", builtin.replace('/', "_"))
}

/// Which of the engine's modules are used. Also the modules that are used and that the engine lacks, each with the
/// package that wants it.
fn judge(meta: &Meta, text: &str, builtins: &Builtins) -> (BTreeSet<String>, Vec<String>) {
    let (mut used, mut wrong) = (BTreeSet::new(), Vec::new());
    let outputs = || meta.outputs.values();
    let plain = |path: &str| path.strip_prefix("node:").unwrap_or(path).to_owned();
    let asked: BTreeSet<String> = outputs()
        .flat_map(|output| &output.imports)
        .filter(|import| import.external)
        .map(|import| plain(&import.path))
        .collect();
    for name in asked {
        let imports = |input: &str| {
            let found = meta.inputs.get(input);
            found.is_some_and(|input| {
                input.imports.iter().any(|import| import.external && plain(&import.path) == name)
            })
        };
        let parts = outputs().flat_map(|output| &output.inputs);
        let wants = parts
            .filter(|(input, part)| part.bytes > 0 && imports(input))
            .map(|(input, _)| package_of(input));
        let wants = Vec::from_iter(wants.collect::<BTreeSet<_>>()).join(", ");
        match builtins.get(&name) {
            None => wrong.push(format!("{wants} wants Node's {name:?}, which scripts do not have")),
            Some(has) => {
                let missing: Vec<_> =
                    named_imports(text, &name).into_iter().filter(|name| !has.contains(name)).collect();
                if !missing.is_empty() {
                    wrong.push(format!(
                        "{wants} wants {} of {name:?}, which scripts do not have",
                        missing.join(", ")
                    ));
                }
                used.insert(name);
            }
        }
    }
    (used, wrong)
}

/// What an output of esbuild imports by name from a module.
fn named_imports(text: &str, module: &str) -> Vec<String> {
    let pattern =
        format!(r#"(?m)^import (?:[\w$]+, )?\{{([^}}]*)\}} from "(?:node:)?{}";"#, regex::escape(module));
    let pattern = Regex::new(&pattern).expect("it is made of a name");
    let lists =
        pattern.captures_iter(text).map(|captures| captures[1].to_owned()).collect::<Vec<_>>().join(",");
    let names = lists.split(',').map(|item| item.split(" as ").next().unwrap_or_default().trim().to_owned());
    names.filter(|name| !name.is_empty() && name != "default").collect()
}

/// A file of the working folder, written as `require` takes it.
fn local(entry: &str) -> String {
    format!("./{entry}")
}

/// The package that a file belongs to.
fn package_of(path: &str) -> String {
    let Some((_, inside)) = path.rsplit_once("node_modules/") else { return "it".to_owned() };
    let parts = if inside.starts_with('@') { 2 } else { 1 };
    inside.split('/').take(parts).collect::<Vec<_>>().join("/")
}

/// A module whose default export is all of it: `require` gives that, as the package's CommonJS form would (axios).
fn whole_entry(entry: &str) -> String {
    let entry = local(entry);
    format!(
        "import whole from {entry:?};\nexport * from {entry:?};\nexport default whole;\nexport {{ whole as \"module.exports\" }};\n"
    )
}

/// A module in front of a CommonJS library: `import` finds the library's properties by name, and `require` gives the
/// very value.
fn common_entry(entry: &str, names: &[String]) -> String {
    let identifier = Regex::new(r"^[A-Za-z_$][\w$]*$").expect("it is a pattern");
    let fits = |name: &&String| {
        identifier.is_match(name) && !RESERVED.contains(&name.as_str()) && !name.starts_with("__")
    };
    let entry = local(entry);
    let mut text = format!(
        "const __library = require({entry:?});\nexport default __library && __library.__esModule && \"default\" in \
         __library ? __library.default : __library;\nexport {{ __library as \"module.exports\" }};\n"
    );
    for name in names.iter().filter(fits) {
        text += &format!("export const {name} = __library.{name};\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_the_engine_has_not_is_told_with_the_package_that_wants_it() {
        let meta: Meta = serde_json::from_value(json!({
            "inputs": {
                "node_modules/a/x.js": {"imports": [{"path": "fs", "external": true}, {"path": "node:crypto", "external": true}]},
                "node_modules/b/node_modules/@s/c/y.js": {"imports": [{"path": "node:fs", "external": true}]},
                "node_modules/unused/z.js": {"imports": [{"path": "fs", "external": true}, {"path": "net", "external": true}]},
            },
            "outputs": {"o.js": {
                "imports": [{"path": "fs", "external": true}, {"path": "node:fs", "external": true}, {"path": "node:crypto", "external": true}],
                "inputs": {
                    "node_modules/a/x.js": {"bytesInOutput": 5},
                    "node_modules/b/node_modules/@s/c/y.js": {"bytesInOutput": 5},
                    "node_modules/unused/z.js": {"bytesInOutput": 0},
                },
            }},
        }))
        .unwrap();
        let builtins = Builtins::from([("crypto".to_owned(), vec!["createHmac".to_owned()])]);
        let text = "import { createHmac as h, webcrypto } from \"node:crypto\";\n";
        let (used, wrong) = judge(&meta, text, &builtins);
        assert_eq!(Vec::from_iter(used), ["crypto"]);
        assert_eq!(
            wrong,
            [
                "a wants webcrypto of \"crypto\", which scripts do not have",
                "@s/c, a wants Node's \"fs\", which scripts do not have",
            ]
        );
    }

    #[test]
    fn only_names_that_can_be_declared_are_exported() {
        let names = ["parse", "default", "class", "a-b", "__esModule", "$x"].map(str::to_owned);
        let text = common_entry("x", &names);
        let exports: Vec<_> = text.lines().filter(|line| line.starts_with("export const")).collect();
        assert_eq!(exports, ["export const parse = __library.parse;", "export const $x = __library.$x;"]);
    }
}
