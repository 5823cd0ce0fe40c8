//! `flowcell requests`: shows a server's request log, and sends one of its requests again.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::{Verdict, client::Server, client::segment, small_runtime, terminal};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List the newest requests, with the reason of each refusal.
    List(List),
    /// Show one request: its line, and what is kept of it.
    Show(One),
    /// Send a request again. An accepted request runs once more; a refused one runs as it came.
    Resend(One),
}

#[derive(Args)]
struct List {
    /// How many requests.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Only requests for this workflow.
    #[arg(long)]
    workflow: Option<String>,
    /// Only refused requests.
    #[arg(long)]
    refused: bool,
    /// Only requests before this one.
    #[arg(long)]
    before: Option<String>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct One {
    /// The request's id, as `list` shows it.
    request: String,
    #[command(flatten)]
    server: Server,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::List(list) => {
                let mut path = format!("/api/v1/requests?limit={}", list.limit);
                if let Some(workflow) = &list.workflow {
                    path.push_str(&format!("&workflow={}", segment(workflow)));
                }
                if list.refused {
                    path.push_str("&refused=true");
                }
                if let Some(before) = &list.before {
                    path.push_str(&format!("&before={}", segment(before)));
                }
                let page = list.server.get(&path).await?;
                if list.json {
                    println!("{}", serde_json::to_string_pretty(&page)?);
                } else {
                    let requests = page["requests"].as_array().cloned().unwrap_or_default();
                    requests.iter().for_each(|request| println!("{}", line(request)));
                }
            }
            Command::Show(one) => {
                let path = format!("/api/v1/requests/{}", segment(&one.request));
                println!("{}", serde_json::to_string_pretty(&one.server.get(&path).await?)?);
            }
            Command::Resend(one) => {
                let path = format!("/api/v1/requests/{}/resend", segment(&one.request));
                let sent = one.server.send(Method::POST, &path, None).await?;
                println!("{}", terminal::safe(sent["run_id"].as_str().unwrap_or("-")));
            }
        }
        Ok(Verdict::Yes)
    })
}

fn line(request: &Value) -> String {
    let text = |value: &Value| terminal::safe(value.as_str().unwrap_or("-"));
    let outcome = &request["outcome"];
    let run = |kind: &str| outcome[kind].is_object().then(|| text(&outcome[kind]["run"]));
    let outcome = run("accepted")
        .or_else(|| run("duplicate").map(|run| format!("copy of {run}")))
        .or_else(|| run("skipped").map(|run| format!("skipped, {run} is unfinished")))
        .or_else(|| run("called_back").map(|run| format!("called back {run}")))
        .or_else(|| (outcome == "filtered").then(|| "left out by the filter".to_owned()))
        .or_else(|| {
            outcome["handshake"]
                .is_object()
                .then(|| format!("handshake {}", text(&outcome["handshake"]["kind"])))
        })
        .unwrap_or_else(|| {
            let refused = &outcome["refused"];
            format!("{}: {}", text(&refused["code"]), text(&refused["reason"]))
        });
    let notes: String = request["notes"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|note| format!("; {}", text(&note["code"])))
        .collect();
    format!(
        "{}  {}  {}  {:<6} {}  {}  {} us  {outcome}{notes}",
        text(&request["id"]),
        text(&request["received"]),
        request["status"],
        text(&request["method"]),
        text(&request["path"]),
        text(&request["scheme"]),
        request["took_us"],
    )
}
