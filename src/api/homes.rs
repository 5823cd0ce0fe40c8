//! The workflows with their homes: a list, one whole, and what people change of them.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    middleware,
    routing::{get, post},
};
use http::{HeaderMap, StatusCode, header};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    door::{Door, authorize},
    drafts, durable, input,
    kept::{Kept, actor, parsed_version},
    revisions, workflows,
};
use crate::{
    engine::{Definition, Engine, HomeProblem, Homes, Outlook, Publication, Published, read_workflow},
    http::Problem,
    model::{Actor, Bundle, ByteSize, StartKind, VersionHash, WorkflowKey},
    steps,
    store::tables::{
        self,
        homes::{Home, Origin, Place, Source},
    },
};

/// The largest body: the files of a workflow, as a JSON text that escapes most of them.
const BODY: ByteSize = ByteSize::from_bytes(36 << 20);

/// The routes of workflows and what is kept of them.
pub(super) fn router(engine: Engine, homes: Arc<dyn Homes>, door: &Door) -> Router {
    let most = BODY.as_usize();
    Router::new()
        .route("/api/v1/workflows", get(list).post(create))
        .route("/api/v1/workflows/{key}", get(show))
        .route("/api/v1/workflows/{key}/revisions", get(revisions::list))
        .route("/api/v1/workflows/{key}/revisions/{number}", get(revisions::show))
        .route("/api/v1/workflows/{key}/diff", get(revisions::diff))
        .route("/api/v1/workflows/{key}/draft", get(drafts::show).put(drafts::save).delete(drafts::discard))
        .route("/api/v1/workflows/{key}/drafts", get(drafts::list))
        .route("/api/v1/workflows/{key}/publish", post(publish))
        .route("/api/v1/workflows/{key}/rollback", post(roll_back))
        .route("/api/v1/workflows/{key}/off", post(off))
        .route("/api/v1/workflows/{key}/on", post(on))
        .route("/api/v1/workflows/{key}/home", post(move_home))
        .route("/api/v1/versions/{hash}", get(revisions::version))
        .layer(DefaultBodyLimit::max(most))
        .layer(middleware::from_fn_with_state(engine.clone(), durable::told))
        .layer(middleware::from_fn_with_state(door.with_bodies_of(most), authorize))
        .with_state(Kept { engine, homes })
}

/// Whether a workflow answers, and if not, why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Condition {
    On,
    /// Its `workflow.json` says so.
    Off,
    /// Somebody switched it off here, whatever its files say.
    OffHere,
    Paused,
    /// Its folder is not there.
    Gone,
    /// Its files are wrong; the last good version goes on.
    Wrong,
}

/// A workflow in the list: what is known of it as it runs, and of its home.
#[derive(Serialize)]
struct Line {
    #[serde(flatten)]
    running: Value,
    home: Place,
    /// The number of its newest revision.
    revision: u64,
    state: Condition,
    /// What is wrong with its files, or with a folder that has its key.
    problems: Vec<Shown>,
}

/// What is known of a workflow that is not installed.
#[derive(Serialize)]
struct Absent {
    key: WorkflowKey,
    title: String,
    enabled: bool,
    version: VersionHash,
    trigger: StartKind,
    path: Option<String>,
    next: Option<String>,
    triggers: Vec<Value>,
    paused: bool,
    pending_runs: usize,
    waiting_runs: usize,
    waiting_bytes: u64,
}

#[derive(Serialize)]
struct Shown {
    code: &'static str,
    message: String,
    /// Whether the workflow's own files are wrong.
    of_home: bool,
}

impl From<HomeProblem> for Shown {
    fn from(HomeProblem { code, message, of_home }: HomeProblem) -> Self {
        Self { code, message, of_home }
    }
}

#[derive(Serialize)]
pub(super) struct List {
    workflows: Vec<Line>,
    /// Folders that are no workflows, though they look like some.
    problems: Vec<FolderProblem>,
}

#[derive(Serialize)]
struct FolderProblem {
    folder: String,
    code: &'static str,
    message: String,
}

/// `GET /api/v1/workflows`
pub(super) async fn list(State(kept): State<Kept>) -> Result<Json<List>, Problem> {
    let outlook = kept.homes.outlook();
    let mut workflows = Vec::new();
    let mut known = Vec::new();
    for (key, home) in tables::homes::list(&**kept.engine.store()).await? {
        if let Some((line, _)) = line(&kept.engine, &outlook, &key, &home).await? {
            workflows.push(line);
        }
        known.push(key);
    }
    let of_folders = outlook.of_folders.into_iter().map(|(folder, problem)| (folder, vec![problem]));
    let of_keys = outlook.problems.into_iter().filter(|(key, _)| known.binary_search(key).is_err());
    let of_keys = of_keys.map(|(key, problems)| (key.to_string(), problems));
    let problems = of_folders.chain(of_keys).flat_map(|(folder, problems)| {
        problems.into_iter().map(move |HomeProblem { code, message, .. }| FolderProblem {
            folder: folder.clone(),
            code,
            message,
        })
    });
    Ok(Json(List { workflows, problems: problems.collect() }))
}

/// The line of a workflow with its files; nothing when the store has none of them.
async fn line(
    engine: &Engine,
    outlook: &Outlook,
    key: &WorkflowKey,
    home: &Home,
) -> Result<Option<(Line, Bundle)>, Problem> {
    let problems = outlook.problems.get(key).cloned().unwrap_or_default();
    let (current, mut enabled) = (engine.catalog().current(key), true);
    let (running, bundle) = match &current {
        Some(definition) => {
            let mut running = workflows::line(engine, definition);
            enabled = is_enabled(definition, home);
            running["enabled"] = enabled.into();
            (running, (*definition.bundle).clone())
        }
        None => {
            let stored = tables::versions::get(&**engine.store(), home.version).await?;
            let Some(bundle) = stored else { return Ok(None) };
            let absent = absent(engine, key, home, &bundle);
            enabled = absent.as_ref().map_or(enabled, |absent| absent.enabled);
            (serde_json::to_value(absent).unwrap_or_default(), bundle)
        }
    };
    let is_gone = home.place == Place::Folder && !outlook.folders.contains(key);
    let is_wrong = problems.iter().any(|problem| problem.of_home) || current.is_none();
    let state = match (is_gone, is_wrong, &home.off, enabled, engine.is_paused(key)) {
        (true, ..) => Condition::Gone,
        (_, true, ..) => Condition::Wrong,
        (_, _, Some(_), ..) => Condition::OffHere,
        (_, _, None, false, _) => Condition::Off,
        (_, _, None, true, true) => Condition::Paused,
        (false, false, None, true, false) => Condition::On,
    };
    let problems = problems.into_iter().map(Shown::from).collect();
    Ok(Some((Line { running, home: home.place, revision: home.revision, state, problems }, bundle)))
}

/// What the files say; off here changes what runs.
fn is_enabled(definition: &Definition, home: &Home) -> bool {
    match &home.off {
        None => definition.workflow.enabled,
        Some(_) => read_workflow(&definition.bundle.workflow).is_ok_and(|workflow| workflow.enabled),
    }
}

/// A workflow that nothing starts at the moment.
fn absent(engine: &Engine, key: &WorkflowKey, home: &Home, bundle: &Bundle) -> Option<Absent> {
    let workflow = read_workflow(&bundle.workflow).ok()?;
    let (waiting_runs, waiting_bytes) = engine.waiting_of(key);
    Some(Absent {
        key: key.clone(),
        trigger: workflow.triggers[0].trigger.kind(),
        title: workflow.title,
        enabled: workflow.enabled,
        version: home.version,
        path: None,
        next: None,
        triggers: Vec::new(),
        paused: engine.is_paused(key),
        pending_runs: engine.pending_of(key),
        waiting_runs,
        waiting_bytes,
    })
}

/// One workflow whole.
#[derive(Serialize)]
pub(super) struct Whole {
    #[serde(flatten)]
    line: Line,
    /// Its `workflow.json`.
    workflow: Value,
    /// The names of its other files.
    files: Vec<String>,
    /// Who switched it off here, and when.
    off: Option<OffSince>,
}

#[derive(Serialize)]
struct OffSince {
    by: Actor,
    time: String,
}

/// `GET /api/v1/workflows/{key}`
pub(super) async fn show(State(kept): State<Kept>, Path(key): Path<String>) -> Result<Json<Whole>, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let home = kept.home(&key).await?;
    let found = line(&kept.engine, &kept.homes.outlook(), &key, &home).await?;
    let (line, bundle) = found.ok_or_else(|| unknown(&key))?;
    let off = home.off.map(|off| OffSince { by: off.by, time: steps::timestamp(off.time_ms) });
    Ok(Json(Whole {
        line,
        workflow: serde_json::from_str(&bundle.workflow).unwrap_or_default(),
        files: bundle.files.into_keys().collect(),
        off,
    }))
}

impl Kept {
    /// The home of a workflow that is there.
    pub(super) async fn home(&self, key: &WorkflowKey) -> Result<Home, Problem> {
        tables::homes::get(&**self.engine.store(), key).await?.ok_or_else(|| unknown(key))
    }
}

fn unknown(key: &WorkflowKey) -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "workflow_unknown", format!("there is no workflow `{key}`"))
}

/// The files of a version, as they come in a body.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Files {
    /// The text of `workflow.json`. Without it, a publication takes the caller's own draft.
    workflow: Option<String>,
    /// The other files by name, as texts.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Why it is published, for people.
    #[serde(default)]
    note: String,
    /// What the caller is, if not a person in the console.
    source: Option<Source>,
    /// Whether it is published although its fixtures expect something else.
    #[serde(default)]
    accept_differences: bool,
}

/// The longest note, characters.
const NOTE: usize = 2_000;

fn origin(by: Actor, source: Option<Source>, note: String) -> Result<Origin, Problem> {
    if note.chars().count() > NOTE {
        return Err(Problem::bad_request(format!("note: it has over {NOTE} characters")));
    }
    let source = match (source, &by) {
        (Some(source @ (Source::Console | Source::Api | Source::Cli | Source::Import)), _) => source,
        (Some(Source::Folder | Source::Rollback), _) => {
            return Err(Problem::bad_request("source: give `console`, `api`, `cli` or `import`"));
        }
        (None, Actor::Person { .. }) => Source::Console,
        (None, Actor::Token { .. } | Actor::Machine | Actor::Folder) => Source::Api,
    };
    Ok(Origin { by, source, note })
}

/// What a publication has become.
#[derive(Serialize)]
pub(super) struct Made {
    key: WorkflowKey,
    revision: u64,
    version: VersionHash,
    /// Whether there was anything to change.
    changed: bool,
}

impl From<Published> for Made {
    fn from(Published { key, revision, version, changed }: Published) -> Self {
        Self { key, revision, version, changed }
    }
}

/// `POST /api/v1/workflows`: `{"workflow": "…", "files"?: {…}, "note"?}` makes one of home `server`; 201.
pub(super) async fn create(
    State(kept): State<Kept>,
    by: Option<Extension<Actor>>,
    body: input::Body,
) -> Result<(StatusCode, Json<Made>), Problem> {
    let Files { workflow, files, note, source, accept_differences: _ } = input::fields(body)?;
    let workflow =
        workflow.ok_or_else(|| Problem::bad_request("workflow: give the text of workflow.json"))?;
    let origin = origin(actor(by), source, note)?;
    let made = kept.homes.create(Bundle { workflow, files }, origin).await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// `POST /api/v1/workflows/{key}/publish` with `If-Match: "<version>"`: the files in the body, or the caller's own draft when there are
/// none.
pub(super) async fn publish(
    State(kept): State<Kept>,
    Path(key): Path<String>,
    by: Option<Extension<Actor>>,
    headers: HeaderMap,
    body: input::Body,
) -> Result<Json<Made>, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let base = if_match(&headers)?.ok_or_else(base_missing)?;
    let Files { workflow, files, note, source, accept_differences } = input::fields(body)?;
    let by = actor(by);
    let (bundle, draft) = match workflow {
        Some(workflow) => (Bundle { workflow, files }, None),
        None => {
            let draft = drafts::own(&kept, &key, &by).await?;
            (draft.bundle.clone(), Some(draft))
        }
    };
    let origin = origin(by.clone(), source, note)?;
    let publication = Publication { key: key.clone(), base, bundle, origin, accept_differences };
    let made = kept.homes.publish(publication).await?;
    if let Some(draft) = draft {
        drafts::published(&kept, &key, &by, &draft).await;
    }
    Ok(Json(made.into()))
}

fn base_missing() -> Problem {
    let detail = "give the version that this is based on, as `If-Match: \"<version>\"`; `GET` of the workflow tells it";
    Problem::new(StatusCode::PRECONDITION_REQUIRED, "base_missing", detail)
}

/// The version that a request names.
fn if_match(headers: &HeaderMap) -> Result<Option<VersionHash>, Problem> {
    let Some(given) = headers.get(header::IF_MATCH) else { return Ok(None) };
    let text = given.to_str().ok().map(|text| text.trim().trim_matches('"'));
    let version = text.and_then(parsed_version);
    version
        .map(Some)
        .ok_or_else(|| Problem::bad_request("If-Match: it is no version; write it as \"<64 hex digits>\""))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Back {
    /// The number of the revision whose version is published again.
    to: u64,
    #[serde(default)]
    note: String,
    source: Option<Source>,
}

/// `POST /api/v1/workflows/{key}/rollback`: `{"to": number}`. With `If-Match`, only in place of that version.
pub(super) async fn roll_back(
    State(kept): State<Kept>,
    Path(key): Path<String>,
    by: Option<Extension<Actor>>,
    headers: HeaderMap,
    body: input::Body,
) -> Result<Json<Made>, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let base = if_match(&headers)?;
    let Back { to, note, source } = input::fields(body)?;
    let note = if note.is_empty() { format!("back to revision {to}") } else { note };
    let origin = origin(actor(by), source, note)?;
    Ok(Json(kept.homes.roll_back(&key, to, base, origin).await?.into()))
}

#[derive(Serialize)]
pub(super) struct Switched {
    key: WorkflowKey,
    off: bool,
}

/// `POST /api/v1/workflows/{key}/off`: it answers 404 from now on, whatever its files say.
pub(super) async fn off(
    State(kept): State<Kept>,
    key: Path<String>,
    by: Option<Extension<Actor>>,
) -> Result<Json<Switched>, Problem> {
    switch(&kept, key, by, false).await
}

/// `POST /api/v1/workflows/{key}/on`: its files count again.
pub(super) async fn on(
    State(kept): State<Kept>,
    key: Path<String>,
    by: Option<Extension<Actor>>,
) -> Result<Json<Switched>, Problem> {
    switch(&kept, key, by, true).await
}

async fn switch(
    kept: &Kept,
    Path(key): Path<String>,
    by: Option<Extension<Actor>>,
    on: bool,
) -> Result<Json<Switched>, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    kept.homes.switch(&key, on, actor(by)).await?;
    Ok(Json(Switched { key, off: !on }))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct To {
    to: Place,
}

#[derive(Serialize)]
pub(super) struct Moved {
    key: WorkflowKey,
    home: Place,
}

/// `POST /api/v1/workflows/{key}/home`: `{"to": "folder"}` or `{"to": "server"}`.
pub(super) async fn move_home(
    State(kept): State<Kept>,
    Path(key): Path<String>,
    by: Option<Extension<Actor>>,
    body: input::Body,
) -> Result<Json<Moved>, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let To { to } = input::fields(body)?;
    let origin = origin(actor(by), None, String::new())?;
    kept.homes.move_home(&key, to, origin).await?;
    Ok(Json(Moved { key, home: to }))
}
