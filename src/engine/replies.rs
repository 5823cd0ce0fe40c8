//! Callers that wait for the answer of a run, however often it is put down and taken up meanwhile.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{Notify, futures::Notified, oneshot};

use crate::{
    model::{Answer, RunError, RunId},
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

    /// A receiver for the reply of a run.
    pub(crate) fn await_of(&self, run: RunId) -> oneshot::Receiver<Reply> {
        let (sender, receiver) = oneshot::channel();
        self.callers().insert(run, sender);
        receiver
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
