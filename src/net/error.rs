//! Why there is no response, and how a URL is shown without what it may hide.
//!
//! Queries, user information and paths hold secrets: a chat's incoming webhook is nothing but a secret path. So
//! messages name only scheme, host and port.

use std::{error::Error, io, time::Duration};

use reqwest::Url;

use super::{bounds, dns::Unresolved};

/// The longest URL, bytes. Common servers accept as much.
const MAX_URL: usize = 8 << 10;

/// Why there is no response. No message holds a query, a path, a body, a header's value or user information.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetError {
    /// The text is not an http(s) URL that may be used.
    #[error("{shown} cannot be called: {why}")]
    Url {
        /// The URL as far as it may be shown.
        shown: String,
        /// What is wrong and what to do.
        why: String,
    },
    /// The method cannot be sent.
    #[error("the method {0} cannot be used; use GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS")]
    Method(String),
    /// A header cannot be sent, or belongs to the connection.
    #[error("the header `{name}` {why}")]
    Header {
        name: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A certificate or a key that the request brings cannot be used.
    #[error("`{field}` {why}")]
    Credentials {
        /// `tls.ca`, `tls.cert` or `tls.key`.
        field: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The guard refuses the address.
    #[error("`{host}` may not be called: {why}. {how}")]
    Denied {
        /// The host with its port.
        host: String,
        /// The range or rule that covers it.
        why: String,
        /// How the operator can allow it.
        how: String,
    },
    /// The caller may not go there, even if the guard would allow it.
    #[error("{whither} `{host}`, which has not been granted: it needs `http:{host}`")]
    NotGranted {
        /// The host, with its port if that is not the scheme's default.
        host: String,
        /// How the request came to this host: directly or by a redirect.
        whither: &'static str,
    },
    /// The name has no address.
    #[error("`{host}` has no address: {why}")]
    Dns {
        host: String,
        /// What the resolver said.
        why: String,
    },
    /// Whether the name has an address is not known.
    #[error("`{host}` cannot be looked up: {why}")]
    Unanswered {
        host: String,
        /// What it waited for, and what to do.
        why: String,
    },
    /// A redirect leads to another origin, which must not see what the request carries.
    #[error(
        "{from} redirects to {to}, another origin, and wants the body repeated there, but {carries}: it was not sent on. \
         Call {to} itself if that is meant"
    )]
    Withheld {
        /// Where the redirect came from.
        from: String,
        /// Where it leads.
        to: String,
        /// What the other origin must not see.
        carries: String,
    },
    /// Nobody accepts the connection.
    #[error("{url} does not answer: {why}")]
    Connect {
        /// Scheme, host and port.
        url: String,
        /// What the system says.
        why: String,
    },
    /// There is no trusted TLS connection.
    #[error("{url} cannot be trusted: {why}")]
    Tls {
        /// Scheme, host and port.
        url: String,
        /// What the TLS library says.
        why: String,
    },
    /// The exchange took too long.
    #[error("{url} took longer than {} s", after.as_secs_f64())]
    Timeout {
        /// Scheme, host and port.
        url: String,
        /// The limit that was crossed.
        after: Duration,
    },
    /// The response is too large.
    #[error("the {what} from {url} is over {most} bytes")]
    TooLarge {
        /// Scheme, host and port.
        url: String,
        /// `body` or `header`.
        what: &'static str,
        /// The limit, bytes (after decompression).
        most: u64,
    },
    /// A service sets more cookies than a session keeps.
    #[error("{url} sets more cookies than a session keeps: {most}, and 64 KiB in all")]
    Cookies {
        /// Scheme, host and port.
        url: String,
        /// The limit.
        most: usize,
    },
    /// There are too many redirects.
    #[error("{url} redirects more than {most} times")]
    TooManyRedirects {
        /// Where the last redirect came from.
        url: String,
        /// The limit.
        most: u8,
    },
    /// The connection broke, or the answer is not HTTP.
    #[error("{url} broke off: {why}")]
    Protocol {
        /// Scheme, host and port.
        url: String,
        /// What the HTTP library says.
        why: String,
    },
}

impl NetError {
    /// Whether the same request may succeed later.
    pub fn retry_helps(&self) -> bool {
        match self {
            Self::Dns { .. }
            | Self::Unanswered { .. }
            | Self::Connect { .. }
            | Self::Timeout { .. }
            | Self::Protocol { .. } => true,
            Self::Url { .. }
            | Self::Method(_)
            | Self::Header { .. }
            | Self::Credentials { .. }
            | Self::Denied { .. }
            | Self::NotGranted { .. }
            | Self::Withheld { .. }
            | Self::Tls { .. }
            | Self::TooLarge { .. }
            | Self::Cookies { .. }
            | Self::TooManyRedirects { .. } => false,
        }
    }
}

/// Parses an http(s) URL without user information. The fragment is dropped.
pub(super) fn parse(text: &str) -> Result<Url, NetError> {
    let wrong = |shown: &str, why: String| NetError::Url { shown: shown.to_owned(), why };
    // The parser silently drops line breaks and tabs, which would make another URL of this one.
    if text.chars().any(char::is_control) {
        return Err(wrong("the URL", "it holds line breaks or control characters".to_owned()));
    }
    if text.len() > MAX_URL {
        return Err(wrong("the URL", format!("it is longer than {MAX_URL} bytes")));
    }
    let url = Url::parse(text)
        .map_err(|error| wrong(&typed(text), format!("{error}; write it as https://api.example.com/path")))?;
    usable(url)
}

/// The checks that hold for every URL, whether it was typed or comes from a redirect.
pub(super) fn usable(mut url: Url) -> Result<Url, NetError> {
    let wrong = |shown: String, why: &str| NetError::Url { shown, why: why.to_owned() };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong(format!("a {}: URL", url.scheme()), "only http and https are"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong(origin(&url), "its URL holds a user or a password; send an Authorization header"));
    }
    url.set_fragment(None);
    Ok(url)
}

/// A typed text that is not a URL, as far as it may be shown.
fn typed(text: &str) -> String {
    let start: String = text.split(['?', '#']).next().unwrap_or_default().chars().take(60).collect();
    if start.is_empty() || start.contains('@') || text.len() > start.len() {
        "the URL".to_owned()
    } else {
        format!("`{start}`")
    }
}

/// Scheme, host and port: everything of a URL that a message may show.
pub(super) fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

/// The URL without query, fragment and user information.
pub(super) fn without_query(url: &Url) -> String {
    format!("{}{}", origin(url), url.path())
}

/// Host and port as an entry of `net.allow` writes them.
pub(super) fn host_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    format!("{}:{}", host.trim_end_matches('.'), url.port_or_known_default().unwrap_or_default())
}

/// A refusal by the guard, with what the operator can do.
pub(super) fn denied(url: &Url, why: &str) -> NetError {
    let host = host_port(url);
    let how = format!("If you mean this host, the operator must add \"{host}\" to `net.allow`");
    NetError::Denied { host, why: why.to_owned(), how }
}

/// Why the host of a URL gave no address to connect to.
pub(super) fn unresolved(error: &Unresolved, url: &Url) -> NetError {
    let host = url.host_str().unwrap_or_default().to_owned();
    match error {
        Unresolved::Denied(range) => denied(url, &format!("its name leads to an address that is {range}")),
        Unresolved::Failed(why) => NetError::Dns { host, why: why.clone() },
        Unresolved::Unanswered(why) => NetError::Unanswered { host, why: why.clone() },
    }
}

/// Turns reqwest's error into ours. `url` is where this hop went.
pub(super) fn classify(error: &reqwest::Error, url: &Url) -> NetError {
    let (at, why) = (origin(url), cause(error));
    let mut tls = false;
    for source in chain(error) {
        if let Some(error) = source.downcast_ref::<Unresolved>() {
            return unresolved(error, url);
        }
        if source.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse_too_large) {
            return NetError::TooLarge { url: at, what: "header", most: bounds::MAX_HEADERS as u64 };
        }
        let io = source.downcast_ref::<io::Error>();
        // rustls reports every broken handshake as invalid data.
        tls |= io.is_some_and(|error| error.kind() == io::ErrorKind::InvalidData);
    }
    if error.is_connect() && tls {
        NetError::Tls { url: at, why }
    } else if error.is_connect() && error.is_timeout() {
        NetError::Connect { url: at, why: "no connection in time".to_owned() }
    } else if error.is_connect() {
        NetError::Connect { url: at, why }
    } else {
        NetError::Protocol { url: at, why }
    }
}

/// The last cause, because it is the one that says something ("connection refused").
pub(super) fn cause(error: &reqwest::Error) -> String {
    chain(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The causes from the outermost to the last.
fn chain(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&error| match error.downcast_ref::<io::Error>() {
        // An I/O error gives the source of its inner error, not the inner error itself.
        Some(io) => io.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => error.source(),
    })
}
