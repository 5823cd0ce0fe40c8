//! The language through the real sandbox: ECMA's test262, each test in a fresh instance under the limits that a step has.
//!
//! `scripts/test262` fetches the suite and runs this; without it there is nothing to run, so the tests are ignored by default.
//! Unlike the rest of this binary it calls the library: forty thousand requests would measure the gateway.

mod suite;

use std::{
    collections::BTreeMap,
    env, fmt, fs,
    path::PathBuf,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use flowcell::{
    model::{ErrorCode, Limits, Span},
    sandbox::{Call, EngineOptions, Form, JsEngine, Outcome, Script},
};
use serde_json::json;

use suite::{Case, Expected};

/// Runs one test as a global script and logs how it ended. What it needs it takes before the test can replace it.
const DRIVER: &str = include_str!("conformance/driver.js");

/// Runs one test four times and logs how each ended: at one place, or compiled anew each time.
const REPEATED: &str = include_str!("conformance/repeated.js");

/// What `return` or a log line says of a test that passed.
const PASSED: &str = "verdict: passed";

/// Of all tests that are not skipped, at least so many in a thousand pass. Boa publishes 96 % of the suite of today.
const AT_LEAST_PERMILLE: usize = 960;

/// How a test ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed(String),
    /// The guest itself gave up; the host has contained it.
    Crashed(String),
    Stopped(String),
    Skipped,
}

#[derive(Default, Clone)]
struct Tally {
    passed: usize,
    failed: usize,
    skipped: usize,
}

impl Tally {
    fn permille(&self) -> usize {
        (self.passed * 1000).checked_div(self.passed + self.failed).unwrap_or(1000)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, skipped } = self;
        let permille = self.permille();
        write!(
            f,
            "{:3}.{} %  {passed} passed, {failed} failed, {skipped} skipped",
            permille / 10,
            permille % 10
        )
    }
}

/// Every 40th test: what CI runs.
#[test]
#[ignore = "needs the suite: scripts/test262 --sample"]
fn a_sample_of_test262_runs_in_the_sandbox() {
    run_suite(40);
}

#[test]
#[ignore = "needs the suite and minutes: scripts/test262"]
fn all_of_test262_runs_in_the_sandbox() {
    run_suite(1);
}

/// From the second time on it is caches that answer: a test that is compiled once and runs four times ends each time as one that is
/// compiled anew each time.
#[test]
#[ignore = "needs the suite and minutes: scripts/differential --test262"]
fn a_test_that_runs_again_at_one_place_ends_as_at_a_fresh_one() {
    let (root, engine) = (suite_root(), engine());
    let files = suite::files(&root);
    let (next, ran, different) = (AtomicUsize::new(0), AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let case = &Case::read(&root, file);
                    let plain = !case.skipped && !case.module && !case.asynchronous;
                    if !plain || case.expected != Expected::Success {
                        continue;
                    }
                    ran.fetch_add(1, Ordering::Relaxed);
                    let [fresh, again] = [true, false].map(|fresh| repeated(&engine, case, fresh));
                    if fresh != again {
                        different.lock().unwrap().push(format!("{file}\n  fresh {fresh}\n  again {again}"));
                    }
                }
            });
        }
    });
    let (ran, different) = (ran.into_inner(), different.into_inner().unwrap());
    assert!(ran > 15_000, "{ran} tests");
    println!("{ran} tests ran four times at one place, {} differ", different.len());
    let unknown: Vec<_> =
        different.iter().filter(|line| !DIFFER_RIGHTLY.iter().any(|file| line.contains(file))).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

/// Tests of what belongs to the place itself, such as the object of a template literal.
const DIFFER_RIGHTLY: [&str; 1] = ["language/expressions/tagged-template/"];

fn repeated(engine: &JsEngine, case: &Case, fresh: bool) -> String {
    let data = json!({ "harness": case.harness, "source": case.source, "fresh": fresh });
    let script = Script {
        file: "test262.js".to_owned(),
        form: Form::Body,
        source: REPEATED.to_owned(),
        modules: Vec::new(),
        imports: Vec::new(),
    };
    let limits =
        Limits { timeout: Span::from_millis(20_000), fuel: 10 * Limits::DEFAULT.fuel, ..Limits::DEFAULT };
    let call = Call {
        context: json!({ "data": data }).to_string().into(),
        limits,
        now_ms: 1_767_323_045_678,
        seed: [7; 32],
        ..Call::of(script)
    };
    let outcome = engine.run_blocking(&call).expect("the host serves every call");
    match (logged(&outcome), outcome.into_result()) {
        (Some(verdict), _) => verdict,
        (None, Err(error)) => format!("{:?}", error.code),
        (None, Ok(output)) => output.as_str().to_owned(),
    }
}

fn suite_root() -> PathBuf {
    env::var_os("FLOWCELL_TEST262")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/test262")), PathBuf::from)
}

fn engine() -> JsEngine {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sandbox-cache");
    JsEngine::load(&EngineOptions { cache: Some(cache), slots: 4, ..EngineOptions::default() }).unwrap()
}

/// Runs every `step`th test on all cores, prints the table, and holds the engine to its level.
#[track_caller]
fn run_suite(step: usize) {
    let root = suite_root();
    let files = suite::files(&root);
    assert!(files.len() > 30_000, "no suite in {}: run scripts/test262", root.display());
    let chosen: Vec<_> = files.into_iter().step_by(step).collect();
    let engine = engine();
    // A step's own limits, but for the clock: fuel is the same on every machine, time is not.
    let limits = Limits { timeout: Span::from_millis(20_000), ..Limits::DEFAULT };
    let patience = Duration::from_secs(30);

    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(file) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let case = Case::read(&root, file);
                    let started = Instant::now();
                    let verdict = judge(&engine, &case, &limits);
                    results.lock().unwrap().push((file.clone(), verdict, started.elapsed()));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by(|left, right| left.0.cmp(&right.0));
    report(&results, step);

    let slow = results.iter().find(|(_, _, took)| *took > patience);
    assert_eq!(slow, None, "a test outlived its limits");
    let total = tally(results.iter().map(|(_, verdict, _)| verdict));
    assert!(total.permille() >= AT_LEAST_PERMILLE, "the engine got worse: {total}");
    // After all that, the same engine still serves.
    let healthy = Case::plain("assert.sameValue(1 + 1, 2)", &suite::harness(&root));
    assert_eq!(judge(&engine, &healthy, &limits), Verdict::Passed);
}

fn judge(engine: &JsEngine, case: &Case, limits: &Limits) -> Verdict {
    if case.skipped {
        return Verdict::Skipped;
    }
    let outcome = engine.run_blocking(&call(case, limits)).expect("the host serves every call");
    let verdict = logged(&outcome);
    let end = match (outcome.into_result(), verdict) {
        (_, Some(verdict)) => Ok(verdict),
        (Ok(output), None) => Ok(output.as_str().trim_matches('"').to_owned()),
        (Err(error), None) => Err(error),
    };
    match (end, &case.expected) {
        (Ok(end), Expected::Success) if end == PASSED => Verdict::Passed,
        (Ok(end), Expected::Error(name)) if end.starts_with(&format!("verdict: threw {name}:")) => {
            Verdict::Passed
        }
        (Ok(end), _) => Verdict::Failed(end),
        (Err(error), expected) => match error.code {
            ErrorCode::EngineCrash => Verdict::Crashed(error.message.clone()),
            ErrorCode::FuelExhausted
            | ErrorCode::Timeout
            | ErrorCode::MemoryLimit
            | ErrorCode::StackOverflow => Verdict::Stopped(error.message.clone()),
            // A module that fails before it runs, or with its error.
            _ => match expected {
                Expected::Error(name) if error.message.starts_with(&format!("{name}:")) => Verdict::Passed,
                Expected::Error(_) | Expected::Success => Verdict::Failed(error.message.clone()),
            },
        },
    }
}

/// A test as a call of the sandbox: the one place that knows how that looks.
fn call(case: &Case, limits: &Limits) -> Call {
    let (form, source) =
        if case.module { (Form::Module, case.as_module()) } else { (Form::Body, DRIVER.to_owned()) };
    let data = json!({ "harness": case.harness, "source": case.source, "waits": case.asynchronous });
    let script =
        Script { file: "test262.js".to_owned(), form, source, modules: Vec::new(), imports: Vec::new() };
    Call {
        context: json!({ "data": data }).to_string().into(),
        limits: *limits,
        now_ms: 1_767_323_045_678,
        seed: [7; 32],
        ..Call::of(script)
    }
}

/// The last verdict that was logged: a rejection that nobody handles would hide the output.
fn logged(outcome: &Outcome) -> Option<String> {
    let lines = outcome.logs.iter().rev();
    lines.map(|line| &line.text).find(|text| text.starts_with("verdict: ")).cloned()
}

fn tally<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Tally {
    verdicts.fold(Tally::default(), |mut tally, verdict| {
        match verdict {
            Verdict::Passed => tally.passed += 1,
            Verdict::Failed(_) | Verdict::Crashed(_) | Verdict::Stopped(_) => tally.failed += 1,
            Verdict::Skipped => tally.skipped += 1,
        }
        tally
    })
}

/// Prints a line a folder, and writes what failed beside the suite's cache.
fn report(results: &[(String, Verdict, Duration)], step: usize) {
    let mut folders: BTreeMap<String, Vec<&Verdict>> = BTreeMap::new();
    let mut failures = String::new();
    for (file, verdict, _) in results {
        let folder: Vec<&str> = file.trim_start_matches("test/").split('/').take(2).collect();
        folders.entry(folder.join("/")).or_default().push(verdict);
        match verdict {
            Verdict::Failed(why) => failures.push_str(&format!("{file}\tfailed\t{why}\n")),
            Verdict::Crashed(why) => failures.push_str(&format!("{file}\tcrashed\t{why}\n")),
            Verdict::Stopped(why) => failures.push_str(&format!("{file}\tstopped\t{why}\n")),
            Verdict::Passed | Verdict::Skipped => {}
        }
    }
    for (folder, verdicts) in &folders {
        println!("{folder:40} {}", tally(verdicts.iter().copied()));
    }
    let of = |wanted: fn(&Verdict) -> bool| results.iter().filter(|(_, verdict, _)| wanted(verdict)).count();
    println!("crashed in the guest, contained: {}", of(|verdict| matches!(verdict, Verdict::Crashed(_))));
    println!("stopped by a limit: {}", of(|verdict| matches!(verdict, Verdict::Stopped(_))));
    println!("every {step}th test of test262: {}", tally(results.iter().map(|(_, verdict, _)| verdict)));
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("test262-failures.txt");
    fs::write(&path, failures).unwrap();
    println!("what failed: {}", path.display());
}
