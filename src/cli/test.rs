//! `flowcell test`: compares what workflows do with what their fixtures expect.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::json;

use super::{
    Verdict, fixtures,
    local::{self, Local},
    print, table,
};

#[derive(Args)]
pub(super) struct Arguments {
    /// Workflow folders with fixtures/*.json, or folders of workflow folders.
    #[arg(required = true)]
    workflows: Vec<PathBuf>,
    /// The trigger to which the events of fixtures come that name none, where a workflow has several triggers.
    #[arg(long)]
    trigger: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let folders = local::workflow_folders(&arguments.workflows)?;
    let local = Local::new()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (mut passed, mut failed) = (0, 0);
    let mut results = Vec::new();
    for folder in &folders {
        let fixtures = fixtures::beside(folder)?;
        if fixtures.is_empty() {
            tell!("{}: no fixtures; put some under fixtures/*.json", folder.display());
            continue;
        }
        let definition = Arc::new(local.load(folder)?);
        for fixture in fixtures {
            let differences =
                runtime.block_on(local.differences(&definition, &fixture, arguments.trigger.as_deref()))?;
            let path = &fixture.path;
            let ok = differences.is_empty();
            if ok {
                passed += 1
            } else {
                failed += 1
            }
            if arguments.json {
                results.push(json!({ "fixture": path, "ok": ok, "differences": differences }));
                continue;
            }
            let word = if ok { "ok" } else { "FAILED" };
            let style = table::style_of(word);
            say!("{style}{word:<6}{style:#}  {}", path.display());
            differences.iter().for_each(|difference| say!("        {difference}"));
        }
    }
    if arguments.json {
        print::json(&json!({ "passed": passed, "failed": failed, "fixtures": results }))?;
    } else {
        say!("{passed} passed, {failed} failed");
    }
    if passed + failed == 0 {
        tell!(
            "flowcell: no fixture was run, so nothing is known of these workflows; `flowcell new` shows how one looks"
        );
    }
    Ok(if failed == 0 && passed > 0 { Verdict::Yes } else { Verdict::No })
}
