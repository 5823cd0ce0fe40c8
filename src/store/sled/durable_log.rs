//! What the log must do: give everything back that was acknowledged, find damage, survive a crash at any moment.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use tempfile::TempDir;

use super::{durability::*, durable_compaction::crash_at, moment::Moment, *};
use crate::store::{Key, testing::block_on};

/// The number of commits, in the store that they are about.
const COUNT: &[u8] = b"count";

fn key(n: u64) -> Vec<u8> {
    [b"k", &n.to_be_bytes()[..]].concat()
}

/// The commit with this number, and what it does to a map: keys come, change, end and go, some values are large.
fn commit(n: u64, map: &mut Map) -> Batch {
    let mut random = ChaCha8Rng::seed_from_u64(n);
    let mut batch = Batch::new();
    let mut put = |key: Vec<u8>, value: Vec<u8>| {
        batch.put(key.clone(), value.clone());
        map.insert(key, value);
    };
    put(COUNT.to_vec(), n.to_be_bytes().to_vec());
    for _ in 0..1 + random.next_u32() % 4 {
        let size = if random.next_u32().is_multiple_of(15) { 20_000 } else { random.next_u32() % 900 };
        put(key(random.next_u64() % 50), vec![n as u8; size as usize]);
    }
    // Of another family, so that nothing is written again that has ended.
    put(key(1_000 + n), vec![n as u8; 300]);
    let gone = key(random.next_u64() % 50);
    batch.delete(gone.clone());
    map.remove(&gone);
    let keys = (n.saturating_sub(2)..=n).filter(|n| !n.is_multiple_of(3)).map(|n| Key::from(key(1_000 + n)));
    batch.settle(Settled { keys: keys.collect(), expires_ms: 1_000 * n, ..Settled::default() }, 0);
    batch
}

/// A store with so many commits, as a crash leaves it: none of them is in the tree. With the map after each of them.
fn crashed(commits: u64) -> (TempDir, Vec<Map>) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut maps = vec![Map::new()];
    for n in 1..=commits {
        let mut map = maps.last().unwrap().clone();
        block_on(store.commit(commit(n, &mut map))).unwrap();
        maps.push(map);
    }
    (copy(folder.path()), maps)
}

fn count(map: &Map) -> usize {
    map.get(COUNT).map_or(0, |bytes| u64::from_be_bytes(bytes.as_slice().try_into().unwrap()) as usize)
}

fn segment(folder: &Path) -> PathBuf {
    files(&folder.join("log")).remove(0)
}

fn set_watermark(folder: &Path, number: u64) {
    Watermark::open(&folder.join("watermark")).unwrap().0.write(number).unwrap();
}

#[test]
fn a_crash_loses_nothing_that_was_acknowledged_and_so_does_the_next_one() {
    let (folder, maps) = crashed(80);
    let mut folder = folder;
    for _ in 0..3 {
        let store = open(folder.path()).unwrap();
        assert!(all(&store).unwrap() == maps[80]);
        // Before any checkpoint, too.
        folder = copy(folder.path());
    }
    let store = open(folder.path()).unwrap();
    put(&store, b"after", vec![1]).unwrap();
    store.checkpoint();
    let copied = copy(folder.path());
    drop(store);
    for folder in [folder, copied] {
        let mut map = all(&open(folder.path()).unwrap()).unwrap();
        assert_eq!(map.remove(&b"after"[..]), Some(vec![1]));
        assert!(map == maps[80]);
    }
}

#[test]
fn after_a_power_cut_at_any_byte_of_the_log_whole_commits_are_there_up_to_some_moment() {
    let (folder, maps) = crashed(60);
    let whole = fs::read(segment(folder.path())).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut random = ChaCha8Rng::seed_from_u64(3);
    let mut seen = std::collections::BTreeSet::new();
    for round in 0..60 {
        let at = 4096 + random.next_u64() as usize % (used - 4096);
        let cut = copy(folder.path());
        // The watermark is not synced with each commit, so it may lag behind.
        let answered = random.next_u64() % 60;
        set_watermark(cut.path(), answered);
        let mut bytes = whole.clone();
        // Sectors that the disk did not come to: the rest, or any of the rest.
        if round % 2 == 0 {
            bytes[at..].fill(0);
        } else {
            let sectors = bytes[at.next_multiple_of(512).min(used)..].chunks_mut(512).take(1 + used / 512);
            sectors.filter(|_| random.next_u32().is_multiple_of(2)).for_each(|sector| sector.fill(0));
        }
        fs::write(segment(cut.path()), bytes).unwrap();
        match open(cut.path()) {
            Ok(store) => {
                let map = all(&store).unwrap();
                let n = count(&map);
                assert!(n as u64 >= answered, "{n} of {answered} that were answered");
                assert!(map == maps[n], "half of commit {n} is there");
                seen.insert(n);
                put(&store, b"after", vec![1]).unwrap();
            }
            Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{error}"),
        }
    }
    assert!(seen.len() > 5, "{seen:?}");
}

#[test]
fn damage_in_the_log_is_refused_or_harmless() {
    let (folder, maps) = crashed(60);
    let path = segment(folder.path());
    let whole = fs::read(&path).unwrap();
    let used = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    let mut random = ChaCha8Rng::seed_from_u64(11);
    let mut refused = 0;
    for _ in 0..60 {
        let at = 4096 + random.next_u64() as usize % (used - 4096);
        let damaged = copy(folder.path());
        let mut bytes = whole.clone();
        bytes[at] ^= 1 << (random.next_u32() % 8);
        fs::write(segment(damaged.path()), bytes).unwrap();
        match open(damaged.path()) {
            Ok(store) => assert!(all(&store).unwrap() == maps[60], "silently changed by byte {at}"),
            Err(error) => {
                assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
                refused += 1;
            }
        }
    }
    assert!(refused > 50, "{refused}");
    fs::remove_file(&path).unwrap();
    let error = open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("commit 0 of 60"), "{error}");
}

#[test]
fn a_large_value_that_the_log_refers_to_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    put(&store, b"large", vec![7; 50_000]).unwrap();
    let crashed = copy(folder.path());
    assert_eq!(block_on(open(crashed.path()).unwrap().get(b"large")).unwrap(), Some(vec![7; 50_000]));
    fs::remove_file(files(&crashed.path().join("blobs")).remove(0)).unwrap();
    assert!(matches!(open(crashed.path()), Err(StoreError::Corrupt { .. })));
}

#[test]
fn the_file_of_a_large_value_goes_no_sooner_than_its_end_is_durable() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut maps = Map::new();
    for n in 0..12_u8 {
        put(&store, b"large", vec![n; 30_000]).unwrap();
        maps.insert(b"large".to_vec(), vec![n; 30_000]);
        if n % 3 == 1 {
            store.checkpoint();
        }
        // Whatever was removed, what a crash finds is whole.
        assert!(all(&open(copy(folder.path()).path()).unwrap()).unwrap() == maps, "{n}");
    }
    store.checkpoint();
    store.checkpoint();
    assert_eq!(files(&folder.path().join("blobs")).len(), 1);
}

#[test]
fn a_crash_at_any_moment_of_a_checkpoint_changes_nothing() {
    for moment in [Moment::Part, Moment::Written] {
        let folder = tempfile::tempdir().unwrap();
        let mut map = Map::new();
        // Some of it in the tree already, so that the parts replace and remove.
        let store = open(folder.path()).unwrap();
        for n in 0..1_200_u32 {
            map.insert(n.to_be_bytes().to_vec(), vec![1; 300]);
        }
        let mut batch = Batch::new();
        for (key, value) in &map {
            batch.put(key.clone(), value.clone());
        }
        block_on(store.commit(batch)).unwrap();
        drop(store);
        let planted = Planted { hook: Some(crash_at(moment)), ..Planted::default() };
        let store = SledStore::open_with(folder.path(), &Options::default(), planted).unwrap();
        let mut batch = Batch::new();
        for n in (0..1_200_u32).step_by(2) {
            batch.put(&n.to_be_bytes(), vec![2; 200]);
            map.insert(n.to_be_bytes().to_vec(), vec![2; 200]);
        }
        for n in (1..1_200_u32).step_by(4) {
            batch.delete(&n.to_be_bytes());
            map.remove(&n.to_be_bytes()[..]);
        }
        block_on(store.commit(batch)).unwrap();
        store.checkpoint();
        assert!(block_on(store.failed()).to_string().contains("the test ends it here"));
        drop(store);
        for _ in 0..2 {
            let store = open(folder.path()).unwrap_or_else(|error| panic!("{moment:?}: {error}"));
            assert!(all(&store).unwrap() == map, "{moment:?}");
            put(&store, &0_u32.to_be_bytes(), vec![3]).unwrap();
            map.insert(0_u32.to_be_bytes().to_vec(), vec![3]);
        }
    }
}

#[test]
fn a_key_that_comes_and_goes_between_two_checkpoints_never_reaches_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    put(&store, b"first", vec![1]).unwrap();
    store.checkpoint();
    let before = store.staging.live.db().len();
    for n in 0..300 {
        let mut batch = Batch::new();
        batch.expect_absent(key(n)).put(key(n), vec![1; 100]);
        block_on(store.commit(batch)).unwrap();
        let keys = vec![Key::from(key(n))];
        if n % 3 == 0 {
            block_on(store.settle(vec![Settled { keys, expires_ms: 86_400_000, ..Settled::default() }]))
                .unwrap();
        } else {
            let mut batch = Batch::new();
            batch.delete(key(n));
            block_on(store.commit(batch)).unwrap();
        }
    }
    assert_eq!(store.staging.live_bytes(), 0, "bytes of nothing");
    store.checkpoint();
    // The note on the shelf.
    assert_eq!(store.staging.live.db().len(), before + 1);
    assert_eq!(all(&store).unwrap().len(), 101);
}

#[test]
fn a_checkpoint_frees_the_log_and_the_next_start_reads_little() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { checkpoint_bytes: 1 << 20, ..Options::default() };
    let store = SledStore::open(folder.path(), &options).unwrap();
    let mut map = Map::new();
    let (mut most_log, mut most_table) = (0, 0);
    for n in 0..800_u64 {
        let mut batch = Batch::new();
        for n in n * 25..n * 25 + 25 {
            let (key, value) = (key(n % 700), vec![n as u8; 4_000]);
            batch.put(key.clone(), value.clone());
            map.insert(key, value);
        }
        while let Err(error) = block_on(store.commit(batch.clone())) {
            assert!(matches!(error, StoreError::Busy), "{error}");
            std::thread::sleep(Duration::from_millis(1));
        }
        most_log = most_log.max(store.log_size.load(Ordering::Relaxed));
        most_table = most_table.max(store.staging.live_bytes());
    }
    // 80 MB were written.
    assert!(most_log < 60 << 20 && most_table < 20 << 20, "{most_log} bytes of log, {most_table} of tables");
    store.checkpoint();
    assert!(all(&open(copy(folder.path()).path()).unwrap()).unwrap() == map);
}

#[test]
fn a_store_of_the_format_before_the_log_is_taken_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut map = Map::new();
    for n in 1..=40 {
        block_on(store.commit(commit(n, &mut map))).unwrap();
    }
    drop(store);
    // As it was: everything in the tree, no log.
    fs::remove_dir_all(folder.path().join("log")).unwrap();
    fs::write(folder.path().join("FORMAT"), "flowcell-store 2\n").unwrap();
    let upgraded = copy(folder.path());
    for n in 0..3_u8 {
        let store = open(upgraded.path()).unwrap();
        assert!(all(&store).unwrap() == map);
        put(&store, &[b'm', n], vec![n]).unwrap();
        map.insert(vec![b'm', n], vec![n]);
    }
    assert_eq!(fs::read_to_string(upgraded.path().join("FORMAT")).unwrap(), "flowcell-store 5\n");
    // Fewer commits than were answered are refused as before.
    set_watermark(folder.path(), 41);
    assert!(matches!(open(folder.path()), Err(StoreError::Corrupt { .. })));
}

#[test]
fn expectations_hold_and_nobody_waits_for_ever_while_checkpoints_run() {
    const THREADS: usize = 4;
    let folder = tempfile::tempdir().unwrap();
    let options = Options { checkpoint_bytes: 4 << 10, ..Options::default() };
    let store = SledStore::open(folder.path(), &options).unwrap();
    put(&store, COUNT, 0_u64.to_be_bytes().to_vec()).unwrap();
    let (taken, added) = (AtomicBool::new(false), AtomicU64::new(0));
    let number = |bytes: Option<Vec<u8>>| u64::from_be_bytes(bytes.unwrap().try_into().unwrap());
    let busy_again = |batch: &Batch| loop {
        match block_on(store.commit(batch.clone())) {
            Err(StoreError::Busy) => std::thread::sleep(Duration::from_millis(1)),
            result => return result,
        }
    };
    std::thread::scope(|scope| {
        for thread in 0..THREADS as u64 {
            let (store, taken, added, busy_again) = (&store, &taken, &added, &busy_again);
            scope.spawn(move || {
                for round in 0..150 {
                    // One lock for all: whoever finds no key has it.
                    let mut batch = Batch::new();
                    batch.expect_absent(b"lock".as_slice()).put(b"lock", thread.to_be_bytes());
                    match busy_again(&batch) {
                        Ok(()) => {
                            assert!(!taken.swap(true, Ordering::SeqCst), "two have the lock");
                            std::thread::yield_now();
                            assert!(taken.swap(false, Ordering::SeqCst));
                            let mut batch = Batch::new();
                            batch.expect_equals(b"lock".as_slice(), thread.to_be_bytes()).delete(b"lock");
                            busy_again(&batch).unwrap();
                        }
                        Err(error) => assert!(matches!(error, StoreError::Conflict { .. }), "{error}"),
                    }
                    // A counter: each addition counts once.
                    let now = block_on(store.get(COUNT)).unwrap();
                    let mut batch = Batch::new();
                    batch
                        .expect_equals(COUNT, now.clone().unwrap())
                        .put(COUNT, (number(now) + 1).to_be_bytes());
                    batch.put(key(thread * 1_000 + round), vec![thread as u8; 700]);
                    match busy_again(&batch) {
                        Ok(()) => drop(added.fetch_add(1, Ordering::SeqCst)),
                        Err(error) => assert!(matches!(error, StoreError::Conflict { .. }), "{error}"),
                    }
                    let mut batch = Batch::new();
                    batch
                        .put(&[b'z', thread as u8, round as u8], vec![1; 300])
                        .delete_prefix(&[b'z', thread as u8]);
                    block_on(store.commit_lazily(batch)).unwrap();
                }
            });
        }
    });
    let added = added.into_inner();
    assert_eq!(number(block_on(store.get(COUNT)).unwrap()), added);
    block_on(store.commit(Batch::new())).unwrap();
    let keys = |store: &dyn Store| {
        block_on(store.scan(KeyRange::prefix(b"k"), Order::Ascending, usize::MAX)).unwrap()
    };
    assert_eq!(keys(&store).len() as u64, added);
    assert!(block_on(store.scan(KeyRange::prefix(b"z"), Order::Ascending, 1)).unwrap().is_empty());
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(keys(&store).len() as u64, added);
    assert_eq!(number(block_on(store.get(COUNT)).unwrap()), added);
}
