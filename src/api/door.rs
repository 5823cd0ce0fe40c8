//! Who gets in to the management API: whoever asks this server by its name, proves who they are, and has the right that the table of
//! `rights` names. Every resource stands behind it.
//!
//! Three prove themselves: the machine's own token, a token that somebody made, a session's cookie.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Instant,
};

use axum::{
    body::HttpBody,
    extract::{ConnectInfo, Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{
    Token,
    guesses::Guesses,
    limited,
    rights::{self, Found, Missing, Need, Row, Shows, Verb},
    shown, site,
    who::{Access, Caller, Told, with_body},
};
use crate::{
    engine::Engine,
    gateway::Gateway,
    http::{Problem, ProblemCode},
    model::{Actor, Right, Role},
    people::{Deed, People},
    sandbox::PLUGIN_SIZE_MOST,
};

/// What the bodies of all requests to the API may take beside the largest one, bytes. It is a budget of their own, so
/// that floods of webhooks do not keep the operator out.
const BODIES: usize = 16 << 20;
/// What that budget is counted in, bytes.
const UNIT: usize = 1 << 10;
/// The most bytes of a body with a password.
const ASKED_AGAIN: usize = 64 << 10;
/// The header with the id of the request, under which the audit log has it.
const REQUEST_ID: HeaderName = HeaderName::from_static("flowcell-request-id");

/// Headers of every answer here that has none of its own: no page frames it, loads it or learns its address, and a browser runs nothing of
/// it. The console's pages say more.
const APART: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Who may come in, and how the door knows them.
#[derive(Clone)]
pub struct Keys {
    /// The machine's own token; `None` when it is switched off.
    pub token: Option<Token>,
    pub people: People,
    /// Whether the server itself speaks TLS.
    pub https: bool,
    /// The beginning of the console's URLs.
    pub url: Arc<str>,
}

/// What all resources share to decide.
#[derive(Clone)]
pub(super) struct Door {
    keys: Keys,
    engine: Engine,
    gateway: Gateway,
    guesses: Arc<Mutex<Guesses>>,
    /// What times are counted from.
    begin: Instant,
    bodies: Arc<Semaphore>,
    /// The largest body of the resources behind it, bytes.
    body_most: usize,
}

impl Door {
    pub(super) fn new(keys: Keys, engine: Engine, gateway: Gateway) -> Self {
        let bodies = (PLUGIN_SIZE_MOST.as_usize() + 1 + BODIES).div_ceil(UNIT);
        Self {
            keys,
            engine,
            gateway,
            guesses: Arc::default(),
            begin: Instant::now(),
            bodies: Arc::new(Semaphore::new(bodies)),
            body_most: BODIES,
        }
    }

    /// The same door before resources whose bodies have at most so many bytes.
    pub(super) fn with_bodies_of(&self, most: usize) -> Self {
        Self { body_most: most, ..self.clone() }
    }

    fn caller(&self, request: &Request) -> Caller {
        let (peer, headers) = (peer(request), request.headers());
        let client = self.gateway.client(peer, headers);
        Caller::new(client, self.is_https(peer, headers), self.engine.ports().request_id(), headers)
    }

    /// Whether the browser at the other end speaks TLS: with this server, with a trusted proxy that says so, or with whatever answers to
    /// the public URL.
    fn is_https(&self, peer: IpAddr, headers: &HeaderMap) -> bool {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if self.keys.https {
            return true;
        }
        let proto = text("x-forwarded-proto").and_then(|list| list.rsplit(',').next());
        if self.gateway.trusts(peer)
            && let Some(proto) = proto
        {
            return proto.trim().eq_ignore_ascii_case("https");
        }
        let public = self.keys.url.strip_prefix("https://");
        let public = public.and_then(|rest| rest.split('/').next());
        // By another name, as by an address in the same network, it may be reached without TLS, and a browser drops such a cookie.
        public.zip(text("host")).is_some_and(|(public, host)| public.eq_ignore_ascii_case(host))
    }

    /// Who sends the request; `Ok(None)` when it does not say.
    async fn who(
        &self,
        row: &Row,
        headers: &HeaderMap,
        peer: IpAddr,
        caller: &Caller,
    ) -> Result<Option<Access>, Problem> {
        if let Some(given) = headers.get(header::AUTHORIZATION) {
            let token =
                std::str::from_utf8(given.as_bytes()).ok().and_then(|given| given.strip_prefix("Bearer "));
            return match token {
                Some(token) => self.holder(token, caller).await.map(Some),
                None => Err(self.guess(caller)),
            };
        }
        let cookie = site::cookie(headers, caller.https);
        if cookie.is_some() || row.need == Need::Nothing {
            if let Some(problem) = self.gateway.misnamed(peer, headers) {
                return Err(problem);
            }
            if let Some(why) = site::foreign(row.verb, headers, cookie.is_some()) {
                return Err(Problem::new(StatusCode::FORBIDDEN, "cross_site", why));
            }
            if row.verb != Verb::Get && !site::is_no_form(headers) {
                let detail = "a request from a page needs `Content-Type: application/json`";
                let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                return Err(Problem::new(status, "json_only", detail));
            }
        }
        let Some(cookie) = cookie else { return Ok(None) };
        Ok(self.keys.people.present(cookie).await?.map(Access::person))
    }

    /// Who holds a token.
    async fn holder(&self, given: &str, caller: &Caller) -> Result<Access, Problem> {
        if self.keys.token.as_ref().is_some_and(|token| token.matches(given)) {
            return Ok(Access::machine());
        }
        match self.keys.people.token(given).await? {
            Some(token) => Ok(Access {
                actor: Actor::Token { id: token.id },
                rights: token.scopes.into_iter().collect(),
                name: token.title,
                role: None,
                prefix: token.prefix,
                session: None,
            }),
            None => Err(self.guess(caller)),
        }
    }

    /// The answer to a wrong token.
    fn guess(&self, caller: &Caller) -> Problem {
        let Some(seconds) = self.guessed(caller.client) else { return self.unauthorized() };
        let detail = "too many wrong tokens came from this address; a right one is let in at any time";
        let mut problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_wrong_tokens", detail);
        problem.retry_after = Some(seconds);
        problem
    }

    fn unauthorized(&self) -> Problem {
        let detail = "give `Authorization: Bearer <token>`; the token stands in the data folder's api-token";
        let mut problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        problem.params = self.keys.people.need_setup().then(|| Box::new(json!({ "setup": true })));
        problem
    }

    /// Counts a wrong token; gives the seconds that its sender is told to wait.
    fn guessed(&self, client: IpAddr) -> Option<u32> {
        let (wrong, total) = {
            let mut guesses = self.guesses.lock().expect("no code panics under this lock");
            (guesses.wrong(client, self.begin.elapsed()), guesses.total())
        };
        if let Some(count) = wrong.tell {
            tracing::warn!(%client, count, total, "wrong tokens for the management API");
        }
        wrong.wait.map(|wait| u32::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX))
    }

    /// Decides whether somebody may do this.
    async fn may(&self, found: &Found<'_>, access: &Access) -> Result<(), Problem> {
        if let Need::Right(right) = found.row.need
            && !access.may(right)
        {
            let who = match access.role {
                Some(role) => {
                    format!("the role {role} lacks it; {} is the least that has it", Role::least_with(right))
                }
                None => "the token lacks it".to_owned(),
            };
            let mut problem = Problem::new(
                StatusCode::FORBIDDEN,
                "forbidden",
                format!("this needs the right `{right}`: {who}"),
            );
            problem.params = Some(Box::new(json!({ "right": right })));
            return Err(problem);
        }
        match &access.prefix {
            Some(prefix) => limited::check(&self.engine, found, prefix).await,
            None => Ok(()),
        }
    }

    /// Takes the password out of the body of somebody who is logged in, and looks at it.
    async fn asked_again(
        &self,
        row: &Row,
        access: &Access,
        caller: &Caller,
        request: Request,
    ) -> Result<Request, Problem> {
        let Some(session) = access.session.as_ref().filter(|_| row.again) else { return Ok(request) };
        let needed = || {
            let detail = "this needs your password again: send `{\"password\": …}` in the body, with POST instead of GET";
            Problem::new(StatusCode::FORBIDDEN, "password_needed", detail)
        };
        if row.verb == Verb::Get {
            return Err(needed());
        }
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, ASKED_AGAIN)
            .await
            .map_err(|error| Problem::bad_request(format!("the body cannot be read: {error}")))?;
        let mut fields: Value = serde_json::from_slice(&body).map_err(|_| needed())?;
        let password = fields.as_object_mut().and_then(|fields| fields.shift_remove("password"));
        let Some(Value::String(password)) = password else { return Err(needed()) };
        self.keys.people.confirm(&session.person.name, password, &caller.of_people()).await?;
        Ok(with_body(Request::from_parts(parts, axum::body::Body::empty()), fields.to_string().into_bytes()))
    }

    /// Works on a request that was let in.
    async fn work(&self, request: Request, next: Next) -> Response {
        let hint = request.body().size_hint();
        let bytes = hint.upper().and_then(|bytes| usize::try_from(bytes).ok());
        // What is larger is refused by its length, and takes nothing.
        let bytes = bytes.unwrap_or(self.body_most).min(self.body_most);
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
        let Ok(_room) = Arc::clone(&self.bodies).try_acquire_many_owned(units) else {
            let detail = "other requests to the API hold what there is room for; send it again later";
            let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "bodies_full", detail);
            problem.retry_after = Some(1);
            return problem.into_response();
        };
        // In a task of its own, so that a failure of the server is written down too.
        tokio::spawn(next.run(request)).await.unwrap_or_else(|error| failed(&error))
    }

    /// The answer to a request with this row.
    async fn answer(
        &self,
        found: &Found<'_>,
        access: Option<&Access>,
        caller: &Caller,
        mut request: Request,
        next: Next,
    ) -> Response {
        let row = found.row;
        if let Some(access) = access {
            if let Err(problem) = self.may(found, access).await {
                return problem.into_response();
            }
            request = match self.asked_again(row, access, caller, request).await {
                Ok(request) => request,
                Err(problem) => return problem.into_response(),
            };
            request.extensions_mut().insert(access.actor.clone());
            request.extensions_mut().insert(access.clone());
        } else if row.need != Need::Nothing {
            return self.unauthorized().into_response();
        }
        request.extensions_mut().insert(caller.clone());
        let response = self.work(request, next).await;
        let Some(access) = access else { return response };
        let keep = match row.shows {
            Shows::Payloads(keep) if !access.may(Right::PayloadsRead) => Some(keep),
            Shows::Payloads(_) | Shows::Facts | Shows::Streams => None,
        };
        shown::part(response, keep, row.about, access.prefix.as_deref()).await
    }

    /// Writes down what was done, and what somebody known was not allowed to do.
    async fn note(
        &self,
        found: &Found<'_>,
        access: Option<Access>,
        caller: &Caller,
        response: &mut Response,
    ) {
        let row = found.row;
        let told = response.extensions_mut().remove::<Told>().unwrap_or_default();
        let is_refused = response.status() == StatusCode::FORBIDDEN && access.is_some();
        if !row.is_noted() && !is_refused {
            return;
        }
        let by = access.map(|access| access.actor).or(told.by);
        // Nobody is told of a request that proves nothing, unless it tried to log in.
        if by.is_none() && row.need != Need::Nothing {
            return;
        }
        let places = found
            .places
            .iter()
            .map(|(_, text)| percent_encoding::percent_decode_str(text).decode_utf8_lossy());
        let target = told.target.unwrap_or_else(|| places.collect::<Vec<_>>().join(" "));
        let deed = Deed {
            by,
            action: format!("{} {}", row.verb.as_str(), row.path),
            target: target.chars().take(256).collect(),
            before: told.before,
            after: told.after,
            address: caller.client.to_string(),
            request: caller.request,
            status: response.status().as_u16(),
            code: response.extensions().get::<ProblemCode>().map(|ProblemCode(code)| (*code).to_owned()),
        };
        self.keys.people.note(deed, row.is_grave()).await;
    }
}

/// The other end of the connection. Without one, as in a test of the routes alone, nobody is trusted.
fn peer(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(Ipv4Addr::UNSPECIFIED.into(), |ConnectInfo(peer)| peer.ip())
}

/// Lets a request in whose sender may do what it asks for.
pub(super) async fn authorize(State(door): State<Door>, request: Request, next: Next) -> Response {
    // In a task of its own: what was begun is done and written down, also when the caller goes away in between.
    let admitted = tokio::spawn(async move { admit(&door, request, next).await });
    admitted.await.unwrap_or_else(|error| failed(&error))
}

async fn admit(door: &Door, request: Request, next: Next) -> Response {
    let caller = door.caller(&request);
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    // A body cannot be looked at from two threads, so what waits holds the head alone.
    let (peer, headers) = (peer(&request), request.headers().clone());
    let mut response = match rights::find(&method, &path) {
        Ok(found) => match door.who(found.row, &headers, peer, &caller).await {
            Ok(access) => {
                let mut response = door.answer(&found, access.as_ref(), &caller, request, next).await;
                door.note(&found, access, &caller, &mut response).await;
                response
            }
            Err(refusal) => refusal.into_response(),
        },
        Err(missing) => refused(&missing, &path),
    };
    let is_challenge = response.status() == StatusCode::UNAUTHORIZED;
    let headers = response.headers_mut();
    if is_challenge {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::from_str(&caller.request.to_string()) {
        headers.insert(REQUEST_ID, id);
    }
    response
}

/// The answer when a task has not come to its end.
fn failed(error: &tokio::task::JoinError) -> Response {
    tracing::error!(%error, "a request to the API could not be worked on");
    let detail = "the server failed on this request; please report it";
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
}

/// The answer to a request that the table does not have.
fn refused(missing: &Missing, path: &str) -> Response {
    match missing {
        Missing::Method(allow) => {
            let detail = format!("this path takes {allow}");
            let mut problem = Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
            problem.allow = Some(allow.clone());
            problem.into_response()
        }
        Missing::Path => {
            tracing::error!(
                path,
                "a route of the API has no row in the table of rights, so nobody gets in; please report it"
            );
            let detail = "nobody may do this: the table of rights does not have it";
            Problem::new(StatusCode::FORBIDDEN, "forbidden", detail).into_response()
        }
    }
}

/// Refuses requests that ask for somebody else's name: a page in a browser could read what they are answered.
pub(super) async fn know_the_name(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let peer = peer(&request);
    let (parts, body) = request.into_parts();
    let mut response = match gateway.foreign(peer, &parts) {
        Some(problem) => problem.into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    };
    for (name, value) in APART {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}
