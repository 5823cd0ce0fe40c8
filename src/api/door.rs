//! Who gets in to the management API: whoever asks this server by its name and gives the right token. Every resource
//! stands behind it.

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
use http::{HeaderValue, StatusCode, header};
use tokio::sync::Semaphore;

use super::{Token, guesses::Guesses};
use crate::{gateway::Gateway, http::Problem, sandbox::PLUGIN_SIZE_MOST};

/// What the bodies of all requests to the API may take beside the largest one, bytes. It is a budget of their own, so
/// that floods of webhooks do not keep the operator out.
const BODIES: usize = 16 << 20;
/// What that budget is counted in, bytes.
const UNIT: usize = 1 << 10;

/// What all resources share to decide.
#[derive(Clone)]
pub(super) struct Door {
    token: Token,
    gateway: Gateway,
    guesses: Arc<Mutex<Guesses>>,
    /// What times are counted from.
    begin: Instant,
    bodies: Arc<Semaphore>,
    /// The largest body of the resources behind it, bytes.
    body_most: usize,
}

impl Door {
    pub(super) fn new(token: Token, gateway: Gateway) -> Self {
        let bodies = (PLUGIN_SIZE_MOST.as_usize() + 1 + BODIES).div_ceil(UNIT);
        Self {
            token,
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

    /// Why the request does not get in, if so.
    fn refusal(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let given = headers.get(header::AUTHORIZATION).map(HeaderValue::as_bytes);
        let token = given.and_then(|given| std::str::from_utf8(given).ok()?.strip_prefix("Bearer "));
        if token.is_some_and(|token| self.token.matches(token)) {
            return None;
        }
        let detail = "give `Authorization: Bearer <token>`; the token stands in the data folder's api-token";
        let mut problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        // Who gives nothing does not guess.
        if given.is_some()
            && let Some(seconds) = self.guessed(self.gateway.client(peer(request), headers))
        {
            let detail = "too many wrong tokens came from this address; a right one is let in at any time";
            problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_wrong_tokens", detail);
            problem.retry_after = Some(seconds);
        }
        let mut response = problem.into_response();
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        Some(response)
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
}

/// The other end of the connection. Without one, as in a test of the routes alone, nobody is trusted.
fn peer(request: &Request) -> IpAddr {
    let info = request.extensions().get::<ConnectInfo<SocketAddr>>();
    info.map_or(Ipv4Addr::UNSPECIFIED.into(), |ConnectInfo(peer)| peer.ip())
}

/// Lets a request in whose token is right.
pub(super) async fn authorize(State(door): State<Door>, request: Request, next: Next) -> Response {
    if let Some(refusal) = door.refusal(&request) {
        return refusal;
    }
    let hint = request.body().size_hint();
    let bytes = hint.upper().and_then(|bytes| usize::try_from(bytes).ok());
    // What is larger is refused by its length, and takes nothing.
    let bytes = bytes.unwrap_or(door.body_most).min(door.body_most);
    let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX);
    let Ok(_room) = Arc::clone(&door.bodies).try_acquire_many_owned(units) else {
        let detail = "other requests to the API hold what there is room for; send it again later";
        let mut problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "bodies_full", detail);
        problem.retry_after = Some(1);
        return problem.into_response();
    };
    // In a task of its own: what was begun is done to its end, also when the caller goes away in between.
    let mut response = tokio::spawn(next.run(request)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request to the API could not be worked on");
        let detail = "the server failed on this request; please report it";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail).into_response()
    });
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Refuses requests that ask for somebody else's name: a page in a browser could read what they are answered.
pub(super) async fn know_the_name(State(gateway): State<Gateway>, request: Request, next: Next) -> Response {
    let peer = peer(&request);
    let (parts, body) = request.into_parts();
    match gateway.foreign(peer, &parts) {
        Some(problem) => problem.into_response(),
        None => next.run(Request::from_parts(parts, body)).await,
    }
}
