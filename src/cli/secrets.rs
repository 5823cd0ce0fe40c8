//! `flowcell secrets`: a server's secrets by name. A value comes from stdin or a variable. It is never an argument,
//! because every process of the machine can read those.

use std::io::{IsTerminal, Read};

use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Verdict,
    client::{self, Server},
    print::{self, Json},
    small_runtime,
    table::{Cell, Format, Table},
    terminal,
};
use crate::secrets::{MAX_VALUE, check_name, check_value};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List names, keys and times; never values.
    List(List),
    /// Set a secret. Its value is read from stdin, without one line break at its end.
    Set(Set),
    /// Remove a secret.
    Remove(Remove),
    /// Seal all secrets anew with the server's first key.
    Rotate(Rotate),
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Set {
    /// The secret's name: letters, digits and _.
    name: String,
    /// Take the value from this variable instead of stdin.
    #[arg(long, value_name = "VAR")]
    from_env: Option<String>,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Remove {
    /// The secret's name.
    name: String,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Rotate {
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::List(list) => {
                let page = list.server.get("/api/v1/secrets").await?;
                if list.format.json {
                    print::json(&page)?;
                } else {
                    let mut table = Table::new(&["SECRET", "KEY", "SET"]);
                    for secret in client::list(&page["secrets"]) {
                        table.row(vec![
                            Cell::id(&secret["name"]),
                            Cell::of(&secret["key_id"]),
                            Cell::time(&secret["set"], list.format),
                        ]);
                    }
                    table.print("no secrets");
                }
            }
            Command::Set(set) => {
                check_name(&set.name)?;
                let value = value(set)?;
                check_value(&set.name, &value)?;
                let body = json!({ "value": *value });
                let answer = set.server.send(Method::PUT, &path(&set.name), Some(&body)).await?;
                set.out.show(&answer, || shown(&answer))?;
            }
            Command::Remove(remove) => {
                check_name(&remove.name)?;
                remove.server.send(Method::DELETE, &path(&remove.name), None).await?;
                remove.out.show(&json!({ "removed": remove.name }), String::new)?;
            }
            Command::Rotate(rotate) => {
                let answer = rotate.server.send(Method::POST, "/api/v1/secrets/rotate", None).await?;
                let key = terminal::safe(answer["key_id"].as_str().unwrap_or("-"));
                rotate.out.show(&answer, || {
                    format!(
                        "{} sealed anew with key {key}; an older key can go at the next start",
                        answer["rotated"]
                    )
                })?;
            }
        }
        Ok(Verdict::Yes)
    })
}

fn path(name: &str) -> String {
    format!("/api/v1/secrets/{name}")
}

fn value(set: &Set) -> anyhow::Result<Zeroizing<String>> {
    if let Some(variable) = &set.from_env {
        return std::env::var(variable)
            .map(Zeroizing::new)
            .with_context(|| format!("the variable {variable} has no value to set"));
    }
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        tell!("Type the value of {} (it is shown), then Enter and Ctrl-D:", set.name);
    }
    let mut text = Zeroizing::new(String::new());
    // One line break, and one byte more to notice that the value is too long.
    let most = MAX_VALUE as u64 + 3;
    stdin.lock().take(most).read_to_string(&mut text).context("the value on stdin is not UTF-8 text")?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok(text)
}

fn shown(secret: &Value) -> String {
    let text = |key: &str| terminal::safe(secret[key].as_str().unwrap_or("-"));
    format!("{}  {}  {}", text("set"), text("key_id"), text("name"))
}
