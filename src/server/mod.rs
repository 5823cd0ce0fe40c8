//! The edge of the network: the accept loop, TLS, caps on connections, deadlines for slow clients, a graceful end.
//!
//! Every connection has a [`phase`] that says what it waits for. One clock looks at all connections twice a second and
//! closes those that are too slow. When all connections are taken, the one that has waited longest for its head is
//! closed for the new one. So clients that only hold connections keep nobody out.

pub(crate) mod acme;
mod chunks;
mod connection;
mod heads;
mod lines;
mod linger;
pub(crate) mod listener;
mod phase;
mod registry;
mod requests;
mod stream;
pub(crate) mod tls;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::{Duration, Instant},
};

use axum::Router;
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::watch;

use self::{
    connection::Shared,
    listener::{Listener, Stream},
    registry::{Full, Registry},
    tls::Tls,
};
use crate::model::Network;

/// The largest head of an HTTP/1.1 request, bytes.
const MAX_HEAD: usize = 64 << 10;
/// The largest head of an HTTP/2 request, bytes, as RFC 9113 section 6.5.2 counts them.
const MAX_HEADER_LIST: u32 = 32 << 10;
/// Requests that one HTTP/2 connection may have open.
const MAX_STREAMS: u32 = 16;
/// What the bodies of one HTTP/2 connection may send before they are read, bytes: each of them, and all together.
const WINDOW: u32 = 256 << 10;
/// Streams that a client may reset before we have looked at them (rapid reset).
const MAX_RESETS: usize = 20;
/// The time between two HTTP/2 pings, and how long their answer may take. A client that is gone does not say so.
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long open requests may take to end once the server stops.
const DRAIN: Duration = Duration::from_secs(15);
/// The time between two looks at all connections.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The same while the server stops.
const DRAIN_LOOK_EVERY: Duration = Duration::from_millis(50);
/// The pause when the system has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Files that are open beside connections: those of the store, and connections to others.
const OTHER_FILES: u64 = 512;

/// How many clients may connect.
#[derive(Debug, Clone)]
pub(crate) struct Limits {
    /// Connections at once.
    pub(crate) connections: usize,
    /// Connections of one address. If it is `None`, [`Limits::PER_IP`] holds, and loopback has no limit.
    pub(crate) per_ip: Option<usize>,
    /// Trusted proxies. They have no limit, because each stands for many clients.
    pub(crate) proxies: Vec<Network>,
}

impl Limits {
    /// Connections at once, unless the settings say otherwise.
    pub(crate) const CONNECTIONS: usize = 8_192;
    /// Connections of one address, unless the settings say otherwise.
    pub(crate) const PER_IP: usize = 256;

    /// The most connections of one address; `None` is no limit.
    fn share(&self, address: IpAddr) -> Option<usize> {
        let address = address.to_canonical();
        let free = self.proxies.iter().any(|proxy| proxy.contains(address))
            || (self.per_ip.is_none() && address.is_loopback());
        (!free).then(|| self.per_ip.unwrap_or(Self::PER_IP))
    }

    /// Lowers the limit to what the process may open, after the soft limit was raised to the hard one.
    fn within_files(mut self) -> Self {
        let before = getrlimit(Resource::Nofile);
        // If the system reports no limit, there is none.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        let room = usize::try_from(files.saturating_sub(OTHER_FILES)).unwrap_or(usize::MAX).max(64);
        if self.connections > room {
            tracing::warn!(
                connections = room,
                "fewer connections than server.max_connections, as the process may open {files} files; raise `ulimit -n`"
            );
            self.connections = room;
        }
        self
    }
}

/// Serves connections until `draining` says so, then lets the open requests end.
pub(crate) async fn serve(
    listener: Listener,
    router: Router,
    limits: Limits,
    tls: Option<Tls>,
    mut draining: watch::Receiver<bool>,
) {
    let registry = Registry::new(limits.within_files());
    let shared = Arc::new(Shared { http: builder(), router, tls });
    let clock = tokio::spawn(look(Arc::clone(&registry)));
    loop {
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
            _ = draining.changed() => break,
        };
        tokio::select! {
            () = begin(&registry, &shared, stream, peer) => {}
            _ = draining.changed() => break,
        }
    }
    drop(listener);
    clock.abort();
    drain(&registry).await;
}

/// Gives a connection its place and its task. Waits while requests take all places.
async fn begin(registry: &Arc<Registry>, shared: &Arc<Shared>, stream: Stream, peer: SocketAddr) {
    let place = loop {
        match registry.admit(peer, Instant::now()) {
            Ok(place) => break place,
            Err(Full::Address) => {
                tracing::debug!(%peer, "a connection is refused, as its address has its share");
                return;
            }
            Err(Full::All) => {
                let _ = tokio::time::timeout(ACCEPT_PAUSE, registry.freed()).await;
            }
        }
    };
    let shared = Arc::clone(shared);
    tokio::spawn(async move { connection::serve(shared, stream, &place.connection).await });
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    // Our own clock has the deadline for heads, because it sees HTTP/2 and handshakes too.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEAD);
    builder.http1().max_headers(requests::MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_pending_accept_reset_streams(MAX_RESETS)
        .max_header_list_size(MAX_HEADER_LIST)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY);
    builder
}

async fn look(registry: Arc<Registry>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        registry.look(Instant::now(), false);
    }
}

/// Waits until all requests have ended, but not longer than [`DRAIN`].
async fn drain(registry: &Registry) {
    registry.close_all();
    let deadline = Instant::now() + DRAIN;
    while !registry.is_empty() {
        if Instant::now() >= deadline {
            tracing::warn!("some requests did not end in time; their connections are closed");
            return;
        }
        registry.look(Instant::now(), true);
        tokio::time::sleep(DRAIN_LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_of_files_is_raised_to_the_hard_one_and_bounds_the_connections() {
        let limits = Limits { connections: usize::MAX, per_ip: None, proxies: Vec::new() }.within_files();
        let files = getrlimit(Resource::Nofile);
        assert_eq!(files.current, files.maximum);
        let room = files.current.map_or(usize::MAX, |files| files.saturating_sub(OTHER_FILES) as usize);
        assert_eq!(limits.connections, room.max(64));
    }
}
