//! No crate in a lock file has an advisory of RustSec that nobody looked at.
//!
//! Compares every `Cargo.lock` of the repository with `security/advisories.json`, a snapshot that `scripts/advisories --renew` writes, so
//! that the answer is the same everywhere and needs no network. What is accepted stands in `security/accepted.json`, with its reason.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use semver::{Version, VersionReq};
use serde::Deserialize;

use crate::support::root;

/// A snapshot that is older is warned of.
const MAX_DAYS: i64 = 90;
/// Seconds.
const DAY: i64 = 86_400;

#[derive(Deserialize)]
struct Snapshot {
    date: String,
    advisories: Vec<Advisory>,
}

#[derive(Deserialize)]
struct Advisory {
    id: String,
    package: String,
    kind: String,
    patched: Vec<VersionReq>,
    unaffected: Vec<VersionReq>,
    title: String,
}

#[derive(Deserialize)]
struct Accepted {
    id: String,
    package: String,
    reviewed: String,
    reason: String,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: Version,
    source: Option<String>,
}

impl Advisory {
    fn is_about(&self, package: &Package) -> bool {
        let left_out = |ranges: &[VersionReq]| ranges.iter().any(|range| range.matches(&package.version));
        self.package == package.name && !left_out(&self.patched) && !left_out(&self.unaffected)
    }
}

fn read<T: for<'de> Deserialize<'de>>(name: &str) -> T {
    let path = root().join("security").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The day of a date, such as 2026-08-21, since the epoch.
fn days(date: &str) -> Option<i64> {
    let midnight: Timestamp = format!("{date}T00:00:00Z").parse().ok()?;
    Some(midnight.as_second().div_euclid(DAY))
}

/// Every lock file that is part of the repository.
fn locks(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && !["target", "node_modules", "data"].contains(&&*name) {
                locks(&entry.path(), out);
            }
        } else if name == "Cargo.lock" {
            out.push(entry.path());
        }
    }
}

fn packages(lock: &str) -> Vec<Package> {
    let lock: Lock = toml::from_str(lock).unwrap();
    let public =
        |package: &Package| package.source.as_deref().is_some_and(|source| source.starts_with("registry+"));
    lock.package.into_iter().filter(public).collect()
}

/// What is wrong: advisories that nobody accepted, and acceptances that are about nothing.
fn complaints(
    advisories: &[Advisory],
    accepted: &[Accepted],
    locks: &[(String, Vec<Package>)],
) -> Vec<String> {
    let mut out = Vec::new();
    let mut needed = BTreeSet::new();
    for (lock, packages) in locks {
        for package in packages {
            for advisory in advisories.iter().filter(|advisory| advisory.is_about(package)) {
                let known =
                    accepted.iter().any(|one| one.id == advisory.id && one.package == advisory.package);
                needed.insert(&advisory.id);
                if !known {
                    out.push(format!(
                        "{lock}: {} {} has {} ({}): {}. Update the crate, or accept it in security/accepted.json with a reason",
                        package.name, package.version, advisory.id, advisory.kind, advisory.title
                    ));
                }
            }
        }
    }
    for one in accepted.iter().filter(|one| !needed.contains(&one.id)) {
        out.push(format!(
            "security/accepted.json: {} of {} is about no lock file any more: remove it",
            one.id, one.package
        ));
    }
    out
}

#[test]
fn no_crate_of_a_lock_file_has_an_advisory_that_nobody_looked_at() {
    let snapshot: Snapshot = read("advisories.json");
    let accepted: Vec<Accepted> = read("accepted.json");
    for one in &accepted {
        let dated = days(&one.reviewed).is_some();
        assert!(
            dated && one.reason.len() > 20,
            "security/accepted.json: {} needs the day of its review and a reason",
            one.id
        );
    }
    let mut paths = Vec::new();
    locks(&root(), &mut paths);
    let locks: Vec<_> = paths
        .iter()
        .map(|path| {
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            (name, packages(&fs::read_to_string(path).unwrap()))
        })
        .collect();
    let engine = locks.iter().find(|(name, _)| name == "guest-sdk/js-engine/Cargo.lock");
    assert!(
        engine.is_some_and(|(_, packages)| packages.len() > 100),
        "the engine's lock file is not where it was"
    );
    let complaints = complaints(&snapshot.advisories, &accepted, &locks);
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    let written = days(&snapshot.date).expect("a snapshot has a date");
    let age = Timestamp::now().as_second().div_euclid(DAY) - written;
    if age > MAX_DAYS {
        // Past the capture of the test's output: a passing test would hide it.
        let _ = writeln!(
            std::io::stderr(),
            "warning: security/advisories.json is {age} days old: run scripts/advisories --renew"
        );
    }
}

#[test]
fn an_unknown_advisory_and_an_acceptance_of_nothing_are_both_complaints() {
    let advisory = |id: &str, patched: &[&str], unaffected: &[&str]| Advisory {
        id: id.to_owned(),
        package: "leaky".to_owned(),
        kind: "vulnerability".to_owned(),
        patched: patched.iter().map(|range| range.parse().unwrap()).collect(),
        unaffected: unaffected.iter().map(|range| range.parse().unwrap()).collect(),
        title: "it leaks".to_owned(),
    };
    let advisories = [
        advisory("RUSTSEC-2026-0001", &[">= 1.2.3"], &[]),
        advisory("RUSTSEC-2026-0002", &["^1.0.5", ">= 1.1.4"], &["< 1.0.0"]),
        advisory("RUSTSEC-2026-0003", &[], &["> 1.0.0"]),
    ];
    let lock = |version: &str| {
        let text = format!(
            "version = 4\n[[package]]\nname = \"leaky\"\nversion = \"{version}\"\nsource = \"registry+https://example.com/index\"\n\
             [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n"
        );
        vec![("Cargo.lock".to_owned(), packages(&text))]
    };
    let accept = |id: &str| Accepted {
        id: id.to_owned(),
        package: "leaky".to_owned(),
        reviewed: String::new(),
        reason: String::new(),
    };
    let ids = |version: &str, accepted: &[Accepted]| -> Vec<String> {
        let said = complaints(&advisories, accepted, &lock(version));
        said.iter().map(|line| line[line.find("RUSTSEC").unwrap()..][..17].to_owned()).collect()
    };
    assert_eq!(ids("1.0.0", &[]), ["RUSTSEC-2026-0001", "RUSTSEC-2026-0002", "RUSTSEC-2026-0003"]);
    assert_eq!(ids("1.0.6", &[]), ["RUSTSEC-2026-0001"]);
    assert_eq!(ids("0.9.0", &[]), ["RUSTSEC-2026-0001", "RUSTSEC-2026-0003"]);
    assert!(ids("1.2.3", &[]).is_empty());
    assert!(ids("1.0.6", &[accept("RUSTSEC-2026-0001")]).is_empty());
    assert_eq!(
        ids("1.2.3", &[accept("RUSTSEC-2026-0001")]),
        ["RUSTSEC-2026-0001"],
        "it is about nothing any more"
    );
}
