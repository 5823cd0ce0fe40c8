//! One workflow version, compiled: read, checked and ready to run.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::{
    groups::Keys,
    locate::locate,
    schedule::{Schedule, ScheduleError},
};
use crate::{
    model::{
        Bundle, ByteSize, ErrorCode, FieldError, JsonText, NamedTrigger, OnError, PluginRef, Position,
        RunError, Shape, Span, Started, Step, StepId, StepKind, TriggerName, VersionHash, When, Workflow,
    },
    sandbox::{Image, JsEngine, Metering, Script, Share},
    script,
    steps::{self, CodeSource, Compiled, CompiledResponse, OutputSchema},
    store::tables,
    template::{Path, Root},
};

/// The largest `workflow.json`.
const MAX_WORKFLOW: ByteSize = ByteSize::from_bytes(1 << 20);
/// The most templates and reads of conditions in one workflow.
const MAX_REFERENCES: usize = 20_000;

/// What is wrong with a workflow's files, with the place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct DefinitionError {
    /// The file's name in the workflow's folder.
    pub file: String,
    /// Line and column, from 1.
    pub place: Option<(u32, u32)>,
    /// The field, as in `steps[1].if`; empty when the text is no JSON.
    pub field: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The lines of the code file that is wrong, with a caret.
    pub frame: Option<String>,
}

impl std::fmt::Display for DefinitionError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        if !self.field.is_empty() {
            write!(f, ": {}", self.field)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The variables that workflows may see: `name -> value`, decided by the operator.
pub type Environment = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// A workflow version that can run.
pub struct Definition {
    /// The workflow as its author wrote it.
    pub workflow: Workflow,
    /// The hash of its files.
    pub version: VersionHash,
    pub bundle: Arc<Bundle>,
    /// The JSON object of the variables that its scripts and templates see.
    pub env: Arc<str>,
    /// The keys of its policy.
    pub(crate) keys: Keys,
    /// The times of each trigger that is a schedule.
    pub(crate) schedules: HashMap<TriggerName, Schedule>,
    /// The secrets that its steps name, sorted.
    pub(crate) secrets: Vec<String>,
    /// These secrets and the variables that it sees, by name, sorted: what is masked where it has one.
    pub(crate) maskable: Vec<String>,
    /// The plugins that its steps use, each once.
    pub(crate) plugins: Vec<PluginRef>,
    /// Its steps that wait for a callback.
    pub(crate) callbacks: Vec<StepId>,
    /// The steps in `callbacks` that ask a person.
    questions: Vec<StepId>,
    steps: HashMap<StepId, Compiled>,
    output_schemas: HashMap<StepId, OutputSchema>,
    /// The answers of webhooks that give one.
    default_responses: HashMap<TriggerName, CompiledResponse>,
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not `env`: it may hold secrets.
        f.debug_struct("Definition").field("key", &self.workflow.key).field("version", &self.version).finish()
    }
}

struct Files<'a> {
    bundle: &'a Bundle,
    sandbox: &'a JsEngine,
    share: Share,
}

impl CodeSource for Files<'_> {
    fn read(&self, file: &str) -> Option<&str> {
        self.bundle.files.get(file).map(String::as_str)
    }

    fn check(&self, file: &str, source: &str) -> Result<Script, RunError> {
        self.sandbox.check(file, source)
    }

    fn share(&self) -> Share {
        self.share.clone()
    }

    fn metering(&self) -> Metering {
        self.sandbox.metering()
    }

    fn image(&self, script: &Script) -> Option<Image> {
        self.sandbox.image(script).unwrap_or_else(|error| {
            tracing::warn!(file = script.file, %error, "a script has no image; its runs evaluate it themselves");
            None
        })
    }
}

impl Definition {
    /// Reads and compiles a version; evaluates the top level of its code, and runs none of its functions.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line and field.
    pub fn compile(
        bundle: Bundle,
        sandbox: &JsEngine,
        environment: &Environment,
    ) -> Result<Self, DefinitionError> {
        let workflow = read_workflow(&bundle.workflow)?;
        let files = Files { bundle: &bundle, sandbox, share: Share::of(workflow.key.as_str()) };
        let at = |error: FieldError| {
            let frame = error.position.as_ref().and_then(|place| frame_of(&bundle, place));
            DefinitionError { frame, ..in_workflow_json(&bundle.workflow, error) }
        };
        let ids: HashSet<&str> = workflow.walk().into_iter().map(|step| step.id.as_str()).collect();
        let known = Known { ids: &ids, loops: Vec::new() };
        let mut compiled = HashMap::new();
        compile_all(&workflow.steps, "steps", &files, &known, &mut compiled).map_err(at)?;
        let default_responses = responses(&workflow, &known).map_err(at)?;
        let responses = default_responses.values().flat_map(CompiledResponse::references);
        let mut names: HashSet<String> = workflow.env.iter().cloned().collect();
        let paths = compiled.values().flat_map(Compiled::references).chain(responses);
        let reads = paths.clone().count();
        if reads > MAX_REFERENCES {
            let message = format!(
                "its templates and conditions read {reads} values, {MAX_REFERENCES} are the most; read them in a code step"
            );
            return Err(at(FieldError::new("steps", message)));
        }
        let secrets = paths.clone().filter(|path| path.root() == Root::Secrets);
        let secrets = secrets.filter_map(|path| path.name().map(str::to_owned));
        let secrets: HashSet<String> = secrets.chain(workflow.secrets.iter().cloned()).collect();
        let mut secrets: Vec<String> = secrets.into_iter().collect();
        secrets.sort_unstable();
        names.extend(
            paths.filter(|path| path.root() == Root::Env).filter_map(|path| path.name().map(str::to_owned)),
        );
        let env: BTreeMap<String, String> =
            names.into_iter().filter_map(|name| environment(&name).map(|value| (name, value))).collect();
        let mut maskable: Vec<String> = secrets.iter().chain(env.keys()).cloned().collect();
        maskable.sort_unstable();
        maskable.dedup();
        let env = serde_json::to_string(&env).expect("strings are always JSON").into();
        let version = tables::versions::hash(&bundle);
        let mut output_schemas = HashMap::new();
        compile_schemas(&workflow.steps, "steps", &mut output_schemas).map_err(at)?;
        let keys = Keys::compile(&workflow).map_err(at)?;
        let schedules = schedules(&workflow).map_err(at)?;
        let waits = |step: &&Step| matches!(step.kind, StepKind::WaitForCallback(_));
        let callbacks = workflow.walk().into_iter().filter(waits).map(|step| step.id.clone()).collect();
        let asks = |step: &&Step| step.kind.page().is_some();
        let questions = workflow.walk().into_iter().filter(asks).map(|step| step.id.clone()).collect();
        let mut plugins: Vec<PluginRef> = compiled.values().filter_map(Compiled::plugin).cloned().collect();
        plugins.sort();
        plugins.dedup();
        let bundle = Arc::new(bundle);
        Ok(Self {
            workflow,
            version,
            bundle,
            env,
            keys,
            schedules,
            secrets,
            maskable,
            plugins,
            callbacks,
            questions,
            steps: compiled,
            output_schemas,
            default_responses,
        })
    }

    /// The error of a folder that is not named as its workflow.
    pub fn key_differs(&self) -> DefinitionError {
        let message =
            format!("the key is `{}`, its folder has another name; make them the same", self.workflow.key);
        in_workflow_json(&self.bundle.workflow, FieldError::new("key", message))
    }

    /// The next time of a schedule after `now_ms`, both in milliseconds since the epoch.
    pub fn next_time(&self, trigger: &NamedTrigger, now_ms: u64) -> Option<u64> {
        self.schedules.get(&trigger.name).and_then(|schedule| schedule.next_after(now_ms))
    }

    /// A step, ready to run.
    pub fn step(&self, id: &StepId) -> Option<&Compiled> {
        self.steps.get(id)
    }

    /// Whether no attempt follows this one.
    pub(crate) fn is_last(&self, id: &StepId, attempt: u32) -> bool {
        let retry = self.workflow.find(id).and_then(|step| step.retry);
        retry.is_none_or(|retry| attempt >= retry.attempts)
    }

    /// How long one attempt of a step may take.
    pub(crate) fn timeout(&self, id: &StepId) -> Option<Span> {
        self.workflow.find(id).and_then(|step| step.timeout)
    }

    /// Whether the run goes on when this step has failed for good.
    pub(crate) fn handles_failure(&self, id: &StepId) -> bool {
        self.workflow.find(id).is_some_and(|step| !matches!(step.on_error, OnError::Fail))
    }

    /// Whether a step asks a question.
    pub(crate) fn asks(&self, id: &StepId) -> bool {
        self.questions.contains(id)
    }

    /// Whether any step asks a question.
    pub(crate) fn asks_anything(&self) -> bool {
        !self.questions.is_empty()
    }

    /// Whether a step ends the run: it has no output that counts as the last one.
    pub(crate) fn is_end(&self, id: &StepId) -> bool {
        self.workflow.find(id).is_some_and(|step| matches!(step.kind, StepKind::End(_)))
    }

    /// Whether an output is what its step says it is.
    pub(crate) fn check_output(&self, id: &StepId, output: &JsonText) -> Result<(), RunError> {
        let Some(schema) = self.output_schemas.get(id) else { return Ok(()) };
        schema.check(output).map_err(|wrong| {
            RunError::new(
                ErrorCode::SchemaMismatch,
                format!("the output is not what `output_schema` says: {wrong}"),
            )
        })
    }

    /// The answer of a run when no `response` step ran: that of the trigger that started it. A workflow with one trigger
    /// has one for all runs.
    pub fn default_response(&self, started: &Started) -> Option<&CompiledResponse> {
        match self.workflow.triggers.as_slice() {
            [only] => self.default_responses.get(&only.name),
            _ => started.name.as_ref().and_then(|name| self.default_responses.get(name)),
        }
    }
}

/// The times of the triggers that are schedules.
fn schedules(workflow: &Workflow) -> Result<HashMap<TriggerName, Schedule>, FieldError> {
    let mut schedules = HashMap::new();
    for trigger in &workflow.triggers {
        let Some(spec) = trigger.schedule() else { continue };
        let schedule = Schedule::parse(&spec.cron, &spec.timezone).map_err(|error| {
            let field = match &error {
                ScheduleError::Zone { .. } => "timezone",
                ScheduleError::Cron { .. } | ScheduleError::Never(_) => "cron",
            };
            FieldError::new(format!("{}.{field}", trigger.at), error.to_string())
        })?;
        schedules.insert(trigger.name.clone(), schedule);
    }
    Ok(schedules)
}

/// The answers of the webhooks that give one.
fn responses(
    workflow: &Workflow,
    known: &Known<'_>,
) -> Result<HashMap<TriggerName, CompiledResponse>, FieldError> {
    let mut responses = HashMap::new();
    for (trigger, webhook) in workflow.webhooks() {
        let Some(response) = &webhook.response else { continue };
        let at = format!("{}.response", trigger.at);
        let compiled = CompiledResponse::compile(response, &at)?;
        readable(&at, &compiled.references(), known)?;
        responses.insert(trigger.name.clone(), compiled);
    }
    Ok(responses)
}

/// Reads the text of a `workflow.json`; none of its code.
///
/// # Errors
/// The first thing that is wrong, with line and field.
pub fn read_workflow(text: &str) -> Result<Workflow, DefinitionError> {
    if text.len() > MAX_WORKFLOW.as_usize() {
        let message = format!(
            "the file has {} bytes, {MAX_WORKFLOW} are the most; keep data in a code file, or split the workflow",
            text.len()
        );
        return Err(in_workflow_json("", FieldError::new("", message)));
    }
    let value = serde_json::from_str(text).map_err(|error| DefinitionError {
        file: "workflow.json".to_owned(),
        place: Some((error.line().max(1) as u32, error.column().max(1) as u32)),
        field: String::new(),
        frame: None,
        message: format!("this is not JSON: {}", without_place(&error)),
    })?;
    Workflow::from_value(value).map_err(|error| in_workflow_json(text, error))
}

/// What serde_json says, without the place that it adds; ours stands before the message.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_owned())
}

/// An error of a field, placed in the text of `workflow.json`.
pub(crate) fn in_workflow_json(text: &str, error: FieldError) -> DefinitionError {
    DefinitionError {
        file: "workflow.json".to_owned(),
        place: locate(text, &error.path),
        field: error.path,
        message: error.message,
        frame: None,
    }
}

/// The lines of a code file around a place, with a caret; `None` when the version has no such file.
pub fn frame_of(bundle: &Bundle, place: &Position) -> Option<String> {
    script::frame(bundle.files.get(&place.file)?, place.line, place.column)
}

fn compile_all(
    steps: &[Step],
    path: &str,
    files: &Files<'_>,
    known: &Known<'_>,
    compiled: &mut HashMap<StepId, Compiled>,
) -> Result<(), FieldError> {
    for (index, step) in steps.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let ready = steps::compile(step, &path, files)?;
        let mut inside = known.loops.clone();
        inside.push(step.id.as_str());
        // The question of a `while` loop is asked inside its iteration.
        let own = match step.kind.shape() {
            Shape::Loop(_) => Known { ids: known.ids, loops: inside.clone() },
            Shape::Leaf | Shape::Parallel(_) | Shape::Jump(_) => known.clone(),
        };
        readable(&path, &ready.references(), &own)?;
        compiled.insert(step.id.clone(), ready);
        for branch in step.branches() {
            let known = match branch.when {
                When::Iteration => Known { ids: known.ids, loops: inside.clone() },
                When::Output(_) | When::AtOnce | When::Error => known.clone(),
            };
            compile_all(branch.steps, &format!("{path}.{}", branch.field), files, &known, compiled)?;
        }
    }
    Ok(())
}

fn compile_schemas(
    steps: &[Step],
    path: &str,
    schemas: &mut HashMap<StepId, OutputSchema>,
) -> Result<(), FieldError> {
    for (index, step) in steps.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if let Some(schema) = &step.output_schema {
            let compiled = OutputSchema::compile(schema);
            let wrong = |why| FieldError::new(format!("{path}.output_schema"), why);
            schemas.insert(step.id.clone(), compiled.map_err(wrong)?);
        }
        for branch in step.branches() {
            compile_schemas(branch.steps, &format!("{path}.{}", branch.field), schemas)?;
        }
    }
    Ok(())
}

/// What a step can read.
#[derive(Clone)]
struct Known<'a> {
    /// All steps of the workflow.
    ids: &'a HashSet<&'a str>,
    /// The loops around it.
    loops: Vec<&'a str>,
}

/// Refuses what would read null for ever: a step that does not exist, a loop that is not around, and roots that
/// nothing fills.
fn readable(path: &str, references: &[&Path], known: &Known<'_>) -> Result<(), FieldError> {
    for reference in references {
        let message = match (reference.root(), reference.name()) {
            (Root::Steps, Some(name)) if !known.ids.contains(name) => {
                format!("it reads step `{name}`, which does not exist")
            }
            (Root::Scopes, Some(name)) if !known.loops.contains(&name) => {
                format!("it reads the scope of `{name}`, which is no loop around it")
            }
            (Root::Response, _) => {
                "`response` is known in `ok` of an `http` step alone; later steps read `steps.<id>`"
                    .to_owned()
            }
            (
                Root::Context
                | Root::Steps
                | Root::Scopes
                | Root::Env
                | Root::Secrets
                | Root::System
                | Root::Run,
                _,
            ) => {
                continue;
            }
        };
        return Err(FieldError::new(path, message));
    }
    Ok(())
}
