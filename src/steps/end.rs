//! `end`: ends the run before its last step.

use std::io::{self, Write};

use super::{Output, Scope, filled, unfilled};
use crate::{
    model::{EndStatus, EndStep, ErrorCode, FieldError, Limits, RunError},
    template::{Budget, JsonTemplate, Path, Template},
};

/// The most of a message that is kept, bytes.
const MAX_MESSAGE: usize = 8 << 10;

/// An `end` step: how the run ends there.
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
                let fill = |output| filled("output", output, scope, Limits::DEFAULT.output);
                self.output.as_ref().map(fill).transpose().map(Output::End)
            }
            EndStatus::Failed => {
                let mut kept = Beginning::default();
                let written = self.message.write_text(scope, &mut kept, &mut Budget::of_work());
                written.map_err(|error| unfilled("message", error))?;
                let mut message = String::from_utf8_lossy(&kept.0).into_owned();
                if message.len() > MAX_MESSAGE {
                    message.truncate(message.floor_char_boundary(MAX_MESSAGE));
                    // Who masks must see that the end may be half of a secret.
                    message.push('…');
                }
                if message.is_empty() {
                    message.push_str("an `end` step ended the run as failed");
                }
                Err(RunError::new(ErrorCode::EndedAsFailed, message))
            }
        }
    }
}

/// Keeps the beginning of what is written: a message over its length is cut, not refused.
#[derive(Default)]
struct Beginning(Vec<u8>);

impl Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A few bytes more, so that the cut is made between characters.
        let room = (MAX_MESSAGE + 4).saturating_sub(self.0.len());
        self.0.extend_from_slice(&bytes[..bytes.len().min(room)]);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
