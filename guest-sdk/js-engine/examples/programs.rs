//! Runs programs natively and compares what they return: `scripts/differential` feeds it. Reads one JSON object a line from the standard
//! input, `{"id", "source", "expected"}`, prints each difference, and ends with 1 when there was one. Arguments: how many differences are
//! shown, and how many programs share an engine.

use std::{
    io::{BufRead, stdin},
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
};

use flowcell_js_engine::{Answer, Engine, Inputs};
use serde_json::{Value, from_slice, from_str};

/// Programs before a fresh engine: they leave traces in the realm, such as shapes, that are part of the trial.
const PROGRAMS_AN_ENGINE: usize = 500;

/// Lines shown of a difference.
const MAX_SHOWN: usize = 30;

fn main() -> ExitCode {
    let shown = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(MAX_SHOWN);
    let an_engine = std::env::args().nth(2).and_then(|text| text.parse().ok()).unwrap_or(PROGRAMS_AN_ENGINE);
    let mut engine = Engine::new();
    let (mut run, mut different) = (0_usize, 0_usize);
    for line in stdin().lock().lines() {
        let line = line.expect("the standard input is text");
        let case: Value = from_str(&line).expect("each line is JSON");
        if run % an_engine == an_engine - 1 {
            engine = Engine::new();
        }
        run += 1;
        let source = case["source"].as_str().expect("a source");
        let expected = case["expected"].as_str().expect("what is expected");
        let got = catch_unwind(AssertUnwindSafe(|| outcome(&mut engine, source))).unwrap_or_else(|_| {
            engine = Engine::new();
            "crash".to_owned()
        });
        if got != expected {
            different += 1;
            if different <= shown {
                println!("{}", difference(&case["id"], expected, &got));
                if std::env::var_os("PROGRAMS_WHOLE").is_some() {
                    println!("{got}");
                }
            }
        }
    }
    println!("{run} programs, {different} different");
    if different == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What the program returns, or how it ended.
fn outcome(engine: &mut Engine, source: &str) -> String {
    if let Answer::Error(error) = engine.prepare(b"body", b"program.js", source.as_bytes(), &[]) {
        return ended(&error);
    }
    let answer = engine.call(&Inputs {
        context: b"{}",
        raw_body: b"",
        steps: b"{}",
        env: b"{}",
        scopes: b"{}",
        secrets: b"{}",
        meta: b"{}",
    });
    match answer {
        Answer::Ok(output) => from_slice::<Value>(&output).map_or_else(
            |error| format!("no JSON: {error}"),
            |value| value.as_str().unwrap_or_default().to_owned(),
        ),
        Answer::Error(error) => ended(&error),
        Answer::Pending(_) => "pending".to_owned(),
    }
}

fn ended(error: &[u8]) -> String {
    let error: Value = from_slice(error).unwrap_or_default();
    let name = error["name"].as_str().unwrap_or_default();
    if std::env::var_os("PROGRAMS_VERBOSE").is_some() {
        return format!("ended: {name} {error}");
    }
    format!("ended: {name}")
}

/// The first line that differs, with the one before it.
fn difference(id: &Value, expected: &str, got: &str) -> String {
    let mut before = "";
    let (mut left, mut right) = (expected.lines(), got.lines());
    loop {
        let (want, have) = (left.next(), right.next());
        if want != have || want.is_none() {
            return format!(
                "{id}: after {before}\n  node {}\n  here {}",
                want.unwrap_or("(end)"),
                have.unwrap_or("(end)")
            );
        }
        before = want.unwrap_or_default();
    }
}
