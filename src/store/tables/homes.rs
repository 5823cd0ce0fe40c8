//! Where each workflow is kept, and its newest revision.
//!
//! The record of a key is what a publication compares and sets: whoever commits a revision has read the one before.

use serde::{Deserialize, Serialize};

use super::stored_actor;
use crate::{
    model::{Actor, VersionHash, WorkflowKey},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key, Kind},
        record::{self, Record},
    },
};

/// Where a workflow is kept. What runs is what its home says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// Its files stand below the server's folder of workflows.
    Folder,
    /// Its bundle is in the store alone.
    Server,
}

/// From where a publication came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    Console,
    Api,
    Cli,
    /// Files were changed on the disk.
    Folder,
    /// An older version was published again.
    Rollback,
    Import,
}

/// Somebody switched a workflow off, and changed none of its files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Off {
    #[serde(with = "stored_actor")]
    pub by: Actor,
    /// When, milliseconds since the epoch.
    pub time_ms: u64,
}

/// Files that are being written. It is there before the first of them changes, and goes with the last: so the next start
/// finishes what a crash cut off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The version that the folder had; `None` when there was no folder.
    pub base: Option<VersionHash>,
    /// The version that it gets. Both are in the store.
    pub version: VersionHash,
    pub origin: Origin,
}

/// Who publishes what from where, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    #[serde(with = "stored_actor")]
    pub by: Actor,
    pub source: Source,
    /// For people; may be empty.
    pub note: String,
}

/// What is kept about the home of a workflow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Home {
    pub place: Place,
    /// The number of its newest revision; 0 before the first.
    pub revision: u64,
    /// The version of that revision.
    pub version: VersionHash,
    /// Whether it answers nothing although its files say otherwise.
    pub off: Option<Off>,
    pub pending: Option<Pending>,
    /// Whether its folder was left behind when it moved to the server, so that the folder is no claim to its key.
    pub left_folder: bool,
}

impl Record for Home {
    const KIND: &'static str = "home";
    const VERSION: u8 = 1;
}

/// The home of a workflow.
///
/// # Errors
/// `StoreError::Corrupt` when the stored value cannot be read.
pub async fn get(store: &dyn Store, workflow: &WorkflowKey) -> Result<Option<Home>, StoreError> {
    super::read(store, &keys::home(workflow)).await
}

/// All homes, by the key of the workflow.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(store: &dyn Store) -> Result<Vec<(WorkflowKey, Home)>, StoreError> {
    let range = KeyRange::prefix(Kind::Home.prefix());
    let records = super::read_range(store, range, Order::Ascending, usize::MAX).await?.into_iter();
    records
        .map(|(key, home)| {
            let name = std::str::from_utf8(&key[1..]).ok().and_then(|name| name.parse().ok());
            let name = name.ok_or_else(|| StoreError::corrupt(Key::from(&*key), "it names no workflow"))?;
            Ok((name, home))
        })
        .collect()
}

/// Replaces the record, if it still is what was read; else the batch is a conflict.
pub fn replace(batch: &mut Batch, workflow: &WorkflowKey, before: Option<&Home>, after: &Home) {
    let key = keys::home(workflow);
    match before {
        Some(before) => batch.expect_equals(key.clone(), record::encode(before)),
        None => batch.expect_absent(key.clone()),
    };
    batch.put(key, record::encode(after));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    fn home(place: Place) -> Home {
        let by = Actor::Person { name: "wei".parse().unwrap() };
        let origin = Origin { by: by.clone(), source: Source::Console, note: "why".to_owned() };
        let pending = Pending { base: None, version: VersionHash([2; 32]), origin };
        Home {
            place,
            revision: 3,
            version: VersionHash([1; 32]),
            off: Some(Off { by, time_ms: 9 }),
            pending: Some(pending),
            left_folder: true,
        }
    }

    #[test]
    fn a_home_is_replaced_only_by_who_has_read_it() {
        let store = MemoryStore::new();
        let key: WorkflowKey = "a".parse().unwrap();
        let (first, second) = (home(Place::Folder), home(Place::Server));
        let set = |before: Option<&Home>, after: &Home| {
            let mut batch = Batch::new();
            replace(&mut batch, &key, before, after);
            block_on(store.commit(batch))
        };
        set(None, &first).unwrap();
        assert!(matches!(set(None, &second), Err(StoreError::Conflict { .. })));
        set(Some(&first), &second).unwrap();
        assert!(matches!(set(Some(&first), &first), Err(StoreError::Conflict { .. })));
        assert_eq!(block_on(get(&store, &key)).unwrap().as_ref(), Some(&second));
        assert_eq!(block_on(list(&store)).unwrap(), [(key, second)]);
    }
}
