//! Who calls: the address of the peer, or the address that a trusted proxy names.
//!
//! Anyone can send `X-Forwarded-For`. So it is read only when the peer itself is a trusted proxy, and from the right,
//! since each proxy appends what it saw. A stranger wrote everything left of the first address that is not trusted.

use std::net::{IpAddr, SocketAddr};

use http::HeaderMap;

use crate::model::Network;

/// Which header the proxies write. Only this one is read: a proxy passes the other one on as a stranger sent it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ForwardedHeader {
    /// `X-Forwarded-For`.
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Real-IP`, one address: nginx, Traefik.
    XRealIp,
    /// `CF-Connecting-IP`, one address: Cloudflare.
    CfConnectingIp,
}

/// The proxies in front of the server.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    /// Their addresses. Without any, the peer is the caller.
    pub trusted: Vec<Network>,
    /// The header in which they name the caller.
    pub header: ForwardedHeader,
}

impl Proxies {
    /// Whether an address, in its canonical form, is one of them.
    pub(super) fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(address))
    }

    /// The caller's address in its canonical form. At a malformed or hidden entry, the address before it counts.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        if !self.trusts(client) {
            return client;
        }
        let (name, read): (_, fn(&str) -> Option<IpAddr>) = match self.header {
            ForwardedHeader::XForwardedFor => ("x-forwarded-for", |entry| address(entry)),
            ForwardedHeader::Forwarded => ("forwarded", forwarded_for),
            ForwardedHeader::XRealIp => return named(headers, "x-real-ip").unwrap_or(client),
            ForwardedHeader::CfConnectingIp => return named(headers, "cf-connecting-ip").unwrap_or(client),
        };
        let values: Vec<_> = headers.get_all(name).iter().collect();
        for value in values.into_iter().rev() {
            // A stranger's bytes on the left must not hide what the proxy appended.
            let value = String::from_utf8_lossy(value.as_bytes());
            for entry in from_the_right(&value) {
                let Some(before) = read(entry) else { return client };
                client = before;
                if !self.trusts(client) {
                    return client;
                }
            }
        }
        client
    }
}

/// The address in a header that holds one. The proxy replaces what a stranger sent, so a second value means that it does
/// not, and none counts.
fn named(headers: &HeaderMap, name: &str) -> Option<IpAddr> {
    let mut values = headers.get_all(name).iter();
    let (value, more) = (values.next()?, values.next());
    if more.is_some() { None } else { address(value.to_str().ok()?.trim()) }
}

/// The entries of a list from its end. A comma in quotes is none; quotes that a stranger left open on the left do
/// not reach into the entries on the right.
fn from_the_right(list: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(list);
    std::iter::from_fn(move || {
        let text = rest?;
        let commas = text.rmatch_indices(',').map(|(at, _)| at);
        let is_whole = |at: &usize| text[at + 1..].matches('"').count() % 2 == 0;
        let cut = commas.into_iter().find(is_whole);
        rest = cut.map(|at| &text[..at]);
        Some(text[cut.map_or(0, |at| at + 1)..].trim())
    })
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]`, `[2001:db8::1]:80`.
fn address(entry: &str) -> Option<IpAddr> {
    let bare = entry.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let found = match bare {
        Some(v6) => IpAddr::V6(v6.parse().ok()?),
        None => match entry.parse::<IpAddr>() {
            Ok(address) => address,
            Err(_) => entry.parse::<SocketAddr>().ok()?.ip(),
        },
    };
    Some(found.to_canonical())
}

/// The address of `for=` in one element of `Forwarded` (RFC 7239 section 4): `for="[2001:db8::1]:80";proto=https`.
/// `unknown` and `_hidden` have none.
fn forwarded_for(element: &str) -> Option<IpAddr> {
    let mut pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, node) = pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case("for"))?;
    let node = node.trim();
    match node.strip_prefix('"').map(|rest| rest.strip_suffix('"')) {
        // A colon or a bracket needs quotes.
        None => node.parse().map(|v4: std::net::Ipv4Addr| v4.into()).ok(),
        Some(quoted) => {
            let quoted = quoted?;
            // Of IPv6 only the form in brackets is one.
            if quoted.starts_with('[') || !quoted.contains("::") { address(quoted) } else { None }
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn walk(header: ForwardedHeader, peer: &str, values: &[&str]) -> String {
        let trusted = ["10.0.0.0/8", "2001:db8:ffff::/48", "127.0.0.1"].map(|net| net.parse().unwrap());
        let proxies = Proxies { trusted: trusted.to_vec(), header };
        let name = match header {
            ForwardedHeader::XForwardedFor => "x-forwarded-for",
            ForwardedHeader::Forwarded => "forwarded",
            ForwardedHeader::XRealIp => "x-real-ip",
            ForwardedHeader::CfConnectingIp => "cf-connecting-ip",
        };
        let mut headers = HeaderMap::new();
        // The other header is always a stranger's.
        headers.insert("x-forwarded-for", "6.6.6.6".parse().unwrap());
        headers.insert("forwarded", "for=6.6.6.6".parse().unwrap());
        headers.remove(name);
        for value in values {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).to_string()
    }

    #[test]
    fn headers_with_one_address_count_only_from_trusted_proxies_and_alone() {
        for header in [ForwardedHeader::XRealIp, ForwardedHeader::CfConnectingIp] {
            let cases: [(&str, &[&str], &str); 10] = [
                ("192.0.2.9", &["1.1.1.1"], "192.0.2.9"),
                ("10.0.0.1", &["1.1.1.1"], "1.1.1.1"),
                ("10.0.0.1", &[" 2001:db8::7 "], "2001:db8::7"),
                ("::ffff:10.0.0.1", &["::ffff:1.1.1.1"], "1.1.1.1"),
                ("10.0.0.1", &["10.0.0.7"], "10.0.0.7"),
                ("10.0.0.1", &[], "10.0.0.1"),
                ("10.0.0.1", &["1.1.1.1", "1.1.1.1"], "10.0.0.1"),
                ("10.0.0.1", &["1.1.1.1, 2.2.2.2"], "10.0.0.1"),
                ("10.0.0.1", &["unknown"], "10.0.0.1"),
                ("10.0.0.1", &[""], "10.0.0.1"),
            ];
            for (peer, values, expected) in cases {
                assert_eq!(walk(header, peer, values), expected, "{header:?} {peer} {values:?}");
            }
        }
    }

    #[test]
    fn w20_x_forwarded_for_is_walked_from_the_right_and_only_from_trusted_proxies() {
        let cases: [(&str, &[&str], &str); 27] = [
            // Not trusted: the header is a stranger's word.
            ("192.0.2.9", &["1.1.1.1"], "192.0.2.9"),
            ("192.0.2.9", &["127.0.0.1"], "192.0.2.9"),
            ("::ffff:192.0.2.9", &["1.1.1.1"], "192.0.2.9"),
            ("127.0.0.2", &["1.1.1.1"], "127.0.0.2"),
            // Trusted.
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1,198.51.100.7 , 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["10.9.9.9, 198.51.100.7, 10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
            // Several headers are one list.
            ("10.0.0.1", &["1.1.1.1", "198.51.100.7", "10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7, 10.0.0.3", "10.0.0.2"], "198.51.100.7"),
            // Spellings.
            ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("10.0.0.1", &["::ffff:198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["2001:db8::1"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
            ("2001:db8:ffff::1", &["2001:db8:1::7, 2001:db8:ffff::2"], "2001:db8:1::7"),
            // What is malformed ends the walk at the last good address.
            ("10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, , 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[""], "10.0.0.1"),
            ("10.0.0.1", &["1.1.1.1, 300.1.1.1, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["1.1.1.1, evil, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["1.1.1.1, caf\u{e9}"], "10.0.0.1"),
            ("10.0.0.1", &["caf\u{e9}, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["\"1.1.1.1, 198.51.100.7"], "198.51.100.7"),
        ];
        for (peer, values, expected) in cases {
            assert_eq!(walk(ForwardedHeader::XForwardedFor, peer, values), expected, "{peer} {values:?}");
        }
    }

    #[test]
    fn w20_forwarded_is_walked_alike() {
        let cases: [(&str, &[&str], &str); 17] = [
            ("192.0.2.9", &["for=1.1.1.1"], "192.0.2.9"),
            ("10.0.0.1", &["for=198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["For=\"198.51.100.7:47\"; proto=https;by=10.0.0.1"], "198.51.100.7"),
            ("10.0.0.1", &["proto=https;for=198.51.100.7, for=10.0.0.2"], "198.51.100.7"),
            ("10.0.0.1", &["for=\"[2001:db8::1]\""], "2001:db8::1"),
            ("10.0.0.1", &["for=\"[2001:db8::1]:4711\""], "2001:db8::1"),
            ("10.0.0.1", &["for=1.1.1.1", "for=198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["for=1.1.1.1, for=unknown"], "10.0.0.1"),
            ("10.0.0.1", &["for=1.1.1.1, for=_hidden, for=10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["for=1.1.1.1, proto=https"], "10.0.0.1"),
            ("10.0.0.1", &["for=2001:db8::1"], "10.0.0.1"),
            ("10.0.0.1", &["for=\"2001:db8::1\""], "10.0.0.1"),
            ("10.0.0.1", &["for=\"198.51.100.7"], "10.0.0.1"),
            ("10.0.0.1", &["for=\"1.1.1.1, for=198.51.100.7"], "198.51.100.7"),
            (
                "10.0.0.1",
                &["for=1.1.1.1;by=\"a,b\", for=198.51.100.7;by=\"a,b\", for=10.0.0.2"],
                "198.51.100.7",
            ),
            ("10.0.0.1", &["198.51.100.7"], "10.0.0.1"),
            ("10.0.0.1", &["for=\"[::ffff:198.51.100.7]\""], "198.51.100.7"),
        ];
        for (peer, values, expected) in cases {
            assert_eq!(walk(ForwardedHeader::Forwarded, peer, values), expected, "{peer} {values:?}");
        }
    }

    #[test]
    fn w20_without_trusted_proxies_the_peer_is_the_caller() {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "1.1.1.1".parse().unwrap());
        for peer in ["127.0.0.1", "::1", "10.0.0.1", "::ffff:10.0.0.1"] {
            let peer: IpAddr = peer.parse().unwrap();
            assert_eq!(Proxies::default().client(peer, &headers), peer.to_canonical());
        }
    }
}
