//! Callers that wait for the answer of a run, however often it is put down and taken up meanwhile.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use tokio::sync::oneshot;

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

/// Who waits for what.
#[derive(Default)]
pub(super) struct Replies(Mutex<HashMap<RunId, oneshot::Sender<Reply>>>);

impl Replies {
    /// A receiver for the reply of a run.
    pub(super) fn await_of(&self, run: RunId) -> oneshot::Receiver<Reply> {
        let (sender, receiver) = oneshot::channel();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run, sender);
        receiver
    }

    /// The run was not accepted, so nobody waits for it.
    pub(super) fn forget(&self, run: RunId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
    }

    /// Whether somebody still waits.
    pub(super) fn awaited(&self, run: RunId) -> bool {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(&run).is_some_and(|sender| !sender.is_closed())
    }

    /// Replies, if somebody waits.
    pub(super) fn send(&self, run: RunId, reply: Reply) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&run);
        if let Some(sender) = sender {
            // The caller may have gone; its answer is in the store.
            let _ = sender.send(reply);
        }
    }
}
