//! `flowcell check`: finds what is wrong with workflows, without running them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;
use serde_json::json;

use super::{
    Verdict,
    local::{self, Local},
    print, table,
};
use crate::{
    engine::{self, Definition, Environment},
    gateway::{self, Endpoint, Sources},
    model::FieldError,
};

#[derive(Args)]
pub(super) struct Arguments {
    /// Workflow folders, or folders of workflow folders.
    #[arg(required = true)]
    workflows: Vec<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let folders = local::workflow_folders(&arguments.workflows)?;
    let local = Local::new()?;
    let mut results = Vec::new();
    let mut right: Vec<Arc<Definition>> = Vec::new();
    for folder in &folders {
        let noting = local.variables.noting();
        let checked = checked(&local, folder, &noting.environment);
        let (error, warnings, note) = match checked.and_then(|checked| beside(folder, checked, &right)) {
            Ok(Checked { definition, warnings }) => {
                right.push(definition);
                let missed = noting.told();
                let note = missed.map(|missed| format!("{}/workflow.json: note: {missed}", folder.display()));
                (None, warnings, note)
            }
            Err(error) => (Some(error), Vec::new(), None),
        };
        let ok = error.is_none();
        if arguments.json {
            results.push(
                json!({ "folder": folder, "ok": ok, "error": error, "warnings": warnings, "note": note }),
            );
            continue;
        }
        error.iter().chain(&warnings).for_each(|problem| say!("{problem}"));
        if ok {
            let style = table::style_of("ok");
            say!("{}: {style}ok{style:#}", folder.display());
        }
        note.iter().for_each(|note| say!("{note}"));
    }
    let verdict = if right.len() == folders.len() { Verdict::Yes } else { Verdict::No };
    if arguments.json {
        print::json(&json!({ "ok": verdict == Verdict::Yes, "workflows": results }))?;
    }
    Ok(verdict)
}

/// A workflow without errors.
struct Checked {
    definition: Arc<Definition>,
    /// Problems that its author should know but that are no errors. The exit code stays 0.
    warnings: Vec<String>,
}

/// Whether a workflow can be installed beside those before it.
fn beside(folder: &Path, checked: Checked, others: &[Arc<Definition>]) -> Result<Checked, String> {
    let definition = &checked.definition;
    let workflow = &definition.workflow;
    let others = others.iter().map(|other| &other.workflow).filter(|other| other.key != workflow.key);
    match others.into_iter().find_map(|other| gateway::collision(workflow, other)) {
        None => Ok(checked),
        Some(error) => {
            let error = engine::in_workflow_json(&definition.bundle.workflow, error);
            Err(format!("{}/{error}", folder.display()))
        }
    }
}

fn checked(local: &Local, folder: &Path, environment: &Environment) -> Result<Checked, String> {
    let definition = match local.load_with(folder, environment) {
        Ok(definition) => definition,
        Err(error) => {
            let frame = error.frame().map_or(String::new(), |frame| format!("\n{frame}"));
            return Err(format!("{error}{frame}"));
        }
    };
    let name = folder.file_name().and_then(|name| name.to_str());
    if name.is_some_and(|name| name != definition.workflow.key.as_str() && name != "." && name != "..") {
        return Err(format!("{}/{}", folder.display(), definition.key_differs()));
    }
    let definition = Arc::new(definition);
    // Only the server knows the secrets. Any value shows whether the rest is right.
    let sources = Sources { environment, secret: &|_| Some("0123456789abcdef".to_owned()) };
    let placed = |error| {
        let error = engine::in_workflow_json(&definition.bundle.workflow, error);
        format!("{}/{error}", folder.display())
    };
    let endpoints = Endpoint::all(&definition, sources).map_err(placed)?;
    if let Some(error) = endpoints.iter().find_map(Endpoint::unavailable) {
        return Err(placed(error.clone()));
    }
    let warning =
        |warning: FieldError| placed(FieldError::new(warning.path, format!("warning: {}", warning.message)));
    let warnings = endpoints.iter().flat_map(Endpoint::warnings).map(warning).collect();
    Ok(Checked { definition, warnings })
}
