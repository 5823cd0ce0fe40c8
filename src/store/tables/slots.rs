//! Debounce and singleton groups: which unfinished run holds a group's one place.

use serde::{Deserialize, Serialize};

use crate::{
    model::RunId,
    store::{
        Batch, Store, StoreError, keys,
        record::{self, Record},
    },
};

/// The holder of a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// The run that holds the slot.
    pub run: RunId,
    /// When the first event of the row came, milliseconds since the epoch.
    pub first_ms: u64,
}

impl Record for Slot {
    const KIND: &'static str = "group";
    const VERSION: u8 = 1;
}

/// Who holds a place.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn get(store: &dyn Store, group: &[u8; 32]) -> Result<Option<Slot>, StoreError> {
    super::read(store, &keys::group(group)).await
}

/// Takes a place from `held`, which [`get`] found. The commit ends in `Conflict` when someone was faster.
pub fn take(batch: &mut Batch, group: &[u8; 32], slot: &Slot, held: Option<&Slot>) {
    let key = keys::group(group);
    match held {
        None => batch.expect_absent(key.clone()),
        Some(held) => batch.expect_equals(key.clone(), record::encode(held)),
    };
    batch.put(key, record::encode(slot));
}

/// Gives a place back, if the run holds it when the batch is committed.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn release(
    store: &dyn Store,
    batch: &mut Batch,
    group: &[u8; 32],
    run: RunId,
) -> Result<(), StoreError> {
    if let Some(slot) = get(store, group).await?.filter(|slot| slot.run == run) {
        batch.delete_if(keys::group(group), record::encode(&slot));
    }
    Ok(())
}
