//! When each schedule fired last, so that no time is run twice and none that was missed goes unseen.

use serde::{Deserialize, Serialize};

use crate::{
    model::TriggerScope,
    store::{
        Batch, Store, StoreError, keys,
        record::{self, Record},
    },
};

/// The state of one schedule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// What it was when it fired: a changed schedule begins anew.
    pub schedule: String,
    /// The last time for which runs were started, milliseconds since the epoch.
    pub last_ms: u64,
}

impl Record for Fired {
    const KIND: &'static str = "schedule";
    const VERSION: u8 = 1;
}

/// The state of the schedule of a trigger.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn get(store: &dyn Store, trigger: &TriggerScope) -> Result<Option<Fired>, StoreError> {
    super::read(store, &keys::schedule(trigger)).await
}

/// Replaces `before`, which [`get`] found. The commit ends in `Conflict` when it has changed since.
pub fn put(batch: &mut Batch, trigger: &TriggerScope, fired: &Fired, before: Option<&Fired>) {
    let key = keys::schedule(trigger);
    match before {
        None => batch.expect_absent(key.clone()),
        Some(before) => batch.expect_equals(key.clone(), record::encode(before)),
    };
    batch.put(key, record::encode(fired));
}
