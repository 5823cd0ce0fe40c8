//! Who may call a webhook, how often, and from which web pages: the guards of a trigger as its author writes them.

use core::net::{IpAddr, Ipv6Addr};
use std::{fmt, str::FromStr};

use ipnet::{IpNet, Ipv4Net};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::value::{FieldError, Span};

/// The longest time over which a rate is counted.
const MAX_PER: Span = Span::from_millis(86_400_000);
/// The most requests of a rate.
const MAX_LIMIT: u32 = 1_000_000;
/// The most entries of one list.
const MAX_ENTRIES: usize = 1_000;

/// A range of addresses, `10.0.0.0/8`, or a single one, `::1`. IPv4 in IPv6 (`::ffff:10.0.0.1`) is IPv4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Network(IpNet);

/// Whom an address counts as wherever callers have shares: itself, or its /64 of IPv6, which one caller commonly has whole.
/// IPv4 in IPv6 counts as IPv4.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64)).into(),
        v4 => v4,
    }
}

/// Why a text is no range of addresses.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no address and no range of them; write it as 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32")]
pub struct NetworkError(String);

impl Network {
    /// Whether an address lies in it. The address is compared in its canonical form.
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&address.to_canonical())
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.to_owned());
        let trimmed = text.trim();
        let net: IpNet = if trimmed.contains('/') {
            trimmed.parse().map_err(|_| wrong())?
        } else {
            trimmed.parse::<IpAddr>().map_err(|_| wrong())?.into()
        };
        Ok(Self(match net {
            IpNet::V6(v6) => match (v6.addr().to_ipv4_mapped(), v6.prefix_len().checked_sub(96)) {
                (Some(v4), Some(prefix)) => Ipv4Net::new(v4, prefix).map_err(|_| wrong())?.into(),
                _ => net,
            },
            IpNet::V4(_) => net,
        }))
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, NetworkError> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> String {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Which addresses may call. `deny` wins over `allow`; an empty `allow` lets all in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct IpRules {
    /// Only these addresses and ranges, as in `["140.82.112.0/20", "::1"]`.
    pub allow: Vec<Network>,
    /// None of these.
    pub deny: Vec<Network>,
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RateBy {
    /// All requests of the workflow together.
    #[default]
    Workflow,
    /// Those of each address; of IPv6, of each /64.
    Ip,
}

/// How often something may happen: a steady rate with bursts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RateLimit {
    /// So many requests ...
    #[schemars(range(min = 1, max = 1_000_000))]
    pub limit: u32,
    /// ... in this time, as in `"1m"`; at most 1d. They come back evenly: with 60 in 1m, one a second.
    pub per: Span,
    /// How many may come at once; default: `limit`.
    #[serde(default)]
    pub burst: Option<u32>,
    /// Whether all callers share it.
    #[serde(default)]
    pub by: RateBy,
}

impl RateLimit {
    /// Refuses rates that let nothing through or cannot be counted; `path` names the field in the error.
    pub(super) fn check(&self, path: &str) -> Result<(), FieldError> {
        let wrong = |field: &str, message: String| Err(FieldError::new(format!("{path}.{field}"), message));
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            return wrong("limit", format!("must be 1 to {MAX_LIMIT}"));
        }
        if self.per.as_millis() == 0 || self.per > MAX_PER {
            return wrong("per", format!("must be 1ms to {MAX_PER}"));
        }
        if self.burst.is_some_and(|burst| !(1..=MAX_LIMIT).contains(&burst)) {
            return wrong("burst", format!("must be 1 to {MAX_LIMIT}"));
        }
        Ok(())
    }
}

/// `100/1m`, counted by address: how settings write a rate.
impl FromStr for RateLimit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no rate; write it as 100/1m");
        let (limit, per) = text.split_once('/').ok_or_else(wrong)?;
        let rate = Self {
            limit: limit.trim().parse().map_err(|_| wrong())?,
            per: per.parse().map_err(|_| wrong())?,
            burst: None,
            by: RateBy::Ip,
        };
        rate.check("").map_err(|error| error.message)?;
        Ok(rate)
    }
}

/// One rate or several, all of which hold.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RateLimits {
    /// One.
    One(RateLimit),
    /// Several.
    Several(Vec<RateLimit>),
}

/// Which web pages may call the webhook from a browser.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// Their origins, as in `["https://app.example.com"]`, or `["*"]` for all.
    pub origins: Vec<String>,
    /// Request headers that they may set; default: `content-type`.
    #[serde(default = "Cors::default_headers")]
    pub headers: Vec<String>,
    /// Whether browsers send cookies and credentials; not with `*`.
    #[serde(default)]
    pub credentials: bool,
    /// How long browsers keep the answer to a preflight; default 10m, at most 1d.
    #[serde(default = "Cors::default_max_age")]
    pub max_age: Span,
}

impl Cors {
    fn default_headers() -> Vec<String> {
        vec!["content-type".to_owned()]
    }

    fn default_max_age() -> Span {
        Span::from_millis(600_000)
    }

    pub(super) fn check(&self, path: &str) -> Result<(), FieldError> {
        let wrong = |field: &str, message: &str| Err(FieldError::new(format!("{path}.{field}"), message));
        if self.origins.is_empty() {
            return wrong("origins", "name at least one origin");
        }
        let any = self.origins.iter().any(|origin| origin == "*");
        if any && (self.credentials || self.origins.len() > 1) {
            return wrong("origins", "`*` stands alone and goes without credentials; name the origins");
        }
        if let Some(index) = self.origins.iter().position(|origin| origin != "*" && !is_origin(origin)) {
            let message =
                "write an origin as browsers send it: https://app.example.com, in lower case, without a path";
            return wrong(&format!("origins[{index}]"), message);
        }
        if let Some(index) = self.headers.iter().position(|name| name == "*" || !is_token(name)) {
            return wrong(&format!("headers[{index}]"), "this is no header's name");
        }
        if self.max_age > MAX_PER {
            return wrong("max_age", "1d is the most");
        }
        Ok(())
    }
}

/// `scheme://host` or `scheme://host:port` (RFC 6454 section 6.2), printable and in lower case.
fn is_origin(text: &str) -> bool {
    let Some((scheme, host)) = text.split_once("://") else { return false };
    let plain =
        |byte: u8| byte.is_ascii_graphic() && !byte.is_ascii_uppercase() && !b"/?#@,\"'<>*".contains(&byte);
    matches!(scheme, "http" | "https") && !host.is_empty() && host.bytes().all(plain)
}

/// A token as RFC 9110 section 5.6.2 has it.
pub(super) fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

impl IpRules {
    pub(super) fn check(&self, path: &str) -> Result<(), FieldError> {
        if self.allow.len() > MAX_ENTRIES || self.deny.len() > MAX_ENTRIES {
            Err(FieldError::new(path, format!("{MAX_ENTRIES} entries of a list are the most")))
        } else {
            Ok(())
        }
    }
}

impl RateLimits {
    pub(super) fn checked(self, path: &str) -> Result<Vec<RateLimit>, FieldError> {
        match self {
            Self::One(rate) => rate.check(path).map(|()| vec![rate]),
            Self::Several(rates) if rates.len() > 8 => Err(FieldError::new(path, "8 rates are the most")),
            Self::Several(rates) => {
                for (index, rate) in rates.iter().enumerate() {
                    rate.check(&format!("{path}[{index}]"))?;
                }
                Ok(rates)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w20_networks_are_read_in_every_spelling_and_compared_canonically() {
        let cases = [
            ("10.0.0.0/8", "10.255.0.1", Some(true)),
            ("10.0.0.0/8", "::ffff:10.1.2.3", Some(true)),
            ("10.0.0.0/8", "11.0.0.0", Some(false)),
            ("10.0.0.7/8", "10.9.9.9", Some(true)),
            ("::ffff:10.0.0.0/104", "10.1.2.3", Some(true)),
            ("::ffff:192.0.2.1", "192.0.2.1", Some(true)),
            ("192.0.2.1", "192.0.2.2", Some(false)),
            ("::1", "::1", Some(true)),
            (" 2001:db8::/32 ", "2001:db8:1::1", Some(true)),
            ("2001:db8::/32", "10.0.0.1", Some(false)),
            ("0.0.0.0/0", "8.8.8.8", Some(true)),
            ("0.0.0.0/0", "2001:db8::1", Some(false)),
            ("10.0.0.0/33", "", None),
            ("10.0.0/8", "", None),
            ("::1%lo", "", None),
            ("example.com", "", None),
            ("", "", None),
            ("010.0.0.1", "", None),
        ];
        for (network, address, expected) in cases {
            let found =
                network.parse::<Network>().ok().map(|network| network.contains(address.parse().unwrap()));
            assert_eq!(found, expected, "{network} {address}");
        }
    }

    #[test]
    fn origins_are_written_as_browsers_send_them() {
        for good in [
            "https://app.example.com",
            "http://localhost:5173",
            "https://xn--bcher-kva.example",
            "http://[::1]:80",
        ] {
            assert!(is_origin(good), "{good}");
        }
        for bad in [
            "app.example.com",
            "https://a/",
            "https://A.example",
            "null",
            "https://",
            "ftp://a",
            "https://*.a",
        ] {
            assert!(!is_origin(bad), "{bad}");
        }
    }

    #[test]
    fn a_rate_of_the_settings_counts_by_address() {
        let rate: RateLimit = "100/1m".parse().unwrap();
        assert_eq!((rate.limit, rate.per.as_millis(), rate.by), (100, 60_000, RateBy::Ip));
        for bad in ["", "100", "0/1m", "1/0s", "1/2d", "x/1m", "2000000/1m"] {
            assert!(bad.parse::<RateLimit>().is_err(), "{bad}");
        }
    }
}
