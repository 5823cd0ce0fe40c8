//! `flowcell workflows`: lists the workflows of a server, pauses and resumes them.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::{
    Verdict,
    client::{Server, segment},
    small_runtime, terminal,
};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List all workflows.
    List(List),
    /// Accept events, but begin no runs.
    Pause(One),
    /// Begin runs again.
    Resume(One),
}

#[derive(Args)]
struct List {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct One {
    /// The workflow's key.
    key: String,
    #[command(flatten)]
    server: Server,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::List(list) => {
                let page = list.server.get("/api/v1/workflows").await?;
                if list.json {
                    println!("{}", serde_json::to_string_pretty(&page)?)
                } else {
                    let workflows = page["workflows"].as_array().cloned().unwrap_or_default();
                    workflows.iter().for_each(|workflow| println!("{}", line(workflow)));
                }
            }
            Command::Pause(one) => set(one, "pause").await?,
            Command::Resume(one) => set(one, "resume").await?,
        }
        Ok(Verdict::Yes)
    })
}

async fn set(one: &One, verb: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/workflows/{}/{verb}", segment(&one.key));
    one.server.send(Method::POST, &path, None).await?;
    Ok(())
}

fn line(workflow: &Value) -> String {
    let text = |key: &str| terminal::safe(workflow[key].as_str().unwrap_or("-"));
    let state = match (workflow["enabled"].as_bool(), workflow["paused"].as_bool()) {
        (Some(false), _) => "disabled",
        (_, Some(true)) => "paused",
        (_, _) => "on",
    };
    let version: String = text("version").chars().take(12).collect();
    format!(
        "{:<24}  {:<8}  {state:<8}  {version}  {:>5} pending  {:>5} waiting  {}",
        text("key"),
        text("trigger"),
        workflow["pending_runs"],
        workflow["waiting_runs"],
        text("title")
    )
}
