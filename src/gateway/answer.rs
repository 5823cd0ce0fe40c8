//! Makes HTTP responses out of what the engine gave.

use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde_json::json;

use crate::model::{Answer, RunId};

/// The header with the id of the run.
const RUN_ID: HeaderName = HeaderName::from_static("flowcell-run-id");
/// Set on the answer of an earlier delivery.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Which pages may load an answer (Fetch standard, "Cross-Origin-Resource-Policy header").
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Marks a response that Flowcell and not the workflow wrote.
#[derive(Clone, Copy)]
pub(super) struct OurOwn;

/// Keeps an answer of the webhook routes from being taken for something else, and from being loaded by pages of other
/// sites without CORS, unless the workflow itself says which may.
pub(super) fn keep_apart(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(RESOURCE_POLICY).or_insert(HeaderValue::from_static("same-origin"));
}

/// The workflow's own answer.
pub(super) fn of_run(answer: Answer, run: RunId, replayed: bool) -> Response {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    // RFC 9110 sections 15.3.5, 15.3.6 and 15.4.5: clients take what follows for the next answer.
    let bare =
        matches!(status, StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED);
    let body = if bare { Vec::new() } else { answer.body };
    let mut response = (status, body).into_response();
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_TYPE);
    for (name, value) in &answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_str(value))
        {
            headers.append(name, value);
        }
    }
    if bare && status != StatusCode::NOT_MODIFIED {
        headers.remove(header::CONTENT_TYPE);
    }
    // The answer of a workflow is foreign content on the origin of this server. It may run no scripts, unless its own policy
    // puts it into a sandbox. Policies add up, so the other words of its policy count too.
    if !headers.get_all(header::CONTENT_SECURITY_POLICY).iter().any(is_sandbox) {
        headers.append(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox"));
    }
    mark(&mut response, run, replayed);
    response
}

/// Whether a policy keeps its page apart from the origin of this server (CSP level 3 section 6.4.2).
fn is_sandbox(policy: &HeaderValue) -> bool {
    let policies = String::from_utf8_lossy(policy.as_bytes()).to_ascii_lowercase();
    policies.split(',').any(|policy| {
        let mut directives =
            policy.split(';').map(|directive| directive.split_ascii_whitespace().collect::<Vec<_>>());
        // Of directives with one name the first counts.
        let sandbox = directives.find(|words| words.first() == Some(&"sandbox"));
        sandbox.is_some_and(|words| !words.contains(&"allow-same-origin"))
    })
}

/// 202 for a run that is durable.
pub(super) fn accepted(run: RunId, replayed: bool) -> Response {
    let body = json!({ "run_id": run.to_string() }).to_string();
    let mut response = (StatusCode::ACCEPTED, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(OurOwn);
    mark(&mut response, run, replayed);
    response
}

/// 202 for an event that starts no run, because a run of its singleton is unfinished.
pub(super) fn skipped(run: RunId) -> Response {
    let body = json!({ "run_id": run.to_string(), "skipped": true }).to_string();
    let mut response = (StatusCode::ACCEPTED, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response.extensions_mut().insert(OurOwn);
    mark(&mut response, run, false);
    response
}

fn mark(response: &mut Response, run: RunId, replayed: bool) {
    let run = HeaderValue::from_str(&run.to_string()).expect("an id is plain ASCII");
    response.headers_mut().insert(RUN_ID, run);
    if replayed {
        response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_sandboxes_in_a_policy_the_first_counts_as_in_browsers() {
        for (apart, policy) in [
            (true, "sandbox"),
            (true, "default-src 'self'; SANDBOX allow-scripts"),
            (true, "sandbox allow-same-origin, sandbox allow-scripts"),
            (false, "sandbox allow-scripts\tallow-same-origin; sandbox"),
            (false, "sandbox allow-same-origin; sandbox"),
            (false, "default-src 'none'"),
            (false, ""),
        ] {
            assert_eq!(is_sandbox(&HeaderValue::from_str(policy).unwrap()), apart, "{policy:?}");
        }
    }
}
