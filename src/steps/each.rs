//! `loop`: what it goes over, and for `while` whether another iteration is to be. The engine counts.

use super::{Output, Scope, filled, quoted::quoted};
use crate::{
    model::{ErrorCode, FieldError, JsonText, Limits, LoopSource, LoopStep, RunError},
    template::{Condition, JsonTemplate, Path},
};

/// A loop whose templates are parsed.
#[derive(Debug)]
pub enum Each {
    /// Over an array or a number.
    Over(JsonTemplate),
    /// The steps run as long as this condition is true.
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
                let output = filled("over", over, scope, Limits::CAP.output)?;
                let text = output.as_str();
                let fits = text.starts_with('[') || text.parse::<u32>().is_ok();
                if !fits {
                    let found = quoted(&output.to_value());
                    let message = format!("`over` is neither an array nor a whole number: {found}");
                    return Err(RunError::new(ErrorCode::LoopInvalid, message));
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
