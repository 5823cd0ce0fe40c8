//! People, their sessions, the tokens of the API, and the audit log: what is kept of them, and every rule that needs the store.
//!
//! `entrance` lets people in, `folk` changes who they are, `sessions` and `tokens` prove who sends a request, `setup` makes the first
//! person, `audit` writes down what was done. The API above decides what each may do.

mod audit;
mod entrance;
mod error;
mod folk;
mod sessions;
mod setup;
mod tokens;

pub use audit::Deed;
pub use entrance::{Caller, Entered};
pub use error::PeopleError;
pub use folk::{Changes, NewPerson};
pub use sessions::Present;
pub use tokens::{NewToken, TOKEN_LIFE};

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Semaphore;

use crate::{
    engine::Ports,
    identity::{Logins, SecretDigest, SessionSecret, Tries},
    model::Span,
    store::{Batch, Store, StoreError, tables},
};

/// Passwords that are hashed at once: each takes 19 MiB.
const HASHED_AT_ONCE: usize = 2;
/// Passwords that wait for their turn, at most.
const WAITING: usize = 64;
/// Tries of a setup link in a minute.
const SETUP_TRIES: u32 = 10;

/// Everybody who may use the console or the API, beside the machine's own administrator.
#[derive(Clone)]
pub struct People(Arc<Inner>);

struct Inner {
    store: Arc<dyn Store>,
    ports: Arc<dyn Ports>,
    /// How long lines of the audit log are kept.
    keep_audit: Span,
    /// Whether there ever was a person.
    begun: AtomicBool,
    logins: Mutex<Logins>,
    /// What the times of `logins` and `tries` are counted from.
    begin: Instant,
    /// The turn of those who hash passwords, and room for those who wait.
    hashing: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    setup: Mutex<Setup>,
    /// Lines of refusals that strangers may still cause this minute.
    refusals: Mutex<Tries>,
    /// One change of people at a time, so that the last admin stays.
    changing: tokio::sync::Mutex<()>,
}

struct Setup {
    /// The digest of the link that is valid.
    link: Option<SecretDigest>,
    tries: Tries,
}

impl People {
    /// Those of a store. `keep_audit` says how long the audit log keeps a line.
    ///
    /// # Errors
    /// The store's own: it failed, or a value in it cannot be read.
    pub async fn open(
        store: Arc<dyn Store>,
        ports: Arc<dyn Ports>,
        keep_audit: Span,
    ) -> Result<Self, StoreError> {
        let begun = tables::people::begun(&*store).await?;
        let minute = Duration::from_secs(60);
        Ok(Self(Arc::new(Inner {
            store,
            ports,
            keep_audit,
            begun: AtomicBool::new(begun),
            logins: Mutex::default(),
            begin: Instant::now(),
            hashing: Arc::new(Semaphore::new(HASHED_AT_ONCE)),
            waiting: Arc::new(Semaphore::new(WAITING)),
            setup: Mutex::new(Setup { link: None, tries: Tries::new(SETUP_TRIES, minute) }),
            refusals: Mutex::new(Tries::new(audit::REFUSALS_A_MINUTE, minute)),
            changing: tokio::sync::Mutex::default(),
        })))
    }

    /// Whether there never was a person: then the console only sets up the first one.
    pub fn need_setup(&self) -> bool {
        !self.0.begun.load(Ordering::Acquire)
    }

    /// Removes sessions that are over, and lines of the audit log that are too old; gives how many.
    ///
    /// # Errors
    /// Those of the store. What was removed before stays removed.
    pub async fn sweep(&self) -> Result<usize, StoreError> {
        let now_ms = self.now_ms();
        let over = self.sweep_sessions(now_ms).await?;
        let from = now_ms.saturating_sub(self.0.keep_audit.as_millis());
        Ok(over + tables::audit::trim(self.store(), from).await?)
    }

    fn store(&self) -> &dyn Store {
        &*self.0.store
    }

    fn now_ms(&self) -> u64 {
        self.0.ports.now_ms()
    }

    /// A time of the monotonic clock.
    fn now(&self) -> Duration {
        self.0.begin.elapsed()
    }

    fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.ports.fill(&mut bytes);
        bytes
    }

    fn secret(&self) -> SessionSecret {
        SessionSecret::new(self.random())
    }

    async fn commit(&self, write: impl FnOnce(&mut Batch)) -> Result<(), PeopleError> {
        let mut batch = Batch::new();
        write(&mut batch);
        match self.store().commit(batch).await {
            Err(StoreError::Conflict { .. }) => Err(PeopleError::Changed),
            other => Ok(other?),
        }
    }
}
