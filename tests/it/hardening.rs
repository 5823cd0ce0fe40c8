//! What the processes themselves may do: the server gains no powers and shows its memory to nobody, the compiler's child has the
//! kernel closed to it.

use std::{
    fs,
    io::Write,
    process::{Child, Stdio},
};

use crate::support::{TestServer, Workflow, flowcell_command, poll};

/// A line of `/proc/<pid>/status`.
fn status(pid: impl std::fmt::Display, name: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name}:")));
    line.unwrap_or_else(|| panic!("{name} is not in {text}")).trim().to_owned()
}

#[test]
fn l9_a_server_gains_no_privileges_and_leaves_no_core() {
    let server = TestServer::start([Workflow::script("hello", "return 1")]);
    assert_eq!(server.hook("hello").json(), 1);
    assert_eq!(status(server.pid(), "NoNewPrivs"), "1");
    let limits = fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{core}");
}

/// A child that waits for its module.
fn compiler() -> Child {
    let mut command = flowcell_command();
    command
        .arg("compile-plugin")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn l9_the_compiler_of_plugins_runs_below_a_filter_of_system_calls_and_still_compiles() {
    let mut child = compiler();
    let pid = child.id();
    poll("the filters are there", 20, || (status(pid, "Seccomp_filters") == "2").then_some(()));
    assert_eq!((status(pid, "Seccomp"), status(pid, "NoNewPrivs")), ("2".to_owned(), "1".to_owned()));
    // Many functions, so that it compiles in threads.
    let functions = "(func (param i32) (result i32) local.get 0 i32.const 7 i32.mul)".repeat(200);
    let module = wat::parse_str(format!(
        "(module {functions} (memory (export \"memory\") 1) (func (export \"_start\")))"
    ));
    child.stdin.take().unwrap().write_all(&module.unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stdout.starts_with(b"\x7fELF"), "{output:.400?}");
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn l9_a_module_that_is_wrong_is_still_told_below_the_filter() {
    let mut child = compiler();
    child.stdin.take().unwrap().write_all(b"no module").unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.code() == Some(1) && serde_json::from_str::<serde_json::Value>(&told).is_ok(),
        "{told}"
    );
}
