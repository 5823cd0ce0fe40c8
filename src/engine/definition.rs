//! One workflow version, compiled: read, checked and ready to run.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use super::locate::locate;
use crate::{
    model::{Bundle, FieldError, RunError, Step, StepId, VersionHash, Workflow},
    sandbox::{JsEngine, Script, Share},
    steps::{self, CodeSource, Compiled, CompiledResponse},
    store::tables,
    template::{Path, Root},
};

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
    /// As its author wrote it.
    pub workflow: Workflow,
    /// The hash of its files.
    pub version: VersionHash,
    /// Its files.
    pub bundle: Arc<Bundle>,
    /// The JSON object of the variables that its scripts and templates see.
    pub env: Arc<str>,
    steps: HashMap<StepId, Compiled>,
    default_response: Option<CompiledResponse>,
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
}

impl Definition {
    /// Reads and compiles a version; runs none of its code.
    ///
    /// # Errors
    /// The first thing that is wrong, with file, line and field.
    pub fn compile(
        bundle: Bundle,
        sandbox: &JsEngine,
        environment: &Environment,
    ) -> Result<Self, DefinitionError> {
        let workflow = parse(&bundle.workflow)?;
        let files = Files { bundle: &bundle, sandbox, share: sandbox.share() };
        let at = |error: FieldError| in_workflow_json(&bundle.workflow, error);
        let ids: HashSet<&str> = workflow.walk().into_iter().map(|step| step.id.as_str()).collect();
        let mut compiled = HashMap::new();
        compile_all(&workflow.steps, "steps", &files, &ids, &mut compiled).map_err(at)?;
        let default_response = workflow
            .webhook()
            .and_then(|webhook| webhook.response.as_ref())
            .map(|response| CompiledResponse::compile(response, "trigger.response"))
            .transpose()
            .map_err(at)?;
        let responses = default_response.iter().flat_map(CompiledResponse::references);
        readable("trigger.response", &responses.clone().collect::<Vec<_>>(), &ids).map_err(at)?;
        let mut names: HashSet<String> = workflow.env.iter().cloned().collect();
        let paths = compiled.values().flat_map(Compiled::references).chain(responses);
        names.extend(
            paths.filter(|path| path.root() == Root::Env).filter_map(|path| path.name().map(str::to_owned)),
        );
        let env: BTreeMap<String, String> =
            names.into_iter().filter_map(|name| environment(&name).map(|value| (name, value))).collect();
        let env = serde_json::to_string(&env).expect("strings are always JSON").into();
        let version = tables::versions::hash(&bundle);
        Ok(Self { workflow, version, bundle: Arc::new(bundle), env, steps: compiled, default_response })
    }

    /// The error of a folder that is not named as its workflow.
    pub fn key_differs(&self) -> DefinitionError {
        let message =
            format!("the key is `{}`, its folder has another name; make them the same", self.workflow.key);
        in_workflow_json(&self.bundle.workflow, FieldError::new("key", message))
    }

    /// A step, ready to run.
    pub fn step(&self, id: &StepId) -> Option<&Compiled> {
        self.steps.get(id)
    }

    /// The answer when no `response` step ran.
    pub fn default_response(&self) -> Option<&CompiledResponse> {
        self.default_response.as_ref()
    }
}

fn parse(text: &str) -> Result<Workflow, DefinitionError> {
    let value = serde_json::from_str(text).map_err(|error| DefinitionError {
        file: "workflow.json".to_owned(),
        place: Some((error.line().max(1) as u32, error.column().max(1) as u32)),
        field: String::new(),
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
    }
}

fn compile_all(
    steps: &[Step],
    path: &str,
    files: &Files<'_>,
    ids: &HashSet<&str>,
    compiled: &mut HashMap<StepId, Compiled>,
) -> Result<(), FieldError> {
    for (index, step) in steps.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let ready = steps::compile(step, &path, files)?;
        readable(&path, &ready.references(), ids)?;
        compiled.insert(step.id.clone(), ready);
        for branch in step.branches() {
            compile_all(branch.steps, &format!("{path}.{}", branch.field), files, ids, compiled)?;
        }
    }
    Ok(())
}

/// Refuses what would read null for ever: a step that does not exist, and roots that nothing fills.
fn readable(path: &str, references: &[&Path], ids: &HashSet<&str>) -> Result<(), FieldError> {
    for reference in references {
        let message = match (reference.root(), reference.name()) {
            (Root::Steps, Some(name)) if !ids.contains(name) => {
                format!("it reads step `{name}`, which does not exist")
            }
            (Root::Secrets, _) => "there are no secrets yet; read {{$env.NAME}}".to_owned(),
            (Root::Scopes, _) => "there are no loops yet, so `scopes` is empty".to_owned(),
            (Root::Context | Root::Steps | Root::Env | Root::System | Root::Run, _) => continue,
        };
        return Err(FieldError::new(path, message));
    }
    Ok(())
}
