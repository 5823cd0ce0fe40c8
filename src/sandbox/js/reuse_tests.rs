//! Instances that are put back: nothing of a call is left, and what may not be kept is not.

use std::{
    env,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    sync::Arc,
};

use serde_json::json;

use super::{
    Call, EngineOptions, Form, Hidden, JsEngine, Script,
    tests::load_with,
    written::{PAGE, is_exact},
};
use crate::model::{ByteSize, ErrorCode, Limits};

/// Calls of a script until its instances are kept: the first shows that it is called, the second is kept.
const UNTIL_KEPT: usize = 2;

fn engine() -> JsEngine {
    load_with(EngineOptions { slots: 4, ..EngineOptions::default() })
}

fn call(engine: &JsEngine, source: &str) -> Call {
    let script = engine.check("test.js", source).unwrap();
    with_image(engine, script)
}

fn with_image(engine: &JsEngine, script: Script) -> Call {
    let image = engine.image(&script).unwrap().map(Arc::new);
    let context =
        r#"{"data":{"list":[1,2,{"a":"b"}],"ref":"refs/heads/main"},"headers":{},"query":{}}"#.into();
    let raw_body = b"{\"list\":[]}".as_slice().into();
    Call { image, context, raw_body, now_ms: 500, seed: [3; 32], ..Call::of(script) }
}

/// How many instances of the call's script are kept. Each of them has to be, byte for byte, what a fresh one is with the image.
fn kept(engine: &JsEngine, call: &Call) -> usize {
    let Some(image) = &call.image else { return 0 };
    let mut fresh = engine.visit(&Limits::CAP, 0, [0; 32]).unwrap();
    assert!(fresh.prepare(&call.script, Some(image)).is_ok());
    let Ok(expected) = fresh.memory() else { panic!("it has a memory") };
    let mut count = 0;
    engine.kept.as_ref().unwrap().each_of(image.home.as_ref().unwrap().id, |bytes, written| {
        count += 1;
        let page = |memory: &'_ [u8], number: usize| memory[number * PAGE..][..PAGE].to_vec();
        let differs =
            looked_at(bytes, written).find(|number| page(bytes, *number) != page(expected, *number));
        assert_eq!((bytes.len(), differs), (expected.len(), None), "{}", call.script.source);
    });
    count
}

/// The pages that a test reads: all of them. A kernel that cannot tell a page that was read from one that was written to would count
/// them all as written then, so there it is those that were.
fn looked_at(bytes: &[u8], written: &[usize]) -> impl Iterator<Item = usize> {
    let all = if is_exact() { 0..bytes.len() / PAGE } else { 0..0 };
    all.chain(written.to_vec())
}

fn often(engine: &JsEngine, call: &Call) -> Vec<Result<String, ErrorCode>> {
    (0..5)
        .map(|_| {
            let outcome = engine.run_blocking(call).unwrap();
            kept(engine, call);
            outcome.into_result().map(|output| output.as_str().to_owned()).map_err(|error| error.code)
        })
        .collect()
}

#[test]
fn an_instance_that_was_put_back_is_byte_for_byte_a_fresh_one() {
    let engine = engine();
    for source in [
        "return 1",
        "return context.data.list.map(item => item.a).filter(Boolean)",
        "globalThis.canary = Object.prototype.canary = 'x'.repeat(5000); return Object.keys(globalThis).length",
        "const all = []; for (let i = 0; i < 5000; i++) all.push({ i, text: `${i}` }); return all.length",
        "const map = new Map(); for (let i = 0; i < 999; i++) map.set(`k${i}`, [i]); return [...map.keys()].join()",
        "Object.freeze(Object.prototype); Array.prototype.map = null; JSON.stringify = null; return 1",
        "const ref = new WeakRef({}); new FinalizationRegistry(() => {}).register({}, 1); return typeof ref.deref()",
        "return [...'aXbXc'.matchAll(/x/gi)].length + 'é'.normalize('NFD').length",
        "return Array.from(crypto.getRandomValues(new Uint8Array(64))).join() + crypto.randomUUID()",
        "function* g() { try { yield 1; yield 2 } finally { globalThis.left = 1 } } for (const x of g()) return x",
        "await Promise.allSettled([Promise.reject(new Error('a')), 1]); return new Proxy({}, {}).x ?? 'none'",
        "const f = n => n < 2 ? n : f(n - 1) + f(n - 2); return f(12)",
        "const deep = n => n ? [deep(n - 1)] : []; return JSON.stringify(deep(200)).length",
        "return new Intl.NumberFormat('de').format(1234.5) + new Date(0).toLocaleString('zh-CN', { timeZone: 'Asia/Tokyo' })",
        "console.log('a'.repeat(3000)); console.error(new Error('x')); return structuredClone({ a: [new Date(0)] })",
        "return eval('1 + 1') + new Function('return 40')()",
        "setTimeout(() => { globalThis.later = 1 }, 0); return 'timer'",
    ] {
        let call = call(&engine, source);
        let results = often(&engine, &call);
        assert!(
            results.iter().all(|result| *result == results[0] && result.is_ok()),
            "{source}: {results:?}"
        );
        let keeps = !source.starts_with("const all");
        assert!(kept(&engine, &call) > 0 || !keeps, "{source}");
    }
}

#[test]
fn the_usage_of_a_call_does_not_tell_whether_its_instance_was_kept() {
    let engine = engine();
    let call = call(&engine, "return context.data.list.map(item => JSON.stringify(item)).join()");
    let usages: Vec<_> = (0..6)
        .map(|_| {
            let usage = engine.run_blocking(&call).unwrap().usage;
            (usage.fuel, usage.peak_memory, usage.bytes_in, usage.bytes_out, usage.host_calls)
        })
        .collect();
    assert_eq!(kept(&engine, &call), 1);
    assert!(usages.iter().all(|usage| *usage == usages[0]), "{usages:?}");
}

#[test]
fn no_byte_of_what_a_call_was_given_or_made_is_left() {
    let engine = engine();
    let canaries =
        ["CANARY-context", "CANARY-raw-body", "CANARY-secret", "CANARY-env", "CANARY-steps", "CANARY-made"];
    let source = "const made = ['CANARY', 'made'].join('-'); globalThis.all = [made, context, secrets, env, steps];\n\
        return JSON.stringify(globalThis.all).length + context.rawBody.toString().length";
    let call = Call {
        context: json!({ "data": canaries[0] }).to_string().into(),
        raw_body: canaries[1].as_bytes().into(),
        secrets: Hidden(json!({ "key": canaries[2] }).to_string()),
        env: json!({ "name": canaries[3] }).to_string().into(),
        steps: json!({ "before": { "output": canaries[4] } }).to_string(),
        ..call(&engine, source)
    };
    let results = often(&engine, &call);
    assert!(results.iter().all(Result::is_ok), "{results:?}");
    let image = call.image.as_ref().unwrap().home.as_ref().unwrap().id;
    let mut looked = 0;
    engine.kept.as_ref().unwrap().each_of(image, |bytes, written| {
        looked += 1;
        let narrow = b"CANARY-".to_vec();
        let wide: Vec<u8> = "CANARY-".encode_utf16().flat_map(u16::to_le_bytes).collect();
        for number in looked_at(bytes, written) {
            let page = &bytes[number * PAGE..][..PAGE];
            for (at, _) in page.iter().enumerate().filter(|(_, byte)| **byte == b'C') {
                assert!(!page[at..].starts_with(&narrow) && !page[at..].starts_with(&wide), "page {number}");
            }
        }
    });
    assert_eq!(looked, 1);
    // Another caller of the same script sees nothing of it, whatever it is given.
    let other = Call { context: "{}".into(), secrets: Hidden::default(), steps: "{}".to_owned(), ..call };
    assert_eq!(engine.run_blocking(&other).unwrap().into_result().unwrap().as_str(), {
        let fresh = load_with(EngineOptions { slots: 4, reuse: false, ..EngineOptions::default() });
        fresh
            .run_blocking(&Call { image: None, ..other.clone() })
            .unwrap()
            .into_result()
            .unwrap()
            .as_str()
            .to_owned()
    });
}

#[test]
fn an_instance_that_trapped_failed_met_a_limit_or_grew_its_memory_is_thrown_away() {
    let engine = engine();
    for (source, limits, code) in [
        (
            "if (!context.fails) return 1; throw new Error('no')",
            Limits::DEFAULT,
            Some(ErrorCode::ScriptError),
        ),
        (
            "if (!context.fails) return 1; for (;;);",
            Limits { fuel: 50_000_000, ..Limits::DEFAULT },
            Some(ErrorCode::FuelExhausted),
        ),
        (
            "if (!context.fails) return 1; const a = []; for (;;) a.push(new ArrayBuffer(1 << 20))",
            Limits::DEFAULT,
            Some(ErrorCode::MemoryLimit),
        ),
        (
            "return 'x'.repeat(context.fails ? 5000 : 1)",
            Limits { output: ByteSize::from_bytes(1 << 10), ..Limits::DEFAULT },
            Some(ErrorCode::OutputTooLarge),
        ),
        ("if (context.fails) globalThis.held = new ArrayBuffer(4 << 20); return 1", Limits::DEFAULT, None),
        (
            "if (!context.fails) return 1; await new Promise(() => {})",
            Limits::DEFAULT,
            Some(ErrorCode::PromiseNeverSettled),
        ),
    ] {
        // On a busy machine too, it is not the time that ends it.
        let limits = Limits { timeout: Limits::CAP.timeout, ..limits };
        let good = Call { limits, ..call(&engine, source) };
        for _ in 0..UNTIL_KEPT {
            engine.run_blocking(&good).unwrap().into_result().unwrap();
        }
        assert_eq!(kept(&engine, &good), 1, "{source}");
        let bad = Call { context: r#"{"fails":true}"#.into(), ..good.clone() };
        let ended = engine.run_blocking(&bad).unwrap().into_result();
        assert_eq!(ended.as_ref().err().map(|error| error.code), code, "{source}: {ended:?}");
        assert_eq!(kept(&engine, &good), 0, "{source}");
        engine.run_blocking(&good).unwrap().into_result().unwrap();
        assert_eq!(kept(&engine, &good), 1, "{source}");
    }
}

#[test]
fn instances_go_with_their_image_and_stay_within_their_number() {
    let engine = load_with(EngineOptions { slots: 1, ..EngineOptions::default() });
    let calls: Vec<_> = (0..4).map(|n| call(&engine, &format!("return {n}"))).collect();
    for _ in 0..8 {
        for call in &calls {
            engine.run_blocking(call).unwrap().into_result().unwrap();
        }
    }
    // Two instances may be kept for one slot: four scripts in turns do not drive out each other's.
    let all: Vec<_> = calls.iter().map(|call| kept(&engine, call)).collect();
    assert!(all.iter().sum::<usize>() <= 2, "{all:?}");
    for _ in 0..3 {
        engine.run_blocking(&calls[0]).unwrap().into_result().unwrap();
    }
    assert_eq!(kept(&engine, &calls[0]), 1);
    let count = || engine.kept.as_ref().unwrap().len();
    let before = count();
    drop(calls);
    assert_eq!((before > 0, count()), (true, 0));
}

#[test]
fn nothing_is_kept_where_the_setting_says_so() {
    let engine = load_with(EngineOptions { slots: 1, reuse: false, ..EngineOptions::default() });
    let call = call(&engine, "return 1");
    for _ in 0..4 {
        engine.run_blocking(&call).unwrap().into_result().unwrap();
    }
    assert!(engine.kept.is_none() && call.image.unwrap().home.is_none());
}

/// As many as one likes: REUSE_PROGRAMS=10000.
#[test]
fn generated_programs_leave_no_byte_behind() {
    let count = env::var("REUSE_PROGRAMS").unwrap_or_else(|_| "60".to_owned());
    let made = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/it/differential/make.mjs");
    let mut node = Command::new("node");
    let mut node = node.args([made, "0", &count]).stdout(Stdio::piped()).spawn().expect("node is needed");
    let engine = engine();
    let mut keeps = 0;
    for line in BufReader::new(node.stdout.take().unwrap()).lines() {
        let program: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
        let source = program["source"].as_str().unwrap().to_owned();
        let (file, imports) = (format!("{}.js", program["id"]), Vec::new());
        let script = Script { file, form: Form::Body, source, modules: Vec::new(), imports };
        let call = Call { limits: Limits::CAP, ..with_image(&engine, script) };
        let results: Vec<_> = (0..4)
            .map(|_| {
                let outcome = engine.run_blocking(&call).unwrap();
                keeps += kept(&engine, &call);
                outcome.into_result().map(|output| output.as_str().to_owned()).map_err(|error| error.code)
            })
            .collect();
        assert!(results.iter().all(|result| *result == results[0]), "{}: {results:?}", program["id"]);
    }
    assert!(node.wait().unwrap().success());
    assert!(keeps > count.parse::<usize>().unwrap(), "{keeps} instances were kept");
}
