//! The only way out: every outbound request of the process is made here.
//!
//! So far it serves the commands that talk to a server the operator names. No workflow and
//! no script can reach it; what they will be allowed goes through a guard of its own.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Method};

/// How long the other side may take to take a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// How long a whole exchange may take; over the longest synchronous wait of a webhook.
const TOTAL: Duration = Duration::from_secs(130);
/// How long a download may take in all, and how long it may stand still.
const DOWNLOAD: Duration = Duration::from_secs(24 * 3_600);
const STALL: Duration = Duration::from_secs(120);
/// The most that is read of a response, bytes.
const BODY_MOST: usize = 64 << 20;

/// Why there is no response.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// The address is no http(s) URL.
    #[error("`{0}` is no URL; write it as http://127.0.0.1:8080/…")]
    Url(String),
    /// A header cannot be sent.
    #[error("the header `{0}` holds characters that HTTP cannot carry")]
    Header(String),
    /// Nobody answered.
    #[error("{url} does not answer: {why}")]
    Exchange {
        /// Where.
        url: String,
        /// Why.
        why: String,
    },
    /// What came back could not be kept.
    #[error("what {url} sends cannot be written: {source}")]
    Sink {
        /// Where.
        url: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Too much came back.
    #[error("{url} answers more than {BODY_MOST} bytes")]
    TooLarge {
        /// Where.
        url: String,
    },
}

/// A response, read whole.
#[derive(Debug)]
pub struct Response {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

/// A client for servers that the operator names. Follows no redirect.
pub struct Client(reqwest::Client);

impl Client {
    /// A new client.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new() -> Result<Self, NetError> {
        reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT)
            .timeout(TOTAL)
            .no_proxy()
            .build()
            .map(Self)
            .map_err(|error| NetError::Exchange { url: String::new(), why: error.to_string() })
    }

    /// Makes one request.
    ///
    /// # Errors
    /// When there is no whole response; any status is a response.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
        body: Vec<u8>,
    ) -> Result<Response, NetError> {
        let failed = |error: reqwest::Error| NetError::Exchange { url: url.to_owned(), why: causes(&error) };
        let request = self.request(method, url, headers)?;
        let mut response = request.body(body).send().await.map_err(failed)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > BODY_MOST {
                return Err(NetError::TooLarge { url: url.to_owned() });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response { status: response.status().as_u16(), headers: response.headers().clone(), body })
    }
}

impl Client {
    /// Gets what may be large: a body with status 200 goes to `sink` piece by piece, that of another into the
    /// response.
    ///
    /// # Errors
    /// When the body does not come to its end, stands still for two minutes, or `sink` fails.
    pub async fn download(
        &self,
        url: &str,
        headers: &[(String, String)],
        sink: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<Response, NetError> {
        let failed = |error: reqwest::Error| NetError::Exchange { url: url.to_owned(), why: causes(&error) };
        let request = self.request(Method::GET, url, headers)?.timeout(DOWNLOAD);
        let mut response = request.send().await.map_err(failed)?;
        let (status, headers, mut body) =
            (response.status().as_u16(), response.headers().clone(), Vec::new());
        loop {
            let chunk = tokio::time::timeout(STALL, response.chunk()).await.map_err(|_| {
                let why = format!("it sends nothing for {} s", STALL.as_secs());
                NetError::Exchange { url: url.to_owned(), why }
            })?;
            match chunk.map_err(failed)? {
                Some(chunk) if status == 200 => {
                    sink(&chunk).map_err(|source| NetError::Sink { url: url.to_owned(), source })?;
                }
                Some(chunk) if body.len() + chunk.len() > BODY_MOST => {
                    return Err(NetError::TooLarge { url: url.to_owned() });
                }
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(Response { status, headers, body }),
            }
        }
    }

    fn request(
        &self,
        method: Method,
        url: &str,
        headers: &[(String, String)],
    ) -> Result<reqwest::RequestBuilder, NetError> {
        let target =
            reqwest::Url::parse(url).ok().filter(|target| matches!(target.scheme(), "http" | "https"));
        let target = target.ok_or_else(|| NetError::Url(url.to_owned()))?;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let wrong = || NetError::Header(name.clone());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            map.append(key, HeaderValue::from_str(value).map_err(|_| wrong())?);
        }
        Ok(self.0.request(method, target).headers(map))
    }
}

/// The last cause, which is the one that says something ("connection refused").
fn causes(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
