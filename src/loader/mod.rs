//! Brings workflows into the engine: those of folders, and again whenever their files change, and those of the server. It is
//! the one who installs, also what people publish.
//!
//! `app` loads all of them at the start. Then [`Loader::watch`] looks at the folders every two seconds (more seldom where that takes long), and when a secret
//! changes. If a folder is wrong, the log says so once, and the last good version goes on. What was installed is a revision in the
//! store. A thread of its own reads and compiles files, one version after the other: a library's top level may take a
//! second, and requests must not wait for it.

mod change;
mod compile;
mod fixtures;
mod half;
mod moving;
mod seen;
#[cfg(test)]
mod tests;
mod workshop;

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::sync::{Mutex as Lock, Notify};

use self::{
    compile::{Compiler, Ready, Refused},
    seen::{Seen, State, Whence},
    workshop::Workshop,
};
use crate::{
    engine::{Engine, HomeProblem, Outlook},
    folder::{self, FolderError, Missing},
    gateway::{Endpoint, Endpoints},
    model::{Actor, Bundle, WorkflowKey},
    sandbox::JsEngine,
    store::{
        Batch, StoreError,
        tables::{
            homes::{self, Home, Origin, Place, Source},
            revisions, versions,
        },
    },
    variables::Variables,
};

/// The least time between two looks at the folders.
const RELOAD_EVERY: Duration = Duration::from_secs(2);
/// Between two looks passes so many times what the last one took: thousands of folders must not take a core.
const PAUSE: u32 = 20;

/// Where folders are, and what may be done with them.
pub(crate) struct Folders {
    /// The folder of workflow folders.
    pub(crate) root: PathBuf,
    /// Whether it may be absent.
    pub(crate) absent: Missing,
    /// Whether nothing is written there, whatever the system allows.
    pub(crate) read_only: bool,
}

/// Installs workflows. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Loader(Arc<Inner>);

struct Inner {
    folders: Folders,
    engine: Engine,
    endpoints: Arc<Endpoints>,
    compiler: Compiler,
    /// Whoever changes files or what runs holds this lock.
    state: Lock<State>,
    outlook: Mutex<Outlook>,
}

impl Loader {
    pub(crate) fn new(
        folders: Folders,
        sandbox: JsEngine,
        variables: Variables,
        engine: Engine,
        endpoints: Arc<Endpoints>,
    ) -> Self {
        let state = Lock::new(State::new(engine.vault().redactor()));
        let compiler = Compiler {
            sandbox,
            variables,
            engine: engine.clone(),
            endpoints: Arc::clone(&endpoints),
            workshop: Workshop::default(),
        };
        Self(Arc::new(Inner { folders, engine, endpoints, compiler, state, outlook: Mutex::default() }))
    }

    /// Finishes what a crash has cut off, and installs the workflows of the server and of these folders, once.
    ///
    /// # Errors
    /// When the store refuses.
    pub(crate) async fn begin(&self, folders: Vec<PathBuf>) -> Result<(), StoreError> {
        let mut state = self.0.state.lock().await;
        let homes = homes::list(&**self.0.engine.store()).await?;
        for (key, home) in homes {
            match home.place {
                Place::Server => state.servers.insert(key.clone()),
                Place::Folder => false,
            };
            if home.pending.is_some() {
                self.0.finish(&mut state, &key).await?;
            }
        }
        self.0.look(&mut state, folders).await
    }

    /// Looks again and again, forever; at once when `reload` is told, and when a secret changes: whoever sets a missing
    /// secret tries the webhook next.
    pub(crate) async fn watch(&self, reload: &Notify) {
        let mut took = Duration::ZERO;
        loop {
            tokio::select! {
                () = tokio::time::sleep(RELOAD_EVERY.max(took * PAUSE)) => {}
                () = reload.notified() => {}
                () = self.0.engine.vault().changed() => {}
            }
            let began = Instant::now();
            self.look().await;
            took = began.elapsed();
        }
    }

    /// Looks once.
    async fn look(&self) {
        let mut state = self.0.state.lock().await;
        // A folder that was there and is not any more is not taken for one without workflows: it may be unmounted.
        let absent = if state.folders.is_empty() { self.0.folders.absent } else { Missing::Wrong };
        let root = self.0.folders.root.clone();
        match self.0.compiler.workshop.run(move || folder::workflows_in(&root, absent)).await {
            Ok(folders) => {
                if let Err(error) = self.0.look(&mut state, folders).await {
                    tracing::warn!(%error, "changed workflows could not be installed");
                }
            }
            Err(error) => tracing::warn!(%error, "the workflow folders cannot be read"),
        }
    }
}

impl Inner {
    /// Installs what is new or changed, and removes what is no longer there. What was not installed is tried again at the next
    /// look.
    async fn look(&self, state: &mut State, folders: Vec<PathBuf>) -> Result<(), StoreError> {
        state.secrets_are(self.engine.vault().redactor());
        for key in state.half.keys().cloned().collect::<Vec<_>>() {
            self.finish(state, &key).await?;
        }
        for key in state.servers.clone() {
            self.look_at_server(state, &key).await?;
        }
        let there: HashSet<&PathBuf> = folders.iter().collect();
        let is_gone = |from: &Whence| matches!(from, Whence::Folder(folder) if !there.contains(folder));
        state.seen.retain(|from, _| !is_gone(from));
        state.unread.retain(|folder, _| there.contains(folder));
        state.folders = folders.iter().filter_map(|folder| Whence::Folder(folder.clone()).key()).collect();
        let is_homeless = |key: &WorkflowKey| !state.servers.contains(key) && !state.folders.contains(key);
        for gone in self.engine.catalog().all().into_iter().filter(|it| is_homeless(&it.workflow.key)) {
            self.remove(&gone.workflow.key);
        }
        for folder in folders {
            self.look_at_folder(state, folder).await?;
        }
        self.tell(state);
        Ok(())
    }

    /// Lets others know how things stand.
    fn tell(&self, state: &State) {
        let outlook = state.outlook();
        let of_keys = outlook.problems.iter().flat_map(|(key, problems)| {
            problems.iter().map(move |problem| (key.to_string(), problem.message.clone()))
        });
        let of_folders =
            outlook.of_folders.iter().map(|(folder, problem)| (folder.clone(), problem.message.clone()));
        self.engine.surroundings().wrong_folders(of_keys.chain(of_folders));
        *self.outlook.lock().expect("no code panics under this lock") = outlook;
    }

    async fn look_at_server(&self, state: &mut State, key: &WorkflowKey) -> Result<(), StoreError> {
        let from = Whence::Server(key.clone());
        if state.seen.get(&from).is_some_and(|seen| !seen.waits && !seen.bundle.workflow.is_empty()) {
            return Ok(());
        }
        let store = &**self.engine.store();
        let Some(home) = homes::get(store, key).await? else { return Ok(()) };
        let Some(bundle) = versions::get(store, home.version).await? else {
            tracing::error!(workflow = %key, version = %home.version, "the files of this version are not in the store");
            return Ok(());
        };
        self.try_version(state, from, bundle, Some(home)).await
    }

    async fn look_at_folder(&self, state: &mut State, folder: PathBuf) -> Result<(), StoreError> {
        let from = Whence::Folder(folder.clone());
        let key = from.key();
        if key.as_ref().is_some_and(|key| state.half.contains_key(key)) {
            return Ok(());
        }
        let bundle = match self.read(&folder).await {
            Ok(bundle) => bundle,
            Err(error) => {
                self.cannot_read(state, &folder, &error);
                return self.last_good(state, key.as_ref()).await;
            }
        };
        state.unread.remove(&folder);
        if state.knows(&from, &bundle) {
            return Ok(());
        }
        let home = match &key {
            Some(key) => homes::get(&**self.engine.store(), key).await?,
            None => None,
        };
        match home {
            Some(Home { place: Place::Server, left_folder, .. }) => {
                self.key_is_taken(state, from, bundle, left_folder);
                Ok(())
            }
            home => self.try_version(state, from, bundle, home).await,
        }
    }

    async fn read(&self, folder: &Path) -> Result<Bundle, FolderError> {
        let (root, name) =
            (self.folders.root.clone(), folder.file_name().map(PathBuf::from).unwrap_or_default());
        self.compiler.workshop.run(move || folder::read_below(&root, &name)).await
    }

    /// Reports once why a folder cannot be read.
    fn cannot_read(&self, state: &mut State, folder: &Path, error: &FolderError) {
        // The folder was removed while we looked.
        if matches!(error, FolderError::NoWorkflow { .. }) {
            return;
        }
        let why = error.to_string();
        if state.unread.get(folder) != Some(&why) {
            tracing::error!(folder = %folder.display(), "a workflow cannot be loaded: {why}");
            state.unread.insert(folder.to_owned(), why);
        }
    }

    /// A workflow of the server has the key of a folder: nothing is overridden silently.
    fn key_is_taken(&self, state: &mut State, from: Whence, bundle: Bundle, was_left: bool) {
        let mut seen = Seen::new(bundle);
        if !was_left {
            let message = format!(
                "{}: a workflow of the server has this key, so the folder is not used; move that workflow to the folder, or give \
                 one of them another key",
                from.shown()
            );
            self.report(state, &from, &message);
            let problem = HomeProblem { code: "key_taken", message, of_home: false };
            seen = seen.with_problem(problem, true);
        }
        state.seen.insert(from, seen);
    }

    /// Logs what is wrong, unless that was the last thing that was said about it.
    fn report(&self, state: &State, from: &Whence, message: &str) {
        let told = state.seen.get(from).and_then(|seen| seen.problem.as_ref());
        if told.is_none_or(|told| told.message != message) {
            tracing::error!("{message}; this version is not used");
        }
    }

    fn remove(&self, key: &WorkflowKey) {
        self.endpoints.set(key, Vec::new());
        self.engine.remove(key);
        tracing::info!(workflow = %key, "workflow removed, because its folder is gone; its runs go on");
    }

    /// Installs a version if it is right, as a new revision if it is not the newest one.
    async fn try_version(
        &self,
        state: &mut State,
        from: Whence,
        bundle: Bundle,
        home: Option<Home>,
    ) -> Result<(), StoreError> {
        let name = from.key();
        let off = home.as_ref().is_some_and(|home| home.off.is_some());
        let seen = match self.compiler.compile(name.as_ref(), &bundle, off).await {
            Err(refused) => {
                let message = format!("{}/{}", from.shown(), refused.error());
                // Where the same files were tried before, it is the same mistake.
                let is_same = state.seen.get(&from).is_some_and(|seen| seen.bundle == bundle);
                if is_same {
                    self.report(state, &from, &message);
                } else {
                    tracing::error!("{message}; this version is not used");
                }
                let waits = matches!(refused, Refused::Collides(_));
                let problem = HomeProblem { code: refused.code(), message, of_home: true };
                self.last_good(state, name.as_ref()).await?;
                Seen::new(bundle).with_problem(problem, waits)
            }
            Ok(ready) => {
                let key = ready.definition.workflow.key.clone();
                let batch = match &from {
                    Whence::Folder(_) => self.revision_of(&key, home.as_ref(), &ready),
                    Whence::Server(_) => Batch::new(),
                };
                self.put_in_place(&from.shown(), ready, batch).await?;
                Seen::new(bundle)
            }
        };
        state.seen.insert(from, seen);
        Ok(())
    }

    /// What makes a version of a folder the newest revision, if it is not.
    fn revision_of(&self, key: &WorkflowKey, home: Option<&Home>, ready: &Ready) -> Batch {
        let mut batch = Batch::new();
        let version = ready.definition.version;
        if home.is_some_and(|home| home.version == version && home.pending.is_none()) {
            return batch;
        }
        // What was being written when the process ended says who published it.
        let pending =
            home.and_then(|home| home.pending.as_ref()).filter(|pending| pending.version == version);
        let by_files = Origin { by: Actor::Folder, source: Source::Folder, note: String::new() };
        let origin = pending.map_or(by_files, |pending| pending.origin.clone());
        let now_ms = self.engine.ports().now_ms();
        revisions::append(&mut batch, key, home, Place::Folder, version, origin, now_ms);
        batch
    }

    /// Makes a compiled version the current one, in one with what `batch` has.
    async fn put_in_place(&self, shown: &str, ready: Ready, batch: Batch) -> Result<(), StoreError> {
        let Ready { definition, endpoints } = ready;
        let (key, version) = (definition.workflow.key.clone(), definition.version.to_string());
        self.engine.install_with(definition, batch).await?;
        let unavailable: Vec<_> = endpoints.iter().filter_map(Endpoint::unavailable).collect();
        if unavailable.is_empty() {
            tracing::info!(workflow = %key, version = &version[..12], "workflow installed");
        }
        for error in unavailable {
            tracing::error!("{shown}/workflow.json: {error}; it refuses everything");
        }
        for warning in endpoints.iter().flat_map(Endpoint::warnings) {
            tracing::warn!("{shown}/workflow.json: {warning}");
        }
        self.endpoints.set(&key, endpoints);
        Ok(())
    }

    /// Lets the newest revision go on when the folder is wrong at a start: the version before is in the store alone then.
    async fn last_good(&self, state: &State, key: Option<&WorkflowKey>) -> Result<(), StoreError> {
        let Some(key) = key.filter(|key| self.engine.catalog().current(key).is_none()) else { return Ok(()) };
        let store = &**self.engine.store();
        let Some(home) = homes::get(store, key).await? else { return Ok(()) };
        if home.place == Place::Server || state.servers.contains(key) {
            return Ok(());
        }
        let Some(bundle) = versions::get(store, home.version).await? else { return Ok(()) };
        match self.compiler.compile(Some(key), &bundle, home.off.is_some()).await {
            Ok(ready) => {
                tracing::warn!(workflow = %key, revision = home.revision, "the last good version goes on");
                self.put_in_place(&format!("{key} (revision {})", home.revision), ready, Batch::new()).await
            }
            Err(refused) => {
                tracing::error!(workflow = %key, "nor is the last good version used: {}", refused.error());
                Ok(())
            }
        }
    }
}
