//! What the history must do on disk: keep what moved there through crashes, find damage, stay small.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use tempfile::TempDir;

use super::{durability::*, *};
use crate::store::{Key, testing::block_on, verify};

const DAY: u64 = 86_400_000;

fn settle(store: &dyn Store, keys: impl IntoIterator<Item = Vec<u8>>, day: u64) -> Result<(), StoreError> {
    let keys = keys.into_iter().map(Key::from).collect();
    block_on(store.settle(vec![Settled { keys, expires_ms: day * DAY, ..Settled::default() }]))
}

fn key(n: u32) -> Vec<u8> {
    [b"k", &n.to_be_bytes()[..]].concat()
}

fn value(n: u32) -> Vec<u8> {
    vec![n as u8; if n.is_multiple_of(40) { 20_000 } else { n as usize * 7 }]
}

/// A closed store: keys 0 to 99 live, 100 to 199 in one bucket, 200 to 299 in another.
fn filled() -> (TempDir, Map) {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for n in 0..300 {
        put(&store, &key(n), value(n)).unwrap();
    }
    for hundred in [1, 2] {
        for tens in 0..10 {
            let first = hundred * 100 + tens * 10;
            settle(&store, (first..first + 10).map(key), u64::from(hundred)).unwrap();
        }
    }
    let map = all(&store).unwrap();
    assert_eq!((map.len(), store.stats().buckets), (300, 2));
    (folder, map)
}

/// Opens and reads every key: right or refused, never missing. Gives how many were refused.
fn read_each(folder: &Path, map: &Map, damage: &str) -> usize {
    let begun = Instant::now();
    let store = match open(folder) {
        Ok(store) => store,
        Err(error) => panic!("{damage}: the history keeps the server from starting: {error}"),
    };
    let mut refused = 0;
    for (key, value) in map {
        match block_on(store.get(key)) {
            Ok(Some(found)) => assert!(found == *value, "{damage}: {key:?} is another value"),
            Ok(None) => panic!("{damage}: {key:?} is silently gone"),
            Err(StoreError::Corrupt { place, .. }) => {
                assert!(place.contains("history"), "{damage}: {place}");
                refused += 1;
            }
            Err(error) => panic!("{damage}: {error}"),
        }
    }
    match all(&store) {
        Ok(found) => assert!(found == *map, "{damage}: a scan gives {} of {}", found.len(), map.len()),
        Err(error) => assert!(matches!(error, StoreError::Corrupt { .. }), "{damage}: {error}"),
    }
    // The live part goes on, and so does the history of what ends from now on.
    put(&store, b"new", vec![1]).unwrap();
    for day in [1, 2] {
        put(&store, &[b'o', day], vec![1]).unwrap();
        settle(&store, [vec![b'o', day]], day.into()).unwrap();
        assert_eq!(block_on(store.get(&[b'o', day])).unwrap(), Some(vec![1]), "{damage}");
    }
    assert!(begun.elapsed() < Duration::from_secs(30), "{damage}: {:?}", begun.elapsed());
    refused
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

#[test]
fn the_history_is_there_after_a_reopen() {
    let (folder, map) = filled();
    for _ in 0..3 {
        assert!(all(&open(folder.path()).unwrap()).unwrap() == map);
    }
}

#[test]
fn files_that_a_crash_left_in_the_history_are_removed_and_what_they_hold_is_live() {
    let (folder, map) = filled();
    let before = copy(folder.path());
    let store = open(folder.path()).unwrap();
    // Into a bucket that was there, and into a new one.
    settle(&store, (0..50).map(key), 1).unwrap();
    settle(&store, (50..90).map(key), 3).unwrap();
    drop(store);
    // The files of the history are there, the live part does not know of them.
    let history = before.path().join("history");
    let noted = files(&history);
    for file in files(&folder.path().join("history")) {
        let target = before.path().join(file.strip_prefix(folder.path()).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(file, target).unwrap();
    }
    let shelves = |folder: &Path| {
        files(folder).into_iter().filter(|file| file.extension().is_some_and(|name| name == "shelf"))
    };
    assert_eq!(shelves(&history).count(), 4);
    // While it is not known whether all notes are there, nothing is removed.
    let unchecked = Options { check_up_to: 0, ..Options::default() };
    let kept = copy(before.path());
    drop(SledStore::open(kept.path(), &unchecked).unwrap());
    assert_eq!(shelves(&kept.path().join("history")).count(), 4);
    let store = open(before.path()).unwrap();
    assert!(all(&store).unwrap() == map);
    assert_eq!(store.stats().buckets, 2);
    assert!(shelves(&history).all(|file| noted.contains(&file)));
    settle(&store, (0..50).map(key), 1).unwrap();
    settle(&store, (50..90).map(key), 3).unwrap();
    drop(store);
    let store = open(before.path()).unwrap();
    assert!(all(&store).unwrap() == map);
    assert_eq!(block_on(store.drop_expired(3 * DAY)).unwrap(), 3);
    assert_eq!(all(&store).unwrap().len(), 10, "nothing of it was left among the live ones");
    assert_eq!(fs::read_dir(&history).unwrap().count(), 0);
}

#[test]
fn what_the_operator_gave_up_goes_with_the_next_start() {
    let (folder, _) = filled();
    let history = folder.path().join("history");
    let bucket = fs::read_dir(&history).unwrap().map(|entry| entry.unwrap().path()).min().unwrap();
    fs::rename(&bucket, history.join(format!("{}.dropped", name(&bucket)))).unwrap();
    for _ in 0..2 {
        let store = open(folder.path()).unwrap();
        assert_eq!(all(&store).unwrap().len(), 200);
        assert_eq!(store.stats().buckets, 1);
        store.checkpoint();
        assert_eq!(fs::read_dir(&history).unwrap().count(), 1);
    }
}

#[test]
fn damage_in_the_history_is_refused_by_name_and_nothing_else_is() {
    let (folder, map) = filled();
    let seed = std::env::var("TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    println!("seed {seed} (TEST_SEED)");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let (mut refused, mut tried) = (0, 0);
    for file in files(&folder.path().join("history")) {
        let path = file.strip_prefix(folder.path()).unwrap().to_owned();
        let length = fs::metadata(&file).unwrap().len();
        let places = if file.extension().is_some() { 24 } else { 4 };
        for place in 0..places {
            let at = random.next_u64() % length;
            let damaged = copy(folder.path());
            let target = damaged.path().join(&path);
            let what = match place % 3 {
                0 | 1 => {
                    let mut bytes = fs::read(&target).unwrap();
                    bytes[at as usize] ^= 1 << (random.next_u32() % 8);
                    fs::write(&target, bytes).unwrap();
                    format!("a bit of byte {at} of {}", path.display())
                }
                _ => {
                    fs::OpenOptions::new().write(true).open(&target).unwrap().set_len(at).unwrap();
                    format!("{at} of {length} bytes of {}", path.display())
                }
            };
            tried += 1;
            refused += usize::from(read_each(damaged.path(), &map, &what) > 0);
        }
        let damaged = copy(folder.path());
        fs::remove_file(damaged.path().join(&path)).unwrap();
        tried += 1;
        refused += usize::from(read_each(damaged.path(), &map, &format!("without {}", path.display())) > 0);
    }
    assert_eq!(refused, tried, "no byte of the history is without use");
}

#[test]
fn a_missing_bucket_is_told_until_it_is_given_up() {
    let (folder, map) = filled();
    let history = folder.path().join("history");
    let bucket = fs::read_dir(&history).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    fs::remove_dir_all(&bucket).unwrap();
    let refused = read_each(folder.path(), &map, "without a bucket");
    assert_eq!(refused, 100);
    let store = open(folder.path()).unwrap();
    let error = block_on(store.get(&key(250))).unwrap_err().to_string();
    assert!(error.contains(&name(&bucket)) && error.contains("missing"), "{error}");
    let failed = block_on(async {
        let mut stream = store.backup().await.unwrap();
        loop {
            match stream.recv().await {
                Some(Ok(_)) => {}
                end => return end,
            }
        }
    });
    assert!(
        matches!(failed, Some(Err(StoreError::Corrupt { .. }))),
        "a backup does not leave it out silently"
    );
    drop(store);
    fs::create_dir(history.join(format!("{}.dropped", name(&bucket)))).unwrap();
    let store = open(folder.path()).unwrap();
    assert_eq!(block_on(store.get(&key(250))).unwrap(), None);
    assert_eq!(block_on(store.get(&key(150))).unwrap(), Some(value(150)));
}

#[test]
fn few_buckets_stay_open_and_all_of_them_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    for n in 0..100 {
        put(&store, &key(n), value(n)).unwrap();
        settle(&store, [key(n)], 1_000 + u64::from(n)).unwrap();
    }
    drop(store);
    let begun = Instant::now();
    let store = open(folder.path()).unwrap();
    println!("100 buckets: opened in {:?}", begun.elapsed());
    let before = resident_mib();
    for round in 0..3 {
        for n in (0..100).rev() {
            assert_eq!(block_on(store.get(&key(n))).unwrap(), Some(value(n)), "{round}");
        }
        assert_eq!(all(&store).unwrap().len(), 100);
    }
    let open = store.history.all().iter().filter(|part| part.is_open()).count();
    assert!(open <= 64, "{open} are open");
    let (took, stats) = (begun.elapsed(), store.stats());
    println!("100 buckets: {took:?}, resident {before} MiB before, {} MiB after, {stats:?}", resident_mib());
}

#[test]
fn readers_miss_nothing_while_keys_move() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { checkpoint_bytes: 64 << 10, ..Options::default() };
    let store = SledStore::open(folder.path(), &options).unwrap();
    let count = 1_500;
    for first in (0..count).step_by(100) {
        let mut batch = Batch::new();
        for n in first..first + 100 {
            batch.put(key(n), value(n % 100));
        }
        block_on(store.commit(batch)).unwrap();
    }
    let look = |n| assert_eq!(block_on(store.get(&key(n))).unwrap(), Some(value(n % 100)));
    let rounds = read_meanwhile(&store, (b"k", count), look, || {
        for first in (0..count).step_by(10) {
            settle(&store, (first..first + 10).map(key), u64::from(first % 70) + 1).unwrap();
        }
    });
    println!("{rounds:?} rounds of reading");
}

#[test]
fn a_backup_is_of_one_moment_while_runs_end_and_move() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).unwrap();
    // Each number is `open`, then `shut` with a second key, then moves.
    let shut = |n: u32| [b"s", &n.to_be_bytes()[..]].concat();
    let done = AtomicBool::new(false);
    let backups: Vec<Vec<u8>> = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 0;
            while !done.load(Ordering::SeqCst) {
                put(&store, &key(n), b"open".to_vec()).unwrap();
                if n >= 5 {
                    let mut batch = Batch::new();
                    batch.put(key(n - 5), b"shut").put(shut(n - 5), vec![0; 2_000]);
                    block_on(store.commit(batch)).unwrap();
                    settle(&store, [key(n - 5), shut(n - 5)], u64::from(n % 3) + 1).unwrap();
                }
                n += 1;
            }
        });
        let backups = (0..6).map(|_| {
            std::thread::sleep(Duration::from_millis(40));
            block_on(async {
                let (mut stream, mut bytes) = (store.backup().await.unwrap(), Vec::new());
                // Slow, so that much moves meanwhile.
                std::thread::sleep(Duration::from_millis(60));
                while let Some(piece) = stream.recv().await {
                    bytes.extend(piece.unwrap());
                }
                bytes
            })
        });
        let backups = backups.collect();
        done.store(true, Ordering::SeqCst);
        backups
    });
    for backup in backups {
        verify(&backup[..]).unwrap();
        let place = tempfile::tempdir().unwrap();
        let place = place.path().join("store");
        SledStore::restore(&backup[..], &place, Trust::Anyone).unwrap();
        let map = all(&open(&place).unwrap()).unwrap();
        let numbers = map.keys().filter(|key| key[0] == b'k').count() as u32;
        for n in 0..numbers {
            let is_shut = map[&key(n)] == b"shut";
            assert_eq!(is_shut, map.contains_key(&shut(n)), "{n} of {numbers} is half of one moment");
            assert!(is_shut || n + 7 > numbers, "{n} of {numbers} is open again");
        }
    }
    assert!(
        fs::read_dir(folder.path()).unwrap().all(|entry| !name(&entry.unwrap().path()).starts_with("snap"))
    );
}

#[test]
fn a_restore_takes_all_or_leaves_nothing() {
    let (folder, map) = filled();
    let store = open(folder.path()).unwrap();
    let backup = block_on(async {
        let (mut stream, mut bytes) = (store.backup().await.unwrap(), Vec::new());
        while let Some(piece) = stream.recv().await {
            bytes.extend(piece.unwrap());
        }
        bytes
    });
    let place = tempfile::tempdir().unwrap();
    let target = place.path().join("store");
    let entries = || fs::read_dir(place.path()).unwrap().count();
    for length in [0, 30, backup.len() / 2, backup.len() - 1] {
        assert!(SledStore::restore(&backup[..length], &target, Trust::Anyone).is_err());
        assert_eq!(entries(), 0, "{length}");
    }
    let mut flipped = backup.clone();
    flipped[backup.len() / 3] ^= 4;
    assert!(SledStore::restore(&flipped[..], &target, Trust::Anyone).is_err());
    assert_eq!(entries(), 0);
    SledStore::restore(&backup[..], &target, Trust::Anyone).unwrap();
    assert!(matches!(
        SledStore::restore(&backup[..], &target, Trust::Anyone),
        Err(BackupError::NotEmpty { .. })
    ));
    assert!(all(&open(&target).unwrap()).unwrap() == map);
    assert_eq!(files(&target.join("blobs")).len(), 3, "large values of the history stand there alone");
}

fn resident_mib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() / 1_024
}

/// Runs of 2 KB come, end and move, with and without compaction; prints sizes and memory.
#[test]
#[ignore = "takes minutes: a measurement"]
fn the_live_part_levels_off() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { compact_every: Duration::from_secs(10), ..Options::default() };
    let store = SledStore::open(folder.path(), &options).unwrap();
    let count: u32 = std::env::var("TEST_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(100_000);
    let begun = Instant::now();
    let part = |kind: u8, n: u32| [&[kind], &n.to_be_bytes()[..]].concat();
    let random = |n: u32, size: usize| {
        let mut bytes = vec![0; size];
        ChaCha8Rng::seed_from_u64(n.into()).fill_bytes(&mut bytes);
        bytes
    };
    for first in (0..count).step_by(50) {
        let mut batch = Batch::new();
        for n in first..first + 50 {
            batch
                .put(part(b'r', n), random(n, 200))
                .put(part(b'e', n), random(n, 1_500))
                .put(part(b'q', n), []);
        }
        block_on(store.commit(batch)).unwrap();
        let mut batch = Batch::new();
        for n in first..first + 50 {
            batch.put(part(b'r', n), random(n, 210)).put(part(b's', n), random(n, 300)).delete(part(b'q', n));
        }
        block_on(store.commit(batch)).unwrap();
        if first % 200 == 150 {
            let keys = (first - 150..first + 50).flat_map(|n| [b'r', b'e', b's'].map(|kind| part(kind, n)));
            settle(&store, keys, 20_000 + u64::from(first / (count / 5))).unwrap();
        }
        if first % (count / 20) < 50 {
            println!(
                "{first:>7} {:>6.1?} resident {:>4} MiB {:?}",
                begun.elapsed(),
                resident_mib(),
                store.stats()
            );
        }
    }
    let stats = store.stats();
    println!("{count:>7} {:>6.1?} resident {:>4} MiB {stats:?}", begun.elapsed(), resident_mib());
    assert!(stats.disk_bytes < 200 << 20);
}
