//! How long the calls of a script usually take, to know which of them need no thread of their own.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// A call that takes less is quick.
pub(super) const QUICK: Duration = Duration::from_millis(2);
/// A call that takes less may be on such a thread however often the script is called. Calls of a workflow that used much lately
/// stand in line for a core and leave one to others, so they never have all threads.
const SHORT: Duration = Duration::from_millis(1);
/// How long a call may compute on a thread that others need; the next epoch notices it.
pub(super) const LOAN: Duration = Duration::from_millis(4);

/// The usual time of a call, microseconds: each call counts an eighth. At first nothing is known, which is slow.
#[derive(Debug)]
pub(super) struct Pace(AtomicU32);

impl Default for Pace {
    fn default() -> Self {
        Self(AtomicU32::new(u32::MAX))
    }
}

impl Pace {
    /// A call took this long.
    pub(super) fn took(&self, time: Duration) {
        let now = u32::try_from(time.as_micros()).unwrap_or(u32::MAX);
        let before = self.0.load(Ordering::Relaxed);
        let usual =
            if before == u32::MAX { u64::from(now) } else { (u64::from(before) * 7 + u64::from(now)) / 8 };
        self.0.store(u32::try_from(usual).unwrap_or(u32::MAX - 1), Ordering::Relaxed);
    }

    /// A call took longer than it may on a thread that others need. Some quick ones elsewhere have to follow.
    pub(super) fn overran(&self) {
        self.0.store(20 * QUICK.as_micros() as u32, Ordering::Relaxed);
    }

    /// Whether the next call is likely to be quick. `often` says that the script is called so often that it has to be short.
    pub(super) fn is_quick(&self, often: bool) -> bool {
        let most = if often { SHORT } else { QUICK };
        Duration::from_micros(self.0.load(Ordering::Relaxed).into()) < most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_quick_once_its_calls_are_and_slow_for_a_while_after_one_that_is_not() {
        let pace = Pace::default();
        assert!(!pace.is_quick(false), "nothing is known");
        pace.took(Duration::from_micros(1_400));
        assert!(pace.is_quick(false) && !pace.is_quick(true));
        for _ in 0..20 {
            pace.took(Duration::from_micros(90));
        }
        assert!(pace.is_quick(true));
        pace.overran();
        let mut calls = 0;
        while !pace.is_quick(false) {
            pace.took(Duration::from_micros(90));
            calls += 1;
        }
        assert!((10..60).contains(&calls), "{calls}");
        pace.took(Duration::from_secs(100_000));
        assert!(!pace.is_quick(false));
    }
}
