//! How many runs the engine takes on: a seat for each that is ready, and room in the store for those that wait.

use super::{
    Line,
    pending::{Held, NoSeat, Seat},
    waiting::event_bytes,
};
use crate::{
    engine::EngineError,
    model::{Event, NamedTrigger, RunId, RunStatus, WorkflowKey},
};

impl Line {
    /// A seat for a new run of this event.
    ///
    /// # Errors
    /// When too much is accepted already, or would come to wait.
    pub(crate) fn seat(&self, workflow: &WorkflowKey, event: &Event) -> Result<Seat, EngineError> {
        let bytes = event_bytes(event);
        self.has_room(workflow, bytes)?;
        if self.waiting.is_any_full() {
            for next in self.followers(workflow) {
                // What this run starts when it ends would be more of what waits.
                self.has_room(&next, 0)?;
            }
        }
        self.pending.take(workflow, bytes).map_err(|full| match full {
            NoSeat::All => EngineError::Full { max_pending: self.max_pending },
            NoSeat::Workflow { own } => EngineError::WorkflowFull { pending: own },
        })
    }

    /// Whether there is a seat at all, for a workflow that has none.
    ///
    /// # Errors
    /// `Full`.
    pub(crate) fn has_seat(&self) -> Result<(), EngineError> {
        if self.pending.count() < self.max_pending {
            Ok(())
        } else {
            Err(EngineError::Full { max_pending: self.max_pending })
        }
    }

    /// A seat for a run that is stored. What is stored is never refused, so this may go over the limits for new runs.
    pub(crate) fn seat_of_stored(&self, workflow: &WorkflowKey, bytes: u64) -> Seat {
        self.pending.force(workflow, bytes)
    }

    /// Whether the waiting runs of a workflow leave room in the store for one more run of so many bytes.
    ///
    /// # Errors
    /// When they do not; the error says what they hold.
    pub(crate) fn has_room(&self, workflow: &WorkflowKey, bytes: u64) -> Result<(), EngineError> {
        let pending = self.pending.of(workflow);
        if self.waiting.has_room(workflow, pending, bytes) {
            return Ok(());
        }
        let (held, most) = (self.waiting.of(workflow), self.waiting.most());
        Err(EngineError::WaitingFull {
            workflow: workflow.clone(),
            runs: held.runs,
            most_runs: most.runs,
            bytes: held.bytes + pending.bytes,
            most_bytes: most.bytes,
        })
    }

    /// The workflows whose runs the end of a run starts, and the ends of those.
    fn followers(&self, workflow: &WorkflowKey) -> Vec<WorkflowKey> {
        const ENDS: [RunStatus; 3] = [RunStatus::Succeeded, RunStatus::Failed, RunStatus::Cancelled];
        let (mut found, mut at) = (vec![workflow.clone()], 0);
        while let Some(key) = found.get(at).cloned() {
            at += 1;
            let follows = |it: &NamedTrigger| ENDS.iter().any(|status| it.trigger.follows(&key, *status));
            let after = self.catalog.followers(&key);
            let after = after
                .iter()
                .filter(|other| other.workflow.triggers.iter().any(follows))
                .map(|definition| definition.workflow.key.clone());
            let on_failure = self.catalog.current(&key).and_then(|it| it.workflow.policy.on_failure.clone());
            for next in after.chain(on_failure) {
                if !found.contains(&next) {
                    found.push(next);
                }
            }
        }
        found.split_off(1)
    }

    /// A run waits from now on, and holds so many bytes in the store.
    pub(crate) fn waits(&self, run: RunId, workflow: &WorkflowKey, bytes: u64) {
        self.waiting.add(run, workflow, bytes);
    }

    /// A run waits no more; gives the bytes that it holds, if it waited.
    pub(crate) fn waits_no_more(&self, run: RunId, workflow: &WorkflowKey) -> Option<u64> {
        self.waiting.remove(run, workflow)
    }

    /// Runs that are accepted and neither finished nor waiting.
    pub(crate) fn pending(&self) -> usize {
        self.pending.count()
    }

    /// The pending runs of one workflow, with the bytes of their events.
    pub(crate) fn pending_of(&self, workflow: &WorkflowKey) -> Held {
        self.pending.of(workflow)
    }

    /// The bytes of all pending events.
    pub(crate) fn pending_bytes(&self) -> u64 {
        self.pending.bytes()
    }

    /// Waits until nothing is pending.
    pub(crate) async fn idle(&self) {
        self.pending.none().await;
    }

    /// Runs that wait, with the bytes that they hold in the store.
    pub(crate) fn waiting(&self) -> Held {
        self.waiting.all()
    }

    /// The waiting runs of one workflow.
    pub(crate) fn waiting_of(&self, workflow: &WorkflowKey) -> Held {
        self.waiting.of(workflow)
    }
}
