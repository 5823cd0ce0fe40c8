//! `set`: makes a value out of templates.

use super::{Output, Scope, filled};
use crate::{
    model::{FieldError, Limits, RunError, SetStep},
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
        filled("values", &self.values, scope, Limits::DEFAULT.output).map(Output::Value)
    }
}
