//! Headers that a caller may send, and how many may come back.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::{
    NetError, Sensitive,
    bounds::{MAX_HEADER_COUNT, MAX_HEADERS},
};

/// Headers of the connection. With them, a caller could smuggle a second request.
const OWN: [&str; 11] = [
    "host",
    "content-length",
    "connection",
    "proxy-connection",
    "keep-alive",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "expect",
    "http2-settings",
];
/// The most bytes of all headers of a request.
const MAX_REQUEST: usize = 64 << 10;
/// Whether a header belongs to the connection, so that no caller may set it; `name` is lower case.
pub fn is_own(name: &str) -> bool {
    OWN.contains(&name)
}

/// Headers that carry rights; they are kept out of logs.
const CREDENTIALS: [HeaderName; 3] = [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// The headers that a request may send on to the target of a redirect. They say how the body is written, what is
/// wanted, and which repetition this is.
///
/// This is a list of what may pass, not of what may not. Credentials stand in headers of any name (`x-api-key`,
/// `private-token`, `x-shopify-access-token`), and nobody knows all of them.
const HARMLESS: [&str; 12] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-type",
    "flowcell-attempt",
    "idempotency-key",
    "range",
    "user-agent",
];

/// Checks headers and gives them as HTTP carries them. Those that `marked` names, or that carry rights, are marked as
/// sensitive.
pub(super) fn checked(headers: &[(String, String)], marked: &[String]) -> Result<HeaderMap, NetError> {
    let mut map = HeaderMap::with_capacity(headers.len());
    let mut size = 0;
    for (name, value) in headers {
        let wrong = |why| NetError::Header { name: name.chars().take(60).collect(), why };
        let key = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| wrong("is not a header name; use letters, digits and -"))?;
        if is_own(key.as_str()) {
            return Err(wrong("belongs to the connection; leave it out"));
        }
        let mut value = HeaderValue::from_bytes(value.as_bytes())
            .map_err(|_| wrong("holds line breaks or control characters, which HTTP cannot carry"))?;
        value.set_sensitive(carries_rights(&key, marked));
        size += key.as_str().len() + value.len();
        if size > MAX_REQUEST || map.len() >= MAX_HEADER_COUNT {
            return Err(wrong("is one too many: a request may have 100 headers, and 64 KiB in all"));
        }
        map.append(key, value);
    }
    Ok(map)
}

fn carries_rights(name: &HeaderName, marked: &[String]) -> bool {
    CREDENTIALS.contains(name) || marked.iter().any(|mark| mark.eq_ignore_ascii_case(name.as_str()))
}

/// Removes the headers that another origin must not see, and gives their names.
pub(super) fn strip_rights(headers: &mut HeaderMap, sensitive: &Sensitive) -> Vec<HeaderName> {
    let stays = |name: &HeaderName| {
        !HARMLESS.contains(&name.as_str())
            || carries_rights(name, &sensitive.headers)
            || headers.get_all(name).iter().any(|value| sensitive.holds_secret(value.as_bytes()))
    };
    let gone: Vec<_> = headers.keys().filter(|name| stays(name)).cloned().collect();
    for name in &gone {
        headers.remove(name);
    }
    gone
}

/// Removes the headers that describe a body, when the body is no longer sent.
pub(super) fn strip_body(headers: &mut HeaderMap) {
    for name in [
        header::CONTENT_TYPE,
        header::CONTENT_ENCODING,
        header::CONTENT_LANGUAGE,
        header::CONTENT_LOCATION,
        header::CONTENT_RANGE,
    ] {
        headers.remove(name);
    }
}

/// Whether a response has more headers than we keep.
pub(super) fn too_large(headers: &HeaderMap) -> bool {
    let size: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    headers.len() > MAX_HEADER_COUNT || size > MAX_HEADERS
}
