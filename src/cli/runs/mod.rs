//! `flowcell runs`: shows a server's runs. `show` prints one, `control` acts on them, `dead` lists those that failed.

mod control;
mod dead;
mod show;

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{
    Verdict,
    client::{self, Server, with_query},
    print, small_runtime,
    table::{self, Cell, Format, Table},
    terminal, workflows,
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
    Show(show::Show),
    /// Show runs as they come, until interrupted; with --json, each on one line.
    Tail(Tail),
    /// Run the events of ended runs once more, as new runs.
    Replay(control::Replay),
    /// Go on from a run's failed step, as a new run.
    Retry(control::Retry),
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
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Tail {
    /// Only runs of this workflow.
    #[arg(long)]
    workflow: Option<String>,
    #[command(flatten)]
    format: Format,
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
                let runs = client::list(&page["runs"]);
                if let (true, Some(workflow)) = (runs.is_empty(), &list.workflow) {
                    workflows::must_exist(&list.server, workflow).await?;
                }
                if list.format.json {
                    print::json(&page)?;
                } else {
                    table_of(runs, list.format).print("no runs");
                }
            }
            Command::Show(show) => return show::execute(show).await,
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
    if let Some(workflow) = &tail.workflow {
        workflows::must_exist(&tail.server, workflow).await?;
    }
    let path = list_path(tail.workflow.as_deref(), None, TAIL_PAGE);
    let mut last: Option<String> = None;
    while !print::closed() {
        let page = tail.server.get(&path).await?;
        let runs = client::list(&page["runs"]);
        // Ids sort by time. The first look shows a few runs, so that there is something to see.
        let fresh = runs.iter().filter(|run| match (&last, run["id"].as_str()) {
            (Some(last), Some(id)) => id > last.as_str(),
            (None, Some(_)) => true,
            (_, None) => false,
        });
        let shown: Vec<_> = fresh.take(if last.is_none() { 10 } else { TAIL_PAGE }).collect();
        for run in shown.iter().rev() {
            if tail.format.json { say!("{run}") } else { say!("{}", line(run, tail.format)) }
        }
        last = runs
            .first()
            .and_then(|run| run["id"].as_str())
            .map(str::to_owned)
            .or(last)
            .or(Some(String::new()));
        tokio::time::sleep(TAIL_EVERY).await;
    }
    Ok(())
}

fn list_path(workflow: Option<&str>, status: Option<&str>, limit: usize) -> String {
    let limit = limit.to_string();
    with_query("/api/v1/runs", [("limit", Some(&*limit)), ("workflow", workflow), ("status", status)])
}

/// Runs as a list for people.
fn table_of(runs: &[Value], format: Format) -> Table {
    let mut table = Table::new(&["CREATED", "RUN", "WORKFLOW", "STARTED BY", "STATUS", "TOOK", "ERROR"]);
    for run in runs {
        table.row(vec![
            Cell::time(&run["created"], format),
            Cell::id(&run["id"]),
            Cell::of(&run["workflow"]),
            Cell::text(&started_by(run)),
            Cell::status(&status(run)),
            Cell::number(took(run)),
            Cell::text(&error(run)),
        ]);
    }
    table
}

/// One run on a line of its own, for a list that grows.
fn line(run: &Value, format: Format) -> String {
    let text = |key: &str| terminal::safe(run[key].as_str().unwrap_or("-"));
    let (status, created) = (status(run), format.time(run["created"].as_str().unwrap_or("-")));
    let style = table::style_of(&status);
    let line = format!(
        "{created}  {}  {style}{status:<9}{style:#}  {:>8}  {}  {}",
        text("id"),
        took(run),
        text("workflow"),
        error(run)
    );
    line.trim_end().to_owned()
}

/// How a run stands, in a word or two.
fn status(run: &Value) -> String {
    if run["running"] == true {
        return "running".to_owned();
    }
    let status = terminal::safe(run["status"].as_str().unwrap_or("-"));
    match run["failed_steps"].as_u64() {
        Some(1) if status == "succeeded" => "succeeded, 1 step failed".to_owned(),
        Some(failed) if failed > 1 && status == "succeeded" => format!("succeeded, {failed} steps failed"),
        Some(_) | None => status,
    }
}

/// What started a run: the cause, and the name of the trigger where that says more.
fn started_by(run: &Value) -> String {
    let cause = run["cause"].as_str().unwrap_or("-");
    match run["trigger"].as_str() {
        Some(trigger) if trigger != cause => format!("{cause} {trigger}"),
        Some(_) | None => cause.to_owned(),
    }
}

fn took(run: &Value) -> String {
    run["took_ms"].as_u64().map_or("-".to_owned(), |ms| table::took(ms.saturating_mul(1_000)))
}

/// The first line of the reason why a run failed.
fn error(run: &Value) -> String {
    let Some(message) = run["error"]["message"].as_str() else { return String::new() };
    let code = run["error"]["code"].as_str().unwrap_or("");
    let step = run["error"]["step"].as_str().map_or(String::new(), |step| format!(" in {step}"));
    format!("{code}{step}: {}", message.lines().next().unwrap_or(""))
}
