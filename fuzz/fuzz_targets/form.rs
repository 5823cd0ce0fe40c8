//! Any bytes as a form.
#![no_main]

use flowcell::{formats, model::Content};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(Content::Decoded(json) | Content::Multipart { fields: json, .. }) = formats::decode(&formats::Reading::default(), Some("application/x-www-form-urlencoded"), body) {
        serde_json::from_str::<serde_json::Value>(json.as_str()).expect("what was decoded is JSON");
    }
});
