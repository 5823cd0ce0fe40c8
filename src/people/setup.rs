//! The first person: a link with a secret, which works once.

use std::sync::atomic::Ordering;

use super::{
    People, PeopleError,
    entrance::{Caller, Entered},
    folk::NewPerson,
};
use crate::{
    identity::SessionSecret,
    model::{PersonName, Role},
    store::{Batch, StoreError, tables::people},
};

impl People {
    /// A new setup link's secret; the one before is no longer valid. It goes into the fragment of an address, so that it stands in no log,
    /// no history of a proxy and no `Referer`.
    ///
    /// # Errors
    /// `SetUp` when there is a person.
    pub fn setup_link(&self) -> Result<SessionSecret, PeopleError> {
        if !self.need_setup() {
            return Err(PeopleError::SetUp);
        }
        let secret = self.secret();
        self.setup().link = Some(secret.digest());
        Ok(secret)
    }

    /// Makes the first person, an admin, and lets them in.
    ///
    /// # Errors
    /// `SetUp`, `Link`, `Wait` after ten tries in a minute, `Password`, or that of the store.
    pub async fn set_up(
        &self,
        link: &str,
        name: PersonName,
        password: String,
        from: &Caller,
    ) -> Result<Entered, PeopleError> {
        if !self.need_setup() {
            return Err(PeopleError::SetUp);
        }
        let now = self.now();
        let given = SessionSecret::digest_of(link);
        let valid = {
            let mut setup = self.setup();
            if let Some(wait) = setup.tries.one_more(now) {
                let seconds = u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX);
                return Err(PeopleError::Wait { seconds });
            }
            setup.link.filter(|link| given.is_some_and(|given| given.is(*link)))
        };
        let Some(valid) = valid else { return Err(PeopleError::Link) };
        let new = NewPerson { name, role: Role::Admin, payloads: false, password };
        // A password that is too short uses up no link.
        let person = self.made(new).await?;
        let mut batch = Batch::new();
        people::put_first(&mut batch, &person);
        match self.store().commit(batch).await {
            Err(StoreError::Conflict { .. }) => return Err(PeopleError::SetUp),
            other => other?,
        }
        self.0.begun.store(true, Ordering::Release);
        let _used = self.setup().link.take_if(|link| link.is(valid));
        let (person, cookie) = self.entered(person, from, None).await?;
        Ok(Entered { person, cookie })
    }

    fn setup(&self) -> std::sync::MutexGuard<'_, super::Setup> {
        self.0.setup.lock().expect("no code panics under this lock")
    }
}
