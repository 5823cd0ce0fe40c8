//! `GET /api/v1/events`: what happens, as it happens, as a stream of server-sent events.
//!
//! The engine names what has changed (`engine::Changes`). One task, the `teller`, reads it and writes events into the `ring`
//! when they are durable. Each connection, a `watcher`, reads the ring at its own pace; the `hub` counts them. While nobody
//! watches there is no task, and nothing is collected.

mod hub;
mod ring;
mod teller;
mod watcher;

use std::{convert::Infallible, sync::Arc};

use axum::{
    Extension, Router,
    body::Body,
    extract::{Query, State, rejection::QueryRejection},
    middleware,
    response::{IntoResponse, Response},
    routing::get,
};
use futures::stream;
use http::{HeaderMap, HeaderName, StatusCode, header};
use serde::Deserialize;

use self::{
    hub::{Hub, WATCHERS},
    ring::{Filter, Topic},
    watcher::Watcher,
};
use super::{
    door::{Door, authorize},
    who::Access,
};
use crate::{
    engine::Engine,
    http::Problem,
    model::{Right, RunId, WorkflowKey},
};

/// Seconds after which a client should try again that found no place.
const RETRY_AFTER: u32 = 10;

/// The resource, behind the door.
pub(super) fn router(engine: Engine, door: &Door) -> Router {
    Router::new()
        .route("/api/v1/events", get(events))
        .layer(middleware::from_fn_with_state(door.clone(), authorize))
        .with_state(Hub::new(engine))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventsQuery {
    topics: Option<String>,
    workflow: Option<WorkflowKey>,
    run: Option<RunId>,
}

impl EventsQuery {
    fn filter(self, payloads: bool) -> Result<Filter, Problem> {
        let topics = match self.topics {
            None => Topic::ALL.to_vec(),
            Some(names) => names.split(',').map(topic).collect::<Result<_, _>>()?,
        };
        Ok(Filter { topics, workflow: self.workflow, run: self.run, payloads })
    }
}

fn topic(name: &str) -> Result<Topic, Problem> {
    Topic::ALL.into_iter().find(|topic| topic.as_str() == name).ok_or_else(|| {
        let known = Topic::ALL.map(Topic::as_str).join(", ");
        Problem::bad_request(format!("`{name}` is no topic; there are {known}"))
    })
}

/// `GET /api/v1/events?topics=&workflow=&run=`, with `Last-Event-ID` when the client goes on.
async fn events(
    State(hub): State<Arc<Hub>>,
    Extension(access): Extension<Access>,
    headers: HeaderMap,
    query: Result<Query<EventsQuery>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(query) = query.map_err(|error| Problem::bad_request(error.body_text()))?;
    let filter = query.filter(access.may(Right::PayloadsRead))?;
    let (seat, newest, begins) = hub.join().ok_or_else(|| {
        let detail = format!("{WATCHERS} connections watch already; close one of them, or try again later");
        let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "too_many_watchers", detail);
        problem.retry_after = Some(RETRY_AFTER);
        problem
    })?;
    if begins {
        tokio::spawn(teller::tell(hub));
    }
    let place = last_event(&headers).unwrap_or(newest);
    let pieces = stream::unfold(Watcher::new(seat, filter, place), |mut watcher| async move {
        let piece = watcher.next().await?;
        Some((Ok::<_, Infallible>(piece), watcher))
    });
    // A proxy must neither collect the stream nor change it.
    let headers: [(HeaderName, &str); 3] = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store, no-transform"),
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// The last event that the client had. What is no id of ours is older than everything, so that the client is told to read
/// everything anew.
fn last_event(headers: &HeaderMap) -> Option<u64> {
    let given = headers.get("last-event-id")?;
    Some(given.to_str().ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0))
}
