//! Any value of the headers that a signature is read from: never a panic, and never "valid" without the secret.
#![no_main]

use std::sync::LazyLock;

use flowcell::{
    model::Workflow,
    verify::{Delivery, Scheme},
};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};

static SCHEMES: LazyLock<Vec<Scheme>> = LazyLock::new(|| {
    let scheme = |verify: Value| {
        let trigger = json!({ "type": "webhook", "verify": verify });
        let workflow = Workflow::from_value(json!({ "key": "a", "trigger": trigger, "steps": [] })).unwrap();
        let verify = workflow.webhooks().next().unwrap().1.verify.clone().unwrap();
        Scheme::compile(&verify, &|_| Ok("5f0c1b9ad6b94cb2a9d1e0f2c3b4a596".to_owned())).unwrap()
    };
    let time = json!({ "header": "x-time" });
    vec![
        scheme(json!({ "scheme": "github", "secret": "s" })),
        scheme(json!({ "scheme": "hmac", "secret": "s", "header": "x-hub-signature-256", "prefix": "v0=", "separator": ",",
            "signed": "v0:{timestamp}:{body}", "timestamp": time })),
        scheme(json!({ "scheme": "hmac", "secret": "s", "header": "x-hub-signature-256", "encoding": "base64",
            "signed": "{id}.{body}", "id_header": "x-time" })),
    ]
});

fuzz_target!(|values: (&[u8], &[u8])| {
    let mut headers = HeaderMap::new();
    for (name, value) in [("x-hub-signature-256", values.0), ("x-time", values.1)] {
        if let Ok(value) = HeaderValue::from_bytes(value) {
            headers.append(name, value);
        }
    }
    for scheme in SCHEMES.iter() {
        let delivery = Delivery {
            method: "POST",
            origin: "https://hooks.example.com",
            target: "/api/webhooks/a",
            headers: &headers,
            body: b"{}",
            received_ms: 1_800_000_000_000,
        };
        assert!(scheme.verify(&delivery).is_err(), "nobody signed this");
    }
});
