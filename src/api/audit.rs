//! The audit log, newest first: a page as JSON, or all of it as NDJSON.

use axum::{
    Json,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{MAX_PAGE, page_size, who::Desk};
use crate::{
    http::Problem,
    people::People,
    steps,
    store::tables::audit::{AuditId, AuditRecord},
};

/// The kind of a body of one JSON value a line.
const NDJSON: &str = "application/x-ndjson";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    before: Option<String>,
    limit: Option<usize>,
}

/// `GET /api/v1/audit?before=&limit=`. With `Accept: application/x-ndjson` all lines from before the cursor, one a line; `limit` bounds
/// them.
pub(super) async fn list(
    State(desk): State<Desk>,
    headers: HeaderMap,
    query: Result<Query<ListQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let before = query.before.as_deref().map(parsed).transpose()?;
    let accepts = headers.get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    if accepts.is_some_and(|accept| accept.contains(NDJSON)) {
        return Ok(all(desk.people, before, query.limit.unwrap_or(usize::MAX)));
    }
    let page = desk.people.audit(before, page_size(query.limit)).await?;
    let lines: Vec<Value> = page.items.iter().map(|(id, record)| line(*id, record)).collect();
    Ok(Json(json!({ "audit": lines, "next": page.next.map(written) })).into_response())
}

/// All lines, read page by page as they are taken.
fn all(people: People, before: Option<AuditId>, limit: usize) -> Response {
    let begin = Some((before, limit));
    let pages = futures::stream::unfold((people, begin), |(people, rest)| async move {
        let (before, left) = rest.filter(|(_, left)| *left > 0)?;
        let page = match people.audit(before, left.min(MAX_PAGE)).await {
            Ok(page) => page,
            // The connection breaks off, so that nobody takes a part for all.
            Err(error) => {
                tracing::error!(%error, "the audit log could not be read");
                return Some((Err(std::io::Error::other("the audit log could not be read")), (people, None)));
            }
        };
        let text: String = page.items.iter().map(|(id, record)| format!("{}\n", line(*id, record))).collect();
        let rest = page.next.map(|next| (Some(next), left - page.items.len()));
        Some((Ok(text), (people, rest)))
    });
    ([(header::CONTENT_TYPE, NDJSON)], Body::from_stream(pages)).into_response()
}

fn line(id: AuditId, record: &AuditRecord) -> Value {
    json!({
        "id": written(id),
        "at": steps::timestamp(id.0),
        "actor": record.by.actor(),
        "action": record.action,
        "target": record.target,
        "before": record.before.map(hex::encode),
        "after": record.after.map(hex::encode),
        "address": record.address,
        "request": record.request,
        "status": record.status,
        "code": record.code,
    })
}

/// A cursor: the moment and what tells lines of it apart, in hex.
fn written((at_ms, random): AuditId) -> String {
    format!("{at_ms:016x}{}", hex::encode(random))
}

fn parsed(text: &str) -> Result<AuditId, Problem> {
    let read = || {
        let bytes: [u8; 16] = hex::decode(text).ok()?.try_into().ok()?;
        let (at_ms, random) = bytes.split_first_chunk::<8>()?;
        Some((u64::from_be_bytes(*at_ms), random.try_into().ok()?))
    };
    read().ok_or_else(|| Problem::bad_request("before: give the `next` of a page"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_it_is_written() {
        let id = (1_790_000_000_000, [7; 8]);
        assert_eq!(parsed(&written(id)).ok(), Some(id));
        for wrong in ["", "zz", &"0".repeat(30), &"0".repeat(34)] {
            assert!(parsed(wrong).is_err(), "{wrong}");
        }
    }
}
