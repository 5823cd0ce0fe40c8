//! Keeps long work from the threads on which everything else of the server waits for its events.

use std::{
    pin::Pin,
    sync::OnceLock,
    task::{Context, Poll},
    thread,
};

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

/// Work that comes to its end whatever becomes of its caller: it is done in the caller's task, and when the caller drops it
/// before, what is left of it is done in a task of its own. So work that is nearly always waited for needs no task, and no
/// thread is woken for it.
///
/// It panics in the caller's task, and is over then.
pub struct ToItsEnd<T: Send + 'static> {
    work: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
    runtime: Option<Handle>,
}

impl<T: Send + 'static> ToItsEnd<T> {
    /// Nothing of the work is done before this is polled or dropped. What is left of it goes to the runtime that this is
    /// called in.
    pub fn new(work: impl Future<Output = T> + Send + 'static) -> Self {
        Self { work: Some(Box::pin(work)), runtime: Handle::try_current().ok() }
    }
}

impl<T: Send + 'static> Future for ToItsEnd<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        // When it panics, nothing of it is left to be done.
        let mut work = self.work.take().expect("it is polled until it is ready, and no more");
        let polled = work.as_mut().poll(context);
        if polled.is_pending() {
            self.work = Some(work);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for ToItsEnd<T> {
    fn drop(&mut self) {
        if let (Some(work), Some(runtime)) = (self.work.take(), &self.runtime) {
            runtime.spawn(work);
        }
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
    async fn work_that_its_caller_gives_up_comes_to_its_end_all_the_same() {
        let (told, hears) = tokio::sync::oneshot::channel();
        let (go, wait) = tokio::sync::oneshot::channel();
        let mut work = Box::pin(ToItsEnd::new(async move {
            wait.await.unwrap();
            told.send("done").unwrap();
        }));
        assert!(poll_once(&mut work).is_pending());
        drop(work);
        go.send(()).unwrap();
        assert_eq!(hears.await, Ok("done"));
        assert_eq!(ToItsEnd::new(async { 7 }).await, 7);
    }

    fn poll_once<T>(work: &mut (impl Future<Output = T> + Unpin)) -> Poll<T> {
        Pin::new(work).poll(&mut Context::from_waker(std::task::Waker::noop()))
    }

    #[tokio::test]
    async fn work_that_panicked_is_over() {
        let panicked = tokio::spawn(async {
            let work = ToItsEnd::<()>::new(async { panic!("on purpose") });
            work.await;
        });
        assert!(panicked.await.unwrap_err().is_panic());
    }

    #[tokio::test]
    async fn a_runtime_of_one_thread_keeps_everything() {
        let here = thread_name();
        assert_eq!(spawn(u64::MAX, async { thread_name() }).await.unwrap(), here);
        assert_eq!(off_the_reactor(thread_name), here);
    }
}
