//! `flowcell requests`: shows a server's request log, and sends one of its requests again.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::Value;

use super::{
    Verdict,
    client::{self, Server, segment, with_query},
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
    /// List the newest requests, with the reason of each refusal.
    List(List),
    /// Show one request: its line, and what is kept of it.
    Show(One),
    /// Send a request again. An accepted request runs once more; a refused one runs as it came.
    Resend(Resend),
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
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Resend {
    /// The request's id, as `list` shows it.
    request: String,
    /// Print the server's answer as JSON.
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
    format: Format,
    #[command(flatten)]
    server: Server,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::List(list) => {
                let limit = list.limit.to_string();
                let path = with_query(
                    "/api/v1/requests",
                    [
                        ("limit", Some(&*limit)),
                        ("workflow", list.workflow.as_deref()),
                        ("refused", list.refused.then_some("true")),
                        ("before", list.before.as_deref()),
                    ],
                );
                let page = list.server.get(&path).await?;
                let requests = client::list(&page["requests"]);
                if let (true, Some(workflow)) = (requests.is_empty(), &list.workflow) {
                    workflows::must_exist(&list.server, workflow).await?;
                }
                if list.format.json {
                    print::json(&page)?;
                } else {
                    table_of(requests, list.format).print("no requests");
                }
            }
            Command::Show(one) => {
                let path = format!("/api/v1/requests/{}", segment(&one.request));
                let request = one.server.get(&path).await?;
                if one.format.json { print::json(&request)? } else { show(&request, one.format) }
            }
            Command::Resend(one) => {
                let path = format!("/api/v1/requests/{}/resend", segment(&one.request));
                let sent = one.server.send(Method::POST, &path, None).await?;
                if one.json {
                    print::json(&sent)?;
                } else {
                    say!("{}", terminal::safe(sent["run_id"].as_str().unwrap_or("-")));
                }
            }
        }
        Ok(Verdict::Yes)
    })
}

fn table_of(requests: &[Value], format: Format) -> Table {
    let mut table =
        Table::new(&["RECEIVED", "REQUEST", "STATUS", "METHOD", "PATH", "FROM", "SCHEME", "TOOK", "OUTCOME"]);
    for request in requests {
        let status = request["status"].as_u64().unwrap_or_default();
        table.row(vec![
            Cell::time(&request["received"], format),
            Cell::id(&request["id"]),
            Cell::number(status),
            Cell::of(&request["method"]),
            Cell::of(&request["path"]),
            Cell::of(&request["ip"]),
            Cell::of(&request["scheme"]),
            Cell::number(request["took_us"].as_u64().map_or("-".to_owned(), table::took)),
            Cell::text(&outcome(request)),
        ]);
    }
    table
}

/// What became of a request, in a line.
fn outcome(request: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let outcome = &request["outcome"];
    let run = |kind: &str| outcome[kind].is_object().then(|| text(&outcome[kind]["run"]));
    let told = run("accepted")
        .or_else(|| run("duplicate").map(|run| format!("copy of {run}")))
        .or_else(|| run("skipped").map(|run| format!("skipped, {run} is unfinished")))
        .or_else(|| run("called_back").map(|run| format!("called back {run}")))
        .or_else(|| (outcome == "filtered").then(|| "left out by the filter".to_owned()))
        .or_else(|| {
            let handshake = &outcome["handshake"];
            handshake.is_object().then(|| format!("handshake {}", text(&handshake["kind"])))
        })
        .unwrap_or_else(|| {
            let refused = &outcome["refused"];
            format!("{}: {}", text(&refused["code"]), text(&refused["reason"]))
        });
    let notes: String =
        client::list(&request["notes"]).iter().map(|note| format!("; {}", text(&note["code"]))).collect();
    told + &notes
}

/// One request for a person.
fn show(request: &Value, format: Format) {
    let text = |value: &Value| terminal::safe(value.as_str().unwrap_or("-"));
    say!(
        "{}  {} {}  {}",
        text(&request["id"]),
        text(&request["method"]),
        text(&request["path"]),
        request["status"]
    );
    say!(
        "  received  {} from {}",
        format.time(request["received"].as_str().unwrap_or("-")),
        text(&request["ip"])
    );
    say!("  outcome   {}", terminal::safe(&outcome(request)));
    for note in client::list(&request["notes"]) {
        say!("  note      {}: {}", text(&note["code"]), text(&note["message"]));
    }
    let kept = &request["request"];
    if kept.is_null() {
        say!("  Its headers and body are not kept.");
    }
    for (name, value) in kept["headers"].as_object().into_iter().flatten() {
        say!("  {}: {}", terminal::safe(name), text(value));
    }
    if let Some(body) = kept["body"].as_str().filter(|body| !body.is_empty()) {
        say!();
        say!("{}", terminal::safe(body));
    }
    say!();
    say!("All of it: --json");
}
