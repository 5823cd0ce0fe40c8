//! To which names a server on loopback answers, and to which pages in browsers.
//!
//! A browser on this machine reaches loopback for whatever page it shows. A page of another site can send requests (their
//! `Sec-Fetch-Site` tells), and with a name of its own that leads to 127.0.0.1 it could read the answers too (DNS
//! rebinding; the `Host` tells). Both are refused, unless a proxy that the operator trusts sends the request, or
//! the name is one of the server's own. A server that listens on other addresses is meant to be called from elsewhere,
//! so nothing of it is asked there.

use std::net::IpAddr;

use http::{HeaderMap, StatusCode, header, request::Parts, uri::Authority};

/// The names of a server.
#[derive(Debug, Clone, Default)]
pub struct Hosts {
    /// Names that it answers to beside those of loopback; `*` for all.
    pub names: Vec<HostName>,
    /// Whether pages of other sites may send requests to loopback.
    pub cross_site: bool,
    /// Whether it listens on loopback.
    pub loopback: bool,
}

/// A name that a server answers to: `flows.example.com`, `*.example.com` for all below it, an address, or `*` for all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

/// Why a text is no name of a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no host; write it as flows.example.com, *.example.com or 192.0.2.7, without a port")]
pub struct HostNameError(String);

impl std::str::FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        let name = normal(text);
        let bare = name.strip_prefix("*.").unwrap_or(&name);
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let is_name = !bare.is_empty() && bare.bytes().all(plain);
        if name == "*" || is_name || name.parse::<IpAddr>().is_ok() {
            Ok(Self(name))
        } else {
            Err(HostNameError(text.to_owned()))
        }
    }
}

impl HostName {
    fn is_any(&self) -> bool {
        self.0 == "*"
    }

    fn is(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(below) => host.len() > below.len() && host.ends_with(below),
            None => self.0 == host,
        }
    }
}

/// Why a request is not for this server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    #[error(
        "it asks for the host `{0}`, and the server listens on loopback alone; a proxy in front goes into \
         `server.trusted_proxies`, a name of this server into `server.hosts`"
    )]
    Host(String),
    #[error(
        "a browser sends it for a page of another site; such a page goes into the `cors` of the workflow, or \
         `server.cross_site` lets all of them in"
    )]
    CrossSite,
}

impl Foreign {
    /// Status, stable code, and what the caller is told: the operator is likely to be the one who reads it.
    pub(super) fn parts(&self) -> (StatusCode, &'static str, String) {
        match self {
            Self::Host(_) => (StatusCode::MISDIRECTED_REQUEST, "host_unknown", self.to_string()),
            Self::CrossSite => (StatusCode::FORBIDDEN, "cross_site", self.to_string()),
        }
    }
}

/// The owner of the name that a request used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The name is one of this machine, which browsers on it use.
    Loopback,
    /// The name is the server's own, or the name does not matter.
    Own,
}

impl Hosts {
    /// Decides whether the request asks for a name of this server.
    ///
    /// # Errors
    /// When the name is somebody else's.
    pub(super) fn asked(&self, parts: &Parts) -> Result<Asked, Foreign> {
        if !self.loopback || self.names.iter().any(HostName::is_any) {
            return Ok(Asked::Own);
        }
        let headers = parts.headers.get_all(header::HOST).iter();
        let mut given: Vec<String> =
            headers.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        // HTTP/2 has it in `:authority`, HTTP/1.1 may have it in the target; a header may stand beside both.
        given.extend(parts.uri.authority().map(ToString::to_string));
        let mut asked = Asked::Own;
        for authority in &given {
            let host = host_of(authority).ok_or_else(|| Foreign::Host(shown(authority)))?;
            if self.names.iter().any(|name| name.is(&host)) {
                continue;
            }
            if !is_loopback(&host) {
                return Err(Foreign::Host(shown(authority)));
            }
            asked = Asked::Loopback;
        }
        // Without any, as HTTP/1.0 allows, nobody was misled by a name.
        Ok(if given.is_empty() { Asked::Loopback } else { asked })
    }

    /// The host that a request asks for, if the operator names this server and it is none of these names. Addresses are nobody's names:
    /// a page whose name leads here (DNS rebinding) asks for that name.
    pub(super) fn stranger(&self, headers: &HeaderMap) -> Option<String> {
        if self.names.is_empty() || self.names.iter().any(HostName::is_any) {
            return None;
        }
        let mut given =
            headers.get_all(header::HOST).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        let is_strange = |authority: &str| match host_of(authority) {
            None => true,
            Some(host) => {
                let is_own = self.names.iter().any(|name| name.is(&host));
                !is_own && !is_loopback(&host) && host.parse::<IpAddr>().is_err()
            }
        };
        given.find(|authority| is_strange(authority)).map(|authority| shown(&authority))
    }

    /// Whether a browser says that it sends the request for a page of another site, to a name of loopback.
    pub(super) fn is_cross_site(&self, asked: Asked, parts: &Parts) -> bool {
        let site = parts.headers.get("sec-fetch-site");
        asked == Asked::Loopback
            && !self.cross_site
            && site.is_some_and(|site| site.as_bytes().eq_ignore_ascii_case(b"cross-site"))
    }
}

/// The host of `host:port`, as it is compared.
fn host_of(authority: &str) -> Option<String> {
    let authority: Authority = authority.parse().ok()?;
    // A name with `user@` is nothing that a client writes into `Host`.
    (!authority.as_str().contains('@')).then(|| normal(authority.host())).filter(|host| !host.is_empty())
}

/// In lower case, without the dot of the root, addresses without brackets.
fn normal(host: &str) -> String {
    let host = host.trim().to_ascii_lowercase();
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(&host);
    match bare.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().to_string(),
        Err(_) => host.strip_suffix('.').unwrap_or(&host).to_owned(),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A stranger's text as a message shows it.
fn shown(authority: &str) -> String {
    const MAX_SHOWN: usize = 100;
    authority.chars().filter(|character| !character.is_control()).take(MAX_SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn hosts(names: &[&str]) -> Hosts {
        let names = names.iter().map(|name| name.parse().unwrap()).collect();
        Hosts { names, cross_site: false, loopback: true }
    }

    fn parts(target: &str, headers: &[(&str, &str)]) -> Parts {
        let mut builder = Request::builder().uri(target);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(()).unwrap().into_parts().0
    }

    #[test]
    fn rebinding_a_named_server_answers_cookies_by_its_names_and_by_addresses() {
        let stranger =
            |names: &[&str], host: &str| hosts(names).stranger(&parts("/", &[("host", host)]).headers);
        let own = ["flows.example.com", "*.dev.example"];
        for host in
            ["flows.example.com:8080", "a.dev.example", "localhost:1", "192.168.1.7:8080", "[2001:db8::1]"]
        {
            assert_eq!(stranger(&own, host), None, "{host}");
        }
        for host in ["evil.example", "flows.example.com.evil.example:80", "a@flows.example.com"] {
            assert_eq!(stranger(&own, host).as_deref(), Some(host));
        }
        assert_eq!((stranger(&[], "any.example"), stranger(&["*"], "any.example")), (None, None));
    }

    #[test]
    fn l7_a_server_on_loopback_answers_to_names_of_loopback_and_to_its_own() {
        let own = hosts(&["flows.example.com", "*.dev.example", "192.0.2.7"]);
        let (loopback, ours) = (Some(Asked::Loopback), Some(Asked::Own));
        let cases = [
            ("localhost", loopback),
            ("LOCALHOST:8080", loopback),
            ("localhost.:8080", loopback),
            ("a.b.localhost:1", loopback),
            ("127.0.0.1", loopback),
            ("127.9.9.9:8080", loopback),
            ("[::1]:8080", loopback),
            ("[::ffff:127.0.0.1]:8080", loopback),
            ("flows.example.com", ours),
            ("Flows.Example.COM.:443", ours),
            ("x.dev.example", ours),
            ("192.0.2.7:80", ours),
            ("dev.example", None),
            ("xdev.example", None),
            ("evil.example", None),
            ("flows.example.com.evil.example", None),
            ("localhost.evil.example", None),
            ("evil-localhost", None),
            ("127.0.0.1.evil.example:8080", None),
            ("0.0.0.0:8080", None),
            ("[::]:8080", None),
            ("192.168.1.1", None),
            ("2130706433", None),
            ("127.1", None),
            ("localhost@evil.example", None),
            ("evil.example@localhost", None),
            ("", None),
            ("local host", None),
        ];
        for (host, expected) in cases {
            assert_eq!(own.asked(&parts("/", &[("host", host)])).ok(), expected, "{host}");
            assert_eq!(hosts(&["*"]).asked(&parts("/", &[("host", "evil.example")])), Ok(Asked::Own));
        }
        let elsewhere = Hosts { loopback: false, ..own.clone() };
        assert_eq!(elsewhere.asked(&parts("/", &[("host", "evil.example")])), Ok(Asked::Own));
        assert_eq!(own.asked(&parts("/", &[])), Ok(Asked::Loopback));
    }

    #[test]
    fn l7_the_authority_of_http2_counts_as_a_host_does() {
        let own = hosts(&[]);
        let refused = |target: &str, headers: &[(&str, &str)]| own.asked(&parts(target, headers)).is_err();
        assert!(!refused("http://localhost:8080/", &[]));
        assert!(refused("http://evil.example/", &[]));
        assert!(refused("http://evil.example/", &[("host", "localhost")]));
        assert!(refused("http://localhost/", &[("host", "evil.example")]));
    }

    #[test]
    fn l7_a_page_of_another_site_is_told_by_its_browser() {
        let own = hosts(&["flows.example.com"]);
        let cross = |asked, site: &str| own.is_cross_site(asked, &parts("/", &[("sec-fetch-site", site)]));
        assert!(cross(Asked::Loopback, "cross-site") && cross(Asked::Loopback, "Cross-Site"));
        for site in ["same-origin", "same-site", "none", ""] {
            assert!(!cross(Asked::Loopback, site), "{site}");
        }
        assert!(!cross(Asked::Own, "cross-site"), "whoever has a name is called from everywhere");
        assert!(!own.is_cross_site(Asked::Loopback, &parts("/", &[])), "no browser");
        let open = Hosts { cross_site: true, ..own };
        assert!(!open.is_cross_site(Asked::Loopback, &parts("/", &[("sec-fetch-site", "cross-site")])));
    }

    #[test]
    fn names_are_read_or_told() {
        for good in ["a", "A.example.", "*.example.com", "*", "::1", "[2001:db8::1]", "192.0.2.1", "a_b.c"] {
            assert!(good.parse::<HostName>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "a:80", "http://a", "a/b", "*a", "a.*"] {
            assert!(bad.parse::<HostName>().is_err(), "{bad}");
        }
    }
}
