//! Thousands of generated scripts through the sandbox, in this process: whatever a script is, it ends with an output, an
//! error of its own or a limit, the same each time, and the process neither dies nor grows.
//!
//! The one test that calls the library, because a server for each script would be too slow. `FLOWCELL_SCRIPTS_COUNT=100000
//! cargo test generated` runs more of them, `FLOWCELL_SCRIPTS_FROM` others; `FLOWCELL_SCRIPTS_SEED=7` runs one and prints it.

mod built_ins;
mod grammar;

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    str::FromStr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Instant,
};

use flowcell::{
    model::{ByteSize, ErrorCode, Limits, RunError, Span},
    sandbox::{Call, EngineOptions, JsEngine, Outcome, Script},
};

/// Scripts of a usual run.
const COUNT: u64 = 10_000;
/// Every so many scripts, one runs twice.
const TWICE: u64 = 25;
/// How much this process may grow, MiB: other tests run in it too.
const GROWTH: u64 = 300;
/// What the engine says in the known defects that generated scripts come upon (`hostile/*.js` holds a script for each);
/// only ever shorten this.
const KNOWN: [&str; 3] = ["array_buffer/mod.rs", "atomics/mod.rs", "already borrowed"];

/// How a script may fail.
const ALLOWED: [ErrorCode; 8] = [
    ErrorCode::SyntaxError,
    ErrorCode::ScriptError,
    ErrorCode::FuelExhausted,
    ErrorCode::MemoryLimit,
    ErrorCode::StackOverflow,
    ErrorCode::OutputTooLarge,
    ErrorCode::OutputInvalid,
    ErrorCode::PromiseNeverSettled,
];

/// Small, so that ten thousand take less than a minute; the time is long, so that only fuel decides.
fn limits() -> Limits {
    let (timeout, memory) = (Span::from_millis(20_000), ByteSize::from_bytes(16 << 20));
    Limits { fuel: 8_000_000, timeout, memory, ..Limits::DEFAULT }
}

fn engine() -> JsEngine {
    // Where the other tests keep it; their way to it starts the binary, which refuses the variables of this one.
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sandbox-cache");
    JsEngine::load(&EngineOptions { cache: Some(cache), slots: 8, ..EngineOptions::default() }).unwrap()
}

fn call(script: Arc<Script>, seed: u64) -> Call {
    let mut random = [0; 32];
    random[..8].copy_from_slice(&seed.to_le_bytes());
    Call {
        context: r#"{"data":{"list":[1,2,{"a":null}],"text":"x"},"headers":{},"query":{},"params":{}}"#
            .into(),
        raw_body: b"{}".as_slice().into(),
        steps: r#"{"before":{"n":1}}"#.to_owned(),
        limits: limits(),
        now_ms: 1_700_000_000_000,
        seed: random,
        ..Call::of(script)
    }
}

/// Checks and runs one script as a step would.
fn outcome(engine: &JsEngine, seed: u64, source: &str) -> Result<Outcome, RunError> {
    let script = engine.check("main.js", source)?;
    Ok(engine.run_blocking(&call(script.into(), seed)).expect("the sandbox serves"))
}

/// What a script came to: `ok` or an error's code. An error when it should not have.
fn ending(engine: &JsEngine, seed: u64, source: &str) -> Result<&'static str, String> {
    let outcome = outcome(engine, seed, source);
    let limits = limits();
    if let Ok(Outcome { usage, .. }) = &outcome
        && (usage.fuel > limits.fuel || usage.peak_memory > limits.memory.as_bytes())
    {
        return Err(format!("over its limits: {usage:?}"));
    }
    let error = match outcome.and_then(Outcome::into_result) {
        Ok(output) => {
            let parsed = serde_json::from_str::<serde_json::Value>(output.as_str());
            return parsed.map(|_| "ok").map_err(|error| format!("no JSON: {error}"));
        }
        Err(error) => error,
    };
    if ALLOWED.contains(&error.code) {
        return Ok(error.code.as_str());
    }
    if KNOWN.iter().any(|known| error.message.contains(known)) {
        Ok("known defect")
    } else {
        Err(format!("{}: {}", error.code.as_str(), error.message))
    }
}

/// All of an outcome that must be the same each time.
fn trace(engine: &JsEngine, seed: u64, source: &str) -> String {
    match outcome(engine, seed, source) {
        Ok(Outcome { conclusion, logs, usage, .. }) => {
            format!("{conclusion:?} {logs:?} {} {} {}", usage.fuel, usage.peak_memory, usage.host_calls)
        }
        Err(error) => format!("{error:?}"),
    }
}

fn from_env<T: FromStr>(name: &str) -> Option<T> {
    env::var(name).ok().and_then(|value| value.parse().ok())
}

/// `VmRSS` of this process, MiB.
fn resident_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("Linux tells VmRSS");
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1_024
}

#[test]
fn ten_thousand_generated_scripts_end_as_scripts_may() {
    let engine = engine();
    if let Some(seed) = from_env::<u64>("FLOWCELL_SCRIPTS_SEED") {
        let source = grammar::script(seed);
        println!("{source}\n{:#?}", outcome(&engine, seed, &source));
        assert_eq!(ending(&engine, seed, &source).map(|_| ()), Ok(()), "seed {seed}");
        return;
    }
    let (first, count) = (from_env("FLOWCELL_SCRIPTS_FROM").unwrap_or(0), from_env("FLOWCELL_SCRIPTS_COUNT"));
    let end = first + count.unwrap_or(COUNT);
    let (started, before) = (Instant::now(), resident_mib());
    let (next, endings, wrong) = (AtomicU64::new(first), Mutex::new(BTreeMap::new()), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, |count| count.get().min(8)) {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::SeqCst)).filter(|seed| *seed < end) {
                    let source = grammar::script(seed);
                    match ending(&engine, seed, &source) {
                        Ok(ending) => *endings.lock().unwrap().entry(ending).or_insert(0) += 1,
                        Err(what) => {
                            wrong.lock().unwrap().push(format!("FLOWCELL_SCRIPTS_SEED={seed}: {what}"))
                        }
                    }
                    if seed % TWICE == 0 {
                        let (once, twice) = (trace(&engine, seed, &source), trace(&engine, seed, &source));
                        if once != twice {
                            wrong
                                .lock()
                                .unwrap()
                                .push(format!("FLOWCELL_SCRIPTS_SEED={seed}: {once} and then {twice}"));
                        }
                    }
                }
            });
        }
    });
    let (endings, wrong) = (endings.into_inner().unwrap(), wrong.into_inner().unwrap());
    println!("{endings:?} in {:?}", started.elapsed());
    assert!(wrong.is_empty(), "{} scripts:\n{}", wrong.len(), wrong.join("\n"));
    let share = |ending: &str| endings.get(ending).copied().unwrap_or(0) * 100 / (end - first).max(1);
    assert!(share("ok") >= 30 && share("syntax_error") <= 5, "the generator is worn out: {endings:?}");
    let after = resident_mib();
    assert!(after < before + GROWTH, "{before} MiB became {after} MiB");
}

#[test]
fn a_seed_is_the_same_script_each_time() {
    for seed in 0..50 {
        let script = grammar::script(seed);
        assert_eq!(script, grammar::script(seed));
        assert!(script.len() > 20 && script != grammar::script(seed + 1));
    }
}
