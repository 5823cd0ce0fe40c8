//! Tokens of the API: made, listed, revoked, and looked up when somebody gives one.

use super::{People, PeopleError};
use crate::{
    identity::{SecretDigest, TokenSecret},
    model::{Right, Span, TokenId},
    store::{
        Batch, StoreError,
        tables::api_tokens::{self, TokenRecord},
    },
};

/// How long a token is valid, unless its maker says otherwise.
pub const TOKEN_LIFE: Span = Span::from_millis(90 * 86_400_000);
/// How exactly the time of the last use is kept, milliseconds.
const USED_EVERY: u64 = 60_000;
/// The most characters of a title and of a prefix.
const TITLE: usize = 128;

/// A token to be made.
#[derive(Debug)]
pub struct NewToken {
    pub title: String,
    pub scopes: Vec<Right>,
    pub prefix: Option<String>,
    /// How long it is valid; `None` for ever.
    pub life: Option<Span>,
    /// Who makes it.
    pub made_by: String,
}

impl People {
    /// Makes a token; its text is told here and never again.
    ///
    /// # Errors
    /// `Token` when it could do nothing, or that of the store.
    pub async fn make_token(&self, new: NewToken) -> Result<(TokenSecret, TokenRecord), PeopleError> {
        let NewToken { title, mut scopes, prefix, life, made_by } = new;
        if title.trim().is_empty() || title.chars().count() > TITLE {
            return Err(PeopleError::Token("name: give the token a name of at most 128 characters"));
        }
        if scopes.is_empty() {
            return Err(PeopleError::Token("scopes: name at least one, as in [\"runs:read\"]"));
        }
        if prefix.as_ref().is_some_and(|prefix| prefix.is_empty() || prefix.chars().count() > TITLE) {
            return Err(PeopleError::Token("prefix: give the beginning of workflow keys, or leave it out"));
        }
        if prefix.is_some() && scopes.contains(&Right::Admin) {
            return Err(PeopleError::Token("prefix: a token with the scope `admin` cannot be limited"));
        }
        // What it publishes could start other workflows, and follow their runs.
        if prefix.is_some() && scopes.contains(&Right::WorkflowsPublish) {
            return Err(PeopleError::Token(
                "prefix: a token with the scope `workflows:publish` cannot be limited, as a workflow can start others",
            ));
        }
        if life.is_some_and(|life| life.as_millis() == 0) {
            return Err(PeopleError::Token("expires_in: give a time such as 90d"));
        }
        scopes.sort_by_key(|right| *right as u32);
        scopes.dedup();
        let secret = TokenSecret::new(self.random(), self.random());
        let now_ms = self.now_ms();
        let token = TokenRecord {
            id: secret.id().clone(),
            title: title.trim().to_owned(),
            digest: secret.digest().0,
            scopes,
            prefix,
            made_by,
            created_ms: now_ms,
            expires_ms: life.map(|life| now_ms.saturating_add(life.as_millis())),
            used_ms: None,
        };
        self.commit(|batch| api_tokens::put_new(batch, &token)).await?;
        Ok((secret, token))
    }

    /// All tokens, newest first, those that have expired too.
    ///
    /// # Errors
    /// The store's own: it failed, or a value in it cannot be read.
    pub async fn tokens(&self) -> Result<Vec<TokenRecord>, PeopleError> {
        let mut all = api_tokens::list(self.store()).await?;
        all.sort_by_key(|token| std::cmp::Reverse(token.created_ms));
        Ok(all)
    }

    /// Revokes a token; gives what it was.
    ///
    /// # Errors
    /// `UnknownToken`, or that of the store.
    pub async fn revoke(&self, id: &TokenId) -> Result<TokenRecord, PeopleError> {
        let token = api_tokens::get(self.store(), id).await?;
        let token = token.ok_or_else(|| PeopleError::UnknownToken(id.clone()))?;
        self.commit(|batch| api_tokens::remove(batch, id)).await?;
        Ok(token)
    }

    /// The token with this text; `None` when there is none, or it has expired.
    ///
    /// # Errors
    /// The store's own: it failed, or a value in it cannot be read.
    pub async fn token(&self, text: &str) -> Result<Option<TokenRecord>, StoreError> {
        let Some((id, digest)) = TokenSecret::read(text) else { return Ok(None) };
        let now_ms = self.now_ms();
        let is_valid = |token: &TokenRecord| {
            digest.is(SecretDigest(token.digest)) && token.expires_ms.is_none_or(|expires| now_ms < expires)
        };
        let Some(token) = api_tokens::get(self.store(), &id).await?.filter(is_valid) else { return Ok(None) };
        if token.used_ms.is_none_or(|used| now_ms.saturating_sub(used) >= USED_EVERY) {
            let used = TokenRecord { used_ms: Some(now_ms), ..token.clone() };
            let mut batch = Batch::new();
            api_tokens::change(&mut batch, &token, &used);
            // Another request may have said the same, or the token was revoked: both are fine.
            if let Err(error) = self.store().commit(batch).await
                && !matches!(error, StoreError::Conflict { .. })
            {
                tracing::warn!(%error, "the use of a token could not be kept");
            }
        }
        Ok(Some(token))
    }
}
