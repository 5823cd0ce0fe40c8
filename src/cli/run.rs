//! `flowcell run`: runs one workflow once, in memory.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use super::{Verdict, fixtures, given, local, local::Local, print, terminal};
use crate::{model::RunStatus, run_view};

#[derive(Args)]
pub(super) struct Arguments {
    /// The workflow folder, or a folder of workflow folders.
    workflow: PathBuf,
    /// The workflow to run, by its folder's name, where there are several.
    #[arg(long)]
    key: Option<String>,
    /// The event: a JSON file, the JSON itself, or `-` for stdin. It is the body; an event with method, headers, query,
    /// params, data or body; or a fixture.
    #[arg(long)]
    event: String,
    /// The trigger that the event comes to, by its name, where the workflow has several.
    #[arg(long)]
    trigger: Option<String>,
    /// Print JSON. The run is always printed as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    // Every command takes it; here there is nothing else to print.
    let _ = arguments.json;
    let folder = folder(arguments)?;
    let given = given::text(&arguments.event, "--event")?;
    let local = Local::new()?;
    let definition = Arc::new(local.load(&folder)?);
    let (event, kept) = fixtures::read_event(&given, arguments.trigger.as_deref(), &definition.workflow)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (run, steps) = runtime.block_on(local.run(Arc::clone(&definition), event, &kept))?;
    let shown = run_view::whole(&run, &steps, false, Some(&definition.bundle), &local.redactor());
    print::json(&shown)?;
    terminal::print_frame(&shown["error"]);
    Ok(if run.head.status == RunStatus::Succeeded { Verdict::Yes } else { Verdict::No })
}

/// The one folder that is meant.
fn folder(arguments: &Arguments) -> anyhow::Result<PathBuf> {
    let mut folders = local::workflow_folders(std::slice::from_ref(&arguments.workflow))?;
    let name = |folder: &PathBuf| folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let names: Vec<String> = folders.iter().map(name).collect();
    if let Some(key) = &arguments.key {
        folders.retain(|folder| name(folder) == *key);
    }
    match folders.len() {
        1 => Ok(folders.remove(0)),
        0 => anyhow::bail!(
            "{} has no workflow folder of that name: {}",
            arguments.workflow.display(),
            names.join(", ")
        ),
        _ => anyhow::bail!(
            "{} has several workflows; give one with --key: {}",
            arguments.workflow.display(),
            names.join(", ")
        ),
    }
}
