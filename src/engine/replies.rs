//! Callers that wait for the answer of a run, however often it is put down and taken up meanwhile.

use std::{
    collections::HashMap,
    pin::Pin,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use tokio::sync::{
    Notify,
    futures::Notified,
    oneshot::{self, error::RecvError},
};

use crate::{
    model::{Answer, RunError, RunId},
    reactor::ToItsEnd,
    store::StoreError,
};

/// What a synchronous caller gets.
#[derive(Debug)]
pub enum Reply {
    /// The run's answer, durable.
    Answer(Answer),
    /// The run failed before it answered; that is durable too.
    Failed(RunError),
    /// The outcome could not be made durable; the next start executes the run again.
    Lost(StoreError),
}

/// The reply of a run, for who waits for it. An error says that this process replies no more: the next start executes the run.
///
/// When the run's turn came at once, it is done by who waits, so that no task and no thread has to be woken. When the reply is
/// there, or nobody waits any more, what is left of the run is done in a task of its own.
pub struct Awaited {
    reply: oneshot::Receiver<Reply>,
    work: Option<ToItsEnd<()>>,
}

impl Awaited {
    /// Has the run done by who waits.
    pub(crate) fn with_work(&mut self, work: Option<ToItsEnd<()>>) {
        self.work = work;
    }
}

impl Future for Awaited {
    type Output = Result<Reply, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if let Some(work) = &mut self.work
            && Pin::new(work).poll(context).is_ready()
        {
            self.work = None;
        }
        let replied = ready!(Pin::new(&mut self.reply).poll(context));
        self.work = None;
        Poll::Ready(replied)
    }
}

/// The callers that wait, by run.
#[derive(Default)]
pub(crate) struct Replies {
    callers: Mutex<HashMap<RunId, oneshot::Sender<Reply>>>,
    /// Notified of each run that has ended.
    ended: Notify,
}

impl Replies {
    fn callers(&self) -> MutexGuard<'_, HashMap<RunId, oneshot::Sender<Reply>>> {
        self.callers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The reply of a run, once it is there.
    pub(crate) fn await_of(&self, run: RunId) -> Awaited {
        let (sender, reply) = oneshot::channel();
        self.callers().insert(run, sender);
        Awaited { reply, work: None }
    }

    /// The run was not accepted, so nobody waits for it.
    pub(crate) fn forget(&self, run: RunId) {
        self.callers().remove(&run);
    }

    /// Whether somebody still waits.
    pub(crate) fn awaited(&self, run: RunId) -> bool {
        let waiting = self.callers();
        waiting.get(&run).is_some_and(|sender| !sender.is_closed())
    }

    /// Replies to the caller, if one waits.
    pub(crate) fn send(&self, run: RunId, reply: Reply) {
        let sender = self.callers().remove(&run);
        if let Some(sender) = sender {
            // The caller may have gone; its answer is in the store.
            let _ = sender.send(reply);
        }
    }

    /// A run has ended.
    pub(crate) fn run_ended(&self) {
        self.ended.notify_waiters();
    }

    /// Resolves when a run ends.
    pub(crate) fn some_end(&self) -> Notified<'_> {
        self.ended.notified()
    }
}
