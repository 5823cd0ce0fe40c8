//! Programs of a generator of our own run here and in Node, and print the same: `tests/it/differential/generate.mjs` makes them.
//!
//! Through the real `engine.wasm`, each in a fresh instance. `scripts/differential` runs as many as one likes, natively too.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::{Mutex, atomic::AtomicUsize, atomic::Ordering},
    thread,
};

use flowcell::{
    model::{Limits, Span},
    sandbox::{Call, EngineOptions, Form, JsEngine, Script},
};
use serde_json::{Value, from_str};

use crate::support::{root, sandbox_cache};

/// The programs that every run of the tests tries: the first and how many.
const USUAL: (u64, u64) = (0, 2_000);

/// Programs that differ, with the reason. One that does so no more has to go from here.
const KNOWN: &[(u64, &str)] = &[];

/// Differences that are printed.
const MAX_SHOWN: usize = 10;

/// One program and what Node says of it.
struct Program {
    id: u64,
    source: String,
    expected: String,
}

#[test]
fn programs_print_what_they_print_in_node() {
    let (first, count) = env::var("DIFFERENTIAL_PROGRAMS").map_or(USUAL, |text| {
        let (first, count) = text.split_once(' ').expect("DIFFERENTIAL_PROGRAMS is `FIRST COUNT`");
        (first.parse().expect("a number"), count.parse().expect("a number"))
    });
    let engine =
        JsEngine::load(&EngineOptions { cache: Some(sandbox_cache()), slots: 4, ..EngineOptions::default() })
            .unwrap();
    let mut node = Command::new("node")
        .arg(root().join("tests/it/differential/make.mjs"))
        .args([first.to_string(), count.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .expect("node is needed (apt-get install nodejs)");
    let lines = Mutex::new(BufReader::new(node.stdout.take().expect("a pipe")).lines());
    let (ran, different) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let next = lines.lock().unwrap().next();
                    let Some(line) = next else { return };
                    let program = read(&line.unwrap());
                    let got = outcome(&engine, &program.source);
                    ran.fetch_add(1, Ordering::Relaxed);
                    let known = KNOWN.iter().any(|(id, _)| *id == program.id);
                    match (got == program.expected, known) {
                        (true, false) | (false, true) => {}
                        (false, false) => different.lock().unwrap().push(difference(&program, &got)),
                        (true, true) => {
                            let same = format!("{} prints the same now: it goes from KNOWN", program.id);
                            different.lock().unwrap().push(same);
                        }
                    }
                }
            });
        }
    });
    assert!(node.wait().unwrap().success());
    let (ran, different) = (ran.into_inner(), different.into_inner().unwrap());
    assert_eq!(ran as u64, count);
    let shown: Vec<_> = different.iter().take(MAX_SHOWN).map(String::as_str).collect();
    assert!(different.is_empty(), "{} of {ran} programs differ:\n{}", different.len(), shown.join("\n"));
}

fn read(line: &str) -> Program {
    let line: Value = from_str(line).unwrap();
    let text = |name: &str| line[name].as_str().expect("a text").to_owned();
    Program { id: line["id"].as_u64().expect("a number"), source: text("source"), expected: text("expected") }
}

/// What a program returns, or how it ended.
fn outcome(engine: &JsEngine, source: &str) -> String {
    let script = Script {
        file: "program.js".to_owned(),
        form: Form::Body,
        source: source.to_owned(),
        modules: Vec::new(),
        imports: Vec::new(),
    };
    let limits = Limits { timeout: Span::from_millis(20_000), ..Limits::DEFAULT };
    let call = Call { limits, now_ms: 1_767_323_045_678, seed: [7; 32], ..Call::of(script) };
    match engine.run_blocking(&call).expect("the host serves every call").into_result() {
        Ok(output) => from_str::<String>(output.as_str()).unwrap_or_else(|_| output.as_str().to_owned()),
        // `Name: message`: the words of two engines are not the same.
        Err(error) => format!("ended: {}", error.message.split(':').next().unwrap_or_default()),
    }
}

/// The first line that differs, after the last that does not.
fn difference(program: &Program, got: &str) -> String {
    let (expected, got): (Vec<_>, Vec<_>) = (program.expected.lines().collect(), got.lines().collect());
    let same = expected.iter().zip(&got).take_while(|(left, right)| left == right).count();
    let at = |lines: &[&str], index: usize| lines.get(index).copied().unwrap_or("(end)").to_owned();
    let before = same.checked_sub(1).map(|index| at(&expected, index)).unwrap_or_default();
    format!("{}: after {before}\n  node {}\n  here {}", program.id, at(&expected, same), at(&got, same))
}
