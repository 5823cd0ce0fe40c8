//! Scripts and what becomes of them: one row a case. Runs natively, on stand-ins of the imports.

mod harness;

use flowcell_js_engine::{
    Answer, Engine, Inputs,
    host::{self, Level},
};
use serde_json::{Value, json};

use harness::{json, prepared, with_engine};

const FILE: &str = "parse.js";
const RAW: &[u8] = br#"{"ref":"refs/heads/main","n":1}"#;

/// The output, or the error JSON.
fn run(source: &str) -> Result<Value, Value> {
    with_engine(|engine| {
        let checked = json(engine.check(FILE.as_bytes(), source.as_bytes()))?;
        let form = checked["form"].as_str().unwrap().to_owned();
        prepared(engine.prepare(form.as_bytes(), FILE.as_bytes(), source.as_bytes(), &[]))?;
        let context = json!({
            "data": { "ref": "refs/heads/main", "n": 1, "list": [1, 2, 3], "text": "\u{e9}\u{1f600}" },
            "headers": { "x-hub-signature-256": "sha256=0a79afdba8bf9ac7b8bf2ee2d05d5b5a2a0fd5bd86a3d9b6eddb1e1ff4f8b2a1" },
            "method": "POST",
        });
        let env = json!({ "GITHUB_WEBHOOK_SECRET": "It's a Secret to Everybody" });
        json(call(engine, &context, RAW, br#"{"first":{"ok":true}}"#, &env))
    })
}

fn call(engine: &mut Engine, context: &Value, raw_body: &[u8], steps: &[u8], env: &Value) -> Answer {
    engine.call(&Inputs {
        context: context.to_string().as_bytes(),
        raw_body,
        steps,
        env: env.to_string().as_bytes(),
        scopes: b"{}",
        secrets: b"{}",
        meta: b"{}",
    })
}

#[track_caller]
fn all(rows: &[(&str, Value)]) {
    harness::all(rows, run);
}

#[track_caller]
fn fails(rows: &[(&str, &str, Value, Value, &str)]) {
    let wrong: Vec<String> = rows
        .iter()
        .filter_map(|(source, code, line, column, message)| match run(source) {
            Err(error)
                if error["code"] == *code
                    && error["line"] == *line
                    && error["column"] == *column
                    && error["file"] == FILE
                    && error["message"].as_str().unwrap().contains(message) =>
            {
                None
            }
            other => {
                Some(format!("{source}\n  expected {code} {line}:{column} {message}\n  got      {other:?}"))
            }
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn outputs_are_what_json_stringify_would_say() {
    all(&[
        ("return 1 + 1", json!(2)),
        ("", json!(null)),
        ("return", json!(null)),
        (
            "return { a: undefined, b: [undefined, NaN, -0, 1e21, 0.1] }",
            json!({"b": [null, null, 0, 1e21, 0.1]}),
        ),
        ("return 'a\"\\n\\u2028\\ud800'", json!("a\"\n\u{2028}\u{fffd}")),
        ("return new Date(0)", json!("1970-01-01T00:00:00.000Z")),
        ("return { 2: 'b', 1: 'a', x: 0 }", json!({"1": "a", "2": "b", "x": 0})),
        ("return [new String('s'), new Number(1), new Boolean(true)]", json!(["s", 1, true])),
        ("return { toJSON() { return [1] } }", json!([1])),
        ("return Buffer.from('hi')", json!({"type": "Buffer", "data": [104, 105]})),
        (
            "class A { #p = 1; constructor() { this.q = 2 } get g() { return 3 } } return new A",
            json!({"q": 2}),
        ),
        ("return { get a() { return 1 } }", json!({"a": 1})),
        ("return new Proxy([1, 2], {})", json!([1, 2])),
        ("return new Proxy({ a: 1 }, {})", json!({"a": 1})),
        ("return new Uint8Array([1, 2])", json!({"0": 1, "1": 2})),
        ("const a = { b: 1 }; return [a, a]", json!([{"b": 1}, {"b": 1}])),
        ("return { [Symbol('s')]: 1, a: 2 }", json!({"a": 2})),
    ]);
}

#[test]
fn inputs_arrive_as_they_are() {
    all(&[
        (
            "return [context.data.list.length, context.data.text, steps.first.ok, context.method]",
            json!([3, "\u{e9}\u{1f600}", true, "POST"]),
        ),
        ("return context.rawBody", json!("{\"ref\":\"refs/heads/main\",\"n\":1}")),
        ("return atob(context.rawBodyBase64) === context.rawBody", json!(true)),
        ("const { rawBody } = context; return rawBody.length", json!(31)),
        ("return Object.keys(context)", json!(["data", "headers", "method"])),
        (
            "export default (context, tools) => [Object.keys(tools), tools.steps.first, tools.env === env, context.data.n]",
            json!([["steps", "env", "scopes", "secrets", "kv", "fetch", "sleep", "respond", "step", "run", "console"], {"ok": true}, true, 1]),
        ),
    ]);
}

#[test]
fn a_proto_key_becomes_an_own_property() {
    with_engine(|engine| {
        let source = "const d = context.data; return [Object.keys(d), d.polluted === undefined, ({}).polluted === undefined, Object.getPrototypeOf(d) === Object.prototype]";
        engine.prepare(b"body", b"p.js", source.as_bytes(), &[]);
        let answer = engine.call(&Inputs {
            context: br#"{"data":{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}}"#,
            raw_body: b"",
            steps: b"{}",
            env: b"{}",
            scopes: b"{}",
            secrets: b"{}",
            meta: b"{}",
        });
        assert_eq!(json(answer), Ok(json!([["__proto__", "constructor"], true, true, true])));
    });
    all(&[(
        "const o = JSON.parse('{\"__proto__\":{\"x\":1}}'); return [Object.keys(o), o.x === undefined]",
        json!([["__proto__"], true]),
    )]);
}

#[test]
fn both_forms_run() {
    all(&[
        ("export default async function (context, tools) { return await 5 }", json!(5)),
        ("const x = 1;\nexport default () => x", json!(1)),
        ("export default { a: 1 }", json!({"a": 1})),
        ("export default async (context) => context.method", json!("POST")),
        ("const d = 1; export default async () => d", json!(1)),
        ("const t = `\nimport x from 'y'\n`;\nexport default () => t.length", json!(19)),
        (
            "// export default async () => 0\n export  default\n async x => {\n  return [await x.method] }\nconst tail = 1",
            json!(["POST"]),
        ),
        ("const d = 1; export default () => d", json!(1)),
        ("export default async function () { return 6 }", json!(6)),
        ("function main() { return 3 }\nexport { main as default }", json!(3)),
        ("const v = await Promise.resolve(2); export default v", json!(2)),
        ("#!/usr/bin/env node\nreturn 7", json!(7)),
        ("\u{feff}return 8", json!(8)),
        ("return 1 // comment", json!(1)),
        ("'use strict'; return this === undefined", json!(true)),
        ("const context = 1; return context", json!(1)),
        (
            "const crypto = require('crypto'); const Buffer = 1; return typeof crypto.createHmac",
            json!("function"),
        ),
        ("const exported = 'export default 1'; return exported.length", json!(16)),
        ("return await (async () => { await null; return 4 })()", json!(4)),
        ("for await (const x of [1, Promise.resolve(2)]) if (x === 2) return x", json!(2)),
    ]);
}

#[test]
fn errors_name_the_users_own_line_and_column() {
    let n = Value::Null;
    fails(&[
        ("throw new TypeError('bad')", "script_error", json!(1), json!(7), "bad"),
        ("\n  throw new Error('x')", "script_error", json!(2), json!(9), "x"),
        ("const a = undefined;\nreturn a.b.c", "script_error", json!(2), json!(10), "undefined"),
        ("const o = {};\no.missing()", "script_error", json!(2), json!(3), "missing"),
        ("return nope", "script_error", json!(1), json!(8), "nope is not defined"),
        (
            "function f() {\n  throw new RangeError('deep')\n}\nreturn [1].map(() => f())",
            "script_error",
            json!(2),
            json!(9),
            "deep",
        ),
        ("await 1;\nthrow new Error('after')", "script_error", json!(2), json!(7), "after"),
        ("async function g() { await 1; null.x }\nawait g()", "script_error", json!(1), json!(36), "null"),
        ("return Promise.reject(new Error('r'))", "script_error", json!(1), json!(23), "r"),
        ("throw null", "script_error", n.clone(), n.clone(), "null was thrown"),
        ("throw undefined", "script_error", n.clone(), n.clone(), "undefined was thrown"),
        ("throw 'text'", "script_error", n.clone(), n.clone(), "text"),
        ("throw { code: 5 }", "script_error", n.clone(), n.clone(), "{ code: 5 }"),
        ("return Promise.reject()", "script_error", n.clone(), n.clone(), "undefined"),
        (
            "class Mine extends Error {}\nfunction h() { throw new Mine('m') }\nh()",
            "script_error",
            json!(2),
            json!(22),
            "m",
        ),
        ("return JSON.parse('{\"a\":')", "script_error", json!(1), json!(13), "JSON.parse"),
        ("Buffer.from(undefined)", "script_error", json!(1), json!(8), "The first argument"),
        (
            "\nexport default async (context) => {\n  throw new Error('m')\n}",
            "script_error",
            json!(3),
            json!(9),
            "m",
        ),
        ("export default async () => { null.x }", "script_error", json!(1), json!(35), "null"),
        ("export default function () {\n  throw new Error('m')\n}", "script_error", json!(2), json!(9), "m"),
        ("throw new Error('top');\nexport default 1", "script_error", json!(1), json!(7), "top"),
        ("\nawait new Promise(() => {})", "promise_never_settled", json!(2), json!(1), "awaits"),
        (
            "await new Promise(() => {}); export default 1",
            "promise_never_settled",
            json!(1),
            json!(1),
            "awaits",
        ),
        (
            "async function f() { await null }\nawait f();\n  await new Promise(() => {})",
            "promise_never_settled",
            json!(3),
            json!(3),
            "awaits",
        ),
        (
            "const p = new Promise(() => {}); await null; await p",
            "promise_never_settled",
            n.clone(),
            n.clone(),
            "awaits",
        ),
        (
            "return process.exit(0)",
            "script_error",
            json!(1),
            json!(16),
            "process.exit is not available in scripts: `return` ends a script",
        ),
        (
            "return $json.body",
            "script_error",
            json!(1),
            json!(8),
            "$json is not defined: the request is in `context`",
        ),
        ("return module.id", "script_error", json!(1), json!(8), "module is not defined: "),
        ("function r() { return r() }\nr()", "recursion_limit", json!(1), json!(23), "call stack"),
        ("async function f() { await f() }\nawait f()", "recursion_limit", json!(1), json!(28), "call stack"),
        (
            "return JSON.parse('['.repeat(600) + ']'.repeat(600))",
            "script_error",
            json!(1),
            json!(13),
            "nested deeper than 500",
        ),
        ("await import('./x.js')", "script_error", json!(1), json!(14), "Cannot find module './x.js'"),
    ]);
}

#[test]
fn syntax_errors_name_the_users_own_line_and_column() {
    let n = Value::Null;
    fails(&[
        ("return (1", "syntax_error", json!(1), json!(10), "not closed"),
        ("if (x) {\n  y()", "syntax_error", json!(2), json!(6), "not closed"),
        ("return 1 }", "syntax_error", json!(1), json!(10), "'}'"),
        ("let a = 1;\nlet b = ;", "syntax_error", json!(2), json!(9), "';'"),
        ("const x = 1; const x = 2", "syntax_error", json!(1), json!(20), "already been declared"),
        ("const a = 1;\nconst a = 2;", "syntax_error", json!(2), json!(7), "'a' has already been declared"),
        (
            "if (1) {\n  let b;\n  let b;\n}",
            "syntax_error",
            json!(3),
            json!(7),
            "'b' has already been declared",
        ),
        ("const a = 1\nconst a = 2\nexport default () => a", "syntax_error", json!(2), json!(7), "already"),
        ("export default 1; export default 2", "syntax_error", json!(1), json!(1), "only one default export"),
        ("return 1 })(); (async function () {", "syntax_error", json!(1), json!(10), "'}'"),
        ("})(); (async function () {", "syntax_error", json!(1), json!(1), "'}'"),
        ("export default async function ( {", "syntax_error", json!(1), json!(34), ""),
        (
            "import fs from 'fs';\nexport default 1",
            "syntax_error",
            json!(1),
            json!(16),
            "Cannot find module 'fs', imported by parse.js:1:16",
        ),
        ("return 'open", "syntax_error", json!(1), json!(8), "unterminated string"),
        (
            "// a\n  import { readFile } from 'fs'",
            "no_default_export",
            n.clone(),
            n.clone(),
            "export default",
        ),
        ("const a = 1; export { a }", "no_default_export", n.clone(), n.clone(), "export default"),
        ("export const a = 1", "no_default_export", n.clone(), n.clone(), "export default"),
    ]);
}

#[test]
fn outputs_that_would_lose_something_are_refused_by_place() {
    let n = Value::Null;
    fails(&[
        ("return () => 1", "output_invalid", n.clone(), n.clone(), "it is a function"),
        ("return { a: { b: () => 1 } }", "output_invalid", n.clone(), n.clone(), "`a.b` is a function"),
        ("return { list: [1, Symbol()] }", "output_invalid", n.clone(), n.clone(), "`list[1]` is a symbol"),
        ("return { 'a-b': 1n }", "output_invalid", n.clone(), n.clone(), "`[\"a-b\"]` is a bigint"),
        (
            "const a = {}; a.self = { a }; return a",
            "output_invalid",
            n.clone(),
            n.clone(),
            "`self.a` is a cycle",
        ),
        (
            "return { p: Promise.resolve(1) }",
            "output_invalid",
            n.clone(),
            n.clone(),
            "`p` is a Promise: await it",
        ),
        (
            "let a = []; for (let i = 0; i < 600; i++) a = [a]; return a",
            "output_invalid",
            n.clone(),
            n.clone(),
            "deeper than",
        ),
        ("return { get a() { throw new Error('getter') } }", "script_error", json!(1), json!(26), "getter"),
    ]);
}

#[test]
fn a_rejection_that_nobody_handles_fails_the_call() {
    let n = Value::Null;
    let _ = host::take_log();
    fails(&[
        ("Promise.reject(new Error('lost')); return 1", "script_error", json!(1), json!(16), "lost"),
        (
            "async function g() { throw new Error('background') }\ng();\nreturn 1",
            "script_error",
            json!(1),
            json!(28),
            "background",
        ),
        ("Promise.reject(); return 1", "script_error", n.clone(), n.clone(), "undefined was thrown"),
        (
            "Promise.reject(new Error('top'));\nexport default () => 1",
            "script_error",
            json!(1),
            json!(16),
            "top",
        ),
        (
            "await new Promise(async () => { throw new Error('executor') })",
            "script_error",
            json!(1),
            json!(39),
            "executor",
        ),
        (
            "Promise.reject(new Error('x')); throw new Error('own')",
            "script_error",
            json!(1),
            json!(39),
            "own",
        ),
    ]);
    assert_eq!(host::take_log(), []);
    fails(&[(
        "Promise.reject(new Error('one')); Promise.reject(new Error('two')); return 1",
        "script_error",
        json!(1),
        json!(16),
        "one",
    )]);
    let log = host::take_log();
    assert_eq!((log.len(), log[0].0), (1, Level::Warn), "{log:?}");
    assert!(log[0].1.starts_with("Unhandled promise rejection: Error: two\n    at "), "{}", log[0].1);
    all(&[
        ("const p = Promise.reject(1); p.catch(() => {}); return 1", json!(1)),
        ("const p = Promise.reject(1); await null; await null; p.catch(() => {}); return 1", json!(1)),
        ("try { await Promise.reject(1) } catch { return 2 }", json!(2)),
        ("return Promise.allSettled([Promise.reject(1)]).then((all) => all.length)", json!(1)),
    ]);
}

#[test]
fn an_early_use_of_a_name_has_its_place() {
    fails(&[
        (
            "\nreturn later;\nconst later = 1;",
            "script_error",
            json!(2),
            json!(8),
            "Cannot access 'later' before initialization",
        ),
        (
            "const a = 1;\nif (a) {\n  return a + b;\n  let b = 2;\n}",
            "script_error",
            json!(3),
            json!(14),
            "Cannot access 'b' before initialization",
        ),
        ("const data = data.x", "script_error", json!(1), json!(14), "Cannot access 'data' before"),
        ("const a = 1;\nreturn a + nowhere;", "script_error", json!(2), json!(12), "nowhere is not defined"),
    ]);
}

#[test]
fn what_an_error_was_caused_by_ends_its_stack() {
    for (source, end) in [
        (
            "throw new Error('a', { cause: new TypeError('b', { cause: 'c' }) })",
            "Error: a\n    at <anonymous> (parse.js:1:7)\ncaused by: TypeError: b\n    at <anonymous> (parse.js:1:31)\ncaused by: 'c'",
        ),
        ("const e = new Error('x'); e.cause = e; throw e", "Error: x\n    at <anonymous> (parse.js:1:11)"),
        ("throw new Error('a')", "Error: a\n    at <anonymous> (parse.js:1:7)"),
    ] {
        let error = run(source).unwrap_err();
        assert_eq!(error["stack"], end, "{source}");
    }
}

#[test]
fn a_large_repeat_is_the_languages_own() {
    all(&[
        ("return ' '.repeat(2e6).length", json!(2_000_000)),
        (
            "const s = 'ab\u{e9}'; const r = s.repeat(5001); return [r.length, r === Array(5002).join(s), r.endsWith(s)]",
            json!([15003, true, true]),
        ),
        (
            "return ['x'.repeat(0), 'x'.repeat('3'), ''.repeat(1e6), 'x'.repeat(4096.9).length, 'x'.repeat.length]",
            json!(["", "xxx", "", 4096, 1]),
        ),
        ("try { 'x'.repeat(-1) } catch (e) { return e.name }", json!("RangeError")),
        ("try { 'x'.repeat(Infinity) } catch (e) { return e.name }", json!("RangeError")),
        ("try { 'x'.repeat(2 ** 33) } catch (e) { return e.name }", json!("RangeError")),
    ]);
}

#[test]
fn columns_count_utf_16_units() {
    fails(&[
        ("'\u{1f600}'; throw new Error('x')", "script_error", json!(1), json!(13), "x"),
        ("'\u{1f600}'; null.x", "script_error", json!(1), json!(12), "null"),
        ("const x = '\u{1f600}'; const y = ;", "syntax_error", json!(1), json!(27), "';'"),
        ("const s = '\u{1f600}\u{e9}'; nowhere", "script_error", json!(1), json!(18), "nowhere"),
    ]);
    let stack = run("'\u{1f600}'; throw new Error('x')").unwrap_err()["stack"].clone();
    assert_eq!(stack, "Error: x\n    at <anonymous> (parse.js:1:13)");
}

#[test]
fn common_mistakes_are_told_in_the_users_terms() {
    let typescript = "this is TypeScript in a JavaScript file: name the file `.ts`, or remove the types";
    let awaits = "`await` is only valid in async functions";
    let imports = "a script with imports is a module";
    fails(&[
        ("function load() {\n  await fetch('x');\n}", "syntax_error", json!(2), json!(3), awaits),
        ("const f = () => { await g() };", "syntax_error", json!(1), json!(19), awaits),
        ("[1].map(x => await x)", "syntax_error", json!(1), json!(14), awaits),
        ("const x: number = 1;\nreturn x", "syntax_error", json!(1), json!(8), typescript),
        ("let a: string[] = []", "syntax_error", json!(1), json!(6), typescript),
        ("function f(a: string) { return a }", "syntax_error", json!(1), json!(13), typescript),
        ("const f = (a: string) => a", "syntax_error", json!(1), json!(13), typescript),
        ("function f(a): Promise<void> {}", "syntax_error", json!(1), json!(14), typescript),
        ("interface A { b: string }\nreturn 1", "syntax_error", json!(1), json!(11), typescript),
        ("type A = string;\nreturn 1", "syntax_error", json!(1), json!(6), typescript),
        ("return context as Thing", "syntax_error", json!(1), json!(16), typescript),
        ("enum A { B }", "syntax_error", json!(1), json!(1), typescript),
        ("export default async function (context: any) {}", "syntax_error", json!(1), json!(39), typescript),
        ("import fs from 'fs';\nreturn 1;", "syntax_error", json!(1), json!(1), imports),
        ("return 'it's';", "syntax_error", json!(1), json!(12), "';'"),
        ("{\n  \"a\": 1\n}", "syntax_error", json!(2), json!(6), "';'"),
        (
            "const a = 1;\nconst b = 'open;\nreturn b",
            "syntax_error",
            json!(2),
            json!(11),
            "unterminated string",
        ),
        ("const a = \"it's\" + \"open;\n\n", "syntax_error", json!(1), json!(20), "unterminated string"),
        ("const a = 'x';\nreturn /open", "syntax_error", json!(2), json!(8), "regular expression"),
        (
            "export default () => {\n  return 'open\n}",
            "syntax_error",
            json!(2),
            json!(10),
            "unterminated string",
        ),
    ]);
}

#[test]
fn one_engine_serves_many_calls_and_forgets_each() {
    with_engine(|engine| {
        engine.prepare(b"body", b"p.js", b"return [context.n, context.rawBody]", &[]);
        for n in 0..3 {
            let answer = call(engine, &json!({ "n": n }), n.to_string().as_bytes(), b"{}", &json!({}));
            assert_eq!(json(answer), Ok(json!([n, n.to_string()])));
        }
    });
}

#[test]
fn json_stringify_is_the_languages_own() {
    all(&[
        (
            "return JSON.stringify({ b: 1, a: [undefined, () => 1, Symbol(), NaN, -0], f() {}, s: Symbol(), u: undefined, 2: 'x', 1: null })",
            json!(r#"{"1":null,"2":"x","b":1,"a":[null,null,null,null,0]}"#),
        ),
        (
            r"return JSON.stringify('\u0000\b\f\n\u2028\ud800\u00e9\u{1f600}')",
            json!("\"\\u0000\\b\\f\\n\u{2028}\\ud800\u{e9}\u{1f600}\""),
        ),
        (
            "return [JSON.stringify(undefined) === undefined, JSON.stringify(() => 1) === undefined, JSON.stringify(null), JSON.stringify(Promise.resolve(1)), JSON.stringify(new Map([[1, 2]]))]",
            json!([true, true, "null", "{}", "{}"]),
        ),
        (
            "return [JSON.stringify({ a: [1] }, null, 2), JSON.stringify({ a: 1, b: 2 }, ['b']), JSON.stringify([1], (k, v) => v)]",
            json!(["{\n  \"a\": [\n    1\n  ]\n}", "{\"b\":2}", "[1]"]),
        ),
        (
            "return JSON.stringify({ d: new Date(0), x: { toJSON(key) { return key + '!' } } })",
            json!(r#"{"d":"1970-01-01T00:00:00.000Z","x":"x!"}"#),
        ),
        ("const a = {}; a.a = a; try { JSON.stringify(a) } catch (e) { return e.name }", json!("TypeError")),
        ("try { JSON.stringify(1n) } catch (e) { return e.name }", json!("TypeError")),
        (
            "return JSON.stringify([1e21, 1e-7, 0.1, 123456789012, new Proxy({ a: 1 }, {}), new Proxy([1], {})])",
            json!("[1e+21,1e-7,0.1,123456789012,{\"a\":1},[1]]"),
        ),
    ]);
}
