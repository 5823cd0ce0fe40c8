//! `flowcell bundle`: packages of an npm registry as single files that scripts import, `libraries/NAME.js`.
//!
//! Everything is fetched, checked, unpacked and built on this machine. Code of a package runs only in the sandbox,
//! which shows whether it loads there. The files are meant to be committed beside the workflows, because servers fetch
//! nothing.

mod build;
mod esbuild;
mod npmrc;
mod probe;
mod registry;
mod tree;
mod unpack;

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use anyhow::{Context, ensure};
use clap::Args;
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Map, Value, json};

use self::{
    build::{Builder, STAND_INS, WAYS, Way},
    esbuild::Esbuild,
    npmrc::Npmrc,
    probe::{Builtins, Probe},
    registry::{Packument, Registry},
    tree::{Plan, Tree, Wish},
    unpack::{Budget, unpack},
};
use super::{
    Verdict,
    local::user_cache,
    print::{self, Json},
};
use crate::{
    config::{Config, Flags},
    files::{self, FileError, Root},
};

/// Requests to the registry at once.
const AT_ONCE: usize = 8;
/// The size limit of a `.npmrc`, bytes.
const MAX_NPMRC: u64 = 1 << 20;
/// How much of the name of a license is kept, characters.
const MAX_LICENSE: usize = 200;
/// The file that lists the libraries of a folder, in JSON.
const LOCK: &str = "libraries.json";

#[derive(Args)]
pub(super) struct Arguments {
    /// The packages, with a version range: dayjs, zod@^4, @scope/name@1.2.3, cheerio/slim.
    #[arg(required = true, value_name = "NAME[@RANGE]")]
    names: Vec<String>,
    /// Where the files go [default: `libraries` in the workflow folder].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The npm registry [default: as npm is configured].
    #[arg(long)]
    registry: Option<String>,
    #[command(flatten)]
    out: Json,
}

/// One library that the command line asks for.
#[derive(Debug, PartialEq, Eq)]
struct Asked {
    /// The name that scripts import.
    specifier: String,
    wish: Wish,
}

impl Asked {
    fn parse(text: &str) -> anyhow::Result<Self> {
        let (specifier, range) = match text.rfind('@').filter(|at| *at > 0) {
            Some(at) => (&text[..at], &text[at + 1..]),
            None => (text, "latest"),
        };
        let depth = if specifier.starts_with('@') { 2 } else { 1 };
        let package = specifier.split('/').take(depth).collect::<Vec<_>>().join("/");
        let path = specifier.split('/').skip(depth);
        let fine = path.clone().all(tree::is_name);
        ensure!(fine, "{text:?} cannot be imported; write NAME, @SCOPE/NAME or NAME/PATH");
        Ok(Self { specifier: specifier.to_owned(), wish: Wish::new("the command line", &package, range)? })
    }
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let asked = arguments.names.iter().map(|name| Asked::parse(name)).collect::<anyhow::Result<Vec<_>>>()?;
    let config = Config::load(&Flags::default(), std::env::vars())?;
    let folder = arguments.dir.clone().unwrap_or_else(|| config.workflows.join("libraries"));
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join(".npmrc"));
    // The file here came with a checkout, so no link in it may lead out of this folder.
    let is_home =
        home.as_deref().is_some_and(|home| fs::canonicalize(home).ok() == fs::canonicalize(".npmrc").ok());
    let local = if is_home {
        Ok(String::new())
    } else {
        Root::open(Path::new(".")).and_then(|here| here.text(Path::new(".npmrc"), MAX_NPMRC))
    };
    let home = home.map(|home| files::named_text(&home, MAX_NPMRC));
    let npmrc_files = npmrc::Files { local: present(local)?, home: home.map_or(Ok(None), present)? };
    let npmrc = Npmrc::read(arguments.registry.as_deref(), &npmrc_files, |name| std::env::var(name).ok())?;
    npmrc.notes().iter().for_each(|note| tell!("flowcell: {note}"));
    let cache = user_cache().unwrap_or_else(|| std::env::temp_dir().join("flowcell"));
    let registry = Registry::new(npmrc, &cache, config.outbound)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let esbuild = Esbuild::get(&registry).await?;
        let probe = Probe::new()?;
        let builtins = probe.builtins().await?;
        let mut bundler = Bundler { registry, esbuild, probe, builtins, known: BTreeMap::new() };
        let mut made = Vec::new();
        for asked in &asked {
            let library = bundler.bundle(asked).await?;
            let bytes = library.write(&folder, &asked.specifier)?;
            if !arguments.out.json {
                say!("{}  {}  {bytes} bytes", asked.specifier, library.version);
            }
            made.push(json!({
                "name": asked.specifier,
                "version": library.version,
                "bytes": bytes,
                "file": folder.join(format!("{}.js", asked.specifier)),
            }));
        }
        if arguments.out.json {
            print::json(&json!({ "libraries": made }))?;
        }
        Ok(Verdict::Yes)
    })
}

/// The text of a file that may be missing.
fn present(text: Result<String, FileError>) -> Result<Option<String>, FileError> {
    match text {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    }
}

struct Bundler {
    registry: Registry,
    esbuild: Esbuild,
    probe: Probe,
    builtins: Builtins,
    known: BTreeMap<String, Packument>,
}

/// One file for the folder of libraries.
struct Library {
    version: String,
    integrity: String,
    license: String,
    source: String,
}

impl Bundler {
    /// Tries the ways of building until one gives a library that loads in the engine.
    async fn bundle(&mut self, asked: &Asked) -> anyhow::Result<Library> {
        let mut errors = Vec::new();
        let mut unpacked: [Option<Unpacked>; 2] = [None, None];
        for way in WAYS {
            let slot = &mut unpacked[usize::from(way.stand_ins)];
            if slot.is_none() {
                *slot = Some(self.unpack(asked, way).await?);
            }
            let unpacked = slot.as_ref().expect("it was filled just now");
            let builder = Builder {
                esbuild: &self.esbuild,
                probe: &self.probe,
                builtins: &self.builtins,
                folder: unpacked.folder.path(),
                specifier: &asked.specifier,
            };
            match builder.build(way).await {
                Ok(source) => return unpacked.library(source),
                Err(error) => errors.push(error),
            }
        }
        // The shortest error came closest to success.
        let error =
            errors.into_iter().min_by_key(|error| format!("{error:#}").len()).expect("there are ways");
        Err(error.context(format!("{} cannot be bundled", asked.specifier)))
    }

    /// Makes a folder with `node_modules` for this library.
    async fn unpack(&mut self, asked: &Asked, way: Way) -> anyhow::Result<Unpacked> {
        let mut wishes = vec![asked.wish.clone()];
        if way.stand_ins {
            for (_, package, range) in STAND_INS.iter().filter(|(_, package, _)| *package != asked.wish.name)
            {
                wishes.push(Wish::new("flowcell", package, range)?);
            }
        }
        let tree = loop {
            match Tree::plan(&wishes, &self.known)? {
                Plan::Whole(tree) => break tree,
                Plan::Wants(names) => {
                    let registry = &self.registry;
                    let get =
                        |name: String| async move { anyhow::Ok((registry.packument(&name).await?, name)) };
                    let got = stream::iter(names).map(get).buffer_unordered(AT_ONCE);
                    self.known.extend(
                        got.map_ok(|(packument, name)| (name, packument)).try_collect::<Vec<_>>().await?,
                    );
                }
            }
        };
        let folder = tempfile::tempdir().context("no folder to build in")?;
        let (registry, mut budget) = (&self.registry, Budget::default());
        let get = |index: usize| {
            let manifest = &tree.packages[index].manifest;
            async move {
                let tarball = registry.tarball(&manifest.name, &manifest.version, &manifest.dist).await?;
                anyhow::Ok((index, tarball))
            }
        };
        let mut tarballs = stream::iter(0..tree.packages.len()).map(get).buffer_unordered(AT_ONCE);
        while let Some((index, tarball)) = tarballs.try_next().await? {
            let manifest = &tree.packages[index].manifest;
            let what = format!("{}@{}", manifest.name, manifest.version);
            unpack(&what, &tarball, &folder.path().join(tree.folder(index)), &mut budget)?;
        }
        drop(tarballs);
        let top = &tree.packages[0].manifest;
        Ok(Unpacked {
            package: folder.path().join(tree.folder(0)),
            version: top.version.clone(),
            integrity: top.dist.integrity.clone(),
            folder,
        })
    }
}

struct Unpacked {
    folder: tempfile::TempDir,
    package: PathBuf,
    version: String,
    integrity: String,
}

impl Unpacked {
    fn library(&self, source: String) -> anyhow::Result<Library> {
        let text = fs::read_to_string(self.package.join("package.json"))
            .context("the package has no package.json")?;
        let json: Value = serde_json::from_str(&text).context("the package's package.json is not JSON")?;
        let license =
            json["license"].as_str().or_else(|| json["license"]["type"].as_str()).unwrap_or("unknown");
        // The text lands in a comment and must not end it, and is shown.
        let ends = |char: char| char.is_control() || matches!(char, '*' | '\u{2028}' | '\u{2029}');
        let license = license.replace(ends, " ").chars().take(MAX_LICENSE).collect();
        Ok(Library { version: self.version.clone(), integrity: self.integrity.clone(), license, source })
    }
}

impl Library {
    /// Writes `NAME.js` and its line of `libraries.json`. Gives the file's size.
    fn write(&self, folder: &Path, specifier: &str) -> anyhow::Result<usize> {
        let text = format!(
            "// {specifier} {}, license {}, {}\n// Made by `flowcell bundle {specifier}@{}`; changes are lost by the next one.\n{}",
            self.version, self.license, self.integrity, self.version, self.source
        );
        let file = folder.join(format!("{specifier}.js"));
        let parent = file.parent().expect("it is in a folder");
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        replace(&file, &text)?;
        let lock = folder.join(LOCK);
        let mut all: Map<String, Value> = match fs::read_to_string(&lock) {
            Ok(text) => serde_json::from_str(&text)
                .with_context(|| format!("{} is not JSON; repair or remove it", lock.display()))?,
            Err(_) => Map::new(),
        };
        let line = json!({
            "version": self.version,
            "license": self.license,
            "integrity": self.integrity,
            "bytes": text.len(),
        });
        all.insert(specifier.to_owned(), line);
        all.sort_keys();
        replace(&lock, &(serde_json::to_string_pretty(&all)? + "\n"))?;
        Ok(text.len())
    }
}

/// Replaces a file by a rename, so that a server that watches it never reads half of it.
fn replace(file: &Path, text: &str) -> anyhow::Result<()> {
    let folder = file.parent().expect("it is in a folder");
    // Under a new name, so that nobody can have put a link there.
    let write = || {
        let new =
            tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o644)).tempfile_in(folder)?;
        fs::write(new.path(), text)?;
        new.persist(file).map(drop).map_err(|error| error.error)
    };
    write().with_context(|| format!("cannot write {}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_ranges_scopes_and_paths() {
        for (text, specifier, package, range) in [
            ("dayjs", "dayjs", "dayjs", "latest"),
            ("zod@^4", "zod", "zod", "^4"),
            ("@s/name@1.2.3", "@s/name", "@s/name", "1.2.3"),
            ("@s/name/sub@next", "@s/name/sub", "@s/name", "next"),
            ("cheerio/slim", "cheerio/slim", "cheerio", "latest"),
        ] {
            let asked = Asked::parse(text).unwrap();
            assert_eq!(
                (asked.specifier.as_str(), asked.wish.package.as_str(), asked.wish.range.as_str()),
                (specifier, package, range)
            );
        }
        for bad in ["", "@s", "../x", "a/../b", "a/.hidden", "/a", "a@file:../b", "a b"] {
            assert!(Asked::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_folder_tells_what_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let library = |version: &str| Library {
            version: version.to_owned(),
            integrity: "sha512-x".to_owned(),
            license: "MIT".to_owned(),
            source: "export default 1;\n".to_owned(),
        };
        library("1.0.0").write(folder.path(), "b").unwrap();
        library("1.0.0").write(folder.path(), "@s/a").unwrap();
        let bytes = library("2.0.0").write(folder.path(), "b").unwrap();
        let text = fs::read_to_string(folder.path().join("b.js")).unwrap();
        assert!(text.starts_with("// b 2.0.0, license MIT, sha512-x\n"), "{text}");
        assert!(text.ends_with("\nexport default 1;\n") && text.len() == bytes);
        assert!(folder.path().join("@s/a.js").is_file());
        let lock: Value =
            serde_json::from_str(&fs::read_to_string(folder.path().join(LOCK)).unwrap()).unwrap();
        assert_eq!(lock.as_object().unwrap().keys().collect::<Vec<_>>(), ["@s/a", "b"]);
        assert_eq!(lock["b"]["version"], "2.0.0");
    }
}
