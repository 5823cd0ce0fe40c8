//! `flowcell runs dead`: lists failed runs that nobody has dealt with.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::json;

use super::{
    super::{
        Verdict,
        client::{Server, list, segment},
        print,
        table::Format,
        terminal,
    },
    control::One,
    table_of,
};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Dead {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Command {
    /// List the newest dead letters. This is the default.
    List(List),
    /// Take a run off the list; the run itself stays.
    Dismiss(One),
    /// Go on from the run's failed step, and take the run off the list.
    Retry(One),
}

#[derive(Args)]
struct List {
    /// How many runs.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

pub(super) async fn execute(dead: &Dead) -> anyhow::Result<Verdict> {
    match &dead.command {
        None => show(&dead.list).await?,
        Some(Command::List(list)) => show(list).await?,
        Some(Command::Dismiss(one)) => {
            one.server.send(Method::DELETE, &path(&one.run), None).await?;
            one.out.show(&json!({ "dismissed": one.run }), String::new)?;
        }
        Some(Command::Retry(one)) => {
            let answer = one.server.send(Method::POST, &format!("{}/retry", path(&one.run)), None).await?;
            one.out.show(&answer, || terminal::safe(answer["run_id"].as_str().unwrap_or("-")))?;
        }
    }
    Ok(Verdict::Yes)
}

async fn show(list_of: &List) -> anyhow::Result<()> {
    let page = list_of.server.get(&format!("/api/v1/dead-letters?limit={}", list_of.limit)).await?;
    if list_of.format.json {
        print::json(&page)?;
    } else {
        table_of(list(&page["dead_letters"]), list_of.format).print("no dead letters");
    }
    Ok(())
}

fn path(run: &str) -> String {
    format!("/api/v1/dead-letters/{}", segment(run))
}
