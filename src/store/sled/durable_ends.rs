//! What moves to the history with the batch that ends it: once in the log, and there after a crash at any moment.

use super::{durability::*, durable_compaction::crash_at, moment::Moment, *};
use crate::store::{Key, testing::block_on};

const DAY: u64 = 86_400_000;

/// The parts of a run: what its beginning writes, and what its end writes.
const BEGUN: [u8; 3] = *b"eir";
const ENDED: [u8; 3] = *b"rsa";

fn key(part: u8, run: u32) -> Vec<u8> {
    [&[part], &run.to_be_bytes()[..]].concat()
}

/// Some are large.
fn value(part: u8, run: u32) -> Vec<u8> {
    vec![part ^ run as u8; if run.is_multiple_of(9) { 20_000 } else { 300 + run as usize % 200 }]
}

fn begin(store: &dyn Store, run: u32, map: &mut Map) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.put(key(b'q', run), []);
    for part in BEGUN {
        batch.put(key(part, run), value(part, run));
        map.insert(key(part, run), value(part, run));
    }
    map.insert(key(b'q', run), Vec::new());
    block_on(store.commit(batch))
}

fn end(store: &dyn Store, run: u32, map: &mut Map) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for part in ENDED {
        batch.put(key(part, run), value(part, run + 1));
        map.insert(key(part, run), value(part, run + 1));
    }
    let keys = [b'e', b'i', b'r', b'a'].map(|part| Key::from(key(part, run))).into();
    let (prefixes, expires_ms) = (vec![Key::from(key(b's', run))], (1 + u64::from(run % 3)) * DAY);
    let also_delete = vec![Key::from(key(b'q', run))];
    batch.settle(Settled { keys, prefixes, expires_ms, also_delete }, 0);
    map.remove(&key(b'q', run));
    block_on(store.commit(batch))
}

/// What has ended is not seen by expectations, what has not is.
fn expected(store: &dyn Store, ended: std::ops::Range<u32>, begun: std::ops::Range<u32>) {
    let mut batch = Batch::new();
    for run in ended {
        for part in [b'e', b'i', b'r', b's', b'a', b'q'] {
            batch.expect_absent(key(part, run));
        }
    }
    for run in begun {
        batch.expect_equals(key(b'r', run), value(b'r', run));
    }
    block_on(store.commit(batch)).unwrap();
}

#[test]
fn what_has_ended_is_there_after_a_crash_before_and_after_its_checkpoint() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut map = Map::new();
    // Begun in the tree, and in the table.
    (0..40).for_each(|run| begin(&store, run, &mut map).unwrap());
    store.checkpoint();
    (40..80).for_each(|run| begin(&store, run, &mut map).unwrap());
    (20..60).for_each(|run| end(&store, run, &mut map).unwrap());
    let mut crashed = copy(folder.path());
    for _ in 0..2 {
        let store = open(crashed.path()).unwrap();
        assert!(all(&store).unwrap() == map);
        expected(&store, 20..60, 0..20);
        expected(&store, 20..60, 60..80);
        crashed = copy(crashed.path());
    }
    store.checkpoint();
    let crashed = copy(folder.path());
    for store in [store, open(crashed.path()).unwrap()] {
        assert!(all(&store).unwrap() == map);
        expected(&store, 20..60, 0..20);
        assert_eq!(store.stats().buckets, 3);
        assert_eq!(block_on(store.drop_expired(3 * DAY)).unwrap(), 3);
        assert_eq!(all(&store).unwrap().len(), 40 * 4);
    }
}

#[test]
fn a_run_between_two_checkpoints_stands_once_in_the_log_and_never_in_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut map = Map::new();
    // From here on it is known that the tree has nothing.
    store.checkpoint();
    let runs: Vec<u32> = (0..200_u32).filter(|run| !run.is_multiple_of(9)).collect();
    for run in &runs {
        begin(&store, *run, &mut map).unwrap();
        end(&store, *run, &mut map).unwrap();
    }
    let bytes: usize = map.iter().map(|(key, value)| key.len() + value.len()).sum();
    let (logged, number) = {
        let state = store.staging.state();
        (state.logged, state.number)
    };
    // The head stands there twice, as it changed; a few bytes say what moves.
    assert!(logged < bytes as u64 * 3 / 2, "{logged} bytes of log for {bytes}");
    assert_eq!(number, 2 * runs.len() as u64);
    assert_eq!(store.staging.live_bytes(), 0);
    store.checkpoint();
    // The counters, and a note for each of the three shelves.
    assert_eq!(store.staging.live.db().len(), 4);
    assert!(all(&store).unwrap() == map);
}

#[test]
fn a_crash_at_any_moment_of_a_checkpoint_keeps_what_ended() {
    for moment in [Moment::Shelved, Moment::Part, Moment::Written] {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        let mut map = Map::new();
        (0..150).for_each(|run| begin(&store, run, &mut map).unwrap());
        (0..30).for_each(|run| end(&store, run, &mut map).unwrap());
        drop(store);
        let planted = Planted { hook: Some(crash_at(moment)), ..Planted::default() };
        let store = SledStore::open_with(folder.path(), &Options::default(), planted).unwrap();
        (150..300).for_each(|run| begin(&store, run, &mut map).unwrap());
        (30..250).for_each(|run| end(&store, run, &mut map).unwrap());
        store.checkpoint();
        assert!(block_on(store.failed()).to_string().contains("the test ends it here"));
        drop(store);
        for round in 0..2 {
            let store = open(folder.path()).unwrap_or_else(|error| panic!("{moment:?}: {error}"));
            assert!(all(&store).unwrap() == map, "{moment:?}, {round}");
            expected(&store, 0..250, 250..300);
        }
    }
}

#[test]
fn readers_miss_nothing_while_runs_end() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { checkpoint_bytes: 64 << 10, ..Options::default() };
    let store = SledStore::open(folder.path(), &options).unwrap();
    let mut map = Map::new();
    let count = 600;
    (0..count).for_each(|run| begin(&store, run, &mut map).unwrap());
    let look = |run| {
        assert_eq!(block_on(store.get(&key(b'e', run))).unwrap(), Some(value(b'e', run)));
        assert!(block_on(store.get(&key(b'r', run))).unwrap().is_some());
    };
    read_meanwhile(&store, (b"e", count), look, || {
        for run in 0..count {
            while let Err(error) = end(&store, run, &mut map) {
                assert!(matches!(error, StoreError::Busy), "{error}");
                std::thread::sleep(Duration::from_millis(1));
            }
        }
    });
    assert!(all(&store).unwrap() == map);
}

#[test]
fn what_is_damaged_stays_out_of_the_history_and_keeps_nothing_from_ending() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut map = Map::new();
    (0..3).for_each(|run| begin(&store, run, &mut map).unwrap());
    store.checkpoint();
    let db = store.staging.live.db();
    let mut bytes = db.get(key(b'e', 1)).unwrap().unwrap().to_vec();
    *bytes.last_mut().unwrap() ^= 1;
    db.insert(key(b'e', 1), bytes).unwrap();
    (0..3).for_each(|run| end(&store, run, &mut map).unwrap());
    let get = |run: u32| block_on(store.get(&key(b'e', run)));
    assert!(matches!(get(1), Err(StoreError::Corrupt { .. })));
    assert_eq!((get(0).unwrap(), get(2).unwrap()), (Some(value(b'e', 0)), Some(value(b'e', 2))));
    assert_eq!(block_on(store.get(&key(b'r', 1))).unwrap(), Some(value(b'r', 2)));
}
