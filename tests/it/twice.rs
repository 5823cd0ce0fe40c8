//! No crate is compiled in two versions without a reason: each costs time of every first build, and bytes of the binary.
//!
//! Compares `Cargo.lock` with `security/twice.json`. Only versions that cargo keeps apart count: 1.2 and 1.3 never stand side by side.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde::Deserialize;

use crate::support::root;

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: semver::Version,
}

/// Crates that are there more than once for one reason, with their versions.
#[derive(Deserialize)]
struct Group {
    reason: String,
    crates: BTreeMap<String, BTreeSet<String>>,
}

/// The part of a version that cargo keeps apart: 2 of 2.13.1, and 0.4 of 0.4.8.
fn apart(version: &semver::Version) -> String {
    match version.major {
        0 => format!("0.{}", version.minor),
        major => major.to_string(),
    }
}

fn complaints(packages: &[Package], groups: &[Group]) -> Vec<String> {
    let mut found = BTreeMap::<&str, BTreeSet<String>>::new();
    for package in packages {
        found.entry(&package.name).or_default().insert(apart(&package.version));
    }
    found.retain(|_, versions| versions.len() > 1);
    let known: BTreeMap<&str, &BTreeSet<String>> = groups
        .iter()
        .flat_map(|group| &group.crates)
        .map(|(name, versions)| (name.as_str(), versions))
        .collect();
    let mut out = Vec::new();
    for (name, versions) in &found {
        if known.get(name) != Some(&versions) {
            out.push(format!(
                "{name} is there as {versions:?}: `cargo tree --invert {name}` says for whom. Drop one, or write in security/twice.json why not"
            ));
        }
    }
    let gone = known.keys().filter(|name| !found.contains_key(*name));
    out.extend(gone.map(|name| format!("{name} is there once: remove it from security/twice.json")));
    out.extend(
        groups
            .iter()
            .filter(|group| group.reason.len() < 20)
            .map(|group| format!("{:?} is no reason", group.reason)),
    );
    out
}

#[test]
fn no_crate_is_there_twice_without_a_reason() {
    let text = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let lock: Lock = toml::from_str(&text("Cargo.lock")).unwrap();
    let groups: Vec<Group> = serde_json::from_str(&text("security/twice.json")).unwrap();
    let complaints = complaints(&lock.package, &groups);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
}

#[test]
fn a_second_version_and_an_entry_about_nothing_are_complained_of() {
    let package =
        |name: &str, version: &str| Package { name: name.to_owned(), version: version.parse().unwrap() };
    let packages =
        [package("a", "1.2.3"), package("a", "1.4.0"), package("b", "0.3.1"), package("b", "0.4.0")];
    let group = |name: &str, versions: &[&str]| Group {
        reason: "an upstream crate has not moved yet".to_owned(),
        crates: [(name.to_owned(), versions.iter().map(|one| (*one).to_owned()).collect())].into(),
    };
    assert_eq!(complaints(&packages, &[]).len(), 1);
    assert!(complaints(&packages, &[group("b", &["0.3", "0.4"])]).is_empty());
    assert_eq!(complaints(&packages, &[group("b", &["0.3"])]).len(), 1, "a version that is not listed");
    assert_eq!(complaints(&packages, &[group("b", &["0.3", "0.4"]), group("a", &["1", "2"])]).len(), 1);
}
