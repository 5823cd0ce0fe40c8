//! `flowcell admin`: people, and the ways in again for whoever has the machine.
//!
//! `people` and `reset-password` work on the data folder itself when no server uses it, and through the server otherwise, with the token
//! of that folder. A setup link is the server's own, so it needs a server.

use std::{
    io::{IsTerminal, Read},
    sync::Arc,
};

use anyhow::Context;
use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    Verdict, backup,
    client::{self, Server, segment},
    print::{self, Json},
    small_runtime,
    table::{Cell, Format, Table},
    terminal,
};
use crate::{
    engine::{Ports, SystemPorts},
    identity::LONGEST,
    model::{Actor, PersonName, Span},
    people::{Changes, Deed, People},
    steps,
    store::Store,
};

/// Random bytes of a password that the command makes.
const MADE: usize = 12;

#[derive(Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Print a new link that makes the first person; the one before is no longer valid.
    SetupLink(Link),
    /// Give a person a new password, and end their sessions. It is read from stdin; on a terminal, one is made and printed.
    ResetPassword(Reset),
    /// List the people who may log in.
    People(List),
}

#[derive(Args)]
struct Link {
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Reset {
    /// The person's name.
    name: PersonName,
    #[command(flatten)]
    out: Json,
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

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            Command::SetupLink(link) => {
                let answer = link.server.send(Method::POST, "/api/v1/setup/link", None).await?;
                link.out.show(&answer, || terminal::safe(answer["url"].as_str().unwrap_or("-")))?;
            }
            Command::ResetPassword(reset) => reset_password(reset).await?,
            Command::People(list) => people(list).await?,
        }
        Ok(Verdict::Yes)
    })
}

/// The store, if no server uses the data folder and the command names none.
async fn stopped(server: &Server) -> anyhow::Result<Option<Arc<dyn Store>>> {
    if server.is_named() { Ok(None) } else { backup::stopped_store(server.data()).await }
}

async fn of_store(store: &Arc<dyn Store>) -> anyhow::Result<(People, Arc<dyn Ports>)> {
    let ports: Arc<dyn Ports> = Arc::new(SystemPorts::default());
    // Nothing is swept here, so no time to keep counts.
    let people = People::open(Arc::clone(store), Arc::clone(&ports), Span::from_millis(u64::MAX)).await?;
    Ok((people, ports))
}

async fn people(list: &List) -> anyhow::Result<()> {
    let page = match stopped(&list.server).await? {
        Some(store) => {
            let (people, _) = of_store(&store).await?;
            let lines: Vec<Value> = people
                .list()
                .await?
                .iter()
                .map(|person| {
                    json!({
                        "name": person.name,
                        "role": person.role,
                        "payloads": person.payloads || person.role.sees_payloads(),
                        "created": steps::timestamp(person.created_ms),
                        "seen": person.seen_ms.map(steps::timestamp),
                    })
                })
                .collect();
            store.close().await;
            json!({ "people": lines })
        }
        None => list.server.get("/api/v1/people").await?,
    };
    if list.format.json {
        return Ok(print::json(&page)?);
    }
    let mut table = Table::new(&["NAME", "ROLE", "PAYLOADS", "CREATED", "LAST LOGIN"]);
    for person in client::list(&page["people"]) {
        let payloads = if person["payloads"] == true { "yes" } else { "no" };
        table.row(vec![
            Cell::id(&person["name"]),
            Cell::of(&person["role"]),
            Cell::text(payloads),
            Cell::time(&person["created"], list.format),
            Cell::time(&person["seen"], list.format),
        ]);
    }
    table.print("no people: `flowcell admin setup-link` prints the link that makes the first one");
    Ok(())
}

async fn reset_password(reset: &Reset) -> anyhow::Result<()> {
    let (password, is_made) = password()?;
    match stopped(&reset.server).await? {
        Some(store) => {
            let (people, ports) = of_store(&store).await?;
            let changes = Changes { password: Some(password.to_string()), ..Changes::default() };
            let changed = people.change(&reset.name, changes).await;
            if changed.is_ok() {
                people.note(deed(reset, &*ports), true).await;
            }
            store.close().await;
            changed?;
        }
        None => {
            let path = format!("/api/v1/people/{}", segment(reset.name.as_str()));
            let body = json!({ "new_password": *password });
            reset.server.send(Method::PATCH, &path, Some(&body)).await?;
        }
    }
    let made = is_made.then_some(password.as_str());
    reset.out.show(&json!({ "name": reset.name, "password": made }), || match made {
        Some(password) => format!("{} logs in with {password} now", reset.name),
        None => String::new(),
    })?;
    Ok(())
}

fn deed(reset: &Reset, ports: &dyn Ports) -> Deed {
    Deed {
        by: Some(Actor::Machine),
        action: "flowcell admin reset-password".to_owned(),
        target: reset.name.to_string(),
        before: None,
        after: None,
        address: "this machine".to_owned(),
        request: ports.request_id(),
        status: 200,
        code: None,
    }
}

/// The new password, and whether this command made it.
fn password() -> anyhow::Result<(Zeroizing<String>, bool)> {
    let stdin = std::io::stdin();
    if stdin.is_terminal() {
        let mut random = [0; MADE];
        getrandom::fill(&mut random)
            .map_err(|error| anyhow::anyhow!("no randomness for a password: {error}"))?;
        return Ok((Zeroizing::new(hex::encode(random)), true));
    }
    let mut text = Zeroizing::new(String::new());
    let most = LONGEST as u64 + 3;
    stdin.lock().take(most).read_to_string(&mut text).context("the password on stdin is not UTF-8 text")?;
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    Ok((text, false))
}
