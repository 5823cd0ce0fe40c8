//! `flowcell runs`: shows a server's runs. `control` acts on them, `dead` lists those that failed.

mod control;
mod dead;

use std::time::Duration;

use clap::{Args, Subcommand};
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
    /// List the newest runs.
    List(List),
    /// Show one run whole: event, steps, logs, and what the steps used.
    Show(Show),
    /// Show runs as they come, until interrupted.
    Tail(Tail),
    /// Run the events of ended runs once more, as new runs.
    Replay(control::Replay),
    /// Go on from a run's failed step, as a new run.
    Retry(control::One),
    /// End a run as cancelled.
    Cancel(control::Cancel),
    /// Start a run by hand.
    Start(control::Start),
    /// List failed runs that nobody has dealt with.
    Dead(dead::Dead),
}

#[derive(Args)]
struct List {
    /// Only runs of this workflow.
    #[arg(long)]
    workflow: Option<String>,
    /// Only runs of this status: queued, waiting, succeeded, failed or cancelled.
    #[arg(long)]
    status: Option<String>,
    /// How many runs.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Show {
    /// The run's id.
    run: String,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Tail {
    /// Only runs of this workflow.
    #[arg(long)]
    workflow: Option<String>,
    #[command(flatten)]
    server: Server,
}

/// How often `tail` asks the server.
const TAIL_EVERY: Duration = Duration::from_millis(500);
/// How many runs `tail` reads each time.
const TAIL_PAGE: usize = 500;

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::List(list) => {
                let page = list
                    .server
                    .get(&list_path(list.workflow.as_deref(), list.status.as_deref(), list.limit))
                    .await?;
                if list.json {
                    println!("{}", serde_json::to_string_pretty(&page)?);
                } else {
                    runs_of(&page).iter().for_each(|run| println!("{}", line(run)));
                }
            }
            Command::Show(show) => {
                let run = show.server.get(&format!("/api/v1/runs/{}", segment(&show.run))).await?;
                println!("{}", serde_json::to_string_pretty(&run)?);
                terminal::print_frame(&run["error"]);
            }
            Command::Tail(tail) => follow(tail).await?,
            Command::Replay(replay) => return control::replay(replay).await,
            Command::Retry(one) => return control::retry(one).await,
            Command::Cancel(cancel) => return control::cancel(cancel).await,
            Command::Start(start) => return control::start(start).await,
            Command::Dead(dead) => return dead::execute(dead).await,
        }
        Ok(Verdict::Yes)
    })
}

async fn follow(tail: &Tail) -> anyhow::Result<()> {
    let path = list_path(tail.workflow.as_deref(), None, TAIL_PAGE);
    let mut last: Option<String> = None;
    loop {
        let page = tail.server.get(&path).await?;
        let runs = runs_of(&page);
        // Ids sort by time. The first look shows a few runs, so that there is something to see.
        let fresh = runs.iter().filter(|run| match (&last, run["id"].as_str()) {
            (Some(last), Some(id)) => id > last.as_str(),
            (None, Some(_)) => true,
            (_, None) => false,
        });
        let shown: Vec<_> = fresh.take(if last.is_none() { 10 } else { TAIL_PAGE }).collect();
        shown.iter().rev().for_each(|run| println!("{}", line(run)));
        last = runs
            .first()
            .and_then(|run| run["id"].as_str())
            .map(str::to_owned)
            .or(last)
            .or(Some(String::new()));
        tokio::time::sleep(TAIL_EVERY).await;
    }
}

fn list_path(workflow: Option<&str>, status: Option<&str>, limit: usize) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("limit", &limit.to_string());
    for (name, value) in [("workflow", workflow), ("status", status)] {
        if let Some(value) = value {
            query.append_pair(name, value);
        }
    }
    format!("/api/v1/runs?{}", query.finish())
}

fn runs_of(page: &Value) -> Vec<Value> {
    page["runs"].as_array().cloned().unwrap_or_default()
}

fn line(run: &Value) -> String {
    let text = |key: &str| terminal::safe(run[key].as_str().unwrap_or("-"));
    let took = run["took_ms"].as_u64().map_or("-".to_owned(), |ms| format!("{ms} ms"));
    let error = run["error"]["message"].as_str().map_or(String::new(), |message| {
        let code = run["error"]["code"].as_str().unwrap_or("");
        format!("  {code}: {}", terminal::safe(message.lines().next().unwrap_or("")))
    });
    format!(
        "{}  {}  {:<9}  {:>8}  {}{error}",
        text("created"),
        text("id"),
        text("status"),
        took,
        text("workflow")
    )
}
