//! People who may log in, by name, and whether there ever was one.

use serde::{Deserialize, Serialize};

use crate::{
    model::{PersonName, Role},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Kind},
        record::{self, Record},
    },
};

/// The name of the fact that there are people, among the single facts.
const BEGUN: &str = "people-begun";

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRecord {
    pub name: PersonName,
    pub role: Role,
    /// Whether payloads are granted besides what the role has.
    pub payloads: bool,
    /// The password as a PHC string; `None` when the person cannot log in with one.
    pub password: Option<String>,
    /// Who the person is to an issuer of identities; always `None` so far.
    pub identity: Option<String>,
    /// Addresses that the person logged in from, the newest last.
    pub known: Vec<String>,
    /// Milliseconds since the epoch, as all times here.
    pub created_ms: u64,
    /// When the password was set.
    pub password_ms: u64,
    /// The last login.
    pub seen_ms: Option<u64>,
}

impl Record for PersonRecord {
    const KIND: &'static str = "person";
    const VERSION: u8 = 1;
}

/// Stores a person.
pub fn put(batch: &mut Batch, person: &PersonRecord) {
    batch.put(keys::person(&person.name), record::encode(person));
}

/// As [`put`], if nobody has the name.
pub fn put_new(batch: &mut Batch, person: &PersonRecord) {
    batch.expect_absent(keys::person(&person.name));
    put(batch, person);
}

/// As [`put_new`], if there never was anybody.
pub fn put_first(batch: &mut Batch, person: &PersonRecord) {
    batch.expect_absent(keys::meta(BEGUN));
    batch.put(keys::meta(BEGUN), []);
    put_new(batch, person);
}

/// As [`put`], if the person is still as `before`.
pub fn change(batch: &mut Batch, before: &PersonRecord, after: &PersonRecord) {
    batch.expect_equals(keys::person(&before.name), record::encode(before));
    put(batch, after);
}

/// Removes a person who is still as `before`.
pub fn remove(batch: &mut Batch, before: &PersonRecord) {
    batch.expect_equals(keys::person(&before.name), record::encode(before));
    batch.delete(keys::person(&before.name));
}

/// One person.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn get(store: &dyn Store, name: &PersonName) -> Result<Option<PersonRecord>, StoreError> {
    super::read(store, &keys::person(name)).await
}

/// All people, by name.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn list(store: &dyn Store) -> Result<Vec<PersonRecord>, StoreError> {
    let range = KeyRange::prefix(Kind::Person.prefix());
    let all = super::read_range(store, range, Order::Ascending, usize::MAX).await?;
    Ok(all.into_iter().map(|(_, person)| person).collect())
}

/// Whether there ever was a person.
///
/// # Errors
/// The store's own: it failed, or a value in it cannot be read.
pub async fn begun(store: &dyn Store) -> Result<bool, StoreError> {
    Ok(store.get(&keys::meta(BEGUN)).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    fn person(name: &str, role: Role) -> PersonRecord {
        PersonRecord {
            name: name.parse().unwrap(),
            role,
            payloads: false,
            password: Some("$argon2id$…".to_owned()),
            identity: None,
            known: vec!["192.0.2.1".to_owned()],
            created_ms: 1,
            password_ms: 1,
            seen_ms: None,
        }
    }

    fn commit(store: &MemoryStore, write: impl FnOnce(&mut Batch)) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        write(&mut batch);
        block_on(store.commit(batch))
    }

    #[test]
    fn there_is_one_first_person_and_a_name_is_taken_once() {
        let store = MemoryStore::new();
        let (anna, li) = (person("anna", Role::Admin), person("李", Role::Viewer));
        assert!(!block_on(begun(&store)).unwrap());
        commit(&store, |batch| put_first(batch, &anna)).unwrap();
        assert!(block_on(begun(&store)).unwrap());
        assert!(matches!(commit(&store, |batch| put_first(batch, &li)), Err(StoreError::Conflict { .. })));
        commit(&store, |batch| put_new(batch, &li)).unwrap();
        assert!(matches!(commit(&store, |batch| put_new(batch, &li)), Err(StoreError::Conflict { .. })));
        assert_eq!(block_on(list(&store)).unwrap(), [anna.clone(), li]);
        assert_eq!(block_on(get(&store, &anna.name)).unwrap(), Some(anna));
    }

    #[test]
    fn a_person_changes_only_from_what_was_read() {
        let store = MemoryStore::new();
        let before = person("anna", Role::Viewer);
        commit(&store, |batch| put_new(batch, &before)).unwrap();
        let after = PersonRecord { role: Role::Admin, ..before.clone() };
        commit(&store, |batch| change(batch, &before, &after)).unwrap();
        assert!(commit(&store, |batch| change(batch, &before, &after)).is_err());
        assert!(commit(&store, |batch| remove(batch, &before)).is_err());
        commit(&store, |batch| remove(batch, &after)).unwrap();
        assert!(block_on(list(&store)).unwrap().is_empty());
    }
}
