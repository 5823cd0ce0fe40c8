//! What one attempt has read and written of its workflow's kv, until it is committed or dropped.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde_json::Value;
use tokio::{sync::OnceCell, time::timeout};

use super::{
    Kv,
    locks::Held,
    op::{KvError, KvOp, Next},
    pages::{Overlay, Pages},
    usage::Size,
};
use crate::{
    model::WorkflowKey,
    store::{
        Batch, StoreError,
        tables::kv::{self, KvRecord},
    },
};

/// One attempt's view. Dropping it drops what is staged and frees its keys.
pub struct KvSession {
    kv: Arc<Kv>,
    workflow: WorkflowKey,
    state: Mutex<State>,
    /// Held by an operation that writes, from its look at a key to its staging: another of the attempt may have the same key.
    changing: tokio::sync::Mutex<()>,
}

/// A batch that has what was staged; hand it to [`KvSession::committed`] when that batch is durable.
#[derive(Debug)]
#[must_use = "keys stay locked until `committed` or the session's end"]
pub struct Staged(u64);

#[derive(Debug, Default)]
struct State {
    /// Not in any batch yet.
    staged: Changes,
    /// In batches on their way, oldest first, by the number of their [`Staged`].
    flying: BTreeMap<u64, Changes>,
    departed: u64,
    /// Keys that are locked or about to be. Handles are given out under the lock of this state alone.
    holds: HashMap<String, Arc<OnceCell<Held>>>,
}

#[derive(Debug, Default)]
struct Changes {
    keys: BTreeMap<String, Change>,
    /// How much more the workflow keeps with them.
    grows: Size,
}

#[derive(Debug)]
struct Change {
    /// `None` if the value is removed.
    after: Option<KvRecord>,
    /// When what it replaces expires.
    noted: Option<u64>,
}

impl State {
    /// What the attempt itself has made of a key, also in batches on their way.
    fn own(&self, key: &str) -> Option<&Option<KvRecord>> {
        let flying = self.flying.values().rev();
        let mut all = std::iter::once(&self.staged).chain(flying);
        all.find_map(|changes| Some(&changes.keys.get(key)?.after))
    }

    fn overlay(&self) -> Overlay {
        let all = self.flying.values().chain([&self.staged]);
        let pairs = all.flat_map(|changes| &changes.keys);
        pairs.map(|(key, change)| (key.clone(), change.after.clone())).collect()
    }

    /// Frees a key that nothing is staged for and no operation works on.
    fn free(&mut self, key: &str) {
        let used = self.holds.get(key).is_some_and(|hold| Arc::strong_count(hold) > 1);
        if !used && self.own(key).is_none() {
            self.holds.remove(key);
        }
    }
}

impl KvSession {
    pub(super) fn new(kv: Arc<Kv>, workflow: WorkflowKey) -> Self {
        Self { kv, workflow, state: Mutex::default(), changing: tokio::sync::Mutex::default() }
    }

    /// Does one operation; several may run at once. A writing one waits up to `wait` for its key.
    ///
    /// # Errors
    /// `Busy`, and those of the operation; nothing is staged then.
    pub(crate) async fn perform(&self, op: KvOp, now_ms: u64, wait: Duration) -> Result<Value, KvError> {
        match op.writes() {
            Some(key) => {
                let _hold = self.hold(key, wait).await?;
                self.change(&op, key, now_ms).await
            }
            None => self.read(&op, now_ms).await,
        }
    }

    /// Whether something is staged.
    pub(crate) fn is_staged(&self) -> bool {
        !self.state().staged.keys.is_empty()
    }

    /// Puts what is staged into a batch; `None` when there is nothing. The batch may be committed again until it is
    /// stored; when that is given up, the session must be.
    pub(crate) fn stage(&self, batch: &mut Batch) -> Option<Staged> {
        let mut state = self.state();
        if state.staged.keys.is_empty() {
            return None;
        }
        let changes = std::mem::take(&mut state.staged);
        for (key, change) in &changes.keys {
            kv::write(batch, &self.workflow, key, change.after.as_ref(), change.noted);
        }
        state.departed += 1;
        let departed = state.departed;
        state.flying.insert(departed, changes);
        self.kv.usages.with(&self.workflow, |usage| usage.depart());
        Some(Staged(departed))
    }

    /// The batch is durable: others may write its keys.
    pub(crate) fn committed(&self, staged: Staged) {
        let mut state = self.state();
        if let Some(changes) = state.flying.remove(&staged.0) {
            self.kv.usages.with(&self.workflow, |usage| usage.arrive(changes.grows));
            changes.keys.keys().for_each(|key| state.free(key));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no code panics under this lock")
    }

    async fn read(&self, op: &KvOp, now_ms: u64) -> Result<Value, KvError> {
        match op {
            KvOp::List { prefix, limit, after } => {
                let overlay = self.state().overlay();
                let pages = Pages { store: &*self.kv.store, workflow: &self.workflow, prefix, now_ms };
                Ok(pages.answer(after.as_deref(), *limit, &overlay).await?)
            }
            KvOp::Get { key }
            | KvOp::Set { key, .. }
            | KvOp::Delete { key }
            | KvOp::Incr { key, .. }
            | KvOp::Cas { key, .. } => {
                let current = self.current(key).await?;
                Ok(op.apply(current.filter(|record| record.is_live(now_ms)).as_ref(), now_ms)?.1)
            }
        }
    }

    /// The key is held.
    async fn change(&self, op: &KvOp, key: &str, now_ms: u64) -> Result<Value, KvError> {
        // Only this attempt writes the key, and of its operations only this one, so what is read is still true below; batches
        // may leave and arrive meanwhile, which changes no value.
        let _one = self.changing.lock().await;
        let current = self.current(key).await?;
        let live = current.as_ref().filter(|record| record.is_live(now_ms));
        let (next, answer) = op.apply(live, now_ms)?;
        let after = match next {
            Next::Keep => return Ok(answer),
            Next::Put(record) => Some(record),
            Next::Remove => None,
        };
        self.kv.usages.count(&*self.kv.store, &self.workflow).await?;
        let mut state = self.state();
        let size = |record: Option<&KvRecord>| Size::of(key, record.map(|record| record.value.as_str()));
        let grown = state.staged.grows - size(current.as_ref()) + size(after.as_ref());
        let (reserved, quota) = (state.staged.grows.reserved(), self.kv.quota);
        self.kv.usages.with(&self.workflow, |usage| usage.reserve(reserved, grown.reserved(), quota))?;
        state.staged.grows = grown;
        match state.staged.keys.get_mut(key) {
            Some(change) => change.after = after,
            None => {
                let noted = current.and_then(|record| record.expires_ms);
                state.staged.keys.insert(key.to_owned(), Change { after, noted });
            }
        }
        Ok(answer)
    }

    /// A key as the attempt sees it. What it has written itself is looked for first: a batch of its own that arrives after that
    /// look is in the store by then.
    async fn current(&self, key: &str) -> Result<Option<KvRecord>, StoreError> {
        let own = self.state().own(key).cloned();
        match own {
            Some(own) => Ok(own),
            None => kv::get(&*self.kv.store, &self.workflow, key).await,
        }
    }

    async fn hold<'a>(&'a self, key: &'a str, wait: Duration) -> Result<Hold<'a>, KvError> {
        let cell = Arc::clone(self.state().holds.entry(key.to_owned()).or_default());
        let hold = Hold { session: self, key, cell: Some(cell) };
        let cell = hold.cell.as_ref().expect("it goes at the drop");
        // Operations of one attempt on one key share its hold, whichever comes first waits for it.
        let lock = || Arc::clone(&self.kv.locks).lock((self.workflow.clone(), key.to_owned()));
        match timeout(wait, cell.get_or_init(lock)).await {
            Ok(_) => Ok(hold),
            Err(_) => Err(KvError::Busy { key: key.to_owned(), wait }),
        }
    }
}

impl Drop for KvSession {
    fn drop(&mut self) {
        let state = std::mem::take(&mut *self.state());
        let staged = state.staged.grows.reserved();
        if staged == Size::default() && state.flying.is_empty() {
            return;
        }
        self.kv.usages.with(&self.workflow, |usage| {
            usage.release(staged);
            state.flying.values().for_each(|changes| usage.lose(changes.grows));
        });
    }
}

/// One operation's part in its attempt's hold of a key.
struct Hold<'a> {
    session: &'a KvSession,
    key: &'a str,
    cell: Option<Arc<OnceCell<Held>>>,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        let mut state = self.session.state();
        self.cell = None;
        state.free(self.key);
    }
}
