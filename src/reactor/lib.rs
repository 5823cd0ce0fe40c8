//! Keeps long work from the threads on which everything else of the server waits for its events.

use std::{sync::OnceLock, thread};

use tokio::{
    runtime::{Builder, Handle, Runtime, RuntimeFlavor},
    task::JoinHandle,
};

/// Work on more bytes than this is large.
pub const LARGE: u64 = 64 << 10;
/// How much the threads of large work give way to the others, as `nice` counts: to about a third of their weight.
const NICE: i32 = 5;

/// Works for up to some seconds without keeping the thread from other tasks, if the runtime has other threads.
pub fn off_the_reactor<T>(work: impl FnOnce() -> T) -> T {
    if has_threads() { tokio::task::block_in_place(work) } else { work() }
}

fn has_threads() -> bool {
    Handle::try_current().is_ok_and(|handle| handle.runtime_flavor() == RuntimeFlavor::MultiThread)
}

/// From now on, lets other threads come before this one, as far as `nice` counts. The system does not allow the way
/// back.
pub fn give_way(nice: i32) {
    // Where this is not allowed, the system shares the cores evenly.
    let _ = rustix::process::setpriority_process(None, nice);
}

/// Begins a task that works on so many bytes. Reading, writing and filling megabytes takes milliseconds at a time. So
/// such tasks have their own threads, and small tasks never wait behind them.
pub fn spawn<F>(bytes: u64, task: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    static LANE: OnceLock<Option<Runtime>> = OnceLock::new();
    if bytes <= LARGE || !has_threads() {
        return tokio::spawn(task);
    }
    match LANE.get_or_init(lane) {
        Some(lane) => lane.spawn(task),
        None => tokio::spawn(task),
    }
}

/// The threads of large work, as many as there are cores.
fn lane() -> Option<Runtime> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let mut lane = Builder::new_multi_thread();
    let lane = lane
        .worker_threads(cores)
        .thread_name("large")
        .on_thread_start(|| give_way(NICE))
        .enable_all()
        .build();
    lane.inspect_err(|error| tracing::warn!(%error, "there are no threads of their own for large events"))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn thread_name() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn what_is_large_has_threads_of_its_own() {
        assert_eq!(spawn(LARGE + 1, async { thread_name() }).await.unwrap(), "large");
        assert_ne!(spawn(LARGE, async { thread_name() }).await.unwrap(), "large");
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_keeps_everything() {
        let here = thread_name();
        assert_eq!(spawn(u64::MAX, async { thread_name() }).await.unwrap(), here);
        assert_eq!(off_the_reactor(thread_name), here);
    }
}
