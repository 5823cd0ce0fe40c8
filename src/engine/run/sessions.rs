//! The sessions of a run: cookies that its `http` steps share by a name. They are sealed in the journal, beside the entry of the
//! attempt that changed them, so that a run that is taken up again sends what it sent before.

use std::collections::HashMap;

use crate::{
    engine::Vault,
    model::{Entry, ErrorCode, RunError, SealedText, StepKey, WorkflowKey},
    net::{CookieChange, CookieJar},
};

/// The sessions as they are now.
#[derive(Default)]
pub(super) struct Sessions(HashMap<String, CookieJar>);

impl Sessions {
    /// The sessions that a journal tells of.
    ///
    /// # Errors
    /// When one cannot be opened: without its cookies, its steps would act as somebody else.
    pub(super) fn of(
        vault: &Vault,
        workflow: &WorkflowKey,
        journal: &[(String, SealedText)],
    ) -> Result<Self, RunError> {
        let mut sessions = Self::default();
        for (session, sealed) in journal {
            let wrong = |why: String| {
                let message = format!("the cookies of the session `{session}` cannot be opened: {why}");
                RunError::new(ErrorCode::HttpFailed, message)
            };
            let text = vault
                .open_text(&sealed_as(workflow, session), sealed)
                .map_err(|error| wrong(error.to_string()))?;
            // The text holds cookies, so the reader's own words are left out.
            let changes = serde_json::from_str(text.as_str())
                .map_err(|_| wrong("they are of another version".to_owned()))?;
            sessions.take(session, changes);
        }
        Ok(sessions)
    }

    /// A jar for one attempt, with the cookies of the session.
    pub(super) fn fork(&self, session: &str) -> CookieJar {
        self.0.get(session).map(CookieJar::fork).unwrap_or_default()
    }

    /// Takes over what an attempt changed.
    pub(super) fn take(&mut self, session: &str, changes: Vec<CookieChange>) {
        self.0.entry(session.to_owned()).or_default().apply(changes);
    }
}

/// The entry that keeps what an attempt changed.
pub(super) fn entry(
    vault: &Vault,
    workflow: &WorkflowKey,
    key: StepKey,
    session: &str,
    changes: &[CookieChange],
) -> Entry {
    let text = serde_json::to_string(changes).expect("cookies are texts and times");
    let sealed = vault.seal_text(&sealed_as(workflow, session), &text);
    Entry::Cookies { key, session: session.to_owned(), sealed }
}

/// A run from the failed step of another has the sessions of that one, so the run is no part of this.
fn sealed_as(workflow: &WorkflowKey, session: &str) -> String {
    format!("cookies of {session} in {workflow}")
}
