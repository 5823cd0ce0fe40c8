//! A line of the server's log for each run that fails, so that whoever reads the log learns of it.
//!
//! Runs fail as often as strangers send. After [`MOST`] lines of a minute the others are only counted, and the first line of the
//! next minute says how many there were.

use std::sync::Mutex;

use crate::model::{RunError, RunHead};

/// Lines of one minute.
const MOST: u32 = 20;
const MINUTE_MS: u64 = 60_000;
/// Characters of a message that are told. The run has all of it.
const MESSAGE: usize = 300;

/// How many lines were written lately.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<Minute>);

#[derive(Debug, Default)]
struct Minute {
    since_ms: u64,
    lines: u32,
    untold: u64,
}

impl Failures {
    /// Tells of a failed run. Its error was masked when it was stored.
    pub(super) fn tell(&self, head: &RunHead, error: &RunError, now_ms: u64) {
        let Some(untold) = self.may_tell(now_ms) else { return };
        if untold > 0 {
            tracing::warn!(
                "{untold} more runs failed before; `flowcell runs list --status failed` shows them"
            );
        }
        let message: String = error.message.chars().take(MESSAGE).collect();
        // The message may quote a stranger, so it is written with its line ends escaped.
        tracing::warn!(
            workflow = %head.workflow,
            run = %head.id,
            code = error.code.as_str(),
            step = error.step.as_ref().map(tracing::field::display),
            ?message,
            "a run failed"
        );
    }

    /// How many were not told before this one; nothing when this one is not told either.
    fn may_tell(&self, now_ms: u64) -> Option<u64> {
        let mut minute = self.0.lock().expect("no code panics under this lock");
        // A clock that was set back begins a new minute, too.
        if !(minute.since_ms..minute.since_ms.saturating_add(MINUTE_MS)).contains(&now_ms) {
            (minute.since_ms, minute.lines) = (now_ms, 0);
        }
        if minute.lines >= MOST {
            minute.untold += 1;
            return None;
        }
        minute.lines += 1;
        Some(std::mem::take(&mut minute.untold))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_has_so_many_lines_and_the_next_one_says_how_many_were_left_out() {
        let failures = Failures::default();
        let told = |now_ms| failures.may_tell(now_ms);
        assert!((0..20).all(|ms| told(1_000_000 + ms) == Some(0)));
        assert_eq!([told(1_000_020), told(1_059_999)], [None, None]);
        assert_eq!([told(1_060_000), told(1_060_001)], [Some(2), Some(0)]);
        assert_eq!(told(5), Some(0), "the clock was set back");
    }
}
