//! After a start, counts the last 24 hours again from the history and the request log, newest first and within bounds.

use std::sync::Weak;

use super::{
    numbers::{Happened, happened},
    run::Runs,
};
use crate::{
    model::{RequestId, RequestOutcome, RunId},
    store::{StoreError, tables},
};

/// Runs that are counted at most, and lines of the request log: more would make a start of a busy server dear.
const MOST: usize = 20_000;
/// What is read at once.
const PAGE: usize = 500;
const DAY_MS: u64 = 24 * 3_600_000;

/// Counts what ended before this process began. `began_ms` is the time of its beginning.
pub(super) async fn recount(runs: Weak<Runs>, began_ms: u64) {
    if let Err(error) = count_runs(&runs, began_ms).await {
        tracing::warn!(%error, "the runs of the last day could not be counted");
    }
    if let Err(error) = count_requests(&runs, began_ms).await {
        tracing::warn!(%error, "the requests of the last day could not be counted");
    }
}

async fn count_runs(runs: &Weak<Runs>, began_ms: u64) -> Result<(), StoreError> {
    let (mut before, mut seen): (Option<RunId>, usize) = (None, 0);
    while seen < MOST {
        let Some(runs) = runs.upgrade() else { break };
        let durable = &runs.durable;
        let page =
            tables::runs::list(&*durable.store, &tables::runs::Filter::default(), before, PAGE).await?;
        for head in &page.items {
            if head.created_ms.saturating_add(DAY_MS) < began_ms {
                return Ok(());
            }
            if let Some((at_ms, happened)) = happened(head).filter(|(at_ms, _)| *at_ms < began_ms) {
                durable.numbers.recount(Some(&head.workflow), at_ms, durable.now_ms(), happened);
            }
        }
        seen += page.items.len();
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    Ok(())
}

async fn count_requests(runs: &Weak<Runs>, began_ms: u64) -> Result<(), StoreError> {
    let (mut before, mut seen): (Option<RequestId>, usize) = (None, 0);
    while seen < MOST {
        let Some(runs) = runs.upgrade() else { break };
        let durable = &runs.durable;
        let filter = tables::requests::Filter::default();
        let page = tables::requests::list(&*durable.store, &filter, before, PAGE).await?;
        for record in &page.items {
            let at_ms = record.id.created_ms();
            if at_ms.saturating_add(DAY_MS) < began_ms {
                return Ok(());
            }
            if at_ms < began_ms && matches!(record.outcome, RequestOutcome::Refused { .. }) {
                let (workflow, now_ms) = (record.workflow.as_ref(), durable.now_ms());
                durable.numbers.recount(workflow, at_ms, now_ms, Happened::Refused);
            }
        }
        seen += page.items.len();
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    Ok(())
}
