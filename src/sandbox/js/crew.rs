//! Threads for scripts, apart from those that everything else of the server uses.
//!
//! As many as are needed: each job comes with a place of its own, which bounds them. A thread on which a greedy script computed
//! was made to give way to the server's own ([`give_way`]). The system does not let it go back, so from then on it does the jobs of
//! greedy scripts alone. One more thread ends instances with much memory, one after the other, and gives way to nobody: the system
//! locks the map of the whole process meanwhile, and a thread that waits for its turn with that lock would hold up everything.

use std::{
    cell::Cell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use crate::reactor;

/// An idle thread ends after this long.
const IDLE: Duration = Duration::from_secs(10);
/// How much a greedy script gives way, as `nice` counts: about a tenth of the weight of others.
const NICE: i32 = 10;

type Job = Box<dyn FnOnce() + Send>;

/// Which threads do a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rank {
    /// Those of the server's own rank.
    Plain,
    /// Guests that used much of a core lately: they run at a lower priority.
    Greedy,
    /// The one that ends instances.
    End,
}

/// The threads. They end by themselves when nobody has work for them.
#[derive(Default)]
pub(super) struct Crew {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<[Line; 3]>,
    work: [Condvar; 3],
}

/// The jobs of a rank, and its threads.
#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    idle: usize,
    threads: usize,
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
        rank: Rank,
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
        let mut lines = self.shared.lines();
        let line = &mut lines[rank as usize];
        line.jobs.push_back(job);
        let one_is_enough = rank == Rank::End && line.threads > 0;
        if line.idle >= line.jobs.len() || one_is_enough {
            drop(lines);
            self.shared.work[rank as usize].notify_one();
            return Ok(receiver);
        }
        line.threads += 1;
        drop(lines);
        let shared = Arc::clone(&self.shared);
        // Without a thread the job stays, and ends at once when its turn comes: the receiver is gone then.
        let spawned = thread::Builder::new().name("script".to_owned()).spawn(move || shared.serve(rank));
        if spawned.is_err() {
            self.shared.lines()[rank as usize].threads -= 1;
        }
        spawned.map(|_| receiver)
    }

    /// Has something dropped whose end takes long, by the thread that does it without giving way.
    pub(super) fn end<T: Send + 'static>(&self, what: T) {
        // Whoever wants it dropped waits for nothing; without a thread it is dropped here, or with the next.
        drop(self.work(Rank::End, move || drop(what)));
    }
}

impl Shared {
    fn lines(&self) -> MutexGuard<'_, [Line; 3]> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut rank: Rank) {
        IS_OURS.set(true);
        if rank == Rank::Greedy {
            give_way();
        }
        loop {
            let mut lines = self.lines();
            let job = loop {
                if let Some(job) = lines[rank as usize].jobs.pop_front() {
                    break job;
                }
                lines[rank as usize].idle += 1;
                let (woken, waited) = self.work[rank as usize]
                    .wait_timeout(lines, IDLE)
                    .unwrap_or_else(PoisonError::into_inner);
                lines = woken;
                lines[rank as usize].idle -= 1;
                if waited.timed_out() && lines[rank as usize].jobs.is_empty() {
                    lines[rank as usize].threads -= 1;
                    return;
                }
            };
            drop(lines);
            job();
            if GAVE_WAY.get() && rank == Rank::Plain {
                let mut lines = self.lines();
                lines[rank as usize].threads -= 1;
                rank = Rank::Greedy;
                lines[rank as usize].threads += 1;
            }
        }
    }
}

/// Lets other threads come first from now on: a greedy script computes on this one. It never gets its rank back. Does nothing on threads
/// that are not of a crew.
pub(super) fn give_way() {
    if IS_OURS.get() && !GAVE_WAY.replace(true) {
        reactor::give_way(NICE);
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
        let one = crew.work(Rank::Plain, move || {
            first.0.send(()).unwrap();
            second.1.recv().unwrap();
            1
        });
        let two = crew.work(Rank::Plain, move || {
            first.1.recv().unwrap();
            second.0.send(()).unwrap();
            2
        });
        assert_eq!((one.unwrap().blocking_recv(), two.unwrap().blocking_recv()), (Ok(1), Ok(2)));
        assert!(crew.work(Rank::Plain, || -> u8 { panic!("on purpose") }).unwrap().blocking_recv().is_err());
        assert_eq!(crew.work(Rank::Plain, || 3).unwrap().blocking_recv(), Ok(3));
    }

    #[test]
    fn a_thread_that_gave_way_does_the_jobs_of_greedy_scripts_alone() {
        let crew = Crew::default();
        let nice = || (rustix::process::getpriority_process(None).unwrap(), thread::current().id());
        let get = |rank| crew.work(rank, nice).unwrap().blocking_recv().unwrap();
        let (before, _) = get(Rank::Plain);
        let gave = crew.work(Rank::Plain, move || {
            give_way();
            nice()
        });
        let (gave, thread) = gave.unwrap().blocking_recv().unwrap();
        assert!(gave > before);
        for _ in 0..20 {
            let (plain, other) = get(Rank::Plain);
            assert_eq!((plain, other == thread), (before, false));
            assert_eq!(get(Rank::Greedy).0, gave);
            assert_eq!(get(Rank::End).0, before);
        }
        let used = |rank: Rank| crew.shared.lines()[rank as usize].threads;
        // A thread tells what it did a moment before it is idle, so now and then another one begins.
        assert!(used(Rank::Plain) < 20 && used(Rank::Greedy) < 20, "they are used again");
        assert_eq!(used(Rank::End), 1);
    }

    #[test]
    fn what_is_ended_is_dropped_one_after_the_other_although_nobody_waits() {
        struct Slow(std::sync::mpsc::Sender<bool>, Arc<Mutex<()>>);
        impl Drop for Slow {
            fn drop(&mut self) {
                let alone = self.1.try_lock().is_ok();
                thread::sleep(Duration::from_millis(2));
                self.0.send(alone).unwrap();
            }
        }
        let crew = Crew::default();
        let (dropped, drops) = std::sync::mpsc::channel();
        let one = Arc::new(Mutex::new(()));
        for _ in 0..5 {
            crew.end(Slow(dropped.clone(), Arc::clone(&one)));
        }
        drop(dropped);
        assert_eq!(drops.iter().collect::<Vec<_>>(), [true; 5]);
    }
}
