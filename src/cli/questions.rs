//! `flowcell questions`: lists the questions that runs ask people, shows one, and answers it.

use clap::{Args, Subcommand};
use http::Method;
use serde_json::{Value, json};

use super::{
    Verdict,
    client::{Server, list, segment, with_query},
    print::{self, Json},
    small_runtime,
    table::{Cell, Format, Table},
    terminal,
};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    list: List,
}

#[derive(Subcommand)]
enum Command {
    /// List the open questions. This is the default.
    List(List),
    /// Show one open question with its text and answers.
    Show(Show),
    /// Answer an open question.
    Answer(Answer),
}

#[derive(Args)]
struct List {
    /// Only those of this workflow.
    #[arg(long)]
    workflow: Option<String>,
    /// Only those after this one, as a page of the list names it.
    #[arg(long)]
    before: Option<String>,
    /// How many questions, 500 at most.
    #[arg(long, default_value_t = 50)]
    limit: usize,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Show {
    /// The question's id, as the list shows it.
    id: String,
    #[command(flatten)]
    format: Format,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
struct Answer {
    /// The question's id, as the list shows it.
    id: String,
    /// One of its answers.
    value: String,
    /// What you want to say about it.
    #[arg(long)]
    comment: Option<String>,
    /// Who answers [default: the user of this machine who calls the command].
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    out: Json,
    #[command(flatten)]
    server: Server,
}

pub(super) fn execute(arguments: &Arguments) -> anyhow::Result<Verdict> {
    small_runtime()?.block_on(async {
        match &arguments.command {
            None => show_all(&arguments.list).await?,
            Some(Command::List(list)) => show_all(list).await?,
            Some(Command::Show(one)) => show(one).await?,
            Some(Command::Answer(answer)) => {
                let name = answer.name.clone().or_else(user);
                let body = json!({ "answer": answer.value, "comment": answer.comment, "name": name });
                let path = format!("{}/answer", path(&answer.id));
                let run = answer.server.send(Method::POST, &path, Some(&body)).await?;
                answer.out.show(&run, || terminal::safe(run["run_id"].as_str().unwrap_or("-")))?;
            }
        }
        Ok(Verdict::Yes)
    })
}

/// The name of the user on this machine.
fn user() -> Option<String> {
    ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok()).filter(|name| !name.is_empty())
}

async fn show_all(list_of: &List) -> anyhow::Result<()> {
    let limit = list_of.limit.to_string();
    let path = with_query(
        "/api/v1/questions",
        [
            ("limit", Some(&*limit)),
            ("workflow", list_of.workflow.as_deref()),
            ("before", list_of.before.as_deref()),
        ],
    );
    let page = list_of.server.get(&path).await?;
    if list_of.format.json {
        return Ok(print::json(&page)?);
    }
    let mut table = Table::new(&["QUESTION", "WORKFLOW", "SINCE", "UNTIL", "ANSWERS", "TITLE"]);
    for question in list(&page["questions"]) {
        table.row(vec![
            Cell::id(&question["id"]),
            Cell::of(&question["workflow"]),
            Cell::time(&question["since"], list_of.format),
            Cell::time(&question["until"], list_of.format),
            Cell::text(&values(question).join(", ")),
            Cell::of(&question["title"]),
        ]);
    }
    table.print("no open questions");
    if let Some(next) = page["next"].as_str() {
        tell!("flowcell: there are more; go on with --before {}", terminal::safe(next));
    }
    Ok(())
}

async fn show(one: &Show) -> anyhow::Result<()> {
    let question = one.server.get(&path(&one.id)).await?;
    if one.format.json {
        return Ok(print::json(&question)?);
    }
    let text = |name: &str| terminal::safe(question[name].as_str().unwrap_or("-"));
    say!("{}", text("title"));
    for line in question["text"].as_str().unwrap_or_default().lines() {
        say!("  {}", terminal::safe(line));
    }
    say!("workflow  {}", text("workflow"));
    for name in ["since", "until"] {
        if let Some(time) = question[name].as_str() {
            say!("{name}     {}", one.format.time(time));
        }
    }
    if question["comment"] == "required" {
        say!("comment   required");
    }
    say!("answer it with one of:");
    for value in values(&question) {
        say!("  flowcell questions answer {} '{}'", text("id"), terminal::safe(&value));
    }
    Ok(())
}

/// The values of a question's answers.
fn values(question: &Value) -> Vec<String> {
    let values = list(&question["answers"]).iter();
    values.map(|answer| answer["value"].as_str().unwrap_or("-").to_owned()).collect()
}

fn path(id: &str) -> String {
    format!("/api/v1/questions/{}", segment(id))
}
