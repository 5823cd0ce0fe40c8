//! Writes the request log: one line a request with the true reason of a refusal, and what was refused as it came.

use http::{HeaderMap, header};

use super::{hide, hooks::headers};
use crate::{
    engine::Engine,
    model::{HIDDEN, KeptRequest, RequestRecord},
    secrets::Redactor,
    store::{Batch, tables},
};

/// The most of a path that is kept, bytes.
pub(super) const PATH_MOST: usize = 1 << 10;
/// The most that is kept of a body, a query and a header's value, bytes.
const BODY_MOST: usize = 64 << 10;
const TEXT_MOST: usize = 2 << 10;

/// Queues one line. Waits only while the store's queue is full, so that a flood cannot outrun the disk.
pub(super) async fn write(engine: &Engine, record: &RequestRecord, kept: Option<&KeptRequest>) {
    let mut batch = Batch::new();
    let bytes = tables::requests::insert(&mut batch, record, kept);
    match engine.store().commit_lazily(batch).await {
        Ok(()) => engine.logged(bytes),
        Err(error) => tracing::error!(request = %record.id, %error, "the request log could not be written"),
    }
}

/// A path as it is kept.
pub(super) fn shorten(path: &str) -> String {
    path[..path.floor_char_boundary(PATH_MOST)].to_owned()
}

/// A body as it may be kept: one that is too large not at all, as nobody could say which of its fields the cut went through.
pub(super) fn copied(body: &[u8]) -> Vec<u8> {
    if body.len() > BODY_MOST { Vec::new() } else { body.to_vec() }
}

/// A request as it is kept: without credentials, and cut. `secrets` are the values that the workflow verifies with.
pub(super) fn keep(
    query: &str,
    map: &HeaderMap,
    body: &[u8],
    hidden: &dyn Fn(&str) -> bool,
    secrets: &[&Redactor],
) -> KeptRequest {
    let hidden = |name: &str| hidden(name) || hide::is_credential(name);
    let content_type = map.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut changed = query.len() > TEXT_MOST;
    let mut text = |text: &str| {
        let mut masked = text[..text.floor_char_boundary(TEXT_MOST)].to_owned();
        for redactor in secrets {
            masked = redactor.redact_cut(&masked).into_owned();
        }
        changed |= masked != text;
        masked
    };
    let query = text(&hide::in_form(query, &hidden));
    let headers = headers(map)
        .into_iter()
        .map(|(name, value)| match hidden(&name) {
            true => (name, HIDDEN.to_owned()),
            false => {
                let value = text(&value);
                (name, value)
            }
        })
        .collect();
    let mut kept = hide::in_body(content_type, body, &hidden, hide::ALL).unwrap_or_else(|| body.to_vec());
    changed |= kept != body;
    for redactor in secrets {
        let masked = redactor.redact_bytes(&kept).into_owned();
        changed |= masked != kept;
        kept = masked;
    }
    KeptRequest { query, headers, body: kept, changed }
}
