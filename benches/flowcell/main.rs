//! Measures Flowcell and prints one table. Every ratio is between figures of this one run.
//!
//! In process: what a sandboxed call costs. Over HTTP: the real binary on a port of its own,
//! with signature, dedupe and stored run, beside a bare axum route in a process of its own.
//! Each load is bounded in time; `--quick` makes all of them short. `--peers` compares with other servers instead.

mod load;
mod native;
mod peers;
mod plugins;
mod scale;
mod soak;
mod stats;

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use flowcell::{
    model::{Limits, Span, Vendor, Verify},
    sandbox::{Call, EngineOptions, JsEngine},
    verify::{Outgoing, Scheme},
};
use load::{Load, Request};
use serde_json::{Value, json};
use stats::{Row, Stats};

/// W1: what a webhook script typically does.
const W1: &str = include_str!("../scripts/w1.js");
const SECRET: &str = "bench";
const PAYLOADS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/payloads/github");

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(at) = arguments.iter().position(|argument| argument == "--bare-axum") {
        return bare_axum(arguments.get(at + 1).map_or("0", String::as_str));
    }
    if let Some(at) = arguments.iter().position(|argument| argument == "--load") {
        return peers::load(&arguments[at + 1..]);
    }
    if arguments.iter().any(|argument| argument == "--peers") {
        return peers::compare(&arguments);
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let time = if quick { Duration::from_millis(500) } else { Duration::from_secs(4) };
    let folder = tempfile::tempdir().expect("a folder for the bench");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-cache");

    if let Some(at) = arguments.iter().position(|argument| argument == "soak") {
        let runs = arguments.get(at + 1).and_then(|runs| runs.parse().ok()).unwrap_or(100_000);
        return soak::soak(folder.path(), &cache, runs);
    }
    if arguments.iter().any(|argument| argument == "scale") {
        return scale::scale(folder.path(), &cache, &scale::Scale::parse(&arguments, time));
    }
    let engine =
        JsEngine::load(&EngineOptions { cache: Some(cache.clone()), slots: 8, ..EngineOptions::default() })
            .expect("the engine loads");
    let mut rows = in_process(&engine, time);
    rows.extend(plugins::rows(&cache, time));
    rows.extend(over_http(folder.path(), &cache, time));
    stats::print(&rows);
    native::compare(&engine, time);
    loaded_scripts(&engine);
}

fn payload(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(PAYLOADS).join(name)).expect("the payloads are committed")
}

fn call(engine: &JsEngine, source: &str, body: &[u8]) -> Call {
    let data = if body.is_empty() { "null" } else { std::str::from_utf8(body).expect("payloads are UTF-8") };
    let script = engine.check("bench.js", source).expect("the script parses");
    Call {
        image: engine.image(&script).expect("the sandbox serves").map(Arc::new),
        context: format!("{{\"data\":{data},\"headers\":{{}},\"query\":{{}}}}").into(),
        raw_body: body.into(),
        limits: Limits { timeout: Span::from_millis(60_000), ..Limits::DEFAULT },
        now_ms: 1_700_000_000_000,
        seed: [7; 32],
        ..Call::of(script)
    }
}

/// Memory of a thousand loaded scripts that differ, by what they hold and by what the process grew.
fn loaded_scripts(engine: &JsEngine) {
    const COUNT: usize = 1_000;
    let before = soak::rss(std::process::id());
    let load = |number: usize| {
        let source = format!("const limit = {number};\n{W1}");
        let script = engine.check("bench.js", &source).expect("the script parses");
        let image = engine.image(&script).expect("the sandbox serves").expect("it has an image");
        (script, image)
    };
    let loaded: Vec<_> = (0..COUNT).map(load).collect();
    let held: usize = loaded.iter().map(|(script, image)| script.source.len() + image.bytes()).sum();
    let grown = soak::rss(std::process::id()).saturating_sub(before) as usize;
    println!(
        "\n{COUNT} scripts loaded: {} KiB each held, {} KiB each by RSS",
        held / COUNT / 1024,
        grown / COUNT / 1024
    );
}

fn in_process(engine: &JsEngine, time: Duration) -> Vec<Row> {
    let run = |call: &Call| {
        let outcome = engine.run_blocking(call).expect("the sandbox serves");
        outcome.into_result().expect("the script succeeds");
    };
    let one_plus_one = call(engine, include_str!("../scripts/one.js"), b"");
    let small = call(engine, W1, &payload("push-2k.json"));
    let real = call(engine, W1, &payload("push.json"));
    vec![
        Row::latency("fresh instance", Stats::of(time, || engine.instantiate().expect("an instance"))),
        Row::latency("\"1+1\", kept instance", Stats::of(time, || run(&one_plus_one))),
        Row::latency("W1, push-2k.json, kept instance", Stats::of(time, || run(&small))),
        Row::latency("W1, push.json (7 KB), kept instance", Stats::of(time, || run(&real))),
    ]
}

fn over_http(folder: &Path, cache: &Path, time: Duration) -> Vec<Row> {
    let workflows = folder.join("workflows");
    for mode in ["sync", "async"] {
        write_workflow(&workflows, mode, "1h");
    }
    let body = payload("push-2k.json");
    let bare = Server::bare_axum();
    let flowcell = Server::flowcell(&workflows, &folder.join("data"), cache);
    let mut rows = Vec::new();
    for connections in [8, 64] {
        let base = load::run(
            &Load { address: bare.address.clone(), connections, time, each: usize::MAX },
            &signed(&bare.address, ["/".to_owned()], &body, 200),
        )
        .stats;
        let base_rate = base.per_second();
        rows.push(Row::load(&format!("bare axum route, {connections} connections"), base, None));
        for (mode, status) in [("sync", 200), ("async", 202)] {
            let path = format!("/api/webhooks/w1-{mode}");
            let load = Load { address: flowcell.address.clone(), connections, time, each: usize::MAX };
            let sent = load::run(&load, &signed(&flowcell.address, [path], &body, status));
            let refused =
                if sent.refused > 0 { format!(", {} refused", sent.refused) } else { String::new() };
            let name = format!("W1 {mode}, signed, deduped, stored, {connections} connections{refused}");
            rows.push(Row::load(&name, sent.stats, Some(base_rate)));
            flowcell.wait_until_idle();
        }
    }
    rows
}

fn write_workflow(root: &Path, mode: &str, ttl: &str) {
    let trigger = json!({
        "type": "webhook", "mode": mode,
        "verify": {"scheme": "github", "secret": SECRET},
        "dedupe": {"key": "{{$context.headers.x-github-delivery}}", "ttl": ttl},
    });
    let steps = json!([{"id": "w1", "type": "code", "file": "w1.js"}]);
    workflow(root, &format!("w1-{mode}"), &trigger, &steps, &[("w1.js", W1)]);
}

/// Writes a workflow with its files, by name and text, into a folder below `root`.
fn workflow(root: &Path, key: &str, trigger: &Value, steps: &Value, files: &[(&str, &str)]) {
    let folder = root.join(key);
    std::fs::create_dir_all(&folder).expect("a folder");
    let triggers = if trigger.is_array() { "triggers" } else { "trigger" };
    let workflow = json!({ "key": key, triggers: trigger, "steps": steps });
    std::fs::write(folder.join("workflow.json"), workflow.to_string()).expect("a file");
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("a file");
    }
}

/// Signed requests to these paths in turn; the load adds a delivery id of its own to each.
fn signed(address: &str, paths: impl IntoIterator<Item = String>, body: &[u8], status: u16) -> Request {
    let verify = Verify::vendor(Vendor::Github, SECRET);
    let scheme = Scheme::compile(&verify, &|secret| Ok(secret.to_owned())).expect("a plain secret");
    let outgoing = Outgoing {
        method: "POST",
        url: &format!("http://{address}/"),
        content_type: "application/json",
        body,
        id: "",
        now_ms: 0,
    };
    let signed = scheme.sign(&outgoing).expect("a secret signs");
    let headers: String = signed.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let head = |path| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n{headers}"
        )
    };
    // GitHub signs the body alone, so one signature is good for all paths.
    Request { heads: paths.into_iter().map(head).collect(), body: body.to_vec(), status }
}

/// A server in a process of its own, stopped by its own pid.
struct Server {
    child: Child,
    address: String,
}

impl Server {
    fn flowcell(workflows: &Path, data: &Path, cache: &Path) -> Self {
        Self::flowcell_with(workflows, data, cache, &[])
    }

    fn flowcell_with(workflows: &Path, data: &Path, cache: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowcell"));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--workflows"])
            .arg(workflows)
            .arg("--data")
            .arg(data);
        command.env("FLOWCELL_SANDBOX_CACHE", cache).env("FLOWCELL_LOG_LEVEL", "warn");
        command.envs(variables.iter().copied());
        Self::start(command, "flowcell listens on http://")
    }

    fn bare_axum() -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("--bare-axum");
        Self::start(command, "axum listens on http://")
    }

    fn start(mut command: Command, ready: &str) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let line = lines.next().expect("a line").expect("text");
        let address = line.strip_prefix(ready).expect("the address").to_owned();
        Self { child, address }
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the server to stop, and waits until it has.
    fn stop(mut self) {
        let pid = self.pid().to_string();
        Command::new("kill").arg(&pid).status().expect("kill is there");
        self.child.wait().expect("it was started here");
    }

    /// Durable runs that wait would weigh on the next figure.
    fn wait_until_idle(&self) {
        let deadline = Instant::now() + Duration::from_secs(120);
        while Instant::now() < deadline {
            let ready = load::get(&self.address, "/readyz");
            if ready.contains("\"pending_runs\":0") {
                return;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The least that a Rust web server does with the same request, at any path.
fn bare_axum(port: &str) {
    use axum::{Router, body::Bytes, routing::post};
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let route = post(|body: Bytes| async move {
            let value: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            axum::Json(serde_json::json!({ "branch": value["ref"] }))
        });
        let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await.expect("a port");
        println!("axum listens on http://{}", listener.local_addr().expect("an address"));
        let router = Router::new().fallback(route);
        axum::serve(listener, router).await.expect("serving");
    });
}
