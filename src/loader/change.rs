//! What people change: create, publish, roll back, switch off and on. Each is checked and compiled before anything changes, and
//! becomes durable in one commit with its revision.

use std::path::Path;

use futures::{FutureExt, future::BoxFuture};

use super::{Inner, Loader, Seen, State, Whence, compile::Ready};
use crate::{
    engine::{HomeError, Homes, Outlook, Publication, Published, read_workflow},
    folder::{self, FolderError, WriteError},
    model::{Actor, Bundle, VersionHash, WorkflowKey},
    store::{
        Batch,
        tables::{
            homes::{self, Home, Off, Origin, Pending, Place, Source},
            revisions, versions,
        },
    },
};

impl Homes for Loader {
    fn outlook(&self) -> Outlook {
        self.0.outlook.lock().expect("no code panics under this lock").clone()
    }

    fn create(&self, bundle: Bundle, origin: Origin) -> BoxFuture<'_, Result<Published, HomeError>> {
        async move {
            let mut state = self.0.state.lock().await;
            let created = self.0.create(&mut state, bundle, origin).await;
            self.0.tell(&state);
            created
        }
        .boxed()
    }

    fn publish(&self, publication: Publication) -> BoxFuture<'_, Result<Published, HomeError>> {
        async move {
            let mut state = self.0.state.lock().await;
            let published = self.0.publish(&mut state, publication).await;
            self.0.tell(&state);
            published
        }
        .boxed()
    }

    fn roll_back<'a>(
        &'a self,
        key: &'a WorkflowKey,
        number: u64,
        base: Option<VersionHash>,
        origin: Origin,
    ) -> BoxFuture<'a, Result<Published, HomeError>> {
        async move {
            let mut state = self.0.state.lock().await;
            let unknown = || HomeError::RevisionUnknown { key: key.clone(), number };
            let home = self.0.home(key).await?;
            let store = &**self.0.engine.store();
            let revision = revisions::get(store, key, number).await?.ok_or_else(unknown)?;
            let bundle = self.0.stored(revision.version).await?.ok_or_else(unknown)?;
            let origin = Origin { source: Source::Rollback, ..origin };
            // What was tried before needs no fixtures: whoever rolls back is in a hurry.
            let publication = Publication {
                key: key.clone(),
                base: base.unwrap_or(home.version),
                bundle,
                origin,
                accept_differences: true,
            };
            let published = self.0.publish(&mut state, publication).await;
            self.0.tell(&state);
            published
        }
        .boxed()
    }

    fn switch<'a>(
        &'a self,
        key: &'a WorkflowKey,
        on: bool,
        by: Actor,
    ) -> BoxFuture<'a, Result<(), HomeError>> {
        async move {
            // What runs changes here too, so nobody else changes it meanwhile.
            let _state = self.0.state.lock().await;
            self.0.switch(key, on, by).await
        }
        .boxed()
    }

    fn move_home<'a>(
        &'a self,
        key: &'a WorkflowKey,
        to: Place,
        origin: Origin,
    ) -> BoxFuture<'a, Result<(), HomeError>> {
        async move {
            let mut state = self.0.state.lock().await;
            let moved = self.0.move_home(&mut state, key, to, origin).await;
            self.0.tell(&state);
            moved
        }
        .boxed()
    }
}

/// What stands in a folder now.
pub(super) enum Standing {
    Absent,
    There(Box<Bundle>),
}

impl Inner {
    pub(super) async fn home(&self, key: &WorkflowKey) -> Result<Home, HomeError> {
        let home = homes::get(&**self.engine.store(), key).await?;
        home.ok_or_else(|| HomeError::Unknown(key.clone()))
    }

    async fn create(
        &self,
        state: &mut State,
        bundle: Bundle,
        origin: Origin,
    ) -> Result<Published, HomeError> {
        let workflow = read_workflow(&bundle.workflow).map_err(|error| HomeError::Wrong(Box::new(error)))?;
        let key = workflow.key;
        let taken = |by: String| HomeError::KeyTaken { key: key.clone(), by };
        if homes::get(&**self.engine.store(), &key).await?.is_some() {
            return Err(taken("another workflow".to_owned()));
        }
        if let Standing::There(_) = self.standing(&key).await? {
            return Err(taken(format!("the folder {}", self.folder_of(&key).display())));
        }
        self.fits(&bundle).await?;
        let ready = self.compiler.compile(Some(&key), &bundle, false).await?;
        let mut batch = Batch::new();
        let now_ms = self.engine.ports().now_ms();
        let version = ready.definition.version;
        let (home, _) = revisions::append(&mut batch, &key, None, Place::Server, version, origin, now_ms);
        self.put_in_place(key.as_str(), ready, batch).await?;
        state.servers.insert(key.clone());
        state.seen.insert(Whence::Server(key.clone()), Seen::new(bundle));
        Ok(Published { key, revision: home.revision, version, changed: true })
    }

    async fn publish(&self, state: &mut State, publication: Publication) -> Result<Published, HomeError> {
        let Publication { key, base, bundle, origin, accept_differences } = publication;
        let home = self.home(&key).await?;
        let standing = match home.place {
            Place::Folder => Some(self.standing(&key).await?),
            Place::Server => None,
        };
        let theirs = match &standing {
            Some(Standing::There(found)) => versions::hash(found),
            Some(Standing::Absent) | None => home.version,
        };
        if theirs != base {
            self.keep(standing.as_ref()).await?;
            return Err(HomeError::Moved { key, base, theirs });
        }
        let version = versions::hash(&bundle);
        let is_absent = matches!(standing, Some(Standing::Absent));
        if version == home.version && version == theirs && !is_absent {
            return Ok(Published { key, revision: home.revision, version, changed: false });
        }
        self.fits(&bundle).await?;
        let ready = self.compiler.compile(Some(&key), &bundle, home.off.is_some()).await?;
        if !accept_differences && standing.is_some() {
            self.check_fixtures(&key, &self.folder_of(&key), &ready.definition).await?;
        }
        let from = match standing {
            None => {
                let mut batch = Batch::new();
                let now_ms = self.engine.ports().now_ms();
                revisions::append(&mut batch, &key, Some(&home), Place::Server, version, origin, now_ms);
                self.put_in_place(key.as_str(), ready, batch).await?;
                Whence::Server(key.clone())
            }
            Some(standing) => {
                self.write(state, &home, standing, ready, origin).await?;
                Whence::Folder(self.folder_of(&key))
            }
        };
        state.seen.insert(from, Seen::new(bundle));
        let home = self.home(&key).await?;
        Ok(Published { key, revision: home.revision, version, changed: true })
    }

    /// Writes a version to its folder and installs it. Until the last commit, an error leaves what was.
    async fn write(
        &self,
        state: &mut State,
        home: &Home,
        standing: Standing,
        ready: Ready,
        origin: Origin,
    ) -> Result<(), HomeError> {
        let (key, version) = (ready.definition.workflow.key.clone(), ready.definition.version);
        let new = (*ready.definition.bundle).clone();
        self.may_write(&key, &new).await?;
        let base = match standing {
            Standing::Absent => None,
            Standing::There(bundle) => Some(*bundle),
        };
        let noted = self.note(&key, home, base.as_ref(), &new, origin.clone()).await?;
        if let Err(error) = self.written(&key, base.clone(), &new).await {
            self.take_back(&key, &noted, base, new).await;
            return Err(error);
        }
        let mut batch = Batch::new();
        let now_ms = self.engine.ports().now_ms();
        revisions::append(&mut batch, &key, Some(&noted), Place::Folder, version, origin, now_ms);
        let folder = self.folder_of(&key);
        self.put_in_place(&folder.display().to_string(), ready, batch).await?;
        state.unread.remove(&folder);
        state.folders.insert(key);
        Ok(())
    }

    /// Notes durably which files are about to be written, and keeps both versions in the store.
    pub(super) async fn note(
        &self,
        key: &WorkflowKey,
        home: &Home,
        base: Option<&Bundle>,
        new: &Bundle,
        origin: Origin,
    ) -> Result<Home, HomeError> {
        let mut batch = Batch::new();
        let version = versions::insert(&mut batch, new);
        let base = base.map(|base| versions::insert(&mut batch, base));
        let noted = Home { pending: Some(Pending { base, version, origin }), ..home.clone() };
        homes::replace(&mut batch, key, Some(home), &noted);
        self.engine.store().commit(batch).await?;
        Ok(noted)
    }

    /// Writes the files, and reads them back.
    pub(super) async fn written(
        &self,
        key: &WorkflowKey,
        base: Option<Bundle>,
        new: &Bundle,
    ) -> Result<(), HomeError> {
        self.bring(key, base, new.clone()).await.map_err(|error| Self::not_written(key, error))?;
        let not = |why: String| HomeError::NotWritten { key: key.clone(), why };
        match self.read(&self.folder_of(key)).await {
            Ok(found) if found == *new => Ok(()),
            Ok(_) => Err(not("the folder reads back as something else: look at its libraries".to_owned())),
            Err(error) => Err(not(error.to_string())),
        }
    }

    /// Puts files back that were written in vain, as far as they can be.
    pub(super) async fn take_back(&self, key: &WorkflowKey, noted: &Home, base: Option<Bundle>, new: Bundle) {
        if let Some(base) = base
            && let Err(error) = self.bring(key, Some(new), base).await
        {
            // The note stays, and the next start finishes what was begun.
            tracing::error!(workflow = %key, "files that were written in vain cannot be put back: {error}");
            return;
        }
        if let Err(error) = self.give_up(key, noted).await {
            tracing::error!(workflow = %key, %error, "the note of a publication that failed stays");
        }
    }

    /// Whether files may be written at all.
    pub(super) async fn may_write(&self, key: &WorkflowKey, new: &Bundle) -> Result<(), HomeError> {
        if self.folders.read_only {
            let why = "workflows.readonly is set".to_owned();
            return Err(HomeError::ReadOnly { key: key.clone(), why });
        }
        let (root, own) = (self.folders.root.clone(), key.clone());
        let names: Vec<String> = new.files.keys().cloned().collect();
        let probed = self
            .compiler
            .workshop
            .run(move || folder::writable(&root, &own, names.iter().map(String::as_str)));
        probed.await.map_err(|error| Self::not_written(key, error))
    }

    fn not_written(key: &WorkflowKey, error: WriteError) -> HomeError {
        let key = key.clone();
        match error {
            WriteError::ReadOnly(why) => HomeError::ReadOnly { key, why },
            WriteError::Foreign { .. } | WriteError::Failed { .. } => {
                HomeError::NotWritten { key, why: error.to_string() }
            }
        }
    }

    /// Keeps files in the store that nobody has published yet, so that whoever is in their way can compare.
    async fn keep(&self, standing: Option<&Standing>) -> Result<(), HomeError> {
        if let Some(Standing::There(bundle)) = standing {
            let mut batch = Batch::new();
            versions::insert(&mut batch, bundle);
            self.engine.store().commit(batch).await?;
        }
        Ok(())
    }

    /// What stands in the folder of a workflow now.
    pub(super) async fn standing(&self, key: &WorkflowKey) -> Result<Standing, HomeError> {
        match self.read(&self.folder_of(key)).await {
            Ok(bundle) => Ok(Standing::There(Box::new(bundle))),
            Err(FolderError::NoWorkflow { .. }) => Ok(Standing::Absent),
            Err(FolderError::File(error)) if error.is_missing() => Ok(Standing::Absent),
            Err(error) => Err(HomeError::Files(error.to_string())),
        }
    }

    pub(super) fn folder_of(&self, key: &WorkflowKey) -> std::path::PathBuf {
        self.folders.root.join(Path::new(key.as_str()))
    }

    /// Whether these files could be those of a folder.
    async fn fits(&self, bundle: &Bundle) -> Result<(), HomeError> {
        let bundle = bundle.clone();
        self.compiler.workshop.run(move || folder::fits(&bundle)).await.map_err(HomeError::Files)
    }

    async fn switch(&self, key: &WorkflowKey, on: bool, by: Actor) -> Result<(), HomeError> {
        let home = self.home(key).await?;
        if home.off.is_none() == on {
            return Ok(());
        }
        let off = Off { by, time_ms: self.engine.ports().now_ms() };
        let after = Home { off: (!on).then_some(off), ..home.clone() };
        let mut batch = Batch::new();
        homes::replace(&mut batch, key, Some(&home), &after);
        match self.engine.catalog().current(key) {
            None => self.engine.store().commit(batch).await?,
            Some(current) => {
                let ready = self.compiler.compile(Some(key), &current.bundle, !on).await?;
                self.put_in_place(key.as_str(), ready, batch).await?;
            }
        }
        tracing::info!(workflow = %key, on, "workflow switched");
        Ok(())
    }
}
