//! `flowcell plugin inspect`: shows what a file is, before anybody trusts it.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::{Named, grouped, limit_of, read, taken_in, trial};
use crate::{
    cli::{Verdict, local::Local, print, table, terminal},
    model::{PluginKind, PluginVersion},
    sandbox::Outline,
};

/// How many imports are shown by name. A program of a large language has dozens.
const SHOWN: usize = 40;

#[derive(Args)]
pub(super) struct Inspect {
    /// The .wasm file.
    file: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Do not run the examples.
    #[arg(long)]
    no_run: bool,
    #[command(flatten)]
    named: Named,
}

pub(super) async fn execute(inspect: &Inspect) -> anyhow::Result<Verdict> {
    let bytes = read(&inspect.file)?;
    let outline = match Outline::read(&bytes) {
        Ok(outline) => outline,
        Err(error) => {
            say!("{}: {}", inspect.file.display(), terminal::safe(&error.to_string()));
            return Ok(Verdict::No);
        }
    };
    let local = Local::new()?;
    let taken = taken_in(&local, &inspect.file, &bytes, &inspect.named).await;
    let version = match taken {
        Ok(uploaded) => uploaded.version,
        Err(error) => {
            say!("{}: {}", inspect.file.display(), terminal::safe(&error.to_string()));
            return Ok(Verdict::No);
        }
    };
    let mut runs = Vec::new();
    for example in version.description.examples.iter().filter(|_| !inspect.no_run) {
        let trial = trial::Of { input: example.input.to_value(), ..trial::Of::plain(&version) };
        runs.push((example.title.clone(), trial::run(&local, &trial).await?));
    }
    if inspect.json {
        print::json(&as_json(&outline, &version, &runs))?
    } else {
        print(&inspect.file, &outline, &version, &runs)
    }
    Ok(Verdict::Yes)
}

fn world(outline: &Outline) -> &'static str {
    match (outline.kind, outline.embedded) {
        (PluginKind::Command, _) => "WASI preview 1 command: JSON on stdin, JSON on stdout, log on stderr",
        (PluginKind::Component, false) => "component for flowcell:plugin/plugin@1",
        (PluginKind::Component, true) => "core module that becomes a component for flowcell:plugin/plugin@1",
    }
}

fn as_json(outline: &Outline, version: &PluginVersion, runs: &[(String, trial::Ended)]) -> Value {
    let runs: Vec<Value> = runs
        .iter()
        .map(|(title, ended)| {
            json!({
                "example": title,
                "succeeded": ended.result.is_ok(),
                "fuel": ended.usage.fuel,
                "peak_memory": ended.usage.peak_memory,
                "wall_us": ended.usage.wall_us,
            })
        })
        .collect();
    json!({
        "kind": version.kind,
        "world": world(outline),
        "hash": version.hash,
        "size": outline.size,
        "imports": outline.imports,
        "exports": outline.exports,
        "functions": outline.functions,
        "modules": outline.modules,
        "memory": outline.memory,
        "producers": outline.producers,
        "name": version.description.name,
        "version": version.description.version,
        "title": version.description.title,
        "capabilities": version.description.capabilities,
        "input_schema": version.description.input_schema,
        "output_schema": version.description.output_schema,
        "examples": version.description.examples,
        "runs": runs,
    })
}

fn print(
    file: &std::path::Path,
    outline: &Outline,
    version: &PluginVersion,
    runs: &[(String, trial::Ended)],
) {
    let line = |name: &str, value: &str| say!("  {name:<13} {}", terminal::safe(value));
    let description = &version.description;
    say!("{}", file.display());
    line("world", world(outline));
    if version.kind == PluginKind::Component {
        line("name", &format!("{}@{}", description.name, description.version));
        line("title", &description.title);
    }
    line("hash", &version.hash.to_string());
    let modules = if outline.modules == 1 { "" } else { "s" };
    line(
        "size",
        &format!(
            "{}, {} functions in {} core module{modules}, {} of memory at its start",
            table::bytes(outline.size),
            grouped(outline.functions),
            outline.modules,
            limit_of(outline.memory),
        ),
    );
    if !outline.producers.is_empty() {
        line("built by", &outline.producers.join(", "));
    }
    let capabilities: Vec<String> = description.capabilities.iter().map(ToString::to_string).collect();
    line("asks for", &if capabilities.is_empty() { "nothing".to_owned() } else { capabilities.join(", ") });
    match outline.imports.as_slice() {
        [] => line("imports", "nothing"),
        imports => {
            imports.iter().take(SHOWN).enumerate().for_each(|(index, import)| {
                line(if index == 0 { "imports" } else { "" }, import);
            });
            if imports.len() > SHOWN {
                line("", &format!("and {} more", imports.len() - SHOWN));
            }
        }
    }
    for (title, ended) in runs {
        let usage = &ended.usage;
        let figures = format!(
            "{} fuel, {} of memory, {} µs",
            grouped(usage.fuel),
            table::bytes(usage.peak_memory),
            grouped(usage.wall_us)
        );
        let told = match &ended.result {
            Ok(_) => figures,
            Err(error) => format!("{figures}; FAILED: {}: {}", error.code.as_str(), error.message),
        };
        line("example", &format!("{title}: {told}"));
    }
}
