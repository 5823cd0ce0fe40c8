//! Cookies, and which pages may use them. Pure.
//!
//! A cookie comes with every request that a browser sends here, whatever page asks for it. So a request with a cookie counts only if the
//! browser says that a page of this server sends it (`Sec-Fetch-Site`, else `Origin`). Programs with a token send no cookie.

use http::{HeaderMap, HeaderValue, header};

use super::rights::Verb;

/// The cookie where the browser speaks TLS: no other host and no page without TLS can set one of this name.
const SECURE: &str = "__Host-flowcell";
/// The cookie over plain HTTP.
const PLAIN: &str = "flowcell";
/// How long a browser keeps it: as long as a session can last, seconds.
const MAX_AGE: u64 = 30 * 86_400;

fn name(https: bool) -> &'static str {
    if https { SECURE } else { PLAIN }
}

/// What the session's cookie holds. None of two counts: the other one may be a stranger's.
pub(super) fn cookie(headers: &HeaderMap, https: bool) -> Option<&str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut ours = pairs.filter(|(found, _)| *found == name(https)).map(|(_, value)| value);
    let (value, more) = (ours.next()?, ours.next());
    if more.is_some() { None } else { Some(value) }
}

/// The header that gives a browser the cookie of a session.
pub(super) fn set_cookie(secret: &str, https: bool) -> HeaderValue {
    written(secret, MAX_AGE, https)
}

/// The header that takes it away.
pub(super) fn forget_cookie(https: bool) -> HeaderValue {
    written("", 0, https)
}

fn written(secret: &str, max_age: u64, https: bool) -> HeaderValue {
    let secure = if https { "; Secure" } else { "" };
    let text = format!("{}={secret}; Path=/; Max-Age={max_age}; HttpOnly; SameSite=Lax{secure}", name(https));
    HeaderValue::try_from(text).expect("hex digits and ASCII words are a header's value")
}

/// Why the page that sends a request may not use the API, if so. `with_cookie` says that the request proves its sender by the cookie
/// alone.
pub(super) fn foreign(verb: Verb, headers: &HeaderMap, with_cookie: bool) -> Option<&'static str> {
    let text = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
    if let Some(site) = text("sec-fetch-site") {
        return match site {
            "same-origin" => None,
            // The person typed the address, or opened a bookmark.
            "none" if verb == Verb::Get => None,
            _ => Some("a browser sends it for a page of another site"),
        };
    }
    if verb == Verb::Get {
        return None;
    }
    match text("origin") {
        Some(origin) if is_own(origin, headers) => None,
        Some(_) => Some("its `Origin` is another site"),
        None if with_cookie => {
            Some("a request with a cookie needs `Sec-Fetch-Site` or `Origin`; a program gives a token")
        }
        None => None,
    }
}

/// Whether an origin is the host that is asked.
fn is_own(origin: &str, headers: &HeaderMap) -> bool {
    let Ok(origin) = url::Url::parse(origin) else { return false };
    let Some(host) = headers.get(header::HOST).and_then(|host| host.to_str().ok()) else { return false };
    let asked = url::Url::parse(&format!("{}://{host}/", origin.scheme()));
    asked.is_ok_and(|asked| {
        matches!(origin.scheme(), "http" | "https")
            && asked.host_str().is_some()
            && (asked.host_str(), asked.port_or_known_default())
                == (origin.host_str(), origin.port_or_known_default())
    })
}

/// The kinds of bodies that a page of another site cannot send without being asked for leave first (Fetch standard, "CORS-safelisted
/// request-header"): JSON, and the bytes of a plugin.
const KINDS: [&str; 3] = ["application/json", "application/octet-stream", "application/wasm"];

/// Whether the body is of a kind that no form of a page can send, or there is none.
pub(super) fn is_no_form(headers: &HeaderMap) -> bool {
    match headers.get(header::CONTENT_TYPE) {
        Some(kind) => kind.to_str().is_ok_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default().trim();
            KINDS.iter().any(|known| kind.eq_ignore_ascii_case(known))
        }),
        None => {
            let length = headers.get(header::CONTENT_LENGTH);
            !headers.contains_key(header::TRANSFER_ENCODING) && length.is_none_or(|length| length == "0")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_cookie_follows_the_scheme_and_none_of_two_counts() {
        let both = headers(&[("cookie", "a=b; flowcell=plain; __Host-flowcell=secure")]);
        assert_eq!((cookie(&both, false), cookie(&both, true)), (Some("plain"), Some("secure")));
        let twice = headers(&[("cookie", "flowcell=mine; flowcell=theirs")]);
        assert_eq!(cookie(&twice, false), None);
        assert_eq!(cookie(&twice, true), None);
        let plain = set_cookie("00ff", false);
        assert_eq!(plain, "flowcell=00ff; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax");
        let secure = set_cookie("00ff", true);
        assert_eq!(secure, "__Host-flowcell=00ff; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure");
        assert_eq!(forget_cookie(false), "flowcell=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn csrf_only_a_page_of_this_server_sends_with_a_cookie() {
        let site = |site: &'static str| [("sec-fetch-site", site), ("host", "flows.example:8080")];
        let origin = |origin: &'static str| [("origin", origin), ("host", "flows.example:8080")];
        let may = |verb, pairs: &[(&'static str, &str)]| foreign(verb, &headers(pairs), true).is_none();
        assert!(may(Verb::Post, &site("same-origin")) && may(Verb::Get, &site("same-origin")));
        assert!(may(Verb::Get, &site("none")) && !may(Verb::Post, &site("none")));
        for other in ["cross-site", "same-site", "", "SAME-ORIGIN", "same-origin, cross-site"] {
            assert!(!may(Verb::Post, &site(other)) && !may(Verb::Get, &site(other)), "{other}");
        }
        assert!(may(Verb::Post, &origin("http://flows.example:8080")));
        assert!(may(Verb::Delete, &origin("https://FLOWS.example:8080")), "a proxy may speak TLS");
        for other in
            ["http://flows.example", "http://evil.example:8080", "null", "", "file://flows.example:8080"]
        {
            assert!(!may(Verb::Put, &origin(other)), "{other}");
        }
        assert!(
            !may(Verb::Post, &[("host", "flows.example")]) && may(Verb::Get, &[("host", "flows.example")])
        );
        assert!(foreign(Verb::Post, &headers(&[]), false).is_none(), "a program logs in");
        let standard = [("origin", "https://flows.example"), ("host", "flows.example:443")];
        assert!(may(Verb::Post, &standard), "a port that goes without saying");
    }

    #[test]
    fn csrf_no_form_sends_such_a_body() {
        for (fine, pairs) in [
            (true, vec![("content-type", "application/json; charset=utf-8")]),
            (true, vec![("content-type", "application/octet-stream")]),
            (true, vec![]),
            (true, vec![("content-length", "0")]),
            (false, vec![("content-type", "text/plain")]),
            (false, vec![("content-type", "application/x-www-form-urlencoded")]),
            (false, vec![("content-type", "application/jsonp")]),
            (false, vec![("content-length", "2")]),
            (false, vec![("transfer-encoding", "chunked")]),
        ] {
            assert_eq!(is_no_form(&headers(&pairs)), fine, "{pairs:?}");
        }
    }
}
