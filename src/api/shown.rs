//! The part of an answer that somebody may see: without payloads, and of some workflows only.

use axum::{
    body::{Body, to_bytes},
    response::{IntoResponse, Response},
};
use http::{StatusCode, header};
use serde_json::Value;

use super::{limited, rights::About, trim::Keep};
use crate::http::Problem;

/// The most bytes of an answer that is read to be cut, as large as a run with its largest outputs can be.
const MOST: usize = 512 << 20;

/// What of an answer goes out. Problems go out as they are.
pub(super) async fn part(
    response: Response,
    keep: Option<&Keep>,
    about: About,
    prefix: Option<&str>,
) -> Response {
    let list = match (about, prefix) {
        (About::List(list), Some(prefix)) => Some((list, prefix)),
        (
            About::List(_)
            | About::Server
            | About::Self_
            | About::Workflow
            | About::Run
            | About::Request
            | About::Question,
            _,
        ) => None,
    };
    if (keep.is_none() && list.is_none()) || !response.status().is_success() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let whole = to_bytes(body, MOST).await.ok().and_then(|bytes| {
        // HEAD has no body.
        if bytes.is_empty() { Some(Value::Null) } else { serde_json::from_slice(&bytes).ok() }
    });
    let Some(mut value) = whole else {
        tracing::error!("an answer of the API cannot be cut to what its reader may see");
        let detail = "this answer cannot be shown without payloads, and you may not see payloads";
        return Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).into_response();
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    if value.is_null() {
        return Response::from_parts(parts, Body::empty());
    }
    if let Some((list, prefix)) = list {
        value = limited::lines(value, list, prefix);
    }
    if let Some(keep) = keep {
        value = keep.of(value);
    }
    Response::from_parts(parts, Body::from(value.to_string()))
}
