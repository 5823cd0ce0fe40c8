//! What every black-box test needs: a server of its own, an HTTP client that sends exactly what it is
//! told, workflows written inline, and waiting by looking.

pub mod acme;
mod browser;
mod command;
pub mod frames;
mod http;
pub mod imports;
mod letters;
mod receiver;
pub mod secure;
mod server;
mod signing;
mod sink;
pub mod tls;
mod wait;
mod workflow;

use std::{path::PathBuf, sync::OnceLock};

pub use browser::{Browser, setup_secret};
pub use command::{Finished, command as flowcell_command, flowcell, flowcell_with};
pub use http::{Request, Response, raw, raw_bytes};
pub use letters::{Letters, feishu_seal, feishu_signature};
pub use receiver::Receiver;
pub use server::{Setup, TestServer};
pub use signing::{github_signature, signed_github};
pub use sink::Sink;
pub use wait::{kills, poll, wait_until};
pub use workflow::{Workflow, webhook};

/// The secret of the `github-push` example in these tests.
pub const GITHUB_SECRET: &str = "It's a Secret to Everybody";

/// The repository's root.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The shipped example workflows.
pub fn examples() -> PathBuf {
    root().join("examples/workflows")
}

/// Where all tests keep the compiled engine; the first caller has it compiled there.
pub fn sandbox_cache() -> PathBuf {
    static WARM: OnceLock<()> = OnceLock::new();
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("sandbox-cache");
    WARM.get_or_init(|| {
        let output = std::process::Command::new(command::BINARY)
            .args(["check".into(), examples().join("hello")])
            .env("FLOWCELL_SANDBOX_CACHE", &cache)
            .output()
            .expect("the binary was just built");
        assert!(
            output.status.success(),
            "the engine does not start: {}",
            String::from_utf8_lossy(&output.stderr)
        );
    });
    cache
}
