//! `GET /api/v1/stats`: the last 24 hours, hour by hour.

use axum::{
    Json,
    extract::{Query, State, rejection::QueryRejection},
};
use serde::{Deserialize, Serialize};

use super::Sources;
use crate::{
    engine::{Hour, Tally},
    http::Problem,
    model::WorkflowKey,
    steps,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StatsQuery {
    workflow: Option<WorkflowKey>,
}

/// What became of runs and requests in some time.
#[derive(Serialize)]
struct Counts {
    ok: u64,
    failed: u64,
    refused: u64,
    /// From acceptance to end, milliseconds, to some 6 %; nothing when no run ended.
    p50_ms: Option<u64>,
    p95_ms: Option<u64>,
}

impl From<&Tally> for Counts {
    fn from(tally: &Tally) -> Self {
        let (p50_ms, p95_ms) = (tally.p50_ms(), tally.p95_ms());
        Self { ok: tally.ok, failed: tally.failed, refused: tally.refused, p50_ms, p95_ms }
    }
}

/// One hour.
#[derive(Serialize)]
struct OfHour {
    start: String,
    #[serde(flatten)]
    counts: Counts,
}

impl From<Hour> for OfHour {
    fn from(hour: Hour) -> Self {
        Self { start: steps::timestamp(hour.start_ms), counts: (&hour.tally).into() }
    }
}

/// The sums of one workflow.
#[derive(Serialize)]
struct OfWorkflow {
    key: WorkflowKey,
    #[serde(flatten)]
    counts: Counts,
}

/// The answer.
#[derive(Serialize)]
pub(super) struct Stats {
    /// The 24 hours that end with the present one.
    hours: Vec<OfHour>,
    /// All of them together.
    sum: Counts,
    /// The sums of each workflow; of the one that was asked for alone, if one was.
    workflows: Vec<OfWorkflow>,
}

/// `GET /api/v1/stats?workflow=`
pub(super) async fn show(
    State(sources): State<Sources>,
    query: Result<Query<StatsQuery>, QueryRejection>,
) -> Result<Json<Stats>, Problem> {
    let Query(StatsQuery { workflow }) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let (numbers, now_ms) = (sources.engine.numbers(), sources.engine.ports().now_ms());
    let day = numbers.day(workflow.as_ref());
    let sums = numbers.sums(now_ms).into_iter();
    let asked = sums.filter(|(key, _)| workflow.as_ref().is_none_or(|workflow| workflow == key));
    Ok(Json(Stats {
        hours: day.hours(now_ms).into_iter().map(OfHour::from).collect(),
        sum: (&day.sum(now_ms)).into(),
        workflows: asked.map(|(key, sum)| OfWorkflow { key, counts: (&sum).into() }).collect(),
    }))
}
