//! Decides which versions are needed, and where each stands in `node_modules`: as high as possible, deeper where
//! versions differ.
//!
//! Pure: the caller gives what registries have. Lifecycle scripts and optional dependencies are ignored. A dependency
//! that is not a version range or tag of a registry is refused.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Context, ensure};
use nodejs_semver::{Range, Version};

use super::registry::{Manifest, Packument};

/// The most packages of one bundle.
const MAX_PACKAGES: usize = 500;
/// The most dependencies of all of them together.
const MAX_WISHES: usize = 5_000;
/// The longest version range, bytes.
const MAX_RANGE: usize = 1_024;

/// A package that the command line or another package asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wish {
    /// The folder's name, by which the package is imported.
    pub(super) name: String,
    /// The package's own name; for an alias it differs from `name`.
    pub(super) package: String,
    /// A range or a tag.
    pub(super) range: String,
}

impl Wish {
    /// `who` asks for it; the error names it.
    pub(super) fn new(who: &str, name: &str, spec: &str) -> anyhow::Result<Self> {
        let (package, range) = match spec.strip_prefix("npm:") {
            Some(alias) => match alias.rfind('@').filter(|at| *at > 0) {
                Some(at) => (&alias[..at], &alias[at + 1..]),
                None => (alias, ""),
            },
            None => (name, spec),
        };
        for name in [name, package] {
            ensure!(is_name(name), "{who} wants {name:?}, which is not the name of a package");
        }
        let range = if range.trim().is_empty() { "*" } else { range.trim() };
        ensure!(range.len() <= MAX_RANGE, "{who} wants {name} in a range of {} bytes", range.len());
        ensure!(
            !range.contains([':', '/']),
            "{who} wants {name} from {range:?}; only packages of a registry can be bundled"
        );
        Ok(Self { name: name.to_owned(), package: package.to_owned(), range: range.to_owned() })
    }

    /// The best version: the latest if it fits, else the highest that fits and is not deprecated.
    fn pick<'a>(&self, packument: &'a Packument) -> anyhow::Result<&'a Manifest> {
        let none = || {
            let latest = packument.tags.get("latest").map_or("none", String::as_str);
            format!("no version of {} fits {:?}; the latest is {latest}", self.package, self.range)
        };
        if let Some(tagged) = packument.tags.get(&self.range) {
            return packument.versions.get(tagged).with_context(none);
        }
        let range = Range::parse(&self.range).ok().with_context(none)?;
        let latest = packument.tags.get("latest").and_then(|latest| packument.versions.get(latest));
        if let Some(latest) = latest.filter(|latest| fits(latest, &range) && !latest.deprecated) {
            return Ok(latest);
        }
        let fitting = packument.versions.values().filter(|manifest| fits(manifest, &range));
        let best =
            fitting.max_by_key(|manifest| (!manifest.deprecated, Version::parse(&manifest.version).ok()));
        // If a package has only prereleases, "any" means the latest.
        best.or(latest.filter(|_| self.range == "*")).with_context(none)
    }

    fn fits(&self, package: &Placed, packument: Option<&Packument>) -> bool {
        let tagged = packument.and_then(|packument| packument.tags.get(&self.range));
        self.package == package.manifest.name
            && match tagged {
                Some(tagged) => *tagged == package.manifest.version,
                None => {
                    self.range == "*"
                        || Range::parse(&self.range).is_ok_and(|range| fits(&package.manifest, &range))
                }
            }
    }
}

fn too_many() -> String {
    format!("more than {MAX_PACKAGES} packages are needed; bundle a smaller library")
}

fn fits(manifest: &Manifest, range: &Range) -> bool {
    Version::parse(&manifest.version).is_ok_and(|version| range.satisfies(&version))
}

/// Whether a name can be a folder: `name` or `@scope/name`, nothing that leads elsewhere.
pub(super) fn is_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '_'])
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.~".contains(&b))
    };
    let parts = match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| part(scope) && part(name)),
        None => part(name),
    };
    parts && name.len() <= 214 && name != "node_modules"
}

/// A package at its place in the tree.
#[derive(Debug)]
pub(super) struct Placed {
    /// The package in whose `node_modules` it stands; `None` at the top.
    parent: Option<usize>,
    name: String,
    pub(super) manifest: Manifest,
}

/// All packages. Those that the command line asks for come first.
#[derive(Debug, Default)]
pub(super) struct Tree {
    pub(super) packages: Vec<Placed>,
    /// Who found which package, by which name.
    edges: Vec<(Option<usize>, String, usize)>,
}

/// The result of [`Tree::plan`].
pub(super) enum Plan {
    Whole(Tree),
    /// The metadata of these packages is needed first.
    Wants(BTreeSet<String>),
}

impl Tree {
    /// Places the wishes and everything that they depend on.
    pub(super) fn plan(wishes: &[Wish], known: &BTreeMap<String, Packument>) -> anyhow::Result<Plan> {
        let mut tree = Self::default();
        let mut wants = BTreeSet::new();
        let mut line: VecDeque<(Option<usize>, Wish)> =
            wishes.iter().map(|wish| (None, wish.clone())).collect();
        let mut wished = 0;
        while let Some((from, wish)) = line.pop_front() {
            wished += 1;
            ensure!(
                wished <= MAX_WISHES,
                "more than {MAX_WISHES} dependencies are needed; bundle a smaller library"
            );
            let packument = known.get(&wish.package);
            if let Some(found) = tree.find(from, &wish.name)
                && wish.fits(&tree.packages[found], packument)
            {
                tree.edges.push((from, wish.name, found));
                continue;
            }
            let Some(packument) = packument else {
                wants.insert(wish.package);
                // Each of them would need a place.
                ensure!(tree.packages.len() + wants.len() <= MAX_PACKAGES, too_many());
                continue;
            };
            let who = || match from {
                Some(from) => format!("{} needs {}", tree.packages[from].manifest.name, wish.name),
                None => format!("to bundle {}", wish.name),
            };
            let manifest = wish.pick(packument).with_context(who)?.clone();
            ensure!(
                manifest.name == wish.package,
                "the registry calls {} {:?}; give another --registry",
                wish.package,
                manifest.name
            );
            ensure!(tree.packages.len() < MAX_PACKAGES, too_many());
            let parent = tree.place(from, &wish.name);
            let index = tree.packages.len();
            let needs = needs(&manifest)?;
            tree.packages.push(Placed { parent, name: wish.name.clone(), manifest });
            tree.edges.push((from, wish.name, index));
            line.extend(needs.into_iter().map(|wish| (Some(index), wish)));
        }
        Ok(if wants.is_empty() { Plan::Whole(tree) } else { Plan::Wants(wants) })
    }

    /// The folder of a package, below the folder that holds the top `node_modules`.
    pub(super) fn folder(&self, index: usize) -> String {
        let package = &self.packages[index];
        let above = package.parent.map(|parent| self.folder(parent) + "/").unwrap_or_default();
        format!("{above}node_modules/{}", package.name)
    }

    /// The package that `name` means in a package's files: the next one upwards.
    pub(super) fn find(&self, from: Option<usize>, name: &str) -> Option<usize> {
        let mut level = from;
        loop {
            if let Some(found) = self.child(level, name) {
                return Some(found);
            }
            level = self.packages[level?].parent;
        }
    }

    fn child(&self, level: Option<usize>, name: &str) -> Option<usize> {
        self.packages.iter().position(|package| package.parent == level && package.name == name)
    }

    /// The highest level at which `from` finds a new package without hiding another package from anybody.
    fn place(&self, from: Option<usize>, name: &str) -> Option<usize> {
        let (mut level, mut best) = (from, from);
        loop {
            if self.child(level, name).is_some() {
                return best;
            }
            if !self.hides(level, name) {
                best = level;
            }
            match level {
                Some(index) => level = self.packages[index].parent,
                None => return best,
            }
        }
    }

    /// Whether somebody at or below a level finds `name` above it.
    fn hides(&self, level: Option<usize>, name: &str) -> bool {
        let Some(level) = level else { return false };
        let below = |mut at: Option<usize>| {
            while let Some(index) = at {
                if index == level {
                    return true;
                }
                at = self.packages[index].parent;
            }
            false
        };
        self.edges.iter().any(|(from, found, to)| found == name && below(*from) && !below(Some(*to)))
    }
}

/// The dependencies and the required peers of a package.
fn needs(manifest: &Manifest) -> anyhow::Result<Vec<Wish>> {
    let required = |name: &&String| manifest.peers_meta.get(*name).is_none_or(|meta| !meta.optional);
    let peers = manifest.peers.iter().filter(|(name, _)| required(name));
    let all = manifest.dependencies.iter().chain(peers);
    all.map(|(name, spec)| Wish::new(&manifest.name, name, spec)).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// `name: {version: [dependency@range, …]}`
    fn known(packages: Value) -> BTreeMap<String, Packument> {
        let mut known = BTreeMap::new();
        for (name, versions) in packages.as_object().unwrap() {
            let mut all = serde_json::Map::new();
            for (version, needs) in versions.as_object().unwrap() {
                let split = |spec: &Value| {
                    let (name, range) = spec.as_str().unwrap().rsplit_once('@').unwrap();
                    (name.to_owned(), json!(range))
                };
                let needs: serde_json::Map<_, _> = needs.as_array().unwrap().iter().map(split).collect();
                let manifest = json!({
                    "name": name, "version": version, "dependencies": needs,
                    "dist": {"tarball": "https://x.example/x.tgz"},
                });
                all.insert(version.clone(), manifest);
            }
            let latest = versions.as_object().unwrap().keys().next_back().unwrap();
            let packument = json!({ "dist-tags": {"latest": latest, "next": latest}, "versions": all });
            known.insert(name.clone(), serde_json::from_value(packument).unwrap());
        }
        known
    }

    fn wish(name: &str, range: &str) -> Wish {
        Wish::new("a test", name, range).unwrap()
    }

    fn plan(wishes: &[Wish], packages: Value) -> anyhow::Result<Vec<String>> {
        let Plan::Whole(tree) = Tree::plan(wishes, &known(packages))? else { panic!("something is unknown") };
        // Everybody still finds what they found when they were placed.
        for (from, name, to) in &tree.edges {
            assert_eq!(tree.find(*from, name), Some(*to), "{name}");
        }
        let all = 0..tree.packages.len();
        let mut folders: Vec<_> = all
            .map(|index| format!("{} {}", tree.folder(index), tree.packages[index].manifest.version))
            .collect();
        folders.sort();
        Ok(folders)
    }

    #[test]
    fn versions_stand_high_and_deeper_where_they_differ() {
        let packages = json!({
            "a": {"1.0.0": ["c@^1", "b@*"]},
            "b": {"1.0.0": ["c@^2", "d@1"]},
            "c": {"1.0.0": [], "1.4.0": [], "2.0.0": []},
            "d": {"1.0.0": ["c@2.x"]},
        });
        assert_eq!(
            plan(&[wish("a", "^1.0.0")], packages).unwrap(),
            [
                "node_modules/a 1.0.0",
                "node_modules/b 1.0.0",
                "node_modules/b/node_modules/c 2.0.0",
                "node_modules/c 1.4.0",
                "node_modules/d 1.0.0",
                "node_modules/d/node_modules/c 2.0.0",
            ]
        );
    }

    #[test]
    fn a_circle_ends_and_aliases_stand_under_their_own_name() {
        let packages = json!({
            "a": {"1.0.0": ["b@1", "old@npm:a@^0.9"]},
            "b": {"1.0.0": ["a@>=1"]},
        });
        let mut packages = known(packages);
        let mut old = packages["a"].versions["1.0.0"].clone();
        (old.version, old.dependencies) = ("0.9.3".to_owned(), BTreeMap::new());
        packages.get_mut("a").unwrap().versions.insert("0.9.3".to_owned(), old);
        let needs =
            BTreeMap::from([("b".to_owned(), "1".to_owned()), ("old".to_owned(), "npm:a@^0.9".to_owned())]);
        packages.get_mut("a").unwrap().versions.get_mut("1.0.0").unwrap().dependencies = needs;
        let Plan::Whole(tree) = Tree::plan(&[wish("a", "latest")], &packages).unwrap() else { panic!() };
        let folders: Vec<_> = (0..3).map(|index| tree.folder(index)).collect();
        assert_eq!(folders, ["node_modules/a", "node_modules/b", "node_modules/old"]);
        assert_eq!((tree.packages.len(), tree.packages[2].manifest.version.as_str()), (3, "0.9.3"));
    }

    #[test]
    fn what_is_unknown_is_asked_for_and_what_does_not_fit_is_told() {
        let Plan::Wants(wants) = Tree::plan(&[wish("a", "1"), wish("b", "1")], &BTreeMap::new()).unwrap()
        else {
            panic!()
        };
        assert_eq!(Vec::from_iter(wants), ["a", "b"]);
        let packages = json!({"a": {"1.0.0": ["b@^3"]}, "b": {"2.0.0": []}});
        let error = format!("{:#}", plan(&[wish("a", "1")], packages).unwrap_err());
        assert!(error.contains("a needs b: no version of b fits \"^3\"; the latest is 2.0.0"), "{error}");
    }

    #[test]
    fn prereleases_and_deprecated_versions_are_taken_only_when_nothing_else_is_there() {
        let mut packages = known(json!({"a": {"1.0.0": [], "1.1.0": [], "2.0.0-rc.1": []}}));
        let picked = |packages: &BTreeMap<String, Packument>, range: &str| {
            wish("a", range).pick(&packages["a"]).map(|manifest| manifest.version.clone()).ok()
        };
        let a = packages.get_mut("a").unwrap();
        a.tags.insert("latest".to_owned(), "1.0.0".to_owned());
        assert_eq!(picked(&packages, "^1.0.0").as_deref(), Some("1.0.0"), "the latest before the highest");
        assert_eq!(picked(&packages, ">=1.1").as_deref(), Some("1.1.0"));
        assert_eq!(picked(&packages, "next").as_deref(), Some("2.0.0-rc.1"));
        assert_eq!(picked(&packages, "^2"), None);
        packages.get_mut("a").unwrap().versions.get_mut("1.0.0").unwrap().deprecated = true;
        assert_eq!(picked(&packages, "1").as_deref(), Some("1.1.0"));
        assert_eq!(picked(&packages, "1.0.0").as_deref(), Some("1.0.0"));
    }

    #[test]
    fn path_traversal_names_that_lead_elsewhere_and_other_sources_are_refused() {
        for name in [
            "",
            "..",
            "../a",
            "a/b",
            "@a",
            "@a/../b",
            "@a/b/c",
            ".bin",
            "a\\b",
            "node_modules",
            "a b",
            "/a",
            "_a",
        ] {
            assert!(Wish::new("x", name, "1").is_err(), "{name}");
        }
        for spec in [
            "git+https://x.example/a.git",
            "https://x.example/a.tgz",
            "file:../a",
            "user/repo",
            "npm:../a@1",
            "workspace:*",
        ] {
            assert!(Wish::new("x", "a", spec).is_err(), "{spec}");
        }
        let alias = Wish::new("x", "a", "npm:@s/b@^1").unwrap();
        assert_eq!((alias.name.as_str(), alias.package.as_str(), alias.range.as_str()), ("a", "@s/b", "^1"));
        assert_eq!(Wish::new("x", "@s/a", "").unwrap().range, "*");
    }
}
