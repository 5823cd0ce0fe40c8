//! The audit log: who did what, newest first. Lines are added, and go when they are too old; nothing changes one.

use serde::{Deserialize, Serialize};

use super::Page;
use crate::{
    model::{Actor, PersonName, RequestId, TokenId},
    store::{
        Batch, Key, KeyRange, Order, Store, StoreError,
        keys::{self, Kind},
        record::{self, Record},
    },
};

/// Lines that one batch of a trim removes.
const TRIM: usize = 1_000;

/// Who did something, as it is stored: by position. [`Actor`] is the same for JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum By {
    Person(PersonName),
    Token(TokenId),
    Machine,
    Folder,
    /// Somebody who was not let in.
    Nobody,
}

impl From<Option<Actor>> for By {
    fn from(actor: Option<Actor>) -> Self {
        match actor {
            Some(Actor::Person { name }) => Self::Person(name),
            Some(Actor::Token { id }) => Self::Token(id),
            Some(Actor::Machine) => Self::Machine,
            Some(Actor::Folder) => Self::Folder,
            None => Self::Nobody,
        }
    }
}

impl By {
    /// The same for JSON; `None` for somebody who was not let in.
    pub fn actor(&self) -> Option<Actor> {
        match self {
            Self::Person(name) => Some(Actor::Person { name: name.clone() }),
            Self::Token(id) => Some(Actor::Token { id: id.clone() }),
            Self::Machine => Some(Actor::Machine),
            Self::Folder => Some(Actor::Folder),
            Self::Nobody => None,
        }
    }
}

/// One line. It holds no secret, and no payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    pub by: By,
    /// What was done: a method with its path's template, or a word such as `login`.
    pub action: String,
    /// To what: the names and ids of the path.
    pub target: String,
    /// SHA-256 of what it was before, and of what it is now, where the action knows.
    pub before: Option<[u8; 32]>,
    pub after: Option<[u8; 32]>,
    /// Where the request came from.
    pub address: String,
    /// The request's id, which its answer carries.
    pub request: RequestId,
    /// The HTTP status of the answer.
    pub status: u16,
    /// The stable code of a refusal.
    pub code: Option<String>,
}

impl Record for AuditRecord {
    const KIND: &'static str = "line of the audit log";
    const VERSION: u8 = 1;
}

/// When a line was written, in milliseconds since the epoch, and what tells it from others of that moment.
pub type AuditId = (u64, [u8; 8]);

/// Adds a line.
pub fn insert(batch: &mut Batch, (at_ms, random): AuditId, line: &AuditRecord) {
    batch.put(keys::audit(at_ms, random), record::encode(line));
}

/// Lines newest first, from before the cursor.
///
/// # Errors
/// The store's own: it failed, or a value in it cannot be read.
pub async fn list(
    store: &dyn Store,
    before: Option<AuditId>,
    limit: usize,
) -> Result<Page<(AuditId, AuditRecord), AuditId>, StoreError> {
    let mut range = KeyRange::prefix(Kind::Audit.prefix());
    if let Some((at_ms, random)) = before {
        range = range.before(keys::audit(at_ms, random));
    }
    let lines: Vec<(_, AuditRecord)> = super::read_range(store, range, Order::Descending, limit).await?;
    let is_last = lines.len() < limit;
    let with_id = |(key, line): (Vec<u8>, AuditRecord)| Some((keys::parse_audit(&key)?, line));
    let items: Vec<_> = lines.into_iter().filter_map(with_id).collect();
    let next = items.last().map(|(id, _)| *id).filter(|_| !is_last);
    Ok(Page { items, next })
}

/// Removes lines from before `before_ms`, a thousand a batch; gives their number.
///
/// # Errors
/// Those of the store. What was removed before stays removed.
pub async fn trim(store: &dyn Store, before_ms: u64) -> Result<usize, StoreError> {
    let mut removed = 0;
    loop {
        let range = KeyRange::prefix(Kind::Audit.prefix()).before(keys::audit(before_ms, [0; 8]));
        let old = store.scan(range, Order::Ascending, TRIM).await?;
        if old.is_empty() {
            return Ok(removed);
        }
        let mut batch = Batch::new();
        for (key, _) in &old {
            batch.delete(Key::from(key.as_slice()));
        }
        store.commit(batch).await?;
        removed += old.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    fn line(action: &str) -> AuditRecord {
        AuditRecord {
            by: By::Person("anna".parse().unwrap()),
            action: action.to_owned(),
            target: "orders".to_owned(),
            before: Some([1; 32]),
            after: None,
            address: "192.0.2.1".to_owned(),
            request: RequestId::new(1, [0; 10]),
            status: 204,
            code: None,
        }
    }

    #[test]
    fn lines_are_listed_newest_first_page_by_page_and_old_ones_go() {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        for at_ms in 0..10_u64 {
            insert(&mut batch, (at_ms / 2, [at_ms as u8; 8]), &line(&at_ms.to_string()));
        }
        block_on(store.commit(batch)).unwrap();
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = block_on(list(&store, before, 3)).unwrap();
            seen.extend(page.items.into_iter().map(|(_, line)| line.action));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, ["9", "8", "7", "6", "5", "4", "3", "2", "1", "0"]);
        assert_eq!(block_on(trim(&store, 3)).unwrap(), 6);
        assert_eq!(block_on(list(&store, None, 9)).unwrap().items.len(), 4);
    }

    #[test]
    fn whoever_did_it_is_told_as_it_was_stored() {
        let person = Actor::Person { name: "anna".parse().unwrap() };
        let token = Actor::Token { id: "0123456789ab".parse().unwrap() };
        for actor in [Some(person), Some(token), Some(Actor::Machine), Some(Actor::Folder), None] {
            assert_eq!(By::from(actor.clone()).actor(), actor);
        }
    }
}
