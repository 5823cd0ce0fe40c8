//! `flowcell runs replay|retry|cancel|start`: the commands that act on runs.

use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::{
    super::{
        Verdict,
        client::{Server, list, segment},
        given,
        print::{self, Json},
        table::Format,
        terminal,
    },
    show,
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
    #[arg(long, value_parser = ["succeeded", "failed", "cancelled"])]
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
    after_start: AfterStart,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct One {
    /// The run's id.
    pub(super) run: String,
    #[command(flatten)]
    pub(super) out: Json,
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
    out: Json,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Retry {
    /// The run's id.
    run: String,
    /// Go on with the present version of the workflow instead of the run's own.
    #[arg(long)]
    newest: bool,
    #[command(flatten)]
    after_start: AfterStart,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Start {
    /// The workflow's key.
    workflow: String,
    /// The run's `context.data`: JSON, a file with JSON, or `-` for stdin.
    #[arg(long)]
    event: Option<String>,
    /// The trigger whose run it is to be, by its name. A schedule gives its input and this moment.
    #[arg(long)]
    trigger: Option<String>,
    #[command(flatten)]
    after_start: AfterStart,
    #[command(flatten)]
    server: Server,
}

/// What happens when new runs have been started.
#[derive(Args)]
struct AfterStart {
    /// Wait until the new run has ended, and show it; exit with 1 when it did not succeed.
    #[arg(long)]
    wait: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl AfterStart {
    /// How a run that was waited for is shown.
    fn format(&self) -> Format {
        Format { json: self.json, utc: false }
    }

    /// Prints the answer that names the new run, or waits for that run.
    async fn follow(&self, server: &Server, answer: &Value) -> anyhow::Result<Verdict> {
        if let (true, Some(run)) = (self.wait, answer["run_id"].as_str()) {
            return show::until_ended(server, run, self.format()).await;
        }
        if self.json {
            print::json(answer)?;
        } else {
            say!("{}", id(&answer["run_id"]));
        }
        Ok(Verdict::Yes)
    }
}

pub(super) async fn replay(replay: &Replay) -> anyhow::Result<Verdict> {
    let on = if replay.newest { "newest" } else { "same" };
    if !replay.runs.is_empty() {
        let mut verdict = Verdict::Yes;
        for run in &replay.runs {
            let path = format!("/api/v1/runs/{}/replay", segment(run));
            let answer = replay.server.send(Method::POST, &path, Some(&json!({ "on": on }))).await?;
            verdict = verdict.and(replay.after_start.follow(&replay.server, &answer).await?);
        }
        return Ok(verdict);
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
    if replay.after_start.json {
        print::json(&answer)?;
    }
    for item in list(&answer["replayed"]) {
        match (replay.after_start.json, item["new"].as_str()) {
            (true, _) => {}
            (false, None) => say!("{}", id(&item["run"])),
            (false, Some(new)) => say!("{}  as {}", id(&item["run"]), terminal::safe(new)),
        }
    }
    let mut verdict = Verdict::Yes;
    for new in list(&answer["replayed"]).iter().filter_map(|item| item["new"].as_str()) {
        if replay.after_start.wait {
            verdict = verdict.and(show::until_ended(&replay.server, new, replay.after_start.format()).await?);
        }
    }
    let failed = list(&answer["failed"]);
    for item in failed {
        tell!("flowcell: {}: {}", id(&item["run"]), id(&item["detail"]));
    }
    if let Some(next) = answer["next"].as_str() {
        tell!("flowcell: there are more; go on with --before {}", terminal::safe(next));
    }
    Ok(if failed.is_empty() { verdict } else { Verdict::No })
}

pub(super) async fn retry(retry: &Retry) -> anyhow::Result<Verdict> {
    let path = format!("/api/v1/runs/{}/retry", segment(&retry.run));
    let on = if retry.newest { "newest" } else { "same" };
    let answer = retry.server.send(Method::POST, &path, Some(&json!({ "on": on }))).await?;
    if !retry.newest {
        tell_of_newer(&retry.server, &retry.run).await;
    }
    retry.after_start.follow(&retry.server, &answer).await
}

/// Says that a run keeps an old version, when its workflow has a newer one: whoever mended the script and retries wants that.
async fn tell_of_newer(server: &Server, run: &str) {
    // Only a hint, so nothing fails for it.
    let Ok(run) = server.get(&format!("/api/v1/runs/{}", segment(run))).await else { return };
    let Ok(page) = server.get("/api/v1/workflows").await else { return };
    let present = list(&page["workflows"]).iter().find(|workflow| workflow["key"] == run["workflow"]);
    if let (Some(own), Some(present)) =
        (run["version"].as_str(), present.and_then(|it| it["version"].as_str()))
        && own != present
    {
        let short = |version: &str| terminal::safe(&version.chars().take(12).collect::<String>());
        tell!(
            "flowcell: the run keeps the version that it began with, {}; the present one is {}: retry with --newest to use it",
            short(own),
            short(present)
        );
    }
}

pub(super) async fn cancel(cancel: &Cancel) -> anyhow::Result<Verdict> {
    let path = format!("/api/v1/runs/{}/cancel", segment(&cancel.run));
    let body = cancel.reason.as_ref().map_or(json!({}), |reason| json!({ "reason": reason }));
    let answer = cancel.server.send(Method::POST, &path, Some(&body)).await?;
    cancel.out.show(&answer, || id(&answer["run_id"]))?;
    Ok(Verdict::Yes)
}

pub(super) async fn start(start: &Start) -> anyhow::Result<Verdict> {
    let data = start.event.as_deref().map(|event| given::json(event, "--event")).transpose()?;
    let mut path = format!("/api/v1/workflows/{}/runs", segment(&start.workflow));
    if let Some(trigger) = &start.trigger {
        let mut query = form_urlencoded::Serializer::new(String::new());
        path = format!("{path}?{}", query.append_pair("trigger", trigger).finish());
    }
    let answer = start.server.send(Method::POST, &path, data.as_ref()).await?;
    if answer["skipped"] == true {
        if start.after_start.json {
            print::json(&answer)?;
        }
        tell!("flowcell: skipped, as {} is unfinished", id(&answer["run_id"]));
        return Ok(Verdict::No);
    }
    start.after_start.follow(&start.server, &answer).await
}

fn id(value: &Value) -> String {
    terminal::safe(value.as_str().unwrap_or("-"))
}
