//! `loop`: what it goes over, and for `while` whether another iteration is to be. The engine counts.

use serde_json::Value;

use super::{Output, Scope};
use crate::{
    model::{ErrorCode, FieldError, JsonText, LimitUnit, Limits, LoopSource, LoopStep, RunError},
    template::{Condition, JsonTemplate, Path},
};

/// A loop whose templates are parsed.
#[derive(Debug)]
pub enum Each {
    /// Over an array or a number.
    Over(JsonTemplate),
    /// While this is true.
    While(Condition),
}

pub(super) fn compile(spec: &LoopStep, path: &str) -> Result<Each, FieldError> {
    match &spec.source {
        LoopSource::Over(over) => JsonTemplate::compile(over)
            .map(Each::Over)
            .map_err(|error| FieldError::new(format!("{path}.over"), error.to_string())),
        LoopSource::While(test) => Condition::compile(test)
            .map(Each::While)
            .map_err(|error| FieldError::new(format!("{path}.while"), error.to_string())),
    }
}

impl Each {
    pub(super) fn references(&self) -> Vec<&Path> {
        match self {
            Self::Over(over) => over.references(),
            Self::While(test) => test.references(),
        }
    }

    pub(super) fn execute(&self, scope: &Scope<'_>) -> Result<Output, RunError> {
        match self {
            Self::Over(over) => {
                let over = over.render(scope);
                let fits = match &over {
                    Value::Array(_) => true,
                    Value::Number(count) => count.as_u64().is_some_and(|count| u32::try_from(count).is_ok()),
                    Value::Null | Value::Bool(_) | Value::String(_) | Value::Object(_) => false,
                };
                if !fits {
                    let found = over.to_string();
                    let found = &found[..found.floor_char_boundary(100)];
                    let message = format!("`over` is neither an array nor a whole number: {found}");
                    return Err(RunError::new(ErrorCode::LoopInvalid, message));
                }
                let output = JsonText::from_value(&over);
                let (used, most) = (output.as_str().len() as u64, Limits::CAP.output);
                if used > most.as_bytes() {
                    let message = format!("`over` is {used} bytes of JSON, {most} are allowed");
                    let error = RunError::new(ErrorCode::OutputTooLarge, message);
                    return Err(error.over(most.as_bytes(), used, LimitUnit::Bytes));
                }
                Ok(Output::Begin(output))
            }
            Self::While(test) => test
                .eval(scope)
                .map(|more| Output::Begin(JsonText::from_value(&more.into())))
                .map_err(|error| RunError::new(ErrorCode::ConditionError, error.to_string())),
        }
    }
}
