//! What became of the runs and requests of the last 24 hours, hour by hour.
//!
//! Pure: the caller gives the time. A day holds 24 hours and some hundred counts an hour at most, whatever happens in it.

/// Hours that are kept.
pub const HOURS: u64 = 24;
const HOUR_MS: u64 = 3_600_000;
/// Durations below this many milliseconds are told apart exactly; above, eight steps for each doubling.
const EXACT: u64 = 16;

/// How long things took, so that a quantile is right to some 6 %.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Spread {
    /// Buckets in their order, with how many fell into each.
    counts: Vec<(u16, u64)>,
}

/// The bucket of a duration, milliseconds.
fn bucket(ms: u64) -> u16 {
    if ms < EXACT {
        return ms as u16;
    }
    let doublings = u64::from(ms.ilog2());
    let step = (ms >> (doublings - 3)) & 7;
    (EXACT + (doublings - 4) * 8 + step) as u16
}

/// The middle of a bucket, milliseconds.
fn middle(bucket: u16) -> u64 {
    let bucket = u64::from(bucket);
    if bucket < EXACT {
        return bucket;
    }
    let (doublings, step) = ((bucket - EXACT) / 8 + 4, (bucket - EXACT) % 8);
    let width = 1 << (doublings - 3);
    (8 + step) * width + width / 2
}

impl Spread {
    fn add(&mut self, bucket: u16, count: u64) {
        match self.counts.binary_search_by_key(&bucket, |(bucket, _)| *bucket) {
            Ok(at) => self.counts[at].1 += count,
            Err(at) => self.counts.insert(at, (bucket, count)),
        }
    }

    fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|&(bucket, count)| self.add(bucket, count));
    }

    /// The duration that so many hundredths stay below; nothing when there is none.
    fn percentile(&self, hundredths: u64) -> Option<u64> {
        let all: u64 = self.counts.iter().map(|(_, count)| count).sum();
        let wanted = (all * hundredths).div_ceil(100).max(1);
        let mut seen = 0;
        let found = self.counts.iter().find(|(_, count)| {
            seen += count;
            seen >= wanted
        });
        found.map(|(bucket, _)| middle(*bucket))
    }
}

/// What happened in some time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Runs that succeeded.
    pub ok: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Requests that were refused.
    pub refused: u64,
    took: Spread,
}

impl Tally {
    /// The time from acceptance to end that half of the runs stayed below, milliseconds, to some 6 %.
    pub fn p50_ms(&self) -> Option<u64> {
        self.took.percentile(50)
    }

    /// The same for 95 of 100.
    pub fn p95_ms(&self) -> Option<u64> {
        self.took.percentile(95)
    }

    fn merge(&mut self, other: &Self) {
        self.ok += other.ok;
        self.failed += other.failed;
        self.refused += other.refused;
        self.took.merge(&other.took);
    }
}

/// One hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hour {
    /// When it begins, milliseconds since the epoch.
    pub start_ms: u64,
    pub tally: Tally,
}

/// The last 24 hours.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Day {
    /// In their order, without those in which nothing happened.
    hours: Vec<(u64, Tally)>,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Happened {
    /// A run succeeded, so many milliseconds after it was accepted.
    Ok {
        took_ms: u64,
    },
    Failed {
        took_ms: u64,
    },
    Refused,
}

/// The hour of a moment, counted from the epoch.
fn hour(ms: u64) -> u64 {
    ms / HOUR_MS
}

/// The first of the 24 hours that end with the present one.
fn first(now_ms: u64) -> u64 {
    (hour(now_ms) + 1).saturating_sub(HOURS)
}

impl Day {
    /// Counts what happened at `at_ms`, unless that is longer ago than a day. What is older than a day, or was counted while the clock
    /// was ahead, is forgotten.
    pub(crate) fn count(&mut self, at_ms: u64, now_ms: u64, happened: Happened) {
        let (first, last) = (first(now_ms), hour(now_ms));
        self.hours.retain(|(hour, _)| (first..=last).contains(hour));
        let hour = hour(at_ms);
        if !(first..=last).contains(&hour) {
            return;
        }
        let at = self.hours.binary_search_by_key(&hour, |(hour, _)| *hour).unwrap_or_else(|at| {
            self.hours.insert(at, (hour, Tally::default()));
            at
        });
        let tally = &mut self.hours[at].1;
        match happened {
            Happened::Ok { took_ms } => {
                tally.ok += 1;
                tally.took.add(bucket(took_ms), 1);
            }
            Happened::Failed { took_ms } => {
                tally.failed += 1;
                tally.took.add(bucket(took_ms), 1);
            }
            Happened::Refused => tally.refused += 1,
        }
    }

    /// The 24 hours that end with the present one, in their order.
    pub fn hours(&self, now_ms: u64) -> Vec<Hour> {
        let tally = |wanted: u64| self.hours.iter().find(|(hour, _)| *hour == wanted);
        (first(now_ms)..=hour(now_ms))
            .map(|hour| Hour {
                start_ms: hour * HOUR_MS,
                tally: tally(hour).map(|(_, tally)| tally.clone()).unwrap_or_default(),
            })
            .collect()
    }

    /// All of it together.
    pub fn sum(&self, now_ms: u64) -> Tally {
        let mut sum = Tally::default();
        let within = first(now_ms)..=hour(now_ms);
        self.hours.iter().filter(|(hour, _)| within.contains(hour)).for_each(|(_, tally)| sum.merge(tally));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    #[test]
    fn buckets_are_in_order_and_their_middle_is_near() {
        let mut before = 0;
        for ms in (0..100_000).chain((17..63).map(|doublings| 1 << doublings)).chain([u64::MAX]) {
            let bucket = bucket(ms);
            assert!(bucket >= before, "{ms}");
            before = bucket;
            let away = middle(bucket).abs_diff(ms);
            assert!(away <= ms / 15, "{ms}: {}", middle(bucket));
        }
        assert!(before < 512);
    }

    #[test]
    fn a_day_has_24_hours_and_what_is_older_goes() {
        let mut day = Day::default();
        let ok = Happened::Ok { took_ms: 5 };
        day.count(NOW, NOW, ok);
        day.count(NOW - 23 * HOUR_MS, NOW, ok);
        day.count(NOW - 24 * HOUR_MS, NOW, ok);
        day.count(NOW + HOUR_MS, NOW, ok);
        let hours = day.hours(NOW);
        assert_eq!(hours.len(), 24);
        assert_eq!((hours[0].tally.ok, hours[23].tally.ok, day.sum(NOW).ok), (1, 1, 2));
        assert!(hours[0].start_ms == hours[23].start_ms - 23 * HOUR_MS && hours[23].start_ms <= NOW);
        assert_eq!(day.sum(NOW + HOUR_MS).ok, 1);
        for hours in 0..100 {
            let now = NOW + hours * HOUR_MS;
            day.count(now, now, Happened::Refused);
        }
        assert_eq!((day.hours.len(), day.sum(NOW + 99 * HOUR_MS).refused), (24, 24));
        day.count(NOW, NOW, ok);
        assert_eq!(day.hours.len(), 1, "the clock was ahead");
    }

    #[test]
    fn percentiles_are_those_of_the_durations() {
        let mut day = Day::default();
        assert_eq!((day.sum(NOW).p50_ms(), day.sum(NOW).p95_ms()), (None, None));
        for took_ms in 1..=100 {
            day.count(NOW, NOW, Happened::Ok { took_ms: took_ms * 10 });
        }
        day.count(NOW, NOW, Happened::Failed { took_ms: 3 });
        let sum = day.sum(NOW);
        assert_eq!((sum.ok, sum.failed), (100, 1));
        let (p50, p95) = (sum.p50_ms().unwrap(), sum.p95_ms().unwrap());
        assert!(p50.abs_diff(500) < 35 && p95.abs_diff(950) < 65, "{p50} {p95}");
    }
}
