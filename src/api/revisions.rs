//! The revisions of a workflow: a list, one whole, and what differs between two.

use std::collections::{BTreeMap, BTreeSet};

use axum::{
    Json,
    extract::{Path, Query, State, rejection::QueryRejection},
};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use similar::TextDiff;

use super::{
    input,
    kept::{Kept, parsed_version},
    page_size,
};
use crate::{
    http::Problem,
    model::{Actor, Bundle, VersionHash, WorkflowKey},
    steps,
    store::tables::{self, homes::Source, revisions::Revision},
};

/// The name of the first file.
const WORKFLOW: &str = "workflow.json";
/// Lines of context around a change.
const CONTEXT: usize = 3;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// Only revisions before this number.
    before: Option<u64>,
    limit: Option<usize>,
}

/// A revision in the list.
#[derive(Serialize)]
struct Line {
    number: u64,
    version: VersionHash,
    time: String,
    by: Actor,
    source: Source,
    note: String,
    parent: Option<u64>,
}

impl From<Revision> for Line {
    fn from(revision: Revision) -> Self {
        let Revision { number, version, time_ms, by, source, note, parent } = revision;
        Self { number, version, time: steps::timestamp(time_ms), by, source, note, parent }
    }
}

#[derive(Serialize)]
pub(super) struct List {
    revisions: Vec<Line>,
    /// Give it as `before` for the next page.
    next: Option<u64>,
}

/// `GET /api/v1/workflows/{key}/revisions?before=&limit=`: newest first.
pub(super) async fn list(
    State(kept): State<Kept>,
    Path(key): Path<String>,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Json<List>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let key: WorkflowKey = input::parsed(&key)?;
    kept.home(&key).await?;
    let limit = page_size(query.limit);
    let found = tables::revisions::list(&**kept.engine.store(), &key, query.before, limit).await?;
    let next = found.last().filter(|last| last.number > 1 && found.len() == limit).map(|last| last.number);
    Ok(Json(List { revisions: found.into_iter().map(Line::from).collect(), next }))
}

/// The files of a version as texts.
#[derive(Serialize)]
pub(super) struct Files {
    /// The text of `workflow.json`.
    workflow: String,
    /// The other files by name.
    files: BTreeMap<String, String>,
}

impl From<Bundle> for Files {
    fn from(Bundle { workflow, files }: Bundle) -> Self {
        Self { workflow, files }
    }
}

#[derive(Serialize)]
pub(super) struct Whole {
    #[serde(flatten)]
    line: Line,
    #[serde(flatten)]
    files: Files,
}

/// `GET /api/v1/workflows/{key}/revisions/{number}`: with its files.
pub(super) async fn show(
    State(kept): State<Kept>,
    Path((key, number)): Path<(String, u64)>,
) -> Result<Json<Whole>, Problem> {
    let key: WorkflowKey = input::parsed(&key)?;
    let (revision, bundle) = revision(&kept, &key, number).await?;
    Ok(Json(Whole { line: revision.into(), files: bundle.into() }))
}

/// `GET /api/v1/versions/{hash}`: the files of any version that the store has.
pub(super) async fn version(
    State(kept): State<Kept>,
    Path(hash): Path<String>,
) -> Result<Json<Files>, Problem> {
    let version = parsed_version(&hash).ok_or_else(|| Problem::bad_request("a version has 64 hex digits"))?;
    let found = tables::versions::get(&**kept.engine.store(), version).await?;
    let unknown = || Problem::new(StatusCode::NOT_FOUND, "version_unknown", "there is no such version");
    found.map(|bundle| Json(bundle.into())).ok_or_else(unknown)
}

async fn revision(kept: &Kept, key: &WorkflowKey, number: u64) -> Result<(Revision, Bundle), Problem> {
    kept.home(key).await?;
    let store = &**kept.engine.store();
    let unknown = || {
        let detail = format!("`{key}` has no revision {number}");
        Problem::new(StatusCode::NOT_FOUND, "revision_unknown", detail)
    };
    let revision = tables::revisions::get(store, key, number).await?.ok_or_else(unknown)?;
    let bundle = tables::versions::get(store, revision.version).await?.ok_or_else(unknown)?;
    Ok((revision, bundle))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DiffQuery {
    /// The older revision; without it, the one before `to`.
    from: Option<u64>,
    /// The newer revision; without it, the newest.
    to: Option<u64>,
}

#[derive(Serialize)]
pub(super) struct Diff {
    /// `null` when everything is new.
    from: Option<u64>,
    to: u64,
    /// The files that differ, `workflow.json` first.
    files: Vec<FileDiff>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct FileDiff {
    name: String,
    change: Change,
    /// The lines that differ, as `diff -u` shows them.
    unified: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Change {
    Added,
    Changed,
    Removed,
}

/// `GET /api/v1/workflows/{key}/diff?from=&to=`
pub(super) async fn diff(
    State(kept): State<Kept>,
    Path(key): Path<String>,
    query: Result<Query<DiffQuery>, QueryRejection>,
) -> Result<Json<Diff>, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let key: WorkflowKey = input::parsed(&key)?;
    let to = query.to.unwrap_or(kept.home(&key).await?.revision);
    let (newer, after) = revision(&kept, &key, to).await?;
    let from = query.from.or(newer.parent);
    let before = match from {
        Some(from) => Some(revision(&kept, &key, from).await?.1),
        None => None,
    };
    Ok(Json(Diff { from, to, files: differences(before.as_ref(), &after) }))
}

/// What differs, file by file.
fn differences(before: Option<&Bundle>, after: &Bundle) -> Vec<FileDiff> {
    let names = before.into_iter().chain([after]).flat_map(|bundle| bundle.files.keys().map(String::as_str));
    let names: BTreeSet<&str> = names.collect();
    let of = |bundle: &'_ Bundle, name: &str| match name {
        WORKFLOW => Some(bundle.workflow.clone()),
        name => bundle.files.get(name).cloned(),
    };
    let compared = [WORKFLOW].into_iter().chain(names).filter_map(|name| {
        let (old, new) = (before.and_then(|before| of(before, name)), of(after, name));
        let change = match (&old, &new) {
            (None, None) => return None,
            (Some(old), Some(new)) if old == new => return None,
            (Some(_), Some(_)) => Change::Changed,
            (None, Some(_)) => Change::Added,
            (Some(_), None) => Change::Removed,
        };
        let names = (header("a", name, old.is_none()), header("b", name, new.is_none()));
        let unified = unified(&old.unwrap_or_default(), &new.unwrap_or_default(), (&names.0, &names.1));
        Some(FileDiff { name: name.to_owned(), change, unified })
    });
    compared.collect()
}

fn header(side: &str, name: &str, is_absent: bool) -> String {
    if is_absent { "/dev/null".to_owned() } else { format!("{side}/{name}") }
}

fn unified(old: &str, new: &str, (a, b): (&str, &str)) -> String {
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(CONTEXT).header(a, b).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_compared_line_by_line_and_those_that_are_equal_left_out() {
        let bundle = |workflow: &str, files: &[(&str, &str)]| Bundle {
            workflow: workflow.to_owned(),
            files: files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect(),
        };
        let before = bundle("{}\n", &[("a.js", "1\n2\n3\n"), ("b.js", "same"), ("gone.js", "x\n")]);
        let after = bundle("{}\n", &[("a.js", "1\ntwo\n3\n"), ("b.js", "same"), ("new.js", "y\n")]);
        let found = differences(Some(&before), &after);
        let short: Vec<_> = found.iter().map(|it| (it.name.as_str(), it.change)).collect();
        assert_eq!(
            short,
            [("a.js", Change::Changed), ("gone.js", Change::Removed), ("new.js", Change::Added)]
        );
        assert_eq!(found[0].unified, "--- a/a.js\n+++ b/a.js\n@@ -1,3 +1,3 @@\n 1\n-2\n+two\n 3\n");
        assert!(found[1].unified.contains("+++ /dev/null") && found[2].unified.contains("--- /dev/null"));
        let first = differences(None, &after);
        assert_eq!((first.len(), first[0].name.as_str()), (4, WORKFLOW));
        assert_eq!(differences(Some(&after), &after), []);
    }
}
