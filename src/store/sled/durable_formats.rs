//! What format 4 left: claims with notes in the tree and in the log, runs that ended, some of it as a crash left it.

use std::fs;

use tempfile::TempDir;

use super::{durability::*, *};
use crate::{
    model::{Claim, RunId},
    store::{keys::Kind, tables::claims, testing::block_on},
};

const NOW: u64 = 1_790_000_000_000;
const MINUTE: u64 = 60_000;

fn of_format_4() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let packed = &include_bytes!("format-4.tar.gz")[..];
    tar::Archive::new(flate2::read::GzDecoder::new(packed)).unpack(folder.path()).unwrap();
    folder
}

fn digest(n: u32) -> [u8; 32] {
    let mut digest = [0; 32];
    digest[..4].copy_from_slice(&n.wrapping_mul(2_654_435_761).to_be_bytes());
    digest
}

fn claim(n: u32) -> Claim {
    Claim { run: RunId::new(n.into(), [1; 10]), expires_ms: NOW + u64::from(n) * MINUTE }
}

/// The claims that are held as they were.
fn held(store: &dyn Store) -> Vec<u32> {
    (0..60).filter(|n| block_on(claims::get(store, &digest(*n))).unwrap() == Some(claim(*n))).collect()
}

fn count(store: &dyn Store, kind: Kind) -> usize {
    block_on(store.scan(KeyRange::prefix(kind.prefix()), Order::Ascending, usize::MAX)).unwrap().len()
}

/// Twenty runs, of which fifteen have ended.
fn runs_are_there(store: &dyn Store) {
    assert_eq!(
        [Kind::Run, Kind::Event, Kind::Step, Kind::Queue].map(|kind| count(store, kind)),
        [20, 20, 15, 5]
    );
}

#[test]
fn claims_of_the_format_before_hold_until_they_expire_or_are_replaced() {
    let place = of_format_4();
    let folder = place.path().join("store");
    for round in 0..3 {
        let store = open(&folder).unwrap();
        runs_are_there(&store);
        assert_eq!(held(&store), Vec::from_iter(10..60), "{round}");
        let mut batch = Batch::new();
        claims::take(&mut batch, &digest(20), &claim(99), None, NOW);
        assert!(matches!(block_on(store.commit(batch)), Err(StoreError::Conflict { .. })));
    }
    assert_eq!(fs::read_to_string(folder.join("FORMAT")).unwrap(), "flowcell-store 5\n");
    let store = open(&folder).unwrap();
    assert_eq!(block_on(claims::sweep(&store, NOW + 30 * MINUTE)).unwrap(), 21);
    assert_eq!(held(&store), Vec::from_iter(31..60));
    // One is replaced, one given back.
    let new = Claim { expires_ms: NOW + 1_000 * MINUTE, ..claim(31) };
    let mut batch = Batch::new();
    claims::take(&mut batch, &digest(31), &new, Some(&claim(31)), NOW);
    block_on(claims::release(&store, &mut batch, &digest(32), claim(32).run)).unwrap();
    block_on(store.commit(batch)).unwrap();
    let crashed = copy(&folder);
    drop(store);
    for folder in [&folder, crashed.path()] {
        let store = open(folder).unwrap();
        assert_eq!(held(&store), Vec::from_iter(33..60));
        assert_eq!(block_on(claims::sweep(&store, NOW + 32 * MINUTE)).unwrap(), 0);
        assert_eq!(block_on(claims::get(&store, &digest(31))).unwrap().as_ref(), Some(&new));
        assert_eq!(block_on(claims::sweep(&store, u64::MAX)).unwrap(), 27);
        assert_eq!((count(&store, Kind::Claim), count(&store, Kind::Expiry)), (1, 0));
        store.checkpoint();
        assert_eq!(store.staging.live.db().scan_prefix(Kind::Claim.prefix()).count(), 0);
        block_on(store.drop_expired(NOW + 1_100 * MINUTE)).unwrap();
        assert_eq!(count(&store, Kind::Claim), 0);
    }
}

#[test]
fn a_backup_of_the_format_before_is_restored_with_its_claims() {
    let backup = fs::read(of_format_4().path().join("backup")).unwrap();
    let place = tempfile::tempdir().unwrap();
    let folder = place.path().join("store");
    SledStore::restore(&backup[..], &folder, Trust::Anyone).unwrap();
    let store = open(&folder).unwrap();
    runs_are_there(&store);
    assert_eq!(held(&store), Vec::from_iter(10..60));
    assert_eq!(block_on(claims::sweep(&store, u64::MAX)).unwrap(), 50);
}
