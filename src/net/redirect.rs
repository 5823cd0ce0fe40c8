//! The next request after a redirect. Pure; the loop is in `outbound`, which checks each hop anew.

use http::{HeaderMap, HeaderValue, Method, header};
use reqwest::Url;

use super::{NetError, Sensitive, error, headers};

/// One request of a chain of redirects.
pub(super) struct Hop {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: bytes::Bytes,
}

impl Hop {
    /// Where a response sends the caller; `None` when it is not a redirect.
    pub(super) fn location(status: u16, headers: &HeaderMap) -> Option<&HeaderValue> {
        matches!(status, 301 | 302 | 303 | 307 | 308).then(|| headers.get(header::LOCATION)).flatten()
    }

    /// The next request (RFC 9110 15.4, with the change from POST to GET that browsers make).
    ///
    /// # Errors
    /// When the target is not a URL that may be called, or another origin that must not get the body. This does not
    /// check whether its address may be reached.
    pub(super) fn next(
        self,
        status: u16,
        location: &HeaderValue,
        sensitive: &Sensitive,
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
        let url = from.join(&place).map_err(|_| lost("something that is not a URL"))?;
        let url = error::usable(url)?;
        if from.scheme() == "https" && url.scheme() == "http" {
            return Err(NetError::Denied {
                host: error::host_port(&url),
                why: format!("{} redirects there, from https to http", error::origin(&from)),
                how: "Call the http URL itself if that is meant".to_owned(),
            });
        }
        let elsewhere = from.origin() != url.origin();
        let left = if elsewhere { headers::strip_rights(&mut headers, sensitive) } else { Vec::new() };
        let to_get = match status {
            303 => method != Method::HEAD,
            301 | 302 => method == Method::POST,
            _ => false,
        };
        if to_get {
            method = Method::GET;
            body = bytes::Bytes::new();
            headers::strip_body(&mut headers);
        } else if elsewhere
            && !body.is_empty()
            && let Some(carries) = sensitive.carried(&from, &left, &body)
        {
            let (from, to) = (error::origin(&from), error::origin(&url));
            return Err(NetError::Withheld { from, to, carries });
        }
        Ok(Self { method, url, headers, body })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(method: Method, url: &str, headers: &[(&str, &str)], body: &'static str) -> Hop {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let headers = headers::checked(&headers, &[]).unwrap();
        Hop { method, url: Url::parse(url).unwrap(), headers, body: body.into() }
    }

    /// A hop with everything that a request may carry, and no body that another origin would want repeated.
    fn next(method: Method, from: &str, status: u16, to: &str) -> Result<Hop, NetError> {
        let headers = [
            ("authorization", "Bearer t"),
            ("cookie", "c=1"),
            ("proxy-authorization", "Basic p"),
            ("X-Api-Key", "k"),
            ("x-other", "o"),
            ("content-type", "text/plain"),
            ("accept", "text/plain"),
        ];
        let body = if method == Method::GET { "" } else { "body" };
        hop(method, from, &headers, body).next(status, &to.parse().unwrap(), &Sensitive::default())
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
    fn what_is_not_known_to_be_harmless_stays_at_its_origin() {
        for (to, kept) in [
            ("http://a.example/other", true),
            ("http://A.example:80/", true),
            ("http://a.example:81/", false),
            ("https://a.example/", false),
            ("http://b.example/", false),
            ("http://a.example.b.example/", false),
            ("//b.example/", false),
        ] {
            let hop = next(Method::GET, "http://a.example/", 302, to).unwrap();
            for name in ["authorization", "cookie", "proxy-authorization", "x-api-key", "x-other"] {
                assert_eq!(hop.headers.contains_key(name), kept, "{to}: {name}");
            }
            assert!(hop.headers.contains_key("content-type") && hop.headers.contains_key("accept"));
        }
        // A header with a harmless name may hold a secret nevertheless.
        let sensitive = Sensitive {
            headers: vec!["User-Agent".to_owned()],
            holds: Some(std::sync::Arc::new(|text: &[u8]| text.windows(6).any(|part| part == b"s3cret"))),
            ..Sensitive::default()
        };
        let headers = [("user-agent", "me"), ("accept", "x/s3cret"), ("accept-language", "en")];
        let next = hop(Method::GET, "http://a.example/", &headers, "");
        let next = next.next(302, &"http://b.example/".parse().unwrap(), &sensitive).unwrap();
        assert_eq!(
            next.headers.keys().map(http::HeaderName::as_str).collect::<Vec<_>>(),
            ["accept-language"]
        );
    }

    #[test]
    fn a_body_with_a_secret_or_beside_credentials_is_not_repeated_to_another_origin() {
        let secret = || Sensitive {
            holds: Some(std::sync::Arc::new(|text: &[u8]| text.windows(6).any(|part| part == b"s3cret"))),
            ..Sensitive::default()
        };
        let plain = [("content-type", "text/plain"), ("idempotency-key", "k")];
        let key = [("x-api-key", "k"), ("content-type", "text/plain")];
        let (a, same, other) = ("http://a.example/x?q=1", "http://a.example/y", "http://b.example/y");
        let withheld = |part: &'static str| Err(part);
        type Case<'a> = (
            &'a str,
            &'a str,
            u16,
            Method,
            &'a [(&'a str, &'a str)],
            &'static str,
            Sensitive,
            Result<bool, &'a str>,
        );
        let cases: [Case<'_>; 14] = [
            (a, other, 307, Method::POST, &plain, "hello", secret(), Ok(true)),
            (a, other, 308, Method::POST, &plain, "hello", Sensitive::default(), Ok(true)),
            (a, same, 307, Method::POST, &key, "s3cret", secret(), Ok(true)),
            (a, other, 307, Method::POST, &plain, "my s3cret", secret(), withheld("its body holds a secret")),
            (a, other, 308, Method::PUT, &plain, "my s3cret", secret(), withheld("its body holds a secret")),
            (a, other, 302, Method::PUT, &plain, "my s3cret", secret(), withheld("its body holds a secret")),
            (a, other, 301, Method::DELETE, &key, "hello", secret(), withheld("`x-api-key`")),
            (a, other, 307, Method::POST, &key, "hello", Sensitive::default(), withheld("`x-api-key`")),
            (a, "https://a.example/", 308, Method::POST, &key, "hello", secret(), withheld("`x-api-key`")),
            ("http://a.example/s3cret", other, 307, Method::POST, &plain, "hello", secret(), withheld("URL")),
            (
                a,
                other,
                307,
                Method::POST,
                &plain,
                "hello",
                Sensitive { body: true, ..Sensitive::default() },
                withheld("its body holds a secret"),
            ),
            (
                a,
                other,
                307,
                Method::POST,
                &plain,
                "hello",
                Sensitive { url: true, ..Sensitive::default() },
                withheld("URL"),
            ),
            // What is no longer sent need not be withheld.
            (a, other, 303, Method::POST, &key, "my s3cret", secret(), Ok(false)),
            (a, other, 302, Method::POST, &key, "my s3cret", secret(), Ok(false)),
        ];
        for (from, to, status, method, headers, body, sensitive, expected) in cases {
            let name = format!("{status} {method} {from} {to} {body}");
            let next = hop(method, from, headers, body).next(status, &to.parse().unwrap(), &sensitive);
            match (next, expected) {
                (Ok(next), Ok(with_body)) => assert_eq!(!next.body.is_empty(), with_body, "{name}"),
                (Err(error), Err(part)) => {
                    let message = error.to_string();
                    assert!(
                        message.contains(part) && message.contains("itself if that is meant"),
                        "{name}: {message}"
                    );
                    assert!(!message.contains("s3cret") && !message.contains("hello"), "{name}: {message}");
                }
                (next, _) => panic!("{name}: {:?}", next.map(|next| next.headers)),
            }
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
            ("http://a.example/", "http://[::1", "not a URL"),
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
