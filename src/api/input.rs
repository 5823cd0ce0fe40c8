//! Reads what requests bring: ids in paths, JSON in bodies.

use std::str::FromStr;

use axum::{body::Bytes, extract::rejection::BytesRejection};
use http::StatusCode;
use serde::de::DeserializeOwned;

use crate::http::Problem;

/// Parses an id or key of a path.
pub(super) fn parsed<T: FromStr<Err: std::fmt::Display>>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| Problem::bad_request(format!("{text}: {error}")))
}

/// Parses a text of a body; an error names its field.
pub(super) fn parsed_as<T: FromStr<Err: std::fmt::Display>>(field: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error| Problem::bad_request(format!("{field}: {error}")))
}

/// A body as it arrived, or why it did not.
pub(super) type Body = Result<Bytes, BytesRejection>;

/// The bytes of a body.
pub(super) fn bytes(body: Body) -> Result<Bytes, Problem> {
    body.map_err(|error| match error.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(error.status(), "body_too_large", error.body_text()),
        _ => Problem::bad_request(error.body_text()),
    })
}

/// The fields of a JSON object. No body counts as `{}`.
pub(super) fn fields<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let body = bytes(body)?;
    let body = if body.is_empty() { b"{}" } else { &body[..] };
    serde_json::from_slice(body)
        .map_err(|error| Problem::bad_request(format!("the body is not what it should be: {error}")))
}
