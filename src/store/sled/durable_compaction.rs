//! A compaction gives space back, changes nothing that is read, and may end at any moment.

use std::fs;

use super::{compact::Moment, durability::*, *};
use crate::store::testing::block_on;

/// Writes each commit to the tree, and compacts when that leaves anything to gain.
fn eager() -> Options {
    Options {
        compact_above: 1 << 20,
        compact_every: Duration::ZERO,
        checkpoint_bytes: 0,
        ..Options::default()
    }
}

fn key(n: u32) -> [u8; 5] {
    let [a, b, c, d] = n.to_be_bytes();
    [b'k', a, b, c, d]
}

/// Many keys come and go; few stay.
fn churn(store: &SledStore) -> Result<(), StoreError> {
    for n in 0..6_u32 {
        let mut batch = Batch::new();
        for key in (0..500).map(|k| key(n * 500 + k)) {
            batch.put(&key, vec![n as u8; 4_000]);
        }
        batch.put(b"large", vec![n as u8; 30_000]);
        block_on(store.commit(batch))?;
        store.checkpoint();
        let mut batch = Batch::new();
        for key in (0..499).map(|k| key(n * 500 + k)) {
            batch.delete(&key);
        }
        block_on(store.commit(batch))?;
        store.checkpoint();
    }
    // The old folder goes with the first checkpoint on the new one.
    put(store, b"round", vec![])?;
    store.checkpoint();
    Ok(())
}

#[test]
fn a_compaction_gives_space_back_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path(), &eager()).unwrap();
    for _ in 0..3 {
        churn(&store).unwrap();
        let map = all(&store).unwrap();
        assert_eq!(map.len(), 8);
        let tree = store.staging.live.db().size_on_disk().unwrap();
        assert!(tree < 8 << 20, "{tree} bytes, {:?}", store.stats());
    }
    let map = all(&store).unwrap();
    let states = || {
        let names = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("state")).collect::<Vec<_>>()
    };
    put(&store, b"last", vec![]).unwrap();
    store.checkpoint();
    drop(store);
    assert_eq!(states().len(), 1, "{:?}", states());
    assert_ne!(states(), ["state"], "it was never compacted");
    let store = open(folder.path()).unwrap();
    assert_eq!(all(&store).unwrap().len(), map.len() + 1);
    assert!(map.iter().all(|(key, value)| block_on(store.get(key)).unwrap().as_ref() == Some(value)));
}

#[test]
fn readers_and_writers_go_on_through_compactions() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path(), &eager()).unwrap();
    let kept: Vec<_> = (1_000_000..1_000_200).map(key).collect();
    kept.iter().for_each(|key| put(&store, key, key.to_vec()).unwrap());
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for order in [Order::Ascending, Order::Descending] {
            let (store, kept, done) = (&store, &kept, &done);
            scope.spawn(move || {
                while !done.load(Ordering::SeqCst) {
                    let range = KeyRange::prefix([b'k', 0, 15]);
                    assert_eq!(block_on(store.scan(range, order, 1_000)).unwrap().len(), kept.len());
                }
            });
        }
        for _ in 0..3 {
            churn(&store).unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(store.staging.live.db().size_on_disk().unwrap() < 8 << 20);
}

/// Ends at this moment, as a crash would: nothing is tidied up.
pub(super) fn crash_at(moment: Moment) -> Hook {
    fn end(at: Moment, moment: Moment) -> Result<(), StoreError> {
        let reason = "the test ends it here".to_owned();
        if at == moment { Err(StoreError::Failed { reason }) } else { Ok(()) }
    }
    match moment {
        Moment::Shelved => |moment| end(Moment::Shelved, moment),
        Moment::Merged => |moment| end(Moment::Merged, moment),
        Moment::Replaced => |moment| end(Moment::Replaced, moment),
        Moment::Dropped => |moment| end(Moment::Dropped, moment),
        Moment::Part => |moment| end(Moment::Part, moment),
        Moment::Written => |moment| end(Moment::Written, moment),
        Moment::Begun => |moment| end(Moment::Begun, moment),
        Moment::Copied => |moment| end(Moment::Copied, moment),
        Moment::Verified => |moment| end(Moment::Verified, moment),
        Moment::Named => |moment| end(Moment::Named, moment),
        Moment::Committed => |moment| end(Moment::Committed, moment),
    }
}

#[test]
fn a_crash_at_any_moment_of_a_compaction_leaves_a_store_that_opens() {
    for moment in [Moment::Begun, Moment::Copied, Moment::Verified, Moment::Named, Moment::Committed] {
        let folder = tempfile::tempdir().unwrap();
        let planted = Planted { hook: Some(crash_at(moment)), ..Planted::default() };
        let store = SledStore::open_with(folder.path(), &eager(), planted).unwrap();
        let mut acknowledged = Vec::new();
        let error = loop {
            let n = acknowledged.len() as u32;
            let mut batch = Batch::new();
            batch.put(b"count", n.to_be_bytes()).put(&key(n), vec![n as u8; 9_000]);
            if n > 3 {
                batch.delete(&key(n - 3));
            }
            match block_on(store.commit(batch)) {
                Ok(()) => acknowledged.push(n),
                Err(error) => break error,
            }
            assert!(n < 5_000, "{moment:?} never comes");
        };
        assert!(error.to_string().contains("the test ends it here"), "{error}");
        drop(store);
        for round in 0..2 {
            let store = open(folder.path()).unwrap_or_else(|error| panic!("{moment:?}: {error}"));
            let count = block_on(store.get(b"count")).unwrap().unwrap();
            let count = u32::from_be_bytes(count.try_into().unwrap());
            let last = *acknowledged.last().unwrap();
            // What was in flight may be there too.
            assert!(count == last || count == last + 1 || round > 0, "{moment:?}: {count} of {last}");
            assert!(block_on(store.get(&key(count))).unwrap().is_some());
            let states = fs::read_dir(folder.path()).unwrap();
            let states = states
                .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("state"));
            assert_eq!(states.count(), 1, "{moment:?}");
            put(&store, b"after", vec![1]).unwrap();
        }
    }
}

#[test]
fn a_missing_or_wrong_name_of_the_state_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path(), &eager()).unwrap();
    churn(&store).unwrap();
    drop(store);
    let current = folder.path().join("CURRENT");
    let good = fs::read(&current).unwrap();
    for bad in [&b""[..], b"state", b"state-1\n", b"state-999\n", b"../state\n", b"\xff\n", b"blobs\n"] {
        fs::write(&current, bad).unwrap();
        assert!(matches!(open(folder.path()), Err(StoreError::Corrupt { .. })), "{}", bad.escape_ascii());
    }
    fs::remove_file(&current).unwrap();
    assert!(matches!(open(folder.path()), Err(StoreError::Corrupt { .. })));
    fs::write(&current, good).unwrap();
    open(folder.path()).unwrap();
}
