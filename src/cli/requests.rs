//! `flowcell requests`: a look at a server's request log.

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{Verdict, client::Server, small_runtime, terminal};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The newest requests, with the reason of each refusal.
    List(List),
}

#[derive(Args)]
struct List {
    /// How many.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::List(list) => {
                let page = list.server.get(&format!("/api/v1/requests?limit={}", list.limit)).await?;
                if list.json {
                    println!("{}", serde_json::to_string_pretty(&page)?);
                } else {
                    let requests = page["requests"].as_array().cloned().unwrap_or_default();
                    requests.iter().for_each(|request| println!("{}", line(request)));
                }
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
        .unwrap_or_else(|| {
            let refused = &outcome["refused"];
            format!("{}: {}", text(&refused["code"]), text(&refused["reason"]))
        });
    format!(
        "{}  {}  {:<6} {}  {} us  {outcome}",
        text(&request["received"]),
        request["status"],
        text(&request["method"]),
        text(&request["path"]),
        request["took_us"],
    )
}
