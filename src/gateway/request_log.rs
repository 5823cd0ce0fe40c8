//! Writes the request log: one line for each request, with the true reason of a refusal, and refused requests as they came.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, header};

use super::{header_list::headers, hide};
use crate::{
    engine::Engine,
    model::{HIDDEN, KeptRequest, RequestRecord},
    secrets::Redactor,
    store::{Batch, tables},
};

/// The most bytes of a path that are kept.
pub(super) const MAX_PATH: usize = 1 << 10;
/// The most bytes that are kept of a body, of a query and of the value of a header.
const MAX_BODY: usize = 64 << 10;
const MAX_TEXT: usize = 2 << 10;
/// The most bytes that are kept of all headers together.
const MAX_HEADERS: usize = 8 << 10;
/// The store writes a file for each larger body, so strangers may make it keep only one each [`LARGE_EVERY`].
const LARGE: usize = 12 << 10;
const LARGE_EVERY: u64 = 100;

/// Decides which bodies are kept. A flood of refused requests costs its sender little, so it must cost the server little.
#[derive(Debug, Default)]
pub(super) struct Keeper {
    /// When the last large one was kept, milliseconds since the epoch.
    last_large_ms: AtomicU64,
}

impl Keeper {
    /// Whether a body of so many bytes, received at this time, may be kept.
    pub(super) fn may_keep(&self, bytes: usize, received_ms: u64) -> bool {
        if bytes <= LARGE {
            return true;
        }
        let later = |last: u64| (received_ms >= last.saturating_add(LARGE_EVERY)).then_some(received_ms);
        self.last_large_ms.fetch_update(Ordering::Relaxed, Ordering::Relaxed, later).is_ok()
    }
}

/// Queues one line. Waits only while the store's queue is full, so that a flood cannot outrun the disk.
pub(super) async fn write(engine: &Engine, record: RequestRecord, kept: Option<&KeptRequest>) {
    engine.answered(&record);
    let id = record.id;
    let mut batch = Batch::new();
    let bytes = tables::requests::insert(&mut batch, record, kept);
    match engine.store().commit_lazily(batch).await {
        Ok(()) => engine.logged(id, bytes),
        Err(error) => tracing::error!(request = %id, %error, "the request log could not be written"),
    }
}

/// A path as it is kept.
pub(super) fn shorten(path: &str) -> String {
    path[..path.floor_char_boundary(MAX_PATH)].to_owned()
}

/// The body as it may be kept. A body that is too large is not kept: nobody could say which of its fields a cut went through.
pub(super) fn copied(body: &[u8]) -> Vec<u8> {
    if body.len() > MAX_BODY { Vec::new() } else { body.to_vec() }
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
    let mut changed = query.len() > MAX_TEXT;
    let mut left = MAX_HEADERS;
    let mut text = |text: &str| {
        let mut masked = text.to_owned();
        for redactor in secrets {
            masked = redactor.redact(&masked).into_owned();
        }
        // The cut comes after the masks, because it could go through a secret.
        masked.truncate(masked.floor_char_boundary(MAX_TEXT));
        changed |= masked != text;
        masked
    };
    let query = text(&hide::in_form(query, &hidden));
    let headers = headers(map)
        .into_iter()
        .map(|(name, value)| {
            let value = if hidden(&name) { HIDDEN.to_owned() } else { text(&value) };
            (name, value)
        })
        .take_while(|(name, value)| {
            left = left.saturating_sub(name.len() + value.len());
            left > 0
        })
        .collect::<Vec<_>>();
    changed |= left == 0;
    let mut kept = hide::in_body(content_type, body, &hidden, hide::ALL).unwrap_or_else(|| body.to_vec());
    changed |= kept != body;
    for redactor in secrets {
        let masked = redactor.redact_bytes(&kept).into_owned();
        changed |= masked != kept;
        kept = masked;
    }
    KeptRequest { query, headers, body: kept, changed }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_flood_of_large_bodies_is_kept_in_part() {
        let keeper = Keeper::default();
        let kept = (0..1_000).filter(|ms| keeper.may_keep(LARGE + 1, 1_700_000_000_000 + ms)).count();
        assert_eq!(kept, 10);
        assert!((0..1_000).all(|_| keeper.may_keep(LARGE, 1_700_000_000_000)));
    }

    #[test]
    fn headers_without_end_are_cut() {
        let mut map = HeaderMap::new();
        for number in 0..90 {
            let name: http::HeaderName = format!("x-{number}").parse().unwrap();
            map.insert(name, HeaderValue::from_str(&"a".repeat(5_000)).unwrap());
        }
        let kept = keep("a=1", &map, b"{}", &|_| false, &[]);
        let bytes: usize = kept.headers.iter().map(|(name, value)| name.len() + value.len()).sum();
        assert!(bytes <= MAX_HEADERS && kept.headers.len() >= 3 && kept.changed, "{bytes}");
    }
}
