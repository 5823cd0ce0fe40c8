//! Writes answers in the form that the sender of an encrypted delivery wants.
//!
//! This applies to every answer of 2xx, also to that of a copy. These senders do not understand Flowcell's own answer (202
//! with the id of a run), so they get their own acknowledgement, with 200.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use http_body_util::BodyExt;

use super::{Gateway, answer::OurOwn, endpoint::Endpoint};
use crate::{model::RequestOutcome, verify::Reply};

/// To whom the answer goes.
pub(super) struct Correspondence {
    pub(super) endpoint: std::sync::Arc<Endpoint>,
    pub(super) reply: Reply,
}

/// The response as its receiver reads it.
pub(super) async fn write(
    gateway: &Gateway,
    to: Option<Correspondence>,
    response: Response,
    outcome: &RequestOutcome,
) -> Response {
    let Some(Correspondence { endpoint, reply }) = to else { return response };
    let Ok(Some(scheme)) = &endpoint.scheme else { return response };
    if !response.status().is_success() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Each answer is whole in memory already.
    let mut body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    if parts.extensions.remove::<OurOwn>().is_some() || *outcome == RequestOutcome::Filtered {
        body.clear();
    }
    if body.is_empty() {
        parts.status = StatusCode::OK;
        parts.headers.remove(header::CONTENT_TYPE);
    }
    let mut random = [0; 16];
    gateway.engine.ports().fill(&mut random);
    let written = scheme.write(&reply, &body, random);
    if let Some(content_type) = written.content_type {
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(written.body))
}
