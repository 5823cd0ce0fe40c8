//! What the tests of the engine share: an engine a thread, a script without inputs, and rows of scripts with what they return.
#![allow(dead_code, reason = "each test file is a crate of its own and takes what it needs")]

use std::cell::RefCell;

use flowcell_js_engine::{Answer, Engine, Inputs};
use serde_json::Value;

thread_local! {
    static ENGINE: RefCell<Engine> = RefCell::new(Engine::new());
}

/// A call without event, outputs and variables.
const NOTHING: Inputs<'static> = Inputs {
    context: b"{}",
    raw_body: b"",
    steps: b"{}",
    env: b"{}",
    scopes: b"{}",
    secrets: b"{}",
    meta: b"{}",
};

/// Lends the engine of this thread.
pub fn with_engine<T>(work: impl FnOnce(&mut Engine) -> T) -> T {
    ENGINE.with_borrow_mut(work)
}

/// An answer as JSON: the output, or the error. What is still waited for is no output.
pub fn json(answer: Answer) -> Result<Value, Value> {
    match answer {
        Answer::Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap()),
        Answer::Pending(bytes) | Answer::Error(bytes) => Err(serde_json::from_slice(&bytes).unwrap()),
    }
}

/// The answer of `prepare`, which says nothing when it is well.
pub fn prepared(answer: Answer) -> Result<(), Value> {
    match answer {
        Answer::Ok(_) => Ok(()),
        Answer::Pending(_) | Answer::Error(_) => json(answer).map(drop),
    }
}

/// The output of the body of a function that is given nothing, or the error.
pub fn body(file: &str, source: &str) -> Result<Value, Value> {
    with_engine(|engine| {
        prepared(engine.prepare(b"body", file.as_bytes(), source.as_bytes(), &[]))?;
        json(engine.call(&NOTHING))
    })
}

/// As [`body`], and the timers of the script fire by their times, on a clock of their own.
pub fn body_with_timers(file: &str, source: &str) -> Result<Value, Value> {
    with_engine(|engine| {
        prepared(engine.prepare(b"body", file.as_bytes(), source.as_bytes(), &[]))?;
        let mut answer = engine.call(&NOTHING);
        let mut now = 0.0;
        let mut timers: Vec<(f64, u64)> = Vec::new();
        loop {
            let Answer::Pending(pending) = answer else { return json(answer) };
            let pending: Value = serde_json::from_slice(&pending).unwrap();
            for call in pending["calls"].as_array().unwrap() {
                let due = now + call["args"]["ms"].as_f64().expect("scripts here have timers alone");
                timers.push((due, call["id"].as_u64().unwrap()));
            }
            let given_up = pending["cancel"].as_array().cloned().unwrap_or_default();
            timers.retain(|(_, id)| !given_up.iter().any(|other| other == id));
            timers.sort_by(|a, b| a.partial_cmp(b).unwrap());
            let (due, id) = timers.remove(0);
            now = due;
            answer = engine.resume(id.to_string().as_bytes(), b"ok", b"null");
        }
    })
}

/// Each script returns what stands beside it.
#[track_caller]
pub fn all(rows: &[(&str, Value)], run: impl Fn(&str) -> Result<Value, Value>) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(source, expected)| match run(source) {
            Ok(value) if value == *expected => None,
            other => Some(format!("{source}\n  expected {expected}\n  got      {other:?}")),
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// For files whose scripts are bodies of functions that are given nothing.
pub mod bodies {
    use serde_json::Value;

    /// The output, or the error JSON; the file is `body.js`.
    pub fn run(source: &str) -> Result<Value, Value> {
        super::body("body.js", source)
    }

    /// Each script returns what stands beside it.
    #[track_caller]
    pub fn all(rows: &[(&str, Value)]) {
        super::all(rows, run);
    }
}
