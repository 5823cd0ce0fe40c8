//! An entry of `net.allow`: one host and one port.
//!
//! The port is part of it. So allowing one service of a machine does not open the others (a database, a console). Host
//! names are compared as the URL parser normalises them.

use std::{fmt, net::IpAddr, str::FromStr};

use url::{Host, Url};

/// A host and port that workflows may call although the guard would refuse them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HostPort {
    host: Name,
    port: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Name {
    Ip(IpAddr),
    Domain(String),
}

/// Why a text is not an entry of `net.allow`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` {why}; write host and port, as in 127.0.0.1:9000, [::1]:9000 or internal.example:443")]
pub struct HostPortError {
    text: String,
    why: &'static str,
}

impl Name {
    fn of(host: &Host<impl AsRef<str>>) -> Self {
        match host {
            Host::Domain(name) => Self::Domain(name.as_ref().trim_end_matches('.').to_ascii_lowercase()),
            Host::Ipv4(ip) => Self::Ip((*ip).into()),
            Host::Ipv6(ip) => Self::Ip(IpAddr::from(*ip).to_canonical()),
        }
    }
}

impl HostPort {
    /// The host and port that a URL leads to. `None` if it has none.
    pub fn of(url: &Url) -> Option<Self> {
        Some(Self { host: Name::of(&url.host()?), port: url.port_or_known_default()? })
    }

    /// The address, if the host is a literal address.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        match &self.host {
            Name::Ip(ip) => Some(*ip),
            Name::Domain(_) => None,
        }
    }

    /// The host's name in lower case, without the last dot; `None` for a literal address.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.host {
            Name::Ip(_) => None,
            Name::Domain(name) => Some(name),
        }
    }
}

impl FromStr for HostPort {
    type Err = HostPortError;

    fn from_str(text: &str) -> Result<Self, HostPortError> {
        let wrong = |why| HostPortError { text: text.to_owned(), why };
        let trimmed = text.trim();
        if trimmed.contains("://") || trimmed.contains(['/', '@', '?', '#', '*', '\\']) {
            return Err(wrong("is more than a host and a port"));
        }
        let (host, port) = trimmed.rsplit_once(':').ok_or_else(|| wrong("names no port"))?;
        if host.contains(':') && !host.starts_with('[') {
            return Err(wrong("is an IPv6 address without brackets"));
        }
        let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
        let port =
            port.parse().ok().filter(|port| digits && *port != 0).ok_or_else(|| wrong("names no port"))?;
        let host = Host::parse(host).map_err(|_| wrong("names no host"))?;
        Ok(Self { host: Name::of(&host), port })
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Name::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            Name::Ip(IpAddr::V4(ip)) => write!(f, "{ip}:{}", self.port),
            Name::Domain(name) => write!(f, "{name}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_read_in_the_spellings_of_urls() {
        for (text, shown) in [
            ("127.0.0.1:9000", "127.0.0.1:9000"),
            (" 127.1:80 ", "127.0.0.1:80"),
            ("[::1]:9000", "[::1]:9000"),
            ("[::ffff:10.0.0.1]:1", "10.0.0.1:1"),
            ("Internal.Example.:443", "internal.example:443"),
            ("bücher.example:65535", "xn--bcher-kva.example:65535"),
        ] {
            assert_eq!(text.parse::<HostPort>().unwrap().to_string(), shown, "{text}");
        }
        for (text, why) in [
            ("", "names no port"),
            ("internal.example", "names no port"),
            ("internal.example:", "names no port"),
            ("internal.example:0", "names no port"),
            ("internal.example:+80", "names no port"),
            ("internal.example:65536", "names no port"),
            (":80", "names no host"),
            ("a b:80", "names no host"),
            ("::1:80", "without brackets"),
            ("http://internal.example:80", "more than a host"),
            ("*.example:80", "more than a host"),
            ("10.0.0.0/8:80", "more than a host"),
        ] {
            let error = text.parse::<HostPort>().unwrap_err().to_string();
            assert!(error.contains(why) && error.contains("[::1]:9000"), "{text}: {error}");
        }
    }

    #[test]
    fn an_entry_is_what_the_url_leads_to() {
        for (entry, url, same) in [
            ("127.0.0.1:80", "http://127.1/x", true),
            ("127.0.0.1:80", "https://127.0.0.1", false),
            ("[::1]:443", "https://[0:0::1]/", true),
            ("internal.example:443", "https://INTERNAL.example./", true),
            ("internal.example:443", "https://internal.example:8443", false),
            ("internal.example:443", "https://x.internal.example", false),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(HostPort::of(&url) == Some(entry.parse().unwrap()), same, "{entry} {url}");
        }
    }
}
