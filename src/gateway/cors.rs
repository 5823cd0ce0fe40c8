//! Calls from web pages (the CORS protocol of the Fetch standard), for workflows that allow some.
//!
//! A preflight is answered without a run. Whatever answers a request of an allowed page, refusals too, says so: else
//! the page could not read why. Pages that are not allowed get what they would get without CORS; browsers keep it from them.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use crate::model::{Cors, Webhook};

/// What pages may read of an answer beside its body and the headers that Fetch always shows.
const EXPOSED: &str = "flowcell-run-id, idempotency-replayed, retry-after";

/// The origin of a request, if it is a page that the workflow allows.
fn allowed<'a>(cors: &Cors, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let listed = |entry: &String| entry == "*" || entry.as_bytes() == origin.as_bytes();
    cors.origins.iter().any(listed).then_some(origin)
}

/// Whether it is the request of a page that the workflow allows.
pub(super) fn lets_in(cors: &Cors, headers: &HeaderMap) -> bool {
    allowed(cors, headers).is_some()
}

/// The answer to a preflight of an allowed page.
pub(super) fn preflight(webhook: &Webhook, method: &Method, headers: &HeaderMap) -> Option<Response> {
    let cors = webhook.cors.as_ref().filter(|_| *method == Method::OPTIONS)?;
    headers.get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    allowed(cors, headers)?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    let methods: Vec<_> = webhook.methods.iter().map(|method| method.as_str()).collect();
    let answers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, methods.join(", ")),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, cors.headers.join(", ")),
        (header::ACCESS_CONTROL_MAX_AGE, (cors.max_age.as_millis() / 1_000).to_string()),
    ];
    for (name, value) in answers {
        // Methods, names and digits are plain ASCII: `check` saw to it.
        if let Ok(value) = HeaderValue::from_str(&value)
            && !value.is_empty()
        {
            response.headers_mut().insert(name, value);
        }
    }
    Some(response)
}

/// Lets the page that asked read the answer, and no other.
pub(super) fn mark(cors: &Cors, request: &HeaderMap, response: &mut Response) {
    let headers = response.headers_mut();
    // What a script set itself is not its author's list.
    headers.remove(header::ACCESS_CONTROL_ALLOW_ORIGIN);
    headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
    let any = cors.origins.iter().any(|origin| origin == "*");
    if !any {
        headers.append(header::VARY, HeaderValue::from_static("origin"));
    }
    let Some(origin) = allowed(cors, request) else { return };
    let answer = if any { HeaderValue::from_static("*") } else { origin.clone() };
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, answer);
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    if cors.credentials {
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    }
}
