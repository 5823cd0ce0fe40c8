//! Work of every few seconds: settles ended runs in the history, and removes what has expired.

use super::{Kv, durable::Durable, request_log::RequestLog};
use crate::{
    model::Span,
    store::{Batch, Store, StoreError, tables},
};

/// Ended runs that are settled at once.
const SETTLED_AT_ONCE: usize = 2_000;
/// Dead letters looked at in one sweep.
const LETTERS: usize = 10_000;

/// Settles ended runs, and drops those that have expired; of the others the oldest while they hold more than `history_bytes`.
pub(super) async fn settle(durable: &Durable, history_bytes: u64) -> Result<(), StoreError> {
    let store = &*durable.store;
    tables::history::drop_expired(store, durable.now_ms()).await?;
    loop {
        match tables::history::settle_finished(store, SETTLED_AT_ONCE).await {
            Ok(settled) if settled < SETTLED_AT_ONCE => break,
            Ok(_) => {}
            // These runs stay where they are until the next time.
            Err(StoreError::Conflict { .. } | StoreError::Busy | StoreError::Full { .. }) => break,
            Err(error) => return Err(error),
        }
    }
    store.drop_oldest(history_bytes).await?;
    Ok(())
}

/// Takes dead letters off the list when their runs have expired, the oldest first.
async fn sweep_letters(store: &dyn Store) -> Result<usize, StoreError> {
    let (mut batch, mut gone) = (Batch::new(), 0);
    for run in tables::letters::oldest(store, LETTERS).await? {
        if tables::runs::head(store, run).await?.is_some() {
            // All later letters failed after this one.
            break;
        }
        tables::letters::remove(&mut batch, run);
        gone += 1;
    }
    if gone > 0 {
        store.commit(batch).await?;
    }
    Ok(gone)
}

/// How much of the request log is kept.
pub(super) struct Kept<'a> {
    pub(super) requests: &'a RequestLog,
    /// How long its lines are kept.
    pub(super) span: Span,
    /// What they may take, bytes.
    pub(super) bytes: u64,
}

/// Removes claims and kv values that have expired, old lines of the request log, signals of runs that have ended, drafts that nobody
/// touches, and dead letters of runs that have expired; gives how many, the signals of one run as one.
pub(super) async fn sweep(durable: &Durable, kv: &Kv, log: Kept<'_>) -> Result<usize, StoreError> {
    let (store, now_ms) = (&*durable.store, durable.now_ms());
    let claims = tables::claims::sweep(store, now_ms).await?;
    let kept_from = now_ms.saturating_sub(log.span.as_millis());
    let excess = log.requests.excess(store, log.bytes).await?;
    let (lines, freed) = tables::requests::trim(store, kept_from, excess).await?;
    log.requests.removed(freed);
    let kept = kv.sweep(now_ms).await?;
    let mut signals = Batch::new();
    let mut stale = 0;
    for run in tables::signals::runs(store).await? {
        if tables::runs::head(store, run).await?.is_none_or(|head| head.status.is_terminal()) {
            tables::signals::remove_all(&mut signals, run);
            stale += 1;
        }
    }
    if stale > 0 {
        store.commit(signals).await?;
    }
    let drafts = tables::drafts::sweep(store, now_ms).await?;
    Ok(claims + lines + kept + stale + drafts + sweep_letters(store).await?)
}
