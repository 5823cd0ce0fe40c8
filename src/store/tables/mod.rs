//! What is stored, with types: one file a table, plain functions over [`Store`](super::Store) and
//! [`Batch`](super::Batch).
//!
//! Functions that write only add to a batch, so that a caller decides what happens together.

pub mod api_tokens;
pub mod audit;
pub mod calls;
pub mod claims;
pub mod drafts;
pub mod history;
pub mod homes;
pub mod journal;
pub mod kv;
pub mod letters;
pub mod people;
pub mod plugins;
pub mod questions;
pub mod requests;
pub mod revisions;
mod run_versions;
pub mod runs;
#[cfg(test)]
mod samples;
pub mod schedules;
pub mod secrets;
pub mod sessions;
pub mod signals;
pub mod slots;
mod stored_actor;
pub mod trials;
pub mod versions;

use super::{Key, KeyRange, Order, Store, StoreError, record};

/// One page of a list, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T, Id> {
    /// The items of this page, in order.
    pub items: Vec<T>,
    /// Where the next page begins: give it as `before`. `None` at the end.
    pub next: Option<Id>,
}

/// The record of a key.
async fn read<T: record::Record>(store: &dyn Store, key: &[u8]) -> Result<Option<T>, StoreError> {
    store.get(key).await?.map(|bytes| record::decode(key, &bytes)).transpose()
}

/// The records of several keys, in their order.
async fn read_many<T: record::Record>(store: &dyn Store, keys: &[Key]) -> Result<Vec<Option<T>>, StoreError> {
    let values = store.get_many(keys).await?;
    let decoded =
        |(key, value): (&Key, Option<Vec<u8>>)| value.map(|bytes| record::decode(key, &bytes)).transpose();
    keys.iter().zip(values).map(decoded).collect()
}

/// The records of a range, with their keys.
async fn read_range<T: record::Record>(
    store: &dyn Store,
    range: KeyRange,
    order: Order,
    limit: usize,
) -> Result<Vec<(Vec<u8>, T)>, StoreError> {
    let pairs = store.scan(range, order, limit).await?.into_iter();
    pairs.map(|(key, bytes)| record::decode(&key, &bytes).map(|record| (key, record))).collect()
}
