//! Runs the binary's commands to their end.

use std::{
    ffi::OsStr,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use super::sandbox_cache;

/// The binary under test.
pub const BINARY: &str = env!("CARGO_BIN_EXE_flowcell");

/// How a command ended.
#[derive(Debug)]
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

/// A command with a clean environment: no setting of the developer's own leaks into a test.
pub fn command() -> Command {
    let mut command = Command::new(BINARY);
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("FLOWCELL_") || name == "GITHUB_WEBHOOK_SECRET" {
            command.env_remove(name);
        }
    }
    command.env("FLOWCELL_SANDBOX_CACHE", sandbox_cache());
    command
}

/// Runs `flowcell` with these arguments.
pub fn flowcell<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Finished {
    flowcell_with(arguments, &[])
}

/// Runs `flowcell` with these arguments and variables; a command that does not end within a minute fails the test.
pub fn flowcell_with<A: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = A>,
    variables: &[(&str, &str)],
) -> Finished {
    let mut command = command();
    command.args(arguments).envs(variables.iter().copied()).stdin(Stdio::null());
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let readers = (read(child.stdout.take()), read(child.stderr.take()));
    let deadline = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{command:?} did not end; stderr: {}", readers.1.join().unwrap());
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    let code = status.code().unwrap_or_else(|| panic!("{command:?} was killed: {status}"));
    Finished { code, stdout: readers.0.join().unwrap(), stderr: readers.1.join().unwrap() }
}

fn read(pipe: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<String> {
    let mut pipe = pipe.expect("it is piped");
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
