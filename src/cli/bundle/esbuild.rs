//! esbuild, from its own npm package: one native binary whose version and hash are fixed here.
//!
//! It reads only files of the working folder, gets no variables, and runs no code of the packages. But packages can
//! name any file, in imports and in `package.json`. So the kernel keeps other files from it (see `confined`), and the
//! list of files that it read is checked before its output is used.

use std::{
    collections::BTreeMap,
    fs,
    path::{Component, Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use super::{registry::Registry, unpack};
use crate::cli::confined;

const VERSION: &str = "0.28.2";
/// Platforms as esbuild names them, each with the SHA-512 of its tarball.
const PLATFORMS: [(&str, &str, &str, &str); 4] = [
    (
        "linux",
        "x86_64",
        "@esbuild/linux-x64",
        "sha512-4xTZr1FUmSoQW4XIWmit3tzQrUTZM+N3P0XV8xROKYF50XfI7xeO90+1bZvNwxIufQ9hDQVRJH5YhgPVF8A/HQ==",
    ),
    (
        "linux",
        "aarch64",
        "@esbuild/linux-arm64",
        "sha512-pW4AC0P3it8c7do9MVM4p51FzHzdM/TZrerurgRcHJ2WTa1VQ1CIq18xncfpBJw4ojkiZZrKW2yIBWBP92j6Ug==",
    ),
    (
        "macos",
        "x86_64",
        "@esbuild/darwin-x64",
        "sha512-uq6suIWYP37qzGddBKPw5QEQPi6HiLGsO7UmkpfyaYNQ3D+rN6w6WfwH+nuqcGXWvawGwxOEroO4YGnFh95azw==",
    ),
    (
        "macos",
        "aarch64",
        "@esbuild/darwin-arm64",
        "sha512-n4KqkOQrraxHJcgjM1RvwbigfQKIKJVpM7xp+KsxiyUSrRdIXnt73VhrPAx0fV44hgfmIVKjxMN9J1t5jySVkw==",
    ),
];
/// How much of its messages is passed on, bytes.
const MAX_MESSAGE: usize = 4_000;

/// The binary, in a folder that is removed with this.
pub(super) struct Esbuild {
    binary: PathBuf,
    _folder: tempfile::TempDir,
}

/// One call of esbuild.
#[derive(Default)]
pub(super) struct Build<'a> {
    /// Below the working folder.
    pub(super) entry: &'a str,
    /// Below the working folder.
    pub(super) output: &'a str,
    /// Makes a script that sets this global, instead of a module.
    pub(super) global: Option<&'a str>,
    /// Takes the code that packages have for browsers.
    pub(super) browser: bool,
    /// Removes spaces and shortens names.
    pub(super) minify: bool,
    pub(super) banner: String,
    pub(super) externals: Vec<String>,
    pub(super) aliases: Vec<(String, String)>,
    pub(super) inject: Option<&'a str>,
}

/// What went into an output, as esbuild reports it (esbuild.github.io/api/#metafile).
#[derive(Debug, Deserialize)]
pub(super) struct Meta {
    pub(super) inputs: BTreeMap<String, Input>,
    pub(super) outputs: BTreeMap<String, Output>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Input {
    #[serde(default)]
    pub(super) imports: Vec<Import>,
    pub(super) format: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Import {
    pub(super) path: String,
    #[serde(default)]
    pub(super) external: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Output {
    pub(super) imports: Vec<Import>,
    pub(super) inputs: BTreeMap<String, Part>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Part {
    #[serde(rename = "bytesInOutput")]
    pub(super) bytes: u64,
}

impl Esbuild {
    /// Gets the binary, from the cache if it is there.
    pub(super) async fn get(registry: &Registry) -> anyhow::Result<Self> {
        let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
        let (_, _, package, integrity) =
            *PLATFORMS.iter().find(|platform| (platform.0, platform.1) == (os, arch)).with_context(|| {
                format!(
                    "libraries cannot be bundled on {os} {arch}; do it on another machine and copy the files"
                )
            })?;
        let tarball =
            registry.known(package, VERSION, integrity).await.context("esbuild is needed to bundle")?;
        let program = unpack::one(package, &tarball, Path::new("bin/esbuild"))?;
        let folder = tempfile::tempdir().context("no folder for esbuild")?;
        let binary = folder.path().join("esbuild");
        fs::write(&binary, program)?;
        #[cfg(unix)]
        fs::set_permissions(&binary, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        Ok(Self { binary, _folder: folder })
    }

    /// Builds. The error is what esbuild says.
    pub(super) fn run(&self, folder: &Path, build: &Build<'_>) -> anyhow::Result<Meta> {
        let mut command = confined::command(folder, &self.binary).context("esbuild does not start")?;
        command.stdin(Stdio::null());
        command.args([build.entry, "--bundle", "--target=es2022", "--charset=utf8"]);
        command.args(["--define:process.env.NODE_ENV=\"production\"", "--define:global=globalThis"]);
        // No tsconfig.json, not even one above the folder: it could name any file of the machine.
        command.args(["--log-level=error", "--color=false", "--metafile=meta.json", "--tsconfig-raw={}"]);
        command.arg(format!("--outfile={}", build.output));
        command.args(if build.browser {
            // With that, packages' own replacements of single files count, too.
            ["--platform=browser", "--main-fields=browser,module,main", "--conditions=import,module"]
        } else {
            ["--platform=neutral", "--main-fields=module,main", "--conditions=import,module"]
        });
        match build.global {
            Some(global) => command.args(["--format=iife".to_owned(), format!("--global-name={global}")]),
            None => command.arg("--format=esm"),
        };
        if build.minify {
            command.arg("--minify");
        }
        if !build.banner.is_empty() {
            command.arg(format!("--banner:js={}", build.banner));
        }
        command.args(build.externals.iter().map(|name| format!("--external:{name}")));
        command.args(build.aliases.iter().map(|(from, to)| format!("--alias:{from}={to}")));
        command.args(build.inject.map(|file| format!("--inject:./{file}")));
        let output = command.output().context("esbuild does not start")?;
        if !output.status.success() {
            let told = String::from_utf8_lossy(&output.stderr);
            let told: String = told.trim().chars().take(MAX_MESSAGE).collect();
            bail!("esbuild: {told}");
        }
        let meta = fs::read(folder.join("meta.json")).context("esbuild wrote no metafile")?;
        let meta: Meta = serde_json::from_slice(&meta).context("esbuild's metafile cannot be understood")?;
        meta.stays_inside()?;
        Ok(meta)
    }
}

impl Meta {
    /// Whether everything that was read belongs to the working folder.
    fn stays_inside(&self) -> anyhow::Result<()> {
        for path in self.inputs.keys() {
            // The path of a `data:` URL is its own content. A disabled file was not read.
            let path = path.strip_prefix("(disabled):").unwrap_or(path);
            let own = |part| matches!(part, Component::Normal(_) | Component::CurDir);
            let inside = path.starts_with("<data:") || Path::new(path).components().all(own);
            ensure!(
                inside,
                "a package asks for the file {path:?} of this machine: nothing of it was bundled"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn s14_what_was_read_outside_of_the_folder_is_refused() {
        let meta = |path: &str| {
            let inputs = json!({ "look.js": { "imports": [] }, path: { "imports": [] } });
            let meta: Meta = serde_json::from_value(json!({ "inputs": inputs, "outputs": {} })).unwrap();
            meta.stays_inside()
        };
        for path in ["../creds.json", "../../home/u/.aws/credentials", "/etc/passwd", "a/../../b.js"] {
            let error = meta(path).unwrap_err().to_string();
            assert!(error.contains(path), "{error}");
        }
        for path in [
            "node_modules/a/..b/x.js",
            "(disabled):node_modules/a/x.js",
            "<data:text/javascript,../x>",
            "./a.js",
        ] {
            meta(path).unwrap();
        }
    }
}
