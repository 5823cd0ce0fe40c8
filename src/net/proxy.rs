//! The operator's proxy for what workflows send.

use std::{fmt, str::FromStr};

use hyper_util::client::proxy::matcher::Matcher;
use url::Url;

use super::HostPort;

/// A proxy that is spoken to over http or https. Its URL may hold a user and a password, which `Debug` does not show.
#[derive(Clone)]
pub struct ProxyUrl(Url);

/// Why a text is not the URL of a proxy. It does not repeat the text, which may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not the URL of a proxy: {0}; write it as http://proxy.example:3128")]
pub struct ProxyUrlError(&'static str);

impl FromStr for ProxyUrl {
    type Err = ProxyUrlError;

    fn from_str(text: &str) -> Result<Self, ProxyUrlError> {
        let url = Url::parse(text.trim()).map_err(|_| ProxyUrlError("it is no URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(ProxyUrlError("it begins with neither http:// nor https://"));
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(ProxyUrlError("there is more behind its port"));
        }
        Ok(Self(url))
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.origin().ascii_serialization())
    }
}

/// Which requests go through which proxy.
#[derive(Debug, Clone)]
pub struct ProxyOptions {
    pub url: ProxyUrl,
    /// Hosts that are called directly: a name with all below it, an address, a range of addresses, or `*` for all.
    pub except: Vec<String>,
    /// The proxy alone looks names up, and this process does not check where they lead.
    pub resolves: bool,
}

/// The proxy, ready to be asked.
pub(super) struct Proxy {
    matcher: Matcher,
    /// See [`ProxyOptions::resolves`].
    pub(super) resolves: bool,
}

impl Proxy {
    pub(super) fn new(options: &ProxyOptions) -> Self {
        let matcher = Matcher::builder().all(options.url.0.as_str()).no(options.except.join(","));
        Self { matcher: matcher.build(), resolves: options.resolves }
    }

    /// Whether a request goes through it. This machine's own addresses never do: behind the proxy, they are another's.
    pub(super) fn takes(&self, scheme: &str, target: &HostPort) -> bool {
        let local = match (target.ip(), target.name()) {
            (Some(ip), _) => ip.is_loopback(),
            (None, Some(name)) => name == "localhost" || name.ends_with(".localhost"),
            (None, None) => false,
        };
        let uri = format!("{scheme}://{target}/").parse::<http::Uri>();
        !local && uri.is_ok_and(|uri| self.matcher.intercept(&uri).is_some())
    }
}

impl ProxyOptions {
    /// As the HTTP client wants it. It is asked only for what goes through the proxy.
    pub(super) fn for_all(&self) -> Result<reqwest::Proxy, reqwest::Error> {
        reqwest::Proxy::all(self.url.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_a_url_and_shows_no_password() {
        let proxy: ProxyUrl = "http://user:hunter2@proxy.example:3128".parse().unwrap();
        assert_eq!(format!("{proxy:?}"), "http://proxy.example:3128");
        for (text, why) in [
            ("", "no URL"),
            ("proxy.example:3128", "neither http"),
            ("socks5://user:hunter2@proxy.example:1080", "neither http"),
            ("http://user:hunter2@proxy.example/path", "behind its port"),
            ("http://proxy.example?x", "behind its port"),
            ("http://user:hunter2@", "no URL"),
        ] {
            let error = text.parse::<ProxyUrl>().unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("hunter2"), "{text}: {error}");
        }
    }

    #[test]
    fn exceptions_and_this_machine_are_called_directly() {
        let options = ProxyOptions {
            url: "http://proxy.example:3128".parse().unwrap(),
            except: vec!["inner.example".to_owned(), "10.0.0.0/8".to_owned(), "::2".to_owned()],
            resolves: false,
        };
        let proxy = Proxy::new(&options);
        for (target, takes) in [
            ("a.example:80", true),
            ("1.2.3.4:443", true),
            ("[2606::1]:443", true),
            ("notinner.example:443", true),
            ("inner.example:443", false),
            ("INNER.example.:443", false),
            ("a.inner.example:80", false),
            ("10.1.2.3:80", false),
            ("[::2]:80", false),
            ("127.0.0.1:80", false),
            ("[::1]:80", false),
            ("localhost:80", false),
            ("a.localhost:80", false),
        ] {
            for scheme in ["http", "https"] {
                assert_eq!(proxy.takes(scheme, &target.parse().unwrap()), takes, "{scheme} {target}");
            }
        }
    }
}
