//! S3, S4, S7: in a control group of one GiB the server lives through what takes memory, and through a restart amid it.
//!
//! Where no control group can be made, the process's own memory is looked at instead.

use std::{fs, path::PathBuf, time::Duration};

use serde_json::{Value, json};

use crate::support::{Setup, TestServer, Workflow, poll, wait_until};

const GIB: u64 = 1 << 30;

/// A control group of one GiB, of version 1 or 2.
struct Group(Option<PathBuf>);

impl Group {
    fn new() -> Self {
        let name = format!("flowcell-test-{}", std::process::id());
        let places = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        Self(places.into_iter().find_map(|(root, file)| {
            let group = PathBuf::from(root).join(&name);
            fs::create_dir(&group).ok()?;
            if fs::write(group.join(file), GIB.to_string()).is_ok() {
                return Some(group);
            }
            let _ = fs::remove_dir(&group);
            None
        }))
    }

    /// The same memory for scripts in both cases.
    fn setup(&self) -> Setup {
        let setup =
            Setup::default().variable("FLOWCELL_SANDBOX_MEMORY", &format!("{}MiB", (GIB / 5 * 2) >> 20));
        match &self.0 {
            None => setup,
            Some(group) => {
                let script = format!("echo $$ > {}/cgroup.procs; \"$@\"; exit $?", group.display());
                setup.below(["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()])
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = &self.0 {
            for _ in 0..50 {
                if fs::remove_dir(group).is_ok() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }
}

fn limits(workflow: Workflow, memory: &str) -> Workflow {
    workflow.asynchronous().limits(json!({ "memory": memory, "timeout": "60s", "fuel": 100_000_000_000u64 }))
}

fn is_well(server: &mut TestServer, after: &str) {
    assert!(server.is_alive(), "after {after}");
    let answer = server.post("healthy", &json!({ "n": 1 }));
    assert_eq!((answer.status, answer.json()), (200, json!(1)), "after {after}");
    let resident = server.resident_mib();
    assert!(resident < GIB >> 20, "{resident} MiB after {after}");
}

fn is_open(run: &Value) -> bool {
    run["status"] == "queued" || run["status"] == "waiting"
}

fn cancel_all(server: &TestServer) {
    for key in ["hog", "waits"] {
        for run in server.runs(key) {
            if is_open(&run) {
                server.ask(
                    "POST",
                    &format!("/api/v1/runs/{}/cancel", run["id"].as_str().unwrap()),
                    &json!({}),
                );
            }
        }
    }
}

#[test]
fn s4_a_server_of_one_gib_lives_through_waiting_instances_hogs_and_template_bombs_also_after_a_restart() {
    let waits = "const held = new Uint8Array(20 << 20).fill(1); for (let i = 0; i < 20; i++) await sleep(900); return held.length;";
    let hog = "const held = []; for (;;) held.push(new Uint8Array(4 << 20).fill(1));";
    let values: serde_json::Map<String, Value> =
        (0..3000).map(|n| (format!("v{n}"), json!("{{$context.data}}"))).collect();
    let bomb = Workflow::steps("bomb", json!([{ "id": "main", "type": "set", "values": values }]));
    let group = Group::new();
    let mut server = group
        .setup()
        .workflows([
            limits(Workflow::script("waits", waits), "32MiB"),
            limits(Workflow::script("hog", hog), "256MiB"),
            bomb,
            Workflow::script("healthy", "return context.data.n;"),
        ])
        .start();
    is_well(&mut server, "nothing");
    let body = json!({ "text": "x".repeat(900_000) });
    for _ in 0..6 {
        assert!(server.post("bomb", &body).status < 500);
    }
    is_well(&mut server, "template bombs");
    for _ in 0..110 {
        server.post("waits", &json!({}));
    }
    is_well(&mut server, "110 instances that wait");
    for _ in 0..30 {
        server.post("hog", &json!({}));
    }
    is_well(&mut server, "30 hogs");
    server.kill();
    server.restart();
    // What was under way is taken up again.
    wait_until("runs are taken up", 20, || server.runs("waits").iter().any(|run| run["running"] == true));
    is_well(&mut server, "a restart amid all of them");
    cancel_all(&server);
    poll("all are cancelled", 60, || {
        assert!(server.is_alive(), "while all are cancelled");
        let open = ["hog", "waits"].iter().flat_map(|key| server.runs(key)).filter(is_open).count();
        if open > 0 {
            cancel_all(&server);
        }
        (open == 0).then_some(())
    });
    is_well(&mut server, "the end");
}
