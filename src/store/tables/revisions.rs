//! The revisions of each workflow: one for every change that was installed, numbered from 1. None is ever removed, and
//! neither are the versions that they name.

use serde::{Deserialize, Serialize};

use super::{
    homes::{self, Home, Origin, Place},
    stored_actor,
};
use crate::{
    model::{Actor, VersionHash, WorkflowKey},
    store::{
        Batch, KeyRange, Order, Store, StoreError, keys,
        record::{self, Record},
    },
};

/// One publication of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revision {
    /// Rises by one with each publication of the workflow, from 1.
    pub number: u64,
    pub version: VersionHash,
    /// When, milliseconds since the epoch.
    pub time_ms: u64,
    #[serde(with = "stored_actor")]
    pub by: Actor,
    pub source: homes::Source,
    /// For people; may be empty.
    pub note: String,
    /// The revision before; `None` for the first.
    pub parent: Option<u64>,
}

impl Record for Revision {
    const KIND: &'static str = "revision";
    const VERSION: u8 = 1;
}

/// Adds the next revision; gives it and the home that names it. `before` is the home as it was read, and `None` when the key is free:
/// then it gets its home at `place`. When another revision came first, the batch is a conflict.
pub fn append(
    batch: &mut Batch,
    workflow: &WorkflowKey,
    before: Option<&Home>,
    place: Place,
    version: VersionHash,
    origin: Origin,
    time_ms: u64,
) -> (Home, Revision) {
    let parent = before.map(|home| home.revision).filter(|&number| number > 0);
    let Origin { by, source, note } = origin;
    let number = parent.unwrap_or(0) + 1;
    let revision = Revision { number, version, time_ms, by, source, note, parent };
    let home = Home {
        place,
        revision: number,
        version,
        off: before.and_then(|home| home.off.clone()),
        pending: None,
        left_folder: before.is_some_and(|home| home.left_folder) && place == Place::Server,
    };
    homes::replace(batch, workflow, before, &home);
    let key = keys::revision(workflow, number);
    batch.expect_absent(key.clone());
    batch.put(key, record::encode(&revision));
    (home, revision)
}

/// One revision.
///
/// # Errors
/// `StoreError::Corrupt` when the stored value cannot be read.
pub async fn get(
    store: &dyn Store,
    workflow: &WorkflowKey,
    number: u64,
) -> Result<Option<Revision>, StoreError> {
    super::read(store, &keys::revision(workflow, number)).await
}

/// Revisions of a workflow, newest first, from before the number.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(
    store: &dyn Store,
    workflow: &WorkflowKey,
    before: Option<u64>,
    limit: usize,
) -> Result<Vec<Revision>, StoreError> {
    let mut range = KeyRange::prefix(keys::revisions(workflow));
    if let Some(before) = before {
        range = range.before(keys::revision(workflow, before));
    }
    let records = super::read_range(store, range, Order::Descending, limit).await?;
    Ok(records.into_iter().map(|(_, revision)| revision).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    fn origin(note: &str) -> Origin {
        Origin { by: Actor::Folder, source: homes::Source::Folder, note: note.to_owned() }
    }

    #[test]
    fn numbers_rise_by_one_and_two_publications_of_one_base_do_not_both_count() {
        let store = MemoryStore::new();
        let key: WorkflowKey = "a".parse().unwrap();
        let add = |before: Option<&Home>, byte: u8| {
            let mut batch = Batch::new();
            let version = VersionHash([byte; 32]);
            let added = append(&mut batch, &key, before, Place::Folder, version, origin("n"), 7);
            block_on(store.commit(batch)).map(|()| added.0)
        };
        let first = add(None, 1).unwrap();
        let second = add(Some(&first), 2).unwrap();
        assert!(matches!(add(Some(&first), 3), Err(StoreError::Conflict { .. })));
        assert!(matches!(add(None, 3), Err(StoreError::Conflict { .. })));
        add(Some(&second), 1).unwrap();
        // Another workflow whose key begins alike has its own numbers.
        let mut batch = Batch::new();
        let other: WorkflowKey = "a-b".parse().unwrap();
        append(&mut batch, &other, None, Place::Server, VersionHash([9; 32]), origin(""), 8);
        block_on(store.commit(batch)).unwrap();
        let listed = block_on(list(&store, &key, None, 9)).unwrap();
        let short: Vec<_> = listed.iter().map(|it| (it.number, it.version.0[0], it.parent)).collect();
        assert_eq!(short, [(3, 1, Some(2)), (2, 2, Some(1)), (1, 1, None)]);
        let before = block_on(list(&store, &key, Some(3), 1)).unwrap();
        assert_eq!(before.iter().map(|it| it.number).collect::<Vec<_>>(), [2]);
        assert_eq!(block_on(get(&store, &key, 2)).unwrap().as_ref(), Some(&listed[1]));
        assert_eq!(block_on(get(&store, &key, 4)).unwrap(), None);
    }
}
