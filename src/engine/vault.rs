//! The secrets of a server: sealed in the store, open in memory, masked in whatever is kept of a run.
//!
//! Opened once at the start, where a wrong key is found; the API changes them. Never hands out all values at once,
//! and never logs one.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, OnceLock, RwLock},
};

use tokio::sync::{Mutex, Notify};

use super::{Ports, SystemPorts};
use crate::{
    model::SealedText,
    secrets::{Keyring, NONCE, Redactor, Sealed, SecretError, SecretValue, check_name, check_value},
    store::{
        Batch, Store, StoreError,
        tables::{self, secrets::SealedSecret},
    },
};

/// Secrets at most: all are open in memory, and each is looked for in every text.
const MAX_SECRETS: usize = 1_000;
/// Values that were replaced or removed and are still masked, as runs that began before may know them.
const MAX_RETIRED: usize = 64;
/// Sets of secrets whose redactors are kept ready.
const MAX_GIVEN: usize = 1_000;
/// Bytes that one batch of a rotation holds, about.
const ROTATE_BYTES: usize = 1 << 20;
/// What the sealed constant is bound to; no secret can have this name.
const CHECK_NAME: &str = "secrets-key-check";
const CHECK_TEXT: &str = "flowcell";

/// Why the secrets cannot be opened or changed.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The keys at hand do not open what is stored.
    #[error(
        "the secrets were sealed with key id {sealed}, the key given is {given}; give the old key after the new one, \
         comma-separated, and run `flowcell secrets rotate`"
    )]
    WrongKey {
        /// The id of the key that is needed.
        sealed: String,
        /// The ids of the keys at hand.
        given: String,
    },
    /// A name, a value or a sealed text is wrong.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There is no room for another secret.
    #[error("there are {MAX_SECRETS} secrets already: remove one first")]
    TooMany,
    /// They are not in a store.
    #[error("these secrets come from the process's variables: change them there")]
    Fixed,
    /// The store refused, so nothing was changed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What anyone may know of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretInfo {
    pub name: String,
    /// The key that it is sealed with.
    pub key_id: String,
    /// When its value was set, milliseconds since the epoch.
    pub set_ms: u64,
}

/// The secrets. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    /// Without one the secrets cannot be changed.
    backing: Option<Backing>,
    state: RwLock<Arc<State>>,
    /// Held from reading the state to replacing it.
    changing: Mutex<()>,
    /// Seals texts of runs where nothing is kept.
    passing: OnceLock<Keyring>,
    /// Wakes who must do something about new secrets.
    changed: Notify,
}

struct Backing {
    store: Arc<dyn Store>,
    keyring: Keyring,
    ports: Arc<dyn Ports>,
}

#[derive(Clone)]
struct Entry {
    value: SecretValue,
    key_id: String,
    set_ms: u64,
}

#[derive(Default)]
struct State {
    secrets: BTreeMap<String, Entry>,
    retired: Vec<(String, SecretValue)>,
    /// What is masked beside them and is no secret of ours: credentials in variables that workflows may see.
    beside: Arc<[(String, SecretValue)]>,
    redactor: Arc<Redactor>,
    /// The redactors of what runs are given, by the names of the secrets.
    given: RwLock<HashMap<Vec<String>, Redactor>>,
}

impl State {
    fn new(
        secrets: BTreeMap<String, Entry>,
        retired: Vec<(String, SecretValue)>,
        beside: Arc<[(String, SecretValue)]>,
    ) -> Self {
        let current = secrets.iter().map(|(name, entry)| (name.as_str(), entry.value.as_str()));
        let others = retired.iter().chain(&*beside).map(|(name, value)| (name.as_str(), value.as_str()));
        let redactor = Arc::new(Redactor::new(current.chain(others)));
        Self { secrets, retired, beside, redactor, given: RwLock::default() }
    }
}

impl Vault {
    /// No secrets, and none can be set.
    pub fn empty() -> Self {
        Self::with(None, State::default())
    }

    /// These secrets in memory, for commands that run workflows without a server.
    ///
    /// # Errors
    /// A name or value that a server would refuse too.
    pub fn of(pairs: impl IntoIterator<Item = (String, SecretValue)>) -> Result<Self, SecretError> {
        let mut secrets = BTreeMap::new();
        for (name, value) in pairs {
            check_name(&name)?;
            check_value(&name, &value)?;
            secrets.insert(name, Entry { value, key_id: "none".to_owned(), set_ms: 0 });
        }
        Ok(Self::with(None, State::new(secrets, Vec::new(), Arc::default())))
    }

    /// Opens all secrets of a store. The first time, a constant is sealed, so that every later start knows
    /// whether it has the right key.
    ///
    /// # Errors
    /// `WrongKey`; `Secret` when a single one does not open; those of the store. Nothing was changed then.
    pub async fn open(
        store: Arc<dyn Store>,
        keyring: Keyring,
        ports: Arc<dyn Ports>,
    ) -> Result<Self, VaultError> {
        let check = tables::secrets::key_check(&*store).await?;
        if let Some(check) = &check {
            open_sealed(&keyring, CHECK_NAME, check)?;
        }
        let mut secrets = BTreeMap::new();
        for (name, sealed) in tables::secrets::list(&*store).await? {
            let value = open_sealed(&keyring, &name, &sealed)?;
            secrets.insert(name, Entry { value, key_id: sealed.key_id, set_ms: sealed.set_ms });
        }
        let key_id = keyring.key_id().to_owned();
        let backing = Backing { store, keyring, ports };
        match check {
            None => {
                let mut batch = Batch::new();
                backing.seal_check(&mut batch);
                backing.store.commit(batch).await?;
            }
            Some(check) if check.key_id != key_id => tracing::warn!(
                sealed = check.key_id,
                first = key_id,
                "the first key of the secrets is new: run `flowcell secrets rotate`, then the old one can go"
            ),
            Some(_) => {}
        }
        Ok(Self::with(Some(backing), State::new(secrets, Vec::new(), Arc::default())))
    }

    /// Masks these values too: credentials in variables that workflows may see. Called once, before anyone asks for the redactor.
    pub fn masking(self, beside: impl IntoIterator<Item = (String, SecretValue)>) -> Self {
        let state = self.state();
        let beside = beside.into_iter().collect();
        self.replace(State::new(state.secrets.clone(), state.retired.clone(), beside));
        self
    }

    /// The id of the key that a store's secrets need, if it ever had one.
    ///
    /// # Errors
    /// The store's own: it is full, it failed, or a value in it cannot be read.
    pub async fn sealed_with(store: &dyn Store) -> Result<Option<String>, StoreError> {
        if let Some(check) = tables::secrets::key_check(store).await? {
            return Ok(Some(check.key_id));
        }
        Ok(tables::secrets::list(store).await?.into_iter().next().map(|(_, sealed)| sealed.key_id))
    }

    fn with(backing: Option<Backing>, state: State) -> Self {
        let inner = Inner {
            backing,
            state: RwLock::new(Arc::new(state)),
            changing: Mutex::new(()),
            passing: OnceLock::new(),
            changed: Notify::new(),
        };
        Self { inner: Arc::new(inner) }
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.inner.state.read().expect("no code panics under this lock"))
    }

    /// The value of a secret.
    pub fn get(&self, name: &str) -> Option<SecretValue> {
        self.state().secrets.get(name).map(|entry| entry.value.clone())
    }

    /// Seals a text that is kept with a run. `name` is what it is; no secret can have a name with a space.
    pub(super) fn seal_text(&self, name: &str, text: &str) -> SealedText {
        let mut nonce = [0; NONCE];
        match &self.inner.backing {
            Some(backing) => backing.ports.fill(&mut nonce),
            None => SystemPorts::default().fill(&mut nonce),
        }
        let Sealed { key_id, nonce, ciphertext } = self.keyring().seal(name, text, nonce);
        SealedText { key_id, nonce, ciphertext }
    }

    /// The text that was sealed under this name.
    ///
    /// # Errors
    /// When no key at hand opens it.
    pub(super) fn open_text(&self, name: &str, sealed: &SealedText) -> Result<SecretValue, SecretError> {
        let SealedText { key_id, nonce, ciphertext } = sealed.clone();
        self.keyring().open(name, &Sealed { key_id, nonce, ciphertext }).map(SecretValue::from)
    }

    /// Without a store, texts live as long as this process, and so does their key.
    fn keyring(&self) -> &Keyring {
        match &self.inner.backing {
            Some(backing) => &backing.keyring,
            None => self.inner.passing.get_or_init(|| {
                let mut random = [0; 32];
                SystemPorts::default().fill(&mut random);
                Keyring::parse(&Keyring::material(random)).expect("a new key is a key")
            }),
        }
    }

    /// All names, sorted.
    pub fn names(&self) -> Vec<String> {
        self.state().secrets.keys().cloned().collect()
    }

    /// What masks those of these names, also with the values that they had before, in what a run hands on and answers. Nothing
    /// that a run was not given is masked there: else whoever sends it texts could ask for the secrets of others. The labels
    /// have no names. `names` are sorted.
    pub fn redactor_of(&self, names: &[String]) -> Redactor {
        if names.is_empty() {
            return Redactor::default();
        }
        let state = self.state();
        if let Some(known) = state.given.read().expect("no code panics under this lock").get(names) {
            return known.clone();
        }
        let named = |name: &str| names.iter().any(|other| other == name);
        let current = state.secrets.iter().map(|(name, entry)| (name.as_str(), entry.value.as_str()));
        let before = state.retired.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let beside = state.beside.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let redactor = Redactor::bare(current.chain(before).chain(beside).filter(|(name, _)| named(name)));
        let mut given = state.given.write().expect("no code panics under this lock");
        if given.len() >= MAX_GIVEN {
            given.clear();
        }
        given.insert(names.to_vec(), redactor.clone());
        redactor
    }

    /// What masks all of them in texts for operators and in logs; ask again for each text, as secrets change. Values that were replaced or
    /// removed since the start are masked too, up to a number.
    pub fn redactor(&self) -> Arc<Redactor> {
        Arc::clone(&self.state().redactor)
    }

    /// What there is, by name.
    pub fn sealed_list(&self) -> Vec<SecretInfo> {
        self.state().secrets.iter().map(|(name, entry)| entry.info(name)).collect()
    }

    /// The id of the key that new values are sealed with; `None` when nothing can be set.
    pub fn key_id(&self) -> Option<&str> {
        self.inner.backing.as_ref().map(|backing| backing.keyring.key_id())
    }

    /// Sets a secret, durably when this returns. Done to its end also when the caller goes away.
    ///
    /// # Errors
    /// `Secret` when name or value are refused, `TooMany`, `Fixed`, those of the store.
    pub async fn set(&self, name: &str, value: SecretValue) -> Result<SecretInfo, VaultError> {
        check_name(name)?;
        check_value(name, &value)?;
        let name = name.to_owned();
        self.change(move |backing, state, batch| {
            if state.secrets.len() >= MAX_SECRETS && !state.secrets.contains_key(&name) {
                return Err(VaultError::TooMany);
            }
            let sealed = backing.seal(&name, &value, backing.ports.now_ms());
            tables::secrets::put(batch, &name, &sealed);
            let entry = Entry { value, key_id: sealed.key_id, set_ms: sealed.set_ms };
            let info = entry.info(&name);
            let mut secrets = state.secrets.clone();
            let before = secrets.insert(name.clone(), entry);
            Ok((State::new(secrets, retire(state, name, before), Arc::clone(&state.beside)), info))
        })
        .await
    }

    /// Removes a secret, durably when this returns; whether there was one.
    ///
    /// # Errors
    /// `Fixed`, those of the store.
    pub async fn remove(&self, name: &str) -> Result<bool, VaultError> {
        let name = name.to_owned();
        self.change(move |_, state, batch| {
            tables::secrets::remove(batch, &name);
            let mut secrets = state.secrets.clone();
            let before = secrets.remove(&name);
            let removed = before.is_some();
            Ok((State::new(secrets, retire(state, name, before), Arc::clone(&state.beside)), removed))
        })
        .await
    }

    /// Seals everything anew with the first key; gives the number of secrets. The old key is needed no more once this
    /// returns. What a failure leaves half done is done by the next call.
    ///
    /// # Errors
    /// `Fixed`, those of the store.
    pub async fn rotate(&self) -> Result<usize, VaultError> {
        let vault = self.clone();
        let rotation = tokio::spawn(async move {
            let backing = vault.inner.backing.as_ref().ok_or(VaultError::Fixed)?;
            let _changing = vault.inner.changing.lock().await;
            let state = vault.state();
            let mut secrets = state.secrets.clone();
            let (mut batch, mut bytes) = (Batch::new(), 0);
            for (name, entry) in &mut secrets {
                let sealed = backing.seal(name, &entry.value, entry.set_ms);
                entry.key_id.clone_from(&sealed.key_id);
                bytes += sealed.ciphertext.len();
                tables::secrets::put(&mut batch, name, &sealed);
                if bytes > ROTATE_BYTES {
                    backing.store.commit(std::mem::take(&mut batch)).await?;
                    bytes = 0;
                }
            }
            // Last: as long as it has the old key, a start without that key is refused.
            backing.seal_check(&mut batch);
            backing.store.commit(batch).await?;
            let count = secrets.len();
            let state = State {
                secrets,
                retired: state.retired.clone(),
                beside: Arc::clone(&state.beside),
                redactor: Arc::clone(&state.redactor),
                given: RwLock::default(),
            };
            vault.replace(state);
            Ok(count)
        });
        rotation.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    /// One change after the other: decided on the state, stored, and then seen by everyone.
    async fn change<T: Send + 'static>(
        &self,
        decide: impl FnOnce(&Backing, &State, &mut Batch) -> Result<(State, T), VaultError> + Send + 'static,
    ) -> Result<T, VaultError> {
        let vault = self.clone();
        // A task of its own: a caller that goes away between disk and memory must not leave them different.
        let change = tokio::spawn(async move {
            let backing = vault.inner.backing.as_ref().ok_or(VaultError::Fixed)?;
            let _changing = vault.inner.changing.lock().await;
            let mut batch = Batch::new();
            let (state, result) = decide(backing, &vault.state(), &mut batch)?;
            backing.store.commit(batch).await?;
            vault.replace(state);
            Ok(result)
        });
        change.await.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()))
    }

    fn replace(&self, state: State) {
        *self.inner.state.write().expect("no code panics under this lock") = Arc::new(state);
        self.inner.changed.notify_one();
    }

    /// Waits until the secrets change. A change that nobody waited for ends the next wait at once.
    pub async fn changed(&self) {
        self.inner.changed.notified().await;
    }
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({} secrets)", self.state().secrets.len())
    }
}

impl Entry {
    fn info(&self, name: &str) -> SecretInfo {
        SecretInfo { name: name.to_owned(), key_id: self.key_id.clone(), set_ms: self.set_ms }
    }
}

impl Backing {
    fn seal(&self, name: &str, text: &str, set_ms: u64) -> SealedSecret {
        let mut nonce = [0; NONCE];
        self.ports.fill(&mut nonce);
        let Sealed { key_id, nonce, ciphertext } = self.keyring.seal(name, text, nonce);
        SealedSecret { key_id, nonce, ciphertext, set_ms }
    }

    fn seal_check(&self, batch: &mut Batch) {
        tables::secrets::put_key_check(batch, &self.seal(CHECK_NAME, CHECK_TEXT, self.ports.now_ms()));
    }
}

fn open_sealed(keyring: &Keyring, name: &str, sealed: &SealedSecret) -> Result<SecretValue, VaultError> {
    let SealedSecret { key_id, nonce, ciphertext, set_ms: _ } = sealed.clone();
    match keyring.open(name, &Sealed { key_id, nonce, ciphertext }) {
        Ok(text) => Ok(text.into()),
        Err(SecretError::OtherKey { sealed, given, .. }) => Err(VaultError::WrongKey { sealed, given }),
        Err(error) => Err(error.into()),
    }
}

/// The retired values with one more.
fn retire(state: &State, name: String, before: Option<Entry>) -> Vec<(String, SecretValue)> {
    let mut retired = state.retired.clone();
    if let Some(before) = before {
        retired.push((name, before.value));
        let over = retired.len().saturating_sub(MAX_RETIRED);
        retired.drain(..over);
    }
    retired
}

#[cfg(test)]
mod tests;
