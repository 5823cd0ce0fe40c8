//! What a plugin may do beyond computing: it asks for it, and the person who installs it grants it.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use url::Host;

/// The code of a call ([`CallError`](crate::model::CallError)) that a plugin made without the capability that it needs.
pub const CAPABILITY_MISSING: &str = "CAPABILITY_MISSING";

/// The longest prefix of kv keys and name of a secret, bytes.
const MAX_NAME: usize = 256;

/// One power, written `http:HOST`, `kv:PREFIX` or `secret:NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Capability {
    /// Requests to these hosts.
    Http(HostPattern),
    /// Keys of the workflow's kv that begin with this; all when it is empty.
    Kv(String),
    /// The secret of this name.
    Secret(String),
}

/// Why a text is no capability.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is no capability: {why}; write http:api.example.com, http:*.example.com, http:api.example.com:8443, kv:prefix/ \
     or secret:NAME"
)]
pub struct CapabilityError {
    text: String,
    why: &'static str,
}

impl Capability {
    /// Whether this one gives all that `other` gives.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Http(one), Self::Http(other)) => one.covers(other),
            (Self::Kv(one), Self::Kv(other)) => other.starts_with(one.as_str()),
            (Self::Secret(one), Self::Secret(other)) => one == other,
            (Self::Http(_) | Self::Kv(_) | Self::Secret(_), _) => false,
        }
    }
}

impl FromStr for Capability {
    type Err = CapabilityError;

    fn from_str(text: &str) -> Result<Self, CapabilityError> {
        let wrong = |why| CapabilityError { text: text.to_owned(), why };
        let (kind, rest) = text.split_once(':').ok_or_else(|| wrong("it has no `:`"))?;
        if rest.len() > MAX_NAME || rest.chars().any(char::is_control) {
            return Err(wrong("it is too long, or has control characters"));
        }
        match kind {
            "http" => HostPattern::parse(rest).map(Self::Http).map_err(wrong),
            "kv" => Ok(Self::Kv(rest.to_owned())),
            "secret" if rest.is_empty() => Err(wrong("it names no secret")),
            "secret" => Ok(Self::Secret(rest.to_owned())),
            _ => Err(wrong("there is no such kind")),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(hosts) => write!(f, "http:{hosts}"),
            Self::Kv(prefix) => write!(f, "kv:{prefix}"),
            Self::Secret(name) => write!(f, "secret:{name}"),
        }
    }
}

impl TryFrom<String> for Capability {
    type Error = CapabilityError;

    fn try_from(text: String) -> Result<Self, CapabilityError> {
        text.parse()
    }
}

impl From<Capability> for String {
    fn from(capability: Capability) -> Self {
        capability.to_string()
    }
}

/// Hosts: one by its name or address, or all below a domain with `*.` before it. Without a port, those of http and https.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostPattern {
    /// As URLs normalise it; IPv6 in brackets.
    host: String,
    below: bool,
    port: Option<u16>,
}

impl HostPattern {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains(['/', '@', '?', '#', '\\', ' ']) {
            return Err("a host is written without scheme and path");
        }
        let (below, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        let bare_v6 = rest.starts_with('[') && rest.ends_with(']');
        let (name, port) = match rest.rsplit_once(':') {
            Some((name, port)) if !bare_v6 => (name, Some(port)),
            Some(_) | None => (rest, None),
        };
        let number = |port: &str| port.parse::<u16>().ok().filter(|port| *port > 0);
        let port =
            port.map(|port| number(port).ok_or("after the host comes a port, 1 to 65535")).transpose()?;
        let host = Host::parse(name).map_err(|_| "it names no host")?;
        match &host {
            Host::Domain(name) if name.contains('*') => Err("`*` stands first alone, as in *.example.com"),
            Host::Domain(name) if below && !name.contains('.') => {
                Err("`*.` stands before a domain, not before all of them")
            }
            Host::Ipv4(_) | Host::Ipv6(_) if below => Err("`*.` stands before a domain"),
            Host::Domain(_) | Host::Ipv4(_) | Host::Ipv6(_) => {
                Ok(Self { host: host.to_string().trim_end_matches('.').to_owned(), below, port })
            }
        }
    }

    /// Whether a URL with this host and port leads to one of them. `host` is as URLs normalise it.
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let host = host.trim_end_matches('.');
        let named = if self.below {
            host.strip_suffix(&self.host).is_some_and(|below| below.len() > 1 && below.ends_with('.'))
        } else {
            host == self.host
        };
        named && self.port.map_or(port == 80 || port == 443, |own| own == port)
    }

    fn covers(&self, other: &Self) -> bool {
        let named = match (self.below, other.below) {
            (false, _) => self.host == other.host && !other.below,
            (true, true) => other.host == self.host || other.host.ends_with(&format!(".{}", self.host)),
            (true, false) => other.host.ends_with(&format!(".{}", self.host)),
        };
        named && self.port == other.port
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.below { "*." } else { "" })?;
        f.write_str(&self.host)?;
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn capability(text: &str) -> Capability {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn capabilities_are_read_and_written_alike() {
        for (text, shown) in [
            ("http:API.example.com", "http:api.example.com"),
            ("http:*.example.com:8443", "http:*.example.com:8443"),
            ("http:127.1:9000", "http:127.0.0.1:9000"),
            ("http:[::1]", "http:[::1]"),
            ("http:[::1]:80", "http:[::1]:80"),
            ("http:bücher.example", "http:xn--bcher-kva.example"),
            ("kv:", "kv:"),
            ("kv:a:b/", "kv:a:b/"),
            ("secret:TOKEN", "secret:TOKEN"),
        ] {
            assert_eq!(capability(text).to_string(), shown, "{text}");
            assert_eq!(capability(shown), capability(text));
        }
        for (text, why) in [
            ("http", "no `:`"),
            ("net:x", "no such kind"),
            ("http:", "names no host"),
            ("http:*", "stands first alone"),
            ("http:*.com", "before a domain"),
            ("http:*.127.0.0.1", "before a domain"),
            ("http:https://x.example", "without scheme"),
            ("http:x.example/path", "without scheme"),
            ("http:x.example:0", "1 to 65535"),
            ("http:x.example:", "1 to 65535"),
            ("secret:", "names no secret"),
            ("kv:a\u{0}", "control characters"),
        ] {
            let error = text.parse::<Capability>().unwrap_err().to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn a_grant_covers_what_lies_inside_it() {
        for (grant, asked, covers) in [
            ("http:a.example", "http:a.example", true),
            ("http:a.example", "http:b.example", false),
            ("http:a.example", "http:*.a.example", false),
            ("http:*.example.com", "http:a.example.com", true),
            ("http:*.example.com", "http:*.b.example.com", true),
            ("http:*.example.com", "http:example.com", false),
            ("http:*.example.com", "http:badexample.com", false),
            ("http:a.example", "http:a.example:8443", false),
            ("kv:", "kv:a", true),
            ("kv:a/", "kv:a/b", true),
            ("kv:a/", "kv:a", false),
            ("secret:A", "secret:A", true),
            ("secret:A", "secret:AB", false),
            ("kv:A", "secret:A", false),
        ] {
            assert_eq!(capability(grant).covers(&capability(asked)), covers, "{grant} {asked}");
        }
    }

    #[test]
    fn a_pattern_matches_whole_labels_and_its_port() {
        let matches =
            |pattern: &str, host: &str, port| HostPattern::parse(pattern).unwrap().matches(host, port);
        assert!(matches("a.example", "a.example", 443) && matches("a.example", "a.example.", 80));
        assert!(!matches("a.example", "a.example", 8443) && matches("a.example:8443", "a.example", 8443));
        assert!(matches("*.a.example", "x.y.a.example", 443) && !matches("*.a.example", "a.example", 443));
        assert!(!matches("*.a.example", "xa.example", 443) && !matches("*.a.example", ".a.example", 443));
        assert!(!matches("a.example", "a.example.evil.test", 443));
        assert!(matches("[::1]:80", "[::1]", 80));
    }
}
