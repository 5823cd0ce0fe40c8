//! Workflow versions by their hash, and which of them is current.
//!
//! A version is never changed or removed while a run may refer to it.

use sha2::{Digest, Sha256};

use crate::{
    model::{Bundle, VersionHash, WorkflowKey},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key, Kind},
        record::{self, Record},
    },
};

impl Record for Bundle {
    const KIND: &'static str = "workflow version";
    const VERSION: u8 = 1;
}

impl Record for VersionHash {
    const KIND: &'static str = "current version";
    const VERSION: u8 = 1;
}

/// SHA-256 over names and contents, each with its length before it, so that no two bundles share a text.
pub fn hash(bundle: &Bundle) -> VersionHash {
    let mut sha = Sha256::new();
    let mut add = |text: &str| {
        sha.update((text.len() as u64).to_be_bytes());
        sha.update(text);
    };
    add(&bundle.workflow);
    for (name, text) in &bundle.files {
        add(name);
        add(text);
    }
    VersionHash(sha.finalize().into())
}

/// Stores a version; gives its hash. The same bundle again changes nothing.
pub fn insert(batch: &mut Batch, bundle: &Bundle) -> VersionHash {
    let hash = hash(bundle);
    batch.put(keys::version(hash), record::encode(bundle));
    hash
}

/// A version by its hash.
///
/// # Errors
/// `Corrupt`, also when the bundle is not what the hash says.
pub async fn get(store: &dyn Store, version: VersionHash) -> Result<Option<Bundle>, StoreError> {
    let key = keys::version(version);
    let bundle = super::read(store, &key).await?;
    if bundle.as_ref().is_some_and(|bundle| hash(bundle) != version) {
        return Err(StoreError::corrupt(key, "its content does not match its hash"));
    }
    Ok(bundle)
}

/// Makes a version the one that new runs of the workflow begin with.
pub fn set_current(batch: &mut Batch, workflow: &WorkflowKey, version: VersionHash) {
    batch.put(keys::current(workflow), record::encode(&version));
}

/// The version that new runs begin with.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn current(store: &dyn Store, workflow: &WorkflowKey) -> Result<Option<VersionHash>, StoreError> {
    super::read(store, &keys::current(workflow)).await
}

/// All workflows with their current versions, by name.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list_current(store: &dyn Store) -> Result<Vec<(WorkflowKey, VersionHash)>, StoreError> {
    let range = KeyRange::prefix(Kind::Current.prefix());
    let records = super::read_range(store, range, Order::Ascending, usize::MAX).await?.into_iter();
    records
        .map(|(key, version)| {
            let name = std::str::from_utf8(&key[1..]).ok().and_then(|name| name.parse().ok());
            let name = name.ok_or_else(|| StoreError::corrupt(Key::from(&*key), "it names no workflow"))?;
            Ok((name, version))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    fn bundle(workflow: &str, files: &[(&str, &str)]) -> Bundle {
        let files =
            files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect::<BTreeMap<_, _>>();
        Bundle { workflow: workflow.to_owned(), files }
    }

    #[test]
    fn a_version_is_found_by_its_hash_and_stays_current_until_replaced() {
        let store = MemoryStore::new();
        let workflow: WorkflowKey = "a".parse().unwrap();
        let mut batch = Batch::new();
        let first = insert(&mut batch, &bundle("{}", &[("a.js", "1")]));
        let second = insert(&mut batch, &bundle("{}", &[("a.js", "2")]));
        set_current(&mut batch, &workflow, first);
        block_on(store.commit(batch)).unwrap();
        assert_eq!(block_on(current(&store, &workflow)).unwrap(), Some(first));
        let mut batch = Batch::new();
        set_current(&mut batch, &workflow, second);
        block_on(store.commit(batch)).unwrap();
        assert_eq!(block_on(list_current(&store)).unwrap(), [(workflow, second)]);
        assert_eq!(block_on(get(&store, first)).unwrap(), Some(bundle("{}", &[("a.js", "1")])));
        assert_eq!(block_on(get(&store, VersionHash([0; 32]))).unwrap(), None);
    }

    #[test]
    fn text_moved_between_files_changes_the_hash() {
        let hashes = [
            bundle("{}", &[("a", "bc")]),
            bundle("{}", &[("ab", "c")]),
            bundle("{}a", &[("", "bc")]),
            bundle("{}", &[("a", ""), ("bc", "")]),
        ]
        .map(|bundle| hash(&bundle));
        for (index, one) in hashes.iter().enumerate() {
            assert!(hashes[index + 1..].iter().all(|other| other != one));
        }
    }

    #[test]
    fn a_bundle_under_a_wrong_hash_is_damage() {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        batch.put(keys::version(VersionHash([1; 32])), record::encode(&bundle("{}", &[])));
        block_on(store.commit(batch)).unwrap();
        assert!(matches!(block_on(get(&store, VersionHash([1; 32]))), Err(StoreError::Corrupt { .. })));
    }
}
