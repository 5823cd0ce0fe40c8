//! The kv of scripts: values that outlive a run, one namespace a workflow.
//!
//! What an attempt writes is staged in its [`KvSession`] and becomes durable in the batch that the engine commits for
//! it next; a failed attempt's writes are dropped with the session. A written key is locked until then, so that
//! counters of concurrent runs are exact; reading takes no lock and sees what is committed and the attempt's own.
//!
//! Called by `execution` for scripts, and by the API for operators. Never decides when to commit.

mod locks;
#[cfg(test)]
mod model_test;
mod op;
mod pages;
mod session;
#[cfg(test)]
mod tests;
mod usage;

use std::{collections::HashMap, sync::Arc, time::Duration};

use serde_json::Value;

pub use op::{KvError, KvOp};
pub use pages::KvEntry;
pub use session::KvSession;

use self::{
    locks::Locks,
    pages::Pages,
    usage::{Quota, Size, Usages},
};
use crate::{
    model::WorkflowKey,
    store::{
        Batch, Store, StoreError,
        tables::kv::{self, Due},
    },
};

/// Notes that one batch of a sweep works on.
const SWEEP: usize = 500;
/// How long an operator's write waits for a key.
const OPERATOR_WAIT: Duration = Duration::from_secs(5);

/// The kv of all workflows: one an engine, as its locks are in memory.
pub struct Kv {
    store: Arc<dyn Store>,
    locks: Arc<Locks>,
    usages: Usages,
    quota: Quota,
}

impl Kv {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, locks: Arc::default(), usages: Usages::default(), quota: Quota::default() }
    }

    /// Begins what one attempt of a step of `workflow` reads and writes.
    pub(super) fn session(self: &Arc<Self>, workflow: WorkflowKey) -> KvSession {
        KvSession::new(Arc::clone(self), workflow)
    }

    /// Does one operation by itself, such as an operator's. It is durable when this returns.
    ///
    /// # Errors
    /// The errors of the operation and of the store. After an error of the store a write may have been done.
    pub async fn operate(
        self: &Arc<Self>,
        workflow: WorkflowKey,
        op: KvOp,
        now_ms: u64,
    ) -> Result<Value, KvError> {
        let session = self.session(workflow);
        let answer = session.perform(op, now_ms, OPERATOR_WAIT).await?;
        let mut batch = Batch::new();
        if let Some(staged) = session.stage(&mut batch) {
            self.store.commit(batch).await?;
            session.committed(staged);
        }
        Ok(answer)
    }

    /// One value with what is known about it.
    ///
    /// # Errors
    /// The store's own: it is full, it failed, or a value in it cannot be read.
    pub async fn entry(
        &self,
        workflow: &WorkflowKey,
        key: &str,
        now_ms: u64,
    ) -> Result<Option<KvEntry>, StoreError> {
        let record = kv::get(&*self.store, workflow, key).await?.filter(|record| record.is_live(now_ms));
        Ok(record.map(|record| KvEntry::new(key.to_owned(), &record)))
    }

    /// A page of what is stored, and where the next one begins.
    ///
    /// # Errors
    /// The store's own: it is full, it failed, or a value in it cannot be read.
    pub async fn entries(
        &self,
        workflow: &WorkflowKey,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
        now_ms: u64,
    ) -> Result<(Vec<KvEntry>, Option<String>), StoreError> {
        let pages = Pages { store: &*self.store, workflow, prefix, now_ms };
        let (entries, next) = pages.read(after, limit, &Default::default()).await?;
        Ok((entries.into_iter().map(|(key, record)| KvEntry::new(key, &record)).collect(), next))
    }

    /// Bytes and keys that a workflow keeps, expired ones that are not swept yet included, and the most of each.
    ///
    /// # Errors
    /// The store's own: it is full, it failed, or a value in it cannot be read.
    pub async fn usage(&self, workflow: &WorkflowKey) -> Result<KvUsage, StoreError> {
        self.usages.count(&*self.store, workflow).await?;
        let stored = self.usages.with(workflow, |usage| usage.stored());
        let (bytes, keys) = (stored.bytes.max(0) as u64, stored.keys.max(0) as u64);
        Ok(KvUsage { bytes, bytes_most: self.quota.bytes, keys, keys_most: self.quota.keys })
    }

    /// Removes what has expired at `now_ms`, some hundred a batch; gives their number. What an attempt is writing stays
    /// for the next time.
    ///
    /// # Errors
    /// The errors of the store. What was removed before stays removed.
    pub(super) async fn sweep(&self, now_ms: u64) -> Result<usize, StoreError> {
        let (mut removed, mut after) = (0, None);
        loop {
            let due = kv::due(&*self.store, now_ms, after.as_ref(), SWEEP).await?;
            let Some(last) = due.last() else { return Ok(removed) };
            after = Some(last.note.clone());
            let mut batch = Batch::new();
            let lock = |due: &Due| Arc::clone(&self.locks).try_lock((due.workflow.clone(), due.key.clone()));
            // Nobody writes these until the batch is durable.
            let (_held, due): (Vec<_>, Vec<_>) = due.iter().filter_map(|due| Some((lock(due)?, due))).unzip();
            let mut freed: HashMap<WorkflowKey, Size> = HashMap::new();
            for (due, record) in due.iter().zip(kv::of_notes(&*self.store, &due).await?) {
                match record.filter(|record| record.expires_ms == Some(due.expires_ms)) {
                    Some(record) => {
                        let freed = freed.entry(due.workflow.clone()).or_default();
                        *freed = *freed + Size::of(&due.key, Some(&record.value));
                        kv::write(&mut batch, &due.workflow, &due.key, None, record.expires_ms);
                    }
                    None => kv::forget(&mut batch, due),
                }
            }
            if batch.is_empty() {
                continue;
            }
            // Counted first: a count after the commit would not have what is subtracted.
            for workflow in freed.keys() {
                self.usages.count(&*self.store, workflow).await?;
            }
            freed.keys().for_each(|workflow| self.usages.with(workflow, |usage| usage.depart()));
            let committed = self.store.commit(batch).await;
            for (workflow, freed) in freed {
                self.usages.with(&workflow, |usage| match &committed {
                    Ok(()) => usage.arrive(-freed),
                    Err(_) => usage.lose(-freed),
                });
                removed += usize::try_from(freed.keys).unwrap_or(0);
            }
            committed?;
        }
    }
}

/// How much of its quota a workflow uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvUsage {
    /// The bytes of its keys and values together.
    pub bytes: u64,
    /// The limit for `bytes`.
    pub bytes_most: u64,
    pub keys: u64,
    /// The limit for `keys`.
    pub keys_most: u64,
}
