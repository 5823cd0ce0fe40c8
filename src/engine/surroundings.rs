//! What the engine is told of its surroundings, so that whoever asks what is wrong learns of it: folders that cannot be used,
//! the end of the certificate, a clock that jumped.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Folders with an error that are kept.
const FOLDERS: usize = 1_000;
/// The difference between the clock and the time that has passed that counts as a jump.
const JUMP: Duration = Duration::from_secs(10);
/// How long a jump is told.
const TOLD: Duration = Duration::from_secs(3_600);

/// A jump of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockJump {
    /// How far, milliseconds; back if it is negative.
    pub by_ms: i64,
    /// Where it arrived, milliseconds since the epoch.
    pub to_ms: u64,
}

#[derive(Debug, Default)]
struct State {
    folders: BTreeMap<String, String>,
    certificate_end_ms: Option<u64>,
    /// The last look at the clock.
    clock: Option<(Instant, u64)>,
    jump: Option<(Instant, ClockJump)>,
}

/// What is known of the surroundings.
#[derive(Debug, Default)]
pub struct Surroundings(Mutex<State>);

impl Surroundings {
    /// These workflow folders, by name, cannot be used, each with the reason; and no others.
    pub fn wrong_folders(&self, wrong: impl IntoIterator<Item = (String, String)>) {
        self.state().folders = wrong.into_iter().take(FOLDERS).collect();
    }

    /// Workflow folders that cannot be used, each with the reason.
    pub fn folders(&self) -> BTreeMap<String, String> {
        self.state().folders.clone()
    }

    /// The certificate that is shown ends then, milliseconds since the epoch.
    pub fn certificate(&self, end_ms: Option<u64>) {
        self.state().certificate_end_ms = end_ms;
    }

    /// When the certificate ends, if there is one.
    pub fn certificate_end_ms(&self) -> Option<u64> {
        self.state().certificate_end_ms
    }

    /// Looks at the clock: `now` is the time that passes evenly, `now_ms` what the clock shows. Called every few seconds; tells a jump
    /// that it sees.
    pub fn look_at_clock(&self, now: Instant, now_ms: u64) -> Option<ClockJump> {
        let mut state = self.state();
        let before = state.clock.replace((now, now_ms));
        if state.jump.is_some_and(|(at, _)| now.saturating_duration_since(at) >= TOLD) {
            state.jump = None;
        }
        let (then, then_ms) = before?;
        let passed = now.saturating_duration_since(then).as_millis() as i64;
        let by_ms = (now_ms as i64).saturating_sub(then_ms as i64).saturating_sub(passed);
        if by_ms.unsigned_abs() < JUMP.as_millis() as u64 {
            return None;
        }
        let jump = ClockJump { by_ms, to_ms: now_ms };
        state.jump = Some((now, jump));
        Some(jump)
    }

    /// The last jump of the clock, for an hour.
    pub fn clock_jump(&self) -> Option<ClockJump> {
        self.state().jump.map(|(_, jump)| jump)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_jumps_is_seen_and_told_for_an_hour() {
        let (surroundings, begin) = (Surroundings::default(), Instant::now());
        let look = |seconds: u64, now_ms: u64| {
            surroundings.look_at_clock(begin + Duration::from_secs(seconds), now_ms)
        };
        assert_eq!(look(0, 1_000_000), None);
        assert_eq!(look(2, 1_002_500), None, "it is a little fast");
        let jump = ClockJump { by_ms: 3_600_000, to_ms: 4_604_500 };
        assert_eq!((look(4, 4_604_500), surroundings.clock_jump()), (Some(jump), Some(jump)));
        assert_eq!(look(6, 4_606_500), None);
        let back = ClockJump { by_ms: -3_600_000, to_ms: 1_008_500 };
        assert_eq!(look(8, 1_008_500), Some(back));
        assert_eq!((look(3_607, 4_607_500), surroundings.clock_jump()), (None, Some(back)));
        assert_eq!((look(3_608, 4_608_500), surroundings.clock_jump()), (None, None));
    }

    #[test]
    fn folders_without_end_are_not_kept() {
        let surroundings = Surroundings::default();
        let wrong = |most: usize| (0..most).map(|number| (number.to_string(), "it is wrong".to_owned()));
        surroundings.wrong_folders(wrong(2 * FOLDERS));
        assert_eq!(surroundings.folders().len(), FOLDERS);
        surroundings.wrong_folders(wrong(1));
        assert_eq!(surroundings.folders().keys().collect::<Vec<_>>(), ["0"]);
    }
}
