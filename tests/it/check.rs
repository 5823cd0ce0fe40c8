//! `flowcell check`: what is wrong, in which file, line and field, in words that say what to do.
//!
//! The snapshots are read as a user would read them; a message that needs its source code is a defect.

use std::{fs, path::Path};

use crate::support::{flowcell, flowcell_with};

/// A folder below `root` with these files.
fn folder(root: &Path, name: &str, files: &[(&str, &str)]) {
    let folder = root.join(name);
    fs::create_dir_all(&folder).unwrap();
    for (file, text) in files {
        fs::write(folder.join(file), text).unwrap();
    }
}

/// A workflow's text with the usual head, and these steps.
fn steps(key: &str, steps: &str) -> String {
    format!(
        "{{\n  \"key\": \"{key}\",\n  \"trigger\": {{ \"type\": \"webhook\" }},\n  \"steps\": [\n    {steps}\n  ]\n}}\n"
    )
}

fn trigger(key: &str, trigger: &str) -> String {
    format!("{{\n  \"key\": \"{key}\",\n  \"trigger\": {{\n    {trigger}\n  }},\n  \"steps\": []\n}}\n")
}

/// Every way to get a `workflow.json` wrong that people find.
fn broken() -> Vec<(&'static str, String)> {
    let hook = |key: &'static str, text: &str| (key, trigger(key, &format!("\"type\": \"webhook\", {text}")));
    let step = |key: &'static str, text: &str| (key, steps(key, text));
    vec![
        ("not-json", "{\n  \"key\": \"not-json\",\n  key: 1\n}".to_owned()),
        ("trailing-comma", "{\n  \"key\": \"trailing-comma\",\n}".to_owned()),
        ("empty", String::new()),
        ("an-array", "[]".to_owned()),
        ("no-key", "{ \"trigger\": { \"type\": \"webhook\" }, \"steps\": [] }".to_owned()),
        ("no-trigger", "{ \"key\": \"no-trigger\", \"steps\": [] }".to_owned()),
        ("another-name", steps("other", "")),
        ("bad key", steps("bad key", "")),
        (
            "misspelt",
            "{\n  \"key\": \"misspelt\",\n  \"trigger\": { \"type\": \"webhook\" },\n  \"step\": []\n}"
                .to_owned(),
        ),
        ("trigger-type", trigger("trigger-type", "\"type\": \"email\"")),
        hook("mode", "\"mode\": \"later\""),
        hook("methods", "\"methods\": [\"POST\", \"get\"]"),
        hook("no-methods", "\"methods\": []"),
        hook("max-body", "\"max_body\": \"1GiB\""),
        hook("max-body-unit", "\"max_body\": \"1 million\""),
        hook("sync-wait", "\"sync_wait\": 10"),
        hook("scheme", "\"verify\": { \"scheme\": \"gitub\", \"secret\": \"x\" }"),
        hook("empty-secret", "\"verify\": { \"scheme\": \"github\", \"secret\": \"\" }"),
        hook("secret-path", "\"verify\": { \"scheme\": \"github\", \"secret\": \"{{$context.headers.x}}\" }"),
        hook(
            "uncovered",
            "\"verify\": { \"scheme\": \"hmac\", \"header\": \"x-s\", \"secret\": \"s\", \"signed\": \"{timestamp}\" }",
        ),
        hook("dedupe-ttl", "\"dedupe\": { \"key\": \"{{$context.headers.x-id}}\", \"ttl\": \"99d\" }"),
        hook("dedupe-key", "\"dedupe\": { \"key\": \"{{$context.headers.x-id\" }"),
        hook("response-status", "\"response\": { \"status\": 700 }"),
        step("step-type", "{ \"id\": \"a\", \"type\": \"mail\" }"),
        step("step-no-id", "{ \"type\": \"code\", \"file\": \"a.js\" }"),
        step("step-bad-id", "{ \"id\": \"my-step\", \"type\": \"code\", \"file\": \"a.js\" }"),
        step(
            "same-id",
            "{ \"id\": \"a\", \"type\": \"response\" },\n    { \"id\": \"a\", \"type\": \"response\" }",
        ),
        step("no-file", "{ \"id\": \"a\", \"type\": \"code\" }"),
        step("file-missing", "{ \"id\": \"a\", \"type\": \"code\", \"file\": \"gone.js\" }"),
        step("file-outside", "{ \"id\": \"a\", \"type\": \"code\", \"file\": \"../x.js\" }"),
        step(
            "over-the-cap",
            "{ \"id\": \"a\", \"type\": \"code\", \"file\": \"a.js\", \"limits\": { \"memory\": \"1GiB\" } }",
        ),
        step(
            "unknown-limit",
            "{ \"id\": \"a\", \"type\": \"code\", \"file\": \"a.js\", \"limits\": { \"ram\": \"1MiB\" } }",
        ),
        step("cel-syntax", "{ \"id\": \"a\", \"type\": \"condition\", \"if\": \"context.data.amount >\" }"),
        step("cel-root", "{ \"id\": \"a\", \"type\": \"condition\", \"if\": \"data.amount > 1\" }"),
        step(
            "cel-dollar",
            "{ \"id\": \"a\", \"type\": \"condition\", \"if\": \"$context.data.amount > 1\" }",
        ),
        step("cel-function", "{ \"id\": \"a\", \"type\": \"condition\", \"if\": \"run_shell('id')\" }"),
        step(
            "operator",
            "{ \"id\": \"a\", \"type\": \"condition\", \"if\": { \"left\": 1, \"op\": \"=\", \"right\": 1 } }",
        ),
        step("no-if", "{ \"id\": \"a\", \"type\": \"condition\", \"then\": [] }"),
        step(
            "nested",
            "{ \"id\": \"a\", \"type\": \"condition\", \"if\": \"true\", \"then\": [\n      { \"id\": \"b\", \"type\": \"response\", \"satus\": 200 }\n    ] }",
        ),
        step("json-and-text", "{ \"id\": \"a\", \"type\": \"response\", \"json\": 1, \"text\": \"1\" }"),
        step("template", "{ \"id\": \"a\", \"type\": \"response\", \"text\": \"{{context.data}}\" }"),
        step(
            "unknown-step",
            "{ \"id\": \"a\", \"type\": \"response\", \"text\": \"{{$steps.parse.branch}}\" }",
        ),
        step(
            "unknown-step-in-if",
            "{ \"id\": \"a\", \"type\": \"condition\", \"if\": \"steps.parse.branch == 'main'\" }",
        ),
        step(
            "no-scopes-yet",
            "{ \"id\": \"a\", \"type\": \"response\", \"text\": \"{{$scopes.loop.item}}\" }",
        ),
        step(
            "template-open",
            "{ \"id\": \"a\", \"type\": \"response\", \"json\": { \"b\": [\"{{$context.data\"] } }",
        ),
        step("header-name", "{ \"id\": \"a\", \"type\": \"response\", \"headers\": { \"a b\": \"1\" } }"),
        step(
            "header-reserved",
            "{ \"id\": \"a\", \"type\": \"response\", \"headers\": { \"Content-Length\": \"1\" } }",
        ),
    ]
}

#[test]
fn every_mistake_is_told_with_file_line_and_field() {
    let root = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for (name, text) in broken() {
        folder(root.path(), name, &[("workflow.json", &text), ("a.js", "return 1")]);
        let checked = flowcell(["check".into(), root.path().join(name)]);
        assert_eq!(checked.code, 1, "{name}: {checked:?}");
        assert_eq!(checked.stdout.lines().count(), 1, "{name}: one line: {}", checked.stdout);
        told.push_str(&checked.stdout.replace(&format!("{}/", root.path().display()), ""));
    }
    insta::assert_snapshot!("mistakes_in_workflow_json", told);
}

#[test]
fn mistakes_in_code_are_told_with_the_code_files_line_and_column() {
    let sources = [
        ("brace", "const total = 1;\nif (total > 0 {\n  return total;\n}\n"),
        ("quote", "return 'it's';\n"),
        ("await-in-function", "function load() {\n  await fetch('x');\n}\n"),
        ("typescript", "const total: number = 1;\nreturn total;\n"),
        ("import", "import fs from 'fs';\nreturn 1;\n"),
        ("unclosed", "return {\n  a: 1,\n"),
        ("json-in-js", "{\n  \"a\": 1\n}\n"),
        ("module-return", "export default (context) => {\n  returm 1;\n}\n"),
    ];
    let root = tempfile::tempdir().unwrap();
    let mut told = String::new();
    for (name, source) in sources {
        let workflow = steps(name, "{ \"id\": \"a\", \"type\": \"code\", \"file\": \"a.js\" }");
        folder(root.path(), name, &[("workflow.json", &workflow), ("a.js", source)]);
        let checked = flowcell(["check".into(), root.path().join(name)]);
        assert_eq!(checked.code, 1, "{name}: {checked:?}");
        told.push_str(&checked.stdout.replace(&format!("{}/", root.path().display()), ""));
    }
    insta::assert_snapshot!("mistakes_in_code", told);
}

#[test]
fn check_looks_at_every_folder_and_says_how_each_is() {
    let root = tempfile::tempdir().unwrap();
    folder(root.path(), "good", &[("workflow.json", &steps("good", ""))]);
    folder(root.path(), "bad", &[("workflow.json", "{}")]);
    folder(root.path(), "nothing", &[]);
    let path = |name: &str| root.path().join(name);
    let all = flowcell(["check".into(), path("bad"), path("good"), path("nothing"), path("nowhere")]);
    assert_eq!(all.code, 1);
    let lines: Vec<_> =
        all.stdout.lines().map(|line| line.replace(&root.path().display().to_string(), "")).collect();
    assert_eq!(lines.len(), 6, "{lines:?}");
    for (line, field) in lines.iter().zip(["key", "trigger", "steps"]) {
        let begin = format!("/bad/workflow.json:1:1: `{field}` is missing");
        assert!(line.starts_with(&begin), "{lines:?}");
    }
    assert_eq!(lines[3], "/good: ok");
    assert!(lines[4].contains("/nothing has no workflow.json"), "{lines:?}");
    assert!(lines[5].contains("/nowhere"), "{lines:?}");
    assert_eq!(flowcell(["check".into(), path("good")]).code, 0);
    assert_eq!(flowcell(["check"]).code, 2, "no folder");
}

#[test]
fn a_secret_is_never_printed() {
    let root = tempfile::tempdir().unwrap();
    let text = trigger(
        "secret",
        "\"type\": \"webhook\", \"verify\": { \"scheme\": \"hmac\", \"header\": \"x y\", \"secret\": \"{{$env.S}}\" }",
    );
    folder(root.path(), "secret", &[("workflow.json", &text)]);
    let checked = flowcell_with(
        ["check".into(), root.path().join("secret")],
        &[("S", "swordfish"), ("FLOWCELL_ENV_ALLOW", "S")],
    );
    assert_eq!(checked.code, 1);
    assert!(!checked.stdout.contains("swordfish") && !checked.stderr.contains("swordfish"), "{checked:?}");
}
