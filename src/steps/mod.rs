//! What each step type does. This file holds the only match on the type.
//!
//! A step is compiled once a version ([`Compiled`]) and executed once an attempt
//! ([`execute`]). Steps see the run through [`Scope`] alone; they know neither the
//! store nor HTTP statuses.

mod code;
mod condition;
mod descriptions;
mod end;
#[expect(dead_code, reason = "`StepKind` does not know it yet")]
mod query;
mod response;
mod schema;
mod scope;
mod set;
mod switch;
mod work;

pub use code::CodeSource;
pub use descriptions::output_schemas;
pub use response::{CompiledResponse, json_answer};
pub use schema::OutputSchema;
pub use scope::{Outputs, RunFacts, Scope, timestamp};

use crate::{
    model::{Answer, FieldError, JsonText, LogLine, RunError, Step, StepKind, Usage},
    sandbox::{JsEngine, SandboxError},
    template::Path,
};

/// A step with its templates and code ready to run.
#[derive(Debug)]
pub enum Compiled {
    /// See [`StepKind::Code`].
    Code(code::Code),
    /// See [`StepKind::Condition`].
    Condition(condition::Condition),
    /// See [`StepKind::Response`].
    Response(CompiledResponse),
    /// See [`StepKind::Set`].
    Set(set::Set),
    /// See [`StepKind::Switch`].
    Switch(switch::Switch),
    /// See [`StepKind::End`].
    End(end::End),
}

/// What a step gave.
#[derive(Debug)]
pub enum Output {
    /// A value for later steps; that of a condition or a switch is the branch it takes.
    Value(JsonText),
    /// The answer for the caller.
    Answer(Answer),
    /// The run ends here, well.
    End,
}

/// One finished attempt.
#[derive(Debug)]
pub struct Executed {
    /// What it gave, or why it failed.
    pub result: Result<Output, RunError>,
    /// What it logged.
    pub logs: Vec<LogLine>,
    /// Whether more was logged than is kept.
    pub log_truncated: bool,
    /// What it used of the sandbox.
    pub usage: Option<Usage>,
}

impl Executed {
    /// An attempt that could not even begin.
    pub fn failed(error: RunError) -> Self {
        Self::plain(Err(error))
    }

    /// An attempt outside the sandbox.
    fn plain(result: Result<Output, RunError>) -> Self {
        Self { result, logs: Vec::new(), log_truncated: false, usage: None }
    }
}

/// Compiles one step; `path` is its place in the workflow, for errors.
///
/// # Errors
/// The field that cannot be compiled, or the place in the code file.
pub fn compile(step: &Step, path: &str, code: &dyn CodeSource) -> Result<Compiled, FieldError> {
    match &step.kind {
        StepKind::Code(spec) => code::compile(spec, path, code).map(Compiled::Code),
        StepKind::Condition(spec) => condition::compile(spec, path).map(Compiled::Condition),
        StepKind::Response(spec) => CompiledResponse::compile(spec, path).map(Compiled::Response),
        StepKind::Set(spec) => set::compile(spec, path).map(Compiled::Set),
        StepKind::Switch(spec) => switch::compile(spec, path).map(Compiled::Switch),
        StepKind::End(spec) => end::compile(spec, path).map(Compiled::End),
    }
}

impl Compiled {
    /// What its templates and conditions read.
    pub fn references(&self) -> Vec<&Path> {
        match self {
            Self::Code(_) => Vec::new(),
            Self::Condition(condition) => condition.references(),
            Self::Response(response) => response.references(),
            Self::Set(set) => set.references(),
            Self::Switch(switch) => switch.references(),
            Self::End(end) => end.references(),
        }
    }
}

/// Runs one attempt.
///
/// # Errors
/// Only when the sandbox cannot serve at all; a failed step is in the result.
pub async fn execute(
    step: &Compiled,
    scope: &Scope<'_>,
    sandbox: &JsEngine,
) -> Result<Executed, SandboxError> {
    match step {
        Compiled::Code(code) => code::execute(code, scope, sandbox).await,
        Compiled::Condition(condition) => Ok(Executed::plain(condition.execute(scope))),
        Compiled::Response(response) => Ok(Executed::plain(response.execute(scope).map(Output::Answer))),
        Compiled::Set(set) => Ok(Executed::plain(set.execute(scope))),
        Compiled::Switch(switch) => Ok(Executed::plain(switch.execute(scope))),
        Compiled::End(end) => Ok(Executed::plain(end.execute(scope))),
    }
}
