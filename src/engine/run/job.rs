//! A run with everything that is needed to execute it: how far it is, its version, and the state of its machine.

use std::sync::Arc;

use super::{
    progress::{Committed, Progress, keep_output},
    transition::State,
};
use crate::{
    engine::{
        durable::Durable,
        line::{Fresh, entry_bytes, event_bytes},
        workflow::Definition,
    },
    model::{Entry, Run, RunError, SealedText},
    steps::Outputs,
    store::StoreError,
};

/// A run to execute.
pub(crate) struct Job {
    pub(super) progress: Progress,
    pub(super) definition: Result<Arc<Definition>, RunError>,
    pub(super) state: State,
}

impl Job {
    /// A run that was accepted a moment ago.
    pub(crate) fn fresh(fresh: Fresh) -> Self {
        let Fresh { run, definition } = fresh;
        let state = State::new(deadline(&run, &definition));
        let bytes = event_bytes(&run.event);
        Self { progress: Progress::new(run, Outputs::default(), 0, bytes), definition: Ok(definition), state }
    }

    /// A run as the store holds it.
    pub(crate) fn stored(
        mut run: Run,
        definition: Result<Arc<Definition>, RunError>,
        entries: Vec<Entry>,
    ) -> Self {
        let mut outputs = Outputs::default();
        let mut state = State::default();
        run.head.failed_steps = entries.iter().filter(|entry| entry.is_failure()).count() as u32;
        let bytes = event_bytes(&run.event) + entries.iter().map(entry_bytes).sum::<u64>();
        if let Ok(definition) = &definition {
            state = State::new(deadline(&run, definition));
            for entry in &entries {
                state.apply(&definition.workflow, entry);
                keep_output(&mut outputs, definition, entry);
            }
        }
        let mut progress = Progress::new(run, outputs, entries.len() as u32, bytes);
        progress.cookies = entries.into_iter().filter_map(cookies).collect();
        Self { progress, definition, state }
    }

    /// Notes durably, before the run is begun again, at how many ends of the process it would have been under way.
    ///
    /// # Errors
    /// The store's own: it is full, it failed, or a value in it cannot be read.
    pub(crate) async fn mark(&mut self, durable: &Durable, ends: u32) -> Result<Committed, StoreError> {
        self.progress.mark(durable, ends).await
    }

    /// The run may have a mark of an earlier start, which goes once the run gets further.
    pub(crate) fn keeps_mark(&mut self) {
        self.progress.is_marked();
    }

    /// The run is not begun again; it fails with this error.
    pub(crate) fn condemn(&mut self, error: RunError) {
        self.progress.definition = std::mem::replace(&mut self.definition, Err(error)).ok();
        self.progress.is_marked();
    }
}

fn cookies(entry: Entry) -> Option<(String, SealedText)> {
    match entry {
        Entry::Cookies { session, sealed, .. } => Some((session, sealed)),
        Entry::Ended(_) | Entry::Retrying(..) | Entry::Begun(..) | Entry::Waiting { .. } => None,
    }
}

fn deadline(run: &Run, definition: &Definition) -> Option<u64> {
    let timeout = definition.workflow.policy.timeout?;
    Some(run.head.created_ms.saturating_add(timeout.as_millis()))
}
