//! `flowcell runs`: shows a server's runs. `show` prints one, `control` acts on them, `dead` lists those that failed.

mod control;
mod dead;
mod show;

use std::{collections::HashMap, time::Duration};

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

/// What the status of a run can be.
const STATUSES: [&str; 5] = ["queued", "waiting", "succeeded", "failed", "cancelled"];

#[derive(Args)]
struct List {
    /// Only runs of this workflow.
    #[arg(long)]
    workflow: Option<String>,
    /// Only runs of this status: queued, waiting, succeeded, failed or cancelled.
    #[arg(long, value_parser = STATUSES)]
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
    // A column that says the same of each run would only take the room of the errors.
    let several = has_several_triggers(runs);
    let mut headings = vec!["CREATED", "RUN", "WORKFLOW", "STARTED BY", "STATUS", "TOOK", "ERROR"];
    headings.retain(|heading| several || *heading != "STARTED BY");
    let mut table = Table::new(&headings);
    for run in runs {
        let mut cells =
            vec![Cell::time(&run["created"], format), Cell::id(&run["id"]), Cell::of(&run["workflow"])];
        cells.extend(several.then(|| Cell::text(&started_by(run))));
        cells.extend([Cell::status(&status(run)), Cell::number(took(run)), Cell::text(&error(run))]);
        table.row(cells);
    }
    table
}

/// Whether some workflow has several triggers, as far as these runs tell: one has a name of its own, or they differ.
fn has_several_triggers(runs: &[Value]) -> bool {
    const USUAL: [&str; 4] = ["webhook", "schedule", "manual", "workflow"];
    let mut first: HashMap<&str, &str> = HashMap::new();
    runs.iter().filter_map(|run| Some((run["workflow"].as_str()?, run["trigger"].as_str()?))).any(
        |(workflow, trigger)| {
            !USUAL.contains(&trigger) || *first.entry(workflow).or_insert(trigger) != trigger
        },
    )
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_trigger_is_a_column_where_it_is_not_always_the_same() {
        let run = |workflow: &str, trigger: Option<&str>| json!({ "workflow": workflow, "trigger": trigger });
        let cases = [
            (vec![], false),
            (vec![run("a", Some("webhook")), run("a", Some("webhook")), run("b", Some("schedule"))], false),
            (vec![run("a", Some("webhook")), run("a", None)], false),
            (vec![run("a", Some("webhook")), run("b", None), run("a", Some("schedule"))], true),
            (vec![run("a", Some("returns"))], true),
        ];
        for (runs, expected) in cases {
            assert_eq!(has_several_triggers(&runs), expected, "{runs:?}");
        }
        assert_eq!(started_by(&json!({ "cause": "webhook", "trigger": "webhook" })), "webhook");
        assert_eq!(started_by(&json!({ "cause": "replay", "trigger": "returns" })), "replay returns");
        assert_eq!(started_by(&json!({ "cause": "subflow", "trigger": null })), "subflow");
    }
}
