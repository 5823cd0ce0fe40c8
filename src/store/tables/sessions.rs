//! Logins, by the digest of their cookie. Who reads them compares their times: a session that is over stays until a sweep.

use serde::{Deserialize, Serialize};

use crate::{
    model::PersonName,
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Kind},
        record::{self, Record},
    },
};

/// A login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRecord {
    pub person: PersonName,
    /// Milliseconds since the epoch, as all times here.
    pub created_ms: u64,
    /// The last request, to the minute.
    pub seen_ms: u64,
    /// Where the login came from.
    pub address: String,
    /// The browser, as it calls itself; cut.
    pub agent: String,
}

impl Record for SessionRecord {
    const KIND: &'static str = "session";
    const VERSION: u8 = 1;
}

/// A session with the digest of its cookie.
pub type Session = ([u8; 32], SessionRecord);

/// Stores a session.
pub fn put(batch: &mut Batch, digest: &[u8; 32], session: &SessionRecord) {
    batch.put(keys::session(digest), record::encode(session));
}

/// Stores a session as `after`, if it is still as `before`: one that was revoked meanwhile must not come back.
pub fn change(batch: &mut Batch, digest: &[u8; 32], before: &SessionRecord, after: &SessionRecord) {
    batch.expect_equals(keys::session(digest), record::encode(before));
    put(batch, digest, after);
}

/// Removes a session, if it is there.
pub fn remove(batch: &mut Batch, digest: &[u8; 32]) {
    batch.delete(keys::session(digest));
}

/// One session.
///
/// # Errors
/// The store's own: it failed, or a value in it cannot be read.
pub async fn get(store: &dyn Store, digest: &[u8; 32]) -> Result<Option<SessionRecord>, StoreError> {
    super::read(store, &keys::session(digest)).await
}

/// All sessions.
///
/// # Errors
/// The store's own: it failed, or a value in it cannot be read.
pub async fn list(store: &dyn Store) -> Result<Vec<Session>, StoreError> {
    let range = KeyRange::prefix(Kind::Session.prefix());
    let all = super::read_range(store, range, Order::Ascending, usize::MAX).await?;
    let known = |(key, session): (Vec<u8>, SessionRecord)| Some((keys::parse_session(&key)?, session));
    Ok(all.into_iter().filter_map(known).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    #[test]
    fn a_session_that_was_revoked_does_not_come_back_when_it_is_seen() {
        let store = MemoryStore::new();
        let before = SessionRecord {
            person: "anna".parse().unwrap(),
            created_ms: 1,
            seen_ms: 1,
            address: "192.0.2.1".to_owned(),
            agent: String::new(),
        };
        let commit = |write: &dyn Fn(&mut Batch)| {
            let mut batch = Batch::new();
            write(&mut batch);
            block_on(store.commit(batch))
        };
        commit(&|batch| put(batch, &[1; 32], &before)).unwrap();
        let after = SessionRecord { seen_ms: 2, ..before.clone() };
        commit(&|batch| change(batch, &[1; 32], &before, &after)).unwrap();
        assert_eq!(block_on(list(&store)).unwrap(), [([1; 32], after.clone())]);
        commit(&|batch| remove(batch, &[1; 32])).unwrap();
        assert!(commit(&|batch| change(batch, &[1; 32], &after, &before)).is_err());
        assert_eq!(block_on(get(&store, &[1; 32])).unwrap(), None);
    }
}
