//! Drafts: what a person has changed of a workflow and not published. Each person has one of each workflow; others may look.

use std::collections::BTreeMap;

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::{Deserialize, Serialize};

use super::{
    input,
    kept::{Kept, actor, parsed_version},
};
use crate::{
    http::Problem,
    model::{Actor, Bundle, ByteSize, VersionHash, WorkflowKey},
    steps,
    store::{
        Batch, StoreError,
        tables::drafts::{self, Draft},
    },
};

/// The most bytes of a draft's files together.
const MOST: ByteSize = ByteSize::from_bytes(16 << 20);

/// The name that a draft is kept under. A person's name has no colon.
fn owner(actor: &Actor) -> String {
    match actor {
        Actor::Person { name } => name.to_string(),
        Actor::Token { id } => format!("token:{id}"),
        Actor::Machine => "machine:".to_owned(),
        Actor::Folder => "folder:".to_owned(),
    }
}

/// A draft as it is shown.
#[derive(Serialize)]
struct Shown {
    base: Option<VersionHash>,
    /// The text of `workflow.json`.
    workflow: String,
    /// The other files by name.
    files: BTreeMap<String, String>,
    changed: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    /// The version that it began with; `null` for a workflow that is not there yet.
    base: Option<String>,
    workflow: String,
    #[serde(default)]
    files: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Whose {
    /// Another person's, to look at. Only the own one is changed.
    of: Option<String>,
}

#[derive(Serialize)]
struct Line {
    /// Whose it is: a person's name, or `token:ID` or `machine:`.
    owner: String,
    base: Option<VersionHash>,
    changed: String,
}

#[derive(Serialize)]
pub(super) struct List {
    drafts: Vec<Line>,
}

/// `GET /api/v1/workflows/{key}/drafts`: who has one, without the files.
pub(super) async fn list(State(kept): State<Kept>, Path(key): Path<String>) -> Result<Json<List>, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let now_ms = kept.engine.ports().now_ms();
    let all = drafts::list(&**kept.engine.store(), &key).await?.into_iter();
    let fresh = all.filter(|(_, draft)| !draft.is_stale(now_ms));
    let drafts = fresh.map(|(owner, draft)| Line {
        owner,
        base: draft.base,
        changed: steps::timestamp(draft.changed_ms),
    });
    Ok(Json(List { drafts: drafts.collect() }))
}

/// `GET /api/v1/workflows/{key}/draft?of=`: the own draft, or that of another; with its `ETag`.
pub(super) async fn show(
    State(kept): State<Kept>,
    Path(key): Path<String>,
    Query(whose): Query<Whose>,
    by: Option<Extension<Actor>>,
) -> Result<Response, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let owner = whose.of.unwrap_or_else(|| owner(&actor(by)));
    let draft = find(&kept, &key, &owner).await?.ok_or_else(unknown)?;
    let tag = draft.tag();
    let Draft { base, bundle: Bundle { workflow, files }, changed_ms } = draft;
    let shown = Shown { base, workflow, files, changed: steps::timestamp(changed_ms) };
    Ok(tagged(Json(shown).into_response(), &tag))
}

#[derive(Serialize)]
struct Saved {
    changed: String,
}

/// `PUT /api/v1/workflows/{key}/draft` with `If-Match: "<ETag>"`, or `If-None-Match: *` for the first: saves the own draft.
pub(super) async fn save(
    State(kept): State<Kept>,
    Path(key): Path<String>,
    by: Option<Extension<Actor>>,
    headers: HeaderMap,
    body: input::Body,
) -> Result<Response, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let Given { base, workflow, files } = input::fields(body)?;
    let base = base.map(|base| {
        parsed_version(&base).ok_or_else(|| Problem::bad_request("base: a version has 64 hex digits"))
    });
    let bytes = workflow.len() + files.iter().map(|(name, text)| name.len() + text.len()).sum::<usize>();
    if bytes > MOST.as_usize() {
        let detail = format!("a draft has {MOST} at most, this one has {bytes} bytes");
        return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "draft_too_large", detail));
    }
    let changed_ms = kept.engine.ports().now_ms();
    let draft = Draft { base: base.transpose()?, bundle: Bundle { workflow, files }, changed_ms };
    let owner = owner(&actor(by));
    let before = expected(&kept, &key, &owner, &headers).await?;
    replace(&kept, &key, &owner, before.as_ref(), Some(&draft)).await?;
    let saved = Saved { changed: steps::timestamp(changed_ms) };
    Ok(tagged(Json(saved).into_response(), &draft.tag()))
}

/// `DELETE /api/v1/workflows/{key}/draft` with `If-Match`: gives the own draft up; 204.
pub(super) async fn discard(
    State(kept): State<Kept>,
    Path(key): Path<String>,
    by: Option<Extension<Actor>>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let owner = owner(&actor(by));
    let before = expected(&kept, &key, &owner, &headers).await?.ok_or_else(unknown)?;
    replace(&kept, &key, &owner, Some(&before), None).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller's own draft, to publish it.
pub(super) async fn own(kept: &Kept, key: &WorkflowKey, by: &Actor) -> Result<Draft, Problem> {
    find(kept, key, &owner(by)).await?.ok_or_else(unknown)
}

/// A published draft has done its work, unless it was changed since.
pub(super) async fn published(kept: &Kept, key: &WorkflowKey, by: &Actor, draft: &Draft) {
    if let Err(problem) = replace(kept, key, &owner(by), Some(draft), None).await {
        tracing::debug!(workflow = %key, "a published draft stays: {}", problem.detail());
    }
}

async fn find(kept: &Kept, key: &WorkflowKey, owner: &str) -> Result<Option<Draft>, Problem> {
    let now_ms = kept.engine.ports().now_ms();
    let found = drafts::get(&**kept.engine.store(), key, owner).await?;
    Ok(found.filter(|draft| !draft.is_stale(now_ms)))
}

/// The draft that is replaced, if it is the one that the caller has seen.
async fn expected(
    kept: &Kept,
    key: &WorkflowKey,
    owner: &str,
    headers: &HeaderMap,
) -> Result<Option<Draft>, Problem> {
    // Also one that is too old to be shown.
    let found = drafts::get(&**kept.engine.store(), key, owner).await?;
    let now_ms = kept.engine.ports().now_ms();
    let shown = found.as_ref().filter(|draft| !draft.is_stale(now_ms));
    let given =
        headers.get(header::IF_MATCH).map(|given| given.to_str().unwrap_or_default().trim_matches('"'));
    let is_first = headers.get(header::IF_NONE_MATCH).is_some_and(|given| given == "*");
    match (given, shown) {
        (Some(given), Some(shown)) if given == shown.tag() => Ok(found),
        (None, None) if is_first => Ok(found),
        (None, _) if !is_first => {
            let detail =
                "say which draft this replaces: `If-Match: \"<ETag>\"`, or `If-None-Match: *` for the first";
            Err(Problem::new(StatusCode::PRECONDITION_REQUIRED, "base_missing", detail))
        }
        (Some(_) | None, _) => Err(moved()),
    }
}

async fn replace(
    kept: &Kept,
    key: &WorkflowKey,
    owner: &str,
    before: Option<&Draft>,
    after: Option<&Draft>,
) -> Result<(), Problem> {
    let mut batch = Batch::new();
    drafts::replace(&mut batch, key, owner, before, after);
    match kept.engine.store().commit(batch).await {
        Ok(()) => Ok(()),
        Err(StoreError::Conflict { .. }) => Err(moved()),
        Err(error) => Err(error.into()),
    }
}

fn tagged(mut response: Response, tag: &str) -> Response {
    if let Ok(tag) = HeaderValue::from_str(&format!("\"{tag}\"")) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    response
}

fn unknown() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "draft_unknown", "there is no draft of this workflow")
}

fn moved() -> Problem {
    let detail = "the draft was saved in another window in the meantime; read it again, and merge";
    Problem::new(StatusCode::PRECONDITION_FAILED, "draft_moved", detail)
}
