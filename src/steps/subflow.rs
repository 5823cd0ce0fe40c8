//! `subflow`: what the run of another workflow is started with. The engine starts it together with the journal's entry.

use super::{Output, Scope};
use crate::{
    model::{ErrorCode, FieldError, JsonText, LimitUnit, Limits, RunError, SubflowStep, WorkflowKey},
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
        let input = JsonText::from_value(&self.input.render(scope));
        let (used, most) = (input.as_str().len() as u64, Limits::CAP.output);
        if used > most.as_bytes() {
            let message = format!("the input is {used} bytes of JSON, {most} are allowed");
            let error = RunError::new(ErrorCode::OutputTooLarge, message);
            return Err(error.over(most.as_bytes(), used, LimitUnit::Bytes));
        }
        Ok(Output::Start { workflow: self.workflow.clone(), input, wait: self.wait })
    }
}
