//! `condition`: takes one of two branches.

use super::{Output, Scope};
use crate::{
    model::{ConditionStep, ErrorCode, FieldError, JsonText, RunError},
    template::{self, Path},
};

/// A condition that is compiled, so that a run only evaluates it.
#[derive(Debug)]
pub struct Condition {
    test: template::Condition,
}

pub(super) fn compile(spec: &ConditionStep, path: &str) -> Result<Condition, FieldError> {
    let test = template::Condition::compile(&spec.test)
        .map_err(|error| FieldError::new(format!("{path}.if"), error.to_string()))?;
    Ok(Condition { test })
}

impl Condition {
    pub(super) fn references(&self) -> Vec<&Path> {
        self.test.references()
    }

    pub(super) fn execute(&self, scope: &Scope<'_>) -> Result<Output, RunError> {
        self.test
            .eval(scope)
            .map(|taken| Output::Value(JsonText::from_value(&taken.into())))
            .map_err(|error| RunError::new(ErrorCode::ConditionError, error.to_string()))
    }
}
