//! The store on disk beside a plain map, under random steps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::store::{buckets, testing::copy};

/// One step of the comparison with a plain map.
#[derive(Debug, Clone)]
enum Step {
    Commit(Vec<(u8, Change)>),
    Archive(Vec<u8>, u64),
    DropExpired(u64),
    /// What was committed goes into the tree.
    Checkpoint,
    Reopen,
    /// The process ends without a word: what comes back is what the files have at this moment.
    Crash,
}

#[derive(Debug, Clone)]
enum Change {
    Put(Vec<u8>),
    /// It goes by itself with that day.
    PutUntil(Vec<u8>, u64),
    Delete,
    /// The keys that share the first byte of this one.
    DeletePrefix,
    /// It goes to the history with the batch.
    End(u64),
    ExpectAbsent,
    ExpectPresent,
}

/// Eight keys share a first byte.
fn named(key: u8) -> [u8; 2] {
    [key / 8, key]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let value = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..40),
        1 => (any::<u8>(), 16_000_usize..17_000).prop_map(|(byte, size)| vec![byte; size]),
    ];
    let change = prop_oneof![
        6 => value.clone().prop_map(Change::Put),
        4 => (value, 1..5_u64).prop_map(|(value, day)| Change::PutUntil(value, day)),
        3 => Just(Change::Delete),
        1 => Just(Change::DeletePrefix),
        2 => (1..5_u64).prop_map(Change::End),
        1 => Just(Change::ExpectAbsent),
        1 => Just(Change::ExpectPresent),
    ];
    let step = prop_oneof![
        12 => proptest::collection::vec((0..40_u8, change), 1..12).prop_map(Step::Commit),
        5 => (proptest::collection::vec(0..40_u8, 1..12), 1..5_u64).prop_map(|(keys, day)| Step::Archive(keys, day)),
        1 => (1..5_u64).prop_map(Step::DropExpired),
        2 => Just(Step::Checkpoint),
        1 => Just(Step::Reopen),
        2 => Just(Step::Crash),
    ];
    proptest::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn the_store_on_disk_is_a_sorted_map(steps in steps()) {
        let mut folder = tempfile::tempdir().unwrap();
        let open = |folder: &TempDir| SledStore::open(folder.path(), &Options::default()).unwrap();
        let (mut store, mut map) = (Some(open(&folder)), BTreeMap::<Vec<u8>, Vec<u8>>::new());
        // When those of its keys go that expire by themselves.
        let mut until = BTreeMap::<Vec<u8>, u64>::new();
        let mut history = BTreeMap::<u64, BTreeMap<Vec<u8>, Vec<u8>>>::new();
        // What the store was told since it opened: how soon something expires decides where it lands.
        let mut now_ms = 0;
        for step in steps {
            match step {
                Step::Reopen => {
                    drop(store.take());
                    store = Some(open(&folder));
                    now_ms = 0;
                }
                Step::Checkpoint => store.as_ref().unwrap().checkpoint(),
                Step::Crash => {
                    let copied = copy(folder.path());
                    drop(store.take());
                    folder = copied;
                    store = Some(open(&folder));
                    now_ms = 0;
                }
                Step::Archive(keys, day) => {
                    let step = to_day(keys.iter().map(|key| named(*key)), day);
                    let end = buckets::end_of(step.expires_ms, now_ms);
                    prop_assert!(block_on(store.as_ref().unwrap().settle(vec![step])).is_ok());
                    let moved = keys.into_iter().filter_map(|key| map.remove_entry(&named(key)[..]));
                    let moved: Vec<_> = moved.collect();
                    moved.iter().for_each(|(key, _)| until.retain(|other, _| other != key));
                    history.entry(end).or_default().extend(moved);
                }
                Step::DropExpired(day) => {
                    prop_assert!(block_on(store.as_ref().unwrap().drop_expired(day * DAY)).is_ok());
                    now_ms = now_ms.max(day * DAY);
                    history.retain(|end, _| *end > day * DAY);
                    let gone = until.extract_if(.., |_, end| *end <= day * DAY);
                    gone.for_each(|(key, _)| drop(map.remove(&key)));
                }
                Step::Commit(changes) => {
                    let (mut batch, mut next, mut holds) = (Batch::new(), map.clone(), true);
                    let (mut ended, mut until_next) = (Vec::new(), until.clone());
                    for (key, change) in changes {
                        let key = named(key).to_vec();
                        match change {
                            Change::Put(value) => {
                                batch.put(key.clone(), value.clone());
                                until_next.remove(&key);
                                next.insert(key, value);
                            }
                            Change::PutUntil(value, day) => {
                                batch.put_until(key.clone(), value.clone(), day * DAY, 0);
                                until_next.insert(key.clone(), day * DAY);
                                next.insert(key, value);
                            }
                            Change::Delete => {
                                batch.delete(key.clone());
                                until_next.remove(&key);
                                next.remove(&key);
                            }
                            Change::DeletePrefix => {
                                batch.delete_prefix(&key[..1]);
                                until_next.retain(|other, _| other[0] != key[0]);
                                next.retain(|other, _| other[0] != key[0]);
                            }
                            Change::End(day) => {
                                ends_on(&mut batch, [&key], day);
                                ended.push((day * DAY, key));
                            }
                            Change::ExpectAbsent => {
                                holds &= !map.contains_key(&key);
                                batch.expect_absent(key);
                            }
                            Change::ExpectPresent => {
                                holds &= map.contains_key(&key);
                                batch.expect_equals(key.clone(), map.get(&key).cloned().unwrap_or_default());
                            }
                        }
                    }
                    let result = block_on(store.as_ref().unwrap().commit(batch));
                    prop_assert_eq!(result.is_ok(), holds);
                    if holds {
                        (map, until) = (next, until_next);
                        for (end, key) in ended {
                            let moved = map.remove_entry(&key);
                            until.remove(&key);
                            history.entry(end).or_default().extend(moved);
                        }
                    }
                }
            }
            // What ends later replaces what ends earlier, and the live part all of it.
            let merged: BTreeMap<_, _> = history.values().chain([&map]).flatten().collect();
            let mut pairs: Vec<Pair> =
                merged.into_iter().map(|(key, value)| (key.clone(), value.clone())).collect();
            for key in 0..40_u8 {
                let value = pairs.iter().find(|(other, _)| *other == named(key)).map(|(_, value)| value.clone());
                prop_assert_eq!(block_on(store.as_ref().unwrap().get(&named(key))).unwrap(), value);
            }
            prop_assert_eq!(&all(store.as_ref().unwrap()), &pairs);
            pairs.reverse();
            let reversed = block_on(store.as_ref().unwrap().scan(KeyRange::prefix([]), Order::Descending, usize::MAX));
            prop_assert_eq!(reversed.unwrap(), pairs);
        }
    }
}
