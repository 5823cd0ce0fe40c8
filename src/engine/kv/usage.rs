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

/// One workflow's.
#[derive(Debug, Default)]
pub(super) struct Usage {
    stored: Size,
    reserved: Size,
    /// Batches on their way.
    flying: usize,
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

    /// What the sweep has removed.
    pub(super) fn swept(&mut self, removed: Size) {
        self.stored = self.stored - removed;
    }

    /// Keys and bytes that are stored.
    pub(super) fn stored(&self) -> Size {
        self.stored
    }

    fn count(&mut self, store: &dyn Store, workflow: &WorkflowKey) -> Result<(), StoreError> {
        // While batches are on their way, a count could have them twice.
        if self.counted && !(self.stale && self.flying == 0) {
            return Ok(());
        }
        let (mut stored, mut after) = (Size::default(), None);
        loop {
            let page = kv::list(store, workflow, "", after.as_deref(), COUNTED_AT_ONCE)?;
            for (key, record) in &page {
                stored = stored + Size::of(key, Some(&record.value));
            }
            if page.len() < COUNTED_AT_ONCE {
                break;
            }
            after = page.into_iter().next_back().map(|(key, _)| key);
        }
        (self.stored, self.counted, self.stale) = (stored, true, false);
        Ok(())
    }
}

/// Those of all workflows.
#[derive(Debug, Default)]
pub(super) struct Usages(Mutex<HashMap<WorkflowKey, Arc<Mutex<Usage>>>>);

impl Usages {
    /// Works on one workflow's, counted. Every writer comes here before it writes, so a count never meets a batch.
    pub(super) fn with<T>(
        &self,
        store: &dyn Store,
        workflow: &WorkflowKey,
        work: impl FnOnce(&mut Usage) -> T,
    ) -> Result<T, StoreError> {
        let usage = self.of(workflow);
        let mut usage = locked(&usage);
        usage.count(store, workflow)?;
        Ok(work(&mut usage))
    }

    /// As [`Usages::with`] where it has been counted before.
    pub(super) fn again(&self, workflow: &WorkflowKey, work: impl FnOnce(&mut Usage)) {
        work(&mut locked(&self.of(workflow)));
    }

    fn of(&self, workflow: &WorkflowKey) -> Arc<Mutex<Usage>> {
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
