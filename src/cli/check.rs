//! `flowcell check`: is a workflow right?

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::Args;

use super::{Verdict, local::Local};
use crate::{
    engine::{self, Definition, Environment},
    gateway::{self, Endpoint, Sources},
    model::FieldError,
};

#[derive(Args)]
pub(super) struct Arguments {
    /// Folders of workflows.
    #[arg(required = true)]
    workflows: Vec<PathBuf>,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let local = Local::new()?;
    let mut wrong = 0;
    let mut right: Vec<Arc<Definition>> = Vec::new();
    for folder in &arguments.workflows {
        let noting = local.variables.noting();
        let checked = checked(&local, folder, &noting.environment);
        match checked.and_then(|definition| beside(folder, definition, &right)) {
            Ok(definition) => {
                println!("{}: ok", folder.display());
                if let Some(missed) = noting.told() {
                    println!("{}/workflow.json: note: {missed}", folder.display());
                }
                right.push(definition);
            }
            Err(problem) => {
                wrong += 1;
                println!("{problem}");
            }
        }
    }
    Ok(if wrong == 0 { Verdict::Yes } else { Verdict::No })
}

/// Whether a workflow can be installed beside those before it.
fn beside(
    folder: &Path,
    definition: Arc<Definition>,
    others: &[Arc<Definition>],
) -> Result<Arc<Definition>, String> {
    let workflow = &definition.workflow;
    let others = others.iter().map(|other| &other.workflow).filter(|other| other.key != workflow.key);
    match others.into_iter().find_map(|other| gateway::collision(workflow, other)) {
        None => Ok(definition),
        Some(why) => {
            let error = FieldError::new("trigger.path", why);
            let error = engine::in_workflow_json(&definition.bundle.workflow, error);
            Err(format!("{}/{error}", folder.display()))
        }
    }
}

fn checked(local: &Local, folder: &Path, environment: &Environment) -> Result<Arc<Definition>, String> {
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
    if definition.workflow.webhook().is_none() {
        return Ok(definition);
    }
    // Secrets are known to the server alone; any value shows whether the rest is right.
    let sources = Sources { environment, secret: &|_| Some("0123456789abcdef".to_owned()) };
    let error = match Endpoint::compile(Arc::clone(&definition), sources) {
        Ok(endpoint) => endpoint.unavailable().cloned(),
        Err(error) => Some(error),
    };
    match error {
        None => Ok(definition),
        Some(error) => {
            let error = engine::in_workflow_json(&definition.bundle.workflow, error);
            Err(format!("{}/{error}", folder.display()))
        }
    }
}
