//! `set`: makes a value out of templates.

use super::{Output, Scope};
use crate::{
    model::{ErrorCode, FieldError, JsonText, LimitUnit, Limits, RunError, SetStep},
    template::{JsonTemplate, Path},
};

/// A value whose templates are parsed.
#[derive(Debug)]
pub struct Set {
    values: JsonTemplate,
}

pub(super) fn compile(spec: &SetStep, path: &str) -> Result<Set, FieldError> {
    let values = JsonTemplate::compile(&spec.values)
        .map_err(|error| FieldError::new(format!("{path}.values"), error.to_string()))?;
    Ok(Set { values })
}

impl Set {
    pub(super) fn references(&self) -> Vec<&Path> {
        self.values.references()
    }

    pub(super) fn execute(&self, scope: &Scope<'_>) -> Result<Output, RunError> {
        let output = JsonText::from_value(&self.values.render(scope));
        let (used, most) = (output.as_str().len() as u64, Limits::DEFAULT.output);
        if used > most.as_bytes() {
            let message =
                format!("the value is {used} bytes of JSON, {most} are allowed; take less of the event");
            let error = RunError::new(ErrorCode::OutputTooLarge, message);
            return Err(error.over(most.as_bytes(), used, LimitUnit::Bytes));
        }
        Ok(Output::Value(output))
    }
}
