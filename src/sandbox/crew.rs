//! Threads for scripts, apart from those that everything else of the server uses.
//!
//! As many as are needed: each job comes with a place of its own, which bounds them. A thread on which a script computed for long
//! was made to give way to others ([`give_way`]); the system does not let it go back, so it ends with its job.

use std::{
    cell::Cell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

/// An idle thread ends after this long.
const IDLE: Duration = Duration::from_secs(10);
/// How much a script that computes for long gives way, as `nice` counts: about a tenth of the weight of others.
const NICE: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// The threads. They end by themselves when nobody has work for them.
#[derive(Default)]
pub(super) struct Crew {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    idle: usize,
}

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
    static GAVE_WAY: Cell<bool> = const { Cell::new(false) };
}

impl Crew {
    /// Has this done on a thread. What it gives comes by the receiver, nothing when it panicked.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> std::io::Result<oneshot::Receiver<T>> {
        let (sender, receiver) = oneshot::channel();
        let job: Job = Box::new(move || {
            // Nobody waits for it any more: it is not even begun.
            if sender.is_closed() {
                return;
            }
            if let Ok(done) = catch_unwind(AssertUnwindSafe(work)) {
                // Whoever asked may have gone.
                drop(sender.send(done));
            }
        });
        let mut state = self.shared.state();
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() {
            drop(state);
            self.shared.work.notify_one();
            return Ok(receiver);
        }
        drop(state);
        let shared = Arc::clone(&self.shared);
        // Without a thread the job stays, and ends at once when its turn comes: the receiver is gone then.
        thread::Builder::new().name("script".to_owned()).spawn(move || shared.serve())?;
        Ok(receiver)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self) {
        IS_OURS.set(true);
        loop {
            let mut state = self.state();
            let job = loop {
                if let Some(job) = state.jobs.pop_front() {
                    break job;
                }
                state.idle += 1;
                let (woken, waited) =
                    self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
                state = woken;
                state.idle -= 1;
                if waited.timed_out() && state.jobs.is_empty() {
                    return;
                }
            };
            drop(state);
            job();
            if GAVE_WAY.get() {
                return;
            }
        }
    }
}

/// Lets other threads come first from now on: this one computes for long. It never gets its rank back. Does nothing on threads
/// that are not of a crew.
pub(super) fn give_way() {
    if IS_OURS.get() && !GAVE_WAY.replace(true) {
        // Where it is not allowed, the system shares out the cores evenly.
        let _ = rustix::process::setpriority_process(None, NICE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_done_side_by_side_and_one_that_panics_takes_no_other_with_it() {
        let crew = Crew::default();
        let (first, second) = (std::sync::mpsc::channel(), std::sync::mpsc::channel());
        // Each waits for the other.
        let one = crew.work(move || {
            first.0.send(()).unwrap();
            second.1.recv().unwrap();
            1
        });
        let two = crew.work(move || {
            first.1.recv().unwrap();
            second.0.send(()).unwrap();
            2
        });
        assert_eq!((one.unwrap().blocking_recv(), two.unwrap().blocking_recv()), (Ok(1), Ok(2)));
        assert!(crew.work(|| -> u8 { panic!("on purpose") }).unwrap().blocking_recv().is_err());
        assert_eq!(crew.work(|| 3).unwrap().blocking_recv(), Ok(3));
    }

    #[test]
    fn a_thread_that_gave_way_ends_and_the_next_job_has_its_full_rank() {
        let crew = Crew::default();
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = crew.work(nice).unwrap().blocking_recv().unwrap();
        let gave = crew.work(move || {
            give_way();
            nice()
        });
        assert!(gave.unwrap().blocking_recv().unwrap() > before);
        for _ in 0..20 {
            assert_eq!(crew.work(nice).unwrap().blocking_recv().unwrap(), before);
        }
    }
}
