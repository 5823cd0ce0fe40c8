//! Figures and the table they are printed in.

use std::time::{Duration, Instant};

/// Calls before anything counts.
const WARM_UP: usize = 20;

/// Sorted durations, and the time that they took together.
pub struct Stats {
    sorted: Vec<Duration>,
    wall: Duration,
}

impl Stats {
    /// Calls `work` for about `time`.
    pub fn of(time: Duration, mut work: impl FnMut()) -> Self {
        (0..WARM_UP).for_each(|_| work());
        let (started, mut all) = (Instant::now(), Vec::new());
        while started.elapsed() < time {
            let one = Instant::now();
            work();
            all.push(one.elapsed());
        }
        Self::new(all, started.elapsed())
    }

    pub fn new(mut all: Vec<Duration>, wall: Duration) -> Self {
        all.sort_unstable();
        Self { sorted: all, wall }
    }

    pub fn quantile(&self, part: f64) -> Duration {
        let index = (self.sorted.len() as f64 * part) as usize;
        self.sorted.get(index.min(self.sorted.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    pub fn count(&self) -> usize {
        self.sorted.len()
    }

    pub fn per_second(&self) -> f64 {
        self.sorted.len() as f64 / self.wall.as_secs_f64()
    }
}

/// One line of the table.
pub struct Row {
    name: String,
    stats: Stats,
    /// Requests a second of what it is compared with.
    base: Option<f64>,
    load: bool,
}

impl Row {
    pub fn latency(name: &str, stats: Stats) -> Self {
        Self { name: name.to_owned(), stats, base: None, load: false }
    }

    pub fn load(name: &str, stats: Stats, base: Option<f64>) -> Self {
        Self { name: name.to_owned(), stats, base, load: true }
    }
}

/// Prints all rows. Latencies are also given as a multiple of the first row.
pub fn print(rows: &[Row]) {
    let micros = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e6);
    println!("{:<58} {:>10} {:>10} {:>10} {:>18}", "", "p50 us", "p99 us", "per s", "ratio");
    let first = rows.first().map(|row| row.stats.quantile(0.5).as_secs_f64());
    for row in rows {
        let ratio = match (row.load, row.base, first) {
            (true, Some(base), _) => format!("{:.3} of bare axum", row.stats.per_second() / base),
            (true, None, _) => "1 (bare axum)".to_owned(),
            (false, _, Some(first)) if first > 0.0 => {
                format!("{:.1} instances", row.stats.quantile(0.5).as_secs_f64() / first)
            }
            (false, _, _) => String::new(),
        };
        println!(
            "{:<58} {:>10} {:>10} {:>10.0} {:>18}",
            row.name,
            micros(row.stats.quantile(0.5)),
            micros(row.stats.quantile(0.99)),
            row.stats.per_second(),
            ratio
        );
    }
}
