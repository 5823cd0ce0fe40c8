//! A new run: its id and seed, its groups, and the versions of the plugins that it uses.

use super::Tools;
use crate::{
    engine::{durable::Durable, workflow::Definition},
    model::{Cause, Event, Mode, Run, RunHead, RunStatus},
};

/// What a new run is about.
pub(crate) struct NewRun {
    pub(crate) event: Event,
    pub(crate) mode: Mode,
    pub(crate) cause: Cause,
}

impl NewRun {
    /// A run that nobody waits for.
    pub(crate) fn unattended(event: Event, cause: Cause) -> Self {
        Self { event, mode: Mode::Async, cause }
    }

    /// The run, pinned to this version of its workflow. It is not stored yet.
    pub(crate) fn of(self, definition: &Definition, durable: &Durable, tools: &Tools) -> Run {
        let Self { event, mode, cause } = self;
        let id = durable.ports.run_id();
        let groups = definition.keys.of(&definition.workflow.key, &event);
        let pin = |reference| tools.services.plugins.pin(reference);
        let head = RunHead {
            id,
            workflow: definition.workflow.key.clone(),
            version: definition.version,
            status: RunStatus::Queued,
            mode,
            created_ms: id.created_ms(),
            started_ms: None,
            finished_ms: None,
            seed: durable.ports.seed(),
            claim: None,
            answer_status: None,
            error: None,
            cause,
            parent: None,
            origin: None,
            depth: 0,
            group: groups.group.map(|(group, _)| group),
            slot: None,
            due_ms: None,
            plugins: definition.plugins.iter().filter_map(pin).collect(),
            failed_steps: 0,
            trigger: event.trigger.name.clone(),
        };
        Run { head, event, answer: None }
    }
}
