//! Pages of a workflow's values: what is stored, with what an attempt has staged on top.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::op::value;
use crate::{
    model::WorkflowKey,
    store::{
        Store, StoreError,
        tables::kv::{self, KvRecord},
    },
};

/// The most bytes of values of a page; one value is given whatever its size.
const MAX_BYTES: usize = 2 << 20;
/// Records read at once: of the largest values 8 MiB.
const READ_AT_ONCE: usize = 32;

/// A value as operators see it.
#[derive(Debug, Clone, PartialEq)]
pub struct KvEntry {
    pub key: String,
    pub value: Value,
    /// When it expires, milliseconds since the epoch.
    pub expires_ms: Option<u64>,
    /// When it was set, milliseconds since the epoch.
    pub set_ms: u64,
}

impl KvEntry {
    pub(super) fn new(key: String, record: &KvRecord) -> Self {
        Self { key, value: value(record), expires_ms: record.expires_ms, set_ms: record.set_ms }
    }
}

/// The stored values of one workflow whose keys begin with `prefix`.
pub(super) struct Pages<'a> {
    pub(super) store: &'a dyn Store,
    pub(super) workflow: &'a WorkflowKey,
    pub(super) prefix: &'a str,
    pub(super) now_ms: u64,
}

/// What hides stored values: by key, with nothing for what is removed.
pub(super) type Overlay = BTreeMap<String, Option<KvRecord>>;

type Page = (Vec<(String, KvRecord)>, Option<String>);

impl Pages<'_> {
    /// Up to `limit` values after `after`, and the last of their keys when there are more.
    pub(super) async fn read(
        &self,
        after: Option<&str>,
        limit: usize,
        overlay: &Overlay,
    ) -> Result<Page, StoreError> {
        let (mut found, mut bytes) = (Vec::<(String, KvRecord)>::new(), 0);
        let mut cursor = after.map(str::to_owned);
        loop {
            let stored =
                kv::list(self.store, self.workflow, self.prefix, cursor.as_deref(), READ_AT_ONCE).await?;
            // Staged keys after the last one that was read belong to the next round.
            let until =
                if stored.len() < READ_AT_ONCE { None } else { stored.last().map(|(key, _)| key.clone()) };
            let mut merged: Overlay = stored.into_iter().map(|(key, record)| (key, Some(record))).collect();
            let staged = overlay.iter().filter(|(key, _)| {
                key.starts_with(self.prefix)
                    && cursor.as_ref().is_none_or(|cursor| *key > cursor)
                    && until.as_ref().is_none_or(|until| *key <= until)
            });
            merged.extend(staged.map(|(key, record)| (key.clone(), record.clone())));
            let live = |record: Option<KvRecord>| record.filter(|record| record.is_live(self.now_ms));
            for (key, record) in merged.into_iter().filter_map(|(key, record)| Some((key, live(record)?))) {
                bytes += record.value.len();
                if found.len() == limit || (bytes > MAX_BYTES && !found.is_empty()) {
                    let next = found.last().map(|(key, _)| key.clone());
                    return Ok((found, next));
                }
                found.push((key, record));
            }
            match until {
                Some(until) => cursor = Some(until),
                None => return Ok((found, None)),
            }
        }
    }

    /// Gives what [`Pages::read`] gives, in the form that scripts get.
    pub(super) async fn answer(
        &self,
        after: Option<&str>,
        limit: usize,
        overlay: &Overlay,
    ) -> Result<Value, StoreError> {
        let (found, next) = self.read(after, limit, overlay).await?;
        let entries: Vec<Value> =
            found.iter().map(|(key, record)| json!({ "key": key, "value": value(record) })).collect();
        Ok(json!({ "entries": entries, "next": next }))
    }
}
