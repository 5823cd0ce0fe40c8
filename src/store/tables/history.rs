//! Finished runs on their way to the history, where they are read as before until they expire.
//!
//! The batch that ends a run settles it ([`end`]). Of a run with very much in the store that batch only notes when the run may
//! go, as every batch did in earlier versions; now and then the engine has noted runs settled ([`settle_finished`]). It also
//! tells the time ([`drop_expired`]). Nothing else of a run is rewritten.

use serde::{Deserialize, Serialize};

use super::runs;
use crate::{
    model::{RunHead, RunId},
    store::{
        Batch, Key, KeyRange, Order, Settled, Store, StoreError,
        keys::{self, Kind},
        record::{self, Record},
    },
};

/// Runs that are settled at once.
const CHUNK: usize = 200;

/// When a finished run expires, milliseconds since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Finished(u64);

impl Record for Finished {
    const KIND: &'static str = "finished run";
    const VERSION: u8 = 1;
}

/// What a run with more than so many bytes or journal entries has in the store moves apart from its end: one batch is applied in
/// one step, for which all other batches wait.
const MOST_BYTES: u64 = 1 << 20;
/// See [`MOST_BYTES`].
const MOST_ENTRIES: u32 = 1_000;

/// How much of a run is in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Journal entries, those of the batch included.
    pub entries: u32,
    /// About how many bytes.
    pub bytes: u64,
}

/// Lets a run that ends with this batch, at `now_ms`, be kept in the history until it expires. `head` is as the batch stores it.
pub fn end(batch: &mut Batch, head: &RunHead, extent: Extent, expires_ms: u64, now_ms: u64) {
    if extent.bytes > MOST_BYTES || extent.entries > MOST_ENTRIES {
        return note(batch, head.id, expires_ms);
    }
    let of_run = of_run(head);
    let keys = of_run.keys.into_iter().chain((0..extent.entries).map(|number| keys::step(head.id, number)));
    // The entries by their names: what is in memory is found there, whatever other runs have on the disk.
    let settled =
        Settled { keys: keys.collect(), prefixes: vec![keys::memos(head.id)], expires_ms, ..of_run };
    batch.settle(settled, now_ms);
}

/// Notes that a run has ended and is kept until then; goes in the batch that ends it.
fn note(batch: &mut Batch, run: RunId, expires_ms: u64) {
    batch.put(keys::finished(run), record::encode(&Finished(expires_ms)));
}

/// Settles up to `limit` finished runs, the oldest first; gives their number.
///
/// # Errors
/// Those of [`Store::settle`]. What was settled before stays so.
pub async fn settle_finished(store: &dyn Store, limit: usize) -> Result<usize, StoreError> {
    let mut count = 0;
    while count < limit {
        let range = KeyRange::prefix(Kind::Finished.prefix());
        let wanted = CHUNK.min(limit - count);
        let notes = super::read_range::<Finished>(store, range, Order::Ascending, wanted).await?;
        if notes.is_empty() {
            break;
        }
        let ids = notes.iter().map(|(key, _)| {
            keys::run_id(key).ok_or_else(|| StoreError::corrupt(Key::from(&**key), "it names no run"))
        });
        let heads = runs::heads(store, &ids.collect::<Result<Vec<_>, _>>()?).await?;
        let settled = notes.into_iter().zip(heads).map(|((note, Finished(expires_ms)), head)| {
            let also_delete = vec![Key::from(note)];
            // Of one that is gone only the note is left.
            let of_run = head.map(|head| of_run(&head)).unwrap_or_default();
            Settled { expires_ms, also_delete, ..of_run }
        });
        let settled: Vec<_> = settled.collect();
        count += settled.len();
        store.settle(settled).await?;
    }
    Ok(count)
}

/// Drops the runs that expired by `now_ms`, up to a day later or so; gives the number of buckets that went.
///
/// # Errors
/// Those of [`Store::drop_expired`].
pub async fn drop_expired(store: &dyn Store, now_ms: u64) -> Result<usize, StoreError> {
    store.drop_expired(now_ms).await
}

/// All that belongs to a run.
fn of_run(head: &RunHead) -> Settled {
    let run = head.id;
    let mut keys = vec![keys::run(run), keys::event(run), keys::workflow_run(&head.workflow, run)];
    keys.extend(head.answer_status.map(|_| keys::answer(run)));
    Settled { keys, prefixes: vec![keys::steps(run), keys::memos(run)], ..Settled::default() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Answer, Run, RunStatus},
        store::{
            MemoryStore,
            tables::{journal, runs::Filter, samples},
            testing::block_on,
        },
    };

    fn finish(store: &MemoryStore, run: &Run, expires_ms: u64) {
        let mut batch = Batch::new();
        runs::insert(&mut batch, run);
        for number in 0..3 {
            journal::insert(&mut batch, run.head.id, number, &samples::entry(&number.to_string()));
        }
        note(&mut batch, run.head.id, expires_ms);
        block_on(store.commit(batch)).unwrap();
    }

    fn finished(n: u64) -> Run {
        let mut run = samples::run(n, if n.is_multiple_of(2) { "even" } else { "odd" });
        run.head.status = RunStatus::Succeeded;
        run.head.answer_status = Some(201);
        run.answer = Some(Answer { status: 201, headers: vec![], body: vec![n as u8] });
        run
    }

    #[test]
    fn settled_runs_read_as_before_and_go_when_they_expire() {
        const DAY: u64 = 86_400_000;
        let store = MemoryStore::new();
        let runs: Vec<Run> = (0..500).map(finished).collect();
        runs.iter().for_each(|run| finish(&store, run, (run.head.id.created_ms() % 2 + 1) * DAY));
        let queued = samples::run(1_000, "even");
        let mut batch = Batch::new();
        runs::insert(&mut batch, &queued);
        block_on(store.commit(batch)).unwrap();

        let look = || {
            let listed = block_on(runs::list(&store, &Filter::default(), None, 600)).unwrap().items;
            let filter = Filter { workflow: Some("even".parse().unwrap()), status: None };
            let even = block_on(runs::list(&store, &filter, None, 600)).unwrap().items;
            let whole: Vec<_> =
                runs.iter().map(|run| block_on(runs::get(&store, run.head.id)).unwrap()).collect();
            let steps: Vec<_> =
                runs.iter().map(|run| block_on(journal::list(&store, run.head.id)).unwrap().len()).collect();
            (listed, even, whole, steps)
        };
        let before = look();
        assert_eq!((before.0.len(), before.1.len()), (501, 251));
        assert_eq!(block_on(settle_finished(&store, 300)).unwrap(), 300);
        assert_eq!(look(), before);
        assert_eq!(block_on(settle_finished(&store, usize::MAX)).unwrap(), 200);
        assert_eq!(block_on(settle_finished(&store, usize::MAX)).unwrap(), 0);
        assert_eq!(look(), before);
        assert_eq!(store.stats().buckets, 2);
        assert!(
            block_on(store.scan(KeyRange::prefix(Kind::Finished.prefix()), Order::Ascending, 1))
                .unwrap()
                .is_empty()
        );

        assert_eq!(block_on(drop_expired(&store, DAY)).unwrap(), 1);
        let after = look();
        assert_eq!((after.0.len(), after.1.len()), (251, 1));
        for (run, read) in runs.iter().zip(after.2) {
            assert_eq!(read.is_some(), run.head.id.created_ms() % 2 == 1);
        }
    }

    #[test]
    fn a_run_moves_with_the_batch_that_ends_it_and_one_with_very_much_only_notes_it() {
        const DAY: u64 = 86_400_000;
        let store = MemoryStore::new();
        let runs: Vec<Run> = (0..4).map(finished).collect();
        let extents = [(3, 500), (3, MOST_BYTES + 1), (MOST_ENTRIES + 1, 500), (MOST_ENTRIES, MOST_BYTES)];
        for (run, (entries, bytes)) in runs.iter().zip(extents) {
            let id = run.head.id;
            let mut batch = Batch::new();
            runs::insert(&mut batch, &Run { answer: None, ..run.clone() });
            journal::insert(&mut batch, id, 0, &samples::entry("0"));
            block_on(store.commit(batch)).unwrap();
            let mut batch = Batch::new();
            // Also what the batch itself writes, before and after.
            journal::insert(&mut batch, id, 1, &samples::entry("1"));
            end(&mut batch, &run.head, Extent { entries, bytes }, 3 * DAY, DAY);
            journal::insert(&mut batch, id, 2, &samples::entry("2"));
            runs::update(&mut batch, run, None);
            block_on(store.commit(batch)).unwrap();
        }
        let moved = |run: &Run| {
            let mut batch = Batch::new();
            let head = &run.head;
            for key in of_run(head).keys.into_iter().chain((0..3).map(|number| keys::step(head.id, number))) {
                batch.expect_absent(key);
            }
            block_on(store.commit(batch)).is_ok()
        };
        let whole = |run: &Run| {
            assert_eq!(block_on(runs::get(&store, run.head.id)).unwrap().as_ref(), Some(run));
            assert_eq!(block_on(journal::list(&store, run.head.id)).unwrap().len(), 3);
        };
        runs.iter().for_each(whole);
        assert_eq!(runs.iter().map(moved).collect::<Vec<_>>(), [true, false, false, true]);
        assert_eq!(block_on(settle_finished(&store, 10)).unwrap(), 2);
        runs.iter().for_each(whole);
        assert!(runs.iter().all(moved));
        let listed = block_on(runs::list(&store, &Filter::default(), None, 9)).unwrap().items;
        assert_eq!(listed.len(), 4);
        assert_eq!(block_on(drop_expired(&store, 3 * DAY)).unwrap(), 1);
        assert_eq!(block_on(store.scan(KeyRange::prefix([]), Order::Ascending, 9)).unwrap(), []);
    }

    #[test]
    fn a_note_on_a_run_that_is_gone_only_goes() {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        note(&mut batch, samples::run(1, "a").head.id, 5);
        block_on(store.commit(batch)).unwrap();
        assert_eq!(block_on(settle_finished(&store, 10)).unwrap(), 1);
        assert_eq!(block_on(store.scan(KeyRange::prefix([]), Order::Ascending, 9)).unwrap(), []);
        assert_eq!(store.stats().buckets, 0);
    }
}
