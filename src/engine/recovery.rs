//! After a start: what was accepted and not finished is queued again. And the sweeping of old claims.

use super::{Inner, runner};
use crate::store::{StoreError, tables};

/// Queue items read at once.
const PAGE: usize = 1_000;

/// Queues every unfinished run, oldest first.
pub(super) fn requeue(inner: &Inner) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = tables::runs::queued(&*inner.store, after, PAGE)?;
        for &id in &page {
            // What is stored is never refused, so these may go over the limit for new ones.
            runner::enqueue(inner, id, inner.pending.force());
        }
        if page.len() < PAGE {
            break;
        }
        after = page.last().copied();
    }
    let runs = inner.pending.count();
    if runs > 0 {
        tracing::info!(runs, "taking up unfinished runs");
    }
    Ok(())
}

/// Removes claims that have expired and old lines of the request log; gives how many.
pub(super) async fn sweep(inner: &Inner) -> Result<usize, StoreError> {
    let (store, now_ms) = (&*inner.store, inner.ports.now_ms());
    let claims = tables::claims::sweep(store, now_ms).await?;
    let kept_from = now_ms.saturating_sub(inner.options.keep_requests.as_millis());
    let lines = tables::requests::trim(store, kept_from).await?;
    Ok(claims + lines)
}
