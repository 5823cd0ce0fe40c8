//! S5: who asks for names whose server gives no answer makes nobody else wait, neither for a name nor for a thread.
//!
//! The name server is one of the test's own that never answers. It takes a mount namespace, so a superuser; elsewhere the names
//! are left to the machine's own resolver, which promises less.

use std::{
    fs,
    net::UdpSocket,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{Setup, Sink, Workflow, poll};

/// What the dead names are asked by, each workflow.
const ASKED: usize = 40;

/// Says on what address a name server listens that never answers, as far as one can be had.
fn dead_server() -> Option<(UdpSocket, String)> {
    let address = format!("127.{}.53.1", 64 + std::process::id() % 128);
    let socket = UdpSocket::bind((address.as_str(), 53)).ok()?;
    let mount = ["-m", "mount", "--bind", "/dev/null", "/etc/resolv.conf"];
    let namespace = Command::new("unshare").args(mount).output().ok()?;
    namespace.status.success().then_some((socket, address))
}

#[test]
fn names_that_nobody_resolves_hold_up_neither_other_names_nor_other_workflows() {
    let sink = Sink::start(|_, _| (200, Duration::ZERO));
    let named = sink.url().replace("127.0.0.1", "localhost");
    let dead = |key: &str| {
        let url = format!("http://h{{{{$context.data.n}}}}-{key}.dead.example/");
        Workflow::steps(key, json!([{ "id": "ask", "type": "http", "url": url, "timeout": "20s" }]))
            .asynchronous()
    };
    let call = json!([{ "id": "ask", "type": "http", "url": named }]);
    let mut setup = Setup::default()
        .workflows([
            dead("one"),
            dead("two"),
            dead("three"),
            Workflow::steps("calls", call).trigger(json!({ "mode": "sync", "sync_wait": "60s" })),
        ])
        .workflows([Workflow::script("computes", "return 1")])
        .variable("FLOWCELL_NET_ALLOW", &sink.host().replace("127.0.0.1", "localhost"));
    let server = dead_server();
    let folder = tempfile::tempdir().unwrap();
    if let Some((_, address)) = &server {
        let file = folder.path().join("resolv.conf");
        fs::write(&file, format!("nameserver {address}\noptions attempts:1 timeout:10\n")).unwrap();
        let script = format!("mount --bind {} /etc/resolv.conf || exit 70; \"$@\"; exit $?", file.display());
        setup = setup.below(["unshare", "-m", "sh", "-c", &script, "sh"].map(str::to_owned));
    }
    let has_dead_server = server.is_some();
    let server_under_test = setup.start();
    let server = &server_under_test;
    assert_eq!(server.post("calls", &json!({})).status, 200, "before the attack");

    let mut runs = Vec::new();
    for n in 0..ASKED {
        for key in ["one", "two", "three"] {
            runs.push(server.post(key, &json!({ "n": n })).run_id());
        }
    }
    let ((), slowest) = server.while_healthy("computes", || {
        for _ in 0..20 {
            let began = Instant::now();
            assert_eq!(server.post("calls", &json!({})).status, 200, "a workflow with a name of its own");
            assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
        }
    });
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");

    if has_dead_server {
        let error = poll("a run ends without an answer", 60, || {
            let run = server.run(&runs[0]);
            run["error"]["message"].as_str().map(str::to_owned)
        });
        assert!(
            error.contains("name server gave no answer") || error.contains("look-up got no place"),
            "{error}"
        );
    }
}
