//! What only a store on disk must do: keep what it acknowledged through kill and reopen, find damage.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use tempfile::TempDir;

use super::*;
pub(super) use crate::store::testing::{copy, files};
use crate::store::{Key, testing::block_on};

/// Names the folder for the child process of the kill test.
const CHILD_FOLDER: &str = "FLOWCELL_TEST_STORE";

pub(super) fn open(path: &Path) -> Result<SledStore, StoreError> {
    SledStore::open(path, &Options::default())
}

pub(super) fn put(store: &dyn Store, key: &[u8], value: Vec<u8>) -> Result<(), StoreError> {
    let mut batch = Batch::new();
    batch.put(key, value);
    block_on(store.commit(batch))
}

pub(super) type Map = BTreeMap<Vec<u8>, Vec<u8>>;

pub(super) fn all(store: &dyn Store) -> Result<Map, StoreError> {
    Ok(block_on(store.scan(KeyRange::prefix([]), Order::Ascending, usize::MAX))?.into_iter().collect())
}

/// Reads in both orders while the work goes on: that all `count` keys of a prefix are there, and what `look` says of one of them.
/// Gives the rounds of each reader.
pub(super) fn read_meanwhile(
    store: &SledStore,
    (prefix, count): (&[u8], u32),
    look: impl Fn(u32) + Sync,
    work: impl FnOnce(),
) -> [u32; 2] {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = [Order::Ascending, Order::Descending].map(|order| {
            let (look, done) = (&look, &done);
            scope.spawn(move || {
                let mut rounds = 0;
                while !done.load(Ordering::SeqCst) || rounds == 0 {
                    let range = KeyRange::prefix(prefix);
                    assert_eq!(block_on(store.scan(range, order, usize::MAX)).unwrap().len(), count as usize);
                    look(rounds * 37 % count);
                    rounds += 1;
                }
                rounds
            })
        });
        work();
        done.store(true, Ordering::SeqCst);
        readers.map(|reader| reader.join().unwrap())
    })
}

/// A closed store of a few hundred keys, some of them large, some overwritten and deleted.
fn filled() -> (TempDir, Map) {
    let folder = tempfile::tempdir().unwrap();
    let mut map = Map::new();
    // Twice, so that there is a snapshot and a log behind it.
    for round in 0..2_u8 {
        let store = open(folder.path()).unwrap();
        for n in 0..150_u8 {
            let key = vec![b'k', n % 100, round];
            let size = if n % 50 == 7 { 20_000 } else { usize::from(n) * 11 };
            let value = vec![n ^ round; size];
            put(&store, &key, value.clone()).unwrap();
            map.insert(key, value);
            if n % 9 == 0 {
                let gone = vec![b'k', n / 2, round];
                let mut batch = Batch::new();
                batch.delete(gone.as_slice());
                block_on(store.commit(batch)).unwrap();
                map.remove(&gone);
            }
        }
    }
    (folder, map)
}

/// Opens a damaged folder and reads everything: either is refused, or all is as it was. Never hangs.
/// Gives whether the damage was noticed.
fn refused_or_whole(folder: TempDir, expected: &Map, damage: &str) -> bool {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let read = open(folder.path()).and_then(|store| {
            let map = all(&store)?;
            put(&store, b"after", vec![1])?;
            Ok(map)
        });
        // The receiver gives up only after the time that is allowed.
        let _ = sender.send(read);
        drop(folder);
    });
    match receiver.recv_timeout(Duration::from_secs(30)) {
        Ok(Ok(map)) => {
            assert!(map == *expected, "{damage}: silently {} of {} keys", map.len(), expected.len());
            false
        }
        Ok(Err(error)) => {
            assert!(!matches!(error, StoreError::Conflict { .. } | StoreError::Busy), "{damage}: {error}");
            true
        }
        Err(_) => panic!("{damage}: hangs or panics"),
    }
}

#[test]
fn everything_is_there_after_a_reopen() {
    let (folder, map) = filled();
    for _ in 0..3 {
        assert!(all(&open(folder.path()).unwrap()).unwrap() == map);
    }
}

#[test]
fn a_second_open_is_locked_until_the_first_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let error = open(folder.path()).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }) && error.to_string().contains("--data"), "{error}");
    drop(store);
    open(folder.path()).unwrap();
}

#[test]
fn a_flipped_byte_is_refused_or_harmless() {
    let (folder, map) = filled();
    let (mut noticed, mut tried) = (0, 0);
    for file in files(folder.path()) {
        let length = fs::metadata(&file).unwrap().len() as usize;
        // The log is mostly unused space; its used part is at the front.
        let places = if file.ends_with("db") { 24 } else { 3 };
        let used = length.min(200_000);
        for place in 0..places.min(used) {
            let damaged = copy(folder.path());
            let path = damaged.path().join(file.strip_prefix(folder.path()).unwrap());
            let mut bytes = fs::read(&path).unwrap();
            let offset = place * used / places + place % 7 % used;
            bytes[offset] ^= 0x20;
            fs::write(&path, bytes).unwrap();
            tried += 1;
            noticed +=
                usize::from(refused_or_whole(damaged, &map, &format!("byte {offset} of {}", file.display())));
        }
    }
    assert!(noticed * 2 > tried, "only {noticed} of {tried} flips were noticed: are they in used places?");
}

#[test]
fn a_cut_off_file_is_refused_or_harmless() {
    let (folder, map) = filled();
    for file in files(folder.path()) {
        let length = fs::metadata(&file).unwrap().len();
        for left in [0, 1, length / 20, length / 3, length.saturating_sub(1)] {
            let damaged = copy(folder.path());
            let path = damaged.path().join(file.strip_prefix(folder.path()).unwrap());
            OpenOptions::new().write(true).open(&path).unwrap().set_len(left).unwrap();
            refused_or_whole(damaged, &map, &format!("{left} of {length} bytes of {}", file.display()));
        }
    }
}

#[test]
fn a_missing_file_never_means_an_empty_start() {
    let (folder, map) = filled();
    for file in files(folder.path()) {
        let damaged = copy(folder.path());
        let name = file.strip_prefix(folder.path()).unwrap();
        fs::remove_file(damaged.path().join(name)).unwrap();
        refused_or_whole(damaged, &map, &format!("without {}", name.display()));
    }
    let damaged = copy(folder.path());
    fs::remove_dir_all(damaged.path().join("state")).unwrap();
    assert!(refused_or_whole(damaged, &map, "without state"));
}

#[test]
fn damage_beyond_the_check_at_the_start_is_found_when_it_is_read() {
    let (folder, map) = filled();
    let options = Options { check_up_to: 0, ..Options::default() };
    let blob = files(&folder.path().join("blobs")).pop().unwrap();
    fs::write(&blob, vec![0; 20_000]).unwrap();
    let store = SledStore::open(folder.path(), &options).unwrap();
    let (mut good, mut damaged) = (0, 0);
    for (key, value) in &map {
        match block_on(store.get(key)) {
            Ok(found) => {
                assert!(found.as_ref() == Some(value));
                good += 1;
            }
            Err(StoreError::Corrupt { place, .. }) => {
                assert!(place.contains(blob.file_name().unwrap().to_str().unwrap()), "{place}");
                damaged += 1;
            }
            Err(error) => panic!("{error}"),
        }
    }
    assert!(damaged >= 1 && good == map.len() - damaged);
}

#[test]
fn a_large_store_is_checked_while_it_runs() {
    let options = Options { check_up_to: 0, checkpoint_bytes: 0, ..Options::default() };
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let mut batch = Batch::new();
    for n in 0..5_000_u32 {
        batch.put(&n.to_be_bytes(), n.to_string());
    }
    block_on(store.commit(batch)).unwrap();
    drop(store);
    // Writes on both sides of the reader are no damage.
    let store = SledStore::open(folder.path(), &options).unwrap();
    for n in 0..400_u32 {
        let mut batch = Batch::new();
        batch.put(&(n * 13).to_be_bytes(), vec![1; 50]).delete(&(n * 12 + 1).to_be_bytes());
        block_on(store.commit(batch)).unwrap();
        if n % 8 == 0 {
            std::thread::sleep(Duration::from_millis(7));
        }
    }
    std::thread::sleep(Duration::from_millis(400));
    put(&store, b"k", vec![1]).unwrap();
    drop(store);
    drop(open(folder.path()).unwrap());
    // A key that sled lost.
    let db = open_sled(&folder.path().join("state"), Opening::live(64 << 20)).unwrap();
    db.remove(4_999_u32.to_be_bytes()).unwrap().unwrap();
    drop(db);
    assert!(matches!(open(folder.path()), Err(StoreError::Corrupt { .. })));
    let store = SledStore::open(folder.path(), &options).unwrap();
    let error = block_on(store.failed()).to_string();
    assert!(error.contains("keys are there"), "{error}");
    assert!(matches!(put(&store, b"k", vec![2]), Err(StoreError::Failed { .. })));
}

#[test]
fn large_values_that_nothing_refers_to_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = || files(&folder.path().join("blobs")).len();
    let store = open(folder.path()).unwrap();
    for (key, byte, expected) in
        [(b"a", 1, 1), (b"b", 2, 2), (b"c", 2, 2), (b"a", 3, 2), (b"b", 3, 2), (b"c", 3, 1)]
    {
        put(&store, key, vec![byte; 20_000]).unwrap();
        store.checkpoint();
        assert_eq!(blobs(), expected, "{} = {byte}", key.escape_ascii());
    }
    // What a crash left.
    fs::write(folder.path().join("blobs/tmp/17"), "half").unwrap();
    let orphan = "00".repeat(32);
    fs::create_dir_all(folder.path().join("blobs/00")).unwrap();
    fs::write(folder.path().join("blobs/00").join(orphan), "nobody's").unwrap();
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(blobs(), 1);
    assert_eq!(block_on(store.get(b"a")).unwrap(), Some(vec![3; 20_000]));
}

#[test]
fn a_large_value_of_a_batch_that_conflicts_or_comes_twice_leaves_no_file_behind() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    let large = vec![1; 100_000];
    let mut batch = Batch::new();
    batch.expect_absent(b"k".as_slice());
    batch.put(b"k", large.clone()).put(b"l", vec![2; 50_000]).put(b"m", large.clone());
    block_on(store.commit(batch.clone())).unwrap();
    let blobs =
        || files(folder.path()).into_iter().filter(|file| file.to_string_lossy().contains("blobs")).count();
    assert_eq!(blobs(), 2, "equal values are one file");
    assert!(matches!(block_on(store.commit(batch)), Err(StoreError::Conflict { .. })));
    assert_eq!(blobs(), 2);
    let expected = [(b"k".to_vec(), large.clone()), (b"l".to_vec(), vec![2; 50_000]), (b"m".to_vec(), large)];
    assert_eq!(all(&store).unwrap(), Map::from(expected.clone()));
    drop(store);
    assert_eq!(all(&open(folder.path()).unwrap()).unwrap(), Map::from(expected));
}

#[test]
fn a_full_disk_refuses_writes_and_recovers_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path(), &Options { reserve: u64::MAX, ..Options::default() }).unwrap();
    let error = put(&store, b"k", vec![1]).unwrap_err();
    assert!(
        matches!(error, StoreError::Full { .. }) && error.to_string().contains("free some space"),
        "{error}"
    );
    // Deleting goes on, or nobody could ever make room.
    let mut batch = Batch::new();
    batch.delete(b"k");
    block_on(store.commit(batch)).unwrap();
    assert_eq!(block_on(store.get(b"k")).unwrap(), None);
    drop(store);
    put(&open(folder.path()).unwrap(), b"k", vec![1]).unwrap();
}

#[test]
fn after_a_failed_sync_nothing_more_is_promised() {
    let folder = tempfile::tempdir().unwrap();
    // The one file at hand whose sync fails.
    let broken = OpenOptions::new().read(true).write(true).open("/dev/null").unwrap();
    let store = SledStore::open_with(
        folder.path(),
        &Options::default(),
        Planted { synced: Some(broken), ..Planted::default() },
    )
    .unwrap();
    for _ in 0..2 {
        let error = put(&store, b"k", vec![1]).unwrap_err();
        assert!(
            matches!(error, StoreError::Failed { .. }) && error.to_string().contains("restart"),
            "{error}"
        );
    }
    assert!(matches!(block_on(store.commit_lazily(Batch::new())), Err(StoreError::Failed { .. })));
    assert!(matches!(block_on(store.failed()), StoreError::Failed { .. }));
    drop(store);
    // Not acknowledged, so it may be there or not; but the store opens again.
    put(&open(folder.path()).unwrap(), b"k", vec![2]).unwrap();
}

#[test]
fn what_was_acknowledged_survives_kill_nine() {
    let folder = tempfile::tempdir().unwrap();
    let child_test = concat!(module_path!(), "::child_that_commits_until_killed");
    let child_test = child_test.split_once("::").expect("the crate's name comes first").1;
    let mut acknowledged = 0;
    for round in 0..5_u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", child_test, "--ignored", "--nocapture"])
            .env(CHILD_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let enough = acknowledged + 40 + round * 37;
        for line in lines {
            if let Some(number) = line.strip_prefix("acknowledged ").and_then(|number| number.parse().ok()) {
                acknowledged = number;
                if acknowledged == enough {
                    child.kill().unwrap();
                }
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(acknowledged >= enough, "the child ended by itself at {acknowledged}");
        let store = open(folder.path()).unwrap();
        for number in 1..=acknowledged {
            assert_eq!(
                block_on(store.get(&number.to_be_bytes())).unwrap(),
                Some(child_value(number)),
                "{number}"
            );
            assert!(block_on(store.get(b"count")).unwrap().is_some());
        }
        // The two keys of one batch are there together or not at all.
        let count = block_on(store.get(b"count")).unwrap().unwrap();
        let count = u64::from_be_bytes(count.try_into().unwrap());
        assert!(block_on(store.get(&count.to_be_bytes())).unwrap().is_some());
        assert!(block_on(store.get(&(count + 1).to_be_bytes())).unwrap().is_none());
        acknowledged = count;
    }
}

fn child_value(number: u64) -> Vec<u8> {
    vec![number as u8; if number.is_multiple_of(20) { 30_000 } else { number as usize % 3_000 }]
}

#[test]
#[ignore = "the child process of the kill test"]
fn child_that_commits_until_killed() {
    let folder =
        std::env::var(CHILD_FOLDER).expect("only what_was_acknowledged_survives_kill_nine runs this");
    let store = open(folder.as_ref()).unwrap();
    let mut number = match block_on(store.get(b"count")).unwrap() {
        Some(count) => u64::from_be_bytes(count.try_into().unwrap()),
        None => 0,
    };
    loop {
        number += 1;
        let mut batch = Batch::new();
        batch.put(&number.to_be_bytes(), child_value(number)).put(b"count", number.to_be_bytes());
        block_on(store.commit(batch)).unwrap();
        println!("acknowledged {number}");
        if number.is_multiple_of(8) {
            // Also of an earlier life: again, or for the first time.
            let keys = (number.saturating_sub(16)..number).map(|number| Key::from(&number.to_be_bytes()));
            let expires_ms = (number / 64 % 5 + 1) * 86_400_000;
            let step = Settled { keys: keys.collect(), expires_ms, ..Settled::default() };
            block_on(store.settle(vec![step])).unwrap();
        }
    }
}
