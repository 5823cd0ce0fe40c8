//! Which methods a trigger takes, and the answer to a request that only asks whether somebody is there.

use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use super::{endpoint::Endpoint, refusal::Refusal};
use crate::model::{Method, RequestOutcome};

/// # Errors
/// The trigger does not take this method.
pub(super) fn allow_method(endpoint: &Endpoint, method: &str) -> Result<(), Refusal> {
    if is_allowed(endpoint, method) { Ok(()) } else { Err(Refusal::Method { allowed: allowed(endpoint) }) }
}

fn is_allowed(endpoint: &Endpoint, method: &str) -> bool {
    endpoint.webhook().methods.iter().any(|allowed| allowed.as_str() == method)
}

fn allowed(endpoint: &Endpoint) -> String {
    let allowed: Vec<_> = endpoint.webhook().methods.iter().copied().map(Method::as_str).collect();
    allowed.join(", ")
}

/// The answer to a HEAD or OPTIONS that runs nothing. Senders and load balancers use them to look whether somebody is there. The
/// preflight of a page is answered by `cors`.
pub(super) fn probe(
    endpoint: &Endpoint,
    method: &str,
    headers: &HeaderMap,
) -> Option<(Response, RequestOutcome)> {
    let status = match method {
        "HEAD" => StatusCode::OK,
        "OPTIONS" if !headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) => StatusCode::NO_CONTENT,
        _ => return None,
    };
    if is_allowed(endpoint, method) {
        return None;
    }
    let mut response = status.into_response();
    let allow = HeaderValue::from_str(&allowed(endpoint)).expect("names of methods are ASCII");
    response.headers_mut().insert(header::ALLOW, allow);
    Some((response, RequestOutcome::Handshake { kind: method.to_ascii_lowercase() }))
}
