//! `flowcell workflows`: lists the workflows of a server, shows their triggers and revisions, pauses, switches and rolls them back.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{
    Verdict,
    client::{self, Server, segment},
    print, small_runtime,
    table::{Cell, Format, Table},
    terminal,
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
    /// Show one workflow with all its triggers.
    Show(Show),
    /// Accept events, but begin no runs.
    Pause(One),
    /// Begin runs again.
    Resume(One),
    /// Answer nothing, whatever the files say.
    Off(One),
    /// Do again what the files say.
    On(One),
    /// List what was published, newest first.
    Revisions(Revisions),
    /// Publish the version of an older revision again.
    Rollback(Rollback),
}

#[derive(Args)]
struct Revisions {
    /// The workflow's key.
    key: String,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Rollback {
    /// The workflow's key.
    key: String,
    /// The number of the revision whose version is published again.
    revision: u64,
    /// Why, for people.
    #[arg(long, default_value = "")]
    note: String,
    /// Print the server's answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Show {
    /// The workflow's key.
    key: String,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct One {
    /// The workflow's key.
    key: String,
    /// Print the server's answer as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::List(list) => {
                let page = list.server.get("/api/v1/workflows").await?;
                if list.format.json {
                    print::json(&page)?;
                } else {
                    table_of(client::list(&page["workflows"]), list.format).print(
                        "no workflows: put folders with a workflow.json into the server's workflows folder",
                    );
                }
            }
            Command::Show(one) => show(one).await?,
            Command::Pause(one) => set(one, "pause").await?,
            Command::Resume(one) => set(one, "resume").await?,
            Command::Off(one) => set(one, "off").await?,
            Command::On(one) => set(one, "on").await?,
            Command::Revisions(revisions) => list_revisions(revisions).await?,
            Command::Rollback(rollback) => roll_back(rollback).await?,
        }
        Ok(Verdict::Yes)
    })
}

async fn set(one: &One, verb: &str) -> anyhow::Result<()> {
    let path = format!("/api/v1/workflows/{}/{verb}", segment(&one.key));
    let answer = one.server.send(Method::POST, &path, None).await?;
    if one.json {
        print::json(&answer)?;
    }
    Ok(())
}

async fn list_revisions(arguments: &Revisions) -> anyhow::Result<()> {
    let (server, format) = (&arguments.server, arguments.format);
    let path = format!("/api/v1/workflows/{}/revisions?limit=500", segment(&arguments.key));
    let page = server.get(&path).await?;
    if format.json {
        return Ok(print::json(&page)?);
    }
    let mut table = Table::new(&["REVISION", "TIME", "BY", "FROM", "VERSION", "NOTE"]);
    for revision in client::list(&page["revisions"]) {
        let by = ["name", "id", "kind"].into_iter().find_map(|name| revision["by"][name].as_str());
        let version: String = revision["version"].as_str().unwrap_or("-").chars().take(12).collect();
        table.row(vec![
            Cell::number(&revision["number"]),
            Cell::time(&revision["time"], format),
            Cell::text(by.unwrap_or("-")),
            Cell::of(&revision["source"]),
            Cell::text(&version).faint(),
            Cell::text(revision["note"].as_str().unwrap_or_default()),
        ]);
    }
    table.print("no revisions");
    Ok(())
}

async fn roll_back(arguments: &Rollback) -> anyhow::Result<()> {
    let path = format!("/api/v1/workflows/{}/rollback", segment(&arguments.key));
    let body = json!({ "to": arguments.revision, "note": arguments.note });
    let answer = arguments.server.send(Method::POST, &path, Some(&body)).await?;
    if arguments.json {
        return Ok(print::json(&answer)?);
    }
    say!(
        "{}: revision {} is revision {} again",
        terminal::safe(&arguments.key),
        answer["revision"],
        arguments.revision
    );
    Ok(())
}

/// Refuses the name of a workflow that the server does not have, with names that are near: an empty list would look like a
/// workflow without runs. Runs of workflows that were removed are listed while they are kept, and need no such name.
pub(super) async fn must_exist(server: &Server, key: &str) -> anyhow::Result<()> {
    let page = server.get("/api/v1/workflows").await?;
    let workflows = client::list(&page["workflows"]);
    let keys: Vec<&str> = workflows.iter().filter_map(|workflow| workflow["key"].as_str()).collect();
    if keys.contains(&key) {
        return Ok(());
    }
    let near =
        keys.iter().filter(|known| is_near(known, key)).map(|known| format!("`{}`", terminal::safe(known)));
    let near: Vec<_> = near.take(3).collect();
    let key = terminal::safe(key);
    match (near.as_slice(), keys.len()) {
        ([], 0) => anyhow::bail!("there is no workflow `{key}`, nor any other on this server"),
        ([], _) => {
            anyhow::bail!("there is no workflow `{key}`; `flowcell workflows list` shows which there are")
        }
        (near, _) => anyhow::bail!("there is no workflow `{key}`; did you mean {}?", near.join(" or ")),
    }
}

/// Whether one may have been typed for the other.
fn is_near(known: &str, typed: &str) -> bool {
    let (known, typed) = (known.to_lowercase(), typed.to_lowercase());
    strsim::jaro_winkler(&known, &typed) > 0.85 || (typed.len() >= 3 && known.contains(&typed))
}

fn table_of(workflows: &[Value], format: Format) -> Table {
    let mut table = Table::new(&[
        "WORKFLOW", "TRIGGER", "STATE", "HOME", "REVISION", "IN LINE", "WAITING", "NEXT", "TITLE",
    ]);
    for workflow in workflows {
        let state = match workflow["state"].as_str() {
            Some("off") => "disabled".to_owned(),
            Some("off_here") => "off here".to_owned(),
            Some(state) => terminal::safe(state),
            None => "-".to_owned(),
        };
        table.row(vec![
            Cell::id(&workflow["key"]),
            Cell::text(&triggers(workflow)),
            Cell::status(&state),
            Cell::of(&workflow["home"]),
            Cell::number(&workflow["revision"]),
            Cell::number(&workflow["pending_runs"]),
            Cell::number(&workflow["waiting_runs"]),
            Cell::time(&workflow["next"], format),
            Cell::text(workflow["title"].as_str().unwrap_or_default()),
        ]);
    }
    table
}

/// The triggers of a workflow: the type of each, and its name where that says more.
fn triggers(workflow: &Value) -> String {
    let shown = |trigger: &Value| {
        let (kind, name) = (text(&trigger["type"]), text(&trigger["name"]));
        if kind == name { kind } else { format!("{kind} {name}") }
    };
    client::list(&workflow["triggers"]).iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> String {
    terminal::safe(value.as_str().unwrap_or("-"))
}

async fn show(show: &Show) -> anyhow::Result<()> {
    let page = show.server.get("/api/v1/workflows").await?;
    let workflows = client::list(&page["workflows"]);
    let Some(workflow) = workflows.iter().find(|workflow| workflow["key"] == show.key.as_str()) else {
        return must_exist(&show.server, &show.key).await;
    };
    if show.format.json {
        return Ok(print::json(workflow)?);
    }
    table_of(std::slice::from_ref(workflow), show.format).print("");
    say!();
    let mut table = Table::new(&["TRIGGER", "TYPE", "STARTS A RUN", "NEXT"]);
    for trigger in client::list(&workflow["triggers"]) {
        table.row(vec![
            Cell::id(&trigger["name"]),
            Cell::of(&trigger["type"]),
            Cell::text(&starts(trigger)),
            Cell::time(&trigger["next"], show.format),
        ]);
    }
    table.print("");
    Ok(())
}

/// What starts the runs of a trigger.
fn starts(trigger: &Value) -> String {
    let words = |list: &Value| client::list(list).iter().map(text).collect::<Vec<_>>().join(", ");
    match trigger["type"].as_str() {
        Some("webhook") => format!("{} {}", words(&trigger["methods"]), text(&trigger["path"])),
        Some("schedule") => format!("{} {}", text(&trigger["cron"]), text(&trigger["timezone"])),
        Some("workflow") => format!("{}: {}", words(&trigger["workflows"]), words(&trigger["on"])),
        Some(_) | None => "flowcell runs start".to_owned(),
    }
}
