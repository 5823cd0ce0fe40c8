//! A server that listens on a Unix socket, for a proxy on the same machine.

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Workflow, flowcell_with, poll, raw_bytes, sandbox_cache};

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(folder: &Path, socket: &Path) -> Server {
    // As the unit of the package has it.
    let mut command = Command::new("sh");
    command.args(["-c", "umask 077; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_flowcell")]);
    command.arg("serve").arg("--listen").arg(format!("unix:{}", socket.display()));
    command.arg("--data").arg(folder.join("data")).arg("--workflows").arg(folder.join("workflows"));
    command
        .env("FLOWCELL_SANDBOX_CACHE", sandbox_cache())
        .env("FLOWCELL_SERVER_TRUSTED_PROXIES", "127.0.0.1")
        .env("FLOWCELL_SERVER_FORWARDED_HEADER", "x-real-ip");
    let server = Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    poll("the socket answers", 60, || UnixStream::connect(socket).ok());
    server
}

fn ask(socket: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_proxy_on_the_same_machine_speaks_through_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("flowcell.sock");
    Workflow::script("who", "return context.ip").trigger(json!({})).write(&folder.path().join("workflows"));
    let mut server = start(folder.path(), &socket);
    let request = "GET /api/webhooks/who HTTP/1.1\r\nhost: hooks.example\r\nx-real-ip: 203.0.113.9\r\nconnection: close\r\n\r\n";
    let answer = ask(&socket, request);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("\"203.0.113.9\""), "{answer}");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666, "the proxy is another user, and the folder decides who gets here");

    let other = flowcell_with(
        [
            "serve",
            "--listen",
            &format!("unix:{}", socket.display()),
            "--data",
            folder.path().join("other").to_str().unwrap(),
        ],
        &[],
    );
    assert_eq!(other.code, 2);
    assert!(other.stderr.contains("cannot listen on unix:"), "{}", other.stderr);

    // A server that is killed leaves its file, and the next one takes it.
    server.0.kill().unwrap();
    server.0.wait().unwrap();
    assert!(fs::symlink_metadata(&socket).is_ok());
    let mut server = start(folder.path(), &socket);
    assert!(ask(&socket, request).starts_with("HTTP/1.1 200"));
    let pid = rustix::process::Pid::from_raw(server.0.id() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(server.0.wait().unwrap().success());
    assert!(fs::symlink_metadata(&socket).is_err(), "it takes its file away");
}

/// A server that has to compile its engine first, which takes seconds.
fn starting(folder: &Path, listen: &str) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_flowcell"));
    command.args(["serve", "--listen", listen]).arg("--data").arg(folder.join("data"));
    command.arg("--workflows").arg(folder.join("workflows"));
    command.env("FLOWCELL_SANDBOX_CACHE", folder.join("cache"));
    Server(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

const READY: &str = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

#[test]
fn nobody_can_connect_before_the_server_can_answer() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("workflows")).unwrap();
    let socket = folder.path().join("flowcell.sock");
    let listen = format!("unix:{}", socket.display());
    let began = Instant::now();
    let mut server = starting(folder.path(), &listen);
    poll("the path is taken", 60, || folder.path().join("flowcell.sock.lock").exists().then_some(()));
    // A second server stops at once, and the first does not notice.
    let other = flowcell_with(
        ["serve", "--listen", &listen, "--data", folder.path().join("other").to_str().unwrap()],
        &[],
    );
    assert_eq!(other.code, 2, "{}", other.stderr);
    assert!(other.stderr.contains("cannot listen on unix:"), "{}", other.stderr);
    let mut refused = 0;
    poll("the socket answers", 120, || {
        let connected = UnixStream::connect(&socket).ok();
        refused += usize::from(connected.is_none());
        connected
    });
    let connected = began.elapsed();
    let answer = ask(&socket, READY);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let answered = began.elapsed();
    assert!(refused > 0, "its engine was not compiled");
    assert!(answered < connected + Duration::from_secs(5), "{connected:?} {answered:?}");
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().ends_with(".lock")), "{left:?}");
    server.0.kill().unwrap();
    server.0.wait().unwrap();

    // A port that connects answers too.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _server = starting(folder.path(), &free.to_string());
    poll("the port answers", 120, || TcpStream::connect(free).ok());
    let connected = Instant::now();
    let answer = raw_bytes(free, READY.as_bytes()).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    assert!(connected.elapsed() < Duration::from_secs(5), "{:?}", connected.elapsed());
}
