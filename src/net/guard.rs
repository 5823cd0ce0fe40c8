//! The addresses that no workflow may reach unless the operator allows them.
//!
//! Literal addresses are checked before the request, names inside the resolver. So the address that is checked is the
//! one that is connected to. Pure. Ranges: the special-purpose registries of IANA (RFC 6890 and its updates), and the
//! addresses where clouds keep credentials.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(a: u16, b: u16, c: u16, d: u16, length: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0), length)
}

const V4: [(Ipv4Net, &str); 17] = [
    (v4(0, 0, 0, 0, 8), "this host (0.0.0.0/8)"),
    (v4(10, 0, 0, 0, 8), "in a private network (10.0.0.0/8)"),
    (v4(100, 64, 0, 0, 10), "in a provider's network (100.64.0.0/10)"),
    (v4(127, 0, 0, 0, 8), "loopback (127.0.0.0/8)"),
    (v4(168, 63, 129, 16, 32), "the platform of a cloud (168.63.129.16)"),
    (v4(169, 254, 0, 0, 16), "link-local or cloud metadata (169.254.0.0/16)"),
    (v4(172, 16, 0, 0, 12), "in a private network (172.16.0.0/12)"),
    (v4(192, 0, 0, 0, 24), "for protocols (192.0.0.0/24)"),
    (v4(192, 0, 2, 0, 24), "for documentation (192.0.2.0/24)"),
    (v4(192, 88, 99, 0, 24), "a 6to4 relay (192.88.99.0/24)"),
    (v4(192, 168, 0, 0, 16), "in a private network (192.168.0.0/16)"),
    (v4(198, 18, 0, 0, 15), "for benchmarks (198.18.0.0/15)"),
    (v4(198, 51, 100, 0, 24), "for documentation (198.51.100.0/24)"),
    (v4(203, 0, 113, 0, 24), "for documentation (203.0.113.0/24)"),
    (v4(224, 0, 0, 0, 4), "multicast (224.0.0.0/4)"),
    (v4(255, 255, 255, 255, 32), "broadcast (255.255.255.255)"),
    (v4(240, 0, 0, 0, 4), "reserved (240.0.0.0/4)"),
];

/// Ranges that wrap an IPv4 address are refused whole, because whoever routes them decides where they lead.
const V6: [(Ipv6Net, &str); 16] = [
    (Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 128), "this host (::)"),
    (Ipv6Net::new_assert(Ipv6Addr::LOCALHOST, 128), "loopback (::1)"),
    (v6(0, 0, 0, 0, 96), "an IPv4 address inside IPv6 (::/96)"),
    (v6(0x64, 0xff9b, 0, 0, 96), "an IPv4 address inside IPv6 (64:ff9b::/96)"),
    (v6(0x64, 0xff9b, 1, 0, 48), "an IPv4 address inside IPv6 (64:ff9b:1::/48)"),
    (v6(0x100, 0, 0, 0, 64), "discarded (100::/64)"),
    (v6(0x2001, 0, 0, 0, 32), "an IPv4 address inside IPv6 (2001::/32, Teredo)"),
    (v6(0x2001, 0, 0, 0, 23), "for protocols (2001::/23)"),
    (v6(0x2001, 0xdb8, 0, 0, 32), "for documentation (2001:db8::/32)"),
    (v6(0x2002, 0, 0, 0, 16), "an IPv4 address inside IPv6 (2002::/16, 6to4)"),
    (v6(0x3fff, 0, 0, 0, 20), "for documentation (3fff::/20)"),
    (v6(0x5f00, 0, 0, 0, 16), "for segment routing (5f00::/16)"),
    (v6(0xfc00, 0, 0, 0, 7), "in a private network (fc00::/7)"),
    (v6(0xfe80, 0, 0, 0, 10), "link-local (fe80::/10)"),
    (v6(0xfec0, 0, 0, 0, 10), "in a private network (fec0::/10)"),
    (v6(0xff00, 0, 0, 0, 8), "multicast (ff00::/8)"),
];

/// Names that never lead to a public service, whatever a resolver says.
const NAMES: [(&str, &str); 11] = [
    ("localhost", "loopback"),
    ("localhost.localdomain", "loopback"),
    ("ip6-localhost", "loopback"),
    ("ip6-loopback", "loopback"),
    ("metadata", "cloud metadata"),
    ("metadata.google.internal", "cloud metadata"),
    ("metadata.goog", "cloud metadata"),
    ("instance-data", "cloud metadata"),
    ("instance-data.ec2.internal", "cloud metadata"),
    ("metadata.azure.internal", "cloud metadata"),
    ("metadata.tencentyun.com", "cloud metadata"),
];

/// The range of an address that may not be reached; `None` for a public address.
pub fn denied(ip: IpAddr) -> Option<&'static str> {
    match ip.to_canonical() {
        IpAddr::V4(ip) => V4.iter().find(|(net, _)| net.contains(&ip)).map(|(_, name)| *name),
        IpAddr::V6(ip) => V6.iter().find(|(net, _)| net.contains(&ip)).map(|(_, name)| *name).or_else(|| {
            // Only 2000::/3 is assigned as global addresses, so nothing outside it is a service.
            let global = ip.segments()[0] & 0xe000 == 0x2000;
            (!global).then_some("reserved (outside 2000::/3)")
        }),
    }
}

/// Why a name may not be called. `name` must be lower case and without its last dot.
pub(super) fn denied_name(name: &str) -> Option<&'static str> {
    let known = NAMES.iter().find(|(known, _)| *known == name).map(|(_, why)| *why);
    // RFC 6761 6.3: everything below `localhost` is loopback.
    known.or_else(|| name.ends_with(".localhost").then_some("loopback"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn every_range_is_denied_at_both_ends_and_named() {
        for (net, name) in V4 {
            for ip in [net.network(), net.broadcast()] {
                let found = denied(ip.into());
                assert!(found.is_some(), "{ip} of {name}");
                assert!(denied(ip.to_ipv6_mapped().into()) == found, "{ip} mapped");
            }
            assert_eq!(denied(net.network().into()), Some(name), "{net} is hidden by another");
        }
        for (net, name) in V6 {
            for ip in [net.network(), net.broadcast()] {
                assert!(denied(ip.into()).is_some(), "{ip} of {name}");
            }
        }
    }

    #[test]
    fn the_neighbours_of_ranges_are_public() {
        for ip in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "168.63.129.15",
            "168.63.129.17",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.88.100.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "198.51.99.255",
            "203.0.114.0",
            "223.255.255.255",
            "::ffff:8.8.8.8",
            "2000::",
            "2001:200::1",
            "2001:db7::",
            "2001:db9::",
            "2003::",
            "2606:4700::1",
            "2a00:1450::1",
            "3ffe::",
            "3fff:1000::",
        ] {
            assert_eq!(denied(ip.parse().unwrap()), None, "{ip}");
        }
        for ip in ["4000::", "8000::1", "e000::1", "200::", "::ffff:0:7f00:1", "fe00::1"] {
            assert!(denied(ip.parse().unwrap()).is_some(), "{ip}");
        }
    }

    proptest! {
        #[test]
        fn a_wrapped_address_is_no_way_around(bits: u32) {
            let ip = Ipv4Addr::from(bits);
            prop_assert_eq!(denied(ip.to_ipv6_mapped().into()), denied(ip.into()));
            let [a, b, c, d] = ip.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            for wrapped in [
                Ipv6Addr::new(0, 0, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, !high, !low),
            ] {
                prop_assert!(denied(wrapped.into()).is_some());
            }
        }
    }
}
