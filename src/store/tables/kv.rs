//! What scripts keep: values by key, one namespace a workflow.
//!
//! A value that expires has a note beside it, ordered by time, so that sweeping reads only what is due. Who may write
//! when, quotas and the clock are `engine::kv`'s: nothing here expects or compares.

use serde::{Deserialize, Serialize};

use crate::{
    model::WorkflowKey,
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key, Kind},
        record::{self, Record},
    },
};

/// A value that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvRecord {
    /// The value, as JSON text.
    pub value: String,
    /// From when on it is gone, milliseconds since the epoch.
    pub expires_ms: Option<u64>,
    /// When it was set, milliseconds since the epoch.
    pub set_ms: u64,
}

impl Record for KvRecord {
    const KIND: &'static str = "kv value";
    const VERSION: u8 = 1;
}

impl KvRecord {
    /// Whether it is there for a reader.
    pub fn is_live(&self, now_ms: u64) -> bool {
        self.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms)
    }
}

/// A note that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The key of the note that says when the value expires.
    pub note: Key,
    /// When the value expires that it was written with.
    pub expires_ms: u64,
    /// The workflow that the key belongs to.
    pub workflow: WorkflowKey,
    /// The key that expires.
    pub key: String,
}

/// A value, also when it has expired.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn get(
    store: &dyn Store,
    workflow: &WorkflowKey,
    key: &str,
) -> Result<Option<KvRecord>, StoreError> {
    super::read(store, &keys::kv(workflow, key)).await
}

/// Sets a value, or removes it for `None`. `noted` is when the value expires that stands there until now.
pub fn write(
    batch: &mut Batch,
    workflow: &WorkflowKey,
    key: &str,
    record: Option<&KvRecord>,
    noted: Option<u64>,
) {
    let key = keys::kv(workflow, key);
    if let Some(noted) = noted {
        batch.delete(keys::kv_expiry(noted, &key));
    }
    match record {
        Some(record) => {
            if let Some(expires_ms) = record.expires_ms {
                batch.put(keys::kv_expiry(expires_ms, &key), []);
            }
            batch.put(key, record::encode(record));
        }
        None => {
            batch.delete(key);
        }
    }
}

/// Values whose keys begin with `prefix` and come after `after`, in order of their bytes, also expired ones.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(
    store: &dyn Store,
    workflow: &WorkflowKey,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, KvRecord)>, StoreError> {
    let mut range = KeyRange::prefix(keys::kv(workflow, prefix));
    if let Some(after) = after {
        range = range.after(keys::kv(workflow, after));
    }
    let named = super::read_range(store, range, Order::Ascending, limit).await?.into_iter();
    named
        .map(|(key, record)| match keys::parse_kv(&key) {
            Some((_, name)) => Ok((name, record)),
            None => Err(StoreError::corrupt(Key::from(&*key), "its name is no text")),
        })
        .collect()
}

/// Notes that are due at `now_ms`, those after `after`, oldest first.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn due(
    store: &dyn Store,
    now_ms: u64,
    after: Option<&Key>,
    limit: usize,
) -> Result<Vec<Due>, StoreError> {
    // What expires at `now_ms` is gone from then on, so it is due.
    let mut range =
        KeyRange::prefix(Kind::KvExpiry.prefix()).before(keys::kv_expiry(now_ms.saturating_add(1), b""));
    if let Some(after) = after {
        range = range.after(after);
    }
    let notes = store.scan(range, Order::Ascending, limit).await?.into_iter();
    notes
        .map(|(note, _)| {
            let note = Key::from(note);
            let told = keys::parse_kv_expiry(&note)
                .and_then(|(expires_ms, key)| Some((expires_ms, keys::parse_kv(&key)?)));
            let (expires_ms, (workflow, key)) =
                told.ok_or_else(|| StoreError::corrupt(&note, "it names no kv key"))?;
            Ok(Due { note, expires_ms, workflow, key })
        })
        .collect()
}

/// The values that notes are about, in their order, also when they were set anew since.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn of_notes(store: &dyn Store, notes: &[&Due]) -> Result<Vec<Option<KvRecord>>, StoreError> {
    let keys: Vec<Key> = notes.iter().map(|due| keys::kv(&due.workflow, &due.key)).collect();
    super::read_many(store, &keys).await
}

/// Removes the note of an expiry that is done.
pub fn forget(batch: &mut Batch, due: &Due) {
    batch.delete(due.note.clone());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    fn record(value: &str, expires_ms: Option<u64>) -> KvRecord {
        KvRecord { value: value.to_owned(), expires_ms, set_ms: 1 }
    }

    fn name(text: &str) -> WorkflowKey {
        text.parse().unwrap()
    }

    #[test]
    fn a_workflow_sees_its_own_keys_in_order() {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        for (workflow, key) in [("a", "x/2"), ("a", "x/1"), ("a", "y"), ("ab", "x/3"), ("a", "é")] {
            write(&mut batch, &name(workflow), key, Some(&record(key, None)), None);
        }
        block_on(store.commit(batch)).unwrap();
        let keys = |prefix, after, limit| -> Vec<String> {
            let all = block_on(list(&store, &name("a"), prefix, after, limit)).unwrap();
            all.into_iter().map(|(key, _)| key).collect()
        };
        assert_eq!(keys("", None, 9), ["x/1", "x/2", "y", "é"]);
        assert_eq!(keys("x/", None, 1), ["x/1"]);
        assert_eq!(keys("x/", Some("x/1"), 9), ["x/2"]);
        assert_eq!(keys("", Some("y"), 9), ["é"]);
        assert_eq!(keys("z", Some("a"), 9), Vec::<String>::new());
        assert_eq!(block_on(get(&store, &name("ab"), "x/3")).unwrap(), Some(record("x/3", None)));
        assert_eq!(block_on(get(&store, &name("ab"), "y")).unwrap(), None);
    }

    #[test]
    fn a_value_has_one_note_and_none_when_it_stays() {
        let store = MemoryStore::new();
        let workflow = name("a");
        let mut before = None;
        for expires_ms in [Some(10), Some(20), Some(20), None, Some(5)] {
            let mut batch = Batch::new();
            write(&mut batch, &workflow, "k", Some(&record("1", expires_ms)), before);
            block_on(store.commit(batch)).unwrap();
            let notes = block_on(due(&store, u64::MAX, None, 9)).unwrap();
            let noted: Vec<_> = notes.iter().map(|due| due.expires_ms).collect();
            assert_eq!(noted, Vec::from_iter(expires_ms));
            before = expires_ms;
        }
        assert_eq!(block_on(due(&store, 4, None, 9)).unwrap(), []);
        let notes = block_on(due(&store, 5, None, 9)).unwrap();
        assert_eq!((notes[0].workflow.clone(), notes[0].key.as_str()), (workflow.clone(), "k"));
        assert_eq!(block_on(due(&store, 5, Some(&notes[0].note), 9)).unwrap(), []);
        let mut batch = Batch::new();
        write(&mut batch, &workflow, "k", None, before);
        block_on(store.commit(batch)).unwrap();
        assert_eq!(block_on(store.scan(KeyRange::prefix([]), Order::Ascending, 9)).unwrap(), []);
    }

    #[test]
    fn a_value_is_gone_at_the_millisecond_at_which_it_expires() {
        let value = record("1", Some(10));
        assert!(value.is_live(9) && !value.is_live(10) && record("1", None).is_live(u64::MAX));
    }
}
