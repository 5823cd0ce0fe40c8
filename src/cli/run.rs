//! `flowcell run`: runs one workflow once, in memory.

use std::{path::PathBuf, sync::Arc};

use clap::Args;

use super::{Verdict, fixtures, local::Local, terminal};
use crate::{model::RunStatus, run_view};

#[derive(Args)]
pub(super) struct Arguments {
    /// The workflow folder.
    workflow: PathBuf,
    /// A JSON file: the body; an event with method, headers, query, params, data or body; or a fixture.
    #[arg(long)]
    event: PathBuf,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let local = Local::new()?;
    let definition = Arc::new(local.load(&arguments.workflow)?);
    let event = fixtures::read_event(&arguments.event, &definition.workflow)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (run, steps) = runtime.block_on(local.run(Arc::clone(&definition), event))?;
    let shown = run_view::whole(&run, &steps, false, Some(&definition.bundle), &local.redactor());
    println!("{}", serde_json::to_string_pretty(&shown)?);
    terminal::print_frame(&shown["error"]);
    Ok(if run.head.status == RunStatus::Succeeded { Verdict::Yes } else { Verdict::No })
}
