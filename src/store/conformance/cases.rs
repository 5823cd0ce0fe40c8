//! One function a promise.

use super::*;
use crate::store::{Trust, verify};

pub(super) fn reads_own_writes(store: &dyn Store) {
    assert_eq!(block_on(store.get(b"k")).unwrap(), None);
    put(store, b"k", b"one");
    put(store, b"k", b"two");
    assert_eq!(block_on(store.get(b"k")).unwrap().unwrap(), b"two");
    commit(store, |batch| batch.delete(b"k").delete(b"never there")).unwrap();
    assert_eq!(block_on(store.get(b"k")).unwrap(), None);
    assert_eq!(all(store), []);
}

pub(super) fn several_values_come_in_the_order_of_their_keys(store: &dyn Store) {
    commit(store, |batch| batch.put(b"a", b"1").put(b"b", vec![2; 40_000]).put(b"c", b"")).unwrap();
    block_on(store.settle(vec![to_day([b"a"], 3)])).unwrap();
    let keys = [b"c", b"x", b"b", b"a", b"c"].map(Key::from);
    let found = block_on(store.get_many(&keys)).unwrap();
    let expected = [Some(vec![]), None, Some(vec![2; 40_000]), Some(b"1".to_vec()), Some(vec![])];
    assert_eq!(found, expected);
    assert_eq!(block_on(store.get_many(&[])).unwrap(), Vec::<Option<Vec<u8>>>::new());
}

pub(super) fn a_failed_expectation_writes_nothing(store: &dyn Store) {
    put(store, b"held", b"v");
    let failed = commit(store, |batch| {
        batch.put(b"a", b"1").expect_absent(b"free").expect_absent(b"held").delete(b"held").put(b"b", b"2")
    });
    let Err(StoreError::Conflict { key, found }) = failed else { panic!("{failed:?}") };
    assert_eq!((key, found), (Key::from(b"held"), Some(b"v".to_vec())));
    assert_eq!(all(store), [(b"held".to_vec(), b"v".to_vec())]);
}

pub(super) fn an_expected_value_is_compared_whole(store: &dyn Store) {
    let large = vec![7; 100_000];
    put(store, b"large", large.clone());
    put(store, b"small", b"value");
    for (key, value, holds) in [
        (&b"small"[..], b"value".to_vec(), true),
        (b"small", b"valu".to_vec(), false),
        (b"small", vec![], false),
        (b"absent", vec![], false),
        (b"large", large.clone(), true),
        (b"large", large[1..].to_vec(), false),
    ] {
        let result = commit(store, |batch| batch.expect_equals(key, value).put(b"x", b""));
        assert_eq!(result.is_ok(), holds, "{key:?}");
    }
    let conflict = commit(store, |batch| batch.expect_absent(b"large"));
    assert!(matches!(conflict, Err(StoreError::Conflict { found: Some(found), .. }) if found == large));
}

pub(super) fn of_a_hundred_takers_one_wins(store: &dyn Store) {
    for round in 0..5_u8 {
        let key = [b'k', round];
        let wins: Vec<bool> = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..100_u8)
                .map(|n| {
                    scope.spawn(move || {
                        match commit(store, |batch| batch.expect_absent(&key).put(&key, [n])) {
                            Ok(()) => true,
                            Err(StoreError::Conflict { found, .. }) => {
                                // Whoever lost is told who won, and reads the same.
                                assert_eq!(found, block_on(store.get(&key)).unwrap());
                                false
                            }
                            Err(error) => panic!("{error}"),
                        }
                    })
                })
                .collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).collect()
        });
        assert_eq!(wins.iter().filter(|won| **won).count(), 1);
        let winner = wins.iter().position(|won| *won).unwrap() as u8;
        assert_eq!(block_on(store.get(&key)).unwrap(), Some(vec![winner]));
    }
}

pub(super) fn scans_keep_order_and_limits(store: &dyn Store) {
    const NONE: [u16; 0] = [];
    commit(store, |batch| {
        (0..300_u16).rev().fold(batch, |batch, n| batch.put(&n.to_be_bytes(), n.to_string()))
    })
    .unwrap();
    put(store, &[9, 9, 9], b"elsewhere");
    let numbers = |range: KeyRange, order, limit| -> Vec<u16> {
        let pairs = block_on(store.scan(range, order, limit)).unwrap().into_iter();
        pairs.map(|(_, value)| String::from_utf8(value).unwrap().parse().unwrap()).collect()
    };
    let one = || KeyRange::prefix([1]);
    assert_eq!(numbers(one(), Order::Ascending, 1_000), (256..300).collect::<Vec<_>>());
    assert_eq!(numbers(one(), Order::Descending, 3), [299, 298, 297]);
    assert_eq!(numbers(one().before([1, 2]), Order::Descending, 9), [257, 256]);
    assert_eq!(numbers(one().after([1, 40]), Order::Ascending, 2), [297, 298]);
    assert_eq!(numbers(one().after([1, 1]).before([1, 2]), Order::Ascending, 9), NONE);
    assert_eq!(numbers(one().before([0]), Order::Ascending, 9), NONE);
    assert_eq!(numbers(one(), Order::Ascending, 0), NONE);
    assert_eq!(block_on(store.scan(KeyRange::prefix([]), Order::Descending, 1)).unwrap()[0].1, b"elsewhere");
}

pub(super) fn values_of_every_size(store: &dyn Store) {
    let sizes = [0, 1, 1_000, 16 << 10, (16 << 10) + 1, 500_000, 5 << 20];
    let value = |size: usize, salt: usize| -> Vec<u8> { (0..size).map(|n| (n * 31 + salt) as u8).collect() };
    let numbered = || sizes.into_iter().enumerate().map(|(n, size)| ([n as u8], size));
    commit(store, |batch| numbered().fold(batch, |batch, (key, size)| batch.put(&key, value(size, 0))))
        .unwrap();
    for (key, size) in numbered() {
        assert_eq!(block_on(store.get(&key)).unwrap(), Some(value(size, 0)), "{size}");
        // From and to each kind of place.
        put(store, b"changing", value(size, 1));
        assert_eq!(block_on(store.get(b"changing")).unwrap(), Some(value(size, 1)));
    }
    assert_eq!(all(store).len(), sizes.len() + 1);
}

pub(super) fn the_last_write_of_a_batch_wins(store: &dyn Store) {
    commit(store, |batch| {
        batch.put(b"a", b"1").delete(b"a").put(b"a", b"2").put(b"b", vec![1; 20_000]).put(b"b", b"small");
        batch.put(b"c", b"1").delete(b"c")
    })
    .unwrap();
    assert_eq!(all(store), [(b"a".to_vec(), b"2".to_vec()), (b"b".to_vec(), b"small".to_vec())]);
}

pub(super) fn a_conditional_delete_is_no_conflict(store: &dyn Store) {
    put(store, b"kept", b"new");
    put(store, b"gone", b"old");
    commit(store, |batch| {
        batch.delete_if(b"kept", b"old").delete_if(b"gone", b"old").delete_if(b"absent", b"old");
        batch.put(b"own", b"1").delete_if(b"own", b"1").put(b"other", b"2").delete_if(b"other", b"1")
    })
    .unwrap();
    let keys: Vec<_> = all(store).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [b"kept".to_vec(), b"other".to_vec()]);
}

pub(super) fn a_prefix_goes_in_its_turn(store: &dyn Store) {
    let names = || -> Vec<String> {
        all(store).into_iter().map(|(key, _)| String::from_utf8(key).unwrap()).collect()
    };
    let fill = || {
        commit(store, |batch| {
            let batch = batch.delete_prefix(b"").put(b"a", b"1").put(b"b", b"2").put(b"b1", vec![7; 40_000]);
            batch.put(b"b2", b"3").put(b"ba", b"").put(b"c", b"4")
        })
        .unwrap();
    };
    fill();
    assert_eq!(names(), ["a", "b", "b1", "b2", "ba", "c"]);
    commit(store, |batch| batch.delete_prefix(b"b")).unwrap();
    assert_eq!(names(), ["a", "c"]);
    assert_eq!(block_on(store.get(b"b1")).unwrap(), None);
    // Nothing that begins with it is no error, and no conflict.
    commit(store, |batch| batch.delete_prefix(b"b").delete_prefix(b"nothing")).unwrap();
    assert_eq!(names(), ["a", "c"]);
    // What was put before it goes, what is put after it stays.
    fill();
    commit(store, |batch| {
        let batch = batch.put(b"b3", b"new").put(b"b", b"new").put(b"d", vec![1; 20_000]);
        batch.delete_prefix(b"b").put(b"b2", b"after").put(b"b4", vec![2; 20_000])
    })
    .unwrap();
    assert_eq!(names(), ["a", "b2", "b4", "c", "d"]);
    assert_eq!(
        (block_on(store.get(b"b2")).unwrap().unwrap(), block_on(store.get(b"b4")).unwrap().unwrap().len()),
        (b"after".to_vec(), 20_000)
    );
    // A conditional delete sees what it left, and so does a second one.
    commit(store, |batch| {
        let batch = batch.delete_prefix(b"b2").delete_if(b"b2", b"after").put(b"b2", b"again");
        batch
            .delete_if(b"b2", b"after")
            .put(b"b4x", b"")
            .delete_prefix(b"b4")
            .put(b"b4y", b"")
            .delete_prefix(b"b4")
    })
    .unwrap();
    assert_eq!(names(), ["a", "b2", "c", "d"]);
    // Expectations speak of what was before the batch.
    let result = commit(store, |batch| batch.delete_prefix(b"a").expect_absent(b"a"));
    assert!(matches!(result, Err(StoreError::Conflict { .. })));
    commit(store, |batch| {
        batch.delete_prefix(b"a").put(b"a9", b"").expect_equals(b"a", b"1").expect_absent(b"a9")
    })
    .unwrap();
    assert_eq!(names(), ["a9", "b2", "c", "d"]);
    commit(store, |batch| batch.delete_prefix(&[255])).unwrap();
    commit(store, |batch| batch.delete_prefix(b"")).unwrap();
    assert_eq!(all(store), []);
    // The backend has lost nothing of its own.
    put(store, b"k", b"v");
    assert_eq!(all(store).len(), 1);
}

pub(super) fn a_prefix_is_seen_with_the_batches_around_it(store: &dyn Store) {
    put(store, b"p-old", b"1");
    // All of them are queued before the first is waited for, so that most are of one group.
    let batches = (0..40_u8).map(|round| {
        let name = |part: u8| [b'p', b'-', round, part];
        [
            store.commit(batch(|batch| {
                batch.put(&name(0), [round]).put(&name(1), vec![round; 17_000]).put(&[b'q', round], b"")
            })),
            store.commit(batch(|batch| batch.expect_equals(&name(0), [round]).delete_prefix(&name(0)[..3]))),
            store.commit(batch(|batch| {
                batch.expect_absent(&name(0)).expect_absent(&name(1)).put(&name(2), b"kept")
            })),
        ]
    });
    let batches: Vec<_> = batches.flatten().collect();
    for answer in batches {
        block_on(answer).unwrap();
    }
    let kept: Vec<u8> = all(store).iter().filter(|(key, _)| key.len() == 4).map(|(key, _)| key[2]).collect();
    assert_eq!(kept, Vec::from_iter(0..40));
    assert_eq!(all(store).len(), 81);
    commit(store, |batch| batch.delete_prefix(b"p")).unwrap();
    assert_eq!(all(store).len(), 40);
}

pub(super) fn an_empty_batch_is_a_barrier(store: &dyn Store) {
    block_on(store.commit_lazily(batch(|batch| batch.put(b"k", b"v")))).unwrap();
    // For what is not readable yet it need not wait.
    until_readable(store, b"k");
    block_on(store.commit(Batch::new())).unwrap();
    assert_eq!(block_on(store.get(b"k")).unwrap().unwrap(), b"v");
}

pub(super) fn lazy_batches_are_written_in_their_turn(store: &dyn Store) {
    for n in 0..300_u16 {
        block_on(store.commit_lazily(batch(|batch| batch.put(b"k", n.to_string())))).unwrap();
    }
    put(store, b"k", b"last");
    assert_eq!(block_on(store.get(b"k")).unwrap().unwrap(), b"last");
    block_on(store.commit_lazily(batch(|batch| batch.expect_absent(b"k").put(b"no", b"")))).unwrap();
    block_on(store.commit_lazily(batch(|batch| batch.put(b"alone", b"")))).unwrap();
    until_readable(store, b"alone");
    assert_eq!(block_on(store.get(b"no")).unwrap(), None);
}

pub(super) fn a_closed_store_reads_and_does_not_write(store: &dyn Store) {
    block_on(store.commit_lazily(batch(|batch| batch.put(b"queued", b"v")))).unwrap();
    block_on(store.close());
    block_on(store.close());
    assert_eq!(block_on(store.get(b"queued")).unwrap().unwrap(), b"v");
    assert!(matches!(commit(store, |batch| batch.put(b"k", b"")), Err(StoreError::Closed)));
    assert!(matches!(block_on(store.commit_lazily(Batch::new())), Err(StoreError::Closed)));
}

pub(super) fn what_is_settled_reads_as_before(store: &dyn Store) {
    let key = |n: u16| [b"k", &n.to_be_bytes()[..]].concat();
    let value = |n: u16| vec![n as u8; if n % 90 == 5 { 40_000 } else { usize::from(n) }];
    commit(store, |batch| (0..300).fold(batch, |batch, n| batch.put(key(n), value(n)))).unwrap();
    put(store, b"gone", b"");
    let before = all(store);
    // Ranges that lie apart, overlap and interleave.
    let moves = [(0..50, 1, 3), (40..200, 2, 4), (201..280, 2, 9), (100..290, 7, 5)];
    for (numbers, step, day) in moves {
        let mut one = to_day(numbers.step_by(step).map(key), day);
        one.also_delete.push(Key::from(b"gone"));
        block_on(store.settle(vec![one])).unwrap();
        let mut expected = before.clone();
        expected.retain(|(key, _)| key != b"gone");
        assert!(all(store) == expected);
        for limit in [1, 7, 100, 299, 300, 301] {
            let pairs = |order| block_on(store.scan(KeyRange::prefix(b"k"), order, limit)).unwrap();
            assert!(pairs(Order::Ascending)[..] == expected[..limit.min(300)]);
            expected.reverse();
            assert!(pairs(Order::Descending)[..] == expected[..limit.min(300)]);
            expected.reverse();
        }
        let range = KeyRange::prefix(b"k").after(key(30)).before(key(250));
        assert!(block_on(store.scan(range, Order::Ascending, 1_000)).unwrap()[..] == expected[31..250]);
    }
    assert!(
        before.iter().all(|(key, value)| block_on(store.get(key)).unwrap().is_none_or(|read| read == *value))
    );
    assert_eq!(store.stats().buckets, 4);
}

pub(super) fn what_begins_with_a_prefix_is_settled_as_a_whole(store: &dyn Store) {
    let value = |n: u8| vec![n; 15_000];
    // More than a backend moves at once.
    for run in 0..40_u8 {
        commit(store, |batch| {
            (0..20).fold(batch.put(&[b'h', run], [run]), |batch, n| batch.put(&[b's', run, n], value(n)))
        })
        .unwrap();
    }
    put(store, b"t", b"another");
    put(store, b"note", b"");
    let before = all(store);
    let one = |run: u8| Settled {
        keys: vec![Key::from(&[b'h', run]), Key::from(b"not there")],
        prefixes: vec![Key::from(&[b's', run])],
        expires_ms: DAY / 2 + DAY * u64::from(run % 2),
        also_delete: if run == 39 { vec![Key::from(b"note")] } else { vec![] },
    };
    block_on(store.settle((10..40).map(one).collect())).unwrap();
    let mut expected = before;
    expected.retain(|(key, _)| key != b"note");
    assert!(all(store) == expected);
    assert_eq!(store.stats().buckets, 2);
    // What is live alone is seen by expectations.
    let absent = |key: &[u8]| commit(store, |batch| batch.expect_absent(key)).is_ok();
    assert!(absent(&[b's', 10, 3]) && absent(&[b'h', 39]) && !absent(&[b's', 9, 3]) && !absent(b"t"));
    assert_eq!(block_on(store.drop_expired(DAY)).unwrap(), 1);
    expected.retain(|(key, _)| key == b"t" || key[1] < 10 || key[1] % 2 == 1);
    assert!(all(store) == expected);
}

pub(super) fn settled_keys_are_absent_for_expectations_and_hidden_by_new_ones(store: &dyn Store) {
    put(store, b"k", b"old");
    block_on(store.settle(vec![to_day([b"k"], 3)])).unwrap();
    assert!(matches!(
        commit(store, |batch| batch.expect_equals(b"k", b"old")),
        Err(StoreError::Conflict { found: None, .. })
    ));
    commit(store, |batch| batch.expect_absent(b"k").put(b"k", b"new")).unwrap();
    assert_eq!(all(store), [(b"k".to_vec(), b"new".to_vec())]);
    assert_eq!(block_on(store.get(b"k")).unwrap().unwrap(), b"new");
    // Of two in the history, that which stays longer.
    block_on(store.settle(vec![to_day([b"k"], 4)])).unwrap();
    assert_eq!(block_on(store.get(b"k")).unwrap().unwrap(), b"new");
    assert_eq!(all(store), [(b"k".to_vec(), b"new".to_vec())]);
    block_on(store.settle(vec![to_day([b"k", b"x"], 4)])).unwrap();
    assert_eq!(all(store), [(b"k".to_vec(), b"new".to_vec())], "again, and of what is not there");
}

pub(super) fn buckets_are_dropped_whole(store: &dyn Store) {
    for day in 1..6_u8 {
        put(store, &[b'k', day], vec![day; 30_000]);
        put(store, &[b'm', day], vec![day; 3_000]);
        let keys = [[b'k', day], [b'm', day]];
        block_on(store.settle(vec![to_day(keys, u64::from(day) + 1)])).unwrap();
    }
    let days =
        || all(store).iter().filter(|(key, _)| key[0] == b'm').map(|(key, _)| key[1]).collect::<Vec<_>>();
    assert_eq!((days(), store.stats().buckets), (vec![1, 2, 3, 4, 5], 5));
    assert_eq!(block_on(store.drop_expired(2 * DAY - 1)).unwrap(), 0);
    assert_eq!(block_on(store.drop_expired(3 * DAY)).unwrap(), 2);
    assert_eq!((days(), block_on(store.get(&[b'k', 2])).unwrap()), (vec![3, 4, 5], None));
    let size = store.stats().history_bytes;
    assert!(size > 90_000);
    assert_eq!(block_on(store.drop_oldest(size)).unwrap(), 0);
    assert_eq!(block_on(store.drop_oldest(size - 1)).unwrap(), 1);
    assert_eq!(days(), [4, 5]);
    assert_eq!(block_on(store.drop_oldest(0)).unwrap(), 2);
    assert_eq!((all(store), store.stats().buckets), (vec![], 0));
}

pub(super) fn a_backup_holds_everything(store: &dyn Store) {
    for day in 1..4_u8 {
        put(store, &[b'k', day], vec![day; 30_000]);
        block_on(store.settle(vec![to_day([[b'k', day]], u64::from(day) + 1)])).unwrap();
        put(store, &[b'l', day], vec![day; 300_000]);
    }
    commit(store, |batch| {
        batch.put_until(b"d1", b"claim", 2 * DAY, 0).put_until(b"d2", b"claim", 9 * DAY, 0)
    })
    .unwrap();
    commit(store, |batch| batch.put_until(b"d3", b"claim", 9 * DAY, 0)).unwrap();
    commit(store, |batch| batch.delete(b"d3")).unwrap();
    let backup = block_on(async {
        let (mut stream, mut bytes) = (store.backup().await.unwrap(), Vec::new());
        while let Some(piece) = stream.recv().await {
            bytes.extend(piece.unwrap());
        }
        bytes
    });
    let contents = verify(&backup[..]).unwrap();
    assert_eq!((contents.live, contents.history, contents.buckets), (5, 3, 3));
    let folder = tempfile::tempdir().unwrap();
    let restored = folder.path().join("store");
    assert_eq!(SledStore::restore(&backup[..], &restored, Trust::Anyone).unwrap(), contents);
    let restored = SledStore::open(&restored, &Options::default()).unwrap();
    assert!(all(&restored) == all(store));
    assert_eq!(block_on(restored.drop_expired(3 * DAY)).unwrap(), 2);
    assert_eq!(all(&restored).len(), 5);
    assert!(commit(&restored, |batch| batch.expect_absent(b"d1").expect_equals(b"d2", b"claim")).is_ok());
}

pub(super) fn a_dropped_future_takes_nothing_back(store: &dyn Store) {
    drop(store.commit(batch(|batch| batch.put(b"k", b"v"))));
    block_on(store.commit(Batch::new())).unwrap();
    assert_eq!(block_on(store.get(b"k")).unwrap().unwrap(), b"v");
}
