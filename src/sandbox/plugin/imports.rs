//! What plugins may import and must export, and what to tell the author of one that does otherwise.

use semver::Version;

use super::PluginError;

/// The interfaces of our own world.
const OURS: [&str; 6] = ["types", "logging", "config", "secrets", "kv", "http"];
/// The packages of WASI 0.2 that are there, with no files, sockets or environment behind them.
const WASI: [&str; 6] = ["cli", "clocks", "filesystem", "io", "random", "sockets"];
/// The module of WASI preview 1.
pub(super) const PREVIEW_1: &str = "wasi_snapshot_preview1";

/// What kind of file asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Component,
    /// A core module with the type of a component in it.
    Embedded,
    Command,
}

/// # Errors
/// When nobody here provides it.
pub(super) fn allowed(origin: Origin, module: &str, name: Option<&str>) -> Result<(), PluginError> {
    let fix = match origin {
        Origin::Command if module == PREVIEW_1 => return Ok(()),
        Origin::Command => foreign(module),
        // Resources and the like have modules of their own, which wit-component understands or names.
        Origin::Embedded if module == PREVIEW_1 || module.starts_with('[') || module == "cm32p2" => {
            return Ok(());
        }
        Origin::Embedded if module.contains(':') || module == "$root" => match interface(module) {
            Ok(()) => return Ok(()),
            Err(fix) => fix,
        },
        Origin::Embedded => foreign(module),
        Origin::Component => match interface(module) {
            Ok(()) => return Ok(()),
            Err(fix) => fix,
        },
    };
    let import = name.map_or_else(|| module.to_owned(), |name| format!("{module}.{name}"));
    Err(PluginError::ForbiddenImport { import, fix })
}

/// An interface as in `wasi:clocks/wall-clock@0.2.0`.
fn interface(name: &str) -> Result<(), String> {
    let Some((path, version)) = name.rsplit_once('@') else {
        return Err(
            "a plugin imports versioned interfaces only; build it for the world flowcell:plugin/plugin@1.0.0"
                .to_owned(),
        );
    };
    let version = Version::parse(version).ok();
    let (package, interface) = path.split_once('/').unwrap_or((path, ""));
    match (package.split_once(':'), &version) {
        (Some(("flowcell", "plugin")), Some(version)) if version.major == 1 => {
            if OURS.contains(&interface) {
                return Ok(());
            }
            Err(format!("flowcell:plugin has {}", OURS.join(", ")))
        }
        (Some(("flowcell", "plugin")), _) => {
            Err("this server knows flowcell:plugin 1.x; build it for that".to_owned())
        }
        (Some(("wasi", "http")), _) => Err(
            "send requests by flowcell:plugin/http@1.0.0, and ask for the capability http:HOST in `describe`"
                .to_owned(),
        ),
        (Some(("wasi", package)), Some(version)) if WASI.contains(&package) => {
            if (version.major, version.minor) == (0, 2) {
                return Ok(());
            }
            Err("this server has WASI 0.2; build it with a toolchain or an option for that".to_owned())
        }
        (Some(("wasi", "keyvalue")), _) => Err("keep values by flowcell:plugin/kv@1.0.0".to_owned()),
        (Some(("wasi", "config")), _) => Err("read settings by flowcell:plugin/config@1.0.0".to_owned()),
        (Some(("wasi", "logging")), _) => {
            Err("log by flowcell:plugin/logging@1.0.0, or write to stderr".to_owned())
        }
        _ => Err("a plugin may import flowcell:plugin and WASI 0.2 without wasi:http; see guest-sdk/wit"
            .to_owned()),
    }
}

/// A module that some other host provides.
fn foreign(module: &str) -> String {
    let fix = match module {
        "env" | "a" | "GOT.mem" | "GOT.func" => {
            "it was built for a host of its own, as Emscripten does; build it for WASI (wasm32-wasip1), with no undefined symbols"
        }
        "wbg" | "__wbindgen_placeholder__" | "__wbindgen_externref_xform__" => {
            "it was made by wasm-bindgen for JavaScript; build it for wasm32-wasip1, or with the flowcell-plugin crate"
        }
        "go" | "gojs" => "it was built for JavaScript; build it with GOOS=wasip1 GOARCH=wasm",
        "wasi_unstable" => {
            "it was built for the first draft of WASI; build it anew with a toolchain for preview 1"
        }
        "extism:host/env" | "extism:host/user" => {
            "it is a plugin for Extism; build it as a WASI command or for flowcell:plugin"
        }
        module if module.starts_with("wasix") => {
            "it was built for WASIX; build it for plain WASI preview 1 (wasm32-wasip1)"
        }
        module if module.contains(':') => {
            "it belongs to a component; build the component, or embed its type in the module"
        }
        _ => {
            "a program may import wasi_snapshot_preview1 alone; build it for wasm32-wasip1, without this import"
        }
    };
    fix.to_owned()
}

/// # Errors
/// When a component is for another world.
pub(super) fn exports_the_handler<'a>(
    exports: impl Iterator<Item = &'a str> + Clone,
) -> Result<(), PluginError> {
    const HANDLER: &str = "flowcell:plugin/handler@";
    let version = |name: &str| name.strip_prefix(HANDLER).and_then(|version| Version::parse(version).ok());
    if exports.clone().filter_map(version).any(|version| version.major == 1) {
        return Ok(());
    }
    let fix = "export `flowcell:plugin/handler@1.0.0`; guest-sdk/wit has the world, and `flowcell plugin new` makes a start";
    let wrong = |found: &str, fix: &str| {
        Err(PluginError::WrongWorld { found: found.to_owned(), fix: fix.to_owned() })
    };
    for export in exports.clone() {
        if export.starts_with("flowcell:plugin/") {
            return wrong(&format!("`{export}`"), fix);
        }
        if export.starts_with("wasi:cli/run@") {
            return wrong(
                "`wasi:cli/command`",
                "build the program as a core module, with the target wasm32-wasip1",
            );
        }
        if export.starts_with("wasi:http/incoming-handler@") {
            return wrong("`wasi:http/proxy`", fix);
        }
    }
    let mut names: Vec<_> = exports.take(5).map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        names.push("a world without exports".to_owned());
    }
    wrong(&format!("another world, with {}", names.join(", ")), fix)
}

/// # Errors
/// When a core module is no command.
pub(super) fn is_a_command(is_function: &dyn Fn(&str) -> bool, has_memory: bool) -> Result<(), PluginError> {
    let missing = |export: &str, fix: &str| {
        Err(PluginError::MissingExport { export: export.to_owned(), fix: fix.to_owned() })
    };
    if !is_function("_start") {
        let fix = if is_function("_initialize") {
            "it is a library (a reactor); build a program with `main`, as in -mexec-model=command"
        } else {
            "a plugin is a WASI program with `main`, or a component for flowcell:plugin; `flowcell plugin new` makes a start"
        };
        return missing("a function `_start`", fix);
    }
    if !has_memory {
        return missing("its `memory`", "WASI reads and writes there; every toolchain exports it by default");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(result: Result<(), PluginError>) -> String {
        result.err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn what_is_not_provided_is_named_with_what_to_do() {
        for name in [
            "flowcell:plugin/kv@1.0.0",
            "flowcell:plugin/http@1.7.3",
            "wasi:clocks/wall-clock@0.2.0",
            "wasi:cli/environment@0.2.12",
            "wasi:filesystem/types@0.2.3",
        ] {
            assert_eq!(told(allowed(Origin::Component, name, None)), "", "{name}");
        }
        for (origin, module, name, fix) in [
            (Origin::Component, "wasi:http/outgoing-handler@0.2.0", None, "http:HOST"),
            (Origin::Component, "wasi:cli/environment@0.3.0", None, "WASI 0.2"),
            (Origin::Component, "flowcell:plugin/kv@2.0.0", None, "1.x"),
            (Origin::Component, "flowcell:plugin/sql@1.0.0", None, "types, logging"),
            (Origin::Component, "acme:db/query@1.0.0", None, "guest-sdk/wit"),
            (Origin::Component, "host", None, "versioned"),
            (Origin::Command, "env", Some("emscripten_memcpy_big"), "wasm32-wasip1"),
            (Origin::Command, "gojs", Some("runtime.wasmExit"), "GOOS=wasip1"),
            (Origin::Command, "wbg", Some("x"), "wasm-bindgen"),
            (Origin::Command, "wasi_unstable", Some("fd_write"), "preview 1"),
            (Origin::Command, "wasix_32v1", Some("proc_fork"), "WASIX"),
            (Origin::Command, "mine", Some("f"), "build it for wasm32-wasip1"),
            (Origin::Embedded, "env", Some("f"), "undefined symbols"),
        ] {
            let message = told(allowed(origin, module, name));
            assert!(message.contains(module) && message.contains(fix), "{message}");
        }
    }

    #[test]
    fn another_world_is_told_from_none() {
        let world = |exports: &[&str]| told(exports_the_handler(exports.iter().copied()));
        assert_eq!(world(&["flowcell:plugin/handler@1.0.0"]), "");
        assert_eq!(world(&["x:y/z@1.0.0", "flowcell:plugin/handler@1.4.0"]), "");
        assert!(world(&["flowcell:plugin/handler@2.0.0"]).contains("handler@2.0.0"));
        assert!(world(&["wasi:cli/run@0.2.6"]).contains("wasm32-wasip1"));
        assert!(world(&["wasi:http/incoming-handler@0.2.0"]).contains("wasi:http/proxy"));
        assert!(world(&["run"]).contains("with `run`") && world(&[]).contains("without exports"));
    }
}
