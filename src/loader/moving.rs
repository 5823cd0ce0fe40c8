//! A workflow moves to another home: never by itself, and never half.

use super::{Inner, Seen, State, Whence, change::Standing};
use crate::{
    engine::HomeError,
    folder,
    model::{Bundle, WorkflowKey},
    store::{
        Batch, StoreError,
        tables::{
            homes::{self, Home, Origin, Place},
            revisions, versions,
        },
    },
};

impl Inner {
    pub(super) async fn move_home(
        &self,
        state: &mut State,
        key: &WorkflowKey,
        to: Place,
        origin: Origin,
    ) -> Result<(), HomeError> {
        let home = self.home(key).await?;
        match (home.place, to) {
            (Place::Folder, Place::Folder) | (Place::Server, Place::Server) => Ok(()),
            (Place::Folder, Place::Server) => self.to_server(state, key, home).await,
            (Place::Server, Place::Folder) => self.to_folder(state, key, home, origin).await,
        }
    }

    /// The folder stays as it is, with a mark that it is left alone from now on.
    async fn to_server(&self, state: &mut State, key: &WorkflowKey, home: Home) -> Result<(), HomeError> {
        let there = match self.standing(key).await? {
            Standing::Absent => false,
            Standing::There(found) => {
                let theirs = versions::hash(&found);
                if theirs != home.version {
                    return Err(HomeError::Moved { key: key.clone(), base: home.version, theirs });
                }
                true
            }
        };
        let bundle = self.stored(home.version).await?.ok_or_else(|| HomeError::Unknown(key.clone()))?;
        let moved = Home { place: Place::Server, left_folder: there, ..home.clone() };
        let mut batch = Batch::new();
        homes::replace(&mut batch, key, Some(&home), &moved);
        // A workflow whose folder is gone is installed again with this.
        let ready = self.compiler.compile(Some(key), &bundle, home.off.is_some()).await?;
        self.put_in_place(key.as_str(), ready, batch).await?;
        state.seen.remove(&Whence::Folder(self.folder_of(key)));
        state.unread.remove(&self.folder_of(key));
        state.folders.remove(key);
        state.servers.insert(key.clone());
        state.seen.insert(Whence::Server(key.clone()), Seen::new(bundle));
        if there && !self.folders.read_only {
            let (root, own) = (self.folders.root.clone(), key.clone());
            if let Err(error) = self.compiler.workshop.run(move || folder::ignore(&root, &own)).await {
                // The store knows too that the folder is left.
                tracing::warn!(workflow = %key, "the folder that was left gets no mark: {error}");
            }
        }
        Ok(())
    }

    async fn to_folder(
        &self,
        state: &mut State,
        key: &WorkflowKey,
        home: Home,
        origin: Origin,
    ) -> Result<(), HomeError> {
        let folder = self.folder_of(key);
        let new = self.stored(home.version).await?.ok_or_else(|| HomeError::Unknown(key.clone()))?;
        let base = match self.standing(key).await? {
            Standing::Absent => None,
            Standing::There(found) if self.is_ours(key, &found).await? => Some(*found),
            Standing::There(_) => {
                let by = format!("the folder {}, whose files are no revision of it", folder.display());
                return Err(HomeError::KeyTaken { key: key.clone(), by });
            }
        };
        self.may_write(key, &new).await?;
        let noted = self.note(key, &home, base.as_ref(), &new, origin).await?;
        if let Err(error) = self.written(key, base.clone(), &new).await {
            self.take_back(key, &noted, base, new).await;
            return Err(error);
        }
        Ok(self.moved_to_folder(state, key, &noted).await?)
    }

    /// Whether files are those of one of the workflow's revisions, so that nothing is lost with them.
    async fn is_ours(&self, key: &WorkflowKey, found: &Bundle) -> Result<bool, HomeError> {
        let version = versions::hash(found);
        let all = revisions::list(&**self.engine.store(), key, None, usize::MAX).await?;
        Ok(all.iter().any(|revision| revision.version == version))
    }

    /// The files are in the folder: from now on they are what runs.
    pub(super) async fn moved_to_folder(
        &self,
        state: &mut State,
        key: &WorkflowKey,
        home: &Home,
    ) -> Result<(), StoreError> {
        let (root, own) = (self.folders.root.clone(), key.clone());
        if let Err(error) = self.compiler.workshop.run(move || folder::notice(&root, &own)).await {
            tracing::warn!(workflow = %key, "the folder keeps its mark that it is left alone: {error}; remove it");
        }
        let mut batch = Batch::new();
        let moved = Home { place: Place::Folder, pending: None, left_folder: false, ..home.clone() };
        homes::replace(&mut batch, key, Some(home), &moved);
        self.engine.store().commit(batch).await?;
        state.servers.remove(key);
        state.seen.remove(&Whence::Folder(self.folder_of(key)));
        // The same version goes on; the next look sees the folder.
        if let Some(seen) = state.seen.remove(&Whence::Server(key.clone())) {
            state.folders.insert(key.clone());
            state.seen.insert(Whence::Folder(self.folder_of(key)), seen);
        }
        Ok(())
    }
}
