//! The job queue: promise reactions and microtasks, first in first out, until none is left.
//!
//! Boa's own executor polls while timers are pending, which would burn fuel; here nothing waits. Called by `engine.rs`
//! after each entry into a script. It never blocks and never reads a clock.

use std::{
    cell::RefCell,
    collections::VecDeque,
    pin::pin,
    rc::Rc,
    task::{Poll, Waker},
};

use boa_engine::{
    Context, JsResult,
    job::{Job, JobExecutor, NativeAsyncJob},
};

thread_local! {
    static QUEUE: RefCell<VecDeque<Job>> = const { RefCell::new(VecDeque::new()) };
}

/// Drops every job: what a failed call left behind is nobody's any more.
pub(crate) fn clear() {
    QUEUE.with_borrow_mut(VecDeque::clear);
}

/// See the module documentation.
pub struct Jobs;

impl JobExecutor for Jobs {
    fn enqueue_job(self: Rc<Self>, job: Job, _context: &mut Context) {
        match job {
            Job::PromiseJob(_) | Job::AsyncJob(_) | Job::GenericJob(_) => {
                QUEUE.with_borrow_mut(|queue| queue.push_back(job));
            }
            // Timers are calls of the host, and finalizers may be omitted by the specification.
            _ => {}
        }
    }

    fn run_jobs(self: Rc<Self>, context: &mut Context) -> JsResult<()> {
        loop {
            let Some(job) = QUEUE.with_borrow_mut(VecDeque::pop_front) else {
                break;
            };
            let result = match job {
                Job::PromiseJob(job) => job.call(context).map(drop),
                Job::GenericJob(job) => job.call(context).map(drop),
                Job::AsyncJob(job) => poll_once(job, context),
                _ => Ok(()),
            };
            if let Err(error) = result {
                clear();
                return Err(error);
            }
        }
        context.clear_kept_objects();
        Ok(())
    }

    async fn run_jobs_async(self: Rc<Self>, context: &RefCell<&mut Context>) -> JsResult<()> {
        self.run_jobs(&mut context.borrow_mut())
    }
}

/// Polls a future that is ready at once (the module loader's); one that is not is dropped, because nothing could wake it.
fn poll_once(job: NativeAsyncJob, context: &mut Context) -> JsResult<()> {
    let context = RefCell::new(context);
    let future = pin!(job.call(&context));
    let mut task = std::task::Context::from_waker(Waker::noop());
    match future.poll(&mut task) {
        Poll::Ready(result) => result.map(drop),
        Poll::Pending => Ok(()),
    }
}
