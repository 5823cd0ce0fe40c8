//! The promises of [`Store`], proven for every backend by one line each; and what only a durable one must do.

mod cases;
mod ends;
mod sorted_map;

use std::sync::Arc;

use tempfile::TempDir;

use super::{
    Batch, Key, KeyRange, MemoryStore, Options, Order, Pair, Settled, SledStore, Store, StoreError,
    testing::block_on,
};

mod all_cases {
    pub(super) use super::{cases::*, ends::*};
}

/// A backend and, for one on disk, its folder.
struct Opened {
    store: Arc<dyn Store>,
    _folder: Option<TempDir>,
}

fn memory() -> Opened {
    Opened { store: Arc::new(MemoryStore::new()), _folder: None }
}

fn sled() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SledStore::open(folder.path(), &Options::default()).unwrap());
    Opened { store, _folder: Some(folder) }
}

/// Every commit begins a checkpoint, so that reads and expectations meet one at every stage.
fn sled_with_checkpoints() -> Opened {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { checkpoint_bytes: 0, ..Options::default() };
    let store = Arc::new(SledStore::open(folder.path(), &options).unwrap());
    Opened { store, _folder: Some(folder) }
}

macro_rules! conformance {
    ($($backend:ident),*) => { conformance!(@cases [$($backend)*]
        reads_own_writes, several_values_come_in_the_order_of_their_keys, a_failed_expectation_writes_nothing, an_expected_value_is_compared_whole,
        of_a_hundred_takers_one_wins, scans_keep_order_and_limits, values_of_every_size,
        the_last_write_of_a_batch_wins, a_conditional_delete_is_no_conflict, a_prefix_goes_in_its_turn,
        a_prefix_is_seen_with_the_batches_around_it, an_empty_batch_is_a_barrier,
        lazy_batches_are_written_in_their_turn, a_closed_store_reads_and_does_not_write,
        a_dropped_future_takes_nothing_back, what_is_settled_reads_as_before,
        what_begins_with_a_prefix_is_settled_as_a_whole,
        what_ends_with_a_batch_moves_as_the_batch_leaves_it, a_batch_that_conflicts_moves_nothing,
        what_expires_by_itself_is_live_until_then, what_expires_by_itself_is_written_again_and_given_back,
        settled_keys_are_absent_for_expectations_and_hidden_by_new_ones, buckets_are_dropped_whole,
        a_backup_holds_everything
    ); };
    (@cases $backends:tt $($case:ident),*) => { $(conformance!(@one $backends $case);)* };
    (@one [$($backend:ident)*] $case:ident) => {
        mod $case {
            $(#[test] fn $backend() { super::all_cases::$case(&*super::$backend().store); })*
        }
    };
}
conformance!(memory, sled, sled_with_checkpoints);

fn batch(fill: impl FnOnce(&mut Batch) -> &mut Batch) -> Batch {
    let mut batch = Batch::new();
    fill(&mut batch);
    batch
}

fn commit(store: &dyn Store, fill: impl FnOnce(&mut Batch) -> &mut Batch) -> Result<(), StoreError> {
    block_on(store.commit(batch(fill)))
}

fn all(store: &dyn Store) -> Vec<Pair> {
    block_on(store.scan(KeyRange::prefix([]), Order::Ascending, usize::MAX)).unwrap()
}

/// Waits for a lazy batch.
fn until_readable(store: &dyn Store, key: &[u8]) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while block_on(store.get(key)).unwrap().is_none() {
        assert!(std::time::Instant::now() < deadline, "a lazy batch is never written");
        std::thread::yield_now();
    }
}

fn put(store: &dyn Store, key: &[u8], value: impl Into<Vec<u8>>) {
    commit(store, |batch| batch.put(key, value)).unwrap();
}

/// These keys have ended, and expire in the middle of that day.
fn to_day<K: AsRef<[u8]>>(keys: impl IntoIterator<Item = K>, day: u64) -> Settled {
    let keys = keys.into_iter().map(|key| Key::from(key.as_ref())).collect();
    Settled { keys, expires_ms: day * DAY - DAY / 2, ..Settled::default() }
}

/// As [`to_day`], with the batch itself.
fn ends_on<K: AsRef<[u8]>>(batch: &mut Batch, keys: impl IntoIterator<Item = K>, day: u64) -> &mut Batch {
    batch.settle(to_day(keys, day), 0)
}

const DAY: u64 = 86_400_000;
