//! The order of work of one request.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
};
use http::{HeaderMap, StatusCode, header, request::Parts};
use tokio::sync::oneshot;

use super::{
    Gateway, answer, body, dedupe, endpoint::Endpoint, problem::Problem, refusal::Refusal, request_log,
};
use crate::{
    engine::{EngineError, Reply, Submission, Submitted},
    model::{
        Cause, Event, KeptRequest, Method, Mode, RequestOutcome, RequestRecord, Run, RunId, WorkflowKey,
    },
    verify::{Delivery, Scheme, Verified},
};

/// The path that keys stand below.
const PREFIX: &str = "/api/webhooks/";

/// What is known of a request while it is worked on, for the log.
#[derive(Default)]
struct Trace {
    workflow: Option<WorkflowKey>,
    scheme: Option<&'static str>,
    body_bytes: u64,
    /// The body, of a request that was refused after it was read.
    refused: Option<Vec<u8>>,
    /// Until it was durable or refused.
    accepted_us: u64,
}

/// What an accepted request comes to.
enum Accepted {
    /// It went to the engine.
    Submitted(Arc<Endpoint>, Submitted),
    /// It is answered at once, without a run.
    #[expect(dead_code, reason = "handshakes and filters make these")]
    Answered(Response, RequestOutcome),
}

/// Takes one request to its answer and its line in the log.
///
/// In a task of its own: when the caller goes away, the server drops this future at any await, and an event
/// between its commit and its execution would be stuck until the next start.
pub(super) async fn receive(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    in_task(work(gateway, peer, request, Instant::now())).await
}

pub(super) async fn in_task(work: impl Future<Output = Response> + Send + 'static) -> Response {
    match tokio::spawn(work).await {
        Ok(response) => response,
        Err(error) => {
            tracing::error!(%error, "a request could not be worked on");
            let detail = "the server failed on this request; please report it";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
        }
    }
}

async fn work(gateway: Gateway, peer: SocketAddr, request: Request, started: Instant) -> Response {
    let id = gateway.engine.ports().request_id();
    let (parts, body) = request.into_parts();
    let mut trace = Trace::default();
    let accepted = accept(&gateway, peer, &parts, body, id.created_ms(), &mut trace).await;
    trace.accepted_us = started.elapsed().as_micros() as u64;
    let (response, outcome) = match accepted {
        Err(refusal) => refused(&refusal),
        Ok(Accepted::Answered(response, outcome)) => (response, outcome),
        Ok(Accepted::Submitted(endpoint, Submitted::Duplicate { run })) => {
            let id = run.head.id;
            match duplicate(*run, endpoint.webhook().mode) {
                Ok(response) => (response, RequestOutcome::Duplicate { run: id }),
                Err(refusal) => refused(&refusal),
            }
        }
        Ok(Accepted::Submitted(_, Submitted::Skipped { run })) => {
            (answer::skipped(run), RequestOutcome::Skipped { run })
        }
        // An accepted event stays accepted, whatever its run comes to.
        Ok(Accepted::Submitted(endpoint, Submitted::Started { run, reply })) => {
            let answered = started_run(&endpoint, run, reply).await;
            let response = answered.unwrap_or_else(|refusal| refusal.problem().into_response());
            (response, RequestOutcome::Accepted { run })
        }
    };
    let kept = trace.refused.as_ref().map(|body| kept(&gateway, trace.workflow.as_ref(), &parts, body));
    let record = RequestRecord {
        id,
        workflow: trace.workflow,
        method: parts.method.as_str().to_owned(),
        path: request_log::shorten(parts.uri.path()),
        ip: peer.ip().to_canonical().to_string(),
        body_bytes: trace.body_bytes,
        status: response.status().as_u16(),
        outcome,
        took_us: started.elapsed().as_micros() as u64,
        scheme: trace.scheme.map(str::to_owned),
        accepted_us: trace.accepted_us,
        kept: kept.is_some(),
    };
    request_log::write(&gateway.engine, &record, kept.as_ref()).await;
    response
}

/// What is kept of a request that was refused.
fn kept(gateway: &Gateway, workflow: Option<&WorkflowKey>, parts: &Parts, body: &[u8]) -> KeptRequest {
    let endpoint = workflow.and_then(|key| gateway.endpoints.get(key));
    let hides = |name: &str| endpoint.as_ref().is_some_and(|endpoint| endpoint.webhook().hides(name));
    let vault = gateway.engine.vault().redactor();
    let mut secrets = vec![&*vault];
    if let Some(endpoint) = &endpoint {
        secrets.push(&endpoint.secrets);
    }
    request_log::keep(parts.uri.query().unwrap_or(""), &parts.headers, body, &hides, &secrets)
}

pub(super) fn refused(refusal: &Refusal) -> (Response, RequestOutcome) {
    let outcome = RequestOutcome::Refused { code: refusal.code().to_owned(), reason: refusal.to_string() };
    (refusal.problem().into_response(), outcome)
}

/// Everything up to the durable run, cheapest refusal first.
async fn accept(
    gateway: &Gateway,
    peer: SocketAddr,
    parts: &Parts,
    body: axum::body::Body,
    received_ms: u64,
    trace: &mut Trace,
) -> Result<Accepted, Refusal> {
    let endpoint = route(gateway, parts.uri.path())?;
    let workflow = &endpoint.definition.workflow;
    trace.workflow = Some(workflow.key.clone());
    if !workflow.enabled {
        return Err(Refusal::Disabled);
    }
    allow_method(&endpoint, parts.method.as_str())?;
    let scheme = endpoint.scheme.as_ref().map_err(|error| Refusal::Unavailable(error.to_string()))?;
    let body = body::read(&parts.headers, body, endpoint.max_body).await?;
    trace.body_bytes = body.len() as u64;
    trace.scheme = scheme.as_ref().map(Scheme::name);
    let verified = match scheme {
        Some(scheme) => scheme.verify(&Delivery {
            method: parts.method.as_str(),
            origin: gateway.engine.public_url(),
            target: parts.uri.path_and_query().map_or("/", |target| target.as_str()),
            headers: &parts.headers,
            body: &body,
            received_ms,
        })?,
        None => Verified::default(),
    };
    let mut event = event(peer, parts, body)?;
    let webhook = endpoint.webhook();
    let mode = webhook.mode;
    // Of the key only a digest is kept, so it may read what is hidden from then on.
    let dedupe = dedupe::key(&endpoint, &event);
    event.hide_headers(|name| webhook.hides(name));
    let definition = Arc::clone(&endpoint.definition);
    let submitted =
        gateway.engine.submit(Submission { definition, event, mode, cause: Cause::Webhook, dedupe }).await?;
    drop(verified);
    Ok(Accepted::Submitted(endpoint, submitted))
}

/// The answer of a new run: 202 at once, or what it replies within the synchronous wait.
async fn started_run(
    endpoint: &Endpoint,
    run: RunId,
    reply: Option<oneshot::Receiver<Reply>>,
) -> Result<Response, Refusal> {
    let Some(reply) = reply else { return Ok(answer::accepted(run, false)) };
    match tokio::time::timeout(endpoint.sync_wait.as_duration(), reply).await {
        Ok(Ok(Reply::Answer(answer))) => Ok(answer::of_run(answer, run, false)),
        Ok(Ok(Reply::Failed(error))) => Err(Refusal::RunFailed { run, error: Box::new(error) }),
        Ok(Ok(Reply::Lost(error))) => Err(Refusal::Lost { run, error }),
        // The engine is going down; the next start executes the run.
        Ok(Err(_)) => Err(Refusal::Engine(EngineError::Stopping)),
        Err(_) => Err(Refusal::SyncTimeout { run, seconds: endpoint.sync_wait.as_millis() as f64 / 1_000.0 }),
    }
}

fn route(gateway: &Gateway, path: &str) -> Result<Arc<Endpoint>, Refusal> {
    // A key has no character that a URL would escape, so an escaped one names nothing.
    let key: WorkflowKey =
        path.strip_prefix(PREFIX).and_then(|key| key.parse().ok()).ok_or(Refusal::Unknown)?;
    gateway.endpoints.get(&key).ok_or(Refusal::Unknown)
}

fn allow_method(endpoint: &Endpoint, method: &str) -> Result<(), Refusal> {
    let methods = &endpoint.webhook().methods;
    if methods.iter().any(|allowed| allowed.as_str() == method) {
        return Ok(());
    }
    let allowed: Vec<_> = methods.iter().copied().map(Method::as_str).collect();
    Err(Refusal::Method { allowed: allowed.join(", ") })
}

/// A copy gets what the first delivery got, as far as that is known yet.
fn duplicate(run: Run, mode: Mode) -> Result<Response, Refusal> {
    match (mode, run.answer) {
        (Mode::Sync, Some(answer)) => Ok(answer::of_run(answer, run.head.id, true)),
        (Mode::Sync, None) => Err(Refusal::InFlight { run: run.head.id }),
        (Mode::Async, _) => Ok(answer::accepted(run.head.id, run.head.status.is_terminal())),
    }
}

pub(super) fn event(peer: SocketAddr, parts: &Parts, body: Vec<u8>) -> Result<Event, Refusal> {
    let content_type =
        parts.headers.get(header::CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let content = body::decode_body(content_type.as_deref(), &body)?;
    let query = parts.uri.query().unwrap_or("");
    Ok(Event {
        method: parts.method.as_str().to_owned(),
        path: parts.uri.path().to_owned(),
        ip: peer.ip().to_canonical().to_string(),
        headers: headers(&parts.headers),
        query: form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
        params: Vec::new(),
        content,
        body,
    })
}

/// Lower-case names, in order; a repeated one is joined with `, ` as RFC 9110 section 5.3 allows.
pub(super) fn headers(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .keys()
        .map(|name| {
            let values: Vec<_> =
                headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
            (name.as_str().to_owned(), values.join(", "))
        })
        .collect()
}
