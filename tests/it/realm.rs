//! A script owns its realm and nothing beyond: what it or a library of it replaces forges no call of the host, and what it breaks is its
//! own error, never the engine's. The guest's own tests (`guest-sdk/js-engine/tests/replaced.rs`) replace everything there is.

use serde_json::{Value, json};

use crate::support::{TestServer, Workflow, wait_until};

/// What the script does after the attack: one call of each kind that it may make here, none of which is `forged`.
const CALLS: &str = "\nawait kv.set('mine', { n: 1 });\nawait sleep(1);\n\
    const once = await step.run('once', () => 2);\nconst found = await kv.get('mine');\n\
    await respond({ status: 201, json: { once, found } });\nreturn { once, found };";

/// What each does first, and whether the rest then works as if nothing had happened.
const ATTACKS: [(&str, bool); 16] = [
    // The text closes its own call and adds another.
    (r#"JSON.stringify = () => '"mine"}},{"id":9,"op":"kv.set","args":{"key":"forged","value":1'"#, true),
    (
        r#"String.prototype.toWellFormed = () => 'x"}},{"id":9,"op":"kv.set","args":{"key":"forged","value":1}}]}'"#,
        true,
    ),
    (
        r#"Math.ceil = Math.trunc = Number = () => '1}},{"id":9,"op":"kv.set","args":{"key":"forged","value":1'"#,
        true,
    ),
    ("JSON.stringify = JSON.parse = () => { throw new Error('broken') }", true),
    ("JSON.stringify = () => '{'; JSON.parse = () => ({ then: 1 })", true),
    (
        "Promise.prototype.then = function () { return this }; Promise.prototype.catch = Promise.prototype.then",
        true,
    ),
    (
        "for (const name of Object.getOwnPropertyNames(Array.prototype)) if (name !== 'length') Array.prototype[name] = () => { throw 1 }; Array.prototype[Symbol.iterator] = () => { throw 2 }",
        true,
    ),
    (
        "for (const of of [Map, Set, WeakMap, RegExp, Function]) for (const name of Object.getOwnPropertyNames(of.prototype)) try { if (name !== 'constructor') of.prototype[name] = () => { throw 1 } } catch {}",
        true,
    ),
    (
        "for (const name of ['op', 'args', 'id', 'get', 'set', 'value', 'key', 'ttl', 'ms', 'headers', 'body']) Object.defineProperty(Object.prototype, name, { __proto__: null, set() { throw 1 }, get() { return undefined }, configurable: true })",
        true,
    ),
    (
        "for (const name of ['Promise', 'Object', 'Array', 'Uint8Array', 'Error', 'TypeError', 'Map', 'Set', 'Math', 'Headers', 'Response', 'Buffer', 'URL', 'JSON']) globalThis[name] = null",
        true,
    ),
    ("Object.prototype.then = (resolve) => resolve({ value: 'forged' })", false),
    ("Object.prototype.toJSON = () => '}},{\"op\":\"kv.set\"'", false),
    ("Promise.prototype.constructor = function (run) { run(() => {}, () => {}) }", false),
    ("Object.prototype.cause = Object.prototype; Object.prototype.code = Object.prototype", false),
    ("BigInt.prototype.toJSON = function () { return this }; kv.set('big', 1n)", false),
    ("globalThis.kv = new Proxy(kv, { get() { throw new TypeError('mine') } })", false),
];

#[test]
fn no_replaced_builtin_forges_a_call_or_looks_like_a_crash_of_ours() {
    let look = "return [(await kv.list()).entries.map((entry) => entry.key), await kv.get('forged')]";
    let workflows = ATTACKS.iter().enumerate().map(|(index, (attack, _))| {
        let source = format!("if (context.query.look) {{ {look} }}\n{attack};{CALLS}");
        // What loops for ever by its own doing ends soon.
        Workflow::script(&format!("attack-{index}"), &source).limits(json!({ "fuel": 300_000_000 }))
    });
    let server = TestServer::start(workflows);
    for (index, (attack, works)) in ATTACKS.iter().enumerate() {
        let answer = server.hook(&format!("attack-{index}"));
        // `respond` answers while the script goes on.
        let run = answer.run_id();
        wait_until("the run ends", 60, || {
            matches!(server.run(&run)["status"].as_str(), Some("succeeded" | "failed"))
        });
        let view = server.run(&run);
        let error = &view["error"];
        assert_ne!(error["code"], "engine_crash", "{attack}: {error}");
        if *works {
            assert_eq!((answer.status, error), (201, &Value::Null), "{attack}: {}", answer.text());
            assert_eq!(answer.json(), json!({ "once": 2, "found": { "n": 1 } }), "{attack}");
        }
        let kept = server.hook(&format!("attack-{index}?look=1")).json();
        assert_eq!(kept[1], Value::Null, "{attack}: {kept}");
        let known = |key: &Value| key == "mine" || key == "big";
        assert!(kept[0].as_array().unwrap().iter().all(known), "{attack}: {kept}");
    }
}

#[test]
fn an_error_of_a_script_that_broke_its_errors_is_still_its_own() {
    let breaks = "Object.defineProperty(Error.prototype, 'stack', { get() { throw 1 } }); Error.prototype.toString = () => { throw 2 };\n\
        Error.prepareStackTrace = () => { throw 3 }; String.prototype.split = String.prototype.replace = () => { throw 4 };\n\
        console.error = null;\nthrow new TypeError('it is mine');";
    let library = "JSON.stringify = () => '{}}'; Promise.prototype.then = null; Array.prototype.push = () => { throw 5 }; export default 1;";
    let uses = "import x from './library.js';\nexport default async function () { await kv.set('a', [x]); console.log({ a: 1 }); return { a: await kv.get('a') }; }";
    let server = TestServer::start([
        Workflow::script("breaks", breaks),
        Workflow::script("uses", uses).file("library.js", library),
    ]);
    let view = server.run(&server.hook("breaks").run_id());
    assert_eq!(view["error"]["code"], "script_error", "{view:#}");
    assert!(view["error"]["message"].as_str().unwrap().contains("it is mine"), "{view:#}");
    let answer = server.hook("uses");
    assert_eq!((answer.status, answer.json()), (200, json!({ "a": [1] })), "{}", answer.text());
}
