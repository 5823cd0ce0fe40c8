//! Hostile modules: each is a clear error, and the server is as it was.

use std::{fs, time::Duration};

use serde_json::{Value, json};

use crate::{
    plugin_wat::Wat,
    plugins::{last_error, upload, uploaded, uses, with_step},
    support::{Response, Setup, TestServer, Workflow},
};

/// A server that has hostile plugins to run, and a script that shows whether it is well.
fn server(workflows: impl IntoIterator<Item = Workflow>) -> TestServer {
    TestServer::start(workflows.into_iter().chain([Workflow::script("well", "return 1")]))
}

/// What the module of a refused upload is told.
#[track_caller]
fn refused(server: &TestServer, module: &[u8], code: &str, part: &str) {
    let (answer, slowest) =
        server.while_healthy("well", || upload(server, module, "name=hostile&version=1.0.0"));
    let Response { status, .. } = answer;
    let text = answer.text();
    assert!((400..500).contains(&status), "{status}: {text}");
    assert!(text.contains(&format!("\"code\":\"{code}\"")) && text.contains(part), "{text}");
    assert!(slowest < Duration::from_secs(20), "others waited {slowest:?}");
}

/// What the run of a hostile plugin comes to.
#[track_caller]
fn fails(server: &TestServer, key: &str, code: &str, part: &str) {
    let (answer, _) = server.while_healthy("well", || server.post(key, &json!({"a": 1})));
    assert_eq!(answer.status, 500, "{}", answer.text());
    let (found, message) = last_error(server, key);
    assert!(found == code && message.contains(part), "{found}: {message}");
}

fn command(items: &str) -> Vec<u8> {
    wat::parse_str(format!(r#"(module {items})"#)).unwrap()
}

const MEMORY: &str = r#"(memory (export "memory") 1)"#;

#[test]
fn a_start_function_that_loops_is_stopped_also_while_it_is_uploaded() {
    let few = json!({ "plugin": "starts@1", "limits": { "fuel": 1_000_000 } });
    let server = server([with_step("starts", few)]);
    // A command is first entered when it is used.
    let loops =
        command(&format!(r#"{MEMORY} (func $f (loop $l (br $l))) (start $f) (func (export "_start"))"#));
    uploaded(&server, &loops, "name=starts&version=1.0.0");
    fails(&server, "starts", "fuel_exhausted", "units of fuel");
    // A component is asked what it is.
    let asked = Wat { items: "(func $s (loop $l (br $l))) (start $s)", ..Wat::ECHO };
    refused(&server, &asked.module(), "plugin_describe_failed", "fuel");
}

#[test]
fn storms_of_memory_and_tables_end_at_the_limit_and_the_memory_comes_back() {
    let server = server([uses("memory", "memory@1"), uses("tables", "tables@1")]);
    let memory = r#"(func (export "_start") (loop $l (drop (memory.grow (i32.const 1))) (br $l)))"#;
    uploaded(&server, &command(&format!("{MEMORY} {memory}")), "name=memory&version=1.0.0");
    let tables = r#"(table $t 0 funcref) (table $u 0 funcref)
        (func (export "_start") (loop $l
            (drop (table.grow $t (ref.null func) (i32.const 50000)))
            (drop (table.grow $u (ref.null func) (i32.const 50000)))
            (drop (memory.grow (i32.const 64)))
            (br $l)))"#;
    uploaded(&server, &command(&format!("{MEMORY} {tables}")), "name=tables&version=1.0.0");
    fails(&server, "memory", "memory_limit", "32MiB");
    let before = server.resident_mib();
    for _ in 0..20 {
        fails(&server, "memory", "memory_limit", "32MiB");
        fails(&server, "tables", "memory_limit", "32MiB");
    }
    let after = server.resident_mib();
    assert!(after < before + 150, "{before} MiB before, {after} MiB after");
}

#[test]
fn ten_thousand_instances_tables_and_memories_are_refused_by_their_number() {
    let server = server([]);
    let instances: String = (0..10_000).map(|_| "(core instance (instantiate $m))").collect();
    let component = format!(r#"(component (core module $m (memory 1)) {instances})"#);
    refused(&server, &wat::parse_str(component).unwrap(), "plugin_too_complex", "instances");
    let nested = (0..40).fold(String::new(), |inner, _| format!("(component {inner})"));
    refused(&server, &wat::parse_str(nested).unwrap(), "plugin_too_complex", "components");
    let memories: String = (0..100).map(|_| "(memory 1)").collect();
    refused(&server, &command(&memories), "plugin_too_complex", "memories");
    let large = command(r#"(memory (export "memory") 65536) (func (export "_start"))"#);
    refused(&server, &large, "plugin_too_complex", "memory");
}

#[test]
fn output_logs_and_recursion_without_end_are_cut() {
    let writes = |descriptor: u32| {
        command(&format!(
            r#"(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            {MEMORY} (data (i32.const 64) "a line\n")
            (func (export "_start")
              (i32.store (i32.const 0) (i32.const 64)) (i32.store (i32.const 4) (i32.const 60000))
              (loop $l (drop (call $write (i32.const {descriptor}) (i32.const 0) (i32.const 1) (i32.const 8))) (br $l)))"#
        ))
    };
    let server = server([uses("floods", "floods@1"), uses("talks", "talks@1"), uses("deep", "deep@1")]);
    uploaded(&server, &writes(1), "name=floods&version=1.0.0");
    fails(&server, "floods", "output_too_large", "limits.output");
    uploaded(&server, &writes(2), "name=talks&version=1.0.0");
    let (answer, _) = server.while_healthy("well", || server.post("talks", &json!({})));
    assert_eq!(answer.status, 500);
    let run = server.run(server.runs("talks")[0]["id"].as_str().unwrap());
    let step = &run["steps"][0];
    let logged: usize =
        step["logs"].as_array().unwrap().iter().map(|line| line["text"].as_str().unwrap().len()).sum();
    assert!(logged <= 256 << 10 && step["log_truncated"] == true, "{logged}");
    let deep = command(&format!(
        r#"{MEMORY} (func $f (call $f) (drop (i32.const 1))) (func (export "_start") (call $f))"#
    ));
    uploaded(&server, &deep, "name=deep&version=1.0.0");
    fails(&server, "deep", "stack_overflow", "too much recursion");
}

/// Sends a request with this many headers of 1 KiB, or a body of this size.
fn asks_too_much(headers: u32, body: u32) -> Vec<u8> {
    let items: &'static str = format!(
        r#"(data (i32.const 4096) "GET") (data (i32.const 4104) "http://a.example/")
        (func $fill (local $i i32)
          (loop $l
            (i32.store (i32.add (i32.const 8192) (i32.mul (local.get $i) (i32.const 16))) (i32.const 4104))
            (i32.store (i32.add (i32.const 8196) (i32.mul (local.get $i) (i32.const 16))) (i32.const 1))
            (i32.store (i32.add (i32.const 8200) (i32.mul (local.get $i) (i32.const 16))) (i32.const 0))
            (i32.store (i32.add (i32.const 8204) (i32.mul (local.get $i) (i32.const 16))) (i32.const 1024))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $l (i32.lt_u (local.get $i) (i32.const {headers}))))
          (drop (memory.grow (i32.const 200))))"#
    )
    .leak();
    let run: &'static str = format!(
        r#"(call $fill)
        (call $send (i32.const 4096) (i32.const 3) (i32.const 4104) (i32.const 17)
          (i32.const 8192) (i32.const {headers}) (i32.const 65536) (i32.const {body}) (i32.const 600))
        (if (result i32) (i32.load8_u (i32.const 600))
          (then (call $err (i32.const 604))) (else (call $ok (i32.const 0) (i32.const 0))))"#
    )
    .leak();
    Wat {
        name: "asks",
        capabilities: &["http:a.example"],
        imports: r#"(import "flowcell:plugin/http@1.0.0" "send" (func $send (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))"#,
        items,
        run,
        ..Wat::ECHO
    }
    .module()
}

#[test]
fn r10_over_asked_random_numbers_and_http_fields_are_errors() {
    let random = r#"(import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
        (memory (export "memory") 400)
        (func (export "_start") (drop (call $random (i32.const 0) (i32.const 20000000))))"#;
    let server = server([uses("random", "random@1"), uses("asks", "asks@1")]);
    uploaded(&server, &command(random), "name=random&version=1.0.0");
    fails(&server, "random", "plugin_crash", "exceeds limit");
    for (headers, body, part) in
        [(101, 0, "100 headers"), (60, 0, "bytes of headers"), (1, 4 << 20, "bytes of body")]
    {
        uploaded(&server, &asks_too_much(headers, body), "");
        server.ask("POST", "/api/v1/plugins/asks/grants", &json!({ "grants": ["http:a.example"] }));
        fails(&server, "asks", "plugin_error", part);
        server.send(&crate::plugins::authorized(&server, "DELETE", "/api/v1/plugins/asks"));
    }
}

#[test]
fn r14_compile_bombs_are_refused_while_the_server_serves() {
    let server = server([]);
    let functions: String = (0..50_000).map(|_| "(func (result i32) i32.const 1)").collect();
    let many = command(&format!(r#"{MEMORY} (func (export "_start")) {functions}"#));
    refused(&server, &many, "plugin_too_complex", "50001 functions");
    // One function of a megabyte and more.
    let long: String = (0..400_000).map(|_| "i32.const 1 drop ").collect();
    refused(
        &server,
        &command(&format!(r#"{MEMORY} (func (export "_start") {long})"#)),
        "plugin_too_complex",
        "one function",
    );
    // What is let through is compiled under limits, and others do not wait for it.
    let wide: String = (0..400)
        .map(|n| {
            let body: String = (0..300)
                .map(|i| {
                    format!(
                        "(local.set {} (i32.mul (local.get {}) (local.get {})))",
                        i % 50,
                        (i + n) % 50,
                        (i * 7) % 50
                    )
                })
                .collect();
            format!("(func (param i32) (local {}) {body})", "i32 ".repeat(50))
        })
        .collect();
    let wide = command(&format!(r#"{MEMORY} (func (export "_start")) {wide}"#));
    let (answer, slowest) =
        server.while_healthy("well", || upload(&server, &wide, "name=wide&version=1.0.0"));
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert!(slowest < Duration::from_secs(20), "others waited {slowest:?}");
}

#[test]
fn e11_machine_code_is_never_taken_for_a_module() {
    let server = server([uses("echoes", "echo@1")]);
    uploaded(&server, &Wat::ECHO.module(), "");
    // What our own compiler made, as it lies in the cache: with the MAC behind it, and without.
    let cache = crate::support::sandbox_cache();
    let mut compiled = 0;
    for entry in fs::read_dir(cache).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "cwasm") || compiled == 3 {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        // An older version left other files there.
        if bytes.starts_with(b"\x7fELF") {
            for bytes in [&bytes[..], &bytes[..bytes.len() - 32]] {
                let answer = upload(&server, bytes, "name=a&version=1.0.0");
                assert_eq!(answer.status, 415);
                assert!(answer.text().contains("plugin_precompiled"), "{}", answer.text());
            }
            compiled += 1;
        }
    }
    assert!(compiled > 0);
    assert_eq!(server.post("echoes", &json!(1)).text(), "1");
}

#[test]
fn e11_changed_machine_code_in_the_cache_is_never_run() {
    let cache = tempfile::tempdir().unwrap();
    let mut server = Setup::default()
        .workflows([uses("echoes", "echo@1")])
        .variable("FLOWCELL_SANDBOX_CACHE", cache.path().to_str().unwrap())
        .start();
    uploaded(&server, &Wat::ECHO.module(), "");
    server.stop();
    for entry in fs::read_dir(cache.path()).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if path.extension().is_some_and(|extension| extension == "cwasm") && bytes.len() < 1 << 20 {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0xff;
            fs::write(&path, bytes).unwrap();
        }
    }
    server.restart();
    assert_eq!(server.post("echoes", &json!([1])).text(), "[1]");
    server.wait_for_log("fails its check");
}

#[test]
fn truncated_and_changed_modules_are_errors_or_harmless() {
    let server = server([uses("echoes", "hostile@1")]);
    let whole = Wat { name: "hostile", ..Wat::ECHO }.module();
    for length in (0..whole.len()).step_by(whole.len() / 40) {
        let answer = upload(&server, &whole[..length], "");
        assert!((400..500).contains(&answer.status), "{length}: {} {}", answer.status, answer.text());
    }
    // A xorshift of a fixed seed: the same changes in each run.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..60 {
        let mut changed = whole.clone();
        for _ in 0..=next() % 4 {
            let at = 8 + next() as usize % (changed.len() - 8);
            changed[at] = next() as u8;
        }
        let answer = upload(&server, &changed, "");
        assert!(answer.status < 500 || answer.text().contains("plugin_"), "{round}: {}", answer.text());
        if answer.status == 201 {
            // It still says what it is; what it does is its own affair, and limited.
            server.post("echoes", &json!({}));
            server.send(&crate::plugins::authorized(&server, "DELETE", "/api/v1/plugins/hostile"));
        }
    }
    assert_eq!(server.post("well", &json!({})).text(), "1");
}

#[test]
fn one_workflow_of_endless_plugins_leaves_room_for_others() {
    let spin = Wat { name: "spins", run: "(loop $l (br $l)) unreachable", ..Wat::ECHO };
    let limits = json!({ "timeout": "1s", "fuel": 100_000_000_000_u64 });
    let endless = with_step("endless", json!({ "plugin": "spins@1", "limits": limits })).asynchronous();
    let server = server([endless, uses("echoes", "echo@1")]);
    uploaded(&server, &spin.module(), "");
    uploaded(&server, &Wat::ECHO.module(), "");
    let ids: Vec<Value> = (0..20)
        .map(|_| {
            serde_json::from_str::<Value>(&server.post("endless", &json!({})).text()).unwrap()["run_id"]
                .clone()
        })
        .collect();
    let ((), slowest) = server.while_healthy("well", || {
        for n in 0..10 {
            assert_eq!(server.post("echoes", &json!(n)).text(), n.to_string());
        }
    });
    assert!(slowest < Duration::from_secs(20), "others waited {slowest:?}");
    let run = server.ended_run(ids[0].as_str().unwrap());
    assert_eq!(run["error"]["code"], "timeout", "{run}");
}
