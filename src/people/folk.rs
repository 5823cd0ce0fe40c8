//! Who there is: people are listed, added, changed and removed. One admin always stays.

use super::{People, PeopleError};
use crate::{
    identity,
    model::{PersonName, Role},
    store::{
        Batch, StoreError,
        tables::people::{self, PersonRecord},
    },
};

/// A person to be added.
#[derive(Debug)]
pub struct NewPerson {
    pub name: PersonName,
    pub role: Role,
    pub payloads: bool,
    pub password: String,
}

/// What changes about a person.
#[derive(Debug, Default)]
pub struct Changes {
    pub role: Option<Role>,
    pub payloads: Option<bool>,
    pub password: Option<String>,
}

impl People {
    /// All of them, by name.
    ///
    /// # Errors
    /// The store's own: it failed, or a value in it cannot be read.
    pub async fn list(&self) -> Result<Vec<PersonRecord>, PeopleError> {
        Ok(people::list(self.store()).await?)
    }

    /// Adds a person.
    ///
    /// # Errors
    /// `Taken`, `Password`, or that of the store.
    pub async fn add(&self, new: NewPerson) -> Result<PersonRecord, PeopleError> {
        let person = self.made(new).await?;
        let mut batch = Batch::new();
        people::put_new(&mut batch, &person);
        match self.store().commit(batch).await {
            Err(StoreError::Conflict { .. }) => return Err(PeopleError::Taken(person.name)),
            other => other?,
        }
        Ok(person)
    }

    pub(super) async fn made(&self, new: NewPerson) -> Result<PersonRecord, PeopleError> {
        let NewPerson { name, role, payloads, password } = new;
        identity::check_new(&password, name.as_str())?;
        let password = Some(self.hashed(password).await?);
        let now_ms = self.now_ms();
        Ok(PersonRecord {
            name,
            role,
            payloads,
            password,
            identity: None,
            known: Vec::new(),
            created_ms: now_ms,
            password_ms: now_ms,
            seen_ms: None,
        })
    }

    /// Changes a person, whose sessions end with it: what they may do, or what proves who they are, is no longer what they logged in
    /// with. Gives the person before and after.
    ///
    /// # Errors
    /// `UnknownPerson`, `LastAdmin`, `Password`, `Changed`, or that of the store.
    pub async fn change(
        &self,
        name: &PersonName,
        changes: Changes,
    ) -> Result<(PersonRecord, PersonRecord), PeopleError> {
        let _one = self.0.changing.lock().await;
        let before = self.known(name).await?;
        let mut after = before.clone();
        after.role = changes.role.unwrap_or(after.role);
        after.payloads = changes.payloads.unwrap_or(after.payloads);
        if let Some(password) = changes.password {
            identity::check_new(&password, name.as_str())?;
            after.password = Some(self.hashed(password).await?);
            after.password_ms = self.now_ms();
        }
        if before == after {
            return Ok((before, after));
        }
        if before.role == Role::Admin && after.role != Role::Admin {
            self.not_the_last_admin(name).await?;
        }
        let mut batch = Batch::new();
        people::change(&mut batch, &before, &after);
        self.end_all(&mut batch, name).await?;
        self.commit_all(batch).await?;
        Ok((before, after))
    }

    /// Removes a person and their sessions. Tokens that the person made stay.
    ///
    /// # Errors
    /// `UnknownPerson`, `LastAdmin`, `Changed`, or that of the store.
    pub async fn remove(&self, name: &PersonName) -> Result<PersonRecord, PeopleError> {
        let _one = self.0.changing.lock().await;
        let before = self.known(name).await?;
        if before.role == Role::Admin {
            self.not_the_last_admin(name).await?;
        }
        let mut batch = Batch::new();
        people::remove(&mut batch, &before);
        self.end_all(&mut batch, name).await?;
        self.commit_all(batch).await?;
        Ok(before)
    }

    async fn known(&self, name: &PersonName) -> Result<PersonRecord, PeopleError> {
        let person = people::get(self.store(), name).await?;
        person.ok_or_else(|| PeopleError::UnknownPerson(name.clone()))
    }

    async fn not_the_last_admin(&self, name: &PersonName) -> Result<(), PeopleError> {
        let all = people::list(self.store()).await?;
        if all.iter().any(|person| person.role == Role::Admin && person.name != *name) {
            return Ok(());
        }
        Err(PeopleError::LastAdmin(name.clone()))
    }

    async fn commit_all(&self, batch: Batch) -> Result<(), PeopleError> {
        match self.store().commit(batch).await {
            Err(StoreError::Conflict { .. }) => Err(PeopleError::Changed),
            other => Ok(other?),
        }
    }
}
