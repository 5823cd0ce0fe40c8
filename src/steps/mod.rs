//! What each step type does. This file holds the only match on the type.
//!
//! A step is compiled once a version ([`Compiled`]) and executed once an attempt
//! ([`execute`]). Steps see the run through [`Scope`] alone; they know neither the
//! store nor HTTP statuses.

mod answer_headers;
mod code;
mod code_source;
mod condition;
mod descriptions;
mod each;
mod end;
#[cfg(test)]
mod fixture;
mod http;
mod modules;
mod plugin;
mod query;
mod quoted;
mod response;
mod schema;
mod scope;
mod set;
mod subflow;
mod switch;
mod wait;
mod work;

pub use code_source::CodeSource;
pub use descriptions::output_schemas;
pub use plugin::{PluginSource, Schemas, UsablePlugin};
pub use response::{CompiledResponse, json_answer, written_answer};
pub use schema::OutputSchema;
pub use scope::{Outputs, Place, RunFacts, Scope, SecretValues, timestamp};

use std::sync::Arc;

use crate::{
    model::{
        Answer, ByteSize, CallNote, CallRecord, ErrorCode, FieldError, JsonText, LimitUnit, LogLine,
        PluginRef, RunError, Step, StepKind, Usage, Wait, WorkflowKey,
    },
    net::{CookieJar, Outbound},
    reactor::off_the_reactor,
    sandbox::{HostServices, JsEngine, SandboxError},
    template::{Budget, FillError, JsonTemplate, Path},
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
    /// See [`StepKind::Loop`].
    Each(each::Each),
    /// See [`StepKind::Delay`], [`StepKind::WaitUntil`] and [`StepKind::WaitForCallback`].
    Wait(wait::Wait),
    /// See [`StepKind::Subflow`].
    Subflow(subflow::Subflow),
    /// See [`StepKind::Http`].
    Http(Box<http::Http>),
    /// See [`StepKind::Query`].
    Query(query::Query),
    /// See [`StepKind::Plugin`].
    Plugin(Box<plugin::PluginUse>),
    /// The engine alone acts on it: `break`, `continue` and `parallel`.
    Control,
}

/// What an attempt of a step came to.
#[derive(Debug)]
pub enum Output {
    /// A value for later steps; that of a condition or a switch is the branch it takes.
    Value(JsonText),
    /// The answer for the caller.
    Answer(Answer),
    /// The run ends here, well; with its output, if the step says one.
    End(Option<JsonText>),
    /// A loop goes over this, or has another iteration or not.
    Begin(JsonText),
    /// The step waits.
    Wait {
        /// What the step waits for.
        wait: Wait,
        /// Until when at most, milliseconds since the epoch.
        due_ms: Option<u64>,
    },
    /// A run of another workflow is to be started.
    Start {
        /// The workflow that is started.
        workflow: WorkflowKey,
        /// Its `context.data`.
        input: JsonText,
        /// Whether the step ends with it.
        wait: bool,
    },
}

/// Whether another attempt of a failed step can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryHint {
    /// Another attempt would fail alike.
    Never,
    /// Another attempt may succeed.
    MayHelp,
    /// It may, but not before so many milliseconds.
    After(u64),
}

impl RetryHint {
    /// The longest time that the other side can make a step wait, milliseconds.
    const MAX_MS: u64 = 3_600_000;

    /// The wait before the next attempt, when the step's own policy would wait `wait_ms`; nothing when none can help.
    pub fn wait_ms(self, wait_ms: u64) -> Option<u64> {
        match self {
            Self::Never => None,
            Self::MayHelp => Some(wait_ms),
            Self::After(least) => Some(wait_ms.max(least.min(Self::MAX_MS))),
        }
    }

    /// What an error of a step outside of HTTP says.
    fn of(code: ErrorCode) -> Self {
        match code {
            ErrorCode::ScriptError
            | ErrorCode::Timeout
            | ErrorCode::EngineCrash
            | ErrorCode::MemoryLimit
            | ErrorCode::FuelExhausted
            | ErrorCode::PromiseNeverSettled
            | ErrorCode::HttpStatus
            | ErrorCode::HttpFailed
            | ErrorCode::SubflowFailed
            | ErrorCode::SubflowUnavailable
            | ErrorCode::PluginMissing
            | ErrorCode::PluginError
            | ErrorCode::PluginCrash
            | ErrorCode::SchemaMismatch => Self::MayHelp,
            ErrorCode::OutputTooLarge
            | ErrorCode::StackOverflow
            | ErrorCode::SyntaxError
            | ErrorCode::OutputInvalid
            | ErrorCode::TemplateError
            | ErrorCode::ConditionError
            | ErrorCode::ResponseInvalid
            | ErrorCode::TooManySteps
            | ErrorCode::VersionMissing
            | ErrorCode::EndedAsFailed
            | ErrorCode::HttpDenied
            | ErrorCode::RunTimeout
            | ErrorCode::Cancelled
            | ErrorCode::LoopInvalid
            | ErrorCode::WaitInvalid
            | ErrorCode::CallbackTimeout
            | ErrorCode::TooDeep
            | ErrorCode::QueryError
            | ErrorCode::RunTooLarge
            | ErrorCode::TooManyCalls
            | ErrorCode::ReplayMismatch
            | ErrorCode::PluginInput
            | ErrorCode::CapabilityMissing => Self::Never,
        }
    }
}

/// An attempt of a step that is over.
#[derive(Debug)]
pub struct Executed {
    /// What it gave, or why it failed.
    pub result: Result<Output, RunError>,
    /// The lines of the console, in their order.
    pub logs: Vec<LogLine>,
    /// Whether more was logged than is kept.
    pub log_truncated: bool,
    /// What it used of the sandbox.
    pub usage: Option<Usage>,
    /// The first of the calls that it made.
    pub calls: Vec<CallNote>,
    /// Whether another attempt can help, when it failed.
    pub again: RetryHint,
}

impl Executed {
    /// An attempt that failed without a result of its own.
    pub fn failed(error: RunError) -> Self {
        Self::plain(Err(error))
    }

    /// An attempt outside the sandbox.
    fn plain(result: Result<Output, RunError>) -> Self {
        let again = result.as_ref().err().map_or(RetryHint::Never, |error| RetryHint::of(error.code));
        Self { result, logs: Vec::new(), log_truncated: false, usage: None, calls: Vec::new(), again }
    }
}

/// Which attempt of which step is made.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The number of the attempt, counted from 1.
    pub number: u32,
    /// No further attempt follows, whatever comes of it.
    pub last: bool,
    /// When it begins, milliseconds since the epoch.
    pub now_ms: u64,
    /// The same for all attempts of the step instance, so that a receiver can tell a repetition.
    pub idempotency_key: String,
    /// The cookies of its session, to which it adds.
    pub cookies: Option<CookieJar>,
}

/// What performs the calls of a script, and the results that it got before it was put down.
pub struct Calls<'a> {
    /// Performs host calls and keeps their results.
    pub host: &'a dyn HostServices,
    /// In the order in which the script got them.
    pub history: Vec<CallRecord>,
}

/// What steps are executed with.
#[derive(Clone)]
pub struct Services {
    /// The sandbox that scripts run in.
    pub sandbox: JsEngine,
    /// The client that requests leave by.
    pub net: Outbound,
    /// The plugins that are installed.
    pub plugins: Arc<dyn PluginSource>,
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
        StepKind::Loop(spec) => each::compile(spec, path).map(Compiled::Each),
        StepKind::Delay(spec) => wait::delay(spec, path).map(Compiled::Wait),
        StepKind::WaitUntil(spec) => wait::until(spec, path).map(Compiled::Wait),
        StepKind::WaitForCallback(spec) => wait::callback(spec, path).map(Compiled::Wait),
        StepKind::Subflow(spec) => subflow::compile(spec, path).map(Compiled::Subflow),
        StepKind::Query(spec) => query::compile(spec, path).map(Compiled::Query),
        StepKind::Plugin(spec) => {
            plugin::compile(spec, path, code).map(|plugin| Compiled::Plugin(Box::new(plugin)))
        }
        StepKind::Http(spec) => http::compile(spec, path).map(|http| Compiled::Http(Box::new(http))),
        StepKind::Break | StepKind::Continue | StepKind::Parallel(_) => Ok(Compiled::Control),
    }
}

impl Compiled {
    /// What its templates and conditions read.
    pub fn references(&self) -> Vec<&Path> {
        match self {
            Self::Code(_) | Self::Control => Vec::new(),
            Self::Condition(condition) => condition.references(),
            Self::Response(response) => response.references(),
            Self::Set(set) => set.references(),
            Self::Switch(switch) => switch.references(),
            Self::End(end) => end.references(),
            Self::Each(each) => each.references(),
            Self::Wait(wait) => wait.references(),
            Self::Subflow(subflow) => subflow.references(),
            Self::Http(http) => http.references(),
            Self::Query(query) => query.references(),
            Self::Plugin(plugin) => plugin.references(),
        }
    }

    /// Whether it acts on the world outside the run, so that all before it must be durable first.
    pub fn has_effect(&self) -> bool {
        match self {
            Self::Subflow(_) | Self::Http(_) => true,
            Self::Code(_)
            | Self::Condition(_)
            | Self::Response(_)
            | Self::Set(_)
            | Self::Switch(_)
            | Self::End(_)
            | Self::Each(_)
            | Self::Wait(_)
            | Self::Query(_)
            | Self::Plugin(_)
            | Self::Control => false,
        }
    }

    /// Whether its code calls the host while it runs, so that its calls are recorded.
    pub fn calls_the_host(&self) -> bool {
        match self {
            Self::Code(_) | Self::Plugin(_) => true,
            Self::Condition(_)
            | Self::Response(_)
            | Self::Set(_)
            | Self::Switch(_)
            | Self::End(_)
            | Self::Each(_)
            | Self::Wait(_)
            | Self::Subflow(_)
            | Self::Http(_)
            | Self::Query(_)
            | Self::Control => false,
        }
    }

    /// The session whose cookies it sends and keeps.
    pub fn session(&self) -> Option<&str> {
        match self {
            Self::Http(http) => http.session(),
            Self::Code(_)
            | Self::Condition(_)
            | Self::Response(_)
            | Self::Set(_)
            | Self::Switch(_)
            | Self::End(_)
            | Self::Each(_)
            | Self::Wait(_)
            | Self::Subflow(_)
            | Self::Query(_)
            | Self::Plugin(_)
            | Self::Control => None,
        }
    }

    /// The plugin that it uses.
    pub fn plugin(&self) -> Option<&PluginRef> {
        match self {
            Self::Plugin(plugin) => Some(plugin.reference()),
            Self::Code(_)
            | Self::Condition(_)
            | Self::Response(_)
            | Self::Set(_)
            | Self::Switch(_)
            | Self::End(_)
            | Self::Each(_)
            | Self::Wait(_)
            | Self::Subflow(_)
            | Self::Http(_)
            | Self::Query(_)
            | Self::Control => None,
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
    services: &Services,
    attempt: &Attempt,
    calls: Calls<'_>,
) -> Result<Executed, SandboxError> {
    let result = match step {
        Compiled::Code(code) => return code::execute(code, scope, &services.sandbox, attempt, calls).await,
        Compiled::Condition(condition) => condition.execute(scope),
        Compiled::Response(response) => response.execute(scope).map(Output::Answer),
        Compiled::Set(set) => set.execute(scope),
        Compiled::Switch(switch) => switch.execute(scope),
        Compiled::End(end) => end.execute(scope),
        Compiled::Each(each) => each.execute(scope),
        Compiled::Wait(wait) => wait.execute(scope, attempt.now_ms),
        Compiled::Subflow(subflow) => subflow.execute(scope),
        Compiled::Query(query) => off_the_reactor(|| query.execute(scope)),
        Compiled::Plugin(plugin) => {
            return plugin::execute(plugin, scope, &*services.plugins, attempt, calls).await;
        }
        Compiled::Http(http) => {
            let (result, again) = http::execute(http, scope, &services.net, attempt).await;
            return Ok(Executed { again, ..Executed::plain(result.map(Output::Value)) });
        }
        Compiled::Control => Ok(Output::Value(JsonText::null())),
    };
    Ok(Executed::plain(result))
}

/// Why a field of a step could not be filled in.
fn unfilled(field: &str, error: FillError) -> RunError {
    let message = format!("`{field}` could not be filled in: {error}");
    match error {
        FillError::TooLarge { most } => RunError::new(ErrorCode::OutputTooLarge, message).over(
            most as u64,
            most as u64 + 1,
            LimitUnit::Bytes,
        ),
        FillError::TooMuchWork | FillError::TooDeep => RunError::new(ErrorCode::TemplateError, message),
    }
}

/// A JSON template filled in as a value to keep.
fn filled(
    field: &str,
    template: &JsonTemplate,
    scope: &Scope<'_>,
    most: ByteSize,
) -> Result<JsonText, RunError> {
    let text = template.render(scope, &mut Budget::new(most.as_usize()));
    let text = text.map_err(|error| unfilled(field, error))?;
    JsonText::parse(text).map_err(|_| unfilled(field, FillError::TooDeep))
}
