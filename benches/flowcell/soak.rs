//! `scripts/bench soak [RUNS]`: many runs against a server that keeps them for seconds only; how large its store and its memory
//! are meanwhile, and how fast it answers. All must level off. In the middle a backup is taken under load, restored, and
//! asked for what was acknowledged before it.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use crate::{Server, load, payload, signed, workflow, write_workflow};

/// Between two lines of the table.
const SLICE: Duration = Duration::from_secs(4);
/// How long finished runs, request lines and dedupe ids are kept.
const KEPT: &str = "10s";
/// Values that are acknowledged before the backup.
const MARKS: usize = 2_000;
const MARK: &str = "
if (context.data !== 'count') return kv.set(context.headers['x-github-delivery'], true);
let count = 0, after;
do {
  const page = await kv.list({ limit: 1000, after });
  count += page.entries.length;
  after = page.next;
} while (after);
return 'marks: ' + count;
";

/// Sends at least `runs` events and prints one line a slice.
pub fn soak(folder: &Path, cache: &Path, runs: usize) {
    let (workflows, data) = (folder.join("workflows"), folder.join("data"));
    write_workflow(&workflows, "sync", KEPT);
    workflow(
        &workflows,
        "mark",
        &serde_json::json!({ "type": "webhook" }),
        &serde_json::json!([{ "id": "mark", "type": "code", "file": "mark.js" }]),
        &[("mark.js", MARK)],
    );
    let server = Server::flowcell_with(
        &workflows,
        &data,
        cache,
        &[
            ("FLOWCELL_RETENTION_SUCCEEDED", KEPT),
            ("FLOWCELL_RETENTION_FAILED", KEPT),
            ("FLOWCELL_RETENTION_REQUESTS", KEPT),
        ],
    );
    let path = "/api/webhooks/w1-sync".to_owned();
    let request = signed(&server.address, [path], &payload("push-2k.json"), 200);
    println!(
        "{:>9}  {:>8}  {:>8}  {:>8}  {:>10}  {:>10}  {:>10}",
        "runs", "runs/s", "p50 us", "p99 us", "store", "history", "RSS"
    );
    let (mut done, mut backup) = (0, None);
    while done < runs {
        if done >= runs / 2 && backup.is_none() {
            mark(&server);
            backup = Some(Backup::begin(folder, &data, &server.address));
        }
        let load =
            load::Load { address: server.address.clone(), connections: 16, time: SLICE, each: usize::MAX };
        let stats = load::run(&load, &request).stats;
        done += stats.count();
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        let history = size(&data.join("store/history"));
        println!(
            "{done:>9}  {:>8.0}  {:>8}  {:>8}  {:>10}  {:>10}  {:>10}",
            stats.per_second(),
            stats.quantile(0.5).as_micros(),
            stats.quantile(0.99).as_micros(),
            mib(size(&data.join("store")) - history),
            mib(history),
            mib(rss(server.pid()))
        );
    }
    if let Some(backup) = backup {
        backup.compare(&workflows, cache);
    }
}

/// Sends [`MARKS`] events that each store a value.
fn mark(server: &Server) {
    let request = signed(&server.address, ["/api/webhooks/mark".to_owned()], b"{}", 200);
    let (connections, time) = (8, Duration::from_secs(60));
    let load = load::Load { address: server.address.clone(), connections, time, each: MARKS / connections };
    assert_eq!(load::run(&load, &request).stats.count(), MARKS);
}

/// A backup under way, which `flowcell backup` writes.
struct Backup {
    command: std::process::Child,
    file: std::path::PathBuf,
    restored: std::path::PathBuf,
    data: std::path::PathBuf,
}

impl Backup {
    fn begin(folder: &Path, data: &Path, address: &str) -> Self {
        let file = folder.join("soak.backup");
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowcell"));
        command.arg("backup").arg(&file).arg("--data").arg(data).stdout(Stdio::null());
        command.arg("--server").arg(format!("http://{address}"));
        let command = command.spawn().expect("the backup begins");
        Self { command, file, restored: folder.join("restored"), data: data.to_owned() }
    }

    /// Restores the backup, and counts in it what was acknowledged before.
    fn compare(mut self, workflows: &Path, cache: &Path) {
        assert!(self.command.wait().expect("it was started here").success(), "the backup failed");
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowcell"));
        command.arg("restore").arg(&self.file).arg("--data").arg(&self.restored).stdout(Stdio::null());
        let key = self.data.join("secrets.key");
        let restored = command.arg("--key").arg(key).status().expect("the restore begins");
        assert!(restored.success(), "the restore failed");
        let server = Server::flowcell(workflows, &self.restored, cache);
        let answer = load::post(&server.address, "/api/webhooks/mark", "\"count\"");
        assert!(answer.contains(&format!("marks: {MARKS}")), "{answer}");
        let bytes = std::fs::metadata(&self.file).map_or(0, |meta| meta.len());
        println!("a backup in the middle, {bytes} bytes, was restored: {MARKS} of {MARKS} values are there");
    }
}

/// Bytes of all files below a folder; those that vanish meanwhile count nothing.
pub fn size(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => size(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}

/// Resident memory of a process, bytes; 0 where there is no `/proc`.
pub fn rss(pid: u32) -> u64 {
    memory(pid, "VmRSS:")
}

/// A line of `/proc/PID/status` that counts memory, such as `RssAnon:`, in bytes; 0 where there is none.
pub fn memory(pid: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) << 10
}
