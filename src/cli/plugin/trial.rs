//! `flowcell plugin test`: runs a file as a step, in memory, with the capabilities that the command line grants.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use serde_json::{Value, json};

use super::{Named, grouped, read, taken_in};
use crate::{
    cli::{Verdict, fixtures::Kept, given, local::Local, print, table, terminal},
    engine::Definition,
    model::{
        Bundle, Capability, Entry, ErrorCode, Event, JsonText, LogLine, PluginHash, PluginVersion, RunError,
        Stdio, StepRecord, Usage,
    },
};

#[derive(Args)]
pub(super) struct Trial {
    /// The .wasm file.
    file: PathBuf,
    /// The input: JSON, a file with JSON, or `-` for stdin. Without it, the plugin's own examples run and are compared.
    #[arg(long, value_name = "JSON|FILE")]
    input: Option<String>,
    /// The step's `config`: JSON, or a file with JSON.
    #[arg(long, value_name = "JSON|FILE")]
    config: Option<String>,
    /// Grant a capability, as in http:api.example.com. Can be given several times.
    #[arg(long = "grant", value_name = "CAPABILITY")]
    grants: Vec<Capability>,
    /// Grant everything that the plugin asks for.
    #[arg(long)]
    grant_all: bool,
    /// For a command: an argument. Can be given several times.
    #[arg(long = "arg", value_name = "TEXT", allow_hyphen_values = true)]
    args: Vec<String>,
    /// For a command: the input is a text.
    #[arg(long)]
    stdin_text: bool,
    /// For a command: the output is a text.
    #[arg(long)]
    stdout_text: bool,
    /// The step's limits, as in memory=64MiB. Can be given several times.
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    limits: Vec<String>,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    named: Named,
}

/// One call to make.
pub(super) struct Of {
    pub(super) hash: PluginHash,
    pub(super) input: Value,
    pub(super) config: Value,
    pub(super) args: Vec<String>,
    pub(super) stdin: Stdio,
    pub(super) stdout: Stdio,
    pub(super) limits: Value,
}

impl Of {
    pub(super) fn plain(version: &PluginVersion) -> Self {
        Self {
            hash: version.hash,
            input: json!({}),
            config: json!({}),
            args: Vec::new(),
            stdin: Stdio::Json,
            stdout: Stdio::Json,
            limits: json!({}),
        }
    }
}

/// The outcome of the call.
pub(super) struct Ended {
    pub(super) result: Result<JsonText, RunError>,
    pub(super) logs: Vec<LogLine>,
    pub(super) usage: Usage,
}

/// Runs one call as the only step of a workflow. Its input is data of the event, so no template in it is filled in.
pub(super) async fn run(local: &Local, of: &Of) -> anyhow::Result<Ended> {
    let args: Vec<String> =
        (0..of.args.len()).map(|index| format!("{{{{$context.data.args[{index}]}}}}")).collect();
    let step = json!({
        "id": "plugin",
        "type": "plugin",
        "plugin": of.hash,
        "input": "{{$context.data.input}}",
        "config": "{{$context.data.config}}",
        "args": args,
        "stdin": of.stdin,
        "stdout": of.stdout,
        "limits": of.limits,
    });
    let workflow = json!({ "key": "plugin-test", "trigger": { "type": "manual" }, "steps": [step] });
    let bundle = Bundle { workflow: workflow.to_string(), files: Default::default() };
    let definition = Definition::compile(bundle, &local.sandbox, &local.environment)?;
    let data = json!({ "input": of.input, "args": of.args, "config": of.config });
    let event = Event::of_data(&JsonText::from_value(&data));
    let (run, entries) = local.run(Arc::new(definition), event, &Kept::new()).await?;
    let record: Option<StepRecord> = entries.into_iter().rev().find_map(|entry| match entry {
        Entry::Ended(record) | Entry::Retrying(record, _) => Some(record),
        Entry::Begun(..) | Entry::Waiting { .. } | Entry::Cookies { .. } => None,
    });
    let record = match (record, run.head.error) {
        (Some(record), _) => record,
        (None, error) => {
            anyhow::bail!("the run has no step: {}", error.map_or_else(String::new, |error| error.message))
        }
    };
    let result = match record.error {
        Some(error) => Err(error),
        None => Ok(record.output),
    };
    Ok(Ended { result, logs: record.logs, usage: record.usage.unwrap_or_default() })
}

pub(super) async fn execute(trial: &Trial) -> anyhow::Result<Verdict> {
    let bytes = read(&trial.file)?;
    let local = Local::new()?;
    let version = match taken_in(&local, &trial.file, &bytes, &trial.named).await {
        Ok(uploaded) => uploaded.version,
        Err(error) => {
            say!("{}: {}", trial.file.display(), terminal::safe(&error.to_string()));
            return Ok(Verdict::No);
        }
    };
    let mut grants = trial.grants.clone();
    if trial.grant_all {
        grants.extend(version.description.capabilities.iter().cloned());
    }
    if !grants.is_empty() {
        local.plugins().grant(&version.description.name, &grants).await?;
    }
    let stdio = |text: bool| if text { Stdio::Text } else { Stdio::Json };
    let of = Of {
        config: trial
            .config
            .as_deref()
            .map(|config| given::json(config, "--config"))
            .transpose()?
            .unwrap_or_else(|| json!({})),
        args: trial.args.clone(),
        stdin: stdio(trial.stdin_text),
        stdout: stdio(trial.stdout_text),
        limits: super::remote::limits(&trial.limits)?,
        ..Of::plain(&version)
    };
    match &trial.input {
        Some(input) => {
            let input = if trial.stdin_text {
                Value::from(given::content(input, "--input")?.text)
            } else {
                given::json(input, "--input")?
            };
            let ended = run(&local, &Of { input, ..of }).await?;
            show(&ended, trial.json)
        }
        None => examples(&local, &version, of).await,
    }
}

/// Runs the plugin's own examples, and compares the outputs that they state.
async fn examples(local: &Local, version: &PluginVersion, of: Of) -> anyhow::Result<Verdict> {
    let examples = &version.description.examples;
    if examples.is_empty() {
        anyhow::bail!("the plugin has no examples; give it an input with --input FILE");
    }
    let mut of = of;
    let mut wrong = 0;
    for example in examples {
        of.input = example.input.to_value();
        let ended = run(local, &of).await?;
        let title = terminal::safe(&example.title);
        let expected = example.output.as_ref().map(JsonText::to_value);
        match (&ended.result, expected) {
            (Ok(output), Some(expected)) if output.to_value() != expected => {
                wrong += 1;
                say!("FAILED {title}: expected {}", terminal::safe(&expected.to_string()));
                say!("       {}found {}", " ".repeat(title.chars().count()), terminal::safe(output.as_str()));
            }
            (Ok(_), expected) => {
                let compared = if expected.is_some() { "" } else { " (its output is not compared)" };
                say!("ok     {title}: {}{compared}", figures(&ended.usage));
            }
            (Err(error), _) => {
                wrong += 1;
                say!("FAILED {title}: {}: {}", error.code.as_str(), terminal::safe(&error.message));
            }
        }
        print_logs(&ended.logs);
    }
    Ok(if wrong == 0 { Verdict::Yes } else { Verdict::No })
}

fn figures(usage: &Usage) -> String {
    format!(
        "{} fuel, {} of memory, {} µs",
        grouped(usage.fuel),
        table::bytes(usage.peak_memory),
        grouped(usage.wall_us)
    )
}

/// Prints the output to stdout and everything else to stderr.
fn show(ended: &Ended, as_json: bool) -> anyhow::Result<Verdict> {
    let verdict = if ended.result.is_ok() { Verdict::Yes } else { Verdict::No };
    if as_json {
        let shown = json!({
            "output": ended.result.as_ref().ok(),
            "error": ended.result.as_ref().err(),
            "logs": ended.logs,
            "usage": ended.usage,
        });
        print::json(&shown)?;
        return Ok(verdict);
    }
    print_logs(&ended.logs);
    match &ended.result {
        Ok(output) => print::json(&output.to_value())?,
        Err(error) => {
            tell!("{}: {}", error.code.as_str(), terminal::safe(&error.message));
            if let Some(option) = option_for(error.code) {
                tell!("in this test: {option}");
            }
        }
    }
    tell!("{}", figures(&ended.usage));
    Ok(verdict)
}

/// The option of this command that does what the message advises for a step or a server.
fn option_for(code: ErrorCode) -> Option<&'static str> {
    let options = [
        (ErrorCode::CapabilityMissing, "--grant CAPABILITY, or --grant-all"),
        (ErrorCode::Timeout, "--limit timeout=10s"),
        (ErrorCode::MemoryLimit, "--limit memory=64MiB"),
        (ErrorCode::FuelExhausted, "--limit fuel=10000000000"),
        (ErrorCode::OutputTooLarge, "--limit output=4MiB"),
        (ErrorCode::OutputInvalid, "--stdout-text"),
    ];
    options.into_iter().find_map(|(of, option)| (of == code).then_some(option))
}

fn print_logs(logs: &[LogLine]) {
    for line in logs {
        let level = serde_json::to_value(line.level).unwrap_or_default();
        tell!("{}: {}", level.as_str().unwrap_or("info"), terminal::safe(&line.text));
    }
}
