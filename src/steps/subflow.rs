//! `subflow`: what the run of another workflow is started with. The engine starts it together with the journal's entry.

use super::{Output, Scope, filled};
use crate::{
    model::{FieldError, Limits, RunError, SubflowStep, WorkflowKey},
    template::{JsonTemplate, Path},
};

/// A call whose templates are parsed.
#[derive(Debug)]
pub struct Subflow {
    workflow: WorkflowKey,
    input: JsonTemplate,
    wait: bool,
}

pub(super) fn compile(spec: &SubflowStep, path: &str) -> Result<Subflow, FieldError> {
    let input = JsonTemplate::compile(&spec.input)
        .map_err(|error| FieldError::new(format!("{path}.input"), error.to_string()))?;
    Ok(Subflow { workflow: spec.workflow.clone(), input, wait: spec.wait })
}

impl Subflow {
    pub(super) fn references(&self) -> Vec<&Path> {
        self.input.references()
    }

    pub(super) fn execute(&self, scope: &Scope<'_>) -> Result<Output, RunError> {
        let input = filled("input", &self.input, scope, Limits::CAP.output)?;
        Ok(Output::Start { workflow: self.workflow.clone(), input, wait: self.wait })
    }
}
