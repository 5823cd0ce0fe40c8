//! Takes the runs whose turn has come out of the line, and executes each in a task of its own until it ends or waits.

use std::{
    pin::pin,
    sync::{Arc, Weak},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    line::{Beginning, TRIAL, Turn, condemned},
    run::{Job, Runs, Stop, execute, tell_line},
    workflow::PinnedError,
};
use crate::{
    model::{RunId, Signal},
    reactor::{self, LARGE, ToItsEnd},
    store::{Batch, StoreError, tables},
};

/// Begins runs whenever one may begin, until the engine is dropped. `running` has a permit for each run that may be executed.
pub(super) async fn keep_running(runs: Weak<Runs>, running: Arc<Semaphore>) {
    // Without the line itself: it would keep the store open.
    let Some(work) = runs.upgrade().map(|runs| runs.line.work()) else { return };
    loop {
        let Some(alive) = runs.upgrade() else { return };
        begin_all(&alive, &running);
        drop(alive);
        work.notified().await;
    }
}

/// Begins every run that may begin now.
fn begin_all(runs: &Arc<Runs>, running: &Arc<Semaphore>) {
    while let Some((turn, permit)) = next(runs, running) {
        reactor::spawn(turn.bytes, run(Arc::clone(runs), turn, permit));
    }
}

/// Begins every run that may begin now, and leaves one of them to the caller: no task and no thread is needed for it. One with a
/// large event has a task all the same, on the threads for such.
pub(super) fn begin_with(runs: &Arc<Runs>, running: &Arc<Semaphore>, own: RunId) -> Option<ToItsEnd<()>> {
    let mut left = None;
    while let Some((turn, permit)) = next(runs, running) {
        let (id, bytes) = (turn.run, turn.bytes);
        let work = run(Arc::clone(runs), turn, permit);
        if id == own && bytes <= LARGE {
            left = Some(ToItsEnd::new(work));
        } else {
            reactor::spawn(bytes, work);
        }
    }
    left
}

/// A run that may begin now.
fn next(runs: &Runs, running: &Arc<Semaphore>) -> Option<(Turn, OwnedSemaphorePermit)> {
    if runs.durable.stopping.is_set() {
        return None;
    }
    let permit = Arc::clone(running).try_acquire_owned().ok()?;
    runs.line.next().map(|turn| (turn, permit))
}

/// Executes one run until it ends or waits.
async fn run(runs: Arc<Runs>, mut turn: Turn, permit: OwnedSemaphorePermit) {
    let run = turn.run;
    loop {
        let read = match turn.fresh.take() {
            Some(fresh) => Ok(Some(Job::fresh(*fresh))),
            None => runs.durable.patiently(run, || load(&runs, run)).await,
        };
        let stop = match read {
            Ok(Some(job)) => {
                runs.durable.changes.run(run);
                begin(&runs, &turn, job).await
            }
            Ok(None) => Stop::Ended,
            Err(error) => {
                tracing::error!(%run, %error, "an accepted run cannot be read; it stays queued");
                Stop::Halted
            }
        };
        match stop {
            Stop::Waits => {
                if runs.line.put_down(&turn) {
                    break;
                }
            }
            Stop::Ended | Stop::Halted => {
                runs.line.leave(&turn, stop == Stop::Ended);
                break;
            }
        }
    }
    drop((permit, turn));
    runs.line.acquit(run).await;
    runs.line.changed();
}

/// Executes a run. One that may have ended the process is marked durably before, or is not begun again.
async fn begin(runs: &Arc<Runs>, turn: &Turn, mut job: Job) -> Stop {
    let Turn { run, live, .. } = turn;
    let (ends, on_trial) = match runs.line.trials.begin(*run) {
        Beginning::Plain => {
            live.executes();
            return execute(runs, live, job).await;
        }
        Beginning::Condemned { ends } => {
            job.condemn(condemned(ends));
            return execute(runs, live, job).await;
        }
        Beginning::Marked { ends, on_trial } => (ends, on_trial),
    };
    if is_to_be_cancelled(runs, *run).await {
        // It only ends: nothing of it runs, so there is nothing to mark, and an earlier mark goes with its end.
        job.keeps_mark();
        live.executes();
        return execute(runs, live, job).await;
    }
    match job.mark(&runs.durable, ends).await {
        Ok(committed) => tell_line(&runs.line, *run, committed).await,
        Err(error) => {
            tracing::error!(%run, %error, "a run could not be marked; it stays queued");
            return Stop::Halted;
        }
    }
    live.executes();
    let mut executed = pin!(execute(runs, live, job));
    if on_trial {
        match tokio::time::timeout(TRIAL, &mut executed).await {
            Ok(stop) => return stop,
            Err(_) => outlive(runs, *run, ends).await,
        }
    }
    executed.await
}

/// Whether somebody wants the run to end.
async fn is_to_be_cancelled(runs: &Runs, run: RunId) -> bool {
    let signals = runs.durable.patiently(run, || tables::signals::list(&*runs.durable.store, run)).await;
    // What is wrong with the store comes up again where it matters.
    signals.unwrap_or_default().iter().any(|(_, signal)| matches!(signal, Signal::Cancel { .. }))
}

/// The trial of a run takes too long: the others go on. While there are other suspects, what happens then is not blamed on this run.
async fn outlive(runs: &Runs, run: RunId, ends: u32) {
    if runs.line.trials.has_others() {
        let mut batch = Batch::new();
        tables::trials::lower(&mut batch, run, ends, ends - 1);
        match runs.durable.store.commit(batch).await {
            // A conflict says that the run got further just now.
            Ok(()) | Err(StoreError::Conflict { .. }) => {}
            Err(error) => tracing::warn!(%run, %error, "the mark of a run stays as it is"),
        }
    }
    runs.line.acquit(run).await;
}

/// Reads a run back; nothing when it has ended already.
async fn load(runs: &Runs, id: RunId) -> Result<Option<Job>, StoreError> {
    let store = &*runs.durable.store;
    let Some(run) = tables::runs::get(store, id).await?.filter(|run| !run.head.status.is_terminal()) else {
        return Ok(None);
    };
    let entries = tables::journal::list(store, id).await?;
    let definition = match runs.catalog.pinned(store, &run.head.workflow, run.head.version).await {
        Ok(definition) => Ok(definition),
        Err(PinnedError::Missing(error)) => Err(error),
        Err(PinnedError::Store(error)) => return Err(error),
    };
    Ok(Some(Job::stored(run, definition, entries)))
}
