//! The request log: every request, accepted or refused, newest first.

use super::Page;
use crate::{
    model::{RequestId, RequestRecord},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Key, Kind},
        record::{self, Record},
    },
};

/// Lines that one batch of a trim removes.
const TRIM: usize = 1_000;

impl Record for RequestRecord {
    const KIND: &'static str = "request";
    const VERSION: u8 = 1;
}

/// Stores a line.
pub fn insert(batch: &mut Batch, request: &RequestRecord) {
    batch.put(keys::request(request.id), record::encode(request));
}

/// Lines newest first, from before the cursor.
///
/// # Errors
/// `Corrupt`.
pub fn list(
    store: &dyn Store,
    before: Option<RequestId>,
    limit: usize,
) -> Result<Page<RequestRecord, RequestId>, StoreError> {
    let mut range = KeyRange::prefix(Kind::Request.prefix());
    if let Some(before) = before {
        range = range.before(keys::request(before));
    }
    let records = super::read_range(store, range, Order::Descending, limit)?;
    let items: Vec<RequestRecord> = records.into_iter().map(|(_, record)| record).collect();
    let next = items.last().filter(|_| items.len() == limit).map(|last| last.id);
    Ok(Page { items, next })
}

/// Removes the lines from before `before_ms`, a thousand a batch; gives their number.
///
/// # Errors
/// Those of the store. What was removed before stays removed.
pub async fn trim(store: &dyn Store, before_ms: u64) -> Result<usize, StoreError> {
    let old =
        KeyRange::prefix(Kind::Request.prefix()).before(keys::request(RequestId::new(before_ms, [0; 10])));
    let mut removed = 0;
    loop {
        let lines = store.scan(old.clone(), Order::Ascending, TRIM)?;
        let mut batch = Batch::new();
        for (key, _) in &lines {
            batch.delete(Key::from(key.as_slice()));
        }
        store.commit(batch).await?;
        removed += lines.len();
        if lines.len() < TRIM {
            return Ok(removed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, tables::samples, testing::block_on};

    #[test]
    fn the_log_pages_newest_first_and_is_trimmed_from_the_old_end() {
        let store = MemoryStore::new();
        let lines: Vec<RequestRecord> = (0..2_050).map(samples::request).collect();
        let mut batch = Batch::new();
        lines.iter().for_each(|line| insert(&mut batch, line));
        block_on(store.commit(batch)).unwrap();
        let first = list(&store, None, 40).unwrap();
        assert_eq!(first.items[..], lines.iter().rev().take(40).cloned().collect::<Vec<_>>());
        let second = list(&store, first.next, 40).unwrap();
        assert_eq!(second.items[0], lines[2_009]);
        assert_eq!(block_on(trim(&store, 2_040)).unwrap(), 2_040);
        let rest = list(&store, None, 40).unwrap();
        assert_eq!((rest.items.len(), rest.next), (10, None));
        assert_eq!(rest.items[9], lines[2_040]);
    }
}
