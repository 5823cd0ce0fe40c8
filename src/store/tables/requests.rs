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
    const VERSION: u8 = 2;

    fn upgrade(version: u8, body: &[u8]) -> Option<Result<Self, postcard::Error>> {
        (version == 1).then(|| postcard::from_bytes::<LineV1>(body).map(Self::from))
    }
}

impl Record for KeptRequest {
    const KIND: &'static str = "kept request";
    const VERSION: u8 = 1;
}

/// The first version.
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
        let (scheme, accepted_us, kept) = (None, took_us, false);
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
            kept,
        }
    }
}

/// Which lines a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this workflow.
    pub workflow: Option<WorkflowKey>,
    /// Those that were refused, or those that were not.
    pub refused: Option<bool>,
}

impl Filter {
    fn is_empty(&self) -> bool {
        self.workflow.is_none() && self.refused.is_none()
    }

    fn takes(&self, line: &RequestRecord) -> bool {
        let refused = matches!(line.outcome, RequestOutcome::Refused { .. });
        self.workflow.as_ref().is_none_or(|key| line.workflow.as_ref() == Some(key))
            && self.refused.is_none_or(|wanted| wanted == refused)
    }
}

/// Stores a line, and the request itself if it is kept; gives the bytes that they take.
pub fn insert(batch: &mut Batch, request: &RequestRecord, kept: Option<&KeptRequest>) -> u64 {
    let line = record::encode(request);
    let mut bytes = line.len() as u64;
    batch.put(keys::request(request.id), line);
    if let Some(kept) = kept {
        let kept = record::encode(kept);
        bytes += kept.len() as u64;
        batch.put(keys::kept_request(request.id), kept);
    }
    bytes
}

/// One line.
///
/// # Errors
/// `Corrupt`.
pub fn get(store: &dyn Store, id: RequestId) -> Result<Option<RequestRecord>, StoreError> {
    super::read(store, &keys::request(id))
}

/// The request itself, if it was kept and is not yet removed.
///
/// # Errors
/// `Corrupt`.
pub fn kept(store: &dyn Store, id: RequestId) -> Result<Option<KeptRequest>, StoreError> {
    super::read(store, &keys::kept_request(id))
}

/// Lines newest first, from before the cursor.
///
/// # Errors
/// `Corrupt`.
pub fn list(
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
            super::read_range(store, range.clone(), Order::Descending, page)?;
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
        let lines = store.scan(KeyRange::prefix(Kind::Request.prefix()), Order::Ascending, TRIM)?;
        let mut batch = Batch::new();
        let mut count = 0;
        for (key, line) in &lines {
            let key = Key::from(key.as_slice());
            if key >= old && freed >= excess {
                break;
            }
            if let Some(id) = keys::parse_request(key.as_bytes()) {
                let kept = keys::kept_request(id);
                if let Some(bytes) = store.get(&kept)? {
                    freed += bytes.len() as u64;
                    batch.delete(kept);
                }
            }
            freed += line.len() as u64;
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

/// The bytes of all lines and of all that is kept beside them. Reads them all.
///
/// # Errors
/// Those of the store.
pub fn bytes(store: &dyn Store) -> Result<u64, StoreError> {
    let mut bytes = 0;
    for kind in [Kind::Request, Kind::KeptRequest] {
        let mut range = KeyRange::prefix(kind.prefix());
        loop {
            let page = store.scan(range.clone(), Order::Descending, TRIM)?;
            bytes += page.iter().map(|(_, value)| value.len() as u64).sum::<u64>();
            match page.last() {
                Some((last, _)) if page.len() == TRIM => range = range.before(Key::from(last.as_slice())),
                Some(_) | None => break,
            }
        }
    }
    Ok(bytes)
}
