//! `GET /metrics`: everything that is counted, as OpenMetrics text.

use axum::{
    extract::State,
    response::{IntoResponse, Response},
};
use http::{HeaderName, header};

use super::{Sources, health};

/// The type that monitors expect (OpenMetrics 1.0, section 7).
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`
pub(super) async fn show(State(sources): State<Sources>) -> Response {
    let (_, figures) = health::look(&sources);
    let headers: [(HeaderName, &str); 1] = [(header::CONTENT_TYPE, OPEN_METRICS)];
    (headers, sources.engine.numbers().text(&figures)).into_response()
}
