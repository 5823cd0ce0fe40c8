//! `switch`: takes the first case that is true.

use super::{Output, Scope};
use crate::{
    model::{ErrorCode, FieldError, JsonText, RunError, SwitchStep},
    template::{Condition, Path},
};

/// The conditions of a `switch` step, in the order they are asked.
#[derive(Debug)]
pub struct Switch {
    tests: Vec<Condition>,
}

pub(super) fn compile(spec: &SwitchStep, path: &str) -> Result<Switch, FieldError> {
    let tests = spec.cases.iter().enumerate().map(|(index, case)| {
        Condition::compile(&case.test)
            .map_err(|error| FieldError::new(format!("{path}.cases[{index}].if"), error.to_string()))
    });
    Ok(Switch { tests: tests.collect::<Result<_, _>>()? })
}

impl Switch {
    pub(super) fn references(&self) -> Vec<&Path> {
        self.tests.iter().flat_map(Condition::references).collect()
    }

    /// The output is the number of the case that is taken, null for `else`.
    pub(super) fn execute(&self, scope: &Scope<'_>) -> Result<Output, RunError> {
        for (index, test) in self.tests.iter().enumerate() {
            let taken = test.eval(scope).map_err(|error| {
                RunError::new(ErrorCode::ConditionError, format!("case {index}: {error}"))
            })?;
            if taken {
                return Ok(Output::Value(JsonText::from_value(&index.into())));
            }
        }
        Ok(Output::Value(JsonText::null()))
    }
}
