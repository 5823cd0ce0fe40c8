//! Whether an address may call a workflow.

use std::net::IpAddr;

use crate::model::{IpRules, Network};

/// `deny` wins; an empty `allow` lets all in.
pub(super) fn allows(rules: &IpRules, address: IpAddr) -> bool {
    let within = |list: &[Network]| list.iter().any(|network| network.contains(address));
    !within(&rules.deny) && (rules.allow.is_empty() || within(&rules.allow))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w20_deny_wins_and_an_empty_list_lets_all_in() {
        let cases: [(&[&str], &[&str], &str, bool); 9] = [
            (&[], &[], "192.0.2.1", true),
            (&["192.0.2.0/24"], &[], "192.0.2.1", true),
            (&["192.0.2.0/24"], &[], "192.0.3.1", false),
            (&["192.0.2.0/24"], &[], "::ffff:192.0.2.1", true),
            (&["192.0.2.0/24"], &["192.0.2.1"], "192.0.2.1", false),
            (&["192.0.2.1"], &["192.0.2.0/24"], "192.0.2.1", false),
            (&[], &["192.0.2.1"], "192.0.2.1", false),
            (&[], &["192.0.2.1"], "::ffff:192.0.2.1", false),
            (&["::1"], &[], "127.0.0.1", false),
        ];
        let list = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
        for (allow, deny, address, expected) in cases {
            let rules = IpRules { allow: list(allow), deny: list(deny) };
            assert_eq!(allows(&rules, address.parse().unwrap()), expected, "{allow:?} {deny:?} {address}");
        }
    }
}
