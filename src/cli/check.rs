//! `flowcell check`: is a workflow right?

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use super::{Verdict, local::Local};
use crate::{
    engine,
    gateway::{Endpoint, Sources},
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
    for folder in &arguments.workflows {
        match problem(&local, folder) {
            None => println!("{}: ok", folder.display()),
            Some(problem) => {
                wrong += 1;
                println!("{problem}");
            }
        }
    }
    Ok(if wrong == 0 { Verdict::Yes } else { Verdict::No })
}

fn problem(local: &Local, folder: &std::path::Path) -> Option<String> {
    let definition = match local.load(folder) {
        Ok(definition) => definition,
        Err(error) => {
            let frame = error.frame().map_or(String::new(), |frame| format!("\n{frame}"));
            return Some(format!("{error}{frame}"));
        }
    };
    let name = folder.file_name().and_then(|name| name.to_str());
    if name.is_some_and(|name| name != definition.workflow.key.as_str() && name != "." && name != "..") {
        return Some(format!("{}/{}", folder.display(), definition.key_differs()));
    }
    let text = definition.bundle.workflow.clone();
    definition.workflow.webhook()?;
    // Secrets are known to the server alone; any value shows whether the rest is right.
    let sources =
        Sources { environment: &local.environment, secret: &|_| Some("0123456789abcdef".to_owned()) };
    let endpoint = Endpoint::compile(Arc::new(definition), sources);
    let error = match &endpoint {
        Ok(endpoint) => endpoint.unavailable()?.clone(),
        Err(error) => error.clone(),
    };
    Some(format!("{}/{}", folder.display(), engine::in_workflow_json(&text, error)))
}
