//! What a shelf gives back, and that no change of a byte goes unnoticed.

use std::{collections::BTreeMap, fs, os::unix::fs::FileExt, path::Path, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::store::{KeyRange, Order};

type Map = BTreeMap<Vec<u8>, Vec<u8>>;

fn write(path: &Path, map: &Map) -> Summary {
    let mut writer = Writer::create(path).unwrap();
    map.iter().for_each(|(key, value)| writer.add(key, value).unwrap());
    writer.finish().unwrap()
}

fn all(shelf: &Shelf, order: Order) -> Result<Vec<(Vec<u8>, Vec<u8>)>, StoreError> {
    let pairs = shelf.scan(&KeyRange::prefix([]), order, usize::MAX)?;
    Ok(pairs.into_iter().map(|(key, value)| (key.into(), value)).collect())
}

/// Keys of several kinds, with values from nothing to more than a block.
fn sample(pairs: u32) -> Map {
    let pair = |n: u32| {
        let key = [&[b"eirs"[n as usize % 4]], &n.to_be_bytes()[..]].concat();
        (key, vec![n as u8; if n % 50 == 7 { 5_000 } else { n as usize % 300 }])
    };
    (0..pairs).map(pair).collect()
}

/// Opens a shelf and reads every key of it and the whole in order.
fn read_whole(path: &Path, summary: &Summary, map: &Map) -> Result<(), StoreError> {
    let shelf = Shelf::open(path, summary)?;
    for (key, value) in map {
        let found = shelf.get(key)?;
        assert!(found.as_ref() == Some(value), "{key:?} is silently another");
    }
    assert!(all(&shelf, Order::Ascending)?.into_iter().eq(map.clone()));
    let mut merged = Merged::new([Arc::new(shelf)])?;
    while merged.next()?.is_some() {}
    Ok(())
}

#[test]
fn every_changed_byte_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.shelf");
    let map = sample(60);
    let summary = write(&path, &map);
    let bytes = fs::read(&path).unwrap();
    assert_eq!(summary.length, bytes.len() as u64);
    read_whole(&path, &summary, &map).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for (at, byte) in (0..).zip(&bytes) {
        file.write_all_at(&[byte ^ (1 << (at % 8))], at).unwrap();
        let error = read_whole(&path, &summary, &map).unwrap_err();
        assert!(
            matches!(&error, StoreError::Corrupt { place, .. } if place.contains("1.shelf")),
            "byte {at}: {error}"
        );
        file.write_all_at(&[*byte], at).unwrap();
    }
    read_whole(&path, &summary, &map).unwrap();
}

#[test]
fn every_cut_and_every_byte_more_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("1.shelf");
    let map = sample(60);
    let summary = write(&path, &map);
    let bytes = fs::read(&path).unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    for length in (0..bytes.len()).rev() {
        file.set_len(length as u64).unwrap();
        assert!(matches!(Shelf::open(&path, &summary), Err(StoreError::Corrupt { .. })), "{length}");
    }
    fs::write(&path, [&bytes[..], b"x"].concat()).unwrap();
    assert!(matches!(Shelf::open(&path, &summary), Err(StoreError::Corrupt { .. })));
    fs::remove_file(&path).unwrap();
    let Err(error) = Shelf::open(&path, &summary) else { panic!("it is not there") };
    assert!(error.to_string().contains("1.shelf") && error.to_string().contains("missing"), "{error}");
}

#[test]
fn another_shelf_under_its_name_and_a_newer_one_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, other) = (folder.path().join("1.shelf"), folder.path().join("2.shelf"));
    let (summary, mut map) = (write(&path, &sample(60)), sample(60));
    map.values_mut().for_each(|value| value.iter_mut().for_each(|byte| *byte = !*byte));
    let another = write(&other, &map);
    assert_eq!(summary.length, another.length);
    fs::rename(&other, &path).unwrap();
    assert!(matches!(Shelf::open(&path, &summary), Err(StoreError::Corrupt { .. })));
    let mut bytes = fs::read(&path).unwrap();
    bytes[8] = 2;
    let sum = crc32fast::hash(&bytes[..12]).to_le_bytes();
    bytes[12..16].copy_from_slice(&sum);
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Shelf::open(&path, &another), Err(StoreError::NewerVersion { found: 2, .. })));
}

fn maps() -> impl Strategy<Value = Vec<Map>> {
    let value = prop_oneof![
        4 => proptest::collection::vec(any::<u8>(), 0..60),
        1 => (any::<u8>(), 3_000_usize..9_000).prop_map(|(byte, size)| vec![byte; size]),
    ];
    let map = proptest::collection::btree_map(proptest::collection::vec(0..6_u8, 0..4), value, 1..120);
    proptest::collection::vec(map, 1..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn a_shelf_is_a_sorted_map_and_a_merge_is_the_union(maps in maps(), start: [u8; 2], end: [u8; 2], limit in 0..40_usize) {
        let folder = tempfile::tempdir().unwrap();
        let mut shelves = Vec::new();
        for (n, map) in maps.iter().enumerate() {
            let path = folder.path().join(n.to_string());
            let summary = write(&path, map);
            prop_assert_eq!(summary.keys, map.len() as u64);
            let shelf = Shelf::open(&path, &summary).unwrap();
            let range = KeyRange::prefix([]).after([start[0] % 7, start[1] % 7]).before([end[0] % 7, end[1] % 7]);
            for order in [Order::Ascending, Order::Descending] {
                let mut expected: Vec<_> = map.clone().into_iter().collect();
                if order == Order::Descending {
                    expected.reverse();
                }
                prop_assert_eq!(&all(&shelf, order).unwrap(), &expected);
                let inside = |key: &[u8]| key >= range.start.as_slice() && range.end.as_ref().is_none_or(|end| key < end.as_slice());
                expected.retain(|(key, _)| inside(key));
                expected.truncate(limit);
                let found = shelf.scan(&range, order, limit).unwrap();
                prop_assert_eq!(found.into_iter().map(|(key, value)| (key.into(), value)).collect::<Vec<_>>(), expected);
            }
            for key in maps.iter().flat_map(|map| map.keys()) {
                prop_assert_eq!(shelf.get(key).unwrap(), map.get(key).cloned());
                prop_assert!(!map.contains_key(key) || summary.reach.may_have(key) || key.is_empty());
            }
            shelves.push(Arc::new(shelf));
        }
        let path = folder.path().join("merged");
        let mut merge = Merge::begin(&path, shelves).unwrap();
        let summary = loop {
            match merge.step(500).unwrap() {
                Step::More(more) => merge = *more,
                Step::Done(summary) => break summary,
            }
        };
        // The later map has the say.
        let union: Map = maps.into_iter().flatten().collect();
        prop_assert_eq!(summary.keys, union.len() as u64);
        read_whole(&path, &summary, &union).unwrap();
    }
}
