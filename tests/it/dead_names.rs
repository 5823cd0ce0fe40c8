//! S5: who asks for names whose server gives no answer makes nobody else wait, neither for a name nor for a thread, and
//! does not wait long itself.
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

use crate::support::{Setup, Sink, Workflow, flowcell_command, poll};

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

/// A command that begins where names are left to a server that never answers. `None` where that takes more rights.
fn without_names(folder: &std::path::Path) -> Option<(UdpSocket, [String; 6])> {
    let (socket, address) = dead_server()?;
    let file = folder.join("resolv.conf");
    fs::write(&file, format!("nameserver {address}\noptions attempts:1 timeout:10\n")).unwrap();
    let script = format!("mount --bind {} /etc/resolv.conf || exit 70; \"$@\"; exit $?", file.display());
    Some((socket, ["unshare", "-m", "sh", "-c", &script, "sh"].map(str::to_owned)))
}

/// How many threads of a process look up names.
fn look_ups(pid: i32) -> usize {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap().map_while(Result::ok);
    let names = tasks.map(|task| fs::read_to_string(task.path().join("comm")).unwrap_or_default());
    names.filter(|name| name.trim() == "look-up").count()
}

#[test]
fn s5_names_that_nobody_resolves_hold_up_neither_other_names_nor_other_workflows() {
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
    let folder = tempfile::tempdir().unwrap();
    let dead = without_names(folder.path());
    if let Some((_, below)) = &dead {
        setup = setup.below(below.clone());
    }
    let has_dead_server = dead.is_some();
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
    // Nobody can stop a look-up, so there are few: 8 of each of the three workflows, and one of that which is healthy.
    let threads = look_ups(server.pid());
    assert!(threads <= 25, "{threads} threads");

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

/// The most that a command may take: its connection 5 s three times, and its start on a busy machine.
const COMMAND_WITHIN: Duration = Duration::from_secs(30);

#[test]
fn s5_a_command_ends_when_nobody_resolves_the_name_of_its_server() {
    let folder = tempfile::tempdir().unwrap();
    let Some((_socket, below)) = without_names(folder.path()) else {
        eprintln!("this takes a mount namespace: nothing is tried");
        return;
    };
    let server = "http://h.dead.example";
    let bundle = ["bundle", "x", "--dir", "out", "--registry", server];
    for words in [
        &["runs", "list", "--token", "t", "--server", server][..],
        &["send", "github", "http://h.dead.example/x", "--secret", "s"],
        &bundle,
    ] {
        if words[0] == "bundle" && !crate::libraries::has_tools() {
            continue;
        }
        let flowcell = flowcell_command();
        let mut command = Command::new(&below[0]);
        command.args(&below[1..]).arg(flowcell.get_program()).args(words);
        command.envs(flowcell.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("XDG_CACHE_HOME", crate::libraries::cache()).env("HOME", folder.path());
        let began = Instant::now();
        let output = command.current_dir(folder.path()).output().unwrap();
        let (took, stderr) = (began.elapsed(), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(2), "{words:?}: {stderr}");
        // The last of several tries may see the system's resolver give up.
        let told = ["gave no answer within", "has no address"].iter().any(|told| stderr.contains(told));
        assert!(told && stderr.contains("h.dead.example"), "{words:?}: {stderr}");
        assert!(took < COMMAND_WITHIN, "{words:?}: {took:?}");
    }
}
