//! Runs: a small head that changes, beside the event and the answer, which do not and may be large.
//!
//! The head alone is rewritten when a run ends and read for lists, so neither touches bodies. A run that
//! is not finished has a queue item too: after a crash the queue says what to take up again.

use super::Page;
use crate::{
    model::{Answer, Event, Run, RunHead, RunId, RunStatus, Started, WorkflowKey},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key, Kind},
        record::{self, Record},
    },
};

/// Heads that one call of [`list`] looks at, at most; a rare status takes several calls.
const LIST_SCAN: usize = 2_000;
/// The heads that are read at once.
const CHUNK: usize = 200;
/// The queue item of a run that waits begins with this; the bytes that the run holds follow, where they are known.
const WAITING: u8 = 1;

impl Record for Answer {
    const KIND: &'static str = "answer";
    const VERSION: u8 = 1;
}

/// Which runs a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only runs of this workflow.
    pub workflow: Option<WorkflowKey>,
    /// Only runs with this status.
    pub status: Option<RunStatus>,
}

/// Stores a new run with its event and its place in the index of its workflow; queues it unless it has ended.
pub fn insert(batch: &mut Batch, run: &Run) {
    batch
        .put(keys::event(run.head.id), record::encode(&run.event))
        .put(keys::workflow_run(&run.head.workflow, run.head.id), []);
    update(batch, run, None);
}

/// Stores what changes of a run: head, answer, whether it is queued, and when it goes on. Never its event.
/// `timer_ms` is the head's `due_ms` as it was stored before.
pub fn update(batch: &mut Batch, run: &Run, timer_ms: Option<u64>) {
    let head = &run.head;
    batch.put(keys::run(head.id), record::encode(head));
    if let Some(answer) = &run.answer {
        batch.put(keys::answer(head.id), record::encode(answer));
    }
    if timer_ms != head.due_ms {
        if let Some(due_ms) = timer_ms {
            batch.delete(keys::timer(due_ms, head.id));
        }
        if let Some(due_ms) = head.due_ms {
            batch.put(keys::timer(due_ms, head.id), []);
        }
    }
    match head.status {
        RunStatus::Queued => batch.put(keys::queue(head.id), []),
        RunStatus::Waiting => batch.put(keys::queue(head.id), [WAITING]),
        RunStatus::Succeeded | RunStatus::Failed | RunStatus::Cancelled => batch.delete(keys::queue(head.id)),
    };
}

/// Keeps beside a run that waits how many bytes it holds; after [`update`] in the same batch.
pub fn waits_with(batch: &mut Batch, id: RunId, bytes: u64) {
    let mut item = vec![WAITING];
    item.extend_from_slice(&bytes.to_be_bytes());
    batch.put(keys::queue(id), item);
}

/// A run with its event and answer.
///
/// # Errors
/// `Corrupt`, also when the head is there without what belongs to it.
pub async fn get(store: &dyn Store, id: RunId) -> Result<Option<Run>, StoreError> {
    fn part<T: Record>(key: &Key, value: Option<Vec<u8>>) -> Result<T, StoreError> {
        let gone = || StoreError::corrupt(key, "its run says that it is there, it is not");
        record::decode(key, &value.ok_or_else(gone)?)
    }
    let Some(head) = head(store, id).await? else { return Ok(None) };
    let mut keys = vec![keys::event(id)];
    keys.extend(head.answer_status.map(|_| keys::answer(id)));
    let mut values = store.get_many(&keys).await?.into_iter();
    let mut event: Event = part(&keys[0], values.next().flatten())?;
    if event.trigger.kind.is_none() {
        event.trigger = Started::before_names(head.cause);
    }
    let answer = keys.get(1).map(|key| part(key, values.next().flatten())).transpose()?;
    Ok(Some(Run { head, event, answer }))
}

/// A run without its event and the content of its answer.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn head(store: &dyn Store, id: RunId) -> Result<Option<RunHead>, StoreError> {
    super::read(store, &keys::run(id)).await
}

/// As [`head`], of several runs, in their order.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn heads(store: &dyn Store, ids: &[RunId]) -> Result<Vec<Option<RunHead>>, StoreError> {
    let keys: Vec<Key> = ids.iter().map(|&id| keys::run(id)).collect();
    super::read_many(store, &keys).await
}

/// Runs newest first, from before the cursor. A page may hold fewer than `limit` and still have a `next`.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(
    store: &dyn Store,
    filter: &Filter,
    before: Option<RunId>,
    limit: usize,
) -> Result<Page<RunHead, RunId>, StoreError> {
    let (mut items, mut cursor, mut looked_at) = (Vec::new(), before, 0);
    loop {
        let wanted = match filter.status {
            Some(_) => CHUNK,
            None => (limit - items.len()).min(CHUNK),
        };
        let heads = chunk(store, filter.workflow.as_ref(), cursor, wanted).await?;
        let at_end = heads.len() < wanted;
        looked_at += heads.len();
        for head in heads {
            cursor = Some(head.id);
            if filter.status.is_none_or(|status| status == head.status) {
                items.push(head);
            }
            if items.len() == limit {
                return Ok(Page { items, next: cursor });
            }
        }
        if at_end {
            return Ok(Page { items, next: None });
        }
        if looked_at >= LIST_SCAN {
            return Ok(Page { items, next: cursor });
        }
    }
}

async fn chunk(
    store: &dyn Store,
    workflow: Option<&WorkflowKey>,
    before: Option<RunId>,
    limit: usize,
) -> Result<Vec<RunHead>, StoreError> {
    let Some(workflow) = workflow else {
        let mut range = KeyRange::prefix(Kind::Run.prefix());
        if let Some(before) = before {
            range = range.before(keys::run(before));
        }
        let heads = super::read_range(store, range, Order::Descending, limit).await?;
        return Ok(heads.into_iter().map(|(_, head)| head).collect());
    };
    let mut range = KeyRange::prefix(keys::workflow_runs(workflow));
    if let Some(before) = before {
        range = range.before(keys::workflow_run(workflow, before));
    }
    let index = store.scan(range, Order::Descending, limit).await?;
    let ids = index.iter().map(|(key, _)| run_id(key)).collect::<Result<Vec<_>, _>>()?;
    let found = heads(store, &ids).await?.into_iter().zip(ids);
    let there = |(head, id): (Option<RunHead>, RunId)| {
        head.ok_or_else(|| StoreError::corrupt(keys::run(id), "the index names it, it is not there"))
    };
    found.map(there).collect()
}

/// Runs that are not finished, oldest first, from after the cursor; those that wait too.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn queued(store: &dyn Store, after: Option<RunId>, limit: usize) -> Result<Vec<RunId>, StoreError> {
    Ok(queued_with_bytes(store, after, limit).await?.into_iter().map(|(id, _)| id).collect())
}

/// As [`queued`], each with the bytes that it holds as far as they are known: 0 of one that does not wait.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn queued_with_bytes(
    store: &dyn Store,
    after: Option<RunId>,
    limit: usize,
) -> Result<Vec<(RunId, u64)>, StoreError> {
    let mut range = KeyRange::prefix(Kind::Queue.prefix());
    if let Some(after) = after {
        range = range.after(keys::queue(after));
    }
    let items = store.scan(range, Order::Ascending, limit).await?;
    let bytes =
        |item: &[u8]| item.get(1..).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
    items.into_iter().map(|(key, item)| Ok((run_id(&key)?, bytes(&item)))).collect()
}

/// Makes the commit end in `Conflict` when the run has ended by then, or was put down or taken up. False when it has
/// ended already.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn expect_unfinished(store: &dyn Store, batch: &mut Batch, id: RunId) -> Result<bool, StoreError> {
    let key = keys::queue(id);
    let Some(item) = store.get(&key).await? else { return Ok(false) };
    batch.expect_equals(key, item);
    Ok(true)
}

/// The heads of queued runs, in their order.
///
/// # Errors
/// `Corrupt`, also when one is not there.
pub async fn queued_heads(store: &dyn Store, ids: &[RunId]) -> Result<Vec<RunHead>, StoreError> {
    let found = heads(store, ids).await?.into_iter().zip(ids);
    let there = |(head, &id): (Option<RunHead>, &RunId)| {
        head.ok_or_else(|| StoreError::corrupt(keys::run(id), "it is queued, it is not there"))
    };
    found.map(there).collect()
}

/// Runs whose time has come at `now_ms`, earliest first, from after the cursor; and when the next one's comes.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn due(
    store: &dyn Store,
    now_ms: u64,
    after: Option<(u64, RunId)>,
    limit: usize,
) -> Result<(Vec<(u64, RunId)>, Option<u64>), StoreError> {
    let mut range = KeyRange::prefix(Kind::Timer.prefix());
    if let Some((due_ms, run)) = after {
        range = range.after(keys::timer(due_ms, run));
    }
    let mut due = Vec::new();
    for (key, _) in store.scan(range, Order::Ascending, limit).await? {
        let (due_ms, run) = keys::parse_timer(&key)
            .ok_or_else(|| StoreError::corrupt(Key::from(key.as_slice()), "it names no time and run"))?;
        if due_ms > now_ms {
            return Ok((due, Some(due_ms)));
        }
        due.push((due_ms, run));
    }
    Ok((due, None))
}

fn run_id(key: &[u8]) -> Result<RunId, StoreError> {
    keys::run_id(key).ok_or_else(|| StoreError::corrupt(Key::from(key), "it names no run"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Content, JsonText},
        store::{MemoryStore, tables::samples, testing::block_on},
    };

    fn insert_all(store: &MemoryStore, runs: &[Run]) {
        let mut batch = Batch::new();
        runs.iter().for_each(|run| insert(&mut batch, run));
        block_on(store.commit(batch)).unwrap();
    }

    #[test]
    fn a_run_reads_back_whole_while_queued_and_when_finished() {
        let store = MemoryStore::new();
        let mut run = samples::run(1, "a");
        insert_all(&store, &[run.clone()]);
        assert_eq!(block_on(get(&store, run.head.id)).unwrap().as_ref(), Some(&run));
        assert_eq!(block_on(queued(&store, None, 10)).unwrap(), [run.head.id]);
        run.head.status = RunStatus::Succeeded;
        run.head.finished_ms = Some(9);
        run.head.answer_status = Some(201);
        run.answer = Some(Answer { status: 201, headers: vec![], body: vec![0, 255] });
        let mut batch = Batch::new();
        update(&mut batch, &run, None);
        block_on(store.commit(batch)).unwrap();
        assert_eq!(block_on(get(&store, run.head.id)).unwrap().as_ref(), Some(&run));
        assert_eq!(block_on(queued(&store, None, 10)).unwrap(), []);
        assert_eq!(block_on(head(&store, run.head.id)).unwrap().unwrap().answer_status, Some(201));
        assert_eq!(block_on(get(&store, samples::run(2, "a").head.id)).unwrap(), None);
    }

    #[test]
    fn a_run_whose_parts_are_gone_is_damage() {
        let answer = Some(Answer { status: 200, headers: vec![], body: vec![] });
        let mut run = Run { answer, ..samples::run(1, "a") };
        run.head.answer_status = Some(200);
        for key in [keys::answer(run.head.id), keys::event(run.head.id)] {
            let store = MemoryStore::new();
            insert_all(&store, std::slice::from_ref(&run));
            let mut batch = Batch::new();
            batch.delete(key.clone());
            block_on(store.commit(batch)).unwrap();
            let message = block_on(get(&store, run.head.id)).unwrap_err().to_string();
            assert!(message.contains(&key.to_string()), "{message}");
        }
    }

    #[test]
    fn every_kind_of_content_reads_back() {
        let store = MemoryStore::new();
        let decoded = JsonText::from_value(&serde_json::json!({"a": [1, "é"]}));
        let contents = [
            Content::Empty,
            Content::Json,
            Content::Decoded(decoded),
            Content::Text,
            Content::Binary,
            Content::Undecoded { media_type: "image/png".to_owned() },
        ];
        for (n, content) in contents.into_iter().enumerate() {
            let mut run = samples::run(n as u64, "a");
            run.event.content = content;
            insert_all(&store, std::slice::from_ref(&run));
            assert_eq!(block_on(get(&store, run.head.id)).unwrap(), Some(run));
        }
    }

    #[test]
    fn the_queue_is_read_in_pages_oldest_first() {
        let store = MemoryStore::new();
        let runs: Vec<Run> = (0..5).map(|n| samples::run(n, "a")).collect();
        insert_all(&store, &runs);
        assert_eq!(block_on(queued(&store, None, 2)).unwrap(), [runs[0].head.id, runs[1].head.id]);
        assert_eq!(
            block_on(queued(&store, Some(runs[1].head.id), 9)).unwrap(),
            [runs[2].head.id, runs[3].head.id, runs[4].head.id]
        );
    }

    #[test]
    fn lists_page_newest_first_and_filter() {
        let store = MemoryStore::new();
        let runs: Vec<Run> = (0..700)
            .map(|n| {
                let mut run = samples::run(n, if n % 2 == 0 { "even" } else { "odd" });
                if n % 100 == 0 {
                    run.head.status = RunStatus::Failed;
                }
                run
            })
            .collect();
        insert_all(&store, &runs);
        type Wanted = fn(&Run) -> bool;
        let even = || Some("even".parse().unwrap());
        let cases: [(Filter, Wanted); 4] = [
            (Filter::default(), |_| true),
            (Filter { workflow: even(), status: None }, |run| run.head.workflow.as_str() == "even"),
            (Filter { workflow: None, status: Some(RunStatus::Failed) }, |run| {
                run.head.status == RunStatus::Failed
            }),
            (Filter { workflow: even(), status: Some(RunStatus::Queued) }, |run| {
                run.head.workflow.as_str() == "even" && run.head.status == RunStatus::Queued
            }),
        ];
        for (filter, wanted) in cases {
            let expected: Vec<RunId> =
                runs.iter().rev().filter(|run| wanted(run)).map(|run| run.head.id).collect();
            for limit in [1, 7, 350, 1_000] {
                let (mut ids, mut cursor) = (Vec::new(), None);
                loop {
                    let page = block_on(list(&store, &filter, cursor, limit)).unwrap();
                    assert!(page.items.len() <= limit);
                    ids.extend(page.items.iter().map(|head| head.id));
                    cursor = page.next;
                    if cursor.is_none() {
                        break;
                    }
                }
                assert_eq!(ids, expected, "{filter:?} by {limit}");
            }
        }
    }

    #[test]
    fn a_workflow_whose_name_begins_another_is_not_mixed_up() {
        let store = MemoryStore::new();
        insert_all(&store, &[samples::run(1, "a"), samples::run(2, "a-b"), samples::run(3, "ab")]);
        let filter = Filter { workflow: Some("a".parse().unwrap()), status: None };
        assert_eq!(block_on(list(&store, &filter, None, 10)).unwrap().items.len(), 1);
    }
}
