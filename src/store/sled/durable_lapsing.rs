//! What live values that expire by themselves must do on disk: hold through crashes, restarts and merges, stay given back, go
//! when their buckets do and not before, and never be missed silently.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{durability::*, durable_compaction::crash_at, moment::Moment, *};
use crate::store::{
    MemoryStore,
    keys::{self, Kind},
    testing::block_on,
};

const DAY: u64 = 86_400_000;
const HOUR: u64 = 3_600_000;
const NOW: u64 = 1_790_000_000_000;

fn key(n: u32) -> Key {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
    keys::claim(&digest)
}

fn value(n: u32) -> Vec<u8> {
    [&n.to_be_bytes()[..], b"the run that has it"].concat()
}

/// Takes claims that nobody has, some with an end a few hours ahead, some with one a few days ahead.
fn take(store: &dyn Store, numbers: std::ops::Range<u32>) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    for n in numbers {
        let ahead = if n.is_multiple_of(3) { 4 * HOUR } else { 4 * DAY };
        batch.expect_absent(key(n)).put_until(key(n), value(n), NOW + ahead, NOW);
    }
    block_on(store.commit(batch))
}

fn give_back(store: &dyn Store, numbers: std::ops::Range<u32>) {
    let mut batch = Batch::new();
    for n in numbers {
        batch.delete_if(key(n), value(n));
    }
    block_on(store.commit(batch)).unwrap();
}

/// Which claims are taken, as expectations and reads see it.
fn taken(store: &dyn Store, upto: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::new();
    for n in 0..upto {
        let read = block_on(store.get(&key(n))).unwrap();
        let mut batch = Batch::new();
        batch.expect_absent(key(n));
        let free = block_on(store.commit(batch)).is_ok();
        assert_eq!(read.is_none(), free, "{n}");
        assert!(read.is_none_or(|read| read == value(n)), "{n}");
        found.extend((!free).then_some(n));
    }
    let range = KeyRange::prefix(Kind::Claim.prefix());
    let scanned = block_on(store.scan(range, Order::Ascending, usize::MAX)).unwrap();
    assert_eq!(scanned.len(), found.len());
    found
}

fn shelves(folder: &Path) -> Vec<PathBuf> {
    let all = files(&folder.join("lapsing")).into_iter();
    all.filter(|file| file.extension().is_some_and(|name| name == "shelf")).collect()
}

/// Waits until there are so many: what is dropped goes with its last reader.
fn until_shelves(folder: &Path, count: usize) {
    for _ in 0..1_000 {
        if shelves(folder).len() == count {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("{:?}", shelves(folder));
}

fn noted(store: &SledStore) -> usize {
    store.staging.lapsing.parts().all().len()
}

#[test]
fn a_claim_is_found_after_a_checkpoint_and_a_restart_and_the_tree_never_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    for round in 0..4_u32 {
        let all = BTreeSet::from_iter(0..round * 50);
        assert_eq!(taken(&store, 250), all);
        assert!(
            round == 0
                || matches!(take(&store, round * 50 - 1..round * 50 + 1), Err(StoreError::Conflict { .. }))
        );
        take(&store, round * 50..round * 50 + 50).unwrap();
        if round % 2 == 0 {
            store.checkpoint();
            assert_eq!(taken(&store, 250), BTreeSet::from_iter(0..round * 50 + 50));
        }
        let crashed = copy(folder.path());
        assert_eq!(taken(&open(crashed.path()).unwrap(), 250), BTreeSet::from_iter(0..round * 50 + 50));
        drop(store);
        store = open(folder.path()).unwrap();
    }
    let in_tree = store.staging.live.db().scan_prefix(Kind::Claim.prefix()).count();
    assert_eq!((in_tree, store.stats().buckets), (0, 0));
    assert!(store.stats().live_bytes > 200 * 60);
}

#[test]
fn a_claim_that_was_given_back_stays_so_through_checkpoints_restarts_and_merges() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path()).unwrap();
    take(&store, 0..300).unwrap();
    store.checkpoint();
    // Of one that is in a shelf, one in the table, and one that comes again.
    take(&store, 300..400).unwrap();
    give_back(&store, 0..100);
    give_back(&store, 350..400);
    take(&store, 40..60).unwrap();
    let mut expected: BTreeSet<u32> = (40..60).chain(100..350).collect();
    assert_eq!(taken(&store, 500), expected);
    for _ in 0..2 {
        assert_eq!(taken(&open(copy(folder.path()).path()).unwrap(), 500), expected);
        store.checkpoint();
        assert_eq!(taken(&store, 500), expected);
        drop(store);
        store = open(folder.path()).unwrap();
    }
    for round in 0..12 {
        let first = 400 + round * 8;
        take(&store, first..first + 8).unwrap();
        give_back(&store, first - 4..first + 4);
        expected.extend(first..first + 8);
        expected.retain(|n| !(first - 4..first + 4).contains(n));
        store.checkpoint();
        assert!(round % 4 > 0 || taken(&store, 500) == expected);
    }
    for _ in 0..2_000 {
        // A task makes it look.
        block_on(store.drop_expired(0)).unwrap();
        if noted(&store) <= 2 * 4 {
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    assert!(noted(&store) <= 2 * 4, "{} shelves are never merged", noted(&store));
    assert_eq!(taken(&store, 500), expected);
    drop(store);
    assert_eq!(shelves(folder.path()).len(), noted(&open(folder.path()).unwrap()));
    assert_eq!(taken(&open(folder.path()).unwrap(), 500), expected);
}

#[test]
fn buckets_are_dropped_when_they_end_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    take(&store, 0..60).unwrap();
    store.checkpoint();
    // One of the table alone, and one that moved to another bucket since.
    take(&store, 60..90).unwrap();
    let mut batch = Batch::new();
    batch.expect_equals(key(0), value(0)).put_until(key(0), value(0), NOW + 4 * DAY, NOW);
    batch.expect_equals(key(1), value(1)).put_until(key(1), value(1), NOW + 4 * HOUR, NOW);
    block_on(store.commit(batch)).unwrap();
    let late: BTreeSet<u32> = (0..90).filter(|n| *n == 0 || (n % 3 > 0 && *n > 1)).collect();
    assert_eq!(shelves(folder.path()).len(), 2);
    block_on(store.drop_expired(NOW + 4 * HOUR - 1)).unwrap();
    assert_eq!(taken(&store, 90), BTreeSet::from_iter(0..90));
    block_on(store.drop_expired(NOW + 5 * HOUR)).unwrap();
    for store in [&store, &open(copy(folder.path()).path()).unwrap()] {
        assert_eq!(taken(store, 90), late, "no earlier value comes back");
    }
    until_shelves(folder.path(), 2);
    let names: BTreeSet<_> =
        shelves(folder.path()).into_iter().map(|file| file.parent().unwrap().to_owned()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    block_on(store.drop_expired(NOW + 5 * DAY)).unwrap();
    assert_eq!(taken(&store, 90), BTreeSet::new());
    assert_eq!(noted(&store), 0);
    until_shelves(folder.path(), 0);
    take(&store, 0..90).unwrap();
    assert_eq!(taken(&store, 90).len(), 90);
}

#[test]
fn a_crash_at_any_moment_of_a_checkpoint_keeps_what_is_taken_and_what_was_given_back() {
    for moment in
        [Moment::Shelved, Moment::Part, Moment::Written, Moment::Merged, Moment::Replaced, Moment::Dropped]
    {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path()).unwrap();
        for first in (0..40).step_by(10) {
            take(&store, first..first + 10).unwrap();
            store.checkpoint();
        }
        drop(store);
        let planted = Planted { hook: Some(crash_at(moment)), ..Planted::default() };
        let store = SledStore::open_with(folder.path(), &Options::default(), planted).unwrap();
        let mut expected: BTreeSet<u32> = (10..60).collect();
        let mut batch = Batch::new();
        // Something for the tree, in more than one part.
        for n in 0..1_200_u32 {
            batch.put([&b"k"[..], &n.to_be_bytes()].concat(), [1; 20]);
        }
        block_on(store.commit(batch)).unwrap();
        take(&store, 40..60).unwrap();
        give_back(&store, 0..10);
        if moment == Moment::Dropped {
            assert!(block_on(store.drop_expired(NOW + 5 * HOUR)).is_err());
            // What was in files has gone, and what was in the table alone is there again: nobody was told of either.
            expected.retain(|n| *n >= 40 || n % 3 > 0);
        } else {
            store.checkpoint();
        }
        let error = block_on(store.failed()).to_string();
        assert!(error.contains("the test ends it here"), "{moment:?}: {error}");
        drop(store);
        for round in 0..3_u32 {
            let store = open(folder.path()).unwrap_or_else(|error| panic!("{moment:?}: {error}"));
            assert_eq!(taken(&store, 100), expected, "{moment:?}, {round}");
            let first = 60 + round * 5;
            take(&store, first..first + 5).unwrap();
            expected.extend(first..first + 5);
            let parts = Arc::clone(store.staging.lapsing.parts());
            drop(store);
            assert_eq!(
                shelves(folder.path()).len(),
                parts.all().len(),
                "{moment:?}: what nobody needs is removed"
            );
        }
    }
}

#[test]
fn damage_of_a_shelf_is_a_reason_not_to_start_until_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    take(&store, 0..200).unwrap();
    drop(store);
    for file in shelves(folder.path()) {
        let length = fs::metadata(&file).unwrap().len() as usize;
        for at in (0..length).step_by(length / 40) {
            let damaged = copy(folder.path());
            let target = damaged.path().join(file.strip_prefix(folder.path()).unwrap());
            let mut bytes = fs::read(&target).unwrap();
            bytes[at] ^= 0x20;
            fs::write(&target, bytes).unwrap();
            let error = open(damaged.path()).unwrap_err();
            assert!(
                matches!(&error, StoreError::Corrupt { place, .. } if place.contains("lapsing")),
                "{at}: {error}"
            );
        }
        let damaged = copy(folder.path());
        let target = damaged.path().join(file.strip_prefix(folder.path()).unwrap());
        fs::remove_file(&target).unwrap();
        let error = open(damaged.path()).unwrap_err().to_string();
        assert!(
            error.contains("the file is missing") && error.contains("restore the last backup"),
            "{error}"
        );
        let bucket = target.parent().unwrap();
        fs::rename(bucket, format!("{}.dropped", bucket.display())).unwrap();
        for _ in 0..2 {
            let store = open(damaged.path()).unwrap();
            let left = taken(&store, 200).len();
            assert!(left > 0 && left < 200, "{left}");
            store.checkpoint();
            assert!(!bucket.with_extension("dropped").exists());
        }
    }
}

#[test]
fn damage_that_is_found_later_is_told_and_nothing_is_taken_twice() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    take(&store, 0..3_000).unwrap();
    drop(store);
    let file = shelves(folder.path()).remove(0);
    let mut bytes = fs::read(&file).unwrap();
    // In a block, which is not read at the start of a large store.
    let at = bytes.len() / 3;
    bytes[at] ^= 4;
    fs::write(&file, bytes).unwrap();
    let options = Options { check_up_to: 0, ..Options::default() };
    let store = SledStore::open(folder.path(), &options).unwrap();
    let mut refused = 0;
    for n in 0..3_000 {
        match take(&store, n..n + 1) {
            Err(StoreError::Conflict { .. }) => {}
            Err(StoreError::Corrupt { place, .. }) => {
                assert!(place.contains("lapsing"), "{place}");
                refused += 1;
            }
            other => panic!("{n}: {other:?}"),
        }
    }
    assert!(refused > 0 && refused < 3_000, "{refused}");
    // What has nothing to do with it goes on, checkpoints too.
    put(&store, b"k", vec![1]).unwrap();
    store.checkpoint();
    assert_eq!(block_on(store.get(b"k")).unwrap(), Some(vec![1]));
}

#[test]
fn a_backup_in_between_holds_what_is_taken_and_its_restore_forgets_it_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for first in (0..60).step_by(10) {
        take(&store, first..first + 10).unwrap();
        store.checkpoint();
    }
    give_back(&store, 0..20);
    take(&store, 60..80).unwrap();
    let backup = block_on(async {
        let (mut stream, mut bytes) = (store.backup().await.unwrap(), Vec::new());
        // What comes later is of another moment.
        let mut batch = Batch::new();
        batch.delete(key(30)).put_until(key(90), value(90), NOW + 4 * DAY, NOW);
        store.commit(batch).await.unwrap();
        store.drop_expired(NOW + 5 * DAY).await.unwrap();
        while let Some(piece) = stream.recv().await {
            bytes.extend(piece.unwrap());
        }
        bytes
    });
    assert_eq!(taken(&store, 100), BTreeSet::new());
    let place = tempfile::tempdir().unwrap();
    let place = place.path().join("store");
    let contents = SledStore::restore(&backup[..], &place, Trust::Anyone).unwrap();
    assert_eq!((contents.live, contents.history, contents.buckets), (60, 0, 0));
    let restored = open(&place).unwrap();
    let expected = BTreeSet::from_iter(20..80);
    assert_eq!(taken(&restored, 100), expected);
    block_on(restored.drop_expired(NOW + 5 * HOUR)).unwrap();
    assert_eq!(taken(&restored, 100), expected.into_iter().filter(|n| n % 3 > 0).collect());
    assert_eq!(restored.staging.live.db().scan_prefix(Kind::Claim.prefix()).count(), 0);
}

#[test]
fn claims_that_stand_in_the_tree_hold_until_they_go_or_are_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    // As the format before left them.
    let mut batch = Batch::new();
    for n in 0..30 {
        batch.put(key(n), value(n));
    }
    block_on(store.commit(batch)).unwrap();
    drop(store);
    fs::write(folder.path().join("FORMAT"), "flowcell-store 4\n").unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("FORMAT")).unwrap(), "flowcell-store 5\n");
    assert_eq!(taken(&store, 60), BTreeSet::from_iter(0..30));
    give_back(&store, 0..10);
    let mut batch = Batch::new();
    for n in 5..20 {
        batch.put_until(key(n), value(n), NOW + 4 * HOUR, NOW);
    }
    block_on(store.commit(batch)).unwrap();
    for _ in 0..2 {
        assert_eq!(taken(&store, 60), BTreeSet::from_iter(5..30));
        assert_eq!(taken(&open(copy(folder.path()).path()).unwrap(), 60), BTreeSet::from_iter(5..30));
        store.checkpoint();
    }
    assert_eq!(store.staging.live.db().scan_prefix(Kind::Claim.prefix()).count(), 10);
    block_on(store.drop_expired(NOW + 5 * HOUR)).unwrap();
    assert_eq!(taken(&store, 60), BTreeSet::from_iter(20..30), "what the tree had does not come back");
}

#[test]
fn of_a_hundred_takers_one_wins_while_checkpoints_run() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { checkpoint_bytes: 0, ..Options::default() };
    let store = SledStore::open(folder.path(), &options).unwrap();
    let wins = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for n in 0..150 {
                    loop {
                        match take(&store, n..n + 1) {
                            Ok(()) => drop(wins.fetch_add(1, Ordering::SeqCst)),
                            Err(StoreError::Conflict { .. }) => {}
                            Err(StoreError::Busy) => continue,
                            Err(error) => panic!("{error}"),
                        }
                        break;
                    }
                }
            });
        }
    });
    assert_eq!((wins.into_inner(), taken(&store, 150).len()), (150, 150));
}

/// A step beside a store in memory.
#[derive(Debug, Clone)]
enum Step {
    /// Takes a claim as the engine does: with what it read as the expectation. Hours ahead.
    Take(u8, u64),
    /// Gives it back, if it is the claim that was read.
    GiveBack(u8),
    /// Time goes on by so many hours.
    Later(u64),
    Checkpoint,
    Reopen,
    Crash,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let hours = prop_oneof![4 => 0..30_u64, 1 => 30..2_000_u64];
    let step = prop_oneof![
        12 => (0..24_u8, hours).prop_map(|(n, hours)| Step::Take(n, hours)),
        4 => (0..24_u8).prop_map(Step::GiveBack),
        2 => prop_oneof![3 => 0..6_u64, 1 => 6..400_u64].prop_map(Step::Later),
        4 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        1 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..60)
}

/// When a claim expires, and which of all that was.
fn sealed(expires_ms: u64, number: u64) -> Vec<u8> {
    [expires_ms.to_be_bytes(), number.to_be_bytes()].concat()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]
    #[test]
    fn claims_are_those_of_a_store_in_memory(steps in steps()) {
        let mut folder = tempfile::tempdir().unwrap();
        let reopened = |folder: &TempDir| open(folder.path()).unwrap();
        let (mut store, memory) = (Some(reopened(&folder)), MemoryStore::new());
        let mut now = NOW;
        for (number, step) in (0..).zip(steps) {
            let disk = store.as_ref().unwrap();
            match step {
                Step::Take(n, hours) => {
                    let (key, expires_ms) = (key(n.into()), now + hours * HOUR + 7);
                    let held = block_on(memory.get(&key)).unwrap();
                    prop_assert_eq!(&block_on(disk.get(&key)).unwrap(), &held);
                    let expired = |held: &Vec<u8>| *held < sealed(now, u64::MAX);
                    let mut batch = Batch::new();
                    match held {
                        // As if another had it a moment ago.
                        Some(held) if !expired(&held) => batch.expect_absent(key.clone()),
                        Some(held) => batch.expect_equals(key.clone(), held),
                        None => batch.expect_absent(key.clone()),
                    };
                    batch.put_until(key, sealed(expires_ms, number), expires_ms, now);
                    let results = [block_on(memory.commit(batch.clone())), block_on(disk.commit(batch))];
                    let told = results.map(|result| result.map_err(|error| error.to_string()));
                    prop_assert_eq!(&told[0], &told[1]);
                }
                Step::GiveBack(n) => {
                    let key = key(n.into());
                    let mut batch = Batch::new();
                    batch.delete_if(key.clone(), block_on(memory.get(&key)).unwrap().unwrap_or_default());
                    block_on(memory.commit(batch.clone())).unwrap();
                    block_on(disk.commit(batch)).unwrap();
                }
                Step::Later(hours) => {
                    now += hours * HOUR;
                    block_on(memory.drop_expired(now)).unwrap();
                    block_on(disk.drop_expired(now)).unwrap();
                }
                Step::Checkpoint => disk.checkpoint(),
                Step::Reopen => {
                    drop(store.take());
                    store = Some(reopened(&folder));
                }
                Step::Crash => {
                    let copied = copy(folder.path());
                    drop(store.take());
                    folder = copied;
                    store = Some(reopened(&folder));
                }
            }
            let disk = store.as_ref().unwrap();
            prop_assert_eq!(all(disk).unwrap(), all(&memory).unwrap());
            // Nothing that has not expired is gone, and nothing stays much longer.
            let names: Vec<_> = shelves(folder.path()).into_iter().map(|file| file.parent().unwrap().to_owned()).collect();
            let buckets: BTreeSet<_> = names.iter().collect();
            prop_assert!(buckets.len() <= 60);
        }
        let in_tree = store.as_ref().unwrap().staging.live.db().scan_prefix(Kind::Claim.prefix()).count();
        prop_assert_eq!(in_tree, 0);
    }
}
