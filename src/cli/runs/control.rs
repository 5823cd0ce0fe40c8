//! `flowcell runs replay|retry|cancel|start`: the commands that act on runs.

use anyhow::Context;
use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::super::{
    Verdict,
    client::{Server, segment},
    terminal,
};

#[derive(Args)]
pub(super) struct Replay {
    /// The runs' ids.
    #[arg(conflicts_with_all = ["workflow", "status", "after", "before", "limit", "dry_run"])]
    runs: Vec<String>,
    /// Use the present version instead of the run's own.
    #[arg(long)]
    newest: bool,
    /// Replay ended runs of this workflow.
    #[arg(long)]
    workflow: Option<String>,
    /// Replay runs that ended in this way: succeeded, failed or cancelled.
    #[arg(long)]
    status: Option<String>,
    /// Replay runs from after this run or time (2026-01-31T12:00:00Z).
    #[arg(long)]
    after: Option<String>,
    /// Replay runs from before this run or time.
    #[arg(long)]
    before: Option<String>,
    /// How many runs at most, 1 to 1000.
    #[arg(long)]
    limit: Option<usize>,
    /// Only print which runs would be replayed.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct One {
    /// The run's id.
    pub(super) run: String,
    #[command(flatten)]
    pub(super) server: Server,
}

#[derive(Args)]
pub(super) struct Cancel {
    /// The run's id.
    run: String,
    /// The reason, for people who look at the run.
    #[arg(long)]
    reason: Option<String>,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Start {
    /// The workflow's key.
    workflow: String,
    /// The run's `context.data`: JSON, or @FILE with JSON.
    #[arg(long)]
    data: Option<String>,
    #[command(flatten)]
    server: StartServer,
}

/// Here `--data` is the run's data. So the data folder is named `--server-data`.
#[derive(Args)]
struct StartServer {
    /// The server's address [default: that of its settings, else http://127.0.0.1:8080].
    #[arg(long, env = "FLOWCELL_URL")]
    server: Option<String>,
    /// The API token. Without it, the command reads the token from the data folder.
    #[arg(long, env = "FLOWCELL_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// The server's data folder, where the command finds the token.
    #[arg(long, env = "FLOWCELL_SERVER_DATA", default_value = "data")]
    server_data: std::path::PathBuf,
}

pub(super) async fn replay(replay: &Replay) -> anyhow::Result<Verdict> {
    let on = if replay.newest { "newest" } else { "same" };
    if !replay.runs.is_empty() {
        for run in &replay.runs {
            let path = format!("/api/v1/runs/{}/replay", segment(run));
            let answer = replay.server.send(Method::POST, &path, Some(&json!({ "on": on }))).await?;
            println!("{}", id(&answer["run_id"]));
        }
        return Ok(Verdict::Yes);
    }
    let mut filter =
        Map::from_iter([("on".to_owned(), on.into()), ("dry_run".to_owned(), replay.dry_run.into())]);
    let texts = [
        ("workflow", &replay.workflow),
        ("status", &replay.status),
        ("after", &replay.after),
        ("before", &replay.before),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            filter.insert(name.to_owned(), text.as_str().into());
        }
    }
    if let Some(limit) = replay.limit {
        filter.insert("limit".to_owned(), limit.into());
    }
    let answer = replay.server.send(Method::POST, "/api/v1/runs/replay", Some(&filter.into())).await?;
    for item in list(&answer["replayed"]) {
        if item["new"].is_null() {
            println!("{}", id(&item["run"]))
        } else {
            println!("{}  as {}", id(&item["run"]), id(&item["new"]))
        }
    }
    let failed = list(&answer["failed"]);
    for item in failed {
        eprintln!("flowcell: {}: {}", id(&item["run"]), id(&item["detail"]));
    }
    if let Some(next) = answer["next"].as_str() {
        eprintln!("flowcell: there are more; go on with --before {}", terminal::safe(next));
    }
    Ok(if failed.is_empty() { Verdict::Yes } else { Verdict::No })
}

pub(super) async fn retry(one: &One) -> anyhow::Result<Verdict> {
    let path = format!("/api/v1/runs/{}/retry", segment(&one.run));
    let answer = one.server.send(Method::POST, &path, None).await?;
    println!("{}", id(&answer["run_id"]));
    Ok(Verdict::Yes)
}

pub(super) async fn cancel(cancel: &Cancel) -> anyhow::Result<Verdict> {
    let path = format!("/api/v1/runs/{}/cancel", segment(&cancel.run));
    let body = cancel.reason.as_ref().map_or(json!({}), |reason| json!({ "reason": reason }));
    let answer = cancel.server.send(Method::POST, &path, Some(&body)).await?;
    println!("{}", id(&answer["run_id"]));
    Ok(Verdict::Yes)
}

pub(super) async fn start(start: &Start) -> anyhow::Result<Verdict> {
    let data = match start.data.as_deref() {
        None => Value::Null,
        Some(data) => {
            let text = match data.strip_prefix('@') {
                Some(file) => std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?,
                None => data.to_owned(),
            };
            serde_json::from_str(&text).context("--data is not JSON")?
        }
    };
    let StartServer { server, token, server_data } = &start.server;
    let server = Server::new(server.clone(), token.clone(), server_data.clone());
    let path = format!("/api/v1/workflows/{}/runs", segment(&start.workflow));
    let answer = server.send(Method::POST, &path, Some(&data)).await?;
    match answer["skipped"].as_bool() {
        Some(true) => {
            eprintln!("flowcell: skipped, as {} is unfinished", id(&answer["run_id"]));
            Ok(Verdict::No)
        }
        Some(false) | None => {
            println!("{}", id(&answer["run_id"]));
            Ok(Verdict::Yes)
        }
    }
}

pub(super) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn id(value: &Value) -> String {
    terminal::safe(value.as_str().unwrap_or("-"))
}
