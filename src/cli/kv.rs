//! `flowcell kv`: shows, sets and deletes the values that a workflow's scripts keep on a server.

use std::io::Read;

use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{
    Verdict,
    client::{self, Server, segment, with_query},
    print::{self, Json},
    small_runtime,
    table::{Cell, Format, Table},
    terminal, workflows,
};
use crate::model::{Limits, Span};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List keys and values, in the order of the keys.
    List(List),
    /// Print one value as JSON.
    Get(One),
    /// Set a value.
    Set(Set),
    /// Delete a value.
    Delete(One),
}

#[derive(Args)]
struct List {
    /// The workflow's key.
    workflow: String,
    /// Only keys that begin with this text.
    #[arg(long, default_value = "")]
    prefix: String,
    /// Only keys after this one.
    #[arg(long)]
    after: Option<String>,
    /// How many values, 500 at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct One {
    /// The workflow's key.
    workflow: String,
    /// The value's key.
    key: String,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Set {
    /// The workflow's key.
    workflow: String,
    /// The value's key.
    key: String,
    /// The value as JSON. Without it, the command reads stdin.
    value: Option<String>,
    /// How long the value is kept, such as 1h. Without it, until it is deleted.
    #[arg(long)]
    ttl: Option<Span>,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::List(list) => show(list).await?,
            Command::Get(one) => {
                let entry = one.server.get(&path(&one.workflow, &one.key)).await?;
                // The value is JSON in any case; a program may also want to know until when it is kept.
                print::json(if one.out.json { &entry } else { &entry["value"] })?;
            }
            Command::Set(set) => {
                let body = json!({ "value": value(set)?, "ttl": set.ttl });
                set.server.send(Method::PUT, &path(&set.workflow, &set.key), Some(&body)).await?;
                set.out.show(&json!({ "set": set.key }), String::new)?;
            }
            Command::Delete(one) => {
                one.server.send(Method::DELETE, &path(&one.workflow, &one.key), None).await?;
                one.out.show(&json!({ "deleted": one.key }), String::new)?;
            }
        }
        Ok(Verdict::Yes)
    })
}

async fn show(list: &List) -> anyhow::Result<()> {
    let limit = list.limit.to_string();
    let path = with_query(
        &format!("/api/v1/workflows/{}/kv", segment(&list.workflow)),
        [("prefix", Some(&*list.prefix)), ("limit", Some(&*limit)), ("after", list.after.as_deref())],
    );
    let page = list.server.get(&path).await?;
    if list.format.json {
        print::json(&page)?;
        return Ok(());
    }
    let entries = client::list(&page["entries"]);
    if entries.is_empty() {
        workflows::must_exist(&list.server, &list.workflow).await?;
    }
    let mut table = Table::new(&["KEY", "UNTIL", "VALUE"]);
    for entry in entries {
        table.row(vec![
            Cell::id(&entry["key"]),
            Cell::time(&entry["expires"], list.format),
            Cell::text(&entry["value"].to_string()),
        ]);
    }
    table.print("no values");
    if let Some(next) = page["next"].as_str() {
        tell!("flowcell: there are more; go on with --after '{}'", terminal::safe(next));
    }
    Ok(())
}

fn value(set: &Set) -> anyhow::Result<Value> {
    let text = match &set.value {
        Some(value) => value.clone(),
        None => {
            let mut text = String::new();
            let most = Limits::KV_VALUE.as_bytes() + 1_024;
            std::io::stdin()
                .lock()
                .take(most)
                .read_to_string(&mut text)
                .context("the value on stdin is not UTF-8 text")?;
            text
        }
    };
    let hint = "the value is not JSON; a text needs its own quotes, as in '\"text\"'";
    serde_json::from_str(&text).context(hint)
}

fn path(workflow: &str, key: &str) -> String {
    format!("/api/v1/workflows/{}/kv/{}", segment(workflow), segment(key))
}
