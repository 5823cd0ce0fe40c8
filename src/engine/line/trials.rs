//! Finds the run that ends the process, for instance because its step takes all memory.
//!
//! While all goes well, nothing is counted. After a process ended without a stop, the next start looks for the runs that
//! may have been under way. Each is marked durably before it is begun again. The mark says at how many ends of the process
//! the run was under way without ending a step in between. It is removed when the run gets further: with the next entry of
//! its journal, with a wait, or with its end.
//!
//! A run that was under way at two ends is a suspect. Suspects are tried one at a time, and no other run of their workflows
//! begins during a trial. So at the next end one suspect is under way, and it is known which. An innocent suspect is
//! acquitted when one of its steps ends. If a trial takes long, the next suspect is tried. A run that was under way at
//! `max_crashes` ends is not begun again; it fails.
//!
//! Called by `recovery`, the line and the `runner`.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use super::pending::Seat;
use crate::model::{ErrorCode, RunError, RunId, WorkflowKey};

/// A run that was under way at so many ends of the process is a suspect.
const SUSPECT: u32 = 2;
/// How long the other suspects wait for one whose trial does not end.
pub(crate) const TRIAL: Duration = Duration::from_secs(10);

/// The runs that may have ended the process.
pub(crate) struct Trials {
    state: Mutex<State>,
    /// A run that was under way at so many ends is not begun again.
    most: u32,
    /// Whether there is any such run. After a stop there is none, and nobody takes the lock.
    any: AtomicBool,
}

#[derive(Default)]
struct State {
    /// The ends that each run may have caused, until it is begun.
    ends: HashMap<RunId, u32>,
    /// The suspects that were not tried yet, with their workflows.
    suspects: HashMap<RunId, WorkflowKey>,
    line: VecDeque<(RunId, Seat)>,
    tried: Option<RunId>,
}

/// Whether a run may stand in line for its execution.
pub(crate) enum Admitted {
    /// It may, like any other run.
    Free(Seat),
    /// It may, before all other runs of its workflow.
    First(Seat),
    /// It waits for its trial.
    Later,
}

/// How a run is begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// It begins like any other run.
    Plain,
    /// It begins after it is marked with this number of ends. `on_trial` says whether others wait for it.
    Marked { ends: u32, on_trial: bool },
    /// It is not taken up again: it was under way at too many ends of the process.
    Condemned { ends: u32 },
}

/// What follows when a trial is over.
pub(crate) struct Released {
    pub(crate) workflow: WorkflowKey,
    pub(crate) next: Option<(RunId, Seat)>,
}

impl Trials {
    /// A run fails that was under way at `most` ends of the process; at least two.
    pub(crate) fn new(most: u32) -> Self {
        Self { state: Mutex::default(), most: most.max(SUSPECT), any: AtomicBool::new(false) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A run that may have been under way at so many ends; whether it is a suspect, whose workflow is held.
    pub(crate) fn accuse(&self, run: RunId, workflow: &WorkflowKey, ends: u32) -> bool {
        if ends == 0 {
            return false;
        }
        let mut state = self.state();
        self.any.store(true, Ordering::SeqCst);
        state.ends.insert(run, ends);
        let suspect = (SUSPECT..self.most).contains(&ends);
        if suspect {
            state.suspects.insert(run, workflow.clone());
        }
        suspect
    }

    /// Whether a run may stand in line.
    pub(crate) fn admit(&self, run: RunId, seat: Seat) -> Admitted {
        if !self.any.load(Ordering::SeqCst) {
            return Admitted::Free(seat);
        }
        let mut state = self.state();
        if state.ends.get(&run).is_some_and(|ends| *ends >= self.most) {
            return Admitted::First(seat);
        }
        if !state.suspects.contains_key(&run) {
            return Admitted::Free(seat);
        }
        match state.tried {
            Some(tried) if tried == run => Admitted::First(seat),
            None => {
                state.tried = Some(run);
                Admitted::First(seat)
            }
            Some(_) => {
                if !state.line.iter().any(|(waiting, _)| *waiting == run) {
                    state.line.push_back((run, seat));
                }
                Admitted::Later
            }
        }
    }

    /// Lets a run that is to be cancelled go before its trial; gives its workflow, whose hold is to be released.
    pub(crate) fn excuse(&self, run: RunId) -> Option<WorkflowKey> {
        if !self.any.load(Ordering::SeqCst) {
            return None;
        }
        let mut state = self.state();
        if state.tried == Some(run) {
            return None;
        }
        state.line.retain(|(waiting, _)| *waiting != run);
        state.suspects.remove(&run)
    }

    /// How a run is begun whose turn has come.
    pub(crate) fn begin(&self, run: RunId) -> Beginning {
        if !self.any.load(Ordering::SeqCst) {
            return Beginning::Plain;
        }
        let mut state = self.state();
        let on_trial = state.tried == Some(run);
        match state.ends.remove(&run) {
            None => Beginning::Plain,
            Some(ends) if ends >= self.most => Beginning::Condemned { ends },
            Some(ends) => Beginning::Marked { ends: ends + 1, on_trial },
        }
    }

    /// Whether others wait for the one that is tried.
    pub(crate) fn has_others(&self) -> bool {
        self.state().suspects.len() > 1
    }

    /// The trial of a run is over: it got further, it ended, or it took too long. Nothing when it is not the one that is
    /// tried.
    pub(crate) fn release(&self, run: RunId) -> Option<Released> {
        if !self.any.load(Ordering::SeqCst) {
            return None;
        }
        let mut state = self.state();
        if state.tried != Some(run) {
            return None;
        }
        state.tried = None;
        let workflow = state.suspects.remove(&run)?;
        // One of another workflow, so that many innocent ones of one do not keep the guilty one from its trial.
        let other = state.line.iter().position(|(next, _)| state.suspects.get(next) != Some(&workflow));
        let next = state.line.remove(other.unwrap_or_default());
        if state.ends.is_empty() && state.suspects.is_empty() {
            self.any.store(false, Ordering::SeqCst);
        }
        Some(Released { workflow, next })
    }
}

/// Why a run is begun no more.
pub(crate) fn condemned(ends: u32) -> RunError {
    let message = format!(
        "the server's process ended {ends} times in a row while this run was under way, without being stopped and without \
         a step of the run having ended in between; the run is not begun again. Look at what its next step does with \
         memory; once that is mended, `flowcell runs dead retry` goes on from there"
    );
    RunError::new(ErrorCode::EngineCrash, message)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{super::pending::Pending, *};

    fn run(n: u64) -> RunId {
        RunId::new(n, [0; 10])
    }

    fn admit(trials: &Trials, n: u64) -> &'static str {
        let seat = Arc::new(Pending::new(10)).force(&"a".parse().unwrap(), 0);
        match trials.admit(run(n), seat) {
            Admitted::Free(_) => "free",
            Admitted::First(_) => "first",
            Admitted::Later => "later",
        }
    }

    #[test]
    fn suspects_are_tried_one_at_a_time() {
        let (trials, a) = (Trials::new(3), "a".parse().unwrap());
        assert!(!trials.accuse(run(1), &a, 0) && !trials.accuse(run(2), &a, 1));
        assert!(
            trials.accuse(run(3), &a, 2) && trials.accuse(run(4), &a, 2) && !trials.accuse(run(5), &a, 3)
        );
        assert_eq!(
            [1, 2, 3, 4, 4, 5].map(|n| admit(&trials, n)),
            ["free", "free", "first", "later", "later", "first"]
        );
        assert_eq!(trials.begin(run(1)), Beginning::Plain);
        assert_eq!(trials.begin(run(2)), Beginning::Marked { ends: 2, on_trial: false });
        assert_eq!(trials.begin(run(3)), Beginning::Marked { ends: 3, on_trial: true });
        assert_eq!(trials.begin(run(5)), Beginning::Condemned { ends: 3 });
        assert!(trials.release(run(2)).is_none() && trials.has_others());
        let next = trials.release(run(3)).unwrap().next.unwrap().0;
        assert_eq!((next, admit(&trials, 4)), (run(4), "first"));
        assert_eq!(trials.begin(run(4)), Beginning::Marked { ends: 3, on_trial: true });
        assert!(trials.release(run(4)).unwrap().next.is_none() && trials.release(run(4)).is_none());
        assert_eq!(trials.begin(run(4)), Beginning::Plain);
    }

    #[test]
    fn workflows_take_turns_with_their_suspects() {
        let (trials, a, b) = (Trials::new(3), "a".parse().unwrap(), "b".parse().unwrap());
        (1..4).for_each(|n| assert!(trials.accuse(run(n), &a, 2)));
        assert!(trials.accuse(run(9), &b, 2));
        (1..4).for_each(|n| {
            admit(&trials, n);
        });
        assert_eq!(admit(&trials, 9), "later");
        let order = [1, 9, 2].map(|n| {
            let next = trials.release(run(n)).unwrap().next.unwrap().0;
            assert_eq!(admit(&trials, next.created_ms()), "first");
            next
        });
        assert_eq!(order, [run(9), run(2), run(3)]);
    }

    #[test]
    fn a_suspect_that_is_cancelled_waits_for_no_trial() {
        let (trials, a) = (Trials::new(3), "a".parse().unwrap());
        (1..4).for_each(|n| assert!(trials.accuse(run(n), &a, 2)));
        assert_eq!([1, 2, 3].map(|n| admit(&trials, n)), ["first", "later", "later"]);
        assert!(trials.excuse(run(1)).is_none(), "it is the one that is tried");
        assert!(trials.excuse(run(2)).is_some() && trials.excuse(run(2)).is_none());
        assert_eq!(admit(&trials, 2), "free");
        assert_eq!(trials.begin(run(2)), Beginning::Marked { ends: 3, on_trial: false });
        assert_eq!(trials.release(run(1)).unwrap().next.unwrap().0, run(3));
    }
}
