//! What people have changed and not published: one draft for each person and workflow. It is never run by traffic.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    model::{Bundle, VersionHash, WorkflowKey},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key, Kind},
        record::{self, Record},
    },
};

/// How long a draft is kept that nobody touches, milliseconds.
pub const KEPT_MS: u64 = 30 * 86_400_000;
/// Drafts that are looked at together, as each may have megabytes.
const AT_ONCE: usize = 16;

/// One person's changes of one workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// The version that it began with; `None` for a workflow that is not there yet.
    pub base: Option<VersionHash>,
    /// All files as they would be published.
    pub bundle: Bundle,
    /// When it was saved last, milliseconds since the epoch.
    pub changed_ms: u64,
}

impl Record for Draft {
    const KIND: &'static str = "draft";
    const VERSION: u8 = 1;
}

impl Draft {
    /// What tells one saved state from another: the same base and files have the same.
    pub fn tag(&self) -> String {
        let mut sha = Sha256::new();
        sha.update(self.base.map_or([0; 32], |base| base.0));
        sha.update(super::versions::hash(&self.bundle).0);
        hex::encode(&sha.finalize()[..16])
    }

    /// Whether it is kept no more.
    pub fn is_stale(&self, now_ms: u64) -> bool {
        now_ms.saturating_sub(self.changed_ms) > KEPT_MS
    }
}

/// A person's draft.
///
/// # Errors
/// `StoreError::Corrupt` when the stored value cannot be read.
pub async fn get(
    store: &dyn Store,
    workflow: &WorkflowKey,
    owner: &str,
) -> Result<Option<Draft>, StoreError> {
    super::read(store, &keys::draft(workflow, owner)).await
}

/// Saves a draft, if the one before still is what was read; else the batch is a conflict.
pub fn replace(
    batch: &mut Batch,
    workflow: &WorkflowKey,
    owner: &str,
    before: Option<&Draft>,
    after: Option<&Draft>,
) {
    let key = keys::draft(workflow, owner);
    match before {
        Some(before) => batch.expect_equals(key.clone(), record::encode(before)),
        None => batch.expect_absent(key.clone()),
    };
    match after {
        Some(after) => batch.put(key, record::encode(after)),
        None => batch.delete(key),
    };
}

/// All drafts of a workflow, with whose they are, by name.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(store: &dyn Store, workflow: &WorkflowKey) -> Result<Vec<(String, Draft)>, StoreError> {
    let range = KeyRange::prefix(keys::drafts(workflow));
    let records = super::read_range(store, range, Order::Ascending, usize::MAX).await?.into_iter();
    records.map(|(key, draft)| owner_of(&key).map(|owner| (owner, draft))).collect()
}

fn owner_of(key: &[u8]) -> Result<String, StoreError> {
    let parsed = keys::parse_draft(key).map(|(_, owner)| owner);
    parsed.ok_or_else(|| StoreError::corrupt(Key::from(key), "it names no workflow and person"))
}

/// Removes drafts that nobody has touched for long; gives how many.
///
/// # Errors
/// The store's own.
pub async fn sweep(store: &dyn Store, now_ms: u64) -> Result<usize, StoreError> {
    let (mut range, mut swept) = (KeyRange::prefix(Kind::Draft.prefix()), 0);
    loop {
        let records: Vec<(Vec<u8>, Draft)> =
            super::read_range(store, range.clone(), Order::Ascending, AT_ONCE).await?;
        let Some((last, _)) = records.last() else { return Ok(swept) };
        range = range.after(last);
        let mut batch = Batch::new();
        for (key, draft) in records.iter().filter(|(_, draft)| draft.is_stale(now_ms)) {
            // It stays if it is saved in this moment.
            batch.delete_if(key.as_slice(), record::encode(draft));
            swept += 1;
        }
        if !batch.is_empty() {
            store.commit(batch).await?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    fn draft(text: &str, changed_ms: u64) -> Draft {
        let bundle = Bundle { workflow: text.to_owned(), files: Default::default() };
        Draft { base: None, bundle, changed_ms }
    }

    #[test]
    fn each_person_has_a_draft_of_their_own_which_goes_when_nobody_touches_it() {
        let store = MemoryStore::new();
        let key: WorkflowKey = "a".parse().unwrap();
        let save = |owner: &str, before: Option<&Draft>, after: Option<&Draft>| {
            let mut batch = Batch::new();
            replace(&mut batch, &key, owner, before, after);
            block_on(store.commit(batch))
        };
        let (old, new) = (draft("1", 5), draft("2", KEPT_MS));
        save("wei", None, Some(&old)).unwrap();
        save("ada", None, Some(&new)).unwrap();
        assert!(matches!(save("wei", None, Some(&new)), Err(StoreError::Conflict { .. })));
        let owners: Vec<_> =
            block_on(list(&store, &key)).unwrap().into_iter().map(|(name, _)| name).collect();
        assert_eq!(owners, ["ada", "wei"]);
        assert_ne!(old.tag(), new.tag());
        assert_eq!(old.tag(), Draft { changed_ms: 77, ..old.clone() }.tag(), "time alone is no change");
        assert_eq!(block_on(sweep(&store, KEPT_MS + 5)).unwrap(), 0);
        assert_eq!(block_on(sweep(&store, KEPT_MS + 6)).unwrap(), 1);
        assert_eq!(block_on(get(&store, &key, "wei")).unwrap(), None);
        save("ada", Some(&new), None).unwrap();
        assert_eq!(block_on(list(&store, &key)).unwrap(), []);
    }
}
