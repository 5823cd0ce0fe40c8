//! How much memory the machine, or the control group of this process, has. The defaults of budgets come from it.
//!
//! `app` calls this once, at the start. It only reads files of the kernel. Where they are missing or odd, it assumes
//! little.

use std::{fs, path::Path};

use crate::memory_budget::ASSUMED;

/// The memory that this process may use, bytes: that of the machine, or less if a control group (v1 or v2) around the
/// process says so.
pub fn memory() -> u64 {
    let groups = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let total = fs::read_to_string("/proc/meminfo").ok().and_then(|text| total_of(&text)).unwrap_or(ASSUMED);
    let limits = files_of(&groups).into_iter().filter_map(|file| fs::read_to_string(file).ok());
    limits.filter_map(|text| text.trim().parse().ok()).fold(total, u64::min)
}

fn total_of(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

/// The files that may hold a limit: of the groups in `/proc/self/cgroup`, and of the groups around them. In a
/// container, the group's own path may not be visible. Then its mount is the group.
fn files_of(groups: &str) -> Vec<String> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let (mount, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let around = Path::new(path).ancestors().filter_map(Path::to_str);
        files.extend(around.map(|path| format!("{mount}{}/{file}", path.trim_end_matches('/'))));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limits_of_a_group_and_of_those_around_it_are_found() {
        let v2 = files_of("0::/system.slice/flowcell.service\n");
        assert_eq!(v2[0], "/sys/fs/cgroup/system.slice/flowcell.service/memory.max");
        assert_eq!(v2[2], "/sys/fs/cgroup/memory.max");
        let v1 = files_of("4:memory:/a\n3:cpuset:/\n");
        assert_eq!(
            v1,
            ["/sys/fs/cgroup/memory/a/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.limit_in_bytes"]
        );
        assert!(files_of("nonsense").is_empty());
    }

    #[test]
    fn the_machine_has_memory() {
        assert_eq!(total_of("MemTotal:       24576 kB\nMemFree: 1 kB"), Some(24 << 20));
        assert_eq!(total_of("MemTotal: much"), None);
        assert!(memory() > 64 << 20);
    }
}
