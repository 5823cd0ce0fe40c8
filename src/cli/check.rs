//! `flowcell check`: finds what is wrong with workflows, without running them.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use clap::Args;
use serde_json::json;

use super::{
    Verdict,
    local::{self, Local},
    print, problems, table, unsent_bodies,
};
use crate::{
    engine::{self, Definition, Environment},
    gateway::{self, Endpoint, STAND_INS, Sources},
    model::FieldError,
    variables::Noting,
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
        let checked = checked(&local, folder, &noting);
        let (error, warnings, note) = match checked.and_then(|checked| beside(folder, checked, &right)) {
            Ok(Checked { definition, warnings, unset }) => {
                right.push(definition);
                let missed = noting.told().or(unset);
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
    /// What this machine lacks, though the files are right.
    unset: Option<String>,
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

fn checked(local: &Local, folder: &Path, noting: &Noting) -> Result<Checked, String> {
    let definition = match local.load_with(folder, &noting.environment) {
        Ok(definition) => definition,
        Err(error) => {
            let text = std::fs::read_to_string(folder.join("workflow.json")).unwrap_or_default();
            let found = problems::all(&text);
            if found.len() > 1 {
                let place =
                    |error| format!("{}/{}", folder.display(), engine::in_workflow_json(&text, error));
                return Err(found.into_iter().map(place).collect::<Vec<_>>().join("\n"));
            }
            let frame = error.frame().map_or(String::new(), |frame| format!("\n{frame}"));
            return Err(format!("{error}{frame}"));
        }
    };
    let name = folder.file_name().and_then(|name| name.to_str());
    if name.is_some_and(|name| name != definition.workflow.key.as_str() && name != "." && name != "..") {
        return Err(format!("{}/{}", folder.display(), definition.key_differs()));
    }
    let definition = Arc::new(definition);
    let placed = |error| {
        let error = engine::in_workflow_json(&definition.bundle.workflow, error);
        format!("{}/{error}", folder.display())
    };
    let warning =
        |warning: FieldError| placed(FieldError::new(warning.path, format!("warning: {}", warning.message)));
    let unsent = unsent_bodies::all(&definition.workflow);
    let (endpoints, unset) = endpoints(&definition, noting).map_err(placed)?;
    if let Some(error) = endpoints.iter().find_map(Endpoint::unavailable) {
        return Err(placed(error.clone()));
    }
    let warnings = endpoints.iter().flat_map(Endpoint::warnings).chain(unsent).map(warning).collect();
    Ok(Checked { definition, warnings, unset })
}

/// The webhooks, with values in place of what only the server has: its secrets, and variables that are not set here. The value that
/// fits shows whether the rest is right.
fn endpoints(
    definition: &Arc<Definition>,
    noting: &Noting,
) -> Result<(Vec<Endpoint>, Option<String>), FieldError> {
    let unset = Arc::new(Mutex::new(BTreeSet::new()));
    let with = |stand_in: &'static str| {
        let (known, unset) = (Arc::clone(&noting.environment), Arc::clone(&unset));
        let withholds = noting.withholds();
        let environment: Environment = Arc::new(move |name| {
            known(name).or_else(|| {
                // What the process has and workflows do not see is a mistake of its settings.
                (!withholds(name)).then(|| {
                    unset.lock().expect("no code panics under this lock").insert(name.to_owned());
                    stand_in.to_owned()
                })
            })
        });
        let sources = Sources { environment: &environment, secret: &|_| Some(stand_in.to_owned()) };
        Endpoint::all(definition, sources)
    };
    let mut endpoints = with(STAND_INS[0])?;
    for stand_in in &STAND_INS[1..] {
        if !endpoints.iter().any(Endpoint::lacks_right_secret) {
            break;
        }
        for (endpoint, other) in endpoints.iter_mut().zip(with(stand_in)?) {
            if endpoint.lacks_right_secret() && !other.lacks_right_secret() {
                *endpoint = other;
            }
        }
    }
    let unset = unset.lock().expect("no code panics under this lock");
    let names = unset.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let told = format!(
        "the trigger reads {names}, which is not set here; a server that lacks it answers 503 to every delivery"
    );
    Ok((endpoints, (!unset.is_empty()).then_some(told)))
}
