//! `flowcell runs show`: one run for a person; with `--json`, all that is kept of it.
//!
//! What went wrong stands first, then what came in, what each step did and used, and what was logged.

use std::time::Duration;

use clap::Args;
use serde_json::Value;

use super::{
    super::{
        Verdict,
        client::{Server, list, segment},
        print,
        table::{self, Cell, Format, Table},
        terminal,
    },
    error, status,
};

/// How much of a value is shown, columns.
const MAX_VALUE: usize = 400;
/// How many lines of each step's log are shown.
const MAX_LOG_LINES: usize = 50;
/// How often `--wait` asks the server.
const WAIT_EVERY: Duration = Duration::from_millis(200);

#[derive(Args)]
pub(super) struct Show {
    /// The run's id.
    run: String,
    /// Wait until the run has ended; exit with 1 when it did not succeed.
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn execute(show: &Show) -> anyhow::Result<Verdict> {
    if show.wait {
        return until_ended(&show.server, &show.run, show.format).await;
    }
    print(&show.server.get(&path(&show.run)).await?, show.format)?;
    Ok(Verdict::Yes)
}

/// Waits for a run and shows it; `No` when it did not succeed.
pub(super) async fn until_ended(server: &Server, run: &str, format: Format) -> anyhow::Result<Verdict> {
    let run = ended(server, run).await?;
    print(&run, format)?;
    Ok(if run["status"] == "succeeded" { Verdict::Yes } else { Verdict::No })
}

fn path(run: &str) -> String {
    format!("/api/v1/runs/{}", segment(run))
}

async fn ended(server: &Server, run: &str) -> anyhow::Result<Value> {
    loop {
        let shown = server.get(&path(run)).await?;
        if !shown["finished"].is_null() {
            return Ok(shown);
        }
        tokio::time::sleep(WAIT_EVERY).await;
    }
}

/// Prints a run as the API gives it.
pub(super) fn print(run: &Value, format: Format) -> anyhow::Result<()> {
    if format.json {
        print::json(run)?;
        terminal::print_frame(&run["error"]);
        return Ok(());
    }
    let text = |value: &Value| terminal::safe(value.as_str().unwrap_or("-"));
    let status = status(run);
    let style = table::style_of(&status);
    say!("{}  {style}{status}{style:#}  {}", text(&run["id"]), text(&run["workflow"]));
    field("version", &text(&run["version"]).chars().take(12).collect::<String>());
    field("cause", &cause(run));
    for (name, key) in [("created", "created"), ("due", "due"), ("finished", "finished")] {
        if let Some(time) = run[key].as_str() {
            field(name, &format.time(time));
        }
    }
    if !run["error"].is_null() {
        field("error", &terminal::safe(&error(run)));
        frame(&run["error"]);
    }
    for note in list(&run["notes"]) {
        field("note", &format!("{}: {}", text(&note["code"]), text(&note["message"])));
    }
    event(&run["context"]);
    answer(&run["answer"]);
    for wait in list(&run["waiting"]) {
        let until =
            wait["until"].as_str().map_or(String::new(), |until| format!(" until {}", format.time(until)));
        let run = wait["run"].as_str().map_or(String::new(), |run| format!(" {}", terminal::safe(run)));
        field("waits", &format!("{} for {}{run}{until}", text(&wait["id"]), text(&wait["for"])));
        if let Some(question) = wait["question"]["id"].as_str() {
            field(
                "",
                &format!(
                    "{}: flowcell questions show {}",
                    text(&wait["question"]["title"]),
                    terminal::safe(question)
                ),
            );
        }
    }
    steps(list(&run["steps"]));
    Ok(())
}

fn field(name: &str, value: &str) {
    let faint = anstyle::Style::new().dimmed();
    // Further lines of a value stand under its first.
    say!("  {faint}{name:<9}{faint:#}{}", value.replace('\n', "\n           "));
}

fn cause(run: &Value) -> String {
    let cause = terminal::safe(run["cause"].as_str().unwrap_or("-"));
    let of = run["origin"].as_str().map_or(String::new(), |run| format!(" of {}", terminal::safe(run)));
    let parent = &run["parent"];
    let by = parent["run"].as_str().map_or(String::new(), |run| {
        format!(
            ", started by {} step {}",
            terminal::safe(run),
            terminal::safe(parent["step"].as_str().unwrap_or("-"))
        )
    });
    // The name of a trigger without one of its own is its type, which says nothing more.
    let name = run["trigger"].as_str().filter(|name| run["context"]["trigger"]["type"] != *name);
    let trigger = name.map_or(String::new(), |name| format!(", trigger {}", terminal::safe(name)));
    format!("{cause}{trigger}{of}{by}")
}

/// The lines of the script around an error.
fn frame(error: &Value) {
    let Some(frame) = error["frame"].as_str() else { return };
    let at = &error["position"];
    say!("           {}:{}:{}", terminal::safe(at["file"].as_str().unwrap_or("?")), at["line"], at["column"]);
    for line in terminal::safe(frame).lines() {
        say!("           {line}");
    }
}

fn event(context: &Value) {
    let text = |value: &Value| terminal::safe(value.as_str().unwrap_or("-"));
    if context["method"].is_null() && context["data"].is_null() {
        return;
    }
    // A run that no request started.
    if ["method", "path", "ip"].iter().all(|name| context[*name].as_str().is_none_or(str::is_empty)) {
        field("event", &value(&context["data"]));
        return;
    }
    let query = context["rawQuery"].as_str().filter(|query| !query.is_empty());
    let query = query.map_or(String::new(), |query| format!("?{}", terminal::safe(query)));
    let mut line = format!(
        "{} {}{query} from {}",
        text(&context["method"]),
        text(&context["path"]),
        text(&context["ip"])
    );
    if let Some(kind) = context["headers"]["content-type"].as_str() {
        line += &format!(", {}", terminal::safe(kind));
    }
    field("event", &line);
    if !context["data"].is_null() {
        field("", &value(&context["data"]));
    }
    for file in list(&context["files"]) {
        let name = file["filename"].as_str().or(file["name"].as_str()).unwrap_or("-");
        field(
            "file",
            &format!("{}  {}", terminal::safe(name), table::bytes(file["size"].as_u64().unwrap_or(0))),
        );
    }
}

fn answer(answer: &Value) {
    if let Some(status) = answer["status"].as_u64() {
        field("answer", &status.to_string());
    }
}

/// A value on one line, as much of it as is of use.
fn value(value: &Value) -> String {
    table::cut(&terminal::safe(&value.to_string()), MAX_VALUE)
}

fn steps(steps: &[Value]) {
    if steps.is_empty() {
        return;
    }
    let mut table = Table::new(&["STEP", "STATUS", "TOOK", "FUEL", "MEMORY", "CALLS", "OUTPUT OR ERROR"]);
    for step in steps {
        let usage = &step["usage"];
        let used = |name: &str, shown: fn(u64) -> String| {
            Cell::number(usage[name].as_u64().filter(|&used| used > 0).map_or("-".to_owned(), shown))
        };
        let state = terminal::safe(step["status"].as_str().unwrap_or("-"));
        let result = if step["error"].is_null() {
            value(&step["output"])
        } else {
            format!(
                "{}: {}",
                step["error"]["code"].as_str().unwrap_or(""),
                step["error"]["message"].as_str().unwrap_or("")
            )
        };
        table.row(vec![
            Cell::text(&name(step)),
            Cell::status(&state),
            Cell::number(step["took_us"].as_u64().map_or("-".to_owned(), table::took)),
            used("fuel", table::count),
            used("peak_memory", table::bytes),
            used("host_calls", |calls| calls.to_string()),
            Cell::text(&result),
        ]);
    }
    say!();
    table.print("no steps");
    for step in steps {
        logs(step);
    }
    say!();
    say!("All of it: --json");
}

/// The step's id, with its place in loops and its attempt.
fn name(step: &Value) -> String {
    let mut name = step["id"].as_str().unwrap_or("-").to_owned();
    for at in list(&step["at"]) {
        name += &format!(".{at}");
    }
    match step["attempt"].as_u64() {
        Some(attempt) if attempt > 1 => format!("{name} #{attempt}"),
        Some(_) | None => name,
    }
}

fn logs(step: &Value) {
    let lines = list(&step["logs"]);
    if lines.is_empty() {
        return;
    }
    say!();
    say!("log of {}", terminal::safe(&name(step)));
    for line in lines.iter().take(MAX_LOG_LINES) {
        let level = line["level"].as_str().unwrap_or("info");
        say!("  {level:<5}  {}", terminal::safe(line["text"].as_str().unwrap_or_default()));
    }
    if lines.len() > MAX_LOG_LINES {
        say!("  … and {} lines more: --json", lines.len() - MAX_LOG_LINES);
    }
    if step["log_truncated"] == true {
        say!("  … the rest was over limits.log or limits.log_lines, and is not kept");
    }
}
