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
        let target =
            reqwest::Url::parse(url).ok().filter(|target| matches!(target.scheme(), "http" | "https"));
        let target = target.ok_or_else(|| NetError::Url(url.to_owned()))?;
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let wrong = || NetError::Header(name.clone());
            let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
            map.append(key, HeaderValue::from_str(value).map_err(|_| wrong())?);
        }
        let failed = |error: reqwest::Error| NetError::Exchange { url: url.to_owned(), why: causes(&error) };
        let mut response =
            self.0.request(method, target).headers(map).body(body).send().await.map_err(failed)?;
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

/// The last cause, which is the one that says something ("connection refused").
fn causes(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}
