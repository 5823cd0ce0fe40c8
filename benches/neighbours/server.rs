//! The server under attack: the real binary, in a folder of its own and, where that is possible, a control group of two GiB.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

/// Two GiB.
const MEMORY: u64 = 2 << 30;

pub struct Server {
    child: Child,
    address: SocketAddr,
    group: Option<PathBuf>,
    _folder: tempfile::TempDir,
}

impl Server {
    pub fn start(workflows: &[(String, Value, &'static str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        for (key, workflow, script) in workflows {
            let place = folder.path().join("workflows").join(key);
            fs::create_dir_all(&place).expect("the folder can be written");
            fs::write(place.join("main.js"), script).expect("the folder can be written");
            fs::write(place.join("workflow.json"), workflow.to_string()).expect("the folder can be written");
        }
        let group = group();
        let mut child = Command::new(env!("CARGO_BIN_EXE_flowcell"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .arg("--workflows")
            .arg(folder.path().join("workflows"))
            // The first one compiles the engine for all of them.
            .env("FLOWCELL_SANDBOX_CACHE", Path::new(env!("CARGO_TARGET_TMPDIR")).join("neighbours-cache"))
            .env("FLOWCELL_SANDBOX_MEMORY", ((MEMORY / 5 * 2) >> 20).to_string() + "MiB")
            .env("FLOWCELL_VARS_FORGED_SECRET", "a secret of this measurement")
            .stdout(Stdio::piped())
            .stderr(if std::env::var_os("NEIGHBOURS_LOG").is_some() {
                Stdio::inherit()
            } else {
                Stdio::null()
            })
            .spawn()
            .expect("the binary starts");
        if let Some(group) = &group {
            fs::write(group.join("cgroup.procs"), child.id().to_string())
                .expect("the process joins its group");
        }
        let stdout = child.stdout.take().expect("it is piped");
        let (told, address) = std::sync::mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("flowcell listens on http://") {
                    let _ = told.send(address.to_owned());
                }
            }
        });
        let address = address.recv_timeout(Duration::from_secs(120)).expect("it says where it listens");
        Self { child, address: address.parse().expect("an address"), group, _folder: folder }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn limit(&self) -> &'static str {
        if self.group.is_some() {
            "2 GiB (a control group)"
        } else {
            "none (no control group can be made here)"
        }
    }

    pub fn resident_mib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) >> 10
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(group) = &self.group {
            let _ = fs::remove_dir(group);
        }
    }
}

/// A control group of [`MEMORY`], of version 1 or 2; nothing where this process may not make one.
fn group() -> Option<PathBuf> {
    let name = format!("flowcell-neighbours-{}", std::process::id());
    for (root, file) in [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
    {
        let group = Path::new(root).join(&name);
        if fs::create_dir(&group).is_ok() {
            if fs::write(group.join(file), MEMORY.to_string()).is_ok() {
                return Some(group);
            }
            let _ = fs::remove_dir(&group);
        }
    }
    None
}
