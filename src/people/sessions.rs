//! Sessions: who sends a request with a cookie, where somebody is logged in, and the end of it.

use super::{People, PeopleError, entrance::Caller};
use crate::{
    identity::{SecretDigest, SessionSecret},
    model::PersonName,
    store::{
        Batch, StoreError,
        tables::{
            self,
            people::PersonRecord,
            sessions::{self, Session, SessionRecord},
        },
    },
};

/// A session ends so long after its last request, and so long after its login, milliseconds.
const IDLE: u64 = 12 * 3_600_000;
const WHOLE: u64 = 30 * 86_400_000;
/// How exactly the time of the last request is kept, milliseconds.
const SEEN_EVERY: u64 = 60_000;
/// Digits of a session's public id: the beginning of its digest, from which nobody finds the cookie.
const ID: usize = 16;

/// Somebody whose cookie is valid.
#[derive(Debug, Clone)]
pub struct Present {
    pub person: PersonRecord,
    /// What tells the session from others.
    pub digest: SecretDigest,
}

impl People {
    /// Who has this cookie. `None` when nobody has it, or its session is over.
    ///
    /// # Errors
    /// The store's own: it failed, or a value in it cannot be read.
    pub async fn present(&self, cookie: &str) -> Result<Option<Present>, StoreError> {
        let Some(digest) = SessionSecret::digest_of(cookie) else { return Ok(None) };
        let now_ms = self.now_ms();
        let session = sessions::get(self.store(), &digest.0).await?;
        let Some(session) = session.filter(|session| !is_over(session, now_ms)) else { return Ok(None) };
        let Some(person) = tables::people::get(self.store(), &session.person).await? else { return Ok(None) };
        if now_ms.saturating_sub(session.seen_ms) >= SEEN_EVERY {
            let seen = SessionRecord { seen_ms: now_ms, ..session.clone() };
            let mut batch = Batch::new();
            sessions::change(&mut batch, &digest.0, &session, &seen);
            // Another request may have said the same, or the session was ended: both are fine.
            if let Err(error) = self.store().commit(batch).await
                && !matches!(error, StoreError::Conflict { .. })
            {
                tracing::warn!(%error, "the time of a session could not be kept");
            }
        }
        Ok(Some(Present { person, digest }))
    }

    /// Ends a session.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn log_out(&self, digest: SecretDigest) -> Result<(), PeopleError> {
        self.commit(|batch| sessions::remove(batch, &digest.0)).await
    }

    /// The sessions of a person, or of everybody, newest login first, each with its public id.
    ///
    /// # Errors
    /// The store's own: it failed, or a value in it cannot be read.
    pub async fn sessions(
        &self,
        of: Option<&PersonName>,
    ) -> Result<Vec<(String, SessionRecord)>, PeopleError> {
        let now_ms = self.now_ms();
        let all = sessions::list(self.store()).await?.into_iter();
        let shown = |(_, session): &Session| {
            !is_over(session, now_ms) && of.is_none_or(|name| session.person == *name)
        };
        let mut listed: Vec<_> =
            all.filter(shown).map(|(digest, session)| (session_id(SecretDigest(digest)), session)).collect();
        listed.sort_by_key(|(_, session)| std::cmp::Reverse(session.created_ms));
        Ok(listed)
    }

    /// Ends the session with this public id, if it is that of `of`, or of anybody without; gives whose it was.
    ///
    /// # Errors
    /// `UnknownSession`, or that of the store.
    pub async fn end_session(&self, id: &str, of: Option<&PersonName>) -> Result<PersonName, PeopleError> {
        let all = sessions::list(self.store()).await?.into_iter();
        let mut found = all.filter(|(digest, session)| {
            session_id(SecretDigest(*digest)) == id && of.is_none_or(|name| session.person == *name)
        });
        let (digest, session) = found.next().ok_or_else(|| PeopleError::UnknownSession(cut(id)))?;
        self.commit(|batch| sessions::remove(batch, &digest)).await?;
        Ok(session.person)
    }

    /// Ends all sessions of a person in a batch.
    pub(super) async fn end_all(&self, batch: &mut Batch, person: &PersonName) -> Result<(), StoreError> {
        let all = sessions::list(self.store()).await?;
        all.iter().filter(|(_, session)| session.person == *person).for_each(|(digest, _)| {
            sessions::remove(batch, digest);
        });
        Ok(())
    }

    /// Begins another session of somebody who is in: a session's id changes with what its person may do.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn renew(&self, person: &PersonName, from: &Caller) -> Result<SessionSecret, PeopleError> {
        let cookie = self.secret();
        let session = self.new_session(person, from, self.now_ms());
        let digest = cookie.digest().0;
        self.commit(|batch| sessions::put(batch, &digest, &session)).await?;
        Ok(cookie)
    }

    pub(super) async fn sweep_sessions(&self, now_ms: u64) -> Result<usize, StoreError> {
        let over: Vec<_> =
            sessions::list(self.store()).await?.into_iter().filter(|(_, it)| is_over(it, now_ms)).collect();
        if over.is_empty() {
            return Ok(0);
        }
        let mut batch = Batch::new();
        over.iter().for_each(|(digest, _)| sessions::remove(&mut batch, digest));
        self.store().commit(batch).await?;
        Ok(over.len())
    }
}

impl Present {
    /// The session's public id.
    pub fn id(&self) -> String {
        session_id(self.digest)
    }
}

fn session_id(digest: SecretDigest) -> String {
    let mut id = hex::encode(digest.0);
    id.truncate(ID);
    id
}

/// What a stranger gave as an id, for a message.
fn cut(id: &str) -> String {
    id.chars().take(ID).collect()
}

fn is_over(session: &SessionRecord, now_ms: u64) -> bool {
    now_ms.saturating_sub(session.seen_ms) >= IDLE || now_ms.saturating_sub(session.created_ms) >= WHOLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_ends_after_12_idle_hours_or_30_days() {
        let session = |created_ms, seen_ms| SessionRecord {
            person: "anna".parse().unwrap(),
            created_ms,
            seen_ms,
            address: String::new(),
            agent: String::new(),
        };
        assert!(!is_over(&session(0, 0), IDLE - 1) && is_over(&session(0, 0), IDLE));
        assert!(!is_over(&session(0, WHOLE - 1), WHOLE - 1) && is_over(&session(0, WHOLE - 1), WHOLE));
        assert!(!is_over(&session(100, 100), 0), "a clock that was set back ends no session");
    }
}
