//! `flowcell tokens`: the tokens of a server's API.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{
    Verdict,
    client::{self, Server},
    print::{self, Json},
    small_runtime,
    table::{Cell, Format, Table},
    terminal,
};
use crate::model::{Right, TokenId};

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// List tokens; never their secrets.
    List(List),
    /// Make a token and print it. It is shown this once.
    Create(Create),
    /// Revoke a token.
    Revoke(Revoke),
}

#[derive(Args)]
struct List {
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Create {
    /// What the token is for.
    name: String,
    /// What it may do, such as runs:read. Give it several times, or separate scopes by commas.
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_delimiter = ',')]
    scopes: Vec<Right>,
    /// Only workflows whose keys begin with this.
    #[arg(long)]
    prefix: Option<String>,
    /// How long it is valid, such as 30d, or `never` [default: 90d].
    #[arg(long, value_name = "TIME")]
    expires_in: Option<String>,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Revoke {
    /// The token's id: the 12 digits after `fct_`.
    id: TokenId,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::List(list) => show(list).await?,
            Command::Create(create) => {
                let mut body = json!({ "name": create.name, "scopes": create.scopes });
                if let Some(prefix) = &create.prefix {
                    body["prefix"] = prefix.as_str().into();
                }
                if let Some(time) = &create.expires_in {
                    body["expires_in"] = time.as_str().into();
                }
                let answer = create.server.send(Method::POST, "/api/v1/tokens", Some(&body)).await?;
                create.out.show(&answer, || terminal::safe(answer["token"].as_str().unwrap_or("-")))?;
            }
            Command::Revoke(revoke) => {
                let path = format!("/api/v1/tokens/{}", revoke.id);
                revoke.server.send(Method::DELETE, &path, None).await?;
                revoke.out.show(&json!({ "revoked": revoke.id }), String::new)?;
            }
        }
        Ok(Verdict::Yes)
    })
}

async fn show(list: &List) -> anyhow::Result<()> {
    let page = list.server.get("/api/v1/tokens").await?;
    if list.format.json {
        return Ok(print::json(&page)?);
    }
    let mut table = Table::new(&["TOKEN", "EXPIRES", "USED", "WORKFLOWS", "NAME", "SCOPES"]);
    for token in client::list(&page["tokens"]) {
        let scopes: Vec<&str> = client::list(&token["scopes"]).iter().filter_map(Value::as_str).collect();
        let workflows = token["prefix"].as_str().map_or("all".to_owned(), |prefix| format!("{prefix}*"));
        let expires = match &token["expires"] {
            Value::Null => Cell::text("never"),
            time => Cell::time(time, list.format),
        };
        table.row(vec![
            Cell::id(&token["id"]),
            expires,
            Cell::time(&token["used"], list.format),
            Cell::text(&workflows),
            Cell::of(&token["name"]),
            Cell::text(&scopes.join(" ")),
        ]);
    }
    table.print("no tokens");
    Ok(())
}
