//! Scripts as people paste them from Node.js: CommonJS and JSON files, modules of Node, `process`, loops, timers, hints.

use serde_json::json;

use crate::support::{TestServer, Workflow, flowcell};

#[test]
fn files_may_be_commonjs_and_json() {
    let main = "import { price } from './price.js';\nimport whole from './price.js';\nimport rates from './rates.json' with { type: 'json' };\n\
                export default (context) => [price(2, 'eur'), whole.price === price, rates.eur, require('./lib/old.cjs'), require('./rates').usd, typeof module, typeof exports];";
    let server = TestServer::start([
        Workflow::script("mixed", main)
            .file("price.js", "const { round } = require('./lib/round.cjs');\nconst rates = require('./rates.json');\nexports.price = (amount, currency) => round(amount * rates[currency]);")
            .file("lib/round.cjs", "module.exports = { round: (n) => Math.round(n * 100) / 100, from: module.id, folder: __dirname };")
            .file("lib/old.cjs", "const { from, folder } = require('./round.cjs');\nmodule.exports = [from, folder, this === exports];")
            .file("rates.json", "{ \"eur\": 1.105, \"usd\": 1 }"),
        Workflow::script("whole", "const crypto = require('crypto');\nmodule.exports = async (context, tools) => [context.data, typeof tools.kv, crypto.createHash('md5').update('a').digest('hex').length];"),
        Workflow::script("named", "exports.handler = 1;\nexports.default = (context) => context.method;\nObject.defineProperty(exports, '__esModule', { value: true });"),
        Workflow::script("value", "const exports = context.data;\nreturn exports.a;"),
    ]);
    let mixed = json!([2.21, true, 1.105, ["/lib/round.cjs", "/lib", true], 1, "undefined", "undefined"]);
    assert_eq!(server.hook("mixed").json(), mixed);
    assert_eq!(server.post("whole", &json!({ "a": 1 })).json(), json!([{ "a": 1 }, "object", 32]));
    assert_eq!(server.post("named", &json!(1)).json(), "POST");
    assert_eq!(server.post("value", &json!({ "a": 5 })).json(), 5);
}

#[test]
fn what_a_commonjs_file_throws_has_its_own_place_and_can_be_caught() {
    let server = TestServer::start([
        Workflow::script("throws", "import { f } from './f.js';\nexport default () => f();")
            .file("f.js", "exports.f = () => { throw new Error('inside') };"),
        Workflow::script("first", "const f = require('./f.cjs');\nreturn f()")
            .file("f.cjs", "module.exports = function named() { throw new TypeError('one') };"),
        Workflow::script("caught", "try { require('./bad.cjs') } catch (error) { return error.message }")
            .file("bad.cjs", "exports.early = 1;\nthrow new Error('at load');"),
    ]);
    let place = |key: &str| server.run(&server.hook(key).run_id())["error"]["position"].clone();
    assert_eq!(place("throws"), json!({ "file": "f.js", "line": 1, "column": 27 }));
    assert_eq!(place("first"), json!({ "file": "f.cjs", "line": 1, "column": 43 }));
    assert_eq!(server.hook("caught").json(), "at load");
}

#[test]
fn what_is_wrong_in_such_files_is_told_by_check() {
    let root = tempfile::tempdir().unwrap();
    let files = [
        (
            "json",
            "import a from './a.json';\nexport default () => a",
            "a.json",
            "{\n  \"a\": }",
            "a.json:2:8: this is not JSON",
        ),
        ("common", "import './a.cjs';\nexport default 1", "a.cjs", "exports.a = ;", "a.cjs:1:13: "),
        (
            "fs",
            "import fs from 'node:fs';\nexport default 1",
            "x.js",
            "1",
            "main.js:1:16: `node:fs` is a module of Node.js that scripts do not have: there are no files; `kv` keeps values",
        ),
        (
            "http",
            "import http from 'http';\nexport default 1",
            "x.js",
            "1",
            "`http` is a module of Node.js that scripts do not have: `fetch` makes requests",
        ),
    ];
    for (key, source, file, text, words) in files {
        Workflow::script(key, source).file(file, text).write(root.path());
        let checked = flowcell(["check".into(), root.path().join(key)]);
        assert!(checked.code == 1 && checked.stdout.contains(words), "{key}: {checked:?}");
    }
}

#[test]
fn require_of_a_bundled_function_gives_the_function() {
    // As `flowcell bundle` writes a CommonJS package.
    let library = "var f = (n) => n * 2;\nf.extra = 1;\nconst __library = f;\nexport default __library;\n\
                   export { __library as \"module.exports\" };\nexport const extra = __library.extra;";
    let server = TestServer::start([
        Workflow::script("body", "const double = require('double');\nreturn [double(4), double.extra]")
            .file("libraries/double.js", library),
        Workflow::script("module", "import double, { extra } from 'double';\nexport default () => [double(4), extra, require('double')(1)]")
            .file("libraries/double.js", library),
    ]);
    assert_eq!(server.hook("body").json(), json!([8, 1]));
    assert_eq!(server.hook("module").json(), json!([8, 1, 2]));
}

#[test]
fn modules_of_node_are_there() {
    let source = "const zlib = require('zlib');\nconst { pipeline } = require('node:stream/promises');\nconst { Readable, Transform } = require('stream');\n\
        const parts = [];\nawait pipeline(Readable.from(['ab', 'cd']), new Transform({ transform(chunk, _, done) { done(null, `${chunk}`.toUpperCase()) } }), zlib.createGzip(), async (all) => { for await (const part of all) parts.push(part) });\n\
        const path = require('path');\nrequire('assert').deepStrictEqual({ a: [1] }, { a: [1] });\n\
        let why; try { require('net') } catch (error) { why = error.message }\n\
        return [zlib.gunzipSync(Buffer.concat(parts)).toString(), path.join('/a', '../b', 'c.txt'), process.env.SHOP, process.env.NOT_NAMED ?? null, process.platform, why]";
    let workflow = Workflow::script("node", source).set(json!({ "env": ["SHOP"] }));
    let server = crate::support::Setup::default()
        .workflows([workflow])
        .variable("SHOP", "north")
        .variable("NOT_NAMED", "x")
        .start();
    let found = server.hook("node").json();
    assert_eq!(
        found,
        json!([
            "ABCD",
            "/b/c.txt",
            "north",
            null,
            "linux",
            "Cannot find module 'net': it is a module of Node.js that scripts do not have: there are no sockets; `fetch` makes requests, other protocols are steps or plugins"
        ])
    );
}

#[test]
fn a_bomb_is_refused() {
    let source = "const zlib = require('zlib');\nlet bytes = Buffer.alloc(12000000);\nbytes = zlib.gzipSync(zlib.gzipSync(bytes));\n\
        const small = zlib.gunzipSync(bytes);\nconst twice = Buffer.concat([small, small, small]);\n\
        try { zlib.gunzipSync(twice); return 'came out' } catch (error) { return [error.code, error.message] }";
    let limits = json!({ "memory": "128MiB", "fuel": 20_000_000_000_u64, "timeout": "30s" });
    let step = json!({ "id": "main", "type": "code", "file": "main.js", "limits": limits });
    let bomb = Workflow::steps("bomb", json!([step])).trigger(json!({ "mode": "sync", "sync_wait": "60s" }));
    let server = TestServer::start([bomb.file("main.js", source)]);
    assert_eq!(
        server.post("bomb", &json!(null)).json(),
        json!(["ERR_BUFFER_TOO_LARGE", "Cannot create a Buffer larger than 16777216 bytes"])
    );
}

#[test]
fn a_script_in_loops_sees_their_items() {
    let code = json!({ "id": "cell", "type": "code", "file": "cell.js" });
    let inner =
        json!({ "id": "inner", "type": "loop", "over": "{{$context.data.letters}}", "steps": [code] });
    let outer = json!({ "id": "outer", "type": "loop", "over": [{ "n": 7 }, { "n": 8 }], "steps": [inner] });
    let after = json!({ "id": "after", "type": "code", "file": "after.js" });
    let loops = Workflow::steps("loops", json!([outer, after]))
        .trigger(json!({ "mode": "sync", "sync_wait": "60s" }));
    let server = TestServer::start([loops
        .file("cell.js", "const { outer } = scopes;\nreturn `${outer.item.n}${outer.index}${scopes.inner.item}${scopes.inner.index}${Object.keys(scopes)}`;")
        .file("after.js", "export default (context, tools) => [scopes, tools.scopes];")]);
    let answer = server.post("loops", &json!({ "letters": ["a", "b"] }));
    assert_eq!(answer.json(), json!([{}, {}]));
    let run = server.run(&answer.run_id());
    let steps = run["steps"].as_array().unwrap();
    let mut cells: Vec<_> =
        steps.iter().filter(|step| step["id"] == "cell").filter_map(|step| step["output"].as_str()).collect();
    cells.sort_unstable();
    assert_eq!(cells, ["70a0outer,inner", "70b1outer,inner", "81a0outer,inner", "81b1outer,inner"], "{run}");
}

#[test]
fn timers_fire_in_the_order_of_their_times() {
    let source = "const fired = [];\nconst all = [30, 5, 20, 0, 10, 1, 25].map((ms) => new Promise((done) => setTimeout(() => { fired.push(ms); done() }, ms)));\n\
                  setImmediate(() => fired.push('immediate'));\nfor (let i = 0; i < 2e5; i++);\nawait Promise.all(all);\nreturn fired";
    let server = TestServer::start([Workflow::script("timers", source)]);
    for _ in 0..5 {
        assert_eq!(server.hook("timers").json(), json!(["immediate", 0, 1, 5, 10, 20, 25, 30]));
    }
}

#[test]
fn names_of_other_tools_are_told_what_to_write() {
    let names = ["$json", "$input", "items", "msg", "inputData", "$node", "$env"];
    let server = TestServer::start(names.map(|name| {
        Workflow::script(
            &format!("w{}", names.iter().position(|n| *n == name).unwrap()),
            &format!("return {name}.x"),
        )
    }));
    for (index, name) in names.iter().enumerate() {
        let error = server.run(&server.hook(&format!("w{index}")).run_id())["error"]["message"].clone();
        let begins = format!("ReferenceError: {name} is not defined: ");
        assert!(
            error.as_str().unwrap().starts_with(&begins) && error.as_str().unwrap().contains('`'),
            "{error}"
        );
    }
}
