//! Scripts that wait, are taken up again, and begin from images.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::future::{BoxFuture, FutureExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Call, EngineOptions, Form, JsEngine, Script};
use crate::{
    model::{CallError, CallRecord, ErrorCode, JsonText},
    sandbox::{Conclusion, HostCall, HostServices, Outcome, SandboxError, Share, admission::Kind},
};

/// An engine with these options, from a cache that all tests share.
pub(super) fn load_with(options: EngineOptions) -> JsEngine {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tmp/sandbox-cache");
    JsEngine::load(&EngineOptions { cache: Some(cache), ..options }).unwrap()
}

fn load() -> JsEngine {
    load_with(EngineOptions { slots: 2, ..EngineOptions::default() })
}

/// One engine for all tests of the room.
pub(super) fn engine() -> JsEngine {
    static LOADED: OnceLock<JsEngine> = OnceLock::new();
    LOADED.get_or_init(load).clone()
}

/// A host that echoes `kv.get` keys after as many milliseconds as the key says, and counts what it performed.
#[derive(Default)]
struct Echo {
    performed: Mutex<Vec<String>>,
    recorded: Mutex<Vec<CallRecord>>,
    now_ms: AtomicU64,
}

impl HostServices for Echo {
    fn now_ms(&self) -> u64 {
        self.now_ms.fetch_add(1, Ordering::SeqCst) + 1_000
    }

    fn digest(&self, call: &HostCall) -> [u8; 16] {
        *Sha256::digest(format!("{} {}", call.op, call.args)).first_chunk().unwrap()
    }

    fn perform(&self, call: HostCall) -> BoxFuture<'_, Result<JsonText, CallError>> {
        async move {
            let key = call.args["key"].as_str().unwrap_or_default().to_owned();
            self.performed.lock().unwrap().push(key.clone());
            let ms = key.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(ms)).await;
            if key.starts_with("bad") {
                Err(CallError::new("TypeError", "it is bad").with_code("BAD"))
            } else {
                Ok(JsonText::from_value(&json!({ "value": key })))
            }
        }
        .boxed()
    }

    fn record<'a>(&'a self, records: &'a [CallRecord]) -> BoxFuture<'a, Result<(), SandboxError>> {
        self.recorded.lock().unwrap().extend_from_slice(records);
        futures::future::ready(Ok(())).boxed()
    }
}

fn call(source: &str) -> Call {
    let engine = engine();
    let script = engine.check("test.js", source).unwrap();
    let image = engine.image(&script).unwrap().map(Arc::new);
    Call { image, now_ms: 500, seed: [3; 32], ..Call::of(script) }
}

fn run(call: Call, host: &Echo) -> Outcome {
    run_on(&engine(), call, host)
}

fn run_on(engine: &JsEngine, call: Call, host: &Echo) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(engine.run(call, &Share::of("test"), host)).unwrap()
}

fn output(outcome: Outcome) -> Value {
    outcome.into_result().unwrap_or_else(|error| panic!("{error:?}")).to_value()
}

/// Several results in an order that is not that of the calls, an error, and the clock and randomness in between.
const COURSE: &str = "const out = [Math.random(), Date.now()];\n\
    const slow = kv.get('40 ms'), fast = kv.get('1 ms');\n\
    out.push(await Promise.race([slow, fast]), Date.now());\n\
    try { await kv.get('bad'); } catch (error) { out.push(error.name, error.code, error.message); }\n\
    out.push(await slow, Math.random(), crypto.randomUUID(), Date.now());\n\
    console.log('done');\nreturn out;";

#[test]
fn a_script_that_is_taken_up_at_any_of_its_results_ends_alike_and_repeats_none() {
    let host = Echo::default();
    let whole = run(call(COURSE), &host);
    let (records, performed) = (host.recorded.into_inner().unwrap(), host.performed.into_inner().unwrap());
    assert_eq!((records.len(), performed.len()), (4, 3), "{records:?}");
    assert_eq!(whole.logs.len(), 1);
    let expected = output(whole);
    assert_eq!(expected[2], "1 ms", "the faster one wins: {expected}");
    assert_eq!((&expected[4], &expected[5]), (&json!("TypeError"), &json!("BAD")));
    for cut in 0..=records.len() {
        let host = Echo::default();
        // Its clock goes on where it stood.
        host.now_ms
            .store(records[..cut].last().map_or(0, |last| last.at_ms.saturating_sub(999)), Ordering::SeqCst);
        let outcome = run(Call { history: records[..cut].to_vec(), ..call(COURSE) }, &host);
        assert_eq!(outcome.logs.len(), 1);
        let again = output(outcome);
        let performed = host.performed.into_inner().unwrap();
        assert_eq!(performed.len(), 3 - cut.saturating_sub(1), "after {cut}: {performed:?}");
        for index in [0, 2, 4, 5, 6, 7, 8, 9] {
            assert_eq!(again[index], expected[index], "{index} after {cut}");
        }
        if cut == records.len() {
            assert_eq!(again, expected, "the clock too");
        }
    }
}

#[test]
fn a_script_that_takes_another_course_is_found_out() {
    let host = Echo::default();
    run(call("await kv.get('1 ms'); return kv.get('2 ms');"), &host);
    let history = host.recorded.into_inner().unwrap();
    for source in [
        "await kv.get('other'); return kv.get('2 ms');",
        "await kv.get('1 ms'); return kv.delete('2 ms');",
        "await sleep(1); await kv.get('1 ms');",
    ] {
        let host = Echo::default();
        let error = run(Call { history: history.clone(), ..call(source) }, &host).into_result().unwrap_err();
        assert_eq!(error.code, ErrorCode::ReplayMismatch, "{source}: {error:?}");
        assert!(host.performed.into_inner().unwrap().is_empty(), "{source}");
    }
}

#[test]
fn a_long_sleep_puts_the_script_down_and_a_short_one_does_not() {
    let host = Echo::default();
    let source = "await sleep(20); await Promise.all([kv.get('1 ms'), sleep('3d')]); return 'woke';";
    let outcome = run(call(source), &host);
    let Conclusion::Sleeps(until_ms) = outcome.conclusion else { panic!("{outcome:?}") };
    let slept = 3 * 86_400_000;
    assert!((slept..slept + 5_000).contains(&until_ms), "{until_ms}");
    let history = host.recorded.into_inner().unwrap();
    assert_eq!(host.performed.into_inner().unwrap(), ["1 ms"]);
    let host = Echo::default();
    host.now_ms.store(until_ms, Ordering::SeqCst);
    assert_eq!(output(run(Call { history, ..call(source) }, &host)), "woke");
    assert!(host.performed.into_inner().unwrap().is_empty());
}

#[test]
fn an_instance_that_is_given_up_while_it_waits_is_made_again() {
    // Of its own: other tests have scripts that wait too.
    let engine = load();
    // Others have taken all places for instances that wait.
    let _others: Vec<_> = (0..4)
        .map(|n| {
            let share = Share::of(&format!("other {n}"));
            let turn = engine.admission.turn(&share, Kind::Script, 1 << 20);
            let mut place = futures::executor::block_on(turn).unwrap();
            assert!(place.rest(1 << 20));
            place
        })
        .collect();
    let host = Echo::default();
    let outcome = run_on(&engine, call(COURSE), &host);
    assert_eq!(outcome.logs.len(), 1, "lines are not told twice");
    assert_eq!(host.performed.into_inner().unwrap().len(), 3);
    assert_eq!(output(outcome)[2], "1 ms");
}

#[test]
fn no_run_sees_anything_of_another_one_of_the_same_image() {
    let canary = "export default async function () {\n\
        const seen = [globalThis.canary, Object.prototype.canary, Array.prototype.map.canary, state.canary, JSON.canary, `${regex.lastIndex}`];\n\
        globalThis.canary = Object.prototype.canary = Array.prototype.map.canary = state.canary = JSON.canary = 'seen';\n\
        regex.exec('aaa'); setTimeout(() => {}, 1e6); Promise.resolve().then(() => { state.later = 1; });\n\
        count += 1;\n        return { seen, count, random: Math.random(), now: Date.now(), id: crypto.randomUUID() };\n}\n\
        const state = {}, regex = /a/g; let count = 0;";
    let call = call(canary);
    assert!(call.image.is_some(), "it has an image");
    let first = output(engine().run_blocking(&call).unwrap());
    assert_eq!(first["seen"], json!([null, null, null, null, null, "0"]));
    assert_eq!(output(engine().run_blocking(&call).unwrap()), first, "the same call is the same");
    let other = Call { now_ms: 77, seed: [4; 32], ..call };
    let second = output(engine().run_blocking(&other).unwrap());
    assert_eq!((&second["seen"], &second["count"], &second["now"]), (&first["seen"], &json!(1), &json!(77)));
    assert_ne!((&second["random"], &second["id"]), (&first["random"], &first["id"]));
}

#[test]
fn a_top_level_that_asks_the_host_is_evaluated_in_each_run() {
    let engine = engine();
    let image = |source: &str| {
        let script = engine.check("test.js", source).unwrap();
        engine.image(&script).unwrap().map(|image| image.bytes())
    };
    for source in [
        "const id = Math.random(); export default () => id;",
        "const at = Date.now(); export default () => at;",
        "console.log('once'); export default () => 1;",
        "throw new Error('at once'); export default () => 1;",
        "for (;;) {} export default () => 1;",
    ] {
        assert_eq!(image(source), None, "{source}");
    }
    let small = image("return context.data;").unwrap();
    let table = image(
        "const table = Array.from({ length: 50_000 }, (_, i) => i); export default () => table.length;",
    );
    assert!(small < 300 << 10, "{small}");
    assert!(table.unwrap() > small + (100 << 10), "{table:?}");
}

#[test]
fn what_a_script_may_import_goes_with_it() {
    let script = Script {
        file: "main.js".to_owned(),
        form: Form::Module,
        source: "import { twice } from './lib/twice.js'; export default () => twice(21);".to_owned(),
        modules: vec![("lib/twice.js".to_owned(), "export const twice = n => n * 2;".to_owned())],
        imports: Vec::new(),
    };
    assert_eq!(output(engine().run_blocking(&Call::of(script)).unwrap()), 42);
}
