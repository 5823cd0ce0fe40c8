//! Brings runs to execution: those that a caller waits for at once, the others in the order they came.

use std::sync::{Arc, Weak, atomic::Ordering};

use tokio::sync::mpsc;

use super::{
    Inner,
    execution::{self, Job},
    pending::Place,
};
use crate::{
    model::RunId,
    store::{StoreError, tables},
};

/// Puts a stored run in line. Only its id waits, so that a long line holds little memory.
pub(super) fn enqueue(inner: &Inner, id: RunId, place: Place) {
    // Without a dispatcher the engine is going down, and the next start finds the run in the store.
    let _ = inner.ready.send((id, place));
}

/// Takes runs off the line, one permit each, until the engine is dropped or stops.
pub(super) async fn dispatch(inner: Weak<Inner>, mut queue: mpsc::UnboundedReceiver<(RunId, Place)>) {
    while let Some((id, place)) = queue.recv().await {
        let Some(inner) = inner.upgrade() else { return };
        let Ok(permit) = Arc::clone(&inner.running).acquire_owned().await else { return };
        if inner.stopping.load(Ordering::SeqCst) {
            return;
        }
        tokio::spawn(async move {
            match load(&inner, id) {
                Ok(Some(job)) => execution::execute(&inner, job).await,
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(run = %id, %error, "an accepted run cannot be read; it stays queued")
                }
            }
            drop((permit, place));
        });
    }
}

/// Executes a run that the caller holds already.
pub(super) fn spawn(inner: Arc<Inner>, job: Job, place: Place) {
    tokio::spawn(async move {
        if let Ok(_permit) = Arc::clone(&inner.running).acquire_owned().await {
            execution::execute(&inner, job).await;
        }
        drop(place);
    });
}

/// Reads a run back; nothing when it has ended already.
fn load(inner: &Inner, id: RunId) -> Result<Option<Job>, StoreError> {
    let store = &*inner.store;
    let Some(run) = tables::runs::get(store, id)?.filter(|run| !run.status.is_terminal()) else {
        return Ok(None);
    };
    let records = tables::steps::list(store, id)?;
    let definition = inner.catalog.pinned(store, &run.workflow, run.version);
    Ok(Some(Job::stored(run, definition, records)))
}
