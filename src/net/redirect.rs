//! What follows from a redirect. Pure; the loop is in `outbound`, and looks at each hop anew.

use http::{HeaderMap, HeaderValue, Method, header};
use reqwest::Url;

use super::{NetError, error, headers};

/// One request of a chain of redirects.
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: bytes::Bytes,
}

impl Hop {
    /// Where a response sends the caller; nothing when it is no redirect.
    pub(super) fn location(status: u16, headers: &HeaderMap) -> Option<&HeaderValue> {
        matches!(status, 301 | 302 | 303 | 307 | 308).then(|| headers.get(header::LOCATION)).flatten()
    }

    /// The next request (RFC 9110 15.4, with browsers' change from POST to GET).
    ///
    /// # Errors
    /// When the place is no URL that may be called; whether its address may be reached is not asked here.
    pub(super) fn next(
        self,
        status: u16,
        location: &HeaderValue,
        marked: &[String],
    ) -> Result<Self, NetError> {
        let Self { mut method, url: from, mut headers, mut body } = self;
        let place = String::from_utf8_lossy(location.as_bytes()).into_owned();
        let lost = |why: &str| NetError::Protocol {
            url: error::origin(&from),
            why: format!("it redirects to {why}"),
        };
        if place.chars().any(char::is_control) {
            return Err(lost("something with control characters in it"));
        }
        let url = from.join(&place).map_err(|_| lost("something that is no URL"))?;
        let url = error::usable(url)?;
        if from.scheme() == "https" && url.scheme() == "http" {
            return Err(NetError::Denied {
                host: error::host_port(&url),
                why: format!("{} redirects there, from https to http", error::origin(&from)),
                how: "Call the http URL itself if that is meant".to_owned(),
            });
        }
        if from.origin() != url.origin() {
            headers::strip_rights(&mut headers, marked);
        }
        let to_get = match status {
            303 => method != Method::HEAD,
            301 | 302 => method == Method::POST,
            _ => false,
        };
        if to_get {
            method = Method::GET;
            body = bytes::Bytes::new();
            headers::strip_body(&mut headers);
        }
        Ok(Self { method, url, headers, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method, url: &str) -> Hop {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let headers = [
            pair("authorization", "Bearer t"),
            pair("cookie", "c=1"),
            pair("proxy-authorization", "Basic p"),
            pair("X-Api-Key", "k"),
            pair("content-type", "text/plain"),
            pair("x-other", "o"),
        ];
        let headers = headers::checked(&headers, &["x-api-key".to_owned()]).unwrap();
        Hop { method, url: Url::parse(url).unwrap(), headers, body: "body".into() }
    }

    fn next(method: Method, from: &str, status: u16, to: &str) -> Result<Hop, NetError> {
        hop(method, from).next(status, &to.parse().unwrap(), &["X-API-Key".to_owned()])
    }

    #[test]
    fn methods_and_bodies_follow_the_status() {
        let cases = [
            (301, Method::POST, Method::GET, false),
            (302, Method::POST, Method::GET, false),
            (303, Method::POST, Method::GET, false),
            (307, Method::POST, Method::POST, true),
            (308, Method::POST, Method::POST, true),
            (301, Method::PUT, Method::PUT, true),
            (302, Method::DELETE, Method::DELETE, true),
            (303, Method::PUT, Method::GET, false),
            (303, Method::HEAD, Method::HEAD, true),
        ];
        for (status, method, then, with_body) in cases {
            let hop = next(method.clone(), "http://a.example/x/y?q=1", status, "../z").unwrap();
            assert_eq!(hop.url.as_str(), "http://a.example/z");
            assert_eq!((hop.method, hop.body.is_empty()), (then, !with_body), "{status} {method}");
            assert_eq!(hop.headers.contains_key("content-type"), with_body, "{status} {method}");
            assert!(hop.headers.contains_key("authorization") && hop.headers.contains_key("x-api-key"));
        }
    }

    #[test]
    fn rights_stay_at_their_origin() {
        for (to, kept) in [
            ("http://a.example/other", true),
            ("http://A.example:80/", true),
            ("http://a.example:81/", false),
            ("https://a.example/", false),
            ("http://b.example/", false),
            ("//b.example/", false),
        ] {
            let hop = next(Method::GET, "http://a.example/", 302, to).unwrap();
            for name in ["authorization", "cookie", "proxy-authorization", "x-api-key"] {
                assert_eq!(hop.headers.contains_key(name), kept, "{to}: {name}");
            }
            assert!(hop.headers.contains_key("x-other"));
        }
    }

    #[test]
    fn a_redirect_to_less_than_http_is_refused() {
        for (from, to, part) in [
            ("https://a.example/", "http://a.example/", "from https to http"),
            ("http://a.example/", "file:///etc/passwd", "only http and https"),
            ("http://a.example/", "gopher://a.example/", "only http and https"),
            ("http://a.example/", "javascript:1", "only http and https"),
            ("http://a.example/", "http://u:p@b.example/", "user or a password"),
            ("http://a.example/", "http://[::1", "no URL"),
        ] {
            let error = next(Method::GET, from, 302, to).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(part), "{to}: {error}");
        }
    }

    #[test]
    fn only_redirects_with_a_place_are_redirects() {
        let headers = HeaderMap::from_iter([(header::LOCATION, HeaderValue::from_static("/x"))]);
        for (status, is) in [(200, false), (201, false), (300, false), (302, true), (304, false), (308, true)]
        {
            assert_eq!(Hop::location(status, &headers).is_some(), is, "{status}");
        }
        assert!(Hop::location(302, &HeaderMap::new()).is_none());
    }
}
