//! Inside a room the arrows point one way too: no files import each other in a ring, and rooms in rooms keep an order.
//!
//! The head of a folder (`mod.rs`) is left out: it declares and re-exports its files. Names are followed through it to the file
//! that defines them, so no head hides a ring. `layering` holds the order of the rooms themselves.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
};

use crate::{
    layering::texts,
    support::imports::{Imports, Sources},
};

/// Rooms in rooms: what stands first may import what stands after it. Those on one line do not know each other.
const INNER_ROOMS: [(&str, &[&[&str]]); 3] = [
    ("model", &[&["workflow"], &["trigger"], &["run"], &["value"]]),
    (
        "engine",
        &[
            &["callbacks", "control", "homes"],
            &["handle"],
            &["intake", "recovery", "recount", "timers", "housekeeping"],
            &["fire", "runner"],
            &["run"],
            &["line"],
            &["workflow"],
            &["kv", "plugins"],
        ],
    ),
    ("sandbox", &[&["js", "plugin"]]),
];

/// The imports between leaf files.
fn leaf_imports(files: &BTreeMap<String, String>) -> Imports {
    let sources = Sources::of(files);
    let mut imports = sources.imports();
    imports.retain(|file, _| !sources.is_head(file));
    imports.values_mut().for_each(|targets| targets.retain(|file, _| !sources.is_head(file)));
    imports
}

/// Files that import each other, directly or by way of others.
fn rings(imports: &Imports) -> BTreeSet<BTreeSet<&str>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        imports.keys().map(|file| (file.as_str(), reach(imports, file))).collect();
    let ring = |file: &&str| -> BTreeSet<&str> {
        reached[file].iter().copied().filter(|other| reached[other].contains(file)).collect()
    };
    reached.keys().map(ring).filter(|ring| !ring.is_empty()).collect()
}

/// The files that one needs; itself only when it is in a ring.
fn reach<'a>(imports: &'a Imports, file: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut open: Vec<&str> = imports[file].keys().map(String::as_str).collect();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(imports[next].keys().map(String::as_str));
        }
    }
    reached
}

/// A ring with the lines that tie it.
fn drawn(ring: &BTreeSet<&str>, imports: &Imports) -> String {
    let mut text = format!("a ring of {}:\n", ring.len());
    for file in ring {
        for (target, lines) in imports[*file].iter().filter(|(target, _)| ring.contains(target.as_str())) {
            let lines: Vec<_> = lines.iter().map(|(line, path)| format!("{line}: {path}")).collect();
            writeln!(text, "  {file} -> {target}\n    {}", lines.join("\n    ")).unwrap();
        }
    }
    text
}

#[test]
fn no_files_import_each_other_in_a_ring() {
    let imports = leaf_imports(&texts());
    assert!(imports.len() > 200, "the sources are read");
    let found: String = rings(&imports).iter().map(|ring| drawn(ring, &imports)).collect();
    assert!(found.is_empty(), "{found}put what they share into a file below them");
}

#[test]
fn rooms_in_rooms_import_in_their_order() {
    let imports = Sources::of(&texts()).imports();
    let mut wrong = String::new();
    for (room, layers) in INNER_ROOMS {
        let rank = |file: &str| {
            let inside = file.strip_prefix(room)?.strip_prefix('/')?;
            let inner = inside.split('/').next()?.trim_end_matches(".rs");
            let at = layers.iter().position(|layer| layer.contains(&inner));
            // The room's own files are below all rooms in it; its head is above them.
            Some((if inner == "mod" { 0 } else { 1 + at.unwrap_or(layers.len()) }, inner.to_owned()))
        };
        for (file, targets) in &imports {
            let Some((own, inner)) = rank(file) else { continue };
            for (target, lines) in targets {
                let Some((other, its_inner)) = rank(target) else { continue };
                let beside = other == own && own <= layers.len() && inner != its_inner;
                if other < own || beside {
                    let (line, path) = lines.first().expect("an import has a line");
                    writeln!(wrong, "{file}:{line} imports {path} of {target}").unwrap();
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_planted_ring_is_found_also_behind_a_re_export_and_tests_make_none() {
    let files = [
        ("lib.rs", "mod a;\nmod b;"),
        ("a/mod.rs", "mod b;\nmod c;\nmod d;\nmod e;\npub use b::{B as Other, f};\npub use self::d::*;"),
        ("a/b.rs", "use super::c::C;\npub struct B;\npub fn f() {}"),
        ("a/c.rs", "pub struct C(crate::a::Other);"),
        ("a/d.rs", "use super::e::E;\npub struct D;\nimpl E { pub fn new() {} }"),
        (
            "a/e.rs",
            "use std::fmt;\npub struct E;\nfn g() { super::f(); }\n// crate::a::D\n#[cfg(test)]\nmod tests { use super::super::D; }",
        ),
        ("b.rs", "use crate::a::{self, D};\nfn f() { a::Other; }"),
    ];
    let files = files.map(|(file, text)| (file.to_owned(), text.to_owned())).into();
    let imports = leaf_imports(&files);
    let found = rings(&imports);
    assert_eq!(found, [["a/b.rs", "a/c.rs"].into()].into());
    let text = drawn(found.first().unwrap(), &imports);
    assert!(text.contains("a/c.rs -> a/b.rs\n    1: crate::a::Other"), "{text}");
    assert_eq!(imports["a/e.rs"].keys().collect::<Vec<_>>(), ["a/b.rs"]);
    assert_eq!(imports["b.rs"].keys().collect::<Vec<_>>(), ["a/b.rs", "a/d.rs"]);

    let with_function = [("a/e.rs".to_owned(), "pub struct E;\nfn g() { E::new(); }".to_owned())];
    let files: BTreeMap<_, _> = files.into_iter().chain(with_function).collect();
    assert_eq!(rings(&leaf_imports(&files)).len(), 2, "a function of a type may stand in another file");
}
