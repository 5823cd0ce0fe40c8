//! Any bytes as a compressed body: never more comes out than may.
#![no_main]

use flowcell::gateway;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        if let Ok(whole) = gateway::decompress(coding, body, 4 << 20) {
            assert!(whole.len() <= 4 << 20);
        }
    }
});
