//! One function a promise on what ends with a batch, and on what expires by itself.

use super::*;

pub(super) fn what_ends_with_a_batch_moves_as_the_batch_leaves_it(store: &dyn Store) {
    let absent = |key: &[u8]| commit(store, |batch| batch.expect_absent(key)).is_ok();
    for run in 0..20_u8 {
        let (key, large) = (|part: &[u8]| [&b"r"[..], &[run], part].concat(), vec![run; 20_000]);
        commit(store, |batch| {
            let batch =
                batch.put(key(b"old"), b"1").put(key(b"changed"), large.clone()).put(key(b"gone"), b"1");
            batch.put(key(b"s1"), b"1").put(key(b"note"), b"").put(&[b'z', run], b"another's")
        })
        .unwrap();
        let keys = [key(b"old"), key(b"changed"), key(b"gone"), key(b"new"), key(b"large"), key(b"nowhere")];
        let mut settled = to_day(keys, 2 + u64::from(run % 2));
        settled.prefixes.push(Key::from(key(b"s")));
        settled.also_delete.push(Key::from(key(b"note")));
        commit(store, |batch| {
            batch.put(key(b"new"), b"2").put(key(b"s2"), b"2").settle(settled, 0);
            batch
                .put(key(b"changed"), b"2")
                .delete(key(b"gone"))
                .put(key(b"s3"), b"3")
                .put(key(b"large"), large)
        })
        .unwrap();
        let range = KeyRange::prefix([b'r', run]);
        let found = block_on(store.scan(range, Order::Ascending, 99)).unwrap();
        let values = |part: &[u8]| block_on(store.get(&key(part))).unwrap();
        assert_eq!(found.len(), 7, "{run}");
        assert_eq!((values(b"changed"), values(b"gone"), values(b"note")), (Some(b"2".to_vec()), None, None));
        assert_eq!(
            (values(b"s3"), values(b"large").map(|large| large.len())),
            (Some(b"3".to_vec()), Some(20_000))
        );
        assert!(
            [&b"old"[..], b"changed", b"new", b"s1", b"s2", b"s3", b"large"]
                .iter()
                .all(|part| absent(&key(part)))
        );
        assert!(!absent(&[b'z', run]));
    }
    assert_eq!((all(store).len(), store.stats().buckets), (20 * 8, 2));
    // A batch of nothing else, of what moved already, and of what was written again.
    commit(store, |batch| ends_on(batch, [[b'z', 3]], 3)).unwrap();
    commit(store, |batch| ends_on(batch, [[b'z', 3]], 9)).unwrap();
    commit(store, |batch| batch.put(&[b'z', 3], b"again")).unwrap();
    assert!(!absent(&[b'z', 3]));
    commit(store, |batch| ends_on(batch, [[b'z', 3]], 3)).unwrap();
    assert_eq!(block_on(store.get(&[b'z', 3])).unwrap().unwrap(), b"again");
    assert_eq!(block_on(store.drop_expired(2 * DAY)).unwrap(), 1);
    assert_eq!(all(store).len(), 20 * 8 - 10 * 7);
    assert_eq!(block_on(store.drop_expired(3 * DAY)).unwrap(), 1);
    assert_eq!((all(store).len(), store.stats().buckets), (19, 0));
}

pub(super) fn a_batch_that_conflicts_moves_nothing(store: &dyn Store) {
    put(store, b"k", b"1");
    let failed = commit(store, |batch| ends_on(batch.expect_equals(b"k", b"2"), [b"k"], 3));
    assert!(matches!(failed, Err(StoreError::Conflict { .. })));
    assert_eq!(store.stats().buckets, 0);
    // It sees what was before it.
    commit(store, |batch| ends_on(batch.expect_equals(b"k", b"1"), [b"k"], 3)).unwrap();
    assert!(commit(store, |batch| batch.expect_absent(b"k")).is_ok());
}

pub(super) fn what_expires_by_itself_is_live_until_then(store: &dyn Store) {
    let key = |n: u8| [b'd', n];
    for n in 0..60 {
        let expires_ms = (1 + u64::from(n % 3)) * DAY;
        commit(store, |batch| {
            let batch =
                batch.expect_absent(&key(n)).put_until(&key(n), vec![n; usize::from(n) * 400], expires_ms, 0);
            batch.put(&[b'e', n], b"stays")
        })
        .unwrap();
        assert!(commit(store, |batch| batch.expect_absent(&key(n))).is_err(), "{n}");
    }
    let value = |n: u8| block_on(store.get(&key(n))).unwrap();
    assert!((0..60).all(|n| value(n) == Some(vec![n; usize::from(n) * 400])));
    assert_eq!(all(store).len(), 120);
    for limit in [1, 20, 59, 60, 61] {
        let keys = |order| -> Vec<u8> {
            let found = block_on(store.scan(KeyRange::prefix(b"d"), order, limit)).unwrap();
            found.into_iter().map(|(key, _)| key[1]).collect()
        };
        assert_eq!(keys(Order::Ascending), Vec::from_iter((0..60).take(limit)));
        assert_eq!(keys(Order::Descending), Vec::from_iter((0..60).rev().take(limit)));
    }
    let equals =
        |n: u8| commit(store, |batch| batch.expect_equals(&key(n), vec![n; usize::from(n) * 400])).is_ok();
    let conflict = commit(store, |batch| batch.expect_absent(&key(7)).put(b"x", b""));
    assert!(matches!(conflict, Err(StoreError::Conflict { found: Some(found), .. }) if found == [7; 2_800]));
    assert_eq!((equals(50), store.stats().buckets), (true, 0), "it is no history");
    // Nothing goes before its time; what goes is free.
    block_on(store.drop_expired(DAY - 1)).unwrap();
    assert_eq!(all(store).len(), 120);
    block_on(store.drop_expired(DAY)).unwrap();
    assert_eq!((all(store).len(), value(0), value(1)), (100, None, Some(vec![1; 400])));
    commit(store, |batch| batch.expect_absent(&key(3)).put_until(&key(3), b"again", 3 * DAY, 0)).unwrap();
    assert!(!equals(3) && equals(4) && commit(store, |batch| batch.expect_absent(&key(6))).is_ok());
    // The history goes by its own size alone.
    assert_eq!(block_on(store.drop_oldest(0)).unwrap(), 0);
    block_on(store.drop_expired(3 * DAY)).unwrap();
    assert_eq!(all(store).len(), 60);
}

pub(super) fn what_expires_by_itself_is_written_again_and_given_back(store: &dyn Store) {
    let value = |key: &[u8]| block_on(store.get(key)).unwrap();
    let until = |key: &[u8], text: &str, day: u64| {
        commit(store, |batch| batch.put_until(key, text, day * DAY, 0)).unwrap();
    };
    // To an end that is later, earlier, the same; to none, and from none.
    for (key, first, second) in [(b"d1", 1, 3), (b"d2", 3, 1), (b"d3", 2, 2)] {
        until(key, "one", first);
        until(key, "two", second);
    }
    until(b"d4", "one", 2);
    put(store, b"d4", b"two");
    put(store, b"d5", b"one");
    until(b"d5", "two", 2);
    // Given back: at once, on a condition, with all that begins so; and taken again.
    for key in [b"g1", b"g2", b"g3", b"g4"] {
        until(key, "one", 2);
    }
    commit(store, |batch| batch.delete(b"g1").delete_if(b"g2", b"one").delete_if(b"g3", b"two")).unwrap();
    commit(store, |batch| batch.delete_prefix(b"g4")).unwrap();
    assert_eq!(
        ["g1", "g2", "g3", "g4"].map(|key| value(key.as_bytes()).is_some()),
        [false, false, true, false]
    );
    commit(store, |batch| batch.expect_absent(b"g2").put_until(b"g2", b"again", 3 * DAY, 0)).unwrap();
    let left = || -> Vec<String> {
        let found = all(store).into_iter().map(|(key, value)| [key, b"=".to_vec(), value].concat());
        found.map(|pair| String::from_utf8(pair).unwrap()).collect()
    };
    assert_eq!(left(), ["d1=two", "d2=two", "d3=two", "d4=two", "d5=two", "g2=again", "g3=one"]);
    block_on(store.drop_expired(DAY)).unwrap();
    // No earlier value comes back.
    assert_eq!(left(), ["d1=two", "d3=two", "d4=two", "d5=two", "g2=again", "g3=one"]);
    // What has ended leaves with the history, not by itself.
    commit(store, |batch| batch.settle(to_day([b"d3"], 4), 0)).unwrap();
    assert!(commit(store, |batch| batch.expect_absent(b"d3")).is_ok());
    block_on(store.drop_expired(2 * DAY)).unwrap();
    assert_eq!(left(), ["d1=two", "d3=two", "d4=two", "g2=again"]);
    block_on(store.drop_expired(3 * DAY)).unwrap();
    assert_eq!(left(), ["d3=two", "d4=two"]);
}
