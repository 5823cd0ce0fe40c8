//! The published ways out of script sandboxes lead nowhere here: there is no host object to be reached.
//!
//! In our own words after the advisories; each script says what it got hold of.

use serde_json::{Value, json};

use crate::support::{Request, Setup, TestServer, Workflow, flowcell};

/// Runs `probes`, the members of an object literal of functions, and gives what each came to: `undefined`,
/// a type, or `threw`.
#[track_caller]
fn probe(probes: &str) -> Value {
    let source = format!(
        "const probes = {{ {probes} }};
const found = {{}};
for (const [name, probe] of Object.entries(probes)) {{
  try {{
    let value = probe();
    if (value instanceof Promise) value = await value;
    found[name] = value === undefined || value === null ? 'undefined' : typeof value;
  }} catch (error) {{ found[name] = 'threw' }}
}}
return found;"
    );
    let server = TestServer::start([
        Workflow::script("probe", &source),
        Workflow::script("after", "return typeof process.left"),
    ]);
    let response = server.hook("probe");
    assert_eq!(response.status, 200, "{}", server.run(&response.run_id())["error"]);
    assert_eq!(server.hook("after").text(), "\"undefined\"", "and nothing is left behind");
    response.json()
}

/// Every probe must have ended with nothing in its hands.
#[track_caller]
fn nothing_reached(probes: &str) {
    let found = probe(probes);
    let found = found.as_object().unwrap();
    assert!(!found.is_empty());
    for (name, got) in found {
        assert!(got == "undefined" || got == "threw", "{name} reached {got}");
    }
}

#[test]
fn cve_2026_34156_the_console_leads_to_no_host_constructor() {
    nothing_reached(
        "stdout: () => console._stdout,
         stderr: () => console._stderr,
         constructor: () => console.log.constructor('return process.mainModule')(),
         through_stdout: () => console._stdout.constructor.constructor('return process.mainModule')(),
         caller: () => console.log.caller.constructor('return process.mainModule')(),
         prototype: () => Object.getPrototypeOf(console.log).constructor('return process.mainModule')(),
         times: () => console._times,
         error: () => { try { null.x } catch (e) { return e.constructor.constructor('return process.mainModule')() } },
         module_function: () => require('crypto').createHmac.constructor('return process.mainModule')(),",
    );
}

#[test]
fn cve_2025_68613_templates_are_never_code() {
    let echo = json!({
        "key": "echo",
        "trigger": { "type": "webhook" },
        "steps": [{ "id": "r", "type": "response", "json": { "x": "{{$context.data.x}}", "y": "got {{$context.data.x}}" } }],
    });
    let workflow = Workflow { key: "echo".to_owned(), json: echo, files: Vec::new() };
    let server = Setup::default().workflows([workflow]).variable("HIDDEN", "swordfish").start();
    for payload in [
        "{{ this.constructor.constructor('return process')() }}",
        "{{$env.HIDDEN}}",
        "{{7*7}}",
        "${7*7}",
        "{{= (function(){ return this.process.mainModule.require('child_process').execSync('id') })() }}",
        "{{$context.data.x}}",
        "'; return 1; //",
    ] {
        let answer = server.post("echo", &json!({ "x": payload })).json();
        assert_eq!(answer, json!({ "x": payload, "y": format!("got {payload}") }));
    }
}

#[test]
fn cve_2025_68613_a_template_that_would_compute_is_an_error_of_check() {
    let folder = tempfile::tempdir().unwrap();
    for template in [
        "{{ this.constructor.constructor('return process')() }}",
        "{{$context.data.x()}}",
        "{{7*7}}",
        "{{$context.constructor.constructor('return 1')}}",
        "{{process.env}}",
        "{{$process.env}}",
    ] {
        let json = json!({
            "key": "t", "trigger": { "type": "webhook" },
            "steps": [{ "id": "r", "type": "response", "text": template }],
        });
        Workflow { key: "t".to_owned(), json, files: Vec::new() }.write(folder.path());
        let checked = flowcell(["check".into(), folder.path().join("t")]);
        assert_eq!(checked.code, 1, "{template}: {}", checked.stdout);
        assert!(checked.stdout.contains("steps[0].text"), "{template}: {}", checked.stdout);
    }
}

#[test]
fn cve_2026_1470_with_and_constructors_reach_no_host() {
    nothing_reached(
        "with_statement: () => new Function('with (this) { return process.mainModule }')(),
         with_constructor: () => new Function('o', 'with (o) { return constructor(\"return process.mainModule\")() }')(() => 1),
         this: () => this.constructor.constructor('return process.mainModule')(),
         function: () => (function () { return this })().process.mainModule,
         arguments: () => (function () { return arguments.callee.caller })().constructor('return process.mainModule')(),
         call: () => Function.prototype.call.constructor('return process.mainModule')(),
         async_function: () => (async () => {}).constructor('return process.mainModule')(),
         generator: () => (function* () {}).constructor('return process.mainModule')().next().value,
         indirect_eval: () => (0, eval)('process.mainModule'),
         template: () => (s => s.constructor.constructor('return process.mainModule')())`x`,
         reflect: () => Reflect.construct(Function, ['return process.mainModule'])(),
         getter: () => Object.getOwnPropertyDescriptor(Object.prototype, '__proto__').get.constructor('return process.mainModule')(),
         bound: () => Function.bind.call(Function, null, 'return process.mainModule')()(),",
    );
}

#[test]
fn cve_2026_27495_task_runner_paths_do_not_exist() {
    nothing_reached(
        "process: () => process.mainModule,
         global_process: () => globalThis.process.mainModule?.require('fs'),
         global: () => globalThis.global?.process?.constructor?.constructor('return process.dlopen()')(),
         exit: () => process.exit(1),
         kill: () => process.kill(1),
         linked: () => process._linkedBinding,
         required: () => process.getBuiltinModule,
         stdout: () => process.stdout._handle,
         module: () => module,
         exports: () => exports,
         dirname: () => __dirname,
         filename: () => __filename,
         main: () => require.main,
         cache: () => require.cache,
         binding: () => process.binding('fs'),
         left: () => { process.left = 1 },
         deno: () => globalThis.Deno,
         bun: () => globalThis.Bun,
         wasm: () => globalThis.WebAssembly,
         worker: () => globalThis.Worker,
         websocket: () => globalThis.WebSocket,
         xhr: () => globalThis.XMLHttpRequest,
         shared: () => globalThis.importScripts,
         window: () => globalThis.window,
         stack_trace: () => { Error.prepareStackTrace = (_, s) => s; return new Error('x').stack[0]?.getThis?.() },",
    );
}

#[test]
fn modules_of_the_host_cannot_be_required_or_imported() {
    let names = [
        "fs",
        "node:fs",
        "fs/promises",
        "child_process",
        "node:child_process",
        "inspector",
        "net",
        "http",
        "https",
        "dns",
        "vm",
        "worker_threads",
        "module",
        "node:module",
        "path/../fs",
        "../main.js",
        "./main.js",
        "/etc/passwd",
        "file:///etc/passwd",
        "data:text/javascript,1",
        "http://127.0.0.1/x.js",
        "",
    ];
    let probes: String = names
        .iter()
        .enumerate()
        .map(|(n, name)| format!("r{n}: () => require({name:?}), i{n}: () => import({name:?} + ''),"))
        .collect();
    nothing_reached(&probes);
}

#[test]
fn cve_2026_22709_promise_callbacks_run_with_no_host_object() {
    nothing_reached(
        "then: async () => {
           const then = Promise.prototype.then; let seen;
           Promise.prototype.then = function (...args) { seen = args[0]; return then.apply(this, args) };
           await (async () => {})(); Promise.prototype.then = then;
           return seen?.constructor?.('return process')() },
         species: async () => {
           class P extends Promise { static get [Symbol.species]() { return function (f) { f(() => {}, () => {}); this.x = 1 } } }
           return (await P.resolve(1).then(() => 1))?.constructor?.constructor('return process.mainModule')() },
         catch: async () => {
           let error; await Promise.reject(new Error('x')).catch(e => { error = e });
           return error.constructor.constructor('return process.mainModule')() },
         symbol_name: async () => {
           const e = new Error(); e.name = Symbol(); let caught;
           try { await (async () => e.stack)() } catch (x) { caught = x }
           return caught?.constructor?.constructor('return process.mainModule')() },",
    );
}

#[test]
fn cve_2026_44001_unhandled_rejections_and_errors_in_callbacks_do_not_stop_the_server() {
    let scripts = [
        "Promise.reject(new Error('nobody looks')); return 1",
        "Promise.reject(null); new Promise((_, no) => no(undefined)); return 1",
        "(async () => { throw { toString() { throw 1 } } })(); return 1",
        "queueMicrotask?.(() => { throw new Error('x') }); return 1",
        "throw { toString() { throw new Error('inner') }, get message() { throw 2 }, get stack() { throw 3 }, get name() { throw 4 } }",
        "throw new Proxy(new Error('x'), { get() { throw new Error('trap') }, getPrototypeOf() { throw new Error('trap') } })",
        "const e = new Error('x'); Object.defineProperty(e, 'message', { get() { for (;;) {} } }); throw e",
        "throw Object.create(null)",
        "throw Symbol('x')",
        "const e = new Error('x'); e.cause = e; e.stack = { toString() { throw e } }; throw e",
        "Error.prototype.toString = () => { throw 1 }; Object.prototype.toString = () => { throw 2 }; throw new Error('x')",
        "delete Error.prototype.message; delete Error.prototype.name; Error.prototype.stack = 7; throw new Error()",
        "JSON.stringify = JSON.parse = () => { throw 1 }; return { a: 1 }",
        "Object.prototype.toJSON = () => { throw new Error('polluted') }; return { a: 1 }",
        "Array.prototype[Symbol.iterator] = null; Object.keys = null; Promise.prototype.then = null; return [1]",
        "globalThis.Promise = null; globalThis.Object = null; globalThis.Error = null; await null; return 1",
        "Object.freeze(globalThis); Object.freeze(Object.prototype); return 1",
        "for (const k of Reflect.ownKeys(globalThis)) { try { delete globalThis[k] } catch {} } return 1",
    ];
    let keys: Vec<_> = (0..scripts.len()).map(|n| format!("s{n}")).collect();
    let workflows = keys.iter().zip(scripts).map(|(key, source)| Workflow::script(key, source));
    let mut server = TestServer::start(
        workflows.chain([Workflow::script("healthy", "return [1, { a: Object.keys({ b: 1 }) }]")]),
    );
    for (key, source) in keys.iter().zip(scripts) {
        let response = server.hook(key);
        assert!([200, 500].contains(&response.status), "{source}: {}", response.text());
        if response.status == 500 {
            let error = server.run(&response.run_id())["error"].clone();
            assert_ne!(error["code"], "engine_crash", "{source}: {error}");
        }
        assert_eq!(server.hook("healthy").json(), json!([1, { "a": ["b"] }]), "after {source}");
    }
    assert!(server.is_alive());
}

#[test]
fn cve_2026_45411_and_rustsec_2024_0444_async_generators_that_throw_crash_nothing() {
    let scripts = [
        "async function* g() { throw new Error('x') } for await (const a of g()) {}",
        "async function* g() { yield* { [Symbol.asyncIterator]() { throw new Error('x') } } } await g().next()",
        "async function* g() { try { yield 1 } finally { throw new Error('x') } } const i = g(); await i.next(); await i.return(1)",
        "async function* g() { yield Promise.reject(new Error('x')) } await g().next()",
        "const i = (async function* () {})(); i.return({ get then() { throw new Error('x') } }); await i.next(); throw new Error('x')",
        "async function* g() { yield 1 } const n = g().next; await n.call(function () {})",
        "async function* g() { await null; throw null } const i = g(); i.next(); i.next(); await i.throw(new Error('x'))",
    ];
    let keys: Vec<_> = (0..scripts.len()).map(|n| format!("s{n}")).collect();
    let mut server =
        TestServer::start(keys.iter().zip(scripts).map(|(key, source)| Workflow::script(key, source)));
    for (key, source) in keys.iter().zip(scripts) {
        let response = server.hook(key);
        assert_eq!(response.status, 500, "{source}: {}", response.text());
        let error = &server.run(&response.run_id())["error"];
        assert_eq!(error["code"], "script_error", "{source}: {error}");
    }
    assert!(server.is_alive());
}

#[test]
fn cve_2026_44006_proxies_cannot_turn_what_crosses_the_border_into_something_else() {
    let all = "{ get: (t, k) => k === 'toJSON' ? undefined : 7, has: () => true, ownKeys: () => ['a', 'b'],
        getOwnPropertyDescriptor: () => ({ value: 1, enumerable: true, configurable: true }) }";
    let server = TestServer::start([
        Workflow::script("object", &format!("return new Proxy({{}}, {all})")),
        Workflow::script("array", "return new Proxy([1, 2], { get: (t, k) => k === 'length' ? 3 : t[k] })"),
        Workflow::script(
            "endless",
            "return new Proxy([], { get: (t, k) => k === 'length' ? 2 ** 53 - 1 : 'x' })",
        ),
        Workflow::script(
            "revoked",
            "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); return proxy",
        ),
        Workflow::script("keys", "return new Proxy({}, { ownKeys() { throw new Error('trap') } })"),
        Workflow::script("thenable", "return { then(done) { done({ a: 1 }) } }"),
        Workflow::script("thenable_twice", "return { then(done) { done(1); done(2); throw 3 } }"),
    ]);
    assert_eq!(server.hook("object").json(), json!({ "a": 7, "b": 7 }));
    assert_eq!(server.hook("array").json(), json!([1, 2, null]));
    assert_eq!(server.hook("thenable").json(), json!({ "a": 1 }));
    assert_eq!(server.hook("thenable_twice").json(), json!(1));
    for (key, codes) in [
        ("endless", ["fuel_exhausted", "timeout", "memory_limit"].as_slice()),
        ("revoked", &["script_error", "output_invalid"]),
        ("keys", &["script_error"]),
    ] {
        let response = server.hook(key);
        assert_eq!(response.status, 500, "{key}: {}", response.text());
        let error = &server.run(&response.run_id())["error"];
        assert!(codes.contains(&error["code"].as_str().unwrap()), "{key}: {error}");
    }
}

#[test]
fn ghsa_v264_xqh4_9xmm_scripts_see_only_the_variables_that_their_workflow_names() {
    let script = "return { env, names: Object.getOwnPropertyNames(env), path: env.PATH ?? null, token: env.FLOWCELL_TOKEN ?? null }";
    let server = Setup::default()
        .workflows([
            Workflow::script("none", script),
            Workflow::script("one", script)
                .set(json!({ "env": ["GREETING", "FLOWCELL_TOKEN", "FLOWCELL_SANDBOX_CACHE", "NOT_SET"] })),
        ])
        .variable("GREETING", "hello")
        .variable("OTHER_SECRET", "swordfish")
        .start();
    let nothing = json!({ "env": {}, "names": [], "path": null, "token": null });
    assert_eq!(server.hook("none").json(), nothing);
    let one = json!({ "env": { "GREETING": "hello" }, "names": ["GREETING"], "path": null, "token": null });
    assert_eq!(server.hook("one").json(), one);
}

#[test]
fn no_global_holds_a_secret_of_the_server() {
    let walk = "
const seen = new Set(), text = [];
(function walk(value, depth) {
  if (typeof value === 'string') { text.push(value); return }
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value) || depth > 6) return;
  seen.add(value);
  for (const key of Reflect.ownKeys(value)) { try { text.push(String(key)); walk(value[key], depth + 1) } catch {} }
  walk(Object.getPrototypeOf(value), depth + 1);
})(globalThis, 0);
return { objects: seen.size, text: text.join('\\n') };";
    let server = Setup::default()
        .workflows([Workflow::script("walk", walk)
            .limits(json!({ "fuel": 50_000_000_000_u64, "timeout": "30s" }))
            .trigger(json!({ "verify": { "scheme": "github", "secret": "{{$env.HOOK_SECRET}}" } }))])
        .variable("HOOK_SECRET", "swordfish-7")
        .start();
    let signature = crate::support::github_signature(b"{}", "swordfish-7");
    let request = Request::post("/api/webhooks/walk").header("x-hub-signature-256", &signature).body("{}");
    let answer = server.send(&request).json();
    assert!(answer["objects"].as_u64().unwrap() > 100, "{}", answer["objects"]);
    let text = answer["text"].as_str().unwrap();
    for secret in ["swordfish-7", &server.token(), &server.data().display().to_string(), "/root/", "CARGO"] {
        assert!(!text.contains(secret), "a script can see {secret}");
    }
}
