//! What a call of a plugin costs beside what the plugin itself does: a component and a command that only give back their input,
//! and the example plugins as far as `scripts/build-guests` has built them.

use std::{path::Path, sync::Arc, time::Duration};

use flowcell::{
    model::{JsonText, Limits, Span},
    sandbox::{PluginCall, PluginEngine, PluginOptions},
};
use serde_json::{Value, json};

use super::stats::{Row, Stats};

const SDK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/guest-sdk");

/// 1 KB of JSON, as events have it.
fn kilobyte() -> Value {
    let lines: Vec<Value> = (0..14)
        .map(|n| json!({"sku": format!("article-{n:04}"), "price": 12.5, "quantity": n, "note": "blue"}))
        .collect();
    json!({ "lines": lines })
}

pub(super) fn rows(cache: &Path, time: Duration) -> Vec<Row> {
    let options = PluginOptions { cache: Some(cache.to_owned()), slots: 8, ..PluginOptions::default() };
    let engine = PluginEngine::new(options).expect("the engine for plugins starts");
    let wat = |file: &str| {
        let text = std::fs::read_to_string(Path::new(SDK).join("wat").join(file)).expect("it is committed");
        Some(wat::parse_str(text).expect("it is WebAssembly"))
    };
    let built = |file: &str| std::fs::read(Path::new(SDK).join("build").join(file)).ok();
    let markdown =
        "# Title\n\nSome *text* with a [link](https://example.com).\n\n- one\n- two\n\n".repeat(14);
    let text = "Ada <ada@example.com> paid with 4111 1111 1111 1111. ".repeat(20);
    let csv = "name,price,active\n".to_owned() + &"cable,9.50,true\n".repeat(60);
    let cases = [
        ("plugin: component, 1 KB JSON", wat("echo.wat"), kilobyte()),
        ("plugin: command, 1 KB JSON", wat("cat.wat"), kilobyte()),
        (
            "plugin: markdown-to-html (Rust), 1 KB",
            built("markdown-to-html.wasm"),
            json!({ "markdown": markdown }),
        ),
        ("plugin: iban-check (C)", built("iban-check.wasm"), json!({ "iban": "DE89370400440532013000" })),
        ("plugin: pii-redact (QuickJS), 1 KB", built("pii-redact.wasm"), json!({ "text": text })),
        ("plugin: csv-to-json (CPython), 1 KB", built("csv-to-json.wasm"), json!({ "csv": csv })),
    ];
    let mut rows = Vec::new();
    for (name, module, input) in cases {
        let Some(module) = module else {
            println!("{name}: not built; scripts/build-guests builds it");
            continue;
        };
        let plugin = futures::executor::block_on(engine.prepare(&module)).expect("it is a plugin");
        let limits =
            Limits { timeout: Span::from_millis(60_000), memory: Limits::CAP.memory, ..Limits::DEFAULT };
        let call = PluginCall {
            limits,
            now_ms: 1_700_000_000_000,
            seed: [7; 32],
            ..PluginCall::of(Arc::new(plugin), JsonText::from_value(&input))
        };
        let call = Arc::new(call);
        let run = || {
            let outcome = engine.run_blocking(&call).expect("the sandbox serves");
            outcome.into_result().expect("the plugin succeeds");
        };
        rows.push(Row::latency(name, Stats::of(time, run)));
    }
    rows
}
