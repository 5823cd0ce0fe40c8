//! Lets people in by name and password, and asks for a password again.

use std::{sync::Arc, time::Duration};

use sha2::{Digest, Sha256};

use super::{People, PeopleError};
use crate::{
    identity::{self, Attempt, Fits, LONGEST, SessionSecret},
    model::PersonName,
    store::tables::{
        self,
        people::PersonRecord,
        sessions::{self, SessionRecord},
    },
};

/// Addresses of a person that are remembered.
const KNOWN: usize = 8;
/// Bytes of a browser's name for itself that are kept.
const AGENT: usize = 200;

/// Where a request comes from.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Its address as shares are counted by: whole, or the /64 of IPv6.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// Somebody who was let in.
#[derive(Debug)]
pub struct Entered {
    pub person: PersonRecord,
    /// The secret of the new session's cookie.
    pub cookie: SessionSecret,
}

impl People {
    /// Lets somebody in who knows the password; begins a new session, whose id nobody had before.
    ///
    /// # Errors
    /// `WrongLogin`, `Wait`, `Busy`, or that of the store. Names that nobody has take as long as others.
    pub async fn log_in(&self, name: &str, password: String, from: &Caller) -> Result<Entered, PeopleError> {
        let person = match name.parse::<PersonName>() {
            Ok(name) => tables::people::get(self.store(), &name).await?,
            Err(_) => None,
        };
        let checked = self.check(name, person, password, from).await?;
        let Some((person, fits)) = checked else { return Err(PeopleError::WrongLogin) };
        let (person, cookie) = self.entered(person, from, fits).await?;
        Ok(Entered { person, cookie })
    }

    /// Asks somebody who is in for the password again.
    ///
    /// # Errors
    /// `WrongPassword`, `Wait`, `Busy`, or that of the store.
    pub async fn confirm(
        &self,
        name: &PersonName,
        password: String,
        from: &Caller,
    ) -> Result<(), PeopleError> {
        let person = tables::people::get(self.store(), name).await?;
        let checked = self.check(name.as_str(), person, password, from).await?;
        checked.map(|_| ()).ok_or(PeopleError::WrongPassword)
    }

    /// The person, if the password fits, and the password itself if it is to be hashed anew.
    async fn check(
        &self,
        name: &str,
        person: Option<PersonRecord>,
        password: String,
        from: &Caller,
    ) -> Result<Option<(PersonRecord, Option<String>)>, PeopleError> {
        let digest = digest_of(name);
        let known = person.as_ref().is_some_and(|person| person.known.contains(&from.address));
        let attempt = self.logins().attempt(digest, &from.address, known, self.now());
        match attempt {
            Attempt::Wait(wait) => {
                let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
                return Err(PeopleError::Wait { seconds });
            }
            Attempt::After(Duration::ZERO) => {}
            Attempt::After(delay) => tokio::time::sleep(delay).await,
        }
        let phc = person.as_ref().and_then(|person| person.password.clone());
        let phc = phc.unwrap_or_else(identity::stand_in);
        let (fits, password) = self.hashing(move || (identity::fits(&password, &phc), password)).await?;
        let person = person.filter(|_| fits != Fits::No);
        match &person {
            Some(_) => self.logins().right(digest, &from.address),
            None => self.logins().wrong(digest, &from.address, self.now()),
        }
        Ok(person.map(|person| (person, (fits == Fits::Old).then_some(password))))
    }

    /// Begins a session, and remembers the address; `rehash` is a password whose hash has old costs.
    pub(super) async fn entered(
        &self,
        before: PersonRecord,
        from: &Caller,
        rehash: Option<String>,
    ) -> Result<(PersonRecord, SessionSecret), PeopleError> {
        let now_ms = self.now_ms();
        let mut after = PersonRecord { seen_ms: Some(now_ms), ..before.clone() };
        after.known.retain(|known| *known != from.address);
        after.known.push(from.address.clone());
        let surplus = after.known.len().saturating_sub(KNOWN);
        after.known.drain(..surplus);
        if let Some(password) = rehash {
            after.password = Some(self.hashed(password).await?);
        }
        let cookie = self.secret();
        let session = self.new_session(&after.name, from, now_ms);
        let digest = cookie.digest().0;
        self.commit(|batch| {
            tables::people::change(batch, &before, &after);
            sessions::put(batch, &digest, &session);
        })
        .await?;
        Ok((after, cookie))
    }

    pub(super) fn new_session(&self, person: &PersonName, from: &Caller, now_ms: u64) -> SessionRecord {
        let mut agent: String = from.agent.chars().filter(|character| !character.is_control()).collect();
        agent.truncate(agent.floor_char_boundary(AGENT));
        SessionRecord {
            person: person.clone(),
            created_ms: now_ms,
            seen_ms: now_ms,
            address: from.address.clone(),
            agent,
        }
    }

    /// The PHC string of a password.
    pub(super) async fn hashed(&self, password: String) -> Result<String, PeopleError> {
        let salt = self.random();
        let hashed = self.hashing(move || identity::hashed(&password, salt)).await?;
        hashed.ok_or(PeopleError::Busy)
    }

    /// Computes on a thread that may block, when its turn has come.
    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PeopleError> {
        let waiting = Arc::clone(&self.0.waiting).try_acquire_owned().map_err(|_| PeopleError::Busy)?;
        let turn = Arc::clone(&self.0.hashing).acquire_owned().await.map_err(|_| PeopleError::Busy)?;
        let worked = tokio::task::spawn_blocking(move || {
            let _held = (waiting, turn);
            work()
        });
        worked.await.map_err(|_| PeopleError::Busy)
    }

    fn logins(&self) -> std::sync::MutexGuard<'_, identity::Logins> {
        self.0.logins.lock().expect("no code panics under this lock")
    }
}

/// A name as it is counted: whatever its length.
fn digest_of(name: &str) -> [u8; 16] {
    let name = name.get(..name.floor_char_boundary(LONGEST)).unwrap_or_default();
    let digest: [u8; 32] = Sha256::digest(name.as_bytes()).into();
    *digest.first_chunk().expect("32 bytes begin with 16")
}
