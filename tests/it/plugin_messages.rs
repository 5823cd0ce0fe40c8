//! A plugin that is refused, and a call that fails: the message says what is wrong, where, and what to do.

use std::{fs, path::Path};

use serde_json::json;

use crate::{
    plugin_wat::Wat,
    plugins::{SECRET, grants, upload},
    support::{Finished, TestServer, flowcell},
};

fn wasm(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// A program whose `_start` is this.
fn program(body: &str) -> Vec<u8> {
    wasm(&format!(
        r#"(module
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "\10\00\00\00\0b\00\00\00") (data (i32.const 16) "hello there")
          (func $say (param $to i32) (drop (call $write (local.get $to) (i32.const 0) (i32.const 1) (i32.const 8))))
          (type $none (func)) (table 1 funcref)
          (func $deep (param i32) (result i32) (i32.add (i32.const 1) (call $deep (local.get 0))))
          (func (export "_start") {body}))"#
    ))
}

fn command(words: &[&str], file: &Path) -> Finished {
    let mut all = vec!["plugin", words[0], file.to_str().unwrap()];
    all.extend(&words[1..]);
    flowcell(all)
}

#[test]
fn a_file_that_is_no_plugin_is_told_what_it_is_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let whole = Wat::ECHO.module();
    let component_of_another_world = wasm(
        r#"(component (component $c) (instance $i (instantiate $c)) (export "acme:db/query@1.0.0" (instance $i)))"#,
    );
    let command_component = wasm(
        r#"(component (component $c) (instance $i (instantiate $c)) (export "wasi:cli/run@0.2.0" (instance $i)))"#,
    );
    let cases: Vec<(&str, Vec<u8>, &[&str])> = vec![
        ("text", b"not wasm".to_vec(), &["this is no WebAssembly", "`not `", "upload the .wasm file"]),
        ("empty", vec![], &["it is empty", "upload the .wasm file"]),
        ("html", b"<!DOCTYPE html><html>".to_vec(), &["this is no WebAssembly", "upload the .wasm file"]),
        ("wat", b"(module)".to_vec(), &["WebAssembly as text", "wasm-tools parse"]),
        ("cut", whole[..whole.len() / 2].to_vec(), &["ends too early, at byte", "all of the file arrived"]),
        ("head", whole[..6].to_vec(), &["not valid", "all of the file arrived"]),
        ("bits", [&whole[..], &[0xff; 9]].concat(), &["not valid", "build it again"]),
        ("bare", wasm("(module)"), &["does not export a function `_start`", "flowcell plugin new"]),
        (
            "library",
            wasm(r#"(module (memory (export "memory") 1) (func (export "_initialize")))"#),
            &["`_start`", "it is a library (a reactor)", "build a program with `main`"],
        ),
        (
            "no_memory",
            wasm(r#"(module (func (export "_start")))"#),
            &["its `memory`", "exports it by default"],
        ),
        (
            "emscripten",
            wasm(
                r#"(module (import "env" "helper" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
            ),
            &["imports `env.helper`", "no undefined symbols"],
        ),
        (
            "host_of_its_own",
            wasm(
                r#"(module (import "acme" "pay" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
            ),
            &["imports `acme.pay`", "without this import"],
        ),
        (
            "another_world",
            component_of_another_world,
            &["`acme:db/query@1.0.0`", "flowcell:plugin/handler@1.0.0"],
        ),
        ("wasi_command", command_component, &["`wasi:cli/command`", "wasm32-wasip1"]),
        (
            "gives_up",
            Wat { name: "gives-up", describe: "unreachable", ..Wat::ECHO }.module(),
            &["`describe` failed", "stopped itself"],
        ),
    ];
    let server = TestServer::start([]);
    for (name, bytes, parts) in cases {
        let file = folder.path().join(format!("{name}.wasm"));
        fs::write(&file, &bytes).unwrap();
        let uploaded = upload(&server, &bytes, "");
        for (how, code, text) in [
            ("inspect", command(&["inspect"], &file).code, command(&["inspect"], &file).stdout),
            (
                "test",
                command(&["test", "--input", "1"], &file).code,
                command(&["test", "--input", "1"], &file).stdout,
            ),
        ] {
            assert_eq!(code, 1, "{name}, {how}: {text}");
            assert!(text.starts_with(file.to_str().unwrap()), "{name}, {how}: {text}");
            for part in parts {
                assert!(text.contains(part), "{name}, {how}: `{part}` is not in {text}");
            }
        }
        assert!([415, 422].contains(&uploaded.status), "{name}: {} {}", uploaded.status, uploaded.text());
        for part in parts {
            assert!(
                uploaded.json()["detail"].as_str().unwrap().contains(part),
                "{name}: {}",
                uploaded.text()
            );
        }
    }
    // What is no file at all ends at once, whatever its size.
    for path in [folder.path(), Path::new("/dev/zero"), &folder.path().join("missing.wasm")] {
        for words in
            [&["inspect"][..], &["test", "--input", "1"], &["upload", "--server", "http://127.0.0.1:9"]]
        {
            let refused = command(words, path);
            assert_eq!(refused.code, 2, "{}: {refused:?}", path.display());
            assert!(
                refused.stderr.contains("a plugin is one .wasm file")
                    && refused.stderr.contains(path.to_str().unwrap()),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn a_call_that_fails_is_told_why_and_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let cases: Vec<(&str, Vec<u8>, &[&str], &[&str])> = vec![
        (
            "panics",
            program("(call $say (i32.const 2)) unreachable"),
            &[],
            &["plugin_crash", "stopped itself (`unreachable`)", "its last words: hello there"],
        ),
        (
            "pointer",
            program("(i32.store (i32.const 2147483640) (i32.const 1))"),
            &[],
            &["plugin_crash", "used memory that it does not have", "a mistake in the plugin"],
        ),
        (
            "null_call",
            program("(call_indirect (type $none) (i32.const 0))"),
            &[],
            &["plugin_crash", "called a function that is not there", "a mistake in the plugin"],
        ),
        (
            "zero",
            program("(drop (i32.div_s (i32.const 1) (i32.const 0)))"),
            &[],
            &["plugin_crash", "divided by zero", "a mistake in the plugin"],
        ),
        (
            "deep",
            program("(drop (call $deep (i32.const 0)))"),
            &[],
            &["stack_overflow", "too much recursion"],
        ),
        (
            "exit",
            program("(call $say (i32.const 2)) (call $exit (i32.const 3))"),
            &[],
            &["plugin_error", "exit code 3; its last words: hello there"],
        ),
        (
            "no_json",
            program("(call $say (i32.const 1))"),
            &[],
            &["output_invalid", "not JSON", "write one JSON value to stdout", "--stdout-text"],
        ),
        (
            "denied",
            SECRET.module(),
            &[],
            &["capability_missing", "flowcell plugin grant reads secret:TOKEN", "--grant CAPABILITY"],
        ),
        ("text", program("(call $say (i32.const 1))"), &["--stdout-text"], &["hello there"]),
        (
            "endless",
            program("(loop $l (br $l))"),
            &["--limit", "timeout=300ms"],
            &["timeout", "`limits.timeout`", "--limit timeout=10s"],
        ),
        (
            "greedy",
            program("(loop $l (br_if $l (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"),
            &[],
            &["memory_limit", "`limits.memory`", "--limit memory=64MiB"],
        ),
        (
            "talks",
            program("(loop $l (call $say (i32.const 1)) (br $l))"),
            &[],
            &["output_too_large", "`limits.output`", "--limit output=4MiB"],
        ),
    ];
    for (name, bytes, options, parts) in cases {
        let file = folder.path().join(format!("{name}.wasm"));
        fs::write(&file, &bytes).unwrap();
        let ended = command(&[&["test", "--input", "{}"], options].concat(), &file);
        assert_eq!(ended.code, i32::from(name != "text"), "{name}: {ended:?}");
        for part in parts {
            assert!(
                (ended.stdout.clone() + &ended.stderr).contains(part),
                "{name}: `{part}` is not in {ended:?}"
            );
        }
    }
}

#[test]
fn a_grant_that_cannot_be_is_told_with_what_the_plugin_asks_for() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::start([]);
    let file = folder.path().join("echo.wasm");
    fs::write(&file, Wat::ECHO.module()).unwrap();
    let (url, data) = (server.url(), server.data());
    let at = ["--server", &url, "--data", data.to_str().unwrap()];
    // The upload is done, so its outcome is told although the grant is refused.
    let uploaded = command(&[&["upload", "--grant", "http:api.example.com"], &at[..]].concat(), &file);
    assert_eq!(uploaded.code, 2, "{uploaded:?}");
    for part in
        ["echo is installed, but it was granted nothing", "does not ask for http:api.example.com", "nothing"]
    {
        assert!(uploaded.stderr.contains(part), "`{part}` is not in {uploaded:?}");
    }
    assert_eq!(server.api("/api/v1/plugins")["plugins"][0]["name"], "echo");
    let refused = grants(&server, "POST", "echo", json!(["kv:x"]));
    assert!(refused.json()["detail"].as_str().unwrap().contains("it asks for nothing"), "{}", refused.text());
    for (words, parts) in [
        (&["grant", "ech", "kv:x"][..], &["no plugin ech is installed", "flowcell plugin list"][..]),
        (&["grant", "echo", "files:/etc"], &["files:/etc", "http:api.example.com"]),
        (&["grant", "echo", "http:"], &["http:"]),
        (&["revoke", "echo", "kv:x"], &["has not been granted kv:x", "flowcell plugin list"]),
        (&["limit", "echo", "memory=9TiB"], &["`memory=9TiB`", "32MiB"]),
        (&["limit", "echo", "memori=9MiB"], &["`memori=9MiB`", "memory"]),
        (&["limit", "echo", "memory=9GiB"], &["memory", "256MiB"]),
        (&["limit", "echo", "memory"], &["NAME=VALUE", "memory=64MiB"]),
        (&["remove", "echo@1"], &["`1` is not a whole version", "1.2.3"]),
        (&["remove", "echo@9.9.9"], &["no plugin echo@9.9.9 is installed", "flowcell plugin list"]),
    ] {
        let ended = flowcell([&["plugin"], words, &at[..]].concat());
        assert_eq!(ended.code, 2, "{words:?}: {ended:?}");
        for part in parts {
            assert!(ended.stderr.contains(part), "{words:?}: `{part}` is not in {ended:?}");
        }
    }
}
