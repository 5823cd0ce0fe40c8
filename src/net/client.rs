//! The client of the commands: it talks to the server that the operator names, wherever that is.
//!
//! Only `cli` uses it. It has no guard, so that `flowcell runs` can reach 127.0.0.1. So no workflow may ever get one.
//! It follows no redirect.

use std::{sync::Arc, time::Duration};

use http::Method;

use super::{
    NetError, Response,
    dns::{Resolver, SYSTEM},
    error, headers,
    lookups::Lookups,
};

/// How long the other side may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole exchange may take. It is longer than the longest synchronous wait of a webhook.
const TOTAL: Duration = Duration::from_secs(130);
/// How long a download may take in all, and how long it may stand still.
const DOWNLOAD: Duration = Duration::from_secs(24 * 3_600);
const STALL: Duration = Duration::from_secs(120);
/// How much of a response is read at most, bytes.
const MAX_BODY: usize = 64 << 20;

/// A client for servers that the operator names. Follows no redirect.
pub struct Client(reqwest::Client);

impl Client {
    /// Makes a client.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, NetError> {
        // The end of a command waits for the threads of the runtime. A name that nobody answers must not hold one.
        let lookups = Lookups::new(Arc::new(SYSTEM));
        reqwest::Client::builder()
            .dns_resolver(Resolver { lookups, guarded: false })
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .no_proxy()
            .build()
            .map(Self)
            .map_err(|error| NetError::Tls { url: "this machine".to_owned(), why: error::cause(&error) })
    }

    /// Makes one request.
    ///
    /// # Errors
    /// When there is no whole response. Any status counts as a response.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Response, NetError> {
        let target = error::parse(url)?;
        let headers = headers::checked(headers, &[])?;
        let failed = |failure: reqwest::Error| {
            if failure.is_timeout() && !failure.is_connect() {
                NetError::Timeout { url: error::origin(&target), after: TOTAL }
            } else {
                error::classify(&failure, &target)
            }
        };
        let request = self.0.request(method, target.clone()).headers(headers).body(body);
        let mut response = request.send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > MAX_BODY {
                let (url, most) = (error::origin(&target), MAX_BODY as u64);
                return Err(NetError::TooLarge { url, what: "body", most });
            }
            body.extend_from_slice(&chunk);
        }
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Response { status, headers, body, url: error::without_query(&target) })
    }

    /// Begins to fetch something that may be large.
    ///
    /// # Errors
    /// When no response begins.
    pub async fn download(&self, url: &str, headers: &[(String, String)]) -> Result<Download, NetError> {
        let target = error::parse(url)?;
        let headers = headers::checked(headers, &[])?;
        let request = self.0.get(target.clone()).headers(headers).timeout(DOWNLOAD);
        let response = request.send().await.map_err(|failure| error::classify(&failure, &target))?;
        Ok(Download { response, target })
    }
}

/// A response that is read piece by piece, whatever its size.
pub struct Download {
    response: reqwest::Response,
    target: reqwest::Url,
}

impl Download {
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the body breaks off, or stands still for two minutes.
    pub async fn next(&mut self) -> Result<Option<bytes::Bytes>, NetError> {
        match tokio::time::timeout(STALL, self.response.chunk()).await {
            Ok(chunk) => chunk.map_err(|failure| error::classify(&failure, &self.target)),
            Err(_) => Err(NetError::Timeout { url: error::origin(&self.target), after: STALL }),
        }
    }
}
