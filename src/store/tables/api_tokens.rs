//! Tokens of the API, by their public id.

use serde::{Deserialize, Serialize};

use crate::{
    model::{Right, TokenId},
    store::{
        Batch, KeyRange, Order, Store, StoreError,
        keys::{self, Kind},
        record::{self, Record},
    },
};

/// A token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    pub id: TokenId,
    /// What its owner calls it.
    pub title: String,
    /// SHA-256 of its secret.
    pub digest: [u8; 32],
    pub scopes: Vec<Right>,
    /// It sees only workflows whose keys begin with this.
    pub prefix: Option<String>,
    /// Who made it, as the audit log names people.
    pub made_by: String,
    /// Milliseconds since the epoch, as all times here.
    pub created_ms: u64,
    /// `None` never expires.
    pub expires_ms: Option<u64>,
    /// The last use, to the minute.
    pub used_ms: Option<u64>,
}

impl Record for TokenRecord {
    const KIND: &'static str = "token of the API";
    const VERSION: u8 = 1;
}

/// Stores a new token; its id must be free.
pub fn put_new(batch: &mut Batch, token: &TokenRecord) {
    batch.expect_absent(keys::api_token(&token.id));
    batch.put(keys::api_token(&token.id), record::encode(token));
}

/// Stores a token as `after`, if it is still as `before`: one that was revoked meanwhile must not come back.
pub fn change(batch: &mut Batch, before: &TokenRecord, after: &TokenRecord) {
    batch.expect_equals(keys::api_token(&before.id), record::encode(before));
    batch.put(keys::api_token(&after.id), record::encode(after));
}

/// Removes a token, if it is there.
pub fn remove(batch: &mut Batch, id: &TokenId) {
    batch.delete(keys::api_token(id));
}

/// One token.
///
/// # Errors
/// The store's own: it failed, or a value in it cannot be read.
pub async fn get(store: &dyn Store, id: &TokenId) -> Result<Option<TokenRecord>, StoreError> {
    super::read(store, &keys::api_token(id)).await
}

/// All tokens, by id.
///
/// # Errors
/// The store's own: it failed, or a value in it cannot be read.
pub async fn list(store: &dyn Store) -> Result<Vec<TokenRecord>, StoreError> {
    let range = KeyRange::prefix(Kind::ApiToken.prefix());
    let all = super::read_range(store, range, Order::Ascending, usize::MAX).await?;
    Ok(all.into_iter().map(|(_, token)| token).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{MemoryStore, testing::block_on};

    #[test]
    fn a_token_that_was_revoked_does_not_come_back_when_it_is_used() {
        let store = MemoryStore::new();
        let before = TokenRecord {
            id: "0123456789ab".parse().unwrap(),
            title: "ci".to_owned(),
            digest: [3; 32],
            scopes: vec![Right::RunsRead, Right::Backup],
            prefix: Some("shop-".to_owned()),
            made_by: "anna".to_owned(),
            created_ms: 1,
            expires_ms: None,
            used_ms: None,
        };
        let commit = |write: &dyn Fn(&mut Batch)| {
            let mut batch = Batch::new();
            write(&mut batch);
            block_on(store.commit(batch))
        };
        commit(&|batch| put_new(batch, &before)).unwrap();
        assert!(commit(&|batch| put_new(batch, &before)).is_err());
        let after = TokenRecord { used_ms: Some(2), ..before.clone() };
        commit(&|batch| change(batch, &before, &after)).unwrap();
        assert_eq!(block_on(list(&store)).unwrap(), std::slice::from_ref(&after));
        commit(&|batch| remove(batch, &before.id)).unwrap();
        assert!(commit(&|batch| change(batch, &after, &before)).is_err());
        assert_eq!(block_on(get(&store, &before.id)).unwrap(), None);
    }
}
