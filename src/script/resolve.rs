//! What an import's specifier means among the files of a workflow. The engine in the sandbox resolves it in exactly the
//! same way.
//!
//! Names are relative to the workflow's folder, with `/`. Libraries are `libraries/<specifier>.js`. Pure: the caller
//! says which files exist. No specifier leads out of the folder.

/// The folder of libraries, in a workflow's folder or beside the workflows.
pub const LIBRARIES: &str = "libraries";

/// The modules that the engine has built in, with or without `node:`: the names in its `prelude/require.js`.
const BUILTINS: [&str; 23] = [
    "assert",
    "assert/strict",
    "buffer",
    "console",
    "constants",
    "crypto",
    "events",
    "os",
    "path",
    "path/posix",
    "perf_hooks",
    "process",
    "querystring",
    "stream",
    "stream/consumers",
    "stream/promises",
    "string_decoder",
    "timers",
    "timers/promises",
    "url",
    "util",
    "util/types",
    "zlib",
];

/// What takes the place of a module of Node.js that a sandbox cannot have. The engine's `modules.rs` says the same.
fn instead_of(name: &str) -> Option<&'static str> {
    Some(match name {
        "fs" | "fs/promises" => {
            "there are no files; `kv` keeps values, and `import data from './data.json'` reads a file of the workflow"
        }
        "http" | "https" | "http2" => "`fetch` makes requests",
        "net" | "tls" | "dgram" | "dns" | "dns/promises" => {
            "there are no sockets; `fetch` makes requests, other protocols are steps or plugins"
        }
        "child_process" | "cluster" | "worker_threads" => {
            "there are no processes and no threads; a plugin does work of its own"
        }
        "vm" | "module" | "repl" | "inspector" | "v8" => "code comes from files: `import` or `require` one",
        "readline" | "tty" => "there is no terminal; `console.log` writes to the run's log",
        "async_hooks" | "diagnostics_channel" | "domain" | "trace_events" | "wasi" => {
            "nothing takes its place"
        }
        _ => return None,
    })
}

/// Why a specifier leads to no file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoModule {
    /// A relative specifier without its file.
    #[error("there is no file `{path}` in the workflow's folder")]
    Missing {
        /// The path that was looked for, relative to the workflow's folder.
        path: String,
    },
    /// A bare specifier without its library.
    #[error("there is no library `{name}`: `flowcell bundle {package}` puts it under libraries/")]
    NoLibrary {
        /// The specifier.
        name: String,
        /// The package that it belongs to.
        package: String,
    },
    /// A module of Node.js that is not built in.
    #[error("`{name}` is a module of Node.js that scripts do not have: {instead}")]
    NoBuiltin {
        /// The specifier.
        name: String,
        /// What to do instead.
        instead: String,
    },
    /// `..` above the workflow's folder, or an absolute path.
    #[error(
        "`{specifier}` is outside of the workflow's folder; a workflow imports its own files and libraries"
    )]
    Outside {
        /// The specifier.
        specifier: String,
    },
    /// A URL.
    #[error("`{specifier}` cannot be imported: nothing is loaded over the network; put it under libraries/")]
    Address {
        /// The specifier.
        specifier: String,
    },
    /// A file that is not code.
    #[error("`{path}` cannot be imported: modules are .js, .mjs, .cjs, .ts, .mts, .cts and .json files")]
    NoCode {
        /// The file.
        path: String,
    },
}

/// The files that a library of this name may be; none when the name is not that of a package's module.
fn library_files(specifier: &str) -> Vec<String> {
    let plain = |part: &str| {
        let allowed =
            |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.' | '~');
        !part.is_empty() && !part.starts_with('.') && part.chars().all(allowed)
    };
    let parts = specifier.strip_prefix('@').unwrap_or(specifier);
    let scoped = parts.len() < specifier.len();
    let enough = !scoped || parts.contains('/');
    if enough && parts.split('/').all(plain) {
        ["js", "mjs", "cjs"]
            .map(|end| format!("{LIBRARIES}/{specifier}.{end}"))
            .into_iter()
            .chain([format!("{LIBRARIES}/{specifier}")])
            .collect()
    } else {
        Vec::new()
    }
}

/// The file that `specifier` means in the file `importer`; `None` for a module of the engine.
///
/// # Errors
/// When it means no file. `exists` says which files there are.
pub fn resolve(
    importer: &str,
    specifier: &str,
    exists: impl Fn(&str) -> bool,
) -> Result<Option<String>, NoModule> {
    if ["./", "../"].iter().any(|start| specifier.starts_with(start)) || [".", ".."].contains(&specifier) {
        return relative(importer, specifier, exists).map(Some);
    }
    if specifier.starts_with('/') || specifier.contains('\\') {
        return Err(NoModule::Outside { specifier: specifier.to_owned() });
    }
    let bare = specifier.strip_prefix("node:").unwrap_or(specifier);
    if BUILTINS.contains(&bare) {
        return Ok(None);
    }
    let absent = |instead: String| NoModule::NoBuiltin { name: specifier.to_owned(), instead };
    if let Some(instead) = instead_of(bare) {
        return Err(absent(instead.to_owned()));
    }
    if bare.len() < specifier.len() {
        return Err(absent(format!("built in are {}", BUILTINS.join(", "))));
    }
    if specifier.contains(':') {
        return Err(NoModule::Address { specifier: specifier.to_owned() });
    }
    if let Some(file) = library_files(specifier).into_iter().find(|file| exists(file)) {
        return Ok(Some(file));
    }
    let name = specifier.to_owned();
    let parts = if specifier.starts_with('@') { 2 } else { 1 };
    let package = specifier.split('/').take(parts).collect::<Vec<_>>().join("/");
    Err(NoModule::NoLibrary { name, package })
}

fn relative(importer: &str, specifier: &str, exists: impl Fn(&str) -> bool) -> Result<String, NoModule> {
    let mut parts: Vec<&str> = importer.split('/').collect();
    parts.pop();
    for part in specifier.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop().ok_or_else(|| NoModule::Outside { specifier: specifier.to_owned() })?;
            }
            part => parts.push(part),
        }
    }
    let path = parts.join("/");
    let ends = ["", ".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".json"].map(|end| format!("{path}{end}"));
    let index = ["js", "ts", "cjs", "json"].map(|end| format!("{path}/index.{end}"));
    // TypeScript's own habit: `./x.js` names a file that is written as `x.ts`.
    let stem = [".js", ".mjs", ".cjs"].iter().find_map(|end| path.strip_suffix(end)).unwrap_or(&path);
    let typed = [".ts", ".mts", ".cts"].map(|end| format!("{stem}{end}"));
    if let Some(found) = ends.into_iter().chain(index).chain(typed).find(|file| exists(file)) {
        return Ok(found);
    }
    let extension =
        path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map(|(_, extension)| extension);
    match extension {
        Some("jsx" | "tsx" | "node" | "wasm") => Err(NoModule::NoCode { path }),
        Some(_) | None => Err(NoModule::Missing { path }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILES: [&str; 11] = [
        "a.js",
        "old.cjs",
        "list.json",
        "data/index.json",
        "lib/b.ts",
        "lib/c/index.js",
        "d.mjs",
        "libraries/dayjs.js",
        "libraries/dayjs/plugin/utc.js",
        "libraries/@scope/name.js",
        "libraries/part.js",
    ];

    fn found(importer: &str, specifier: &str) -> Result<Option<String>, NoModule> {
        resolve(importer, specifier, |file| FILES.contains(&file))
    }

    #[test]
    fn a_specifier_means_one_file() {
        for (importer, specifier, file) in [
            ("main.ts", "./a.js", Some("a.js")),
            ("main.ts", "./a", Some("a.js")),
            ("main.ts", "./lib/b", Some("lib/b.ts")),
            ("main.ts", "./lib/c", Some("lib/c/index.js")),
            ("lib/b.ts", "./c/", Some("lib/c/index.js")),
            ("lib/b.ts", "../a.js", Some("a.js")),
            ("lib/c/index.js", "../b.ts", Some("lib/b.ts")),
            ("lib/b.ts", ".././a", Some("a.js")),
            ("main.ts", "dayjs", Some("libraries/dayjs.js")),
            ("lib/c/index.js", "dayjs", Some("libraries/dayjs.js")),
            ("main.ts", "dayjs/plugin/utc", Some("libraries/dayjs/plugin/utc.js")),
            ("main.ts", "@scope/name", Some("libraries/@scope/name.js")),
            ("libraries/dayjs.js", "./part.js", Some("libraries/part.js")),
            ("main.ts", "crypto", None),
            ("main.ts", "node:crypto", None),
            ("main.ts", "timers/promises", None),
            ("main.ts", "./d", Some("d.mjs")),
            ("main.ts", "./old", Some("old.cjs")),
            ("main.ts", "./list.json", Some("list.json")),
            ("main.ts", "./list", Some("list.json")),
            ("main.ts", "./data", Some("data/index.json")),
            ("main.ts", "stream", None),
            ("main.ts", "node:zlib", None),
            ("main.ts", "./lib/b.js", Some("lib/b.ts")),
            ("main.ts", "@scope/name.js", Some("libraries/@scope/name.js")),
        ] {
            assert_eq!(found(importer, specifier), Ok(file.map(str::to_owned)), "{importer} {specifier}");
        }
    }

    #[test]
    fn an_import_never_leaves_the_workflows_folder() {
        for (importer, specifier) in [
            ("main.ts", "../x.js"),
            ("lib/b.ts", "../../a.js"),
            ("main.ts", "./lib/../../a.js"),
            ("main.ts", ".."),
            ("main.ts", "/etc/passwd"),
            ("main.ts", "C:\\x.js"),
            ("main.ts", "lib\\b"),
        ] {
            let why = found(importer, specifier);
            assert!(matches!(why, Err(NoModule::Outside { .. })), "{specifier}: {why:?}");
        }
        for specifier in ["@scope", "@/x", "a/../../b", "a//b", "", ".hidden", "a/.b", "a b", "#x"] {
            let why = found("main.ts", specifier);
            assert!(matches!(why, Err(NoModule::NoLibrary { .. })), "{specifier}: {why:?}");
        }
    }

    #[test]
    fn what_is_missing_is_told_with_what_to_do() {
        for (specifier, words) in [
            (
                "node:fs",
                "`node:fs` is a module of Node.js that scripts do not have: there are no files; `kv`",
            ),
            ("https", "`https` is a module of Node.js that scripts do not have: `fetch` makes requests"),
            (
                "node:sqlite",
                "`node:sqlite` is a module of Node.js that scripts do not have: built in are assert,",
            ),
            ("./gone.js", "there is no file `gone.js` in the workflow's folder"),
            (
                "lodash-es",
                "there is no library `lodash-es`: `flowcell bundle lodash-es` puts it under libraries/",
            ),
            ("@a/b/c", "there is no library `@a/b/c`: `flowcell bundle @a/b` puts it under libraries/"),
            ("https://esm.sh/dayjs", "`https://esm.sh/dayjs` cannot be imported"),
            ("./data.json", "there is no file `data.json` in the workflow's folder"),
            ("./data.tsx", "`data.tsx` cannot be imported: modules are .js, .mjs, .cjs, .ts,"),
        ] {
            let message = found("main.ts", specifier).unwrap_err().to_string();
            assert!(message.starts_with(words), "{specifier}: {message}");
        }
    }
}
