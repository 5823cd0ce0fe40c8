//! What the steps of a run see: its facts, where a step stands, the secrets that it names and those that are masked.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex},
};

use super::{Tools, transition::State, urls::callback_url};
use crate::{
    engine::{Vault, workflow::Definition},
    model::{Run, StepId, StepKey},
    secrets::Redactor,
    steps::{Place, RunFacts, SecretValues},
};

/// What the steps of a run see of it, and what is masked for it.
pub(super) struct Seen {
    pub(super) facts: RunFacts,
    /// The result of the last look, because looking through a large event takes long.
    given: Mutex<Given>,
}

impl Seen {
    pub(super) fn of(run: &Run, definition: &Definition) -> Self {
        let facts = RunFacts::of(
            &run.event,
            Arc::clone(&definition.env),
            run.head.created_ms,
            run.head.seed,
            run.head.id.to_string(),
            run.head.workflow.clone(),
        );
        let facts = RunFacts {
            listed: definition.workflow.secrets.clone().into(),
            plugins: run.head.plugins.clone().into(),
            ..facts
        };
        Self { facts, given: Mutex::default() }
    }

    /// The secrets that the run was given, as they are now.
    pub(super) fn given(&self, tools: &Tools, definition: &Definition) -> Given {
        let of_plugin = |plugin| tools.services.plugins.granted_secrets(plugin);
        let granted: Vec<_> = definition.plugins.iter().flat_map(of_plugin).collect();
        let all = tools.vault.redactor_of(&if granted.is_empty() {
            Cow::Borrowed(&definition.maskable)
        } else {
            let mut names: Vec<_> = definition.maskable.iter().cloned().chain(granted).collect();
            names.sort_unstable();
            names.dedup();
            Cow::Owned(names)
        });
        let mut given = self.given.lock().expect("no code panics under this lock");
        if !given.all.knows_the_same_as(&all) {
            let masks = all.without_those_in(&[self.facts.context.as_bytes(), &self.facts.raw_body]);
            *given = Given { all, masks };
        }
        given.clone()
    }
}

/// The secrets that a run was given, listed, named in templates or granted to its plugins, and variables that look like credentials.
/// Never those of others: what is masked, and whether a text holds one, can be seen from outside, and must tell nobody about them.
#[derive(Clone, Default)]
pub(super) struct Given {
    /// Finds all of them: no redirect takes one to another origin, whoever sent it.
    pub(super) all: Redactor,
    /// Masks in all that the run hands on or answers. Those that the sender himself sent are left out: else an answer would tell
    /// whether a guess is right.
    pub(super) masks: Redactor,
}

/// Where a step stands, with the one-time URLs of its run.
pub(super) fn place(
    public_url: &str,
    run: &Run,
    definition: &Definition,
    state: &State,
    key: &StepKey,
) -> Place {
    let workflow = &definition.workflow;
    let url = |step: &StepId| {
        // A callback step in a loop has a URL for each iteration, its own in each.
        let depth = workflow.loops_around(step).len().min(key.at.len());
        let waiting = StepKey { step: step.clone(), at: key.at[..depth].to_vec() };
        callback_url(public_url, run.head.id, &run.head.seed, &waiting)
    };
    Place {
        instance: key.to_string(),
        loops: if key.at.is_empty() { Vec::new() } else { state.scopes(workflow, key) },
        callbacks: definition.callbacks.iter().map(|step| (step.clone(), url(step))).collect(),
    }
}

/// The secrets that the workflow names, as they are now.
pub(super) fn secrets(vault: &Vault, definition: &Definition) -> SecretValues {
    let value = |name: &String| Some((name.clone(), vault.get(name)?));
    definition.secrets.iter().filter_map(value).collect()
}
