//! Calls of small plugins: what they get, what they may do, and how each limit ends them.

use std::sync::{Arc, Mutex};

use futures::future::{BoxFuture, FutureExt};
use serde_json::{Value, json};

use super::{
    Allowed, Plugin, PluginCall, PluginEngine, PluginError, PluginOptions, PluginOutcome,
    plugin_wat::{Wat, embedded},
};
use crate::{
    model::{ByteSize, CallError, CallRecord, ErrorCode, JsonText, Limits, Span, Stdio},
    sandbox::{Conclusion, HostCall, HostServices, SandboxError, Share},
};

/// Answers every call with the same value, and remembers them.
#[derive(Default)]
struct Host {
    answers: Mutex<Vec<Value>>,
    calls: Mutex<Vec<HostCall>>,
    records: Mutex<Vec<CallRecord>>,
}

impl Host {
    fn answering(answers: impl IntoIterator<Item = Value>) -> Self {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Self { answers: Mutex::new(answers), ..Self::default() }
    }
}

impl HostServices for Host {
    fn now_ms(&self) -> u64 {
        9_000
    }

    fn digest(&self, call: &HostCall) -> [u8; 16] {
        let mut digest = [0; 16];
        digest[0] = call.args.to_string().len() as u8;
        digest
    }

    fn perform(&self, call: HostCall) -> BoxFuture<'_, Result<JsonText, CallError>> {
        self.calls.lock().unwrap().push(call);
        let answer = self.answers.lock().unwrap().pop();
        async move {
            answer.map(|value| JsonText::from_value(&value)).ok_or_else(|| CallError::new("Error", "nothing"))
        }
        .boxed()
    }

    fn record<'a>(&'a self, records: &'a [CallRecord]) -> BoxFuture<'a, Result<(), SandboxError>> {
        self.records.lock().unwrap().extend_from_slice(records);
        async { Ok(()) }.boxed()
    }
}

fn engine() -> PluginEngine {
    static ENGINE: std::sync::OnceLock<PluginEngine> = std::sync::OnceLock::new();
    ENGINE
        .get_or_init(|| PluginEngine::new(PluginOptions { slots: 4, ..PluginOptions::default() }).unwrap())
        .clone()
}

async fn plugin(wat: &Wat) -> Arc<Plugin> {
    Arc::new(engine().prepare(&wat.module()).await.unwrap())
}

async fn command(text: &str) -> Arc<Plugin> {
    Arc::new(engine().prepare(&wat::parse_str(text).unwrap()).await.unwrap())
}

async fn run_with(call: PluginCall, host: &Host) -> PluginOutcome {
    let engine = engine();
    let share = Share::of("test");
    engine.run(call, &share, host).await.unwrap()
}

async fn run(call: PluginCall) -> Result<Value, (ErrorCode, String)> {
    ended(run_with(call, &Host::default()).await)
}

fn ended(outcome: PluginOutcome) -> Result<Value, (ErrorCode, String)> {
    match outcome.outcome.conclusion {
        Conclusion::Output(output) => Ok(output.to_value()),
        Conclusion::Failed(error) => Err((error.code, error.message)),
        Conclusion::Sleeps(_) => panic!("plugins do not sleep"),
    }
}

fn text(value: Value) -> JsonText {
    JsonText::from_value(&value)
}

#[tokio::test]
async fn a_component_says_what_it_is_and_does_it() {
    let echo =
        plugin(&Wat { capabilities: &["http:api.example.com", "kv:a/", "secret:TOKEN"], ..Wat::ECHO }).await;
    let description = engine().describe(&echo).await.unwrap();
    assert_eq!((description.name.as_str(), description.version.to_string().as_str()), ("echo", "1.0.0"));
    let asked: Vec<_> = description.capabilities.iter().map(ToString::to_string).collect();
    assert_eq!(asked, ["http:api.example.com", "kv:a/", "secret:TOKEN"]);
    let outcome = run_with(PluginCall::of(echo, text(json!({"a": [1, "é"]}))), &Host::default()).await;
    let usage = outcome.outcome.usage;
    assert!(usage.fuel > 0 && usage.peak_memory >= 65_536, "{usage:?}");
    assert_eq!(ended(outcome), Ok(json!({"a": [1, "é"]})));
}

#[tokio::test]
async fn each_limit_ends_a_call_with_its_own_code() {
    let spin = "(loop $l (br $l)) (call $ok (local.get $in) (local.get $len))";
    let spin = Wat { run: spin, ..Wat::ECHO };
    let few = Limits { fuel: 100_000, ..Limits::DEFAULT };
    let soon = Limits { fuel: u64::MAX / 2, timeout: Span::from_millis(30), ..Limits::DEFAULT };
    let eats = "(loop $l (drop (memory.grow (i32.const 16))) (br $l)) unreachable";
    let eats = Wat { run: eats, ..Wat::ECHO };
    let deep = Wat {
        items: "(func $deep (call $deep) (drop (i32.const 1)))",
        run: "(call $deep) unreachable",
        ..Wat::ECHO
    };
    let tables = Wat {
        items: "(table $t 1 funcref)",
        run: "(loop $l (drop (table.grow $t (ref.null func) (i32.const 10000))) (br_if $l (i32.lt_u (table.size $t) (i32.const 90000)))) (loop $m (drop (memory.grow (i32.const 1))) (br $m)) unreachable",
        ..Wat::ECHO
    };
    let out = Wat { run: "(call $ok (i32.const 8192) (i32.const 20000))", ..Wat::ECHO };
    let small = Limits { output: ByteSize::from_bytes(1_000), ..Limits::DEFAULT };
    let gives_up = Wat { run: "unreachable", ..Wat::ECHO };
    let reaches = Wat { run: "(i32.load (i32.const -8))", ..Wat::ECHO };
    for (wat, limits, code) in [
        (&spin, few, ErrorCode::FuelExhausted),
        (&spin, soon, ErrorCode::Timeout),
        (&eats, Limits::DEFAULT, ErrorCode::MemoryLimit),
        (&tables, Limits::DEFAULT, ErrorCode::MemoryLimit),
        (&deep, Limits::DEFAULT, ErrorCode::StackOverflow),
        (&out, small, ErrorCode::OutputTooLarge),
        (&gives_up, Limits::DEFAULT, ErrorCode::PluginCrash),
        (&reaches, Limits::DEFAULT, ErrorCode::PluginCrash),
    ] {
        let call = PluginCall { limits, ..PluginCall::of(plugin(wat).await, JsonText::null()) };
        let (found, message) = run(call).await.unwrap_err();
        assert_eq!(found, code, "{message}");
        assert!(!message.contains("0x"), "{message}");
    }
    // The next call has a fresh instance and is none the worse.
    let call = PluginCall::of(plugin(&Wat::ECHO).await, JsonText::null());
    assert_eq!(run(call).await, Ok(Value::Null));
}

const KV_GET: &str = r#"(import "flowcell:plugin/kv@1.0.0" "get" (func $get (param i32 i32 i32)))"#;
/// Reads the key "a/b" and gives what it finds, "null" without a value, or the error.
const READS: &str = r#"
    (call $get (i32.const 4096) (i32.const 3) (i32.const 600))
    (if (result i32) (i32.load8_u (i32.const 600))
      (then (call $err (i32.const 604)))
      (else (if (result i32) (i32.load8_u (i32.const 604))
        (then (call $ok (i32.load (i32.const 608)) (i32.load (i32.const 612))))
        (else (call $ok (i32.const 4104) (i32.const 4))))))"#;
const READER: Wat = Wat {
    capabilities: &["kv:a/"],
    imports: KV_GET,
    items: r#"(data (i32.const 4096) "a/b") (data (i32.const 4104) "null")"#,
    run: READS,
    ..Wat::ECHO
};

fn allowed(capabilities: &[&str]) -> Arc<Allowed> {
    let capabilities = capabilities.iter().map(|text| text.parse().unwrap()).collect();
    Arc::new(Allowed { name: "reader".to_owned(), capabilities, ..Allowed::default() })
}

#[tokio::test]
async fn a_call_of_the_host_needs_its_capability() {
    let reader = plugin(&READER).await;
    let host = Host::answering([json!({"value": {"n": 1}}), json!({})]);
    let with = |capabilities: &[&str]| PluginCall {
        allowed: allowed(capabilities),
        now_ms: 8_000,
        ..PluginCall::of(Arc::clone(&reader), JsonText::null())
    };
    assert_eq!(ended(run_with(with(&["kv:a/"]), &host).await), Ok(json!({"n": 1})));
    assert_eq!(ended(run_with(with(&["kv:"]), &host).await), Ok(Value::Null));
    for others in [&[][..], &["kv:b/"], &["kv:a/bc"], &["secret:a/b", "http:a.example"]] {
        let outcome = run_with(with(others), &host).await;
        assert!(outcome.hopeless);
        let (code, message) = ended(outcome).unwrap_err();
        assert_eq!(code, ErrorCode::CapabilityMissing);
        assert!(message.contains("kv:a/b") && message.contains("flowcell plugin grant reader"), "{message}");
    }
    assert_eq!(host.calls.lock().unwrap().len(), 2, "what is denied is not performed");
    let ops: Vec<_> =
        host.records.lock().unwrap().iter().map(|record| (record.id, record.op.clone())).collect();
    let expected = [(0, "began"), (1, "kv.get"), (0, "began"), (1, "kv.get")];
    assert_eq!(ops, expected.map(|(id, op)| (id, op.to_owned())));
}

#[tokio::test]
async fn a_call_that_is_taken_up_again_gets_the_recorded_results() {
    let reader = plugin(&READER).await;
    let call = PluginCall { allowed: allowed(&["kv:"]), ..PluginCall::of(reader, JsonText::null()) };
    let first = Host::answering([json!({"value": 1})]);
    assert_eq!(ended(run_with(call.clone(), &first).await), Ok(json!(1)));
    let history = first.records.lock().unwrap().clone();
    let again = Host::default();
    let replayed = PluginCall { history: history.clone(), ..call.clone() };
    assert_eq!(ended(run_with(replayed, &again).await), Ok(json!(1)));
    assert!(again.calls.lock().unwrap().is_empty() && again.records.lock().unwrap().is_empty());
    // Another course than before is found out.
    let mut other = history;
    other[1].op = "fetch".to_owned();
    let (code, _) = ended(run_with(PluginCall { history: other, ..call }, &again).await).unwrap_err();
    assert_eq!(code, ErrorCode::ReplayMismatch);
}

#[tokio::test]
async fn calls_of_the_host_are_counted() {
    let many = Wat {
        run: "(loop $l (call $get (i32.const 4096) (i32.const 3) (i32.const 600)) (br $l)) unreachable",
        ..READER
    };
    let limits = Limits { calls: 10, ..Limits::DEFAULT };
    let call = PluginCall {
        allowed: allowed(&["kv:"]),
        limits,
        ..PluginCall::of(plugin(&many).await, JsonText::null())
    };
    let host = Host::answering(vec![json!({}); 20]);
    let outcome = run_with(call, &host).await;
    assert_eq!(outcome.outcome.usage.host_calls, 11);
    assert_eq!(ended(outcome).unwrap_err().0, ErrorCode::TooManyCalls);
    assert_eq!(host.calls.lock().unwrap().len(), 10);
}

/// Copies stdin to stdout, 4 KiB at a time.
const CAT: &str = include_str!("../../../tests/it/fixtures/plugins/cat.wat");

#[tokio::test]
async fn a_command_reads_json_and_prints_json_or_text() {
    let cat = command(CAT).await;
    let of = |input: Value| PluginCall::of(Arc::clone(&cat), text(input));
    let large = json!({"a": "x".repeat(20_000)});
    assert_eq!(run(of(large.clone())).await, Ok(large));
    let as_text = PluginCall { stdin: Stdio::Text, stdout: Stdio::Text, ..of(json!("no JSON\n")) };
    assert_eq!(run(as_text).await, Ok(json!("no JSON")));
    let not_json = PluginCall { stdin: Stdio::Text, ..of(json!("no JSON")) };
    assert_eq!(run(not_json).await.unwrap_err().0, ErrorCode::OutputInvalid);
    let empty = PluginCall { stdin: Stdio::Text, ..of(json!("")) };
    assert_eq!(run(empty).await, Ok(Value::Null));
}

/// A command that calls `proc_exit(3)` after it wrote to stderr.
const FAILS: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 1)
  (data (i32.const 16) "no such\nbird\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 16))
    (i32.store (i32.const 4) (i32.const 13))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))
    (call $exit (i32.const 3))))"#;

#[tokio::test]
async fn an_exit_code_is_a_failure_with_the_last_words() {
    let outcome = run_with(PluginCall::of(command(FAILS).await, JsonText::null()), &Host::default()).await;
    let lines: Vec<_> = outcome.outcome.logs.iter().map(|line| line.text.clone()).collect();
    assert_eq!(lines, ["no such", "bird"]);
    let (code, message) = ended(outcome).unwrap_err();
    assert_eq!(code, ErrorCode::PluginError);
    assert!(message.contains("exit code 3") && message.ends_with("bird"), "{message}");
}

#[tokio::test]
async fn e7_a_command_sees_no_environment_no_files_and_only_its_arguments() {
    let shows = command(
        r#"(module
          (import "wasi_snapshot_preview1" "environ_sizes_get" (func $environ (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "args_sizes_get" (func $args (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_prestat_get" (func $prestat (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "sock_accept" (func $accept (param i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 64) "[0,0,0]")
          (func $digit (param $at i32) (param $value i32)
            (i32.store8 (local.get $at) (i32.add (i32.const 48) (local.get $value))))
          (func (export "_start")
            (drop (call $environ (i32.const 0) (i32.const 4)))
            (call $digit (i32.const 65) (i32.load (i32.const 0)))
            (drop (call $args (i32.const 0) (i32.const 4)))
            (call $digit (i32.const 67) (i32.load (i32.const 0)))
            (call $digit (i32.const 69) (i32.eqz (call $prestat (i32.const 3) (i32.const 8))))
            (drop (call $accept (i32.const 3) (i32.const 0) (i32.const 8)))
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 7))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    )
    .await;
    let call = PluginCall { args: vec!["-c".to_owned()], ..PluginCall::of(shows, JsonText::null()) };
    assert_eq!(run(call).await, Ok(json!([0, 2, 0])), "no variables, two arguments, no open folder");
}

#[tokio::test]
async fn random_numbers_and_the_clock_are_the_runs_own() {
    let draws = command(
        r#"(module
          (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "_start")
            (drop (call $random (i32.const 64) (i32.const 8)))
            (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 72)))
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 16))
            (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    )
    .await;
    let of = |seed: u8, now_ms| {
        let call =
            PluginCall { seed: [seed; 32], now_ms, ..PluginCall::of(Arc::clone(&draws), JsonText::null()) };
        async {
            run_with(call, &Host::default())
                .await
                .outcome
                .logs
                .iter()
                .map(|line| line.text.clone())
                .collect::<String>()
        }
    };
    assert_eq!(of(1, 5).await, of(1, 5).await);
    assert_ne!(of(1, 5).await, of(2, 5).await);
    assert_ne!(of(1, 5).await, of(1, 6).await);
}

#[tokio::test]
async fn r10_over_asked_random_and_output_are_errors() {
    let asks = command(
        r#"(module
          (import "wasi_snapshot_preview1" "random_get" (func $random (param i32 i32) (result i32)))
          (memory (export "memory") 64)
          (func (export "_start") (drop (call $random (i32.const 0) (i32.const 4000000)))))"#,
    )
    .await;
    let limits = Limits { memory: ByteSize::from_bytes(64 << 20), ..Limits::DEFAULT };
    let (code, message) =
        run(PluginCall { limits, ..PluginCall::of(asks, JsonText::null()) }).await.unwrap_err();
    assert_eq!(code, ErrorCode::PluginCrash, "{message}");
    let floods = command(
        r#"(module
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "_start")
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 60000))
            (loop $l (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8))) (br $l))))"#,
    )
    .await;
    assert_eq!(run(PluginCall::of(floods, JsonText::null())).await.unwrap_err().0, ErrorCode::OutputTooLarge);
}

#[tokio::test]
async fn a_file_that_is_no_plugin_is_refused_with_what_to_do() {
    let wat = |text: &str| wat::parse_str(text).unwrap();
    let start = r#"(memory (export "memory") 1) (func (export "_start"))"#;
    let functions: String = (0..40_001).map(|_| "(func)").collect();
    for (bytes, code, part) in [
        (b"".to_vec(), "plugin_not_wasm", "empty"),
        (b"PK\x03\x04".to_vec(), "plugin_not_wasm", "PK"),
        (b"\x7fELF\x02\x01".to_vec(), "plugin_precompiled", ".wasm it was made from"),
        (b"(module)".to_vec(), "plugin_not_wasm", "wasm-tools parse"),
        (b"\0asm".to_vec(), "plugin_invalid", "not valid"),
        (wat("(module)"), "plugin_export_missing", "_start"),
        (wat(r#"(module (func (export "_start")))"#), "plugin_export_missing", "memory"),
        (wat(&format!(r#"(module (import "env" "f" (func)) {start})"#)), "plugin_import_forbidden", "env.f"),
        (wat(&format!("(module {start} (memory 5000))")), "plugin_too_complex", "memory"),
        (wat(&format!("(module {start} (table 300000 funcref))")), "plugin_too_complex", "elements"),
        (wat(&format!("(module {start} {functions})")), "plugin_too_complex", "40002 functions"),
        (
            wat(r#"(component (import "acme:db/query@1.0.0" (instance)))"#),
            "plugin_import_forbidden",
            "acme:db/query",
        ),
        (wat("(component)"), "plugin_wrong_world", "flowcell plugin new"),
        (wat(&format!("(module {start} (memory i64 1))")), "plugin_invalid", "memory64"),
        (
            wat(&format!(r#"(module (import "wasi_snapshot_preview1" "nothing" (func)) {start})"#)),
            "plugin_invalid",
            "nothing",
        ),
        (embedded(&Wat::ECHO.text().replace("#run", "#go")), "plugin_invalid", "run"),
    ] {
        let error = engine().prepare(&bytes).await.expect_err(part);
        assert_eq!(error.code(), code, "{error}");
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_plugin_that_cannot_say_what_it_is_is_refused() {
    for (wat, part) in [
        (Wat { name: "Bad Name", ..Wat::ECHO }, "name"),
        (Wat { version: "1", ..Wat::ECHO }, "version `1`"),
        (Wat { capabilities: &["http:https://x"], ..Wat::ECHO }, "no capability"),
        (Wat { output_schema: Some("{"), ..Wat::ECHO }, "output schema is not JSON"),
        (Wat { describe: "unreachable", ..Wat::ECHO }, "stopped itself"),
        (Wat { describe: "(loop $l (br $l))", ..Wat::ECHO }, "fuel"),
    ] {
        let plugin = plugin(&wat).await;
        let error = engine().describe(&plugin).await.expect_err(part);
        assert!(matches!(error, PluginError::Describe { .. } | PluginError::DescribeFailed(_)));
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

#[tokio::test]
async fn i7_nothing_of_a_call_is_seen_by_the_next() {
    let remembers = Wat {
        run: r#"
          (if (result i32) (i32.load8_u (i32.const 8000))
            (then (call $ok (i32.const 4104) (i32.const 4)))
            (else (i32.store8 (i32.const 8000) (i32.const 1)) (call $ok (local.get $in) (local.get $len))))"#,
        items: r#"(data (i32.const 4104) "null")"#,
        ..Wat::ECHO
    };
    let plugin = plugin(&remembers).await;
    for round in 0..20 {
        let call = PluginCall::of(Arc::clone(&plugin), text(json!(round)));
        assert_eq!(run(call).await, Ok(json!(round)));
    }
}

#[tokio::test]
async fn a_sleep_takes_time_on_the_clock_and_none_of_the_limit() {
    let sleeps = command(
        r#"(module
          (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (memory (export "memory") 1)
          (data (i32.const 512) "true")
          (func (export "_start")
            (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 256)))
            (i32.store (i32.const 16) (i32.const 1))
            (i64.store (i32.const 24) (i64.const 80000000))
            (drop (call $poll (i32.const 0) (i32.const 64) (i32.const 1) (i32.const 128)))
            (drop (call $clock (i32.const 0) (i64.const 0) (i32.const 264)))
            (if (i64.lt_u (i64.sub (i64.load (i32.const 264)) (i64.load (i32.const 256))) (i64.const 70000000))
              (then unreachable))
            (i32.store (i32.const 0) (i32.const 512))
            (i32.store (i32.const 4) (i32.const 4))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
    )
    .await;
    let limits = Limits { timeout: Span::from_millis(40), ..Limits::DEFAULT };
    assert_eq!(run(PluginCall { limits, ..PluginCall::of(sleeps, JsonText::null()) }).await, Ok(json!(true)));
}
