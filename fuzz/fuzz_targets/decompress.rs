//! Any bytes as a compressed body: never more comes out than may.
#![no_main]

use flowcell::formats::{self, Coding, Unpack};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    for coding in ["gzip", "deflate", "br", "zstd"] {
        let coding = Coding::of(coding).expect("it is one that is known");
        let whole: Result<_, Unpack<()>> = formats::decompressed(coding, body, 4 << 20, &|_| Ok(()));
        if let Ok(whole) = whole {
            assert!(whole.len() <= 4 << 20);
        }
    }
});
