//! A thread for slow work, so that neither requests nor scripts wait for it.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::{OnceLock, mpsc},
    thread,
};

use tokio::sync::oneshot;

/// A thread for slow work. It begins with the first.
#[derive(Default)]
pub(super) struct Workshop {
    jobs: OnceLock<mpsc::Sender<Box<dyn FnOnce() + Send>>>,
}

impl Workshop {
    /// Gives the result of `work`. One work follows the other, and each is finished even when nobody waits for it any
    /// more.
    pub(super) async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody listens any more if the server stops.
            let _ = sender.send(panic::catch_unwind(AssertUnwindSafe(work)));
        });
        self.jobs.get_or_init(thread_of_its_own).send(job).expect("the thread lives as long as this");
        match receiver.await.expect("every job answers") {
            Ok(result) => result,
            Err(panic) => panic::resume_unwind(panic),
        }
    }
}

fn thread_of_its_own() -> mpsc::Sender<Box<dyn FnOnce() + Send>> {
    let (sender, jobs) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let work = move || {
        // On Linux this counts for one thread: whoever answers requests comes first.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::nice(5);
        jobs.into_iter().for_each(|job| job());
    };
    thread::Builder::new().name("installing".to_owned()).spawn(work).expect("the system has threads");
    sender
}
