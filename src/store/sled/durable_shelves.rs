//! What shelves must do beside what the history promised before: survive a crash at any moment of their making, merging and
//! dropping, stay few, and take over what the format before left.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::{durability::*, durable_compaction::crash_at, moment::Moment, *};
use crate::store::{Key, testing::block_on};

const DAY: u64 = 86_400_000;

fn key(n: u32) -> Vec<u8> {
    [b"k", &n.to_be_bytes()[..]].concat()
}

/// Some are large.
fn value(n: u32) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(15) { 20_000 } else { n as usize % 900 }]
}

fn settle(store: &dyn Store, numbers: std::ops::Range<u32>, day: u64) -> Result<(), StoreError> {
    let keys = numbers.map(|n| Key::from(key(n))).collect();
    block_on(store.settle(vec![Settled { keys, expires_ms: day * DAY, ..Settled::default() }]))
}

fn fill(store: &dyn Store, numbers: std::ops::Range<u32>, map: &mut Map) {
    let mut batch = Batch::new();
    for n in numbers {
        batch.put(key(n), value(n));
        map.insert(key(n), value(n));
    }
    block_on(store.commit(batch)).unwrap();
}

fn shelves(folder: &Path) -> Vec<PathBuf> {
    let all = files(&folder.join("history")).into_iter();
    all.filter(|file| file.extension().is_some_and(|name| name == "shelf")).collect()
}

fn noted(store: &SledStore) -> usize {
    store.history.all().len()
}

/// Waits until the archivist has merged what is due.
fn until_merged(store: &SledStore) {
    for _ in 0..2_000 {
        // A task makes it look.
        block_on(store.drop_expired(0)).unwrap();
        if noted(store) <= 8 {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{} shelves are never merged", noted(store));
}

#[test]
fn a_run_that_began_and_ended_between_two_checkpoints_never_reaches_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut map = Map::new();
    for first in (0..200).step_by(20) {
        fill(&store, first..first + 20, &mut map);
        settle(&store, first..first + 20, 1 + u64::from(first % 3)).unwrap();
    }
    assert_eq!((store.staging.live_bytes(), store.stats().buckets), (0, 3));
    assert!(all(&store).unwrap() == map);
    store.checkpoint();
    // The counters, and a note for each of the three shelves.
    assert_eq!((store.staging.live.db().len(), shelves(folder.path()).len()), (4, 3));
    assert!(all(&store).unwrap() == map);
    drop(store);
    assert!(all(&open(folder.path()).unwrap()).unwrap() == map);
}

#[test]
fn a_move_is_there_after_a_crash_before_and_after_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut map = Map::new();
    // In the tree, in the table, and both.
    fill(&store, 0..60, &mut map);
    store.checkpoint();
    fill(&store, 40..100, &mut map);
    settle(&store, 20..80, 3).unwrap();
    let mut crashed = copy(folder.path());
    for _ in 0..2 {
        let store = open(crashed.path()).unwrap();
        assert!(all(&store).unwrap() == map);
        let mut batch = Batch::new();
        batch.expect_absent(key(30)).expect_absent(key(70)).expect_equals(key(85), value(85));
        block_on(store.commit(batch)).unwrap();
        crashed = copy(crashed.path());
    }
    store.checkpoint();
    let crashed = copy(folder.path());
    for store in [store, open(crashed.path()).unwrap()] {
        assert!(all(&store).unwrap() == map);
        assert_eq!(block_on(store.drop_expired(3 * DAY)).unwrap(), 1);
        assert_eq!(all(&store).unwrap().len(), 40);
    }
}

/// Ends a store at a moment; gives what it acknowledged.
fn ended_at(folder: &TempDir, moment: Moment, work: impl Fn(&SledStore, &mut Map)) -> Map {
    let mut map = Map::new();
    let store = open(folder.path()).unwrap();
    // Some of it in shelves, in one bucket as many as may be, and some in the tree.
    fill(&store, 0..300, &mut map);
    settle(&store, 0..40, 1).unwrap();
    for first in (40..80).step_by(5) {
        settle(&store, first..first + 5, 2).unwrap();
        store.checkpoint();
    }
    drop(store);
    let planted = Planted { hook: Some(crash_at(moment)), ..Planted::default() };
    let store = SledStore::open_with(folder.path(), &Options::default(), planted).unwrap();
    work(&store, &mut map);
    let error = block_on(store.failed()).to_string();
    assert!(error.contains("the test ends it here"), "{moment:?}: {error}");
    drop(store);
    map
}

/// What is there is right, also after more of the same.
fn goes_on(folder: &Path, moment: Moment, mut map: Map) {
    for round in 0..3_u32 {
        let store = open(folder).unwrap_or_else(|error| panic!("{moment:?}: {error}"));
        assert!(all(&store).unwrap() == map, "{moment:?}, {round}: {} keys", map.len());
        let first = 1_000 + round * 10;
        fill(&store, first..first + 10, &mut map);
        settle(&store, first..first + 9, 1 + u64::from(round)).unwrap();
        assert!(all(&store).unwrap() == map, "{moment:?}, {round}");
        let history = Arc::clone(&store.history);
        drop(store);
        assert_eq!(shelves(folder).len(), history.all().len(), "{moment:?}: what nobody needs is removed");
    }
}

#[test]
fn a_crash_at_any_moment_of_the_making_of_shelves_changes_nothing() {
    for moment in [Moment::Shelved, Moment::Part, Moment::Written] {
        let folder = tempfile::tempdir().unwrap();
        let map = ended_at(&folder, moment, |store, map| {
            fill(store, 250..1_000, map);
            // From the tree, from the table, into buckets that are there and a new one.
            for (range, day) in [(80..200, 1), (240..320, 2), (300..500, 5)] {
                settle(store, range, day).unwrap();
            }
            store.checkpoint();
        });
        goes_on(folder.path(), moment, map);
    }
}

#[test]
fn a_crash_at_any_moment_of_a_merge_changes_nothing() {
    for moment in [Moment::Merged, Moment::Replaced] {
        let folder = tempfile::tempdir().unwrap();
        let map = ended_at(&folder, moment, |store, map| {
            // Some of it is in another shelf already.
            fill(store, 70..90, map);
            settle(store, 70..90, 2).unwrap();
            store.checkpoint();
            // From here on there is one too many, so nothing else is done.
        });
        goes_on(folder.path(), moment, map);
    }
}

#[test]
fn a_crash_while_buckets_are_dropped_drops_them() {
    let folder = tempfile::tempdir().unwrap();
    let mut map = ended_at(&folder, Moment::Dropped, |store, map| {
        fill(store, 300..320, map);
        settle(store, 300..320, 1).unwrap();
        assert!(block_on(store.drop_expired(DAY)).is_err());
    });
    // What was in files has gone, and what was in the table alone is there again: nobody was told of either.
    map.retain(|key, _| !(0..40).any(|n| *key == self::key(n)));
    goes_on(folder.path(), Moment::Dropped, map);
}

#[test]
fn a_bucket_that_was_dropped_stays_so_after_a_crash() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut map = Map::new();
    fill(&store, 0..90, &mut map);
    settle(&store, 0..30, 1).unwrap();
    store.checkpoint();
    settle(&store, 30..60, 1).unwrap();
    assert_eq!(block_on(store.drop_expired(DAY)).unwrap(), 1);
    // What moves to it from now on is of another bucket of that name.
    settle(&store, 60..70, 1).unwrap();
    map.retain(|key, _| *key >= self::key(60));
    assert!(all(&store).unwrap() == map);
    assert!(all(&open(copy(folder.path()).path()).unwrap()).unwrap() == map);
    store.checkpoint();
    assert!(all(&store).unwrap() == map);
    assert_eq!(shelves(folder.path()).len(), 1);
    assert!(all(&open(copy(folder.path()).path()).unwrap()).unwrap() == map);
}

#[test]
fn buckets_are_dropped_also_when_the_checkpoint_behind_it_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let map = ended_at(&folder, Moment::Shelved, |store, _| {
        assert!(block_on(store.drop_expired(2 * DAY)).is_err());
    });
    assert_eq!(map.len(), 300);
    until_gone(&folder.path().join("history"));
    assert_eq!(all(&open(folder.path()).unwrap()).unwrap().len(), 220);
}

#[test]
fn many_shelves_of_a_bucket_become_few_and_hold_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut map = Map::new();
    for round in 0..40_u32 {
        fill(&store, round * 10..round * 10 + 10, &mut map);
        settle(&store, round * 10..round * 10 + 10, 1).unwrap();
        // Each with another value of the same key: the last one counts.
        let mut batch = Batch::new();
        batch.put(b"again", vec![round as u8; 3_000]);
        map.insert(b"again".to_vec(), vec![round as u8; 3_000]);
        block_on(store.commit(batch)).unwrap();
        let keys = vec![Key::from(b"again")];
        block_on(store.settle(vec![Settled { keys, expires_ms: DAY, ..Settled::default() }])).unwrap();
        store.checkpoint();
        assert_eq!(block_on(store.get(b"again")).unwrap().unwrap()[0], round as u8);
        assert!(round % 9 > 0 || all(&store).unwrap() == map, "{round}");
    }
    until_merged(&store);
    assert!(all(&store).unwrap() == map);
    assert!(shelves(folder.path()).len() <= 9, "{:?}", shelves(folder.path()));
    drop(store);
    assert!(all(&open(folder.path()).unwrap()).unwrap() == map);
}

#[test]
fn a_backup_is_whole_while_what_it_reads_is_merged_and_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut map = Map::new();
    for round in 0..12_u32 {
        fill(&store, round * 30..round * 30 + 30, &mut map);
        settle(&store, round * 30..round * 30 + 20, 1 + u64::from(round % 2)).unwrap();
        store.checkpoint();
    }
    let backup = block_on(async {
        let (mut stream, mut bytes) = (store.backup().await.unwrap(), Vec::new());
        for round in 12..30_u32 {
            fill_async(&store, round).await;
            store.drop_expired(0).await.unwrap();
        }
        store.drop_expired(2 * DAY).await.unwrap();
        while let Some(piece) = stream.recv().await {
            bytes.extend(piece.unwrap());
        }
        bytes
    });
    assert_eq!(noted(&store), 0);
    let place = tempfile::tempdir().unwrap();
    let place = place.path().join("store");
    let contents = SledStore::restore(&backup[..], &place, Trust::Anyone).unwrap();
    assert_eq!((contents.live, contents.history, contents.buckets), (120, 240, 2));
    assert!(all(&open(&place).unwrap()).unwrap() == map);
    // Nobody reads them any more.
    until_gone(&folder.path().join("history"));
}

async fn fill_async(store: &SledStore, round: u32) {
    let mut batch = Batch::new();
    batch.put(key(round * 30), value(round * 30));
    store.commit(batch).await.unwrap();
    let keys = vec![Key::from(key(round * 30))];
    store.settle(vec![Settled { keys, expires_ms: DAY, ..Settled::default() }]).await.unwrap();
}

fn until_gone(history: &Path) {
    for _ in 0..1_000 {
        if fs::read_dir(history).unwrap().count() == 0 {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{:?} stays", files(history));
}

/// What the format before left: a store as a crash left it, of which some is in the log alone, and a backup of it.
fn of_format_3() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let packed = &include_bytes!("format-3.tar.gz")[..];
    tar::Archive::new(flate2::read::GzDecoder::new(packed)).unpack(folder.path()).unwrap();
    folder
}

fn map_of_format_3() -> Map {
    let value = |n: u32| vec![n as u8; if n.is_multiple_of(40) { 20_000 } else { n as usize * 7 }];
    let mut map: Map = (0..200).map(|n| (key(n), value(n))).collect();
    map.insert(key(60), b"again".to_vec());
    map.insert(key(130), b"live again".to_vec());
    map
}

#[test]
fn a_history_of_the_format_before_is_read_until_it_expires() {
    let place = of_format_3();
    let folder = place.path().join("store");
    let mut map = map_of_format_3();
    let buckets = || {
        let names = fs::read_dir(folder.join("history")).unwrap();
        let mut names: Vec<_> =
            names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    };
    for round in 0..3 {
        let store = open(&folder).unwrap();
        assert!(all(&store).unwrap() == map, "{round}");
        assert_eq!(store.stats().buckets, 2);
        assert!(map.iter().all(|(key, value)| block_on(store.get(key)).unwrap().as_ref() == Some(value)));
    }
    assert_eq!(fs::read_to_string(folder.join("FORMAT")).unwrap(), "flowcell-store 5\n");
    assert_eq!(buckets(), ["2022-01-08", "2052-02-20"]);
    let store = open(&folder).unwrap();
    // Into a bucket that ends when one of before does: what moves later counts.
    settle(&store, 0..20, 30_000).unwrap();
    settle(&store, 130..131, 30_000).unwrap();
    assert!(all(&store).unwrap() == map);
    store.checkpoint();
    assert!(all(&store).unwrap() == map);
    assert_eq!(buckets(), ["2022-01-08", "2052-02-20", "2052-02-20.2"]);
    let backup = backup_of(&store);
    assert!(restored(&backup) == map);
    drop(store);
    let store = open(&folder).unwrap();
    assert!(all(&store).unwrap() == map);
    assert_eq!(block_on(store.drop_expired(19_000 * DAY)).unwrap(), 1);
    map.retain(|key, _| !(50..120).any(|n| n != 60 && *key == self::key(n)));
    assert!(all(&store).unwrap() == map);
    assert_eq!(block_on(store.drop_expired(30_000 * DAY)).unwrap(), 2);
    map.retain(|key, _| (20..50).chain(160..200).any(|n| *key == self::key(n)));
    assert!(all(&store).unwrap() == map);
    assert_eq!(buckets(), [""; 0]);
    assert!(all(&open(copy(&folder).path()).unwrap()).unwrap() == map);
}

#[test]
fn a_backup_of_the_format_before_is_restored() {
    let backup = fs::read(of_format_3().path().join("backup")).unwrap();
    assert!(restored(&backup) == map_of_format_3());
}

fn backup_of(store: &SledStore) -> Vec<u8> {
    block_on(async {
        let (mut stream, mut bytes) = (store.backup().await.unwrap(), Vec::new());
        while let Some(piece) = stream.recv().await {
            bytes.extend(piece.unwrap());
        }
        bytes
    })
}

fn restored(backup: &[u8]) -> Map {
    let place = tempfile::tempdir().unwrap();
    let place = place.path().join("store");
    SledStore::restore(backup, &place, Trust::Anyone).unwrap();
    all(&open(&place).unwrap()).unwrap()
}
