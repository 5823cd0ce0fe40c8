//! `flowcell plugin new`: makes a folder with a plugin that builds, and the SDK that it needs.
//!
//! The files are those of `guest-sdk` at the time this binary was built. `guest-sdk/templates.json` lists them.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde::Deserialize;
use serde_json::json;

use crate::{
    cli::{Verdict, print::Json},
    model::PluginName,
};

macro_rules! file {
    ($path:literal) => {
        ($path, include_str!(concat!("../../../guest-sdk/", $path)))
    };
}

/// The files of each language.
static TEMPLATES: &str = include_str!("../../../guest-sdk/templates.json");
/// All files, by their paths below `guest-sdk`.
static FILES: [(&str, &str); 44] = [
    file!("c/flowcell.h"),
    file!("c/template/Makefile.tmpl"),
    file!("c/template/README.md.tmpl"),
    file!("c/template/gitignore.tmpl"),
    file!("c/template/plugin.c.tmpl"),
    file!("js/flowcell-plugin/index.d.ts"),
    file!("js/flowcell-plugin/index.js"),
    file!("js/flowcell-plugin/package.json"),
    file!("js/flowcell-plugin/testing/hooks.js"),
    file!("js/flowcell-plugin/testing/host.js"),
    file!("js/flowcell-plugin/testing/register.js"),
    file!("js/flowcell-plugin/utf8.js"),
    file!("js/template/README.md.tmpl"),
    file!("js/template/gitignore.tmpl"),
    file!("js/template/package.json.tmpl"),
    file!("js/template/plugin.js.tmpl"),
    file!("js/template/plugin.test.js.tmpl"),
    file!("python/flowcell_plugin/__init__.py"),
    file!("python/flowcell_plugin/testing.py"),
    file!("python/template/README.md.tmpl"),
    file!("python/template/gitignore.tmpl"),
    file!("python/template/plugin.py.tmpl"),
    file!("python/template/requirements.txt.tmpl"),
    file!("python/template/test_plugin.py.tmpl"),
    file!("rust/Cargo.toml"),
    file!("rust/src/clock.rs"),
    file!("rust/src/config.rs"),
    file!("rust/src/error.rs"),
    file!("rust/src/host.rs"),
    file!("rust/src/http.rs"),
    file!("rust/src/kv.rs"),
    file!("rust/src/lib.rs"),
    file!("rust/src/log.rs"),
    file!("rust/src/plugin.rs"),
    file!("rust/src/random.rs"),
    file!("rust/src/secrets.rs"),
    file!("rust/src/testing.rs"),
    file!("rust/template/Cargo.toml.tmpl"),
    file!("rust/template/README.md.tmpl"),
    file!("rust/template/gitignore.tmpl"),
    file!("rust/template/lib.rs.tmpl"),
    file!("wit/deps/wasi-clocks.wit"),
    file!("wit/deps/wasi-random.wit"),
    file!("wit/plugin.wit"),
];

#[derive(Args)]
pub(super) struct New {
    /// The plugin's name, which is also the folder's name.
    name: PluginName,
    /// The language of the plugin.
    #[arg(long)]
    lang: Language,
    /// Where the folder is made [default: here].
    #[arg(long, value_name = "DIR", default_value = ".")]
    into: PathBuf,
    #[command(flatten)]
    out: Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Language {
    Rust,
    Js,
    Python,
    C,
}

impl Language {
    fn name(self) -> &'static str {
        match self {
            Self::Rust => "rust",
            Self::Js => "js",
            Self::Python => "python",
            Self::C => "c",
        }
    }

    /// The command that builds a plugin from the folder.
    fn build(self, name: &PluginName) -> String {
        match self {
            Self::Rust => "cargo build --release --target wasm32-unknown-unknown".to_owned(),
            Self::Js => "npm install && npm run build".to_owned(),
            Self::Python => {
                format!(
                    "python3 -m venv .venv && .venv/bin/pip install -r requirements.txt && \
                     .venv/bin/componentize-py -d wit -w plugin componentize plugin -o {name}.wasm"
                )
            }
            Self::C => "make".to_owned(),
        }
    }
}

impl Language {
    /// What follows a build, in the folder.
    fn after(self, name: &PluginName) -> [String; 2] {
        let ident = name.as_str().replace('-', "_");
        let file = match self {
            Self::Rust => format!("target/wasm32-unknown-unknown/release/{ident}.wasm"),
            Self::Js => format!("build/{name}.wasm"),
            Self::Python | Self::C => format!("{name}.wasm"),
        };
        match self {
            Self::Rust | Self::Js | Self::Python => {
                [format!("flowcell plugin test {file}"), format!("flowcell plugin upload {file}")]
            }
            // A command does not say what it is called.
            Self::C => [
                format!("echo '{{\"name\": \"Ada\"}}' | flowcell plugin test {file} --input -"),
                format!("flowcell plugin upload {file} --name {name} --version 0.1.0"),
            ],
        }
    }
}

#[derive(Deserialize)]
struct TemplateFile {
    from: String,
    to: PathBuf,
}

/// The files of a new plugin, with their paths in its folder.
fn files_of(language: Language, name: &PluginName) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let mut templates: BTreeMap<String, Vec<TemplateFile>> = serde_json::from_str(TEMPLATES)?;
    let places = templates.remove(language.name()).context("there is no template for this language")?;
    let file = |place: TemplateFile| {
        let text = FILES.iter().find(|(path, _)| *path == place.from).map(|(_, text)| *text);
        let text = text.with_context(|| format!("{} is not in this binary", place.from))?;
        let text = if place.from.ends_with(".tmpl") {
            text.replace("{{name}}", name.as_str()).replace("{{ident}}", &name.as_str().replace('-', "_"))
        } else {
            text.to_owned()
        };
        Ok((place.to, text))
    };
    places.into_iter().map(file).collect()
}

fn write(folder: &Path, files: &[(PathBuf, String)]) -> io::Result<()> {
    // An existing folder is never changed.
    fs::create_dir(folder)?;
    for (path, text) in files {
        let path = folder.join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)?;
    }
    Ok(())
}

pub(super) fn execute(new: &New) -> anyhow::Result<Verdict> {
    // Without `./` in front, as people type it.
    let here = new.into.as_os_str() == ".";
    let folder = if here { PathBuf::from(new.name.as_str()) } else { new.into.join(new.name.as_str()) };
    let files = files_of(new.lang, &new.name)?;
    write(&folder, &files).with_context(|| format!("cannot make {}", folder.display()))?;
    let (shown, build) = (folder.display(), new.lang.build(&new.name));
    let paths: Vec<_> = files.iter().map(|(path, _)| folder.join(path)).collect();
    let after = new.lang.after(&new.name);
    new.out.show(&json!({ "folder": folder, "files": paths, "build": build, "then": after }), || {
        format!(
            "{shown}: {} files. Its README.md tells all; in short:\n  cd {shown} && {build}\n  {}",
            files.len(),
            after.join("\n  ")
        )
    })?;
    Ok(Verdict::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LANGUAGES: [Language; 4] = [Language::Rust, Language::Js, Language::Python, Language::C];

    #[test]
    fn every_language_has_its_files_and_no_name_is_left_open() {
        let name: PluginName = "my-plugin".parse().unwrap();
        let mut used = Vec::new();
        for language in LANGUAGES {
            let files = files_of(language, &name).unwrap();
            assert!(files.iter().any(|(path, _)| path.ends_with("README.md")), "{language:?}");
            for (path, text) in &files {
                assert!(!text.contains("{{name}}") && !text.contains("{{ident}}"), "{}", path.display());
            }
            assert!(files.iter().any(|(_, text)| text.contains("my-plugin")));
            let readme =
                files.iter().find(|(path, _)| path.ends_with("README.md")).map(|(_, text)| text).unwrap();
            for command in language.after(&name) {
                assert!(readme.contains(&command), "{language:?}: {command}");
            }
            let templates: BTreeMap<String, Vec<TemplateFile>> = serde_json::from_str(TEMPLATES).unwrap();
            used.extend(templates[language.name()].iter().map(|place| place.from.clone()));
        }
        let unused: Vec<_> = FILES.iter().filter(|(path, _)| !used.iter().any(|used| used == path)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }
}
