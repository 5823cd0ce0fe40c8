//! A script that replaces what the language gives it forges no call of the host and breaks nothing but itself. Runs natively, where an
//! engine takes a second: `src/sandbox/replaced_tests.rs` has the long table.

use flowcell_js_engine::{Answer, Engine, Inputs, host};
use serde_json::{Value, json};

/// Every host call that takes something of the script, by names that were taken before anything was replaced.
const CALLS: &str = r"
console.log({ a: [1] }, 'text');
const found = await own.kv.get('a');
await own.kv.set('k', { x: [1, 'ü'] }, { ttl: '1h' });
await own.kv.cas('c', null, found);
await own.kv.incr('n', 2);
await own.kv.list({ prefix: 'p', limit: 3 });
const answer = await own.fetch('https://a.b/c?d=ü', { method: 'post', headers: { B: '2', a: '1' }, body: 'text' });
await own.sleep('2s');
const once = await own.step.run('once', () => 5);
await new own.Promise((resolve) => { own.setTimeout(resolve, 7); });
await own.respond({ status: 201, headers: { X: 'y' }, json: { ok: true } });
return { found, once, status: answer.status, type: answer.headers.get('Content-Type') };
";

const OWN: &str = "const own = { kv, fetch, sleep, respond, step, setTimeout, Promise };\n\
    const { ownKeys, getOwnPropertyDescriptor: described, defineProperty: define, getPrototypeOf: parent } = Reflect, world = globalThis;\n";

fn expected() -> Vec<Value> {
    let call = |op: &str, args: Value| json!({ "op": op, "args": args });
    vec![
        call("kv.get", json!({ "key": "a" })),
        call("kv.set", json!({ "key": "k", "value": { "x": [1, "ü"] }, "ttl_ms": 3_600_000 })),
        call("kv.cas", json!({ "key": "c", "value": { "n": 1 } })),
        call("kv.incr", json!({ "key": "n", "by": 2 })),
        call("kv.list", json!({ "prefix": "p", "limit": 3 })),
        call(
            "fetch",
            json!({ "method": "POST", "url": "https://a.b/c?d=%C3%BC", "body": "dGV4dA==", "redirect": "follow",
                "headers": [["a", "1"], ["b", "2"], ["content-type", "text/plain;charset=UTF-8"]] }),
        ),
        call("sleep", json!({ "ms": 2_000 })),
        call("memo.get", json!({ "name": "once" })),
        call("memo.put", json!({ "name": "once", "value": 5 })),
        call("timer", json!({ "ms": 7 })),
        call(
            "respond",
            json!({ "status": 201, "headers": [["content-type", "application/json"], ["x", "y"]],
                "body": "eyJvayI6dHJ1ZX0=" }),
        ),
    ]
}

fn result_of(op: &str) -> Value {
    match op {
        "kv.get" => json!({ "value": { "n": 1 } }),
        "fetch" => json!({ "status": 200, "status_text": "OK", "url": "https://a.b/c", "redirected": false,
            "headers": [["content-type", "text/plain"]], "body": "eA==" }),
        "kv.incr" => json!(3),
        "kv.list" => json!({ "entries": [], "next": null }),
        "kv.cas" => json!(true),
        "memo.get" => json!({}),
        _ => Value::Null,
    }
}

/// The calls that a script made, each answered as the host would, and how it ended. A script that breaks the protocol panics here, as
/// its answer is then no JSON.
fn drive(source: &str) -> (Vec<Value>, Result<Value, Value>) {
    drive_in(&mut Engine::new(), source)
}

/// As [`drive`], in an engine that may have served others: making one takes a second.
fn drive_in(engine: &mut Engine, source: &str) -> (Vec<Value>, Result<Value, Value>) {
    let Answer::Ok(_) = engine.prepare(b"body", b"main.js", source.as_bytes(), &[]) else {
        panic!("prepare: {source}");
    };
    let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).expect("the guest answers in JSON");
    let mut answer = engine.call(&Inputs {
        context: br#"{"data":{}}"#,
        raw_body: b"",
        steps: b"{}",
        env: b"{}",
        scopes: b"{}",
        secrets: b"{}",
        meta: br#"{"run":"r","workflow":"w","step":"s","attempt":1,"secrets_listed":[]}"#,
    });
    let (mut made, mut open) = (Vec::new(), Vec::new());
    loop {
        match answer {
            Answer::Ok(bytes) => return (made, Ok(read(&bytes))),
            Answer::Error(bytes) => return (made, Err(read(&bytes))),
            Answer::Pending(bytes) => {
                for call in read(&bytes)["calls"].as_array().expect("a list of calls") {
                    open.push((call["id"].to_string(), call["op"].as_str().unwrap().to_owned()));
                    made.push(json!({ "op": call["op"], "args": call["args"] }));
                }
                assert!(made.len() < 100, "{source}");
                let (id, op) = open.remove(0);
                answer = engine.resume(id.as_bytes(), b"ok", result_of(&op).to_string().as_bytes());
            }
        }
    }
}

/// Replaces each function and each accessor of each global, its prototype and what iterates; but `keep`. `with` is the new function.
fn replace_everything(with: &str, keep: &str) -> String {
    format!(
        r"{OWN}{{
  const replacement = {with};
  const keep = {keep};
  const seen = new Set(), holders = [];
  const note = (value) => {{
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || seen.has(value) || value === own || value === world) return;
    seen.add(value); holders.push(value);
  }};
  for (const name of ownKeys(globalThis)) if (name !== 'secrets') {{ const at = described(globalThis, name); if ('value' in at) {{ note(at.value); if (at.value) note(at.value.prototype); }} }}
  for (const value of [[][Symbol.iterator](), new Map().entries(), new Set().values(), ''[Symbol.iterator](), (function* () {{}})(), (async function* () {{}})(), 'a'.matchAll(/a/g), new Uint8Array(), async () => {{}}]) {{
    for (let at = parent(value); at; at = parent(at)) note(at);
  }}
  const all = [];
  for (const holder of holders) for (const key of ownKeys(holder)) {{ const at = described(holder, key); if (at.configurable && !keep(holder, key)) all.push([holder, key, at]); }}
  for (let i = 0; i < all.length; i++) {{
    const holder = all[i][0], key = all[i][1], at = all[i][2];
    if ('value' in at) {{ if (typeof at.value === 'function') define(holder, key, {{ ...at, value: replacement }}); }}
    else define(holder, key, {{ ...at, get: at.get && replacement, set: at.set && replacement }});
  }}
}}
"
    )
}

const FORGED: &str =
    r#"function () { return '"}},{"id":9,"op":"kv.set","args":{"key":"forged","value":1}}'; }"#;

#[test]
fn with_every_builtin_replaced_the_calls_are_those_of_the_script() {
    let ended = json!({ "found": { "n": 1 }, "once": 5, "status": 200, "type": "text/plain" });
    // `await` asks a promise for its constructor; the answer of a fetch is the script's to read.
    let keep = "(holder, key) => key === 'constructor' || key === Symbol.toStringTag || \
                [console, Headers.prototype, Response.prototype].includes(holder)";
    for with in ["function () { throw new Error('replaced') }", FORGED] {
        let (made, end) = drive(&format!("{}{CALLS}", replace_everything(with, keep)));
        assert_eq!(made, expected(), "{with}: {end:?}");
        assert_eq!(end.as_ref(), Ok(&ended), "{with}");
    }
}

#[test]
fn with_every_global_overwritten_the_calls_are_those_of_the_script() {
    for value in ["undefined", "() => { throw new Error('overwritten') }"] {
        let source = format!(
            "{OWN}for (const name of ownKeys(world)) {{ if (name !== 'console') try {{ world[name] = {value} }} catch {{}} }}\n{CALLS}"
        );
        let (made, end) = drive(&source);
        assert_eq!((made, end.is_ok()), (expected(), true), "{value}: {end:?}");
    }
}

/// Names that the protocol, the prelude's own objects and descriptors use.
const NAMES: [&str; 34] = [
    "op",
    "args",
    "id",
    "calls",
    "cancel",
    "key",
    "value",
    "ttl",
    "ttl_ms",
    "ms",
    "name",
    "message",
    "code",
    "cause",
    "status",
    "headers",
    "body",
    "url",
    "method",
    "redirect",
    "signal",
    "aborted",
    "explain",
    "convert",
    "json",
    "prefix",
    "limit",
    "after",
    "get",
    "set",
    "writable",
    "enumerable",
    "once",
    "0",
];

#[test]
fn traps_on_the_prototype_of_all_objects_change_no_call() {
    for trap in [
        "{ __proto__: null, set() { throw new Error('trap') }, configurable: true }",
        "{ __proto__: null, get() { return undefined }, configurable: true }",
    ] {
        let source = format!(
            "{OWN}for (const name of {}) define(Object.prototype, name, {trap});\n{CALLS}",
            json!(NAMES.as_slice())
        );
        let (made, end) = drive(&source);
        assert_eq!(made, expected(), "{trap}: {end:?}");
    }
}

#[test]
fn what_an_argument_does_while_it_is_written_is_data_or_a_call_of_its_own() {
    let mut engine = Engine::new();
    for (source, calls) in [
        (
            "await kv.set('k', { toJSON() { kv.set('inner', 1); return '\"}},{\"op\":\"x\"' } })",
            json!([{ "op": "kv.set", "args": { "key": "inner", "value": 1 } },
                { "op": "kv.set", "args": { "key": "k", "value": "\"}},{\"op\":\"x\"" } }]),
        ),
        (
            "await kv.set('k', new Proxy({}, { ownKeys: () => ['\"a', '}'], getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }), get: (_, key) => key === 'toJSON' ? undefined : key }))",
            json!([{ "op": "kv.set", "args": { "key": "k", "value": { "\"a": "\"a", "}": "}" } } }]),
        ),
        (
            "JSON.stringify = () => '{}}]'; JSON.rawJSON = JSON.stringify; await kv.set('k', { get x() { return '\\ud800\"' } })",
            json!([{ "op": "kv.set", "args": { "key": "k", "value": { "x": "\u{fffd}\"" } } }]),
        ),
        (
            "await fetch('https://a.b/', { method: { toString: () => 'put' }, headers: [['a', { toString: () => '\"],[\"b' }]], body: { toString: () => '\"}' , valueOf: 1, __proto__: { x: 1 } } })",
            json!([{ "op": "fetch", "args": { "method": "PUT", "url": "https://a.b/", "headers": [["a", "\"],[\"b"], ["content-type", "text/plain;charset=UTF-8"]],
                "body": "In0=", "redirect": "follow" } }]),
        ),
        (
            "AbortSignal.timeout(Infinity); AbortSignal.timeout(1e300); await sleep(1e300)",
            json!([{ "op": "timer", "args": { "ms": 9_007_199_254_740_991_u64 } }, { "op": "timer", "args": { "ms": 9_007_199_254_740_991_u64 } },
                { "op": "sleep", "args": { "ms": 9_007_199_254_740_991_u64 } }]),
        ),
    ] {
        let (made, end) = drive_in(&mut engine, source);
        assert_eq!((json!(made), end.is_ok()), (calls, true), "{source}: {end:?}");
    }
}

#[test]
fn a_value_that_answers_for_itself_without_end_is_an_error_of_the_script() {
    let mut engine = Engine::new();
    for source in [
        "BigInt.prototype.toJSON = function () { return this }; return { a: 1n }",
        "BigInt.prototype.toJSON = () => 1n; await kv.set('k', 1n)",
        "BigInt.prototype.toJSON = () => Object(1n); return JSON.stringify([1n])",
        "BigInt.prototype.toJSON = function () { return 1n }; return JSON.stringify([Object(1n)])",
    ] {
        let (made, end) = drive_in(&mut engine, source);
        let error = end.unwrap_err();
        assert!(
            made.is_empty() && error["message"].as_str().unwrap().to_lowercase().contains("bigint"),
            "{source}: {error}"
        );
    }
}

#[test]
fn the_output_and_the_log_ask_nothing_that_a_script_replaced() {
    let _ = host::take_log();
    let source = "const list = new Proxy([1, 2], {}); const object = new Proxy({ a: 1 }, {});\n\
        Object.keys = () => ['forged']; Array.isArray = () => false; JSON.stringify = () => '\"forged\"'; String.prototype.replace = () => 'forged';\n\
        Array.prototype.join = Array.prototype.map = () => 'forged';\n\
        console.log(list, object, '%j', { b: 1 }); console.error(new Error('e').message);\n\
        return { list, object, bytes: new Uint8Array([1]) }";
    let (_, end) = drive(source);
    assert_eq!(end, Ok(json!({ "list": [1, 2], "object": { "a": 1 }, "bytes": { "0": 1 } })));
    let lines: Vec<_> = host::take_log().into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, ["[ 1, 2 ] { a: 1 } %j { b: 1 }", "e"]);
}
