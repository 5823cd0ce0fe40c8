//! Files that were being written when the process ended: the next start brings them to their end, so that a folder is never
//! read half written.

use super::{Inner, State};
use crate::{
    folder::{self, WriteError},
    model::{Bundle, VersionHash, WorkflowKey},
    store::{
        Batch, StoreError,
        tables::{
            homes::{self, Home, Place},
            versions,
        },
    },
};

impl Inner {
    /// Finishes the files of a publication that was cut off. The look that follows installs them.
    pub(super) async fn finish(&self, state: &mut State, key: &WorkflowKey) -> Result<(), StoreError> {
        let store = &**self.engine.store();
        state.half.remove(key);
        let Some(home) = homes::get(store, key).await? else { return Ok(()) };
        let Some(pending) = home.pending.clone() else { return Ok(()) };
        let base = match pending.base {
            Some(base) => self.stored(base).await?,
            None => None,
        };
        let Some(new) = self.stored(pending.version).await? else {
            return self.give_up(key, &home).await;
        };
        match self.bring(key, base, new).await {
            Ok(()) => {
                tracing::info!(workflow = %key, "files that were being written at the last end are written now");
                match home.place {
                    Place::Folder => Ok(()),
                    Place::Server => self.moved_to_folder(state, key, &home).await,
                }
            }
            Err(error @ WriteError::Foreign { .. }) => {
                tracing::warn!(workflow = %key, "what was being written at the last end is given up: {error}");
                self.give_up(key, &home).await
            }
            Err(error @ (WriteError::ReadOnly(_) | WriteError::Failed { .. })) => {
                let message = format!(
                    "the files of `{key}` were being written when the server ended, and cannot be written now: {error}; the version \
                     before goes on"
                );
                tracing::error!("{message}");
                state.half.insert(key.clone(), message);
                self.last_good(state, Some(key)).await
            }
        }
    }

    /// Takes the note away that files are being written.
    pub(super) async fn give_up(&self, key: &WorkflowKey, home: &Home) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        homes::replace(&mut batch, key, Some(home), &Home { pending: None, ..home.clone() });
        self.engine.store().commit(batch).await
    }

    /// A version that is in the store.
    pub(super) async fn stored(&self, version: VersionHash) -> Result<Option<Bundle>, StoreError> {
        versions::get(&**self.engine.store(), version).await
    }

    /// Brings the files of a folder from one version to another.
    pub(super) async fn bring(
        &self,
        key: &WorkflowKey,
        base: Option<Bundle>,
        new: Bundle,
    ) -> Result<(), WriteError> {
        let (root, key) = (self.folders.root.clone(), key.clone());
        self.compiler.workshop.run(move || folder::bring(&root, &key, base.as_ref(), &new)).await
    }
}
