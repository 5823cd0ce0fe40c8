//! Whether others can change or read what goes over the way to a URL.

use url::{Host, Url};

/// Whether a URL leads to this machine itself, where nobody stands between.
pub fn leads_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Whether nobody on the way to an http(s) URL can change or read what goes over it: it begins with `https://`, or leads to this
/// machine.
pub fn is_safe_way(url: &Url) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => leads_here(url),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_safe() {
        for (url, safe) in [
            ("https://a.example/keys", true),
            ("HTTPS://a.example", true),
            ("http://127.0.0.1:8080/keys", true),
            ("http://127.1/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]/", true),
            ("http://[::1]:80/", true),
            ("http://LOCALHOST/", true),
            ("http://a.example/", false),
            ("http://127.0.0.1:80@a.example/", false),
            ("http://127.0.0.1@a.example/", false),
            ("http://localhost.a.example/", false),
            ("http://127.0.0.1.a.example/", false),
            ("http://10.0.0.1/", false),
            ("http://[::2]/", false),
            ("ftp://127.0.0.1/", false),
            ("file:///etc/passwd", false),
        ] {
            assert_eq!(is_safe_way(&Url::parse(url).unwrap()), safe, "{url}");
        }
    }
}
