//! The request log: every request, accepted or refused, newest first, and beside it those that started no run as they came.

use serde::{Deserialize, Serialize};

use super::Page;
use crate::{
    model::{KeptRequest, RequestId, RequestOutcome, RequestRecord, WorkflowKey},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key, Kind},
        record::{self, Record},
    },
};

/// Lines that one batch of a trim removes.
const TRIM: usize = 1_000;
/// Lines that a filtered list looks at, at most: what matches beyond them is on the next page.
const LOOKED_AT: usize = 20_000;

impl Record for RequestRecord {
    const KIND: &'static str = "request";
    const VERSION: u8 = 3;

    fn upgrade(version: u8, body: &[u8]) -> Option<Result<Self, postcard::Error>> {
        match version {
            1 => Some(postcard::from_bytes::<LineV1>(body).map(Self::from)),
            // The same without its last field, the notes.
            2 => Some(postcard::from_bytes(&[body, &[0]].concat())),
            _ => None,
        }
    }
}

impl Record for KeptRequest {
    const KIND: &'static str = "kept request";
    const VERSION: u8 = 1;
}

/// The first version of a stored line.
#[derive(Serialize, Deserialize)]
struct LineV1 {
    id: RequestId,
    workflow: Option<WorkflowKey>,
    method: String,
    path: String,
    ip: String,
    body_bytes: u64,
    status: u16,
    outcome: RequestOutcome,
    took_us: u64,
}

impl From<LineV1> for RequestRecord {
    fn from(line: LineV1) -> Self {
        let LineV1 { id, workflow, method, path, ip, body_bytes, status, outcome, took_us } = line;
        let (scheme, accepted_us, kept_bytes) = (None, took_us, 0);
        Self {
            id,
            workflow,
            method,
            path,
            ip,
            body_bytes,
            status,
            outcome,
            took_us,
            scheme,
            accepted_us,
            kept_bytes,
            notes: Vec::new(),
        }
    }
}

/// Which lines a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only lines of this workflow.
    pub workflow: Option<WorkflowKey>,
    /// Those that were refused, or those that were not.
    pub refused: Option<bool>,
}

impl Filter {
    fn is_empty(&self) -> bool {
        self.workflow.is_none() && self.refused.is_none()
    }

    fn takes(&self, line: &RequestRecord) -> bool {
        self.workflow.as_ref().is_none_or(|key| line.workflow.as_ref() == Some(key))
            && self.refused.is_none_or(|wanted| wanted == is_refused(line))
    }
}

fn is_refused(line: &RequestRecord) -> bool {
    matches!(line.outcome, RequestOutcome::Refused { .. })
}

/// Stores a line, and the request itself if it is kept, whose size the line then tells; gives the bytes that they take.
pub fn insert(batch: &mut Batch, mut request: RequestRecord, kept: Option<&KeptRequest>) -> u64 {
    request.kept_bytes = 0;
    if let Some(kept) = kept.map(record::encode) {
        request.kept_bytes = kept.len() as u64;
        batch.put(keys::kept_request(request.id), kept);
    }
    let line = record::encode(&request);
    let bytes = line.len() as u64 + request.kept_bytes;
    batch.put(keys::request(request.id), line);
    bytes
}

/// The bytes of what is kept beside a line; nothing when the line is damaged, which must not keep it from being removed.
fn kept_bytes(key: &[u8], line: &[u8]) -> Option<u64> {
    record::decode::<RequestRecord>(key, line).ok().map(|request| request.kept_bytes)
}

/// One line.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn get(store: &dyn Store, id: RequestId) -> Result<Option<RequestRecord>, StoreError> {
    super::read(store, &keys::request(id)).await
}

/// The request itself, if it was kept and is not yet removed.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn kept(store: &dyn Store, id: RequestId) -> Result<Option<KeptRequest>, StoreError> {
    super::read(store, &keys::kept_request(id)).await
}

/// Lines newest first, from before the cursor.
///
/// # Errors
/// `StoreError::Corrupt` when a stored value cannot be read.
pub async fn list(
    store: &dyn Store,
    filter: &Filter,
    before: Option<RequestId>,
    limit: usize,
) -> Result<Page<RequestRecord, RequestId>, StoreError> {
    let mut range = KeyRange::prefix(Kind::Request.prefix());
    if let Some(before) = before {
        range = range.before(keys::request(before));
    }
    let most = if filter.is_empty() { limit } else { LOOKED_AT };
    let (mut items, mut seen, mut last) = (Vec::new(), 0, None);
    while items.len() < limit && seen < most {
        let page = (limit * 4).min(most - seen);
        let records: Vec<(_, RequestRecord)> =
            super::read_range(store, range.clone(), Order::Descending, page).await?;
        let ended = records.len() < page;
        for (_, line) in records {
            seen += 1;
            last = Some(line.id);
            range = range.before(keys::request(line.id));
            if filter.takes(&line) {
                items.push(line);
            }
            if items.len() == limit {
                break;
            }
        }
        if ended && items.len() < limit {
            return Ok(Page { items, next: None });
        }
    }
    Ok(Page { items, next: last })
}

/// Removes lines, oldest first, and what is kept beside them: those from before `before_ms`, and more until `excess` bytes are
/// gone; a thousand a batch. Gives the number of lines and their bytes.
///
/// # Errors
/// Those of the store. What was removed before stays removed.
pub async fn trim(store: &dyn Store, before_ms: u64, excess: u64) -> Result<(usize, u64), StoreError> {
    let old = keys::request(RequestId::new(before_ms, [0; 10]));
    let (mut removed, mut freed) = (0, 0);
    loop {
        let lines = store.scan(KeyRange::prefix(Kind::Request.prefix()), Order::Ascending, TRIM).await?;
        let mut batch = Batch::new();
        let mut count = 0;
        for (key, line) in &lines {
            let key = Key::from(key.as_slice());
            if key >= old && freed >= excess {
                break;
            }
            let kept = kept_bytes(&key, line);
            if let Some(id) = keys::parse_request(&key).filter(|_| kept != Some(0)) {
                batch.delete(keys::kept_request(id));
            }
            freed += line.len() as u64 + kept.unwrap_or(0);
            batch.delete(key);
            count += 1;
        }
        if count > 0 {
            store.commit(batch).await?;
        }
        removed += count;
        if count < TRIM {
            return Ok((removed, freed));
        }
    }
}

/// The bytes of all lines and of all that is kept beside them. Reads the lines, and lets other tasks have their turn in between.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn bytes(store: &dyn Store) -> Result<u64, StoreError> {
    let mut bytes = 0;
    let mut range = KeyRange::prefix(Kind::Request.prefix());
    loop {
        let page = store.scan(range.clone(), Order::Descending, TRIM).await?;
        for (key, line) in &page {
            bytes += line.len() as u64 + kept_bytes(key, line).unwrap_or(0);
        }
        match page.last() {
            Some((last, _)) if page.len() == TRIM => range = range.before(last),
            Some(_) | None => return Ok(bytes),
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, tables::samples, testing::block_on};

    fn filled(count: u64) -> (MemoryStore, Vec<RequestRecord>, u64) {
        let store = MemoryStore::new();
        let kept = KeptRequest {
            query: "a=1".to_owned(),
            headers: vec![("x-a".to_owned(), "b".to_owned())],
            body: vec![7; 100],
            changed: false,
        };
        let size = record::encode(&kept).len() as u64;
        let line = |number| match samples::request(number) {
            line if is_refused(&line) => RequestRecord { kept_bytes: size, ..line },
            line => line,
        };
        let lines: Vec<RequestRecord> = (0..count).map(line).collect();
        let mut batch = Batch::new();
        let keep = |line: &RequestRecord| is_refused(line).then_some(&kept);
        let bytes = lines.iter().map(|line| insert(&mut batch, line.clone(), keep(line))).sum();
        block_on(store.commit(batch)).unwrap();
        (store, lines, bytes)
    }

    #[test]
    fn the_log_pages_newest_first_and_is_trimmed_from_the_old_end() {
        let (store, lines, bytes) = filled(2_050);
        let all = Filter::default();
        assert_eq!(block_on(super::bytes(&store)).unwrap(), bytes);
        let first = block_on(list(&store, &all, None, 40)).unwrap();
        assert_eq!(first.items[..], lines.iter().rev().take(40).cloned().collect::<Vec<_>>());
        let second = block_on(list(&store, &all, first.next, 40)).unwrap();
        assert_eq!(second.items[0], lines[2_009]);
        assert_eq!(block_on(trim(&store, 2_040, 0)).unwrap().0, 2_040);
        let rest = block_on(list(&store, &all, None, 40)).unwrap();
        assert_eq!((rest.items.len(), rest.next), (10, None));
        assert_eq!(rest.items[9], lines[2_040]);
        assert_eq!(block_on(kept(&store, lines[8].id)).unwrap(), None, "what was kept goes with its line");
        assert!(block_on(kept(&store, lines[2_042].id)).unwrap().is_some_and(|kept| kept.body == [7; 100]));
    }

    #[test]
    fn a_log_that_is_too_large_loses_its_oldest_lines() {
        let (store, lines, bytes) = filled(300);
        let (removed, freed) = block_on(trim(&store, 0, bytes / 2)).unwrap();
        assert!(freed >= bytes / 2 && freed < bytes / 2 + 1_000, "{freed} of {bytes}");
        assert_eq!(block_on(super::bytes(&store)).unwrap(), bytes - freed);
        let rest = block_on(list(&store, &Filter::default(), None, 500)).unwrap().items;
        assert_eq!(rest.last(), Some(&lines[removed]));
        assert_eq!(block_on(trim(&store, 0, 0)).unwrap(), (0, 0));
    }

    #[test]
    fn a_filtered_list_pages_over_what_it_leaves_out() {
        let (store, lines, _) = filled(100);
        let refused = Filter { refused: Some(true), ..Filter::default() };
        let expected: Vec<_> =
            lines.iter().rev().filter(|line| is_refused(line)).map(|line| line.id).collect();
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = block_on(list(&store, &refused, before, 7)).unwrap();
            found.extend(page.items.iter().map(|line| line.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(found, expected);
        let other = Filter { workflow: Some("w".parse().unwrap()), ..Filter::default() };
        assert!(block_on(list(&store, &other, None, 7)).unwrap().items.is_empty());
    }

    #[test]
    fn a_damaged_line_is_removed_with_what_is_kept_beside_it() {
        let (store, lines, bytes) = filled(3);
        let mut batch = Batch::new();
        batch.put(keys::request(lines[2].id), vec![255]);
        block_on(store.commit(batch)).unwrap();
        assert!(block_on(super::bytes(&store)).unwrap() < bytes);
        assert_eq!(block_on(trim(&store, 3, 0)).unwrap().0, 3);
        assert_eq!(block_on(kept(&store, lines[2].id)).unwrap(), None);
    }

    #[test]
    fn lines_of_the_first_version_are_read() {
        let line = samples::request(5);
        let RequestRecord { id, workflow, method, path, ip, body_bytes, status, outcome, took_us, .. } = line;
        let old = LineV1 { id, workflow, method, path, ip, body_bytes, status, outcome, took_us };
        let bytes = postcard::to_extend(&old, vec![1]).unwrap();
        let read: RequestRecord = record::decode(&keys::request(id), &bytes).unwrap();
        assert_eq!((read.id, read.status, read.scheme, read.kept_bytes), (id, 401, None, 0));
    }
}
