//! What the process uses, as Linux tells it. Elsewhere the numbers are zero.

use std::fs;

/// Clock ticks of a second in `/proc`, the same on every Linux that we know.
const TICKS: f64 = 100.0;

/// What the process uses.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Process {
    /// Processor time so far, seconds.
    pub(super) cpu_seconds: f64,
    /// Memory that it holds, bytes.
    pub(super) resident_bytes: u64,
}

impl Process {
    /// Of this process, now.
    pub(super) fn now() -> Self {
        let read = |file| fs::read_to_string(file).unwrap_or_default();
        Self {
            cpu_seconds: cpu_seconds(&read("/proc/self/stat")).unwrap_or_default(),
            resident_bytes: resident_bytes(&read("/proc/self/status")).unwrap_or_default(),
        }
    }
}

/// The name of the program, in parentheses, may hold anything; the fields after it are numbers.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut times = fields.split(' ').skip(11);
    let (user, system): (f64, f64) = (times.next()?.parse().ok()?, times.next()?.parse().ok()?);
    Some((user + system) / TICKS)
}

fn resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_times_and_the_memory_are_found() {
        let stat = "7 (a) b) c) S 1 7 7 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(cpu_seconds("nonsense"), None);
        assert_eq!(resident_bytes("VmPeak:\t9 kB\nVmRSS:\t    2048 kB\n"), Some(2 << 20));
        assert!(Process::now().resident_bytes > 1 << 20);
    }
}
