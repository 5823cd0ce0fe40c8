//! `flowcell pull`, `push` and `diff`: workflows as folders against a server.
//!
//! `DIR/.flowcell/state.json` remembers which version of each workflow was pulled or pushed last. A push is refused when the server
//! has another one by then, so that nobody's change is overwritten.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::Context;
use clap::Args;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use similar::TextDiff;

use super::{
    Verdict,
    client::{self, Server, segment},
    print, small_runtime, terminal,
};
use crate::{
    files,
    folder::{self, FolderError, Missing},
    model::{Bundle, WorkflowKey},
    store::tables::versions,
};

/// The largest file of what is remembered.
const STATE_MOST: u64 = 16 << 20;

#[derive(Args)]
pub(super) struct Pull {
    /// The folder that gets workflow folders.
    folder: PathBuf,
    /// Only these workflows; without any, all whose home is the server.
    keys: Vec<WorkflowKey>,
    /// Overwrite what was changed here and not pushed.
    #[arg(long)]
    force: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Push {
    /// The folder of workflow folders.
    folder: PathBuf,
    /// Only these workflows; without any, all in the folder.
    keys: Vec<WorkflowKey>,
    /// Why, for people.
    #[arg(long, default_value = "")]
    note: String,
    /// Overwrite this revision of the server, which must be its newest.
    #[arg(long, value_name = "REVISION")]
    force: Option<u64>,
    /// Publish although fixtures expect something else.
    #[arg(long)]
    accept_differences: bool,
    /// Print what was done as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

#[derive(Args)]
pub(super) struct Diff {
    /// The folder of workflow folders.
    folder: PathBuf,
    /// Only these workflows; without any, all in the folder and all whose home is the server.
    keys: Vec<WorkflowKey>,
    /// Print what differs as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// What a folder was last the same as.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct State {
    workflows: BTreeMap<WorkflowKey, Base>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Base {
    revision: u64,
    version: String,
}

impl State {
    fn place(folder: &Path) -> PathBuf {
        folder.join(".flowcell").join("state.json")
    }

    fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = Self::place(folder);
        match files::named_text(&path, STATE_MOST) {
            Ok(text) => serde_json::from_str(&text).with_context(|| path.display().to_string()),
            Err(error) if error.is_missing() => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = Self::place(folder);
        let parent = path.parent().unwrap_or(folder);
        let beside = path.with_extension("json.flowcell-tmp");
        let text = format!("{}\n", serde_json::to_string_pretty(self)?);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&beside, text))
            .and_then(|()| fs::rename(&beside, &path))
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// A workflow as the server has it.
struct There {
    base: Base,
    bundle: Bundle,
}

/// The workflows of a server: their keys, homes and revisions.
async fn listed(server: &Server) -> anyhow::Result<BTreeMap<WorkflowKey, bool>> {
    let page = server.get("/api/v1/workflows").await?;
    let mut found = BTreeMap::new();
    for workflow in client::list(&page["workflows"]) {
        let key = workflow["key"].as_str().context("the server's list names no key")?;
        found.insert(key.parse()?, workflow["home"] == "server");
    }
    Ok(found)
}

async fn there(server: &Server, key: &WorkflowKey) -> anyhow::Result<There> {
    let path = format!("/api/v1/workflows/{}", segment(key.as_str()));
    let revision = server.get(&path).await?["revision"].as_u64().context("the server tells no revision")?;
    of_revision(server, key, revision).await
}

async fn of_revision(server: &Server, key: &WorkflowKey, revision: u64) -> anyhow::Result<There> {
    let path = format!("/api/v1/workflows/{}/revisions/{revision}", segment(key.as_str()));
    let bundle = bundle_of(&server.get(&path).await?)?;
    // What a server says about its files is not believed: they are counted here.
    let version = versions::hash(&bundle).to_string();
    Ok(There { base: Base { revision, version }, bundle })
}

fn bundle_of(answer: &Value) -> anyhow::Result<Bundle> {
    #[derive(Deserialize)]
    struct Files {
        workflow: String,
        files: BTreeMap<String, String>,
    }
    let Files { workflow, files } = Files::deserialize(answer).context("the server's answer has no files")?;
    Ok(Bundle { workflow, files })
}

/// A workflow as it stands in the folder; nothing when it is not there.
fn here(folder: &Path, key: &WorkflowKey) -> anyhow::Result<Option<Bundle>> {
    match folder::read_below(folder, Path::new(key.as_str())) {
        Ok(bundle) => Ok(Some(bundle)),
        Err(FolderError::NoWorkflow { .. }) => Ok(None),
        Err(FolderError::File(error)) if error.is_missing() => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn keys_here(folder: &Path) -> anyhow::Result<Vec<WorkflowKey>> {
    let folders = folder::workflows_in(folder, Missing::Wrong)?;
    let name = |folder: &PathBuf| folder.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    folders
        .iter()
        .filter_map(name)
        .map(|name| name.parse().context("a folder of a workflow is named by its key"))
        .collect()
}

/// What became of one workflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Unchanged,
    Done,
    /// Both sides have changed, or what is there is not known.
    Conflict,
    Refused,
}

/// One workflow, with the three versions that a conflict is about.
#[derive(Serialize)]
struct Report {
    key: WorkflowKey,
    outcome: Outcome,
    revision: Option<u64>,
    base: Option<String>,
    here: Option<String>,
    there: Option<String>,
    message: Option<String>,
}

fn tell(reports: &[Report], done: &str, json: bool) -> anyhow::Result<Verdict> {
    let is_good = |report: &Report| matches!(report.outcome, Outcome::Unchanged | Outcome::Done);
    if json {
        print::json(&json!({ "workflows": reports }))?;
    } else {
        for report in reports {
            let revision = report.revision.map_or("-".to_owned(), |number| number.to_string());
            match report.outcome {
                Outcome::Unchanged => say!("{}: the same as revision {revision}", report.key),
                Outcome::Done => say!("{}: {done} revision {revision}", report.key),
                Outcome::Conflict => {
                    let hash = |hash: &Option<String>| terminal::safe(hash.as_deref().unwrap_or("-"));
                    say!("{}: CONFLICT: {}", report.key, report.message.as_deref().unwrap_or_default());
                    say!("  base   {}", hash(&report.base));
                    say!("  here   {}", hash(&report.here));
                    say!("  server {}  (revision {revision})", hash(&report.there));
                }
                Outcome::Refused => {
                    let message = report.message.as_deref().unwrap_or_default();
                    say!("{}: REFUSED: {}", report.key, terminal::safe(message));
                }
            }
        }
    }
    Ok(if reports.iter().all(is_good) { Verdict::Yes } else { Verdict::No })
}

pub(super) fn pull(arguments: &Pull) -> anyhow::Result<Verdict> {
    let Pull { folder, keys, force, json, server } = arguments;
    let mut state = State::read(folder)?;
    let mut reports = Vec::new();
    small_runtime()?.block_on(async {
        let of_server = || listed(server);
        let keys = match keys.as_slice() {
            [] => of_server().await?.into_iter().filter(|(_, own)| *own).map(|(key, _)| key).collect(),
            named => named.to_vec(),
        };
        for key in keys {
            let There { base, bundle } = there(server, &key).await?;
            folder::fits(&bundle).map_err(|why| anyhow::anyhow!("{key}: {why}"))?;
            let found = here(folder, &key)?;
            let known = state.workflows.get(&key).map(|base| base.version.clone());
            let hash = found.as_ref().map(|found| versions::hash(found).to_string());
            let mut report = Report {
                key: key.clone(),
                outcome: Outcome::Unchanged,
                revision: Some(base.revision),
                base: known.clone(),
                here: hash.clone(),
                there: Some(base.version.clone()),
                message: None,
            };
            if hash.as_ref() != Some(&base.version) {
                if hash.is_some() && hash != known && !force {
                    report.outcome = Outcome::Conflict;
                    report.message =
                        Some("it was changed here and not pushed; push it, or pull with --force".to_owned());
                    reports.push(report);
                    continue;
                }
                folder::bring(folder, &key, found.as_ref(), &bundle)
                    .with_context(|| format!("{key} cannot be written"))?;
                report.outcome = Outcome::Done;
            }
            state.workflows.insert(key, base);
            reports.push(report);
        }
        anyhow::Ok(())
    })?;
    state.write(folder)?;
    tell(&reports, "pulled", *json)
}

pub(super) fn push(arguments: &Push) -> anyhow::Result<Verdict> {
    let Push { folder, keys, json, server, .. } = arguments;
    let mut state = State::read(folder)?;
    let mut reports = Vec::new();
    let pushed = small_runtime()?.block_on(async {
        let keys = match keys.as_slice() {
            [] => keys_here(folder)?,
            named => named.to_vec(),
        };
        if arguments.force.is_some() && keys.len() != 1 {
            anyhow::bail!("--force names the revision of one workflow: name that workflow too");
        }
        let known = listed(server).await?;
        for key in keys {
            let bundle = here(folder, &key)?.with_context(|| format!("there is no workflow `{key}` here"))?;
            let base = state.workflows.get(&key).cloned();
            let (report, base) = push_one(arguments, &key, &bundle, base, known.contains_key(&key)).await?;
            state.workflows.extend(base.map(|base| (key, base)));
            reports.push(report);
        }
        anyhow::Ok(())
    });
    // What was pushed before an error is remembered.
    state.write(folder)?;
    pushed?;
    tell(&reports, "pushed as", *json)
}

/// Pushes one workflow; gives what is remembered of it from now on.
async fn push_one(
    arguments: &Push,
    key: &WorkflowKey,
    bundle: &Bundle,
    base: Option<Base>,
    is_there: bool,
) -> anyhow::Result<(Report, Option<Base>)> {
    let server = &arguments.server;
    let hash = versions::hash(bundle).to_string();
    let mut report = Report {
        key: key.clone(),
        outcome: Outcome::Unchanged,
        revision: None,
        base: base.as_ref().map(|base| base.version.clone()),
        here: Some(hash.clone()),
        there: None,
        message: None,
    };
    let body = json!({
        "workflow": bundle.workflow,
        "files": bundle.files,
        "note": arguments.note,
        "source": "cli",
        "accept_differences": arguments.accept_differences,
    });
    let (status, answer) = if is_there {
        let found = there(server, key).await?;
        (report.revision, report.there) = (Some(found.base.revision), Some(found.base.version.clone()));
        if found.base.version == hash {
            return Ok((report, Some(found.base)));
        }
        let base = match arguments.force {
            Some(revision) => Some(of_revision(server, key, revision).await?.base.version),
            None => base.map(|base| base.version),
        };
        let Some(base) = base else {
            report.outcome = Outcome::Conflict;
            report.message = Some(format!(
                "it is not known which version this was made from; pull it, or push with --force {}",
                found.base.revision
            ));
            return Ok((report, None));
        };
        let path = format!("/api/v1/workflows/{}/publish", segment(key.as_str()));
        server.try_post(&path, Some(&base), &body).await?
    } else {
        server.try_post("/api/v1/workflows", None, &body).await?
    };
    if (200..300).contains(&status) {
        let revision = answer["revision"].as_u64().context("the server tells no revision")?;
        (report.outcome, report.revision, report.there) = (Outcome::Done, Some(revision), Some(hash.clone()));
        return Ok((report, Some(Base { revision, version: hash })));
    }
    let detail = answer["detail"].as_str().unwrap_or("no details");
    report.outcome = if status == 412 { Outcome::Conflict } else { Outcome::Refused };
    report.there = answer["params"]["theirs"].as_str().map(str::to_owned).or(report.there);
    report.message = Some(detail.to_owned());
    Ok((report, None))
}

/// What differs of one workflow, from the version that both sides had.
#[derive(Serialize)]
struct Differs {
    key: WorkflowKey,
    state: &'static str,
    revision: Option<u64>,
    /// What was changed here, as `diff -u` shows it.
    here: String,
    /// What was changed on the server.
    there: String,
}

pub(super) fn diff(arguments: &Diff) -> anyhow::Result<Verdict> {
    let Diff { folder, keys, json, server } = arguments;
    let state = State::read(folder)?;
    let mut differs = Vec::new();
    small_runtime()?.block_on(async {
        let known = listed(server).await?;
        let keys: BTreeSet<WorkflowKey> = match keys.as_slice() {
            [] => {
                let own = known.iter().filter(|(_, own)| **own).map(|(key, _)| key.clone());
                keys_here(folder)?.into_iter().chain(own).collect()
            }
            named => named.iter().cloned().collect(),
        };
        for key in keys {
            let found = here(folder, &key)?;
            let there = if known.contains_key(&key) { Some(there(server, &key).await?) } else { None };
            let base = match state.workflows.get(&key) {
                Some(base) => {
                    let path = format!("/api/v1/versions/{}", segment(&base.version));
                    Some(bundle_of(&server.get(&path).await?)?)
                }
                None => None,
            };
            differs.extend(compared(key, base.as_ref(), found.as_ref(), there.as_ref()));
        }
        anyhow::Ok(())
    })?;
    if *json {
        print::json(&json!({ "workflows": differs }))?;
    } else {
        for differs in &differs {
            say!("{}: {}", differs.key, differs.state);
            for (side, text) in [("here", &differs.here), ("on the server", &differs.there)] {
                if !text.is_empty() {
                    say!("  changed {side}:");
                    text.lines().for_each(|line| say!("    {}", terminal::safe(line)));
                }
            }
        }
    }
    Ok(if differs.is_empty() { Verdict::Yes } else { Verdict::No })
}

/// How the two sides differ; nothing when they are the same.
fn compared(
    key: WorkflowKey,
    base: Option<&Bundle>,
    here: Option<&Bundle>,
    there: Option<&There>,
) -> Option<Differs> {
    let revision = there.map(|there| there.base.revision);
    let there = there.map(|there| &there.bundle);
    if here == there {
        return None;
    }
    // Without a common version, the server's stands for it.
    let base = base.or(there);
    let state = match (here, there) {
        (None, _) => "only on the server",
        (_, None) => "only here",
        (Some(_), Some(_)) => match (here == base, there == base) {
            (false, true) => "changed here",
            (true, false) => "changed on the server",
            (false, false) | (true, true) => "changed on both sides",
        },
    };
    Some(Differs { key, state, revision, here: unified(base, here), there: unified(base, there) })
}

fn unified(before: Option<&Bundle>, after: Option<&Bundle>) -> String {
    let Some(after) = after else { return String::new() };
    let files = |bundle: Option<&Bundle>| -> BTreeMap<String, String> {
        let Some(bundle) = bundle else { return BTreeMap::new() };
        let workflow = ("workflow.json".to_owned(), bundle.workflow.clone());
        bundle.files.clone().into_iter().chain([workflow]).collect()
    };
    let (before, after) = (files(before), files(Some(after)));
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let of = |files: &BTreeMap<String, String>, name: &str| files.get(name).cloned().unwrap_or_default();
    let text = |name: &String| {
        let (old, new) = (of(&before, name), of(&after, name));
        let diff = TextDiff::from_lines(&old, &new);
        diff.unified_diff().header(&format!("a/{name}"), &format!("b/{name}")).to_string()
    };
    names.into_iter().map(text).collect()
}
