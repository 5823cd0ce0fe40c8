//! Every built-in function that a script can reach, called with hostile receivers and arguments: none stops the engine.
//!
//! `built_ins.js` does the calls, one built-in a run. `FLOWCELL_SCRIPTS_FROM=7` rolls other arguments.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use flowcell::{
    model::Limits,
    sandbox::{Image, JsEngine, Outcome, Script},
};
use serde_json::{Value, json};

use super::{ALLOWED, KNOWN, call, engine, from_env, limits};

/// Of the calls of one built-in.
const FUEL: u64 = 60_000_000;

/// The script with its image, in which the modules that it names have run already.
struct Ready {
    script: Arc<Script>,
    image: Arc<Image>,
}

fn outcome(engine: &JsEngine, ready: &Ready, data: Value, fuel: u64) -> Outcome {
    let mut call = call(Arc::clone(&ready.script), 7);
    call.image = Some(Arc::clone(&ready.image));
    call.context = json!({ "data": data }).to_string().into();
    call.limits = Limits { fuel, ..limits() };
    engine.run_blocking(&call).expect("the sandbox serves")
}

/// A dotted name for people.
fn title(path: &Value) -> String {
    let parts = path.as_array().unwrap().iter().map(|part| {
        let (name, kind) = (part[0].as_str().unwrap(), part[1].as_str().unwrap());
        if kind == "value" { name.to_owned() } else { format!("{kind} {name}") }
    });
    parts.collect::<Vec<_>>().join(".")
}

#[test]
fn every_built_in_takes_hostile_values() {
    let engine = engine();
    let script = Arc::new(engine.check("built_ins.js", include_str!("built_ins.js")).unwrap());
    let image = Arc::new(engine.image(&script).expect("the sandbox serves").expect("it has an image"));
    let ready = Ready { script, image };
    let salt = from_env::<u64>("FLOWCELL_SCRIPTS_FROM").unwrap_or(0);
    let paths = outcome(&engine, &ready, json!({ "path": null }), 5_000_000_000).into_result().unwrap();
    let paths: Vec<Value> = serde_json::from_str(paths.as_str()).unwrap();
    assert!(paths.len() > 600, "{} built-ins", paths.len());
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let endings = Mutex::new(BTreeMap::<&str, usize>::new());
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, |count| count.get().min(8)) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::SeqCst);
                    let Some(path) = paths.get(at) else { break };
                    let salt = (salt * 7_919 + at as u64) % (1 << 32);
                    let data = |loud: bool| json!({ "path": path, "salt": salt, "loud": loud });
                    let ending = match outcome(&engine, &ready, data(false), FUEL).into_result() {
                        Ok(_) => "ok",
                        Err(error) if ALLOWED.contains(&error.code) => error.code.as_str(),
                        Err(error) if KNOWN.iter().any(|known| error.message.contains(known)) => {
                            println!("known defect: {}: {}", title(path), error.message.replace('\n', " "));
                            "known defect"
                        }
                        Err(error) => {
                            let logs = outcome(&engine, &ready, data(true), FUEL).logs;
                            let last = logs.last().map_or("", |line| line.text.as_str());
                            let what = format!("{}: {} at {last}", title(path), error.message);
                            wrong.lock().unwrap().push(what);
                            continue;
                        }
                    };
                    *endings.lock().unwrap().entry(ending).or_default() += 1;
                }
            });
        }
    });
    let (endings, wrong) = (endings.into_inner().unwrap(), wrong.into_inner().unwrap());
    println!("{} built-ins: {endings:?}", paths.len());
    assert!(wrong.is_empty(), "{} built-ins:\n{}", wrong.len(), wrong.join("\n"));
    assert!(endings["ok"] * 2 > paths.len(), "too few ended their rounds: {endings:?}");
}
