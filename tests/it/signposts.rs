//! What README, CONTRIBUTING, lib.rs and docs point to is there.

use std::{collections::BTreeSet, fs, path::PathBuf};

use regex::Regex;

use crate::support::root;

/// What a reader makes by following a text.
const MADE: [&str; 1] = ["examples/workflows/render/workflow.json"];

/// The texts that lead a reader somewhere.
fn texts() -> Vec<(PathBuf, String)> {
    let mut files: Vec<_> = ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "src/lib.rs"]
        .map(|name| root().join(name))
        .into();
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        files.push(entry.unwrap().path());
    }
    files.retain(|file| file.is_file());
    assert!(files.len() > 10, "the texts are not where they were");
    files.into_iter().map(|file| (file.clone(), fs::read_to_string(file).unwrap())).collect()
}

#[test]
fn every_link_to_a_file_leads_to_one() {
    let link = Regex::new(r"\]\(([^)#:\s]+)(#[^)]*)?\)").unwrap();
    let mut broken = Vec::new();
    let mut links = 0;
    for (file, text) in texts() {
        for found in link.captures_iter(&text) {
            links += 1;
            if !file.parent().unwrap().join(&found[1]).exists() {
                broken.push(format!("{}: {}", file.display(), &found[1]));
            }
        }
    }
    assert!(links > 20 && broken.is_empty(), "{links} links, broken: {broken:#?}");
}

#[test]
fn every_path_of_the_repository_that_is_named_exists() {
    // From the top, or below `src` as CONTRIBUTING's map has it.
    let path = Regex::new(r"`((?:src|tests|docs|scripts|guest-sdk|benches|fuzz|security|examples|model|engine|gateway|steps|sandbox|store|verify|template|secrets|script|net|api|cli|server)/[A-Za-z0-9_./-]+)`").unwrap();
    let mut missing = BTreeSet::new();
    let mut named = 0;
    for (file, text) in texts() {
        for found in path.captures_iter(&text) {
            let name = found[1].trim_end_matches('/');
            // Scripts make the builds.
            if name.contains("/build") || MADE.contains(&name) {
                continue;
            }
            named += 1;
            let places = [root().join(name), root().join("src").join(name)];
            let there = |place: &PathBuf| place.exists() || place.with_extension("rs").exists();
            if !places.iter().any(there) {
                missing.insert(format!("{}: {name}", file.display()));
            }
        }
    }
    assert!(named > 40 && missing.is_empty(), "{named} paths, missing: {missing:#?}");
}

#[test]
fn every_module_that_lib_rs_names_on_a_webhooks_path_exists() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let path = text.split("The path of one webhook:").nth(1).expect("it tells the path");
    let name = Regex::new(r"`([a-z_]+(?:::[a-z_]+)*)`").unwrap();
    let mut named = 0;
    for found in name.captures_iter(path.split("\n\n").next().unwrap()) {
        let place = root().join("src").join(found[1].replace("::", "/"));
        assert!(place.is_dir() || place.with_extension("rs").is_file(), "{}", &found[1]);
        named += 1;
    }
    assert!(named >= 8, "{named}");
}

#[test]
fn every_test_that_security_md_names_exists() {
    let text = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let name = Regex::new(r"`([a-z_]+(?:::[a-z0-9_]+)*)(?:::[a-z0-9_]*…|::)?`").unwrap();
    let source = |path: &str| {
        let module = root().join("src").join(path);
        let places =
            [root().join("tests/it").join(path).with_extension("rs"), module.with_extension("rs"), module];
        places.into_iter().find(|place| place.exists())
    };
    let mut named = 0;
    for found in name.captures_iter(&text).filter(|found| found[0].contains("::")) {
        let path = found[1].replace("::", "/");
        // A file of tests, a module that has some, or one test of either.
        let whole = source(path.strip_suffix("/tests").unwrap_or(&path));
        let one = || {
            let (place, test) = path.rsplit_once('/')?;
            let file = source(place).or_else(|| source(place.strip_suffix("/tests")?))?;
            fs::read_to_string(file).ok()?.contains(&format!("fn {test}(")).then_some(())
        };
        assert!(whole.is_some() || one().is_some(), "{}", &found[0]);
        named += 1;
    }
    assert!(named > 50, "{named}");
}
