//! Wakes runs: a run that somebody needs is told, or read from the store and put in line.

use std::sync::Arc;

use super::{Line, trials::Released};
use crate::{
    engine::durable::Patience,
    model::RunId,
    store::{StoreError, tables},
};

impl Line {
    /// Tells a run that there is something for it: a signal, or its time. While the store cannot be reached it is told later, by a
    /// task.
    ///
    /// # Errors
    /// When it waits and cannot be read.
    pub(crate) async fn poke(self: &Arc<Self>, run: RunId) -> Result<(), StoreError> {
        if self.tell(run) {
            return Ok(());
        }
        match self.take_up(run).await {
            Err(StoreError::Unavailable { .. }) => {
                tokio::spawn(Arc::clone(self).patient_take_up(run, false));
                Ok(())
            }
            taken => taken,
        }
    }

    /// Does what [`Line::poke`] does, and passes everything that holds the run back.
    ///
    /// # Errors
    /// The same as those of [`Line::poke`].
    pub(crate) async fn hurry(self: &Arc<Self>, run: RunId) -> Result<(), StoreError> {
        if let Some(workflow) = self.trials.excuse(run) {
            self.release(&workflow);
        }
        if !self.tell(run) {
            match self.take_up(run).await {
                Err(StoreError::Unavailable { .. }) => {
                    tokio::spawn(Arc::clone(self).patient_take_up(run, true));
                }
                taken => taken?,
            }
        }
        self.rush(run);
        Ok(())
    }

    /// Does what [`Line::hurry`] does for a run whose cancellation is stored already. An error is logged, because the
    /// cancellation holds without this.
    pub(crate) async fn cancel(self: &Arc<Self>, run: RunId) {
        if let Err(error) = self.hurry(run).await {
            tracing::error!(%run, %error, "a run to be cancelled cannot be read; the next start tries again");
        }
    }

    /// The trial of a run is over, if it was the one that is tried: its workflow goes on, and the next one is tried.
    pub(crate) async fn acquit(self: &Arc<Self>, run: RunId) {
        let Some(Released { workflow, next }) = self.trials.release(run) else { return };
        self.release(&workflow);
        if let Some((next, seat)) = next {
            if let Err(error) = self.poke(next).await {
                tracing::error!(run = %next, %error, "a run cannot be read; the next start tries again");
            }
            drop(seat);
        }
        self.changed();
    }

    /// Reads a run that waits, and puts it in line.
    async fn take_up(&self, run: RunId) -> Result<(), StoreError> {
        // While it is read others may take it up, so `enqueue` looks once more. A run that is taken up for nothing waits again, or
        // turns out to have ended.
        let store = &*self.durable.store;
        let Some(head) = tables::runs::head(store, run).await?.filter(|head| !head.status.is_terminal())
        else {
            return Ok(());
        };
        let groups = self.catalog.groups_of(store, &head).await?;
        let bytes = self.waits_no_more(run, &head.workflow).unwrap_or_default();
        self.enqueue(&head, groups, None, self.seat_of_stored(&head.workflow, bytes));
        Ok(())
    }

    /// Does what [`Line::take_up`] does, and waits for the store. A `hurried` run passes everything that holds it back.
    async fn patient_take_up(self: Arc<Self>, run: RunId, hurried: bool) {
        let mut patience = Patience::of(run);
        loop {
            match self.take_up(run).await {
                Err(error) if patience.again(&self.durable, &error).await => {}
                Err(error) => {
                    return tracing::error!(%run, %error, "a run cannot be read; the next start tries again");
                }
                Ok(()) => break,
            }
        }
        if hurried {
            self.rush(run);
        }
    }
}
