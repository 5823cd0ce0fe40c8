//! Scripts that replace what the language gives them: no call reaches the host that the script's own text did not make, and what a script
//! breaks is its own error, never the engine's. The long table; the guest's own tests replace everything at once.

use std::sync::Mutex;

use futures::future::{BoxFuture, FutureExt};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Call, tests::engine};
use crate::{
    model::{CallError, CallRecord, ErrorCode, JsonText, Limits, RunError},
    sandbox::{HostCall, HostServices, SandboxError, Share},
};

/// Takes down what it is asked for.
#[derive(Default)]
struct Host(Mutex<Vec<Value>>);

impl HostServices for Host {
    fn now_ms(&self) -> u64 {
        1_000
    }

    fn digest(&self, call: &HostCall) -> [u8; 16] {
        *Sha256::digest(format!("{} {}", call.op, call.args)).first_chunk().unwrap()
    }

    fn perform(&self, call: HostCall) -> BoxFuture<'_, Result<JsonText, CallError>> {
        let result = match call.op.as_str() {
            "kv.get" => json!({ "value": { "n": 1 } }),
            "memo.get" => json!({}),
            _ => Value::Null,
        };
        self.0.lock().unwrap().push(json!([call.op, call.args]));
        futures::future::ready(Ok(JsonText::from_value(&result))).boxed()
    }

    fn record<'a>(&'a self, _: &'a [CallRecord]) -> BoxFuture<'a, Result<(), SandboxError>> {
        futures::future::ready(Ok(())).boxed()
    }
}

/// What every script does after its attack, by names that it took before.
const CALLS: &str = "const found = await own.kv.get('a');\n\
    await own.kv.set('k', { x: [1, 'ü'] }, { ttl: '1h' });\n\
    const once = await own.step.run('once', () => 5);\n\
    await own.respond({ status: 201, headers: { X: 'y' }, json: { ok: true } });\n\
    return { found, once };";

const OWN: &str = "const own = { kv, respond, step }, define = Object.defineProperty, world = globalThis;\n";

fn expected() -> Vec<Value> {
    vec![
        json!(["kv.get", { "key": "a" }]),
        json!(["kv.set", { "key": "k", "value": { "x": [1, "ü"] }, "ttl_ms": 3_600_000 }]),
        json!(["memo.get", { "name": "once" }]),
        json!(["memo.put", { "name": "once", "value": 5 }]),
        json!(["respond", { "status": 201, "headers": [["content-type", "application/json"], ["x", "y"]],
            "body": "eyJvayI6dHJ1ZX0=" }]),
    ]
}

/// The calls that reached the host, and the end.
fn drive(source: &str) -> (Vec<Value>, Result<Value, RunError>) {
    let engine = engine();
    let script = engine.check("test.js", source).unwrap_or_else(|error| panic!("{error:?}: {source}"));
    // What loops for ever by its own doing ends soon.
    let limits = Limits { fuel: 300_000_000, calls: 50, ..Limits::DEFAULT };
    let call = Call { limits, now_ms: 500, seed: [3; 32], ..Call::of(script) };
    let host = Host::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let outcome = runtime.block_on(engine.run(call, &Share::of("test"), &host)).unwrap();
    (host.0.into_inner().unwrap(), outcome.into_result().map(|output| output.to_value()))
}

/// Whether no call is there that the script did not make, or twice; a script that breaks its promises makes them in another order.
fn are_its_own(made: &[Value]) -> bool {
    let mut left: Vec<_> = expected().iter().map(|call| call[0].clone()).collect();
    made.iter().all(|call| match left.iter().position(|op| *op == call[0]) {
        Some(at) => {
            left.remove(at);
            true
        }
        None => false,
    })
}

/// The script's own errors, and limits that it ran into.
fn is_its_own(error: &RunError) -> bool {
    matches!(
        error.code,
        ErrorCode::ScriptError
            | ErrorCode::PromiseNeverSettled
            | ErrorCode::OutputInvalid
            | ErrorCode::StackOverflow
            | ErrorCode::FuelExhausted
            | ErrorCode::MemoryLimit
            | ErrorCode::TooManyCalls
            | ErrorCode::Timeout
    )
}

/// Names that the protocol, the prelude's own objects and descriptors use.
const NAMES: [&str; 40] = [
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
    "configurable",
    "once",
    "is",
    "length",
    "0",
    "1",
    "done",
    "next",
];

#[test]
fn traps_on_the_prototype_of_all_objects_change_no_call() {
    for name in NAMES {
        for trap in [
            "{ __proto__: null, get() { return undefined }, set() {}, configurable: true }",
            "{ __proto__: null, set() { throw new Error('trap') }, configurable: true }",
            "{ __proto__: null, value: undefined, writable: false, configurable: true }",
        ] {
            let (made, end) = drive(&format!("{OWN}define(Object.prototype, '{name}', {trap});\n{CALLS}"));
            assert_eq!(made, expected(), "{name} {trap}: {end:?}");
        }
    }
}

#[test]
fn what_is_inherited_forges_no_call() {
    for name in NAMES.into_iter().chain(["then", "toJSON", "toString", "valueOf", "constructor", "__proto__"])
    {
        for value in [
            "'forged'",
            "{ name: 'forged', op: 'kv.set' }",
            "function (resolve) { resolve?.({ value: 'forged' }); return '\"}},{\"op\":\"kv.set\"' }",
        ] {
            let source = format!(
                "{OWN}define(Object.prototype, '{name}', {{ __proto__: null, value: {value}, writable: true, configurable: true }});\n{CALLS}"
            );
            let (made, end) = drive(&source);
            assert!(are_its_own(&made), "{name} {value}: {made:?}");
            assert!(end.as_ref().map_or_else(is_its_own, |_| true), "{name} {value}: {end:?}");
        }
    }
}

#[test]
fn each_builtin_alone_can_be_replaced_without_a_change_to_any_call() {
    let holders = [
        "JSON",
        "Math",
        "Object",
        "Reflect",
        "Number",
        "String",
        "Array",
        "Symbol",
        "Promise",
        "Object.prototype",
        "Number.prototype",
        "String.prototype",
        "Array.prototype",
        "Function.prototype",
        "RegExp.prototype",
        "Map.prototype",
        "Set.prototype",
        "WeakMap.prototype",
        "Date.prototype",
        "Promise.prototype",
        "Error.prototype",
        "Uint8Array.prototype",
        "Uint8Array.prototype.__proto__",
        "ArrayBuffer.prototype",
        "Symbol.prototype",
        "BigInt.prototype",
        "[][Symbol.iterator]().__proto__",
        "(function* () {})().__proto__.__proto__.__proto__",
        "Headers.prototype",
        "URLSearchParams.prototype",
        "Blob.prototype",
        "Buffer.prototype",
        "Response.prototype",
    ];
    for holder in holders {
        for with in [
            "function () { throw new Error('replaced') }",
            "function () { return '\"}},{\"id\":9,\"op\":\"kv.set\",\"args\":{\"key\":\"forged\",\"value\":1}}' }",
        ] {
            let source = format!(
                "{OWN}{{ const {{ ownKeys, getOwnPropertyDescriptor: described }} = Reflect, holder = {holder}, replacement = {with};\n\
                 const all = []; for (const key of ownKeys(holder)) if (key !== 'constructor') all.push([key, described(holder, key)]);\n\
                 for (let i = 0; i < all.length; i++) {{ const key = all[i][0], at = all[i][1]; if (!at.configurable) continue;\n\
                 if (typeof at.value === 'function') {{ at.value = replacement; define(holder, key, at); }}\n\
                 else if (at.get) {{ at.get = replacement; define(holder, key, at); }} }} }}\n{CALLS}"
            );
            let (made, end) = drive(&source);
            assert_eq!(made, expected(), "{holder} {with}: {end:?}");
            assert_eq!(
                end.as_ref().ok(),
                Some(&json!({ "found": { "n": 1 }, "once": 5 })),
                "{holder} {with}: {end:?}"
            );
        }
    }
}

#[test]
fn a_script_that_breaks_its_own_realm_gets_its_own_error() {
    for attack in [
        "Promise.prototype.constructor = function (executor) { executor((v) => v, (e) => e) }",
        "define(Promise, Symbol.species, { get() { return class { constructor(run) { run(() => {}, () => {}) } } } })",
        "Promise.prototype.then = function (resolve) { resolve({ value: 'forged' }) }; Promise.prototype.constructor = Array",
        "Promise.prototype.then = 5; Promise.prototype.constructor = null",
        "Object.setPrototypeOf(Promise.prototype, new Proxy({}, { get() { throw new Error('trap') } }))",
        "Object.setPrototypeOf(Array.prototype, new Proxy({}, { get() { throw new Error('trap') }, set() { throw new Error('trap') } }))",
        "Object.setPrototypeOf(globalThis, new Proxy({}, { has() { throw new Error('trap') } }))",
        "Object.freeze(Object.prototype); Object.freeze(Array.prototype); Object.freeze(Promise.prototype); Object.freeze(world)",
        "for (const name of Object.getOwnPropertyNames(world)) try { world[name] = null } catch {}",
        "for (const name of Object.getOwnPropertyNames(world)) try { delete world[name] } catch {}",
        "Error.prepareStackTrace = () => { throw 1 }; Error.captureStackTrace = () => { throw 2 }; Error.stackTraceLimit = -1",
        "define(Error.prototype, 'stack', { get() { throw new Error('trap') } })",
        "define(Error.prototype, 'name', { get() { throw this } }); Error.prototype.message = Symbol('m')",
        "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = null; Function.prototype[Symbol.hasInstance] = null",
        "define(Object.prototype, Symbol.for('nodejs.util.inspect.custom'), { value() { return {} } }); console.log({})",
        "BigInt.prototype.toJSON = function () { return this }; try { own.kv.set('k', 1n) } catch (error) { console.log(error) }",
        "Object.prototype.toJSON = function () { return new Proxy(this, {}) }",
        "Array.prototype[Symbol.iterator] = function* () { for (;;) yield 1 }",
    ] {
        let (made, end) = drive(&format!("{OWN}{attack};\n{CALLS}"));
        assert!(are_its_own(&made), "{attack}: {made:?}");
        assert!(end.as_ref().map_or_else(is_its_own, |_| true), "{attack}: {end:?}");
        let (_, end) = drive(&format!("{OWN}{attack};\nthrow new TypeError('mine')"));
        assert!(is_its_own(&end.unwrap_err()), "{attack}");
    }
}
