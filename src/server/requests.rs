//! One request between hyper and the routes. Requests that no route should see are refused, bodies must keep a pace,
//! and the connection's clock learns what is going on.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderValue, Request, StatusCode, Version, header};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::time::Sleep;
use tower::ServiceExt;

use super::registry::Connection;
use crate::http::{Problem, Refused};

/// The longest request target, bytes.
const MAX_TARGET: usize = 8 << 10;
/// The most headers.
pub(super) const MAX_HEADERS: usize = 100;
/// How much longer a body may take than its pace allows.
const BODY_GRACE: Duration = Duration::from_secs(10);
/// The slowest pace of a body, bytes a second.
const BODY_PACE: u64 = 1 << 10;

/// Why a request must not reach the routes; `None` if it may.
fn refusal<B>(request: &Request<B>) -> Option<Problem> {
    let bad = |detail: &str| Some(Problem::new(StatusCode::BAD_REQUEST, "request_invalid", detail));
    let (uri, headers) = (request.uri(), request.headers());
    if uri.path_and_query().map_or(0, |target| target.as_str().len()) > MAX_TARGET {
        let detail = format!("the path and query are over {MAX_TARGET} bytes");
        return Some(Problem::new(StatusCode::URI_TOO_LONG, "uri_too_long", detail));
    }
    if headers.len() > MAX_HEADERS {
        let detail = format!("a request may have {MAX_HEADERS} headers");
        return Some(Problem::new(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail));
    }
    // RFC 9112 section 3.2: one Host, in every request of HTTP/1.1.
    let hosts = headers.get_all(header::HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return bad("a request names its host once");
    }
    // Any other encoding would have to be undone, by rules that readers disagree about.
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    if encodings.next().is_some_and(|first| !chunked(first)) || encodings.next().is_some() {
        return bad("`chunked` is the only transfer encoding");
    }
    None
}

/// Below these paths, every request that is answered is in the request log.
const LOGGED: &str = "/api/webhooks/";

fn is_logged(path: &str) -> bool {
    path.len() > LOGGED.len() && path.starts_with(LOGGED)
}

/// Takes one request to the routes and back.
pub(super) fn answer(
    connection: &Arc<Connection>,
    router: &Router,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer>, Infallible>> + Send + use<> {
    // Counted from the call, not from the first poll, because the head is here already.
    let open = Open::new(connection, request.version() == Version::HTTP_2);
    connection.lines().delivered();
    let upload = |body| Body::new(Upload::new(body, connection));
    let refused = refusal(&request);
    let closes = refused.is_some();
    let work = match refused {
        Some(problem) if !is_logged(request.uri().path()) => {
            connection.interrupt(!request.body().is_end_stream());
            Err(problem)
        }
        refused => {
            let mut request = request.map(upload);
            request.extensions_mut().insert(ConnectInfo(connection.peer));
            if let Some(problem) = refused {
                // Nobody reads its body. The route answers with this, and writes it down.
                *request.body_mut() = Body::empty();
                request.extensions_mut().insert(Refused(problem));
            }
            Ok((router.clone(), request))
        }
    };
    async move {
        let mut response = match work {
            Ok((router, request)) => router.oneshot(request).await?,
            Err(problem) => problem.into_response(),
        };
        if closes {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Ok(response.map(|body| Answer::new(body, open)))
    }
}

/// Writes down a request that hyper refused by itself. Only the beginning of its head is known, and its answer is on its way.
pub(super) async fn write_down(connection: &Arc<Connection>, router: &Router, too_large: bool) {
    let line = connection.lines().refused();
    let Some(mut request) = line.as_deref().and_then(of_line) else { return };
    let (status, code, detail) = if too_large {
        let detail = "the request line and the headers are too large";
        (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", detail)
    } else {
        (StatusCode::BAD_REQUEST, "request_invalid", "the head of the request cannot be read")
    };
    request.extensions_mut().insert(ConnectInfo(connection.peer));
    request.extensions_mut().insert(Refused(Problem::new(status, code, detail)));
    let Ok(_) = router.clone().oneshot(request).await;
}

/// The request of such a line, if it was for a webhook. What no URI may hold is escaped.
fn of_line(line: &[u8]) -> Option<Request<Body>> {
    let mut words = line.split(|byte| *byte == b' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split(|byte| matches!(byte, b'?' | b'#')).next()?;
    // A proxy may be asked for a whole URL.
    let path = match path.windows(3).position(|part| part == b"://") {
        Some(at) => &path[at + 3 + path[at + 3..].iter().position(|byte| *byte == b'/')?..],
        None => path,
    };
    let path = percent_encoding::percent_encode(path, &crate::formats::NO_URL).to_string();
    if !is_logged(&path) {
        return None;
    }
    let request = Request::builder().method(method).uri(path.as_str()).body(Body::empty());
    request.or_else(|_| Request::builder().uri(path.as_str()).body(Body::empty())).ok()
}

/// An open request: from its head to the end of its answer, or until either side gives up.
struct Open(Arc<Connection>);

impl Open {
    fn new(connection: &Arc<Connection>, multiplexed: bool) -> Self {
        connection.phase().opened(multiplexed, Instant::now());
        Self(Arc::clone(connection))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.phase().closed(Instant::now());
    }
}

/// The body of a request, which must keep a pace.
struct Upload {
    body: Incoming,
    begin: Instant,
    received: u64,
    /// Set once the body makes us wait.
    deadline: Option<Pin<Box<Sleep>>>,
    connection: Arc<Connection>,
    whole: bool,
}

/// When a body must have brought more than `received` bytes, counted from its beginning.
fn pace(received: u64) -> Duration {
    BODY_GRACE + Duration::from_millis(received.saturating_mul(1_000) / BODY_PACE)
}

impl Upload {
    fn new(body: Incoming, connection: &Arc<Connection>) -> Self {
        let mut upload = Self {
            body,
            begin: Instant::now(),
            received: 0,
            deadline: None,
            connection: Arc::clone(connection),
            whole: false,
        };
        connection.interrupt(false);
        if upload.body.is_end_stream() {
            upload.end();
        }
        upload
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.whole, true) {
            self.connection.phase().uploaded();
        }
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if !self.whole {
            self.connection.interrupt(true);
        }
        self.end();
    }
}

impl hyper::body::Body for Upload {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                self.received += frame.data_ref().map_or(0, |data| data.len() as u64);
                self.deadline = None;
                if self.body.is_end_stream() {
                    self.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(axum::Error::new(error)))),
            Poll::Ready(None) => {
                self.end();
                Poll::Ready(None)
            }
            Poll::Pending => {
                let at = self.begin + pace(self.received);
                let sleep =
                    self.deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(at.into())));
                ready!(sleep.as_mut().poll(cx));
                let slow = io::Error::new(io::ErrorKind::TimedOut, "the body came too slowly");
                Poll::Ready(Some(Err(axum::Error::new(slow))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body; the request is open until it is dropped.
pub(super) struct Answer {
    body: Body,
    open: Open,
    /// Whether the client can take what is there; otherwise the answer must be made first.
    offers: bool,
}

impl Answer {
    fn new(body: Body, open: Open) -> Self {
        open.0.phase().offers(true, Instant::now());
        Self { body, open, offers: true }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if self.offers {
            self.open.0.phase().offers(false, Instant::now());
        }
    }
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        let offers = polled.is_ready();
        if offers == self.offers {
            self.open.0.phase().progressed(Instant::now());
        } else {
            self.offers = offers;
            self.open.0.phase().offers(offers, Instant::now());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w17_a_body_keeps_a_pace_of_one_kib_a_second_after_ten_seconds() {
        for (received, seconds) in [(0, 10), (1_024, 11), (1 << 20, 1_034)] {
            assert_eq!(pace(received), Duration::from_secs(seconds));
        }
        assert!(pace(u64::MAX) > Duration::from_secs(3_600), "and nothing overflows");
    }

    #[test]
    fn w16_w19_what_no_route_should_see_is_refused() {
        let request = |version, target: &str, headers: &[(&str, &str)]| {
            let mut builder = Request::builder().version(version).uri(target);
            for (name, value) in headers {
                builder = builder.header(*name, *value);
            }
            refusal(&builder.body(()).unwrap()).map(|problem| problem.status().as_u16())
        };
        let host = ("host", "a");
        let many: Vec<_> = (0..101).map(|_| host).collect();
        let long = format!("/{}", "a".repeat(8 << 10));
        assert_eq!(request(Version::HTTP_11, "/", &[host]), None);
        assert_eq!(request(Version::HTTP_11, "/", &[]), Some(400));
        assert_eq!(request(Version::HTTP_11, "/", &[host, host]), Some(400));
        assert_eq!(request(Version::HTTP_10, "/", &[]), None);
        assert_eq!(request(Version::HTTP_2, "/", &[]), None);
        assert_eq!(request(Version::HTTP_2, "/", &many), Some(431));
        assert_eq!(request(Version::HTTP_11, &long[1..].replacen('a', "/", 1), &[host]), None);
        assert_eq!(request(Version::HTTP_11, &long, &[host]), Some(414));
        let encodings =
            [("chunked", None), ("Chunked", None), ("gzip, chunked", Some(400)), ("xchunked", Some(400))];
        for (encoding, status) in encodings {
            let headers = [host, ("transfer-encoding", encoding)];
            assert_eq!(request(Version::HTTP_11, "/", &headers), status, "{encoding}");
        }
    }
}
