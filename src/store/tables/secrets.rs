//! Secrets as they were sealed, by name, and a sealed constant that tells a wrong key.
//!
//! The store sees no plaintext and no key: `engine::Vault` seals and opens.

use serde::{Deserialize, Serialize};

use crate::store::{
    Batch, KeyRange, Order, Store, StoreError,
    keys::{self, Kind},
    record::{self, Record},
};

/// The name of the sealed constant among the single facts.
const KEY_CHECK: &str = "secrets-key-check";

/// A secret's value as it is stored: encrypted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedSecret {
    /// The id of the key that it was sealed with.
    pub key_id: String,
    /// The nonce that it was sealed with.
    pub nonce: [u8; 24],
    /// The encrypted value, with its tag.
    pub ciphertext: Vec<u8>,
    /// When it was set, milliseconds since the epoch.
    pub set_ms: u64,
}

impl Record for SealedSecret {
    const KIND: &'static str = "secret";
    const VERSION: u8 = 1;
}

/// Stores a secret, in place of an earlier one of that name.
pub fn put(batch: &mut Batch, name: &str, secret: &SealedSecret) {
    batch.put(keys::secret(name), record::encode(secret));
}

/// Removes a secret, if it is there.
pub fn remove(batch: &mut Batch, name: &str) {
    batch.delete(keys::secret(name));
}

/// One secret.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn get(store: &dyn Store, name: &str) -> Result<Option<SealedSecret>, StoreError> {
    super::read(store, &keys::secret(name)).await
}

/// All secrets, by name.
///
/// # Errors
/// Those of the store; `Corrupt` when a name is no text.
pub async fn list(store: &dyn Store) -> Result<Vec<(String, SealedSecret)>, StoreError> {
    let all = super::read_range(store, KeyRange::prefix(Kind::Secret.prefix()), Order::Ascending, usize::MAX)
        .await?;
    let named = all.into_iter().map(|(key, secret)| match std::str::from_utf8(&key[1..]) {
        Ok(name) => Ok((name.to_owned(), secret)),
        Err(_) => Err(StoreError::corrupt(keys::Key::from(key.as_slice()), "the name is no text")),
    });
    named.collect()
}

/// Stores the constant, sealed anew.
pub fn put_key_check(batch: &mut Batch, check: &SealedSecret) {
    batch.put(keys::meta(KEY_CHECK), record::encode(check));
}

/// The sealed constant; there is none before the first start.
///
/// # Errors
/// The store's own: it is full, it failed, or a value in it cannot be read.
pub async fn key_check(store: &dyn Store) -> Result<Option<SealedSecret>, StoreError> {
    super::read(store, &keys::meta(KEY_CHECK)).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    fn sealed(byte: u8) -> SealedSecret {
        SealedSecret {
            key_id: "k".to_owned(),
            nonce: [byte; 24],
            ciphertext: vec![byte; 40],
            set_ms: byte.into(),
        }
    }

    #[test]
    fn secrets_are_listed_by_name_and_the_check_is_none_of_them() {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        put(&mut batch, "B", &sealed(1));
        put(&mut batch, "A", &sealed(2));
        put(&mut batch, "B", &sealed(3));
        put_key_check(&mut batch, &sealed(9));
        block_on(store.commit(batch)).unwrap();
        assert_eq!(
            block_on(list(&store)).unwrap(),
            [("A".to_owned(), sealed(2)), ("B".to_owned(), sealed(3))]
        );
        assert_eq!(block_on(key_check(&store)).unwrap(), Some(sealed(9)));
        let mut batch = Batch::new();
        remove(&mut batch, "B");
        block_on(store.commit(batch)).unwrap();
        assert_eq!(
            (block_on(get(&store, "B")).unwrap(), block_on(get(&store, "A")).unwrap()),
            (None, Some(sealed(2)))
        );
    }

    #[test]
    fn a_name_that_is_no_text_is_damage() {
        let store = MemoryStore::new();
        let mut batch = Batch::new();
        batch.put(keys::Key::from(b"k\xff"), record::encode(&sealed(1)));
        block_on(store.commit(batch)).unwrap();
        assert!(matches!(block_on(list(&store)), Err(StoreError::Corrupt { .. })));
    }
}
