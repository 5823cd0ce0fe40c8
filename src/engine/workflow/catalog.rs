//! The workflow versions that can run: the current one of each key, and older ones that runs still need.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, RwLock, RwLockReadGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    definition::{Definition, Environment},
    groups::Groups,
};
use crate::{
    engine::durable,
    model::{ErrorCode, Priority, RunError, RunHead, Trigger, VersionHash, Workflow, WorkflowKey},
    reactor::off_the_reactor,
    sandbox::JsEngine,
    store::{Batch, Store, StoreError, tables},
};

/// Older versions kept compiled at once.
const OLD_VERSIONS: usize = 64;

/// Why a pinned version is not to be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PinnedError {
    /// It is gone for good, so its runs fail.
    #[error("{}", .0.message)]
    Missing(RunError),
    /// The store does not tell, which says nothing about the version.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The current versions. Thousands may be installed, so what is asked at each run has an index.
#[derive(Default)]
struct Current {
    by_key: HashMap<WorkflowKey, Arc<Definition>>,
    /// The workflows whose triggers name another one, by that other one.
    followers: HashMap<WorkflowKey, BTreeSet<WorkflowKey>>,
    /// The workflows that have schedules.
    scheduled: BTreeSet<WorkflowKey>,
}

impl Current {
    fn insert(&mut self, definition: Arc<Definition>) -> Option<Arc<Definition>> {
        let key = definition.workflow.key.clone();
        let before = self.remove(&key);
        for followed in followed(&definition.workflow) {
            self.followers.entry(followed.clone()).or_default().insert(key.clone());
        }
        if !definition.schedules.is_empty() {
            self.scheduled.insert(key.clone());
        }
        self.by_key.insert(key, definition);
        before
    }

    fn remove(&mut self, key: &WorkflowKey) -> Option<Arc<Definition>> {
        let before = self.by_key.remove(key)?;
        for followed in followed(&before.workflow) {
            let of_it = self.followers.get_mut(followed);
            if of_it.is_some_and(|followers| followers.remove(key) && followers.is_empty()) {
                self.followers.remove(followed);
            }
        }
        self.scheduled.remove(key);
        Some(before)
    }
}

/// The workflows that the triggers of a workflow wait for.
fn followed(workflow: &Workflow) -> impl Iterator<Item = &WorkflowKey> {
    workflow.triggers.iter().flat_map(|trigger| match &trigger.trigger {
        Trigger::Workflow(after) => after.workflows.as_slice(),
        Trigger::Webhook(_) | Trigger::Manual | Trigger::Schedule(_) => &[],
    })
}

/// The installed workflows.
pub struct Catalog {
    sandbox: JsEngine,
    environment: Environment,
    current: RwLock<Current>,
    /// Rises with each change of `current`.
    changes: AtomicU64,
    old: RwLock<HashMap<VersionHash, Arc<Definition>>>,
}

impl Catalog {
    /// An empty catalog.
    pub fn new(sandbox: JsEngine, environment: Environment) -> Self {
        let (current, changes, old) = (RwLock::default(), AtomicU64::new(0), RwLock::default());
        Self { sandbox, environment, current, changes, old }
    }

    /// The variables that workflows may see.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The version that new runs of a workflow begin with.
    pub fn current(&self, key: &WorkflowKey) -> Option<Arc<Definition>> {
        self.now().by_key.get(key).cloned()
    }

    /// A workflow's share of the execution.
    pub(crate) fn weight(&self, key: &WorkflowKey) -> u64 {
        self.now()
            .by_key
            .get(key)
            .map_or(Priority::default(), |current| current.workflow.policy.priority)
            .weight()
    }

    /// No new runs of this workflow begin; those that did keep their version.
    pub fn remove(&self, key: &WorkflowKey) {
        let before = self.current.write().expect("no code panics under this lock").remove(key);
        self.changed(before);
    }

    /// All current versions, by key.
    pub fn all(&self) -> Vec<Arc<Definition>> {
        let mut all: Vec<_> = self.now().by_key.values().cloned().collect();
        all.sort_by(|a, b| a.workflow.key.cmp(&b.workflow.key));
        all
    }

    /// The current versions, by key, that are enabled and some trigger of which names this workflow. Asked at the end of every run.
    pub(crate) fn followers(&self, workflow: &WorkflowKey) -> Vec<Arc<Definition>> {
        let current = self.now();
        let followers = current.followers.get(workflow).into_iter().flatten();
        let followers = followers.filter_map(|key| current.by_key.get(key));
        followers.filter(|definition| definition.workflow.enabled).cloned().collect()
    }

    /// The current versions that have schedules, by key, and the number of changes that led to them.
    pub(crate) fn scheduled(&self) -> (u64, Vec<Arc<Definition>>) {
        let current = self.now();
        let scheduled = current.scheduled.iter().filter_map(|key| current.by_key.get(key)).cloned();
        (self.changes.load(Ordering::Relaxed), scheduled.collect())
    }

    /// How often what is current has changed.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    fn now(&self) -> RwLockReadGuard<'_, Current> {
        self.current.read().expect("no code panics under this lock")
    }

    /// What was current before this change is kept for the runs that began with it.
    fn changed(&self, before: Option<Arc<Definition>>) {
        self.changes.fetch_add(1, Ordering::Relaxed);
        if let Some(before) = before {
            self.keep_old(before);
        }
    }

    /// Stores a version's files and forgets the schedules that it has not, then makes it current. All of it is one with
    /// what `batch` has already, such as the revision of the version.
    pub(crate) async fn install(
        &self,
        store: &dyn Store,
        definition: Arc<Definition>,
        mut batch: Batch,
    ) -> Result<(), StoreError> {
        let key = definition.workflow.key.clone();
        if tables::versions::get(store, definition.version).await?.is_none() {
            tables::versions::insert(&mut batch, &definition.bundle);
        }
        let schedules = definition.workflow.triggers.iter().filter(|trigger| trigger.schedule().is_some());
        let kept: Vec<_> = schedules.map(|trigger| trigger.scope(&key)).collect();
        tables::schedules::keep_only(store, &mut batch, &key, &kept).await?;
        if !batch.is_empty() {
            store.commit(batch).await?;
        }
        let before = self.current.write().expect("no code panics under this lock").insert(definition);
        self.changed(before);
        Ok(())
    }

    /// The version that a run is pinned to, current or not.
    ///
    /// # Errors
    /// `Missing` when its files are gone or no longer compile; `Store` when that cannot be told now.
    pub(crate) async fn pinned(
        &self,
        store: &dyn Store,
        key: &WorkflowKey,
        version: VersionHash,
    ) -> Result<Arc<Definition>, PinnedError> {
        if let Some(current) = self.current(key).filter(|current| current.version == version) {
            return Ok(current);
        }
        if let Some(old) = self.old.read().expect("no code panics under this lock").get(&version) {
            return Ok(Arc::clone(old));
        }
        let missing = |why: String| {
            let message = format!("version {version} of `{key}` cannot be run: {why}");
            PinnedError::Missing(RunError::new(ErrorCode::VersionMissing, message))
        };
        let read = |error| {
            if durable::abandons(&error) { PinnedError::Store(error) } else { missing(error.to_string()) }
        };
        let bundle = tables::versions::get(store, version)
            .await
            .map_err(read)?
            .ok_or_else(|| missing("its files are not in the store".to_owned()))?;
        let compiled = off_the_reactor(|| Definition::compile(bundle, &self.sandbox, &self.environment));
        let definition = compiled.map_err(|error| missing(error.to_string()))?;
        let definition = Arc::new(definition);
        self.keep_old(Arc::clone(&definition));
        Ok(definition)
    }

    /// The groups of a stored run; none once it has begun, as it has its places in them.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) async fn groups_of(&self, store: &dyn Store, head: &RunHead) -> Result<Groups, StoreError> {
        if head.started_ms.is_some() {
            return Ok(Groups::default());
        }
        let definition = match self.pinned(store, &head.workflow, head.version).await {
            Ok(definition) => definition,
            // The run fails at its first step.
            Err(PinnedError::Missing(_)) => return Ok(Groups::default()),
            Err(PinnedError::Store(error)) => return Err(error),
        };
        if definition.keys.is_empty() {
            return Ok(Groups::default());
        }
        let run = tables::runs::get(store, head.id).await?;
        Ok(run.map(|run| definition.keys.of(&head.workflow, &run.event)).unwrap_or_default())
    }

    fn keep_old(&self, definition: Arc<Definition>) {
        let mut old = self.old.write().expect("no code panics under this lock");
        if old.len() >= OLD_VERSIONS {
            // Any of them can be compiled again from the store.
            old.clear();
        }
        old.insert(definition.version, definition);
    }
}
