//! The order of work of one webhook request.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    sync::Arc,
    time::Instant,
};

use axum::{
    body::HttpBody,
    extract::{ConnectInfo, Request, State},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use http::{StatusCode, request::Parts};

use super::{
    Gateway, answer, body,
    budget::Claim,
    cors, dedupe,
    endpoint::Endpoint,
    event,
    handshake::{Answer, Handshake, Subject},
    hide,
    hosts::Foreign,
    ip, methods, rate,
    refusal::Refusal,
    request_log,
    route::Params,
    sealed,
};
use crate::{
    engine::{Awaited, EngineError, Reply, Submission, Submitted},
    formats::{self, Coding, Unpack},
    http::{Problem, Refused},
    model::{
        Cause, FieldError, KeptRequest, Mode, Note, RequestOutcome, RequestRecord, Run, RunId, Verify,
        WhenUnknown, WorkflowKey,
    },
    reactor::{self, LARGE, ToItsEnd},
    verify::{Delivery, Proof, Rejected, Scheme, Verified},
};

/// The path below which the keys of workflows stand.
pub(super) const PREFIX: &str = "/api/webhooks/";
/// The most bytes of a body that can only be a question of a handshake.
const MAX_QUESTION: usize = 64 << 10;

/// What the log needs to know of a request, collected on the way.
#[derive(Default)]
struct Trace {
    workflow: Option<WorkflowKey>,
    endpoint: Option<Arc<Endpoint>>,
    scheme: Option<&'static str>,
    body_bytes: u64,
    /// The body as it came, once it was read. A body that is not kept is empty here.
    body: Option<Vec<u8>>,
    /// How the sender wants the answer, if it wants it encrypted or in its own words.
    answer_to: Option<sealed::Correspondence>,
    /// The bytes that the request holds of the budget for bodies, until it is answered.
    claim: Option<Arc<Claim>>,
    /// What the trigger notes about the request.
    notes: Vec<Note>,
}

/// Who sends a request.
#[derive(Clone, Copy)]
struct Caller {
    /// The other end of the connection.
    peer: IpAddr,
    /// The caller, as trusted proxies name it.
    client: IpAddr,
}

/// What becomes of an accepted request.
enum Accepted {
    /// It went to the engine.
    Submitted(Arc<Endpoint>, Submitted),
    /// It is answered at once, without a run.
    Answered(Response, RequestOutcome),
}

/// Takes one request to its answer and its line in the log.
///
/// When the caller goes away, the server drops this future at any await, and an event between its commit and its execution
/// would be stuck until the next start. So what is left then goes on in a task of its own. A large body is worked on in such a
/// task from the beginning.
pub(super) async fn receive(
    State(gateway): State<Gateway>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let bytes = most_bytes(&request);
    in_task(bytes, work(gateway, peer, request, Instant::now())).await
}

/// How large a body may be: one that does not say so may be of any size.
pub(super) fn most_bytes(request: &Request) -> u64 {
    request.body().size_hint().upper().unwrap_or(u64::MAX)
}

pub(super) async fn in_task(bytes: u64, work: impl Future<Output = Response> + Send + 'static) -> Response {
    let done = if bytes <= LARGE {
        AssertUnwindSafe(ToItsEnd::new(work)).catch_unwind().await.ok()
    } else {
        reactor::spawn(bytes, work).await.ok()
    };
    match done {
        Some(response) => response,
        // The panic's own message is logged already.
        None => {
            tracing::error!("a request could not be worked on");
            let detail = "the server failed on this request; please report it";
            Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
        }
    }
}

async fn work(gateway: Gateway, peer: SocketAddr, request: Request, started: Instant) -> Response {
    let id = gateway.engine.ports().request_id();
    let (parts, body) = request.into_parts();
    let client = gateway.proxies.client(peer.ip(), &parts.headers);
    let mut trace = Trace::default();
    let caller = Caller { peer: peer.ip(), client };
    let accepted = accept(&gateway, caller, &parts, body, id.created_ms(), &mut trace).await;
    let accepted_us = started.elapsed().as_micros() as u64;
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
        // An accepted event stays accepted, even when its run fails.
        Ok(Accepted::Submitted(endpoint, Submitted::Started { run, reply })) => {
            let answered = started_run(&endpoint, run, reply).await;
            let response = answered.unwrap_or_else(|refusal| refusal.problem().into_response());
            (response, RequestOutcome::Accepted { run })
        }
    };
    let mut response = sealed::write(&gateway, trace.answer_to, response, &outcome).await;
    if let Some(cors) = trace.endpoint.as_ref().and_then(|endpoint| endpoint.webhook().cors.as_ref()) {
        cors::mark(cors, &parts.headers, &mut response);
    }
    answer::keep_apart(&mut response);
    let keeps = matches!(outcome, RequestOutcome::Refused { .. } | RequestOutcome::Filtered);
    let may_keep = |body: &&Vec<u8>| {
        keeps && gateway.engine.keeps_requests() && gateway.keeper.may_keep(body.len(), id.created_ms())
    };
    let body = trace.body.as_ref().filter(may_keep);
    let kept = body.map(|body| kept(&gateway, trace.endpoint.as_deref(), &parts, body, trace.body_bytes));
    let record = RequestRecord {
        id,
        workflow: trace.workflow,
        method: parts.method.as_str().to_owned(),
        path: request_log::shorten(parts.uri.path()),
        ip: client.to_string(),
        body_bytes: trace.body_bytes,
        status: response.status().as_u16(),
        outcome,
        took_us: started.elapsed().as_micros() as u64,
        scheme: trace.scheme.map(str::to_owned),
        accepted_us,
        kept_bytes: 0,
        notes: trace.notes,
    };
    request_log::write(&gateway.engine, record, kept.as_ref()).await;
    response
}

/// What is kept of a request that started no run.
fn kept(
    gateway: &Gateway,
    endpoint: Option<&Endpoint>,
    parts: &Parts,
    body: &[u8],
    body_bytes: u64,
) -> KeptRequest {
    let webhook = endpoint.map(Endpoint::webhook);
    let hides =
        |name: &str| webhook.is_some_and(|webhook| webhook.hides(name) || webhook.hides_parameter(name));
    let vault = gateway.engine.vault().redactor();
    let mut secrets = vec![&*vault];
    secrets.extend(endpoint.map(|endpoint| &endpoint.secrets));
    let mut kept = request_log::keep(parts.uri.query().unwrap_or(""), &parts.headers, body, &hides, &secrets);
    kept.changed |= body.len() as u64 != body_bytes;
    kept
}

pub(super) fn refused(refusal: &Refusal) -> (Response, RequestOutcome) {
    let outcome = RequestOutcome::Refused { code: refusal.code().to_owned(), reason: refusal.to_string() };
    (refusal.problem().into_response(), outcome)
}

/// Everything up to the durable run, cheapest refusal first.
async fn accept(
    gateway: &Gateway,
    Caller { peer, client }: Caller,
    parts: &Parts,
    body: axum::body::Body,
    received_ms: u64,
    trace: &mut Trace,
) -> Result<Accepted, Refusal> {
    // This counts before the path is looked up, so that guessing paths is limited too.
    let counted = rate::count(&gateway.per_ip, client);
    if let Some(Refused(problem)) = parts.extensions.get() {
        return Err(Refusal::Request(problem.clone()));
    }
    counted.map_err(Refusal::Rate)?;
    let asked = gateway.asked(peer, parts)?;
    let (endpoint, params) = route(gateway, parts.uri.path())?;
    let workflow = &endpoint.definition.workflow;
    trace.workflow = Some(workflow.key.clone());
    if !workflow.enabled {
        return Err(Refusal::Disabled);
    }
    trace.endpoint = Some(Arc::clone(&endpoint));
    if let Some(response) = cors::preflight(endpoint.webhook(), &parts.method, &parts.headers) {
        return Ok(Accepted::Answered(response, RequestOutcome::Handshake { kind: "cors".to_owned() }));
    }
    let by_page = || endpoint.webhook().cors.as_ref().is_some_and(|cors| cors::lets_in(cors, &parts.headers));
    if gateway.hosts.is_cross_site(asked, parts) && !by_page() {
        return Err(Foreign::CrossSite.into());
    }
    let method = parts.method.as_str();
    let asks = |signed| endpoint.asks(method, signed);
    let may_ask = asks(true) || asks(false);
    let probed = if may_ask { None } else { methods::probe(&endpoint, method, &parts.headers) };
    if !may_ask && probed.is_none() {
        methods::allow_method(&endpoint, method)?;
    }
    if endpoint.webhook().ip.as_ref().is_some_and(|rules| !ip::allows(rules, client)) {
        return Err(Refusal::Ip(client));
    }
    rate::count(&endpoint.limiters, client).map_err(Refusal::Rate)?;
    if let Some((response, outcome)) = probed {
        return Ok(Accepted::Answered(response, outcome));
    }
    let unavailable = |error: &FieldError| Refusal::Unavailable(error.to_string());
    let handshake = endpoint.handshake.as_ref().map_err(unavailable)?.as_ref();
    // Some senders give the secret only after their question was answered.
    if endpoint.scheme.is_err()
        && let Some(answered) = answer_question(handshake, parts, &[], false)?
    {
        return Ok(answered);
    }
    let scheme = endpoint.scheme.as_ref().map_err(unavailable)?;
    let coding = body::coding(&parts.headers, endpoint.webhook().decompress, endpoint.webhook().body)?;
    trace.scheme = scheme.as_ref().map(Scheme::name);
    let delivery = |body| Delivery {
        method,
        origin: gateway.engine.public_url(),
        target: parts.uri.path_and_query().map_or("/", |target| target.as_str()),
        headers: &parts.headers,
        body,
        received_ms,
    };
    let proof = scheme.as_ref().map_or(Proof::MayBe, |scheme| scheme.proof(&delivery(&[])));
    let unproven = unproven(proof, handshake, parts);
    if unproven.as_ref().is_some_and(|(_, most)| *most == 0) && !asks(true) {
        methods::allow_method(&endpoint, method)?;
    }
    let limit = endpoint.max_body.min(gateway.bodies.largest());
    let claim = Arc::clone(trace.claim.insert(Arc::new(gateway.claim(client))));
    let body = take_body(body, parts, limit, unproven, &claim).await?;
    trace.body_bytes = body.len() as u64;
    let copy = request_log::copied(&body);
    claim.grow(copy.len())?;
    trace.body = Some(copy);
    if let Some(answered) = answer_question(handshake, parts, &body, false)? {
        return Ok(answered);
    }
    if !asks(true) {
        methods::allow_method(&endpoint, method)?;
    }
    if scheme.as_ref().is_some_and(Scheme::is_mac)
        && handshake.is_some_and(|handshake| handshake.could_have_signed(&body))
    {
        let why = "the body could be a token that anybody may have signed by asking, so its signature proves nothing";
        return Err(Refusal::Handshake(why.to_owned()));
    }
    let verified = match scheme {
        Some(scheme) => {
            let delivery = delivery(&body);
            let document = match scheme.wants(&delivery)? {
                Some(wanted) => Some(gateway.keyring.get(&wanted, &workflow.key, received_ms).await?),
                None => None,
            };
            scheme.verify_with(&delivery, document.as_deref())?
        }
        None => Verified::default(),
    };
    trace.answer_to =
        verified.reply.map(|reply| sealed::Correspondence { endpoint: Arc::clone(&endpoint), reply });
    let mut body = match coding {
        Some(coding) => decompress(gateway, coding, body, endpoint.max_body, Arc::clone(&claim)).await?,
        None => body,
    };
    let mut content_type = body::content_type(&parts.headers, endpoint.webhook().body)?.map(Cow::Owned);
    if let Some(opened) = verified.opened {
        (body, content_type) = (opened.body, Some(Cow::Borrowed(opened.content_type)));
    }
    if let Some(answered) = answer_question(handshake, parts, &body, true)? {
        return Ok(answered);
    }
    if verified.question {
        let why = "the sender asks, and the trigger answers no such question";
        return Err(Refusal::Handshake(why.to_owned()));
    }
    methods::allow_method(&endpoint, method)?;
    let fields = endpoint.webhook().verify.as_ref().map_or(&[][..], Verify::secret_fields);
    if !fields.is_empty()
        && let Some(hidden) =
            hide::in_body(content_type.as_deref(), &body, &|name| fields.contains(&name), hide::TOP)
    {
        body = hidden;
    }
    let mut event =
        event::event_of(&gateway.engine, client, parts, (content_type.as_deref(), body), &endpoint.reading)?;
    claim.grow(event.content.made_bytes())?;
    (event.params, event.trigger) = (params, endpoint.trigger().started());
    trace.notes.clone_from(&event.notes);
    let webhook = endpoint.webhook();
    let mode = webhook.mode;
    if !event::is_wanted(&endpoint, &event, &mut trace.notes)? {
        return Ok(Accepted::Answered(StatusCode::NO_CONTENT.into_response(), RequestOutcome::Filtered));
    }
    // Keys are stored only as digests, so they may read what is hidden below.
    let scope = endpoint.trigger().scope(&workflow.key);
    let dedupe = dedupe::key(&scope, endpoint.dedupe.as_ref(), &event, parts.uri.query());
    if let (None, Some(rule)) = (&dedupe, &endpoint.dedupe) {
        trace.notes.push(Note::DedupeKeyMissing);
        if rule.on_missing == WhenUnknown::Refuse {
            return Err(Refusal::DedupeKeyMissing);
        }
    }
    let replay = dedupe::replay(&scope, verified.replay);
    event.notes.clone_from(&trace.notes);
    event.hide_headers(|name| webhook.hides(name));
    event.hide_parameters(|name| webhook.hides_parameter(name));
    if let Cow::Owned(shown) = hide::in_form(&event.raw_query, &|name| webhook.hides_parameter(name)) {
        event.raw_query = shown;
    }
    let definition = Arc::clone(&endpoint.definition);
    let submission = Submission { definition, event, mode, cause: Cause::Webhook, dedupe, replay };
    let submitted = gateway.engine.submit(submission).await?;
    Ok(Accepted::Submitted(endpoint, submitted))
}

/// The answer to a question of a handshake; `signed` says whether the signature was checked before.
fn answer_question(
    handshake: Option<&Handshake>,
    parts: &Parts,
    body: &[u8],
    signed: bool,
) -> Result<Option<Accepted>, Refusal> {
    let Some(handshake) = handshake else { return Ok(None) };
    let query = parts.uri.query().unwrap_or("");
    match handshake.answer(&Subject::new(parts.method.as_str(), query, &parts.headers, body), signed) {
        Answer::None => Ok(None),
        Answer::Refused(why) => Err(Refusal::Handshake(why)),
        Answer::Given(response) => {
            let outcome = RequestOutcome::Handshake { kind: handshake.kind().to_owned() };
            Ok(Some(Accepted::Answered(response, outcome)))
        }
    }
}

/// The answer of a new run: 202 at once, or the reply that comes within the synchronous wait.
async fn started_run(endpoint: &Endpoint, run: RunId, reply: Option<Awaited>) -> Result<Response, Refusal> {
    let Some(reply) = reply else { return Ok(answer::accepted(run, false)) };
    match tokio::time::timeout(endpoint.sync_wait.as_duration(), reply).await {
        Ok(Ok(Reply::Answer(answer))) => Ok(answer::of_run(answer, run, false)),
        Ok(Ok(Reply::Failed(error))) => Err(Refusal::RunFailed { run, error: Box::new(error) }),
        Ok(Ok(Reply::Lost(error))) => Err(Refusal::Lost { run, error }),
        // The server is being stopped; the next start executes the run.
        Ok(Err(_)) => Err(Refusal::Engine(EngineError::Stopping)),
        Err(_) => Err(Refusal::SyncTimeout { run, seconds: endpoint.sync_wait.as_millis() as f64 / 1_000.0 }),
    }
}

fn route(gateway: &Gateway, path: &str) -> Result<(Arc<Endpoint>, Params), Refusal> {
    path.strip_prefix(PREFIX).and_then(|path| gateway.endpoints.route(path)).ok_or(Refusal::Unknown)
}

/// Why the head of a request proves nothing, and the most bytes of its body that are read all the same: the request may be a
/// question, which its sender does not sign and which is small. Nothing when the body may still prove the request.
fn unproven(proof: Proof, handshake: Option<&Handshake>, parts: &Parts) -> Option<(Rejected, usize)> {
    let query = parts.uri.query().unwrap_or("");
    let subject = Subject::new(parts.method.as_str(), query, &parts.headers, &[]);
    let asks = || handshake.is_some_and(|handshake| handshake.may_ask(&subject));
    match proof {
        Proof::MayBe => None,
        Proof::MayAsk(rejected) => Some((rejected, MAX_QUESTION)),
        Proof::Absent(rejected) => Some((rejected, if asks() { MAX_QUESTION } else { 0 })),
    }
}

/// The body, or why it is not read whole.
async fn take_body(
    mut body: axum::body::Body,
    parts: &Parts,
    limit: usize,
    unproven: Option<(Rejected, usize)>,
    claim: &Claim,
) -> Result<Vec<u8>, Refusal> {
    let announced = body::announced(&parts.headers, limit)?;
    let most = unproven.as_ref().map_or(limit, |(_, most)| limit.min(*most));
    let hopeless = unproven.as_ref().is_some_and(|(_, most)| *most == 0);
    let read = if hopeless || announced.is_some_and(|length| length > most) {
        Err(Refusal::TooLarge { limit: most })
    } else {
        body::read(&mut body, announced, most, claim).await
    };
    let refusal = match (read, unproven) {
        (Ok(whole), _) => return Ok(whole),
        (Err(Refusal::TooLarge { .. }), Some((rejected, _))) => rejected.into(),
        (Err(refusal @ Refusal::Bodies(_)), _) => refusal,
        (Err(refusal), _) => return Err(refusal),
    };
    body::let_go(body, parts.version);
    Err(refusal)
}

/// It works off the threads that serve others, as a large body takes long.
async fn decompress(
    gateway: &Gateway,
    coding: Coding,
    body: Vec<u8>,
    limit: usize,
    claim: Arc<Claim>,
) -> Result<Vec<u8>, Refusal> {
    let place = Arc::clone(&gateway.unpacking).acquire_owned().await.expect("nobody closes it");
    let work = tokio::task::spawn_blocking(move || {
        let _place = place;
        formats::decompressed(coding, &body, limit, &|more| claim.grow(more))
    });
    match work.await {
        Ok(Ok(whole)) => Ok(whole),
        Ok(Err(Unpack::TooLarge { limit })) => Err(Refusal::TooLarge { limit }),
        Ok(Err(Unpack::Invalid(why))) => Err(Refusal::BodyInvalid(why)),
        Ok(Err(Unpack::NoRoom(full))) => Err(Refusal::Bodies(full)),
        Err(error) => Err(Refusal::BodyInvalid(format!("its decoder failed: {error}"))),
    }
}

/// A copy gets the answer of the first delivery, as far as it is known yet.
fn duplicate(run: Run, mode: Mode) -> Result<Response, Refusal> {
    match (mode, run.answer) {
        (Mode::Sync, Some(answer)) => Ok(answer::of_run(answer, run.head.id, true)),
        (Mode::Sync, None) => Err(Refusal::InFlight { run: run.head.id }),
        (Mode::Async, _) => Ok(answer::accepted(run.head.id, run.head.status.is_terminal())),
    }
}
