//! A workflow as its author writes it: the typed form of `workflow.json`.
//!
//! `definition_parse` builds these from JSON so that every error names its field;
//! the derives here make the published JSON Schema.

use std::{
    collections::BTreeMap,
    mem::{Discriminant, discriminant},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    policy::Policy,
    step::{Step, StepKind, When},
};
use crate::model::{
    trigger::{NamedTrigger, Trigger, Webhook},
    value::{StepId, WorkflowKey},
};

/// The files of one workflow version, as they were saved. A run is pinned to these bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// The text of `workflow.json`.
    pub workflow: String,
    /// Code files in its folder, and the libraries that they import as `libraries/<name>.js`, by name with `/`.
    pub files: BTreeMap<String, String>,
}

/// Where a step stands: the fields that lead to it through the ids of the steps around it, and its type.
pub type Place = (String, Discriminant<StepKind>);

/// One workflow: triggers and a tree of steps.
#[derive(Debug, Clone, JsonSchema)]
pub struct Workflow {
    /// Its name in URLs; the folder has the same name.
    pub key: WorkflowKey,
    /// For people.
    #[schemars(default)]
    pub title: String,
    /// For people, longer.
    #[schemars(default)]
    pub description: String,
    /// A disabled workflow's endpoint answers as an unknown one.
    #[schemars(default = "enabled")]
    pub enabled: bool,
    /// Environment variables that scripts see in `env`, beside those that templates name.
    #[schemars(default)]
    pub env: Vec<String>,
    /// Secrets that scripts see in `secrets`. Templates may name any.
    #[schemars(default)]
    pub secrets: Vec<String>,
    /// Who may read what its scripts keep.
    #[schemars(default)]
    pub kv: KvSharing,
    /// What starts a run: at least one, each with a name of its own.
    #[schemars(flatten, with = "TriggersForm")]
    pub triggers: Vec<NamedTrigger>,
    /// What holds for its runs as a whole.
    #[schemars(flatten)]
    pub policy: Policy,
    /// Executed in order.
    pub steps: Vec<Step>,
}

/// How triggers are written. One of the two must be there, which `flowcell schema` adds.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for the JSON Schema alone")]
struct TriggersForm {
    /// What starts a run.
    #[schemars(with = "Trigger", default)]
    trigger: Option<Trigger>,
    /// What starts a run, in place of `trigger`: several triggers, each with a name of its own. A run reads in
    /// `context.trigger` which of them started it.
    #[schemars(with = "Vec<Trigger>", default, length(min = 1, max = 50))]
    triggers: Option<Vec<Trigger>>,
}

/// Who else may read the kv of a workflow.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KvSharing {
    /// Workflows whose scripts may read it with `kv.of`; nobody else writes it. Default none.
    #[serde(default)]
    pub readers: Vec<WorkflowKey>,
}

/// A workflow that says nothing is enabled.
pub(super) fn enabled() -> bool {
    true
}

impl Workflow {
    /// Every step of the tree, parents before children.
    pub fn walk(&self) -> Vec<&Step> {
        fn collect<'a>(steps: &'a [Step], all: &mut Vec<&'a Step>) {
            for step in steps {
                all.push(step);
                step.branches().iter().for_each(|branch| collect(branch.steps, all));
            }
        }
        let mut all = Vec::new();
        collect(&self.steps, &mut all);
        all
    }

    /// Where each step stands.
    pub fn places(&self) -> BTreeMap<StepId, Place> {
        fn collect(steps: &[Step], at: &str, places: &mut BTreeMap<StepId, Place>) {
            for step in steps {
                places.insert(step.id.clone(), (at.to_owned(), discriminant(&step.kind)));
                for branch in step.branches() {
                    collect(branch.steps, &format!("{at}/{}.{}", step.id, branch.field), places);
                }
            }
        }
        let mut places = BTreeMap::new();
        collect(&self.steps, "", &mut places);
        places
    }

    /// The step of this id.
    pub fn find(&self, id: &StepId) -> Option<&Step> {
        fn search<'a>(steps: &'a [Step], id: &StepId) -> Option<&'a Step> {
            steps.iter().find_map(|step| {
                if step.id == *id {
                    Some(step)
                } else {
                    step.branches().into_iter().find_map(|branch| search(branch.steps, id))
                }
            })
        }
        search(&self.steps, id)
    }

    /// The ids of the loops around a step, from the outermost.
    pub fn loops_around(&self, id: &StepId) -> Vec<&StepId> {
        fn search<'a>(steps: &'a [Step], id: &StepId, around: &mut Vec<&'a StepId>) -> bool {
            steps.iter().any(|step| {
                step.id == *id
                    || step.branches().iter().any(|branch| {
                        let depth = around.len();
                        if branch.when == When::Iteration {
                            around.push(&step.id);
                        }
                        let found = search(branch.steps, id, around);
                        if !found {
                            around.truncate(depth);
                        }
                        found
                    })
            })
        }
        let mut around = Vec::new();
        search(&self.steps, id, &mut around);
        around
    }

    /// Its webhooks, each with the trigger that it is.
    pub fn webhooks(&self) -> impl Iterator<Item = (&NamedTrigger, &Webhook)> {
        self.triggers.iter().filter_map(|trigger| Some((trigger, trigger.webhook()?)))
    }

    /// The trigger of this name.
    ///
    /// # Errors
    /// Which names there are.
    pub fn trigger(&self, name: &str) -> Result<&NamedTrigger, ChoiceError> {
        let found = self.triggers.iter().find(|trigger| trigger.name.as_str() == name);
        found.ok_or_else(|| ChoiceError::Unknown { name: name.to_owned(), known: self.trigger_names() })
    }

    /// The trigger that an event without a sender is taken for: the one of this name. Without a name it is the only trigger,
    /// or the only webhook.
    ///
    /// # Errors
    /// When there is no such trigger, or several may be meant.
    pub fn trigger_for(&self, name: Option<&str>) -> Result<&NamedTrigger, ChoiceError> {
        if let Some(name) = name {
            return self.trigger(name);
        }
        let webhooks: Vec<&NamedTrigger> = self.webhooks().map(|(trigger, _)| trigger).collect();
        match (self.triggers.as_slice(), webhooks.as_slice()) {
            ([only], _) => Ok(only),
            (_, [only]) => Ok(only),
            (_, _) => Err(ChoiceError::Several { known: self.trigger_names() }),
        }
    }

    fn trigger_names(&self) -> String {
        let names: Vec<&str> = self.triggers.iter().map(|trigger| trigger.name.as_str()).collect();
        names.join(", ")
    }
}

/// Why it is not known which trigger is meant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// None has this name.
    #[error("there is no trigger `{name}`; the workflow has {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names that there are.
        known: String,
    },
    /// More than one may be meant.
    #[error("the workflow has several triggers; say which one is meant: {known}")]
    Several {
        /// Their names.
        known: String,
    },
}
