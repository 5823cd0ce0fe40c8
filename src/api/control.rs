//! One run: cancel it, run its event once more, go on from its failed step.

use axum::{
    Json,
    extract::{Path, State},
};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::input;
use crate::{
    engine::{Engine, ReplayOn},
    http::Problem,
    model::RunId,
};

/// Why a run is cancelled whose canceller says nothing.
const NO_REASON: &str = "through the API";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cancel {
    reason: Option<String>,
}

/// Which version a repetition runs on.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum On {
    /// That of the repeated run.
    #[default]
    Same,
    /// The present one.
    Newest,
}

impl From<On> for ReplayOn {
    fn from(on: On) -> Self {
        match on {
            On::Same => Self::Same,
            On::Newest => Self::Newest,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    #[serde(default)]
    pub(super) on: On,
}

/// `POST /api/v1/runs/{id}/cancel` with `{"reason"?}`: 202, 409 when it has ended.
pub(super) async fn cancel(
    State(engine): State<Engine>,
    Path(id): Path<String>,
    body: input::Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let id: RunId = input::parsed(&id)?;
    let Cancel { reason } = input::fields(body)?;
    engine.cancel(id, reason.as_deref().unwrap_or(NO_REASON)).await?;
    Ok((StatusCode::ACCEPTED, Json(json!({ "run_id": id }))))
}

/// `POST /api/v1/runs/{id}/replay` with `{"on"?: "same" | "newest"}`: 201 with the new run.
pub(super) async fn replay(
    State(engine): State<Engine>,
    Path(id): Path<String>,
    body: input::Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Replay { on } = input::fields(body)?;
    let new = engine.replay(input::parsed(&id)?, on.into()).await?;
    Ok((StatusCode::CREATED, Json(json!({ "run_id": new }))))
}

/// `POST /api/v1/runs/{id}/retry` with `{"on"?: "same" | "newest"}`: 201 with the new run, 409 when nothing failed or the
/// newest version differs before the failed step.
pub(super) async fn retry(
    State(engine): State<Engine>,
    Path(id): Path<String>,
    body: input::Body,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let Replay { on } = input::fields(body)?;
    let new = engine.retry(input::parsed(&id)?, on.into()).await?;
    Ok((StatusCode::CREATED, Json(json!({ "run_id": new }))))
}
