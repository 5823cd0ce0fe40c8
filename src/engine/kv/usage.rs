//! How much each workflow keeps, and how much more it may.
//!
//! Counted by one scan at a workflow's first write after the start, then kept in memory. What sessions have staged is
//! reserved, so that two of them cannot both take the last room.

use std::{
    collections::HashMap,
    ops::{Add, Neg, Sub},
    sync::{Arc, Mutex, MutexGuard},
};

use super::op::KvError;
use crate::{
    model::{Limits, WorkflowKey},
    store::{Store, StoreError, tables::kv},
};

/// Values read at once while counting: 16 MiB at most.
const COUNTED_AT_ONCE: usize = 64;

/// Bytes of keys and values, and keys. Negative for what becomes free.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) bytes: i64,
    pub(super) keys: i64,
}

impl Size {
    /// What a value takes under its key; nothing when there is none.
    pub(super) fn of(key: &str, value: Option<&str>) -> Self {
        let bytes = |value: &str| (key.len() + value.len()) as i64;
        value.map_or(Self::default(), |value| Self { bytes: bytes(value), keys: 1 })
    }

    /// Room that becomes free counts only once it is free.
    pub(super) fn reserved(self) -> Self {
        Self { bytes: self.bytes.max(0), keys: self.keys.max(0) }
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { bytes: self.bytes + other.bytes, keys: self.keys + other.keys }
    }
}

impl Sub for Size {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        self + -other
    }
}

impl Neg for Size {
    type Output = Self;

    fn neg(self) -> Self {
        Self { bytes: -self.bytes, keys: -self.keys }
    }
}

/// What one workflow may keep.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quota {
    pub(super) bytes: u64,
    pub(super) keys: u64,
}

impl Default for Quota {
    fn default() -> Self {
        Self { bytes: Limits::KV.as_bytes(), keys: Limits::KV_KEYS }
    }
}

/// What one workflow uses.
#[derive(Debug, Default)]
pub(super) struct Usage {
    stored: Size,
    reserved: Size,
    /// Batches on their way.
    flying: usize,
    /// Batches that ever were.
    departed: u64,
    /// What became of a batch is not known: to be counted again.
    stale: bool,
    counted: bool,
}

impl Usage {
    /// Reserves `after` in place of `before`; refuses growth over the quota.
    pub(super) fn reserve(&mut self, before: Size, after: Size, quota: Quota) -> Result<(), KvError> {
        let total = self.stored + self.reserved - before + after;
        if after.bytes > before.bytes && total.bytes > quota.bytes as i64 {
            return Err(KvError::Quota { what: "bytes of keys and values", most: quota.bytes });
        }
        if after.keys > before.keys && total.keys > quota.keys as i64 {
            return Err(KvError::Quota { what: "keys", most: quota.keys });
        }
        self.reserved = self.reserved - before + after;
        Ok(())
    }

    /// Gives a reservation back.
    pub(super) fn release(&mut self, reserved: Size) {
        self.reserved = self.reserved - reserved;
    }

    /// A batch is on its way; its reservation stays.
    pub(super) fn depart(&mut self) {
        self.flying += 1;
        self.departed += 1;
    }

    /// A batch that has departed is durable.
    pub(super) fn arrive(&mut self, change: Size) {
        self.flying -= 1;
        self.release(change.reserved());
        self.stored = self.stored + change;
    }

    /// Nobody knows what became of a batch that has departed.
    pub(super) fn lose(&mut self, change: Size) {
        self.flying -= 1;
        self.release(change.reserved());
        self.stale = true;
    }

    /// Keys and bytes that are stored.
    pub(super) fn stored(&self) -> Size {
        self.stored
    }

    /// Whether it is to be counted; gives the batches that there ever were, by which a count is known to have met none.
    fn is_due(&self) -> Option<u64> {
        // While batches are on their way, a count could have them twice.
        (!self.counted || (self.stale && self.flying == 0)).then_some(self.departed)
    }

    /// Takes a count that began when `departed` batches had been. One that met a batch is not exact, so it is repeated.
    fn take(&mut self, stored: Size, departed: u64) {
        let exact = self.departed == departed;
        if exact || !self.counted {
            self.stored = stored;
        }
        (self.counted, self.stale) = (true, !exact);
    }
}

/// All values of a workflow, read.
async fn counted(store: &dyn Store, workflow: &WorkflowKey) -> Result<Size, StoreError> {
    let (mut stored, mut after) = (Size::default(), None);
    loop {
        let page = kv::list(store, workflow, "", after.as_deref(), COUNTED_AT_ONCE).await?;
        for (key, record) in &page {
            stored = stored + Size::of(key, Some(&record.value));
        }
        if page.len() < COUNTED_AT_ONCE {
            return Ok(stored);
        }
        after = page.into_iter().next_back().map(|(key, _)| key);
    }
}

/// What all workflows use.
#[derive(Debug, Default)]
pub(super) struct Usages(Mutex<HashMap<WorkflowKey, Arc<OfWorkflow>>>);

#[derive(Debug, Default)]
struct OfWorkflow {
    usage: Mutex<Usage>,
    /// Held while it is counted.
    counting: tokio::sync::Mutex<()>,
}

impl Usages {
    /// Counts one workflow's, unless it is known. Every writer comes here before it writes, so the first count never meets a batch.
    ///
    /// # Errors
    /// The store's own: it is full, it failed, or a value in it cannot be read.
    pub(super) async fn count(&self, store: &dyn Store, workflow: &WorkflowKey) -> Result<(), StoreError> {
        let of = self.of(workflow);
        if locked(&of.usage).is_due().is_none() {
            return Ok(());
        }
        let _one = of.counting.lock().await;
        // Another may just have done it.
        let due = locked(&of.usage).is_due();
        if let Some(departed) = due {
            let stored = counted(store, workflow).await?;
            locked(&of.usage).take(stored, departed);
        }
        Ok(())
    }

    /// Works on one workflow's, which has been counted before.
    pub(super) fn with<T>(&self, workflow: &WorkflowKey, work: impl FnOnce(&mut Usage) -> T) -> T {
        work(&mut locked(&self.of(workflow).usage))
    }

    fn of(&self, workflow: &WorkflowKey) -> Arc<OfWorkflow> {
        let mut all = locked(&self.0);
        match all.get(workflow) {
            Some(usage) => Arc::clone(usage),
            None => Arc::clone(all.entry(workflow.clone()).or_default()),
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no code panics under this lock")
}
