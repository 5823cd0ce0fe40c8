//! Whatever a script does, it is stopped with a code that says why, others are served meanwhile, and the server stays
//! as small as it was.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Setup, TestServer, Workflow, flowcell};

/// A hostile script, its limits, and the codes that may end it.
struct Hostile {
    key: &'static str,
    source: &'static str,
    codes: &'static [&'static str],
}

const fn hostile(key: &'static str, source: &'static str, codes: &'static [&'static str]) -> Hostile {
    Hostile { key, source, codes }
}

/// A healthy answer may take this long beside hostile scripts on a slow machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs each script on one server, with a healthy workflow called all the while; gives the runs.
#[track_caller]
fn each_is_stopped(table: &[Hostile], limits: Value) -> Vec<Value> {
    let hostile =
        table.iter().map(|script| Workflow::script(script.key, script.source).limits(limits.clone()));
    let mut server = TestServer::start(hostile.chain([Workflow::script("healthy", "return 'well'")]));
    let pid = server.pid();
    let before = server.resident_mib();
    let (runs, slowest) = server
        .while_healthy("healthy", || table.iter().map(|script| stopped(&server, script)).collect::<Vec<_>>());
    assert!(slowest < PATIENCE, "a healthy answer took {slowest:?}");
    assert!(server.is_alive() && server.pid() == pid, "the server went down");
    let after = server.resident_mib();
    assert!(after < before + 200, "{before} MiB became {after} MiB");
    assert_eq!(server.hook("healthy").text(), "\"well\"");
    runs
}

#[track_caller]
fn stopped(server: &TestServer, script: &Hostile) -> Value {
    let Hostile { key, codes, .. } = script;
    let response = server.hook(key);
    assert_eq!(
        (response.status, response.problem().as_str()),
        (500, "run_failed"),
        "{key}: {}",
        response.text()
    );
    let run = server.run(&response.run_id());
    let error = &run["error"];
    assert!(codes.contains(&error["code"].as_str().unwrap()), "{key}: {error}");
    assert_eq!((&run["status"], &error["step"]), (&json!("failed"), &json!("main")), "{key}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{key}: {error}");
    run
}

#[track_caller]
fn crossed(run: &Value, unit: &str) -> (u64, u64) {
    let limit = &run["error"]["limit"];
    assert_eq!(limit["unit"], unit, "{}", run["error"]);
    let number = |name: &str| limit[name].as_u64().unwrap_or_else(|| panic!("{name}: {limit}"));
    let (limit, used) = (number("limit"), number("used"));
    assert!(used >= limit, "{used} of {limit} is not over the limit");
    (limit, used)
}

/// What goes on for ever without needing memory.
const ENDLESS: [Hostile; 13] = [
    hostile("loop", "while (true) {}", FUEL),
    hostile("loop_of_awaits", "for (;;) await null", FUEL),
    hostile("nested_calls", "function f() { for (let i = 0; i < 1000; i++) {} } for (;;) f()", FUEL),
    hostile("regular_expression", "return /(a+)+$/.test('a'.repeat(40) + '!')", FUEL),
    hostile("regular_expression_alternatives", "return /^(a|a)*$/.test('a'.repeat(60) + '!')", FUEL),
    hostile("replace", "return 'a'.repeat(50).replace(/(.*)*x/, '')", FUEL),
    hostile("sort", "const a = [3, 1, 2]; return a.sort(() => { for (;;) {} })", FUEL),
    hostile("getter", "return { get a() { for (;;) {} } }", FUEL),
    hostile("to_json", "return { toJSON() { for (;;) {} } }", FUEL),
    hostile(
        "iterator",
        "for (const x of { [Symbol.iterator]: () => ({ next: () => ({ done: false }) }) }) {}",
        FUEL,
    ),
    hostile("proxy", "const p = new Proxy({}, { get: () => { for (;;) {} } }); return p.a", FUEL),
    hostile("catch_all", "for (;;) { try { for (;;) {} } catch {} finally { continue } }", FUEL),
    hostile("module_top_level", "for (;;) {}\nexport default () => 1;", FUEL),
];
const FUEL: &[&str] = &["fuel_exhausted"];
const TIME: &[&str] = &["timeout"];

#[test]
fn code_that_never_ends_is_stopped_by_fuel() {
    let runs = each_is_stopped(&ENDLESS, json!({ "fuel": 100_000_000, "timeout": "60s" }));
    for run in runs {
        assert_eq!(crossed(&run, "fuel"), (100_000_000, 100_000_000));
        assert_eq!(run["steps"][0]["usage"]["fuel"], 100_000_000, "the run shows what it used");
    }
}

#[test]
fn code_that_never_ends_is_stopped_by_time() {
    let timed = ENDLESS.map(|script| Hostile { codes: TIME, ..script });
    let runs = each_is_stopped(&timed, json!({ "fuel": 100_000_000_000_u64, "timeout": "150ms" }));
    for run in runs {
        let (limit, used) = crossed(&run, "ms");
        assert_eq!(limit, 150);
        assert!(used < 10_000, "stopped after {used} ms");
    }
}

#[test]
fn the_default_limits_stop_an_endless_loop_within_seconds() {
    let server = TestServer::start([Workflow::script("loop", "for (;;) {}")]);
    let run = stopped(&server, &hostile("loop", "", &["fuel_exhausted", "timeout"]));
    assert!(run["steps"][0]["took_us"].as_u64().unwrap() < 20_000_000, "{run}");
}

const MEMORY: &[&str] = &["memory_limit"];
/// Some of these end in an error of JavaScript's own, such as "invalid array length".
const MEMORY_OR_THROWN: &[&str] = &["memory_limit", "script_error"];

const GREEDY: [Hostile; 20] = [
    hostile("objects", "const a = []; for (;;) a.push({ a: 1 })", MEMORY),
    hostile("one_gigabyte", "return 'x'.repeat(2 ** 30).length", MEMORY_OR_THROWN),
    hostile("string_doubling", "let s = 'x'; for (;;) s += s", MEMORY_OR_THROWN),
    hostile("array_doubling", "let a = [1]; for (;;) a = a.concat(a)", MEMORY),
    hostile("spread", "let a = [1]; for (;;) a = [...a, ...a]", MEMORY),
    hostile("pad", "return 'x'.padStart(2 ** 30, 'ab').length", MEMORY_OR_THROWN),
    hostile("join", "return new Array(2 ** 26).join('abcdefgh').length", MEMORY_OR_THROWN),
    hostile("fill", "return new Array(2 ** 27).fill(7).length", MEMORY_OR_THROWN),
    hostile("from", "return Array.from({ length: 2 ** 28 }, () => 7).length", MEMORY_OR_THROWN),
    hostile("buffer", "return new ArrayBuffer(2 ** 31 - 1).byteLength", MEMORY_OR_THROWN),
    hostile(
        "typed_arrays",
        "const a = []; for (;;) a.push(new Uint8Array(1 << 20).fill(1))",
        MEMORY_OR_THROWN,
    ),
    hostile("map", "const m = new Map(); for (let i = 0; ; i++) m.set(i, i)", MEMORY),
    hostile("keys", "const o = {}; for (let i = 0; ; i++) o['key' + i] = i", MEMORY),
    hostile("closures", "let f = () => 0; for (;;) { const g = f; f = () => g }", MEMORY),
    hostile("promises", "function f() { return Promise.resolve().then(f) } await f()", MEMORY),
    hostile("jobs", "const a = []; for (;;) a.push(Promise.resolve().then(() => 1))", MEMORY),
    hostile(
        "replace_all",
        "return 'a'.repeat(1 << 16).replaceAll('a', 'b'.repeat(1 << 14)).length",
        MEMORY_OR_THROWN,
    ),
    hostile(
        "stringify",
        "const a = []; for (let i = 0; i < 64; i++) a.push('y'.repeat(1 << 20)); return JSON.stringify(a).length",
        MEMORY,
    ),
    hostile(
        "held_by_catch",
        "const a = []; for (;;) { try { for (;;) a.push([1, 2, 3]) } catch {} }",
        MEMORY,
    ),
    hostile("module_top_level", "const a = []; for (;;) a.push({});\nexport default () => 1;", MEMORY),
];

#[test]
fn code_that_wants_more_memory_than_its_limit_is_stopped_and_the_server_stays_small() {
    let runs =
        each_is_stopped(&GREEDY, json!({ "memory": "24MiB", "fuel": 50_000_000_000_u64, "timeout": "60s" }));
    for run in runs {
        if run["error"]["code"] == "memory_limit" {
            assert_eq!(crossed(&run, "bytes").0, 24 << 20);
        }
        assert!(
            run["steps"][0]["usage"]["peak_memory"].as_u64().unwrap() <= 24 << 20,
            "{}",
            run["steps"][0]["usage"]
        );
    }
}

/// What hangs on few objects is collected as well as many small ones are: each of these drops hundreds of megabytes.
const LITTER: [(&str, &str, i64); 9] = [
    (
        "arrays",
        "let n = 0; for (let j = 0; j < 200; j++) { const c = []; for (let i = 0; i < 20000; i++) c.push(i); n += c.length } return n",
        4_000_000,
    ),
    (
        "arrays_by_index",
        "let n = 0; for (let j = 0; j < 200; j++) { const c = []; for (let i = 0; i < 20000; i++) c[i] = 0.5; n += c.length } return n",
        4_000_000,
    ),
    (
        "spreads",
        "let a = [...Array(20000).keys()], n = 0; for (let j = 0; j < 300; j++) { const c = [...a]; n += c.length } return n",
        6_000_000,
    ),
    (
        "slices",
        "const a = Array(50000).fill('x'); let n = 0; for (let j = 0; j < 300; j++) n += a.slice(1).length; return n",
        14_999_700,
    ),
    (
        "maps",
        "let n = 0; for (let j = 0; j < 300; j++) { const m = new Map(); for (let i = 0; i < 1500; i++) m.set('k' + i, i); n += m.size } return n",
        450_000,
    ),
    (
        "sets",
        "let n = 0; for (let j = 0; j < 300; j++) { const m = new Set(); for (let i = 0; i < 1500; i++) m.add(i); n += m.size } return n",
        450_000,
    ),
    (
        "large_objects",
        "const o = {}; for (let i = 0; i < 1400; i++) o['k' + i] = i; let n = 0; for (let j = 0; j < 300; j++) { const c = { ...o }; n += c.k3 } return n",
        900,
    ),
    (
        "parsed_large_objects",
        "const o = {}; for (let i = 0; i < 1400; i++) o['k' + i] = i; let n = 0; for (let j = 0; j < 200; j++) n += JSON.parse(JSON.stringify(o)).k3; return n",
        600,
    ),
    (
        "an_object_spread_in_a_reduce",
        "return Object.keys(Array.from({ length: 1500 }, (_, i) => 'k' + i).reduce((all, key) => ({ ...all, [key]: 1 }), {})).length",
        1500,
    ),
];

#[test]
fn what_hangs_on_few_objects_is_collected_before_the_memory_ends() {
    let limits = json!({ "memory": "32MiB", "fuel": 100_000_000_000_u64, "timeout": "60s" });
    let server = TestServer::start(
        LITTER.iter().map(|(name, script, _)| Workflow::script(name, script).limits(limits.clone())),
    );
    let wrong: Vec<String> = LITTER
        .iter()
        .filter_map(|(name, _, expected)| {
            let answer = server.hook(name);
            (answer.status != 200 || answer.json() != *expected).then(|| format!("{name}: {}", answer.text()))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

const DEEP: &[&str] = &["stack_overflow"];
/// Where the engine meets its own limit first, it throws; the script may even catch that.
const DEEP_OR_THROWN: &[&str] = &["stack_overflow", "script_error", "output_invalid"];

const DEEP_OR_MEMORY: &[&str] = &["stack_overflow", "memory_limit"];

const RECURSIVE: [Hostile; 14] = [
    hostile("calls", "const f = () => 1 + f(); return f()", DEEP),
    hostile("two_functions", "const f = () => g(), g = () => f(); return f()", DEEP),
    hostile("constructors", "class A { constructor() { new A() } } new A()", DEEP),
    hostile("getters", "const o = { get a() { return this.a } }; return o.a", DEEP),
    hostile("to_primitive", "const o = { [Symbol.toPrimitive]() { return '' + o } }; return '' + o", DEEP),
    hostile(
        "proxies",
        "let p = {}; for (let i = 0; i < 50000; i++) p = new Proxy(p, {}); return p.a",
        DEEP_OR_THROWN,
    ),
    hostile(
        "bound_functions",
        "let f = () => 1; for (let i = 0; i < 50000; i++) f = f.bind(null); return f()",
        DEEP_OR_MEMORY,
    ),
    hostile("json_parse", "return JSON.parse('['.repeat(200000))", DEEP_OR_THROWN),
    hostile(
        "json_stringify",
        "let a = []; for (let i = 0; i < 50000; i++) a = [a]; return JSON.stringify(a)",
        DEEP_OR_THROWN,
    ),
    hostile("output", "let a = []; for (let i = 0; i < 50000; i++) a = [a]; return a", DEEP_OR_THROWN),
    hostile(
        "flat",
        "let a = []; for (let i = 0; i < 50000; i++) a = [a]; return a.flat(Infinity)",
        DEEP_OR_THROWN,
    ),
    hostile(
        "source",
        "return new Function('return ' + '('.repeat(50000) + '1' + ')'.repeat(50000))()",
        DEEP_OR_THROWN,
    ),
    hostile("source_blocks", "return eval('{'.repeat(50000))", DEEP_OR_THROWN),
    hostile("pattern", "return new RegExp('('.repeat(50000) + ')'.repeat(50000)).test('a')", DEEP_OR_THROWN),
];

#[test]
fn a_stream_in_many_pieces_costs_what_its_bytes_cost() {
    let decode = |key: &str, pieces: u32| {
        let source = format!(
            "const d = new TextDecoder('gbk'), piece = new Uint8Array(1023).fill(0xc4); let n = 0; \
             for (let i = 0; i < {pieces}; i++) n += d.decode(piece, {{ stream: true }}).length; return n"
        );
        Workflow::script(key, &source).limits(json!({ "fuel": 50_000_000_000_u64, "timeout": "60s" }))
    };
    let server = TestServer::start([decode("few", 100), decode("many", 400)]);
    let fuel = |key: &str| {
        let run = server.run(&server.hook(key).run_id());
        assert_eq!(run["status"], "succeeded", "{run}");
        run["steps"][0]["usage"]["fuel"].as_u64().unwrap()
    };
    let (few, many) = (fuel("few"), fuel("many"));
    assert!(many < few * 6, "four times the pieces took {many} in place of {few}");
}

#[test]
fn code_that_goes_too_deep_is_stopped() {
    each_is_stopped(&RECURSIVE, json!({ "memory": "64MiB", "fuel": 20_000_000_000_u64, "timeout": "60s" }));
}

#[test]
fn recursion_names_its_place() {
    let server = TestServer::start([Workflow::script(
        "deep",
        "function down() {\n  return down();\n}\nreturn down();",
    )]);
    let run = stopped(&server, &hostile("deep", "", DEEP));
    let position = &run["error"]["position"];
    assert_eq!((&position["file"], &position["line"]), (&json!("main.js"), &json!(2)), "{}", run["error"]);
}

#[test]
fn a_limit_cannot_be_caught() {
    let table = [
        ("deep", "const f = () => 1 + f(); try { f() } catch { return 'survived' }", "stack_overflow"),
        ("finally", "const f = () => 1 + f(); try { f() } finally { return 'survived' }", "stack_overflow"),
        (
            "rejected",
            "const f = async () => 1 + await f(); return f().catch(() => 'survived')",
            "stack_overflow",
        ),
        ("memory", "try { const a = []; for (;;) a.push({}) } catch { return 'survived' }", "memory_limit"),
        ("fuel", "try { for (;;) {} } finally { return 'survived' }", "fuel_exhausted"),
    ];
    let limits = json!({ "fuel": 20_000_000_000_u64, "timeout": "60s", "memory": "16MiB" });
    let server =
        TestServer::start(table.map(|(key, source, _)| Workflow::script(key, source).limits(limits.clone())));
    for (key, _, code) in table {
        let response = server.hook(key);
        assert_eq!(response.status, 500, "{key}: {}", response.text());
        assert_eq!(server.run(&response.run_id())["error"]["code"], code, "{key}");
    }
}

#[test]
fn a_source_that_is_nested_too_deep_is_an_error_of_check_and_of_no_consequence_to_a_server() {
    let deep = Workflow::script("deep", &format!("return {}1{}", "(".repeat(50_000), ")".repeat(50_000)));
    let server = TestServer::start([deep.clone(), Workflow::script("healthy", "return 1")]);
    assert_eq!(server.hook("healthy").status, 200);
    assert_eq!(server.hook("deep").status, 404, "it was never installed");
    server.wait_for_log("main.js");
    let checked = flowcell(["check".into(), server.workflows().join("deep")]);
    assert_eq!(checked.code, 1, "{}{}", checked.stdout, checked.stderr);
    assert!(checked.stdout.contains("nested too deep"), "{}", checked.stdout);
}

#[test]
fn an_output_that_is_no_json_is_refused_by_its_place() {
    let table: [(&str, &str, &str); 9] = [
        ("cycle", "const a = { b: {} }; a.b.c = a; return a", "`b.c` is a cycle"),
        ("function", "return { list: [1, () => 1] }", "`list[1]` is a function"),
        ("class", "return class A {}", "it is a function"),
        ("bigint", "return { n: 10n }", "`n` is a bigint"),
        ("symbol", "return [Symbol('a')]", "`[0]` is a symbol"),
        ("promise", "return { later: Promise.resolve(1) }", "`later` is a Promise: await it"),
        ("proxied_function", "return new Proxy(() => 1, {})", "it is a function"),
        ("cyclic_array", "const a = []; a.push(a); return a", "`[0]` is a cycle"),
        ("deep", "let a = 1; for (let i = 0; i < 1000; i++) a = [a]; return a", "nested deeper than"),
    ];
    let server = TestServer::start(table.map(|(key, source, _)| Workflow::script(key, source)));
    for (key, _, words) in table {
        let run = stopped(&server, &hostile(key, "", &["output_invalid"]));
        let message = run["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{key}: {message}");
    }
}

#[test]
fn what_json_leaves_out_or_converts_is_as_json_stringify_does_it() {
    let source = "return { u: undefined, d: new Date(0), n: NaN, i: -Infinity, z: -0, s: '\\ud800', a: [undefined], m: new Map([[1, 2]]), e: '' }";
    let server = TestServer::start([
        Workflow::script("json", source),
        Workflow::script("nothing", "const a = 1"),
        Workflow::script("sparse", "return [1,,3]"),
    ]);
    let expected = json!({ "d": "1970-01-01T00:00:00.000Z", "n": null, "i": null, "z": 0, "s": "\u{fffd}", "a": [null], "m": {}, "e": "" });
    assert_eq!(server.hook("json").json(), expected);
    assert_eq!(server.hook("nothing").json(), Value::Null);
    assert_eq!(server.hook("sparse").json(), json!([1, null, 3]));
}

#[test]
fn an_output_over_its_limit_is_refused_with_both_numbers() {
    let server = TestServer::start([
        Workflow::script("default", "return 'x'.repeat(1 << 20)"),
        Workflow::script("own", "return 'x'.repeat(1000)").limits(json!({ "output": "1000B" })),
        Workflow::script("fits", "return 'x'.repeat(998)").limits(json!({ "output": "1000B" })),
    ]);
    let run = stopped(&server, &hostile("default", "", &["output_too_large"]));
    assert_eq!(crossed(&run, "bytes"), (1 << 20, (1 << 20) + 2));
    let run = stopped(&server, &hostile("own", "", &["output_too_large"]));
    assert_eq!(crossed(&run, "bytes"), (1_000, 1_002));
    assert_eq!(server.hook("fits").status, 200);
}

#[test]
fn a_promise_that_nothing_can_settle_fails_the_step_at_once() {
    let table = [
        ("awaited", "await new Promise(() => {})"),
        ("returned", "return new Promise(() => {})"),
        ("raced", "return Promise.race([])"),
        ("module", "export default () => new Promise(() => {})"),
    ];
    let server = TestServer::start(table.map(|(key, source)| Workflow::script(key, source)));
    for (key, _) in table {
        let run = stopped(&server, &hostile(key, "", &["promise_never_settled"]));
        assert!(
            run["steps"][0]["usage"]["wall_us"].as_u64().unwrap() < 2_000_000,
            "{key} waited for its timeout"
        );
    }
}

#[test]
fn a_flood_of_logs_is_cut_and_marked_and_the_run_succeeds() {
    let limits = json!({ "fuel": 50_000_000_000_u64, "timeout": "60s" });
    let server = TestServer::start([
        Workflow::script("lines", "for (let i = 0; i < 20000; i++) console.log('line', i); return 'done'")
            .limits(limits.clone()),
        Workflow::script(
            "bytes",
            "for (let i = 0; i < 40; i++) console.log('x'.repeat(65536)); return 'done'",
        )
        .limits(limits),
        Workflow::script("few", "console.warn('careful', { a: [1] }); return 'done'"),
    ]);
    for (key, lines, bytes) in [("lines", 1_000, 256 << 10), ("bytes", 1_000, 256 << 10)] {
        let response = server.hook(key);
        assert_eq!((response.status, response.text().as_str()), (200, "\"done\""), "{key}");
        let step = &server.run(&response.run_id())["steps"][0];
        assert_eq!(step["log_truncated"], true, "{key}");
        let logs = step["logs"].as_array().unwrap();
        assert!(!logs.is_empty() && logs.len() <= lines, "{key}: {} lines", logs.len());
        let size: usize = logs.iter().map(|line| line["text"].as_str().unwrap().len()).sum();
        assert!(size <= bytes, "{key}: {size} bytes");
    }
    let step = &server.run(&server.hook("few").run_id())["steps"][0];
    assert_eq!((&step["log_truncated"], &step["logs"][0]["level"]), (&json!(false), &json!("warn")));
}

#[test]
fn many_hostile_runs_at_once_hold_up_nobody_for_ever() {
    let bombs = ["for (;;) {}", "const a = []; for (;;) a.push({})", "const f = () => 1 + f(); return f()"];
    let limits = json!({ "fuel": 2_000_000_000_u64, "timeout": "500ms" });
    let hostile = bombs
        .iter()
        .enumerate()
        .map(|(n, source)| Workflow::script(&format!("b{n}"), source).limits(limits.clone()));
    let server = TestServer::start(hostile.chain([Workflow::script("healthy", "return 1")]));
    let before = server.resident_mib();
    let ((), slowest) = server.while_healthy("healthy", || {
        std::thread::scope(|scope| {
            for n in 0..12 {
                let server = &server;
                scope.spawn(move || {
                    for _ in 0..3 {
                        assert_eq!(server.hook(&format!("b{}", n % 3)).status, 500);
                    }
                });
            }
        });
    });
    assert!(slowest < PATIENCE * 3, "a healthy answer took {slowest:?}");
    let after = server.resident_mib();
    assert!(after < before + 400, "{before} MiB became {after} MiB");
}

#[test]
fn a_workflow_of_endless_scripts_leaves_slots_to_the_others() {
    let endless = Workflow::script("endless", "for (;;) {}")
        .limits(json!({ "fuel": 100_000_000_000_u64, "timeout": "60s" }))
        .asynchronous();
    let server = Setup::default()
        .workflows([endless, Workflow::script("healthy", "return 1")])
        .variable("FLOWCELL_SANDBOX_SLOTS", "4")
        .start();
    for _ in 0..12 {
        assert_eq!(server.hook("endless").status, 202);
    }
    for _ in 0..5 {
        assert_eq!(server.hook("healthy").status, 200);
    }
    let ended = server.runs("endless").into_iter().filter(|run| run["status"] != "queued").count();
    assert_eq!(ended, 0, "the healthy ones did not wait for an end of the endless ones");
}
