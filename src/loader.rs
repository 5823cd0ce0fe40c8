//! Brings workflow folders into the engine, and again whenever their files change.
//!
//! `app` loads all folders at the start. Then [`Loader::watch`] looks every two seconds, and when a secret changes. If a folder is wrong, the log
//! says so once, and the version that was installed before stays. A thread of its own reads and compiles files, one
//! version after the other: a library's top level may take a second, and requests must not wait for it.

use std::{
    collections::{HashMap, HashSet},
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock, mpsc},
    thread,
    time::Duration,
};

use tokio::sync::{Notify, oneshot};

use crate::{
    engine::{Definition, Engine},
    folder::{self, FolderError},
    gateway::{Endpoint, Endpoints, Sources},
    model::{Bundle, WorkflowKey},
    sandbox::JsEngine,
    secrets::Redactor,
    store::StoreError,
    variables::Variables,
};

/// The time between two looks at the folders.
const RELOAD_EVERY: Duration = Duration::from_secs(2);

/// What was seen of a folder at the last look.
struct Seen {
    /// The files that were tried last, so that an error is reported only once.
    bundle: Bundle,
    /// The workflow that it installed.
    key: Option<WorkflowKey>,
    /// Whether its files name secrets.
    names_secrets: bool,
    /// Why it waits for another workflow to change; `None` if it does not wait.
    waits: Option<String>,
}

/// Why a version is not used.
struct Refused {
    why: String,
    /// Whether another workflow is in its way. Then it is tried again although nothing of its own has changed.
    by_another: bool,
}

impl From<String> for Refused {
    fn from(why: String) -> Self {
        Self { why, by_another: false }
    }
}

/// Watches the folders below one root.
pub(crate) struct Loader {
    root: PathBuf,
    sandbox: JsEngine,
    variables: Variables,
    engine: Engine,
    endpoints: Arc<Endpoints>,
    workshop: Workshop,
    seen: HashMap<PathBuf, Seen>,
    /// The last report about each folder that cannot be read, so that nothing is reported twice.
    unread: HashMap<PathBuf, String>,
    /// The redactor of the secrets that the triggers were compiled with.
    redactor: Arc<Redactor>,
}

impl Loader {
    pub(crate) fn new(
        root: PathBuf,
        sandbox: JsEngine,
        variables: Variables,
        engine: Engine,
        endpoints: Arc<Endpoints>,
    ) -> Self {
        let redactor = engine.vault().redactor();
        Self {
            root,
            sandbox,
            variables,
            engine,
            endpoints,
            workshop: Workshop::default(),
            seen: HashMap::new(),
            unread: HashMap::new(),
            redactor,
        }
    }

    /// Looks again and again, forever; at once when `reload` is told, and when a secret changes: whoever sets a missing
    /// secret tries the webhook next.
    pub(crate) async fn watch(&mut self, reload: &Notify) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(RELOAD_EVERY) => {}
                () = reload.notified() => {}
                () = self.engine.vault().changed() => {}
            }
            let root = self.root.clone();
            match self.workshop.run(move || folder::workflows_in(&root)).await {
                Ok(folders) => {
                    if let Err(error) = self.install(folders).await {
                        tracing::warn!(%error, "changed workflows could not be installed");
                    }
                }
                Err(error) => tracing::warn!(%error, "the workflow folders cannot be read"),
            }
        }
    }

    /// Installs what is new or changed among these folders, and removes what is no longer there.
    ///
    /// # Errors
    /// When the store refuses. What was not installed is tried again at the next look.
    pub(crate) async fn install(&mut self, folders: Vec<PathBuf>) -> Result<(), StoreError> {
        let redactor = self.engine.vault().redactor();
        if !Arc::ptr_eq(&redactor, &self.redactor) {
            // The secrets have changed, so triggers that name some are compiled anew.
            self.redactor = redactor;
            for seen in self.seen.values_mut().filter(|seen| seen.names_secrets) {
                seen.bundle.workflow.clear();
            }
        }
        let there: HashSet<&PathBuf> = folders.iter().collect();
        let gone: Vec<PathBuf> = self.seen.keys().filter(|folder| !there.contains(folder)).cloned().collect();
        self.unread.retain(|folder, _| there.contains(folder));
        for folder in gone {
            if let Some(key) = self.seen.remove(&folder).and_then(|seen| seen.key) {
                self.remove(&key);
            }
        }
        for folder in folders {
            let (root, name) = (self.root.clone(), folder.file_name().map(PathBuf::from).unwrap_or_default());
            let read = self.workshop.run(move || folder::read_below(&root, &name)).await;
            let bundle = match read {
                Ok(bundle) => bundle,
                Err(error) => {
                    self.cannot_read(&folder, &error);
                    continue;
                }
            };
            self.unread.remove(&folder);
            let is_known = |seen: &Seen| seen.waits.is_none() && seen.bundle == bundle;
            if !self.seen.get(&folder).is_some_and(is_known) {
                self.install_one(&folder, bundle).await?;
            }
        }
        Ok(())
    }

    /// Reports once why a folder cannot be read.
    fn cannot_read(&mut self, folder: &Path, error: &FolderError) {
        // The folder was removed while we looked.
        if matches!(error, FolderError::NoWorkflow { .. }) {
            return;
        }
        let why = error.to_string();
        if self.unread.get(folder) != Some(&why) {
            tracing::error!(folder = %folder.display(), "a workflow cannot be loaded: {why}");
            self.unread.insert(folder.to_owned(), why);
        }
    }

    fn remove(&self, key: &WorkflowKey) {
        self.endpoints.set(key, Vec::new());
        self.engine.catalog().remove(key);
        tracing::info!(workflow = %key, "workflow removed, because its folder is gone; its runs go on");
    }

    async fn install_one(&mut self, folder: &Path, bundle: Bundle) -> Result<(), StoreError> {
        let before = self.seen.get(folder).and_then(|seen| seen.key.clone());
        let mut waits = None;
        let key = match self.compile(folder, &bundle).await {
            Err(Refused { why, by_another }) => {
                let told = self
                    .seen
                    .get(folder)
                    .filter(|seen| seen.bundle == bundle)
                    .and_then(|seen| seen.waits.as_ref());
                if told != Some(&why) {
                    tracing::error!("{}/{why}; this version is not used", folder.display());
                }
                waits = by_another.then_some(why);
                before
            }
            Ok((definition, endpoints)) => {
                let key = definition.workflow.key.clone();
                let version = definition.version.to_string();
                self.engine.install(definition).await?;
                let unavailable: Vec<_> = endpoints.iter().filter_map(Endpoint::unavailable).collect();
                if unavailable.is_empty() {
                    tracing::info!(workflow = %key, version = &version[..12], "workflow installed");
                }
                for error in unavailable {
                    tracing::error!("{}/workflow.json: {error}; it refuses everything", folder.display());
                }
                for warning in endpoints.iter().flat_map(Endpoint::warnings) {
                    tracing::warn!("{}/workflow.json: {warning}", folder.display());
                }
                self.endpoints.set(&key, endpoints);
                if let Some(before) = before.filter(|before| *before != key) {
                    self.remove(&before);
                }
                Some(key)
            }
        };
        let names_secrets = bundle.workflow.contains("$secrets");
        self.seen.insert(folder.to_owned(), Seen { bundle, key, names_secrets, waits });
        Ok(())
    }

    /// Compiles all of a workflow before any of it is installed.
    async fn compile(
        &self,
        folder: &Path,
        bundle: &Bundle,
    ) -> Result<(Arc<Definition>, Vec<Endpoint>), Refused> {
        tracing::debug!(folder = %folder.display(), "a version is compiled");
        let noting = self.variables.noting();
        let (files, sandbox, environment) =
            (bundle.clone(), self.sandbox.clone(), Arc::clone(&noting.environment));
        let compiled = self.workshop.run(move || Definition::compile(files, &sandbox, &environment)).await;
        let definition = compiled.map_err(|error| error.to_string())?;
        let key = &definition.workflow.key;
        if folder.file_name().and_then(|name| name.to_str()) != Some(key.as_str()) {
            return Err(definition.key_differs().to_string().into());
        }
        if let Some(other) = self.owner(key).filter(|other| *other != folder) {
            return Err(
                format!("workflow.json: `{key}` is installed from {} already", other.display()).into()
            );
        }
        let text = definition.bundle.workflow.clone();
        let definition = Arc::new(definition);
        let tell = || {
            if let Some(missed) = noting.told() {
                tracing::warn!(workflow = %definition.workflow.key, "{missed}, and start again");
            }
        };
        if let Some(error) = self.endpoints.collision(&definition.workflow) {
            let why = crate::engine::in_workflow_json(&text, error).to_string();
            return Err(Refused { why, by_another: true });
        }
        let vault = self.engine.vault();
        let secret = |name: &str| vault.get(name).map(|value| value.to_string());
        let sources = Sources { environment: &noting.environment, secret: &secret };
        let endpoints = Endpoint::all(&definition, sources)
            .map_err(|error| crate::engine::in_workflow_json(&text, error).to_string())?;
        tell();
        Ok((Arc::clone(&definition), endpoints))
    }

    fn owner(&self, key: &WorkflowKey) -> Option<&PathBuf> {
        self.seen.iter().find(|(_, seen)| seen.key.as_ref() == Some(key)).map(|(folder, _)| folder)
    }
}

/// A thread for slow work, so that neither requests nor scripts wait for it.
#[derive(Default)]
struct Workshop {
    jobs: OnceLock<mpsc::Sender<Box<dyn FnOnce() + Send>>>,
}

impl Workshop {
    /// Gives the result of `work`. One work follows the other, and each is finished even when nobody waits for it any
    /// more.
    async fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        let (sender, receiver) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody listens any more if the server stops.
            let _ = sender.send(panic::catch_unwind(AssertUnwindSafe(work)));
        });
        self.jobs.get_or_init(thread_of_its_own).send(job).expect("the thread lives as long as this");
        match receiver.await.expect("every job answers") {
            Ok(result) => result,
            Err(panic) => panic::resume_unwind(panic),
        }
    }
}

fn thread_of_its_own() -> mpsc::Sender<Box<dyn FnOnce() + Send>> {
    let (sender, jobs) = mpsc::channel::<Box<dyn FnOnce() + Send>>();
    let work = move || {
        // On Linux this counts for one thread: whoever answers requests comes first.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::nice(5);
        jobs.into_iter().for_each(|job| job());
    };
    thread::Builder::new().name("installing".to_owned()).spawn(work).expect("the system has threads");
    sender
}
