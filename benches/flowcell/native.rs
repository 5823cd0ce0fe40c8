//! The engine in its sandbox beside a native Boa: the same scripts, each call fresh, least CPU times and their ratio.
//!
//! The native side is `benches/native-boa`, built by `scripts/bench`, which names it in NATIVE_BOA; without it only the
//! sandbox's figures are printed.

#[path = "../native-boa/src/least.rs"]
mod least;

use std::{collections::HashMap, process::Command, time::Duration};

use flowcell::sandbox::JsEngine;

use crate::{PAYLOADS, call, payload};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/scripts");
/// Name, file, payload.
const SET: [(&str, &str, Option<&str>); 5] = [
    ("1+1", "one.js", None),
    ("W1, push-2k.json", "w1.js", Some("push-2k.json")),
    ("fib(22)", "fib.js", None),
    ("300,000 rounds", "loop.js", None),
    ("5,000 objects", "objects.js", None),
];

/// Runs the set on both, in turns, and prints a table.
pub fn compare(engine: &JsEngine, time: Duration) {
    const TURNS: u32 = 3;
    let mut native = HashMap::new();
    let mut ours = [(Duration::MAX, 0); SET.len()];
    for _ in 0..TURNS {
        for (name, spent) in run_native(time / TURNS) {
            native.entry(name).and_modify(|least: &mut Duration| *least = spent.min(*least)).or_insert(spent);
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
    println!(
        "\n{:<20} {:>12} {:>12} {:>8} {:>10}",
        "CPU time of a call", "sandbox us", "native us", "ratio", "k fuel"
    );
    for ((name, ..), (least, fuel)) in SET.iter().zip(ours) {
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        let (theirs, ratio) = match native.get(*name) {
            Some(theirs) => {
                (format!("{:.1}", micros(*theirs)), format!("{:.2}", micros(least) / micros(*theirs)))
            }
            None => ("-".to_owned(), "-".to_owned()),
        };
        println!("{name:<20} {:>12.1} {theirs:>12} {ratio:>8} {:>10}", micros(least), fuel / 1000);
    }
}

/// Times by name; none without the program.
fn run_native(time: Duration) -> Vec<(String, Duration)> {
    let Some(program) = std::env::var_os("NATIVE_BOA") else { return Vec::new() };
    let mut command = Command::new(program);
    command.arg(time.as_millis().to_string());
    for (name, file, body) in SET {
        let data = body.map_or("-".to_owned(), |body| format!("{PAYLOADS}/{body}"));
        command.args([name, &format!("{SCRIPTS}/{file}"), &data]);
    }
    let output = command.output().expect("native-boa starts");
    assert!(output.status.success(), "native-boa: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("it prints text");
    let entry = |line: &str| {
        let (name, nanos) = line.split_once('\t')?;
        Some((name.to_owned(), Duration::from_nanos(nanos.parse().ok()?)))
    };
    text.lines().filter_map(entry).collect()
}
