//! `flowcell test`: compares what workflows do with what their fixtures expect.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::{Value, json};

use super::{
    Verdict,
    fixtures::{self, Beside, Expect},
    local::{self, Local},
    print, table,
};
use crate::{
    engine::{Definition, frame_of},
    model::{Entry, Run},
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
                runtime.block_on(differences(&local, &definition, &fixture, arguments.trigger.as_deref()))?;
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

async fn differences(
    local: &Local,
    definition: &Arc<Definition>,
    fixture: &Beside,
    trigger: Option<&str>,
) -> anyhow::Result<Vec<String>> {
    let path = &fixture.path;
    let fixture = fixture.fixture()?;
    let trigger = trigger.filter(|_| definition.workflow.triggers.len() > 1);
    let event = fixture
        .event
        .into_event(&definition.workflow, fixture.trigger.as_deref().or(trigger))
        .map_err(|why| anyhow::anyhow!("{}: event: {why}", path.display()))?;
    let (run, steps) = local.run(Arc::clone(definition), event, &fixture.kv).await?;
    let mut differences = compare(&fixture.expect, &run, &steps);
    let place = run.head.error.as_ref().and_then(|error| error.position.as_ref());
    // Nobody needs to look at an error that was expected.
    if !differences.is_empty()
        && let Some(frame) = place.and_then(|place| frame_of(&definition.bundle, place))
    {
        differences.extend(frame.lines().map(str::to_owned));
    }
    Ok(differences)
}

fn compare(expect: &Expect, run: &Run, entries: &[Entry]) -> Vec<String> {
    let mut differences = Vec::new();
    let mut differ = |what: &str, expected: String, found: String| {
        if expected != found {
            differences.push(format!("{what}: expected {expected}, found {found}"));
        }
    };
    if let Some(status) = expect.run {
        differ("run", format!("{status:?}"), format!("{:?}", run.head.status));
    }
    let answer = run.answer.as_ref();
    if let Some(status) = expect.status {
        differ(
            "status",
            status.to_string(),
            answer.map_or("no answer".to_owned(), |answer| answer.status.to_string()),
        );
    }
    let body = answer.map(|answer| String::from_utf8_lossy(&answer.body).into_owned());
    if let Some(text) = &expect.text {
        differ("text", text.clone(), body.clone().unwrap_or_else(|| "no answer".to_owned()));
    }
    if let Some(json) = &expect.json {
        let found = body.map_or("no answer".to_owned(), |body| {
            serde_json::from_str::<Value>(&body).map_or(body, |value| value.to_string())
        });
        differ("json", json.to_string(), found);
    }
    for (step, output) in &expect.steps {
        // In a loop, the last iteration counts.
        let found = entries.iter().rev().find_map(|entry| match entry {
            Entry::Ended(record) if record.step.as_str() == step => Some(record),
            Entry::Ended(_)
            | Entry::Retrying(..)
            | Entry::Begun(..)
            | Entry::Waiting { .. }
            | Entry::Cookies { .. } => None,
        });
        let found =
            found.map_or("the step did not run".to_owned(), |record| record.output.to_value().to_string());
        differ(&format!("steps.{step}"), output.to_string(), found);
    }
    let error = run.head.error.as_ref();
    match (&expect.error, error) {
        (Some(code), found) => {
            differ(
                "error",
                code.clone(),
                found.map_or("none".to_owned(), |error| error.code.as_str().to_owned()),
            );
        }
        (None, Some(error)) if expect.run.is_none() => {
            let place = error
                .position
                .as_ref()
                .map_or(String::new(), |at| format!("{}:{}:{}: ", at.file, at.line, at.column));
            differ("error", "none".to_owned(), format!("{place}{}: {}", error.code.as_str(), error.message));
        }
        (None, _) => {}
    }
    differences
}
