//! Scripts and the values that Node 20 gives for them, and published vectors (NIST SP 800-38A and GCM; FIPS 202; RFC 4231, 5869, 6070,
//! 6979, 7748, 7914, 8032, 8439; GB/T 32905, 32907; GM/T 0003) and OpenSSL's SM2 signatures: `vectors/*.json`, rows of
//! `{"script", "value"}`. A value is compared as JSON. Runs natively.

mod harness;

use std::{fs, path::Path};

use serde_json::Value;

fn run(source: &str) -> Result<Value, Value> {
    harness::body_with_timers("row.js", source)
}

#[track_caller]
fn all(file: &str, at_least: usize) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(file);
    let rows: Vec<Value> = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(rows.len() >= at_least, "{file} has {} rows", rows.len());
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let (script, expected) = (row["script"].as_str().unwrap(), &row["value"]);
            match run(script) {
                Ok(value) if value == *expected => None,
                Ok(value) => Some(format!("{script}\n  expected {expected}\n  got      {value}")),
                Err(error) => Some(format!("{script}\n  expected {expected}\n  failed   {}", error["stack"])),
            }
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn crypto_gives_what_node_gives() {
    all("crypto.json", 440);
}

#[test]
fn intl_gives_what_node_gives() {
    all("intl.json", 300);
}

/// Locales x options, as `scripts/intl-vectors.mjs` prints them with Node; `languages-differ.json` names what is left out.
#[test]
fn languages_are_written_as_node_writes_them() {
    all("languages.json", 90);
}

#[test]
fn values_are_shown_as_node_shows_them() {
    all("inspect.json", 180);
}

#[test]
fn modules_give_what_node_gives() {
    all("modules.json", 150);
}

#[test]
fn patterns_and_loops_name_what_they_cannot_take_apart() {
    all("patterns.json", 110);
}

/// Iterators that a script changes under way, properties that are taken away, and indices of texts and arrays.
#[test]
fn what_is_walked_may_change_as_in_node() {
    all("iteration.json", 44);
}

#[test]
fn clones_are_those_of_node() {
    all("clones.json", 17);
}

#[test]
fn buffers_do_what_those_of_node_do() {
    all("buffers.json", 130);
}
