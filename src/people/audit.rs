//! The audit log: every change through the API, and every refusal that somebody known caused.

use super::{People, PeopleError};
use crate::{
    model::{Actor, RequestId},
    store::{
        Batch, StoreError,
        tables::{
            Page,
            audit::{self, AuditId, AuditRecord, By},
        },
    },
};

/// Lines a minute that people may cause whom nobody knows. Beyond that the server's log counts them, so that no flood of logins fills
/// the disk.
pub(super) const REFUSALS_A_MINUTE: u32 = 60;

/// What somebody did, or was not allowed to do.
#[derive(Debug, Clone)]
pub struct Deed {
    /// `None` when nobody knows who it was.
    pub by: Option<Actor>,
    /// A method with its path's template, or a word such as `login`.
    pub action: String,
    /// The names and ids of the path.
    pub target: String,
    /// Digests of what it was before and is now.
    pub before: Option<[u8; 32]>,
    pub after: Option<[u8; 32]>,
    pub address: String,
    pub request: RequestId,
    /// The HTTP status of the answer, and the code of a refusal.
    pub status: u16,
    pub code: Option<String>,
}

impl People {
    /// Writes a deed down. `durable` waits until it is on the disk; without, that takes some 100 ms more.
    pub async fn note(&self, deed: Deed, durable: bool) {
        let Deed { by, action, target, before, after, address, request, status, code } = deed;
        if by.is_none() && self.is_one_too_many() {
            return;
        }
        let by = By::from(by);
        let line = AuditRecord { by, action, target, before, after, address, request, status, code };
        let mut batch = Batch::new();
        audit::insert(&mut batch, (self.now_ms(), self.random()), &line);
        let written =
            if durable { self.store().commit(batch).await } else { self.store().commit_lazily(batch).await };
        if let Err(error) = written {
            tracing::error!(%error, ?line, "a line of the audit log could not be kept");
        }
    }

    fn is_one_too_many(&self) -> bool {
        let mut refusals = self.0.refusals.lock().expect("no code panics under this lock");
        refusals.one_more(self.now()).is_some()
    }

    /// Lines newest first, from before the cursor.
    ///
    /// # Errors
    /// The store's own: it failed, or a value in it cannot be read.
    pub async fn audit(
        &self,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<Page<(AuditId, AuditRecord), AuditId>, PeopleError> {
        let page: Result<_, StoreError> = audit::list(self.store(), before, limit).await;
        Ok(page?)
    }
}
