//! The webhook's URL as its sender knows it, for signatures that cover the URL.
//!
//! Used by `signature` and `twilio`. Works on text, because a URL that was signed must not be rewritten.

use super::Delivery;

/// The configured URL, with the query of the request if it has none. Without a configured URL, the public URL with the
/// request's path and query.
pub(super) fn of_sender(configured: Option<&str>, delivery: &Delivery<'_>) -> String {
    let Some(url) = configured else { return format!("{}{}", delivery.origin, delivery.target) };
    match query(delivery.target) {
        Some(query) if !url.contains('?') => format!("{url}?{query}"),
        Some(_) | None => url.to_owned(),
    }
}

/// The text behind the first `?`.
pub(super) fn query(target: &str) -> Option<&str> {
    target.split_once('?').map(|(_, query)| query)
}

/// The URL as it is, without its port, and with the default port of its scheme, because senders do not always write the
/// port. Twilio leaves out ports of every kind.
pub(super) fn with_and_without_port(url: &str) -> Vec<String> {
    let mut forms = vec![url.to_owned()];
    let Some((scheme, rest)) = url.split_once("://") else { return forms };
    let port = match scheme {
        "https" => ":443",
        "http" => ":80",
        _ => return forms,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    // The colons of an IPv6 address stand in brackets.
    let own = host.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'));
    let bare = own.and_then(|own| authority.strip_suffix(own)?.strip_suffix(':')).unwrap_or(authority);
    for other in [bare.to_owned(), format!("{bare}{port}")] {
        let form = format!("{scheme}://{other}{path}");
        if !forms.contains(&form) {
            forms.push(form);
        }
    }
    forms
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;

    use super::*;

    #[test]
    fn the_url_is_the_configured_one_or_the_public_one() {
        let headers = HeaderMap::new();
        let cases = [
            (None, "/api/webhooks/a?x=1", "https://hooks.example/api/webhooks/a?x=1"),
            (None, "/api/webhooks/a", "https://hooks.example/api/webhooks/a"),
            (Some("https://x.example/in"), "/api/webhooks/a?b=%20+", "https://x.example/in?b=%20+"),
            (Some("https://x.example/in"), "/api/webhooks/a", "https://x.example/in"),
            (Some("https://x.example/in?y=2"), "/api/webhooks/a?y=2", "https://x.example/in?y=2"),
        ];
        for (configured, target, expected) in cases {
            let delivery = Delivery {
                method: "POST",
                origin: "https://hooks.example",
                target,
                headers: &headers,
                body: b"",
                received_ms: 0,
            };
            assert_eq!(of_sender(configured, &delivery), expected);
        }
    }

    #[test]
    fn the_port_may_be_told_or_not() {
        let cases = [
            ("https://a.example/x?y", vec!["https://a.example/x?y", "https://a.example:443/x?y"]),
            ("https://a.example:443/x", vec!["https://a.example:443/x", "https://a.example/x"]),
            (
                "https://a.example:8443/x",
                vec!["https://a.example:8443/x", "https://a.example/x", "https://a.example:443/x"],
            ),
            ("http://a.example", vec!["http://a.example", "http://a.example:80"]),
            ("http://a.example:80?y", vec!["http://a.example:80?y", "http://a.example?y"]),
            (
                "http://a.example:443/",
                vec!["http://a.example:443/", "http://a.example/", "http://a.example:80/"],
            ),
            (
                "https://u:p@a.example:8443",
                vec!["https://u:p@a.example:8443", "https://u:p@a.example", "https://u:p@a.example:443"],
            ),
            (
                "https://a.example:/x",
                vec!["https://a.example:/x", "https://a.example/x", "https://a.example:443/x"],
            ),
            ("https://[::1]/x", vec!["https://[::1]/x", "https://[::1]:443/x"]),
            ("https://[::1]:443/x", vec!["https://[::1]:443/x", "https://[::1]/x"]),
            ("https://u:p@a.example/x", vec!["https://u:p@a.example/x", "https://u:p@a.example:443/x"]),
            ("ftp://a.example/x", vec!["ftp://a.example/x"]),
            ("a.example/x", vec!["a.example/x"]),
        ];
        for (url, forms) in cases {
            assert_eq!(with_and_without_port(url), forms, "{url}");
        }
    }
}
