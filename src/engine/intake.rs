//! Acceptance: run, event, queue item and dedupe claim become durable in one batch, or nothing does.

use std::sync::{Arc, atomic::Ordering};

use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::{
    EngineError, Inner,
    definition::Definition,
    execution::{Job, Reply},
    runner,
};
use crate::{
    model::{Claim, Event, Mode, Run, RunId, RunStatus, Span, WorkflowKey},
    store::{Batch, StoreError, tables},
};

/// Tries to get a claim whose holder changes under us.
const TRIES: usize = 4;

/// What a delivery is recognised by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DedupeKey {
    /// SHA-256 over workflow and key: of fixed size whatever the sender chose.
    pub digest: [u8; 32],
    /// How long it is remembered.
    pub ttl: Span,
}

impl DedupeKey {
    /// The key of one workflow's deliveries.
    pub fn new(workflow: &WorkflowKey, key: &str, ttl: Span) -> Self {
        // A workflow key holds no zero byte.
        let hash = Sha256::new().chain_update(workflow.as_str()).chain_update([0]).chain_update(key);
        Self { digest: hash.finalize().into(), ttl }
    }
}

/// An event that asks for a run.
pub struct Submission {
    /// The version that the run will be pinned to.
    pub definition: Arc<Definition>,
    /// What it is about.
    pub event: Event,
    /// Whether the caller waits.
    pub mode: Mode,
    /// What a copy of it is recognised by.
    pub dedupe: Option<DedupeKey>,
}

/// What became of a submission.
pub enum Submitted {
    /// A new run, durable. In `sync` mode the reply comes through the receiver.
    Started {
        /// The run.
        run: RunId,
        /// Gives the answer or the error, once that is durable.
        reply: Option<oneshot::Receiver<Reply>>,
    },
    /// A copy: this is the run of the first delivery.
    Duplicate {
        /// As it stands now.
        run: Box<Run>,
    },
}

pub(super) async fn submit(inner: &Arc<Inner>, submission: Submission) -> Result<Submitted, EngineError> {
    if inner.stopping.load(Ordering::SeqCst) {
        return Err(EngineError::Stopping);
    }
    let Submission { definition, event, mode, dedupe } = submission;
    let place = inner.pending.take().ok_or(EngineError::Full { max_pending: inner.options.max_pending })?;
    let id = inner.ports.run_id();
    let run = Run {
        id,
        workflow: definition.workflow.key.clone(),
        version: definition.version,
        status: RunStatus::Queued,
        mode,
        created_ms: id.created_ms(),
        finished_ms: None,
        seed: inner.ports.seed(),
        event,
        claim: dedupe.map(|key| key.digest),
        answer: None,
        error: None,
    };
    if let Some(first) = store_run(inner, &run, dedupe).await? {
        return Ok(Submitted::Duplicate { run: Box::new(first) });
    }
    let reply = match mode {
        Mode::Sync => {
            let (sender, receiver) = oneshot::channel();
            runner::spawn(Arc::clone(inner), Job::fresh(run, definition, sender), place);
            Some(receiver)
        }
        Mode::Async => {
            runner::enqueue(inner, id, place);
            None
        }
    };
    Ok(Submitted::Started { run: id, reply })
}

/// Commits a new run; gives the run that holds the claim when this one is a copy.
async fn store_run(inner: &Inner, run: &Run, dedupe: Option<DedupeKey>) -> Result<Option<Run>, StoreError> {
    let store = &*inner.store;
    for _ in 0..TRIES {
        let mut batch = Batch::new();
        if let Some(DedupeKey { digest, ttl }) = dedupe {
            let held = tables::claims::get(store, &digest)?;
            if let Some(claim) = held.as_ref().filter(|claim| claim.expires_ms > run.created_ms)
                && let Some(first) = tables::runs::get(store, claim.run)?
            {
                // Readable is not yet durable, and the caller will rely on it.
                store.commit(Batch::new()).await?;
                return Ok(Some(first));
            }
            let claim = Claim { run: run.id, expires_ms: run.created_ms.saturating_add(ttl.as_millis()) };
            tables::claims::take(&mut batch, &digest, &claim, held.as_ref());
        }
        tables::runs::insert(&mut batch, run);
        match store.commit(batch).await {
            Ok(()) => return Ok(None),
            // Another copy was first: look again at what it claimed.
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Err(StoreError::Busy)
}
