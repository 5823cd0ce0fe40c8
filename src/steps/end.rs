//! `end`: ends the run before its last step.

use super::{Output, Scope};
use crate::{
    model::{EndStatus, EndStep, ErrorCode, FieldError, JsonText, RunError},
    template::{JsonTemplate, Path, Template},
};

/// The most of a message that is kept, bytes.
const MESSAGE_MOST: usize = 8 << 10;

/// How the run ends.
#[derive(Debug)]
pub struct End {
    status: EndStatus,
    message: Template,
    output: Option<JsonTemplate>,
}

pub(super) fn compile(spec: &EndStep, path: &str) -> Result<End, FieldError> {
    let message = Template::parse(&spec.message)
        .map_err(|error| FieldError::new(format!("{path}.message"), error.to_string()))?;
    let output = spec.output.as_ref().map(JsonTemplate::compile).transpose();
    let output = output.map_err(|error| FieldError::new(format!("{path}.output"), error.to_string()))?;
    Ok(End { status: spec.status, message, output })
}

impl End {
    pub(super) fn references(&self) -> Vec<&Path> {
        let mut paths: Vec<_> = self.message.references().collect();
        paths.extend(self.output.iter().flat_map(JsonTemplate::references));
        paths
    }

    pub(super) fn execute(&self, scope: &Scope<'_>) -> Result<Output, RunError> {
        match self.status {
            EndStatus::Succeeded => {
                let output = self.output.as_ref().map(|output| JsonText::from_value(&output.render(scope)));
                Ok(Output::End(output))
            }
            EndStatus::Failed => {
                let mut message = self.message.render_text(scope);
                message.truncate(message.floor_char_boundary(MESSAGE_MOST));
                if message.is_empty() {
                    message.push_str("an `end` step ended the run as failed");
                }
                Err(RunError::new(ErrorCode::EndedAsFailed, message))
            }
        }
    }
}
