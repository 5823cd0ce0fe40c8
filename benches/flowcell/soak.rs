//! `scripts/bench soak [RUNS]`: many runs against a server that keeps them for seconds only, and how large its store
//! and its memory are meanwhile. Both must level off.

use std::{path::Path, time::Duration};

use crate::{Server, load, payload, signed, write_workflow};

/// Between two lines of the table.
const SLICE: Duration = Duration::from_secs(4);
/// How long finished runs, request lines and dedupe ids are kept.
const KEPT: &str = "10s";

/// Sends at least `runs` events and prints one line a slice.
pub fn soak(folder: &Path, cache: &Path, runs: usize) {
    let (workflows, data) = (folder.join("workflows"), folder.join("data"));
    write_workflow(&workflows, "sync", KEPT);
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
    println!("{:>9}  {:>8}  {:>9}  {:>9}  {:>8}", "runs", "runs/s", "store", "history", "RSS");
    let mut done = 0;
    while done < runs {
        let load =
            load::Load { address: server.address.clone(), connections: 16, time: SLICE, each: usize::MAX };
        let stats = load::run(&load, &request).stats;
        done += stats.count();
        let mib = |bytes: u64| format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20));
        let history = size(&data.join("store/history"));
        println!(
            "{done:>9}  {:>8.0}  {:>9}  {:>9}  {:>8}",
            stats.per_second(),
            mib(size(&data.join("store")) - history),
            mib(history),
            mib(rss(server.pid()))
        );
    }
}

/// Bytes of all files below a folder; those that vanish meanwhile count nothing.
fn size(folder: &Path) -> u64 {
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
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) << 10
}
