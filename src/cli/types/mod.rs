//! `flowcell types`: writes declarations for editors, so that `context.data`, `steps`, `env` and the globals complete
//! and are checked.
//!
//! `flowcell.d.ts` has the globals. Each workflow gets a `types.d.ts` made from its fixtures and steps, and a
//! `tsconfig.json` if it has none. None of this is code: the server reads no `.d.ts`.

mod schema;
mod shape;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use self::shape::{Shape, key};
use super::{
    Verdict, fixtures,
    print::{self, Json},
};
use crate::{
    engine,
    files::Root,
    folder,
    model::{OnError, Step, StepKind, Workflow},
    steps::output_schemas,
};

#[derive(Args)]
pub(super) struct Arguments {
    /// The folder of the workflows, or of one workflow.
    #[arg(default_value = "workflows")]
    folder: PathBuf,
    #[command(flatten)]
    out: Json,
}

/// The globals of scripts.
const GLOBALS: &str = include_str!("../../../guest-sdk/js/flowcell.d.ts");
const GLOBALS_FILE: &str = "flowcell.d.ts";

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    let root = &arguments.folder;
    let alone = root.join("workflow.json").is_file();
    let folders =
        if alone { vec![root.clone()] } else { folder::workflows_in(root, folder::Missing::Wrong)? };
    anyhow::ensure!(!folders.is_empty(), "{} has no workflows; give their folder", root.display());
    let out = arguments.out;
    let (mut written, mut problems) = (Vec::new(), Vec::new());
    let mut write = |path: &Path, text: &str| -> anyhow::Result<()> {
        replace(path, text)?;
        if !out.json {
            say!("{}", path.display());
        }
        written.push(path.to_owned());
        Ok(())
    };
    write(&root.join(GLOBALS_FILE), GLOBALS)?;
    let mut verdict = Verdict::Yes;
    for folder in folders {
        match declarations(&folder)? {
            Ok(text) => write(&folder.join("types.d.ts"), &text)?,
            Err(problem) => {
                if out.json {
                    problems.push(problem.to_string());
                } else {
                    say!("{problem}");
                }
                verdict = Verdict::No;
                continue;
            }
        }
        let config = folder.join("tsconfig.json");
        if !config.exists() {
            let globals = if alone { GLOBALS_FILE.to_owned() } else { format!("../{GLOBALS_FILE}") };
            write(&config, &format!("{}\n", serde_json::to_string_pretty(&tsconfig(&globals))?))?;
        }
    }
    if out.json {
        print::json(&json!({ "files": written, "problems": problems }))?;
    }
    Ok(verdict)
}

fn replace(path: &Path, text: &str) -> anyhow::Result<()> {
    // A folder that comes with a checkout could hold a link. Writing through it would overwrite another file.
    let is_link = fs::symlink_metadata(path).is_ok_and(|about| about.file_type().is_symlink());
    anyhow::ensure!(
        !is_link,
        "{} is a link, and nothing is written through links: remove it",
        path.display()
    );
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

/// The settings for an editor. Scripts are checked as what they are: modules of ES2023 without a browser or Node around
/// them.
fn tsconfig(globals: &str) -> Value {
    json!({
        "compilerOptions": {
            "target": "es2023",
            "lib": ["es2023"],
            "types": [],
            "module": "preserve",
            "moduleResolution": "bundler",
            "moduleDetection": "force",
            "paths": { "*": ["./libraries/*", "../libraries/*"] },
            "allowJs": true,
            "allowImportingTsExtensions": true,
            "experimentalDecorators": true,
            "isolatedModules": true,
            "noEmit": true,
            "resolveJsonModule": true,
            "skipLibCheck": true,
            "strict": true,
        },
        "include": [globals, "**/*"],
        "exclude": ["fixtures", "libraries", "node_modules"],
    })
}

/// The declarations of one workflow, or what is wrong with the workflow.
fn declarations(folder: &Path) -> anyhow::Result<Result<String, String>> {
    let text = folder::workflow_json(&Root::open(folder)?)?;
    let workflow = match engine::read_workflow(&text) {
        Ok(workflow) => workflow,
        Err(error) => return Ok(Err(format!("{}/{error}", folder.display()))),
    };
    let mut data = Shape::default();
    for fixture in fixtures::beside(folder)? {
        let event = fixtures::event_beside(&fixture, &workflow)?;
        let context: Value = serde_json::from_str(&event.context_json()).unwrap_or_default();
        data.add(&context["data"]);
    }
    Ok(Ok(render(&workflow, &text, &data)))
}

fn render(workflow: &Workflow, text: &str, data: &Shape) -> String {
    let data = match data.typescript(4) {
        // Without fixtures nothing is known, and the types should not be in the way.
        unknown if unknown == "unknown" => "any".to_owned(),
        known => known,
    };
    let schemas = output_schemas();
    let steps: String = workflow
        .walk()
        .into_iter()
        .map(|step| {
            // The step's own schema wins over that of its type.
            let schema = step.output_schema.as_ref().or_else(|| schemas.get(type_name(&step.kind)));
            let output = schema.map_or("any".to_owned(), |schema| schema::typescript(schema, 6));
            format!("      {}?: {};\n", key(step.id.as_str()), with_error(step, output))
        })
        .collect();
    let mut env: BTreeSet<&str> = workflow.env.iter().map(String::as_str).collect();
    env.extend(names(text, "$env."));
    let env: String = env.iter().map(|name| format!("      {}?: string;\n", key(name))).collect();
    let listed: Value = serde_json::from_str(text).unwrap_or_default();
    let listed = listed["secrets"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let secrets: BTreeSet<&str> = listed.collect();
    let secrets: String = secrets.iter().map(|name| format!("      {}: string;\n", key(name))).collect();
    let loops = workflow.walk().into_iter().filter(|step| matches!(step.kind, StepKind::Loop(_)));
    let scopes: String =
        loops.map(|step| format!("      {}?: Flowcell.LoopScope;\n", key(step.id.as_str()))).collect();
    let scopes = match scopes.as_str() {
        "" => String::new(),
        loops => format!("    scopes: {{\n{loops}    }};\n"),
    };
    let triggers: Vec<String> =
        workflow.triggers.iter().map(|trigger| format!("\"{}\"", trigger.name)).collect();
    let triggers = triggers.join(" | ");
    format!(
        "// Written by `flowcell types` from workflow.json and fixtures/*.json; do not edit.\n\
         declare namespace Flowcell {{\n  interface Workflow {{\n    data: {data};\n    trigger: {triggers};\n    steps: {{\n{steps}    }};\n    \
         env: {{\n{env}    }};\n    secrets: {{\n{secrets}    }};\n{scopes}  }}\n}}\n"
    )
}

/// If the workflow survives the step's failure, the output may also be the error.
fn with_error(step: &Step, output: String) -> String {
    match step.on_error {
        OnError::Continue | OnError::Steps(_) if output != "any" => format!("{output} | Flowcell.Failed"),
        OnError::Fail | OnError::Continue | OnError::Steps(_) => output,
    }
}

/// The type of a step as `workflow.json` writes it.
fn type_name(kind: &StepKind) -> &'static str {
    match kind {
        StepKind::Code(_) => "code",
        StepKind::Condition(_) => "condition",
        StepKind::Response(_) => "response",
        StepKind::Set(_) => "set",
        StepKind::Switch(_) => "switch",
        StepKind::End(_) => "end",
        StepKind::Loop(_) => "loop",
        StepKind::Break => "break",
        StepKind::Continue => "continue",
        StepKind::Parallel(_) => "parallel",
        StepKind::Delay(_) => "delay",
        StepKind::WaitUntil(_) => "wait_until",
        StepKind::WaitForCallback(_) => "wait_for_callback",
        StepKind::Subflow(_) => "subflow",
        StepKind::Http(_) => "http",
        StepKind::Query(_) => "query",
        StepKind::Plugin(_) => "plugin",
    }
}

/// The names after `prefix` in the templates of a text.
fn names<'a>(text: &'a str, prefix: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(prefix).map(move |(at, _)| {
        let rest = &text[at + prefix.len()..];
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        &rest[..end]
    })
}
