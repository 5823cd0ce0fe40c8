//! The engine in its sandbox beside a native Boa and beside QuickJS in WebAssembly: the same scripts, each call fresh, least CPU times and
//! their ratios.
//!
//! The others are `benches/native-boa` and `benches/quickjs`. `scripts/bench` builds them and names them in NATIVE_BOA and QUICKJS, the
//! folder of its modules; without them only the sandbox's figures are printed.

#[path = "../native-boa/src/least.rs"]
mod least;

use std::{collections::HashMap, process::Command, time::Duration};

use flowcell::sandbox::JsEngine;

use crate::{PAYLOADS, call, payload};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/scripts");
/// Name, file, payload.
const SET: [(&str, &str, Option<&str>); 8] = [
    ("1+1", "one.js", None),
    ("W1, push-2k.json", "w1.js", Some("push-2k.json")),
    ("fib(22)", "fib.js", None),
    ("300,000 rounds", "loop.js", None),
    ("5,000 objects", "objects.js", None),
    ("a sort of 3,000", "sort.js", None),
    ("a transform of JSON", "transform.js", Some("push-2k.json")),
    ("a text of 20,000 parts", "text.js", None),
];

/// The engines beside ours: the heading of their column, and how they are started.
fn others() -> Vec<(&'static str, Command)> {
    let mut others = Vec::new();
    if let Some(program) = std::env::var_os("NATIVE_BOA") {
        others.push(("native", Command::new(program)));
    }
    if let Some(modules) = std::env::var_os("QUICKJS") {
        let mut command = Command::new("node");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/quickjs/run.cjs")).arg(modules);
        others.push(("QuickJS", command));
    }
    others
}

/// Runs the set on all of them, in turns, and prints a table.
pub fn compare(engine: &JsEngine, time: Duration) {
    const TURNS: u32 = 3;
    let mut theirs: Vec<HashMap<String, Duration>> = others().iter().map(|_| HashMap::new()).collect();
    let mut ours = [(Duration::MAX, 0); SET.len()];
    for _ in 0..TURNS {
        for ((name, command), least) in others().into_iter().zip(&mut theirs) {
            for (script, spent) in run_other(name, command, time / TURNS) {
                least.entry(script).and_modify(|least| *least = spent.min(*least)).or_insert(spent);
            }
        }
        for ((_, file, body), (least, fuel)) in SET.iter().zip(&mut ours) {
            let source =
                std::fs::read_to_string(format!("{SCRIPTS}/{file}")).expect("the scripts are committed");
            let call = call(engine, &source, &body.map(payload).unwrap_or_default());
            let spent = least::least(time / TURNS, || {
                let outcome = engine.run_blocking(&call).expect("the sandbox serves");
                *fuel = outcome.usage.fuel;
                outcome.into_result().expect("the script succeeds");
            });
            *least = spent.min(*least);
        }
    }
    print!("\n{:<22} {:>12} {:>10}", "CPU time of a call", "sandbox us", "k fuel");
    for (name, _) in others() {
        print!(" {:>12} {:>6}", format!("{name} us"), "ratio");
    }
    println!();
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    for ((name, ..), (least, fuel)) in SET.iter().zip(ours) {
        print!("{name:<22} {:>12.1} {:>10}", micros(least), fuel / 1000);
        for theirs in &theirs {
            let spent = micros(theirs[*name]);
            print!(" {spent:>12.1} {:>6.2}", micros(least) / spent);
        }
        println!();
    }
}

/// Times by name.
fn run_other(engine: &str, mut command: Command, time: Duration) -> Vec<(String, Duration)> {
    command.arg(time.as_millis().to_string());
    for (name, file, body) in SET {
        let data = body.map_or("-".to_owned(), |body| format!("{PAYLOADS}/{body}"));
        command.args([name, &format!("{SCRIPTS}/{file}"), &data]);
    }
    let output = command.output().expect("the engine beside ours starts");
    assert!(output.status.success(), "{engine}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("it prints text");
    let entry = |line: &str| {
        let (name, nanos) = line.split_once('\t')?;
        Some((name.to_owned(), Duration::from_nanos(nanos.parse().ok()?)))
    };
    text.lines().filter_map(entry).collect()
}
