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
    trigger::{Trigger, Webhook},
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

/// One workflow: a trigger and a tree of steps.
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
    /// What starts a run.
    pub trigger: Trigger,
    /// What holds for its runs as a whole.
    #[schemars(flatten)]
    pub policy: Policy,
    /// Executed in order.
    pub steps: Vec<Step>,
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

    /// The webhook trigger.
    pub fn webhook(&self) -> Option<&Webhook> {
        match &self.trigger {
            Trigger::Webhook(webhook) => Some(webhook),
            Trigger::Manual | Trigger::Workflow(_) | Trigger::Schedule(_) => None,
        }
    }
}
