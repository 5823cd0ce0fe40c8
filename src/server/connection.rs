//! One connection: a TLS handshake if there is TLS, then HTTP/1.1 or HTTP/2, until it is done or told to close.

use std::{sync::Arc, time::Instant};

use axum::Router;
use hyper::service::service_fn;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::{
    listener::Stream,
    phase::{Close, HEAD},
    registry::Connection,
    requests,
    stream::Watched,
    tls::{self, Tls},
};

/// What all connections share.
pub(super) struct Shared {
    pub(super) http: Builder<TokioExecutor>,
    pub(super) router: Router,
    pub(super) tls: Option<Tls>,
}

/// Serves one connection to its end.
pub(super) async fn serve(shared: Arc<Shared>, stream: Stream, connection: &Arc<Connection>) {
    let Some(tls) = &shared.tls else { return http(&shared, stream, connection).await };
    let handshake = tokio::time::timeout(HEAD, tls.acceptor().accept(stream));
    let accepted = tokio::select! {
        accepted = handshake => accepted,
        // No request has come yet, so the connection ends whatever it is told.
        _ = connection.told(None) => return,
    };
    match accepted {
        Err(_) => tracing::debug!(peer = %connection.peer, "a TLS handshake took too long"),
        Ok(Err(error)) => tracing::debug!(peer = %connection.peer, %error, "a TLS handshake failed"),
        Ok(Ok(mut stream)) if stream.get_ref().1.alpn_protocol() == Some(tls::ACME_PROTOCOL) => {
            // The client only wanted to see the certificate (RFC 8737 section 3).
            let _ = stream.shutdown().await;
        }
        Ok(Ok(stream)) => {
            connection.phase().shook_hands(Instant::now());
            http(&shared, stream, connection).await;
        }
    }
}

async fn http<S>(shared: &Shared, stream: S, connection: &Arc<Connection>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(|request| requests::answer(connection, &shared.router, request));
    let stream = TokioIo::new(Watched::new(stream, Arc::clone(connection)));
    let mut served = std::pin::pin!(shared.http.serve_connection(stream, service));
    let mut told = None;
    loop {
        tokio::select! {
            ended = served.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(peer = %connection.peer, %error, "a connection ended early");
                    if let Some(error) = error.downcast_ref::<hyper::Error>().filter(|error| error.is_parse()) {
                        requests::write_down(connection, &shared.router, error.is_parse_too_large()).await;
                    }
                }
                return;
            }
            close = connection.told(told) => match close {
                Close::Now => {
                    tracing::debug!(peer = %connection.peer, "a slow connection is closed");
                    return;
                }
                Close::Gracefully => {
                    told = Some(close);
                    served.as_mut().graceful_shutdown();
                }
            }
        }
    }
}
