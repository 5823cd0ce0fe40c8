//! Any text as a workflow's own path, and as the type of a body.
#![no_main]

use flowcell::{formats, model::HookPath};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(path) = text.parse::<HookPath>() {
        assert_eq!(path.to_string(), text, "a path has one spelling");
    }
    let _ = formats::decode(&formats::Reading::default(), Some(text), b"--b--");
});
